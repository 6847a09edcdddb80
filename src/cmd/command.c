#include "cmd/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile sig_atomic_t command_signal, command_signals;
static int signal_pipe[2] = {-1, -1};

static void help(const struct command_usage *usage)
{
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "usage: %s\n\n%s\n\noptions:\n", usage->synopsis, usage->description);
    opt_help(usage->options, usage->option_count, &text);
    buf_addstr(&text, "\nexit codes:\n");
    for (size_t i = 0; i < exit_code_count; i++)
        buf_addf(&text, "  %3d  %s\n", exit_codes[i].code, exit_codes[i].meaning);
    fwrite(text.data, 1, text.length, stdout);
    buf_release(&text);
}

int command_options(const struct command_usage *usage, int argc, char **argv, void *fields,
                    struct opt_list *words)
{
    struct error e = {0};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            help(usage);
            return EXIT_PASS;
        }
    }
    if (opt_parse(usage->options, usage->option_count, argc, argv, fields, words, &e)) {
        error_suffix(&e, "\nusage: %s (see --help)", usage->synopsis);
        return command_fail(&e);
    }
    return -1;
}

int command_fail(const struct error *e)
{
    if (e->code == ERROR_INTERRUPTED)
        return command_signal_exit();
    fprintf(stderr, "lambda-perf-gate: error: %s\n", e->text);
    return (int)error_exit(e->code);
}

int command_print(const char *text, size_t length, struct error *e)
{
    if (fwrite(text, 1, length, stdout) != length || fflush(stdout))
        return error_errno(e, ERROR_SYSTEM, "cannot write to standard output");
    return 0;
}

bool command_colour(const char *mode, int fd)
{
    const char *none = getenv("NO_COLOR");
    if (none && *none)
        return false;
    if (!strcmp(mode, "always"))
        return true;
    return strcmp(mode, "never") != 0 && isatty(fd);
}

static void write_log(struct log *log, enum log_level level, const char *text)
{
    (void)log;
    fprintf(stderr, "%s%s\n", level == LOG_WARNING ? "warning: " : "", text);
}

struct log *command_log(enum log_level threshold)
{
    static struct log log = {.write = write_log};
    log.threshold = threshold;
    return &log;
}

static void on_signal(int number)
{
    int saved = errno;
    if (!command_signal)
        command_signal = number;
    if (command_signals < 2)
        command_signals = command_signals + 1;
    if (write(signal_pipe[1], "", 1) < 0)
        errno = saved; /* the pipe is full: the loop knows already */
    errno = saved;
}

void command_catch_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK))
        return;
    struct sigaction action = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaction(caught[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void on_signal_pipe(void *context, int events)
{
    (void)events;
    char drained[16];
    while (read(signal_pipe[0], drained, sizeof drained) > 0)
        ;
    loop_stop(context);
}

struct loop_watch *command_watch_signals(struct loop *loop)
{
    struct loop_watch *watch = loop_watch_new(loop, signal_pipe[0], on_signal_pipe, loop);
    loop_watch_set(watch, LOOP_READ);
    return watch;
}

int command_signal_exit(void)
{
    return command_signal == SIGTERM ? EXIT_SIGTERM : EXIT_SIGINT;
}
