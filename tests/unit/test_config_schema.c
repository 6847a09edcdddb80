/*
 * The schema and the reference are generated: this test compares docs/ with what the tables give
 * now. With LPG_UPDATE=1 in the environment it writes the files instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/units.h"
#include "config/keys.h"
#include "config/limits.h"
#include "config/schema.h"
#include "config/yaml.h"
#include "os/fs.h"

#define SCHEMA_FILE    LPG_DATA_DIR "/docs/perf.schema.json"
#define REFERENCE_FILE LPG_DATA_DIR "/docs/perf-yml.md"

enum { FILE_BYTES_MAX = 1 << 20 };

static const char begin_mark[] = "<!-- generated from src/config/keys.c: begin -->\n";
static const char end_mark[] = "<!-- generated from src/config/keys.c: end -->\n";

static void read_file(const char *path, struct buf *out)
{
    struct error e = {0};
    if (fs_read(path, FILE_BYTES_MAX, out, &e))
        fail_msg("%s", e.text);
}

static void compare_file(const char *path, const struct buf *wanted)
{
    struct error e = {0};
    if (getenv("LPG_UPDATE") && fs_write(path, wanted->data, wanted->length, &e))
        fail_msg("%s", e.text);
    struct buf found;
    buf_init(&found);
    read_file(path, &found);
    if (strcmp(found.data, wanted->data) != 0)
        fail_msg("%s is out of date: run this test with LPG_UPDATE=1", path);
    buf_release(&found);
}

static void schema_file(void **state)
{
    (void)state;
    struct buf schema;
    buf_init(&schema);
    config_schema(&schema);
    compare_file(SCHEMA_FILE, &schema);
    buf_release(&schema);
}

static void reference_file(void **state)
{
    (void)state;
    struct buf text, wanted;
    buf_init(&text);
    buf_init(&wanted);
    read_file(REFERENCE_FILE, &text);
    const char *begin = strstr(text.data, begin_mark), *end = strstr(text.data, end_mark);
    assert_true(begin && end && begin < end);
    buf_add(&wanted, text.data, (size_t)(begin - text.data));
    buf_addf(&wanted, "%s\n", begin_mark);
    config_reference(&wanted);
    buf_addf(&wanted, "\n%s", end);
    compare_file(REFERENCE_FILE, &wanted);
    buf_release(&wanted);
    buf_release(&text);
}

/* All that the schema refers to is there, and each object refuses unknown keys. */
static void check_node(const struct json *root, const struct json *value)
{
    const char *reference = json_get_string(value, "$ref", NULL);
    if (reference) {
        const struct json *all = json_get(root, "definitions");
        assert_non_null(json_get(all, reference + strlen("#/definitions/")));
    }
    if (json_type(json_get(value, "properties")) == JSON_OBJECT)
        assert_false(json_get_bool(value, "additionalProperties", true));
    for (const struct json *m = json_first(value); m; m = json_next(m))
        check_node(root, m);
}

static void schema_is_whole(void **state)
{
    (void)state;
    struct buf schema;
    struct error e = {0};
    buf_init(&schema);
    config_schema(&schema);
    struct json *root = json_parse(schema.data, schema.length, &e);
    if (!root)
        fail_msg("%s", e.text);
    check_node(root, root);
    const struct json *limits = json_path(root, "definitions.limits.properties");
    assert_int_equal(json_count(limits), METRIC_COUNT);
    json_free(root);
    buf_release(&schema);
}

/* The rows are complete: each has a help text and an example, and numbers have a range. */
static void rows_are_complete(void **state)
{
    (void)state;
    for (const struct key_table *const *t = keys_tables; *t; t++) {
        for (size_t i = 0; i < (*t)->count; i++) {
            const struct key *key = &(*t)->rows[i];
            assert_true(strlen(key->help) > 10);
            assert_true(strlen(key->example) > 0);
            assert_ptr_equal(keys_find(*t, key->name), key);
            bool ranged = key->type == KEY_INTEGER || key->type == KEY_NUMBER ||
                          key->type == KEY_COUNT || key->type == KEY_DURATION;
            assert_true(!ranged || key->max >= key->min);
            assert_true((key->type != KEY_WORD && key->type != KEY_SWITCH) == !key->words);
            assert_false(keys_belongs_elsewhere(key->name));
        }
    }
}

static void expect_default(const struct key_table *t, const char *name, double wanted)
{
    double value;
    const struct key *key = keys_find(t, name);
    assert_non_null(key);
    assert_true(units_parse_share(key->fallback, &value));
    assert_float_equal(value, wanted, 1e-12);
}

