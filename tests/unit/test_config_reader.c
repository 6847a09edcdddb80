#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/reader.h"
#include "config/starter.h"
#include "os/fs.h"

/* A folder with the files of one test; gone after it. */
static int make_folder(void **state)
{
    *state = fs_make_temp_dir("lpg-config-", NULL);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    int failed = fs_remove_tree(*state, NULL);
    free(*state);
    return failed;
}

static void put(const char *folder, const char *file, const char *text)
{
    struct error e = {0};
    char *path = fs_join(folder, file), *above = fs_dirname(path);
    if (fs_make_dirs(above, &e) || fs_write(path, text, strlen(text), &e))
        fail_msg("%s", e.text);
    free(above);
    free(path);
}

static struct plan *read_good(const char *folder, const char *text, struct diagnostics *d)
{
    struct plan *plan = NULL;
    struct error e = {0};
    const struct config_options options = {.directory = folder};
    diagnostics_init(d);
    if (config_read_text(text, strlen(text), "perf.yml", &options, &plan, d, &e)) {
        struct buf out;
        buf_init(&out);
        diagnostics_render(d, false, &out);
        fail_msg("%s", out.data);
    }
    return plan;
}

/* The whole output of a file that is refused. */
static void expect_errors(const char *folder, const char *text, const char *wanted)
{
    struct plan *plan = NULL;
    struct error e = {0};
    struct diagnostics d;
    struct buf out;
    const struct config_options options = {.directory = folder};
    buf_init(&out);
    diagnostics_init(&d);
    assert_int_equal(config_read_text(text, strlen(text), "perf.yml", &options, &plan, &d, &e), -1);
    assert_null(plan);
    assert_int_equal(e.code, ERROR_CONFIG);
    diagnostics_render(&d, false, &out);
    assert_string_equal(out.data, wanted);
    buf_release(&out);
    diagnostics_release(&d);
}

/* The message of the only error. */
static void expect_error(const char *folder, const char *text, const char *wanted)
{
    struct plan *plan = NULL;
    struct diagnostics d;
    const struct config_options options = {.directory = folder};
    diagnostics_init(&d);
    assert_int_equal(config_read_text(text, strlen(text), "perf.yml", &options, &plan, &d, NULL),
                     -1);
    assert_string_equal(d.items[0].text, wanted);
    assert_int_equal(d.errors, 1);
    diagnostics_release(&d);
}

#define HEAD "version: 1\nfunctions:\n  f:\n    runtime: python3.12\n    handler: a.b\n"

/* A file that limits only the speed still holds the function to its error rate. */
static void error_rate_always_limited(void **state)
{
    struct diagnostics d;
    struct plan *plan = read_good(*state, HEAD "    limits: { p50: \"+10%\" }\n", &d);
    const struct plan_function *f = plan_find(plan, "f");
    assert_int_equal(f->limit_count, 2);
    assert_ptr_equal(f->limits[0].metric, &metrics[METRIC_P50]);
    assert_ptr_equal(f->limits[1].metric, &metrics[METRIC_ERROR_RATE]);
    assert_string_equal(f->limits[1].text, "<= 0%");
    assert_int_equal(f->limits[1].line, 0);
    plan_free(plan);
    diagnostics_release(&d);
}

static void smallest(void **state)
{
    struct diagnostics d;
    struct plan *plan = read_good(*state, HEAD, &d);
    const struct plan_rounds rounds = PLAN_DEFAULT_ROUNDS;
    assert_int_equal(d.count, 0);
    assert_int_equal(plan->function_count, 1);
    assert_string_equal(plan->path, "perf.yml");
    assert_string_equal(plan->directory, *state);
    const struct plan_function *f = plan_find(plan, "f");
    assert_string_equal(f->source, ".");
    assert_null(f->build);
    assert_null(f->package);
    assert_string_equal(f->runtime, "python3.12");
    assert_string_equal(f->handler, "a.b");
    assert_string_equal(f->architecture, "x86_64");
    assert_int_equal(f->memory_mb, 128);
    assert_int_equal(f->timeout_s, 3);
    assert_int_equal(f->ephemeral_mb, 512);
    assert_false(f->json_logs);
    assert_int_equal(f->environment_count, 0);
    assert_int_equal(f->event_count, 1);
    assert_string_equal(f->events[0].payload, "{}");
    assert_float_equal(f->events[0].weight, 1, 0);
    assert_null(f->events[0].expect.path);
    assert_float_equal(f->load.rate, 0, 0);
    assert_int_equal(f->load.concurrency, 0);
    assert_memory_equal(&f->rounds, &rounds, sizeof rounds);
    assert_float_equal(f->traffic.invocations_per_month, 0, 0);
    assert_float_equal(f->traffic.cold_start_rate, 0.01, 0);
    assert_int_equal(f->limit_count, 6);
    assert_ptr_equal(f->limits[0].metric, &metrics[METRIC_P99]);
    assert_string_equal(f->limits[0].text, "+10%");
    assert_int_equal(f->limits[0].line, 0);
    assert_int_equal(f->line, 3);
    plan_free(plan);
    diagnostics_release(&d);
}

