/*
 * query - JMESPath for --query
 *
 * There is no library of it for C, and the commands that people paste use it, so it is written
 * here: a parser by binding powers (Pratt) that makes a tree, and an evaluator that walks it.
 *
 * A projection applies everything behind it to each element, and ends where an operator binds less
 * than PROJECTION_STOP: that is why `a[*].b[0]` takes the first of each and `a[*].b | [0]` the
 * first of all. Errors while evaluating (a function on the wrong type) end the evaluation: the
 * first one is kept and everything above it returns null.
 *
 * Limits: the tree is no deeper than QUERY_MAX_TREE, nesting no deeper than QUERY_MAX_DEPTH, and a
 * query makes at most QUERY_MAX_ITEMS elements: pipes of lists could double them at each step.
 */
#include "ctl/query.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/json_value.h"
#include "proto/codec.h"
#include "proto/text.h"
#include "provider/data.h"

#define QUERY_MAX_TREE  500
#define QUERY_MAX_ITEMS 5000000

/* --- words --- */

enum word {
    WORD_END,
    WORD_NAME,
    WORD_QUOTED,
    WORD_LITERAL,
    WORD_NUMBER,
    WORD_CURRENT,
    WORD_EXPREF,
    WORD_RBRACKET,
    WORD_RPAREN,
    WORD_RBRACE,
    WORD_COMMA,
    WORD_COLON,
    WORD_PIPE,
    WORD_OR,
    WORD_AND,
    WORD_EQ,
    WORD_NE,
    WORD_LT,
    WORD_LE,
    WORD_GT,
    WORD_GE,
    WORD_FLATTEN,
    WORD_STAR,
    WORD_FILTER,
    WORD_DOT,
    WORD_NOT,
    WORD_LBRACE,
    WORD_LBRACKET,
    WORD_LPAREN,
};

/* How strongly a word binds what is left of it. */
static int power(enum word w)
{
    static const unsigned char powers[WORD_LPAREN + 1] = {
        [WORD_PIPE] = 1,    [WORD_OR] = 2,      [WORD_AND] = 3,     [WORD_EQ] = 5,
        [WORD_NE] = 5,      [WORD_LT] = 5,      [WORD_LE] = 5,      [WORD_GT] = 5,
        [WORD_GE] = 5,      [WORD_FLATTEN] = 9, [WORD_STAR] = 20,   [WORD_FILTER] = 21,
        [WORD_DOT] = 40,    [WORD_NOT] = 45,    [WORD_LBRACE] = 50, [WORD_LBRACKET] = 55,
        [WORD_LPAREN] = 60,
    };
    return powers[w];
}
#define PROJECTION_STOP 10

/* --- the tree --- */

enum node_kind {
    NODE_CURRENT,
    NODE_FIELD,   /* text */
    NODE_INDEX,   /* number */
    NODE_SLICE,   /* slice */
    NODE_CHAIN,   /* right of left */
    NODE_PROJECT, /* right of each element of left */
    NODE_VALUES,  /* right of each member of left */
    NODE_FILTER,  /* right of each element of left of which `test` is true */
    NODE_FLATTEN, /* left, one level of lists taken out */
    NODE_LITERAL, /* value */
    NODE_LIST,    /* items */
    NODE_OBJECT,  /* items and their names */
    NODE_OR,
    NODE_AND,
    NODE_NOT,     /* left */
    NODE_COMPARE, /* op */
    NODE_CALL,    /* text, items */
    NODE_EXPREF,  /* left */
};

struct node {
    enum node_kind kind;
    unsigned depth;
    const struct node *left, *right, *test;
    const char *text;
    long number;
    struct slice {
        long start, stop, step;
        bool has_start, has_stop;
    } slice;
    enum word op;
    const struct value *value;
    const struct node **items;
    const char **names;
    size_t count;
};

static const struct node current = {.kind = NODE_CURRENT, .depth = 1};

struct query {
    struct arena *arena;
    const char *text;
    size_t at, start; /* behind and before the present word */
    enum word word;
    const char *value; /* of a name, a literal */
    size_t len;
    long number;
    unsigned nesting;
    size_t made;
    const char *error;
};

static void fail(struct query *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct query *q, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!q->error)
        q->error = arena_vprintf(q->arena, fmt, ap);
    va_end(ap);
}

