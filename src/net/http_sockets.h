/*
 * http_sockets.h - the sockets that libcurl uses, each with one watch on the loop; internal to the
 * HTTP client.
 *
 * libcurl forgets a socket after each request and asks for it again with the next one. Doing the
 * same on the loop would cost system calls for every request, so a watch stays until its socket is
 * closed. To know when that is, the sockets are opened and closed here, through libcurl's
 * callbacks. Those that libcurl opens by itself (its resolver's) are watched only for as long as it
 * says so.
 */
#ifndef LPG_NET_HTTP_SOCKETS_H
#define LPG_NET_HTTP_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "net/loop.h"

/* A socket is ready; `flags` are CURL_CSELECT_*, `owner` is what was given with it. */
typedef void http_ready_fn(void *owner, curl_socket_t fd, int flags);

struct http_socket {
    struct http_sockets *all;
    struct loop_watch *watch;
    void *owner;
    curl_socket_t fd;
    int wanted;  /* LOOP_READ | LOOP_WRITE; 0: libcurl does not look at it now */
    bool opened; /* by us: it is ours to close */
};

struct http_sockets {
    struct loop *loop;
    http_ready_fn *ready;
    struct http_socket **by_fd;
    size_t count;
};

void http_sockets_init(struct http_sockets *s, struct loop *loop, http_ready_fn *ready);
/* After libcurl has closed all it had open. */
void http_sockets_release(struct http_sockets *s);
/* libcurl's word on a socket: `what` is a CURL_POLL_* value. */
void http_sockets_want(struct http_sockets *s, curl_socket_t fd, int what, void *owner);

/*
 * For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION; the context is the struct
 * http_sockets.
 */
curl_socket_t http_sockets_open(void *context, curlsocktype purpose, struct curl_sockaddr *a);
int http_sockets_close(void *context, curl_socket_t fd);

#endif
