/*
 * log.h - how a library module tells the user something on the way: through a sink that cmd/
 * provides.
 *
 * Nothing below cmd/ prints. A `struct log` may be NULL: then nobody listens.
 */
#ifndef LPG_BASE_LOG_H
#define LPG_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING };

struct log {
    void (*write)(struct log *log, enum log_level level, const char *text);
    enum log_level threshold; /* what is below it is not even formatted */
};

void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
