/*
 * Each request of the table is fed whole, cut at every position, and byte by byte; the outcome must
 * be the known one each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/http_parser.h"

enum { BODY_CAP = 32 };

#define H "Host: h\r\n"

static const struct {
    const char *request;
    const char *outcome;
} cases[] = {
    /* targets */
    {"GET / HTTP/1.1\r\n" H "\r\n", "GET / path=/ query= keep [Host=h] body="},
    {"GET /a/b%2Fc?x=1&y=%20?z HTTP/1.1\r\n" H "\r\n",
     "GET /a/b%2Fc?x=1&y=%20?z path=/a/b%2Fc query=x=1&y=%20?z keep [Host=h] body="},
    {"GET /a? HTTP/1.1\r\n" H "\r\n", "GET /a? path=/a query= keep [Host=h] body="},
    {"GET http://example.com:80/p?q HTTP/1.1\r\n" H "\r\n",
     "GET http://example.com:80/p?q path=/p query=q keep [Host=h] body="},
    {"GET HTTPS://e HTTP/1.1\r\n" H "\r\n", "GET HTTPS://e path=/ query= keep [Host=h] body="},
    {"GET http://e?q HTTP/1.1\r\n" H "\r\n", "GET http://e?q path=/ query=q keep [Host=h] body="},
    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * path=* query= keep [Host=h] body="},
    {"GET * HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"CONNECT e:443 HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"GET http:///p HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"GET ftp://e/p HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"GET p HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"GET /\x80 HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"GET /\x7f HTTP/1.1\r\n" H "\r\n", "failed 400"},
    /* request lines */
    {"\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / path=/ query= keep [Host=h] body="},
    {"G\x01T / HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {" / HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"GET  / HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"GET /  HTTP/1.1\r\n" H "\r\n", "failed 400"},
    {"GET / HTTP/1.1 \r\n" H "\r\n", "failed 400"},
    {"GET /\r\n" H "\r\n", "failed 400"},
    {"GET / http/1.1\r\n" H "\r\n", "failed 400"},
    {"GET / HTTP/1.11\r\n" H "\r\n", "failed 400"},
    {"GET / HTTP/2.0\r\n" H "\r\n", "failed 505"},
    {"GET / HTTP/0.9\r\n" H "\r\n", "failed 505"},
    {"GET / HTTP/1.7\r\n" H "\r\n", "GET / path=/ query= keep [Host=h] body="},
    /* line ends */
    {"GET / HTTP/1.1\n" H "\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H "\n", "failed 400"},
    {"\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H "A: b\r\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", "failed 400"},
    /* headers */
    {"GET / HTTP/1.1\r\n" H "a:b\r\nC: \t d e\t \r\nempty:\r\n\r\n",
     "GET / path=/ query= keep [Host=h] [a=b] [C=d e] [empty=] body="},
    {"GET / HTTP/1.1\r\n" H "A: \xc3\xa9\r\n\r\n",
     "GET / path=/ query= keep [Host=h] [A=\xc3\xa9] body="},
    {"GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H ": b\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H "A\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H "A(: b\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H "A: b\x7f\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n\r\n", "failed 400"},
    {"GET / HTTP/1.1\r\n" H H "\r\n", "failed 400"},
    /* whether the connection stays */
    {"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n",
     "GET / path=/ query= [Host=h] [Connection=close] body="},
    {"GET / HTTP/1.1\r\n" H "Connection: te , CLOSE\r\n\r\n",
     "GET / path=/ query= [Host=h] [Connection=te , CLOSE] body="},
    {"GET / HTTP/1.1\r\n" H "Connection: closed,xclose\r\n\r\n",
     "GET / path=/ query= keep [Host=h] [Connection=closed,xclose] body="},
    {"GET / HTTP/1.0\r\n\r\n", "GET / path=/ query= 1.0 body="},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
     "GET / path=/ query= keep 1.0 [Connection=Keep-Alive] body="},
    {"GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
     "GET / path=/ query= 1.0 [Connection=close] [Connection=keep-alive] body="},
    /* bodies with a length */
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
     "POST / path=/ query= keep [Host=h] [Content-Length=5] body=hello"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0005\r\n\r\nhello",
     "POST / path=/ query= keep [Host=h] [Content-Length=0005] body=hello"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
     "POST / path=/ query= keep [Host=h] [Content-Length=0] body="},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 32\r\n\r\n0123456789abcdef0123456789abcdef",
     "POST / path=/ query= keep [Host=h] [Content-Length=32] "
     "body=0123456789abcdef0123456789abcdef"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 33\r\n\r\n", "failed 413"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n", "failed 413"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n", "failed 413"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\ncontent-length: 5\r\n\r\n", "failed 400"},
    /* chunked bodies */
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00\r\n\r\n",
     "POST / path=/ query= keep chunked [Host=h] [Transfer-Encoding=chunked] body=hello"},
    {"POST / HTTP/1.1\r\n" H "TRANSFER-ENCODING: Chunked\r\n\r\n"
     "a;x=y\r\n0123456789\r\n1 ; z=\"q\"\r\n!\r\n0\r\nT-One: 1\r\nt-two:\r\n\r\n",
     "POST / path=/ query= keep chunked [Host=h] [TRANSFER-ENCODING=Chunked] body=0123456789! "
     "<T-One=1> <t-two=>"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "10\r\n0123456789abcdef\r\n10\r\n0123456789ABCDEF\r\n0\r\n\r\n",
     "POST / path=/ query= keep chunked [Host=h] [Transfer-Encoding=chunked] "
     "body=0123456789abcdef0123456789ABCDEF"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n21\r\n", "failed 413"},
    {"POST / HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\n\r\n1f\r\n0123456789abcdef0123456789abcde\r\n2\r\n",
     "failed 413"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
     "failed 413"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\n",
     "failed 413"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5 5\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x5\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;a\x01\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\nhello", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nbad\r\n\r\n", "failed 400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\na:1\r\nb:2\r\nc:3\r\nd:4\r\n"
     "e:5\r\nf:6\r\ng:7\r\nh:8\r\ni:9\r\n\r\n",
     "failed 431"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", "failed 501"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", "failed 501"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "failed 501"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
     "failed 400"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "failed 400"},
    /* 100-continue */
    {"POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n!",
     "POST / path=/ query= keep expects [Host=h] [Expect=100-Continue] [Content-Length=1] body=!"},
    {"POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n",
     "POST / path=/ query= keep [Host=h] [Expect=100-continue] body="},
    {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n!",
     "POST / path=/ query= 1.0 [Expect=100-continue] [Content-Length=1] body=!"},
};

static void add_fields(struct buf *out, const char *format, const struct http_header *fields,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_addch(out, format[0]);
        buf_addstr(out, fields[i].name);
        buf_addch(out, '=');
        buf_addstr(out, fields[i].value);
        buf_addch(out, format[1]);
        buf_addch(out, ' ');
    }
}

