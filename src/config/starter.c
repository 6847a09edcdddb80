#include "config/starter.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "config/detect.h"
#include "config/scalar.h"
#include "os/fs.h"

/* Behind the last function: what most people change next. */
static const char options_text[] =
    "    # memory: 512                # MB; it also decides the share of a CPU\n"
    "    # load: { rate: 50, concurrency: 10 }\n"
    "    # rounds: { min: 10, max: 60 }\n"
    "    # traffic: { invocations_per_month: 15M, cold_start_rate: 1% }\n"
    "    # metrics: { db_ms: { path: timing.db, unit: ms } }   # from the log; limit: "
    "custom.db_ms\n"
    "    # limits:                    # without them: these for p99, cold start, cost, errors\n"
    "    #   p99: [\"+10%\", \"+1ms\"]\n"
    "    #   cold_start: [\"+15%\", \"+20ms\"]\n"
    "    #   cost_per_million: \"+5%\"\n"
    "    #   error_rate: \"<= 0%\"\n";

/* A text as YAML: plain where that cannot be misread, else in quotes. */
static void add_text(struct buf *out, const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                               "0123456789_./-";
    const struct yaml_node node = {.kind = YAML_SCALAR, .plain = true, .text = text};
    if (*text && *text != '-' && !text[strspn(text, safe)] &&
        scalar_read(&node).kind == SCALAR_TEXT)
        buf_addstr(out, text);
    else
        json_quote(out, text, strlen(text));
}

static void add_member(struct buf *out, const char *key, const char *text)
{
    if (!text)
        return;
    buf_addf(out, "    %s: ", key);
    add_text(out, text);
    buf_addch(out, '\n');
}

static void add_events(struct buf *out, const struct detection *found)
{
    bool sure = found->count == 1; /* with more functions nobody knows whose they are */
    for (size_t i = 0; i < found->event_count; i++) {
        if (!i)
            buf_addf(out, "    %sevents:\n", sure ? "" : "# ");
        buf_addf(out, "    %s  - file: ", sure ? "" : "# ");
        add_text(out, found->events[i]);
        buf_addch(out, '\n');
    }
    if (!found->event_count)
        buf_addstr(out, "    # events: [{ file: events/list.json, weight: 3 }, "
                        "{ inline: { type: report } }]\n");
}

static void add_function(struct buf *out, const struct detected *f)
{
    buf_addstr(out, "  ");
    add_text(out, f->name);
    buf_addstr(out, ":\n");
    add_member(out, "template", f->template);
    add_member(out, "resource", f->resource);
    add_member(out, "source", f->source ? f->source : f->template ? NULL : ".");
    add_member(out, "build", f->build);
    add_member(out, "package", f->package);
    if (f->guessed)
        buf_addstr(out, "    # a guess: please check\n");
    add_member(out, "runtime", f->runtime);
    add_member(out, "handler", f->handler);
    if (f->memory_mb)
        buf_addf(out, "    memory: %u\n", f->memory_mb);
    if (f->timeout_s)
        buf_addf(out, "    timeout: %u\n", f->timeout_s);
}

static void add_perf_yml(struct buf *out, const struct detection *found)
{
    static const struct detected example = {
        .name = "function", .runtime = "python3.13", .handler = "app.handler", .guessed = true};
    buf_addstr(out, "# What lambda-perf-gate measures. The manual has all keys. "
                    "Check it: lambda-perf-gate check\n"
                    "version: 1\nfunctions:\n");
    if (!found->count)
        add_function(out, &example);
    for (size_t i = 0; i < found->count; i++)
        add_function(out, &found->functions[i]);
    add_events(out, found);
    buf_addstr(out, options_text);
}

static void add_summary(struct buf *out, const struct detection *found)
{
    if (!found->count)
        buf_addstr(out, "nothing that was recognised: perf.yml is an example, set source, runtime "
                        "and handler\n");
    for (size_t i = 0; i < found->count; i++) {
        const struct detected *f = &found->functions[i];
        buf_addf(out, "function %s (from ", f->name);
        text_add_safe(out, f->evidence, strlen(f->evidence));
        buf_addf(out, ")%s\n", f->guessed ? ": runtime or handler is a guess, please check" : "");
    }
    if (found->event_count)
        buf_addf(out, "%zu event file%s in events/\n", found->event_count,
                 found->event_count == 1 ? "" : "s");
}

int config_starter(const char *directory, struct buf *perf_yml, struct buf *what_was_found,
                   struct error *e)
{
    if (!fs_is_dir(directory))
        return error_set(e, ERROR_SYSTEM, "%s is no folder", directory);
    struct detection *found = xcalloc(1, sizeof *found);
    detection_run(found, directory);
    add_perf_yml(perf_yml, found);
    add_summary(what_was_found, found);
    detection_release(found);
    free(found);
    return 0;
}

/* examples/embedded.yml up to its last line, which names the version. */
static const char workflow_text[] =
    "name: perf-gate\n"
    "\n"
    "on:\n"
    "  pull_request:\n"
    "\n"
    "permissions:\n"
    "  contents: read\n"
    "  pull-requests: write # the comment\n"
    "\n"
    "concurrency:\n"
    "  group: perf-gate-${{ github.event.pull_request.number }}\n"
    "  cancel-in-progress: true\n"
    "\n"
    "jobs:\n"
    "  gate:\n"
    "    runs-on: ubuntu-24.04\n"
    "    timeout-minutes: 30\n"
    "    steps:\n"
    "      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0\n"
    "        with:\n"
    "          persist-credentials: false\n"
    "          fetch-depth: 0\n";

void config_starter_workflow(struct buf *out, const char *version)
{
    buf_addf(out, "%s      - uses: OWNER/lambda-perf-gate@v%s\n", workflow_text, version);
}
