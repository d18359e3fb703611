/*
 * output - value trees as the AWS CLI prints them
 */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include "proto/text.h"
#include "proto/value.h"

enum output_format { OUTPUT_JSON, OUTPUT_YAML, OUTPUT_TABLE, OUTPUT_TEXT };

/* "json" ...; false: there is no such format. */
bool output_named(const char *name, enum output_format *out);
/* The whole text, ended by a newline. title: the head of a table. Members come in alphabetical
 * order. Every text is made safe. O(size). */
void output_print(struct text *t, enum output_format f, const char *title, const struct value *v);

#endif
