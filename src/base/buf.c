#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char nothing[1] = "";

void buf_init(struct buf *b)
{
    buf_init_capped(b, 0);
}

void buf_init_capped(struct buf *b, size_t cap)
{
    *b = (struct buf){.data = nothing, .cap = cap};
}

void buf_release(struct buf *b)
{
    if (b->capacity)
        free(b->data);
    buf_init_capped(b, b->cap);
}

void buf_clear(struct buf *b)
{
    b->length = 0;
    b->overflow = false;
    if (b->capacity)
        b->data[0] = '\0';
}

char *buf_detach(struct buf *b)
{
    char *text = b->capacity ? b->data : xstrdup("");
    buf_init_capped(b, b->cap);
    return text;
}

/* Makes room for `more` bytes and the NUL; gives how many of them the cap allows. */
static size_t make_room(struct buf *b, size_t more)
{
    if (b->cap && more > b->cap - b->length) {
        more = b->cap - b->length;
        b->overflow = true;
    }
    size_t need = b->length + more + 1;
    if (need > b->capacity) {
        char *owned = b->capacity ? b->data : NULL;
        b->data = array_reserve(owned, &b->capacity, need < 64 ? 64 : need, 1);
    }
    return more;
}

void buf_add(struct buf *b, const void *bytes, size_t length)
{
    if (!length)
        return;
    length = make_room(b, length);
    memcpy(b->data + b->length, bytes, length);
    b->length += length;
    b->data[b->length] = '\0';
}

void buf_addstr(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_addch(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addv(struct buf *b, const char *format, va_list args)
{
    char small[256];
    va_list copy;
    va_copy(copy, args);
    int length = vsnprintf(small, sizeof small, format, copy);
    va_end(copy);
    if (length < 0)
        return;
    if ((size_t)length < sizeof small) {
        buf_add(b, small, (size_t)length);
        return;
    }
    char *large = xmalloc((size_t)length + 1);
    vsnprintf(large, (size_t)length + 1, format, args);
    buf_add(b, large, (size_t)length);
    free(large);
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_addv(b, format, args);
    va_end(args);
}

void buf_fill(struct buf *b, const char *text, size_t times)
{
    while (times--)
        buf_addstr(b, text);
}

void buf_truncate(struct buf *b, size_t length)
{
    if (length >= b->length)
        return;
    b->length = length;
    b->data[length] = '\0';
}

void buf_consume(struct buf *b, size_t count)
{
    if (count >= b->length) {
        b->length = 0;
    } else {
        memmove(b->data, b->data + count, b->length - count);
        b->length -= count;
    }
    if (b->capacity)
        b->data[b->length] = '\0';
}
