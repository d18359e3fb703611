/*
 * completion - a script for bash that completes verbs and options
 *
 * Printed from the tables that the command line is parsed with, so it knows what this version
 * knows.
 */
#include "ctl/ctl.h"

#include <string.h>

#include "ctl/verbs.h"

static void put_options(struct text *t, const struct option *table)
{
    for (const struct option *o = table; o && o->name; o++)
        if (o->help)
            text_printf(t, " %s", o->name);
}

static bool service_told(size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ctl_verbs[i]->service && strcmp(ctl_verbs[i]->service, ctl_verbs[n]->service) == 0)
            return true;
    return false;
}

static void put_services(struct text *t, const char *between)
{
    for (size_t i = 0; ctl_verbs[i]; i++)
        if (ctl_verbs[i]->service && !service_told(i))
            text_printf(t, "%s%s", between, ctl_verbs[i]->service);
}

static enum ctl_exit run(struct ctl *c)
{
    struct text t = text_new(c->arena);
    text_puts(&t, "_ipamctl()\n"
                  "{\n"
                  "    local word=${COMP_WORDS[COMP_CWORD]} verb= options= i\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        case ${COMP_WORDS[i]} in\n"
                  "        aws");
    put_services(&t, " | ");
    text_puts(&t, ") ;;\n"
                  "        *)\n"
                  "            verb=${COMP_WORDS[i]}\n"
                  "            break\n"
                  "            ;;\n"
                  "        esac\n"
                  "    done\n"
                  "    case ${COMP_WORDS[COMP_CWORD - 1]} in\n"
                  "    --state | --inventory)\n"
                  "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
                  "        return\n"
                  "        ;;\n"
                  "    esac\n"
                  "    case $verb in\n"
                  "    '') options='");
    for (const struct verb *const *v = ctl_verbs; *v; v++)
        text_printf(&t, "%s%s", v == ctl_verbs ? "" : " ", (*v)->name);
    put_services(&t, " ");
    text_puts(&t, "' ;;\n");
    for (const struct verb *const *v = ctl_verbs; *v; v++) {
        text_printf(&t, "    %s) options='", (*v)->name);
        put_options(&t, (*v)->options);
        put_options(&t, (*v)->answers ? answer_options : NULL);
        put_options(&t, common_options);
        text_puts(&t, "' ;;\n");
    }
    text_puts(&t, "    esac\n"
                  "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
                  "}\n"
                  "complete -o default -F _ipamctl ipamctl\n");
    return ctl_print(&t);
}

const struct verb completion_verb = {
    .name = "completion",
    .summary = "a script that completes verbs and options in bash",
    .examples = "  eval \"$(ipamctl completion)\"\n",
    .offline = true,
    .run = run,
};
