/*
 * server - a provider as a process: handshake, TLS, the gRPC loop, the command line
 *
 * plugin_main is a provider's main function. Started by Terraform it does the handshake and serves
 * until Shutdown, or until its Terraform is gone. Started by hand it explains itself; --version,
 * --help and --debug (reattach mode) do what one expects.
 */
#ifndef PROTO_SERVER_H
#define PROTO_SERVER_H

#include "provider.h"

/* Sub-commands of a provider's own (`doctor`): tried by name before the built-in options. */
struct plugin_command {
    const char *name; /* NULL ends the table */
    const char *summary;
    int (*run)(int argc, char **argv);
};

/* Returns the exit code: 0, 1 failed, 2 usage. `commands` may be NULL. */
int plugin_main(int argc, char **argv, const struct provider *provider,
                const struct plugin_command *commands);

#endif
