#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/fs.h"

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define HAVE_ADDCLOSEFROM 1
#endif
#endif

extern char **environ;

enum {
    SLICE_MAX_MS = 50,
    READ_BYTES = 64 * 1024,
    LAST_READS = 16,  /* a pipe holds at most 1 MiB: what was written before the end */
    TAIL_BYTES = 600, /* of standard error in an error text */
    ERR_CAP_BYTES = 64 * 1024,
};

#define GRACE_NS (2 * NS_PER_S) /* between SIGTERM and SIGKILL */

/* One stream of the child: our end of the pipe (-1: none or at its end) and where the text goes. */
struct stream {
    int fd;
    struct buf *to;
};

struct run {
    const struct proc_spec *spec;
    struct proc_result *result;
    pid_t pid;
    struct stream streams[2];
    bool exited;
    int signal;           /* that ended it, or 0 */
    uint64_t deadline_ns; /* 0: none */
    uint64_t kill_ns;     /* when SIGTERM becomes SIGKILL; 0: no SIGTERM was sent */
    int slice_ms;
};

/* ---- starting ---- */

/* Our ends and the child's must not sit on 0..2, where the child's own streams go. */
static int above_standard(int fd)
{
    if (fd > 2)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return moved;
}

static int open_pipe(int ends[2])
{
#ifdef __linux__
    if (pipe2(ends, O_CLOEXEC))
        return -1;
#else
    if (pipe(ends))
        return -1;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
    ends[0] = above_standard(ends[0]);
    ends[1] = above_standard(ends[1]);
    if (ends[0] < 0 || ends[1] < 0)
        return -1;
    return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

#if !defined(HAVE_ADDCLOSEFROM) && !defined(__APPLE__)
/* Without closefrom: every descriptor that an exec would leave open is named one by one. */
static int close_inherited(posix_spawn_file_actions_t *actions)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0; /* ours are all close-on-exec; only what we inherited stays */
    int failed = 0;
    for (struct dirent *d = readdir(dir); d && !failed; d = readdir(dir)) {
        int fd = (int)strtol(d->d_name, NULL, 10);
        int flags = fd > 2 ? fcntl(fd, F_GETFD) : -1;
        if (flags >= 0 && !(flags & FD_CLOEXEC))
            failed = posix_spawn_file_actions_addclose(actions, fd);
    }
    closedir(dir);
    return failed;
}
#else
static int close_inherited(posix_spawn_file_actions_t *actions)
{
#ifdef HAVE_ADDCLOSEFROM
    return posix_spawn_file_actions_addclosefrom_np(actions, 3);
#else
    (void)actions; /* POSIX_SPAWN_CLOEXEC_DEFAULT does it */
    return 0;
#endif
}
#endif

static int add_stream(posix_spawn_file_actions_t *actions, int source, int target)
{
    if (source < 0)
        return posix_spawn_file_actions_addopen(actions, target, "/dev/null", O_WRONLY, 0);
    return posix_spawn_file_actions_adddup2(actions, source, target);
}

static int add_actions(posix_spawn_file_actions_t *actions, const char *directory, int out, int err)
{
    int code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!code)
        code = add_stream(actions, out, 1);
    if (!code)
        code = add_stream(actions, err, 2);
    if (!code && directory)
        code = posix_spawn_file_actions_addchdir_np(actions, directory);
    return code ? code : close_inherited(actions);
}