static void full(void **state)
{
    struct diagnostics d;
    put(*state, "events/list.json", "[1, 2]");
    put(*state, "services/checkout/app.py", "");
    struct plan *plan =
        read_good(*state,
                  "version: 1\n"
                  "functions:\n"
                  "  checkout:\n"
                  "    source: services/checkout\n"
                  "    build: |\n      make a\n      make b\n"
                  "    package: dist/function.zip\n"
                  "    runtime: python3.12\n"
                  "    handler: app.handler\n"
                  "    architecture: arm64\n"
                  "    memory: 512\n"
                  "    timeout: 10\n"
                  "    ephemeral_storage: 1024\n"
                  "    log_format: json\n"
                  "    environment: { TABLE: orders, PORT: 8080, DEBUG: true, EMPTY: \"\" }\n"
                  "    events:\n"
                  "      - { file: events/list.json, weight: 3 }\n"
                  "      - { inline: { type: report, n: [1, \"yes\"] }, weight: 0.5,\n"
                  "          expect: { path: statusCode, equals: 200 } }\n"
                  "    load: { rate: 50, concurrency: 10, stages: [{ duration: 10s, rate: 100 },\n"
                  "            { duration: 1.5m, rate: 0 }] }\n"
                  "    rounds: { min: 12, max: 60, step: 3, environments: 6, calls: 30 }\n"
                  "    traffic: { invocations_per_month: 15M, cold_start_rate: 0.5% }\n"
                  "    limits:\n"
                  "      p99: [\"+10%\", +5ms, < 800ms]\n"
                  "      error_rate: \"<= 0%\"\n"
                  "  other: { runtime: nodejs22.x, handler: x.y }\n",
                  &d);
    assert_int_equal(d.count, 0);
    assert_int_equal(plan->function_count, 2);
    const struct plan_function *f = &plan->functions[0];
    assert_string_equal(f->build, "make a\nmake b\n");
    assert_string_equal(f->package, "dist/function.zip");
    assert_string_equal(f->architecture, "arm64");
    assert_int_equal(f->memory_mb, 512);
    assert_int_equal(f->ephemeral_mb, 1024);
    assert_true(f->json_logs);
    assert_int_equal(f->environment_count, 4);
    assert_string_equal(f->environment[1].name, "PORT");
    assert_string_equal(f->environment[1].value, "8080");
    assert_string_equal(f->environment[2].value, "true");
    assert_string_equal(f->environment[3].value, "");
    assert_int_equal(f->event_count, 2);
    assert_string_equal(f->events[0].name, "events/list.json");
    assert_string_equal(f->events[0].payload, "[1, 2]");
    assert_int_equal(f->events[0].payload_length, 6);
    assert_string_equal(f->events[1].name, "inline 2");
    assert_string_equal(f->events[1].payload, "{\"type\":\"report\",\"n\":[1,\"yes\"]}");
    assert_float_equal(f->events[1].weight, 0.5, 0);
    assert_string_equal(f->events[1].expect.path, "statusCode");
    assert_string_equal(f->events[1].expect.equals, "200");
    assert_float_equal(f->load.rate, 50, 0);
    assert_int_equal(f->load.stage_count, 2);
    assert_float_equal(f->load.stages[1].seconds, 90, 1e-9);
    assert_int_equal(f->rounds.step, 3);
    assert_int_equal(f->rounds.calls, 30);
    assert_float_equal(f->traffic.invocations_per_month, 15e6, 0);
    assert_float_equal(f->traffic.cold_start_rate, 0.005, 1e-12);
    assert_int_equal(f->limit_count, 4);
    assert_int_equal(f->limits[2].kind, LIMIT_MAXIMUM);
    assert_string_equal(f->limits[2].text, "< 800ms");
    assert_int_equal(f->limits[2].line, 26);
    assert_int_equal(f->limits[3].line, 27);
    assert_string_equal(plan->functions[1].name, "other");
    assert_int_equal(plan->functions[1].line, 28);
    plan_free(plan);
    diagnostics_release(&d);
}