static void fail_at(struct query *q, const char *what)
{
    if (!q->text[q->start])
        fail(q, "the query ends early");
    fail(q, "%s at character %zu (\"%.20s\")", what, q->start + 1, q->text + q->start);
}

/* --- from characters to words --- */

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
        fail_at(q, "a quote without its end");
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
        fail_at(q, "a number that is too large");
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
    fail_at(q, "an unexpected character");
    return WORD_END;
}

static void advance(struct query *q)
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

static bool expect(struct query *q, enum word w, const char *what)
{
    if (q->word != w)
        fail(q, "%s is missing at character %zu (\"%.20s\")", what, q->start + 1,
             q->text + q->start);
    else
        advance(q);
    return !q->error;
}

/* --- from words to the tree --- */

static unsigned depth_of(const struct node *n)
{
    return n ? n->depth : 0;
}

static struct node *node_new(struct query *q, enum node_kind kind, const struct node *left,
                             const struct node *right)
{
    struct node *n = arena_alloc(q->arena, sizeof *n);
    n->kind = kind;
    n->left = left;
    n->right = right;
    n->depth = 1 + (depth_of(left) > depth_of(right) ? depth_of(left) : depth_of(right));
    if (n->depth > QUERY_MAX_TREE)
        fail(q, "the query is too long");
    return n;
}

static void node_add(struct query *q, struct node *n, const char *name, const struct node *item)
{
    size_t more = n->count + 1;
    n->items = arena_grow(q->arena, n->items, n->count * sizeof *n->items, more * sizeof *n->items);
    n->names = arena_grow(q->arena, n->names, n->count * sizeof *n->names, more * sizeof *n->names);
    n->items[n->count] = item;
    n->names[n->count++] = name;
    if (item->depth + 1 > n->depth)
        n->depth = item->depth + 1;
    if (n->depth > QUERY_MAX_TREE)
        fail(q, "the query is too long");
}

static const struct node *parse(struct query *q, int binding);

static const char *word_text(struct query *q)
{
    return arena_strndup(q->arena, q->value, q->len);
}

/* A name in double quotes has JSON's escapes. */
static const char *quoted_text(struct query *q)
{
    const struct value *v = json_value(q->arena, q->text + q->start, q->at - q->start);
    const char *s = v ? value_str(v, NULL) : NULL;
    if (!s)
        fail_at(q, "a quoted name that is no JSON string");
    return s ? s : "";
}

static const struct node *field(struct query *q)
{
    struct node *n = node_new(q, NODE_FIELD, NULL, NULL);
    n->text = q->word == WORD_QUOTED ? quoted_text(q) : word_text(q);
    advance(q);
    return n;
}

/* {a: x, b: y}; the brace is over. */
static const struct node *parse_object(struct query *q)
{
    struct node *n = node_new(q, NODE_OBJECT, NULL, NULL);
    do {
        if (n->count > 0)
            advance(q);
        if (q->word != WORD_NAME && q->word != WORD_QUOTED)
            fail_at(q, "a name is missing");
        if (q->error)
            return n;
        const char *name = q->word == WORD_QUOTED ? quoted_text(q) : word_text(q);
        advance(q);
        if (!expect(q, WORD_COLON, "\":\""))
            return n;
        node_add(q, n, name, parse(q, 0));
    } while (q->word == WORD_COMMA && !q->error);
    expect(q, WORD_RBRACE, "\"}\"");
    return n;
}

/* [x, y]; the bracket is over. */
static const struct node *parse_list(struct query *q)
{
    struct node *n = node_new(q, NODE_LIST, NULL, NULL);
    do {
        if (n->count > 0)
            advance(q);
        node_add(q, n, NULL, parse(q, 0));
    } while (q->word == WORD_COMMA && !q->error);
    expect(q, WORD_RBRACKET, "\"]\"");
    return n;
}

/* What may stand behind a dot. */
static const struct node *parse_dot(struct query *q, int binding)
{
    switch (q->word) {
    case WORD_NAME:
    case WORD_QUOTED:
    case WORD_STAR:
        return parse(q, binding);
    case WORD_LBRACKET:
        advance(q);
        return parse_list(q);
    case WORD_LBRACE:
        advance(q);
        return parse_object(q);
    default:
        fail_at(q, "a name is missing");
        return &current;
    }
}

