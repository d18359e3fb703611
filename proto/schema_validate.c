/*
 * schema_validate - the rules of a table, applied to a configuration as written
 *
 * Terraform has already converted the configuration to the schema's type and refused arguments
 * that do not exist. Ours are: how often a nested block occurs, the rules on values, and the rules
 * on which arguments may or must stand together. That a required argument is set and that a
 * computed one is not are checked again, because hooks rely on both.
 *
 * Unknown values. What is not decided yet passes: a rule may refuse only what no later value can
 * make right. So a presence rule is silent as long as an unknown argument could turn out null (or
 * set), and a set that holds unknown elements may still shrink when some of them prove equal.
 *
 * Two paths. A diagnostic carries the path that Terraform can resolve, and its text names the
 * place in full. They differ inside a set of objects only: its elements have no index, and
 * Terraform would underline the wrong block.
 *
 * Words. Where the provider SDK has a well-known sentence for a rule, the summary uses it, so that
 * what people search for finds its answer; the detail states the fact, the rule and the remedy.
 * Sensitive values are never repeated.
 */
#include "proto/schema.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX  100 /* bytes of a value that a message repeats */
#define LISTED_MAX 20  /* allowed numbers that a message lists one by one */

struct place {
    struct diags *d;
    const struct path *path;   /* of the value */
    const struct path *report; /* as far as Terraform can follow it */
    bool in_set, sensitive;
};

static struct place step(struct place at, const struct path *path)
{
    at.path = path;
    if (!at.in_set)
        at.report = path;
    return at;
}

/* Nobody reads more errors than are kept. */
static bool enough(const struct place *at)
{
    return at->d->errors > DIAGS_MAX;
}

/* ---- words ---- */

static const char *name_of(const struct place *at)
{
    const char *text = path_describe(at->d->arena, at->path);
    return *text == '.' ? text + 1 : text;
}

