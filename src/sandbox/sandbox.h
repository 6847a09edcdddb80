/*
 * sandbox.h - the processes of one execution environment: started, limited, frozen, thawed,
 * watched, ended.
 *
 * A sandbox holds one process group at a time and can start another one when that has ended. Its
 * cgroup stays: CPU time and memory peak are those of its whole life. It is frozen with SIGSTOP,
 * which reaches the process group; a process that left the group goes on running until the
 * sandbox ends.
 */
#ifndef LPG_SANDBOX_SANDBOX_H
#define LPG_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/loop.h"
#include "sandbox/shaping.h"
#include "sandbox/spawn.h"

struct sandbox_end {
    int exit_code; /* or ... */
    int signal;    /* ... what killed it; 0: it exited */
    bool out_of_memory;
};

struct sandbox_events {
    void (*output)(void *context, const char *bytes, size_t length);
    /*
     * The program has ended, by itself or killed; the rest of its group is gone too, and all
     * output was given.
     */
    void (*ended)(void *context, const struct sandbox_end *end);
};

struct sandbox {
    struct loop *loop;
    const struct sandbox_events *events;
    void *context;
    struct cgroup *cgroup; /* NULL: no limits */
    unsigned memory_mb;
    struct spawn_process process; /* pid 0: none */
    struct loop_watch *output_watch, *exit_watch;
    struct loop_timer *exit_poll; /* where there is no exit_fd */
    int output_fd, status_fd;
    bool frozen;
    uint64_t peak_bytes;
    uint64_t past_cpu_ns; /* of processes that ended; used where no cgroup counts */
};

struct sandbox_program {
    const char *program;
    char *const *argv;
    char *const *envp;
    const char *directory;
    const struct private_tmp *private_tmp; /* NULL: it shares our /tmp */
};

void sandbox_init(struct sandbox *s, struct loop *loop, const struct sandbox_events *events,
                  void *context);
/* Gives it limits; once, before the first start. */
void sandbox_limit(struct sandbox *s, struct shaping *shaping, unsigned serial, unsigned memory_mb);
/* Kills what runs, waits for it without telling, and frees all. */
void sandbox_release(struct sandbox *s);

/* Starts the program; `error_number` as spawn_start(). Only when none runs. */
int sandbox_start(struct sandbox *s, const struct sandbox_program *p, int *error_number,
                  struct error *e);
bool sandbox_is_running(const struct sandbox *s);
void sandbox_freeze(struct sandbox *s);
void sandbox_thaw(struct sandbox *s);
/* Ends the group; `ended` follows from the loop. */
void sandbox_kill(struct sandbox *s);
/* Gives all output that has been written so far. */
void sandbox_drain(struct sandbox *s);
/* CPU time of all processes so far; 0: not known. */
uint64_t sandbox_cpu_ns(const struct sandbox *s);
/*
 * Reads the highest memory use so far: the resident set of the program, or what the cgroup was
 * charged for all processes and for the files that they wrote, whichever is more.
 */
uint64_t sandbox_read_peak(struct sandbox *s);
/* Whether it uses more than its limit although nothing enforces that. */
bool sandbox_is_over_limit(struct sandbox *s);

#endif
