#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http_head.h"
#include "os/clock.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* the program ignores SIGPIPE anyway */
#endif

enum {
    AHEAD_BYTES = 64 * 1024,    /* one read; stored of what a client sends before its turn */
    KEEP_CAPACITY = 256 * 1024, /* a larger buffer is given back when it is empty */
    ACCEPTS_PER_WAKE = 64,
    LINGER_BYTES = 64 * 1024 * 1024, /* read and thrown away behind a refusal */
};

#define LINGER_NS       (2 * NS_PER_S)
#define ACCEPT_RETRY_NS (100 * NS_PER_MS)

enum phase {
    READING,   /* waits for a request, or for the rest of one */
    ANSWERING, /* the request is with the handler */
    CLOSING,   /* the last answer leaves, then the connection ends */
    LINGERING, /* refused: what the client still sends is read, or a reset could eat the refusal */
};

struct connection;

struct http_exchange {
    struct connection *connection;
    http_gone_fn *gone;
    void *gone_context;
    bool kept;
    bool streaming;
    bool bodiless; /* HEAD, 204, 304 */
};

struct connection {
    struct http_server *server;
    struct connection *previous, *next;
    struct loop_watch *watch;
    struct loop_timer *later; /* made when first needed */
    struct http_exchange exchange;
    struct http_parser parser;
    struct buf in;  /* came before its turn */
    struct buf out; /* to be sent from `sent` on */
    size_t sent;
    size_t discarded;
    int fd;
    enum phase phase;
    bool pumping; /* inside pump(): it decides what comes next */
    bool eof;     /* the client sends no more */
    bool broken;  /* neither reading nor writing works any more */
    bool shut;    /* our half is closed */
};

struct http_server {
    struct loop *loop;
    http_handler_fn *handler;
    void *context;
    size_t body_cap;
    struct connection *connections;
    struct loop_watch *watch;
    struct loop_timer *retry; /* of accept, while there are no descriptors */
    int fd;
    uint16_t port;
    uint64_t date_s; /* the second that `date` shows */
    char date[CLOCK_STAMP_BYTES];
    char scratch[AHEAD_BYTES];
};

/* --- the head of an answer --- */

static const char *date_now(struct http_server *s)
{
    uint64_t wall_ns = clock_wall_ns();
    if (wall_ns / NS_PER_S != s->date_s) {
        s->date_s = wall_ns / NS_PER_S;
        clock_stamp_http(wall_ns, s->date);
    }
    return s->date;
}

/* All but the lines that frame the body. */
static void add_head(struct connection *c, int status, const struct http_header *headers,
                     size_t header_count)
{
    struct buf *out = &c->out;
    http_head_begin(out, status, date_now(c->server));
    for (size_t i = 0; i < header_count; i++)
        http_head_field(out, headers[i].name, headers[i].value);
    if (!c->parser.keep_alive)
        buf_addstr(out, "Connection: close\r\n");
    else if (c->parser.http_1_0)
        buf_addstr(out, "Connection: keep-alive\r\n");
}

/* --- sending --- */

static bool is_sending(const struct connection *c)
{
    return c->out.length > c->sent;
}

static void empty_out(struct connection *c)
{
    c->sent = 0;
    if (c->out.capacity > KEEP_CAPACITY)
        buf_release(&c->out);
    buf_clear(&c->out);
}

/* Bytes that the kernel took; marks the connection broken when it never will take any. */
static size_t send_parts(struct connection *c, struct iovec *parts, size_t count)
{
    struct msghdr message = {.msg_iov = parts};
    message.msg_iovlen = count;
    ssize_t n;
    do
        n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return (size_t)n;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        c->broken = true;
    return 0;
}

/*
 * Sends what is stored and `bytes` behind it in one go; stores what does not fit into the socket.
 */
