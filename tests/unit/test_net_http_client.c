/*
 * The HTTP client against a peer that misbehaves on purpose: a forked child with a raw socket, so
 * that each byte and each close is the test's own. What the peer saw comes back through shared
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curlver.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http_client.h"
#include "os/clock.h"

enum { SEEN_BYTES = 16 * 1024, PEERS_MAX = 128, AGAIN_MS = 300 };
enum { REUSES = LIBCURL_VERSION_NUM >= 0x075000 }; /* see send_once() in http_transfer.c */

/* What the peer tells the test. */
struct seen {
    int requests;
    int connections;
    char last[SEEN_BYTES]; /* head of the last request */
};

struct peer {
    int listener;
    struct seen *seen;
};

typedef void script_fn(struct peer *p);

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct seen *seen;
    pid_t child;
    uint16_t port;
    char url[64];
};

/* --- the peer's side --- */

static int peer_accept(struct peer *p)
{
    int fd = accept(p->listener, NULL, NULL);
    if (fd < 0)
        _exit(1);
    p->seen->connections++;
    return fd;
}

/* As above, but -1 when nobody comes for a while. */
static int peer_accept_soon(struct peer *p)
{
    struct pollfd poll_fd = {.fd = p->listener, .events = POLLIN};
    return poll(&poll_fd, 1, AGAIN_MS) > 0 ? peer_accept(p) : -1;
}

/* Reads one request with its body; false when the client has closed. */
static bool peer_read(struct peer *p, int fd)
{
    char *text = p->seen->last;
    size_t length = 0;
    char *end = NULL;
    while (!end) {
        ssize_t got = read(fd, text + length, length + 1 < SEEN_BYTES ? 1 : 0);
        if (got <= 0)
            return false;
        length += (size_t)got;
        text[length] = '\0';
        end = strstr(text, "\r\n\r\n");
    }
    p->seen->requests++;
    const char *field = strstr(text, "\r\nContent-Length: ");
    long left = field ? strtol(field + strlen("\r\nContent-Length: "), NULL, 10) : 0;
    char sink[4096];
    while (left > 0) {
        ssize_t got = read(fd, sink, left < (long)sizeof sink ? (size_t)left : sizeof sink);
        if (got <= 0)
            return false;
        left -= got;
    }
    return true;
}

