/*
 * query - JMESPath for --query
 *
 * There is no library of it for C, and the commands that people paste use it, so it is written
 * here: query_internal.h tells its parts.
 */
#include "ctl/query_internal.h"

#include <stdarg.h>

void query_fail(struct query *q, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!q->error)
        q->error = arena_vprintf(q->arena, fmt, ap);
    va_end(ap);
}

void query_fail_at(struct query *q, const char *what)
{
    if (!q->text[q->start])
        query_fail(q, "the query ends early");
    query_fail(q, "%s at character %zu (\"%.20s\")", what, q->start + 1, q->text + q->start);
}

const struct value *query_run(struct arena *a, const char *expression, const struct value *v,
                              const char **error)
{
    struct query q = {.arena = a, .text = expression};
    query_advance(&q);
    const struct node *tree = query_parse(&q, 0);
    if (!q.error && q.word != WORD_END)
        query_fail_at(&q, "something unexpected");
    const struct value *found = query_eval(&q, tree, v);
    bool answered = query_may_read(&q, found); /* it will be printed */
    *error = q.error;
    return answered ? found : NULL;
}
