/*
 * Execution environments (sandbox/pool.h) with real processes: the C function of
 * fixtures/bootstrap-c, shell scripts and Python.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/proc.h"
#include "sandbox/pool.h"
#include "sandbox/private_tmp.h"

#ifndef LPG_DATA_DIR
#define LPG_DATA_DIR "."
#endif

#define ID  "01234567-89ab-4def-8123-456789abcdef"
#define ARN "arn:aws:lambda:us-east-1:000000000000:function:f"

static char *base;     /* everything that a test makes is below */
static char *compiled; /* folder with the C bootstrap */
static struct loop *loop;
static struct pool *pool;

/* One finished call. */
struct outcome {
    char *payload, *log;
    bool error, cold, done;
    uint64_t cpu_ns;
    unsigned *left; /* calls that the loop waits for */
};

static void on_done(void *context, const struct pool_result *r)
{
    struct outcome *o = context;
    assert_false(o->done);
    o->done = true;
    o->payload = xstrndup(r->payload, r->payload_length);
    o->log = xstrndup(r->log_tail, r->log_tail_length);
    o->error = r->function_error;
    o->cold = r->cold;
    o->cpu_ns = r->cpu_ns;
    if (o->left && --*o->left == 0)
        loop_stop(loop);
}

static void outcome_release(struct outcome *o)
{
    free(o->payload);
    free(o->log);
    *o = (struct outcome){0};
}

static void begin(struct function *f, const char *event, struct outcome *o)
{
    const struct pool_call call = {.function = f,
                                   .request_id = ID,
                                   .invoked_arn = ARN,
                                   .trace_id = "Root=1-0-0",
                                   .payload = event,
                                   .payload_length = strlen(event)};
    pool_invoke(pool, &call, on_done, o);
}

static struct outcome invoke(struct function *f, const char *event)
{
    unsigned left = 1;
    struct outcome o = {.left = &left};
    begin(f, event, &o);
    assert_false(o.done); /* never before pool_invoke() returns */
    loop_run(loop);
    assert_true(o.done);
    o.left = NULL;
    return o;
}

static void expect(struct function *f, const char *event, bool error, bool cold)
{
    struct outcome o = invoke(f, event);
    if (o.error != error || o.cold != cold)
        fail_msg("%s -> error %d, cold %d: %s\n%s", event, o.error, o.cold, o.payload, o.log);
    outcome_release(&o);
}

/* Lets the loop run until nothing of the pool's is left to do, for `ms` at most. */
static void stop_loop(void *context)
{
    (void)context;
    loop_stop(loop);
}

static void run_for_ms(unsigned ms)
{
    struct loop_timer *t = loop_timer_new(loop, stop_loop, NULL);
    loop_timer_set(t, clock_now_ns() + ms * NS_PER_MS);
    loop_run(loop);
    loop_timer_free(t);
}

static struct function_code *make_code(const char *directory)
{
    struct function_code *code = xcalloc(1, sizeof *code);
    code->references = 1;
    code->directory = xstrdup(directory);
    return code;
}

/* The store is not part of this test: the references never reach 0. */
static struct function *make_function(const char *directory, const char *runtime,
                                      const char *handler)
{
    struct function *f = xcalloc(1, sizeof *f);
    f->references = 1;
    f->name = xstrdup("f");
    f->version = xstrdup("$LATEST");
    f->arn = xstrdup(ARN);
    f->runtime = xstrdup(runtime);
    f->handler = xstrdup(handler);
    f->memory_mb = 1769;
    f->timeout_s = 20;
    f->code = make_code(directory);
    return f;
}

static void drop_function(struct function *f)
{
    assert_int_equal(f->references, 1);
    free(f->code->directory);
    free(f->code);
    char *texts[] = {f->name, f->version, f->arn, f->runtime, f->handler};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    free(f);
}

static struct function *c_function(void)
{
    return make_function(compiled, "provided.al2023", "x");
}

/* A function in a folder of its own with one file. */
static struct function *file_function(const char *runtime, const char *file, const char *text,
                                      mode_t mode)
{
    static unsigned number;
    char *directory = xasprintf("%s/code-%u", base, ++number);
    assert_int_equal(fs_make_dirs(directory, NULL), 0);
    char *path = fs_join(directory, file);
    assert_int_equal(fs_write(path, text, strlen(text), NULL), 0);
    assert_int_equal(chmod(path, mode), 0);
    struct function *f = make_function(directory, runtime, "app.handler");
    free(path);
    free(directory);
    return f;
}