static void peer_write(int fd, const char *text)
{
    size_t length = strlen(text);
    while (length) {
        ssize_t put = send(fd, text, length, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        text += put;
        length -= (size_t)put;
    }
}

static const char OK[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* Answers all requests of all clients, for as long as the test lasts. */
static void script_answer(struct peer *p)
{
    struct pollfd fds[PEERS_MAX] = {{.fd = p->listener, .events = POLLIN}};
    nfds_t count = 1;
    while (poll(fds, count, -1) > 0) {
        for (nfds_t i = 1; i < count; i++) {
            if (!fds[i].revents)
                continue;
            if (peer_read(p, fds[i].fd)) {
                peer_write(fds[i].fd, OK);
            } else {
                close(fds[i].fd);
                fds[i].fd = -1;
            }
        }
        if (!fds[0].revents)
            continue;
        nfds_t place = 1; /* of one that has gone, or a new one */
        while (place < count && fds[place].fd >= 0)
            place++;
        if (place == PEERS_MAX)
            continue;
        fds[place] = (struct pollfd){.fd = peer_accept(p), .events = POLLIN};
        count = place < count ? count : place + 1;
    }
}

/* --- the test's side --- */

static int start(void **state, script_fn *script, const struct http_client_options *options)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct error e = {0};
    f->seen =
        mmap(NULL, sizeof *f->seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(f->seen != MAP_FAILED);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    f->port = ntohs(address.sin_port);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u/path?q=1", (unsigned)f->port);
    if (script) {
        assert_int_equal(listen(listener, PEERS_MAX), 0);
        f->child = fork();
        assert_true(f->child >= 0);
        if (!f->child) {
            struct peer p = {listener, f->seen};
            script(&p);
            _exit(0);
        }
    }
    close(listener);
    f->loop = loop_new(&e);
    assert_non_null(f->loop);
    f->client = http_client_new(f->loop, options, &e);
    assert_non_null(f->client);
    *state = f;
    return 0;
}

static void end(struct fixture *f)
{
    http_client_free(f->client);
    loop_free(f->loop);
    if (f->child) {
        kill(f->child, SIGKILL);
        waitpid(f->child, NULL, 0);
    }
    munmap(f->seen, sizeof *f->seen);
    free(f);
}

/* Lets the peer come to its own end, so that `seen` is final. */
static void await_peer(struct fixture *f)
{
    waitpid(f->child, NULL, 0);
    f->child = 0;
}

static struct fixture *with(script_fn *script)
{
    void *f = NULL;
    start(&f, script, NULL);
    return f;
}

static struct http_request post_to(const struct fixture *f)
{
    return (struct http_request){
        .method = "POST",
        .url = f->url,
        .body = "{\"a\":1}",
        .body_length = 7,
        .timeout_ns = 20 * NS_PER_S,
    };
}

static struct http_response call(struct fixture *f, const struct http_request *r)
{
    struct http_response response;
    struct error e = {0};
    int status = http_client_call(f->client, r, &response, &e);
    assert_string_equal(e.text, "");
    assert_int_equal(status, 0);
    return response;
}

/* One POST; checks how it ended and that a reason is given exactly when it failed. */
static void expect(struct fixture *f, const struct http_request *r, enum http_outcome outcome)
{
    struct http_response response = call(f, r);
    if (response.outcome != outcome)
        fail_msg("outcome %d instead of %d: %s", (int)response.outcome, (int)outcome,
                 response.reason);
    assert_int_equal(response.reason[0] != '\0', outcome != HTTP_ANSWERED);
    assert_int_equal(response.status != 0, outcome == HTTP_ANSWERED);
    assert_true(response.done_ns >= response.sent_ns);
    assert_int_equal(http_client_pending(f->client), 0);
    http_response_release(&response);
}

static void expect_post(struct fixture *f, enum http_outcome outcome)
{
    struct http_request r = post_to(f);
    expect(f, &r, outcome);
}

/* --- what is sent --- */

static void test_post_and_keep_alive(void **state)
{
    (void)state;
    struct fixture *f = with(script_answer);
    const struct sigv4_header headers[] = {{"X-One", "1"}, {"X-Empty", ""}};
    struct http_request r = post_to(f);
    r.headers = headers;
    r.header_count = ARRAY_LEN(headers);
    for (int i = 0; i < 5; i++) {
        struct http_response response = call(f, &r);
        assert_int_equal(response.outcome, HTTP_ANSWERED);
        assert_int_equal(response.status, 200);
        assert_string_equal(response.body.data, "ok");
        assert_true(response.first_byte_ns >= response.sent_ns);
        assert_true(response.done_ns >= response.first_byte_ns);
        http_response_release(&response);
    }
    assert_int_equal(f->seen->requests, 5);
    assert_int_equal(f->seen->connections, REUSES ? 1 : 5);
    char head[256];
    snprintf(head, sizeof head,
             "POST /path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX-One: 1\r\n"
             "X-Empty:\r\nContent-Length: 7\r\n\r\n",
             (unsigned)f->port);
    assert_string_equal(f->seen->last, head);
    end(f);
}

struct method_case {
    const char *method;
    const char *body;
    const char *content_length; /* NULL: none is sent */
};

static const struct method_case METHODS[] = {
    {"GET", "", NULL},    {"POST", "", "0"},    {"HEAD", "", NULL},   {"PUT", "abc", "3"},
    {"DELETE", "", NULL}, {"DELETE", "x", "1"}, {"GET", "", NULL},    {"PATCH", "{}", "2"},
    {"HEAD", "", NULL},   {"POST", "ab", "2"},  {"OPTIONS", "", "0"}, {"GET", "q", "1"},
};

/* The head alone answers HEAD; everything else gets a body as well. */
static void script_methods(struct peer *p)
{
    for (;;) {
        int fd = peer_accept(p);
        while (peer_read(p, fd))
            peer_write(fd, strncmp(p->seen->last, "HEAD ", 5) == 0
                               ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                               : OK);
        close(fd);
    }
}

static void test_methods_in_turn_on_one_handle(void **state)
{
    (void)state;
    struct fixture *f = with(script_methods);
    for (size_t i = 0; i < ARRAY_LEN(METHODS); i++) {
        const struct method_case *m = &METHODS[i];
        struct http_request r = post_to(f);
        r.method = m->method;
        r.body = m->body;
        r.body_length = strlen(m->body);
        expect(f, &r, HTTP_ANSWERED);
        size_t length = strlen(m->method);
        assert_memory_equal(f->seen->last, m->method, length);
        assert_int_equal(f->seen->last[length], ' ');
        char field[64] = "Content-Length";
        if (m->content_length)
            snprintf(field, sizeof field, "Content-Length: %s\r\n", m->content_length);
        if ((strstr(f->seen->last, field) != NULL) != (m->content_length != NULL))
            fail_msg("%s with %zu bytes sent: %s", m->method, r.body_length, f->seen->last);
        assert_null(strstr(f->seen->last, "Content-Type"));
    }
    assert_int_equal(f->seen->connections, REUSES ? 1 : (int)ARRAY_LEN(METHODS));
    end(f);
}

static void test_large_body_goes_out_at_once(void **state)
{
    (void)state;
    struct fixture *f = with(script_answer);
    size_t length = 3 << 20;
    char *body = xcalloc(1, length);
    struct http_request r = post_to(f);
    r.body = body;
    r.body_length = length;
    expect(f, &r, HTTP_ANSWERED);
    assert_null(strstr(f->seen->last, "Expect"));
    free(body);
    end(f);
}

/* Cuts the head that the peer saw into header lines; gives their number. */
static size_t cut_head(char *head, struct sigv4_header *headers, size_t room)
{
    size_t count = 0;
    char *line = strstr(head, "\r\n") + 2;
    while (count < room && strncmp(line, "\r\n", 2) != 0) {
        char *next = strstr(line, "\r\n");
        *next = '\0';
        char *colon = strchr(line, ':');
        *colon = '\0';
        headers[count++] = (struct sigv4_header){line, colon + 1};
        line = next + 2;
    }
    return count;
}

static const char *value_of(const struct sigv4_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, name) == 0)
            return headers[i].value + strspn(headers[i].value, " ");
    fail_msg("no header %s", name);
    return "";
}