/* What a projection is applied to each element of. */
static const struct node *parse_right(struct query *q, int binding)
{
    if (power(q->word) < PROJECTION_STOP)
        return &current;
    if (q->word == WORD_LBRACKET || q->word == WORD_FILTER)
        return parse(q, binding);
    if (q->word == WORD_DOT) {
        advance(q);
        return parse_dot(q, binding);
    }
    fail_at(q, "something unexpected");
    return &current;
}

static const struct node *parse_slice(struct query *q, const struct node *left, struct node *n)
{
    long parts[3] = {0, 0, 1};
    bool given[3] = {false, false, false};
    for (size_t i = 0; i < 3; i++) {
        if (q->word == WORD_NUMBER) {
            parts[i] = q->number;
            given[i] = true;
            advance(q);
        }
        if (q->word != WORD_COLON)
            break;
        if (i < 2)
            advance(q);
    }
    if (parts[2] == 0)
        fail_at(q, "a step of 0");
    expect(q, WORD_RBRACKET, "\"]\"");
    n->kind = NODE_SLICE;
    n->slice = (struct slice){parts[0], parts[1], parts[2], given[0], given[1]};
    return node_new(q, NODE_PROJECT, node_new(q, NODE_CHAIN, left, n),
                    parse_right(q, power(WORD_STAR)));
}

/* Behind a bracket: an index, a slice, or `*`. NULL: none of these. */
static const struct node *parse_bracket(struct query *q, const struct node *left)
{
    if (q->word == WORD_STAR) {
        size_t at = q->at, start = q->start;
        advance(q);
        if (q->word == WORD_RBRACKET) {
            advance(q);
            return node_new(q, NODE_PROJECT, left, parse_right(q, power(WORD_STAR)));
        }
        q->at = at;
        q->start = start;
        q->word = WORD_STAR;
        return NULL;
    }
    if (q->word != WORD_NUMBER && q->word != WORD_COLON)
        return NULL;
    struct node *n = node_new(q, NODE_INDEX, NULL, NULL);
    n->number = q->number;
    const char *behind = q->text + q->at;
    behind += strspn(behind, " \t\n");
    if (q->word == WORD_COLON || *behind == ':')
        return parse_slice(q, left, n);
    advance(q);
    expect(q, WORD_RBRACKET, "\"]\"");
    return node_new(q, NODE_CHAIN, left, n);
}

static const struct node *parse_filter(struct query *q, const struct node *left)
{
    const struct node *test = parse(q, 0);
    if (!expect(q, WORD_RBRACKET, "\"]\""))
        return &current;
    const struct node *right =
        q->word == WORD_FLATTEN ? &current : parse_right(q, power(WORD_FILTER));
    struct node *n = node_new(q, NODE_FILTER, left, right);
    n->test = test;
    if (test->depth + 1 > n->depth)
        n->depth = test->depth + 1;
    return n;
}

static const struct node *literal(struct query *q)
{
    struct node *n = node_new(q, NODE_LITERAL, NULL, NULL);
    bool raw = q->text[q->start] == '\'';
    n->value =
        raw ? value_string_n(q->arena, q->value, q->len) : json_value(q->arena, q->value, q->len);
    if (!n->value) /* what is no JSON is a string: an old form that is still in use */
        n->value = value_string_n(q->arena, q->value, q->len);
    advance(q);
    return n;
}

static const struct node *flatten(struct query *q, const struct node *left)
{
    return node_new(q, NODE_PROJECT, node_new(q, NODE_FLATTEN, left, NULL),
                    parse_right(q, power(WORD_FLATTEN)));
}

static const struct node *parse_call(struct query *q, const char *name)
{
    struct node *n = node_new(q, NODE_CALL, NULL, NULL);
    n->text = name;
    while (q->word != WORD_RPAREN && !q->error) {
        if (n->count > 0 && !expect(q, WORD_COMMA, "\",\""))
            break;
        node_add(q, n, NULL, parse(q, 0));
    }
    expect(q, WORD_RPAREN, "\")\"");
    return n;
}