/* Cuts where no UTF-8 sequence is torn. */
static const char *shorten(struct arena *a, const char *text)
{
    size_t n = strnlen(text, SHOWN_MAX + 1);
    if (n <= SHOWN_MAX)
        return text;
    for (n = SHOWN_MAX; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
        n--;
    return arena_printf(a, "%.*s...", (int)n, text);
}

static const char *shown(const struct place *at, const struct value *v)
{
    if (at->sensitive)
        return "(sensitive value)";
    if (v->kind == VALUE_STRING)
        return shorten(at->d->arena, v->string.text);
    return value_describe(at->d->arena, v, SHOWN_MAX);
}

/* a,b,c */
static const char *comma_list(struct arena *a, const char *first, const char *const *names)
{
    for (; *names; names++)
        first = arena_printf(a, "%s,%s", first, *names);
    return first;
}

/* ["a" "b" "c"] */
static const char *quoted_list(struct arena *a, const char *const *names)
{
    const char *text = "[";
    for (size_t i = 0; names[i]; i++)
        text = arena_printf(a, "%s%s\"%s\"", text, i ? " " : "", names[i]);
    return arena_printf(a, "%s]", text);
}

/* "in the range (0 - 128)"; an end at the limit of the integers is no bound. */
static const char *range_text(struct arena *a, int64_t min, int64_t max)
{
    if (max == INT64_MAX)
        return arena_printf(a, "at least (%" PRId64 ")", min);
    if (min == INT64_MIN)
        return arena_printf(a, "at most (%" PRId64 ")", max);
    return arena_printf(a, "in the range (%" PRId64 " - %" PRId64 ")", min, max);
}

/* "one of [44 48 52 56 60]", or the range and the step when those are many. */
static const char *multiple_text(struct arena *a, const struct check *c)
{
    uint64_t steps = ((uint64_t)c->max - (uint64_t)c->min) / (uint64_t)c->step;
    if (steps >= LISTED_MAX)
        return arena_printf(a, "%s in steps of %" PRId64, range_text(a, c->min, c->max), c->step);
    const char *text = arena_printf(a, "one of [%" PRId64, c->min);
    for (uint64_t i = 1; i <= steps; i++)
        text = arena_printf(a, "%s %" PRId64, text, c->min + (int64_t)i * c->step);
    return arena_printf(a, "%s]", text);
}

static void refuse(const struct place *at, const struct value *v, const char *expected)
{
    struct arena *a = at->d->arena;
    const char *name = name_of(at), *got = shown(at, v);
    diag_error(at->d, at->report,
               arena_printf(a, "expected %s to be %s, got %s", name, expected, got),
               "The configuration sets %s to %s. It has to be %s; change it to such a value.", name,
               got, expected);
}

/* A default of "", 0 or false says "not set", so to write it is to write nothing. Terraform does,
 * when it makes a configuration from a state. */
static bool stands_for_unset(const struct attribute *at, const struct value *v)
{
    const struct literal *d = &at->fallback;
    int64_t i;
    if (d->kind == LITERAL_STRING)
        return v->kind == VALUE_STRING && v->string.len == 0 && !*d->string;
    if (d->kind == LITERAL_INT)
        return d->integer == 0 && value_as_int(v, &i) && i == 0;
    return d->kind == LITERAL_BOOL && !d->boolean && v->kind == VALUE_BOOL && !value_truth(v, true);
}

/* ---- rules on one value ---- */

static bool is_fraction(const struct number *n)
{
    if (n->kind == NUMBER_DOUBLE)
        return floor(n->d) != n->d;
    if (n->kind != NUMBER_TEXT)
        return false;
    double d = strtod(n->text, NULL);
    return floor(d) != d;
}

/* `typed`: a hook reads this number as an int64. */
static void check_number(const struct attribute *at, bool typed, const struct value *v,
                         const struct place *p)
{
    int64_t i = 0;
    bool whole = value_as_int(v, &i);
    if (v->kind != VALUE_NUMBER)
        return;
    for (const struct check *c = at->checks; c && c->kind != CHECK_NONE; c++) {
        if (c->kind != CHECK_RANGE && c->kind != CHECK_MULTIPLE)
            continue;
        bool inside = whole && c->min <= i && i <= c->max;
        typed = true;
        if (is_fraction(&v->number))
            break;
        if (c->kind == CHECK_RANGE && !inside) {
            refuse(p, v, range_text(p->d->arena, c->min, c->max));
            return;
        }
        if (c->kind == CHECK_MULTIPLE &&
            (!inside || ((uint64_t)i - (uint64_t)c->min) % (uint64_t)c->step != 0)) {
            refuse(p, v, multiple_text(p->d->arena, c));
            return;
        }
    }
    if (typed && !whole)
        refuse(p, v, "a whole number of at most 64 bits");
}

static void check_string_function(const struct check *c, const struct value *v,
                                  const struct place *p)
{
    struct arena *a = p->d->arena;
    const char *wrong = c->fn(a, v->string.text);
    if (!wrong)
        return;
    const char *name = name_of(p);
    diag_error(p->d, p->report,
               arena_printf(a, "expected %s to be %s, got %s", name, c->text, shown(p, v)), "%s",
               p->sensitive ? arena_printf(a, "%s has to be %s.", name, c->text) : wrong);
}

static void check_string(const struct attribute *at, const struct value *v, const struct place *p)
{
    if (v->kind != VALUE_STRING)
        return;
    for (const struct check *c = at->checks; c && c->kind != CHECK_NONE; c++) {
        if (c->kind == CHECK_FUNCTION)
            check_string_function(c, v, p);
        if (c->kind != CHECK_ONE_OF)
            continue;
        const char *const *name = c->names;
        while (*name && strcmp(*name, v->string.text) != 0)
            name++;
        if (!*name)
            refuse(p, v,
                   arena_printf(p->d->arena, "one of %s", quoted_list(p->d->arena, c->names)));
    }
}

static void check_scalar(const struct attribute *at, const struct type *t, bool typed,
                         const struct value *v, const struct place *p)
{
    if (t->kind == TYPE_NUMBER)
        check_number(at, typed, v, p);
    else if (t->kind == TYPE_STRING)
        check_string(at, v, p);
}

static void check_elements(const struct attribute *at, const struct value *v, struct place p)
{
    const struct type *elem = at->type->elem;
    for (size_t i = 0; v->kind == VALUE_SEQ && i < v->seq.count && !enough(&p); i++) {
        struct place e = step(p, PATH_ELEMENT(p.path, (int64_t)i));
        check_scalar(at, elem, false, v->seq.items[i], &e);
    }
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count && !enough(&p); i++) {
        struct place e = step(p, PATH_MAP_KEY(p.path, v->map.members[i].key));
        check_scalar(at, elem, false, v->map.members[i].value, &e);
    }
}

/* Elements that are equal once known count once in a set. Returns the least number. */
static size_t least_count(const struct value *v, bool set)
{
    if (!set || value_is_wholly_known(v))
        return v->seq.count;
    return v->seq.count > 0;
}

