#include "cmd/ci_publish.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "cmd/command.h"
#include "os/fs.h"
#include "report/report.h"

enum { ANNOTATIONS_MAX = 5, SUMMARY_ROOM = 900 << 10 };

/* The numbers that other steps may want; of a run with one function. */
static const struct {
    enum metric_id metric;
    const char *candidate, *baseline, *change;
} numbers[] = {
    {METRIC_P99, "p99-ms", "p99-base-ms", "p99-delta-pct"},
    {METRIC_COLD_START, "cold-start-ms", "cold-start-base-ms", "cold-start-delta-pct"},
    {METRIC_COST_PER_MILLION, "cost-per-million", "cost-base-per-million", "cost-delta-pct"},
};

static void print_commands(struct buf *text)
{
    fwrite(text->data, 1, text->length, stdout);
    fflush(stdout);
    buf_release(text);
}

void ci_publish_note(enum annotation_level level, const char *message)
{
    struct buf text;
    buf_init(&text);
    commands_annotate(&text, &(struct annotation){
                                 .level = level, .message = message, .title = "Lambda Perf Gate"});
    print_commands(&text);
}

/* Appends the text to the file that a variable of the runner names, if it names one. */
static void append_to(const char *variable, const struct buf *text, size_t limit)
{
    const char *path = getenv(variable);
    struct error e = {0};
    if (path && *path && commands_append(path, text, limit, &e)) {
        error_prefix(&e, "%s", variable);
        ci_publish_note(ANNOTATION_WARNING, e.text);
    }
}

void ci_publish_output(const char *name, const char *value)
{
    struct buf out;
    buf_init(&out);
    commands_add_output(&out, name, value);
    append_to("GITHUB_OUTPUT", &out, COMMANDS_OUTPUT_BYTES_MAX);
    buf_release(&out);
}

/* ---- annotations ---- */

static unsigned annotate_metric(struct buf *out, const struct ci_outcome *o,
                                const struct result_function *f, const struct result_metric *m)
{
    if (m->verdict != VERDICT_FAIL && m->verdict != VERDICT_INCONCLUSIVE)
        return 0;
    struct buf title;
    buf_init(&title);
    buf_addf(&title, "%s: %s", f->name, m->metric->noun);
    if (isfinite(m->change_pct)) {
        buf_addch(&title, ' ');
        units_add_pct(&title, m->change_pct);
    }
    commands_annotate(
        out, &(struct annotation){
                 .level = m->verdict == VERDICT_FAIL ? ANNOTATION_ERROR : ANNOTATION_WARNING,
                 .message = m->reason ? m->reason : f->headline,
                 .title = title.data,
                 .file = m->line ? o->perf_yml : NULL,
                 .line = m->line,
             });
    buf_release(&title);
    return 1;
}

/* What failed first, then what could not be told. */
static void annotate(const struct ci_outcome *o)
{
    static const enum verdict order[] = {VERDICT_FAIL, VERDICT_INCONCLUSIVE};
    const struct result *r = o->result;
    struct buf out;
    unsigned count = 0;
    buf_init(&out);
    for (size_t v = 0; v < ARRAY_LEN(order); v++)
        for (size_t i = 0; i < r->function_count; i++)
            for (size_t k = 0; k < r->functions[i].metric_count && count < ANNOTATIONS_MAX; k++)
                if (r->functions[i].metrics[k].verdict == order[v])
                    count +=
                        annotate_metric(&out, o, &r->functions[i], &r->functions[i].metrics[k]);
    print_commands(&out);
    if (!count && r->verdict != VERDICT_PASS)
        ci_publish_note(ANNOTATION_ERROR, r->headline ? r->headline : "nothing was measured");
}

/* ---- the summary ---- */

