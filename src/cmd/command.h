/*
 * command.h - what all subcommands share: how they are listed, how they fail, how they are
 * interrupted.
 *
 * A subcommand is one file with one function; main.c has its row. Only here, in cmd/, is anything
 * printed: data on stdout, everything else on stderr.
 */
#ifndef LPG_CMD_COMMAND_H
#define LPG_CMD_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/opt.h"
#include "model/plan.h"
#include "model/verdict.h"
#include "net/loop.h"

/* Returns the exit code. argv[0] is the subcommand's name. */
typedef int command_fn(int argc, char **argv);

command_fn command_run, command_init, command_check, command_serve, command_report, command_compare,
    command_calibrate, command_selftest, command_prices, command_cleanup, command_comment,
    command_ci;

/* `init --iam`: options of its own. */
command_fn command_init_iam;

/* What a subcommand says of itself in --help. */
struct command_usage {
    const char *synopsis;    /* "lambda-perf-gate run [options]" */
    const char *description; /* a paragraph */
    const struct opt *options;
    size_t option_count;
};

/*
 * Parses the options of a subcommand and answers --help. Returns -1 to go on, else the exit code.
 * `words` as in opt_parse().
 */
int command_options(const struct command_usage *usage, int argc, char **argv, void *fields,
                    struct opt_list *words);

/* Prints "lambda-perf-gate: error: ..." and returns the exit code for it. */
int command_fail(const struct error *e);
/* Writes all of it to stdout; -1 when that is not possible (a full disk, a closed pipe). */
int command_print(const char *text, size_t length, struct error *e);
/*
 * Whether stderr or stdout is a terminal that takes colours: `mode` is "auto", "always" or "never";
 * NO_COLOR wins.
 */
bool command_colour(const char *mode, int fd);

/* A sink for library messages: one line each on stderr, above `threshold`. */
struct log *command_log(enum log_level threshold);

/*
 * Reads perf.yml and prints what is wrong with it; NULL (and EXIT_USAGE is due) when there is an
 * error.
 */
struct plan *command_plan(const char *path, const char *colour);
/*
 * The same, but with the file's text and whatever it names (events, a template) as they are in the
 * commit that `ref` names; sides are still found from the folder of `path`. NULL for `ref` is
 * command_plan(). *code is the exit code that is due after a failure.
 */
struct plan *command_plan_at(const char *path, const char *ref, const char *colour, int *code);

/* Whether the --function options name this function; without any, all are meant. */
bool command_selects(const struct opt_list *functions, const char *name);
/* How many functions of the plan they name: alpha is divided among these. */
unsigned command_selected(const struct opt_list *functions, const struct plan *plan);
/* ERROR_USAGE for a --function that perf.yml does not have. */
int command_check_selection(const struct opt_list *functions, const struct plan *plan,
                            struct error *e);

/* ---- interruption ---- */

/* Non-zero, the signal's number, once SIGINT, SIGTERM or SIGHUP has come. */
extern volatile sig_atomic_t command_signal;
/* How many have come: after the second nothing at an endpoint is waited for any more. */
extern volatile sig_atomic_t command_signals;
/* Catches these signals (and ignores SIGPIPE) from now on. */
void command_catch_signals(void);
/* Makes a signal stop loop_run() of this loop as well. Free with loop_watch_free(). */
struct loop_watch *command_watch_signals(struct loop *loop);
/* The exit code after a signal: 130 or 143. */
int command_signal_exit(void);

#endif