/* Everything at once, sorted, with carets. */
static void golden(void **state)
{
    expect_errors(*state,
                  "version: 2\n"
                  "region: eu-west-1\n"
                  "functions:\n"
                  "  check out:\n"
                  "    runtime: python\n"
                  "    handler: 5\n"
                  "    memory: lots\n"
                  "    timeout: 0x10\n"
                  "    treshold: 5\n"
                  "    environment: { DEBUG: yes, NO: }\n"
                  "    rounds: { max: 6 }\n"
                  "    limits: { p98: \"+5%\", p99: [\"+5%\", \"+6%\"] }\n",
                  "perf.yml:1:10: error: 'version' must be 1, not 2\n"
                  "    1 | version: 2\n"
                  "      |          ^\n"
                  "perf.yml:2:1: error: 'region' belongs on the command line or in the workflow, "
                  "never in perf.yml\n"
                  "    2 | region: eu-west-1\n"
                  "      | ^~~~~~\n"
                  "perf.yml:4:3: error: 'check out' cannot be a function's name: it has letters, "
                  "digits, '-' and '_', at most 64\n"
                  "    4 |   check out:\n"
                  "      |   ^~~~~~~~~\n"
                  "perf.yml:5:14: error: 'runtime' must be a Lambda runtime such as python3.12, "
                  "nodejs22.x or provided.al2023, not python\n"
                  "    5 |     runtime: python\n"
                  "      |              ^~~~~~\n"
                  "perf.yml:6:14: error: 'handler' must be a text: put 5 in quotes\n"
                  "    6 |     handler: 5\n"
                  "      |              ^\n"
                  "perf.yml:7:13: error: 'memory' must be a whole number from 128 to 10240, not "
                  "lots\n"
                  "    7 |     memory: lots\n"
                  "      |             ^~~~\n"
                  "perf.yml:8:14: error: 'timeout' must be a whole number from 1 to 900, not 0x10\n"
                  "    8 |     timeout: 0x10\n"
                  "      |              ^~~~\n"
                  "perf.yml:9:5: error: unknown key 'treshold' (did you mean 'limits'?)\n"
                  "    9 |     treshold: 5\n"
                  "      |     ^~~~~~~~\n"
                  "perf.yml:10:27: error: 'yes' is not clear: some YAML readers take it for true: "
                  "write true, or put it in quotes\n"
                  "   10 |     environment: { DEBUG: yes, NO: }\n"
                  "      |                           ^~~\n"
                  "perf.yml:10:32: error: 'NO' has no value: write \"\" for an empty text\n"
                  "   10 |     environment: { DEBUG: yes, NO: }\n"
                  "      |                                ^~\n"
                  "perf.yml:11:13: error: 'min' is 10 (the default), but 'max' is only 6\n"
                  "   11 |     rounds: { max: 6 }\n"
                  "      |             ^\n"
                  "perf.yml:12:15: error: unknown metric 'p98' (did you mean 'p90'?)\n"
                  "   12 |     limits: { p98: \"+5%\", p99: [\"+5%\", \"+6%\"] }\n"
                  "      |               ^~~\n"
                  "perf.yml:12:40: error: p99 already has a limit of this kind\n"
                  "   12 |     limits: { p98: \"+5%\", p99: [\"+5%\", \"+6%\"] }\n"
                  "      |                                        ^~~~~\n"
                  "13 errors\n");
}

