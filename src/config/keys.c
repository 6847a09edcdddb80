#include "config/keys.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

const char keys_name_pattern[] = "[A-Za-z0-9_-]{1,64}";
const char keys_variable_pattern[] = "[A-Za-z][A-Za-z0-9_]+";
const char keys_metric_pattern[] = "[A-Za-z][A-Za-z0-9_]{0,39}";
const char keys_runtime_pattern[] =
    "(python3\\.[0-9]{1,2}|nodejs[0-9]{1,2}\\.x|java[0-9]{1,2}(\\.al2)?|dotnet[0-9]{1,2}|"
    "ruby[0-9]\\.[0-9]{1,2}|provided\\.al2(0[0-9]{2})?)";

static const char *const architectures[] = {"x86_64", "arm64", NULL};
static const char *const directions[] = {"lower", "higher", NULL};
static const char *const statistics[] = {"mean", "p50", "p90", "p95", "p99", "max", NULL};
static const char *const measures[] = {"count", "ms", "s", "us", "bytes", "kB", "MB", NULL};
static const char *const log_formats[] = {"text", "json", NULL};

#define AT(type, field) offsetof(struct type, field)

static const struct key file_rows[] = {
    {"version", KEY_INTEGER, AT(keys_file, version), 1, 1, true, NULL, "1",
     "The version of this format.", NULL, NULL},
    {"functions", KEY_FUNCTIONS, 0, 1, 50, true, NULL, "{ checkout: ... }",
     "The functions to measure, by name. A name has letters, digits, `-` and `_`, at most 64 of "
     "them.",
     NULL, &keys_function},
};

static const struct key function_rows[] = {
    {"source", KEY_PATH, AT(keys_function, plan.source), 0, 0, false, ".", "services/checkout",
     "The function's folder, relative to perf.yml. It is taken from both sides.", NULL, NULL},
    {"build", KEY_TEXT, AT(keys_function, plan.build), 0, 0, false, NULL, "make package",
     "A shell command that builds the package; runs in `source` of each side.", NULL, NULL},
    {"package", KEY_PATH, AT(keys_function, plan.package), 0, 0, false, NULL, "dist/function.zip",
     "A zip or a folder to deploy, relative to `source`. Without it: `source` itself.", NULL, NULL},
    {"template", KEY_PATH, AT(keys_function, template), 0, 0, false, NULL, "template.yaml",
     "A SAM or CloudFormation template that supplies runtime, handler, memory, timeout, "
     "architecture, environment and source. Keys given here win.",
     NULL, NULL},
    {"resource", KEY_TEXT, AT(keys_function, resource), 0, 0, false, NULL, "CheckoutFunction",
     "The function's name in the template's `Resources`.", NULL, NULL},
    {"runtime", KEY_RUNTIME, AT(keys_function, plan.runtime), 0, 0, false, NULL, "python3.12",
     "Lambda's name of the runtime. Needed unless the template has it or `source` holds a "
     "`bootstrap` (then `provided.al2023`).",
     NULL, NULL},
    {"handler", KEY_TEXT, AT(keys_function, plan.handler), 0, 0, false, NULL, "app.handler",
     "The handler. Needed for all runtimes but `provided.*`.", NULL, NULL},
    {"architecture", KEY_WORD, AT(keys_function, plan.architecture), 0, 0, false, "x86_64", "arm64",
     "The instruction set.", architectures, NULL},
    {"memory", KEY_INTEGER, AT(keys_function, plan.memory_mb), 128, 10240, false, "128", "512",
     "Memory in MB. It also decides the share of a CPU.", NULL, NULL},
    {"timeout", KEY_INTEGER, AT(keys_function, plan.timeout_s), 1, 900, false, "3", "10",
     "The longest that an invocation may take, in seconds.", NULL, NULL},
    {"ephemeral_storage", KEY_INTEGER, AT(keys_function, plan.ephemeral_mb), 512, 10240, false,
     "512", "1024", "Size of /tmp in MB. More than 512 costs.", NULL, NULL},
    {"log_format", KEY_SWITCH, AT(keys_function, plan.json_logs), 0, 0, false, "text", "json",
     "The format of the function's log.", log_formats, NULL},
    {"environment", KEY_VARIABLES, 0, 0, 0, false, NULL, "{ TABLE: orders }",
     "Environment variables, at most 4 KB in all.", NULL, NULL},
    {"events", KEY_EVENTS, 0, 1, 100, false, "one empty object", "[{ file: events/list.json }]",
     "The payloads and how often each is sent.", NULL, &keys_event},
    {"load", KEY_MAP, AT(keys_function, plan.load), 0, 0, false, NULL,
     "{ rate: 50, concurrency: 10 }", "How the calls of a round are sent.", NULL, &keys_load},
    {"rounds", KEY_MAP, AT(keys_function, plan.rounds), 0, 0, false, NULL, "{ min: 10, max: 60 }",
     "How much is measured.", NULL, &keys_rounds},
    {"traffic", KEY_MAP, AT(keys_function, plan.traffic), 0, 0, false, NULL,
     "{ invocations_per_month: 15M }", "What production looks like; used for cost.", NULL,
     &keys_traffic},
    {"metrics", KEY_METRICS, 0, 1, METRIC_CUSTOM_MAX, false, NULL,
     "{ db_ms: { path: timing.db, unit: ms } }",
     "Values that the function writes into its log, by name: `custom.NAME` in `limits` and in the "
     "reports. At most 8; a name has letters, digits and `_`, at most 40 of them.",
     NULL, &keys_metric},
    {"limits", KEY_LIMITS, 0, 0, 0, false, "see Limits", "{ p99: [\"+10%\", \"+5ms\"] }",
     "What the change may do to each metric.", NULL, NULL},
};

