/*
 * http_parser.h - an incremental HTTP/1.1 request parser, RFC 9112: bytes in, requests out. No I/O.
 *
 * Feed it what arrived, in pieces of any size; the result does not depend on how the bytes were
 * cut. Strict where laxness is a risk: lines end in CRLF, one Host, one Content-Length and never
 * together with chunked, no obs-fold, no control characters, no blank around a header's name.
 * Tolerant where real clients differ: chunked bodies with extensions and trailers, absolute-form
 * targets, "Expect: 100-continue", HTTP/1.0. Percent-encoding is left alone.
 *
 * What a request is refused with: 400 malformed, 413 body over the cap, 431 head or trailers too
 * large, 501 a transfer coding other than chunked, 505 not HTTP/1.x.
 */
#ifndef LPG_NET_HTTP_PARSER_H
#define LPG_NET_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    HTTP_HEADERS_MAX = 100,
    HTTP_HEAD_MAX = 64 * 1024, /* bytes of request line and headers, line ends included */
    HTTP_TRAILERS_MAX = 8,
    HTTP_TRAILER_BYTES_MAX = 8 * 1024,
};

struct http_header {
    const char *name;  /* NUL-terminated, case as sent */
    const char *value; /* NUL-terminated, blanks around it trimmed */
};

enum http_parse_state {
    HTTP_PARSE_HEAD,
    HTTP_PARSE_BODY,
    HTTP_PARSE_CHUNK_SIZE,
    HTTP_PARSE_CHUNK_DATA,
    HTTP_PARSE_CHUNK_END,
    HTTP_PARSE_TRAILERS,
    HTTP_PARSE_DONE,
    HTTP_PARSE_FAILED,
};

struct http_parser {
    enum http_parse_state state;
    int error_status; /* 400, 413, 431, 501, 505 when FAILED */

    /* Strings inside `head` and `route`: there from the end of the head to the reset. */
    char *method;
    char *target; /* as sent */
    char *path;   /* without scheme, authority and query; "*" for OPTIONS */
    char *query;  /* "" when absent */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    bool keep_alive;
    bool expects_continue; /* the client waits for "100 Continue" before it sends the body */
    bool chunked;
    bool http_1_0;

    struct buf body; /* whole when DONE */
    struct http_header trailers[HTTP_TRAILERS_MAX];
    size_t trailer_count;

    size_t body_cap;
    uint64_t body_left; /* of the body, or of the chunk */
    struct buf head;    /* request line and headers, cut into strings in place */
    struct buf route;   /* copy of the target, cut into path and query */
    struct buf tail;    /* chunk-size lines, then the trailer lines */
};

/* `body_cap` bytes of body are accepted at most; 0: none at all. */
void http_parser_init(struct http_parser *p, size_t body_cap);
void http_parser_release(struct http_parser *p);
/* Ready for the next request on the same connection; keeps the memory, unless it was a lot. */
void http_parser_reset(struct http_parser *p);
/* Takes bytes until the request is DONE or FAILED; returns how many it took. */
size_t http_parser_feed(struct http_parser *p, const char *bytes, size_t length);
/* Value of the first header (or trailer) of that name, any case; NULL when absent. */
const char *http_parser_header(const struct http_parser *p, const char *name);
const char *http_parser_trailer(const struct http_parser *p, const char *name);

#endif
