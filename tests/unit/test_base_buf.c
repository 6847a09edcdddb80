#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void an_empty_buffer_is_an_empty_string(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_string_equal(b.data, "");
    buf_truncate(&b, 0);
    buf_consume(&b, 5);
    buf_clear(&b);
    buf_add(&b, NULL, 0);
    assert_int_equal(b.length, 0);
    assert_int_equal(b.capacity, 0);
    char *text = buf_detach(&b);
    assert_string_equal(text, "");
    free(text);
    buf_release(&b);
}

static void appending_keeps_bytes_and_the_final_nul(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_addstr(&b, "ab");
    buf_addch(&b, 'c');
    buf_add(&b, "d\0e", 3);
    buf_addf(&b, "%d-%s", 7, "x");
    buf_fill(&b, "<>", 3);
    assert_int_equal(b.length, 15);
    assert_memory_equal(b.data, "abcd\0e7-x<><><>", 16);
    assert_false(b.overflow);
    buf_release(&b);
    assert_string_equal(b.data, "");
}

static void long_formats_go_in_whole(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    for (int width = 254; width <= 258; width++) { /* around the size of the small buffer */
        buf_clear(&b);
        buf_addf(&b, "%*d", width, 5);
        assert_int_equal(b.length, width);
        assert_int_equal(b.data[width - 1], '5');
        assert_int_equal(b.data[0], ' ');
    }
    buf_release(&b);
}

static void a_cap_cuts_and_is_remembered(void **state)
{
    (void)state;
    struct buf b;
    buf_init_capped(&b, 5);
    buf_addstr(&b, "12345");
    assert_false(b.overflow);
    buf_addch(&b, '6');
    assert_true(b.overflow);
    assert_string_equal(b.data, "12345");
    buf_clear(&b);
    assert_false(b.overflow);
    buf_addstr(&b, "abcdefgh");
    assert_string_equal(b.data, "abcde");
    assert_true(b.overflow);
    buf_consume(&b, 2);
    buf_addstr(&b, "XYZ");
    assert_string_equal(b.data, "cdeXY");
    buf_release(&b);
    assert_int_equal(b.cap, 5);
}

static void truncate_and_consume(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_addstr(&b, "abcdef");
    buf_truncate(&b, 9);
    assert_string_equal(b.data, "abcdef");
    buf_truncate(&b, 4);
    assert_string_equal(b.data, "abcd");
    buf_consume(&b, 1);
    assert_string_equal(b.data, "bcd");
    buf_consume(&b, 3);
    assert_string_equal(b.data, "");
    assert_int_equal(b.length, 0);
    buf_release(&b);
}

static void detaching_gives_the_text_away(void **state)
{
    (void)state;
    struct buf b;
    buf_init_capped(&b, 10);
    buf_addstr(&b, "mine");
    char *text = buf_detach(&b);
    assert_string_equal(text, "mine");
    assert_int_equal(b.length, 0);
    assert_int_equal(b.cap, 10);
    buf_addstr(&b, "next");
    assert_string_equal(b.data, "next");
    assert_string_equal(text, "mine");
    free(text);
    buf_release(&b);
}

static void growing_arrays_keep_their_elements(void **state)
{
    (void)state;
    uint32_t *items = NULL;
    size_t count = 0, capacity = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t *item = ARRAY_PUSH(items, count, capacity);
        assert_int_equal(*item, 0);
        *item = i;
    }
    assert_int_equal(count, 1000);
    assert_true(capacity >= count);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    free(items);
}

static void an_arena_gives_zeroed_aligned_separate_memory(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    unsigned char *before = NULL;
    for (size_t size = 1; size < 3000; size += 37) {
        unsigned char *p = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
        assert_ptr_not_equal(p, before);
        before = p;
    }
    unsigned char *large = arena_alloc(&a, 100000);
    assert_int_equal(large[99999], 0);
    assert_string_equal(arena_strdup(&a, "abc"), "abc");
    assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 3), "x-3");
    arena_release(&a);
    arena_release(&a); /* twice does no harm */
}

static void copies_of_text(void **state)
{
    (void)state;
    char *a = xstrdup("abc");
    char *b = xstrndup(a, 2);
    char *c = xasprintf("%s|%s|%05d", a, b, 42);
    assert_string_equal(c, "abc|ab|00042");
    free(a);
    free(b);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_string),
        cmocka_unit_test(appending_keeps_bytes_and_the_final_nul),
        cmocka_unit_test(long_formats_go_in_whole),
        cmocka_unit_test(a_cap_cuts_and_is_remembered),
        cmocka_unit_test(truncate_and_consume),
        cmocka_unit_test(detaching_gives_the_text_away),
        cmocka_unit_test(growing_arrays_keep_their_elements),
        cmocka_unit_test(an_arena_gives_zeroed_aligned_separate_memory),
        cmocka_unit_test(copies_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
