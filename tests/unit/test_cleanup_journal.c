/*
 * The journal: what is written comes back, wherever the file was cut off; whose it is; who holds it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cleanup/journal.h"
#include "os/fs.h"

#define RUN   "0f3a5c21"
#define FIRST "lpg-" RUN "-f-base"
#define OTHER "lpg-" RUN "-f-head"
#define BEGIN                                                                                      \
    "{\"step\":\"run\",\"schema\":\"lambda-perf-gate/journal/1\",\"run\":\"" RUN                   \
    "\",\"endpoint\":\"https://e\",\"region\":\"r\",\"pid\":1,\"at\":\"20261124T003000Z\"}\n"
#define INTENT(name) "{\"step\":\"intent\",\"function\":\"" name "\",\"at\":\"20261124T003001Z\"}\n"
#define CREATED(name)                                                                              \
    "{\"step\":\"created\",\"function\":\"" name "\",\"account\":\"123456789012\"}\n"
#define REMOVED(name) "{\"step\":\"removed\",\"function\":\"" name "\"}\n"

static const struct journal_place place = {"https://e", "r"};

struct folder {
    char *path, *file;
    struct error e;
};

static int set_up(void **state)
{
    struct folder *f = xcalloc(1, sizeof *f);
    f->path = fs_make_temp_dir("lpg-test-", NULL);
    assert_non_null(f->path);
    f->file = journal_path(f->path, RUN);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    fs_remove_tree(f->path, NULL);
    free(f->path);
    free(f->file);
    free(f);
    return 0;
}

static void write_file(const struct folder *f, const char *text, size_t length)
{
    assert_int_equal(fs_write(f->file, text, length, NULL), 0);
}

static struct journal *begin(struct folder *f)
{
    struct journal *j = journal_open(f->file, &place, RUN, &f->e);
    if (!j)
        fail_msg("%s", f->e.text);
    return j;
}

static void life_of_a_function(void **state)
{
    struct folder *f = *state;
    struct journal *j = begin(f);
    struct stat st;
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(journal_intend(j, FIRST, &f->e), 0);
    assert_int_equal(journal_intend(j, OTHER, &f->e), 0);
    assert_int_equal(journal_note_created(j, FIRST, "123456789012", &f->e), 0);
    assert_int_equal(journal_open_entries(&j->content), 2);
    assert_string_equal(j->content.entries[0].account, "123456789012");
    journal_close(j); /* as if the process had ended: something is open, the file stays */

    j = journal_open(f->file, &place, NULL, &f->e);
    assert_non_null(j);
    assert_int_equal(j->content.count, 2);
    assert_string_equal(j->content.entries[0].name, FIRST);
    assert_string_equal(j->content.entries[0].run, RUN);
    assert_string_equal(j->content.entries[0].account, "123456789012");
    assert_int_equal(j->content.entries[0].step, JOURNAL_CREATED);
    assert_int_equal(j->content.entries[1].step, JOURNAL_INTENT);
    assert_true(j->content.entries[1].intent_ns > 0);
    assert_int_equal(journal_note_removed(j, FIRST, &f->e), 0);
    assert_int_equal(journal_note_removed(j, OTHER, &f->e), 0);
    journal_close(j);
    assert_false(fs_exists(f->file));
}

static void a_name_may_come_again(void **state)
{
    struct folder *f = *state;
    struct journal *j = begin(f);
    journal_intend(j, FIRST, &f->e);
    journal_note_created(j, FIRST, "", &f->e);
    journal_note_removed(j, FIRST, &f->e);
    journal_intend(j, FIRST, &f->e);
    assert_int_equal(j->content.count, 1);
    assert_int_equal(journal_open_entries(&j->content), 1);
    journal_close(j);
    j = journal_open(f->file, &place, NULL, &f->e);
    assert_int_equal(j->content.entries[0].step, JOURNAL_INTENT);
    journal_close(j);
}

/* What a reader must find in the first `length` bytes: the lines that are whole, and no more. */
static void check_cut(struct folder *f, const char *text, size_t length)
{
    static const char *const lines[] = {BEGIN,         INTENT(FIRST),  CREATED(FIRST),
                                        INTENT(OTHER), CREATED(OTHER), REMOVED(FIRST)};
    size_t whole = 0, at = 0, intents, created, removed;
    while (whole < ARRAY_LEN(lines) && at + strlen(lines[whole]) <= length)
        at += strlen(lines[whole++]);
    intents = (size_t)(whole > 1) + (whole > 3);
    created = (size_t)(whole > 2) + (whole > 4);
    removed = whole > 5;
    write_file(f, text, length);
    struct journal *j = journal_open(f->file, &place, NULL, &f->e);
    assert_non_null(j);
    assert_int_equal(j->content.damaged_line, 0);
    assert_int_equal(j->content.count, intents);
    assert_int_equal(journal_open_entries(&j->content), intents - removed);
    for (size_t i = 0; i < intents; i++) {
        enum journal_step expected = i == 0 && removed ? JOURNAL_REMOVED
                                     : i < created     ? JOURNAL_CREATED
                                                       : JOURNAL_INTENT;
        assert_int_equal(j->content.entries[i].step, expected);
    }
    /* What is written behind a torn line is read back all the same. */
    if (intents > removed) {
        assert_int_equal(journal_note_removed(j, j->content.entries[intents - 1].name, NULL), 0);
        assert_int_equal(journal_open_entries(&j->content), intents - removed - 1);
    }
    journal_close(j);
    bool stays = intents - removed > 1;
    assert_int_equal(fs_exists(f->file), stays);
    if (!stays)
        return;
    j = journal_open(f->file, &place, NULL, &f->e);
    assert_int_equal(j->content.damaged_line, 0);
    assert_int_equal(journal_open_entries(&j->content), intents - removed - 1);
    journal_close(j);
}

