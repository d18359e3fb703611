/*
 * output - value trees as the AWS CLI prints them
 *
 * JSON with an indent of four. YAML as the same tree in blocks; texts that YAML could take for
 * something else are quoted. text: one line of tab-separated scalars per object, in the order of
 * their names; what an object holds besides scalars follows on lines of its own that begin with the
 * member's name in capitals. table: the same nesting as boxes.
 *
 * The tree is as deep as an answer of ipamctl is, or a query makes it (QUERY_MAX_DEPTH), so
 * recursion is bounded.
 */
#include "ctl/output.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "ctl/terminal.h"

bool output_named(const char *name, enum output_format *out)
{
    static const char *const names[] = {"json", "yaml", "table", "text"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum output_format)i;
            return true;
        }
    return false;
}

static bool is_scalar(const struct value *v)
{
    return v->kind != VALUE_SEQ && v->kind != VALUE_MAP;
}

static bool is_empty(const struct value *v)
{
    return (v->kind == VALUE_SEQ && v->seq.count == 0) ||
           (v->kind == VALUE_MAP && v->map.count == 0);
}

static void indent(struct text *t, unsigned columns)
{
    text_printf(t, "%*s", (int)columns, "");
}

/* --- JSON --- */

static void json_string(struct text *t, const char *s, size_t len)
{
    text_puts(t, "\"");
    text_safe(t, s, len, true);
    text_puts(t, "\"");
}

static void json_scalar(struct text *t, const struct value *v)
{
    switch (v->kind) {
    case VALUE_STRING:
        json_string(t, v->string.text, v->string.len);
        break;
    case VALUE_NUMBER:
        text_puts(t, value_number_describe(t->arena, &v->number));
        break;
    case VALUE_BOOL:
        text_puts(t, v->boolean ? "true" : "false");
        break;
    default:
        text_puts(t, "null");
    }
}

#define JSON_INDENT 4

static void json_print(struct text *t, const struct value *v, unsigned depth)
{
    bool map = v->kind == VALUE_MAP;
    size_t n = map ? v->map.count : v->kind == VALUE_SEQ ? v->seq.count : 0;
    if (is_scalar(v)) {
        json_scalar(t, v);
        return;
    }
    text_puts(t, map ? "{" : "[");
    for (size_t i = 0; i < n; i++) {
        text_puts(t, i ? ",\n" : "\n");
        indent(t, (depth + 1) * JSON_INDENT);
        if (map) {
            json_string(t, v->map.members[i].key, strlen(v->map.members[i].key));
            text_puts(t, ": ");
        }
        json_print(t, map ? v->map.members[i].value : v->seq.items[i], depth + 1);
    }
    if (n > 0) {
        text_puts(t, "\n");
        indent(t, depth * JSON_INDENT);
    }
    text_puts(t, map ? "}" : "]");
}

/* --- YAML --- */

/* Plain letters, digits and few signs, and nothing that reads as a number, a date, a CIDR's mapping
 * or a keyword. */
static bool yaml_plain(const char *s, size_t len)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n",   "none"};
    if (len == 0 || !isalpha((unsigned char)*s))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("-_./", s[i]))
            return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == len && strncasecmp(words[i], s, len) == 0)
            return false;
    return true;
}

static void yaml_string(struct text *t, const char *s, size_t len)
{
    if (yaml_plain(s, len))
        text_add(t, s, len);
    else
        json_string(t, s, len); /* YAML's double-quoted style takes all of JSON's escapes */
}

static void yaml_scalar(struct text *t, const struct value *v)
{
    if (v->kind == VALUE_STRING)
        yaml_string(t, v->string.text, v->string.len);
    else
        json_scalar(t, v);
}

static void yaml_print(struct text *t, const struct value *v, unsigned depth, bool in_list)
{
    bool map = v->kind == VALUE_MAP;
    size_t n = map ? v->map.count : v->kind == VALUE_SEQ ? v->seq.count : 0;
    if (n == 0) {
        is_scalar(v) ? yaml_scalar(t, v) : text_puts(t, map ? "{}" : "[]");
        text_puts(t, "\n");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct value *item = map ? v->map.members[i].value : v->seq.items[i];
        bool nested = !is_scalar(item) && !is_empty(item);
        if (i > 0 || !in_list)
            indent(t, depth * 2);
        if (!map) {
            text_puts(t, "- ");
            yaml_print(t, item, depth + 1, true);
            continue;
        }
        yaml_string(t, v->map.members[i].key, strlen(v->map.members[i].key));
        text_puts(t, nested ? ":\n" : ": ");
        yaml_print(t, item, depth + (nested && item->kind == VALUE_MAP), false);
    }
}

