#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "os/fs.h"

static int enter_temp_dir(void **state)
{
    struct error e = {0};
    char *dir = fs_make_temp_dir("lpg-test-fs-", &e);
    *state = dir;
    return dir ? chdir(dir) : -1;
}

static int leave_temp_dir(void **state)
{
    struct error e = {0};
    int failed = chdir("/") || fs_remove_tree(*state, &e) || fs_exists(*state);
    free(*state);
    return failed;
}

static void put(const char *path, const char *text)
{
    struct error e = {0};
    if (fs_write(path, text, strlen(text), &e))
        fail_msg("%s", e.text);
}

static void assert_file(const char *path, const char *text)
{
    struct error e = {0};
    struct buf b;
    buf_init(&b);
    if (fs_read(path, 1 << 20, &b, &e))
        fail_msg("%s", e.text);
    assert_string_equal(b.data, text);
    buf_release(&b);
}

static void writing_and_reading_back(void **state)
{
    (void)state;
    umask(077);
    put("a", "one\n");
    assert_file("a", "one\n");
    put("a", "two");
    assert_file("a", "two");
    put("empty", "");
    assert_file("empty", "");
    struct stat st;
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    umask(022);
    struct fs_list list;
    assert_int_equal(fs_walk(".", &list, NULL), 0); /* no temporary file is left */
    assert_int_equal(list.count, 2);
    fs_list_release(&list);
}

static void reading_appends_and_respects_the_limit(void **state)
{
    (void)state;
    char text[40001];
    memset(text, 'x', 40000);
    text[40000] = '\0';
    put("big", text);
    struct error e = {0};
    struct buf b;
    buf_init(&b);
    buf_addstr(&b, "before:");
    assert_int_equal(fs_read("big", 39999, &b, &e), -1);
    assert_string_equal(e.text, "'big' is larger than 39999 bytes");
    assert_string_equal(b.data, "before:");
    assert_int_equal(fs_read("big", 40000, &b, &e), 0);
    assert_int_equal(b.length, 40007);
    buf_release(&b);
}

static void failures_say_what_and_why(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b;
    buf_init(&b);
    assert_int_equal(fs_read("nowhere", 10, &b, &e), -1);
    assert_string_equal(e.text, "cannot open 'nowhere': No such file or directory");
    assert_int_equal(e.code, ERROR_SYSTEM);
    assert_int_equal(fs_read(".", 10, &b, &e), -1);
    assert_string_equal(e.text, "cannot read '.': Is a directory");
    assert_int_equal(fs_write("no/such/folder", "x", 1, &e), -1);
    assert_string_equal(e.text, "cannot write 'no/such/folder': No such file or directory");
    put("file", "x");
    assert_int_equal(fs_make_dirs("file/below", &e), -1);
    assert_non_null(strstr(e.text, "cannot make the folder 'file"));
    assert_non_null(strstr(e.text, "Not a directory"));
    buf_release(&b);
}

static void writing_does_not_replace_devices_or_folders(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(fs_write("/dev/null", "x", 1, &e), -1);
    assert_string_equal(e.text, "cannot write '/dev/null': it is not a regular file");
    assert_int_equal(mkdir("dir", 0755), 0);
    assert_int_equal(fs_write("dir", "x", 1, &e), -1);
    assert_string_equal(e.text, "cannot write 'dir': it is not a regular file");
}

static void writing_to_a_link_replaces_the_link(void **state)
{
    (void)state;
    put("target", "old");
    assert_int_equal(symlink("target", "link"), 0);
    put("link", "new");
    assert_file("target", "old");
    assert_file("link", "new");
}

static void folders_are_made_down_to_the_last(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(fs_make_dirs("a/b//c/", &e), 0);
    assert_true(fs_is_dir("a/b/c"));
    assert_int_equal(fs_make_dirs("a/b/c", &e), 0);
    assert_int_equal(fs_make_dirs("/", &e), 0);
    char *absolute = fs_join(*state, "x/y");
    assert_int_equal(fs_make_dirs(absolute, &e), 0);
    assert_true(fs_is_dir("x/y"));
    free(absolute);
}

static void removing_stays_inside_the_tree(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(fs_make_dirs("outside", &e), 0);
    put("outside/kept", "kept");
    assert_int_equal(fs_make_dirs("tree/a/b", &e), 0);
    put("tree/a/b/file", "x");
    put("tree/.hidden", "x");
    assert_int_equal(symlink("../outside", "tree/link"), 0);
    assert_int_equal(symlink("nowhere", "tree/dangling"), 0);
    assert_int_equal(mkfifo("tree/pipe", 0600), 0);
    assert_int_equal(fs_remove_tree("tree/", &e), 0);
    assert_false(fs_exists("tree"));
    assert_file("outside/kept", "kept");

    assert_int_equal(symlink("outside", "link"), 0);
    assert_int_equal(fs_remove_tree("link/", &e), 0);
    struct stat st;
    assert_int_equal(lstat("link", &st), -1);
    assert_file("outside/kept", "kept");

    assert_int_equal(fs_remove_tree("outside/kept", &e), 0);
    assert_false(fs_exists("outside/kept"));
    assert_int_equal(fs_remove_tree("outside/kept", &e), 0); /* nothing there */
    assert_int_equal(fs_remove_tree("no/such", &e), 0);
}

