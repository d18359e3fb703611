/*
 * wire_sample_provider - the smallest useful provider on proto/
 *
 * One resource and one function that know nothing of IP addresses. It shows that proto/ serves any
 * provider, what a provider has to write, and it lets the wire tests exercise what no finished
 * provider does on request: `after` makes a create wait until a note of that title exists.
 *
 * Notes live in the process, so with Terraform `after` works between notes of one apply.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/server.h"

struct note {
    struct note *next;
    char title[64];
};

struct notes {
    struct note *first;
};

struct note_fields {
    struct field_string text, title, after, id;
};

static const struct schema note_schema = {
    .version = 0,
    .block =
        {
            .description = "A note.",
            .attributes =
                (const struct attribute[]){
                    {.name = "text",
                     .type = &type_string,
                     .flags = ATTR_REQUIRED,
                     .description = "What is noted.",
                     FIELD(struct note_fields, text)},
                    {.name = "title",
                     .type = &type_string,
                     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
                     CHECKS(LENGTH(1, 63)),
                     .description = "A short name, 1 to 63 bytes.",
                     FIELD(struct note_fields, title)},
                    {.name = "after",
                     .type = &type_string,
                     .flags = ATTR_OPTIONAL,
                     .description = "Title of a note that must be made first.",
                     FIELD(struct note_fields, after)},
                    {.name = "id",
                     .type = &type_string,
                     .flags = ATTR_COMPUTED,
                     .description = "`note-` and the length of the text in bytes.",
                     FIELD(struct note_fields, id)},
                    {.name = NULL},
                },
        },
};

static bool exists(const struct notes *notes, const char *title)
{
    for (const struct note *n = notes ? notes->first : NULL; n; n = n->next) {
        if (strcmp(n->title, title) == 0) {
            return true;
        }
    }
    return false;
}

/* The change to the notes comes last: an attempt that runs out of memory leaves nothing behind. */
static enum outcome create_note(struct call *c, struct change *ch, const struct value **state)
{
    struct notes *notes = c->state;
    struct note_fields f = {0};
    schema_decode(&note_schema, ch->planned, &f);
    if (f.after.is == KNOWN && !exists(notes, f.after.v)) {
        if (!c->last_attempt && !c->stopping) {
            return CALL_WAIT;
        }
        diag_error(c->diags, PATH_ATTR(NULL, "after"), "creating note: the other one is missing",
                   c->stopping
                       ? "The run is being stopped, and no note with the title \"%s\" was made."
                       : "No note with the title \"%s\" was made in time.",
                   f.after.v);
        return CALL_DONE;
    }
    field_set_string(&f.id, arena_printf(c->arena, "note-%zu", strlen(f.text.v)));
    *state = schema_encode(c->arena, &note_schema, &f, ch->planned);
    if (notes && f.title.is == KNOWN) {
        struct note *n = calloc(1, sizeof *n);
        if (!n) {
            diag_error(c->diags, NULL, "creating note", "Out of memory.");
            *state = NULL;
            return CALL_DONE;
        }
        snprintf(n->title, sizeof n->title, "%s", f.title.v);
        n->next = notes->first;
        notes->first = n;
        call_progress(c);
    }
    return CALL_DONE;
}

static enum outcome read_note(struct call *c, const struct value **state, struct bytes *private)
{
    (void)c; /* notes do not change behind Terraform's back */
    (void)state;
    (void)private;
    return CALL_DONE;
}

static const struct resource note = {
    .names = NAMES("sample_note"),
    .schema = &note_schema,
    .summary = "A note.",
    .create = create_note,
    .read = read_note,
};

static void shout(struct call *c, const struct value *const *args, size_t count,
                  const struct value **result, const char **error, int64_t *argument)
{
    (void)count;
    (void)error;
    (void)argument;
    *result = value_string(c->arena, arena_printf(c->arena, "%s!", value_str(args[0], "")));
}

static const struct function shout_function = {
    .name = "shout",
    .summary = "The text with an exclamation mark.",
    .description = "The text with an exclamation mark.",
    .result = &type_string,
    .parameters =
        (const struct parameter[]){
            {.name = "text", .type = &type_string, .description = "The text."},
            {.name = NULL},
        },
    .call = shout,
};

static const struct schema provider_schema = {
    .block =
        {
            .description = "Notes, to try a provider.",
            .attributes = (const struct attribute[]){{.name = NULL}},
        },
};

static enum outcome configure(struct call *c, const struct value *config,
                              const char *terraform_version, void **state)
{
    (void)config;
    (void)terraform_version;
    if (!*state) {
        *state = calloc(1, sizeof(struct notes));
    }
    if (!*state) {
        diag_error(c->diags, NULL, "configuring", "Out of memory.");
    }
    return CALL_DONE;
}

static void unconfigure(void *state)
{
    struct notes *notes = state;
    while (notes && notes->first) {
        struct note *n = notes->first;
        notes->first = n->next;
        free(n);
    }
    free(notes);
}

static const struct provider sample = {
    .name = "sample",
    .version = PROVIDER_VERSION,
    .address = "terraform.local/test/sample",
    .about = "It keeps notes, and is there to try the runtime of providers.",
    .schema = &provider_schema,
    .resources = (const struct resource *const[]){&note, NULL},
    .functions = (const struct function *const[]){&shout_function, NULL},
    .configure = configure,
    .unconfigure = unconfigure,
};

static int count_words(int argc, char **argv)
{
    (void)argv;
    printf("%d\n", argc - 1);
    return 0;
}

static const struct plugin_command commands[] = {
    {"words", "print the number of arguments", count_words},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    return plugin_main(argc, argv, &sample, commands);
}
