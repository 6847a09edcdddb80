/*
 * Where cgroups are made and what is written into them (sandbox/shaping.h), on trees of plain
 * files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "os/fs.h"
#include "sandbox/shaping.h"

enum { PID = 4242, TEXT_MAX = 4096 };

static char *root;

static int make_root(void **state)
{
    (void)state;
    root = fs_make_temp_dir("lpg-shaping-", NULL);
    return root ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    int status = fs_remove_tree(root, NULL);
    free(root);
    return status;
}

static void put(const char *path, const char *text)
{
    char *full = fs_join(root, path);
    char *folder = fs_dirname(full);
    assert_int_equal(fs_make_dirs(folder, NULL), 0);
    assert_int_equal(fs_write(full, text, strlen(text), NULL), 0);
    free(folder);
    free(full);
}

static bool there(const char *path)
{
    char *full = fs_join(root, path);
    bool found = fs_exists(full);
    free(full);
    return found;
}

static void assert_file(const char *path, const char *text)
{
    char *full = fs_join(root, path);
    struct buf b;
    buf_init(&b);
    assert_int_equal(fs_read(full, TEXT_MAX, &b, NULL), 0);
    assert_string_equal(b.data, text);
    buf_release(&b);
    free(full);
}

static struct shaping *start(const char *self)
{
    put("self", self);
    char *self_path = fs_join(root, "self");
    const struct shaping_options options = {.root = root, .self_cgroup = self_path, .pid = PID};
    struct shaping *s = shaping_new(&options);
    free(self_path);
    return s;
}

static void test_quota(void **state)
{
    (void)state;
    assert_int_equal(shaping_quota_us(1769), 20000);
    assert_int_equal(shaping_quota_us(128), 1447);
    assert_int_equal(shaping_quota_us(512), 5789);
    assert_int_equal(shaping_quota_us(10240), 115772);
    assert_int_equal(shaping_quota_us(64), 1000); /* the kernel takes no less */
}

static void test_none(void **state)
{
    (void)state;
    struct shaping *s = start("0::/\n");
    const struct pool_shaping *state_now = shaping_state(s);
    assert_false(state_now->cpu || state_now->memory);
    assert_string_equal(state_now->mechanism, "none");
    assert_string_not_equal(state_now->reason, "");
    assert_null(cgroup_new(s, 1, 512));
    /* everything else takes "no cgroup" */
    cgroup_boost(NULL);
    cgroup_clamp(NULL);
    cgroup_kill(NULL);
    cgroup_free(NULL);
    assert_int_equal(cgroup_cpu_ns(NULL), 0);
    assert_int_equal(cgroup_peak_bytes(NULL), 0);
    assert_int_equal(cgroup_joins(NULL, NULL, 0), 0);
    assert_false(cgroup_limits_memory(NULL) || cgroup_out_of_memory(NULL));
    shaping_free(s);
}

static void test_turned_off(void **state)
{
    (void)state;
    const struct shaping_options options = {.disabled = true};
    struct shaping *s = shaping_new(&options);
    assert_false(shaping_state(s)->cpu);
    assert_non_null(strstr(shaping_state(s)->reason, "turned off"));
    shaping_free(s);
}

#define V1_CPU    "cpu/lambda-perf-gate-4242"
#define V1_MEMORY "memory/ours/lambda-perf-gate-4242"

