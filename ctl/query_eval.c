/*
 * query_eval - what a query's tree finds in a value
 *
 * Nothing is copied: results share parts of what is asked, so memory is needed only for the lists
 * and objects that the query makes, and these are counted (QUERY_MAX_ITEMS), because pipes of lists
 * can double them at each step. Sharing also means that a few objects can stand for endlessly many
 * values, `[@,@] | [@,@] | ...`; so what walks through a whole value (comparing, printing) counts
 * them first (QUERY_MAX_READ).
 */
#include "ctl/query_internal.h"

#include <stdlib.h>

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

void query_count(struct query *q, size_t more)
{
    if (more > QUERY_MAX_ITEMS - q->made)
        query_fail(q, "the query makes more than %d elements", QUERY_MAX_ITEMS);
    else
        q->made += more;
}

void query_add(struct query *q, struct items *l, const struct value *v)
{
    query_count(q, 1);
    if (!q->error)
        items_add(l, v);
}

static void count_read(struct query *q, const struct value *v)
{
    if (++q->read > QUERY_MAX_READ)
        query_fail(q, "the query makes more than %d values", QUERY_MAX_READ);
    for (size_t i = 0; v->kind == VALUE_SEQ && i < v->seq.count && !q->error; i++)
        count_read(q, v->seq.items[i]);
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count && !q->error; i++)
        count_read(q, v->map.members[i].value);
}

bool query_may_read(struct query *q, const struct value *v)
{
    if (v->kind == VALUE_SEQ || v->kind == VALUE_MAP)
        count_read(q, v);
    return !q->error;
}

/* What the node's right side gives of an element, unless that is null. */
static void project(struct query *q, const struct node *n, struct items *out,
                    const struct value *element)
{
    if (n->kind == NODE_FILTER && !is_true(query_eval(q, n->test, element)))
        return;
    const struct value *found = query_eval(q, n->right, element);
    if (!value_is_null(found))
        query_add(q, out, found);
}

static const struct value *eval_projection(struct query *q, const struct node *n,
                                           const struct value *v)
{
    const struct value *base = query_eval(q, n->left, v);
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
            query_add(q, &out, item->seq.items[k]);
        if (item->kind != VALUE_SEQ)
            query_add(q, &out, item);
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
        query_add(q, &out, v->seq.items[i]);
    return items_end(&out);
}

double query_number(const struct value *v)
{
    const struct number *n = &v->number;
    return n->kind == NUMBER_INT      ? (double)n->i
           : n->kind == NUMBER_UINT   ? (double)n->u
           : n->kind == NUMBER_DOUBLE ? n->d
                                      : strtod(n->text, NULL);
}

static const struct value *eval_compare(struct query *q, enum word op, const struct value *a,
                                        const struct value *b)
{
    if (op == WORD_EQ || op == WORD_NE)
        return value_bool(query_may_read(q, a) && value_equal(NULL, a, b) == (op == WORD_EQ));
    if (a->kind != VALUE_NUMBER || b->kind != VALUE_NUMBER)
        return &value_null;
    double x = query_number(a), y = query_number(b);
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
        const struct value *item = query_eval(q, n->items[i], v);
        query_add(q, &out, item);
        if (n->kind == NODE_OBJECT)
            object_put(&object, n->names[i], item);
    }
    return n->kind == NODE_OBJECT ? object_end(&object) : items_end(&out);
}

const struct value *query_eval(struct query *q, const struct node *n, const struct value *v)
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
        return query_eval(q, n->right, query_eval(q, n->left, v));
    case NODE_PROJECT:
    case NODE_VALUES:
    case NODE_FILTER:
        return eval_projection(q, n, v);
    case NODE_FLATTEN:
        return eval_flatten(q, query_eval(q, n->left, v));
    case NODE_LITERAL:
        return n->value;
    case NODE_LIST:
    case NODE_OBJECT:
        return eval_list(q, n, v);
    case NODE_OR:
        left = query_eval(q, n->left, v);
        return is_true(left) ? left : query_eval(q, n->right, v);
    case NODE_AND:
        left = query_eval(q, n->left, v);
        return is_true(left) ? query_eval(q, n->right, v) : left;
    case NODE_NOT:
        return value_bool(!is_true(query_eval(q, n->left, v)));
    case NODE_COMPARE:
        return eval_compare(q, n->op, query_eval(q, n->left, v), query_eval(q, n->right, v));
    case NODE_CALL:
        return query_call(q, n, v);
    case NODE_EXPREF:
        query_fail(q, "an expression behind & is an argument of a function only");
    }
    return &value_null;
}
