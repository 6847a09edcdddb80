/*
 * buf.h - the append-only text buffer that builds every string and collects all network input.
 *
 * Appending cannot fail: memory is xmalloc's business, and a buffer with a cap simply stops growing
 * and remembers that in `overflow`, which whoever set the cap must look at. `data` is always
 * NUL-terminated (it may hold NULs of its own; `length` counts).
 */
#ifndef LPG_BASE_BUF_H
#define LPG_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* NUL-terminated; "" when nothing was added */
    size_t length;
    size_t capacity; /* 0: data is a constant, nothing allocated */
    size_t cap;      /* most bytes it may hold; 0: no limit */
    bool overflow;   /* something was cut off because of the cap */
};

void buf_init(struct buf *b);
void buf_init_capped(struct buf *b, size_t cap);
void buf_release(struct buf *b);
/* Forgets the text, keeps the memory. */
void buf_clear(struct buf *b);
/* Hands the text over to the caller, who frees it; the buffer is empty again. */
char *buf_detach(struct buf *b);

void buf_add(struct buf *b, const void *bytes, size_t length);
void buf_addstr(struct buf *b, const char *text);
void buf_addch(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Appends the text `times` times. */
void buf_fill(struct buf *b, const char *text, size_t times);
/* Cuts the text down to `length` bytes. */
void buf_truncate(struct buf *b, size_t length);
/* Removes the first `count` bytes (a parser has consumed them). */
void buf_consume(struct buf *b, size_t count);

#endif
