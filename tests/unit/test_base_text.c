#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"

static void utf8_characters(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length, wanted;
        uint32_t code;
    } rows[] = {
        {"a", 1, 1, 'a'},
        {"\0", 1, 1, 0},
        {"\x7f", 1, 1, 0x7f},
        {"\xc2\x80", 2, 2, 0x80},
        {"\xdf\xbf", 2, 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 3, 0x800},
        {"\xed\x9f\xbf", 3, 3, 0xd7ff},
        {"\xee\x80\x80", 3, 3, 0xe000},
        {"\xf0\x90\x80\x80", 4, 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
        {"", 0, 0, 0},
        {"\x80", 1, 0, 0},     /* a continuation alone */
        {"\xc0\x80", 2, 0, 0}, /* overlong */
        {"\xc1\xbf", 2, 0, 0},
        {"\xe0\x9f\xbf", 3, 0, 0},
        {"\xf0\x8f\xbf\xbf", 4, 0, 0},
        {"\xed\xa0\x80", 3, 0, 0}, /* surrogate */
        {"\xed\xbf\xbf", 3, 0, 0},
        {"\xf4\x90\x80\x80", 4, 0, 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 4, 0, 0},
        {"\xff", 1, 0, 0},
        {"\xe2\x82", 2, 0, 0}, /* cut off */
        {"\xe2\x82z", 3, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t code = 0;
        assert_int_equal(text_utf8(rows[i].bytes, rows[i].length, &code), rows[i].wanted);
        assert_int_equal(code, rows[i].code);
        assert_int_equal(text_utf8(rows[i].bytes, rows[i].length, NULL), rows[i].wanted);
    }
    assert_true(text_is_utf8("a\xc3\xa9\xe2\x82\xac", 6));
    assert_true(text_is_utf8("", 0));
    assert_false(text_is_utf8("a\xc3", 2));
}

static void beginnings_ends_and_case(void **state)
{
    (void)state;
    assert_true(text_starts("abc", "ab"));
    assert_true(text_starts("abc", ""));
    assert_false(text_starts("ab", "abc"));
    assert_true(text_ends("abc", "bc"));
    assert_true(text_ends("abc", ""));
    assert_false(text_ends("bc", "abc"));
    assert_true(text_same("Content-TYPE", "content-type"));
    assert_true(text_same("", ""));
    assert_false(text_same("a", "ab"));
    assert_false(text_same("ab", "a"));
    assert_false(text_same("@", "`")); /* 0x20 apart, but no letters */
    assert_false(text_same("\xc3\x89", "\xc3\xa9"));
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("memroy", "memory"), 1); /* a swap is one slip */
    assert_int_equal(text_distance("ca", "abc"), 3);        /* no edit inside a swap */
    assert_int_equal(text_distance("abc", "abc"), 0);
    char a[80], b[80];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    a[63] = b[63] = '\0';
    assert_int_equal(text_distance(a, b), 63);
    a[63] = 'a';
    a[64] = '\0';
    assert_int_equal(text_distance(a, a), 64);
}

static void suggestions(void **state)
{
    (void)state;
    static const char *const keys[] = {"memory", "timeout", "runtime", "handler", "rate"};
    size_t n = ARRAY_LEN(keys);
    assert_string_equal(text_suggest("memroy", keys, n), "memory");
    assert_string_equal(text_suggest("Timeout", keys, n), "timeout");
    assert_string_equal(text_suggest("mem", keys, n), "memory"); /* an abbreviation */
    assert_string_equal(text_suggest("rte", keys, n), "rate");
    assert_null(text_suggest("colour", keys, n));
    assert_null(text_suggest("x", keys, n));
    assert_null(text_suggest("", keys, n));
    assert_null(text_suggest("memory", keys, 0));
}

