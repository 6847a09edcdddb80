/*
 * mem.h - memory: allocation that cannot fail, and an arena for data that dies together.
 *
 * A command-line tool that is out of memory has nothing better to do than to say so and stop; so
 * the x-functions end the process with one message instead of returning NULL.
 */
#ifndef LPG_BASE_MEM_H
#define LPG_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
/* Copies exactly `length` bytes and adds a NUL; so does arena_strndup(). */
char *xstrndup(const char *text, size_t length);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for at least `need` elements in a growing array; *capacity counts elements. */
void *array_reserve(void *items, size_t *capacity, size_t need, size_t item_size);

/* ARRAY_PUSH(items, count, capacity): appends one zeroed element and gives a void pointer to it. */
#define ARRAY_PUSH(items, count, capacity)                                                         \
    ((items) = array_reserve((items), &(capacity), (count) + 1, sizeof *(items)),                  \
     array_zero(&(items)[(count)++], sizeof *(items)))

/* Sets the bytes to zero and returns `item`. */
void *array_zero(void *item, size_t size);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/*
 * An arena hands out memory that is freed all at once. The plan lives in one, a result in another,
 * so that the functions which fill them free nothing.
 */
struct arena {
    struct arena_block *blocks;
};

void arena_init(struct arena *a);
void arena_release(struct arena *a);
/* Zeroed memory, aligned for any type; lives until arena_release(). */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t length);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