static int make_base(void **state)
{
    (void)state;
    struct error e = {0};
    base = fs_make_temp_dir("lpg-pool-", &e);
    compiled = fs_join(base, "compiled");
    char *program = fs_join(compiled, "bootstrap");
    const char *const argv[] = {"cc",
                                "-O1",
                                "-std=c17",
                                "-D_GNU_SOURCE",
                                "-o",
                                program,
                                LPG_DATA_DIR "/fixtures/bootstrap-c/bootstrap.c",
                                NULL};
    const struct proc_spec spec = {.argv = argv};
    int status = fs_make_dirs(compiled, &e) || proc_check(&spec, &e) ? -1 : 0;
    if (status)
        print_error("%s\n", e.text);
    free(program);
    return status;
}

static int remove_base(void **state)
{
    (void)state;
    fs_remove_tree(base, NULL);
    free(compiled);
    free(base);
    return 0;
}

static int start_pool(void **state)
{
    (void)state;
    char *work = fs_join(base, "work");
    const struct pool_options options = {
        .work_directory = work, .region = "us-east-1", .account = "000000000000"};
    loop = loop_new(NULL);
    pool = pool_new(loop, &options, NULL);
    free(work);
    return pool ? 0 : -1;
}

static int stop_pool(void **state)
{
    (void)state;
    pool_free(pool);
    pool = NULL;
    loop_free(loop);
    return 0;
}

/* Ends the pool before the function goes, and starts a new one for the tear-down. */
static void finish_with(struct function *f)
{
    stop_pool(NULL);
    assert_int_equal(start_pool(NULL), 0);
    drop_function(f);
}

/* --- tests --- */

static void test_cold_then_warm(void **state)
{
    (void)state;
    struct function *f = c_function();
    struct outcome o = invoke(f, "{}");
    assert_string_equal(o.payload, "{\"ok\":true,\"work\":0,\"state\":1}");
    assert_true(o.cold && !o.error);
    assert_memory_equal(
        o.log,
        "INIT_START Runtime Version: bootstrap\t\nSTART RequestId: " ID " Version: $LATEST\n", 60);
    assert_non_null(strstr(o.log, "\nEND RequestId: " ID "\nREPORT RequestId: " ID "\tDuration: "));
    assert_non_null(strstr(o.log, "\tInit Duration: "));
    outcome_release(&o);
    o = invoke(f, "{\"cpu_ms\":20}");
    assert_false(o.cold || o.error);
    assert_memory_equal(o.log, "START RequestId: " ID, 16);
    assert_null(strstr(o.log, "Init Duration"));
    assert_true(o.cpu_ns >= 20 * NS_PER_MS);
    outcome_release(&o);
    finish_with(f);
}

static void test_function_error_keeps_the_environment(void **state)
{
    (void)state;
    struct function *f = c_function();
    struct outcome o = invoke(f, "{\"mode\":\"error\"}");
    assert_true(o.error);
    assert_non_null(strstr(o.payload, "\"errorType\":\"Function.AskedToFail\""));
    outcome_release(&o);
    expect(f, "{}", false, false);
    finish_with(f);
}

static void test_crashes_end_the_environment(void **state)
{
    (void)state;
    static const struct {
        const char *event, *message;
    } rows[] = {
        {"{\"mode\":\"exit\"}",
         "RequestId: " ID " Error: Runtime exited with error: exit status 3"},
        {"{\"mode\":\"crash\"}",
         "RequestId: " ID " Error: Runtime exited with error: signal: segmentation fault"},
    };
    struct function *f = c_function();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome o = invoke(f, rows[i].event);
        assert_true(o.error && o.cold);
        assert_non_null(strstr(o.payload, "{\"errorType\":\"Runtime.ExitError\""));
        assert_non_null(strstr(o.payload, rows[i].message));
        assert_non_null(strstr(o.log, "\tStatus: error\tError Type: Runtime.ExitError\t\n"));
        outcome_release(&o);
    }
    expect(f, "{}", false, true);
    finish_with(f);
}

static void test_timeout(void **state)
{
    (void)state;
    struct function *f = c_function();
    f->timeout_s = 1;
    expect(f, "{}", false, true);
    struct outcome o = invoke(f, "{\"mode\":\"timeout\"}");
    assert_string_equal(o.payload,
                        "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: " ID
                        " Error: Task timed out after 1.00 seconds\"}");
    assert_non_null(strstr(o.log, "\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\t"));
    assert_non_null(strstr(o.log, "\tStatus: timeout\t\n"));
    outcome_release(&o);
    expect(f, "{}", false, true);
    finish_with(f);
}