static const struct key event_rows[] = {
    {"file", KEY_FILE, AT(keys_event, file), 0, 0, false, NULL, "events/list.json",
     "A JSON file, relative to perf.yml, at most 6 MB. Either this or `inline`.", NULL, NULL},
    {"inline", KEY_JSON, AT(keys_event, inline_json), 0, 0, false, NULL, "{ type: report }",
     "The payload itself.", NULL, NULL},
    {"weight", KEY_NUMBER, AT(keys_event, weight), 0.001, 1000000, false, "1", "3",
     "How often it is sent, relative to the other events.", NULL, NULL},
    {"expect", KEY_MAP, AT(keys_event, expect), 0, 0, false, NULL,
     "{ path: statusCode, equals: 200 }", "What the answer must be like to count as good.", NULL,
     &keys_expect},
};

static const struct key expect_rows[] = {
    {"path", KEY_JSON_PATH, AT(plan_expect, path), 0, 0, true, NULL, "body.items.0.id",
     "Where to look in the answer: keys and positions, joined by dots.", NULL, NULL},
    {"equals", KEY_JSON, AT(plan_expect, equals), 0, 0, true, NULL, "200",
     "The value that must be there.", NULL, NULL},
};

static const struct key load_rows[] = {
    {"rate", KEY_NUMBER, AT(plan_load, rate), 0.01, 10000, false, NULL, "50",
     "Calls per second and side, sent on schedule whether or not earlier ones are done (open "
     "loop). Without it each environment gets its next call when it is ready (closed loop).",
     NULL, NULL},
    {"concurrency", KEY_INTEGER, AT(plan_load, concurrency), 1, 1000, false, "chosen by the target",
     "10",
     "Execution environments that may work at the same time, per "
     "side.",
     NULL, NULL},
    {"stages", KEY_STAGES, 0, 1, 20, false, NULL, "[{ duration: 10s, rate: 100 }]",
     "A ramp: the rate moves from `rate` to each stage's in turn.", NULL, &keys_stage},
};

static const struct key stage_rows[] = {
    {"duration", KEY_DURATION, AT(plan_stage, seconds), 0.1, 900, true, NULL, "10s",
     "How long the stage takes: `ms`, `s` or `m`.", NULL, NULL},
    {"rate", KEY_NUMBER, AT(plan_stage, rate), 0, 10000, true, NULL, "100",
     "Calls per second and side at its end.", NULL, NULL},
};