static void check_length(const struct attribute *at, const struct check *c, const struct value *v,
                         const struct place *p)
{
    struct arena *a = p->d->arena;
    bool set = at->type ? at->type->kind == TYPE_SET : at->nesting == NESTING_SET;
    const char *unit = "elements";
    size_t least = 0, most = 0;
    if (v->kind == VALUE_STRING) {
        least = most = v->string.len;
        unit = "bytes";
    } else if (v->kind == VALUE_MAP) {
        least = most = v->map.count;
    } else if (v->kind == VALUE_SEQ) {
        least = least_count(v, set);
        most = v->seq.count;
    } else {
        return;
    }
    if (most >= (uint64_t)c->min && least <= (uint64_t)c->max)
        return;
    const char *name = name_of(p), *range = range_text(a, c->min, c->max);
    diag_error(p->d, p->report,
               arena_printf(a, "expected length of %s to be %s, got %zu", name, range, most),
               "%s has %zu %s. The number of %s has to be %s.", name, most, unit, unit, range);
}

static void check_value(const struct attribute *at, const struct value *v, struct place p)
{
    p.sensitive = (at->flags & ATTR_SENSITIVE) != 0;
    if (!value_is_known(v) || stands_for_unset(at, v))
        return;
    for (const struct check *c = at->checks; c && c->kind != CHECK_NONE; c++) {
        if (c->kind == CHECK_LENGTH)
            check_length(at, c, v, &p);
    }
    if (!at->type)
        return;
    if (at->checks && at->type->elem)
        check_elements(at, v, p);
    else
        check_scalar(at, at->type, at->offset != 0, v, &p);
}

void schema_check_value(const struct attribute *at, const struct value *v, const struct path *p,
                        struct diags *d)
{
    check_value(at, v, (struct place){.d = d, .path = p, .report = p});
}

/* ---- rules on what stands together ---- */

/* An argument that is set, one that is not, and one that may yet turn out either way. */
static enum presence presence_of(const struct block *b, const struct value *object,
                                 const char *name)
{
    const struct value *v = value_get(object, name);
    if (value_is_null(v))
        return ABSENT;
    if (value_is_unknown(v))
        return UNKNOWN;
    for (const struct attribute *at = b->attributes; at && at->name; at++)
        if (strcmp(at->name, name) == 0 && stands_for_unset(at, v))
            return ABSENT;
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        if (strcmp(nb->name, name) == 0 && v->kind == VALUE_SEQ && v->seq.count == 0)
            return ABSENT;
    }
    return KNOWN;
}

/* Those of `names` with that presence, `first` before them if it is one: "a,b". */
static const char *those(struct arena *a, const struct block *b, const struct value *object,
                         const char *first, const char *const *names, enum presence wanted)
{
    const char *text = first && presence_of(b, object, first) == wanted ? first : "";
    for (; *names; names++) {
        if (presence_of(b, object, *names) == wanted)
            text = arena_printf(a, "%s%s%s", text, *text ? "," : "", *names);
    }
    return text;
}

static void check_conflicts(const struct block *b, const struct value *object, const char *name,
                            const struct check *c, const struct place *p)
{
    if (presence_of(b, object, name) != KNOWN)
        return;
    for (const char *const *other = c->names; *other; other++) {
        if (presence_of(b, object, *other) == KNOWN)
            diag_error(p->d, p->report, "Conflicting configuration arguments",
                       "\"%s\": conflicts with %s\n\nBoth are set, but only one of them may be. "
                       "Remove either %s or %s.",
                       name_of(p), *other, name, *other);
    }
}

static void check_requires(const struct block *b, const struct value *object, const char *name,
                           const struct check *c, const struct place *p)
{
    struct arena *a = p->d->arena;
    if (presence_of(b, object, name) != KNOWN)
        return;
    const char *missing = those(a, b, object, NULL, c->names, ABSENT);
    if (*missing)
        diag_error(p->d, p->report, "Missing required argument",
                   "\"%s\": all of `%s` must be specified\n\n%s is set and needs %s, which is "
                   "missing. Add what is missing or remove %s.",
                   name_of(p), comma_list(a, name, c->names), name, missing, name);
}

/* CHECK_EXACTLY_ONE and CHECK_AT_LEAST_ONE. */
static void check_choice(const struct block *b, const struct value *object, const char *name,
                         const struct check *c, const struct place *p)
{
    struct arena *a = p->d->arena;
    const char *set = those(a, b, object, name, c->names, KNOWN);
    const char *undecided = those(a, b, object, name, c->names, UNKNOWN);
    const char *all = comma_list(a, name, c->names);
    bool exactly = c->kind == CHECK_EXACTLY_ONE;
    if (!*set && !*undecided)
        diag_error(p->d, p->report,
                   exactly ? "Invalid combination of arguments" : "Missing required argument",
                   "\"%s\": one of `%s` must be specified\n\nNone of them is set. Set %s.",
                   name_of(p), all, exactly ? "exactly one of them" : "at least one of them");
    if (exactly && strchr(set, ','))
        diag_error(p->d, p->report, "Invalid combination of arguments",
                   "\"%s\": only one of `%s` can be specified, but `%s` were specified.\n\nKeep "
                   "one of them and remove the others.",
                   name_of(p), all, set);
}

