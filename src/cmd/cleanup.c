/* cleanup: deletes what runs at a Lambda endpoint left behind. */
#include <stdio.h>
#include <string.h>

#include "aws/target.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"
#include "cleanup/settle.h"
#include "cleanup/sweep.h"
#include "cmd/command.h"
#include "cmd/session.h"
#include "os/clock.h"
#include "os/fs.h"

struct args {
    const char *endpoint_url, *profile, *region, *older_than;
    struct opt_list journals;
    bool dry_run;
    struct place place;
};

static const struct opt options[] = {
    {"target", 0, "WHICH", OPT_STRING, offsetof(struct args, place.target),
     "aws: the Lambda of the region"},
    {"journal", 0, "PATH", OPT_LIST, offsetof(struct args, journals),
     "a run's journal, or a folder with journals (repeatable; default without --older-than: "
     ".lambda-perf-gate)"},
    {"older-than", 0, "AGE", OPT_STRING, offsetof(struct args, older_than),
     "look through all functions of the region, and delete the gate's that are older than this "
     "('2h', '30m') and have expired"},
    {"endpoint-url", 0, "URL", OPT_STRING, offsetof(struct args, endpoint_url),
     "this Lambda endpoint; keys come from where the AWS SDKs find them"},
    {"profile", 0, "NAME", OPT_STRING, offsetof(struct args, profile),
     "keys of this profile of the AWS config files"},
    {"region", 0, "NAME", OPT_STRING, offsetof(struct args, region),
     "the region that requests are signed for (default: that of the environment or the profile, "
     "else us-east-1)"},
    {"dry-run", 0, NULL, OPT_FLAG, offsetof(struct args, dry_run),
     "only say what would be deleted"},
};

static const struct command_usage usage = {
    "lambda-perf-gate cleanup [options]",
    "Deletes functions that runs at a Lambda endpoint left behind: those that a journal names, "
    "and\n"
    "with --older-than those that are found by their names, tags and age. A function is deleted "
    "only\n"
    "when both its name and its tags say that lambda-perf-gate made it. One line for each on "
    "stdout.",
    options,
    sizeof options / sizeof options[0],
};

struct cleanup {
    const struct args *args;
    struct session session;
    size_t open;     /* functions that should be gone and are not known to be */
    bool incomplete; /* not everything could be looked at */
};

static void say(const char *what, const struct removal_item *item)
{
    printf("%s %s", what, item->name);
    printf(*item->reason ? " (%s)\n" : "\n", item->reason);
}

static void tell_open(void *context, const struct removal_item *item)
{
    const struct cleanup *c = context;
    static const char *const words[] = {
        [REMOVAL_UNCONFIRMED] = "not removed:",
        [REMOVAL_DONE] = "removed:",
        [REMOVAL_ABSENT] = "was not there:",
        [REMOVAL_KEPT] = "kept:",
    };
    say(c->args->dry_run ? "open:" : words[item->outcome], item);
}

static void tell_found(void *context, const struct removal_item *item, enum ours ours)
{
    const struct cleanup *c = context;
    if (ours == OURS_EXPIRED)
        say(c->args->dry_run                       ? "expired:"
            : item->outcome == REMOVAL_UNCONFIRMED ? "not removed:"
                                                   : "removed:",
            item);
    else
        say(ours == OURS_LIVE ? "kept, live:" : "kept, doubtful:", item);
}

/* One journal. -1 when it cannot be used at all. */
static int settle_file(struct cleanup *c, const char *path, struct error *e)
{
    struct lambda *l = aws_target_lambda(c->session.target);
    struct journal_place place = {l->endpoint, l->signing.region};
    struct settle_options o = {
        .dry_run = c->args->dry_run, .signals = &command_signals, .told = tell_open, .context = c};
    if (!fs_exists(path)) {
        fprintf(stderr, "no journal '%s': nothing was left behind\n", path);
        return 0;
    }
    struct journal *j = journal_open(path, &place, NULL, e);
    if (!j)
        return -1;
    size_t open = settle_journal(l, j, &o);
    c->open += c->args->dry_run ? 0 : open;
    if (j->content.damaged_line) {
        fprintf(stderr,
                "warning: line %u of the journal '%s' cannot be understood; delete the file when "
                "you know that nothing is left\n",
                j->content.damaged_line, path);
        c->incomplete = true;
    }
    journal_close(j);
    return 0;
}

