/*
 * report - the estate as one page of HTML
 *
 * The page carries everything in itself: a template (report.html), its style and its script, built
 * into the program, and the data as JSON. It loads nothing from anywhere and its policy (CSP)
 * forbids it to; the script runs because the policy names its hash.
 */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include "ctl/ctl.h"

/* What is known, as JSON that may stand inside of a script element: no `<` is in it. `scopes` are
 * those to tell, NULL-terminated. The format is described in report_data.c. O(n log n) a scope. */
const char *report_data(struct ctl *c, const struct scope *const *scopes);

/* The page around that JSON, in the arena. O(length). */
const char *report_page(struct arena *a, const char *title, const char *data, size_t *len);

/* Adds a JSON string. Control characters and what turns the direction of text become visible
 * escapes; `<` becomes \u003c. */
void report_string(struct text *t, const char *s);

/* The parts of the template, made by embed.cmake. */
extern const char report_html[], report_css[], report_js[];

#endif
