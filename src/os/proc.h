/*
 * proc.h - running other programs to their end: git, a build command, a formatter.
 *
 * A child gets its own process group, the given environment and nothing else of ours but stdin from
 * /dev/null; all other descriptors are closed. When it exceeds its time or `*stop` becomes non-zero
 * (a signal handler's flag), the whole group is ended: SIGTERM, then SIGKILL after two seconds.
 * When it ends by itself, what it has left running in the background is left alone and not waited
 * for, even if that still holds the pipes.
 *
 * A buffer with a cap keeps the end of the text, because that is where a failing program says why:
 * when it is full its first half is dropped and `overflow` set. Whoever parses the text must look
 * at that.
 */
#ifndef LPG_OS_PROC_H
#define LPG_OS_PROC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

struct proc_spec {
    const char *const *argv;     /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;      /* NULL-terminated "KEY=value"; NULL: ours */
    const char *directory;       /* NULL: ours */
    uint64_t timeout_ns;         /* 0: none */
    volatile sig_atomic_t *stop; /* NULL: not to be interrupted */
    struct buf *out;             /* standard output; NULL: thrown away */
    struct buf *err;             /* standard error; the same buffer as `out` keeps them in order */
};

struct proc_result {
    int exit_code; /* 128 + signal when a signal ended it */
    bool timed_out;
    bool stopped; /* *stop became non-zero */
};

/*
 * 0 when the program ran to some end, whatever its exit code; -1 when it could not be started
 * (ERROR_SYSTEM).
 */
int proc_run(const struct proc_spec *spec, struct proc_result *result, struct error *e);
/*
 * Same, but a non-zero exit and a time-out are errors too (ERROR_SYSTEM), with the end of its
 * standard error in the text, and so is a stop (ERROR_INTERRUPTED).
 */
int proc_check(const struct proc_spec *spec, struct error *e);
/* Full path of a program in PATH, or NULL; the caller frees. */
char *proc_find(const char *name);

#endif
