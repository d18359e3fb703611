/*
 * grid - columns of text for people
 *
 * Cells are collected first: a column is as wide as its widest cell.
 */
#include "ctl/grid.h"

#include "ctl/terminal.h"

struct grid grid_new(struct arena *a, size_t columns)
{
    return (struct grid){.arena = a, .columns = columns};
}

void grid_add(struct grid *g, const char *s)
{
    ARENA_ROOM(g->arena, g->cells, g->count, g->capacity, 64);
    g->cells[g->count++] = safe_text(g->arena, s);
}

void grid_addf(struct grid *g, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    grid_add(g, arena_vprintf(g->arena, fmt, ap));
    va_end(ap);
}

void grid_print(const struct grid *g, struct text *t, unsigned indent)
{
    unsigned widths[GRID_MAX_COLUMNS] = {0};
    for (size_t i = 0; i < g->count; i++) {
        unsigned n = text_columns(g->cells[i]);
        if (n > widths[i % g->columns])
            widths[i % g->columns] = n;
    }
    for (size_t i = 0; i < g->count; i++) {
        size_t column = i % g->columns;
        const char *s = g->cells[i];
        int gap = (int)(widths[column] - text_columns(s));
        bool last = column + 1 == g->columns;
        text_printf(t, "%*s", (int)(column ? 2 : indent), "");
        if (g->right[column])
            text_printf(t, "%*s%s", gap, "", s);
        else
            text_printf(t, "%s%*s", s, last ? 0 : gap, "");
        if (!last)
            continue;
        while (t->len > 0 && t->data[t->len - 1] == ' ') /* empty cells at the end */
            t->len--;
        text_puts(t, "\n");
    }
}