/* A word where an expression begins. */
static const struct node *parse_first(struct query *q)
{
    enum word w = q->word;
    const struct node *n;
    if (w == WORD_NAME || w == WORD_QUOTED)
        return field(q);
    if (w == WORD_LITERAL)
        return literal(q);
    size_t start = q->start;
    if (w != WORD_END)
        advance(q);
    switch (w) {
    case WORD_CURRENT:
        return &current;
    case WORD_STAR:
        return node_new(q, NODE_VALUES, &current, parse_right(q, power(WORD_STAR)));
    case WORD_FILTER:
        return parse_filter(q, &current);
    case WORD_FLATTEN:
        return flatten(q, &current);
    case WORD_NOT:
        return node_new(q, NODE_NOT, parse(q, power(WORD_NOT)), NULL);
    case WORD_EXPREF:
        return node_new(q, NODE_EXPREF, parse(q, 0), NULL);
    case WORD_LBRACE:
        return parse_object(q);
    case WORD_LBRACKET:
        n = parse_bracket(q, &current);
        return n ? n : parse_list(q);
    case WORD_LPAREN:
        n = parse(q, 0);
        expect(q, WORD_RPAREN, "\")\"");
        return n;
    default:
        q->start = start;
        fail_at(q, "something unexpected");
        return &current;
    }
}

/* A word behind the expression `left`. */
static const struct node *parse_next(struct query *q, const struct node *left)
{
    enum word w = q->word;
    struct node *n;
    advance(q);
    switch (w) {
    case WORD_DOT:
        if (q->word == WORD_STAR) {
            advance(q);
            return node_new(q, NODE_VALUES, left, parse_right(q, power(WORD_DOT)));
        }
        return node_new(q, NODE_CHAIN, left, parse_dot(q, power(WORD_DOT)));
    case WORD_PIPE:
        return node_new(q, NODE_CHAIN, left, parse(q, power(WORD_PIPE)));
    case WORD_OR:
        return node_new(q, NODE_OR, left, parse(q, power(WORD_OR)));
    case WORD_AND:
        return node_new(q, NODE_AND, left, parse(q, power(WORD_AND)));
    case WORD_FLATTEN:
        return flatten(q, left);
    case WORD_FILTER:
        return parse_filter(q, left);
    case WORD_LPAREN:
        if (left->kind == NODE_FIELD)
            return parse_call(q, left->text);
        break;
    case WORD_LBRACKET: {
        const struct node *inside = parse_bracket(q, left);
        if (inside)
            return inside;
        break;
    }
    case WORD_EQ:
    case WORD_NE:
    case WORD_LT:
    case WORD_LE:
    case WORD_GT:
    case WORD_GE:
        n = node_new(q, NODE_COMPARE, left, parse(q, power(w)));
        n->op = w;
        return n;
    default:
        break;
    }
    fail_at(q, "something unexpected");
    return left;
}

static const struct node *parse(struct query *q, int binding)
{
    const struct node *left = &current;
    if (++q->nesting > QUERY_MAX_DEPTH)
        fail(q, "the query nests deeper than %d", QUERY_MAX_DEPTH);
    if (!q->error)
        left = parse_first(q);
    while (!q->error && power(q->word) > binding)
        left = parse_next(q, left);
    q->nesting--;
    return left;
}

/* --- evaluating --- */

static const struct value *eval(struct query *q, const struct node *n, const struct value *v);

static bool is_true(const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        return false;
    case VALUE_BOOL:
        return v->boolean;
    case VALUE_STRING:
        return v->string.len > 0;
    case VALUE_SEQ:
        return v->seq.count > 0;
    case VALUE_MAP:
        return v->map.count > 0;
    default:
        return true;
    }
}

static void add(struct query *q, struct items *l, const struct value *v)
{
    if (++q->made > QUERY_MAX_ITEMS)
        fail(q, "the query makes more than %d elements", QUERY_MAX_ITEMS);
    else
        items_add(l, v);
}

/* What the node's right side gives of an element, unless that is null. */
static void project(struct query *q, const struct node *n, struct items *out,
                    const struct value *element)
{
    if (n->kind == NODE_FILTER && !is_true(eval(q, n->test, element)))
        return;
    const struct value *found = eval(q, n->right, element);
    if (!value_is_null(found))
        add(q, out, found);
}

