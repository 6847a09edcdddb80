#include "base/log.h"

#include <stdarg.h>

#include "base/buf.h"

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    if (!log || level < log->threshold)
        return;
    struct buf text;
    buf_init(&text);
    va_list args;
    va_start(args, format);
    buf_addv(&text, format, args);
    va_end(args);
    log->write(log, level, text.data);
    buf_release(&text);
}
