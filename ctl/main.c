/*
 * main - ipamctl
 */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"

static enum ctl_exit run(struct ctl *c, int argc, char **argv)
{
    enum ctl_exit exit = CTL_USAGE;
    diags_init(&c->diags, c->arena);
    if (!ctl_parse(c, argc, argv, &exit))
        return exit;
    if (!c->verb->offline)
        exit = ctl_load(c);
    if (!c->verb->offline && exit != CTL_FINE)
        return exit;
    exit = c->verb->run(c);
    return c->unreadable ? CTL_UNREADABLE : exit;
}

int main(int argc, char **argv)
{
    struct ctl c = {.arena = arena_new()};
    if (!c.arena) {
        fputs("ipamctl: out of memory\n", stderr);
        return CTL_UNREADABLE;
    }
    enum ctl_exit exit = run(&c, argc, argv);
    ctl_unload(&c);
    arena_free(c.arena);
    return (int)exit;
}
