/*
 * compare: judges a samples file as its run would have, look by look, or against older ones. No
 * measurement.
 */
#include "cmd/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/output.h"
#include "cmd/prices.h"
#include "gate/judge.h"
#include "os/fs.h"

static const struct opt options[] = {
    {"samples", 0, "FILE", OPT_STRING, offsetof(struct compare_args, samples),
     "the samples (default: .lambda-perf-gate/samples.ndjson)"},
    {"baseline-samples", 0, "FILE", OPT_LIST, offsetof(struct compare_args, baseline_samples),
     "judge the candidate of --samples against this older file (repeatable)"},
    {"baseline-side", 0, "SIDE", OPT_STRING, offsetof(struct compare_args, baseline_side),
     "of the older files: 'candidate', what was merged (default), or 'baseline'"},
    {"session-noise", 0, "PCT", OPT_NUMBER, offsetof(struct compare_args, session_noise),
     "how far measurements of the same code differ, as a standard deviation (default: 5 for "
     "Lambda, 10 for the embedded one; of 5 days or more: their own scatter)"},
    {"config", 'c', "FILE", OPT_STRING, offsetof(struct compare_args, config),
     "the limits (default: perf.yml)"},
    {"function", 'f', "NAME", OPT_LIST, offsetof(struct compare_args, functions),
     "only this function (repeatable; default: all of perf.yml)"},
    {"region", 0, "NAME", OPT_STRING, offsetof(struct compare_args, region),
     "prices of this region (default: us-east-1; against older files that of the run)"},
    {"prices", 0, "FILE", OPT_STRING, offsetof(struct compare_args, prices),
     "prices of this file (default: those of 'prices update', or else the built-in ones)"},
    {"json", 0, NULL, OPT_FLAG, offsetof(struct compare_args, json),
     "print a result.json instead of the report"},
    {"verbose", 'v', NULL, OPT_FLAG, offsetof(struct compare_args, verbose),
     "all metrics in the report"},
    {"color", 0, "WHEN", OPT_STRING, offsetof(struct compare_args, colour),
     "auto, always or never"},
};

static const struct command_usage usage = {
    "lambda-perf-gate compare [options]",
    "Replays the looks of a run over its samples.ndjson, with the limits of perf.yml, and\n"
    "gives the verdict that the run would have given, and after how many rounds it would\n"
    "have stopped.\n\n"
    "With --baseline-samples the candidate of one run is judged against that of older ones,\n"
    "in one look. What differs between two days is then part of each change, so that only\n"
    "large changes can be seen; the report says which. A result.json beside each samples\n"
    "file tells when and on what it was measured.",
    options,
    sizeof options / sizeof options[0],
};

enum { SAMPLES_MAX = 1 << 30 };

static int function_index(void *context, const char *name)
{
    const struct plan *plan = context;
    const struct plan_function *f = plan_find(plan, name);
    return f ? (int)(f - plan->functions) : -1;
}

static int read_samples(const char *path, struct plan *plan, struct series *series, struct error *e)
{
    struct buf text;
    buf_init(&text);
    int failed = fs_read(path, SAMPLES_MAX, &text, e) ||
                 series_read(series, text.data, text.length, function_index, plan, e);
    if (failed)
        error_prefix(e, "%s", path);
    buf_release(&text);
    return failed ? -1 : 0;
}

/* Copies one round of one function; false when the file has no such round. */
static bool take_round(const struct series *all, unsigned function, unsigned round,
                       struct series *out)
{
    size_t before = out->count;
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].function == function && all->items[i].round == round)
            series_copy(out, all, i);
    return out->count > before;
}

static unsigned last_round(const struct series *all, unsigned function)
{
    unsigned last = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].function == function && all->items[i].round > last)
            last = all->items[i].round;
    return last;
}

static int replay(const struct compare_args *args, const struct plan *plan, unsigned function,
                  const struct series *all, struct result *r, struct error *e)
{
    const struct plan_function *f = &plan->functions[function];
    struct gate_settings settings = GATE_DEFAULTS;
    struct series used;
    series_init(&used, plan);
    settings.alpha /= (double)command_selected(&args->functions, plan);
    settings.region = args->region ? args->region : PLAN_DEFAULT_REGION;
    settings.prices = args->book;
    struct gate *gate = gate_new(f, &settings, e);
    if (!gate)
        return -1;
    unsigned last = last_round(all, function);
    for (unsigned round = 0; round <= last; round++) {
        size_t first = used.count;
        if (!take_round(all, function, round, &used))
            continue;
        gate_add_round(gate, &used, first, function);
        if (gate_look(gate) == GATE_STOP)
            break;
    }
    gate_conclude(gate, &used, function, &r->arena, &r->functions[r->function_count++]);
    r->invocations += used.count;
    series_release(&used);
    gate_free(gate);
    return 0;
}

static bool has_samples(const struct series *all, unsigned function)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].function == function)
            return true;
    return false;
}

/* What is judged must be there: a function whose samples are missing is not one that passes. */
static int replay_selected(const struct compare_args *args, const struct plan *plan,
                           const struct series *all, struct result *r, struct error *e)
{
    for (unsigned i = 0; i < plan->function_count; i++) {
        const char *name = plan->functions[i].name;
        if (!command_selects(&args->functions, name))
            continue;
        if (!has_samples(all, i))
            return error_set(e, ERROR_INPUT,
                             "%s: no samples of '%s' (--function judges some functions only)",
                             args->samples, name);
        if (replay(args, plan, i, all, r, e))
            return -1;
    }
    return 0;
}

static int compare(const struct compare_args *args, struct plan *plan, struct result *r,
                   struct error *e)
{
    struct series all;
    series_init(&all, plan);
    r->functions = arena_alloc(&r->arena, plan->function_count * sizeof *r->functions);
    int failed = command_check_selection(&args->functions, plan, e) ||
                 read_samples(args->samples, plan, &all, e) ||
                 replay_selected(args, plan, &all, r, e);
    series_release(&all);
    return failed ? -1 : 0;
}

int command_compare(int argc, char **argv)
{
    struct compare_args args = {.samples = ".lambda-perf-gate/samples.ndjson",
                                .config = "perf.yml",
                                .baseline_side = "candidate",
                                .session_noise = -1,
                                .colour = "auto"};
    struct error e = {0};
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code >= 0)
        return code;
    if (compare_stored_check(&args, &e))
        return command_fail(&e);
    struct plan *plan = command_plan(args.config, args.colour);
    if (!plan)
        return EXIT_USAGE;
    struct result *r = result_new();
    r->tool_version = LPG_VERSION;
    r->target.kind = "samples";
    r->side[SIDE_BASELINE].source = r->side[SIDE_CANDIDATE].source = "samples";
    struct output_options o = {.colour = args.colour, .json = args.json, .verbose = args.verbose};
    args.book = prices_open(args.prices, &e);
    int failed = !args.book                    ? -1
                 : args.baseline_samples.count ? compare_stored(&args, plan, r, &e)
                                               : compare(&args, plan, r, &e);
    if (!failed) {
        gate_conclude_run(r);
        failed = output_print(&o, r, &e);
    }
    code = failed ? command_fail(&e) : (int)r->exit_code;
    price_book_free(args.book);
    result_free(r);
    plan_free(plan);
    return code;
}