static void cut_at_every_byte(void **state)
{
    static const char text[] =
        BEGIN INTENT(FIRST) CREATED(FIRST) INTENT(OTHER) CREATED(OTHER) REMOVED(FIRST);
    for (size_t length = 0; length < sizeof text; length++)
        check_cut(*state, text, length);
}

static void damaged(void **state)
{
    struct folder *f = *state;
    static const struct {
        const char *text;
        unsigned line;
        size_t open;
    } rows[] = {
        {"\n", 1, 0},
        {"nonsense\n", 1, 0},
        {BEGIN "{}\n" INTENT(FIRST), 2, 1},
        {BEGIN INTENT(FIRST) "{\"step\":\"inte\n" INTENT(OTHER), 3, 2},
        {INTENT(FIRST), 1, 0},                  /* of which run? */
        {BEGIN REMOVED(FIRST), 2, 0},           /* never intended */
        {BEGIN INTENT("production"), 2, 0},     /* whose name is that? */
        {BEGIN INTENT("lpg-ffffffff-x"), 2, 0}, /* another run's */
        {BEGIN INTENT("lpg-" RUN "-x/../y"), 2, 0},
        {BEGIN "{\"step\":\"intent\"}\n", 2, 0},
        {BEGIN INTENT(FIRST) BEGIN INTENT(OTHER), 0, 2}, /* two runs in a file are fine */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        write_file(f, rows[i].text, strlen(rows[i].text));
        struct journal *j = journal_open(f->file, &place, NULL, &f->e);
        assert_non_null(j);
        assert_int_equal(j->content.damaged_line, rows[i].line);
        assert_int_equal(journal_open_entries(&j->content), rows[i].open);
        journal_close(j);
        assert_true(fs_exists(f->file)); /* never removed while it may name something */
    }
}

static void other_places(void **state)
{
    struct folder *f = *state;
    static const struct journal_place others[] = {{"https://f", "r"}, {"https://e", "s"}};
    static const char *const runs[] = {NULL, "abcdef01"};
    static const char text[] = BEGIN INTENT(FIRST);
    write_file(f, text, sizeof text - 1);
    for (size_t i = 0; i < 4; i++) {
        assert_null(journal_open(f->file, &others[i / 2], runs[i % 2], &f->e));
        assert_int_equal(f->e.code, ERROR_USAGE);
        assert_non_null(strstr(f->e.text, "https://e"));
    }
    struct buf now;
    buf_init(&now);
    assert_int_equal(fs_read(f->file, 4096, &now, NULL), 0);
    assert_string_equal(now.data, text); /* untouched */
    buf_release(&now);
}

static void refused_files(void **state)
{
    struct folder *f = *state;
    char *target = fs_join(f->path, "target");
    assert_null(journal_open(f->file, &place, NULL, &f->e)); /* nothing there */
    assert_int_equal(fs_write(target, "", 0, NULL), 0);
    assert_int_equal(symlink(target, f->file), 0);
    assert_null(journal_open(f->file, &place, RUN, &f->e));
    assert_int_equal(f->e.code, ERROR_SYSTEM);
    unlink(f->file);
    assert_int_equal(mkfifo(f->file, 0600), 0);
    assert_null(journal_open(f->file, &place, RUN, &f->e));
    unlink(f->file);
    assert_int_equal(mkdir(f->file, 0700), 0);
    assert_null(journal_open(f->file, &place, RUN, &f->e));
    free(target);
}

static void one_holder(void **state)
{
    struct folder *f = *state;
    struct journal *j = begin(f);
    journal_intend(j, FIRST, &f->e);
    assert_null(journal_open(f->file, &place, NULL, &f->e));
    assert_int_equal(f->e.code, ERROR_USAGE);
    assert_non_null(strstr(f->e.text, "in use"));
    journal_close(j);

    pid_t child = fork(); /* however the holder ends, the lock ends with it */
    if (child == 0) {
        struct journal *its = journal_open(f->file, &place, "abcdef01", NULL);
        if (its)
            journal_intend(its, "lpg-abcdef01-x", NULL);
        _exit(its ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    j = journal_open(f->file, &place, NULL, &f->e);
    assert_non_null(j);
    assert_int_equal(journal_open_entries(&j->content), 2);
    journal_close(j);
}

static void finds_its_files(void **state)
{
    struct folder *f = *state;
    struct journal_paths paths;
    static const char *const names[] = {"journal-b.ndjson", "journal-a.ndjson", "samples.ndjson",
                                        "journal-c.txt"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = fs_join(f->path, names[i]);
        assert_int_equal(fs_write(path, "", 0, NULL), 0);
        free(path);
    }
    journal_paths_find(f->path, &paths);
    assert_int_equal(paths.count, 2);
    assert_string_equal(fs_basename(paths.items[0]), "journal-a.ndjson");
    assert_string_equal(fs_basename(paths.items[1]), "journal-b.ndjson");
    journal_paths_release(&paths);
    journal_paths_find("/nowhere", &paths);
    assert_int_equal(paths.count, 0);
    journal_paths_release(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(life_of_a_function, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_may_come_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_at_every_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_holder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_its_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
