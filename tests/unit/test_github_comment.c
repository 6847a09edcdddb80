/* Marks, keys and the text's room, states and contexts; tests/e2e/test_comment.py has the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "github/comment.h"
#include "github/status.h"

#define SHA "41d0e7c2b9d6f1a7e03c55d4a1c9be2f80d7a6e4"

static char *key_of(const char *workflow, const char *job, const char *function)
{
    struct buf key;
    buf_init(&key);
    mark_key(&key, workflow, job, function);
    return buf_detach(&key);
}

static void keys(void **state)
{
    (void)state;
    static const struct {
        const char *parts[3], *key;
    } rows[] = {
        {{"ci", "perf", "api"}, "ci%2Fperf%2Fapi"},
        {{"ci", "", NULL}, "ci"},
        {{NULL, NULL, "f"}, "f"},
        {{NULL, NULL, NULL}, "local"},
        {{"a--b", "-c", "d-"}, "a-%2Db%2F%2Dc%2Fd-"},
        {{"x -->\n", NULL, NULL}, "x%20-%2D%3E%0A"},
        {{"caf\u00e9 100%", NULL, NULL}, "caf%C3%A9%20100%25"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *key = key_of(rows[i].parts[0], rows[i].parts[1], rows[i].parts[2]);
        assert_string_equal(key, rows[i].key);
        free(key);
    }
}

static void long_keys_stay_apart(void **state)
{
    (void)state;
    char a[5000], b[5000];
    memset(a, 'x', sizeof a - 1);
    a[sizeof a - 1] = '\0';
    memcpy(b, a, sizeof b);
    b[sizeof b - 2] = 'y';
    char *key_a = key_of(a, "job", NULL), *key_b = key_of(b, "job", NULL);
    assert_true(strlen(key_a) < 200);
    assert_string_not_equal(key_a, key_b);
    assert_memory_equal(key_a, key_b, 150);
    free(key_a);
    free(key_b);
}

static void marks_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct mark rows[] = {
        {"ci%2Fperf", 1234567890, 2, SHA},
        {"local", 0, 0, NULL},
        {"a", 999999999999999999, 1, SHA},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t run = 7, attempt = 7;
        struct buf mark;
        buf_init(&mark);
        mark_add(&mark, &rows[i]);
        assert_int_equal(strcspn(mark.data, "\n"), mark.length - 1);
        assert_true(mark_is_in(mark.data, rows[i].key, &run, &attempt));
        assert_int_equal(run, rows[i].run);
        assert_int_equal(attempt, rows[i].attempt);
        assert_false(mark_is_in(mark.data, "other", &run, &attempt));
        assert_false(mark_is_in(mark.data + 1, rows[i].key, &run, &attempt));
        for (size_t cut = 0; cut < mark.length - 1; cut++) {
            char *part = xstrndup(mark.data, cut);
            assert_false(mark_is_in(part, rows[i].key, &run, &attempt));
            free(part);
        }
        buf_release(&mark);
    }
}

static void marks_are_whole_lines(void **state)
{
    (void)state;
    static const char *const good[] = {
        "<!-- lambda-perf-gate v=1 key=k run=1.1 sha=- -->",
        "<!-- lambda-perf-gate v=1 key=k run=1.1 sha=- -->\r\ntext",
        "<!-- lambda-perf-gate v=1 key=k run=1.1 sha=" SHA " -->\n<!-- more -->",
    };
    static const char *const bad[] = {
        "",
        "text\n<!-- lambda-perf-gate v=1 key=k run=1.1 sha=- -->",
        " <!-- lambda-perf-gate v=1 key=k run=1.1 sha=- -->",
        "<!-- lambda-perf-gate v=1 key=k run=1.1 sha=- --> x",
        "<!-- lambda-perf-gate v=1 key=k run=1.1 sha=- -->\rx",
        "<!-- lambda-perf-gate v=1 key=kk run=1.1 sha=- -->",
        "<!-- lambda-perf-gate v=1 key= run=1.1 sha=- -->",
        "<!-- lambda-perf-gate v=11 key=k run=1.1 sha=- -->",
        "<!-- lambda-perf-gate v=1 key=k run=1 sha=- -->",
        "<!-- lambda-perf-gate v=1 key=k run=-1.1 sha=- -->",
        "<!-- lambda-perf-gate v=1 key=k run=1.1.1 sha=- -->",
        "<!-- lambda-perf-gate v=1 key=k run=18446744073709551617.1 sha=- -->",
        "<!-- lambda-perf-gate v=1 key=k run=1.1 sha= -->",
        "<!-- lambda-perf-gate v=1 key=k run=1.1 sha=" SHA SHA " -->",
        "<!-- lambda-perf-gate v=1 key=k run=1.1 sha=- verdict=pass -->",
    };
    uint64_t run = 7, attempt = 7;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(mark_is_in(bad[i], "k", &run, &attempt));
    assert_int_equal(run, 7);
    assert_int_equal(attempt, 7);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(mark_is_in(good[i], "k", &run, &attempt));
}

/* Nobody listens: what is refused here is refused before anything is sent. */
static int post(const struct comment *c, struct error *e)
{
    struct rest *r =
        rest_new(&(struct rest_options){.api_url = "http://127.0.0.1:9", .token = "t"}, e);
    struct comment_posted posted;
    int failed = comment_post(r, c, &posted, e);
    rest_free(r);
    return failed;
}