/*
 * What arrived is verified as a server would, from the bytes on the wire. The credentials change
 * from request to request, and with them the signing key; the hash of the body is given with some,
 * a wrong one with the last, which must show.
 */
static void test_signature_fits_what_is_sent(void **state)
{
    (void)state;
    struct fixture *f = with(script_answer);
    const struct sigv4_credentials keys[] = {{"AKIDEXAMPLE", "secret", "a/session+token=="},
                                             {"AKIDEXAMPLE", "renewed", "another+token=="}};
    const struct sigv4_header given[] = {{"Content-Type", "application/json"},
                                         {"X-Amz-Log-Type", "Tail"},
                                         {"X-Unsigned", "  a   b "}};
    const char *const paths[] = {
        "/2015-03-31/functions/checkout:$LATEST/invocations?Qualifier=%24LATEST&a=&b",
        "/2017-03-31/tags/arn%3Aaws%3Alambda", "/a/../b//c/./d?x=2&x=1", "", "?only=query"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char url[256];
        snprintf(url, sizeof url, "http://127.0.0.1:%u%s", (unsigned)f->port, paths[i]);
        struct http_request r = post_to(f);
        r.url = url;
        r.headers = given;
        r.header_count = ARRAY_LEN(given);
        const struct http_signing signing = {&keys[i % 2], "eu-west-1", "lambda", 0};
        r.signing = &signing;
        bool wrong = i + 1 == ARRAY_LEN(paths);
        char hash[SHA256_HEX];
        hash_sha256_hex(wrong ? "?" : r.body, wrong ? 1 : r.body_length, hash);
        r.body_sha256 = i ? hash : NULL;
        expect(f, &r, HTTP_ANSWERED);

        struct sigv4_header headers[32];
        char *head = f->seen->last;
        size_t count = cut_head(head, headers, ARRAY_LEN(headers));
        char *target = strchr(head, ' ') + 1;
        *strchr(target, ' ') = '\0';
        const char *expected = paths[i][0] == '/' ? paths[i] : i == 3 ? "/" : "/?only=query";
        assert_string_equal(target, expected); /* dots and slashes as they were given */
        char *query = strchr(target, '?');
        if (query)
            *query++ = '\0';
        struct sigv4_request arrived = {
            .method = "POST",
            .path = target,
            .query = query,
            .headers = headers,
            .header_count = count,
            .body = r.body,
            .body_length = r.body_length,
            .region = "eu-west-1",
            .service = "lambda",
            .stamp = value_of(headers, count, "x-amz-date"),
        };
        struct sigv4_claim claim;
        struct error e = {0};
        sigv4_parse(value_of(headers, count, "Authorization"), &claim, &e);
        assert_string_equal(e.text, "");
        assert_string_equal(claim.signed_headers,
                            "content-type;host;x-amz-date;x-amz-log-type;x-amz-security-token");
        int verified = sigv4_verify(&arrived, &claim, keys[i % 2].secret_key, &e);
        assert_int_equal(verified, wrong ? -1 : 0);
    }
    end(f);
}

