/*
 * server - a provider as a process: handshake, TLS, the gRPC loop, the command line
 *
 * Who starts this program decides what it does. A host (Terraform, OpenTofu) sets the cookie and
 * reads one line from stdout, so nothing else may be printed there before it. A person has no
 * cookie and gets an explanation. A developer says --debug and gets the same server without
 * cookie and TLS, which many Terraform commands attach to.
 *
 * What a person must read goes to stderr as plain text; what a program or a shell takes over
 * (the handshake line, TF_REATTACH_PROVIDERS, the version) goes to stdout in one write(2).
 */
#include "proto/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "proto/arena.h"
#include "proto/handshake.h"
#include "proto/leftovers.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/tls.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Set (to anything but "") by runs under a leak checker: everything is released before the end. */
#define CLEAN_EXIT_NAME "TF_PLUGIN_CLEAN_EXIT"

#if defined(__x86_64__)
#define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#elif defined(__i386__)
#define ARCHITECTURE "386"
#elif defined(__arm__)
#define ARCHITECTURE "arm"
#else
#error "name this architecture as Go does: Terraform's plugin folders are called after it"
#endif

static void print_usage(FILE *out, const struct provider *p, const struct plugin_command *commands)
{
    fprintf(out,
            "Usage: terraform-provider-%s [option]\n"
            "\n"
            "Options:\n"
            "  --help     this text\n"
            "  --version  name and version\n"
            "  --debug    run until Ctrl-C, and let Terraform commands attach\n",
            p->name);
    if (commands && commands->name) {
        fputs("\nCommands:\n", out);
    }
    for (const struct plugin_command *c = commands; c && c->name; c++) {
        fprintf(out, "  %-9s  %s\n", c->name, c->summary);
    }
}

static void print_install(FILE *out, const struct provider *p)
{
    fprintf(out,
            "Install: put this file where Terraform looks for plugins, as\n"
            "  ~/.terraform.d/plugins/%s/%s/linux_%s/terraform-provider-%s_v%s\n"
            "name it in a configuration, and run `terraform init`:\n"
            "  terraform {\n"
            "    required_providers {\n"
            "      %s = {\n"
            "        source = \"%s\"\n"
            "      }\n"
            "    }\n"
            "  }\n",
            p->address, p->version, ARCHITECTURE, p->name, p->version, p->name, p->address);
}

static void print_explanation(const struct provider *p)
{
    fprintf(stderr,
            "terraform-provider-%s %s is a plugin. Terraform starts it by itself, there is\n"
            "nothing to run by hand.\n"
            "\n"
            "%s\n"
            "\n",
            p->name, p->version, p->about);
    print_install(stderr, p);
    fputs("\nMore: --help\n", stderr);
}

static void print_help(const struct provider *p, const struct plugin_command *commands)
{
    printf("terraform-provider-%s %s\n\n%s\n\n", p->name, p->version, p->about);
    print_usage(stdout, p, commands);
    putchar('\n');
    print_install(stdout, p);
    printf("\n"
           "Attach: `terraform-provider-%s --debug` serves many Terraform commands from one\n"
           "process, for example under a debugger. It prints a line for the shell; put that\n"
           "before a command, or export it:\n"
           "  TF_REATTACH_PROVIDERS='...' terraform plan\n"
           "\n"
           "Environment:\n"
           "  TF_LOG_PROVIDER, TF_LOG  level of the messages on stderr: trace, debug, info,\n"
           "                           warn (the default), error, off\n"
           "  TMPDIR                   where the socket is made, else in /tmp\n"
           "  " CLEAN_EXIT_NAME "     if set, release everything before the end (leak checks)\n",
           p->name);
}

/* One write(2), since it fits the buffer of stdout. */
static bool say(const char *line)
{
    return fputs(line, stdout) != EOF && fflush(stdout) == 0;
}

/* handshake_socket_path keeps away what JSON or the quotes would have to escape. */
static const char *reattach_line(struct arena *a, const struct provider *p, const char *socket_path)
{
    return arena_printf(a,
                        "TF_REATTACH_PROVIDERS='{\"%s\":{\"Protocol\":\"grpc\","
                        "\"ProtocolVersion\":%d,\"Pid\":%ld,\"Test\":true,"
                        "\"Addr\":{\"Network\":\"unix\",\"String\":\"%s\"}}}'\n",
                        p->address, HANDSHAKE_PROTOCOL, (long)getpid(), socket_path);
}

static bool announce(const struct loop_options *o)
{
    struct arena *a = arena_new();
    if (!a) {
        return false;
    }
    struct bytes certificate = {0};
    if (o->identity) {
        certificate = (struct bytes){o->identity->certificate, o->identity->certificate_len};
    }
    const char *line = o->hosted ? handshake_line(a, o->socket_path, certificate)
                                 : reattach_line(a, o->provider, o->socket_path);
    bool ok = line && say(line);
    arena_free(a);
    return ok;
}