static const struct key rounds_rows[] = {
    {"min", KEY_INTEGER, AT(plan_rounds, min), 2, 1000, false, "10", "10",
     "Rounds before the first look at the evidence.", NULL, NULL},
    {"max", KEY_INTEGER, AT(plan_rounds, max), 2, 1000, false, "120", "60",
     "Rounds after which the answer is given, clear or not.", NULL, NULL},
    {"step", KEY_INTEGER, AT(plan_rounds, step), 1, 100, false, "2", "5",
     "Rounds between two looks.", NULL, NULL},
    {"environments", KEY_INTEGER, AT(plan_rounds, environments), 1, 100, false, "5", "5",
     "Fresh execution environments per side and round.", NULL, NULL},
    {"calls", KEY_INTEGER, AT(plan_rounds, calls), 1, 10000, false, "20", "20",
     "Warm calls per environment.", NULL, NULL},
};

static const struct key traffic_rows[] = {
    {"invocations_per_month", KEY_COUNT, AT(plan_traffic, invocations_per_month), 1, 1e15, false,
     NULL, "15M",
     "Invocations per month, with `k`, `M` or `G`: turns the change of cost into "
     "money per month.",
     NULL, NULL},
    {"cold_start_rate", KEY_SHARE, AT(plan_traffic, cold_start_rate), 0, 1, false, "1%", "0.5%",
     "The share of calls that meet a cold start.", NULL, NULL},
};

static const struct key metric_rows[] = {
    {"path", KEY_JSON_PATH, AT(keys_metric, path), 0, 0, false, "embedded metric format",
     "timing.db",
     "Where the value stands in a log line that is a JSON object: keys and positions, joined by "
     "dots. Without it: the metric of this name in CloudWatch's embedded metric format.",
     NULL, NULL},
    {"statistic", KEY_WORD, AT(keys_metric, statistic), 0, 0, false, "mean", "p99",
     "What is compared: the mean, a percentile or the maximum of the warm calls' values.",
     statistics, NULL},
    {"unit", KEY_WORD, AT(keys_metric, unit), 0, 0, false, "count", "ms",
     "What the value is written in. The reports show milliseconds for all times.", measures, NULL},
    {"better", KEY_SWITCH, AT(keys_metric, higher_is_better), 0, 0, false, "lower", "higher",
     "Whether less or more of it is good. Where more is, a limit says how far it may fall.",
     directions, NULL},
};

#undef AT
#define TABLE(rows, title, where)                                                                  \
    {                                                                                              \
        title, where, rows, ARRAY_LEN(rows)                                                        \
    }

const struct key_table keys_file = TABLE(file_rows, "file", "The file");
const struct key_table keys_function = TABLE(function_rows, "function", "functions.NAME");
const struct key_table keys_event = TABLE(event_rows, "event", "functions.NAME.events[]");
const struct key_table keys_expect = TABLE(expect_rows, "expect", "functions.NAME.events[].expect");
const struct key_table keys_load = TABLE(load_rows, "load", "functions.NAME.load");
const struct key_table keys_stage = TABLE(stage_rows, "stage", "functions.NAME.load.stages[]");
const struct key_table keys_rounds = TABLE(rounds_rows, "rounds", "functions.NAME.rounds");
const struct key_table keys_traffic = TABLE(traffic_rows, "traffic", "functions.NAME.traffic");

const struct key_table keys_metric = TABLE(metric_rows, "metric", "functions.NAME.metrics.NAME");

#undef TABLE

const struct key_table *const keys_tables[] = {
    &keys_file,  &keys_function, &keys_event,   &keys_expect, &keys_load,
    &keys_stage, &keys_rounds,   &keys_traffic, &keys_metric, NULL,
};

/* What a reference function would say as well (see model/plan.h). */
static const struct {
    const char *key;
    unsigned bit;
} given[] = {
    {"memory", PLAN_GAVE_MEMORY},
    {"timeout", PLAN_GAVE_TIMEOUT},
    {"ephemeral_storage", PLAN_GAVE_EPHEMERAL},
    {"architecture", PLAN_GAVE_ARCHITECTURE},
    {"log_format", PLAN_GAVE_LOG_FORMAT},
};

