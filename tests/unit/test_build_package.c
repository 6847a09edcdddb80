#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/archive.h"
#include "build/package.h"
#include "os/fs.h"

struct place {
    char *root;
    struct checkout checkout;
    struct plan_function f;
    struct package p;
    struct error e;
};

static void place_begin(struct place *x)
{
    *x = (struct place){0};
    x->root = fs_make_temp_dir("lpg-package-", &x->e);
    assert_non_null(x->root);
    x->checkout.root = x->root;
    x->f = (struct plan_function){.name = "f", .source = "svc"};
    char *source = fs_join(x->root, "svc");
    assert_int_equal(fs_make_dirs(source, &x->e), 0);
    free(source);
}

static void place_end(struct place *x)
{
    package_release(&x->p);
    fs_remove_tree(x->root, NULL);
    free(x->root);
}

static void put(struct place *x, const char *name, const char *text)
{
    char *path = fs_join(x->root, name);
    assert_int_equal(fs_write(path, text, strlen(text), &x->e), 0);
    free(path);
}

static int make(struct place *x)
{
    return package_make(&x->p, &x->checkout, &x->f, NULL, &x->e);
}

static void packs_the_source(void **state)
{
    (void)state;
    struct place x;
    char digest[SHA256_HEX];
    unsigned char sha[SHA256_BYTES];
    struct buf base64;
    place_begin(&x);
    put(&x, "svc/app.py", "print()");
    if (make(&x))
        fail_msg("%s", x.e.text);
    assert_memory_equal(x.p.zip.data, "PK", 2);
    hash_sha256_hex(x.p.zip.data, x.p.zip.length, digest);
    assert_string_equal(x.p.sha256, digest);
    hash_sha256(x.p.zip.data, x.p.zip.length, sha);
    buf_init(&base64);
    base64_encode(&base64, sha, sizeof sha);
    assert_string_equal(x.p.code_sha256, base64.data);
    assert_int_equal(archive_digest(x.p.zip.data, x.p.zip.length, digest, &x.e), 0);
    assert_string_equal(x.p.contents, digest);
    buf_release(&base64);
    place_end(&x);
}

static void builds_first(void **state)
{
    (void)state;
    struct place x;
    place_begin(&x);
    x.f.build = "echo building in $(basename \"$PWD\"); echo warning >&2; mkdir dist; echo hi > "
                "dist/app.py";
    x.f.package = "dist";
    if (make(&x))
        fail_msg("%s", x.e.text);
    assert_string_equal(x.p.build_output.data, "building in svc\nwarning\n");
    place_end(&x);
}

static void takes_a_finished_zip(void **state)
{
    (void)state;
    struct place x, y;
    place_begin(&x);
    put(&x, "svc/app.py", "1");
    assert_int_equal(make(&x), 0);
    place_begin(&y);
    char *path = fs_join(y.root, "svc/out.zip");
    assert_int_equal(fs_write(path, x.p.zip.data, x.p.zip.length, &y.e), 0);
    y.f.package = "out.zip";
    assert_int_equal(make(&y), 0);
    assert_string_equal(x.p.sha256, y.p.sha256);
    /* the zip as the side itself: no source, no build */
    package_release(&y.p);
    y.checkout.root = NULL;
    y.checkout.zip = path;
    y.f.build = "exit 1";
    assert_int_equal(make(&y), 0);
    assert_string_equal(x.p.contents, y.p.contents);
    free(path);
    place_end(&x);
    place_end(&y);
}

static void same_sources_same_package(void **state)
{
    (void)state;
    struct place x, y;
    place_begin(&x);
    place_begin(&y);
    x.f.build = y.f.build = "echo one > one; echo two > two";
    assert_int_equal(make(&x), 0);
    assert_int_equal(make(&y), 0);
    assert_string_equal(x.p.sha256, y.p.sha256);
    assert_string_equal(x.p.contents, y.p.contents);
    place_end(&x);
    place_end(&y);
}

