/*
 * options - the command line
 *
 * `ipamctl [aws] [SERVICE] VERB [OPTIONS]`, options spelled as the AWS CLI spells them, so that its
 * commands run when `aws` is an alias of ipamctl: an option takes the next word or what stands
 * behind `=`; a list takes every word up to the next option. What steers the AWS CLI's way to AWS
 * (profiles, paging, certificates) is accepted and has no effect. Options stand in tables, and help
 * and completion are printed from the same tables.
 */
#include "ctl/verbs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_CODES                                                                                 \
    "Exit codes: 0 answered; 1 what was asked is not so, or there is something to attend to;\n"    \
    "            2 wrong command line; 3 something could not be read or written.\n"

const struct option common_options[] = {
    {"--state", "PATH",
     "state files, wildcards allowed; may be repeated (default: the state of\n"
     "the working directory, found as Terraform finds it, and the states that\n"
     "its journal names)",
     OPTION_LIST, false},
    {"--inventory", "PATH",
     "inventory files, wildcards allowed; may be repeated (default: those\n"
     "in the folder inventory)",
     OPTION_LIST, false},
    {"--account-id", "ID", "who looks (default: who sees everything)", OPTION_TEXT, false},
    {"--region", "NAME",
     "Region of the answers that name one (default: AWS_REGION, else\n"
     "AWS_DEFAULT_REGION, else " DEFAULT_REGION ")",
     OPTION_TEXT, false},
    {"--color", "WHEN", "auto, always or never (default: auto; NO_COLOR is respected)", OPTION_TEXT,
     false},
    {"--help", NULL, "this text", OPTION_SWITCH, false},
    {"--profile", "NAME", NULL, OPTION_TEXT, false},
    {"--endpoint-url", "URL", NULL, OPTION_TEXT, false},
    {"--max-items", "N", NULL, OPTION_TEXT, false},
    {"--max-results", "N", NULL, OPTION_TEXT, false},
    {"--page-size", "N", NULL, OPTION_TEXT, false},
    {"--starting-token", "TOKEN", NULL, OPTION_TEXT, false},
    {"--next-token", "TOKEN", NULL, OPTION_TEXT, false},
    {"--ca-bundle", "FILE", NULL, OPTION_TEXT, false},
    {"--cli-read-timeout", "N", NULL, OPTION_TEXT, false},
    {"--cli-connect-timeout", "N", NULL, OPTION_TEXT, false},
    {"--no-paginate", NULL, NULL, OPTION_SWITCH, false},
    {"--no-cli-pager", NULL, NULL, OPTION_SWITCH, false},
    {"--no-cli-auto-prompt", NULL, NULL, OPTION_SWITCH, false},
    {"--no-verify-ssl", NULL, NULL, OPTION_SWITCH, false},
    {"--no-sign-request", NULL, NULL, OPTION_SWITCH, false},
    {"--no-dry-run", NULL, NULL, OPTION_SWITCH, false},
    {"--debug", NULL, NULL, OPTION_SWITCH, false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};

const struct option answer_options[] = {
    {"--output", "FORMAT", "json, yaml, table or text (default: AWS_DEFAULT_OUTPUT, else json)",
     OPTION_TEXT, false},
    {"--query", "EXPRESSION", "JMESPath", OPTION_TEXT, false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};

/* --- what was given --- */

const char *ctl_option(const struct ctl *c, const char *name)
{
    const char *found = NULL;
    for (size_t i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, name) == 0)
            found = c->given[i].text;
    return found;
}

bool ctl_has(const struct ctl *c, const char *name)
{
    for (size_t i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, name) == 0)
            return true;
    return false;
}

const char *const *ctl_options(const struct ctl *c, const char *name, size_t *count)
{
    const char **found = arena_calloc(c->arena, c->given_count + 1, sizeof *found);
    *count = 0;
    for (size_t i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, name) == 0)
            found[(*count)++] = c->given[i].text;
    return found;
}

bool ctl_number(struct ctl *c, const char *name, long low, long high, long *out)
{
    const char *text = ctl_option(c, name);
    char *end;
    if (!text)
        return true;
    long n = strtol(text, &end, 10);
    bool digits = *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
    if (digits && !*end && n >= low && n <= high) {
        *out = n;
        return true;
    }
    ctl_fail(CTL_USAGE, arena_printf(c->arena, "%s: no such number", name),
             "\"%s\" was given, and %s takes a whole number from %ld to %ld.", text, name, low,
             high);
    return false;
}