static void test_v1(void **state)
{
    (void)state;
    put("cpu/tasks", "");
    put("cpuacct/tasks", "");
    put("memory/ours/tasks", "");
    struct shaping *s = start("5:memory:/ours\n3:cpuacct:/\n2:cpu:/\n0::/\n");
    assert_true(shaping_state(s)->cpu && shaping_state(s)->memory);
    assert_string_equal(shaping_state(s)->mechanism, "cgroup v1");
    assert_string_equal(shaping_state(s)->reason, "");
    put("cpuacct/lambda-perf-gate-4242/7/cpuacct.usage", "123456789\n");
    put(V1_MEMORY "/7/memory.max_usage_in_bytes", "1048576\n");
    put(V1_MEMORY "/7/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
    struct cgroup *c = cgroup_new(s, 7, 512);
    assert_non_null(c);
    assert_file(V1_CPU "/7/cpu.cfs_period_us", "20000");
    assert_file(V1_CPU "/7/cpu.cfs_quota_us", "5789");
    assert_file(V1_MEMORY "/7/memory.limit_in_bytes", "536870912");
    cgroup_boost(c);
    assert_file(V1_CPU "/7/cpu.cfs_quota_us", "40000");
    int fds[4];
    assert_int_equal(cgroup_joins(c, fds, 4), 3);
    assert_int_equal(write(fds[0], "0", 1), 1);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
    assert_file(V1_CPU "/7/cgroup.procs", "0");
    assert_int_equal(cgroup_cpu_ns(c), 123456789);
    assert_int_equal(cgroup_peak_bytes(c), 1048576);
    assert_true(cgroup_limits_memory(c));
    assert_false(cgroup_out_of_memory(c));
    cgroup_free(c);
    put(V1_MEMORY "/8/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    c = cgroup_new(s, 8, 512);
    assert_true(cgroup_out_of_memory(c));
    cgroup_free(c);
    shaping_free(s);
}

static void test_v1_without_memory(void **state)
{
    (void)state;
    put("cpu,cpuacct/tasks", "");
    put("cpu/tasks", "");
    struct shaping *s = start("2:cpu,cpuacct:/\n");
    assert_true(shaping_state(s)->cpu);
    assert_false(shaping_state(s)->memory);
    assert_non_null(strstr(shaping_state(s)->reason, "memory"));
    shaping_free(s);
}

#define V2 "a/lambda-perf-gate-4242"

static void test_v2(void **state)
{
    (void)state;
    put("cgroup.controllers", "cpuset cpu io memory pids\n");
    put("a/b/cgroup.procs", "1\n");
    /* a/b cannot have controllers below it, because it has processes; a can */
    put(V2 "/cgroup.controllers", "cpu memory\n");
    struct shaping *s = start("0::/a/b\n");
    assert_string_equal(shaping_state(s)->mechanism, "cgroup v2");
    assert_true(shaping_state(s)->cpu && shaping_state(s)->memory);
    assert_file("a/cgroup.subtree_control", "+memory");
    assert_file(V2 "/cgroup.subtree_control", "+cpu");
    put(V2 "/3/cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n");
    put(V2 "/3/memory.peak", "2097152\n");
    put(V2 "/3/memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n");
    struct cgroup *c = cgroup_new(s, 3, 1769);
    assert_file(V2 "/3/cpu.max", "20000 20000");
    assert_file(V2 "/3/memory.max", "1854930944");
    assert_file(V2 "/3/memory.swap.max", "0");
    assert_file(V2 "/3/memory.oom.group", "1");
    assert_int_equal(cgroup_cpu_ns(c), 1500000);
    assert_int_equal(cgroup_peak_bytes(c), 2097152);
    assert_true(cgroup_out_of_memory(c));
    int fds[4];
    assert_int_equal(cgroup_joins(c, fds, 4), 1);
    close(fds[0]);
    cgroup_kill(c);
    assert_file(V2 "/3/cgroup.kill", "1");
    cgroup_free(c);
    /* more than two CPUs of its own: no less during the initialisation */
    c = cgroup_new(s, 4, 10240);
    cgroup_boost(c);
    assert_file(V2 "/4/cpu.max", "115772 20000");
    cgroup_free(c);
    shaping_free(s);
}

static void test_v2_not_delegated(void **state)
{
    (void)state;
    put("cgroup.controllers", "cpu memory\n");
    put("user/session/cgroup.procs", "1\n");
    struct shaping *s = start("0::/user/session\n");
    assert_false(shaping_state(s)->cpu);
    assert_non_null(strstr(shaping_state(s)->reason, "not delegated"));
    assert_false(there("user/lambda-perf-gate-4242"));
    shaping_free(s);
}

static void test_stale_folders_go(void **state)
{
    (void)state;
    pid_t dead = fork();
    if (!dead)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    char *stale = xasprintf("cpu/lambda-perf-gate-%ld", (long)dead);
    char *inner = xasprintf("%s/1", stale);
    char *full = fs_join(root, inner);
    assert_int_equal(fs_make_dirs(full, NULL), 0);
    put("cpu/lambda-perf-gate-1/keep", ""); /* that process lives */
    put("cpu/lambda-perf-gate-x/keep", "");
    struct shaping *s = start("2:cpu:/\n");
    assert_false(there(stale));
    assert_true(there("cpu/lambda-perf-gate-1") && there("cpu/lambda-perf-gate-x"));
    shaping_free(s);
    free(full);
    free(inner);
    free(stale);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_turned_off),
        WITH_ROOT(test_none),
        WITH_ROOT(test_v1),
        WITH_ROOT(test_v1_without_memory),
        WITH_ROOT(test_v2),
        WITH_ROOT(test_v2_not_delegated),
        WITH_ROOT(test_stale_folders_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