static const struct value *eval_projection(struct query *q, const struct node *n,
                                           const struct value *v)
{
    const struct value *base = eval(q, n->left, v);
    struct items out = {.arena = q->arena};
    bool members = n->kind == NODE_VALUES;
    if (base->kind != (members ? VALUE_MAP : VALUE_SEQ))
        return &value_null;
    size_t count = members ? base->map.count : base->seq.count;
    for (size_t i = 0; i < count && !q->error; i++)
        project(q, n, &out, members ? base->map.members[i].value : base->seq.items[i]);
    return items_end(&out);
}

static const struct value *eval_flatten(struct query *q, const struct value *base)
{
    struct items out = {.arena = q->arena};
    if (base->kind != VALUE_SEQ)
        return &value_null;
    for (size_t i = 0; i < base->seq.count && !q->error; i++) {
        const struct value *item = base->seq.items[i];
        for (size_t k = 0; item->kind == VALUE_SEQ && k < item->seq.count && !q->error; k++)
            add(q, &out, item->seq.items[k]);
        if (item->kind != VALUE_SEQ)
            add(q, &out, item);
    }
    return items_end(&out);
}

static const struct value *eval_index(const struct value *v, long i)
{
    if (v->kind != VALUE_SEQ)
        return &value_null;
    long n = (long)v->seq.count;
    i += i < 0 ? n : 0;
    return i >= 0 && i < n ? v->seq.items[i] : &value_null;
}

static long clamp(long i, long n, bool down)
{
    i += i < 0 ? n : 0;
    if (down)
        return i < -1 ? -1 : i >= n ? n - 1 : i;
    return i < 0 ? 0 : i > n ? n : i;
}

static const struct value *eval_slice(struct query *q, const struct slice *s, const struct value *v)
{
    struct items out = {.arena = q->arena};
    if (v->kind != VALUE_SEQ)
        return &value_null;
    long n = (long)v->seq.count;
    bool down = s->step < 0;
    long from = s->has_start ? clamp(s->start, n, down) : down ? n - 1 : 0;
    long to = s->has_stop ? clamp(s->stop, n, down) : down ? -1 : n;
    for (long i = from; (down ? i > to : i < to) && !q->error; i += s->step)
        add(q, &out, v->seq.items[i]);
    return items_end(&out);
}

static double number_of(const struct value *v)
{
    const struct number *n = &v->number;
    return n->kind == NUMBER_INT      ? (double)n->i
           : n->kind == NUMBER_UINT   ? (double)n->u
           : n->kind == NUMBER_DOUBLE ? n->d
                                      : strtod(n->text, NULL);
}

static const struct value *eval_compare(enum word op, const struct value *a, const struct value *b)
{
    if (op == WORD_EQ || op == WORD_NE)
        return value_bool(value_equal(NULL, a, b) == (op == WORD_EQ));
    if (a->kind != VALUE_NUMBER || b->kind != VALUE_NUMBER)
        return &value_null;
    double x = number_of(a), y = number_of(b);
    return value_bool(op == WORD_LT   ? x < y
                      : op == WORD_LE ? x <= y
                      : op == WORD_GT ? x > y
                                      : x >= y);
}

static const struct value *eval_list(struct query *q, const struct node *n, const struct value *v)
{
    struct items out = {.arena = q->arena};
    struct object object = object_new(q->arena);
    if (value_is_null(v))
        return v;
    for (size_t i = 0; i < n->count && !q->error; i++) {
        const struct value *item = eval(q, n->items[i], v);
        if (n->kind == NODE_OBJECT)
            object_put(&object, n->names[i], item);
        else
            add(q, &out, item);
    }
    return n->kind == NODE_OBJECT ? object_end(&object) : items_end(&out);
}

/* --- functions --- */

struct arguments {
    const struct node *const *nodes; /* of those that are `&expression` */
    const struct value *const *values;
    size_t count;
};

typedef const struct value *(*function)(struct query *q, const struct arguments *x);

static const struct value *do_length(struct query *q, const struct arguments *x)
{
    const struct value *v = x->values[0];
    size_t n = 0;
    if (v->kind == VALUE_STRING) /* in characters */
        for (size_t i = 0; i < v->string.len; i++)
            n += (v->string.text[i] & 0xc0) != 0x80;
    return value_int(q->arena, v->kind == VALUE_SEQ   ? (int64_t)v->seq.count
                               : v->kind == VALUE_MAP ? (int64_t)v->map.count
                                                      : (int64_t)n);
}

