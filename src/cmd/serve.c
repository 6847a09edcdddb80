/* serve: the embedded Lambda in a process of its own. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/command.h"
#include "emulator/server.h"
#include "os/fs.h"

struct args {
    uint64_t port;
    const char *access_key, *secret_key, *region;
    bool no_verify, unshaped, until_stdin_closes, verbose;
};

static const struct opt options[] = {
    {"port", 'p', "N", OPT_COUNT, offsetof(struct args, port),
     "listen on this port (default: any free one)"},
    {"access-key", 0, "ID", OPT_STRING, offsetof(struct args, access_key),
     "accept this access key id (or LPG_SERVE_ACCESS_KEY; default: test)"},
    {"secret-key", 0, "KEY", OPT_STRING, offsetof(struct args, secret_key),
     "its secret (better in LPG_SERVE_SECRET_KEY: a command line can be seen by others; default: "
     "test)"},
    {"no-verify", 0, NULL, OPT_FLAG, offsetof(struct args, no_verify),
     "accept every request, signed or not"},
    {"region", 0, "NAME", OPT_STRING, offsetof(struct args, region),
     "the region of requests that name none"},
    {"unshaped", 0, NULL, OPT_FLAG, offsetof(struct args, unshaped), "do not limit CPU and memory"},
    {"until-stdin-closes", 0, NULL, OPT_FLAG, offsetof(struct args, until_stdin_closes),
     "end when standard input ends: with the program that started this one"},
    {"verbose", 'v', NULL, OPT_FLAG, offsetof(struct args, verbose), "say on stderr what happens"},
};

static const struct command_usage usage = {
    "lambda-perf-gate serve [options]",
    "Runs the embedded Lambda for any Lambda client: the AWS CLI, an SDK. The first line on\n"
    "stdout is its address. It listens on 127.0.0.1 only and ends on SIGINT or SIGTERM,\n"
    "with every function process.",
    options,
    sizeof options / sizeof options[0],
};

/* An option, else the environment, else the default. */
static const char *setting(const char *option, const char *variable, const char *fallback)
{
    const char *value = option ? option : getenv(variable);
    return value && *value ? value : fallback;
}

static void on_stdin(void *context, int events)
{
    (void)events;
    char ignored[256];
    if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
        loop_stop(context);
}

/*
 * An environment holds about eight descriptors; the usual soft limit of 1024 would end at a hundred
 * of them.
 */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int announce(const struct emulator *m, struct error *e)
{
    struct buf line;
    buf_init(&line);
    buf_addf(&line, "http://127.0.0.1:%u\n", emulator_port(m));
    int failed = command_print(line.data, line.length, e);
    buf_release(&line);
    return failed;
}

static int serve(struct loop *loop, const struct emulator_options *o, bool until_stdin_closes,
                 struct error *e)
{
    struct emulator *m = emulator_new(loop, o, e);
    if (!m)
        return -1;
    struct loop_watch *signals = command_watch_signals(loop);
    struct loop_watch *input = NULL;
    if (until_stdin_closes) {
        input = loop_watch_new(loop, STDIN_FILENO, on_stdin, loop);
        loop_watch_set(input, LOOP_READ);
    }
    int failed = announce(m, e);
    if (!failed && !command_signal)
        loop_run(loop);
    loop_watch_free(input);
    loop_watch_free(signals);
    emulator_free(m);
    return failed;
}

static int serve_in(const char *work_directory, const struct args *args, struct error *e)
{
    if (args->port > UINT16_MAX)
        return error_set(e, ERROR_USAGE, "--port must be at most 65535");
    struct loop *loop = loop_new(e);
    if (!loop)
        return -1;
    struct emulator_options o = {
        .port = (uint16_t)args->port,
        .access_key =
            args->no_verify ? NULL : setting(args->access_key, "LPG_SERVE_ACCESS_KEY", "test"),
        .secret_key =
            args->no_verify ? NULL : setting(args->secret_key, "LPG_SERVE_SECRET_KEY", "test"),
        .no_verify = args->no_verify,
        .region = args->region,
        .work_directory = work_directory,
        .unshaped = args->unshaped,
        .version = LPG_VERSION,
        .log = command_log(args->verbose ? LOG_DEBUG : LOG_WARNING),
    };
    int failed = serve(loop, &o, args->until_stdin_closes, e);
    loop_free(loop);
    return failed;
}

int command_serve(int argc, char **argv)
{
    struct args args = {0};
    struct error e = {0};
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code >= 0)
        return code;
    command_catch_signals();
    raise_descriptor_limit();
    char *work = fs_make_temp_dir("lambda-perf-gate-serve-", &e);
    int failed = work ? serve_in(work, &args, &e) : -1;
    if (work)
        fs_remove_tree(work, NULL);
    free(work);
    return failed ? command_fail(&e) : EXIT_PASS;
}
