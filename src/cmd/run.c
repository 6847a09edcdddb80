/* run: measures baseline and candidate, judges, reports. The main job. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/checkout.h"
#include "build/package.h"
#include "cmd/command.h"
#include "cmd/deployed.h"
#include "cmd/measure.h"
#include "cmd/output.h"
#include "cmd/prices.h"
#include "cmd/progress.h"
#include "cmd/session.h"
#include "gate/judge.h"
#include "gate/price.h"
#include "os/clock.h"
#include "os/fs.h"

struct args {
    const char *config, *config_ref, *baseline, *candidate, *endpoint_url, *profile, *region,
        *prices, *output, *journal, *colour;
    struct opt_list functions;
    uint64_t seed, max_invocations;
    double max_minutes, budget_usd;
    bool json, quiet, verbose, unshaped, force;
    struct place place;
};

static const struct opt options[] = {
    {"config", 'c', "FILE", OPT_STRING, offsetof(struct args, config),
     "read FILE instead of perf.yml"},
    {"config-ref", 0, "REF", OPT_STRING, offsetof(struct args, config_ref),
     "read perf.yml and the events that it names as they are in this commit"},
    {"function", 'f', "NAME", OPT_LIST, offsetof(struct args, functions),
     "only this function (repeatable)"},
    {"baseline", 'b', "SRC", OPT_STRING, offsetof(struct args, baseline),
     "git:REF, a folder, a .zip or function:NAME[:QUALIFIER] (default: the merge base with the "
     "remote's default branch)"},
    {"candidate", 0, "SRC", OPT_STRING, offsetof(struct args, candidate),
     "git:REF, 'worktree', a folder, a .zip or function:NAME[:QUALIFIER] (default: the working "
     "tree as it is)"},
    {"endpoint-url", 0, "URL", OPT_STRING, offsetof(struct args, endpoint_url),
     "measure at this Lambda endpoint instead of the embedded Lambda; keys are found "
     "as the AWS SDKs find them"},
    {"profile", 0, "NAME", OPT_STRING, offsetof(struct args, profile),
     "keys and region come from this profile of the AWS files"},
    {"region", 0, "NAME", OPT_STRING, offsetof(struct args, region),
     "prices and signatures of this region (default: us-east-1; with --target aws the one of the "
     "environment or the profile)"},
    PLACE_OPTION_TARGET(struct args, place),
    PLACE_OPTION_ROLE(struct args, place),
    PLACE_OPTION_LIKE(struct args, place),
    PLACE_OPTION_LOG_GROUP(struct args, place),
    PLACE_OPTION_CODE_BUCKET(struct args, place),
    PLACE_OPTION_VERSIONS_OF(struct args, place),
    {"output", 'o', "DIR", OPT_STRING, offsetof(struct args, output),
     "write the reports to DIR (default: .lambda-perf-gate)"},
    {"journal", 0, "FILE", OPT_STRING, offsetof(struct args, journal),
     "write down in FILE what is made at the endpoint, for 'cleanup' (default: a file in the "
     "output "
     "folder)"},
    {"seed", 0, "N", OPT_COUNT, offsetof(struct args, seed),
     "seed of the random order (default: 1)"},
    {"max-minutes", 0, "N", OPT_NUMBER, offsetof(struct args, max_minutes),
     "end the measurement after N minutes; what is not clear by then is inconclusive"},
    {"max-invocations", 0, "N", OPT_COUNT, offsetof(struct args, max_invocations),
     "invoke at most N times, both sides and all functions together (default: 10000 where "
     "invocations cost money)"},
    {"budget-usd", 0, "USD", OPT_NUMBER, offsetof(struct args, budget_usd),
     "begin no round that could take the invocations' bill beyond USD"},
    {"prices", 0, "FILE", OPT_STRING, offsetof(struct args, prices),
     "prices of this file (default: those of 'prices update', or else the built-in ones)"},
    {"force", 0, NULL, OPT_FLAG, offsetof(struct args, force),
     "measure even when both packages are identical"},
    {"unshaped", 0, NULL, OPT_FLAG, offsetof(struct args, unshaped),
     "do not limit CPU and memory as Lambda does"},
    {"json", 0, NULL, OPT_FLAG, offsetof(struct args, json),
     "print result.json on stdout instead of the report"},
    {"quiet", 'q', NULL, OPT_FLAG, offsetof(struct args, quiet), "no progress on stderr"},
    {"verbose", 'v', NULL, OPT_FLAG, offsetof(struct args, verbose), "all metrics in the report"},
    {"color", 0, "WHEN", OPT_STRING, offsetof(struct args, colour), "auto, always or never"},
};

static const struct command_usage usage = {
    "lambda-perf-gate run [options]",
    "Builds baseline and candidate, deploys both, loads them side by side, and compares P99, cold "
    "start and cost\n"
    "per million invocations. The reports are written to .lambda-perf-gate/, the verdict is the "
    "exit code.",
    options,
    sizeof options / sizeof options[0],
};

/* Everything of a run that must be given back. */
struct run {
    const struct args *args;
    struct plan *plan;
    struct price_book *prices;
    struct result *result;
    struct series series;
    struct spend spent;
    struct progress progress;
    char *temp;
    struct checkout sides[SIDE_COUNT];
    struct session session;
    bool session_open;
    uint64_t start_ns;
    struct buf left; /* functions that could not be removed */
};

