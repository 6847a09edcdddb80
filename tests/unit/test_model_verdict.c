#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/verdict.h"

static const struct {
    enum verdict verdict;
    const char *name;
    enum exit_code exit;
} rows[] = {
    {VERDICT_ERROR, "error", EXIT_ERROR},
    {VERDICT_PASS, "pass", EXIT_PASS},
    {VERDICT_FAIL, "fail", EXIT_FAIL},
    {VERDICT_INCONCLUSIVE, "inconclusive", EXIT_INCONCLUSIVE},
    {VERDICT_UNGATED, "ungated", EXIT_ERROR},
};

static void names_and_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(rows), VERDICT_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(verdict_name(rows[i].verdict), rows[i].name);
        assert_int_equal(verdict_parse(rows[i].name), rows[i].verdict);
        assert_int_equal(verdict_exit(rows[i].verdict), rows[i].exit);
    }
}

/* Whatever is not known is an error, and only a pass leaves with 0. */
static void nothing_else_passes(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "PASS", "pass ", "passed", "ok", "success"};
    enum verdict zero = {0};
    assert_int_equal(zero, VERDICT_ERROR);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(verdict_parse(texts[i]), VERDICT_ERROR);
    assert_int_equal(verdict_exit(VERDICT_COUNT), EXIT_ERROR);
    assert_int_equal(verdict_exit((enum verdict)77), EXIT_ERROR);
    assert_string_equal(verdict_name((enum verdict)77), "error");
    for (int v = 0; v < VERDICT_COUNT; v++)
        assert_int_equal(verdict_exit((enum verdict)v) == 0, v == VERDICT_PASS);
}

static void the_worse_wins(void **state)
{
    (void)state;
    static const enum verdict order[] = {VERDICT_UNGATED, VERDICT_PASS, VERDICT_INCONCLUSIVE,
                                         VERDICT_FAIL, VERDICT_ERROR};
    for (size_t a = 0; a < ARRAY_LEN(order); a++)
        for (size_t b = 0; b < ARRAY_LEN(order); b++)
            assert_int_equal(verdict_worse(order[a], order[b]), order[a > b ? a : b]);
}

static void errors_have_exit_codes(void **state)
{
    (void)state;
    static const struct {
        enum error_code code;
        enum exit_code exit;
    } errors[] = {{ERROR_USAGE, EXIT_USAGE},   {ERROR_CONFIG, EXIT_USAGE},
                  {ERROR_BUILD, EXIT_ERROR},   {ERROR_SYSTEM, EXIT_ERROR},
                  {ERROR_NETWORK, EXIT_ERROR}, {ERROR_API, EXIT_ERROR},
                  {ERROR_MEASURE, EXIT_ERROR}, {ERROR_INPUT, EXIT_ERROR},
                  {ERROR_NONE, EXIT_ERROR},    {ERROR_INTERRUPTED, EXIT_SIGINT}};
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        assert_int_equal(error_exit(errors[i].code), errors[i].exit);
}

static void exit_codes_are_documented(void **state)
{
    (void)state;
    static const int expected[] = {0, 1, 2, 3, 4, 5, 130};
    assert_int_equal(exit_code_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < exit_code_count; i++) {
        assert_int_equal(exit_codes[i].code, expected[i]);
        assert_true(exit_codes[i].meaning[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_exit_codes),
        cmocka_unit_test(nothing_else_passes),
        cmocka_unit_test(the_worse_wins),
        cmocka_unit_test(errors_have_exit_codes),
        cmocka_unit_test(exit_codes_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
