#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"

enum {
    READ_BYTES = 32 * 1024,
    READS_PER_WAKE = 4,  /* then others get their turn */
    READS_AT_END = 64,   /* what a frozen or dead group can have left in the pipe, and more */
    STATUS_BYTES = 2048, /* the first lines of /proc/<pid>/status; VmHWM is among them */
    NONE = -1,
};

#define EXIT_POLL_NS (2 * NS_PER_MS)

void sandbox_init(struct sandbox *s, struct loop *loop, const struct sandbox_events *events,
                  void *context)
{
    *s = (struct sandbox){
        .loop = loop, .events = events, .context = context, .output_fd = NONE, .status_fd = NONE};
    s->process.exit_fd = NONE;
}

void sandbox_limit(struct sandbox *s, struct shaping *shaping, unsigned serial, unsigned memory_mb)
{
    s->memory_mb = memory_mb;
    s->cgroup = cgroup_new(shaping, serial, memory_mb);
}

bool sandbox_is_running(const struct sandbox *s)
{
    return s->process.pid > 0;
}

/* --- output --- */

/* False when there is nothing more to read now; *end is set when there never will be. */
static bool read_once(struct sandbox *s, bool *end)
{
    char bytes[READ_BYTES];
    ssize_t n = read(s->output_fd, bytes, sizeof bytes);
    if (n > 0)
        s->events->output(s->context, bytes, (size_t)n);
    *end = n == 0;
    return n == (ssize_t)sizeof bytes || (n < 0 && errno == EINTR);
}

static void read_output(struct sandbox *s, int reads)
{
    bool end = false;
    while (s->output_fd >= 0 && reads-- > 0 && read_once(s, &end))
        ;
    if (end)
        loop_watch_set(s->output_watch, 0);
}

static void on_output(void *context, int events)
{
    (void)events;
    read_output(context, READS_PER_WAKE);
}

void sandbox_drain(struct sandbox *s)
{
    read_output(s, READS_AT_END);
}

/* --- memory --- */

/* The line "VmHWM:     12345 kB". */
static uint64_t read_resident_peak(int fd)
{
    char text[STATUS_BYTES];
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *line = strstr(text, "\nVmHWM:");
    return line ? strtoull(line + strlen("\nVmHWM:"), NULL, 10) * 1024 : 0;
}

uint64_t sandbox_read_peak(struct sandbox *s)
{
    uint64_t peaks[] = {read_resident_peak(s->status_fd), cgroup_peak_bytes(s->cgroup)};
    for (size_t i = 0; i < 2; i++)
        if (peaks[i] > s->peak_bytes)
            s->peak_bytes = peaks[i];
    return s->peak_bytes;
}

/* --- the end of the program --- */

static void close_process(struct sandbox *s)
{
    loop_watch_free(s->output_watch);
    loop_watch_free(s->exit_watch);
    loop_timer_free(s->exit_poll);
    s->output_watch = s->exit_watch = NULL;
    s->exit_poll = NULL;
    int *fds[] = {&s->output_fd, &s->status_fd, &s->process.exit_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = NONE;
    }
    s->process.pid = 0;
    s->frozen = false;
}

static uint64_t used_ns(const struct rusage *u)
{
    uint64_t seconds = (uint64_t)u->ru_utime.tv_sec + (uint64_t)u->ru_stime.tv_sec;
    uint64_t micros = (uint64_t)u->ru_utime.tv_usec + (uint64_t)u->ru_stime.tv_usec;
    return seconds * NS_PER_S + micros * 1000;
}