static const struct value *do_keys(struct query *q, const struct arguments *x)
{
    struct items out = {.arena = q->arena};
    for (size_t i = 0; i < x->values[0]->map.count; i++)
        add(q, &out, value_string(q->arena, x->values[0]->map.members[i].key));
    return items_end(&out);
}

static const struct value *do_values(struct query *q, const struct arguments *x)
{
    struct items out = {.arena = q->arena};
    for (size_t i = 0; i < x->values[0]->map.count; i++)
        add(q, &out, x->values[0]->map.members[i].value);
    return items_end(&out);
}

static const struct value *do_contains(struct query *q, const struct arguments *x)
{
    const struct value *in = x->values[0], *what = x->values[1];
    (void)q;
    if (in->kind == VALUE_STRING)
        return value_bool(what->kind == VALUE_STRING &&
                          strstr(in->string.text, what->string.text) != NULL);
    for (size_t i = 0; i < in->seq.count; i++)
        if (value_equal(NULL, in->seq.items[i], what))
            return &value_true;
    return &value_false;
}

static const struct value *do_starts_with(struct query *q, const struct arguments *x)
{
    (void)q;
    return value_bool(strncmp(value_str(x->values[0], ""), value_str(x->values[1], ""),
                              x->values[1]->string.len) == 0);
}

static const struct value *do_ends_with(struct query *q, const struct arguments *x)
{
    size_t n = x->values[0]->string.len, tail = x->values[1]->string.len;
    (void)q;
    return value_bool(n >= tail && strcmp(value_str(x->values[0], "") + n - tail,
                                          value_str(x->values[1], "")) == 0);
}

static const struct value *do_join(struct query *q, const struct arguments *x)
{
    struct text t = text_new(q->arena);
    const struct value *list = x->values[1];
    for (size_t i = 0; i < list->seq.count; i++) {
        if (list->seq.items[i]->kind != VALUE_STRING)
            fail(q, "join() takes a list of strings");
        text_printf(&t, "%s%s", i ? value_str(x->values[0], "") : "",
                    value_str(list->seq.items[i], ""));
        q->made += list->seq.items[i]->kind == VALUE_STRING ? list->seq.items[i]->string.len : 0;
        if (q->made > QUERY_MAX_ITEMS)
            fail(q, "the query makes more than %d elements", QUERY_MAX_ITEMS);
        if (q->error)
            break;
    }
    return value_string(q->arena, text_end(&t));
}

static const struct value *reversed_string(struct query *q, const struct value *v)
{
    struct text t = text_new(q->arena);
    for (size_t end = v->string.len, i = end; i > 0;) {
        bool first = (v->string.text[--i] & 0xc0) != 0x80; /* of a character's bytes */
        if (first) {
            text_add(&t, v->string.text + i, end - i);
            end = i;
        }
    }
    return value_string_n(q->arena, text_end(&t), t.len);
}

static const struct value *do_reverse(struct query *q, const struct arguments *x)
{
    struct items out = {.arena = q->arena};
    if (x->values[0]->kind == VALUE_STRING)
        return reversed_string(q, x->values[0]);
    for (size_t i = x->values[0]->seq.count; i > 0 && !q->error; i--)
        add(q, &out, x->values[0]->seq.items[i - 1]);
    return items_end(&out);
}

static const struct value *do_sum(struct query *q, const struct arguments *x)
{
    double sum = 0;
    for (size_t i = 0; i < x->values[0]->seq.count; i++) {
        if (x->values[0]->seq.items[i]->kind != VALUE_NUMBER)
            fail(q, "sum() takes a list of numbers");
        else
            sum += number_of(x->values[0]->seq.items[i]);
    }
    return value_double(q->arena, sum);
}

static const struct value *do_not_null(struct query *q, const struct arguments *x)
{
    (void)q;
    for (size_t i = 0; i < x->count; i++)
        if (!value_is_null(x->values[i]))
            return x->values[i];
    return &value_null;
}

