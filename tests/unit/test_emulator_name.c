/* How a request may name a function: plain, partial ARN, ARN, qualified, percent-encoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "emulator/name.h"
#include "emulator/uri.h"

static const struct name_place place = {.region = "eu-west-1", .account = "123456789012"};

static const struct {
    const char *text, *function, *qualifier;
} good[] = {
    {"f", "f", ""},
    {"my-Function_1", "my-Function_1", ""},
    {"f:1", "f", "1"},
    {"f:$LATEST", "f", "$LATEST"},
    {"123456789012:function:f", "f", ""},
    {"123456789012:function:f:live", "f", "live"},
    {"arn:aws:lambda:eu-west-1:123456789012:function:f", "f", ""},
    {"arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST", "f", "$LATEST"},
    {"arn:aws-cn:lambda:eu-west-1:123456789012:function:f:2", "f", "2"},
};

static const struct {
    const char *text;
    enum fault_kind kind;
} bad[] = {
    {"", FAULT_VALIDATION},
    {":", FAULT_VALIDATION},
    {"f:", FAULT_VALIDATION},
    {"f:a:b", FAULT_VALIDATION},
    {"f g", FAULT_VALIDATION},
    {"../f", FAULT_VALIDATION},
    {"f:$latest", FAULT_VALIDATION},
    {"arn:aws:lambda:eu-west-1:123456789012:function", FAULT_VALIDATION},
    {"arn:aws:lambda:eu-west-1:123456789012:layer:f", FAULT_VALIDATION},
    {"arn:aws:lambda:eu-west-1:123456789012:function:f:1:2", FAULT_VALIDATION},
    {"x:function:f", FAULT_VALIDATION},
    {"999999999999:function:f", FAULT_NOT_FOUND},
    {"arn:aws:lambda:us-east-1:123456789012:function:f", FAULT_NOT_FOUND},
    {"arn:aws:lambda:eu-west-1:999999999999:function:f", FAULT_NOT_FOUND},
    {"a:b:c:d:e:f:g:h:i", FAULT_VALIDATION},
};

static void reads_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct name name;
        struct fault f;
        assert_int_equal(name_parse(good[i].text, &place, &name, &f), 0);
        assert_string_equal(name.function, good[i].function);
        assert_string_equal(name.qualifier, good[i].qualifier);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct name name;
        struct fault f = {.kind = FAULT_NONE};
        assert_int_equal(name_parse(bad[i].text, &place, &name, &f), -1);
        assert_int_equal(f.kind, bad[i].kind);
    }
}

static void knows_the_longest_name(void **state)
{
    (void)state;
    char text[NAME_MAX_BYTES + 2];
    struct name name;
    struct fault f;
    memset(text, 'x', sizeof text);
    text[NAME_MAX_BYTES] = '\0';
    assert_int_equal(name_parse(text, &place, &name, &f), 0);
    text[NAME_MAX_BYTES] = 'x';
    text[NAME_MAX_BYTES + 1] = '\0';
    assert_int_equal(name_parse(text, &place, &name, &f), -1);
}

static void qualifiers_must_agree(void **state)
{
    (void)state;
    struct name name;
    struct fault f;
    assert_int_equal(name_parse("f:1", &place, &name, &f), 0);
    assert_int_equal(name_qualify(&name, "", &f), 0);
    assert_int_equal(name_qualify(&name, "1", &f), 0);
    assert_int_equal(name_qualify(&name, "2", &f), -1);
    assert_int_equal(f.kind, FAULT_PARAMETER);
    assert_string_equal(name.qualifier, "1");
    assert_int_equal(name_parse("f", &place, &name, &f), 0);
    assert_int_equal(name_qualify(&name, "a/b", &f), -1);
    assert_int_equal(f.kind, FAULT_VALIDATION);
    assert_int_equal(name_qualify(&name, "$LATEST", &f), 0);
    assert_string_equal(name.qualifier, "$LATEST");
}

static void partition_follows_the_region(void **state)
{
    (void)state;
    static const struct {
        const char *region, *arn;
    } rows[] = {
        {"eu-west-1", "arn:aws:lambda:eu-west-1:1:function:f"},
        {"cn-north-1", "arn:aws-cn:lambda:cn-north-1:1:function:f"},
        {"us-gov-east-1", "arn:aws-us-gov:lambda:us-gov-east-1:1:function:f"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char arn[NAME_ARN_BYTES];
        const struct name_place there = {.region = rows[i].region, .account = "1"};
        name_arn(&there, "f", arn);
        assert_string_equal(arn, rows[i].arn);
    }
}

static void decodes_percent(void **state)
{
    (void)state;
    char out[8];
    assert_true(uri_decode("a%3Ab", 5, out, sizeof out));
    assert_string_equal(out, "a:b");
    assert_true(uri_decode("%2f%2F", 6, out, sizeof out));
    assert_string_equal(out, "//");
    assert_true(uri_decode("a+b", 3, out, sizeof out));
    assert_string_equal(out, "a+b");
    assert_true(uri_decode("1234567", 7, out, sizeof out));
    assert_false(uri_decode("12345678", 8, out, sizeof out));
    assert_false(uri_decode("%", 1, out, sizeof out));
    assert_false(uri_decode("%4", 2, out, sizeof out));
    assert_false(uri_decode("%4x", 3, out, sizeof out));
    assert_false(uri_decode("a%00", 4, out, sizeof out));
}

static void finds_query_parameters(void **state)
{
    (void)state;
    const char *query = "tagKeys=a&Qualifier=%24LATEST&tagKeys=b%20c&empty=&flag";
    char out[16];
    assert_true(uri_query(query, "Qualifier", 0, out, sizeof out));
    assert_string_equal(out, "$LATEST");
    assert_true(uri_query(query, "tagKeys", 1, out, sizeof out));
    assert_string_equal(out, "b c");
    assert_false(uri_query(query, "tagKeys", 2, out, sizeof out));
    assert_false(uri_query(query, "tagkeys", 0, out, sizeof out));
    assert_true(uri_query(query, "empty", 0, out, sizeof out));
    assert_string_equal(out, "");
    assert_true(uri_query(query, "flag", 0, out, sizeof out));
    assert_string_equal(out, "");
    assert_false(uri_query("", "x", 0, out, sizeof out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(knows_the_longest_name),
        cmocka_unit_test(qualifiers_must_agree),
        cmocka_unit_test(partition_follows_the_region),
        cmocka_unit_test(decodes_percent),
        cmocka_unit_test(finds_query_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
