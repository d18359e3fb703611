/*
 * query_tree - a query's words as a tree
 *
 * A parser by binding powers (Pratt): each operator takes what is left of it, and as its right side
 * all that binds more strongly.
 *
 * A projection applies everything behind it to each element, and ends where an operator binds less
 * than PROJECTION_STOP: that is why `a[*].b[0]` takes the first of each and `a[*].b | [0]` the
 * first of all.
 *
 * No tree is deeper than QUERY_MAX_TREE, so that whoever walks it may recurse.
 */
#include "ctl/query_internal.h"

#include <string.h>

#include "ctl/json_value.h"

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

const struct node query_current = {.kind = NODE_CURRENT, .depth = 1};

static bool expect(struct query *q, enum word w, const char *what)
{
    if (q->word != w)
        query_fail(q, "%s is missing at character %zu (\"%.20s\")", what, q->start + 1,
                   q->text + q->start);
    else
        query_advance(q);
    return !q->error;
}

/* --- from words to the tree --- */

/* The node has this one below it. */
static void deepen(struct query *q, struct node *n, const struct node *below)
{
    if (below && below->depth >= n->depth)
        n->depth = below->depth + 1;
    if (n->depth > QUERY_MAX_TREE)
        query_fail(q, "the query is too long");
}

static struct node *node_new(struct query *q, enum node_kind kind, const struct node *left,
                             const struct node *right)
{
    struct node *n = arena_alloc(q->arena, sizeof *n);
    n->kind = kind;
    n->left = left;
    n->right = right;
    n->depth = 1;
    deepen(q, n, left);
    deepen(q, n, right);
    return n;
}

static void node_add(struct query *q, struct node *n, const char *name, const struct node *item)
{
    size_t more = n->count + 1;
    n->items = arena_grow(q->arena, n->items, n->count * sizeof *n->items, more * sizeof *n->items);
    n->names = arena_grow(q->arena, n->names, n->count * sizeof *n->names, more * sizeof *n->names);
    n->items[n->count] = item;
    n->names[n->count++] = name;
    deepen(q, n, item);
}

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
        query_fail_at(q, "a quoted name that is no JSON string");
    return s ? s : "";
}

static const struct node *field(struct query *q)
{
    struct node *n = node_new(q, NODE_FIELD, NULL, NULL);
    n->text = q->word == WORD_QUOTED ? quoted_text(q) : word_text(q);
    query_advance(q);
    return n;
}

/* {a: x, b: y}; the brace is over. */
static const struct node *parse_object(struct query *q)
{
    struct node *n = node_new(q, NODE_OBJECT, NULL, NULL);
    do {
        if (n->count > 0)
            query_advance(q);
        if (q->word != WORD_NAME && q->word != WORD_QUOTED)
            query_fail_at(q, "a name is missing");
        if (q->error)
            return n;
        const char *name = q->word == WORD_QUOTED ? quoted_text(q) : word_text(q);
        query_advance(q);
        if (!expect(q, WORD_COLON, "\":\""))
            return n;
        node_add(q, n, name, query_parse(q, 0));
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
            query_advance(q);
        node_add(q, n, NULL, query_parse(q, 0));
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
        return query_parse(q, binding);
    case WORD_LBRACKET:
        query_advance(q);
        return parse_list(q);
    case WORD_LBRACE:
        query_advance(q);
        return parse_object(q);
    default:
        query_fail_at(q, "a name is missing");
        return &query_current;
    }
}

/* What a projection is applied to each element of. */
static const struct node *parse_right(struct query *q, int binding)
{
    if (power(q->word) < PROJECTION_STOP)
        return &query_current;
    if (q->word == WORD_LBRACKET || q->word == WORD_FILTER)
        return query_parse(q, binding);
    if (q->word == WORD_DOT) {
        query_advance(q);
        return parse_dot(q, binding);
    }
    query_fail_at(q, "something unexpected");
    return &query_current;
}