static void removing_many_files(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(mkdir("many", 0755), 0);
    for (int i = 0; i < 3000; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%d", i);
        int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(fs_remove_tree("many", &e), 0);
    assert_false(fs_exists("many"));
}

static void some_names_are_never_removed(void **state)
{
    (void)state;
    static const char *const names[] = {"", "/", ".", "..", "./", "a/..", "a/../", "//"};
    put("still", "here");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct error e = {0};
        assert_int_equal(fs_remove_tree(names[i], &e), -1);
        assert_non_null(strstr(e.text, "will not remove"));
    }
    assert_file("still", "here");
}

/* In a child without root's rights, for root may do everything anyway. 0: as it should be. */
static int remove_as_nobody(void)
{
    struct error e = {0};
    if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
        return 1;
    if (mkdir("free/tree", 0700) || mkdir("free/tree/locked", 0700))
        return 2;
    if (fs_write("free/tree/locked/file", "x", 1, &e))
        return 3;
    if (mkdir("free/tree/locked/dark", 0000) || chmod("free/tree/locked", 0500))
        return 4;
    if (chmod("free/tree", 0100))
        return 5;
    if (fs_remove_tree("free/tree", &e) || fs_exists("free/tree"))
        return 6;
    /* what others own stays, and the reason is told */
    if (fs_remove_tree("theirs/file", &e) != -1 || !strstr(e.text, "Permission denied"))
        return geteuid() == 65534 ? 7 : 0;
    return 0;
}

