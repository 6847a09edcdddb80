/*
 * Packages with a known slowdown: one file more, nothing else changed, the same bytes for the same
 * slowdown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "build/slowdown.h"
#include "os/fs.h"

static const struct plan_function python = {
    .name = "f", .source = ".", .runtime = "python3.12", .handler = "pkg/sub.mod.handler"};
static const struct plan_function node = {
    .name = "f", .source = ".", .runtime = "nodejs20.x", .handler = "index.handler"};
static const struct plan_function provided = {
    .name = "f", .source = ".", .runtime = "provided.al2023", .handler = "bootstrap"};
static const struct plan_function java = {
    .name = "f", .source = ".", .runtime = "java21", .handler = "a.B::c"};

static void put_file(const char *folder, const char *name, const char *text)
{
    struct error e = {0};
    char *path = fs_join(folder, name);
    assert_int_equal(fs_write(path, text, strlen(text), &e), 0);
    free(path);
}

/* A package of a folder with one file. */
static void make(struct package *p, const char *file)
{
    struct error e = {0};
    char *folder = fs_make_temp_dir("lpg-slowdown-", &e);
    assert_non_null(folder);
    put_file(folder, file, "the function\n");
    struct checkout c = {.root = folder};
    assert_int_equal(package_make(p, &c, &python, NULL, &e), 0);
    fs_remove_tree(folder, NULL);
    free(folder);
}

static void slow_down(struct package *out, const struct package *p, const struct plan_function *f,
                      struct slowdown s)
{
    struct error e = {0};
    assert_int_equal(slowdown_package(out, p, f, &s, &e), 0);
}

static void test_one_file_more_and_the_original_as_it_was(void **state)
{
    (void)state;
    static const struct plan_function *const functions[] = {&python, &node};
    for (size_t i = 0; i < 2; i++) {
        struct package p, none, slow, again;
        make(&p, "app.py");
        char before[SHA256_HEX];
        memcpy(before, p.sha256, sizeof before);
        slow_down(&none, &p, functions[i], (struct slowdown){0, 0});
        slow_down(&slow, &p, functions[i], (struct slowdown){.call_ms = 12.5});
        slow_down(&again, &p, functions[i], (struct slowdown){.call_ms = 12.5});
        assert_string_equal(p.sha256, before);
        assert_string_not_equal(none.contents, p.contents);
        assert_string_not_equal(slow.contents, none.contents);
        assert_string_equal(slow.sha256, again.sha256);
        assert_string_equal(slow.contents, again.contents);
        assert_true(slow.zip.length > p.zip.length);
        assert_string_equal(slowdown_handler(functions[i]), "_lpg_selftest.handler");
        package_release(&p);
        package_release(&none);
        package_release(&slow);
        package_release(&again);
    }
}

static void test_bootstrap_is_kept_under_another_name(void **state)
{
    (void)state;
    struct package p, slow, twice;
    struct error e = {0};
    make(&p, "bootstrap");
    slow_down(&slow, &p, &provided, (struct slowdown){.init_ms = 100});
    assert_string_equal(slowdown_handler(&provided), "bootstrap");
    /* the second time the new name is taken: nothing is lost without a word */
    struct slowdown s = {.init_ms = 1};
    assert_int_equal(slowdown_package(&twice, &slow, &provided, &s, &e), -1);
    assert_int_equal(e.code, ERROR_BUILD);
    assert_non_null(strstr(e.text, "bootstrap"));
    package_release(&p);
    package_release(&slow);
    package_release(&twice);
}

static void test_package_without_bootstrap(void **state)
{
    (void)state;
    struct package p, slow;
    struct slowdown s = {.init_ms = 1};
    struct error e = {0};
    make(&p, "app.py");
    assert_int_equal(slowdown_package(&slow, &p, &provided, &s, &e), -1);
    assert_string_equal(e.text, "the package has no 'bootstrap'");
    package_release(&p);
    package_release(&slow);
}

static void test_what_is_no_zip(void **state)
{
    (void)state;
    struct package p = {0}, slow;
    struct slowdown s = {.init_ms = 1};
    struct error e = {0};
    buf_init(&p.zip);
    buf_addstr(&p.zip, "this is no zip file");
    assert_int_equal(slowdown_package(&slow, &p, &python, &s, &e), -1);
    assert_non_null(strstr(e.text, "no zip file"));
    package_release(&slow);
    package_release(&p);
}

static void test_obstacles(void **state)
{
    (void)state;
    assert_null(slowdown_calls_obstacle(&python));
    assert_null(slowdown_init_obstacle(&python));
    assert_null(slowdown_calls_obstacle(&node));
    assert_non_null(slowdown_calls_obstacle(&provided));
    assert_null(slowdown_init_obstacle(&provided));
    assert_non_null(slowdown_calls_obstacle(&java));
    assert_non_null(slowdown_init_obstacle(&java));
    assert_string_equal(slowdown_handler(&java), "a.B::c");

    struct package p, slow;
    struct slowdown s = {.init_ms = 1};
    struct error e = {0};
    make(&p, "app.py");
    assert_int_equal(slowdown_package(&slow, &p, &java, &s, &e), -1);
    assert_non_null(strstr(e.text, "java21"));
    package_release(&slow);
    package_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_file_more_and_the_original_as_it_was),
        cmocka_unit_test(test_bootstrap_is_kept_under_another_name),
        cmocka_unit_test(test_package_without_bootstrap),
        cmocka_unit_test(test_what_is_no_zip),
        cmocka_unit_test(test_obstacles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
