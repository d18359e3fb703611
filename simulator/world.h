/*
 * world - files, clock and processes that exist only in the simulator
 *
 * The linker sends the system calls of state reading, claims and journals here (see
 * CMakeLists.txt), so the provider's own code runs unchanged against files in memory. Everything is
 * a function of one seed.
 *
 * In every fourth history the files are on a network file system, as NFS is: each process has a
 * memory of names and attributes that is seconds old, which only opening and locking renew.
 *
 * Time passes with every call. At every call the process may be stopped for ever (a crash; a write
 * then leaves only its beginning), or another process may go on first.
 */
#ifndef SIMULATOR_WORLD_H
#define SIMULATOR_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A provider and the Terraform that started it. */
struct process {
    int pid, provider; /* of Terraform, of the provider */
    int64_t started;   /* ticks since boot */
    bool terraform_runs, provider_runs;
    int crash_in; /* calls until the provider is killed; 0: it is not */
    size_t index; /* world.c's */
};

/* Everything anew. */
void world_begin(uint64_t seed);
void world_end(void);

uint32_t world_random(uint32_t below); /* below > 0 */
void world_pass(uint64_t microseconds);

/* The process that calls from now on; NULL: none may. Returns the one before. */
struct process *world_enter(struct process *p);
/* A process that /proc knows as long as it runs. */
void world_add_process(struct process *p);
/* Closes what the provider has open, with its locks. */
void world_close_all(const struct process *p);
bool world_locked(void); /* does anybody hold a journal's lock? */

/* The process waits: others go on. */
void world_sleep(uint64_t ms);

/* Called at system calls, now and then, to let others go on. */
void world_on_call(void (*fn)(void));

/* Files as Terraform and its user treat them. */
void world_write(const char *path, const void *bytes, size_t len);
void world_remove(const char *path);
bool world_exists(const char *path);
void world_copy(const char *from, const char *to);
/* Terraform's lock on a state file; pid 0: none. */
void world_lock_state(const char *path, int pid);

#endif
