#include "sandbox/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "os/clock.h"

enum { FILES_MAX = 1024, FIRST_OTHER_FD = 3, LAST_FD_GUESS = 4096 };

/* What the child tells its parent; vfork() shares the memory. */
struct child_note {
    int error_number;
    uint64_t exec_ns;
};

static void close_others(void)
{
#if defined(__linux__) && defined(SYS_close_range)
    if (!syscall(SYS_close_range, FIRST_OTHER_FD, ~0U, 0))
        return;
#endif
    for (int fd = FIRST_OTHER_FD; fd < LAST_FD_GUESS; fd++)
        close(fd);
}

static struct rlimit lower(struct rlimit limit, rlim_t most)
{
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > most)
        limit.rlim_max = most;
    limit.rlim_cur = limit.rlim_max;
    return limit;
}

static void set_limits(void)
{
    struct rlimit limit = {0, 0};
    setrlimit(RLIMIT_CORE, &limit);
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit = lower(limit, FILES_MAX);
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Signal handlers and ignored signals of ours must not reach the program. */
static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < 32; number++)
        if (number != SIGKILL && number != SIGSTOP)
            sigaction(number, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int tie_to_parent(pid_t parent)
{
#ifdef __linux__
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    if (getppid() != parent) { /* it died before the line above */
        errno = ESRCH;
        return -1;
    }
#else
    (void)parent;
#endif
    return 0;
}

static int child_prepare(const struct spawn_spec *spec, pid_t parent)
{
    if (setsid() < 0 || tie_to_parent(parent))
        return -1;
    if (spec->private_tmp && private_tmp_enter(spec->private_tmp))
        return -1;
    for (size_t i = 0; i < spec->join_count; i++)
        if (write(spec->joins[i], "0", 1) != 1)
            return -1;
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(spec->output, 1) < 0 || dup2(spec->output, 2) < 0)
        return -1;
    close_others();
    if (chdir(spec->directory))
        return -1;
    umask(022);
    set_limits();
    return 0;
}

/* A function of its own, so that no frame which the parent still needs is written to. */
__attribute__((noinline, noreturn)) static void
child_run(const struct spawn_spec *spec, pid_t parent, volatile struct child_note *note)
{
    if (!child_prepare(spec, parent)) {
        reset_signals();
        note->exec_ns = clock_now_ns();
        execve(spec->program, spec->argv, spec->envp);
    }
    note->error_number = errno ? errno : EIO;
    _exit(127);
}

static int open_exit_fd(pid_t pid)
{
#if defined(__linux__) && defined(SYS_pidfd_open)
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
#else
    (void)pid;
    return -1;
#endif
}

static pid_t start_child(const struct spawn_spec *spec, volatile struct child_note *note)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
#ifdef __linux__
    pid_t pid = vfork();
#else
    pid_t pid = fork();
#endif
    if (!pid)
        child_run(spec, parent, note);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

int spawn_start(const struct spawn_spec *spec, struct spawn_process *process, int *error_number,
                struct error *e)
{
    volatile struct child_note note = {0, 0};
    uint64_t before = clock_now_ns();
    pid_t pid = start_child(spec, &note);
    if (pid < 0) {
        *error_number = errno;
        return error_errno(e, ERROR_SYSTEM, "cannot make a process for '%s'", spec->program);
    }
    if (note.error_number) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        *error_number = note.error_number;
        errno = note.error_number;
        return error_errno(e, ERROR_SYSTEM, "cannot start '%s'", spec->program);
    }
    process->pid = pid;
    process->exit_fd = open_exit_fd(pid);
    process->exec_ns = note.exec_ns ? note.exec_ns : before;
    return 0;
}