/* --- what text and table show of a scalar --- */

static const char *shown(struct arena *a, const struct value *v)
{
    switch (v->kind) {
    case VALUE_STRING:
        return safe_text(a, v->string.text);
    case VALUE_NUMBER:
        return value_number_describe(a, &v->number);
    case VALUE_BOOL:
        return v->boolean ? "True" : "False";
    default:
        return "None";
    }
}

/* The names of the scalar members of all objects in a list, in order. */
struct names {
    const char **items;
    size_t count;
};

static bool names_have(const struct names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->items[i], name) == 0)
            return true;
    return false;
}

static void names_add(struct arena *a, struct names *n, const char *name)
{
    size_t at = n->count;
    if (names_have(n, name))
        return;
    n->items =
        arena_grow(a, n->items, n->count * sizeof *n->items, (n->count + 1) * sizeof *n->items);
    for (; at > 0 && strcmp(n->items[at - 1], name) > 0; at--)
        n->items[at] = n->items[at - 1];
    n->items[at] = name;
    n->count++;
}

static void names_of(struct arena *a, struct names *n, const struct value *object)
{
    for (size_t i = 0; object->kind == VALUE_MAP && i < object->map.count; i++)
        if (is_scalar(object->map.members[i].value))
            names_add(a, n, object->map.members[i].key);
}

static struct names names_of_all(struct arena *a, const struct value *list)
{
    struct names n = {0};
    for (size_t i = 0; i < list->seq.count; i++)
        names_of(a, &n, list->seq.items[i]);
    return n;
}

/* --- text --- */

