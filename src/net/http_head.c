#include "net/http_head.h"

#include "base/mem.h"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *http_head_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

static void add_number(struct buf *out, size_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    buf_add(out, digits + at, sizeof digits - at);
}

void http_head_field(struct buf *out, const char *name, const char *value)
{
    buf_addstr(out, name);
    buf_add(out, ": ", 2);
    size_t from = out->length;
    buf_addstr(out, value);
    for (size_t i = from; i < out->length; i++) {
        unsigned char c = (unsigned char)out->data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            out->data[i] = ' ';
    }
    buf_add(out, "\r\n", 2);
}

bool http_head_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

void http_head_begin(struct buf *out, int status, const char *date)
{
    buf_addstr(out, "HTTP/1.1 ");
    add_number(out, (size_t)status);
    buf_addch(out, ' ');
    buf_addstr(out, http_head_reason(status));
    buf_addstr(out, "\r\nDate: ");
    buf_addstr(out, date);
    buf_addstr(out, "\r\n");
}

void http_head_end(struct buf *out, size_t length)
{
    buf_addstr(out, "Content-Length: ");
    add_number(out, length);
    buf_addstr(out, "\r\n\r\n");
}
