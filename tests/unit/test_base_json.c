#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"

/* Parses a copy without a NUL behind it, so that the sanitizer sees a read past the end. */
static struct json *parse_bytes(const char *text, size_t length, struct error *e)
{
    char *copy = xmalloc(length);
    memcpy(copy, text, length);
    struct json *tree = json_parse(copy, length, e);
    free(copy);
    return tree;
}

static struct json *parse(const char *text)
{
    struct error e = {0};
    struct json *tree = parse_bytes(text, strlen(text), &e);
    if (!tree)
        fail_msg("%s: %s", text, e.text);
    return tree;
}

struct bad {
    const char *text;
    const char *wanted; /* part of the error */
};

static const struct bad bad_texts[] = {
    {"", "ends at byte 0, where a value should be"},
    {"  ", "ends at byte 2, where a value should be"},
    {"nul", "a value expected at byte 0"},
    {"truex", "something behind the value at byte 4"},
    {"{} {}", "something behind the value at byte 3"},
    {"\xef\xbb\xbf{}", "a value expected at byte 0"},
    {"[1,]", "a value expected at byte 3"},
    {"[1 2]", "',' or ']' expected at byte 3"},
    {"[1", "ends at byte 2, where ',' or ']' should be"},
    {"{\"a\":1,}", "a string expected at byte 7"},
    {"{\"1\":1,", "ends at byte 7, where a string should be"},
    {"{\"a\" 1}", "':' expected at byte 5"},
    {"{\"a\":1 \"b\":2}", "',' or '}' expected at byte 7"},
    {"{a:1}", "a string expected at byte 1"},
    {"{'a':1}", "a string expected at byte 1"},
    {"[1}", "',' or ']' expected at byte 2"},
    {"[01]", "leading zero at byte 1"},
    {"[-]", "a value expected at byte 2"},
    {"[+1]", "a value expected at byte 1"},
    {"[.5]", "a value expected at byte 1"},
    {"[1.]", "a digit expected at byte 3"},
    {"[1e]", "a digit expected at byte 3"},
    {"[1e+]", "a digit expected at byte 4"},
    {"[0x10]", "',' or ']' expected at byte 2"},
    {"[NaN]", "a value expected at byte 1"},
    {"[Infinity]", "a value expected at byte 1"},
    {"[1e999]", "a number out of range at byte 1"},
    {"[-1e999]", "a number out of range at byte 1"},
    {"\"abc", "ends at byte 4, where the end of a string should be"},
    {"\"a\tb\"", "a control character in a string at byte 2"},
    {"\"a\nb\"", "a control character in a string at byte 2"},
    {"\"\\x\"", "an unknown escape at byte 1"},
    {"\"\\", "where the end of an escape should be"},
    {"\"\\u12g4\"", "a hexadecimal digit expected at byte 5"},
    {"\"\\u0000\"", "the character \\u0000 at byte 1"},
    {"\"\\ud800\"", "half a surrogate pair at byte 1"},
    {"\"\\ud800\\n\"", "half a surrogate pair at byte 1"},
    {"\"\\ud800\\u0041\"", "half a surrogate pair at byte 1"},
    {"\"\\ud800\\ue000\"", "half a surrogate pair at byte 1"},
    {"\"\\udc00\"", "half a surrogate pair at byte 1"},
    {"\"\xff\"", "not UTF-8 at byte 1"},
    {"\"\xc0\xaf\"", "not UTF-8 at byte 1"},
    {"\"\xed\xa0\x80\"", "not UTF-8 at byte 1"},
    {"\"\xf4\x90\x80\x80\"", "not UTF-8 at byte 1"},
    {"\"\xe2\x82", "not UTF-8 at byte 1"},
    {"[1,\v2]", "a value expected at byte 3"},
    {"[1] // x", "something behind the value at byte 4"},
    {"{\"a\":1,\"b\":2,\"a\":3}", "duplicate key \"a\" in the object at byte 0"},
    {"{\"a\":1,\"\\u0061\":3}", "duplicate key \"a\" in the object at byte 0"},
    {"[{\"{\\\"\":[{}]},{\"x\":{\"k\":1,\"k\":1}}]",
     "duplicate key \"k\" in the object at byte 19"},
};

static void bad_texts_are_refused_with_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_texts); i++) {
        struct error e = {0};
        struct json *tree = parse_bytes(bad_texts[i].text, strlen(bad_texts[i].text), &e);
        if (tree || !strstr(e.text, bad_texts[i].wanted))
            fail_msg("%s: got '%s', wanted '%s'", bad_texts[i].text, e.text, bad_texts[i].wanted);
        assert_int_equal(e.code, ERROR_INPUT);
        assert_null(parse_bytes(bad_texts[i].text, strlen(bad_texts[i].text), NULL));
    }
}

