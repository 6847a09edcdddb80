#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/diagnostics.h"

static struct mark at(unsigned line, unsigned column, unsigned length)
{
    return (struct mark){.line = line, .column = column, .length = length};
}

static void expect(struct diagnostics *d, bool colour, const char *wanted)
{
    struct buf out;
    buf_init(&out);
    diagnostics_render(d, colour, &out);
    assert_string_equal(out.data, wanted);
    buf_release(&out);
    diagnostics_release(d);
}

static struct diagnostics with(const char *text)
{
    struct diagnostics d;
    diagnostics_init(&d);
    diagnostics_source(&d, "perf.yml", text, strlen(text));
    return d;
}

static void nothing(void **state)
{
    (void)state;
    struct diagnostics d = with("a: 1\n");
    expect(&d, false, "");
}

static void sorted_and_counted(void **state)
{
    (void)state;
    struct diagnostics d = with("a: 1\nbb: 2\n");
    diagnostics_error(&d, at(2, 5, 1), "late");
    diagnostics_warning(&d, at(1, 1, 1), "early");
    diagnostics_error(&d, at(2, 1, 2), "middle");
    diagnostics_error(&d, at(0, 0, 0), "the file");
    expect(&d, false,
           "perf.yml: error: the file\n"
           "perf.yml:1:1: warning: early\n"
           "    1 | a: 1\n"
           "      | ^\n"
           "perf.yml:2:1: error: middle\n"
           "    2 | bb: 2\n"
           "      | ^~\n"
           "perf.yml:2:5: error: late\n"
           "    2 | bb: 2\n"
           "      |     ^\n"
           "3 errors, 1 warning\n");
}

/* Equal places keep the order of arrival, and one error is no "errors". */
static void ties(void **state)
{
    (void)state;
    struct diagnostics d = with("a");
    diagnostics_warning(&d, at(1, 1, 0), "first");
    diagnostics_warning(&d, at(1, 1, 0), "second");
    diagnostics_error(&d, at(1, 1, 0), "third");
    expect(&d, false,
           "perf.yml:1:1: warning: first\n    1 | a\n      | ^\n"
           "perf.yml:1:1: warning: second\n    1 | a\n      | ^\n"
           "perf.yml:1:1: error: third\n    1 | a\n      | ^\n"
           "1 error, 2 warnings\n");
}

/*
 * The caret stands under the character: wide ones take two columns, combining ones none, a tab
 * one.
 */
static void columns(void **state)
{
    (void)state;
    struct diagnostics d = with("日本: x\ne\xcc\x81: yy\n\ta: zzz\n");
    diagnostics_error(&d, at(1, 5, 1), "wide");
    diagnostics_error(&d, at(1, 1, 2), "under wide");
    diagnostics_error(&d, at(2, 5, 2), "combining");
    diagnostics_error(&d, at(3, 5, 3), "tab");
    expect(&d, false,
           "perf.yml:1:1: error: under wide\n"
           "    1 | 日本: x\n"
           "      | ^~~~\n"
           "perf.yml:1:5: error: wide\n"
           "    1 | 日本: x\n"
           "      |       ^\n"
           "perf.yml:2:5: error: combining\n"
           "    2 | e\xcc\x81: yy\n"
           "      |    ^~\n"
           "perf.yml:3:5: error: tab\n"
           "    3 |  a: zzz\n"
           "      |     ^~~\n"
           "4 errors\n");
}

static void line_ends(void **state)
{
    (void)state;
    struct diagnostics d = with("one\r\ntwo\rthree\nfour");
    for (unsigned line = 1; line <= 5; line++)
        diagnostics_error(&d, at(line, 2, 1), "x");
    expect(&d, false,
           "perf.yml:1:2: error: x\n    1 | one\n      |  ^\n"
           "perf.yml:2:2: error: x\n    2 | two\n      |  ^\n"
           "perf.yml:3:2: error: x\n    3 | three\n      |  ^\n"
           "perf.yml:4:2: error: x\n    4 | four\n      |  ^\n"
           "perf.yml:5:2: error: x\n    5 | \n      | ^\n"
           "5 errors\n");
}

static void byte_order_mark(void **state)
{
    (void)state;
    struct diagnostics d = with("\xef\xbb\xbf"
                                "key: 1\n");
    diagnostics_error(&d, at(1, 1, 3), "x");
    expect(&d, false, "perf.yml:1:1: error: x\n    1 | key: 1\n      | ^~~\n1 error\n");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    char text[301];
    memset(text, 'a', 300);
    text[100] = 'X';
    text[300] = '\0';
    struct diagnostics d = with(text);
    diagnostics_error(&d, at(1, 101, 200), "x");
    expect(&d, false,
           "perf.yml:1:101: error: x\n"
           "    1 | ...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX"
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\n"
           "      |                                                                ^"
           "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
           "1 error\n");
}

