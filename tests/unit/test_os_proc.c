#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
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
#include "os/clock.h"
#include "os/fs.h"
#include "os/proc.h"

#define SHELL(script) ((const char *const[]){"sh", "-c", (script), NULL})

struct fixture {
    struct buf out, err;
    struct proc_result result;
    struct error e;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    buf_init(&f->out);
    buf_init(&f->err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    buf_release(&f->out);
    buf_release(&f->err);
    free(f);
    return 0;
}

static void run(struct fixture *f, const struct proc_spec *spec)
{
    if (proc_run(spec, &f->result, &f->e))
        fail_msg("%s", f->e.text);
}

static void output_and_exit_code_come_back(void **state)
{
    struct fixture *f = *state;
    run(f, &(struct proc_spec){
               .argv = SHELL("echo out; echo err >&2; exit 7"), .out = &f->out, .err = &f->err});
    assert_string_equal(f->out.data, "out\n");
    assert_string_equal(f->err.data, "err\n");
    assert_int_equal(f->result.exit_code, 7);
    assert_false(f->result.timed_out || f->result.stopped);
}

static void one_buffer_keeps_the_order(void **state)
{
    struct fixture *f = *state;
    run(f, &(struct proc_spec){.argv = SHELL("echo 1; echo 2 >&2; echo 3; echo 4 >&2"),
                               .out = &f->out,
                               .err = &f->out});
    assert_string_equal(f->out.data, "1\n2\n3\n4\n");
}

static void output_may_be_thrown_away(void **state)
{
    struct fixture *f = *state;
    run(f, &(struct proc_spec){.argv = SHELL("echo a; echo b >&2; exit 1")});
    assert_int_equal(f->result.exit_code, 1);
    run(f, &(struct proc_spec){.argv = SHELL("echo a; echo b >&2"), .err = &f->err});
    assert_string_equal(f->err.data, "b\n");
}

static void a_signal_gives_128_and_its_number(void **state)
{
    struct fixture *f = *state;
    run(f, &(struct proc_spec){.argv = SHELL("kill -9 $$")});
    assert_int_equal(f->result.exit_code, 128 + SIGKILL);
    assert_int_equal(proc_check(&(struct proc_spec){.argv = SHELL("kill -9 $$")}, &f->e), -1);
    assert_string_equal(f->e.text, "'sh' was ended by signal 9");
    assert_int_equal(proc_check(&(struct proc_spec){.argv = SHELL("exit 129")}, &f->e), -1);
    assert_string_equal(f->e.text, "'sh' failed with exit code 129");
}

static void programs_that_cannot_start(void **state)
{
    struct fixture *f = *state;
    const char *const argv[] = {"lpg-no-such-program", NULL};
    f->result.exit_code = 55;
    assert_int_equal(proc_run(&(struct proc_spec){.argv = argv, .out = &f->out}, &f->result, &f->e),
                     -1);
    assert_int_equal(f->e.code, ERROR_SYSTEM);
    assert_string_equal(f->e.text, "cannot run 'lpg-no-such-program': No such file or directory");
    assert_int_equal(f->result.exit_code, 55);
    assert_int_equal(proc_run(&(struct proc_spec){.argv = SHELL("true"), .directory = "/no/such"},
                              &f->result, &f->e),
                     -1);
    assert_string_equal(f->e.text, "cannot run 'sh': no folder '/no/such'");
}

static void directory_and_environment_are_the_given_ones(void **state)
{
    struct fixture *f = *state;
    setenv("LPG_TEST_OURS", "seen", 1);
    const char *const env[] = {"PATH=/usr/bin:/bin", "X=1 2", NULL};
    const char *script = "pwd; echo \"$X|$LPG_TEST_OURS\"";
    run(f, &(struct proc_spec){
               .argv = SHELL(script), .env = env, .directory = "/usr", .out = &f->out});
    assert_string_equal(f->out.data, "/usr\n1 2|\n");
    buf_clear(&f->out);
    run(f, &(struct proc_spec){.argv = SHELL(script), .directory = "/", .out = &f->out});
    assert_string_equal(f->out.data, "/\n|seen\n");
}

static void signals_are_as_for_a_new_program(void **state)
{
    struct fixture *f = *state;
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    run(f, &(struct proc_spec){.argv = SHELL("kill -TERM $$; exit 1")});
    assert_int_equal(f->result.exit_code, 128 + SIGTERM);
    run(f, &(struct proc_spec){.argv = SHELL("kill -PIPE $$; exit 1")});
    assert_int_equal(f->result.exit_code, 128 + SIGPIPE);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

#ifdef __linux__
static void nothing_of_ours_is_inherited(void **state)
{
    struct fixture *f = *state;
    int leaky = open("/dev/null", O_RDONLY); /* not close-on-exec, as a careless library has it */
    int far = fcntl(leaky, F_DUPFD, 200);
    assert_true(leaky > 2 && far >= 200);
    const char *script = "cat; for fd in /proc/$$/fd/*; do n=${fd##*/}; "
                         "test $n -gt 2 && test -e $fd && echo open $n; done; echo done";
    run(f, &(struct proc_spec){.argv = SHELL(script), .out = &f->out});
    close(leaky);
    close(far);
    assert_string_equal(f->out.data, "done\n");
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void no_descriptor_is_lost(void **state)
{
    struct fixture *f = *state;
    size_t before = open_descriptors();
    const char *const missing[] = {"lpg-no-such-program", NULL};
    struct proc_spec bad = {.argv = missing, .out = &f->out, .err = &f->err};
    assert_int_equal(proc_run(&bad, &f->result, &f->e), -1);
    run(f, &(struct proc_spec){.argv = SHELL("echo x"), .out = &f->out, .err = &f->err});
    run(f, &(struct proc_spec){.argv = SHELL("echo x"), .out = &f->out, .err = &f->out});
    assert_int_equal(open_descriptors(), before);
}
#endif

/* The pipes must not end up as the child's own 0, 1 and 2 in the wrong order. */
static void it_works_with_the_standard_streams_closed(void **state)
{
    struct fixture *f = *state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(0);
        close(1);
        close(2);
        const char *script = "cat; echo out; echo err >&2";
        struct proc_spec spec = {.argv = SHELL(script), .out = &f->out, .err = &f->err};
        int failed = proc_run(&spec, &f->result, &f->e) || f->result.exit_code ||
                     strcmp(f->out.data, "out\n") != 0 || strcmp(f->err.data, "err\n") != 0;
        struct buf only_err;
        buf_init(&only_err);
        struct proc_spec half = {.argv = SHELL("echo out; echo err >&2"), .err = &only_err};
        failed |= proc_run(&half, &f->result, &f->e) || strcmp(only_err.data, "err\n") != 0;
        _exit(failed ? 1 : 0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void large_output_on_both_streams(void **state)
{
    struct fixture *f = *state;
    run(f, &(struct proc_spec){
               .argv = SHELL("head -c 1000000 /dev/zero & head -c 700000 /dev/zero >&2; wait"),
               .out = &f->out,
               .err = &f->err});
    assert_int_equal(f->out.length, 1000000);
    assert_int_equal(f->err.length, 700000);
}

static void a_capped_buffer_keeps_the_end(void **state)
{
    struct fixture *f = *state;
    struct buf capped;
    buf_init_capped(&capped, 1000);
    run(f, &(struct proc_spec){.argv = SHELL("seq 1 100000; echo the end"), .out = &capped});
    assert_int_equal(f->result.exit_code, 0);
    assert_true(capped.overflow);
    assert_true(capped.length >= 500 && capped.length <= 1000);
    assert_string_equal(capped.data + capped.length - 15, "100000\nthe end\n");
    buf_clear(&capped);
    run(f, &(struct proc_spec){.argv = SHELL("printf %01000d 7"), .out = &capped});
    assert_int_equal(capped.length, 1000);
    assert_false(capped.overflow);
    buf_release(&capped);
}

static void a_late_program_is_ended_with_its_children(void **state)
{
    struct fixture *f = *state;
    struct proc_spec spec = {.argv = SHELL("sleep 300 & echo $!; wait; sleep 300"),
                             .timeout_ns = 300 * NS_PER_MS,
                             .out = &f->out};
    run(f, &spec);
    assert_true(f->result.timed_out);
    assert_false(f->result.stopped);
    assert_int_equal(f->result.exit_code, 128 + SIGTERM);
    pid_t grandchild = (pid_t)strtol(f->out.data, NULL, 10);
    assert_true(grandchild > 1);
    for (int i = 0; i < 500 && kill(grandchild, 0) == 0; i++)
        clock_sleep_ns(10 * NS_PER_MS); /* until init has reaped it */
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)grandchild);
    struct buf status;
    buf_init(&status);
    if (kill(grandchild, 0) == 0 && fs_read(path, 1 << 16, &status, NULL) == 0)
        assert_non_null(strstr(status.data, "State:\tZ")); /* nobody reaps in this container */
    buf_release(&status);
}

static void who_ignores_the_signal_is_killed(void **state)
{
    struct fixture *f = *state;
    struct proc_spec spec = {.argv = SHELL("trap '' TERM; echo ready; while :; do sleep 1; done"),
                             .timeout_ns = 200 * NS_PER_MS,
                             .out = &f->out};
    uint64_t start = clock_now_ns();
    run(f, &spec);
    assert_true(clock_now_ns() - start >= 2 * NS_PER_S);
    assert_true(f->result.timed_out);
    assert_int_equal(f->result.exit_code, 128 + SIGKILL);
}

static void what_is_said_at_the_end_is_read(void **state)
{
    struct fixture *f = *state;
    struct proc_spec spec = {
        .argv = SHELL("trap 'echo bye; exit 3' TERM; echo hi; while :; do sleep 0.05; done"),
        .timeout_ns = 500 * NS_PER_MS,
        .out = &f->out};
    run(f, &spec);
    assert_string_equal(f->out.data, "hi\nbye\n");
    assert_int_equal(f->result.exit_code, 3);
    assert_true(f->result.timed_out);
}

static void the_signal_reaches_the_whole_group(void **state)
{
    struct fixture *f = *state;
    struct proc_spec spec = {
        .argv =
            SHELL("(trap 'echo inner; exit' TERM; echo hi; while :; do sleep 0.05; done) & wait"),
        .timeout_ns = 500 * NS_PER_MS,
        .out = &f->out};
    run(f, &spec);
    assert_string_equal(f->out.data, "hi\ninner\n");
    assert_int_equal(f->result.exit_code, 128 + SIGTERM);
}

static volatile sig_atomic_t stop_flag;

static void on_alarm(int number)
{
    (void)number;
    stop_flag = 1;
}

static void a_stop_flag_ends_it(void **state)
{
    struct fixture *f = *state;
    struct sigaction action = {.sa_handler = on_alarm}, before;
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    stop_flag = 0;
    alarm(1);
    struct proc_spec spec = {
        .argv = SHELL("sleep 300"), .stop = &stop_flag, .timeout_ns = 250 * NS_PER_S};
    run(f, &spec);
    assert_true(f->result.stopped);
    assert_false(f->result.timed_out);
    assert_int_equal(f->result.exit_code, 128 + SIGTERM);
    assert_int_equal(proc_check(&spec, &f->e), -1); /* the flag is still set */
    assert_int_equal(f->e.code, ERROR_INTERRUPTED);
    assert_string_equal(f->e.text, "'sh' was interrupted");
    sigaction(SIGALRM, &before, NULL);
}

/* Nobody waits for the 300 seconds: a hang shows as the time-out of the test run. */
static void a_background_child_that_holds_the_pipe_does_not_hang_us(void **state)
{
    struct fixture *f = *state;
    struct proc_spec spec = {.argv = SHELL("sleep 300 & echo $!"),
                             .timeout_ns = 250 * NS_PER_S,
                             .out = &f->out,
                             .err = &f->out};
    run(f, &spec);
    assert_int_equal(f->result.exit_code, 0);
    assert_false(f->result.timed_out);
    pid_t left = (pid_t)strtol(f->out.data, NULL, 10);
    assert_true(left > 1);
    assert_int_equal(kill(left, SIGKILL), 0); /* it was left alone */
}

static void a_failed_check_shows_the_last_lines(void **state)
{
    struct fixture *f = *state;
    struct proc_spec spec = {.argv = SHELL("echo one >&2; printf '\\033[1m::error::two\\n\\n' >&2;"
                                           "exit 2")};
    assert_int_equal(proc_check(&spec, &f->e), -1);
    assert_string_equal(f->e.text, "'sh' failed with exit code 2:\n"
                                   "  one\n"
                                   "  \\x1b[1m: :error: :two");
    assert_int_equal(f->e.code, ERROR_SYSTEM);
    spec.argv = SHELL("seq 1 1000 >&2; exit 1");
    assert_int_equal(proc_check(&spec, &f->e), -1);
    assert_true(strlen(f->e.text) < 1200);
    assert_string_equal(f->e.text + strlen(f->e.text) - 12, "  999\n  1000");
    spec.argv = SHELL("sleep 300");
    spec.timeout_ns = 200 * NS_PER_MS;
    assert_int_equal(proc_check(&spec, &f->e), -1);
    assert_string_equal(f->e.text, "'sh' was ended after its 0.2 s");
    spec.argv = SHELL("echo fine");
    spec.timeout_ns = 0;
    spec.out = &f->out;
    assert_int_equal(proc_check(&spec, &f->e), 0);
    assert_string_equal(f->out.data, "fine\n");
}

static void programs_are_found_in_the_path(void **state)
{
    (void)state;
    char *sh = proc_find("sh");
    assert_non_null(sh);
    assert_int_equal(access(sh, X_OK), 0);
    char *same = proc_find(sh);
    assert_string_equal(same, sh);
    free(same);
    free(sh);
    assert_null(proc_find("lpg-no-such-program"));
    assert_null(proc_find(""));
    assert_null(proc_find("/etc"));
    char *path = xstrdup(getenv("PATH"));
    setenv("PATH", "", 1);
    assert_null(proc_find("sh"));
    unsetenv("PATH");
    assert_null(proc_find("sh"));
    setenv("PATH", path, 1);
    free(path);
}

static void files_that_may_not_be_executed_are_no_programs(void **state)
{
    (void)state;
    struct error e = {0};
    char *dir = fs_make_temp_dir("lpg-test-proc-", &e);
    assert_non_null(dir);
    char *file = fs_join(dir, "lpg-test-tool");
    char *path = xstrdup(getenv("PATH"));
    assert_int_equal(fs_write(file, "#!/bin/sh\n", 10, &e), 0);
    setenv("PATH", dir, 1);
    assert_null(proc_find("lpg-test-tool"));
    assert_int_equal(chmod(file, 0755), 0);
    char *found = proc_find("lpg-test-tool");
    assert_non_null(found);
    assert_string_equal(found, file);
    setenv("PATH", path, 1);
    assert_int_equal(fs_remove_tree(dir, &e), 0);
    free(found);
    free(path);
    free(file);
    free(dir);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(output_and_exit_code_come_back),
        TEST(one_buffer_keeps_the_order),
        TEST(output_may_be_thrown_away),
        TEST(a_signal_gives_128_and_its_number),
        TEST(programs_that_cannot_start),
        TEST(directory_and_environment_are_the_given_ones),
        TEST(signals_are_as_for_a_new_program),
#ifdef __linux__
        TEST(nothing_of_ours_is_inherited),
        TEST(no_descriptor_is_lost),
#endif
        TEST(it_works_with_the_standard_streams_closed),
        TEST(large_output_on_both_streams),
        TEST(a_capped_buffer_keeps_the_end),
        TEST(a_late_program_is_ended_with_its_children),
        TEST(who_ignores_the_signal_is_killed),
        TEST(what_is_said_at_the_end_is_read),
        TEST(the_signal_reaches_the_whole_group),
        TEST(a_stop_flag_ends_it),
        TEST(a_background_child_that_holds_the_pipe_does_not_hang_us),
        TEST(a_failed_check_shows_the_last_lines),
        TEST(programs_are_found_in_the_path),
        TEST(files_that_may_not_be_executed_are_no_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