static void a_nul_byte_is_no_end(void **state)
{
    (void)state;
    struct error e = {0};
    assert_null(parse_bytes("{}\0", 3, &e));
    assert_non_null(strstr(e.text, "something behind the value at byte 2"));
    assert_null(parse_bytes("\"a\0b\"", 5, &e));
    assert_non_null(strstr(e.text, "a control character in a string at byte 2"));
    assert_null(parse_bytes("\"\\\0\"", 4, &e));
    assert_non_null(strstr(e.text, "an unknown escape at byte 1"));
}

static void depth_is_limited(void **state)
{
    (void)state;
    struct error e = {0};
    char text[200];
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    struct json *tree = parse_bytes(text, 128, &e);
    assert_non_null(tree);
    json_free(tree);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_null(parse_bytes(text, 130, &e));
    assert_string_equal(e.text, "not valid JSON: nesting of more than 64 levels at byte 64");
}

static void width_is_not_depth(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_addch(&b, '[');
    buf_fill(&b, "{},[],", 500);
    buf_addstr(&b, "0]");
    struct json *tree = parse(b.data);
    assert_int_equal(json_count(tree), 1001);
    json_free(tree);
    buf_release(&b);
}

static void number_length_is_limited(void **state)
{
    (void)state;
    struct error e = {0};
    char text[80];
    memset(text, '1', sizeof text);
    struct json *tree = parse_bytes(text, 63, &e);
    assert_non_null(tree);
    assert_true(json_number(tree, 0) > 1e62);
    json_free(tree);
    assert_null(parse_bytes(text, 64, &e));
    assert_non_null(strstr(e.text, "a number of more than 63 characters at byte 0"));
}

static void duplicates_are_found_in_big_objects(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_addch(&b, '{');
    for (int i = 0; i < 50000; i++)
        buf_addf(&b, "\"key%d\":%d,", i, i);
    size_t body = b.length;
    buf_addstr(&b, "\"last\":0}");
    struct error e = {0};
    struct json *tree = parse_bytes(b.data, b.length, &e);
    assert_non_null(tree);
    assert_int_equal(json_count(tree), 50001);
    json_free(tree);
    buf_truncate(&b, body);
    buf_addstr(&b, "\"key7\":0}");
    assert_null(parse_bytes(b.data, b.length, &e));
    assert_non_null(strstr(e.text, "duplicate key \"key7\""));
    buf_release(&b);
}

static void keys_differing_in_case_are_no_duplicates(void **state)
{
    (void)state;
    struct json *tree = parse("{\"a\":1,\"A\":2}");
    assert_int_equal(json_get_integer(tree, "a", 0), 1);
    assert_int_equal(json_get_integer(tree, "A", 0), 2);
    json_free(tree);
}

static void types_and_values(void **state)
{
    (void)state;
    struct json *t =
        parse(" {\"n\":null,\"t\":true,\"f\":false,\"d\":-1.5e2,\"s\":\"x\",\"a\":[],\"o\":{}}\n");
    assert_int_equal(json_type(t), JSON_OBJECT);
    assert_int_equal(json_type(json_get(t, "n")), JSON_NULL);
    assert_int_equal(json_type(json_get(t, "t")), JSON_BOOL);
    assert_int_equal(json_type(json_get(t, "f")), JSON_BOOL);
    assert_int_equal(json_type(json_get(t, "d")), JSON_NUMBER);
    assert_int_equal(json_type(json_get(t, "s")), JSON_STRING);
    assert_int_equal(json_type(json_get(t, "a")), JSON_ARRAY);
    assert_int_equal(json_type(json_get(t, "o")), JSON_OBJECT);
    assert_int_equal(json_type(json_get(t, "x")), JSON_MISSING);
    assert_true(json_get_bool(t, "t", false));
    assert_false(json_get_bool(t, "f", true));
    assert_true(json_get_number(t, "d", 0) == -150);
    assert_string_equal(json_get_string(t, "s", "-"), "x");
    json_free(t);
}

