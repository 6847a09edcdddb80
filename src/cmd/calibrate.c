/* calibrate: the working tree against itself; what this function, here, can be held to. */
#include <math.h>
#include <string.h>

#include "cmd/calibrate_report.h"
#include "cmd/command.h"
#include "cmd/trial.h"
#include "gate/calibration.h"
#include "os/clock.h"

enum { ROUNDS_DEFAULT = 40, ROUNDS_OPEN_ENDED = 1000, REPLAYS = 1000 };

/* All rounds are run: a gate without limits, with its first look at the end. */
static struct plan_function all_rounds(const struct trial *t, const struct plan_function *f)
{
    struct plan_function copy = *f;
    unsigned rounds = t->args->minutes > 0 ? ROUNDS_OPEN_ENDED : ROUNDS_DEFAULT;
    if (t->args->rounds)
        rounds = (unsigned)t->args->rounds;
    copy.rounds.min = copy.rounds.max = rounds > 2 ? rounds : 2;
    copy.rounds.step = 1;
    copy.limit_count = 0;
    return copy;
}

/* From the first call to the end of the last. */
static double minutes_of(const struct series *s)
{
    uint64_t end_ns = 0;
    for (size_t i = 0; i < s->count; i++) {
        uint64_t client_us = s->items[i].client_us == SAMPLE_NONE ? 0 : s->items[i].client_us;
        uint64_t done_ns = s->items[i].sent_ns + client_us * 1000;
        end_ns = done_ns > end_ns ? done_ns : end_ns;
    }
    return s->count ? (double)(end_ns - s->items[0].sent_ns) / (60 * (double)NS_PER_S) : 0;
}

/* The levels of a gate that is never asked need no search for exact ones. */
#define ALPHA_UNUSED 1e-6

static int measure(struct trial *t, const struct plan_function *f, const struct package *p,
                   struct result_function *out, struct error *e)
{
    struct plan_function measured = all_rounds(t, f);
    const struct package both[SIDE_COUNT] = {*p, *p};
    struct trial_measurement m = {
        .function = &measured,
        .index = trial_index(t, f),
        .packages = both,
        .settings = trial_settings(t, p),
        .open_ended = true,
    };
    m.settings.alpha = m.settings.beta = ALPHA_UNUSED;
    return trial_measure(t, &m, out, e);
}

static int run(struct trial *t, const struct plan_function *f, struct error *e)
{
    struct package p = {0};
    struct result_function measured = {0};
    struct calibration c;
    int failed = trial_build(t, f, &p, e) || measure(t, f, &p, &measured, e);
    if (!failed) {
        struct calibration_request request = {
            .function = f,
            .index = trial_index(t, f),
            .series = &t->series,
            .settings = trial_settings(t, &p),
            .minutes = minutes_of(&t->series),
            .gates = REPLAYS,
            .seed = t->args->seed,
        };
        progress_say(&t->progress, "%s: judging the rounds in %d other orders", f->name, REPLAYS);
        failed = calibration_make(&request, &c, e);
    }
    if (!failed) {
        struct calibrate_report report = {f, &c, &measured};
        calibrate_write_text(&report, &t->text);
        calibrate_write_json(&report, &t->writer);
    }
    package_release(&p);
    return failed ? -1 : EXIT_PASS;
}

int command_calibrate(int argc, char **argv)
{
    static const struct trial_command command = {
        "calibrate",
        "calibration.json",
        "Measures the working tree against itself. Nothing differs, so what is seen is\n"
        "noise: how small a change can be told from it in 1, 5 and 15 minutes, how often\n"
        "the gate would cry wolf, and which limits this function supports on this machine.",
        run,
    };
    return trial_command(&command, argc, argv);
}