static void test_proxy_settings_do_not_reach_loopback(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    struct fixture *f = with(script_answer);
    expect_post(f, HTTP_ANSWERED);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    end(f);
}

/* --- how it can go wrong --- */

/* One answer, then each request is read and the connection closed; counts whoever comes again. */
static void script_drop_second(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, OK);
    peer_read(p, fd);
    close(fd);
    while ((fd = peer_accept_soon(p)) >= 0) {
        peer_read(p, fd);
        peer_write(fd, OK);
        close(fd);
    }
}

static void test_dropped_connection_is_not_used_to_send_again(void **state)
{
    (void)state;
    if (!REUSES)
        skip();
    struct fixture *f = with(script_drop_second);
    expect_post(f, HTTP_ANSWERED);
    expect_post(f, HTTP_LOST);
    await_peer(f);
    assert_int_equal(f->seen->requests, 2);
    end(f);
}

static void script_close_between(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, OK);
    close(fd);
    script_answer(p);
}

static void wake(void *context)
{
    loop_stop(context);
}

/*
 * A connection that its server closed while it was idle costs nothing: the next request opens
 * another.
 */
static void test_idle_connection_that_was_closed(void **state)
{
    (void)state;
    struct fixture *f = with(script_close_between);
    expect_post(f, HTTP_ANSWERED);
    struct loop_timer *pause = loop_timer_new(f->loop, wake, f->loop);
    loop_timer_set(pause, clock_now_ns() + 100 * NS_PER_MS);
    loop_run(f->loop);
    loop_timer_free(pause);
    expect_post(f, HTTP_ANSWERED);
    assert_int_equal(f->seen->requests, 2);
    assert_int_equal(f->seen->connections, 2);
    end(f);
}

static void test_refused_connection_is_not_sent(void **state)
{
    (void)state;
    struct fixture *f = with(NULL);
    expect_post(f, HTTP_NOT_SENT);
    end(f);
}

static void script_no_answer(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    close(fd);
}

static void script_truncated(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    close(fd);
}

/* libcurl finds nothing wrong with these. */
static void script_truncated_head(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
    close(fd);
}

static void script_truncated_header(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Le");
    close(fd);
}

static void script_only_interim(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n");
    close(fd);
}

static void script_reset(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    struct linger abort_it = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof abort_it);
    close(fd);
}

static void script_truncated_chunks(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo");
    close(fd);
}

static void script_bad_chunks(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd,
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnothex\r\nhello\r\n0\r\n\r\n");
    pause();
}

static void script_garbage(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "SSH-2.0-OpenSSH_9.2p1\r\n\r\n");
    close(fd);
}

static void script_nul_in_header(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    static const char answer[] = "HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n";
    send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
    pause();
}

static void script_endless_body(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 4096; i++)
        peer_write(fd, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    close(fd);
}

static void script_long_header(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\n");
    char line[1024];
    snprintf(line, sizeof line, "X-Filler: %0900d\r\n", 0);
    for (int i = 0; i < 100; i++)
        peer_write(fd, line);
    peer_write(fd, "Content-Length: 0\r\n\r\n");
    pause();
}

static void script_many_headers(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 300; i++)
        peer_write(fd, "a: b\r\n");
    peer_write(fd, "Content-Length: 0\r\n\r\n");
    pause();
}