/* Own group, no signal blocked or ignored that we block or ignore. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    static const int plain[] = {SIGPIPE, SIGINT,  SIGTERM, SIGQUIT,
                                SIGHUP,  SIGCHLD, SIGUSR1, SIGUSR2};
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        sigaddset(&defaults, plain[i]);
    int code = posix_spawnattr_setflags(attributes, flags);
    if (!code)
        code = posix_spawnattr_setpgroup(attributes, 0);
    if (!code)
        code = posix_spawnattr_setsigmask(attributes, &none);
    return code ? code : posix_spawnattr_setsigdefault(attributes, &defaults);
}

/* Starts the program with the given descriptors as 1 and 2. Returns an errno value. */
static int spawn(const struct proc_spec *spec, int out, int err, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    code = set_attributes(&attributes);
    if (!code)
        code = add_actions(&actions, spec->directory, out, err);
    /* exec does not write to these; its prototype is older than const */
    char *const *argv = (char *const *)(uintptr_t)spec->argv;
    char *const *env = spec->env ? (char *const *)(uintptr_t)spec->env : environ;
    if (!code)
        code = posix_spawnp(pid, argv[0], &actions, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static void close_streams(struct run *r)
{
    close_fd(&r->streams[0].fd);
    close_fd(&r->streams[1].fd);
}

static int start(struct run *r, struct error *e)
{
    const struct proc_spec *s = r->spec;
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    bool joined = s->err && s->err == s->out;
    int code = 0;
    if ((s->out && open_pipe(out)) || (s->err && !joined && open_pipe(err)))
        code = errno;
    r->streams[0] = (struct stream){out[0], s->out};
    r->streams[1] = (struct stream){err[0], s->err};
    if (!code)
        code = spawn(s, out[1], joined ? out[1] : err[1], &r->pid);
    close_fd(&out[1]);
    close_fd(&err[1]);
    if (!code)
        return 0;
    close_streams(r);
    if (s->directory && !fs_is_dir(s->directory))
        return error_set(e, ERROR_SYSTEM, "cannot run '%s': no folder '%s'", s->argv[0],
                         s->directory);
    errno = code;
    return error_errno(e, ERROR_SYSTEM, "cannot run '%s'", s->argv[0]);
}

/* ---- reading ---- */

/* A full buffer loses its first half: what matters is at the end, where the error is. */
static void add_keeping_end(struct buf *b, const char *bytes, size_t length)
{
    if (b->cap && length > b->cap - b->length) {
        if (length > b->cap) {
            bytes += length - b->cap;
            length = b->cap;
        }
        size_t excess = length - (b->cap - b->length);
        buf_consume(b, excess > b->cap / 2 ? excess : b->cap / 2);
        b->overflow = true;
    }
    buf_add(b, bytes, length);
}

/* Reads once; true when there was something. Closes the stream at its end. */
static bool read_stream(struct stream *s)
{
    char chunk[READ_BYTES];
    ssize_t n = read(s->fd, chunk, sizeof chunk);
    if (n > 0) {
        add_keeping_end(s->to, chunk, (size_t)n);
        return true;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(&s->fd);
    return false;
}

/* What was written before the end. A grandchild that still holds the pipe is not waited for. */
static void drain(struct run *r)
{
    for (size_t i = 0; i < ARRAY_LEN(r->streams); i++)
        for (int n = 0; n < LAST_READS && r->streams[i].fd >= 0; n++)
            if (!read_stream(&r->streams[i]))
                break;
}

/* Waits for output, but never longer than a slice: nothing wakes us when the child ends. */
static void wait_and_read(struct run *r)
{
    struct pollfd fds[2];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = (struct pollfd){.fd = r->streams[i].fd, .events = POLLIN}; /* -1 is skipped */
    int ready = poll(fds, ARRAY_LEN(fds), r->slice_ms);
    r->slice_ms = ready > 0 ? 1 : r->slice_ms * 2;
    if (r->slice_ms > SLICE_MAX_MS)
        r->slice_ms = SLICE_MAX_MS;
    for (size_t i = 0; ready > 0 && i < ARRAY_LEN(fds); i++)
        if (fds[i].revents)
            read_stream(&r->streams[i]);
}

/* ---- ending ---- */

static void reap(struct run *r, int flags)
{
    int status;
    pid_t got;
    do
        got = waitpid(r->pid, &status, flags);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return;
    r->exited = true;
    if (got < 0) {
        r->result->exit_code = 255; /* somebody else reaped it: how it ended is lost */
        return;
    }
    r->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    r->result->exit_code = r->signal ? 128 + r->signal : WEXITSTATUS(status);
}

/* Sends SIGTERM when it is time to. */
static void check_end(struct run *r, uint64_t now)
{
    if (r->kill_ns)
        return;
    bool stopped = r->spec->stop && *r->spec->stop;
    bool late = r->deadline_ns && now >= r->deadline_ns;
    if (!stopped && !late)
        return;
    r->result->stopped = stopped;
    r->result->timed_out = !stopped;
    r->kill_ns = now + GRACE_NS;
    kill(-r->pid, SIGTERM);
}

static void run_to_end(struct run *r)
{
    for (;;) {
        if (!r->exited)
            reap(r, WNOHANG);
        uint64_t now = clock_now_ns();
        if (r->exited && !r->kill_ns)
            return;
        if (r->exited && kill(-r->pid, 0) && errno == ESRCH)
            return; /* the whole group is gone */
        check_end(r, now);
        if (r->kill_ns && now >= r->kill_ns) {
            kill(-r->pid, SIGKILL);
            if (!r->exited)
                reap(r, 0);
            return;
        }
        wait_and_read(r);
    }
}

/* *signal is the one that ended the program, or 0: an exit code above 128 need not be one. */
static int run_program(const struct proc_spec *spec, struct proc_result *result, int *signal,
                       struct error *e)
{
    struct proc_result found = {0};
    struct run r = {.spec = spec, .result = &found, .slice_ms = 1};
    if (spec->timeout_ns)
        r.deadline_ns = clock_now_ns() + spec->timeout_ns;
    if (start(&r, e))
        return -1;
    run_to_end(&r);
    drain(&r);
    close_streams(&r);
    *result = found;
    *signal = r.signal;
    return 0;
}

int proc_run(const struct proc_spec *spec, struct proc_result *result, struct error *e)
{
    int signal;
    return run_program(spec, result, &signal, e);
}

/* ---- checking ---- */

/* The last lines of what the program said, made safe to print. */
static void add_tail(struct error *e, const struct buf *err)
{
    size_t end = err->length;
    while (end && strchr(" \n\r\t", err->data[end - 1]))
        end--;
    size_t start = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
    while (start && start < end && ((unsigned char)err->data[start] & 0xc0) == 0x80)
        start++;
    if (start == end)
        return;
    struct buf shown;
    buf_init(&shown);
    for (size_t at = start; at < end;) {
        const char *line = err->data + at;
        const char *newline = memchr(line, '\n', end - at);
        size_t length = newline ? (size_t)(newline - line) : end - at;
        buf_addstr(&shown, "\n  ");
        text_add_safe(&shown, line, length);
        at += length + 1;
    }
    error_suffix(e, ":%s", shown.data);
    buf_release(&shown);
}

static int judge(const struct proc_spec *spec, const struct proc_result *result, int signal,
                 struct error *e)
{
    const char *name = spec->argv[0];
    if (result->stopped)
        return error_set(e, ERROR_INTERRUPTED, "'%s' was interrupted", name);
    if (result->timed_out)
        error_set(e, ERROR_SYSTEM, "'%s' was ended after its %.3g s", name,
                  (double)spec->timeout_ns / (double)NS_PER_S);
    else if (signal)
        error_set(e, ERROR_SYSTEM, "'%s' was ended by signal %d", name, signal);
    else if (result->exit_code)
        error_set(e, ERROR_SYSTEM, "'%s' failed with exit code %d", name, result->exit_code);
    else
        return 0;
    if (spec->err)
        add_tail(e, spec->err);
    return -1;
}

int proc_check(const struct proc_spec *spec, struct error *e)
{
    struct buf own;
    buf_init_capped(&own, ERR_CAP_BYTES);
    struct proc_spec copy = *spec;
    if (!copy.err)
        copy.err = &own;
    struct proc_result result;
    int signal;
    int failed = run_program(&copy, &result, &signal, e);
    if (!failed)
        failed = judge(&copy, &result, signal, e);
    buf_release(&own);
    return failed;
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *proc_find(const char *name)
{
    if (strchr(name, '/'))
        return is_program(name) ? xstrdup(name) : NULL;
    const char *path = getenv("PATH");
    while (path && *name) {
        size_t length = strcspn(path, ":");
        char *folder = length ? xstrndup(path, length) : xstrdup(".");
        char *candidate = fs_join(folder, name);
        free(folder);
        if (is_program(candidate))
            return candidate;
        free(candidate);
        path = path[length] ? path + length + 1 : NULL;
    }
    return NULL;
}