/* What the parser knows, as one line. */
static void describe(const struct http_parser *p, struct buf *out)
{
    buf_clear(out);
    if (p->state == HTTP_PARSE_FAILED) {
        buf_addf(out, "failed %d", p->error_status);
        return;
    }
    if (p->state != HTTP_PARSE_DONE) {
        buf_addstr(out, "unfinished");
        return;
    }
    buf_addf(out, "%s %s path=%s query=%s ", p->method, p->target, p->path, p->query);
    buf_addstr(out, p->keep_alive ? "keep " : "");
    buf_addstr(out, p->http_1_0 ? "1.0 " : "");
    buf_addstr(out, p->chunked ? "chunked " : "");
    buf_addstr(out, p->expects_continue ? "expects " : "");
    add_fields(out, "[]", p->headers, p->header_count);
    buf_addf(out, "body=%s ", p->body.data);
    add_fields(out, "<>", p->trailers, p->trailer_count);
    buf_truncate(out, out->length - 1);
}

/* A copy of its own size, so that the sanitizer sees a read beyond the piece. */
static size_t feed_copy(struct http_parser *p, const char *bytes, size_t length)
{
    char *copy = xmalloc(length ? length : 1);
    memcpy(copy, bytes, length);
    size_t used = http_parser_feed(p, copy, length);
    assert_true(used <= length);
    free(copy);
    return used;
}

/* Feeds in two pieces; what a failed parser refuses to take is no error. */
static void feed_split(struct http_parser *p, const char *bytes, size_t length, size_t at)
{
    size_t used = feed_copy(p, bytes, at);
    if (used == at)
        used += feed_copy(p, bytes + at, length - at);
    if (p->state != HTTP_PARSE_FAILED)
        assert_int_equal(used, length);
}

static void outcomes_do_not_depend_on_the_cuts(void **state)
{
    (void)state;
    struct buf text;
    struct http_parser p;
    buf_init(&text);
    http_parser_init(&p, BODY_CAP);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t length = strlen(cases[i].request);
        for (size_t at = 0; at <= length; at++) {
            http_parser_reset(&p);
            feed_split(&p, cases[i].request, length, at);
            describe(&p, &text);
            assert_string_equal(text.data, cases[i].outcome);
        }
        http_parser_reset(&p);
        for (size_t at = 0; at < length; at++)
            feed_copy(&p, cases[i].request + at, 1);
        describe(&p, &text);
        assert_string_equal(text.data, cases[i].outcome);
    }
    http_parser_release(&p);
    buf_release(&text);
}

