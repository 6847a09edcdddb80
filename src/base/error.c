#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void set_text(struct error *e, enum error_code code,
                                                           const char *format, va_list args)
{
    char text[sizeof e->text]; /* an argument may be the old text itself */
    vsnprintf(text, sizeof text, format, args);
    e->code = code;
    memcpy(e->text, text, strlen(text) + 1);
}

int error_set(struct error *e, enum error_code code, const char *format, ...)
{
    if (!e)
        return -1;
    va_list args;
    va_start(args, format);
    set_text(e, code, format, args);
    va_end(args);
    return -1;
}

int error_errno(struct error *e, enum error_code code, const char *format, ...)
{
    int saved = errno;
    if (!e)
        return -1;
    va_list args;
    va_start(args, format);
    set_text(e, code, format, args);
    va_end(args);
    return error_suffix(e, ": %s", strerror(saved));
}

int error_prefix(struct error *e, const char *format, ...)
{
    if (!e)
        return -1;
    char context[512];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context - 2, format, args);
    va_end(args);
    size_t used = strlen(context);
    memcpy(context + used, ": ", 3);
    used += 2;
    size_t room = sizeof e->text - 1 - used;
    size_t rest = strnlen(e->text, room);
    memmove(e->text + used, e->text, rest);
    memcpy(e->text, context, used);
    e->text[used + rest] = '\0';
    return -1;
}

int error_suffix(struct error *e, const char *format, ...)
{
    if (!e)
        return -1;
    size_t used = strnlen(e->text, sizeof e->text);
    va_list args;
    va_start(args, format);
    vsnprintf(e->text + used, sizeof e->text - used, format, args);
    va_end(args);
    return -1;
}
