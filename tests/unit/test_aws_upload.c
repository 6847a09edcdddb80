/*
 * Packages on their way through S3: what is asked of it, signed by S3's rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/lambda.h"
#include "aws/upload.h"
#include "base/mem.h"
#include "net/http_server.h"
#include "net/sigv4.h"
#include "os/clock.h"

static const struct sigv4_credentials credentials = {"AKIDEXAMPLE", "secret", "token"};
static const struct target_package package = {.zip = "PK\0\1", .zip_bytes = 4, .sha256 = "x"};

struct s3 {
    struct loop *loop;
    struct http_server *server;
    struct lambda lambda;
    struct upload_place place;
    char endpoint[64];
    int status;
    const char *answer;
    unsigned requests;
    char method[8], target[128], body[16];
    size_t body_length;
    struct error refused; /* of the last signature; empty: it is right */
    struct error e;
};

/* As S3 itself would: every header that arrived, the hash that is named, the path encoded once. */
static void verify(struct s3 *s, const struct http_parser *r)
{
    static const char *const names[] = {"host", "content-type", "x-amz-date",
                                        "x-amz-security-token", "x-amz-content-sha256"};
    struct sigv4_header headers[ARRAY_LEN(names)];
    size_t count = 0;
    struct sigv4_claim claim;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = http_parser_header(r, names[i]);
        assert_non_null(value);
        headers[count++] = (struct sigv4_header){names[i], value};
    }
    struct sigv4_request request = {
        .method = r->method,
        .path = r->target,
        .headers = headers,
        .header_count = count,
        .body = r->body.data,
        .body_length = r->body.length,
        .region = "eu-west-1",
        .service = "s3",
        .stamp = http_parser_header(r, "x-amz-date"),
    };
    s->refused = (struct error){0};
    assert_int_equal(sigv4_parse(http_parser_header(r, "authorization"), &claim, &s->e), 0);
    (void)sigv4_verify(&request, &claim, credentials.secret_key, &s->refused);
    assert_string_equal(claim.service, "s3");
}

static void serve(void *context, struct http_exchange *x)
{
    struct s3 *s = context;
    const struct http_parser *r = http_exchange_request(x);
    s->requests++;
    snprintf(s->method, sizeof s->method, "%s", r->method);
    snprintf(s->target, sizeof s->target, "%s", r->target);
    s->body_length = r->body.length;
    if (r->body.length <= sizeof s->body)
        memcpy(s->body, r->body.data, r->body.length);
    verify(s, r);
    http_reply(x, s->status, NULL, 0, s->answer, strlen(s->answer));
}

static void s3_begin(struct s3 *s)
{
    *s = (struct s3){.status = 200, .answer = ""};
    s->loop = loop_new(&s->e);
    struct http_server_options o = {.body_cap = 1 << 20, .handler = serve, .context = s};
    s->server = http_server_new(s->loop, &o, &s->e);
    assert_non_null(s->server);
    snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%u", http_server_port(s->server));
    s->place = (struct upload_place){s->endpoint, "my.bucket-1"};
    s->lambda =
        (struct lambda){.loop = s->loop,
                        .http = http_client_new(s->loop, &(struct http_client_options){0}, &s->e),
                        .endpoint = "http://127.0.0.1:1", /* nobody is to ask Lambda */
                        .signing = {&credentials, "eu-west-1", "lambda", 0},
                        .second_ns = 1000};
}

static void s3_end(struct s3 *s)
{
    http_client_free(s->lambda.http);
    http_server_free(s->server);
    loop_free(s->loop);
}

static void puts_and_deletes(void **state)
{
    (void)state;
    struct s3 s;
    s3_begin(&s);
    assert_int_equal(upload_put(&s.lambda, &s.place, "lambda-perf-gate/a.zip", &package, &s.e), 0);
    assert_string_equal(s.method, "PUT");
    assert_string_equal(s.target, "/my.bucket-1/lambda-perf-gate/a.zip");
    assert_int_equal(s.body_length, 4);
    assert_memory_equal(s.body, package.zip, 4);
    assert_string_equal(s.refused.text, "");
    s.status = 204;
    assert_int_equal(upload_delete(&s.lambda, &s.place, "lambda-perf-gate/a.zip", &s.e), 0);
    assert_string_equal(s.method, "DELETE");
    assert_string_equal(s.refused.text, "");
    s.status = 404;
    assert_int_equal(upload_delete(&s.lambda, &s.place, "lambda-perf-gate/a.zip", &s.e), 0);
    assert_int_equal(upload_put(&s.lambda, &s.place, "lambda-perf-gate/a.zip", &package, &s.e), -1);
    s3_end(&s);
}

static void refusals_are_read(void **state)
{
    (void)state;
    struct s3 s;
    s3_begin(&s);
    s.status = 404;
    s.answer =
        "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>The specified bucket "
        "does not exist</Message></Error>";
    assert_int_equal(upload_put(&s.lambda, &s.place, "k", &package, &s.e), -1);
    assert_non_null(strstr(s.e.text, "PutObject of 's3://my.bucket-1/k': NoSuchBucket (HTTP 404): "
                                     "The specified bucket does not exist"));
    assert_int_equal(s.requests, 1);
    s.status = 503;
    s.answer = "<Error><Code>SlowDown</Code></Error>";
    assert_int_equal(upload_put(&s.lambda, &s.place, "k", &package, &s.e), -1);
    assert_int_equal(s.requests, 5);
    s3_end(&s);
}

static void buckets(void **state)
{
    (void)state;
    static const char *const good[] = {"abc", "my.bucket-1"};
    static const char *const bad[] = {"", "ab", "My-Bucket", "a/b", "a..b", "abc?x", "../abc"};
    struct error e;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(upload_check_bucket(good[i], &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(upload_check_bucket(bad[i], &e), -1);
}

static void stands_in_the_request(void **state)
{
    (void)state;
    struct buf out;
    struct json_writer w;
    struct target_package p = package;
    p.bucket = "b";
    p.key = "k";
    buf_init(&out);
    json_begin(&w, &out, 0);
    json_open_object(&w, NULL);
    lambda_put_code(&w, &p);
    json_close(&w);
    assert_string_equal(out.data, "{\"S3Bucket\":\"b\",\"S3Key\":\"k\"}");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_and_deletes),
        cmocka_unit_test(refusals_are_read),
        cmocka_unit_test(buckets),
        cmocka_unit_test(stands_in_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