/* What the documentation calls the default is the plan's. */
static void defaults(void **state)
{
    (void)state;
    const struct plan_rounds rounds = PLAN_DEFAULT_ROUNDS;
    expect_default(&keys_function, "memory", PLAN_DEFAULT_MEMORY_MB);
    expect_default(&keys_function, "timeout", PLAN_DEFAULT_TIMEOUT_S);
    expect_default(&keys_function, "ephemeral_storage", PLAN_DEFAULT_EPHEMERAL_MB);
    expect_default(&keys_rounds, "min", rounds.min);
    expect_default(&keys_rounds, "max", rounds.max);
    expect_default(&keys_rounds, "step", rounds.step);
    expect_default(&keys_rounds, "environments", rounds.environments);
    expect_default(&keys_rounds, "calls", rounds.calls);
    expect_default(&keys_traffic, "cold_start_rate", PLAN_DEFAULT_COLD_RATE);
}

static void suggestions(void **state)
{
    (void)state;
    static const struct {
        const struct key_table *table;
        const char *word, *wanted;
    } rows[] = {
        {&keys_function, "treshold", "limits"},
        {&keys_function, "threshold", "limits"},
        {&keys_function, "Threshold", "limits"},
        {&keys_function, "memry", "memory"},
        {&keys_function, "Memory", "memory"},
        {&keys_function, "memorySize", "memory"},
        {&keys_function, "MemorySize", "memory"},
        {&keys_function, "hanlder", "handler"},
        {&keys_function, "env", "environment"},
        {&keys_function, "CodeUri", "source"},
        {&keys_function, "zzz", NULL},
        {&keys_function, "", NULL},
        {&keys_file, "function", "functions"},
        {&keys_file, "versoin", "version"},
        {&keys_event, "payload", "inline"},
        {&keys_load, "rps", "rate"},
        {&keys_rounds, "maximum", "max"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *found = keys_suggest(rows[i].table, rows[i].word);
        if (!rows[i].wanted)
            assert_null(found);
        else if (!found || strcmp(found, rows[i].wanted) != 0)
            fail_msg("%s: %s, not %s", rows[i].word, found ? found : "nothing", rows[i].wanted);
    }
}

static void names(void **state)
{
    (void)state;
    static const char *const runtimes[] = {
        "python3.8",       "python3.12", "nodejs18.x", "nodejs22.x", "provided.al2",
        "provided.al2023", "java21",     "java8.al2",  "dotnet8",    "ruby3.4"};
    static const char *const no_runtimes[] = {"",
                                              "python",
                                              "python3",
                                              "python3.",
                                              "python2.7",
                                              "python3.123",
                                              "python3.12 ",
                                              "nodejs22",
                                              "nodejs.x",
                                              "nodejs22.xx",
                                              "provided",
                                              "provided.al",
                                              "provided.al20",
                                              "provided.al2023x",
                                              "provided.al20233",
                                              "java",
                                              "java21.al3",
                                              "ruby3",
                                              "ruby33.1",
                                              "dotnetcore3.1",
                                              "go1.x"};
    for (size_t i = 0; i < ARRAY_LEN(runtimes); i++)
        assert_true(keys_valid_runtime(runtimes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no_runtimes); i++)
        assert_false(keys_valid_runtime(no_runtimes[i]));
    assert_true(keys_valid_variable("TABLE"));
    assert_true(keys_valid_variable("a_1"));
    assert_false(keys_valid_variable("A"));
    assert_false(keys_valid_variable("_A"));
    assert_false(keys_valid_variable("1A"));
    assert_false(keys_valid_variable("A-B"));
    assert_false(keys_valid_variable(""));
    assert_true(keys_valid_name("0-_a"));
    assert_false(keys_valid_name(""));
    assert_false(keys_valid_name("a.b"));
    assert_false(keys_valid_name("\xc3\xa9"));
    char name[66];
    memset(name, 'a', 65);
    name[65] = '\0';
    assert_false(keys_valid_name(name));
    name[64] = '\0';
    assert_true(keys_valid_name(name));
}

/* Keys that would let the file say where to measure: in any spelling. */
static void forbidden_keys(void **state)
{
    (void)state;
    static const char *const all[] = {"region",      "Region",   "endpoint_url",    "endpoint-url",
                                      "ROLE",        "role-arn", "token",           "github-token",
                                      "proxy",       "api_url",  "on-inconclusive", "budget-usd",
                                      "max-minutes", "profile"};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_true(keys_belongs_elsewhere(all[i]));
    assert_false(keys_belongs_elsewhere(""));
    assert_false(keys_belongs_elsewhere("regions_of_a_very_long_name_that_is_no_key_at_all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_file),     cmocka_unit_test(reference_file),
        cmocka_unit_test(schema_is_whole), cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(defaults),        cmocka_unit_test(suggestions),
        cmocka_unit_test(names),           cmocka_unit_test(forbidden_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