/* What stands in the file must not reach a terminal or a workflow runner as a command. */
static void hostile_text(void **state)
{
    (void)state;
    struct diagnostics d = with("\x1b[31m::error::x ##[error]y \xe2\x80\xae\n");
    diagnostics_error(&d, at(1, 5, 1), "key '%s'", "::set-output name=a::b\r##[debug]");
    struct buf out;
    buf_init(&out);
    diagnostics_render(&d, false, &out);
    assert_null(strstr(out.data, "\x1b"));
    assert_null(strstr(out.data, "\r"));
    assert_null(strstr(out.data, "::"));
    assert_null(strstr(out.data, "##["));
    assert_null(strstr(out.data, "\xe2\x80\xae"));
    assert_non_null(strstr(out.data, "\\x1b"));
    buf_release(&out);
    diagnostics_release(&d);
}

static void too_many(void **state)
{
    (void)state;
    struct diagnostics d = with("a");
    for (int i = 0; i < 70; i++)
        diagnostics_error(&d, at(1, 1, 1), "x%d", i);
    struct buf out;
    buf_init(&out);
    diagnostics_render(&d, false, &out);
    assert_int_equal(d.count, DIAGNOSTICS_KEPT);
    assert_int_equal(d.errors, 70);
    const char *last = "70 errors (20 not shown)\n";
    assert_string_equal(out.data + out.length - strlen(last), last);
    buf_release(&out);
    diagnostics_release(&d);
}

/* Warnings never crowd out an error. */
static void warnings_and_errors(void **state)
{
    (void)state;
    struct diagnostics d = with("a");
    for (int i = 0; i < 70; i++)
        diagnostics_warning(&d, at(1, 1, 1), "w%d", i);
    diagnostics_error(&d, at(1, 1, 1), "the error");
    assert_int_equal(d.count, DIAGNOSTICS_KEPT + 1);
    assert_string_equal(d.items[d.count - 1].text, "the error");
    diagnostics_release(&d);
}

/* Two readings of one template say the same: once is enough. Another place is another message. */
static void repeated(void **state)
{
    (void)state;
    struct diagnostics d = with("a");
    unsigned first = diagnostics_source(&d, "t.yaml", "x\ny", 3);
    unsigned again = diagnostics_source(&d, "t.yaml", "x\ny", 3);
    diagnostics_warning(&d, (struct mark){first, 1, 1, 1}, "same");
    diagnostics_warning(&d, (struct mark){again, 1, 1, 1}, "same");
    diagnostics_warning(&d, (struct mark){again, 2, 1, 1}, "same");
    diagnostics_warning(&d, at(1, 1, 1), "same");
    assert_int_equal(d.warnings, 3);
    assert_int_equal(d.count, 3);
    diagnostics_error(&d, at(1, 1, 1), "twice");
    diagnostics_error(&d, at(1, 1, 1), "twice");
    assert_int_equal(d.errors, 2);
    diagnostics_release(&d);
}

static void colour(void **state)
{
    (void)state;
    struct diagnostics d = with("a");
    diagnostics_error(&d, at(1, 1, 1), "x");
    expect(&d, true,
           "\033[1mperf.yml:1:1:\033[0m \033[1;31merror:\033[0m x\n"
           "\033[2m    1 |\033[0m a\n\033[2m      |\033[0m \033[1;31m^\033[0m\n1 error\n");
}

static void clipping(void **state)
{
    (void)state;
    struct diagnostics d = with("");
    char text[200] = "";
    for (int i = 0; i < 61; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 3);
    const char *clipped = diagnostics_clip(&d, text);
    assert_int_equal(strlen(clipped), 123);
    assert_string_equal(clipped + 120, "...");
    text[120] = '\0';
    assert_ptr_equal(diagnostics_clip(&d, text), text);
    diagnostics_release(&d);
}

/* Two files: messages about the first come first, each with its own text. */
static void two_sources(void **state)
{
    (void)state;
    struct diagnostics d = with("first");
    unsigned second = diagnostics_source(&d, "template.yaml", "second", 6);
    diagnostics_warning(&d, (struct mark){second, 1, 1, 6}, "b");
    diagnostics_error(&d, at(1, 1, 5), "a");
    expect(&d, false,
           "perf.yml:1:1: error: a\n    1 | first\n      | ^~~~~\n"
           "template.yaml:1:1: warning: b\n    1 | second\n      | ^~~~~~\n"
           "1 error, 1 warning\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),
        cmocka_unit_test(sorted_and_counted),
        cmocka_unit_test(ties),
        cmocka_unit_test(columns),
        cmocka_unit_test(line_ends),
        cmocka_unit_test(byte_order_mark),
        cmocka_unit_test(hostile_text),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(too_many),
        cmocka_unit_test(colour),
        cmocka_unit_test(clipping),
        cmocka_unit_test(two_sources),
        cmocka_unit_test(warnings_and_errors),
        cmocka_unit_test(repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
