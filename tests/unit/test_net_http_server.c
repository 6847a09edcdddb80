/*
 * The server and its clients share one loop. A client is a raw socket, so that we choose the bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/http_server.h"
#include "os/clock.h"

#define H "Host: h\r\n"

enum { BODY_CAP = 2 * 1024 * 1024, BIG = 8 * 1024 * 1024, HELD_MAX = 4 };

struct stage {
    struct loop *loop;
    struct http_server *server;
    struct http_exchange *held[HELD_MAX];
    size_t held_count;
    int requests, gone;
    char *big;
};

struct client {
    struct stage *stage;
    struct loop_watch *watch;
    int fd;
    struct buf in; /* what came, without the Date lines once wait_for() is back */
    const char *want;
    size_t want_bytes;
    bool eof, reset;
};

/* --- the handler --- */

static void on_gone(void *context, struct http_exchange *x)
{
    struct stage *s = context;
    assert_non_null(http_exchange_request(x)->path);
    for (size_t i = 0; i < s->held_count; i++)
        if (s->held[i] == x)
            s->held[i] = NULL;
    s->gone++;
    loop_stop(s->loop);
}

static void hold(struct stage *s, struct http_exchange *x, http_gone_fn *gone)
{
    assert_true(s->held_count < HELD_MAX);
    s->held[s->held_count++] = x;
    http_exchange_keep(x, gone, s);
}

static void release_held(struct stage *s)
{
    for (size_t i = 0; i < s->held_count; i++)
        if (s->held[i])
            http_reply(s->held[i], 200, NULL, 0, "held", 4);
    s->held_count = 0;
}

static void answer_stream(struct http_exchange *x)
{
    http_reply_begin(x, 200, NULL, 0);
    http_reply_chunk(x, "hello ", 6);
    http_reply_chunk(x, "", 0);
    http_reply_chunk(x, "0123456789abcdef", 16);
    http_reply_end(x);
}

static void handle(void *context, struct http_exchange *x)
{
    struct stage *s = context;
    const struct http_parser *p = http_exchange_request(x);
    const struct http_header evil = {"X-Evil", "a\r\nX-Injected: b\x01"};
    s->requests++;
    if (!strcmp(p->path, "/echo"))
        http_reply(x, 200, NULL, 0, p->body.data, p->body.length);
    else if (!strcmp(p->path, "/size"))
        http_reply(x, p->body.length == BODY_CAP ? 200 : 400, NULL, 0, NULL, 0);
    else if (!strcmp(p->path, "/hold"))
        hold(s, x, on_gone);
    else if (!strcmp(p->path, "/hold-anyway"))
        hold(s, x, NULL);
    else if (!strcmp(p->path, "/begin")) {
        hold(s, x, on_gone);
        http_reply_begin(x, 200, NULL, 0);
    } else if (!strcmp(p->path, "/release")) {
        release_held(s);
        http_reply(x, 204, NULL, 0, NULL, 0);
    } else if (!strcmp(p->path, "/stream"))
        answer_stream(x);
    else if (!strcmp(p->path, "/big"))
        http_reply(x, 200, NULL, 0, s->big, BIG);
    else if (!strcmp(p->path, "/evil"))
        http_reply(x, 299, &evil, 1, NULL, 0);
    /* everything else is forgotten: a bug that the server must survive */
}

static int set_up(void **state)
{
    struct stage *s = xcalloc(1, sizeof *s);
    const struct http_server_options options = {
        .body_cap = BODY_CAP, .handler = handle, .context = s};
    s->loop = loop_new(NULL);
    s->server = http_server_new(s->loop, &options, NULL);
    s->big = xmalloc(BIG);
    memset(s->big, 'b', BIG);
    assert_non_null(s->server);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    http_server_free(s->server);
    loop_free(s->loop);
    free(s->big);
    free(s);
    return 0;
}

/* --- clients --- */

static bool has_what_it_wants(const struct client *c)
{
    if (c->want_bytes)
        return c->in.length >= c->want_bytes;
    return c->want && strstr(c->in.data, c->want);
}

