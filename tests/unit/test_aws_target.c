/*
 * The target against a Lambda of a few lines, in the same loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/target.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/http_server.h"
#include "os/clock.h"

#define ID "8f507cfc-aaaa-4697-b07a-ac58fc914c95"

enum { REPLIES_MAX = 16 };

struct lambda_server {
    struct loop *loop;
    struct http_server *server;
    struct target *target;
    char endpoint[64];
    int invoke_status;
    bool hold;          /* never answer Invokes */
    unsigned memory_mb; /* in the REPORT */
    unsigned invokes, others;
    unsigned asked; /* for keys */
    bool no_keys;
    const char *executed; /* X-Amz-Executed-Version; NULL: not told */
    unsigned published;   /* versions */
    char calls[16][96];   /* all but Invokes: "PUT /x" */
    char invoked[128];
    char payload[64];
    char log_type[16];
    enum sample_status statuses[REPLIES_MAX]; /* of the replies, in their order */
    uint32_t durations[REPLIES_MAX];
    char details[REPLIES_MAX][128];
    size_t replies, awaited;
    struct error e;
};

static void gone(void *context, struct http_exchange *x)
{
    (void)context;
    (void)x;
}

static void serve_invoke(struct lambda_server *s, struct http_exchange *x)
{
    const struct http_parser *r = http_exchange_request(x);
    const char *log_type = http_parser_header(r, "x-amz-log-type");
    snprintf(s->payload, sizeof s->payload, "%s", r->body.data);
    snprintf(s->log_type, sizeof s->log_type, "%s", log_type ? log_type : "");
    s->invokes++;
    if (s->hold) {
        http_exchange_keep(x, gone, s);
        return;
    }
    char log[256];
    struct buf base64;
    buf_init(&base64);
    snprintf(log, sizeof log,
             "REPORT RequestId: " ID
             "\tDuration: 0.50 ms\tBilled Duration: 1 ms\tMemory Size: %u MB\t\n",
             s->memory_mb);
    base64_encode(&base64, log, strlen(log));
    struct http_header headers[] = {{"x-amzn-RequestId", ID},
                                    {"X-Amz-Log-Result", base64.data},
                                    {"X-Amz-Executed-Version", s->executed}};
    snprintf(s->invoked, sizeof s->invoked, "%s", r->target);
    http_reply(x, s->invoke_status, headers, s->executed ? 3 : 2, "{}", 2);
    buf_release(&base64);
}

static void serve(void *context, struct http_exchange *x)
{
    struct lambda_server *s = context;
    static const char active[] = "{\"State\":\"Active\",\"LastUpdateStatus\":\"Successful\"}";
    if (text_ends(http_exchange_request(x)->path, "/invocations")) {
        serve_invoke(s, x);
        return;
    }
    const struct http_parser *r = http_exchange_request(x);
    if (s->others < ARRAY_LEN(s->calls))
        snprintf(s->calls[s->others], sizeof s->calls[0], "%s %s", r->method,
                 r->target + sizeof "/2015-03-31/functions" - 1);
    s->others++;
    if (text_ends(r->path, "/versions")) {
        char version[160];
        int length = snprintf(version, sizeof version,
                              "{\"Version\":\"%u\",\"State\":\"Active\",\"LastUpdateStatus\":"
                              "\"Successful\"}",
                              ++s->published);
        http_reply(x, 201, NULL, 0, version, (size_t)length);
        return;
    }
    http_reply(x, 200, NULL, 0, active, sizeof active - 1);
}

static int keys(void *context, struct sigv4_credentials *out, struct error *e)
{
    struct lambda_server *s = context;
    s->asked++;
    if (s->no_keys)
        return error_set(e, ERROR_CONFIG, "no keys today");
    *out = (struct sigv4_credentials){"AKIDEXAMPLE", "secret", NULL};
    return 0;
}

static void server_begin(struct lambda_server *s)
{
    *s = (struct lambda_server){.invoke_status = 200, .memory_mb = 256};
    s->loop = loop_new(&s->e);
    struct http_server_options o = {.body_cap = 1 << 20, .handler = serve, .context = s};
    s->server = http_server_new(s->loop, &o, &s->e);
    assert_non_null(s->server);
    snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%u", http_server_port(s->server));
    struct aws_target_options options = {
        .kind = "endpoint",
        .endpoint = s->endpoint,
        .region = "eu-west-1",
        .role = "r",
        .credentials = {keys, s},
        .lanes = 3,
        .sides_share_machine = true,
    };
    s->target = aws_target_new(s->loop, &options, &s->e);
    assert_non_null(s->target);
}

static void server_end(struct lambda_server *s)
{
    target_free(s->target);
    if (s->server)
        http_server_free(s->server);
    loop_free(s->loop);
}