static const struct value *do_to_number(struct query *q, const struct arguments *x)
{
    const struct value *v = x->values[0];
    const struct value *n =
        v->kind == VALUE_STRING ? value_number_text(q->arena, v->string.text, v->string.len) : NULL;
    return v->kind == VALUE_NUMBER ? v : n ? n : &value_null;
}

static const struct value *do_to_string(struct query *q, const struct arguments *x)
{
    const struct value *v = x->values[0];
    if (v->kind == VALUE_STRING)
        return v;
    struct bytes json = json_encode(q->arena, value_infer_type(q->arena, v), v);
    return value_string_n(q->arena, (const char *)json.data, json.len);
}

static const struct value *round_with(struct query *q, const struct arguments *x,
                                      double (*fn)(double))
{
    return value_double(q->arena, fn(number_of(x->values[0])));
}

static const struct value *do_abs(struct query *q, const struct arguments *x)
{
    return round_with(q, x, fabs);
}
static const struct value *do_ceil(struct query *q, const struct arguments *x)
{
    return round_with(q, x, ceil);
}
static const struct value *do_floor(struct query *q, const struct arguments *x)
{
    return round_with(q, x, floor);
}

/* An element and what it is sorted by. */
struct keyed {
    const struct value *key, *item;
    size_t place; /* equal keys keep their order */
};

static int by_key(const void *x, const void *y)
{
    const struct keyed *a = x, *b = y;
    int order = 0;
    if (a->key->kind == VALUE_STRING)
        order = strcmp(a->key->string.text, b->key->string.text);
    else
        order = (number_of(a->key) > number_of(b->key)) - (number_of(a->key) < number_of(b->key));
    return order ? order : a->place < b->place ? -1 : 1;
}

/* The list with its keys in order; NULL after an error. Keys are all strings or all numbers. */
static struct keyed *keyed_list(struct query *q, const struct arguments *x, size_t *count)
{
    const struct value *list = x->values[0];
    size_t n = *count = list->seq.count;
    struct keyed *k = arena_calloc(q->arena, n + 1, sizeof *k);
    for (size_t i = 0; i < n && !q->error; i++) {
        const struct value *item = list->seq.items[i];
        k[i] = (struct keyed){x->count > 1 ? eval(q, x->nodes[1], item) : item, item, i};
        if ((k[i].key->kind != VALUE_STRING && k[i].key->kind != VALUE_NUMBER) ||
            k[i].key->kind != k[0].key->kind)
            fail(q, "sorting needs keys that are all strings or all numbers");
    }
    if (q->error)
        return NULL;
    qsort(k, n, sizeof *k, by_key);
    return k;
}

static const struct value *do_sort(struct query *q, const struct arguments *x)
{
    struct items out = {.arena = q->arena};
    size_t n;
    struct keyed *k = keyed_list(q, x, &n);
    for (size_t i = 0; k && i < n; i++)
        add(q, &out, k[i].item);
    return items_end(&out);
}

static const struct value *do_min(struct query *q, const struct arguments *x)
{
    size_t n;
    struct keyed *k = keyed_list(q, x, &n);
    return k && n > 0 ? k[0].item : &value_null;
}

static const struct value *do_max(struct query *q, const struct arguments *x)
{
    size_t n;
    struct keyed *k = keyed_list(q, x, &n);
    return k && n > 0 ? k[n - 1].item : &value_null;
}

/* What an argument may be, one letter each: s string, n number, l list, m object, e expression,
 * ? anything; several letters in one place are alternatives. */
static const struct known {
    const char *name;
    function run;
    const char *kinds[2];
    size_t count; /* 0: one or more of the first kind */
} functions[] = {
    {"abs", do_abs, {"n"}, 1},
    {"ceil", do_ceil, {"n"}, 1},
    {"contains", do_contains, {"sl", "?"}, 2},
    {"ends_with", do_ends_with, {"s", "s"}, 2},
    {"floor", do_floor, {"n"}, 1},
    {"join", do_join, {"s", "l"}, 2},
    {"keys", do_keys, {"m"}, 1},
    {"length", do_length, {"slm"}, 1},
    {"max", do_max, {"l"}, 1},
    {"max_by", do_max, {"l", "e"}, 2},
    {"min", do_min, {"l"}, 1},
    {"min_by", do_min, {"l", "e"}, 2},
    {"not_null", do_not_null, {"?"}, 0},
    {"reverse", do_reverse, {"sl"}, 1},
    {"sort", do_sort, {"l"}, 1},
    {"sort_by", do_sort, {"l", "e"}, 2},
    {"starts_with", do_starts_with, {"s", "s"}, 2},
    {"sum", do_sum, {"l"}, 1},
    {"to_number", do_to_number, {"?"}, 1},
    {"to_string", do_to_string, {"?"}, 1},
    {"values", do_values, {"m"}, 1},
};

