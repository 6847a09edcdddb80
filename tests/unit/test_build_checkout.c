/*
 * Sides as folders, from small repositories made by git itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "build/checkout.h"
#include "os/fs.h"
#include "os/proc.h"

struct place {
    char *root;       /* everything below here */
    char *repository; /* root/repo */
    char *temp;
    struct error e;
};

/* Runs a script in the repository. */
static void shell(struct place *p, const char *script)
{
    const char *argv[] = {"/bin/sh", "-ec", script, NULL};
    struct proc_spec spec = {.argv = argv, .directory = p->repository};
    if (proc_check(&spec, &p->e))
        fail_msg("%s", p->e.text);
}

static char *shell_text(struct place *p, const char *script)
{
    const char *argv[] = {"/bin/sh", "-ec", script, NULL};
    struct buf out;
    buf_init(&out);
    struct proc_spec spec = {.argv = argv, .directory = p->repository, .out = &out};
    assert_int_equal(proc_check(&spec, &p->e), 0);
    while (out.length && out.data[out.length - 1] == '\n')
        buf_truncate(&out, out.length - 1);
    return buf_detach(&out);
}

static void place_begin(struct place *p)
{
    *p = (struct place){0};
    /* nothing of this user's configuration, nor of a git that runs this test */
    static const char *const unset[] = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"};
    for (size_t i = 0; i < ARRAY_LEN(unset); i++)
        unsetenv(unset[i]);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    static const char *const who[] = {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME",
                                      "GIT_COMMITTER_EMAIL"};
    for (size_t i = 0; i < ARRAY_LEN(who); i++)
        setenv(who[i], "t@example.org", 1);
    p->root = fs_make_temp_dir("lpg-checkout-", &p->e);
    assert_non_null(p->root);
    p->repository = fs_join(p->root, "repo");
    p->temp = fs_join(p->root, "temp");
    assert_int_equal(fs_make_dirs(p->repository, &p->e), 0);
    assert_int_equal(fs_make_dirs(p->temp, &p->e), 0);
}

/* main with one commit, and a branch `work` with one more; HEAD is on it. */
static void place_with_repository(struct place *p)
{
    place_begin(p);
    shell(p,
          "git init -q -b main; mkdir svc; echo one > svc/app.py; git add .; git commit -q -m one\n"
          "git checkout -q -b work; echo two > svc/app.py; git commit -q -am two\n");
}

static void place_end(struct place *p)
{
    fs_remove_tree(p->root, NULL);
    free(p->root);
    free(p->repository);
    free(p->temp);
}

static int open_in(struct place *p, struct checkout *c, enum side side, const char *spec,
                   const char *directory)
{
    struct checkout_request r = {
        .side = side, .spec = spec, .plan_directory = directory, .temp_directory = p->temp};
    return checkout_open(c, &r, &p->e);
}

static int open_side(struct place *p, struct checkout *c, enum side side, const char *spec)
{
    return open_in(p, c, side, spec, p->repository);
}

static void assert_file(const char *folder, const char *name, const char *text)
{
    char *path = fs_join(folder, name);
    struct buf content;
    struct error e = {0};
    buf_init(&content);
    if (fs_read(path, 1000, &content, &e))
        fail_msg("%s", e.text);
    assert_string_equal(content.data, text);
    buf_release(&content);
    free(path);
}

static void assert_no_worktrees_left(struct place *p)
{
    char *list = shell_text(p, "git worktree list | wc -l");
    assert_int_equal(atoi(list), 1);
    free(list);
    char *left = fs_join(p->temp, "baseline");
    assert_false(fs_exists(left));
    free(left);
}

static void baseline_is_the_merge_base(void **state)
{
    (void)state;
    struct place p;
    struct checkout c;
    place_with_repository(&p);
    shell(&p, "git checkout -q main; echo three > svc/app.py; git commit -q -am three; git "
              "checkout -q work");
    char *sha = shell_text(&p, "git rev-parse main~1");
    if (open_side(&p, &c, SIDE_BASELINE, NULL))
        fail_msg("%s", p.e.text);
    assert_string_equal(c.sha, sha);
    assert_memory_equal(c.label, "git:", 4);
    assert_int_equal(strlen(c.label), 11);
    assert_memory_equal(c.label + 4, sha, 7);
    assert_null(c.zip);
    assert_file(c.root, "svc/app.py", "one\n");
    checkout_close(&c);
    assert_null(c.worktree);
    assert_no_worktrees_left(&p);
    free(sha);
    place_end(&p);
}