static void script_continue_storm(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    for (int i = 0; i < 1000; i++)
        peer_write(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    peer_write(fd, OK);
    pause();
}

struct fault_case {
    const char *name;
    script_fn *script;
    enum http_outcome outcome;
};

static const struct fault_case FAULTS[] = {
    {"no answer", script_no_answer, HTTP_LOST},
    {"truncated", script_truncated, HTTP_LOST},
    {"truncated head", script_truncated_head, HTTP_LOST},
    {"truncated header", script_truncated_header, HTTP_LOST},
    {"only an interim answer", script_only_interim, HTTP_LOST},
    {"reset", script_reset, HTTP_LOST},
    {"truncated chunks", script_truncated_chunks, HTTP_LOST},
    {"bad chunks", script_bad_chunks, HTTP_LOST},
    {"garbage", script_garbage, HTTP_LOST},
    {"NUL in header", script_nul_in_header, HTTP_LOST},
    {"endless body", script_endless_body, HTTP_TOO_LARGE},
    {"long header", script_long_header, HTTP_TOO_LARGE},
    {"many headers", script_many_headers, HTTP_TOO_LARGE},
    {"interim answers without end", script_continue_storm, HTTP_TOO_LARGE},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FAULTS); i++) {
        print_message("%s\n", FAULTS[i].name);
        struct fixture *f = with(FAULTS[i].script);
        struct http_request r = post_to(f);
        r.body_cap = 1000;
        expect(f, &r, FAULTS[i].outcome);
        assert_int_equal(f->seen->requests, 1);
        end(f);
    }
}

static void test_body_cap_is_exact(void **state)
{
    (void)state;
    struct fixture *f = with(script_answer);
    struct http_request r = post_to(f);
    r.body_cap = 2;
    expect(f, &r, HTTP_ANSWERED);
    r.body_cap = 1;
    expect(f, &r, HTTP_TOO_LARGE);
    r.body_cap = 0;
    expect(f, &r, HTTP_ANSWERED);
    end(f);
}

/* --- unusual, but whole --- */

static void script_chunked(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n"
                   "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nX-Twice:  first \r\n"
                   "x-twice: second\r\nX-Empty:\r\n\r\n5\r\nhello\r\n");
    usleep(20 * 1000);
    peer_write(fd, "6;ext=1\r\n wor");
    usleep(20 * 1000);
    peer_write(fd, "ld\r\n0\r\nX-Trailer: t\r\n\r\n");
    pause();
}

static void test_chunked_slow_and_interim(void **state)
{
    (void)state;
    struct fixture *f = with(script_chunked);
    struct http_request r = post_to(f);
    struct http_response response = call(f, &r);
    assert_int_equal(response.outcome, HTTP_ANSWERED);
    assert_int_equal(response.status, 202);
    assert_string_equal(response.body.data, "hello world");
    char value[16] = "unchanged";
    assert_true(http_response_header(&response, "X-TWICE", value, sizeof value));
    assert_string_equal(value, "first");
    assert_true(http_response_header(&response, "x-empty", value, sizeof value));
    assert_string_equal(value, "");
    assert_true(http_response_header(&response, "X-Trailer", value, sizeof value));
    assert_string_equal(value, "t");
    assert_false(http_response_header(&response, "X-Interim", value, sizeof value));
    assert_false(http_response_header(&response, "X-Twic", value, sizeof value));
    assert_false(http_response_header(&response, "X-Twice", value, 5));
    assert_string_equal(value, "t");
    assert_null(strstr(response.headers.data, "HTTP/"));
    http_response_release(&response);
    end(f);
}

static void script_redirect(struct peer *p)
{
    int fd = peer_accept(p);
    while (peer_read(p, fd))
        peer_write(fd, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\n"
                       "Content-Length: 0\r\n\r\n");
}

static void test_redirect_is_an_answer(void **state)
{
    (void)state;
    struct fixture *f = with(script_redirect);
    struct http_request r = post_to(f);
    struct http_response response = call(f, &r);
    assert_int_equal(response.outcome, HTTP_ANSWERED);
    assert_int_equal(response.status, 307);
    assert_int_equal(f->seen->requests, 1);
    http_response_release(&response);
    end(f);
}

/* --- deadlines and cancelling --- */

static void script_silent(struct peer *p)
{
    for (;;)
        peer_read(p, peer_accept(p));
}

static void script_drip(struct peer *p)
{
    int fd = peer_accept(p);
    peer_read(p, fd);
    peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    for (;;) {
        peer_write(fd, ".");
        usleep(5 * 1000);
    }
}

static void test_deadline(void **state)
{
    (void)state;
    script_fn *const scripts[] = {script_silent, script_drip};
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        struct fixture *f = with(scripts[i]);
        struct http_request r = post_to(f);
        r.timeout_ns = 100 * NS_PER_MS;
        uint64_t begin = clock_now_ns();
        expect(f, &r, HTTP_TIMEOUT);
        assert_true(clock_now_ns() - begin >= r.timeout_ns);
        end(f);
    }
}