static bool fits(const char *kinds, const struct value *v, bool expression)
{
    char kind = expression                ? 'e'
                : v->kind == VALUE_STRING ? 's'
                : v->kind == VALUE_NUMBER ? 'n'
                : v->kind == VALUE_SEQ    ? 'l'
                : v->kind == VALUE_MAP    ? 'm'
                                          : '-';
    return strchr(kinds, kind) || (*kinds == '?' && !expression);
}

static const struct value *run_function(struct query *q, const struct known *f,
                                        const struct node *n, const struct value *v)
{
    const struct value **values = arena_calloc(q->arena, n->count + 1, sizeof *values);
    const struct node **nodes = arena_calloc(q->arena, n->count + 1, sizeof *nodes);
    if (f->count ? n->count != f->count : n->count == 0)
        fail(q, "%s() takes %zu arguments, not %zu", f->name, f->count ? f->count : 1, n->count);
    for (size_t i = 0; i < n->count && !q->error; i++) {
        bool expression = n->items[i]->kind == NODE_EXPREF;
        nodes[i] = expression ? n->items[i]->left : NULL;
        values[i] = expression ? &value_null : eval(q, n->items[i], v);
        if (!q->error && !fits(f->kinds[f->count ? i : 0], values[i], expression))
            fail(q, "argument %zu of %s() has the wrong type", i + 1, f->name);
    }
    return q->error ? &value_null : f->run(q, &(struct arguments){nodes, values, n->count});
}

static const struct value *eval_call(struct query *q, const struct node *n, const struct value *v)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, n->text) == 0)
            return run_function(q, &functions[i], n, v);
    fail(q, "there is no function %.40s()", n->text);
    return &value_null;
}

static const struct value *eval(struct query *q, const struct node *n, const struct value *v)
{
    const struct value *left;
    if (q->error)
        return &value_null;
    switch (n->kind) {
    case NODE_CURRENT:
        return v;
    case NODE_FIELD:
        return value_get(v, n->text);
    case NODE_INDEX:
        return eval_index(v, n->number);
    case NODE_SLICE:
        return eval_slice(q, &n->slice, v);
    case NODE_CHAIN:
        return eval(q, n->right, eval(q, n->left, v));
    case NODE_PROJECT:
    case NODE_VALUES:
    case NODE_FILTER:
        return eval_projection(q, n, v);
    case NODE_FLATTEN:
        return eval_flatten(q, eval(q, n->left, v));
    case NODE_LITERAL:
        return n->value;
    case NODE_LIST:
    case NODE_OBJECT:
        return eval_list(q, n, v);
    case NODE_OR:
        left = eval(q, n->left, v);
        return is_true(left) ? left : eval(q, n->right, v);
    case NODE_AND:
        left = eval(q, n->left, v);
        return is_true(left) ? eval(q, n->right, v) : left;
    case NODE_NOT:
        return value_bool(!is_true(eval(q, n->left, v)));
    case NODE_COMPARE:
        return eval_compare(n->op, eval(q, n->left, v), eval(q, n->right, v));
    case NODE_CALL:
        return eval_call(q, n, v);
    case NODE_EXPREF:
        fail(q, "an expression behind & is an argument of a function only");
    }
    return &value_null;
}

const struct value *query_run(struct arena *a, const char *expression, const struct value *v,
                              const char **error)
{
    struct query q = {.arena = a, .text = expression};
    advance(&q);
    const struct node *tree = parse(&q, 0);
    if (!q.error && q.word != WORD_END)
        fail_at(&q, "something unexpected");
    const struct value *found = q.error ? NULL : eval(&q, tree, v);
    *error = q.error;
    return q.error ? NULL : found;
}