/* One mistake each, and its whole message. `tail` goes behind HEAD. */
static const struct {
    const char *tail;
    const char *message;
} mistakes[] = {
    {"    memory: 127\n", "'memory' must be a whole number from 128 to 10240, not 127"},
    {"    memory: 10241\n", "'memory' must be a whole number from 128 to 10240, not 10241"},
    {"    memory: -1\n", "'memory' must be a whole number from 128 to 10240, not -1"},
    {"    memory: 1e3\n", "'memory' must be a whole number from 128 to 10240, not 1e3"},
    {"    memory: 1_024\n", "'memory' must be a whole number from 128 to 10240, not 1_024"},
    {"    memory: .inf\n", "'memory' must be a whole number from 128 to 10240, not .inf"},
    {"    memory: 512.0\n", "'memory' must be a whole number from 128 to 10240, not 512.0"},
    {"    memory: 512MB\n", "'memory' must be a whole number from 128 to 10240, not 512MB"},
    {"    memory: true\n", "'memory' must be a whole number from 128 to 10240, not true"},
    {"    memory: 9223372036854775808\n",
     "'memory' must be a whole number from 128 to 10240, not 9223372036854775808"},
    {"    memory: \"512\"\n", "'memory' must be a number without quotes"},
    {"    memory: [512]\n", "'memory' must be a whole number from 128 to 10240, not a list"},
    {"    memory:\n", "'memory' has no value: it must be a whole number from 128 to 10240"},
    {"    memory: ~\n", "'memory' must be a whole number from 128 to 10240, not ~"},
    {"    timeout: 0\n", "'timeout' must be a whole number from 1 to 900, not 0"},
    {"    timeout: 901\n", "'timeout' must be a whole number from 1 to 900, not 901"},
    {"    architecture: x86\n", "'architecture' must be x86_64 or arm64, not x86"},
    {"    log_format: JSON\n", "'log_format' must be text or json, not JSON"},
    {"    source: /etc\n", "'source' must be a relative path without '..', not /etc"},
    {"    source: a/../b\n", "'source' must be a relative path without '..', not a/../b"},
    {"    source: ~root\n", "'source' must be a relative path without '..', not ~root"},
    {"    source: \"\"\n", "'source' has no value: it must be a relative path without '..'"},
    {"    build: {a: b}\n", "'build' must be a text, not a map"},
    {"    build: yes\n", "'yes' is not clear: some YAML readers take it for true: write true, or "
                         "put it in quotes"},
    {"    build: 1.10\n", "'build' must be a text: put 1.10 in quotes"},
    {"    environment: []\n", "'environment' must be a map, not a list"},
    {"    environment: {}\n", "'environment' is empty: it must be a map"},
    {"    environment: {AWS_REGION: x}\n", "Lambda sets 'AWS_REGION' itself"},
    {"    environment: {A-B: x}\n",
     "'A-B' cannot be a variable: a name starts with a letter and has at least two letters, digits "
     "or '_'"},
    {"    environment: {AB: [x]}\n", "'AB' must be a text, not a list"},
    {"    environment: {AB: 010}\n",
     "'010' is not clear: a leading zero makes it octal for some YAML readers: drop it, or put it "
     "in quotes"},
    {"    events: []\n", "'events' is empty: it must be a list"},
    {"    events: x\n", "'events' must be a list, not text"},
    {"    events: [x]\n", "'event' must be a map, not text"},
    {"    events: [{weight: 2}]\n", "an event needs either 'file' or 'inline'"},
    {"    events: [{inline: 1, weight: 0}]\n",
     "'weight' must be a number from 0.001 to 1000000, not 0"},
    {"    events: [{inline: 1, weight: .nan}]\n",
     "'weight' must be a number from 0.001 to 1000000, not .nan"},
    {"    events: [{inline: 012}]\n",
     "'012' is not clear: a leading zero makes it octal for some YAML readers: drop it, or put it "
     "in quotes"},
    {"    events: [{inline: }]\n", "'inline' has no value: it must be a value"},
    {"    events: [{inline: 1, expect: {path: a}}]\n", "the key 'equals' is missing here"},
    {"    events: [{inline: 1, expect: {path: a..b, equals: 1}}]\n",
     "'path' must be a path such as statusCode or body.items.0.id, not a..b"},
    {"    load: {rate: 0}\n", "'rate' must be a number from 0.01 to 10000, not 0"},
    {"    load: {rate: \"5\"}\n", "'rate' must be a number without quotes"},
    {"    load: {rps: 5}\n", "unknown key 'rps' (did you mean 'rate'?)"},
    {"    load: {stages: [{duration: 5s, rate: 1}]}\n",
     "'stages' needs 'rate': the rate that the first stage starts from"},
    {"    load: {rate: 1, stages: [{duration: 5, rate: 1}]}\n",
     "'duration' must be a duration such as 30s, 500ms or 2m, from 0.1s to 900s, not 5"},
    {"    load: {rate: 1, stages: [{duration: -5s, rate: 1}]}\n",
     "'duration' must be a duration such as 30s, 500ms or 2m, from 0.1s to 900s, not -5s"},
    {"    load: {rate: 1, stages: [{duration: 1h, rate: 1}]}\n",
     "'duration' must be a duration such as 30s, 500ms or 2m, from 0.1s to 900s, not 1h"},
    {"    rounds: {min: 1}\n", "'min' must be a whole number from 2 to 1000, not 1"},
    {"    rounds: {min: 130}\n", "'min' is 130, but 'max' is only 120 (the default)"},
    {"    rounds: {min: 13, max: 12}\n", "'min' is 13, but 'max' is only 12"},
    {"    traffic: {invocations_per_month: 15m}\n",
     "'invocations_per_month' must be a count such as 15M, 250k or 1000, not 15m"},
    {"    traffic: {invocations_per_month: \"1000\"}\n",
     "'invocations_per_month' must be a number without quotes"},
    {"    traffic: {invocations_per_month: 0}\n",
     "'invocations_per_month' must be a count such as 15M, 250k or 1000, not 0"},
    {"    traffic: {cold_start_rate: 1}\n", "'cold_start_rate' is not clear: write 1% or 100%"},
    {"    traffic: {cold_start_rate: 101%}\n",
     "'cold_start_rate' must be a share such as 1% or 0.01, not 101%"},
    {"    traffic: {cold_start_rate: -1%}\n",
     "'cold_start_rate' must be a share such as 1% or 0.01, not -1%"},
    {"    limits: {}\n", "'limits' is empty: it must be a map"},
    {"    limits: {p99: []}\n", "'p99' has no limit; write \"+10%\", \"+5ms\" or \"< 800ms\""},
    {"    limits: {p99: {a: b}}\n",
     "a limit must be a text such as \"+10%\", \"+5ms\" or \"< 800ms\", not a map"},
    {"    limits: {P99: \"+5%\"}\n", "unknown metric 'P99' (did you mean 'p99'?)"},
    {"    limits: {colour: \"+5%\"}\n", "unknown metric 'colour'"},
    {"    metrics: {db_ms: {}}\n    limits: {custom.db_msec: \"+5%\"}\n",
     "unknown metric 'custom.db_msec' (did you mean 'custom.db_ms'?)"},
    {"    limits: {custom.orders: \"+5%\"}\n",
     "unknown metric 'custom.orders': 'orders' is not under 'metrics' of this function"},
    {"    metrics: {a: {}}\n    limits: {custom.a: \"+5ms\"}\n",
     "+5ms is no limit for custom.a: the number or its unit is wrong; write \"+10%\", \"+3\" or "
     "\"< 50\""},
    {"    limits: {custom.a: \"+5%\"}\n    metrics: {a: {better: higher}}\n",
     "+5% is no limit for custom.a: more is better here, so only a decrease can be limited; write "
     "\"-10%\""},
    {"    metrics: {custom.a: {}}\n", "write 'a' here: 'custom.' is for the limits"},
    {"    metrics: {a-b: {}}\n",
     "'a-b' cannot be a metric: a name starts with a letter and has at most 40 letters, digits or "
     "'_'"},
    {"    metrics: {a: {statistc: p99}}\n", "unknown key 'statistc' (did you mean 'statistic'?)"},
    {"    metrics: {a: {unit: hours}}\n",
     "'unit' must be count or ms or s or us or bytes or kB or MB, not hours"},
    {"    limits: {p99: 10%}\n",
     "10% is no limit for p99: it must begin with '+', '<' or '<='; write \"+10%\", \"+5ms\" or "
     "\"< 800ms\""},
    {"    template: t.yaml\n", "'template' needs 'resource': the function's name in it"},
    {"    resource: F\n", "'resource' needs 'template': the file that has it"},
    {"    Memory: 512\n", "unknown key 'Memory' (did you mean 'memory'?)"},
    {"    role: arn\n", "'role' belongs on the command line or in the workflow, never in perf.yml"},
    {"    xyzzy: 1\n", "unknown key 'xyzzy'"},
    {"  g: {}\n", "'g' is empty: it must be a map"},
    {"  g: {handler: a.b}\n", "'runtime' is missing: give it (such as python3.12), or 'template' "
                              "and 'resource'"},
    {"  g: {runtime: nodejs22.x}\n", "'handler' is missing; nodejs22.x needs one"},
    {"  g: {runtime: nodejs22.x, handler: a b}\n",
     "a handler has no blanks and at most 128 characters"},
    {"  é: {runtime: nodejs22.x, handler: a.b}\n",
     "'é' cannot be a function's name: it has letters, digits, '-' and '_', at most 64"},
};

