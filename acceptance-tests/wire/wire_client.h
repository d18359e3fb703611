/*
 * wire_client - plays Terraform: starts a provider's binary and talks to it
 *
 * The environment, the handshake, mutual TLS, the two streams and the calls are those of Terraform;
 * unlike Terraform it can also do each of them wrong. It knows no provider and no message: bytes
 * in, bytes out (wire_calls.h knows the messages).
 *
 * Everything is bounded in time: whatever the provider does, a function returns. One thread; no
 * more than one channel may wait at a time.
 */
#ifndef WIRE_CLIENT_H
#define WIRE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/arena.h"
#include "proto/tls.h"

/* ---- The process ---------------------------------------------------------------------------- */

struct host_options {
    const char *binary;
    const char *const *arguments;   /* after the program's name, NULL-terminated; NULL: none */
    const char *const *environment; /* "NAME=value" sets, "NAME" removes; NULL: nothing */
    const char *directory;          /* working directory; NULL: this one */
    const char *versions;           /* protocol versions on offer; NULL: "5,6" */
    bool plain;                     /* as under TF_DISABLE_PLUGIN_TLS */
    bool no_cookie;                 /* as started by hand */
};

struct host_process {
    pid_t pid;
    int exit_code; /* after host_wait: the exit code, or 128 + signal */
    bool ended;
    int output;                    /* its stdout */
    int errors;                    /* a file in memory with its stderr */
    struct tls_identity *identity; /* the client's; NULL when plain */
    char line[4096];               /* the first line of stdout, without the newline */
    char socket_path[128];         /* from the handshake; "" before */
    char *certificate_pem;         /* the server's, from the handshake; NULL without TLS */
};

/* NULL when the process cannot be started (errno says why). Freed with host_free. */
struct host_process *host_start(const struct host_options *o);

/* Reads the first line of stdout. False when the time is over or stdout ends before a newline;
 * line then holds what came. */
bool host_read_line(struct host_process *p, unsigned timeout_ms);

/* host_read_line, then takes the line apart as go-plugin does. NULL when all is well, else what is
 * wrong with it (static). */
const char *host_handshake(struct host_process *p, unsigned timeout_ms);

/* Waits for the end; false when the time is over. */
bool host_wait(struct host_process *p, unsigned timeout_ms);

/* Everything on stderr so far; what is left of stdout, waiting for its end. In the arena. */
const char *host_errors(struct host_process *p, struct arena *a);
const char *host_output(struct host_process *p, struct arena *a, unsigned timeout_ms);

/* Kills the process if it still runs. NULL is allowed. */
void host_free(struct host_process *p);

/* ---- The connection ------------------------------------------------------------------------- */

struct host_channel;

/* server_pem NULL: plain text. client NULL: TLS without a certificate. Connects with the first
 * call. Freed with host_close. */
struct host_channel *host_connect(const char *socket_path, const char *server_pem,
                                  const struct tls_identity *client);

/* Connects as Terraform does to this process after host_handshake. */
struct host_channel *host_dial(const struct host_process *p);

/* Opens the two streams that Terraform opens first, and keeps them open. */
void host_open_streams(struct host_channel *c);

/* Ends the streams and calls without Shutdown, and the connection. NULL is allowed. */
void host_close(struct host_channel *c);

struct host_reply {
    int status;          /* a gRPC status; 0 is OK */
    const char *message; /* of a status other than OK */
    struct bytes body;
};

struct host_call;

/* Sends a request. `method` is the whole path. The answer is DEADLINE_EXCEEDED (4) when the time
 * is over. Each call begun is finished once. */
struct host_call *host_begin(struct host_channel *c, const char *method, struct bytes request,
                             unsigned timeout_ms);
/* Gives the call up, as Terraform never does. It must still be finished. */
void host_cancel(struct host_call *call);
/* Waits for the answer; its texts live in the arena. */
struct host_reply host_finish(struct host_call *call, struct arena *a);

/* Both at once. */
struct host_reply host_call(struct host_channel *c, struct arena *a, const char *method,
                            struct bytes request, unsigned timeout_ms);

/* Asks it to leave. True: it answered, or the connection ended instead, since a plugin leaves as
 * soon as its answer is on its way: when the client has something to write in that moment, gRPC
 * meets the closed socket before it reads the answer. Terraform does not look at the answer either;
 * what tells is the exit code. */
bool host_shutdown(struct host_channel *c, struct arena *a);

/* ---- Time ----------------------------------------------------------------------------------- */

/* Monotonic. */
uint64_t host_now_us(void);

#endif