static void check_presence(const struct block *b, const struct value *object,
                           const struct attribute *at, const struct place *p)
{
    for (const struct check *c = at->checks; c && c->kind != CHECK_NONE; c++) {
        if (c->kind == CHECK_CONFLICTS)
            check_conflicts(b, object, at->name, c, p);
        else if (c->kind == CHECK_REQUIRES)
            check_requires(b, object, at->name, c, p);
        else if (c->kind == CHECK_EXACTLY_ONE || c->kind == CHECK_AT_LEAST_ONE)
            check_choice(b, object, at->name, c, p);
    }
}

/* ---- the walk ---- */

static void validate_block(const struct block *b, const struct value *object, struct place at);

/* Whatever holds objects: nested attributes and nested blocks. */
static void validate_nest(enum nesting nesting, const struct block *b, const struct value *v,
                          struct place p)
{
    if (nesting == NESTING_SINGLE) {
        validate_block(b, v, p);
        return;
    }
    p.in_set |= nesting == NESTING_SET;
    for (size_t i = 0; v->kind == VALUE_SEQ && i < v->seq.count && !enough(&p); i++)
        validate_block(b, v->seq.items[i], step(p, PATH_ELEMENT(p.path, (int64_t)i)));
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count && !enough(&p); i++)
        validate_block(b, v->map.members[i].value,
                       step(p, PATH_MAP_KEY(p.path, v->map.members[i].key)));
}

static void validate_attribute(const struct block *b, const struct value *object,
                               const struct attribute *at, struct place p)
{
    const struct value *v = value_get(object, at->name);
    if ((at->flags & ATTR_REQUIRED) && value_is_null(v))
        diag_error(p.d, p.report, "Missing required argument",
                   "The argument \"%s\" is required, but no definition was found. Add it.",
                   name_of(&p));
    if (!(at->flags & (ATTR_REQUIRED | ATTR_OPTIONAL)) && !value_is_null(v))
        diag_error(p.d, p.report, "Value for unconfigurable attribute",
                   "The configuration sets \"%s\", which the provider decides. Remove it.",
                   name_of(&p));
    check_value(at, v, p);
    check_presence(b, object, at, &p);
    if (at->nested)
        validate_nest(at->nesting, at->nested, v, p);
}

static void validate_count(const struct nested_block *nb, const struct value *v, struct place p)
{
    struct arena *a = p.d->arena;
    bool single = nb->nesting == NESTING_SINGLE;
    size_t most = single ? !value_is_null(v) : v->kind == VALUE_SEQ ? v->seq.count : 0;
    size_t least = v->kind == VALUE_SEQ ? least_count(v, nb->nesting == NESTING_SET) : most;
    bool few = most < (uint64_t)nb->min_items;
    bool many = nb->max_items && least > (uint64_t)nb->max_items;
    if (value_is_unknown(v) || (!few && !many))
        return;
    const char *name = name_of(&p);
    if (few)
        diag_error(p.d, p.report, arena_printf(a, "Insufficient %s blocks", name),
                   "At least %" PRId64
                   " \"%s\" blocks are required, but there are %zu. Add what is "
                   "missing.",
                   nb->min_items, name, most);
    if (many)
        diag_error(p.d, p.report, arena_printf(a, "Too many %s blocks", name),
                   "No more than %" PRId64 " \"%s\" blocks are allowed, but there are %zu. Remove "
                   "the others.",
                   nb->max_items, name, least);
}

static void validate_block(const struct block *b, const struct value *object, struct place at)
{
    if (object->kind != VALUE_MAP)
        return;
    for (const struct attribute *a = b->attributes; a && a->name; a++)
        validate_attribute(b, object, a, step(at, PATH_ATTR(at.path, a->name)));
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        const struct value *v = value_get(object, nb->name);
        struct place p = step(at, PATH_ATTR(at.path, nb->name));
        validate_count(nb, v, p);
        validate_nest(nb->nesting, nb->block, v, p);
    }
}

void schema_validate(const struct schema *s, const struct value *config, struct diags *d)
{
    validate_block(&s->block, config, (struct place){.d = d});
}