/* What still waits for its turn when its deadline passes was certainly not sent. */
static void on_not_sent(void *context, const struct http_response *response)
{
    assert_int_equal(response->outcome, HTTP_NOT_SENT);
    loop_stop(context);
}

static void ignore_answer(void *context, const struct http_response *response)
{
    (void)response;
    ++*(int *)context;
}

static void test_deadline_in_the_line(void **state)
{
    void *fixture = NULL;
    (void)state;
    start(&fixture, script_silent, &(struct http_client_options){.max_connections = 1});
    struct fixture *f = fixture;
    struct http_request r = post_to(f);
    struct error e = {0};
    int others = 0;
    assert_int_equal(http_client_send(f->client, &r, ignore_answer, &others, &e), 0);
    r.timeout_ns = 50 * NS_PER_MS;
    assert_int_equal(http_client_send(f->client, &r, on_not_sent, f->loop, &e), 0);
    assert_int_equal(http_client_pending(f->client), 2);
    loop_run(f->loop);
    assert_int_equal(http_client_pending(f->client), 1);
    assert_int_equal(others, 0);
    end(f); /* frees with one under way: its callback runs, and nothing leaks */
}

struct tally {
    struct fixture *f;
    int outcomes[HTTP_CANCELLED + 1];
    int left;
    int resend;
};

static void on_tally(void *context, const struct http_response *response)
{
    struct tally *t = context;
    t->outcomes[response->outcome]++;
    if (t->resend > 0) {
        struct http_request r = post_to(t->f);
        struct error e = {0};
        t->resend--;
        assert_int_equal(http_client_send(t->f->client, &r, on_tally, t, &e), 0);
        return;
    }
    if (--t->left == 0)
        loop_stop(t->f->loop);
}

static void test_cancel_all(void **state)
{
    (void)state;
    struct fixture *f = with(script_silent);
    struct tally t = {.f = f, .left = 3};
    struct http_request r = post_to(f);
    struct error e = {0};
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_client_send(f->client, &r, on_tally, &t, &e), 0);
    assert_int_equal(t.outcomes[HTTP_CANCELLED], 0);
    http_client_cancel_all(f->client);
    assert_int_equal(t.outcomes[HTTP_CANCELLED], 3);
    assert_int_equal(http_client_pending(f->client), 0);
    end(f);
}

static void test_call_that_is_interrupted(void **state)
{
    (void)state;
    struct fixture *f = with(script_silent);
    struct loop_timer *signal_like = loop_timer_new(f->loop, wake, f->loop);
    loop_timer_set(signal_like, clock_now_ns() + 20 * NS_PER_MS);
    struct http_request r = post_to(f);
    struct http_response response = {.status = 42};
    struct error e = {0};
    assert_int_equal(http_client_call(f->client, &r, &response, &e), -1);
    assert_int_equal(e.code, ERROR_INTERRUPTED);
    assert_int_equal(response.status, 42);
    assert_int_equal(http_client_pending(f->client), 0);
    loop_timer_free(signal_like);
    end(f);
}

/* --- many --- */

static void run_parallel(struct fixture *f, int at_once, int again)
{
    struct tally t = {.f = f, .left = at_once, .resend = again};
    struct http_request r = post_to(f);
    struct error e = {0};
    for (int i = 0; i < at_once; i++)
        assert_int_equal(http_client_send(f->client, &r, on_tally, &t, &e), 0);
    assert_int_equal(http_client_pending(f->client), at_once);
    assert_int_equal(t.left, at_once); /* no callback from inside the sending */
    loop_run(f->loop);
    assert_int_equal(t.outcomes[HTTP_ANSWERED], at_once + again);
    assert_int_equal(f->seen->requests, at_once + again);
    assert_int_equal(http_client_pending(f->client), 0);
}

static void test_hundred_parallel(void **state)
{
    (void)state;
    struct fixture *f = with(script_answer);
    run_parallel(f, 100, 1000);
    assert_int_equal(f->seen->connections, REUSES ? 100 : 1100);
    end(f);
}