static const char *capitals(struct arena *a, const char *name)
{
    char *copy = arena_strdup(a, safe_text(a, name));
    for (char *p = copy; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return copy;
}

static void text_print(struct text *t, const struct value *v, const char *name,
                       const struct names *columns);

static void text_scalars(struct text *t, const struct value *list, const char *name)
{
    bool any = false;
    for (size_t i = 0; i < list->seq.count; i++) {
        const struct value *item = list->seq.items[i];
        if (!is_scalar(item))
            continue;
        if (name)
            text_printf(t, "%s\t%s\n", capitals(t->arena, name), shown(t->arena, item));
        else
            text_printf(t, "%s%s", any ? "\t" : "", shown(t->arena, item));
        any = true;
    }
    if (any && !name)
        text_puts(t, "\n");
}

static void text_list(struct text *t, const struct value *list, const char *name)
{
    struct names columns = names_of_all(t->arena, list);
    text_scalars(t, list, name);
    for (size_t i = 0; i < list->seq.count; i++)
        if (!is_scalar(list->seq.items[i]))
            text_print(t, list->seq.items[i], name, &columns);
}

static void text_object(struct text *t, const struct value *v, const char *name,
                        const struct names *columns)
{
    struct names own = {0};
    if (!columns) {
        names_of(t->arena, &own, v);
        columns = &own;
    }
    for (size_t i = 0; i < columns->count; i++)
        text_printf(t, "%s%s%s%s", i == 0 && name ? capitals(t->arena, name) : "",
                    i == 0 && !name ? "" : "\t", shown(t->arena, value_get(v, columns->items[i])),
                    i + 1 == columns->count ? "\n" : "");
    for (size_t i = 0; i < v->map.count; i++)
        if (!is_scalar(v->map.members[i].value))
            text_print(t, v->map.members[i].value, v->map.members[i].key, NULL);
}

static void text_print(struct text *t, const struct value *v, const char *name,
                       const struct names *columns)
{
    if (v->kind == VALUE_MAP)
        text_object(t, v, name, columns);
    else if (v->kind == VALUE_SEQ)
        text_list(t, v, name);
    else
        text_printf(t, "%s\n", shown(t->arena, v));
}

/* --- table --- */

/*
 * A table is a list of sections, each a title and rows of cells; a section inside another stands
 * behind one more bar. All are drawn as wide as the widest.
 */
struct section {
    struct section *next;
    const char *title;       /* NULL: none */
    const char *const *head; /* NULL: none */
    const char ***rows;
    size_t row_count, columns;
    unsigned depth;
    unsigned *widths;
};

struct table {
    struct arena *arena;
    struct section *first, **end;
};

static struct section *section_new(struct table *t, const char *title, unsigned depth,
                                   size_t columns, size_t rows)
{
    struct section *s = arena_alloc(t->arena, sizeof *s);
    s->title = title ? safe_text(t->arena, title) : NULL;
    s->depth = depth;
    s->columns = columns;
    s->rows = arena_calloc(t->arena, rows, sizeof *s->rows);
    *t->end = s;
    t->end = &s->next;
    return s;
}

static const char **row_new(struct table *t, struct section *s)
{
    return s->rows[s->row_count++] = arena_calloc(t->arena, s->columns, sizeof(const char *));
}

static void table_add(struct table *t, const char *title, const struct value *v, unsigned depth);

/* What the scalars do not show, below them. */
static void table_below(struct table *t, const struct value *object, unsigned depth)
{
    for (size_t i = 0; object->kind == VALUE_MAP && i < object->map.count; i++)
        if (!is_scalar(object->map.members[i].value) && !is_empty(object->map.members[i].value))
            table_add(t, object->map.members[i].key, object->map.members[i].value, depth);
}

/* One object: a row for each scalar. */
static void table_object(struct table *t, const char *title, const struct value *v, unsigned depth)
{
    struct names n = {0};
    names_of(t->arena, &n, v);
    struct section *s = section_new(t, title, depth, 2, n.count);
    for (size_t i = 0; i < n.count; i++) {
        const char **row = row_new(t, s);
        row[0] = safe_text(t->arena, n.items[i]);
        row[1] = shown(t->arena, value_get(v, n.items[i]));
    }
    table_below(t, v, depth + 1);
}

/* Objects with the same columns; each one that holds more gets a section of its own. */
static void table_rows(struct table *t, const char *title, const struct value *list, size_t first,
                       size_t end, unsigned depth)
{
    struct names n = {0};
    for (size_t i = first; i < end; i++)
        names_of(t->arena, &n, list->seq.items[i]);
    struct section *s = section_new(t, title, depth, n.count, end - first);
    const char **head = arena_calloc(t->arena, n.count, sizeof *head);
    for (size_t i = 0; i < n.count; i++)
        head[i] = safe_text(t->arena, n.items[i]);
    s->head = head;
    for (size_t i = first; i < end && n.count > 0; i++) {
        const char **row = row_new(t, s);
        for (size_t k = 0; k < n.count; k++)
            row[k] = shown(t->arena, value_get(list->seq.items[i], n.items[k]));
    }
}

static bool holds_more(const struct value *v)
{
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count; i++)
        if (!is_scalar(v->map.members[i].value) && !is_empty(v->map.members[i].value))
            return true;
    return false;
}

static void table_objects(struct table *t, const char *title, const struct value *list,
                          unsigned depth)
{
    for (size_t i = 0; i < list->seq.count;) {
        size_t end = i;
        while (end < list->seq.count && !holds_more(list->seq.items[end]))
            end++;
        if (end > i)
            table_rows(t, title, list, i, end, depth);
        if (end < list->seq.count) {
            table_object(t, title, list->seq.items[end], depth);
            end++;
        }
        i = end;
    }
}

static void table_list(struct table *t, const char *title, const struct value *list, unsigned depth)
{
    size_t objects = 0, lists = 0, widest = 1;
    for (size_t i = 0; i < list->seq.count; i++) {
        const struct value *item = list->seq.items[i];
        objects += item->kind == VALUE_MAP;
        lists += item->kind == VALUE_SEQ;
        if (item->kind == VALUE_SEQ && item->seq.count > widest)
            widest = item->seq.count;
    }
    if (objects > 0) {
        table_objects(t, title, list, depth);
        return;
    }
    struct section *s = section_new(t, title, depth, lists ? widest : 1, list->seq.count);
    for (size_t i = 0; i < list->seq.count; i++) {
        const struct value *item = list->seq.items[i];
        const char **row = row_new(t, s);
        for (size_t k = 0; item->kind == VALUE_SEQ && k < item->seq.count; k++)
            row[k] = is_scalar(item->seq.items[k]) ? shown(t->arena, item->seq.items[k]) : "...";
        if (item->kind != VALUE_SEQ)
            row[0] = shown(t->arena, item);
    }
}

