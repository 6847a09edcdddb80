#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *e, enum error_code code, const char *format, ...)
{
    if (!e)
        return -1;
    va_list args;
    va_start(args, format);
    e->code = code;
    vsnprintf(e->text, sizeof e->text, format, args);
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
    e->code = code;
    vsnprintf(e->text, sizeof e->text, format, args);
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
    size_t added = strlen(context);
    memcpy(context + added, ": ", 3);
    added += 2;
    size_t kept = strnlen(e->text, sizeof e->text - 1 - added);
    memmove(e->text + added, e->text, kept);
    memcpy(e->text, context, added);
    e->text[added + kept] = '\0';
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