static void text_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct comment c = {
        .repository = "o/r", .pull = 1, .author = "x", .mark = {"ci%2Fperf", 1234567890, 2, SHA}};
    struct error e = {0};
    size_t room = comment_room(&c);
    assert_in_range(room, COMMENT_BYTES_MAX - 150, COMMENT_BYTES_MAX - 100);
    char *text = xmalloc(room + 2);
    memset(text, 'x', room + 1);
    text[room + 1] = '\0';
    c.text = text;
    assert_int_equal(post(&c, &e), -1);
    assert_string_equal(e.text, "the comment has 65001 bytes; 65000 fit");
    free(text);
    c.text = "";
    c.pull = 0;
    assert_int_equal(post(&c, &e), -1);
    assert_int_equal(e.code, ERROR_USAGE);
    c.pull = 1;
    c.repository = "o/r/../x";
    assert_int_equal(post(&c, &e), -1);
    assert_int_equal(e.code, ERROR_USAGE);
}

static void footers_link_only_what_is_a_plain_address(void **state)
{
    (void)state;
    static const char *const bad[] = {NULL,
                                      "",
                                      "github.com",
                                      "javascript:alert(1)",
                                      "https://a)[b](https://evil.example",
                                      "https://a/<x>",
                                      "https://user@a"};
    struct comment c = {.repository = "o/r", .mark = {.run = 12, .attempt = 3}};
    struct buf out;
    buf_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        comment_add_footer(&out, bad[i], &c);
    c.mark.run = 0;
    comment_add_footer(&out, "https://github.com", &c);
    assert_int_equal(out.length, 0);
    c.mark.run = 12;
    comment_add_footer(&out, "https://github.com", &c);
    assert_string_equal(out.data,
                        "\n<sub>[Run 12](https://github.com/o/r/actions/runs/12/attempts/3) · "
                        "updated by every run</sub>\n");
    buf_release(&out);
}

static void only_a_pass_looks_green(void **state)
{
    (void)state;
    for (int v = 0; v < VERDICT_COUNT; v++)
        assert_int_equal(strcmp(status_state((enum verdict)v), "success") == 0, v == VERDICT_PASS);
    assert_string_equal(status_state(VERDICT_COUNT), "error");
    assert_string_equal(status_state(VERDICT_INCONCLUSIVE), "failure");
}

static void contexts_are_readable(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"local", "lambda-perf-gate/local"},
        {"ci%2Fperf%2Fapi", "lambda-perf-gate/ci/perf/api"},
        {"a%20b%2F%2Fc%", "lambda-perf-gate/a%20b//c%"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out);
        status_context(&out, rows[i][0]);
        assert_string_equal(out.data, rows[i][1]);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(long_keys_stay_apart),
        cmocka_unit_test(marks_are_read_as_they_are_written),
        cmocka_unit_test(marks_are_whole_lines),
        cmocka_unit_test(text_that_does_not_fit_is_refused),
        cmocka_unit_test(footers_link_only_what_is_a_plain_address),
        cmocka_unit_test(only_a_pass_looks_green),
        cmocka_unit_test(contexts_are_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
