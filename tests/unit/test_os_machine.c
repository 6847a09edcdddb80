#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "os/fs.h"
#include "os/machine.h"

static void time_goes_on(void **state)
{
    (void)state;
    struct machine_times a = machine_times();
    struct machine_times b = machine_times();
    assert_true(b.total >= a.total);
    assert_true(a.stolen <= a.total);
#ifdef __linux__
    assert_true(a.total > 0);
#endif
}

static void stolen_share(void **state)
{
    (void)state;
    static const struct {
        struct machine_times before, after;
        double share;
    } rows[] = {
        {{1000, 10}, {1200, 30}, .10}, {{1000, 10}, {1200, 10}, 0},
        {{0, 0}, {100, 100}, 1},       {{1000, 10}, {1000, 10}, 0}, /* no time between them */
        {{1000, 10}, {900, 20}, 0}, /* backwards, as after a migration */
        {{1000, 10}, {1200, 5}, 0},    {{0, 0}, {0, 0}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(fabs(machine_stolen_share(rows[i].before, rows[i].after) - rows[i].share) <
                    1e-12);
}

static void reads_pressure(void **state)
{
    (void)state;
    assert_int_equal(machine_read_stall_us("some avg10=0.00 avg60=0.00 avg300=0.00 total=321549\n"
                                           "full avg10=0.11 avg60=0.45 avg300=0.23 total=108140\n"),
                     108140);
    assert_int_equal(machine_read_stall_us("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"), 0);
    assert_int_equal(machine_read_stall_us("full avg10=0.00"), 0);
    assert_int_equal(machine_read_stall_us(""), 0);
    uint64_t before = machine_memory_stall_us();
    assert_true(machine_memory_stall_us() >= before);
}

static void knows_its_program(void **state)
{
    (void)state;
    char *path = machine_program();
    assert_non_null(path);
    assert_int_equal(path[0], '/');
    assert_true(fs_is_file(path));
    assert_string_equal(fs_basename(path), "test_os_machine");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_goes_on),
        cmocka_unit_test(stolen_share),
        cmocka_unit_test(reads_pressure),
        cmocka_unit_test(knows_its_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