/* --- names that were nearly right --- */

#define NAME_MAX_LENGTH 80

/* Levenshtein's distance, one row at a time. O(length of a * length of b). */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LENGTH + 1];
    size_t n = strlen(b);
    if (n > NAME_MAX_LENGTH)
        return NAME_MAX_LENGTH;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned corner = row[0]++;
        for (size_t j = 0; j < n; j++) {
            unsigned best = corner + (a[i] != b[j]);
            corner = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (corner + 1 < best)
                best = corner + 1;
            row[j + 1] = best;
        }
    }
    return row[n];
}

struct guess {
    const char *wanted, *nearest;
    unsigned distance;
};

static void consider(struct guess *g, const char *name)
{
    unsigned d = distance(g->wanted, name);
    if (d < g->distance) {
        g->distance = d;
        g->nearest = name;
    }
}

/* ` Did you mean X?`, or nothing when no name is near. */
static const char *suggestion(struct arena *a, const struct guess *g)
{
    return g->nearest && g->distance <= 2 + strlen(g->wanted) / 4
               ? arena_printf(a, " Did you mean %s?", g->nearest)
               : "";
}

/* --- help --- */

static void help_line(struct text *t, const char *left, const char *right)
{
    text_printf(t, "  %-30s ", left);
    if (strlen(left) > 30)
        text_printf(t, "\n%33s", "");
    for (const char *p = right; *p; p++)
        if (*p == '\n')
            text_printf(t, "\n%33s", "");
        else
            text_add(t, p, 1);
    text_puts(t, "\n");
}

static void help_options(struct text *t, const struct option *table)
{
    for (const struct option *o = table; o && o->name; o++) {
        struct text left = text_new(t->arena);
        text_printf(&left, "%s%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "",
                    o->kind == OPTION_LIST ? "..." : "");
        if (o->help)
            help_line(t, text_end(&left), o->help);
    }
}

static void help_verb(struct text *t, const struct verb *v)
{
    text_printf(t, "usage: ipamctl %s%s%s [OPTIONS]\n\n%s.\n", v->service ? v->service : "",
                v->service ? " " : "", v->name, v->summary);
    if (v->options) {
        text_puts(t, "\nOptions:\n");
        help_options(t, v->options);
    }
    if (v->answers) {
        text_puts(t, "\nOutput:\n");
        help_options(t, answer_options);
    }
    text_puts(t, "\nEverywhere:\n");
    help_options(t, common_options);
    text_printf(t, "\nExamples:\n%s\n" EXIT_CODES, v->examples);
}

static void help_verbs(struct text *t, bool own)
{
    for (const struct verb *const *v = ctl_verbs; *v; v++)
        if (((*v)->service == NULL) == own)
            help_line(t, (*v)->name, (*v)->summary);
}

static void help_all(struct text *t)
{
    text_puts(t, "usage: ipamctl VERB [OPTIONS]\n"
                 "\n"
                 "Answers questions about IPAM from Terraform's states and from inventories. It "
                 "only reads.\n"
                 "\n");
    help_verbs(t, true);
    text_puts(t, "\nAs the AWS CLI calls them (a leading `aws` and the service's name may be left "
                 "out):\n");
    help_verbs(t, false);
    text_puts(t, "\n`ipamctl VERB --help` tells the options and examples of a verb, `ipamctl "
                 "--version` the version.\n\n" EXIT_CODES);
}

/* --- parsing --- */

static const struct option *find_option(const struct verb *v, const char *name, size_t len)
{
    const struct option *const tables[] = {v->options, v->answers ? answer_options : NULL,
                                           common_options};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct option *o = tables[i]; o && o->name; o++)
            if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
                return o;
    return NULL;
}

static enum ctl_exit unknown_option(struct ctl *c, const char *name)
{
    const struct verb *v = c->verb;
    struct guess g = {name, NULL, NAME_MAX_LENGTH};
    const struct option *const tables[] = {v->options, v->answers ? answer_options : NULL,
                                           common_options};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct option *o = tables[i]; o && o->name; o++)
            if (o->help)
                consider(&g, o->name);
    return ctl_fail(CTL_USAGE, "unknown option",
                    "%s has no option %s.%s `ipamctl %s --help` tells all.", v->name, name,
                    suggestion(c->arena, &g), v->name);
}

static void give(struct ctl *c, const struct option *o, const char *text)
{
    c->given[c->given_count++] = (struct given){o, text};
}

static bool is_option(const char *word)
{
    return word[0] == '-' && (word[1] == '-' || isalpha((unsigned char)word[1]));
}