static int open_sides(struct run *run, struct error *e)
{
    const char *specs[SIDE_COUNT] = {run->args->baseline, run->args->candidate};
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct checkout_request request = {(enum side)side, specs[side], run->plan->directory,
                                           run->temp, &command_signal};
        struct result_side *shown = &run->result->side[side];
        if (deployed_spec(specs[side])) {
            shown->source = specs[side];
            continue;
        }
        if (checkout_open(&run->sides[side], &request, e))
            return -1;
        shown->source = arena_strdup(&run->result->arena, run->sides[side].label);
        if (run->sides[side].sha)
            shown->sha = arena_strdup(&run->result->arena, run->sides[side].sha);
    }
    return 0;
}

static struct session_options session_options_of(const struct run *run)
{
    const struct args *a = run->args;
    struct session_options o = {.endpoint_url = a->endpoint_url,
                                .profile = a->profile,
                                .region = a->region,
                                .directory = run->temp,
                                .unshaped = a->unshaped,
                                .journal = a->journal,
                                .output = a->output,
                                .max_minutes = a->max_minutes,
                                .place = a->place};
    o.place.keep_folder = a->output;
    return o;
}

/* The session is opened when the first function really has to be measured. */
static int need_session(struct run *run, struct error *e)
{
    struct session_options o = session_options_of(run);
    if (run->session_open)
        return 0;
    if (session_open(&run->session, &o, e))
        return -1;
    run->session_open = true;
    return session_describe(&run->session, &o, &run->result->arena, &run->result->target, e);
}

static int build_sides(struct run *run, const struct plan_function *f, struct package *packages,
                       struct error *e)
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (!run->sides[side].label)
            continue; /* it is deployed */
        progress_say(&run->progress, "%s: %s the %s (%s)", f->name,
                     f->build ? "building" : "packing", side_name((enum side)side),
                     run->sides[side].label);
        int failed = package_make(&packages[side], &run->sides[side], f, &command_signal, e);
        if (f->build && output_build_log(run->args->output, f->name, (enum side)side,
                                         &packages[side].build_output, e))
            return -1;
        if (failed)
            return error_prefix(e, "the %s of '%s'", side_name((enum side)side), f->name);
    }
    return 0;
}

static void describe_packages(struct run *run, const struct package *packages,
                              struct result_function *out)
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (!run->sides[side].label)
            continue;
        out->package[side].sha256 = arena_strdup(&run->result->arena, packages[side].sha256);
        out->package[side].bytes = packages[side].zip.length;
    }
}