static void on_client(void *context, int events)
{
    struct client *c = context;
    char bytes[65536];
    (void)events;
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n > 0) {
        buf_add(&c->in, bytes, (size_t)n);
    } else if (n == 0 || errno != EAGAIN) {
        c->eof = true;
        c->reset = n < 0;
        loop_watch_set(c->watch, 0);
    }
    if (c->eof || has_what_it_wants(c))
        loop_stop(c->stage->loop);
}

static void client_socket(struct client *c, struct stage *s)
{
    *c = (struct client){.stage = s};
    buf_init(&c->in);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(c->fd >= 0);
    c->watch = loop_watch_new(s->loop, c->fd, on_client, c);
}

static void client_connect(struct client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons(http_server_port(c->stage->server));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    loop_watch_set(c->watch, LOOP_READ);
}

static void client_open(struct client *c, struct stage *s)
{
    client_socket(c, s);
    client_connect(c);
}

static void client_close(struct client *c)
{
    loop_watch_free(c->watch);
    close(c->fd);
    buf_release(&c->in);
}

static void stop(void *context)
{
    loop_stop(context);
}

/* Lets the server do what it can do now; short, for what must not happen. */
static void run_a_while(struct stage *s)
{
    struct loop_timer *end = loop_timer_new(s->loop, stop, s->loop);
    loop_timer_set(end, clock_now_ns() + 20 * NS_PER_MS);
    loop_run(s->loop);
    loop_timer_free(end);
}

static void send_bytes(struct client *c, const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = send(c->fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            run_a_while(c->stage);
            continue;
        }
        bytes += n;
        length -= (size_t)n;
    }
}

static void send_text(struct client *c, const char *text)
{
    send_bytes(c, text, strlen(text));
}

/* "Date: Mon, 23 Nov 2026 21:30:00 GMT\r\n", of whatever date. */
static void remove_dates(struct buf *text)
{
    char *date;
    while ((date = strstr(text->data, "Date: "))) {
        assert_memory_equal(date + 31, " GMT\r\n", 6);
        memmove(date, date + 37, text->length - (size_t)(date - text->data) - 37 + 1);
        text->length -= 37;
    }
}

static void run_until(struct client *c)
{
    while (!c->eof && !has_what_it_wants(c))
        loop_run(c->stage->loop);
    c->want = NULL;
    c->want_bytes = 0;
}

static void wait_for(struct client *c, const char *want)
{
    c->want = want;
    run_until(c);
    assert_non_null(strstr(c->in.data, want));
    remove_dates(&c->in);
}

static void wait_for_bytes(struct client *c, size_t bytes)
{
    c->want_bytes = bytes;
    run_until(c);
    assert_true(c->in.length >= bytes);
}

static void wait_for_end(struct client *c)
{
    run_until(c);
    assert_true(c->eof);
    remove_dates(&c->in);
}

static void expect_answer(struct client *c, const char *request, const char *answer)
{
    buf_clear(&c->in);
    send_text(c, request);
    c->want_bytes = strlen(answer) + 37;
    run_until(c);
    remove_dates(&c->in);
    assert_string_equal(c->in.data, answer);
    buf_clear(&c->in);
}

static void wait_until_held(struct stage *s, size_t count)
{
    while (s->held_count < count)
        run_a_while(s);
}

/* --- tests --- */