/* A request that ends early is never taken for a whole one. */
static void every_prefix_is_unfinished(void **state)
{
    (void)state;
    struct http_parser p;
    http_parser_init(&p, BODY_CAP);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t length = strlen(cases[i].request);
        if (!strncmp(cases[i].outcome, "failed", 6))
            continue;
        for (size_t at = 0; at < length; at++) {
            http_parser_reset(&p);
            assert_int_equal(feed_copy(&p, cases[i].request, at), at);
            assert_true(p.state < HTTP_PARSE_DONE);
        }
    }
    http_parser_release(&p);
}

static void takes_one_request_at_a_time(void **state)
{
    (void)state;
    static const char two[] = "POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nab"
                              "GET /2 HTTP/1.1\r\n" H "\r\nrest";
    struct http_parser p;
    http_parser_init(&p, BODY_CAP);
    size_t used = http_parser_feed(&p, two, sizeof two - 1);
    assert_int_equal(p.state, HTTP_PARSE_DONE);
    assert_string_equal(p.path, "/1");
    assert_string_equal(p.body.data, "ab");
    assert_int_equal(http_parser_feed(&p, two + used, sizeof two - 1 - used), 0);
    http_parser_reset(&p);
    assert_int_equal(p.state, HTTP_PARSE_HEAD);
    used += http_parser_feed(&p, two + used, sizeof two - 1 - used);
    assert_int_equal(p.state, HTTP_PARSE_DONE);
    assert_string_equal(p.path, "/2");
    assert_int_equal(p.body.length, 0);
    assert_string_equal(two + used, "rest");
    http_parser_release(&p);
}

static void finds_headers_and_trailers_in_any_case(void **state)
{
    (void)state;
    static const char request[] =
        "POST / HTTP/1.1\r\n" H "X-A: first\r\nx-a: second\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\nLambda-Runtime-Function-Error-Type: Oops\r\n\r\n";
    struct http_parser p;
    http_parser_init(&p, BODY_CAP);
    http_parser_feed(&p, request, sizeof request - 1);
    assert_int_equal(p.state, HTTP_PARSE_DONE);
    assert_string_equal(http_parser_header(&p, "x-A"), "first");
    assert_null(http_parser_header(&p, "x-b"));
    assert_null(http_parser_header(&p, "lambda-runtime-function-error-type"));
    assert_string_equal(http_parser_trailer(&p, "lambda-runtime-function-error-type"), "Oops");
    assert_null(http_parser_trailer(&p, "x-a"));
    http_parser_release(&p);
}

static void refuses_nuls(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
#define ROW(text) {text, sizeof text - 1}
        ROW("GET /\0 HTTP/1.1\r\n" H "\r\n"),         ROW("GE\0T / HTTP/1.1\r\n" H "\r\n"),
        ROW("GET / HTTP/1.1\0\r\n" H "\r\n"),         ROW("GET / HTTP/1.1\0junk\r\n" H "\r\n"),
        ROW("GET / HTTP/1.1\r\n" H "A\0: b\r\n\r\n"), ROW("GET / HTTP/1.1\r\n" H "A: \0b\r\n\r\n"),
#undef ROW
    };
    struct http_parser p;
    http_parser_init(&p, BODY_CAP);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        http_parser_reset(&p);
        feed_copy(&p, rows[i].bytes, rows[i].length);
        assert_int_equal(p.state, HTTP_PARSE_FAILED);
        assert_int_equal(p.error_status, 400);
    }
    http_parser_release(&p);
}

static void keeps_nuls_in_bodies(void **state)
{
    (void)state;
    static const char request[] = "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\na\0b";
    struct http_parser p;
    http_parser_init(&p, BODY_CAP);
    assert_int_equal(http_parser_feed(&p, request, sizeof request - 1), sizeof request - 1);
    assert_int_equal(p.state, HTTP_PARSE_DONE);
    assert_int_equal(p.body.length, 3);
    assert_memory_equal(p.body.data, "a\0b", 3);
    http_parser_release(&p);
}

/* A request whose head has exactly `size` bytes. */
static void make_head(struct buf *out, size_t size)
{
    buf_clear(out);
    buf_addstr(out, "GET / HTTP/1.1\r\n" H "A: ");
    buf_fill(out, "x", size - out->length - 4);
    buf_addstr(out, "\r\n\r\n");
    assert_int_equal(out->length, size);
}

