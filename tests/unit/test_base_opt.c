#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/opt.h"

struct args {
    const char *config;
    struct opt_list functions;
    bool json;
    bool quiet;
    double budget;
    uint64_t seed;
};

static const struct opt options[] = {
    {"config", 'c', "FILE", OPT_STRING, offsetof(struct args, config), "read FILE, not perf.yml"},
    {"function", 'f', "NAME", OPT_LIST, offsetof(struct args, functions), "only this function"},
    {"json", 'j', NULL, OPT_FLAG, offsetof(struct args, json), "print result.json"},
    {"quiet", 'q', NULL, OPT_FLAG, offsetof(struct args, quiet), "say less"},
    {"budget-usd", 0, "USD", OPT_NUMBER, offsetof(struct args, budget), "stop before that"},
    {"seed", 0, "N", OPT_COUNT, offsetof(struct args, seed), "seed of all random choices"},
};

enum { WORDS_MAX = 100 };

/* Parses words that are separated by single blanks; "_" stands for an empty word. */
static int parse(char *line, struct args *a, struct opt_list *words, struct error *e)
{
    static char program[] = "test", empty[] = "";
    char *argv[WORDS_MAX + 1] = {program};
    int argc = 1;
    for (char *word = line; *word && argc < WORDS_MAX;) {
        size_t length = strcspn(word, " ");
        bool last = !word[length];
        word[length] = '\0';
        argv[argc++] = strcmp(word, "_") == 0 ? empty : word;
        word += length + !last;
    }
    return opt_parse(options, ARRAY_LEN(options), argc, argv, a, words, e);
}

static void all_forms_are_understood(void **state)
{
    (void)state;
    char line[] = "--config=a.yml -f one --function two -fthree --json --budget-usd 1.5 w1 "
                  "--seed=18446744073709551615 - -- --quiet";
    struct args a = {0};
    struct opt_list words = {.count = 0};
    struct error e = {0};
    assert_int_equal(parse(line, &a, &words, &e), 0);
    assert_string_equal(a.config, "a.yml");
    assert_int_equal(a.functions.count, 3);
    assert_string_equal(a.functions.items[0], "one");
    assert_string_equal(a.functions.items[1], "two");
    assert_string_equal(a.functions.items[2], "three");
    assert_true(a.json);
    assert_false(a.quiet);
    assert_true(a.budget == 1.5);
    assert_true(a.seed == UINT64_MAX);
    assert_int_equal(words.count, 3);
    assert_string_equal(words.items[0], "w1");
    assert_string_equal(words.items[1], "-");
    assert_string_equal(words.items[2], "--quiet");
}

static void defaults_stay_and_the_last_one_wins(void **state)
{
    (void)state;
    char line[] = "-c a -c b --config c --seed 15M --config= --config=x=y";
    struct args a = {.budget = 7};
    assert_int_equal(parse(line, &a, NULL, NULL), 0);
    assert_string_equal(a.config, "x=y");
    assert_true(a.budget == 7);
    assert_true(a.seed == 15000000);
    assert_false(a.json);
}

static void flags_may_be_joined(void **state)
{
    (void)state;
    char line[] = "-qjc file";
    struct args a = {0};
    assert_int_equal(parse(line, &a, NULL, NULL), 0);
    assert_true(a.quiet && a.json);
    assert_string_equal(a.config, "file");
}