static void one_mistake(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        char *text = xasprintf("%s%s", HEAD, mistakes[i].tail);
        expect_error(*state, text, mistakes[i].message);
        free(text);
    }
}

static void whole_files(void **state)
{
    expect_error(*state, "version: 1", "the key 'functions' is missing here");
    expect_error(*state, "version: 1\nfunctions:\n", "'functions' is empty: it must be a map");
    expect_error(*state, "version: 1\nfunctions: []\n", "'functions' must be a map, not a list");
    expect_error(*state, "[]", "'perf.yml' must be a map, not a list");
    expect_error(*state, "text", "'perf.yml' must be a map, not text");
    expect_error(*state, "--- \n", "the file is empty");
    expect_error(*state, "functions: {f: {runtime: nodejs22.x, handler: a.b}}",
                 "the key 'version' is missing here");
}

static void event_files(void **state)
{
    put(*state, "e/bad.json", "{\"a\": }");
    put(*state, "e/good.json", "null");
    expect_error(*state, HEAD "    events: [{file: e/bad.json}]\n",
                 "e/bad.json is not valid JSON: a value expected at byte 6");
    expect_error(*state, HEAD "    events: [{file: /etc/passwd}]\n",
                 "'file' must be a relative path, not /etc/passwd");
    struct diagnostics d;
    struct plan *plan = read_good(*state, HEAD "    events: [{file: e/../e/good.json}]\n", &d);
    assert_string_equal(plan->functions[0].events[0].payload, "null");
    plan_free(plan);
    diagnostics_release(&d);

    struct plan *none = NULL;
    const char *missing = HEAD "    events: [{file: e}, {file: nope.json}]\n";
    const struct config_options options = {.directory = *state};
    diagnostics_init(&d);
    assert_int_equal(config_read_text(missing, strlen(missing), "p", &options, &none, &d, NULL),
                     -1);
    assert_int_equal(d.errors, 2);
    assert_true(strstr(d.items[0].text, "there is no file") == d.items[0].text);
    diagnostics_release(&d);
}