static void widths(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("abc"), 3);
    assert_int_equal(text_width("\xe2\x88\x92"
                                "3.1 %"),
                     6);
    assert_int_equal(text_width("\x1b[1;31mred\x1b[0m"), 3);
    assert_int_equal(text_width("\x1b]8;;http://x\x1b\\link\x1b]8;;\a"), 4);
    assert_int_equal(text_width("\xe6\xbc\xa2\xe5\xad\x97"), 4); /* two ideographs */
    assert_int_equal(text_width("e\xcc\x81"), 1);                /* combining accent */
    assert_int_equal(text_width("\xf0\x9f\x98\x80"), 2);
    assert_int_equal(text_width("a\xff"
                                "b"),
                     3);
    assert_int_equal(text_width("a\r\n\x7f"), 1);
    assert_int_equal(text_width("\x1b"), 0); /* cut-off sequences end at the end */
    assert_int_equal(text_width("\x1b[1"), 0);
    assert_int_equal(text_width("\x1b]x"), 0);
}

static void check_safe(const char *bytes, size_t length, const char *wanted)
{
    struct buf b;
    buf_init(&b);
    text_add_safe(&b, bytes, length);
    if (strcmp(b.data, wanted) != 0)
        fail_msg("got '%s', wanted '%s'", b.data, wanted);
    buf_release(&b);
}

static void untrusted_text_is_made_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"plain \xc3\xa9 \xe2\x82\xac", "plain \xc3\xa9 \xe2\x82\xac"},
        {"a\tb", "a b"},
        {"a\nb\r", "a\\x0ab\\x0d"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"\x7f\x01", "\\x7f\\x01"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc2\x85", "\\u{0085}"},
        {"\xc2\x9b"
         "31m",
         "\\u{009B}31m"},
        {"a\xe2\x80\xae"
         "b",
         "a\\u{202E}b"},
        {"\xe2\x81\xa6", "\\u{2066}"},
        {"\xe2\x80\x8b", "\\u{200B}"},
        {"\xe2\x80\xa8", "\\u{2028}"},
        {"\xef\xbb\xbf", "\\u{FEFF}"},
        {"\xf3\xa0\x81\x81", "\\u{E0041}"},
        {"::error::x", ": :error: :x"},
        {"  ::set-output name=a::b", "  : :set-output name=a: :b"},
        {":::", ": : :"},
        {"##[error]x", "## [error]x"},
        {"###[x", "### [x"},
        {"#[x", "#[x"},
        {"##", "##"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_safe(rows[i].text, strlen(rows[i].text), rows[i].wanted);
    check_safe("a\0b", 3, "a\\x00b");
}

static void two_calls_cannot_make_a_command(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    text_add_safe(&b, ":", 1);
    text_add_safe(&b, ":add-mask:", 10);
    text_add_safe(&b, ":x#", 3);
    text_add_safe(&b, "#", 1);
    text_add_safe(&b, "[group]", 7);
    assert_string_equal(b.data, ": :add-mask: :x## [group]");
    buf_release(&b);
}

/* Every byte pair and many triples: nothing but printable text comes out, and it is UTF-8. */
static void whatever_goes_in(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    for (unsigned x = 0; x < 256 * 256; x++) {
        char in[4] = {(char)(x >> 8), (char)x, (char)(x * 7), ':'};
        buf_clear(&b);
        text_add_safe(&b, in, sizeof in);
        assert_true(text_is_utf8(b.data, b.length));
        assert_null(strstr(b.data, "::"));
        assert_null(strstr(b.data, "##["));
        for (size_t i = 0; i < b.length; i++)
            assert_true((unsigned char)b.data[i] >= 0x20 && b.data[i] != 0x7f);
    }
    buf_release(&b);
}

static void regions(void **state)
{
    (void)state;
    static const char long_name[] =
        "a23456789a23456789a23456789a23456789a23456789a23456789a23456789a";
    assert_true(text_is_region("eu-west-1"));
    assert_true(text_is_region("us-gov-east-1"));
    assert_true(text_is_region(long_name + 1));
    assert_false(text_is_region(long_name));
    assert_false(text_is_region(""));
    assert_false(text_is_region("EU-west-1"));
    assert_false(text_is_region("-eu"));
    assert_false(text_is_region("eu.west"));
    assert_false(text_is_region("eu-west-1/x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions),
        cmocka_unit_test(utf8_characters),
        cmocka_unit_test(beginnings_ends_and_case),
        cmocka_unit_test(distances),
        cmocka_unit_test(suggestions),
        cmocka_unit_test(widths),
        cmocka_unit_test(untrusted_text_is_made_harmless),
        cmocka_unit_test(two_calls_cannot_make_a_command),
        cmocka_unit_test(whatever_goes_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