/* One option at argv[*i] and its words; *i ends on the last of them. */
static bool parse_option(struct ctl *c, int argc, char **argv, int *i, enum ctl_exit *exit)
{
    const char *word = argv[*i], *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const struct option *o = find_option(c->verb, word, len);
    if (!o) {
        *exit = unknown_option(c, arena_strndup(c->arena, word, len));
        return false;
    }
    if (o->kind == OPTION_SWITCH && equals) {
        *exit = ctl_fail(CTL_USAGE, "option without a value", "%s takes no value.", o->name);
        return false;
    }
    if (equals || o->kind == OPTION_SWITCH) {
        give(c, o, equals ? equals + 1 : "");
        return true;
    }
    size_t before = c->given_count;
    while (*i + 1 < argc && !is_option(argv[*i + 1]) &&
           (o->kind == OPTION_LIST || c->given_count == before))
        give(c, o, argv[++*i]);
    if (c->given_count > before)
        return true;
    *exit = ctl_fail(CTL_USAGE, "option without its value", "%s needs a value: %s %s.", o->name,
                     o->name, o->value);
    return false;
}

static bool check_required(struct ctl *c, enum ctl_exit *exit)
{
    for (const struct option *o = c->verb->options; o && o->name; o++)
        if (o->required && !ctl_has(c, o->name)) {
            *exit = ctl_fail(CTL_USAGE, "missing option",
                             "%s needs %s %s. `ipamctl %s --help` tells all.", c->verb->name,
                             o->name, o->value, c->verb->name);
            return false;
        }
    return true;
}

static bool is_service(const char *word)
{
    for (const struct verb *const *v = ctl_verbs; *v; v++)
        if ((*v)->service && strcmp((*v)->service, word) == 0)
            return true;
    return strcmp(word, "aws") == 0;
}

static const struct verb *find_verb(const char *name)
{
    for (const struct verb *const *v = ctl_verbs; *v; v++)
        if (strcmp((*v)->name, name) == 0)
            return *v;
    return NULL;
}

static enum ctl_exit unknown_verb(struct ctl *c, const char *name)
{
    struct guess g = {name, NULL, NAME_MAX_LENGTH};
    const char *remedy = writing_remedy(name);
    if (remedy)
        return ctl_fail(CTL_USAGE, arena_printf(c->arena, "%s changes something", name),
                        "ipamctl only reads: Terraform's state is the only store, and what is not "
                        "in it would be given out again. %s",
                        remedy);
    for (const struct verb *const *v = ctl_verbs; *v; v++)
        consider(&g, (*v)->name);
    return ctl_fail(CTL_USAGE, "unknown verb",
                    "There is no verb %s.%s `ipamctl --help` lists them.", name,
                    suggestion(c->arena, &g));
}

/* Help or version instead of a verb? */
static bool parse_start(struct ctl *c, const char *word, enum ctl_exit *exit)
{
    struct text t = text_new(c->arena);
    if (word && strcmp(word, "--version") == 0)
        text_puts(&t, "ipamctl " PROVIDER_VERSION "\n");
    else if (word && (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0))
        help_all(&t);
    else if (word)
        return true;
    if (t.len > 0) {
        *exit = ctl_print(&t);
        return false;
    }
    help_all(&t);
    fputs(text_end(&t), stderr);
    *exit = CTL_USAGE;
    return false;
}

bool ctl_parse(struct ctl *c, int argc, char **argv, enum ctl_exit *exit)
{
    int i = 1;
    c->given = arena_calloc(c->arena, (size_t)argc + 1, sizeof *c->given);
    while (i < argc && is_service(argv[i]))
        i++;
    if (!parse_start(c, i < argc ? argv[i] : NULL, exit))
        return false;
    c->verb = find_verb(argv[i]);
    if (!c->verb) {
        *exit = unknown_verb(c, argv[i]);
        return false;
    }
    while (++i < argc) {
        if (is_option(argv[i]) ? parse_option(c, argc, argv, &i, exit) : false)
            continue;
        if (!is_option(argv[i]))
            *exit = ctl_fail(CTL_USAGE, "unexpected word",
                             "%s takes options only, and \"%s\" is none.", c->verb->name, argv[i]);
        return false;
    }
    if (ctl_has(c, "--help")) {
        struct text t = text_new(c->arena);
        help_verb(&t, c->verb);
        *exit = ctl_print(&t);
        return false;
    }
    return check_required(c, exit);
}
