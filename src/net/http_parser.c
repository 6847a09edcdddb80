#include "net/http_parser.h"

#include <string.h>

#include "base/text.h"

enum {
    CHUNK_LINE_MAX = 256,       /* a chunk's size and extensions */
    KEEP_CAPACITY = 256 * 1024, /* a larger buffer is given back between requests */
};

/* --- characters (RFC 9110 section 5.6, RFC 3986) --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_token_char(char c)
{
    if (is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    switch (c) {
    case '!':
    case '#':
    case '$':
    case '%':
    case '&':
    case '\'':
    case '*':
    case '+':
    case '-':
    case '.':
    case '^':
    case '_':
    case '`':
    case '|':
    case '~':
        return true;
    default:
        return false;
    }
}

static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_token_char(text[i]))
            return false;
    return length > 0;
}

/* What a field value may hold: anything but control characters; a tab is a blank. */
static bool is_value(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_visible(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return length > 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Whether the slice is `word` (in lower case), in any case. */
static bool slice_is(const char *text, size_t length, const char *word)
{
    for (size_t i = 0; i < length; i++)
        if (lower(text[i]) != word[i]) /* also stops at the word's NUL */
            return false;
    return word[length] == '\0';
}

/* Whether a comma-separated list has that member. */
static bool list_has(const char *list, const char *word)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        size_t from = 0, to = length;
        while (from < to && is_blank(list[from]))
            from++;
        while (to > from && is_blank(list[to - 1]))
            to--;
        if (slice_is(list + from, to - from, word))
            return true;
        list += length + (list[length] == ',');
    }
    return false;
}

/* --- pieces --- */

static void fail(struct http_parser *p, int status)
{
    p->state = HTTP_PARSE_FAILED;
    p->error_status = status;
}

/*
 * Takes bytes up to and with the next line end. True when there is one. A line end without its CR
 * is refused here, at the byte where it shows, or a sloppy client would wait for ever.
 */
static bool take_line(struct http_parser *p, struct buf *to, size_t max, int too_long,
                      const char **bytes, size_t length)
{
    const char *end = memchr(*bytes, '\n', length);
    size_t piece = end ? (size_t)(end - *bytes) + 1 : length;
    if (piece > max - to->length) {
        fail(p, too_long);
        return false;
    }
    buf_add(to, *bytes, piece);
    *bytes += piece;
    if (!end)
        return false;
    if (to->length < 2 || to->data[to->length - 2] != '\r') {
        fail(p, 400);
        return false;
    }
    return true;
}

/* Whether the lines so far end with the empty one. */
static bool ends_section(const struct buf *lines)
{
    return lines->length == 2 ||
           (lines->length >= 4 && !memcmp(lines->data + lines->length - 4, "\r\n\r\n", 4));
}

/* Cuts the line at `*line` off as a string and moves on; its length, without the CRLF. */
static size_t cut_line(char **line, const char *end)
{
    char *feed = memchr(*line, '\n', (size_t)(end - *line));
    size_t length = (size_t)(feed - *line) - 1;
    (*line)[length] = '\0';
    *line = feed + 1;
    return length;
}

/* "Name: value" in place. */
static bool parse_field(char *line, size_t length, struct http_header *out)
{
    char *colon = memchr(line, ':', length);
    if (!colon || !is_token(line, (size_t)(colon - line)))
        return false;
    char *from = colon + 1, *to = line + length;
    while (from < to && is_blank(*from))
        from++;
    while (to > from && is_blank(to[-1]))
        to--;
    if (!is_value(from, (size_t)(to - from)))
        return false;
    *colon = *to = '\0';
    *out = (struct http_header){line, from};
    return true;
}

/* The field lines from `line` to the empty one; 0 or the status to refuse with. */
static int parse_fields(char *line, const char *end, struct http_header *fields, size_t max,
                        size_t *count)
{
    for (;;) {
        char *start = line;
        size_t length = cut_line(&line, end);
        if (!length)
            return 0;
        if (*count == max)
            return 431;
        if (!parse_field(start, length, &fields[*count]))
            return 400;
        ++*count;
    }
}

/* --- the request line --- */

/*
 * Path and query of a target. "/p?q" and "http://host/p?q" are what clients send, "*" goes with
 * OPTIONS; the authority-form of CONNECT is for proxies. They are cut from a copy, since the target
 * stays whole.
 */