static void transmit(struct connection *c, const void *bytes, size_t length)
{
    size_t stored = c->out.length - c->sent;
    if (!c->broken && stored + length) {
        struct iovec parts[2] = {{c->out.data + c->sent, stored},
                                 {(void *)(uintptr_t)bytes, length}};
        size_t n = send_parts(c, parts, length ? 2 : 1);
        size_t from_store = n < stored ? n : stored;
        c->sent += from_store;
        if (n > from_store) {
            bytes = (const char *)bytes + (n - from_store);
            length -= n - from_store;
        }
    }
    if (c->broken || c->sent == c->out.length)
        empty_out(c);
    if (c->broken)
        return;
    if (c->sent > KEEP_CAPACITY && c->sent > c->out.length / 2) {
        buf_consume(&c->out, c->sent);
        c->sent = 0;
    }
    buf_add(&c->out, bytes, length);
}

/* --- the life of a connection --- */

static void unlink_connection(struct connection *c)
{
    if (c->previous)
        c->previous->next = c->next;
    else
        c->server->connections = c->next;
    if (c->next)
        c->next->previous = c->previous;
}

/* Ends the connection; tells who kept its request. */
static void drop(struct connection *c)
{
    unlink_connection(c);
    loop_watch_free(c->watch);
    loop_timer_free(c->later);
    close(c->fd);
    if (c->phase == ANSWERING && c->exchange.gone)
        c->exchange.gone(c->exchange.gone_context, &c->exchange);
    http_parser_release(&c->parser);
    buf_release(&c->in);
    buf_release(&c->out);
    free(c);
}

/* Whether nothing more can happen on it. What was sent ahead has been looked at before. */
static bool is_over(const struct connection *c)
{
    switch (c->phase) {
    case READING:
    case LINGERING:
        return c->broken || (c->eof && !is_sending(c));
    case ANSWERING:
        return (c->broken || c->eof) && c->exchange.gone;
    case CLOSING:
        return c->broken || !is_sending(c);
    }
    return true;
}

/* A connection is always read, so that a hang-up is seen, until the client is too far ahead. */
static void update_watch(struct connection *c)
{
    int events = 0;
    if (!c->broken && is_sending(c))
        events |= LOOP_WRITE;
    if (!c->broken && !c->eof && c->in.length < AHEAD_BYTES)
        events |= LOOP_READ;
    loop_watch_set(c->watch, events);
}

static void on_later(void *context);

static void call_later(struct connection *c, uint64_t at_ns)
{
    if (!c->later)
        c->later = loop_timer_new(c->server->loop, on_later, c);
    loop_timer_set(c->later, at_ns);
}

/* The exchange is over. Whatever calls the handler or `gone` next does so from the loop. */
static void finish(struct connection *c)
{
    c->phase = c->parser.keep_alive ? READING : CLOSING;
    c->exchange = (struct http_exchange){.connection = c};
    http_parser_reset(&c->parser);
    if (c->pumping)
        return;
    if (c->phase == READING && c->in.length && !is_sending(c) && !c->broken)
        call_later(c, 0);
    else if (is_over(c))
        drop(c);
    else
        update_watch(c);
}

/* Answers what the parser refused. The rest of the input cannot be understood any more. */
static void refuse(struct connection *c)
{
    int status = c->parser.error_status;
    const char *reason = http_head_reason(status);
    const struct http_header type = {"Content-Type", "text/plain"};
    c->parser.keep_alive = false;
    add_head(c, status, &type, 1);
    http_head_end(&c->out, strlen(reason) + 1);
    buf_addstr(&c->out, reason);
    transmit(c, "\n", 1);
    c->phase = LINGERING;
    call_later(c, clock_now_ns() + LINGER_NS);
}

static void dispatch(struct connection *c)
{
    struct http_exchange *x = &c->exchange;
    c->phase = ANSWERING;
    x->bodiless = !strcmp(c->parser.method, "HEAD");
    c->server->handler(c->server->context, x);
    if (c->phase == ANSWERING && !x->kept && !x->streaming)
        http_reply(x, 500, NULL, 0, NULL, 0);
}

