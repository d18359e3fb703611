/*
 * grid - columns of text for people
 */
#ifndef CTL_GRID_H
#define CTL_GRID_H

#include "proto/text.h"

#define GRID_MAX_COLUMNS 12

struct grid {
    struct arena *arena;
    size_t columns;
    bool right[GRID_MAX_COLUMNS]; /* aligned to the right */
    const char **cells;
    size_t count, capacity; /* cells */
};

struct grid grid_new(struct arena *a, size_t columns);
/* The next cell, from left to right and then downwards. The text is made safe. */
void grid_add(struct grid *g, const char *s);
void grid_addf(struct grid *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Two spaces between columns, `indent` before the first; nothing at the ends of lines. */
void grid_print(const struct grid *g, struct text *t, unsigned indent);

#endif
