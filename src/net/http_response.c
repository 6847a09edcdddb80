/* Reading an answer; no libcurl here. */
#include "net/http_client.h"

#include <string.h>
#include <strings.h>

void http_response_release(struct http_response *r)
{
    buf_release(&r->body);
    buf_release(&r->headers);
}

static bool copy_trimmed(const char *value, const char *end, char *out, size_t size)
{
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    size_t length = (size_t)(end - value);
    if (length >= size)
        return false;
    memcpy(out, value, length);
    out[length] = '\0';
    return true;
}

bool http_response_header(const struct http_response *r, const char *name, char *out, size_t size)
{
    size_t name_length = strlen(name);
    const char *end = r->headers.data + r->headers.length;
    for (const char *line = r->headers.data, *next; line < end; line = next) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = newline ? newline : end;
        next = newline ? newline + 1 : end;
        if ((size_t)(line_end - line) > name_length && line[name_length] == ':' &&
            strncasecmp(line, name, name_length) == 0)
            return copy_trimmed(line + name_length + 1, line_end, out, size);
    }
    return false;
}