/* What this function may use: an equal part of what the earlier ones left. */
static struct budget budget_of(const struct run *run)
{
    struct budget whole = {run->args->max_invocations, run->args->budget_usd};
    if (!whole.invocations && run->session.target->charged)
        whole.invocations = CHARGED_INVOCATIONS_MAX;
    unsigned selected = command_selected(&run->args->functions, run->plan);
    unsigned left = selected - (unsigned)run->result->function_count + 1;
    return budget_share(&whole, &run->spent, left);
}

/* `deployed` NULL: both sides are made for this run. */
static int measure_one(struct run *run, const struct plan_function *f,
                       const struct package *packages, const struct deployed_sides *deployed,
                       struct result_function *out, struct error *e)
{
    struct measure_job job = {
        .session = &run->session,
        .progress = &run->progress,
        .function = deployed ? &deployed->function : f,
        .function_index = (unsigned)(f - run->plan->functions),
        .packages = packages,
        .series = &run->series,
        .spent = &run->spent,
        .settings = GATE_DEFAULTS,
        .seed = run->args->seed,
        .start_ns = run->start_ns,
        .deadline_ns =
            run->args->max_minutes > 0
                ? run->start_ns + (uint64_t)(run->args->max_minutes * 60 * (double)NS_PER_S)
                : 0,
    };
    job.settings.alpha /= (double)command_selected(&run->args->functions, run->plan);
    job.budget = budget_of(run);
    job.settings.prices = run->prices;
    job.settings.region = run->session.price_region;
    for (int side = 0; side < SIDE_COUNT; side++) {
        job.settings.package_bytes[side] = packages[side].zip.length;
        if (deployed && deployed_name(deployed, (enum side)side)) {
            job.deployed[side] = deployed_name(deployed, (enum side)side);
            job.settings.package_bytes[side] = deployed->bytes[side];
        }
    }
    int failed = measure_function(&job, &run->result->arena, out, e);
    /* Now, not at the end: the next function's build may take long, and may have to be ended. */
    session_remove_functions(&run->session, &run->left);
    return failed;
}

static bool any_deployed(const struct run *run)
{
    return deployed_spec(run->args->baseline) || deployed_spec(run->args->candidate);
}

/* Measures one function of which a side at least is deployed already. */
static int measure_deployed(struct run *run, const struct plan_function *f,
                            const struct package *packages, struct result_function *out,
                            struct error *e)
{
    struct session_options o = session_options_of(run);
    struct deployed_sides deployed;
    struct arena *arena = &run->result->arena;
    struct deployed_request request = {
        .session = &run->session,
        .options = &o,
        .function = f,
        .names = {deployed_spec(run->args->baseline), deployed_spec(run->args->candidate)},
        .packages = packages,
        .arena = arena,
    };
    int failed = deployed_open(&deployed, &request, e);
    for (int side = 0; side < SIDE_COUNT && !failed; side++)
        if (deployed_name(&deployed, (enum side)side)) {
            out->package[side].sha256 = arena_strdup(arena, deployed.sha256[side]);
            out->package[side].bytes = deployed.bytes[side];
        }
    if (!failed)
        failed = measure_one(run, f, packages, &deployed, out, e);
    deployed_close(&deployed);
    return failed;
}

/* Builds, compares and measures one function. Its result is an error verdict until the end. */
static int run_function(struct run *run, const struct plan_function *f, struct result_function *out,
                        struct error *e)
{
    struct package packages[SIDE_COUNT] = {0};
    int failed = build_sides(run, f, packages, e);
    if (!failed) {
        describe_packages(run, packages, out);
        if (any_deployed(run))
            failed = need_session(run, e) || measure_deployed(run, f, packages, out, e) ? -1 : 0;
        else if (!strcmp(packages[SIDE_BASELINE].contents, packages[SIDE_CANDIDATE].contents) &&
                 !run->args->force)
            gate_conclude_identical(f, &run->result->arena, out);
        else
            failed = need_session(run, e) || measure_one(run, f, packages, NULL, out, e) ? -1 : 0;
    }
    for (int side = 0; side < SIDE_COUNT; side++)
        package_release(&packages[side]);
    return failed;
}