static bool split_target(struct http_parser *p)
{
    buf_addstr(&p->route, p->target);
    char *path = p->route.data;
    if (!strcmp(path, "*") && !strcmp(p->method, "OPTIONS")) {
        p->path = path;
        p->query = path + 1;
        return true;
    }
    if (*path != '/') {
        char *authority = strstr(path, "://");
        if (!authority)
            return false;
        size_t scheme = (size_t)(authority - path);
        if (!slice_is(path, scheme, "http") && !slice_is(path, scheme, "https"))
            return false;
        authority += 3;
        size_t host = strcspn(authority, "/?");
        if (!host)
            return false;
        path = authority + host;
        if (*path != '/')
            *--path = '/'; /* "http://host?q": over the host's last letter */
    }
    p->path = path;
    char *mark = strchr(path, '?');
    p->query = mark ? mark + 1 : path + strlen(path);
    if (mark)
        *mark = '\0';
    return true;
}

/* "HTTP/1.1" and its kin; 0 or the status to refuse with. */
static int parse_version(struct http_parser *p, const char *text)
{
    if (strlen(text) != 8 || memcmp(text, "HTTP/", 5) || !is_digit(text[5]) || text[6] != '.' ||
        !is_digit(text[7]))
        return 400;
    if (text[5] != '1')
        return 505;
    p->http_1_0 = text[7] == '0';
    return 0;
}

/* "METHOD target HTTP/1.1", one blank each; 0 or the status to refuse with. */
static int parse_request_line(struct http_parser *p, char *line, size_t length)
{
    char *target = memchr(line, ' ', length);
    char *version = target ? memchr(target + 1, ' ', length - (size_t)(target + 1 - line)) : NULL;
    if (!version || strlen(line) != length)
        return 400;
    *target++ = *version++ = '\0';
    size_t target_length = (size_t)(version - 1 - target);
    if (!is_token(line, (size_t)(target - 1 - line)) || !is_visible(target, target_length))
        return 400;
    p->method = line;
    p->target = target;
    int status = parse_version(p, version);
    if (status)
        return status;
    return split_target(p) ? 0 : 400;
}

/* --- the headers that frame the message --- */

struct framing {
    const char *host, *length, *coding;
    bool twice; /* one of them came more than once */
    bool closes, stays;
};

static void note_once(struct framing *f, const char **slot, const char *value)
{
    f->twice |= *slot != NULL;
    *slot = value;
}

static struct framing read_framing(struct http_parser *p)
{
    struct framing f = {0};
    for (size_t i = 0; i < p->header_count; i++) {
        const char *name = p->headers[i].name;
        const char *value = p->headers[i].value;
        if (text_same(name, "host"))
            note_once(&f, &f.host, value);
        else if (text_same(name, "content-length"))
            note_once(&f, &f.length, value);
        else if (text_same(name, "transfer-encoding"))
            f.coding = f.coding ? "several" : value;
        else if (text_same(name, "expect"))
            p->expects_continue = text_same(value, "100-continue") && !p->http_1_0;
        else if (text_same(name, "connection")) {
            f.closes |= list_has(value, "close");
            f.stays |= list_has(value, "keep-alive");
        }
    }
    p->keep_alive = !f.closes && (f.stays || !p->http_1_0);
    return f;
}

/* Digits only; more than fits counts as the largest number. */
static bool parse_length(const char *text, uint64_t *length)
{
    uint64_t n = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (!is_digit(*text))
            return false;
        n = n > (UINT64_MAX - 9) / 10 ? UINT64_MAX : n * 10 + (uint64_t)(*text - '0');
    }
    *length = n;
    return true;
}

/* How the body comes; 0 or the status to refuse with. */
static int parse_framing(struct http_parser *p)
{
    struct framing f = read_framing(p);
    if (f.twice || (!f.host && !p->http_1_0))
        return 400;
    if (f.coding) {
        if (f.length || p->http_1_0)
            return 400;
        p->chunked = text_same(f.coding, "chunked");
        return p->chunked ? 0 : 501;
    }
    if (f.length && !parse_length(f.length, &p->body_left))
        return 400;
    return p->body_left > p->body_cap ? 413 : 0;
}

/* --- states --- */

/* Makes sense of the whole head. Nothing points into it before, as it moves while it grows. */
static void finish_head(struct http_parser *p)
{
    char *line = p->head.data, *rest = line;
    const char *end = line + p->head.length;
    size_t length = cut_line(&rest, end);
    int status = parse_request_line(p, line, length);
    if (!status)
        status = parse_fields(rest, end, p->headers, HTTP_HEADERS_MAX, &p->header_count);
    if (!status)
        status = parse_framing(p);
    if (status) {
        fail(p, status);
        return;
    }
    p->state = HTTP_PARSE_DONE;
    if (p->chunked)
        p->state = HTTP_PARSE_CHUNK_SIZE;
    else if (p->body_left)
        p->state = HTTP_PARSE_BODY;
    p->expects_continue = p->expects_continue && p->state != HTTP_PARSE_DONE;
}