static const struct plan_function function = {.name = "f",
                                              .runtime = "python3.12",
                                              .handler = "h",
                                              .architecture = "x86_64",
                                              .memory_mb = 256,
                                              .timeout_s = 3};

static void deploy(struct lambda_server *s, const char *name)
{
    struct target_package package = {.zip = "PK", .zip_bytes = 2, .sha256 = "c2hh"};
    assert_int_equal(s->target->calls->deploy(s->target, name, &function, &package, &s->e), 0);
}

static void on_reply(void *context, const struct target_reply *reply)
{
    struct lambda_server *s = context;
    assert_true(s->replies < REPLIES_MAX);
    s->statuses[s->replies] = reply->status;
    s->durations[s->replies] = reply->duration_10us;
    snprintf(s->details[s->replies++], sizeof s->details[0], "%s", reply->detail);
    if (s->replies == s->awaited)
        loop_stop(s->loop);
}

static void invoke(struct lambda_server *s, const char *name)
{
    struct target_call call = {name, "{\"n\":1}", 7, NULL, 3 * NS_PER_S};
    s->target->calls->invoke(s->target, &call, on_reply, s);
}

static void await(struct lambda_server *s, size_t replies)
{
    s->awaited = replies;
    while (s->replies < replies)
        loop_run(s->loop);
}

static void deploys_and_invokes(void **state)
{
    (void)state;
    struct lambda_server s;
    server_begin(&s);
    assert_string_equal(s.target->kind, "endpoint");
    assert_int_equal(s.target->lanes_default, 3);
    assert_true(s.target->sides_share_machine);
    deploy(&s, "f-b");
    deploy(&s, "f-c");
    for (int i = 0; i < 3; i++)
        invoke(&s, i % 2 ? "f-c" : "f-b");
    assert_int_equal(s.replies, 0); /* never from within invoke() */
    await(&s, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s.statuses[i], SAMPLE_OK);
        assert_int_equal(s.durations[i], 50);
    }
    assert_string_equal(s.payload, "{\"n\":1}");
    assert_string_equal(s.log_type, "Tail");
    assert_int_equal(s.target->calls->renew(s.target, "f-b", &function, "0.0", &s.e), 0);
    assert_int_equal(s.others, 3);
    server_end(&s);
}

/* The memory that was deployed is what a REPORT must tell. */
static void other_memory_is_tampering(void **state)
{
    (void)state;
    struct lambda_server s;
    server_begin(&s);
    s.memory_mb = 10240;
    deploy(&s, "f-b");
    invoke(&s, "f-b");
    await(&s, 1);
    assert_int_equal(s.statuses[0], SAMPLE_TAMPERED);
    server_end(&s);
}

/* Functions that are there already are called by their names, and must be what they were. */
static void attached_functions(void **state)
{
    (void)state;
    static const struct lambda_expected expected = {.memory_mb = 256};
    struct lambda_server s;
    server_begin(&s);
    aws_target_attach(s.target, "prod:live", "7", &expected);
    s.executed = "7";
    invoke(&s, "prod:live");
    await(&s, 1);
    assert_string_equal(s.invoked, "/2015-03-31/functions/prod/invocations?Qualifier=live");
    assert_int_equal(s.statuses[0], SAMPLE_OK);
    s.executed = "8"; /* the alias was moved */
    invoke(&s, "prod:live");
    await(&s, 2);
    assert_int_equal(s.statuses[1], SAMPLE_UNKNOWN);
    assert_string_equal(s.details[1],
                        "version 8 answered for 'prod:live', which was version 7 when "
                        "the run began");
    aws_target_attach(s.target, "prod", "$LATEST", &expected);
    s.executed = "$LATEST";
    invoke(&s, "prod");
    await(&s, 3);
    assert_string_equal(s.invoked, "/2015-03-31/functions/prod/invocations");
    assert_int_equal(s.statuses[2], SAMPLE_OK);
    server_end(&s);
}