static void caps_the_head(void **state)
{
    (void)state;
    struct buf text;
    struct http_parser p;
    buf_init(&text);
    http_parser_init(&p, BODY_CAP);
    make_head(&text, HTTP_HEAD_MAX);
    assert_int_equal(http_parser_feed(&p, text.data, text.length), text.length);
    assert_int_equal(p.state, HTTP_PARSE_DONE);
    make_head(&text, HTTP_HEAD_MAX + 1);
    for (size_t at = text.length - 6; at <= text.length; at++) {
        http_parser_reset(&p);
        feed_split(&p, text.data, text.length, at);
        assert_int_equal(p.state, HTTP_PARSE_FAILED);
        assert_int_equal(p.error_status, 431);
    }
    /* A line that never ends is refused when it is too long, not stored for ever. */
    http_parser_reset(&p);
    buf_clear(&text);
    buf_fill(&text, "x", HTTP_HEAD_MAX + 1);
    http_parser_feed(&p, text.data, text.length);
    assert_int_equal(p.error_status, 431);
    assert_true(p.head.length <= HTTP_HEAD_MAX);
    http_parser_release(&p);
    buf_release(&text);
}

static void caps_the_number_of_headers(void **state)
{
    (void)state;
    struct buf text;
    struct http_parser p;
    buf_init(&text);
    http_parser_init(&p, BODY_CAP);
    for (size_t count = HTTP_HEADERS_MAX; count <= HTTP_HEADERS_MAX + 1; count++) {
        buf_clear(&text);
        buf_addstr(&text, "GET / HTTP/1.1\r\n" H);
        buf_fill(&text, "A: b\r\n", count - 1);
        buf_addstr(&text, "\r\n");
        http_parser_reset(&p);
        http_parser_feed(&p, text.data, text.length);
        bool fits = count == HTTP_HEADERS_MAX;
        assert_int_equal(p.state, fits ? HTTP_PARSE_DONE : HTTP_PARSE_FAILED);
        assert_int_equal(p.error_status, fits ? 0 : 431);
    }
    http_parser_release(&p);
    buf_release(&text);
}

static void caps_trailers_and_chunk_lines(void **state)
{
    (void)state;
    struct buf text;
    struct http_parser p;
    buf_init(&text);
    http_parser_init(&p, BODY_CAP);
    buf_addstr(&text, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ");
    buf_fill(&text, "x", HTTP_TRAILER_BYTES_MAX);
    http_parser_feed(&p, text.data, text.length);
    assert_int_equal(p.error_status, 431);

    http_parser_reset(&p);
    buf_clear(&text);
    buf_addstr(&text, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0;");
    buf_fill(&text, "x", 300);
    http_parser_feed(&p, text.data, text.length);
    assert_int_equal(p.error_status, 400);
    http_parser_release(&p);
    buf_release(&text);
}

static void no_cap_means_no_body(void **state)
{
    (void)state;
    static const char request[] = "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n!";
    struct http_parser p;
    http_parser_init(&p, 0);
    http_parser_feed(&p, request, sizeof request - 1);
    assert_int_equal(p.error_status, 413);
    http_parser_release(&p);
}

static void gives_large_buffers_back(void **state)
{
    (void)state;
    struct buf text;
    struct http_parser p;
    buf_init(&text);
    http_parser_init(&p, 1024 * 1024);
    buf_addstr(&text, "POST / HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\n");
    buf_fill(&text, "0123456789", 100000);
    assert_int_equal(http_parser_feed(&p, text.data, text.length), text.length);
    assert_int_equal(p.state, HTTP_PARSE_DONE);
    assert_int_equal(p.body.length, 1000000);
    http_parser_reset(&p);
    assert_int_equal(p.body.capacity, 0);
    assert_true(p.head.capacity > 0);
    http_parser_release(&p);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_do_not_depend_on_the_cuts),
        cmocka_unit_test(every_prefix_is_unfinished),
        cmocka_unit_test(takes_one_request_at_a_time),
        cmocka_unit_test(finds_headers_and_trailers_in_any_case),
        cmocka_unit_test(refuses_nuls),
        cmocka_unit_test(keeps_nuls_in_bodies),
        cmocka_unit_test(caps_the_head),
        cmocka_unit_test(caps_the_number_of_headers),
        cmocka_unit_test(caps_trailers_and_chunk_lines),
        cmocka_unit_test(no_cap_means_no_body),
        cmocka_unit_test(gives_large_buffers_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