static void add_error(struct result *r, const char *text)
{
    const char **longer = arena_alloc(&r->arena, (r->error_count + 1) * sizeof *longer);
    if (r->error_count)
        memcpy(longer, r->errors, r->error_count * sizeof *longer);
    longer[r->error_count++] = arena_strdup(&r->arena, text);
    r->errors = longer;
}

/*
 * One function that cannot be built or measured does not keep the others from being measured; an
 * interruption and a target that is gone do.
 */
static int run_functions(struct run *run, struct error *e)
{
    struct result *r = run->result;
    r->functions = arena_alloc(&r->arena, run->plan->function_count * sizeof *r->functions);
    for (size_t i = 0; i < run->plan->function_count; i++) {
        const struct plan_function *f = &run->plan->functions[i];
        if (!command_selects(&run->args->functions, f->name))
            continue;
        struct error failure = {0};
        struct result_function *out = &r->functions[r->function_count++];
        out->name = f->name;
        if (!run_function(run, f, out, &failure))
            continue;
        embedded_explain(&run->session.embedded, &failure);
        *e = failure;
        if (failure.code == ERROR_INTERRUPTED || failure.code == ERROR_SYSTEM || command_signal)
            return -1;
        out->headline = arena_strdup(&r->arena, failure.text);
        add_error(r, failure.text);
        if (failure.code == ERROR_NETWORK)
            return 0;
    }
    return 0;
}

static void describe_run(struct run *run)
{
    struct result *r = run->result;
    const struct args *a = run->args;
    char stamp[CLOCK_STAMP_BYTES];
    clock_stamp_iso(clock_wall_ns(), stamp);
    r->started = arena_strdup(&r->arena, stamp);
    r->seed = a->seed;
    r->tool_version = LPG_VERSION;
    r->target.kind = place_kind(&a->place, a->endpoint_url);
    r->usd = place_is_remote(&a->place, a->endpoint_url) ? NAN : 0;
}

static void add_side(const struct run *run, enum side side, const char *spec, struct buf *out)
{
    const struct checkout *c = &run->sides[side];
    const char *name = c->sha ? c->sha : c->label ? c->label : spec;
    buf_addf(out, " --%s %s%s", side_name(side), c->sha ? "git:" : "", name);
}

static void describe_reproduction(struct run *run)
{
    const struct args *a = run->args;
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "lambda-perf-gate run --config %s", a->config);
    if (a->config_ref)
        buf_addf(&text, " --config-ref %s", a->config_ref);
    add_side(run, SIDE_BASELINE, a->baseline, &text);
    add_side(run, SIDE_CANDIDATE, a->candidate, &text);
    place_add_options(&a->place, &text);
    buf_addf(&text, " --seed %llu", (unsigned long long)a->seed);
    run->result->reproduce = arena_strdup(&run->result->arena, text.data);
    buf_release(&text);
}

/* Says which prices they are, once the region is known. */
static void describe_prices(struct run *run)
{
    const char *asked = run->args->region ? run->args->region : PLAN_DEFAULT_REGION;
    const char *region = run->session.price_region ? run->session.price_region : asked;
    const char *source;
    if (!run->prices)
        return;
    if (!price_book_find(run->prices, region, &source))
        price_book_find(run->prices, region = PLAN_DEFAULT_REGION, &source);
    run->result->prices = arena_printf(&run->result->arena, "%s, %s", source, region);
}

static void account(struct run *run)
{
    struct result *r = run->result;
    describe_prices(run);
    r->invocations = run->series.count + run->session.warm_up_calls;
    r->seconds = (double)(clock_now_ns() - run->start_ns) / (double)NS_PER_S;
    if (!strcmp(r->target.kind, "aws"))
        r->usd = run->spent.usd;
    r->resources_created = run->session.created;
    r->resources_removed = run->session.removed;
}

