/*
 * host - what can be known about the Terraform that started this process
 */
#ifndef PROTO_HOST_H
#define PROTO_HOST_H

#include <stddef.h>

/* Terraform's -parallelism when nothing says otherwise. */
#define HOST_PLACES 10

/*
 * How many operations the host runs at a time, at most: what its command line says, else the
 * largest of Terraform's default and of the values in TF_CLI_ARGS*. Never too low: which of those
 * variables apply is not decided here. 0: not known (the process cannot be looked at).
 */
unsigned host_places(int pid);

/* The same from the texts: arguments as in /proc/PID/cmdline (each with its NUL, `len` bytes in
 * all), and an environment as in environ(7). */
unsigned host_places_in(const char *arguments, size_t len, char *const *environment);

#endif
