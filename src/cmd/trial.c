#include "cmd/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/deployed.h"
#include "cmd/measure.h"
#include "cmd/output.h"
#include "os/clock.h"
#include "os/fs.h"

static const struct opt options[] = {
    {"config", 'c', "FILE", OPT_STRING, offsetof(struct trial_args, config),
     "read FILE instead of perf.yml"},
    {"function", 'f', "NAME", OPT_LIST, offsetof(struct trial_args, functions),
     "only this function (repeatable)"},
    {"rounds", 'n', "N", OPT_COUNT, offsetof(struct trial_args, rounds),
     "so many rounds per measurement (default: 40 for calibrate, rounds.max for selftest)"},
    {"minutes", 0, "N", OPT_NUMBER, offsetof(struct trial_args, minutes),
     "end each measurement after N minutes"},
    {"endpoint-url", 0, "URL", OPT_STRING, offsetof(struct trial_args, endpoint_url),
     "measure at this Lambda endpoint instead of the embedded Lambda; keys are found as the AWS "
     "SDKs find them"},
    {"profile", 0, "NAME", OPT_STRING, offsetof(struct trial_args, profile),
     "keys and region come from this profile of the AWS files"},
    {"region", 0, "NAME", OPT_STRING, offsetof(struct trial_args, region),
     "prices and signatures of this region (default: us-east-1; with --target aws the one of the "
     "environment or the profile)"},
    {"max-invocations", 0, "N", OPT_COUNT, offsetof(struct trial_args, max_invocations),
     "invoke at most N times in all (default: 10000 where invocations cost money)"},
    {"budget-usd", 0, "USD", OPT_NUMBER, offsetof(struct trial_args, budget_usd),
     "begin no round that could take the invocations' bill beyond USD"},
    {"prices", 0, "FILE", OPT_STRING, offsetof(struct trial_args, prices),
     "prices of this file (default: those of 'prices update', or else the built-in ones)"},
    {"output", 'o', "DIR", OPT_STRING, offsetof(struct trial_args, output),
     "write the JSON file to DIR (default: a folder of its own in .lambda-perf-gate)"},
    {"journal", 0, "FILE", OPT_STRING, offsetof(struct trial_args, journal),
     "write down in FILE what is made at the endpoint, for 'cleanup' (default: a file in the "
     "output "
     "folder)"},
    {"seed", 0, "N", OPT_COUNT, offsetof(struct trial_args, seed),
     "seed of the random order (default: 1)"},
    PLACE_OPTION_TARGET(struct trial_args, place),
    PLACE_OPTION_ROLE(struct trial_args, place),
    PLACE_OPTION_LIKE(struct trial_args, place),
    PLACE_OPTION_LOG_GROUP(struct trial_args, place),
    PLACE_OPTION_CODE_BUCKET(struct trial_args, place),
    {"unshaped", 0, NULL, OPT_FLAG, offsetof(struct trial_args, unshaped),
     "do not limit CPU and memory as Lambda does"},
    {"json", 0, NULL, OPT_FLAG, offsetof(struct trial_args, json), "print JSON on stdout"},
    {"quiet", 'q', NULL, OPT_FLAG, offsetof(struct trial_args, quiet), "no progress on stderr"},
    {"color", 0, "WHEN", OPT_STRING, offsetof(struct trial_args, colour), "auto, always or never"},
};

enum { ROUNDS_MAX = 1000 };

unsigned trial_index(const struct trial *t, const struct plan_function *f)
{
    return (unsigned)(f - t->plan->functions);
}

struct gate_settings trial_settings(const struct trial *t, const struct package *p)
{
    struct gate_settings s = GATE_DEFAULTS;
    s.alpha /= (double)command_selected(&t->args->functions, t->plan);
    s.prices = t->prices;
    s.region = t->session.price_region;
    for (int side = 0; side < SIDE_COUNT; side++)
        s.package_bytes[side] = p->zip.length;
    return s;
}

