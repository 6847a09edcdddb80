/*
 * http_transfer.h - one request on one libcurl easy handle; internal to the HTTP client.
 *
 * http_client.c decides when a transfer runs and on which socket; here is what it sends, what it
 * accepts and how it ended. A transfer is made once and used for many requests: options that never
 * change are set at its birth, and header lines live in memory that is kept.
 */
#ifndef LPG_NET_HTTP_TRANSFER_H
#define LPG_NET_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "net/http_client.h"
#include "net/http_target.h"

struct http_sockets;
struct shard;

/* Why the client itself ended a transfer. */
enum transfer_stop { STOP_NONE, STOP_TOO_LARGE, STOP_DEADLINE, STOP_CANCELLED };

/*
 * What the requests of one client share: the signing key and the stamp of the current second. The
 * client owns it, and releases the key.
 */
struct transfer_signer {
    struct sigv4_key key;
    uint64_t stamp_second;
    char stamp[32];
};

struct transfer {
    CURL *easy;
    struct shard *shard;              /* where libcurl has it; NULL before and after */
    struct transfer *previous, *next; /* in the list that the client keeps it in */

    struct http_target target;
    CURLU *parsed;            /* the target as libcurl sees it, or it would read it every time */
    struct buf url, method;   /* what the easy handle is set to; no URL when it has failed */
    int shape;                /* enum request_shape, ditto */
    bool direct;              /* ditto: past any proxy */
    struct buf lines;         /* "Name: value" strings one behind the other */
    struct curl_slist *nodes; /* libcurl's view of them */
    size_t line_count, node_capacity;
    struct sigv4_header *signed_headers;
    size_t signed_count, signed_capacity;

    unsigned attempts; /* connections on which libcurl was about to send */
    size_t header_bytes, header_lines;
    bool head_whole; /* libcurl takes an answer that ends within its head for a whole one */
    enum transfer_stop stop;
    CURLcode result;
    char error_text[CURL_ERROR_SIZE];
    struct http_response response;

    uint64_t deadline_ns;
    http_done_fn *done;
    void *context;
};

struct transfer_settings {
    const char *ca_bundle; /* NULL: the system's */
    CURLSH *share;
    struct http_sockets *sockets;
};

struct transfer *transfer_new(const struct transfer_settings *s, struct error *e);
void transfer_free(struct transfer *t);
/* Takes the request over: checks it, signs it, sets the easy handle. */
int transfer_prepare(struct transfer *t, const struct http_request *r,
                     struct transfer_signer *signer, struct error *e);
/* After the end: fills in outcome, status, reason and done_ns of the response. */
void transfer_judge(struct transfer *t);

#endif
