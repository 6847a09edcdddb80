/* Untrusted text in each of the places that it can go to: known answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "report/escape.h"

#define WJ "\xe2\x81\xa0"

typedef void escape_fn(struct buf *out, const char *text, size_t most);

struct example {
    const char *text, *expected;
    size_t most; /* 0: no limit to speak of */
};

static void check(escape_fn *escape, const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf out;
        buf_init(&out);
        escape(&out, examples[i].text, examples[i].most ? examples[i].most : 1000);
        assert_string_equal(out.data, examples[i].expected);
        buf_release(&out);
    }
}

static void lines_are_printable(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"plain", "plain", 0},
        {"", "", 0},
        {"two\r\nlines\tand a tab\n", "two lines and a tab", 0},
        {"\x1b[31mred", "\\x1b[31mred", 0},
        {"\xe2\x80\xaeright", "\\u{202E}right", 0},
        {"zero\xe2\x80\x8bwidth", "zero\\u{200B}width", 0},
        {"bad \xff byte", "bad \\xff byte", 0},
        {"::error::x ##[warning]y", ": :error: :x ## [warning]y", 0},
        {"non\xef\xbf\xbe"
         "character",
         "noncharacter", 0},
        {"abcdef", "abcdef", 6},
        {"abcdefg", "abcde…", 6},
        {"äöüßäöü", "äöüß…", 5},
    };
    check(escape_line, examples, ARRAY_LEN(examples));
}

static void code_spans_cannot_be_left(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"checkout", "`checkout`", 0},
        {"", "` - `", 0},
        {"a`b", "`` a`b ``", 0},
        {"``", "``` `` ```", 0},
        {"a|b", "`a¦b`", 0},
        {"a\\|b\\", "`a\\¦b\\`", 0},
        {"@team #1 <b> ![x](y)", "`@team #1 <b> ![x](y)`", 0},
        {"````cut````", "````` ````c… `````", 6},
    };
    check(escape_code, examples, ARRAY_LEN(examples));
}

static void prose_shows_what_is_written(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"P99 is 18.4 % slower (limit +10%)", "P99 is 18.4 % slower (limit +10%)", 0},
        {"limit <= 0%, < 5ms, <5", "limit <= 0%, < 5ms, <5", 0},
        {"costs $1.20", "costs $1.20", 0},
        {"$x$", "\\$x\\$", 0},
        {"x86_64 _emphasis_", "x86_64 \\_emphasis\\_", 0},
        {"<img src=x> </details> <!-- m -->", "\\<img src=x\\> \\</details\\> \\<!-- m --\\>", 0},
        {"&lt; **b** ~~s~~ `c`", "\\&lt; \\*\\*b\\*\\* \\~\\~s\\~\\~ \\`c\\`", 0},
        {"a|b", "a\\|b", 0},
        {"a\\|b", "a\\\\\\|b", 0},
        {"ends in \\", "ends in \\\\", 0},
        {"[l](u) ![i](u) [^1]", "\\[l\\](u) !\\[i\\](u) \\[^1\\]", 0},
        {"@org/team #12 o/r#3", "@" WJ "org/team #" WJ "12 o/r#" WJ "3", 0},
        {"GH-7 gh-8 GH-x", "GH-" WJ "7 gh-" WJ "8 GH-x", 0},
        {"https://e.example www.e.example", "https&#58;//e.example www&#46;e.example", 0},
        {"a@b.example", "a@" WJ "b.example", 0},
    };
    check(escape_prose, examples, ARRAY_LEN(examples));
}

static void fences_cannot_be_closed(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"one line", "```text\none line\n```\n", 0},
        {"one\n  two\n", "```text\none\n  two\n```\n", 0},
        {"a\n```\n@b", "````text\na\n```\n@b\n````\n", 0},
        {"\x1b[1m\r\nx", "```text\n\\x1b[1m\nx\n```\n", 0},
        {"abcdef", "```text\nabc\n…\n```\n", 3},
    };
    check(escape_fence, examples, ARRAY_LEN(examples));
}

static void xml_is_well_formed(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;", 0},
        {"]]>", "]]&gt;", 0},
        {"\x01\x08", "\\x01\\x08", 0},
        {"\xef\xbf\xbf", "", 0},
    };
    check(escape_xml, examples, ARRAY_LEN(examples));
}

/*
 * Whatever the bytes are, a code span has as many backticks in front as behind and no longer run
 * within.
 */
static void any_backticks_are_fenced(void **state)
{
    (void)state;
    for (size_t run = 0; run <= 40; run++) {
        struct buf text, out;
        buf_init(&text);
        buf_init(&out);
        buf_fill(&text, "`", run);
        buf_addstr(&text, "x");
        escape_code(&out, text.data, 1000);
        size_t fence = strspn(out.data, "`");
        assert_int_equal(fence, run + 1);
        assert_int_equal(strspn(out.data + out.length - fence, "`"), fence);
        buf_release(&text);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_printable),         cmocka_unit_test(code_spans_cannot_be_left),
        cmocka_unit_test(prose_shows_what_is_written), cmocka_unit_test(fences_cannot_be_closed),
        cmocka_unit_test(xml_is_well_formed),          cmocka_unit_test(any_backticks_are_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