/* What people write for a key when they come from elsewhere. */
static const struct {
    const char *word, *key;
} synonyms[] = {
    {"threshold", "limits"},   {"thresholds", "limits"},
    {"limit", "limits"},       {"path", "source"},
    {"codeuri", "source"},     {"code", "source"},
    {"memory_size", "memory"}, {"memorysize", "memory"},
    {"env", "environment"},    {"variables", "environment"},
    {"arch", "architecture"},  {"architectures", "architecture"},
    {"payloads", "events"},    {"payload", "inline"},
    {"iterations", "rounds"},  {"samples", "calls"},
    {"rps", "rate"},           {"function", "functions"},
    {"cmd", "build"},          {"command", "build"},
    {"artifact", "package"},   {"zip", "package"},
    {"minimum", "min"},        {"maximum", "max"},
    {"duration", "timeout"},
};

static const char *const elsewhere[] = {
    "endpoint",
    "endpoint_url",
    "region",
    "role",
    "role_arn",
    "profile",
    "account",
    "account_id",
    "token",
    "github_token",
    "secret",
    "access_key",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "proxy",
    "api_url",
    "aws_region",
    "aws_access_key_id",
    "aws_secret_access_key",
    "trust",
    "on_inconclusive",
    "fail_on",
    "budget_usd",
    "max_minutes",
    "target",
    "ca_bundle",
    "credentials",
    "aws_session_token",
    "endpoints",
};

static const char *const reserved_variables[] = {
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
};

const struct key *keys_find(const struct key_table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (!strcmp(t->rows[i].name, name))
            return &t->rows[i];
    return NULL;
}

unsigned keys_given(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        if (!strcmp(given[i].key, name))
            return given[i].bit;
    return 0;
}

const char *keys_suggest(const struct key_table *t, const char *name)
{
    const char *words[128];
    const char *meant[128];
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (text_same(name, t->rows[i].name))
            return t->rows[i].name;
        words[count] = t->rows[i].name;
        meant[count++] = t->rows[i].name;
    }
    for (size_t i = 0; i < ARRAY_LEN(synonyms); i++) {
        if (!keys_find(t, synonyms[i].key))
            continue;
        if (text_same(name, synonyms[i].word))
            return synonyms[i].key;
        words[count] = synonyms[i].word;
        meant[count++] = synonyms[i].key;
    }
    const char *nearest = text_suggest(name, words, count);
    for (size_t i = 0; nearest && i < count; i++)
        if (words[i] == nearest)
            return meant[i];
    return NULL;
}

bool keys_belongs_elsewhere(const char *name)
{
    char plain[32] = "";
    size_t length = strlen(name);
    if (length >= sizeof plain)
        return false;
    for (size_t i = 0; i < length; i++)
        plain[i] = name[i] == '-' ? '_' : (char)tolower((unsigned char)name[i]);
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
        if (!strcmp(plain, elsewhere[i]))
            return true;
    return false;
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char word_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

bool keys_valid_name(const char *name)
{
    size_t length = strspn(name, word_characters);
    return length && length <= 64 && !name[length];
}

bool keys_valid_variable(const char *name)
{
    return *name && strchr(letters, *name) && name[1] && !name[strspn(name, word_characters)] &&
           !strchr(name, '-');
}

bool keys_reserved_variable(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(reserved_variables); i++)
        if (!strcmp(name, reserved_variables[i]))
            return true;
    return false;
}

/* One or two digits; *text moves behind them. */
static bool take_version(const char **text)
{
    size_t length = strspn(*text, "0123456789");
    *text += length;
    return length == 1 || length == 2;
}

bool keys_valid_runtime(const char *name)
{
    static const struct {
        const char *before;
        const char *after[2];
    } families[] = {
        {"python3.", {"", NULL}},
        {"nodejs", {".x", NULL}},
        {"java", {"", ".al2"}},
        {"dotnet", {"", NULL}},
    };
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const char *rest = name + strlen(families[i].before);
        if (!text_starts(name, families[i].before) || !take_version(&rest))
            continue;
        for (int k = 0; k < 2; k++)
            if (families[i].after[k] && !strcmp(rest, families[i].after[k]))
                return true;
    }
    if (text_starts(name, "ruby") && isdigit((unsigned char)name[4]) && name[5] == '.') {
        const char *rest = name + 6;
        return take_version(&rest) && !*rest;
    }
    if (!text_starts(name, "provided.al2"))
        return false;
    const char *year = name + strlen("provided.al2");
    return !*year || (*year == '0' && strspn(year, "0123456789") == 3 && !year[3]);
}