static void removing_opens_locked_folders_of_our_own(void **state)
{
    struct error e = {0};
    assert_int_equal(chmod(*state, 0755), 0);
    assert_int_equal(mkdir("free", 0777), 0);
    assert_int_equal(chmod("free", 0777), 0);
    assert_int_equal(fs_make_dirs("theirs", &e), 0);
    put("theirs/file", "x");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(remove_as_nobody());
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void endless_trees_end(void **state)
{
    (void)state;
    struct error e = {0};
    int fds[301];
    fds[0] = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(mkdirat(fds[i], "d", 0755), 0);
        fds[i + 1] = openat(fds[i], "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fds[i + 1] >= 0);
    }
    struct fs_list list = {0};
    assert_int_equal(fs_walk(".", &list, &e), -1);
    assert_non_null(strstr(e.text, "nested too deep"));
    assert_int_equal(fs_remove_tree("d", &e), -1);
    assert_non_null(strstr(e.text, "cannot remove 'd'"));
    for (int i = 299; i >= 0; i--) { /* from the bottom, for us to leave nothing */
        close(fds[i + 1]);
        assert_int_equal(unlinkat(fds[i], "d", AT_REMOVEDIR), 0);
    }
    close(fds[0]);
}

static void temp_dirs_are_private_and_new(void **state)
{
    struct error e = {0};
    setenv("TMPDIR", *state, 1);
    char *a = fs_make_temp_dir("x-", &e);
    char *b = fs_make_temp_dir("x-", &e);
    assert_non_null(a);
    assert_non_null(b);
    assert_string_not_equal(a, b);
    assert_int_equal(strncmp(a, *state, strlen(*state)), 0);
    struct stat st;
    assert_int_equal(stat(a, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    setenv("TMPDIR", "/no/such/folder", 1);
    assert_null(fs_make_temp_dir("x-", &e));
    assert_non_null(strstr(e.text, "/no/such/folder/x-"));
    unsetenv("TMPDIR");
    free(a);
    free(b);
}

static void asking_what_is_there(void **state)
{
    (void)state;
    put("file", "x");
    assert_int_equal(mkdir("dir", 0755), 0);
    assert_int_equal(symlink("file", "good"), 0);
    assert_int_equal(symlink("nowhere", "bad"), 0);
    assert_true(fs_exists("file") && fs_exists("dir") && fs_exists("good"));
    assert_false(fs_exists("bad") || fs_exists("none"));
    assert_true(fs_is_file("file") && fs_is_file("good") && fs_is_dir("dir"));
    assert_false(fs_is_file("dir") || fs_is_dir("file") || fs_is_dir("none"));
}

static void check_join(const char *a, const char *b, const char *wanted)
{
    char *path = fs_join(a, b);
    assert_string_equal(path, wanted);
    free(path);
}

static void check_parts(const char *path, const char *folder, const char *rest)
{
    char *dir = fs_dirname(path);
    assert_string_equal(dir, folder);
    assert_string_equal(fs_basename(path), rest);
    free(dir);
}

static void paths_are_joined_and_split(void **state)
{
    (void)state;
    check_join("a", "b", "a/b");
    check_join("a/", "b", "a/b");
    check_join("/", "b", "/b");
    check_join("a", "/b", "/b");
    check_join("", "b", "b");
    check_join("a", "", "a");
    check_parts("a/b", "a", "b");
    check_parts("a//b", "a", "b");
    check_parts("/a/b/c", "/a/b", "c");
    check_parts("/a", "/", "a");
    check_parts("//a", "/", "a");
    check_parts("a", ".", "a");
    check_parts("a/b/", "a/b", "");
    check_parts("/", "/", "");
    check_parts("", ".", "");
}

static void walking_lists_all_sorted(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(fs_make_dirs("t/b/c", &e), 0);
    assert_int_equal(fs_make_dirs("t/empty", &e), 0);
    put("t/b/c/deep", "12345");
    put("t/b.x", "1");
    put("t/b-x", "");
    put("t/\xc3\xa9", "1");
    put("t/.dot", "1");
    assert_int_equal(chmod("t/b.x", 0755), 0);
    assert_int_equal(symlink("../elsewhere", "t/b/link"), 0);
    assert_int_equal(symlink("b", "t/dirlink"), 0);
    struct fs_list list = {0};
    assert_int_equal(fs_walk("t", &list, &e), 0);
    static const char *const wanted[] = {".dot",   "b-x",     "b.x",   "b/c/deep",
                                         "b/link", "dirlink", "empty", "\xc3\xa9"};
    assert_int_equal(list.count, ARRAY_LEN(wanted));
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.entries[i].path, wanted[i]);
    assert_int_equal(list.entries[2].mode & 0777, 0755);
    assert_true(S_ISREG(list.entries[3].mode));
    assert_int_equal(list.entries[3].size, 5);
    assert_null(list.entries[3].link);
    assert_true(S_ISLNK(list.entries[4].mode));
    assert_string_equal(list.entries[4].link, "../elsewhere");
    assert_string_equal(list.entries[5].link, "b"); /* and nothing behind it */
    assert_true(S_ISDIR(list.entries[6].mode));
    fs_list_release(&list);
    assert_int_equal(list.count, 0);
    fs_list_release(&list);
}

static void walking_refuses_what_is_no_file(void **state)
{
    (void)state;
    struct error e = {0};
    struct fs_list list = {.count = 0};
    assert_int_equal(mkdir("t", 0755), 0);
    put("t/a", "x");
    assert_int_equal(mkfifo("t/pipe", 0600), 0);
    assert_int_equal(fs_walk("t", &list, &e), -1);
    assert_string_equal(e.text, "'t/pipe' is no file, folder or link");
    assert_null(list.entries);
    assert_int_equal(fs_walk("t/a", &list, &e), -1);
    assert_string_equal(e.text, "cannot open the folder 't/a': Not a directory");
    assert_int_equal(unlink("t/pipe"), 0);
    assert_int_equal(unlink("t/a"), 0);
    assert_int_equal(fs_walk("t", &list, &e), 0);
    assert_int_equal(list.count, 0);
    fs_list_release(&list);
}

#define IN_TEMP_DIR(test) cmocka_unit_test_setup_teardown(test, enter_temp_dir, leave_temp_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEMP_DIR(writing_and_reading_back),
        IN_TEMP_DIR(reading_appends_and_respects_the_limit),
        IN_TEMP_DIR(failures_say_what_and_why),
        IN_TEMP_DIR(writing_does_not_replace_devices_or_folders),
        IN_TEMP_DIR(writing_to_a_link_replaces_the_link),
        IN_TEMP_DIR(folders_are_made_down_to_the_last),
        IN_TEMP_DIR(removing_stays_inside_the_tree),
        IN_TEMP_DIR(removing_many_files),
        IN_TEMP_DIR(some_names_are_never_removed),
        IN_TEMP_DIR(removing_opens_locked_folders_of_our_own),
        IN_TEMP_DIR(endless_trees_end),
        IN_TEMP_DIR(temp_dirs_are_private_and_new),
        IN_TEMP_DIR(asking_what_is_there),
        IN_TEMP_DIR(paths_are_joined_and_split),
        IN_TEMP_DIR(walking_lists_all_sorted),
        IN_TEMP_DIR(walking_refuses_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