static void getters_fall_back_on_missing_and_wrong_types(void **state)
{
    (void)state;
    struct json *t = parse("{\"s\":\"5\",\"d\":5,\"half\":0.5,\"big\":9007199254740992}");
    assert_true(json_get_number(t, "s", -1) == -1);
    assert_string_equal(json_get_string(t, "d", "none"), "none");
    assert_null(json_get_string(t, "x", NULL));
    assert_true(json_get_bool(t, "d", true));
    assert_int_equal(json_get_integer(t, "half", -3), -3);
    assert_int_equal(json_get_integer(t, "big", -3), -3);
    assert_int_equal(json_get_integer(t, "d", -3), 5);
    assert_null(json_get(json_get(json_get(t, "x"), "y"), "z"));
    assert_null(json_get(json_get(t, "d"), "y"));
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_null(json_key(NULL));
    assert_int_equal(json_count(NULL), 0);
    assert_int_equal(json_count(json_get(t, "s")), 0);
    assert_null(json_first(json_get(t, "s")));
    json_free(t);
    json_free(NULL);
}

static void integers_reach_the_exact_range(void **state)
{
    (void)state;
    struct json *t = parse("[9007199254740991,-9007199254740991,1e3,-0]");
    const struct json *v = json_first(t);
    assert_true(json_integer(v, 0) == INT64_C(9007199254740991));
    v = json_next(v);
    assert_true(json_integer(v, 0) == -INT64_C(9007199254740991));
    v = json_next(v);
    assert_int_equal(json_integer(v, 0), 1000);
    v = json_next(v);
    assert_int_equal(json_integer(v, 7), 0);
    assert_null(json_next(v));
    json_free(t);
}