static void a_dash_alone_is_a_value(void **state)
{
    (void)state;
    char line[] = "--config - -f-x --function=--y";
    struct args a = {0};
    assert_int_equal(parse(line, &a, NULL, NULL), 0);
    assert_string_equal(a.config, "-");
    assert_string_equal(a.functions.items[0], "-x");
    assert_string_equal(a.functions.items[1], "--y");
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *wanted;
    } rows[] = {
        {"--confg a", "unknown option '--confg'; did you mean '--config'?"},
        {"--funktion=a", "unknown option '--funktion'; did you mean '--function'?"},
        {"--xyzzy", "unknown option '--xyzzy'"},
        {"--=x", "unknown option '--'"},
        {"-x", "unknown option '-x'"},
        {"-qx", "unknown option '-qx'"},
        {"-5", "unknown option '-5'"},
        {"--config", "option '--config' needs a FILE"},
        {"-c", "option '--config' needs a FILE"},
        {"--config --json", "option '--config' needs a FILE (a value with a dash in front is "
                            "written --config=-...)"},
        {"--json=yes", "option '--json' takes no value"},
        {"--budget-usd abc",
         "option '--budget-usd' needs a number that is not negative, not 'abc'"},
        {"--budget-usd=-1", "option '--budget-usd' needs a number that is not negative, not '-1'"},
        {"--budget-usd 1e3",
         "option '--budget-usd' needs a number that is not negative, not '1e3'"},
        {"--seed 1.5", "option '--seed' needs a whole number, not '1.5'"},
        {"--seed=-1", "option '--seed' needs a whole number, not '-1'"},
        {"--seed _", "option '--seed' needs a whole number, not ''"},
        {"--seed 18446744073709551616",
         "option '--seed' needs a whole number, not '18446744073709551616'"},
        {"--seed 99999999G", "option '--seed' needs a whole number, not '99999999G'"},
        {"word", "unexpected argument 'word'"},
        {"--\x1b[31m", "unknown option '--\\x1b[31m'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[100];
        assert_true(strlen(rows[i].line) < sizeof line);
        memcpy(line, rows[i].line, strlen(rows[i].line) + 1);
        struct args a = {0};
        struct error e = {0};
        assert_int_equal(parse(line, &a, NULL, &e), -1);
        assert_string_equal(e.text, rows[i].wanted);
        assert_int_equal(e.code, ERROR_USAGE);
    }
}

static void lists_have_an_end(void **state)
{
    (void)state;
    struct args a = {0};
    struct opt_list words = {.count = 0};
    struct error e = {0};
    char line[200] = "w";
    for (size_t i = 1; i < OPT_LIST_MAX; i++)
        memcpy(line + 2 * i - 1, " w", 3);
    assert_int_equal(parse(line, &a, &words, &e), 0);
    assert_int_equal(words.count, OPT_LIST_MAX);
    char more[] = "extra";
    assert_int_equal(parse(more, &a, &words, &e), -1);
    assert_string_equal(e.text, "too many values: 'extra' is one more than 64");
}

static void help_is_aligned(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    opt_help(options, ARRAY_LEN(options), &b);
    assert_string_equal(b.data, "  -c, --config FILE     read FILE, not perf.yml\n"
                                "  -f, --function NAME   only this function\n"
                                "  -j, --json            print result.json\n"
                                "  -q, --quiet           say less\n"
                                "      --budget-usd USD  stop before that\n"
                                "      --seed N          seed of all random choices\n");
    buf_release(&b);
}

static void long_help_is_wrapped(void **state)
{
    (void)state;
    static const struct opt rows[] = {
        {"a", 0, NULL, OPT_FLAG, 0,
         "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"},
        {"a-very-long-option-name", 0, "ARGUMENT", OPT_STRING, 0, "text"},
    };
    struct buf b;
    buf_init(&b);
    opt_help(rows, ARRAY_LEN(rows), &b);
    assert_string_equal(
        b.data, "      --a  one two three four five six seven eight nine ten eleven twelve\n"
                "           thirteen fourteen\n"
                "      --a-very-long-option-name ARGUMENT\n"
                "           text\n");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_are_understood),
        cmocka_unit_test(defaults_stay_and_the_last_one_wins),
        cmocka_unit_test(flags_may_be_joined),
        cmocka_unit_test(a_dash_alone_is_a_value),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(lists_have_an_end),
        cmocka_unit_test(help_is_aligned),
        cmocka_unit_test(long_help_is_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