static void answers_and_keeps_the_connection(void **state)
{
    struct client c;
    client_open(&c, *state);
    expect_answer(&c, "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    expect_answer(
        &c, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    expect_answer(&c, "GET /echo HTTP/1.1\r\n" H "\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_false(c.eof);
    client_close(&c);
}

static void answers_without_bodies(void **state)
{
    struct client c;
    client_open(&c, *state);
    expect_answer(&c, "HEAD /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    expect_answer(&c, "POST /release HTTP/1.1\r\n" H "\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
    expect_answer(&c, "HEAD /stream HTTP/1.1\r\n" H "\r\n",
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    client_close(&c);
}

static void closes_when_asked(void **state)
{
    static const char *const rows[][2] = {
        {"GET /echo HTTP/1.1\r\n" H "Connection: close\r\n\r\n",
         "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"},
        {"GET /echo HTTP/1.0\r\n\r\n",
         "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"},
        {"GET /stream HTTP/1.0\r\n\r\n",
         "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello 0123456789abcdef"},
        {"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello 0123456789abcdef"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client c;
        client_open(&c, *state);
        send_text(&c, rows[i][0]);
        wait_for_end(&c);
        assert_false(c.reset);
        assert_string_equal(c.in.data, rows[i][1]);
        client_close(&c);
    }
}

static void keeps_http_1_0_alive_when_asked(void **state)
{
    struct client c;
    client_open(&c, *state);
    for (int i = 0; i < 2; i++)
        expect_answer(&c, "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    client_close(&c);
}

static void streams_in_chunks(void **state)
{
    struct client c;
    client_open(&c, *state);
    expect_answer(&c, "GET /stream HTTP/1.1\r\n" H "\r\n",
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "6\r\nhello \r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
    expect_answer(&c, "GET /echo HTTP/1.1\r\n" H "\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client_close(&c);
}

static void takes_requests_byte_by_byte(void **state)
{
    static const char request[] = "POST /echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nab";
    struct client c;
    client_open(&c, *state);
    struct loop_timer *soon = loop_timer_new(c.stage->loop, stop, c.stage->loop);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        send_bytes(&c, request + i, 1);
        loop_timer_set(soon, clock_now_ns() + 100000);
        loop_run(c.stage->loop);
    }
    loop_timer_free(soon);
    wait_for(&c, "\r\n\r\nab");
    assert_string_equal(c.in.data, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    client_close(&c);
}

static void answers_pipelined_requests_in_order(void **state)
{
    struct client c;
    client_open(&c, *state);
    send_text(&c, "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n1"
                  "POST /hold HTTP/1.1\r\n" H "\r\n"
                  "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n2"
                  "POST /echo HTTP/1.1\r\n" H "Connection: close\r\nContent-Length: 1\r\n\r\n3"
                  "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n4");
    wait_until_held(c.stage, 1);
    run_a_while(c.stage);
    assert_int_equal(c.stage->requests, 2); /* the third waits for its turn */
    release_held(c.stage);
    assert_int_equal(c.stage->requests, 2); /* the handler is not called from http_reply() */
    wait_for_end(&c);
    assert_string_equal(c.in.data, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
                                   "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld"
                                   "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"
                                   "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n"
                                   "\r\n3");
    assert_int_equal(c.stage->requests, 4);
    client_close(&c);
}

/* More than is stored ahead: the client is slowed down, and loses nothing. */
static void slows_down_who_is_far_ahead(void **state)
{
    static const char request[] = "GET /stream HTTP/1.1\r\n" H "\r\n";
    static const char held[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld";
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "6\r\nhello \r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
    static const char end[] = "10\r\n0123456789abcdef\r\n0\r\n\r\n";
    enum { COUNT = 20000 };
    const int small = 16 * 1024;
    struct client c;
    struct buf all;
    client_open(&c, *state);
    setsockopt(c.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    buf_init(&all);
    buf_fill(&all, request, COUNT);
    send_text(&c, "GET /hold HTTP/1.1\r\n" H "\r\n");
    wait_until_held(c.stage, 1);
    size_t at = 0;
    for (int idle = 0; idle < 3 && at < all.length;) {
        ssize_t n = send(c.fd, all.data + at, all.length - at, MSG_NOSIGNAL);
        at += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        run_a_while(c.stage);
    }
    assert_true(at < all.length); /* the server stopped reading */
    assert_int_equal(c.stage->requests, 1);
    release_held(c.stage);
    send_bytes(&c, all.data + at, all.length - at);
    wait_for_bytes(&c, strlen(held) + 37 + COUNT * (strlen(answer) + 37));
    assert_int_equal(c.stage->requests, 1 + COUNT);
    size_t answers = 0;
    for (char *hit = c.in.data; (hit = strstr(hit, end)); hit++)
        answers++;
    assert_int_equal(answers, COUNT);
    buf_release(&all);
    client_close(&c);
}

static void answers_one_while_handling_another(void **state)
{
    struct client waiting, other;
    client_open(&waiting, *state);
    client_open(&other, *state);
    send_text(&waiting, "GET /hold HTTP/1.1\r\n" H "\r\nGET /echo HTTP/1.1\r\n" H "\r\n");
    wait_until_held(*state, 1);
    expect_answer(&other, "POST /release HTTP/1.1\r\n" H "\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
    wait_for(&waiting, "Content-Length: 0\r\n\r\n");
    assert_string_equal(waiting.in.data, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld"
                                         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client_close(&waiting);
    client_close(&other);
}

static void goes_on_after_a_late_answer(void **state)
{
    struct client c;
    client_open(&c, *state);
    for (int i = 0; i < 2; i++) {
        send_text(&c, "GET /hold HTTP/1.1\r\n" H "\r\n");
        wait_until_held(c.stage, 1);
        release_held(c.stage);
        wait_for(&c, "\r\n\r\nheld");
        expect_answer(&c, "GET /echo HTTP/1.1\r\n" H "\r\n",
                      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    assert_int_equal(c.stage->gone, 0);
    client_close(&c);
}

static void refuses_and_closes(void **state)
{
    static const char *const rows[][2] = {
        {"GET /echo HTTP/1.1\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
         "Connection: close\r\nContent-Length: 12\r\n\r\nBad Request\n"},
        {"GET /echo HTTP/3.0\r\n" H "\r\n",
         "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\n"
         "Connection: close\r\nContent-Length: 27\r\n\r\nHTTP Version Not Supported\n"},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 9999999\r\nExpect: 100-continue\r\n\r\n",
         "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\n"
         "Connection: close\r\nContent-Length: 18\r\n\r\nContent Too Large\n"},
    };
    struct stage *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client c;
        client_open(&c, s);
        send_text(&c, rows[i][0]);
        wait_for_end(&c);
        assert_false(c.reset);
        assert_string_equal(c.in.data, rows[i][1]);
        client_close(&c);
    }
    assert_int_equal(s->requests, 0);
}

/* Who is still sending must be able to read why it is refused: no reset may overtake the answer. */
static void refusal_survives_a_long_upload(void **state)
{
    struct stage *s = *state;
    struct client c;
    client_open(&c, s);
    send_text(&c, "POST /echo HTTP/1.1\r\n" H "Content-Length: 8388608\r\n\r\n");
    send_bytes(&c, s->big, BIG);
    shutdown(c.fd, SHUT_WR);
    wait_for_end(&c);
    assert_false(c.reset);
    assert_non_null(strstr(c.in.data, "413 Content Too Large"));
    client_close(&c);
}

static void says_continue_only_when_it_helps(void **state)
{
    struct client c;
    client_open(&c, *state);
    send_text(&c, "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    wait_for(&c, "\r\n\r\n");
    assert_string_equal(c.in.data, "HTTP/1.1 100 Continue\r\n\r\n");
    expect_answer(&c, "hi", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    client_close(&c);
}

static void takes_large_bodies(void **state)
{
    struct stage *s = *state;
    struct client c;
    client_open(&c, s);
    send_text(&c, "POST /size HTTP/1.1\r\n" H "Content-Length: 2097152\r\n\r\n");
    send_bytes(&c, s->big, BODY_CAP);
    wait_for(&c, "200 OK");
    client_close(&c);
}

static void sends_large_answers_to_slow_readers(void **state)
{
    struct stage *s = *state;
    struct client c;
    client_open(&c, s);
    loop_watch_set(c.watch, 0); /* reads nothing for now */
    send_text(&c, "GET /big HTTP/1.1\r\n" H "\r\nGET /echo HTTP/1.1\r\n" H "\r\n");
    while (s->requests < 1)
        run_a_while(s);
    run_a_while(s);
    assert_int_equal(s->requests, 1); /* the next one waits until this answer has left */
    loop_watch_set(c.watch, LOOP_READ);
    wait_for_bytes(&c, BIG + 100);
    remove_dates(&c.in);
    char *body = strstr(c.in.data, "\r\n\r\n") + 4;
    assert_memory_equal(body, s->big, BIG);
    assert_string_equal(body + BIG, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client_close(&c);
}

static void answers_half_closed_clients(void **state)
{
    struct client c;
    client_open(&c, *state);
    send_text(&c, "GET /echo HTTP/1.1\r\n" H "\r\nGET /stream HTTP/1.1\r\n" H "\r\n");
    shutdown(c.fd, SHUT_WR);
    wait_for_end(&c);
    assert_false(c.reset);
    assert_non_null(strstr(c.in.data, "Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(c.in.data, "\r\n0\r\n\r\n"));
    client_close(&c);
}

static void forgets_half_a_request(void **state)
{
    struct stage *s = *state;
    struct client c;
    client_open(&c, s);
    send_text(&c, "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhal");
    shutdown(c.fd, SHUT_WR);
    wait_for_end(&c);
    assert_int_equal(c.in.length, 0);
    assert_int_equal(s->requests, 0);
    client_close(&c);
}

static void wait_until_gone(struct stage *s)
{
    while (!s->gone)
        loop_run(s->loop);
    assert_int_equal(s->gone, 1);
}

static void tells_when_the_client_closes(void **state)
{
    struct client c;
    client_open(&c, *state);
    send_text(&c, "GET /hold HTTP/1.1\r\n" H "\r\nGET /echo HTTP/1.1\r\n" H "\r\n");
    wait_until_held(*state, 1);
    client_close(&c);
    wait_until_gone(*state);
}

static void tells_when_the_client_resets(void **state)
{
    struct client c;
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    client_open(&c, *state);
    send_text(&c, "GET /hold HTTP/1.1\r\n" H "\r\n");
    wait_until_held(*state, 1);
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client_close(&c);
    wait_until_gone(*state);
}

/* The hang-up shows while writing: `gone` comes from the loop, not from http_reply_chunk(). */
static void tells_when_a_stream_breaks(void **state)
{
    struct stage *s = *state;
    struct client c;
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    client_open(&c, s);
    send_text(&c, "GET /begin HTTP/1.1\r\n" H "\r\n");
    wait_for(&c, "chunked\r\n\r\n");
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client_close(&c);
    http_reply_chunk(s->held[0], "a", 1);
    http_reply_chunk(s->held[0], "b", 1);
    assert_int_equal(s->gone, 0);
    wait_until_gone(s);
}

static void streams_later(void **state)
{
    struct stage *s = *state;
    struct client c;
    client_open(&c, s);
    send_text(&c, "GET /begin HTTP/1.1\r\n" H "\r\nGET /echo HTTP/1.1\r\n" H "\r\n");
    wait_for(&c, "chunked\r\n\r\n");
    http_reply_chunk(s->held[0], s->big, BIG);
    wait_for_bytes(&c, BIG);
    http_reply_end(s->held[0]);
    wait_for(&c, "bb\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(c.in.data, "\r\n\r\n800000\r\nbb"));
    client_close(&c);
}

static void kept_without_gone_is_answered_to_nobody(void **state)
{
    struct stage *s = *state;
    struct client closed, half;
    client_open(&closed, s);
    client_open(&half, s);
    send_text(&closed, "GET /hold-anyway HTTP/1.1\r\n" H "\r\n");
    wait_until_held(s, 1);
    send_text(&half, "GET /hold-anyway HTTP/1.1\r\n" H "\r\n");
    shutdown(half.fd, SHUT_WR);
    wait_until_held(s, 2);
    client_close(&closed);
    run_a_while(s);
    release_held(s);
    wait_for_end(&half);
    assert_string_equal(half.in.data, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld");
    client_close(&half);
}

static void survives_a_handler_that_forgets(void **state)
{
    struct client c;
    client_open(&c, *state);
    expect_answer(&c, "GET /forgotten HTTP/1.1\r\n" H "\r\n",
                  "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    client_close(&c);
}

static void no_value_can_add_a_header(void **state)
{
    struct client c;
    client_open(&c, *state);
    expect_answer(&c, "GET /evil HTTP/1.1\r\n" H "\r\n",
                  "HTTP/1.1 299 \r\nX-Evil: a  X-Injected: b \r\nContent-Length: 0\r\n\r\n");
    client_close(&c);
}

static void ends_with_connections_open(void **state)
{
    struct stage *s = *state;
    struct client idle, waiting, half;
    client_open(&idle, s);
    client_open(&waiting, s);
    client_open(&half, s);
    send_text(&half, "POST /echo HTTP/1.1\r\n" H);
    send_text(&waiting, "GET /hold HTTP/1.1\r\n" H "\r\n");
    wait_until_held(s, 1);
    http_server_free(s->server);
    s->server = NULL;
    assert_int_equal(s->gone, 1);
    wait_for_end(&idle);
    wait_for_end(&waiting);
    wait_for_end(&half);
    client_close(&idle);
    client_close(&waiting);
    client_close(&half);
}

static void waits_out_a_lack_of_descriptors(void **state)
{
    struct stage *s = *state;
    struct client c;
    struct rlimit before, none;
    client_socket(&c, s);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    int next = dup(c.fd);
    close(next);
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    client_connect(&c);
    send_text(&c, "GET /echo HTTP/1.1\r\n" H "\r\n");
    run_a_while(s);
    assert_int_equal(s->requests, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    wait_for(&c, "200 OK");
    client_close(&c);
}

static void says_why_it_cannot_listen(void **state)
{
    struct stage *s = *state;
    struct error e;
    struct http_server_options options = {.address = "localhost", .handler = handle};
    assert_null(http_server_new(s->loop, &options, &e));
    assert_int_equal(e.code, ERROR_USAGE);
    assert_string_equal(e.text, "'localhost' is not an IPv4 or IPv6 address");
    options.address = NULL;
    options.port = http_server_port(s->server);
    assert_null(http_server_new(s->loop, &options, &e));
    assert_int_equal(e.code, ERROR_SYSTEM);
    assert_non_null(strstr(e.text, "cannot listen on 127.0.0.1 port "));
    assert_non_null(strstr(e.text, "in use"));
    http_server_free(NULL);
}

static void listens_on_ipv6_too(void **state)
{
    struct stage *s = *state;
    struct error e;
    const struct http_server_options options = {.address = "::1", .handler = handle};
    struct http_server *six = http_server_new(s->loop, &options, &e);
    if (!six) { /* a machine without IPv6 */
        assert_int_equal(e.code, ERROR_SYSTEM);
        skip();
    }
    assert_true(http_server_port(six) > 0);
    http_server_free(six);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_and_keeps_the_connection),
        TEST(answers_without_bodies),
        TEST(closes_when_asked),
        TEST(keeps_http_1_0_alive_when_asked),
        TEST(streams_in_chunks),
        TEST(takes_requests_byte_by_byte),
        TEST(answers_pipelined_requests_in_order),
        TEST(slows_down_who_is_far_ahead),
        TEST(answers_one_while_handling_another),
        TEST(goes_on_after_a_late_answer),
        TEST(refuses_and_closes),
        TEST(refusal_survives_a_long_upload),
        TEST(says_continue_only_when_it_helps),
        TEST(takes_large_bodies),
        TEST(sends_large_answers_to_slow_readers),
        TEST(answers_half_closed_clients),
        TEST(forgets_half_a_request),
        TEST(tells_when_the_client_closes),
        TEST(tells_when_the_client_resets),
        TEST(tells_when_a_stream_breaks),
        TEST(streams_later),
        TEST(kept_without_gone_is_answered_to_nobody),
        TEST(survives_a_handler_that_forgets),
        TEST(no_value_can_add_a_header),
        TEST(ends_with_connections_open),
        TEST(waits_out_a_lack_of_descriptors),
        TEST(says_why_it_cannot_listen),
        TEST(listens_on_ipv6_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
