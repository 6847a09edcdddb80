/*
 * spawn.h - starts the process of an execution environment, cheaply and with nothing of ours in it.
 *
 * The child is made by vfork(), so that its price does not grow with the memory of the emulator.
 * Between vfork() and execve() it makes system calls only: it leads a session and process group
 * of its own, joins the cgroups that it is given, reads from /dev/null, writes both outputs to
 * one descriptor, has no other descriptors, has its limits, can gain no privileges, and is killed
 * by the kernel when the emulator dies.
 */
#ifndef LPG_SANDBOX_SPAWN_H
#define LPG_SANDBOX_SPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "sandbox/private_tmp.h"

enum { SPAWN_JOINS_MAX = 4 };

struct spawn_spec {
    const char *program; /* path; not looked up */
    char *const *argv;
    char *const *envp;
    const char *directory;
    int output;                 /* becomes 1 and 2 */
    int joins[SPAWN_JOINS_MAX]; /* open cgroup.procs files to join */
    size_t join_count;
    const struct private_tmp *private_tmp; /* NULL: it shares our /tmp */
};

struct spawn_process {
    pid_t pid;        /* also its process group */
    int exit_fd;      /* readable once it has ended; -1 where the system has no such descriptor */
    uint64_t exec_ns; /* clock_now_ns() just before execve(): here its initialisation starts */
};

/*
 * 0 when the program runs. -1 when it could not be started (ERROR_SYSTEM); `error_number` then
 * tells why execve() or an earlier step failed. The caller waits for the process and closes
 * exit_fd.
 */
int spawn_start(const struct spawn_spec *spec, struct spawn_process *process, int *error_number,
                struct error *e);

#endif
