/*
 * json_tree - JSON text as json-c's tree, with nothing lost on the way
 *
 * One pass over the text before json-c sees it. The pass knows tokens, not grammar (json-c checks
 * that), and does four things:
 *   - it refuses what must not get as far as memory: too deep, too many elements, no UTF-8;
 *   - it refuses what json-c accepts silently: NaN, raw control characters, NUL in a key, bytes
 *     after the end;
 *   - it finds integers of 19 and more digits, where json-c would saturate. json-c reads text in
 *     pieces, so such a number is handed over with a piece ".0" after it and arrives as a number
 *     that keeps its text;
 *   - it counts keys and values. json-c merges equal keys and, when memory is short, loses members
 *     without a word; either way its tree is smaller than the text, which the count shows.
 *
 * The last defence: json-c's token buffer drops bytes silently when it cannot grow, which could
 * turn one CIDR into another. So it is made to grow before the real parsing (see
 * json_tree_warm_up).
 */
#include "proto/json_tree.h"

#include <string.h>

#include "proto/codec.h"
#include "proto/text.h"

/* Every integer of fewer digits fits int64. */
#define BIG_DIGITS 19

struct scan {
    struct arena *arena;
    const char *text;
    size_t len, at;
    unsigned depth, max_depth;
    size_t keys, values, items; /* items: weighed for the limit */
    size_t longest;             /* string, in bytes of text */
    bool ended;                 /* the one value of the document is complete */
    bool null_document;
    bool string_last; /* the last token was a string, with NUL in it: */
    bool nul_last;
    size_t *cuts; /* ends of big integers */
    size_t cut_count, cut_capacity;
    const char *error;
};

static bool fail(struct scan *s, const char *what)
{
    s->error = arena_printf(s->arena, "byte %zu: %s", s->at, what);
    return false;
}

static bool count_value(struct scan *s, size_t weight)
{
    if (s->ended) {
        return fail(s, "more after the end of the value");
    }
    s->values++;
    s->items += weight;
    s->ended = s->depth == 0;
    s->string_last = false;
    return s->items <= CODEC_MAX_ITEMS || fail(s, "too many elements");
}

static bool scan_string(struct scan *s)
{
    if (!count_value(s, 1)) {
        return false;
    }
    size_t start = ++s->at;
    s->string_last = true;
    s->nul_last = false;
    while (s->at < s->len && s->text[s->at] != '"') {
        if ((unsigned char)s->text[s->at] < 0x20) {
            return fail(s, "a control character inside a string");
        }
        if (s->text[s->at] == '\\') {
            s->nul_last |= s->len - s->at >= 6 && memcmp(s->text + s->at, "\\u0000", 6) == 0;
            s->at++;
        }
        s->at++;
    }
    if (s->at >= s->len) {
        s->at = s->len;
        return fail(s, "a string without end");
    }
    if (s->at - start > s->longest) {
        s->longest = s->at - start;
    }
    s->at++;
    return true;
}

static void remember_cut(struct scan *s)
{
    ARENA_ROOM(s->arena, s->cuts, s->cut_count, s->cut_capacity, 16);
    s->cuts[s->cut_count++] = s->at;
}

static bool scan_number(struct scan *s)
{
    if (!count_value(s, 1)) {
        return false;
    }
    size_t start = s->at;
    bool whole = true;
    for (; s->at < s->len && strchr("0123456789+-.eE", s->text[s->at]); s->at++) {
        whole = whole && !strchr("+.eE", s->text[s->at]);
    }
    if (s->at - start == 1 && s->text[start] == '-') {
        return fail(s, "a minus without a number");
    }
    if (s->at - start > s->longest) {
        s->longest = s->at - start;
    }
    if (whole && s->at - start >= BIG_DIGITS) {
        remember_cut(s);
    }
    return true;
}

static bool scan_word(struct scan *s)
{
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);
        if (s->len - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0) {
            s->null_document = i == 0 && s->depth == 0;
            s->at += n;
            return count_value(s, 1);
        }
    }
    return fail(s, "not JSON");
}

static bool scan_open(struct scan *s)
{
    if (!count_value(s, JSON_CONTAINER_ITEMS)) {
        return false;
    }
    s->ended = false;
    s->at++;
    return ++s->depth <= s->max_depth || fail(s, "nested too deep");
}

static bool scan_close(struct scan *s)
{
    if (s->depth == 0) {
        return fail(s, "a bracket closes what was not opened");
    }
    s->depth--;
    s->ended = s->depth == 0;
    s->string_last = false;
    s->at++;
    return true;
}

/* A string followed by a colon was no value but a key. */
static bool scan_colon(struct scan *s)
{
    if (!s->string_last) {
        return fail(s, "a colon without a key");
    }
    if (s->nul_last) {
        return fail(s, "a NUL character inside a key");
    }
    s->values--;
    s->keys++;
    s->string_last = false;
    s->at++;
    return true;
}

