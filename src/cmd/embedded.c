#include "cmd/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd/command.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/machine.h"

extern char **environ;

enum { OWN_VARIABLES = 3 }; /* of the server's environment */
enum { START_TIMEOUT_MS = 20000, STOP_TIMEOUT_MS = 5000, LOG_MAX = 1 << 20, LOG_TAIL = 600 };

static void make_keys(struct embedded *m)
{
    unsigned char random[26];
    char hex[2 * sizeof random + 1];
    hash_random(random, sizeof random);
    hash_hex(random, sizeof random, hex);
    snprintf(m->access_key, sizeof m->access_key, "LPGEMBEDDED%.9s", hex);
    snprintf(m->secret_key, sizeof m->secret_key, "%.40s", hex + 10);
}

/*
 * Our environment and the keys. Temporary files go into our own folder, so that they are removed
 * even when the server did not come to it. The caller frees the last OWN_VARIABLES strings and the
 * array.
 */
static char **server_environment(const struct embedded *m)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **env = xcalloc(count + OWN_VARIABLES + 1, sizeof *env);
    for (size_t i = 0; i < count; i++)
        if (!text_starts(environ[i], "TMPDIR="))
            env[kept++] = environ[i];
    char *folder = fs_dirname(m->log_path);
    env[kept++] = xasprintf("TMPDIR=%s", folder);
    env[kept++] = xasprintf("LPG_SERVE_ACCESS_KEY=%s", m->access_key);
    env[kept++] = xasprintf("LPG_SERVE_SECRET_KEY=%s", m->secret_key);
    free(folder);
    return env;
}

static void free_environment(char **env)
{
    size_t count = 0;
    while (env[count])
        count++;
    for (size_t i = 1; i <= OWN_VARIABLES; i++)
        free(env[count - i]);
    free(env);
}

/*
 * A group of its own, so that a Ctrl-C at the terminal reaches us alone and we end it in order;
 * signals that we ignore are not ignored there.
 */
static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigdefault(attributes, &defaults);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(struct embedded *m, const char *program, bool unshaped, int input, int output,
                 struct error *e)
{
    char name[] = "lambda-perf-gate", serve[] = "serve", until[] = "--until-stdin-closes",
         plain[] = "--unshaped";
    char *argv[] = {name, serve, until, unshaped ? plain : NULL, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, m->log_path,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    set_attributes(&attributes);
    char **env = server_environment(m);
    int failed = posix_spawn(&m->pid, program, &actions, &attributes, argv, env);
    free_environment(env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (!failed)
        return 0;
    m->pid = 0;
    errno = failed;
    return error_errno(e, ERROR_SYSTEM, "cannot start the embedded Lambda '%s'", program);
}

/* Reads the first line, which is the address. */
static int read_address(struct embedded *m, int output, struct error *e)
{
    size_t used = 0;
    uint64_t deadline = clock_now_ns() + START_TIMEOUT_MS * NS_PER_MS;
    while (used < sizeof m->endpoint - 1 && clock_now_ns() < deadline && !command_signal) {
        struct pollfd ready = {.fd = output, .events = POLLIN};
        if (poll(&ready, 1, 100) <= 0)
            continue;
        ssize_t n = read(output, m->endpoint + used, 1);
        if (n <= 0)
            break;
        if (m->endpoint[used] == '\n') {
            m->endpoint[used] = '\0';
            return 0;
        }
        used++;
    }
    m->endpoint[0] = '\0';
    if (command_signal)
        return error_set(e, ERROR_INTERRUPTED, "interrupted");
    return error_set(e, ERROR_SYSTEM, "the embedded Lambda did not start");
}

int embedded_start(struct embedded *m, const char *directory, bool unshaped, struct error *e)
{
    *m = (struct embedded){.input = -1};
    int to[2], from[2];
    char *program = machine_program();
    if (!program)
        return error_set(e, ERROR_SYSTEM, "cannot tell where this program is");
    if (pipe2(to, O_CLOEXEC)) {
        free(program);
        return error_errno(e, ERROR_SYSTEM, "cannot make a pipe");
    }
    if (pipe2(from, O_CLOEXEC)) {
        close(to[0]);
        close(to[1]);
        free(program);
        return error_errno(e, ERROR_SYSTEM, "cannot make a pipe");
    }
    m->log_path = fs_join(directory, "embedded.log");
    m->input = to[1];
    make_keys(m);
    int failed = spawn(m, program, unshaped, to[0], from[1], e);
    close(to[0]);
    close(from[1]);
    if (!failed && read_address(m, from[0], e)) {
        failed = -1;
        embedded_explain(m, e);
    }
    close(from[0]);
    free(program);
    if (failed)
        embedded_stop(m);
    return failed;
}

/* Waits until the process has ended or the time is over. */
static bool has_ended(struct embedded *m, unsigned timeout_ms, int *status)
{
    uint64_t deadline = clock_now_ns() + timeout_ms * NS_PER_MS;
    for (;;) {
        pid_t done = waitpid(m->pid, status, WNOHANG);
        if (done == m->pid || (done < 0 && errno == ECHILD))
            return true;
        if (clock_now_ns() >= deadline)
            return false;
        clock_sleep_ns(2 * NS_PER_MS);
    }
}

void embedded_stop(struct embedded *m)
{
    int status;
    if (m->input >= 0)
        close(m->input);
    if (m->pid && !has_ended(m, STOP_TIMEOUT_MS, &status)) {
        kill(m->pid, SIGKILL);
        waitpid(m->pid, &status, 0);
    }
    free(m->log_path);
    *m = (struct embedded){.input = -1};
}

void embedded_explain(struct embedded *m, struct error *e)
{
    int status = 0;
    struct buf log;
    if (!m->pid || !has_ended(m, 200, &status))
        return;
    m->pid = 0;
    if (WIFSIGNALED(status))
        error_suffix(e, "; the embedded Lambda was ended by signal %d (%s)", WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
    else
        error_suffix(e, "; the embedded Lambda ended with exit code %d", WEXITSTATUS(status));
    buf_init(&log);
    if (!fs_read(m->log_path, LOG_MAX, &log, NULL) && log.length) {
        struct buf tail;
        buf_init_capped(&tail, LOG_TAIL);
        size_t from = log.length > LOG_TAIL ? log.length - LOG_TAIL : 0;
        text_add_safe(&tail, log.data + from, log.length - from);
        error_suffix(e, ": %s", tail.data);
        buf_release(&tail);
    }
    buf_release(&log);
}