static int serve_with(const struct loop_options *o)
{
    const char *error;
    struct loop *l = loop_new(o, &error);
    if (!l) {
        log_line(LOG_ERROR, "cannot listen at %s: %s", o->socket_path, error);
        return EXIT_FAILED;
    }
    bool announced = announce(o);
    if (announced) {
        leftovers_remove(o->socket_path, time(NULL) - LEFTOVERS_AGE_SECONDS);
        loop_run(l);
    } else {
        log_line(LOG_ERROR, "cannot tell the address on stdout: %s", strerror(errno));
    }
    loop_free(l);
    return announced ? EXIT_DONE : EXIT_FAILED;
}

static bool environment_flag(const char *name)
{
    const char *text = getenv(name);
    return text && *text;
}

static int serve(const struct provider *p, bool hosted)
{
    tls_init();
    uint8_t random[HANDSHAKE_RANDOM];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        log_line(LOG_ERROR, "no random bytes for the socket's name: %s", strerror(errno));
        return EXIT_FAILED;
    }
    char path[HANDSHAKE_SOCKET_SIZE];
    handshake_socket_path(path, getenv("TMPDIR"), random);
    struct tls_identity *identity = NULL;
    const char *peer = getenv("PLUGIN_CLIENT_CERT");
    if (hosted && peer && *peer) {
        const char *error;
        identity = tls_identity_new(TLS_GROUP, &error);
        if (!identity) {
            log_line(LOG_ERROR, "cannot make a certificate: %s", error);
            return EXIT_FAILED;
        }
    }
    struct loop_options options = {
        .provider = p,
        .socket_path = path,
        .identity = identity,
        .peer_certificate = identity ? peer : NULL,
        .hosted = hosted,
        .clean_exit = environment_flag(CLEAN_EXIT_NAME),
    };
    int code = serve_with(&options);
    tls_identity_free(identity);
    return code;
}

/* The host shows the first line of stdout that is no handshake in its error message, and keeps
 * stderr in its log; so the refusal goes to both. */
static int refuse_versions(const struct provider *p, const char *versions)
{
    char line[512];
    snprintf(line, sizeof line,
             "terraform-provider-%s %s speaks plugin protocol %d only; this host offers %.64s. "
             "Terraform 1.0 and OpenTofu 1.6 or newer offer it.",
             p->name, p->version, HANDSHAKE_PROTOCOL, versions);
    log_line(LOG_ERROR, "%s", line);
    puts(line);
    return EXIT_FAILED;
}

static int serve_host(const struct provider *p)
{
    if (!handshake_cookie_fits(getenv(HANDSHAKE_COOKIE_NAME))) {
        print_explanation(p);
        return EXIT_FAILED;
    }
    const char *versions = getenv("PLUGIN_PROTOCOL_VERSIONS");
    if (!handshake_offers(versions, HANDSHAKE_PROTOCOL)) {
        return refuse_versions(p, versions);
    }
    return serve(p, true);
}

static int serve_debug(const struct provider *p)
{
    fprintf(stderr,
            "terraform-provider-%s %s is waiting for Terraform commands; Ctrl-C ends it.\n"
            "Put the line below before a command, or export it:\n",
            p->name, p->version);
    return serve(p, false);
}

int plugin_main(int argc, char **argv, const struct provider *provider,
                const struct plugin_command *commands)
{
    if (argc < 2) {
        return serve_host(provider);
    }
    for (const struct plugin_command *c = commands; c && c->name; c++) {
        if (strcmp(argv[1], c->name) == 0) {
            return c->run(argc - 1, argv + 1);
        }
    }
    /* Go programs, as all other providers are, take options with one dash as well. */
    const char *option = strncmp(argv[1], "--", 2) == 0 ? argv[1] + 1 : argv[1];
    if (argc == 2 && (strcmp(option, "-version") == 0 || strcmp(option, "-v") == 0)) {
        printf("terraform-provider-%s %s\n", provider->name, provider->version);
        return EXIT_DONE;
    }
    if (argc == 2 && (strcmp(option, "-help") == 0 || strcmp(option, "-h") == 0)) {
        print_help(provider, commands);
        return EXIT_DONE;
    }
    if (argc == 2 && strcmp(option, "-debug") == 0) {
        return serve_debug(provider);
    }
    fprintf(stderr, "terraform-provider-%s: `%s` is not understood\n\n", provider->name,
            argv[argc == 2 ? 1 : argc - 1]);
    print_usage(stderr, provider, commands);
    return EXIT_USAGE;
}
