/*
 * terminal - text that a terminal can be trusted with, its width and its colours
 *
 * Names and tags come from files that anybody may have written. Control characters, and those that
 * turn the direction of text, could make a terminal do things or show lies; they are written as
 * escapes. Bytes that are no UTF-8 become U+FFFD.
 */
#ifndef CTL_TERMINAL_H
#define CTL_TERMINAL_H

#include "proto/text.h"

/* Adds s with everything unsafe as \u001b. json: quotes and backslashes are escaped too, so that
 * the result is the inside of a JSON string. O(length). */
void text_safe(struct text *t, const char *s, size_t len, bool json);
/* The same as a string of its own. */
const char *safe_text(struct arena *a, const char *s);

/* Columns that safe text takes. */
unsigned text_columns(const char *s);
/* Safe text cut to that many columns, the last of them an ellipsis when it was cut. */
const char *text_cut(struct arena *a, const char *s, unsigned columns);

/* Columns of the terminal that stdout is: COLUMNS, else what the terminal says, else 120. */
unsigned terminal_columns(void);
/* --color always|never|auto; NULL is auto: a terminal that NO_COLOR and TERM=dumb leave alone. */
bool terminal_colors(const char *when);

#endif