/* While the program is not waited for its process group's number cannot be anyone else's. */
static bool reap(struct sandbox *s, int flags, struct sandbox_end *end)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)s->process.pid, &info, WEXITED | WNOWAIT | flags) || !info.si_pid)
        return false;
    kill(-s->process.pid, SIGKILL);
    cgroup_kill(s->cgroup);
    struct rusage usage = {0};
    int status = 0;
    while (wait4(s->process.pid, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    s->past_cpu_ns += used_ns(&usage);
    sandbox_read_peak(s);
    *end = (struct sandbox_end){.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                                .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    end->out_of_memory = end->signal == SIGKILL && cgroup_out_of_memory(s->cgroup);
    return true;
}

static void check_exit(struct sandbox *s)
{
    struct sandbox_end end;
    if (!reap(s, WNOHANG, &end)) {
        if (s->exit_poll)
            loop_timer_set(s->exit_poll, clock_now_ns() + EXIT_POLL_NS);
        return;
    }
    sandbox_drain(s);
    close_process(s);
    s->events->ended(s->context, &end);
}

static void on_exit_fd(void *context, int events)
{
    (void)events;
    check_exit(context);
}

static void on_exit_poll(void *context)
{
    check_exit(context);
}

static void watch_exit(struct sandbox *s)
{
    if (s->process.exit_fd >= 0) {
        s->exit_watch = loop_watch_new(s->loop, s->process.exit_fd, on_exit_fd, s);
        loop_watch_set(s->exit_watch, LOOP_READ);
        return;
    }
    s->exit_poll = loop_timer_new(s->loop, on_exit_poll, s);
    loop_timer_set(s->exit_poll, clock_now_ns() + EXIT_POLL_NS);
}

/* --- start --- */

static int make_pipe(int ends[2], struct error *e)
{
    if (pipe(ends))
        return error_errno(e, ERROR_SYSTEM, "cannot make a pipe");
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static int open_status(pid_t pid)
{
#ifdef __linux__
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    return open(path, O_RDONLY | O_CLOEXEC);
#else
    (void)pid;
    return NONE;
#endif
}

int sandbox_start(struct sandbox *s, const struct sandbox_program *p, int *error_number,
                  struct error *e)
{
    int ends[2];
    if (make_pipe(ends, e)) {
        *error_number = errno;
        return -1;
    }
    struct spawn_spec spec = {.program = p->program,
                              .argv = p->argv,
                              .envp = p->envp,
                              .directory = p->directory,
                              .output = ends[1],
                              .private_tmp = p->private_tmp};
    spec.join_count = cgroup_joins(s->cgroup, spec.joins, SPAWN_JOINS_MAX);
    struct spawn_process process = {0};
    int status = spawn_start(&spec, &process, error_number, e);
    close(ends[1]);
    for (size_t i = 0; i < spec.join_count; i++)
        close(spec.joins[i]);
    if (status) {
        close(ends[0]);
        return -1;
    }
    s->process = process;
    s->output_fd = ends[0];
    s->output_watch = loop_watch_new(s->loop, s->output_fd, on_output, s);
    loop_watch_set(s->output_watch, LOOP_READ);
    s->status_fd = open_status(process.pid);
    watch_exit(s);
    return 0;
}

/* --- while it runs --- */

void sandbox_freeze(struct sandbox *s)
{
    if (sandbox_is_running(s) && !s->frozen)
        s->frozen = !kill(-s->process.pid, SIGSTOP);
}

void sandbox_thaw(struct sandbox *s)
{
    if (s->frozen)
        kill(-s->process.pid, SIGCONT);
    s->frozen = false;
}

void sandbox_kill(struct sandbox *s)
{
    if (!sandbox_is_running(s))
        return;
    kill(-s->process.pid, SIGKILL);
    cgroup_kill(s->cgroup);
}

uint64_t sandbox_cpu_ns(const struct sandbox *s)
{
    uint64_t counted = cgroup_cpu_ns(s->cgroup);
    if (counted)
        return counted;
    return s->past_cpu_ns + (sandbox_is_running(s) ? clock_process_cpu_ns(s->process.pid) : 0);
}

bool sandbox_is_over_limit(struct sandbox *s)
{
    return !cgroup_limits_memory(s->cgroup) &&
           sandbox_read_peak(s) > (uint64_t)s->memory_mb * 1024 * 1024;
}

void sandbox_release(struct sandbox *s)
{
    if (sandbox_is_running(s)) {
        struct sandbox_end end;
        sandbox_kill(s);
        while (!reap(s, 0, &end) && errno == EINTR)
            ;
    }
    close_process(s);
    cgroup_free(s->cgroup);
    s->cgroup = NULL;
}
