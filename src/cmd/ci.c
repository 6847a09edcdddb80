/*
 * ci: what the GitHub Action runs. Reads the event and the action's inputs, decides whether and
 * what to measure, does `run`, and tells GitHub.
 *
 * What a setting may come from: where to measure, with which rights and for how much, from the
 * workflow's inputs alone; limits, payloads and statistics from perf.yml, in a pull request from
 * that of its base. The measurement itself is the `run` command with the arguments that are shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cmd/ci_commits.h"
#include "cmd/ci_inputs.h"
#include "cmd/ci_override.h"
#include "cmd/ci_publish.h"
#include "cmd/command.h"
#include "cmd/output.h"
#include "github/event.h"
#include "github/policy.h"
#include "os/fs.h"

struct args {
    const char *override_label;
    bool dry_run;
};

static const struct opt options[] = {
    {"override-label", 0, "NAME", OPT_STRING, offsetof(struct args, override_label),
     "only ask GitHub whether the pull request has this label, and write the output overridden"},
    {"dry-run", 0, NULL, OPT_FLAG, offsetof(struct args, dry_run),
     "print what would be done for the event as JSON, and do nothing"},
};

static const struct command_usage usage = {
    "lambda-perf-gate ci [options]",
    "What the GitHub Action runs: reads the workflow's event (GITHUB_EVENT_NAME and\n"
    "GITHUB_EVENT_PATH) and the action's inputs (LPG_INPUT_*), measures the checked-out commit\n"
    "against its base, and writes the job's summary, annotations and outputs.",
    options,
    sizeof options / sizeof options[0],
};

/* ---- what a build and a function need not know ---- */

/*
 * A change's build runs with this process's environment. It has no business with the files through
 * which a step speaks to the runner (what is written to GITHUB_ENV and GITHUB_PATH holds for the
 * steps that come, which have the token), nor with what tokens can be had for.
 */
static const char *const private_variables[] = {
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
};

struct hidden {
    char *values[ARRAY_LEN(private_variables)];
};

static void hide_variables(struct hidden *hidden)
{
    for (size_t i = 0; i < ARRAY_LEN(private_variables); i++) {
        const char *value = getenv(private_variables[i]);
        hidden->values[i] = value ? xstrdup(value) : NULL;
        unsetenv(private_variables[i]);
    }
}

static void show_variables(struct hidden *hidden)
{
    for (size_t i = 0; i < ARRAY_LEN(private_variables); i++) {
        if (hidden->values[i])
            setenv(private_variables[i], hidden->values[i], 1);
        free(hidden->values[i]);
    }
}

/* ---- one event ---- */

struct ci {
    struct ci_inputs in;
    struct event *event;
    struct ci_commits commits;
    char *folder; /* of perf.yml */
    struct buf proposal;
};

static int read_event(struct ci *ci, struct error *e)
{
    const char *path = getenv("GITHUB_EVENT_PATH");
    struct buf text;
    buf_init(&text);
    if (!path || !*path || !fs_read(path, EVENT_PAYLOAD_BYTES_MAX, &text, e))
        ci->event = event_read(text.data, text.length, getenv, e);
    buf_release(&text);
    return ci->event ? 0 : -1;
}

static bool takes_comment(const struct ci *ci)
{
    const struct event *event = ci->event;
    return strcmp(ci->in.comment, "never") != 0 && event->number && !event->fork;
}

static struct ci_outcome outcome_of(const struct ci *ci)
{
    return (struct ci_outcome){
        .verdict = verdict_name(VERDICT_ERROR),
        .exit_code = EXIT_ERROR,
        .proposal = ci->proposal.data,
        .folder = ci->in.output,
        .event = ci->event,
        .summary = !strcmp(ci->in.summary, "true"),
        .annotations = !strcmp(ci->in.annotations, "true"),
    };
}

