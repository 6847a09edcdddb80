/*
 * http_client.h - an asynchronous HTTP/1.1 client on libcurl's multi interface, driven by the loop.
 *
 * The HTTP client's files (http_*) are the only owners of libcurl. What it promises beyond libcurl:
 *  - a request whose bytes were sent is never sent again. libcurl re-sends a request when a
 *    kept-alive connection dies before the answer begins; here that ends as HTTP_LOST instead,
 *    because an Invoke must not run twice;
 *  - no redirects, no netrc, no cookies, https and loopback http only, TLS 1.2 or newer;
 *  - caps on the header and body of an answer, one deadline per request, connect within 5 s.
 * Connections and easy handles are reused; each socket keeps one persistent event.
 *
 * Callbacks run from the loop, or from http_client_cancel_all() and http_client_free(); never from
 * http_client_send(). A callback may send and may cancel; it may neither call http_client_call()
 * nor free the client.
 */
#ifndef LPG_NET_HTTP_CLIENT_H
#define LPG_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/loop.h"
#include "net/sigv4.h"

struct http_client;

enum http_outcome {
    HTTP_ANSWERED,  /* a whole answer, whatever its status */
    HTTP_NOT_SENT,  /* failed before a byte of the request left: safe to try again */
    HTTP_LOST,      /* failed after that: nobody knows whether the server acted */
    HTTP_TIMEOUT,   /* the deadline passed after the request was sent */
    HTTP_TOO_LARGE, /* the answer exceeded a cap */
    HTTP_CANCELLED, /* http_client_cancel_all() */
};

/*
 * Signs the request as SigV4, when it is handed over: its host, content-type and x-amz-* headers;
 * the client adds x-amz-date, x-amz-security-token and, for S3, x-amz-content-sha256.
 */
struct http_signing {
    const struct sigv4_credentials *credentials;
    const char *region;
    const char *service;
    int64_t skew_ns; /* added to the wall clock before stamping */
};

struct http_request {
    const char *method;
    const char *url; /* scheme, authority, path, query: already encoded */
    const struct sigv4_header *headers;
    size_t header_count;
    const void *body; /* must live until the request is done */
    size_t body_length;
    const char *body_sha256; /* of the body, in hexadecimal, by who sends it often; NULL: unknown */
    const struct http_signing *signing; /* NULL: unsigned */
    uint64_t timeout_ns;                /* from http_client_send(); 0: 30 s */
    size_t body_cap;                    /* of the answer; 0: 1 MiB */
    bool metadata_service; /* plain http also to AWS's link-local credential addresses */
};

struct http_response {
    enum http_outcome outcome;
    int status; /* 0 unless HTTP_ANSWERED */
    struct buf body;
    struct buf headers;     /* raw "Name: value\r\n" lines of the final answer */
    char reason[160];       /* why, in words, unless HTTP_ANSWERED */
    uint64_t sent_ns;       /* when the request was handed to the client */
    uint64_t first_byte_ns; /* 0: none came */
    uint64_t done_ns;
};

/* Called once per request; the response is the client's and lives during the call. */
typedef void http_done_fn(void *context, const struct http_response *response);

struct http_client_options {
    size_t max_connections; /* requests on the way at once, the others wait in line; 0: no limit */
    const char *ca_bundle;  /* NULL: the system's */
};

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options,
                                    struct error *e);
/* Cancels what is under way (their callbacks run with HTTP_CANCELLED) and frees all. */
void http_client_free(struct http_client *c);
/*
 * Starts a request; the bytes leave at once when a connection is free. -1 when it cannot even be
 * started (bad URL, plain http beyond loopback, a header that is malformed or the client's own).
 * Only the body must outlive the call.
 */
int http_client_send(struct http_client *c, const struct http_request *r, http_done_fn *done,
                     void *context, struct error *e);
void http_client_cancel_all(struct http_client *c);
/* Requests that have been sent and not answered yet. */
size_t http_client_pending(const struct http_client *c);
/*
 * Runs the loop until this one request is done: for control-plane calls. The caller releases the
 * response.
 */
int http_client_call(struct http_client *c, const struct http_request *r,
                     struct http_response *response, struct error *e);
void http_response_release(struct http_response *r);

/*
 * First header of that name (any case), blanks trimmed, copied into `out`; false when absent or too
 * long.
 */
bool http_response_header(const struct http_response *r, const char *name, char *out, size_t size);

/* "libcurl/7.88.1 OpenSSL/3.0.17 ...": for --version and bug reports. */
const char *http_client_library(void);

#endif
