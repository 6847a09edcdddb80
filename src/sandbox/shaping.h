/*
 * shaping.h - Lambda's share of CPU and memory, by cgroups (Linux control groups, version 2 or 1).
 *
 * A function has memory / 1769 MB of a virtual CPU (AWS Lambda developer guide, "Configure Lambda
 * function memory"). It is given out in periods of 20 ms; the kernel's usual 100 ms would put
 * stalls into the results that Lambda does not show.
 *
 * All cgroups of one emulator are below one folder, "lambda-perf-gate-<pid>", in the place where
 * the emulator itself lives, or in the nearest place above where that is allowed. Folders of
 * emulators that died are removed at the start, with what still runs in them. Where no cgroup can
 * be made nothing is limited, and shaping_state() says why.
 */
#ifndef LPG_SANDBOX_SHAPING_H
#define LPG_SANDBOX_SHAPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/pool.h"

struct shaping;
struct cgroup; /* the limits of one environment */

enum {
    SHAPING_PERIOD_US = 20000,
    SHAPING_MB_PER_CPU = 1769,
    SHAPING_INIT_CPUS = 2, /* before the first request for an event */
};

struct shaping_options {
    const char *root;        /* where cgroups are mounted; NULL: /sys/fs/cgroup */
    const char *self_cgroup; /* file with our own place; NULL: /proc/self/cgroup */
    pid_t pid;               /* in the folder's name; 0: ours */
    bool disabled;           /* the user wants no limits */
};

/* Never fails: where nothing can be limited, the state tells the reason. */
struct shaping *shaping_new(const struct shaping_options *options);
/* Removes the folders; all cgroups must have been freed. */
void shaping_free(struct shaping *s);
const struct pool_shaping *shaping_state(const struct shaping *s);

/*
 * Microseconds of CPU time per period for a function of that size, at least the kernel's
 * minimum of 1 ms.
 */
unsigned shaping_quota_us(unsigned memory_mb);

/*
 * A cgroup with the memory limit set and the CPU at its start value. NULL when there is none to
 * be had.
 */
struct cgroup *cgroup_new(struct shaping *s, unsigned serial, unsigned memory_mb);
/*
 * Kills what is left inside and removes it, at once or, when the kernel is not ready for that,
 * at a later call.
 */
void cgroup_free(struct cgroup *c);
/*
 * Opens the files into which a new process writes "0" to join; returns how many. The caller closes
 * them.
 */
size_t cgroup_joins(const struct cgroup *c, int *fds, size_t room);

/*
 * Two CPUs (or the function's share, when that is more): the initialisation of an on-demand
 * environment.
 */
void cgroup_boost(struct cgroup *c);
/*
 * The function's own share. Writing the quota also refills it, so calling this at the start of
 * each invocation makes the first slice the same for all of them; without it the rest of the last
 * period decides.
 */
void cgroup_clamp(struct cgroup *c);
/* CPU time of all its processes, living and dead; 0 when not known. */
uint64_t cgroup_cpu_ns(const struct cgroup *c);
/* Highest memory use so far; 0 when not known. */
uint64_t cgroup_peak_bytes(const struct cgroup *c);
/* Whether the memory is limited by the kernel, and whether it has killed a process for it. */
bool cgroup_limits_memory(const struct cgroup *c);
bool cgroup_out_of_memory(const struct cgroup *c);
/* Ends every process inside, whatever group it is in. */
void cgroup_kill(struct cgroup *c);

#endif