/* SnapStart restores published versions alone: a renewal is one more of them. */
static void snapshots(void **state)
{
    (void)state;
    static const struct plan_reference like = {.members = "{}", .slow = true, .snap_start = true};
    static const char *const calls[] = {
        "POST ",
        "POST /f-b/versions",
        "PUT /f-b/configuration",
        "POST /f-b/versions",
        "DELETE /f-b?Qualifier=1",
    };
    struct lambda_server s;
    struct plan_function f = function;
    struct target_package package = {.zip = "PK", .zip_bytes = 2, .sha256 = "c2hh"};
    server_begin(&s);
    f.reference = &like;
    assert_int_equal(s.target->calls->deploy(s.target, "f-b", &f, &package, &s.e), 0);
    s.executed = "1";
    invoke(&s, "f-b");
    await(&s, 1);
    assert_string_equal(s.invoked, "/2015-03-31/functions/f-b/invocations?Qualifier=1");
    assert_int_equal(s.target->calls->renew(s.target, "f-b", &f, "0.0", &s.e), 0);
    s.executed = "2";
    invoke(&s, "f-b");
    await(&s, 2);
    assert_string_equal(s.invoked, "/2015-03-31/functions/f-b/invocations?Qualifier=2");
    assert_int_equal(s.statuses[1], SAMPLE_OK);
    assert_int_equal(s.others, ARRAY_LEN(calls));
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        assert_string_equal(s.calls[i], calls[i]);
    server_end(&s);
}

static void an_invoke_is_never_repeated(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum sample_status expected;
    } rows[] = {{429, SAMPLE_THROTTLED}, {500, SAMPLE_UNKNOWN}, {502, SAMPLE_UNKNOWN},
                {503, SAMPLE_UNKNOWN},   {504, SAMPLE_UNKNOWN}, {404, SAMPLE_UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lambda_server s;
        server_begin(&s);
        deploy(&s, "f-b");
        s.invoke_status = rows[i].status;
        invoke(&s, "f-b");
        await(&s, 1);
        assert_int_equal(s.statuses[0], rows[i].expected);
        assert_int_equal(s.invokes, 1);
        assert_int_equal(s.durations[0], SAMPLE_NONE);
        server_end(&s);
    }
}

static void what_cannot_be_sent_is_told_from_the_loop(void **state)
{
    (void)state;
    struct lambda_server s;
    server_begin(&s);
    invoke(&s, "never-deployed");
    invoke(&s, "never-deployed");
    assert_int_equal(s.replies, 0);
    await(&s, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s.statuses[i], SAMPLE_UNKNOWN);
        assert_non_null(strstr(s.details[i], "was not deployed by this run"));
    }
    assert_int_equal(s.invokes, 0);
    server_end(&s);
}

static void nobody_answers(void **state)
{
    (void)state;
    struct lambda_server s;
    server_begin(&s);
    deploy(&s, "f-b");
    http_server_free(s.server);
    s.server = NULL;
    invoke(&s, "f-b");
    await(&s, 1);
    assert_int_equal(s.statuses[0], SAMPLE_UNKNOWN);
    assert_true(s.details[0][0] != '\0');
    server_end(&s);
}

static void stop_loop(void *context)
{
    loop_stop(((struct lambda_server *)context)->loop);
}

static void cancel_answers_at_once(void **state)
{
    (void)state;
    struct lambda_server s;
    server_begin(&s);
    deploy(&s, "f-b");
    s.hold = true;
    invoke(&s, "f-b");
    invoke(&s, "f-b");
    invoke(&s, "never-deployed");
    s.target->calls->cancel(s.target);
    assert_int_equal(s.replies, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(s.statuses[i], SAMPLE_UNKNOWN);
    struct loop_timer *timer = loop_timer_new(s.loop, stop_loop, &s);
    loop_timer_set(timer, clock_now_ns() + 20 * NS_PER_MS);
    loop_run(s.loop);
    assert_int_equal(s.replies, 3); /* nothing comes afterwards */
    loop_timer_free(timer);
    invoke(&s, "f-b"); /* and freeing the target is a cancel, too */
    target_free(s.target);
    s.target = NULL;
    assert_int_equal(s.replies, 4);
    server_end(&s);
}

/* Keys are asked for where a function is changed, and never for an Invoke. */
static void keys_are_asked_for_between_measurements(void **state)
{
    (void)state;
    struct lambda_server s;
    server_begin(&s);
    assert_int_equal(s.asked, 1); /* a target without keys is none */
    deploy(&s, "f");
    assert_int_equal(s.asked, 2);
    invoke(&s, "f");
    await(&s, 1);
    assert_int_equal(s.asked, 2);
    s.no_keys = true;
    assert_int_equal(s.target->calls->renew(s.target, "f", &function, "t", &s.e), -1);
    assert_string_equal(s.e.text, "no keys today");
    aws_target_lambda(s.target); /* the old ones are still worth a try */
    assert_int_equal(s.asked, 4);
    server_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deploys_and_invokes),
        cmocka_unit_test(other_memory_is_tampering),
        cmocka_unit_test(attached_functions),
        cmocka_unit_test(snapshots),
        cmocka_unit_test(an_invoke_is_never_repeated),
        cmocka_unit_test(what_cannot_be_sent_is_told_from_the_loop),
        cmocka_unit_test(keys_are_asked_for_between_measurements),
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(cancel_answers_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
