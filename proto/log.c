/*
 * log - lines on stderr whose level Terraform understands
 *
 * Terraform reads a plugin's stderr through a pipe, line by line, and re-levels what starts with
 * [TRACE] .. [ERROR]. Several threads write here (gRPC has its own), so a line is put together in
 * a buffer on the stack and leaves in one write(2): no lock, no interleaving, nothing to flush
 * before _exit. Bytes that would break the line or the terminal of somebody who started the
 * plugin by hand (control characters) become spaces.
 *
 * The level is read from the environment once, at the first line. Without TF_LOG nobody but a
 * person at a terminal (--debug) reads stderr, who wants to see warnings and errors only.
 */
#include "proto/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192

static const char *const level_names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
#define LEVEL_COUNT (sizeof level_names / sizeof *level_names)
#define LEVEL_OFF   ((int)LEVEL_COUNT)

/* Terraform's own reading of these variables: TF_LOG_PROVIDER goes before TF_LOG, case does not
 * matter, JSON means TRACE in another format, and a word that is no level means TRACE. */
static int threshold_from_environment(void)
{
    const char *text = getenv("TF_LOG_PROVIDER");
    if (!text || !*text) {
        text = getenv("TF_LOG");
    }
    if (!text || !*text) {
        return LOG_WARN;
    }
    if (strcasecmp(text, "OFF") == 0) {
        return LEVEL_OFF;
    }
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            return (int)i;
        }
    }
    return LOG_TRACE;
}

static int threshold(void)
{
    static atomic_int cached = -1;
    int t = atomic_load_explicit(&cached, memory_order_relaxed);
    if (t < 0) {
        t = threshold_from_environment();
        atomic_store_explicit(&cached, t, memory_order_relaxed);
    }
    return t;
}

/* A closed or full stderr is nothing that a line of log could report anywhere else. */
static void write_whole(const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, line, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        line += n;
        len -= (size_t)n;
    }
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if ((int)level < threshold()) {
        return;
    }
    int saved_errno = errno;
    char line[LINE_MAX_BYTES + 1]; /* the newline takes the place of the NUL */
    int head = snprintf(line, sizeof line, "[%s] ", level_names[level]);
    va_list ap;
    va_start(ap, fmt);
    int body = vsnprintf(line + head, sizeof line - (size_t)head, fmt, ap);
    va_end(ap);
    if (body >= 0) {
        size_t len = (size_t)head + (size_t)body;
        if (len >= LINE_MAX_BYTES) {
            len = LINE_MAX_BYTES - 1;
            memcpy(line + len - 3, "...", 3);
        }
        for (size_t i = 0; i < len; i++) {
            if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
                line[i] = ' ';
            }
        }
        line[len] = '\n';
        write_whole(line, len + 1);
    }
    errno = saved_errno;
}
