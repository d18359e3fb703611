/*
 * forecast_internal - what the parts of the forecast share
 *
 * forecast.c       what a plan knows, and what an apply makes of it
 * forecast_file.c  the way from one to the other: a few small files
 */
#ifndef PROVIDER_FORECAST_INTERNAL_H
#define PROVIDER_FORECAST_INTERNAL_H

#include "provider/claims.h"
#include "provider/forecast.h"

/* Files in Terraform's data folder, and how large one may get. */
#define FORECAST_FILES     16
#define FORECAST_MAX_BYTES (16u << 20)

/* Who planned what. Texts are "" when not known. */
struct forecast_head {
    struct claimant who;  /* its name is the name of the forecast */
    const char *identity; /* tells the configurations of one provider apart */
    const char *lineage;  /* of the state that was planned on */
    int64_t serial;
};

/* A file that is being written. Zeroed: none. */
struct forecast_file {
    int fd; /* 0: none */
    char path[4096];
    size_t bytes;
    bool impossible; /* none can be kept */
};

/* Appends a line, and makes the file before the first one. When that cannot be, nothing of the file
 * stays: half a forecast would be a wrong one. */
void forecast_append(struct forecast_file *f, const struct forecast_head *self, struct arena *a,
                     const char *line);
/* The file goes, and none is made any more. */
void forecast_discard(struct forecast_file *f);
/* The file stays. */
void forecast_close(struct forecast_file *f);

/* Every forecast whose writer has ended; texts live in the arena. `modified` in nanoseconds. */
typedef void (*forecast_visit)(void *ctx, const struct forecast_head *head, const char *lines,
                               int64_t modified);
void forecast_each(struct arena *a, forecast_visit fn, void *ctx);

#endif