/* Sides that are deployed are at an endpoint, and are one function. */
static int check_sides(const struct run *run, struct error *e)
{
    const struct args *a = run->args;
    if (a->place.versions_of && !deployed_spec(a->baseline))
        return error_set(e, ERROR_USAGE,
                         "--versions-of needs --baseline function:NAME[:QUALIFIER]");
    if (!any_deployed(run))
        return 0;
    if (!place_is_remote(&a->place, a->endpoint_url))
        return error_set(e, ERROR_USAGE, "function:NAME needs --target aws or --endpoint-url");
    if (command_selected(&a->functions, run->plan) > 1)
        return error_set(e, ERROR_USAGE,
                         "function:NAME stands for one function: choose it with --function");
    return 0;
}

static int apply_references(struct run *run, struct error *e)
{
    if (!run->args->place.like.count)
        return 0;
    return need_session(run, e) || deployed_apply_references(&run->session, &run->args->place,
                                                             run->plan, &run->args->functions, e)
               ? -1
               : 0;
}

static int measure_all(struct run *run, struct error *e)
{
    struct session_options o = session_options_of(run);
    if (command_check_selection(&run->args->functions, run->plan, e) || session_check(&o, e) ||
        check_sides(run, e) || output_prepare(run->args->output, e))
        return -1;
    run->prices = prices_open(run->args->prices, e);
    if (!run->prices)
        return -1;
    run->temp = fs_make_temp_dir("lambda-perf-gate-", e);
    if (!run->temp || open_sides(run, e))
        return -1;
    describe_reproduction(run);
    if (apply_references(run, e))
        return -1;
    return run_functions(run, e);
}

/* Takes everything away again that the run has made outside its output folder. */
static void clean_up(struct run *run)
{
    if (run->session_open) {
        session_remove_functions(&run->session, &run->left);
        session_tell_left(&run->session, &run->left);
    }
    account(run);
    if (run->session_open)
        session_close(&run->session);
    run->session_open = false;
    for (int side = 0; side < SIDE_COUNT; side++)
        checkout_close(&run->sides[side]);
    if (run->temp)
        fs_remove_tree(run->temp, NULL);
    free(run->temp);
    run->temp = NULL;
}

static int finish(struct run *run, struct error *e)
{
    struct output_options o = {
        .directory = run->args->output,
        .colour = run->args->colour,
        .json = run->args->json,
        .verbose = run->args->verbose,
    };
    gate_conclude_run(run->result);
    if (run->left.length && run->result->exit_code <= EXIT_FAIL)
        run->result->exit_code = EXIT_LEAK;
    return output_write(&o, run->plan, run->result, &run->series, e);
}

static int run_all(const struct args *args)
{
    struct error e = {0};
    struct run run = {.args = args, .start_ns = clock_now_ns(), .session.embedded.input = -1};
    int code;
    run.plan = command_plan_at(args->config, args->config_ref, args->colour, &code);
    if (!run.plan)
        return code;
    series_init(&run.series, run.plan);
    buf_init(&run.left);
    run.result = result_new();
    progress_init(&run.progress, args->quiet);
    describe_run(&run);
    int failed = measure_all(&run, &e);
    clean_up(&run);
    if (!failed)
        failed = finish(&run, &e);
    code = failed ? command_fail(&e) : (int)run.result->exit_code;
    if (command_signal)
        code = command_signal_exit();
    series_release(&run.series);
    result_free(run.result);
    price_book_free(run.prices);
    plan_free(run.plan);
    buf_release(&run.left);
    return code;
}

int command_run(int argc, char **argv)
{
    struct args args = {
        .config = "perf.yml", .output = ".lambda-perf-gate", .seed = 1, .colour = "auto"};
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code >= 0)
        return code;
    command_catch_signals();
    return run_all(&args);
}