static void test_large_response(void **state)
{
    (void)state;
    struct function *f = c_function();
    struct outcome o = invoke(f, "{\"mode\":\"big_response\"}");
    assert_true(o.error);
    assert_non_null(strstr(o.payload, "\"errorType\":\"Function.ResponseSizeTooLarge\""));
    outcome_release(&o);
    finish_with(f);
}

static void test_megabytes_of_log(void **state)
{
    (void)state;
    struct function *f = c_function();
    struct outcome o = invoke(f, "{\"log_mb\":20}");
    assert_false(o.error);
    assert_int_equal(strlen(o.log), 4096);
    assert_non_null(strstr(o.log, "\nEND RequestId: " ID "\nREPORT RequestId: " ID));
    outcome_release(&o);
    /* nothing of it is left for the next one */
    o = invoke(f, "{}");
    assert_memory_equal(o.log, "START RequestId: ", 17);
    outcome_release(&o);
    finish_with(f);
}

static void test_report_is_last(void **state)
{
    (void)state;
    struct function *f = c_function();
    struct outcome o = invoke(f, "{\"mode\":\"forge_report\"}");
    const char *last = NULL;
    for (const char *at = o.log; (at = strstr(at, "REPORT RequestId: ")); at++)
        last = at;
    assert_non_null(last);
    assert_ptr_equal(strchr(last, '\n') + 1, o.log + strlen(o.log));
    assert_non_null(strstr(last, "Memory Size: 1769 MB"));
    outcome_release(&o);
    finish_with(f);
}

static void test_init_that_exits_is_tried_twice(void **state)
{
    (void)state;
    struct function *f =
        file_function("provided.al2023", "bootstrap", "#!/bin/sh\necho starting\nexit 7\n", 0755);
    struct outcome o = invoke(f, "{}");
    assert_true(o.error);
    assert_non_null(strstr(o.payload, "Runtime exited with error: exit status 7"));
    const char *first =
        strstr(o.log, "Phase: init\tStatus: error\tError Type: Runtime.ExitError\t");
    assert_non_null(first);
    const char *start = strstr(first, "START RequestId: " ID);
    assert_non_null(start);
    assert_non_null(strstr(start, "starting\nINIT_REPORT"));
    assert_non_null(strstr(start, "Phase: invoke\tStatus: error\tError Type: Runtime.ExitError\t"));
    assert_null(strstr(strstr(o.log, "REPORT RequestId: "), "Init Duration"));
    outcome_release(&o);
    finish_with(f);
}

static void test_second_init_serves_the_call(void **state)
{
    (void)state;
    char *text = xasprintf(
        "#!/bin/sh\nT=${TMPDIR:-/tmp}\nif [ ! -e $T/tried ]; then : > $T/tried; exit 1; fi\n"
        "exec %s/bootstrap\n",
        compiled);
    struct function *f = file_function("provided.al2023", "bootstrap", text, 0755);
    struct outcome o = invoke(f, "{}");
    assert_false(o.error);
    assert_non_null(strstr(o.log, "Phase: init\tStatus: error"));
    assert_null(strstr(strstr(o.log, "\nREPORT RequestId: "), "Init Duration"));
    outcome_release(&o);
    expect(f, "{}", false, false);
    finish_with(f);
    free(text);
}

static void test_entrypoints(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *message;
        mode_t mode;
    } rows[] = {
        {"other", "x", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
         0755},
        {"bootstrap", "not a program\n", "fork/exec /var/task/bootstrap: permission denied", 0644},
        {"bootstrap", "not a program\n", "fork/exec bootstrap: Exec format error", 0755},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct function *f =
            file_function("provided.al2023", rows[i].file, rows[i].text, rows[i].mode);
        struct outcome o = invoke(f, "{}");
        assert_true(o.error);
        assert_non_null(strstr(o.payload, "{\"errorType\":\"Runtime.InvalidEntrypoint\""));
        if (!strstr(o.payload, rows[i].message))
            fail_msg("%s", o.payload);
        outcome_release(&o);
        finish_with(f);
    }
}

static void test_unknown_runtime(void **state)
{
    (void)state;
    struct function *f = make_function(compiled, "cobol85", "x");
    struct outcome o = invoke(f, "{}");
    assert_true(o.error);
    assert_non_null(strstr(o.payload, "runtime 'cobol85' cannot be run here"));
    outcome_release(&o);
    struct buf label;
    struct error e;
    buf_init(&label);
    assert_int_equal(pool_runtime_label(pool, f, &label, &e), -1);
    buf_release(&label);
    finish_with(f);
}

