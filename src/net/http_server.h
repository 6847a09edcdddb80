/*
 * http_server.h - an HTTP/1.1 server on the loop: keep-alive, pipelining in order, answers now or
 * later.
 *
 * The handler gets whole requests. It answers at once with http_reply(), or keeps the request (a
 * long poll, an Invoke that waits for its function) and answers later; `gone` tells it when the
 * client hung up in between. A request that is neither answered, begun nor kept when the handler
 * returns gets 500. What is malformed or too large never reaches the handler (http_parser.h says
 * with which status it is refused).
 *
 * One connection has one exchange at a time: what a client sends ahead waits. The handler and
 * `gone` are called from the loop only, never from inside http_reply() and its kin, so answering
 * one request while handling another is safe. A client that closes its sending half while its
 * request is kept counts as gone, as TCP cannot tell that from a client that died; one that does so
 * behind a request that is answered at once gets its answer.
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
    const char *address; /* IPv4 or IPv6, in numbers; NULL: 127.0.0.1 */
    uint16_t port;       /* 0: any free one */
    size_t body_cap;     /* larger request bodies get 413; 0: no bodies */
    http_handler_fn *handler;
    void *context;
};

/* Listens at once. NULL: ERROR_USAGE for an address that is none, ERROR_SYSTEM when it is taken. */
struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
                                    struct error *e);
/*
 * Closes the listening socket and every connection; kept requests are told through their `gone`.
 * Not to be called from the handler or from `gone`.
 */
void http_server_free(struct http_server *s);
uint16_t http_server_port(const struct http_server *s);

/* The request; valid until the answer is given (or its end, when streamed). */
const struct http_parser *http_exchange_request(const struct http_exchange *x);
/*
 * Marks the request as kept, with what to call should the client hang up first: the exchange is
 * over when `gone` returns, and must not be answered any more. Without `gone` the answer of a
 * client that hung up is thrown away.
 */
void http_exchange_keep(struct http_exchange *x, http_gone_fn *gone, void *context);

/*
 * Answers; the exchange is over and `x` is dead. `headers` may be NULL; Date, Content-Length and
 * Connection are added. Control characters in a header's value are sent as blanks. The body of an
 * answer to HEAD, or with a status that has none, is left out. Nothing is kept of what is passed.
 */
void http_reply(struct http_exchange *x, int status, const struct http_header *headers,
                size_t header_count, const void *body, size_t length);
/*
 * Answers with a stream: head now, then any number of chunks, then the end. Chunks that the client
 * is slow to take are stored without limit. Should it hang up, `gone` is called if the request was
 * kept; otherwise the rest goes nowhere and http_reply_end() is still due.
 */
void http_reply_begin(struct http_exchange *x, int status, const struct http_header *headers,
                      size_t header_count);
void http_reply_chunk(struct http_exchange *x, const void *bytes, size_t length);
void http_reply_end(struct http_exchange *x);

#endif
