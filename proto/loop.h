/*
 * loop - requests from a gRPC connection to the runtime and back
 *
 * One listening socket, one completion queue, one thread. What a method means is the runtime's
 * business (dispatch.h); here is what every plugin of Terraform owes its host: the services for
 * output, brokering and shutdown, and an end when the host is gone.
 */
#ifndef PROTO_LOOP_H
#define PROTO_LOOP_H

#include <stdbool.h>

#include "provider.h"
#include "tls.h"

struct loop;

/* All pointers must outlive the loop. */
struct loop_options {
    const struct provider *provider;
    const char *socket_path;             /* a file that does not exist yet */
    const struct tls_identity *identity; /* NULL: plain text, guarded by the file's mode only */
    const char *peer_certificate;        /* PEM; with an identity the only peer that is accepted */
    /* Started by a host: ends with it. Otherwise (reattach mode) ends with SIGINT. */
    bool hosted;
    /* Take everything down before the end (leak checks) instead of leaving at once. */
    bool clean_exit;
};

/* Listens: peers may connect when this returns. Takes over the process's handling of SIGINT,
 * SIGTERM, SIGHUP and SIGPIPE, therefore one loop in a process. NULL on failure, then *error is a
 * static text. Freed with loop_free. */
struct loop *loop_new(const struct loop_options *options, const char **error);

/* Serves until Shutdown, a signal, or the host's death; the process then ends with exit code 0.
 * Returns only with clean_exit. */
void loop_run(struct loop *l);

void loop_free(struct loop *l);

#endif
