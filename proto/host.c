/*
 * host - what can be known about the Terraform that started this process
 *
 * The protocol does not say how many operations Terraform runs at a time (-parallelism), yet a
 * provider that lets calls wait has to know: when all places are taken by calls that wait for
 * another operation of the same run, that operation cannot start, and waiting on is in vain. The
 * host's command line tells, as Terraform itself read it.
 */
#include "proto/host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_LINE_MAX 65536
#define OPTION           "-parallelism"

/* The value of an option `-parallelism=N`, or with `next` of `-parallelism N`; 0: it is none.
 * One dash is as good as two. */
static unsigned option_value(const char *text, const char *next)
{
    size_t n = sizeof OPTION - 1;
    text += strncmp(text, "--", 2) == 0;
    if (strncmp(text, OPTION, n) != 0)
        return 0;
    const char *number = text[n] == '=' ? text + n + 1 : text[n] == '\0' && next ? next : "";
    long value = strtol(number, NULL, 10);
    return value > 0 && value < 1000000 ? (unsigned)value : 0;
}

/* In one of TF_CLI_ARGS*: words between blanks, perhaps in quotes. */
static unsigned largest_in_text(const char *text)
{
    unsigned largest = 0;
    for (const char *p = strstr(text, OPTION); p; p = strstr(p + 1, OPTION)) {
        const char *number = p + sizeof OPTION - 1;
        number += strspn(number, "= \t\"'");
        long value = strtol(number, NULL, 10);
        if (value > (long)largest && value < 1000000)
            largest = (unsigned)value;
    }
    return largest;
}

unsigned host_places_in(const char *arguments, size_t len, char *const *environment)
{
    unsigned places = 0;
    for (size_t at = 0, step; at < len; at += step) {
        step = strlen(arguments + at) + 1;
        unsigned value =
            option_value(arguments + at, at + step < len ? arguments + at + step : NULL);
        places = value ? value : places;
    }
    if (places)
        return places;
    places = HOST_PLACES;
    for (; *environment; environment++) {
        if (strncmp(*environment, "TF_CLI_ARGS", 11) != 0)
            continue;
        unsigned value = largest_in_text(*environment);
        places = value > places ? value : places;
    }
    return places;
}

unsigned host_places(int pid)
{
    char path[64];
    unsigned places = 0;
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    char *line = malloc(COMMAND_LINE_MAX + 1);
    int fd = line ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, line, COMMAND_LINE_MAX) : -1;
    if (n > 0) {
        line[n] = '\0';
        places = host_places_in(line, (size_t)n, environ);
    }
    if (fd >= 0)
        close(fd);
    free(line);
    return places;
}
