/*
 * A Lambda that answers from a script, in the test's own loop, and keeps what it was asked.
 *
 *     script_begin(&s);
 *     script_add(&s, 201, "{...}");
 *     ... calls with s.lambda ...
 *     assert_string_equal(s.requests[0].target, "/2015-03-31/functions");
 *     script_end(&s);
 */
#ifndef LPG_TESTS_LAMBDA_SCRIPT_H
#define LPG_TESTS_LAMBDA_SCRIPT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/lambda.h"
#include "base/mem.h"
#include "net/http_server.h"
#include "os/clock.h"

/* Answers in turn; the last one again and again. */
struct script {
    struct {
        int status;
        const char *body, *header, *value;
    } answers[24];
    size_t count, at;
    struct {
        char method[8], target[128];
        char *body;
    } requests[128];
    size_t request_count;
    size_t stop_at; /* as a signal would, the loop stops before this answer is read; 0: never */
    bool unlimited; /* requests beyond what there is room for are not kept */
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct lambda lambda;
    char endpoint[64];
    struct error e;
};

static const struct sigv4_credentials script_credentials = {"AKIDEXAMPLE", "secret", NULL};

static inline void script_serve(void *context, struct http_exchange *x)
{
    struct script *s = context;
    const struct http_parser *r = http_exchange_request(x);
    size_t at = s->at + 1 < s->count ? s->at++ : s->at;
    if (s->request_count < ARRAY_LEN(s->requests)) {
        snprintf(s->requests[s->request_count].method, 8, "%s", r->method);
        snprintf(s->requests[s->request_count].target, 128, "%s", r->target);
        s->requests[s->request_count++].body = xstrndup(r->body.data, r->body.length);
    } else {
        assert_true(s->unlimited);
    }
    /* all calls are signed but the download of code, whose address holds its own signature */
    bool is_code = !strncmp(r->target, "/code/", 6);
    assert_int_equal(http_parser_header(r, "authorization") == NULL, is_code);
    if (s->stop_at && s->request_count == s->stop_at)
        loop_stop(s->loop);
    const char *body = s->answers[at].body;
    const struct http_header header = {s->answers[at].header, s->answers[at].value};
    http_reply(x, s->answers[at].status, &header, header.name != NULL, body, strlen(body));
}

static inline void script_begin(struct script *s)
{
    *s = (struct script){0};
    s->loop = loop_new(&s->e);
    struct http_server_options o = {.body_cap = 1 << 20, .handler = script_serve, .context = s};
    s->server = http_server_new(s->loop, &o, &s->e);
    s->client = http_client_new(s->loop, &(struct http_client_options){0}, &s->e);
    assert_true(s->server && s->client);
    snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%u", http_server_port(s->server));
    s->lambda = (struct lambda){.loop = s->loop,
                                .http = s->client,
                                .endpoint = s->endpoint,
                                .role = "arn:aws:iam::1:role/r",
                                .signing = {&script_credentials, "eu-west-1", "lambda", 0},
                                .second_ns = NS_PER_MS};
}

static inline void script_add(struct script *s, int status, const char *body)
{
    s->answers[s->count].status = status;
    s->answers[s->count++].body = body;
}

static inline void script_header(struct script *s, const char *name, const char *value)
{
    s->answers[s->count - 1].header = name;
    s->answers[s->count - 1].value = value;
}

static inline void script_end(struct script *s)
{
    http_client_free(s->client);
    http_server_free(s->server);
    loop_free(s->loop);
    for (size_t i = 0; i < s->request_count; i++)
        free(s->requests[i].body);
}

#endif
