/*
 * query_functions - the functions of JMESPath
 *
 * A line of the table says of each how many arguments it takes and of which types, so that the
 * functions themselves meet only what they can work with. `&expression` is handed on as a tree, to
 * be evaluated for each element.
 */
#include "ctl/query_internal.h"

#include <math.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/text.h"

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
        query_add(q, &out, value_string(q->arena, x->values[0]->map.members[i].key));
    return items_end(&out);
}

static const struct value *do_values(struct query *q, const struct arguments *x)
{
    struct items out = {.arena = q->arena};
    for (size_t i = 0; i < x->values[0]->map.count; i++)
        query_add(q, &out, x->values[0]->map.members[i].value);
    return items_end(&out);
}

static const struct value *do_contains(struct query *q, const struct arguments *x)
{
    const struct value *in = x->values[0], *what = x->values[1];
    if (in->kind == VALUE_STRING)
        return value_bool(what->kind == VALUE_STRING &&
                          strstr(in->string.text, what->string.text) != NULL);
    for (size_t i = 0; i < in->seq.count; i++)
        if (query_may_read(q, what) && value_equal(NULL, in->seq.items[i], what))
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
            query_fail(q, "join() takes a list of strings");
        text_printf(&t, "%s%s", i ? value_str(x->values[0], "") : "",
                    value_str(list->seq.items[i], ""));
        query_count(q,
                    list->seq.items[i]->kind == VALUE_STRING ? list->seq.items[i]->string.len : 0);
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
        query_add(q, &out, x->values[0]->seq.items[i - 1]);
    return items_end(&out);
}

static double sum_of(struct query *q, const struct value *list, const char *name)
{
    double sum = 0;
    for (size_t i = 0; i < list->seq.count && !q->error; i++) {
        if (list->seq.items[i]->kind != VALUE_NUMBER)
            query_fail(q, "%s() takes a list of numbers", name);
        else
            sum += query_number(list->seq.items[i]);
    }
    return sum;
}

static const struct value *do_sum(struct query *q, const struct arguments *x)
{
    return value_double(q->arena, sum_of(q, x->values[0], "sum"));
}

static const struct value *do_avg(struct query *q, const struct arguments *x)
{
    size_t n = x->values[0]->seq.count;
    return n ? value_double(q->arena, sum_of(q, x->values[0], "avg") / (double)n) : &value_null;
}

/* Unlike a projection it keeps nulls. */
static const struct value *do_map(struct query *q, const struct arguments *x)
{
    struct items out = {.arena = q->arena};
    const struct value *list = x->values[1];
    for (size_t i = 0; i < list->seq.count && !q->error; i++)
        query_add(q, &out, query_eval(q, x->nodes[0], list->seq.items[i]));
    return items_end(&out);
}

/* Of equal keys the last argument's wins. */
static const struct value *do_merge(struct query *q, const struct arguments *x)
{
    struct object out = object_new(q->arena);
    for (size_t i = 0; i < x->count && !q->error; i++) {
        query_count(q, x->values[i]->map.count);
        object_all(&out, x->values[i]);
    }
    return object_end(&out);
}

static const struct value *do_to_array(struct query *q, const struct arguments *x)
{
    struct items out = {.arena = q->arena};
    if (x->values[0]->kind == VALUE_SEQ)
        return x->values[0];
    query_add(q, &out, x->values[0]);
    return items_end(&out);
}

static const struct value *do_type(struct query *q, const struct arguments *x)
{
    switch (x->values[0]->kind) {
    case VALUE_BOOL:
        return value_string(q->arena, "boolean");
    case VALUE_NUMBER:
        return value_string(q->arena, "number");
    case VALUE_STRING:
        return value_string(q->arena, "string");
    case VALUE_SEQ:
        return value_string(q->arena, "array");
    case VALUE_MAP:
        return value_string(q->arena, "object");
    default:
        return value_string(q->arena, "null");
    }
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
    if (!query_may_read(q, v))
        return &value_null;
    struct bytes json = json_encode(q->arena, value_infer_type(q->arena, v), v);
    return value_string_n(q->arena, (const char *)json.data, json.len);
}