static void take_head(struct http_parser *p, const char **bytes, size_t length)
{
    if (!take_line(p, &p->head, HTTP_HEAD_MAX, 431, bytes, length))
        return;
    if (p->head.length == 2) /* an empty line in front of a request is skipped */
        buf_clear(&p->head);
    else if (ends_section(&p->head))
        finish_head(p);
}

static void take_body(struct http_parser *p, const char **bytes, size_t length)
{
    size_t piece = p->body_left < length ? (size_t)p->body_left : length;
    buf_add(&p->body, *bytes, piece);
    *bytes += piece;
    p->body_left -= piece;
    if (!p->body_left)
        p->state = p->chunked ? HTTP_PARSE_CHUNK_END : HTTP_PARSE_DONE;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a;extension": the size, extensions are not for us. */
static bool parse_chunk_size(const char *line, size_t length, uint64_t *size)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < length && hex_value(line[i]) >= 0; i++)
        n = n > UINT64_MAX >> 4 ? UINT64_MAX : n << 4 | (uint64_t)hex_value(line[i]);
    if (!i)
        return false;
    *size = n;
    while (i < length && is_blank(line[i]))
        i++;
    return i == length || (line[i] == ';' && is_value(line + i, length - i));
}

static void take_chunk_size(struct http_parser *p, const char **bytes, size_t length)
{
    if (!take_line(p, &p->tail, CHUNK_LINE_MAX, 400, bytes, length))
        return;
    if (!parse_chunk_size(p->tail.data, p->tail.length - 2, &p->body_left))
        fail(p, 400);
    else if (p->body_left > p->body_cap - p->body.length)
        fail(p, 413);
    else
        p->state = p->body_left ? HTTP_PARSE_CHUNK_DATA : HTTP_PARSE_TRAILERS;
    buf_clear(&p->tail);
}

static void take_chunk_end(struct http_parser *p, const char **bytes, size_t length)
{
    if (!take_line(p, &p->tail, 2, 400, bytes, length))
        return;
    buf_clear(&p->tail);
    p->state = HTTP_PARSE_CHUNK_SIZE;
}

static void take_trailers(struct http_parser *p, const char **bytes, size_t length)
{
    if (!take_line(p, &p->tail, HTTP_TRAILER_BYTES_MAX, 431, bytes, length) ||
        !ends_section(&p->tail))
        return;
    int status = parse_fields(p->tail.data, p->tail.data + p->tail.length, p->trailers,
                              HTTP_TRAILERS_MAX, &p->trailer_count);
    if (status)
        fail(p, status);
    else
        p->state = HTTP_PARSE_DONE;
}

typedef void take_fn(struct http_parser *p, const char **bytes, size_t length);

static take_fn *const takers[] = {
    [HTTP_PARSE_HEAD] = take_head,
    [HTTP_PARSE_BODY] = take_body,
    [HTTP_PARSE_CHUNK_SIZE] = take_chunk_size,
    [HTTP_PARSE_CHUNK_DATA] = take_body,
    [HTTP_PARSE_CHUNK_END] = take_chunk_end,
    [HTTP_PARSE_TRAILERS] = take_trailers,
};

size_t http_parser_feed(struct http_parser *p, const char *bytes, size_t length)
{
    const char *at = bytes, *end = bytes + length;
    while (at < end && p->state < HTTP_PARSE_DONE)
        takers[p->state](p, &at, (size_t)(end - at));
    return (size_t)(at - bytes);
}

/* --- the rest --- */

void http_parser_init(struct http_parser *p, size_t body_cap)
{
    *p = (struct http_parser){.body_cap = body_cap};
    buf_init(&p->head);
    buf_init(&p->route);
    buf_init(&p->body);
    buf_init(&p->tail);
    http_parser_reset(p);
}

void http_parser_release(struct http_parser *p)
{
    buf_release(&p->head);
    buf_release(&p->route);
    buf_release(&p->body);
    buf_release(&p->tail);
}

void http_parser_reset(struct http_parser *p)
{
    p->state = HTTP_PARSE_HEAD;
    p->error_status = 0;
    p->method = p->target = p->path = p->query = NULL;
    p->header_count = p->trailer_count = 0;
    p->keep_alive = p->expects_continue = p->chunked = p->http_1_0 = false;
    p->body_left = 0;
    buf_clear(&p->head);
    buf_clear(&p->route);
    buf_clear(&p->tail);
    if (p->body.capacity > KEEP_CAPACITY)
        buf_release(&p->body);
    buf_clear(&p->body);
}

static const char *find_field(const struct http_header *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(fields[i].name, name))
            return fields[i].value;
    return NULL;
}

const char *http_parser_header(const struct http_parser *p, const char *name)
{
    return find_field(p->headers, p->header_count, name);
}

const char *http_parser_trailer(const struct http_parser *p, const char *name)
{
    return find_field(p->trailers, p->trailer_count, name);
}