static void bootstrap_and_missing_source(void **state)
{
    struct diagnostics d;
    put(*state, "fast/bootstrap", "#!/bin/sh\n");
    struct plan *plan = read_good(*state,
                                  "version: 1\nfunctions:\n  f: {source: fast}\n"
                                  "  g: {source: gone, runtime: provided.al2}\n",
                                  &d);
    assert_string_equal(plan->functions[0].runtime, "provided.al2023");
    assert_string_equal(plan->functions[0].handler, "bootstrap");
    assert_string_equal(plan->functions[1].handler, "bootstrap");
    assert_int_equal(d.warnings, 1);
    assert_int_equal(d.errors, 0);
    assert_int_equal(d.items[0].mark.line, 4);
    plan_free(plan);
    diagnostics_release(&d);
}

static const char sam[] =
    "Globals:\n"
    "  Function:\n"
    "    Timeout: 7\n"
    "    MemorySize: \"256\"\n"
    "    Runtime: nodejs20.x\n"
    "    Environment: { Variables: { STAGE: !Ref Stage, LEVEL: info, KEEP: global } }\n"
    "Resources:\n"
    "  Table: { Type: AWS::DynamoDB::Table }\n"
    "  Hello:\n"
    "    Type: AWS::Serverless::Function\n"
    "    Properties:\n"
    "      CodeUri: ./hello/\n"
    "      Handler: app.handler\n"
    "      Architectures: [arm64]\n"
    "      EphemeralStorage: { Size: 1024 }\n"
    "      LoggingConfig: { LogFormat: JSON }\n"
    "      Environment: { Variables: { TABLE: !Sub \"${X}-t\", LEVEL: debug, N: 3 } }\n"
    "  Plain:\n"
    "    Type: AWS::Lambda::Function\n"
    "    Properties: { Runtime: python3.11, Handler: x.y, Code: { ZipFile: x }, Timeout: {Ref: T} "
    "}\n"
    "  Box:\n"
    "    Type: AWS::Serverless::Function\n"
    "    Properties: { PackageType: Image }\n"
    "  Vague:\n"
    "    Type: AWS::Serverless::Function\n"
    "    Properties: { Runtime: !Ref R, Handler: !Sub \"x\", CodeUri: s3://b/k }\n"
    "  Large:\n"
    "    Type: AWS::Serverless::Function\n"
    "    Properties: { Handler: a.b, CodeUri: hello, Timeout: 900 }\n";

