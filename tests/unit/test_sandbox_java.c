/* What a virtual machine for a function of some size is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sandbox/java.h"

/* As the command lines of functions on Lambda show it. */
static void test_heap(void **state)
{
    (void)state;
    static const struct {
        unsigned memory_mb, heap_kb;
    } cases[] = {{128, 111412}, {256, 222823}, {512, 445645}, {3008, 2834432}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(java_heap_kb(cases[i].memory_mb), cases[i].heap_kb);
    for (unsigned mb = 129; mb <= 10240; mb++) {
        assert_true(java_heap_kb(mb) > java_heap_kb(mb - 1));
        assert_true(java_heap_kb(mb) < mb * 1024);
    }
}

static void test_processors(void **state)
{
    (void)state;
    static const struct {
        unsigned memory_mb, count;
    } cases[] = {{128, 2},  {1769, 2}, {3008, 2}, {3009, 3}, {5307, 3},
                 {5308, 4}, {7077, 5}, {8845, 5}, {8846, 6}, {10240, 6}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(java_processors(cases[i].memory_mb), cases[i].count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_heap),
                                       cmocka_unit_test(test_processors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