int trial_build(struct trial *t, const struct plan_function *f, struct package *p, struct error *e)
{
    progress_say(&t->progress, "%s: %s the working tree", f->name,
                 f->build ? "building" : "packing");
    int failed = package_make(p, &t->checkout, f, &command_signal, e);
    if (f->build && output_build_log(t->args->output, f->name, SIDE_CANDIDATE, &p->build_output, e))
        return -1;
    return failed ? error_prefix(e, "the package of '%s'", f->name) : 0;
}

int trial_measure(struct trial *t, const struct trial_measurement *m, struct result_function *out,
                  struct error *e)
{
    struct budget whole = {t->args->max_invocations, t->args->budget_usd};
    if (!whole.invocations && t->session.target->charged)
        whole.invocations = CHARGED_INVOCATIONS_MAX;
    struct measure_job job = {
        .session = &t->session,
        .progress = &t->progress,
        .function = m->function,
        .function_index = m->index,
        .packages = m->packages,
        .configured = {m->configured[SIDE_BASELINE], m->configured[SIDE_CANDIDATE]},
        .series = &t->series,
        .spent = &t->spent,
        .settings = m->settings,
        .seed = t->args->seed,
        .start_ns = t->start_ns,
        .open_ended = m->open_ended,
    };
    job.budget = budget_share(&whole, &t->spent, 1);
    if (t->args->minutes > 0)
        job.deadline_ns = clock_now_ns() + (uint64_t)(t->args->minutes * 60 * (double)NS_PER_S);
    series_release(&t->series);
    series_init(&t->series, t->plan);
    int failed = measure_function(&job, &t->arena, out, e);
    session_remove_functions(&t->session, &t->left);
    return failed;
}

/* ---- set-up and its end ---- */

static int check_args(const struct trial *t, const struct session_options *o, struct error *e)
{
    if (t->args->rounds > ROUNDS_MAX)
        return error_set(e, ERROR_USAGE, "--rounds: at most %d", ROUNDS_MAX);
    return command_check_selection(&t->args->functions, t->plan, e) || session_check(o, e) ? -1 : 0;
}

static int set_up(struct trial *t, struct error *e)
{
    struct session_options o = {.endpoint_url = t->args->endpoint_url,
                                .region = t->args->region,
                                .profile = t->args->profile,
                                .unshaped = t->args->unshaped,
                                .journal = t->args->journal,
                                .output = t->args->output,
                                .max_minutes = t->args->minutes,
                                .place = t->args->place};
    struct checkout_request request = {.side = SIDE_CANDIDATE,
                                       .spec = "worktree",
                                       .plan_directory = t->plan->directory,
                                       .stop = &command_signal};
    t->prices = prices_open(t->args->prices, e);
    if (!t->prices || check_args(t, &o, e) || output_prepare(t->args->output, e))
        return -1;
    t->temp = fs_make_temp_dir("lambda-perf-gate-", e);
    o.directory = request.temp_directory = t->temp;
    if (!t->temp || checkout_open(&t->checkout, &request, e) || session_open(&t->session, &o, e))
        return -1;
    t->session_open = true;
    if (deployed_apply_references(&t->session, &t->args->place, t->plan, &t->args->functions, e))
        return -1;
    return session_describe(&t->session, &o, &t->arena, &t->target, e);
}

static void clean_up(struct trial *t)
{
    if (t->session_open) {
        session_remove_functions(&t->session, &t->left);
        session_tell_left(&t->session, &t->left);
        session_close(&t->session);
    }
    checkout_close(&t->checkout);
    if (t->temp)
        fs_remove_tree(t->temp, NULL);
    free(t->temp);
    price_book_free(t->prices);
    series_release(&t->series);
}

/* ---- the answer ---- */

