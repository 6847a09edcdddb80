/*
 * log_tail.h - the last 4 KB of an invocation's log, as Invoke with LogType=Tail returns it.
 *
 * However much a function prints, memory stays bounded. In the text format the tail is cut in the
 * middle of a line; in the JSON format it holds whole records only, and lines that are not JSON
 * objects are wrapped into records.
 */
#ifndef LPG_SANDBOX_LOG_TAIL_H
#define LPG_SANDBOX_LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { LOG_TAIL_BYTES = 4096 };

struct log_tail {
    bool json;
    struct buf raw;    /* the newest output, at least LOG_TAIL_BYTES of it */
    struct buf result; /* of log_tail_finish() */
};

void log_tail_init(struct log_tail *t, bool json);
void log_tail_release(struct log_tail *t);
/* Forgets everything: a new invocation starts. */
void log_tail_clear(struct log_tail *t);
/* Appends what the function printed. */
void log_tail_add(struct log_tail *t, const char *bytes, size_t length);
/* Appends a platform line (with its newline) on a line of its own. */
void log_tail_add_line(struct log_tail *t, const char *line, size_t length);
/* The tail; valid until the next call on `t`. `request_id` goes into wrapped records. */
const struct buf *log_tail_finish(struct log_tail *t, const char *request_id);

#endif