static int skip(const struct ci *ci, const char *reason)
{
    struct ci_outcome o = outcome_of(ci);
    o.verdict = "skipped";
    o.exit_code = EXIT_PASS;
    o.reason = reason;
    ci_publish_note(ANNOTATION_NOTICE, reason);
    ci_publish(&o);
    return EXIT_PASS;
}

static int give_up(const struct ci *ci, int code, const char *reason)
{
    struct ci_outcome o = outcome_of(ci);
    o.exit_code = code;
    o.reason = reason;
    ci_publish_note(ANNOTATION_ERROR, reason);
    ci_publish(&o);
    return code;
}

/* Where limits come from, and what the head would change about them. */
static void choose_limits(struct ci *ci)
{
    struct ci_commits *c = &ci->commits;
    const char *file = fs_basename(ci->in.config);
    if (!c->limits)
        return;
    if (!strcmp(ci->in.config_ref, "head")) {
        ci_publish_note(ANNOTATION_WARNING, "config-ref: head. Limits and payloads are those that "
                                            "the change itself brings");
    } else if (!ci_commits_has(ci->folder, c->limits, file)) {
        ci_publish_note(ANNOTATION_WARNING,
                        "the base has no perf.yml yet: limits and payloads are those that the "
                        "change itself brings");
    } else {
        ci_commits_diff(c, ci->folder, file, &ci->proposal);
        if (ci->proposal.length)
            ci_publish_note(ANNOTATION_WARNING,
                            "this change edits perf.yml, but is judged by the limits and payloads "
                            "of its base. Its own take effect after the merge");
        return;
    }
    free(c->limits);
    c->limits = NULL;
}

/*
 * Measures, and believes the file that `run` leaves only if it agrees with its exit code. While it
 * runs, the runner takes nothing that is printed for a command.
 */
static int measure(const struct ci *ci, struct result **result)
{
    struct ci_line line = {0};
    struct buf text;
    struct hidden hidden;
    char token[COMMANDS_TOKEN_BYTES];
    char *stored = fs_join(ci->in.output, "result.json");
    ci_line_build(&line, &ci->in, &ci->commits);
    fs_remove_tree(stored, NULL);
    buf_init(&text);
    commands_stop(&text, token);
    fwrite(text.data, 1, text.length, stdout);
    fflush(stdout);
    hide_variables(&hidden);
    int code = command_run((int)line.count, line.words);
    show_variables(&hidden);
    fflush(stderr);
    buf_clear(&text);
    commands_resume(&text, token);
    fwrite(text.data, 1, text.length, stdout);
    fflush(stdout);
    if (fs_exists(stored))
        *result = output_read(stored, NULL);
    if (*result && (int)(*result)->exit_code != code) {
        result_free(*result);
        *result = NULL;
    }
    buf_release(&text);
    ci_line_release(&line);
    free(stored);
    return code;
}

static const char overridden_text[] =
    "a limit is broken; the step succeeds because the pull request has the label that accepts it";

static int publish(const struct ci *ci, int code, const struct result *result)
{
    struct ci_outcome o = outcome_of(ci);
    char *perf_yml =
        realpath(ci->in.config, NULL); /* the runner takes a relative one for its own */
    o.exit_code = code;
    o.result = result;
    if (result) {
        o.verdict = verdict_name(result->verdict);
        o.comment = takes_comment(ci);
        o.perf_yml = ci->proposal.length ? NULL : perf_yml;
    } else {
        o.reason = command_signal ? "interrupted" : "nothing was measured: see the step's log";
    }
    bool overridden = result && code == EXIT_FAIL && !strcmp(ci->in.overridden, "true");
    if (overridden) {
        o.verdict = "overridden";
        o.reason = overridden_text;
    }
    ci_publish(&o);
    free(perf_yml);
    if (overridden) {
        ci_publish_note(ANNOTATION_NOTICE, overridden_text);
        return EXIT_PASS;
    }
    if (code != EXIT_INCONCLUSIVE || strcmp(ci->in.on_inconclusive, "warn") != 0)
        return code;
    ci_publish_note(ANNOTATION_WARNING, "inconclusive: the step succeeds because the workflow says "
                                        "on-inconclusive: warn");
    return EXIT_PASS;
}

