/*
 * Every renderer on every folder of tests/golden, byte for byte. With --accept the files are
 * rewritten instead: that is what scripts/accept-goldens.sh does after showing the difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "os/fs.h"
#include "report/report.h"

#ifndef LPG_DATA_DIR
#define LPG_DATA_DIR "."
#endif

enum { FILE_BYTES_MAX = 1 << 20 };

static const char *const cases[] = {
    "fail",  "pass",       "inconclusive", "error",   "identical", "unmeasured",
    "multi", "multi-pass", "partial",      "hostile", "custom",
};

static const struct {
    const char *file, *renderer;
    struct report_options options;
} outputs[] = {
    {"terminal.txt", "terminal", {.width = 100, .unicode = true}},
    {"terminal-verbose.txt", "terminal", {.width = 120, .unicode = true, .verbose = true}},
    {"terminal-narrow-ascii.txt", "terminal", {.width = 72}},
    {"terminal-colour.txt", "terminal", {.width = 100, .unicode = true, .colour = true}},
    {"comment.md", "markdown", {.max_bytes = 60000}},
    {"report.html", "html", {0}},
    {"junit.xml", "junit", {0}},
    {"result.json", "json", {0}},
};

static char *path_of(const char *name, const char *file)
{
    return xasprintf("%s/tests/golden/%s/%s", LPG_DATA_DIR, name, file);
}

static void load(const char *name, const char *file, struct buf *text)
{
    struct error e = {0};
    char *path = path_of(name, file);
    buf_init(text);
    if (fs_read(path, FILE_BYTES_MAX, text, &e))
        print_error("%s\n", e.text);
    free(path);
}

static struct result *load_result(const char *name)
{
    struct error e = {0};
    struct buf text;
    load(name, "result.json", &text);
    struct result *r = result_read(text.data, text.length, &e);
    if (!r)
        fail_msg("%s: %s", name, e.text);
    buf_release(&text);
    return r;
}

static void render(const struct result *r, size_t output, struct buf *out)
{
    buf_init(out);
    const struct renderer *renderer = report_find(outputs[output].renderer);
    assert_non_null(renderer);
    renderer->render(r, &outputs[output].options, out);
}

static size_t first_difference(const char *a, const char *b)
{
    size_t line = 1;
    for (; *a && *a == *b; a++, b++)
        line += *a == '\n';
    return line;
}

static void same_bytes(void **state)
{
    const char *name = *state;
    struct result *r = load_result(name);
    for (size_t i = 0; i < ARRAY_LEN(outputs); i++) {
        struct buf wanted, got;
        load(name, outputs[i].file, &wanted);
        render(r, i, &got);
        if (wanted.length != got.length || memcmp(wanted.data, got.data, got.length) != 0)
            fail_msg("tests/golden/%s/%s differs in line %zu (make accept shows how)", name,
                     outputs[i].file, first_difference(wanted.data, got.data));
        buf_release(&wanted);
        buf_release(&got);
    }
    result_free(r);
}

static int accept_case(const char *name)
{
    struct error e = {0};
    struct result *r = load_result(name);
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(outputs) && !failed; i++) {
        struct buf out;
        char *path = path_of(name, outputs[i].file);
        render(r, i, &out);
        failed = fs_write(path, out.data, out.length, &e);
        if (failed)
            fprintf(stderr, "%s\n", e.text);
        buf_release(&out);
        free(path);
    }
    result_free(r);
    return failed;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[ARRAY_LEN(cases)];
    bool accept = argc > 1 && !strcmp(argv[1], "--accept");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (accept && accept_case(cases[i]))
            return 1;
        tests[i] = (struct CMUnitTest){.name = cases[i],
                                       .test_func = same_bytes,
                                       .initial_state = (void *)(uintptr_t)cases[i]};
    }
    return accept ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