/* A fence that is longer than any run of backticks in the text. */
static void add_fenced(struct buf *out, const char *language, const char *text)
{
    size_t longest = 2;
    for (const char *c = text; *c; c++) {
        size_t run = strspn(c, "`");
        longest = run > longest ? run : longest;
        c += run ? run - 1 : 0;
    }
    buf_fill(out, "`", longest + 1);
    buf_addf(out, "%s\n%s", language, text);
    if (*text && text[strlen(text) - 1] != '\n')
        buf_addch(out, '\n');
    buf_fill(out, "`", longest + 1);
    buf_addch(out, '\n');
}

static void add_proposal(struct buf *out, const char *diff)
{
    buf_addstr(out, "\n<details><summary>Proposed changes of perf.yml: they were not applied, and "
                    "take effect after the merge</summary>\n\n");
    add_fenced(out, "diff", diff);
    buf_addstr(out, "\n</details>\n");
}

static void write_summary(const struct ci_outcome *o)
{
    struct buf text;
    buf_init(&text);
    if (o->result) {
        struct report_options options = REPORT_DEFAULTS;
        options.max_bytes = SUMMARY_ROOM;
        report_find("markdown")->render(o->result, &options, &text);
    } else {
        buf_addf(&text, "## Lambda Perf Gate: %s\n", o->verdict);
    }
    if (o->reason) {
        buf_addstr(&text, "\n");
        add_fenced(&text, "text", o->reason);
    }
    if (*o->proposal)
        add_proposal(&text, o->proposal);
    append_to("GITHUB_STEP_SUMMARY", &text, COMMANDS_SUMMARY_BYTES_MAX);
    buf_release(&text);
}

/* ---- outputs ---- */

static void add_number(struct buf *out, const char *name, double value)
{
    char text[64];
    if (!isfinite(value))
        return;
    snprintf(text, sizeof text, "%.4f", value);
    commands_add_output(out, name, text);
}

static void add_numbers(struct buf *out, const struct result_function *f)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const struct result_metric *m = result_find(f, numbers[i].metric);
        if (!m)
            continue;
        add_number(out, numbers[i].candidate, m->candidate);
        add_number(out, numbers[i].baseline, m->baseline);
        add_number(out, numbers[i].change, m->change_pct);
    }
}

static void add_result(struct buf *out, const struct ci_outcome *o)
{
    static const struct {
        const char *output, *renderer;
    } files[] = {{"report-json", "json"}, {"report-md", "markdown"}, {"report-html", "html"}};
    static const char *const commits[SIDE_COUNT] = {"baseline-sha", "candidate-sha"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *path = fs_join(o->folder, report_find(files[i].renderer)->file_name);
        commands_add_output(out, files[i].output, path);
        free(path);
    }
    for (int side = 0; side < SIDE_COUNT; side++)
        if (o->result->side[side].sha)
            commands_add_output(out, commits[side], o->result->side[side].sha);
    if (o->result->function_count == 1)
        add_numbers(out, &o->result->functions[0]);
}

static void add_pull(struct buf *out, const struct event *event)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)event->number);
    commands_add_output(out, "pull-request", number);
    if (event->head_sha)
        commands_add_output(out, "head-sha", event->head_sha);
}

static void write_outputs(const struct ci_outcome *o)
{
    struct buf out;
    char code[16];
    buf_init(&out);
    snprintf(code, sizeof code, "%d", o->exit_code);
    commands_add_output(&out, "verdict", o->verdict);
    commands_add_output(&out, "exit-code", code);
    commands_add_output(&out, "comment", o->comment ? "true" : "false");
    if (o->comment)
        add_pull(&out, o->event);
    if (o->result)
        add_result(&out, o);
    append_to("GITHUB_OUTPUT", &out, COMMANDS_OUTPUT_BYTES_MAX);
    buf_release(&out);
}

void ci_publish(const struct ci_outcome *o)
{
    if (o->annotations && o->result)
        annotate(o);
    if (o->summary)
        write_summary(o);
    write_outputs(o);
}