static void paths(void **state)
{
    (void)state;
    struct json *t = parse("{\"a\":{\"b\":[{\"c\":1},{\"c\":2}],\"0\":3},\"\":4,\"ab\":5}");
    assert_int_equal(json_integer(json_path(t, "a.b.0.c"), 0), 1);
    assert_int_equal(json_integer(json_path(t, "a.b.1.c"), 0), 2);
    assert_int_equal(json_integer(json_path(t, "a.0"), 0), 3);
    assert_int_equal(json_integer(json_path(t, ""), 0), 4);
    assert_int_equal(json_integer(json_path(t, "ab"), 0), 5);
    static const char *const missing[] = {
        "a.b.2.c", "a.b.x",   "a.b.", "a.b.-1", "a.b.0.c.d",
        "a..b",    "a.b.01x", "x",    "abc",    "a.b.99999999999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(missing); i++)
        if (json_path(t, missing[i]))
            fail_msg("%s found", missing[i]);
    assert_null(json_path(NULL, "a"));
    json_free(t);
}

static void members_keep_their_order(void **state)
{
    (void)state;
    struct json *t = parse("{\"z\":1,\"a\":2,\"m\":3}");
    struct buf b;
    buf_init(&b);
    for (const struct json *v = json_first(t); v; v = json_next(v))
        buf_addstr(&b, json_key(v));
    assert_string_equal(b.data, "zam");
    buf_release(&b);
    json_free(t);
    t = parse("[1]");
    assert_null(json_key(json_first(t)));
    json_free(t);
}

static void check_print(const char *text, const char *wanted)
{
    struct buf b;
    buf_init(&b);
    struct json *t = parse(text);
    json_print(t, &b);
    assert_string_equal(b.data, wanted);
    json_free(t);
    buf_release(&b);
}

static void printing_is_compact_and_exact(void **state)
{
    (void)state;
    check_print(" { \"b\" : [ 1 , 2.50 , -0, 1e2, true ] , \"a\" : { } , \"n\":null, \"e\":[ ] } ",
                "{\"b\":[1,2.5,0,100,true],\"a\":{},\"n\":null,\"e\":[]}");
    check_print("0.1", "0.1");
    check_print("0.30000000000000004", "0.30000000000000004");
    check_print("9007199254740991", "9007199254740991");
    check_print("1e300", "1e+300");
    check_print("5e-324", "4.94065645841247e-324");
    check_print("\"\\u00e9\\ud83d\\ude00\\/\\u0001\\n\\\"\\\\\"",
                "\"\xc3\xa9\xf0\x9f\x98\x80/\\u0001\\n\\\"\\\\\"");
    check_print("{\"a\\nb\":1}", "{\"a\\nb\":1}");
    struct buf b;
    buf_init(&b);
    json_print(NULL, &b);
    assert_string_equal(b.data, "null");
    buf_release(&b);
}

static void write_sample(struct json_writer *w)
{
    json_open_object(w, NULL);
    json_put_string(w, "s", "x\"y");
    json_put_string(w, "none", NULL);
    json_open_array(w, "list");
    json_put_integer(w, NULL, INT64_MIN);
    json_put_bool(w, NULL, true);
    json_open_object(w, NULL);
    json_close(w);
    json_close(w);
    json_open_array(w, "empty");
    json_close(w);
    json_put_null(w, "z");
    json_put_raw(w, "raw", "[1]");
    json_close(w);
}

static void the_writer_writes_both_forms(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    struct json_writer w;
    json_begin(&w, &b, 0);
    write_sample(&w);
    assert_string_equal(b.data, "{\"s\":\"x\\\"y\",\"none\":null,\"list\":[-9223372036854775808,"
                                "true,{}],\"empty\":[],\"z\":null,\"raw\":[1]}");
    struct json *t = parse(b.data);
    json_free(t);
    buf_clear(&b);
    json_begin(&w, &b, 2);
    write_sample(&w);
    assert_string_equal(b.data, "{\n  \"s\": \"x\\\"y\",\n  \"none\": null,\n  \"list\": [\n"
                                "    -9223372036854775808,\n    true,\n    {}\n  ],\n"
                                "  \"empty\": [],\n  \"z\": null,\n  \"raw\": [1]\n}");
    buf_release(&b);
}

static void numbers_have_fixed_decimals(void **state)
{
    (void)state;
    static const struct {
        double value;
        int decimals;
        const char *wanted;
    } rows[] = {
        {1.5, 3, "1.5"},   {2, 3, "2"},           {1200, 0, "1200"},
        {1200, 2, "1200"}, {-0.0004, 3, "0"},     {-0.0, 2, "0"},
        {-0.5, 1, "-0.5"}, {0.1 + 0.2, 6, "0.3"}, {1e21, 2, "1000000000000000000000"},
        {NAN, 2, "null"},  {INFINITY, 2, "null"}, {-INFINITY, 0, "null"},
        {2.675, -4, "3"},  {0.125, 99, "0.125"},  {100.004, 2, "100"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b);
        struct json_writer w;
        json_begin(&w, &b, 0);
        json_put_number(&w, NULL, rows[i].value, rows[i].decimals);
        assert_string_equal(b.data, rows[i].wanted);
        buf_release(&b);
    }
}

static void the_largest_number_fits(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    struct json_writer w;
    json_begin(&w, &b, 0);
    json_put_number(&w, NULL, -1.7976931348623157e308, 17);
    assert_int_equal(b.length, 310);
    buf_release(&b);
}

static void check_quote(const char *bytes, size_t length, const char *wanted)
{
    struct buf b;
    buf_init(&b);
    json_quote(&b, bytes, length);
    assert_string_equal(b.data, wanted);
    struct json *t = parse(b.data); /* what we write, we can read */
    json_free(t);
    buf_release(&b);
}

static void quoting_makes_valid_text_of_anything(void **state)
{
    (void)state;
    check_quote("", 0, "\"\"");
    check_quote("\b\f\n\r\t\x1f", 6, "\"\\b\\f\\n\\r\\t\\u001f\"");
    check_quote("a\0b", 3,
                "\"a\xef\xbf\xbd"
                "b\"");
    check_quote("\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    check_quote("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_quote("\xe2\x82\xac", 3, "\"\xe2\x82\xac\"");
    check_quote("</script>", 9, "\"</script>\"");
}

static void put_bytes_takes_a_length(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    struct json_writer w;
    json_begin(&w, &b, 0);
    json_open_object(&w, NULL);
    json_put_bytes(&w, "k", "abcdef", 3);
    json_close(&w);
    assert_string_equal(b.data, "{\"k\":\"abc\"}");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_texts_are_refused_with_the_place),
        cmocka_unit_test(a_nul_byte_is_no_end),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(width_is_not_depth),
        cmocka_unit_test(number_length_is_limited),
        cmocka_unit_test(duplicates_are_found_in_big_objects),
        cmocka_unit_test(keys_differing_in_case_are_no_duplicates),
        cmocka_unit_test(types_and_values),
        cmocka_unit_test(getters_fall_back_on_missing_and_wrong_types),
        cmocka_unit_test(integers_reach_the_exact_range),
        cmocka_unit_test(paths),
        cmocka_unit_test(members_keep_their_order),
        cmocka_unit_test(printing_is_compact_and_exact),
        cmocka_unit_test(the_writer_writes_both_forms),
        cmocka_unit_test(numbers_have_fixed_decimals),
        cmocka_unit_test(the_largest_number_fits),
        cmocka_unit_test(quoting_makes_valid_text_of_anything),
        cmocka_unit_test(put_bytes_takes_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
