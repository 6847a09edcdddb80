/*
 * http_server.h - an HTTP/1.1 server on the loop: keep-alive, pipelining in order, answers now or
 * later.
 *
 * The handler gets whole requests. It answers at once with http_reply(), or keeps the request (a
 * long poll, an Invoke that waits for its function) and answers later; `gone` tells it when the
 * client hung up in between.
 */
#ifndef LPG_NET_HTTP_SERVER_H
#define LPG_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/http_parser.h"
#include "net/loop.h"

struct http_server;
struct http_exchange; /* one request and its answer */

typedef void http_handler_fn(void *context, struct http_exchange *x);
typedef void http_gone_fn(void *context, struct http_exchange *x);

struct http_server_options {
    const char *address; /* NULL: 127.0.0.1 */
    uint16_t port;       /* 0: any free one */
    size_t body_cap;     /* larger request bodies get 413 */
    http_handler_fn *handler;
    void *context;
};

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
                                    struct error *e);
/* Closes the listening socket and every connection; kept requests are told through their `gone`. */
void http_server_free(struct http_server *s);
uint16_t http_server_port(const struct http_server *s);

/* The request; valid until the answer is given. */
const struct http_parser *http_exchange_request(const struct http_exchange *x);
/* Marks the request as kept, with what to call should the client hang up first (the exchange is
 * then over). */
void http_exchange_keep(struct http_exchange *x, http_gone_fn *gone, void *context);

/* Answers; the exchange is over. `headers` may be NULL; Content-Length and Connection are added. */
void http_reply(struct http_exchange *x, int status, const struct http_header *headers,
                size_t header_count, const void *body, size_t length);
/* Answers with a stream: head now, then any number of chunks, then the end. */
void http_reply_begin(struct http_exchange *x, int status, const struct http_header *headers,
                      size_t header_count);
void http_reply_chunk(struct http_exchange *x, const void *bytes, size_t length);
void http_reply_end(struct http_exchange *x);

#endif