/* How bad an exit code is: what could not be measured outweighs a fail, and that a doubt. */
static int worse(int a, int b)
{
    static const int order[] = {EXIT_PASS, EXIT_INCONCLUSIVE, EXIT_FAIL, EXIT_ERROR};
    int rank_a = 0, rank_b = 0;
    for (int i = 0; i < (int)ARRAY_LEN(order); i++) {
        rank_a = order[i] == a ? i : rank_a;
        rank_b = order[i] == b ? i : rank_b;
    }
    return rank_a > rank_b ? a : b;
}

static void begin_answer(struct trial *t, const struct trial_command *command)
{
    char schema[64];
    snprintf(schema, sizeof schema, "lambda-perf-gate/%s/1", command->name);
    json_begin(&t->writer, &t->json, 2);
    json_open_object(&t->writer, NULL);
    json_put_string(&t->writer, "schema", schema);
    json_put_string(&t->writer, "version", LPG_VERSION);
    json_put_integer(&t->writer, "seed", (int64_t)t->args->seed);
    json_open_object(&t->writer, "target");
    json_put_string(&t->writer, "kind", t->target.kind);
    json_put_bool(&t->writer, "shaped", t->target.shaped);
    json_close(&t->writer);
    json_open_array(&t->writer, "functions");
}

static int end_answer(struct trial *t, const struct trial_command *command, int code,
                      struct error *e)
{
    json_close(&t->writer);
    json_put_integer(&t->writer, "exit_code", code);
    json_close(&t->writer);
    buf_addch(&t->json, '\n');
    char *path = fs_join(t->args->output, command->file);
    const struct buf *shown = t->args->json ? &t->json : &t->text;
    int failed = fs_write(path, t->json.data, t->json.length, e);
    if (command_print(shown->data, shown->length, e))
        failed = -1;
    free(path);
    return failed;
}

static int run_functions(struct trial *t, const struct trial_command *command, struct error *e)
{
    int code = EXIT_PASS;
    for (size_t i = 0; i < t->plan->function_count; i++) {
        const struct plan_function *f = &t->plan->functions[i];
        if (!command_selects(&t->args->functions, f->name))
            continue;
        json_open_object(&t->writer, NULL);
        json_put_string(&t->writer, "name", f->name);
        int its = command->run(t, f, e);
        json_close(&t->writer);
        if (its < 0) {
            embedded_explain(&t->session.embedded, e);
            return -1;
        }
        code = worse(code, its);
    }
    return code;
}

static int run_all(struct trial *t, const struct trial_command *command)
{
    struct error e = {0};
    int code = -1;
    if (!set_up(t, &e)) {
        begin_answer(t, command);
        code = run_functions(t, command, &e);
        if (code < 0 && !t->args->json)
            fputs(t->text.data, stdout); /* of the functions before */
    }
    clean_up(t);
    if (code >= 0 && code <= EXIT_FAIL && t->left.length)
        code = EXIT_LEAK;
    if (code >= 0 && end_answer(t, command, code, &e))
        code = -1;
    if (code < 0)
        code = command_fail(&e);
    return command_signal ? command_signal_exit() : code;
}

int trial_command(const struct trial_command *command, int argc, char **argv)
{
    struct trial_args args = {.config = "perf.yml", .seed = 1, .colour = "auto"};
    char *synopsis = xasprintf("lambda-perf-gate %s [options]", command->name);
    char *output = xasprintf(".lambda-perf-gate/%s", command->name);
    struct command_usage usage = {synopsis, command->description, options, ARRAY_LEN(options)};
    args.output = output;
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code < 0) {
        struct trial t = {.args = &args, .start_ns = clock_now_ns(), .session.embedded.input = -1};
        command_catch_signals();
        arena_init(&t.arena);
        buf_init(&t.left);
        buf_init(&t.text);
        buf_init(&t.json);
        progress_init(&t.progress, args.quiet);
        t.plan = command_plan(args.config, args.colour);
        code = t.plan ? run_all(&t, command) : EXIT_USAGE;
        plan_free(t.plan);
        buf_release(&t.left);
        buf_release(&t.text);
        buf_release(&t.json);
        arena_release(&t.arena);
    }
    free(synopsis);
    free(output);
    return code;
}