static void failing_build_shows_its_end(void **state)
{
    (void)state;
    struct place x;
    place_begin(&x);
    x.f.build = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo line $i; done; "
                "printf 'red \\033[31m\\n::error::x\\n' >&2; exit 7";
    assert_int_equal(make(&x), -1);
    assert_int_equal(x.e.code, ERROR_BUILD);
    assert_non_null(strstr(x.e.text, "failed with exit code 7"));
    assert_non_null(strstr(x.e.text, "line 16"));
    assert_null(strstr(x.e.text, "line 1\n"));
    assert_null(strchr(x.e.text, '\x1b'));
    assert_null(strstr(x.e.text, "\n::error::"));
    assert_non_null(strstr(x.p.build_output.data, "line 1\n"));
    place_end(&x);
}

static void build_does_not_see_credentials(void **state)
{
    (void)state;
    static const char *const secrets[] = {"AWS_ACCESS_KEY_ID",
                                          "AWS_SECRET_ACCESS_KEY",
                                          "AWS_SESSION_TOKEN",
                                          "AWS_SECURITY_TOKEN",
                                          "AWS_WEB_IDENTITY_TOKEN_FILE",
                                          "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                          "GITHUB_TOKEN",
                                          "GH_TOKEN",
                                          "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                                          "ACTIONS_RUNTIME_TOKEN",
                                          "GITHUB_OUTPUT",
                                          "GITHUB_ENV",
                                          "GITHUB_PATH",
                                          "GITHUB_STATE",
                                          "GITHUB_STEP_SUMMARY"};
    static const char *const others[] = {"LPG_TEST_KEPT", "AWS_REGION", "GITHUB_SHA"};
    struct place x;
    place_begin(&x);
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        setenv(secrets[i], "s3cret", 1);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        setenv(others[i], "visible", 1);
    x.f.build = "env; touch app.py";
    assert_int_equal(make(&x), 0);
    assert_null(strstr(x.p.build_output.data, "s3cret"));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_non_null(strstr(x.p.build_output.data, others[i]));
        unsetenv(others[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        assert_string_equal(getenv(secrets[i]), "s3cret"); /* ours is as it was */
        unsetenv(secrets[i]);
    }
    place_end(&x);
}

static void what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *source, *build, *package, *text;
    } rows[] = {
        {"nowhere", NULL, NULL, "there is no folder"},
        {"svc", NULL, "dist", "is a 'build' command missing?"},
        {"svc", "true", "dist", "after the build"},
        {"svc", NULL, NULL, "is empty"},
        {"svc", "echo hello > out.zip", "out.zip", "no zip file"},
        {"svc", ": > out.zip", "out.zip", "empty"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct place x;
        place_begin(&x);
        x.f.source = rows[i].source;
        x.f.build = rows[i].build;
        x.f.package = rows[i].package;
        assert_int_equal(make(&x), -1);
        assert_int_equal(x.e.code, ERROR_BUILD);
        if (!strstr(x.e.text, rows[i].text))
            fail_msg("'%s' is not in '%s'", rows[i].text, x.e.text);
        place_end(&x);
    }
}

static void too_large(void **state)
{
    (void)state;
    struct place x;
    place_begin(&x);
    x.f.build = "truncate -s 140000000 one two";
    assert_int_equal(make(&x), -1);
    assert_int_equal(x.e.code, ERROR_BUILD);
    assert_non_null(strstr(x.e.text, "250 MB"));
    place_end(&x);
}

static void stop_ends_the_build(void **state)
{
    (void)state;
    struct place x;
    volatile sig_atomic_t stop = SIGINT;
    place_begin(&x);
    x.f.build = "sleep 600";
    assert_int_equal(package_make(&x.p, &x.checkout, &x.f, &stop, &x.e), -1);
    assert_int_equal(x.e.code, ERROR_INTERRUPTED);
    place_end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_the_source),
        cmocka_unit_test(builds_first),
        cmocka_unit_test(takes_a_finished_zip),
        cmocka_unit_test(same_sources_same_package),
        cmocka_unit_test(failing_build_shows_its_end),
        cmocka_unit_test(build_does_not_see_credentials),
        cmocka_unit_test(what_is_missing),
        cmocka_unit_test(too_large),
        cmocka_unit_test(stop_ends_the_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