/* The next request is not looked at before the last answer has left. */
static bool can_parse(const struct connection *c)
{
    return c->phase == READING && !c->broken && !is_sending(c);
}

/*
 * Parses and handles requests as long as each is answered at once; returns how many bytes it took.
 */
static size_t pump(struct connection *c, const char *bytes, size_t length)
{
    struct http_parser *p = &c->parser;
    size_t used = 0;
    c->pumping = true;
    while (can_parse(c) && used < length) {
        used += http_parser_feed(p, bytes + used, length - used);
        if (p->state == HTTP_PARSE_DONE) {
            dispatch(c);
        } else if (p->state == HTTP_PARSE_FAILED) {
            refuse(c);
        } else if (p->expects_continue && p->state != HTTP_PARSE_HEAD) {
            p->expects_continue = false;
            if (!p->body.length)
                transmit(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        }
    }
    c->pumping = false;
    return c->phase == LINGERING ? length : used;
}

static void receive(struct connection *c)
{
    char *bytes = c->server->scratch;
    ssize_t n = recv(c->fd, bytes, AHEAD_BYTES - c->in.length, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            c->broken = true;
        return;
    }
    size_t length = (size_t)n;
    if (!length) {
        c->eof = true;
    } else if (c->phase == LINGERING) {
        c->discarded += length;
        if (c->discarded > LINGER_BYTES)
            c->broken = true;
    } else {
        size_t used = c->in.length ? 0 : pump(c, bytes, length);
        buf_add(&c->in, bytes + used, length - used);
    }
}

/* Ends every visit from the loop: does what can be done now, then waits for the rest or drops. */
static void settle(struct connection *c)
{
    if (c->in.length && can_parse(c))
        buf_consume(&c->in, pump(c, c->in.data, c->in.length));
    if (c->phase == LINGERING && !c->shut && !is_sending(c)) {
        shutdown(c->fd, SHUT_WR);
        c->shut = true;
    }
    if (is_over(c))
        drop(c);
    else
        update_watch(c);
}

static void on_io(void *context, int events)
{
    struct connection *c = context;
    if (events & LOOP_WRITE)
        transmit(c, NULL, 0);
    if (events & LOOP_READ)
        receive(c);
    settle(c);
}

static void on_later(void *context)
{
    struct connection *c = context;
    if (c->phase == LINGERING)
        c->broken = true; /* waited long enough */
    settle(c);
}

/* --- accepting --- */

static int accept_next(int listener)
{
#ifdef __linux__
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
#endif
}

static void add_connection(struct http_server *s, int fd)
{
    struct connection *c = xcalloc(1, sizeof *c);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->server = s;
    c->fd = fd;
    c->exchange.connection = c;
    http_parser_init(&c->parser, s->body_cap);
    buf_init(&c->in);
    buf_init(&c->out);
    c->watch = loop_watch_new(s->loop, fd, on_io, c);
    c->next = s->connections;
    if (c->next)
        c->next->previous = c;
    s->connections = c;
    update_watch(c);
}

/* Out of descriptors or memory: what waits stays in the backlog, and would wake us all the time. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_accept(void *context, int events)
{
    (void)events;
    struct http_server *s = context;
    for (int i = 0; i < ACCEPTS_PER_WAKE; i++) {
        int fd = accept_next(s->fd);
        if (fd >= 0) {
            add_connection(s, fd);
        } else if (is_shortage(errno)) {
            loop_watch_set(s->watch, 0);
            loop_timer_set(s->retry, clock_now_ns() + ACCEPT_RETRY_NS);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
    }
}

static void on_retry(void *context)
{
    struct http_server *s = context;
    loop_watch_set(s->watch, LOOP_READ);
}

/* --- the server --- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int read_address(const char *text, uint16_t port, union address *a, struct error *e)
{
    *a = (union address){.v6 = {0}};
    if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons(port);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons(port);
        return 0;
    }
    return error_set(e, ERROR_USAGE, "'%s' is not an IPv4 or IPv6 address", text);
}

static int listen_at(struct http_server *s, const char *text, uint16_t port, struct error *e)
{
    union address a;
    if (read_address(text, port, &a, e))
        return -1;
    int on = 1;
    bool v4 = a.any.sa_family == AF_INET;
    socklen_t size = v4 ? sizeof a.v4 : sizeof a.v6;
    s->fd = socket(a.any.sa_family, SOCK_STREAM, 0);
    if (s->fd < 0 || fcntl(s->fd, F_SETFD, FD_CLOEXEC) || fcntl(s->fd, F_SETFL, O_NONBLOCK) ||
        setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(s->fd, &a.any, size) ||
        listen(s->fd, SOMAXCONN) || getsockname(s->fd, &a.any, &size))
        return error_errno(e, ERROR_SYSTEM, "cannot listen on %s port %u", text, (unsigned)port);
    s->port = ntohs(v4 ? a.v4.sin_port : a.v6.sin6_port);
    return 0;
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
                                    struct error *e)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->handler = options->handler;
    s->context = options->context;
    s->body_cap = options->body_cap;
    s->fd = -1;
    if (listen_at(s, options->address ? options->address : "127.0.0.1", options->port, e)) {
        http_server_free(s);
        return NULL;
    }
    s->watch = loop_watch_new(loop, s->fd, on_accept, s);
    s->retry = loop_timer_new(loop, on_retry, s);
    loop_watch_set(s->watch, LOOP_READ);
    return s;
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    loop_watch_free(s->watch);
    loop_timer_free(s->retry);
    if (s->fd >= 0)
        close(s->fd);
    while (s->connections)
        drop(s->connections);
    free(s);
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

/* --- exchanges --- */

const struct http_parser *http_exchange_request(const struct http_exchange *x)
{
    return &x->connection->parser;
}

void http_exchange_keep(struct http_exchange *x, http_gone_fn *gone, void *context)
{
    x->kept = true;
    x->gone = gone;
    x->gone_context = context;
}

static void note_status(struct http_exchange *x, int status)
{
    x->bodiless = x->bodiless || !http_head_has_body(status);
}

void http_reply(struct http_exchange *x, int status, const struct http_header *headers,
                size_t header_count, const void *body, size_t length)
{
    struct connection *c = x->connection;
    note_status(x, status);
    add_head(c, status, headers, header_count);
    if (http_head_has_body(status))
        http_head_end(&c->out, length);
    else
        buf_addstr(&c->out, "\r\n");
    transmit(c, body, x->bodiless ? 0 : length);
    finish(c);
}

/* A stream goes on: wait for the socket, or have `gone` called from the loop. */
static void carry_on(struct connection *c)
{
    if (c->pumping)
        return;
    if (is_over(c))
        call_later(c, 0);
    else
        update_watch(c);
}

void http_reply_begin(struct http_exchange *x, int status, const struct http_header *headers,
                      size_t header_count)
{
    struct connection *c = x->connection;
    x->streaming = true;
    note_status(x, status);
    if (c->parser.http_1_0)
        c->parser.keep_alive = false; /* only the end of the connection ends the body */
    add_head(c, status, headers, header_count);
    bool chunked = !c->parser.http_1_0 && http_head_has_body(status);
    buf_addstr(&c->out, chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    transmit(c, NULL, 0);
    carry_on(c);
}

void http_reply_chunk(struct http_exchange *x, const void *bytes, size_t length)
{
    struct connection *c = x->connection;
    if (!length || x->bodiless || c->broken)
        return;
    if (c->parser.http_1_0) {
        transmit(c, bytes, length);
    } else {
        buf_addf(&c->out, "%zx\r\n", length);
        buf_add(&c->out, bytes, length);
        transmit(c, "\r\n", 2);
    }
    carry_on(c);
}

void http_reply_end(struct http_exchange *x)
{
    struct connection *c = x->connection;
    if (!x->bodiless && !c->parser.http_1_0)
        transmit(c, "0\r\n\r\n", 5);
    finish(c);
}