static void test_limit_of_connections(void **state)
{
    void *fixture = NULL;
    (void)state;
    start(&fixture, script_answer, &(struct http_client_options){.max_connections = 4});
    struct fixture *f = fixture;
    run_parallel(f, 50, 100);
    assert_int_equal(f->seen->connections, REUSES ? 4 : 150);
    end(f);
}

/* --- what is refused beforehand --- */

struct refusal_case {
    const char *method, *url;
    struct sigv4_header header;
    const char *why;
};

static const struct refusal_case REFUSALS[] = {
    {"GET", "http://example.com/", {"A", "b"}, "plain http"},
    {"GET", "http://127.0.0.1.example.com/", {"A", "b"}, "plain http"},
    {"GET", "http://localhost.example.com/", {"A", "b"}, "plain http"},
    {"GET", "http://169.254.169.254/latest", {"A", "b"}, "plain http"},
    {"GET", "ftp://127.0.0.1/", {"A", "b"}, "begins with neither"},
    {"GET", "file:///etc/passwd", {"A", "b"}, "begins with neither"},
    {"GET", "", {"A", "b"}, "begins with neither"},
    {"GET", "http:///x", {"A", "b"}, "no host"},
    {"GET", "http://user:pass@127.0.0.1/", {"A", "b"}, "user name"},
    {"GET", "http://127.0.0.1/a b", {"A", "b"}, "percent-encoded"},
    {"GET", "http://127.0.0.1/\r\nX: y", {"A", "b"}, "percent-encoded"},
    {"GET", "http://127.0.0.1/#f", {"A", "b"}, "fragment"},
    {"GET", "http://127.0.0.1:0/", {"A", "b"}, "port"},
    {"GET", "http://127.0.0.1:65536/", {"A", "b"}, "port"},
    {"GET", "http://127.0.0.1:/", {"A", "b"}, "port"},
    {"GET", "http://[::1/", {"A", "b"}, "IPv6"},
    {"GET / HTTP/1.1\r\nX: ", "http://127.0.0.1/", {"A", "b"}, "not an HTTP method"},
    {"", "http://127.0.0.1/", {"A", "b"}, "not an HTTP method"},
    {"GET", "http://127.0.0.1/", {"A", "b\r\nInjected: 1"}, "line break"},
    {"GET", "http://127.0.0.1/", {"A: b\r\nInjected", "1"}, "name of a header"},
    {"GET", "http://127.0.0.1/", {"", "1"}, "name of a header"},
    {"GET", "http://127.0.0.1/", {"hOST", "evil"}, "set by the client"},
    {"GET", "http://127.0.0.1/", {"Content-Length", "0"}, "set by the client"},
};

static void test_refusals(void **state)
{
    (void)state;
    struct fixture *f = with(NULL);
    int calls = 0;
    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
        const struct refusal_case *c = &REFUSALS[i];
        struct http_request r = {
            .method = c->method, .url = c->url, .headers = &c->header, .header_count = 1};
        struct error e = {0};
        assert_int_equal(http_client_send(f->client, &r, ignore_answer, &calls, &e), -1);
        assert_int_equal(e.code, ERROR_USAGE);
        if (!strstr(e.text, c->why))
            fail_msg("%s: '%s' does not say '%s'", c->url, e.text, c->why);
    }
    assert_int_equal(http_client_pending(f->client), 0);
    assert_int_equal(calls, 0);
    end(f);
}

static void test_library_names_itself(void **state)
{
    (void)state;
    assert_non_null(strstr(http_client_library(), "libcurl/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_and_keep_alive),
        cmocka_unit_test(test_methods_in_turn_on_one_handle),
        cmocka_unit_test(test_large_body_goes_out_at_once),
        cmocka_unit_test(test_signature_fits_what_is_sent),
        cmocka_unit_test(test_proxy_settings_do_not_reach_loopback),
        cmocka_unit_test(test_dropped_connection_is_not_used_to_send_again),
        cmocka_unit_test(test_idle_connection_that_was_closed),
        cmocka_unit_test(test_refused_connection_is_not_sent),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_body_cap_is_exact),
        cmocka_unit_test(test_chunked_slow_and_interim),
        cmocka_unit_test(test_redirect_is_an_answer),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_deadline_in_the_line),
        cmocka_unit_test(test_cancel_all),
        cmocka_unit_test(test_call_that_is_interrupted),
        cmocka_unit_test(test_hundred_parallel),
        cmocka_unit_test(test_limit_of_connections),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_library_names_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