static void test_environment_variables(void **state)
{
    (void)state;
    setenv("LPG_TEST_SECRET", "leaked", 1);
    char *text = xasprintf(
        "#!/bin/sh\n/usr/bin/env\nls -l /proc/self/fd | wc -l\nexec %s/bootstrap\n", compiled);
    struct function *f = file_function("provided.al2023", "bootstrap", text, 0755);
    char table[] = "TABLE", orders[] = "orders", tz[] = "TZ", berlin[] = "Europe/Berlin";
    char handler[] = "_HANDLER", mine[] = "mine";
    struct function_variable own[] = {{table, orders}, {tz, berlin}, {handler, mine}};
    f->environment = own;
    f->environment_count = ARRAY_LEN(own);
    struct outcome o = invoke(f, "{}");
    assert_false(o.error);
    static const char *const present[] = {"\nTABLE=orders\n",
                                          "\nTZ=Europe/Berlin\n",
                                          "\n_HANDLER=app.handler\n",
                                          "\nAWS_REGION=us-east-1\n",
                                          "\nAWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769\n",
                                          "\nAWS_ACCESS_KEY_ID=LPGDUMMY",
                                          "\nLANG=en_US.UTF-8\n",
                                          "\nAWS_LAMBDA_INITIALIZATION_TYPE=on-demand\n",
                                          "\nPATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin\n"};
    static const char *const absent[] = {"LPG_TEST_SECRET",
                                         "\nHOME=", "\nUSER=", "\nAWS_EXECUTION_ENV="};
    for (size_t i = 0; i < ARRAY_LEN(present); i++)
        if (!strstr(o.log, present[i]))
            fail_msg("no %s in %s", present[i], o.log);
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        assert_null(strstr(o.log, absent[i]));
    assert_non_null(strstr(o.log, "\n5\n")); /* a total, 0, 1, 2 and the folder that ls reads */
    outcome_release(&o);
    f->environment = NULL;
    f->environment_count = 0;
    finish_with(f);
    free(text);
}

static void test_parallel_calls_and_retirement(void **state)
{
    (void)state;
    enum { CALLS = 4 };
    struct function *f = c_function();
    unsigned left = CALLS;
    struct outcome o[CALLS] = {0};
    for (size_t i = 0; i < CALLS; i++) {
        o[i].left = &left;
        begin(f, "{\"sleep_ms\":30}", &o[i]);
    }
    loop_run(loop);
    for (size_t i = 0; i < CALLS; i++) {
        assert_true(o[i].cold && !o[i].error);
        outcome_release(&o[i]);
    }
    expect(f, "{}", false, false);
    unsigned one = 1;
    o[0].left = &one;
    begin(f, "{\"sleep_ms\":30}", &o[0]);
    pool_retire(pool, f); /* the busy one may finish */
    loop_run(loop);
    assert_false(o[0].error || o[0].cold);
    outcome_release(&o[0]);
    while (f->references > 1) /* each environment holds one */
        run_for_ms(5);
    expect(f, "{}", false, true);
    finish_with(f);
}

static void test_provisioned(void **state)
{
    (void)state;
    struct function *f = c_function();
    pool_provision(pool, f, 2);
    pool_provision(pool, f, 2);
    assert_int_equal(f->references, 3);
    run_for_ms(300);
    struct outcome o = invoke(f, "{}");
    assert_false(o.error);
    assert_false(o.cold);
    assert_non_null(strstr(o.log, "Init Duration"));
    outcome_release(&o);
    finish_with(f);
}

static void test_end_with_calls_under_way(void **state)
{
    (void)state;
    struct function *f = c_function();
    struct outcome o = {0};
    begin(f, "{\"mode\":\"timeout\"}", &o);
    run_for_ms(50);
    assert_false(o.done);
    finish_with(f);
    assert_true(o.done && o.error);
    outcome_release(&o);
}

static const char counting[] = "import json, os, threading, time\n"
                               "count = 0\n"
                               "def run():\n"
                               "    global count\n"
                               "    while True:\n"
                               "        count += 1\n"
                               "        time.sleep(0.001)\n"
                               "threading.Thread(target=run, daemon=True).start()\n"
                               "def handler(event, context):\n"
                               "    before = count\n"
                               "    time.sleep(event.get('sleep', 0))\n"
                               "    child = os.fork() if event.get('fork') else 1\n"
                               "    if not child:\n"
                               "        if event['fork'] == 'session': os.setsid()\n"
                               "        time.sleep(60)\n"
                               "        os._exit(0)\n"
                               "    return [before, count, os.getpid(), child]\n";

