#include "net/http_sockets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

void http_sockets_init(struct http_sockets *s, struct loop *loop, http_ready_fn *ready)
{
    *s = (struct http_sockets){.loop = loop, .ready = ready};
}

static void on_event(void *context, int events)
{
    struct http_socket *k = context;
    if (!k->wanted) { /* an idle connection was closed by its server: libcurl will find out */
        loop_watch_set(k->watch, 0);
        return;
    }
    int flags =
        (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    k->all->ready(k->owner, k->fd, flags); /* may free the socket */
}

static struct http_socket *find(const struct http_sockets *s, curl_socket_t fd)
{
    return (size_t)fd < s->count ? s->by_fd[fd] : NULL;
}

static struct http_socket *add(struct http_sockets *s, curl_socket_t fd)
{
    if ((size_t)fd >= s->count) {
        size_t capacity = s->count;
        s->by_fd = array_reserve(s->by_fd, &capacity, (size_t)fd + 1, sizeof(struct http_socket *));
        memset(s->by_fd + s->count, 0, (capacity - s->count) * sizeof(struct http_socket *));
        s->count = capacity;
    }
    struct http_socket *k = xcalloc(1, sizeof *k);
    k->all = s;
    k->fd = fd;
    k->watch = loop_watch_new(s->loop, fd, on_event, k);
    s->by_fd[fd] = k;
    return k;
}

static void forget(struct http_socket *k)
{
    k->all->by_fd[k->fd] = NULL;
    loop_watch_free(k->watch);
    free(k);
}

void http_sockets_release(struct http_sockets *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->by_fd[i])
            forget(s->by_fd[i]);
    free(s->by_fd);
}

void http_sockets_want(struct http_sockets *s, curl_socket_t fd, int what, void *owner)
{
    struct http_socket *k = find(s, fd);
    if (what == CURL_POLL_REMOVE) {
        if (k && k->opened)
            k->wanted = 0; /* the kernel keeps its registration */
        else if (k)
            forget(k);
        return;
    }
    if (!k)
        k = add(s, fd);
    k->owner = owner;
    k->wanted = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    loop_watch_set(k->watch, k->wanted);
}

curl_socket_t http_sockets_open(void *context, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)purpose;
    int fd = socket(a->family, a->socktype, a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    /* libcurl closes a socket that is still connecting without telling us: its number comes back. */
    struct http_socket *stale = find(context, fd);
    if (stale)
        forget(stale);
    add(context, fd)->opened = true;
    return fd;
}

int http_sockets_close(void *context, curl_socket_t fd)
{
    struct http_socket *k = find(context, fd);
    if (k)
        forget(k);
    return close(fd);
}