static void candidate_is_the_working_tree(void **state)
{
    (void)state;
    struct place p;
    struct checkout c;
    place_with_repository(&p);
    shell(&p, "echo not committed > svc/app.py");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            open_side(&p, &c, i ? SIDE_BASELINE : SIDE_CANDIDATE, i ? "worktree" : NULL), 0);
        assert_string_equal(c.label, "worktree");
        assert_null(c.sha);
        assert_file(c.root, "svc/app.py", "not committed\n");
        checkout_close(&c);
    }
    assert_file(p.repository, "svc/app.py", "not committed\n");
    place_end(&p);
}

/* perf.yml may live below the top: the same folder of the other commit stands for its folder. */
static void plan_in_a_subfolder(void **state)
{
    (void)state;
    struct place p;
    struct checkout c;
    place_with_repository(&p);
    char *folder = fs_join(p.repository, "svc");
    if (open_in(&p, &c, SIDE_BASELINE, "git:main", folder))
        fail_msg("%s", p.e.text);
    assert_file(c.root, "app.py", "one\n");
    checkout_close(&c);
    assert_no_worktrees_left(&p);
    free(folder);
    place_end(&p);
}

static void both_sides_of_one_commit(void **state)
{
    (void)state;
    struct place p;
    struct checkout b, c;
    place_with_repository(&p);
    assert_int_equal(open_side(&p, &b, SIDE_BASELINE, "git:main"), 0);
    assert_int_equal(open_side(&p, &c, SIDE_CANDIDATE, "git:main"), 0);
    assert_string_equal(b.sha, c.sha);
    assert_string_not_equal(b.root, c.root);
    checkout_close(&b);
    assert_file(c.root, "svc/app.py", "one\n");
    checkout_close(&c);
    assert_no_worktrees_left(&p);
    place_end(&p);
}

static void refs(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text; /* NULL: there is no such commit */
    } rows[] = {
        {"git:main", "one\n"},   {"git:HEAD", "two\n"},    {"git:HEAD~1", "one\n"},
        {"git:v1", "one\n"},     {"git:HEAD~7", NULL},     {"git:nowhere", NULL},
        {"git:", NULL},          {"git:--help", NULL},     {"git:-n", NULL},
        {"git:--all", NULL},     {"git:main..work", NULL}, {"git:HEAD:svc", NULL},
        {"git:main work", NULL}, {"git:--output=x", NULL},
    };
    struct place p;
    place_with_repository(&p);
    shell(&p, "git tag -a -m v1 v1 main");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct checkout c;
        int failed = open_side(&p, &c, SIDE_BASELINE, rows[i].spec);
        assert_int_equal(failed, rows[i].text ? 0 : -1);
        if (failed) {
            assert_int_equal(p.e.code, ERROR_BUILD);
            assert_non_null(strstr(p.e.text, "baseline: git knows no commit"));
            assert_null(c.root);
            continue;
        }
        assert_file(c.root, "svc/app.py", rows[i].text);
        checkout_close(&c);
    }
    assert_no_worktrees_left(&p);
    place_end(&p);
}

static void default_branches(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        /* a clone knows what its remote calls HEAD, whatever the name */
        "git branch -q -m main trunk; git clone -q . ../clone; cd ../clone; "
        "git remote set-head origin trunk; git checkout -q -b mine origin/work",
        /* a remote without HEAD, as the checkout action leaves it */
        "git clone -q . ../clone; cd ../clone; git remote set-head origin -d; "
        "git checkout -q -b mine origin/work; git branch -q -D work",
        "git branch -q -m main master; git clone -q . ../clone; cd ../clone; "
        "git remote set-head origin -d; git checkout -q -b mine origin/work",
    };
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        struct place p;
        struct checkout c;
        place_with_repository(&p);
        char *expected = shell_text(&p, "git rev-parse main");
        shell(&p, scripts[i]);
        char *clone = fs_join(p.root, "clone");
        if (open_in(&p, &c, SIDE_BASELINE, NULL, clone))
            fail_msg("%s", p.e.text);
        assert_string_equal(c.sha, expected);
        checkout_close(&c);
        free(clone);
        free(expected);
        place_end(&p);
    }
}