static void table_add(struct table *t, const char *title, const struct value *v, unsigned depth)
{
    if (v->kind == VALUE_MAP) {
        table_object(t, title, v, depth);
    } else if (v->kind == VALUE_SEQ) {
        table_list(t, title, v, depth);
    } else {
        struct section *s = section_new(t, title, depth, 1, 1);
        row_new(t, s)[0] = shown(t->arena, v);
    }
}

static const char *cell(const char *s)
{
    return s ? s : "";
}

/* Columns between the outer bars that the section needs. */
static unsigned measure(struct arena *a, struct section *s)
{
    unsigned sum = s->columns ? (unsigned)s->columns - 1 : 0;
    s->widths = arena_calloc(a, s->columns, sizeof *s->widths);
    for (size_t i = 0; i < s->columns; i++) {
        s->widths[i] = s->head ? text_columns(s->head[i]) : 0;
        for (size_t r = 0; r < s->row_count; r++)
            if (text_columns(cell(s->rows[r][i])) > s->widths[i])
                s->widths[i] = text_columns(cell(s->rows[r][i]));
        s->widths[i] += 4;
        sum += s->widths[i];
    }
    unsigned title = s->title ? text_columns(s->title) + 4 : 0;
    return (sum > title ? sum : title) + 2 * s->depth;
}

static void bars(struct text *t, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        text_puts(t, "|");
}

static void rule(struct text *t, const struct section *s)
{
    bars(t, s->depth);
    for (size_t i = 0; i < s->columns; i++) {
        text_puts(t, "+");
        for (unsigned k = 0; k < s->widths[i]; k++)
            text_puts(t, "-");
    }
    text_puts(t, "+");
    bars(t, s->depth);
    text_puts(t, "\n");
}

static void line(struct text *t, const struct section *s, const char *const *cells)
{
    bars(t, s->depth);
    for (size_t i = 0; i < s->columns; i++) {
        unsigned used = text_columns(cell(cells[i])) + 2;
        text_printf(t, "|  %s%*s", cell(cells[i]),
                    (int)(s->widths[i] > used ? s->widths[i] - used : 0), "");
    }
    text_puts(t, "|");
    bars(t, s->depth);
    text_puts(t, "\n");
}

static void title_line(struct text *t, const struct section *s, unsigned inner)
{
    unsigned used = text_columns(s->title), left = (inner - used) / 2;
    bars(t, s->depth + 1);
    text_printf(t, "%*s%s%*s", (int)left, "", s->title, (int)(inner - used - left), "");
    bars(t, s->depth + 1);
    text_puts(t, "\n");
}

static void section_print(struct text *t, struct section *s, unsigned total)
{
    unsigned inner = total - 2 * s->depth, sum = s->columns ? (unsigned)s->columns - 1 : 0;
    for (size_t i = 0; i < s->columns; i++)
        sum += s->widths[i];
    for (size_t i = 0; sum < inner && s->columns > 0; i = (i + 1) % s->columns, sum++)
        s->widths[i]++;
    if (s->title)
        title_line(t, s, inner);
    if (s->columns > 0 && (s->head || s->row_count > 0))
        rule(t, s);
    if (s->head && s->columns > 0) {
        line(t, s, s->head);
        rule(t, s);
    }
    for (size_t r = 0; r < s->row_count; r++)
        line(t, s, s->rows[r]);
    if (s->row_count > 0)
        rule(t, s);
}

static void table_print(struct text *t, const char *title, const struct value *v)
{
    struct table table = {.arena = t->arena, .end = &table.first};
    unsigned total = 0;
    table_add(&table, title, v, 0);
    for (struct section *s = table.first; s; s = s->next) {
        unsigned wide = measure(t->arena, s);
        total = wide > total ? wide : total;
    }
    for (unsigned i = 0; i < total + 2; i++)
        text_puts(t, "-");
    text_puts(t, "\n");
    for (struct section *s = table.first; s; s = s->next)
        section_print(t, s, total);
}

void output_print(struct text *t, enum output_format f, const char *title, const struct value *v)
{
    switch (f) {
    case OUTPUT_JSON:
        json_print(t, v, 0);
        text_puts(t, "\n");
        break;
    case OUTPUT_YAML:
        yaml_print(t, v, 0, false);
        break;
    case OUTPUT_TABLE:
        table_print(t, title, v);
        break;
    case OUTPUT_TEXT:
        text_print(t, v, NULL, NULL);
        break;
    }
}