static void sam_template(void **state)
{
    struct diagnostics d;
    put(*state, "api/template.yaml", sam);
    put(*state, "api/hello/app.js", "");
    struct plan *plan =
        read_good(*state,
                  "version: 1\nfunctions:\n"
                  "  f: { template: api/template.yaml, resource: Hello, timeout: 9,\n"
                  "       environment: { TABLE: orders, MINE: x } }\n",
                  &d);
    const struct plan_function *f = &plan->functions[0];
    assert_string_equal(f->source, "api/hello");
    assert_string_equal(f->runtime, "nodejs20.x");
    assert_string_equal(f->handler, "app.handler");
    assert_string_equal(f->architecture, "arm64");
    assert_int_equal(f->memory_mb, 256);
    assert_int_equal(f->timeout_s, 9);
    assert_int_equal(f->ephemeral_mb, 1024);
    assert_true(f->json_logs);
    static const char *const variables[][2] = {
        {"LEVEL", "debug"}, {"KEEP", "global"}, {"N", "3"}, {"TABLE", "orders"}, {"MINE", "x"}};
    assert_int_equal(f->environment_count, ARRAY_LEN(variables));
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        assert_string_equal(f->environment[i].name, variables[i][0]);
        assert_string_equal(f->environment[i].value, variables[i][1]);
    }
    assert_int_equal(d.errors, 0);
    assert_int_equal(d.warnings, 1);
    assert_int_equal(d.items[0].mark.line, 6);
    assert_int_equal(d.items[0].mark.column, 40);
    assert_string_equal(d.items[0].text, "the value of STAGE is only known to CloudFormation: give "
                                         "'environment' in perf.yml");
    plan_free(plan);
    diagnostics_release(&d);
}

#define FROM(name, more)                                                                           \
    "version: 1\nfunctions: { f: { template: t.yaml, resource: " name more " } }\n"

static void template_errors(void **state)
{
    struct diagnostics d;
    put(*state, "t.yaml", sam);
    put(*state, "hello/x", "");
    put(*state, "broken.yaml", "a: [\n");
    put(*state, "list.yaml", "[]\n");
    expect_error(*state, FROM("Helo", ", runtime: nodejs22.x, handler: a.b"),
                 "the template has no function 'Helo' (did you mean 'Hello'?)");
    expect_error(*state, FROM("Table", ", runtime: nodejs22.x, handler: a.b"),
                 "the template has no function 'Table'");
    expect_error(*state, FROM("Box", ", runtime: nodejs22.x, handler: a.b"),
                 "functions from container images are not supported");
    put(*state, "wrong.yaml",
        "Resources: { F: { Type: AWS::Lambda::Function, Properties: { Code: hello,"
        " Runtime: python3.12, Handler: a.b, MemorySize: 64 } } }\n");
    expect_error(*state, "version: 1\nfunctions: { f: { template: wrong.yaml, resource: F } }\n",
                 "'memory' must be a whole number from 128 to 10240, not 64");
    struct plan *plan = read_good(*state,
                                  "version: 1\nfunctions: { f: { template: wrong.yaml, resource: F,"
                                  " memory: 128 } }\n",
                                  &d);
    plan_free(plan);
    diagnostics_release(&d);
    plan =
        read_good(*state, FROM("Vague", ", runtime: python3.12, handler: a.b, source: hello"), &d);
    assert_int_equal(d.warnings, 1); /* only STAGE: the rest is given */
    plan_free(plan);
    diagnostics_release(&d);
    plan = read_good(*state, FROM("Plain", ", source: hello"), &d);
    assert_int_equal(plan->functions[0].timeout_s, 3);
    assert_int_equal(d.warnings, 1); /* Timeout */
    plan_free(plan);
    diagnostics_release(&d);
    static const char *const others[] = {"broken.yaml", "list.yaml", "gone.yaml"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char *text = xasprintf("version: 1\nfunctions: { f: { template: %s, resource: F, runtime: "
                               "nodejs22.x, handler: a.b } }\n",
                               others[i]);
        const struct config_options options = {.directory = *state};
        diagnostics_init(&d);
        assert_int_equal(config_read_text(text, strlen(text), "p", &options, &plan, &d, NULL), -1);
        assert_int_equal(d.errors, 1);
        diagnostics_release(&d);
        free(text);
    }
}

static void reading_files(void **state)
{
    struct diagnostics d;
    struct error e = {0};
    struct plan *plan = NULL;
    char *path = fs_join(*state, "perf.yml");
    diagnostics_init(&d);
    assert_int_equal(config_read(path, NULL, &plan, &d, &e), -1);
    assert_int_equal(e.code, ERROR_CONFIG);
    assert_int_equal(d.count, 0);
    put(*state, "perf.yml", HEAD);
    assert_int_equal(config_read(path, NULL, &plan, &d, &e), 0);
    assert_string_equal(plan->directory, *state);
    plan_free(plan);
    put(*state, "perf.yml", "nope: 1\n");
    const struct config_options options = {.shown_path = "perf.yml@main"};
    assert_int_equal(config_read(path, &options, &plan, &d, &e), -1);
    assert_string_equal(e.text, "perf.yml@main has 3 errors");
    assert_string_equal(d.sources[d.items[0].mark.source].path, "perf.yml@main");
    assert_int_equal(config_read(path, &options, &plan, &d, &e), -1);
    diagnostics_release(&d);
    free(path);
}

