/*
 * http_head.h - the head of an HTTP/1.1 answer as text. Used by http_server.c only.
 *
 *     http_head_begin(out, 200, date);
 *     http_head_field(out, "Content-Type", "application/json");
 *     http_head_end(out, length);
 */
#ifndef LPG_NET_HTTP_HEAD_H
#define LPG_NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* "Not Found"; "" for a status that is not in the table. */
const char *http_head_reason(int status);
/* Whether an answer with that status has a body (if it is not to HEAD). */
bool http_head_has_body(int status);

/* Status line and Date. */
void http_head_begin(struct buf *out, int status, const char *date);
/* Control characters in the value become blanks: whoever it comes from, it cannot end the line. */
void http_head_field(struct buf *out, const char *name, const char *value);
/* Content-Length and the empty line. */
void http_head_end(struct buf *out, size_t length);

#endif