static bool scan_token(struct scan *s)
{
    char c = s->text[s->at];
    switch (c) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
        s->at++;
        return true;
    case ',':
        s->string_last = false;
        s->at++;
        return true;
    case ':':
        return scan_colon(s);
    case '"':
        return scan_string(s);
    case '{':
    case '[':
        return scan_open(s);
    case '}':
    case ']':
        return scan_close(s);
    default:
        return c == '-' || (c >= '0' && c <= '9') ? scan_number(s) : scan_word(s);
    }
}

static bool scan(struct scan *s)
{
    if (s->len > MESSAGE_MAX_BYTES) {
        return fail(s, "too long");
    }
    if (!text_is_valid(s->text, s->len)) {
        return fail(s, "the text is not valid UTF-8");
    }
    while (s->at < s->len) {
        if (!scan_token(s)) {
            return false;
        }
    }
    return s->ended || fail(s, s->values == 0 ? "no value" : "the text ends too early");
}

/* Feeds one piece; false when json-c is through with an error. */
static bool feed(struct json_tokener *tok, const char *piece, size_t len, struct json_object **out)
{
    *out = json_tokener_parse_ex(tok, piece, (int)len);
    enum json_tokener_error e = json_tokener_get_error(tok);
    return e == json_tokener_success || e == json_tokener_continue;
}

bool json_tree_warm_up(struct json_tokener *tok, size_t longest)
{
    char filler[4096];
    memset(filler, 'x', sizeof filler);
    struct json_object *string = NULL;
    size_t left = longest + 8;
    bool ok = feed(tok, "\"", 1, &string);
    for (size_t n; ok && left > 0; left -= n) {
        n = left < sizeof filler ? left : sizeof filler;
        ok = feed(tok, filler, n, &string);
    }
    ok = ok && feed(tok, "\"", 2, &string) && string &&
         (size_t)json_object_get_string_len(string) == longest + 8;
    json_object_put(string);
    json_tokener_reset(tok);
    return ok;
}

/* True when json-c got to the end. Nothing here allocates from the arena, so nothing jumps. */
static bool run(struct json_tokener *tok, const struct scan *s, struct json_object **out)
{
    size_t from = 0;
    for (size_t i = 0; i < s->cut_count; i++) {
        if (!feed(tok, s->text + from, s->cuts[i] - from, out) || !feed(tok, ".0", 2, out)) {
            return false;
        }
        from = s->cuts[i];
    }
    if (!feed(tok, s->text + from, s->len - from, out)) {
        return false;
    }
    /* A number at the end waits for what follows; the NUL says that nothing does. */
    if (json_tokener_get_error(tok) == json_tokener_continue && !feed(tok, "", 1, out)) {
        return false;
    }
    return json_tokener_get_error(tok) == json_tokener_success;
}

static void count_tree(struct json_object *tree, size_t *keys, size_t *values)
{
    (*values)++;
    if (json_object_is_type(tree, json_type_object)) {
        json_object_object_foreach(tree, key, value)
        {
            (void)key;
            (*keys)++;
            count_tree(value, keys, values);
        }
    } else if (json_object_is_type(tree, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(tree); i++) {
            count_tree(json_object_array_get_idx(tree, i), keys, values);
        }
    }
}

static void put_tree(void *tree)
{
    json_object_put(tree);
}

static bool parse(struct scan *s, struct json_object **out)
{
    struct json_tokener *tok = json_tokener_new_ex((int)s->max_depth + 2);
    if (!tok || !json_tree_warm_up(tok, s->longest)) {
        if (tok) {
            json_tokener_free(tok);
        }
        arena_exhausted(s->arena);
    }
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    bool ok = run(tok, s, out);
    enum json_tokener_error e = json_tokener_get_error(tok);
    json_tokener_free(tok);
    if (!ok) {
        s->error = arena_printf(s->arena, "not JSON: %s", json_tokener_error_desc(e));
        return false;
    }
    if (!*out && !s->null_document) { /* json-c's way to say that memory is out */
        arena_exhausted(s->arena);
    }
    arena_defer(s->arena, put_tree, *out);
    size_t keys = 0, values = 0;
    count_tree(*out, &keys, &values);
    if (keys != s->keys) {
        s->error = "an object has the same key twice";
        return false;
    }
    if (values != s->values) {
        arena_exhausted(s->arena);
    }
    return true;
}

bool json_tree_parse(struct arena *a, struct bytes in, unsigned max_depth, struct json_object **out,
                     const char **error)
{
    struct scan s = {
        .arena = a, .text = (const char *)in.data, .len = in.len, .max_depth = max_depth};
    if (scan(&s) && parse(&s, out)) {
        return true;
    }
    *error = s.error;
    return false;
}