/* ---- init ---- */

/* What init writes for the folder passes check without an error, and says all of `wanted`. */
static void expect_starter(const char *folder, const char *const wanted[4])
{
    struct buf perf, found;
    struct error e = {0};
    struct diagnostics d;
    buf_init(&perf);
    buf_init(&found);
    assert_int_equal(config_starter(folder, &perf, &found, &e), 0);
    struct plan *plan = read_good(folder, perf.data, &d);
    for (size_t i = 0; i < 4 && wanted[i]; i++)
        if (!strstr(perf.data, wanted[i]) && !strstr(found.data, wanted[i]))
            fail_msg("no '%s' in\n%s%s", wanted[i], perf.data, found.data);
    plan_free(plan);
    diagnostics_release(&d);
    buf_release(&perf);
    buf_release(&found);
}

static void starters(void **state)
{
    static const struct {
        const char *files[3][2];
        const char *wanted[4];
    } rows[] = {
        {{{0}}, {"nothing that was recognised", "runtime: python3.13"}},
        {{{"app.py", "def handler(e, c):\n"}, {"requirements.txt", ""}},
         {"handler: app.handler", "runtime: python3.13"}},
        {{{"lambda_function.py", "def lambda_handler(event, context):\n"}},
         {"handler: lambda_function.lambda_handler"}},
        {{{"pyproject.toml", ""}}, {"please check", "runtime: python3.13"}},
        {{{"package.json", "{\"name\": \"@acme/my-api\", \"scripts\": {\"build\": \"x\"}}"},
          {"index.mjs", "export const handler"}},
         {"  my-api:", "npm install && npm run build", "index.handler", "runtime: nodejs22.x"}},
        {{{"package.json", "not json"}, {"package-lock.json", "{}"}}, {"npm ci"}},
        {{{"Cargo.toml", "[package]\nname = \"my-fn\"\n"}},
         {"package: target/lambda/my-fn", "provided.al2023", "  my-fn:"}},
        {{{"go.mod", "module x"}}, {"go build", "package: dist"}},
        {{{"bootstrap", ""}}, {"runtime: provided.al2023"}},
        {{{"template.yaml", sam}, {"hello/app.js", ""}, {"events/e.json", "{}"}},
         {"resource: Hello", "# events:", "Vague (from template.yaml): "}},
        {{{"template.yaml", "a: [\n"}, {"bootstrap", ""}}, {"runtime: provided.al2023"}},
        {{{"serverless.yml", "provider: {runtime: python3.11, memorySize: 512}\n"
                             "functions:\n"
                             "  hello: {handler: src/h.main, timeout: 20}\n"
                             "  on: {handler: \"${self:x}\", runtime: java, memorySize: 1}\n"}},
         {"memory: 512", "timeout: 20", "\"on\":", "handler: src/h.main"}},
        {{{"serverless.yml", "functions:\n  \"a b\": {handler: \"x: y\\n\"}\n  a-b: {handler: x}\n"
                             "  \"??\": 1\n"}},
         {"  a-b:", "  a-b-2:", "  function:"}},
        {{{"bootstrap", ""}, {"events/one.json", "{\"a\": 1}"}, {"events/bad.json", "{"}},
         {"- file: events/one.json"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *folder = xasprintf("%s/case%zu", (const char *)*state, i);
        put(folder, "readme", "");
        for (size_t k = 0; k < 3 && rows[i].files[k][0]; k++)
            put(folder, rows[i].files[k][0], rows[i].files[k][1]);
        expect_starter(folder, rows[i].wanted);
        free(folder);
    }
    struct buf out;
    struct error e = {0};
    buf_init(&out);
    assert_int_equal(config_starter("/nonexistent", &out, &out, &e), -1);
    buf_release(&out);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(smallest),      IN_FOLDER(error_rate_always_limited),
        IN_FOLDER(full),          IN_FOLDER(golden),
        IN_FOLDER(one_mistake),   IN_FOLDER(whole_files),
        IN_FOLDER(event_files),   IN_FOLDER(bootstrap_and_missing_source),
        IN_FOLDER(sam_template),  IN_FOLDER(template_errors),
        IN_FOLDER(reading_files), IN_FOLDER(starters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