static int measure_event(struct ci *ci)
{
    struct error e = {0};
    struct result *result = NULL;
    ci->folder = fs_dirname(ci->in.config);
    if (ci_commits_find(&ci->commits, ci->event, ci->folder, &e)) {
        if (e.code == ERROR_INTERRUPTED)
            return command_signal_exit();
        return give_up(ci, EXIT_ERROR, e.text);
    }
    if (!ci_commits_touch(&ci->commits, ci->folder, ci->in.paths))
        return skip(ci, "no file that 'paths' names was changed");
    choose_limits(ci);
    int code = measure(ci, &result);
    code = publish(ci, code, result);
    result_free(result);
    return code;
}

/* ---- what would be done ---- */

static int print_decision(const struct ci *ci, enum policy_decision decision, const char *reason,
                          struct error *e)
{
    static const char *const words[] = {
        [POLICY_REFUSE] = "refuse", [POLICY_MEASURE] = "measure", [POLICY_SKIP] = "skip"};
    const struct event *event = ci->event;
    struct json_writer w;
    struct buf out;
    buf_init(&out);
    json_begin(&w, &out, 2);
    json_open_object(&w, NULL);
    json_put_string(&w, "event", event->name);
    json_put_string(&w, "action", event->action);
    json_put_string(&w, "decision", words[decision]);
    json_put_string(&w, "reason", reason);
    json_put_string(&w, "repository", event->repository);
    json_put_string(&w, "head_repository", event->head_repository);
    json_put_string(&w, "head", event->head_sha);
    json_put_string(&w, "base", event->base_sha);
    json_put_integer(&w, "pull_request", (int64_t)event->number);
    json_put_bool(&w, "fork", event->fork);
    json_put_bool(&w, "limits_from_base",
                  policy_judged_by_base(event) && strcmp(ci->in.config_ref, "head") != 0);
    json_put_bool(&w, "comment", takes_comment(ci));
    json_close(&w);
    buf_addch(&out, '\n');
    int failed = command_print(out.data, out.length, e);
    buf_release(&out);
    return failed;
}

/* A label that cannot be read accepts nothing, but does not keep the measurement from being done. */
static int write_override(const struct ci *ci, const char *label)
{
    struct error e = {0};
    bool asked = false;
    if (ci_override_asked(ci->event, label, &asked, &e)) {
        if (e.code == ERROR_INTERRUPTED)
            return command_signal_exit();
        ci_publish_note(ANNOTATION_WARNING, e.text);
    }
    ci_publish_output("overridden", asked ? "true" : "false");
    return EXIT_PASS;
}

static int decide(struct ci *ci, const struct args *args)
{
    struct error e = {0};
    const char *reason;
    struct policy policy;
    if (ci_inputs_read(&ci->in, &e) || read_event(ci, &e)) {
        ci_publish_note(ANNOTATION_ERROR, e.text);
        return (int)error_exit(e.code);
    }
    if (args->override_label)
        return write_override(ci, args->override_label);
    policy = ci_inputs_policy(&ci->in);
    enum policy_decision decision = policy_decide(&policy, ci->event, &reason);
    if (args->dry_run)
        return print_decision(ci, decision, reason, &e) ? command_fail(&e) : EXIT_PASS;
    if (decision == POLICY_REFUSE)
        return give_up(ci, EXIT_ERROR, reason);
    return decision == POLICY_SKIP ? skip(ci, reason) : measure_event(ci);
}

int command_ci(int argc, char **argv)
{
    struct args args = {0};
    struct ci ci = {0};
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code >= 0)
        return code;
    command_catch_signals();
    setenv("GIT_TERMINAL_PROMPT", "0", 1);
    buf_init(&ci.proposal);
    code = decide(&ci, &args);
    event_free(ci.event);
    ci_commits_release(&ci.commits);
    buf_release(&ci.proposal);
    free(ci.folder);
    return code;
}
