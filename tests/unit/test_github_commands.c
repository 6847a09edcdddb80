/*
 * Commands and files as the runner reads them; tests/fuzz/fuzz_commands.c holds them against its
 * rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "github/commands.h"
#include "os/fs.h"

static void check_annotation(const struct annotation *a, const char *expected)
{
    struct buf out;
    buf_init(&out);
    commands_annotate(&out, a);
    assert_string_equal(out.data, expected);
    buf_release(&out);
}

static void annotations_are_escaped(void **state)
{
    (void)state;
    check_annotation(&(struct annotation){.level = ANNOTATION_NOTICE, .message = "m"},
                     "::notice::m\n");
    check_annotation(
        &(struct annotation){ANNOTATION_WARNING, "100% of\r\n2, ok: yes", NULL, NULL, 12, 4},
        "::warning::100%25 of%0A2, ok: yes\n"); /* no line without a file */
    check_annotation(
        &(struct annotation){ANNOTATION_ERROR, "m", "P99 +38 %, limit: 10", "a,b:c.yml", 12, 4},
        "::error file=a%2Cb%3Ac.yml,line=12,col=4,title=P99 +38 %25%2C limit%3A 10::m\n");
    check_annotation(&(struct annotation){ANNOTATION_ERROR, "\x1b[31mred\u202e ::x", "", "", 0, 0},
                     "::error::\\x1b[31mred\\u{202E} : :x\n");
}

static void a_message_is_cut_before_the_runner_cuts_it(void **state)
{
    (void)state;
    char *message = xmalloc(3 * 5000 + 1);
    for (int i = 0; i < 5000; i++)
        memcpy(message + 3 * i, "\u20ac", 3);
    message[3 * 5000] = '\0';
    struct buf out;
    buf_init(&out);
    commands_annotate(&out, &(struct annotation){.message = message});
    assert_int_equal(out.length, strlen("::notice::") + 3 * (COMMANDS_ANNOTATION_CHARS + 1) + 1);
    assert_string_equal(out.data + out.length - 4, "…\n");
    buf_release(&out);
    free(message);
}

static void groups_and_masks(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    commands_group(&out, "deploy\n::error::x");
    commands_group_end(&out);
    commands_mask(&out, "a%\nb");
    commands_mask(&out, "");
    assert_string_equal(out.data, "::group::deploy%0A: :error: :x\n::endgroup::\n"
                                  "::add-mask::a%25%0Ab\n");
    buf_release(&out);
}

static void commands_stop_until_the_same_token(void **state)
{
    (void)state;
    struct buf out;
    char token[COMMANDS_TOKEN_BYTES], other[COMMANDS_TOKEN_BYTES];
    buf_init(&out);
    commands_stop(&out, token);
    commands_resume(&out, token);
    assert_int_equal(strlen(token), 32);
    char *expected = xasprintf("::stop-commands::%s\n::%s::\n", token, token);
    assert_string_equal(out.data, expected);
    commands_stop(&out, other);
    assert_string_not_equal(token, other);
    free(expected);
    buf_release(&out);
}

static void logs_hold_no_command(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"", ""},
        {"plain, 100 %: yes", "| plain, 100 %: yes\n"},
        {"::error::x", "| : :error: :x\n"},
        {"a ##[error]x\r\n\n", "| a ## [error]x\n| \n"},
        {"a\r::error::x", "| a\\x0d: :error: :x\n"},
        {":\u00e9:", "| :\u00e9 :\n"},
        {"\x1b[2K\u200b::x", "| \\x1b[2K\\u{200B}: :x\n"},
        {"a:\n:b", "| a:\n| :b\n"},
        {"1\n2\n3\n4\n5", "| 1\n| 2\n| 3\n| … and 2 more lines\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out);
        commands_add_log(&out, rows[i].text, strlen(rows[i].text), 3);
        assert_string_equal(out.data, rows[i].shown);
        buf_release(&out);
    }
}

static void a_long_line_is_cut(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text);
    struct buf out;
    buf_init(&out);
    commands_add_log(&out, text, sizeof text, 3);
    assert_int_equal(out.length, 2 + COMMANDS_LOG_CHARS + strlen("…\n"));
    buf_release(&out);
}

/* ---- files ---- */

static int make_folder(void **state)
{
    *state = fs_make_temp_dir("lpg-test-", NULL);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    int failed = fs_remove_tree(*state, NULL);
    free(*state);
    return failed;
}

static void check_content(const char *path, const char *expected)
{
    struct buf text;
    buf_init(&text);
    assert_int_equal(fs_read(path, 1 << 22, &text, NULL), 0);
    assert_string_equal(text.data, expected);
    buf_release(&text);
}

static void text_is_appended_up_to_the_limit(void **state)
{
    char *path = fs_join(*state, "output");
    struct buf text;
    struct error e = {0};
    buf_init(&text);
    buf_addstr(&text, "12345\n");
    assert_int_equal(commands_append(path, &text, 12, &e), 0);
    assert_int_equal(commands_append(path, &text, 12, &e), 0);
    assert_int_equal(commands_append(path, &text, 12, &e), -1);
    assert_non_null(strstr(e.text, "would exceed 12 bytes"));
    check_content(path, "12345\n12345\n");
    buf_release(&text);
    free(path);
}

static void what_is_no_file_is_refused(void **state)
{
    char *fifo = fs_join(*state, "fifo"), *none = fs_join(*state, "none/output");
    const char *const paths[] = {*state, fifo, none, "", "/dev/null"};
    struct buf text;
    buf_init(&text);
    buf_addstr(&text, "x");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct error e = {0};
        assert_int_equal(commands_append(paths[i], &text, 100, &e), -1);
        assert_int_equal(e.code, ERROR_SYSTEM);
    }
    buf_release(&text);
    free(fifo);
    free(none);
}

static void outputs_have_a_delimiter_of_their_own(void **state)
{
    (void)state;
    struct buf a, b;
    buf_init(&a);
    buf_init(&b);
    commands_add_output(&a, "exit-code", "1\nEOF\n");
    commands_add_output(&b, "exit-code", "1\nEOF\n");
    assert_int_equal(a.length, b.length);
    assert_string_not_equal(a.data, b.data);
    assert_memory_equal(a.data, "exit-code<<lpg_", 15);
    char *expected = xasprintf("exit-code<<%.36s\n1\nEOF\n\n%.36s\n", a.data + 11, a.data + 11);
    assert_string_equal(a.data, expected);
    free(expected);
    buf_release(&a);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(annotations_are_escaped),
        cmocka_unit_test(a_message_is_cut_before_the_runner_cuts_it),
        cmocka_unit_test(groups_and_masks),
        cmocka_unit_test(commands_stop_until_the_same_token),
        cmocka_unit_test(logs_hold_no_command),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(outputs_have_a_delimiter_of_their_own),
        cmocka_unit_test_setup_teardown(text_is_appended_up_to_the_limit, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