static const struct node *parse_slice(struct query *q, const struct node *left, struct node *n)
{
    long parts[3] = {0, 0, 1};
    bool given[3] = {false, false, false};
    for (size_t i = 0; i < 3; i++) {
        if (q->word == WORD_NUMBER) {
            parts[i] = q->number;
            given[i] = true;
            query_advance(q);
        }
        if (q->word != WORD_COLON)
            break;
        if (i < 2)
            query_advance(q);
    }
    if (parts[2] == 0)
        query_fail_at(q, "a step of 0");
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
        query_advance(q);
        if (q->word == WORD_RBRACKET) {
            query_advance(q);
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
    query_advance(q);
    expect(q, WORD_RBRACKET, "\"]\"");
    return node_new(q, NODE_CHAIN, left, n);
}

static const struct node *parse_filter(struct query *q, const struct node *left)
{
    const struct node *test = query_parse(q, 0);
    if (!expect(q, WORD_RBRACKET, "\"]\""))
        return &query_current;
    const struct node *right =
        q->word == WORD_FLATTEN ? &query_current : parse_right(q, power(WORD_FILTER));
    struct node *n = node_new(q, NODE_FILTER, left, right);
    n->test = test;
    deepen(q, n, test);
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
    query_advance(q);
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
        node_add(q, n, NULL, query_parse(q, 0));
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
        query_advance(q);
    switch (w) {
    case WORD_CURRENT:
        return &query_current;
    case WORD_STAR:
        return node_new(q, NODE_VALUES, &query_current, parse_right(q, power(WORD_STAR)));
    case WORD_FILTER:
        return parse_filter(q, &query_current);
    case WORD_FLATTEN:
        return flatten(q, &query_current);
    case WORD_NOT:
        return node_new(q, NODE_NOT, query_parse(q, power(WORD_NOT)), NULL);
    case WORD_EXPREF:
        return node_new(q, NODE_EXPREF, query_parse(q, 0), NULL);
    case WORD_LBRACE:
        return parse_object(q);
    case WORD_LBRACKET:
        n = parse_bracket(q, &query_current);
        return n ? n : parse_list(q);
    case WORD_LPAREN:
        n = query_parse(q, 0);
        expect(q, WORD_RPAREN, "\")\"");
        return n;
    default:
        q->start = start;
        query_fail_at(q, "something unexpected");
        return &query_current;
    }
}

/* A word behind the expression `left`. */
static const struct node *parse_next(struct query *q, const struct node *left)
{
    enum word w = q->word;
    struct node *n;
    query_advance(q);
    switch (w) {
    case WORD_DOT:
        if (q->word == WORD_STAR) {
            query_advance(q);
            return node_new(q, NODE_VALUES, left, parse_right(q, power(WORD_DOT)));
        }
        return node_new(q, NODE_CHAIN, left, parse_dot(q, power(WORD_DOT)));
    case WORD_PIPE:
        return node_new(q, NODE_CHAIN, left, query_parse(q, power(WORD_PIPE)));
    case WORD_OR:
        return node_new(q, NODE_OR, left, query_parse(q, power(WORD_OR)));
    case WORD_AND:
        return node_new(q, NODE_AND, left, query_parse(q, power(WORD_AND)));
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
        n = node_new(q, NODE_COMPARE, left, query_parse(q, power(w)));
        n->op = w;
        return n;
    default:
        break;
    }
    query_fail_at(q, "something unexpected");
    return left;
}

const struct node *query_parse(struct query *q, int binding)
{
    const struct node *left = &query_current;
    if (++q->nesting > QUERY_MAX_DEPTH)
        query_fail(q, "the query nests deeper than %d", QUERY_MAX_DEPTH);
    if (!q->error)
        left = parse_first(q);
    while (!q->error && power(q->word) > binding)
        left = parse_next(q, left);
    q->nesting--;
    return left;
}