static void no_baseline(void **state)
{
    (void)state;
    static const struct {
        const char *script, *text;
    } rows[] = {
        {"true", "is in no git repository"},
        {"git init -q -b odd; echo x > x; git add .; git commit -q -m x",
         "no default branch found"},
        {"git init -q -b main; echo x > x; git add .; git commit -q -m x; git checkout -q --orphan "
         "new; "
         "git commit -q -m y",
         "no merge base here: fetch the history (fetch-depth: 0)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct place p;
        struct checkout c;
        place_begin(&p);
        shell(&p, rows[i].script);
        assert_int_equal(open_side(&p, &c, SIDE_BASELINE, NULL), -1);
        assert_int_equal(p.e.code, ERROR_BUILD);
        if (!strstr(p.e.text, rows[i].text))
            fail_msg("'%s' is not in '%s'", rows[i].text, p.e.text);
        assert_null(c.label);
        place_end(&p);
    }
}

/* A clone of depth 1, with the default branch fetched at depth 1, too: the histories do not meet. */
static void shallow_clone(void **state)
{
    (void)state;
    struct place p;
    struct checkout c;
    place_with_repository(&p);
    shell(&p, "git checkout -q main; echo 3 > x; git add x; git commit -q -m 3\n"
              "git clone -q --depth 1 --no-single-branch \"file://$PWD\" ../clone\n"
              "cd ../clone; git checkout -q -b mine origin/work");
    char *clone = fs_join(p.root, "clone");
    assert_int_equal(open_in(&p, &c, SIDE_BASELINE, NULL, clone), -1);
    assert_non_null(strstr(p.e.text, "fetch-depth: 0"));
    free(clone);
    place_end(&p);
}

static void folders_and_zips(void **state)
{
    (void)state;
    struct place p;
    struct checkout c;
    place_begin(&p);
    shell(&p, "mkdir fast slow.zip; echo PK > old.zip; echo x > other.tar");
    char *folder = fs_join(p.repository, "fast"), *zip = fs_join(p.repository, "old.zip");
    char *named_zip = fs_join(p.repository, "slow.zip");
    assert_int_equal(open_side(&p, &c, SIDE_BASELINE, folder), 0);
    assert_string_equal(c.root, folder);
    assert_null(c.sha);
    checkout_close(&c);
    assert_true(fs_is_dir(folder)); /* nothing of the user's is removed */
    assert_int_equal(open_side(&p, &c, SIDE_BASELINE, zip), 0);
    assert_string_equal(c.zip, zip);
    assert_null(c.root);
    checkout_close(&c);
    assert_int_equal(open_side(&p, &c, SIDE_BASELINE, named_zip), 0);
    assert_string_equal(c.root, named_zip);
    checkout_close(&c);
    static const char *const bad[] = {"other.tar", "nowhere", "nowhere.zip", ""};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(open_side(&p, &c, SIDE_CANDIDATE, bad[i]), -1);
        assert_non_null(strstr(p.e.text, "candidate: '"));
    }
    free(folder);
    free(zip);
    free(named_zip);
    place_end(&p);
}

static void stop_interrupts(void **state)
{
    (void)state;
    struct place p;
    struct checkout c;
    volatile sig_atomic_t stop = SIGINT;
    place_with_repository(&p);
    struct checkout_request r = {.side = SIDE_BASELINE,
                                 .spec = "git:main",
                                 .stop = &stop,
                                 .plan_directory = p.repository,
                                 .temp_directory = p.temp};
    assert_int_equal(checkout_open(&c, &r, &p.e), -1);
    assert_int_equal(p.e.code, ERROR_INTERRUPTED);
    assert_null(c.worktree);
    assert_no_worktrees_left(&p);
    place_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(baseline_is_the_merge_base),
        cmocka_unit_test(candidate_is_the_working_tree),
        cmocka_unit_test(plan_in_a_subfolder),
        cmocka_unit_test(both_sides_of_one_commit),
        cmocka_unit_test(refs),
        cmocka_unit_test(default_branches),
        cmocka_unit_test(no_baseline),
        cmocka_unit_test(shallow_clone),
        cmocka_unit_test(folders_and_zips),
        cmocka_unit_test(stop_interrupts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