static const struct value *round_with(struct query *q, const struct arguments *x,
                                      double (*fn)(double))
{
    return value_double(q->arena, fn(query_number(x->values[0])));
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

static int key_order(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_STRING)
        return strcmp(a->string.text, b->string.text);
    return (query_number(a) > query_number(b)) - (query_number(a) < query_number(b));
}

static int by_key(const void *x, const void *y)
{
    const struct keyed *a = x, *b = y;
    int order = key_order(a->key, b->key);
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
        k[i] = (struct keyed){x->count > 1 ? query_eval(q, x->nodes[1], item) : item, item, i};
        if ((k[i].key->kind != VALUE_STRING && k[i].key->kind != VALUE_NUMBER) ||
            k[i].key->kind != k[0].key->kind)
            query_fail(q, "sorting needs keys that are all strings or all numbers");
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
        query_add(q, &out, k[i].item);
    return items_end(&out);
}

static const struct value *do_min(struct query *q, const struct arguments *x)
{
    size_t n;
    struct keyed *k = keyed_list(q, x, &n);
    return k && n > 0 ? k[0].item : &value_null;
}

/* Of equal ones the first, as the AWS CLI does. */
static const struct value *do_max(struct query *q, const struct arguments *x)
{
    size_t n;
    struct keyed *k = keyed_list(q, x, &n);
    if (!k || n == 0)
        return &value_null;
    while (--n > 0 && key_order(k[n - 1].key, k[n].key) == 0)
        ;
    return k[n].item;
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
    {"avg", do_avg, {"l"}, 1},
    {"ceil", do_ceil, {"n"}, 1},
    {"contains", do_contains, {"sl", "?"}, 2},
    {"ends_with", do_ends_with, {"s", "s"}, 2},
    {"floor", do_floor, {"n"}, 1},
    {"join", do_join, {"s", "l"}, 2},
    {"keys", do_keys, {"m"}, 1},
    {"length", do_length, {"slm"}, 1},
    {"map", do_map, {"e", "l"}, 2},
    {"max", do_max, {"l"}, 1},
    {"max_by", do_max, {"l", "e"}, 2},
    {"merge", do_merge, {"m"}, 0},
    {"min", do_min, {"l"}, 1},
    {"min_by", do_min, {"l", "e"}, 2},
    {"not_null", do_not_null, {"?"}, 0},
    {"reverse", do_reverse, {"sl"}, 1},
    {"sort", do_sort, {"l"}, 1},
    {"sort_by", do_sort, {"l", "e"}, 2},
    {"starts_with", do_starts_with, {"s", "s"}, 2},
    {"sum", do_sum, {"l"}, 1},
    {"to_array", do_to_array, {"?"}, 1},
    {"to_number", do_to_number, {"?"}, 1},
    {"to_string", do_to_string, {"?"}, 1},
    {"type", do_type, {"?"}, 1},
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
        query_fail(q, "%s() takes %s%zu arguments, not %zu", f->name, f->count ? "" : "at least ",
                   f->count ? f->count : 1, n->count);
    for (size_t i = 0; i < n->count && !q->error; i++) {
        bool expression = n->items[i]->kind == NODE_EXPREF;
        nodes[i] = expression ? n->items[i]->left : NULL;
        values[i] = expression ? &value_null : query_eval(q, n->items[i], v);
        if (!q->error && !fits(f->kinds[f->count ? i : 0], values[i], expression))
            query_fail(q, "argument %zu of %s() has the wrong type", i + 1, f->name);
    }
    return q->error ? &value_null : f->run(q, &(struct arguments){nodes, values, n->count});
}

const struct value *query_call(struct query *q, const struct node *n, const struct value *v)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, n->text) == 0)
            return run_function(q, &functions[i], n, v);
    query_fail(q, "there is no function %.40s()", n->text);
    return &value_null;
}
