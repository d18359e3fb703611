/*
 * query_words - a query's characters as words
 *
 * One word at a time, because what a bracket means depends on what stands in it. Texts in single
 * quotes and literals in backticks keep every character but a backslash before their quote; names
 * in double quotes are JSON strings, which the parser decodes.
 */
#include "ctl/query_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

/* Text up to `quote`, with the backslash before it taken out. */
static void take_until(struct query *q, char quote, bool unescape)
{
    struct text t = text_new(q->arena);
    while (q->text[q->at] && q->text[q->at] != quote) {
        bool escaped = q->text[q->at] == '\\' && q->text[q->at + 1];
        if (escaped && (!unescape || q->text[q->at + 1] != quote))
            text_add(&t, q->text + q->at++, 1);
        else if (escaped)
            q->at++;
        text_add(&t, q->text + q->at++, 1);
    }
    if (!q->text[q->at])
        query_fail_at(q, "a quote without its end");
    else
        q->at++;
    q->value = text_end(&t);
    q->len = t.len;
}

static enum word take_name(struct query *q)
{
    q->value = q->text + q->start;
    while (isalnum((unsigned char)q->text[q->at]) || q->text[q->at] == '_')
        q->at++;
    q->len = q->at - q->start;
    return WORD_NAME;
}

static enum word take_number(struct query *q)
{
    char *end;
    q->number = strtol(q->text + q->start, &end, 10);
    q->at = (size_t)(end - q->text);
    if (q->at - q->start > 10)
        query_fail_at(q, "a number that is too large");
    return WORD_NUMBER;
}

static enum word take_sign(struct query *q)
{
    static const struct {
        const char *sign;
        enum word word;
    } signs[] = {
        {"||", WORD_OR},      {"&&", WORD_AND},     {"==", WORD_EQ},      {"!=", WORD_NE},
        {"<=", WORD_LE},      {">=", WORD_GE},      {"[]", WORD_FLATTEN}, {"[?", WORD_FILTER},
        {"|", WORD_PIPE},     {"<", WORD_LT},       {">", WORD_GT},       {"!", WORD_NOT},
        {"[", WORD_LBRACKET}, {"]", WORD_RBRACKET}, {"(", WORD_LPAREN},   {")", WORD_RPAREN},
        {"{", WORD_LBRACE},   {"}", WORD_RBRACE},   {",", WORD_COMMA},    {":", WORD_COLON},
        {".", WORD_DOT},      {"*", WORD_STAR},     {"@", WORD_CURRENT},  {"&", WORD_EXPREF}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t n = strlen(signs[i].sign);
        if (strncmp(q->text + q->start, signs[i].sign, n) == 0) {
            q->at = q->start + n;
            return signs[i].word;
        }
    }
    query_fail_at(q, "an unexpected character");
    return WORD_END;
}

void query_advance(struct query *q)
{
    while (isspace((unsigned char)q->text[q->at]))
        q->at++;
    q->start = q->at;
    char c = q->text[q->at];
    if (!c || q->error) {
        q->word = WORD_END;
    } else if (isalpha((unsigned char)c) || c == '_') {
        q->word = take_name(q);
    } else if (isdigit((unsigned char)c) ||
               (c == '-' && isdigit((unsigned char)q->text[q->at + 1]))) {
        q->word = take_number(q);
    } else if (c == '"' || c == '\'' || c == '`') {
        q->at++;
        take_until(q, c, c != '"');
        q->word = c == '"' ? WORD_QUOTED : WORD_LITERAL;
    } else {
        q->word = take_sign(q);
    }
}
