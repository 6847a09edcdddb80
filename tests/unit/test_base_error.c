#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void set_records_code_and_text(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(error_set(&e, ERROR_CONFIG, "line %d", 7), -1);
    assert_int_equal(e.code, ERROR_CONFIG);
    assert_string_equal(e.text, "line 7");
}

static void null_error_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_API, "x"), -1);
    assert_int_equal(error_errno(NULL, ERROR_API, "x"), -1);
    assert_int_equal(error_prefix(NULL, "x"), -1);
    assert_int_equal(error_suffix(NULL, "x"), -1);
}

static void errno_is_explained(void **state)
{
    (void)state;
    struct error e = {0};
    errno = ENOENT;
    error_errno(&e, ERROR_SYSTEM, "cannot open '%s'", "a");
    assert_string_equal(e.text, "cannot open 'a': No such file or directory");
}

static void context_goes_in_front_and_advice_behind(void **state)
{
    (void)state;
    struct error e = {0};
    error_set(&e, ERROR_NETWORK, "refused");
    assert_int_equal(error_prefix(&e, "connecting to %s", "h"), -1);
    assert_int_equal(error_prefix(&e, "invoke"), -1);
    assert_int_equal(error_suffix(&e, " (try again)"), -1);
    assert_string_equal(e.text, "invoke: connecting to h: refused (try again)");
    assert_int_equal(e.code, ERROR_NETWORK);
}

static void the_old_text_may_be_an_argument(void **state)
{
    (void)state;
    struct error e = {0};
    error_set(&e, ERROR_API, "inner");
    error_set(&e, ERROR_BUILD, "outer (%s)", e.text);
    assert_string_equal(e.text, "outer (inner)");
}

static void long_texts_are_cut_not_overrun(void **state)
{
    (void)state;
    struct {
        struct error e;
        char guard[8];
    } s = {.guard = "guard"};
    char big[4096];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    error_set(&s.e, ERROR_API, "%s", big);
    assert_int_equal(strlen(s.e.text), sizeof s.e.text - 1);
    error_prefix(&s.e, "%s", big);
    assert_int_equal(strlen(s.e.text), sizeof s.e.text - 1);
    assert_non_null(strstr(s.e.text, "x: x"));
    error_suffix(&s.e, "%s", big);
    assert_int_equal(strlen(s.e.text), sizeof s.e.text - 1);
    assert_string_equal(s.guard, "guard");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_records_code_and_text),
        cmocka_unit_test(null_error_is_allowed),
        cmocka_unit_test(errno_is_explained),
        cmocka_unit_test(context_goes_in_front_and_advice_behind),
        cmocka_unit_test(the_old_text_may_be_an_argument),
        cmocka_unit_test(long_texts_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