static void test_frozen_between_calls(void **state)
{
    (void)state;
    struct function *f = file_function("python3.11", "app.py", counting, 0644);
    long before, after, again;
    struct outcome o = invoke(f, "{\"sleep\":0.1}");
    assert_false(o.error);
    assert_int_equal(sscanf(o.payload, "[%ld, %ld", &before, &after), 2);
    assert_true(after > before + 2); /* the thread does run */
    outcome_release(&o);
    run_for_ms(400);
    o = invoke(f, "{}");
    assert_int_equal(sscanf(o.payload, "[%ld", &again), 1);
    assert_in_range(again - after, 0, 30); /* unfrozen it would be near 400 */
    outcome_release(&o);
    finish_with(f);
}

static bool runs(long pid)
{
    return !kill((pid_t)pid, 0);
}

/* A killed orphan is gone as soon as whoever adopted it has waited for it. */
static bool is_gone(long pid)
{
    for (int tries = 0; tries < 1000; tries++) {
        char *path = xasprintf("/proc/%ld/stat", pid);
        struct buf stat;
        buf_init(&stat);
        bool dead = fs_read(path, 4096, &stat, NULL) || strstr(stat.data, ") Z ");
        buf_release(&stat);
        free(path);
        if (dead)
            return true;
        clock_sleep_ns(5 * NS_PER_MS);
    }
    return false;
}

static void check_nothing_left(const char *event)
{
    struct function *f = file_function("python3.11", "app.py", counting, 0644);
    struct outcome o = invoke(f, event);
    long n[4];
    assert_int_equal(sscanf(o.payload, "[%ld, %ld, %ld, %ld]", &n[0], &n[1], &n[2], &n[3]), 4);
    outcome_release(&o);
    assert_true(runs(n[2]) && runs(n[3]));
    finish_with(f);
    assert_false(runs(n[2]));
    assert_true(is_gone(n[3]));
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    check_nothing_left("{\"fork\":\"group\"}");
    if (pool_shaping(pool)->cpu) /* only a cgroup finds what has left the process group */
        check_nothing_left("{\"fork\":\"session\"}");
}

/* What one environment writes to /tmp no other one finds, and it is gone afterwards. */
static void test_private_tmp(void **state)
{
    (void)state;
    static const char writing[] =
        "import os\n"
        "T = os.environ.get('TMPDIR', '/tmp')\n"
        "def handler(event, context):\n"
        "    seen = os.path.exists(T + '/lpg-seen')\n"
        "    open(T + '/lpg-seen', 'w').close()\n"
        "    return [T == '/tmp', seen, os.path.exists(os.environ['LAMBDA_TASK_ROOT'])]\n";
    struct function *f = file_function("python3.11", "app.py", writing, 0644);
    static const char *const expected[] = {", false, true]", ", true, true]", ", false, true]"};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct outcome o = invoke(f, "{}");
        if (o.error || !strstr(o.payload, expected[i]))
            fail_msg("call %zu: %s\n%s", i, o.payload, o.log);
        assert_true(!private_tmp_possible() || strstr(o.payload, "[true"));
        outcome_release(&o);
        if (i == 1)
            pool_retire(pool, f);
    }
    assert_false(fs_exists("/tmp/lpg-seen"));
    finish_with(f);
}

static void test_memory_limit(void **state)
{
    (void)state;
    struct function *f = c_function();
    f->memory_mb = 128;
    expect(f, "{\"alloc_mb\":20}", false, true);
    struct outcome o = invoke(f, "{\"alloc_mb\":400}");
    assert_true(o.error);
    assert_non_null(strstr(o.payload, "\"errorType\":\"Runtime.OutOfMemory\""));
    assert_non_null(strstr(o.payload, "signal: killed"));
    outcome_release(&o);
    expect(f, "{}", false, true);
    finish_with(f);
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, start_pool, stop_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(test_cold_then_warm),
        WITH_POOL(test_function_error_keeps_the_environment),
        WITH_POOL(test_crashes_end_the_environment),
        WITH_POOL(test_timeout),
        WITH_POOL(test_large_response),
        WITH_POOL(test_megabytes_of_log),
        WITH_POOL(test_report_is_last),
        WITH_POOL(test_init_that_exits_is_tried_twice),
        WITH_POOL(test_second_init_serves_the_call),
        WITH_POOL(test_entrypoints),
        WITH_POOL(test_unknown_runtime),
        WITH_POOL(test_environment_variables),
        WITH_POOL(test_parallel_calls_and_retirement),
        WITH_POOL(test_provisioned),
        WITH_POOL(test_end_with_calls_under_way),
        WITH_POOL(test_frozen_between_calls),
        WITH_POOL(test_nothing_is_left),
        WITH_POOL(test_private_tmp),
        WITH_POOL(test_memory_limit),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