/* A journal, or all in a folder; there, one that cannot be used does not keep us from the others. */
static int settle_path(struct cleanup *c, const char *path, struct error *e)
{
    struct journal_paths paths;
    if (!fs_is_dir(path))
        return settle_file(c, path, e);
    journal_paths_find(path, &paths);
    if (!paths.count)
        fprintf(stderr, "no journal in '%s': nothing was left behind\n", path);
    for (size_t i = 0; i < paths.count && !command_signal; i++) {
        struct error its = {0};
        if (!settle_file(c, paths.items[i], &its))
            continue;
        fprintf(stderr, "warning: %s\n", its.text);
        c->incomplete = true;
    }
    journal_paths_release(&paths);
    return 0;
}

static int settle_all(struct cleanup *c, struct error *e)
{
    const struct opt_list *given = &c->args->journals;
    if (!given->count)
        return c->args->older_than ? 0 : settle_path(c, ".lambda-perf-gate", e);
    for (size_t i = 0; i < given->count && !command_signal; i++)
        if (settle_path(c, given->items[i], e))
            return -1;
    return 0;
}

static void sweep(struct cleanup *c, uint64_t older_than_ns)
{
    struct error e = {0};
    struct sweep_counts n;
    struct sweep_options o = {.rule = {clock_wall_ns(), older_than_ns},
                              .dry_run = c->args->dry_run,
                              .signals = &command_signals,
                              .told = tell_found,
                              .context = c};
    if (sweep_run(aws_target_lambda(c->session.target), &o, &n, &e)) {
        fprintf(stderr, "warning: not everything could be looked at: %s\n", e.text);
        c->incomplete = true;
    }
    c->open += c->args->dry_run ? 0 : n.expired - n.removed;
    fprintf(stderr, "%zu functions listed: %zu expired, %zu removed, %zu live, %zu doubtful\n",
            n.listed, n.expired, n.removed, n.live, n.doubtful);
}

static int check_args(const struct args *args, double *older_than_ms, struct error *e)
{
    if (!place_is_remote(&args->place, args->endpoint_url))
        return error_set(e, ERROR_USAGE,
                         "cleanup needs --target aws or --endpoint-url: the embedded Lambda leaves "
                         "nothing behind");
    if (args->older_than &&
        (!units_parse_duration_ms(args->older_than, older_than_ms) || *older_than_ms < 0))
        return error_set(e, ERROR_USAGE, "--older-than: '%s' is not a time such as 2h or 30m",
                         args->older_than);
    return 0;
}

static int clean_up(struct cleanup *c, struct error *e)
{
    double older_than_ms = 0;
    struct session_options o = {.endpoint_url = c->args->endpoint_url,
                                .profile = c->args->profile,
                                .region = c->args->region,
                                .place = c->args->place};
    if (check_args(c->args, &older_than_ms, e) || session_check(&o, e) ||
        session_open(&c->session, &o, e))
        return -1;
    int failed = settle_all(c, e);
    if (!failed && c->args->older_than && !command_signal)
        sweep(c, (uint64_t)(older_than_ms * (double)NS_PER_MS));
    session_close(&c->session);
    return failed;
}

int command_cleanup(int argc, char **argv)
{
    struct args args = {0};
    struct error e = {0};
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code >= 0)
        return code;
    command_catch_signals();
    struct cleanup c = {.args = &args, .session.embedded.input = -1};
    int failed = clean_up(&c, &e);
    if (fflush(stdout))
        failed = error_errno(&e, ERROR_SYSTEM, "cannot write to standard output");
    if (command_signal)
        return command_signal_exit();
    if (failed)
        return command_fail(&e);
    return c.open || c.incomplete ? EXIT_LEAK : EXIT_PASS;
}
