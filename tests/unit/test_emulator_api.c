/*
 * The API without sockets and processes: this file stands in for net/http_server.h and
 * sandbox/pool.h, so that a test decides when an invocation ends and sees the very answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "emulator/api.h"
#include "emulator/code.h"
#include "os/clock.h"
#include "os/fs.h"

enum { CALLS_MAX = 8, ANSWER_HEADERS = 12 };

static const char ACCESS_KEY[] = "AKID", SECRET_KEY[] = "secret";
static const char ROLE[] = "arn:aws:iam::123456789012:role/r";

/* A stored zip with the one empty file "a". */
static const unsigned char ZIP[] = {
    'P', 'K', 3,   4,   20,  0,   0,   0,   0, 0, 0,  0, 0,  0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0, 0,
    0,   1,   0,   0,   0,   'a', 'P', 'K', 1, 2, 20, 3, 20, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0, 0,
    0,   0,   0,   0,   0,   0,   0,   0,   0, 1, 0,  0, 0,  0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0, 0,
    0,   0,   'a', 'P', 'K', 5,   6,   0,   0, 0, 0,  1, 0,  1, 0, 47, 0, 0, 0, 31, 0, 0, 0, 0, 0,
};

struct http_exchange {
    struct http_parser parser;
    http_gone_fn *gone;
    void *gone_context;
    bool answered;
    int status;
    struct http_header headers[ANSWER_HEADERS]; /* copies */
    size_t header_count;
    struct buf body;
};

struct pool {
    struct pool_shaping shaping;
    struct {
        pool_done_fn *done;
        void *context;
        char *arn, *payload, *client_context;
        char version[16];
    } calls[CALLS_MAX];
    size_t count;
    unsigned retired, provisioned;
};

struct pool *pool_new(struct loop *loop, const struct pool_options *options, struct error *e)
{
    (void)loop, (void)options, (void)e;
    return xcalloc(1, sizeof(struct pool));
}

void pool_free(struct pool *p)
{
    free(p);
}

const struct pool_shaping *pool_shaping(const struct pool *p)
{
    return &p->shaping;
}

void pool_invoke(struct pool *p, const struct pool_call *call, pool_done_fn *done, void *context)
{
    assert_true(p->count < CALLS_MAX);
    p->calls[p->count].done = done;
    p->calls[p->count].context = context;
    p->calls[p->count].arn = xstrdup(call->invoked_arn);
    p->calls[p->count].payload = xstrndup(call->payload, call->payload_length);
    p->calls[p->count].client_context = call->client_context ? xstrdup(call->client_context) : NULL;
    (void)snprintf(p->calls[p->count].version, 16, "%s", call->function->version);
    p->count++;
}

void pool_retire(struct pool *p, const struct function *f)
{
    (void)f;
    p->retired++;
}

void pool_provision(struct pool *p, struct function *f, size_t count)
{
    (void)f;
    p->provisioned = (unsigned)count;
}

int pool_runtime_label(struct pool *p, const struct function *f, struct buf *out, struct error *e)
{
    (void)p;
    if (strcmp(f->runtime, "cobol") == 0)
        return error_set(e, ERROR_CONFIG, "nobody has it");
    buf_addstr(out, "label");
    return 0;
}

const struct http_parser *http_exchange_request(const struct http_exchange *x)
{
    return &x->parser;
}

void http_exchange_keep(struct http_exchange *x, http_gone_fn *gone, void *context)
{
    x->gone = gone;
    x->gone_context = context;
}

void http_reply(struct http_exchange *x, int status, const struct http_header *headers,
                size_t header_count, const void *body, size_t length)
{
    assert_false(x->answered);
    x->answered = true;
    x->status = status;
    for (size_t i = 0; i < header_count; i++) {
        x->headers[i].name = xstrdup(headers[i].name);
        x->headers[i].value = xstrdup(headers[i].value);
    }
    x->header_count = header_count;
    buf_add(&x->body, body, length);
}

/* Those that only server.c uses. */
struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
                                    struct error *e)
{
    (void)loop, (void)options, (void)e;
    return NULL;
}
void http_server_free(struct http_server *s)
{
    (void)s;
}
uint16_t http_server_port(const struct http_server *s)
{
    (void)s;
    return 0;
}

struct fixture {
    struct loop *loop;
    struct pool *pool;
    struct store *store;
    struct invoker *invoker;
    struct api *api;
    struct http_exchange x;
    char *folder;
};

static void retire(void *context, const struct function *f)
{
    pool_retire(context, f);
}

static int setup_with(void **state, bool no_verify)
{
    struct fixture *t = xcalloc(1, sizeof *t);
    struct error e;
    t->loop = loop_new(&e);
    t->folder = fs_make_temp_dir("lpg-api-", &e);
    assert_non_null(t->folder);
    t->pool = pool_new(NULL, NULL, NULL);
    t->pool->shaping.mechanism = "none";
    t->store = store_new(retire, t->pool);
    const struct invoker_options invoker = {
        .loop = t->loop, .pool = t->pool, .store = t->store, .retry_ns = {1, 1}};
    t->invoker = invoker_new(&invoker);
    const struct api_options api = {
        .auth = {.access_key = ACCESS_KEY,
                 .secret_key = SECRET_KEY,
                 .default_region = "eu-west-1",
                 .no_verify = no_verify},
        .store = t->store,
        .pool = t->pool,
        .invoker = t->invoker,
        .account = "123456789012",
        .code_directory = t->folder,
        .version = "1.2.3",
    };
    t->api = api_new(&api);
    buf_init(&t->x.body);
    http_parser_init(&t->x.parser, API_BODY_MAX);
    *state = t;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, true);
}

static int setup_verifying(void **state)
{
    return setup_with(state, false);
}

static void forget_answer(struct http_exchange *x)
{
    for (size_t i = 0; i < x->header_count; i++) {
        free((void *)(uintptr_t)x->headers[i].name);
        free((void *)(uintptr_t)x->headers[i].value);
    }
    x->header_count = 0;
    x->answered = false;
    x->gone = NULL;
    buf_clear(&x->body);
}

static void forget_calls(struct pool *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->calls[i].arn);
        free(p->calls[i].payload);
        free(p->calls[i].client_context);
    }
    p->count = 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    invoker_stop(t->invoker);
    forget_calls(t->pool);
    forget_answer(&t->x);
    buf_release(&t->x.body);
    http_parser_release(&t->x.parser);
    pool_free(t->pool);
    invoker_free(t->invoker);
    api_free(t->api);
    store_free(t->store);
    loop_free(t->loop);
    fs_remove_tree(t->folder, NULL);
    free(t->folder);
    free(t);
    return 0;
}

/*
 * Sends "METHOD TARGET" with more header lines and a body; the answer is in t->x (unless it comes
 * later).
 */
static int send_with(struct fixture *t, const char *line, const char *headers, const char *body)
{
    struct buf text;
    buf_init(&text);
    forget_answer(&t->x);
    http_parser_reset(&t->x.parser);
    buf_addf(&text, "%s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s", line,
             headers, strlen(body), body);
    assert_int_equal(http_parser_feed(&t->x.parser, text.data, text.length), text.length);
    assert_int_equal(t->x.parser.state, HTTP_PARSE_DONE);
    buf_release(&text);
    api_handle(t->api, &t->x);
    return t->x.answered ? t->x.status : 0;
}

static int call(struct fixture *t, const char *line, const char *body)
{
    return send_with(t, line, "", body);
}

static const char *header(const struct fixture *t, const char *name)
{
    for (size_t i = 0; i < t->x.header_count; i++)
        if (strcasecmp(t->x.headers[i].name, name) == 0)
            return t->x.headers[i].value;
    return "";
}

static void assert_refused(struct fixture *t, int status, const char *code)
{
    assert_int_equal(t->x.status, status);
    assert_string_equal(header(t, "x-amzn-ErrorType"), code);
    assert_int_equal(strlen(header(t, "x-amzn-RequestId")), 36);
}

/* Body of CreateFunction, with more members in front. */
static int create(struct fixture *t, const char *name, const char *more)
{
    struct buf body;
    buf_init(&body);
    buf_addf(&body,
             "{%s\"FunctionName\":\"%s\",\"Runtime\":\"python3.12\",\"Handler\":\"a.b\",\"Role\":"
             "\"%s\",",
             more, name, ROLE);
    buf_addstr(&body, "\"Code\":{\"ZipFile\":\"");
    base64_encode(&body, ZIP, sizeof ZIP);
    buf_addstr(&body, "\"}}");
    int status = call(t, "POST /2015-03-31/functions", body.data);
    buf_release(&body);
    return status;
}

/* The text at a path of the answer's JSON; lives until the next call of it. */
static const char *answer(struct fixture *t, const char *path, char out[256])
{
    struct json *json = json_parse(t->x.body.data, t->x.body.length, NULL);
    (void)snprintf(out, 256, "%s", json_string(json_path(json, path), "(missing)"));
    json_free(json);
    return out;
}

static void finish(struct fixture *t, size_t i, const struct pool_result *result)
{
    t->pool->calls[i].done(t->pool->calls[i].context, result);
}

static void creates_and_reads_back(void **state)
{
    struct fixture *t = *state;
    char text[256];
    assert_int_equal(create(t, "f", "\"Environment\":{\"Variables\":{\"AB\":\"c\"}},"), 201);
    assert_string_equal(answer(t, "FunctionArn", text),
                        "arn:aws:lambda:eu-west-1:123456789012:function:f");
    assert_string_equal(answer(t, "State", text), "Active");
    assert_string_equal(answer(t, "Environment.Variables.AB", text), "c");
    char *sha = code_sha256(ZIP, sizeof ZIP);
    assert_string_equal(answer(t, "CodeSha256", text), sha);
    free(sha);
    assert_int_equal(call(t, "GET /2015-03-31/functions/f", ""), 200);
    assert_string_equal(answer(t, "Configuration.LoggingConfig.LogGroup", text), "/aws/lambda/f");
    const char *location = answer(t, "Code.Location", text);
    assert_memory_equal(location, "http://localhost/_lpg/code/", 27);
    char line[300];
    (void)snprintf(line, sizeof line, "GET %s", location + strlen("http://localhost"));
    assert_int_equal(call(t, line, ""), 200);
    assert_int_equal(t->x.body.length, sizeof ZIP);
    assert_memory_equal(t->x.body.data, ZIP, sizeof ZIP);
    assert_int_equal(
        call(t,
             "GET /2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3A"
             "function%3Af/configuration",
             ""),
        200);
    assert_int_equal(
        call(t, "GET /2015-03-31/functions/f%3A%24LATEST/configuration?Qualifier=1", ""), 400);
    assert_int_equal(create(t, "f", ""), 409);
    assert_refused(t, 409, "ResourceConflictException");
}

static void refusals_have_their_codes(void **state)
{
    struct fixture *t = *state;
    static const struct {
        const char *line, *body;
        int status;
        const char *code;
    } rows[] = {
        {"GET /2015-03-31/functions/none", "", 404, "ResourceNotFoundException"},
        {"POST /2015-03-31/functions/none/invocations", "", 404, "ResourceNotFoundException"},
        {"GET /2015-03-31/functions/bad%20name", "", 400, "ValidationException"},
        {"GET /2015-03-31/functions/bad%zz", "", 400, "ValidationException"},
        {"POST /2015-03-31/functions", "{", 400, "InvalidRequestContentException"},
        {"POST /2015-03-31/functions", "[]", 400, "SerializationException"},
        {"POST /2015-03-31/functions", "{}", 400, "ValidationException"},
        {"PUT /2015-03-31/functions/f/configuration", "{\"Timeout\":\"3\"}", 400,
         "SerializationException"},
        {"PUT /2015-03-31/functions/f/configuration", "{\"Timeout\":901}", 400,
         "ValidationException"},
        {"PUT /2015-03-31/functions/f/configuration", "{\"Timeout\":1.5}", 400,
         "SerializationException"},
        {"PUT /2015-03-31/functions/f/configuration", "{\"Runtime\":\"cobol\"}", 400,
         "InvalidParameterValueException"},
        {"PUT /2015-03-31/functions/f/configuration", "{\"RevisionId\":\"x\"}", 412,
         "PreconditionFailedException"},
        {"PUT /2015-03-31/functions/f/code", "{}", 400, "InvalidParameterValueException"},
        {"PUT /2015-03-31/functions/f/code", "{\"ZipFile\":\"*\"}", 400, "SerializationException"},
        {"GET /2015-03-31/functions?MaxItems=0", "", 400, "ValidationException"},
        {"GET /2015-03-31/functions?Marker=x", "", 400, "ValidationException"},
        {"POST /2015-03-31/functions/f/aliases", "{\"Name\":\"12\"}", 400, "ValidationException"},
        {"PATCH /2015-03-31/functions/f", "", 404, "UnknownOperationException"},
        {"GET /2015-03-31/functions/f/nonsense", "", 404, "UnknownOperationException"},
        {"GET /_lpg/code/0123", "", 404, "ResourceNotFoundException"},
    };
    assert_int_equal(create(t, "f", ""), 201);
    unsigned retired = t->pool->retired;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(call(t, rows[i].line, rows[i].body), rows[i].status);
        assert_refused(t, rows[i].status, rows[i].code);
    }
    assert_int_equal(t->pool->retired, retired); /* none of it changed anything */
}

static void invoke_answers_when_the_pool_does(void **state)
{
    struct fixture *t = *state;
    const struct pool_result result = {.payload = "{\"ok\":1}",
                                       .payload_length = 8,
                                       .log_tail = "log",
                                       .log_tail_length = 3,
                                       .cpu_ns = 1234};
    create(t, "f", "");
    assert_int_equal(send_with(t, "POST /2015-03-31/functions/f/invocations?Qualifier=%24LATEST",
                               "X-Amz-Log-Type: Tail\r\nX-Amz-Client-Context: e30=\r\n",
                               "{\"a\":1}"),
                     0);
    assert_string_equal(t->pool->calls[0].payload, "{\"a\":1}");
    assert_string_equal(t->pool->calls[0].client_context, "{}");
    assert_string_equal(t->pool->calls[0].arn,
                        "arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST");
    finish(t, 0, &result);
    assert_int_equal(t->x.status, 200);
    assert_string_equal(t->x.body.data, "{\"ok\":1}");
    assert_string_equal(header(t, "X-Amz-Executed-Version"), "$LATEST");
    assert_string_equal(header(t, "X-Amz-Log-Result"), "bG9n");
    assert_string_equal(header(t, "X-Lpg-Cpu-Ns"), "1234");
    assert_string_equal(header(t, "X-Amz-Function-Error"), "");
    assert_int_equal(strlen(header(t, "x-amzn-RequestId")), 36);
}

static void function_error_and_empty_payload(void **state)
{
    struct fixture *t = *state;
    const struct pool_result result = {
        .payload = "{}", .payload_length = 2, .function_error = true};
    create(t, "f", "");
    call(t, "POST /2015-03-31/functions/f/invocations", "");
    assert_string_equal(t->pool->calls[0].payload, "{}");
    finish(t, 0, &result);
    assert_int_equal(t->x.status, 200);
    assert_string_equal(header(t, "X-Amz-Function-Error"), "Unhandled");
    assert_string_equal(header(t, "X-Amz-Log-Result"), "");
    assert_string_equal(header(t, "X-Lpg-Cpu-Ns"), "");
}

static void client_that_hung_up_gets_no_answer(void **state)
{
    struct fixture *t = *state;
    const struct pool_result result = {.payload = "{}", .payload_length = 2};
    create(t, "f", "");
    call(t, "POST /2015-03-31/functions/f/invocations", "{}");
    t->x.gone(t->x.gone_context, &t->x);
    finish(t, 0, &result);
    assert_false(t->x.answered);
    assert_int_equal(invoker_pending(t->invoker), 0);
}

static void deleted_while_it_runs(void **state)
{
    struct fixture *t = *state;
    struct http_exchange other = {.gone = NULL};
    const struct pool_result result = {.payload = "{}", .payload_length = 2};
    create(t, "f", "");
    call(t, "POST /2015-03-31/functions/f/invocations", "{}");
    /*
     * The answer to the invocation goes to `other`, as the fixture's exchange is used for the
     * deletion.
     */
    t->x.gone(t->x.gone_context, &other);
    assert_int_equal(call(t, "DELETE /2015-03-31/functions/f", ""), 200);
    finish(t, 0, &result);
    assert_int_equal(call(t, "GET /2015-03-31/functions/f", ""), 404);
}

static void reserved_concurrency_is_enforced(void **state)
{
    struct fixture *t = *state;
    char text[256];
    const struct pool_result result = {.payload = "{}", .payload_length = 2};
    create(t, "f", "");
    assert_int_equal(
        call(t, "PUT /2017-10-31/functions/f/concurrency", "{\"ReservedConcurrentExecutions\":1}"),
        200);
    call(t, "POST /2015-03-31/functions/f/invocations", "{}");
    t->x.gone(t->x.gone_context, &t->x);
    assert_int_equal(call(t, "POST /2015-03-31/functions/f/invocations", "{}"), 429);
    assert_refused(t, 429, "TooManyRequestsException");
    assert_string_equal(answer(t, "Reason", text),
                        "ReservedFunctionConcurrentInvocationLimitExceeded");
    finish(t, 0, &result);
    assert_int_equal(call(t, "POST /2015-03-31/functions/f/invocations", "{}"), 0);
    finish(t, 1, &result);
    assert_int_equal(call(t, "PUT /2017-10-31/functions/f/concurrency",
                          "{\"ReservedConcurrentExecutions\":901}"),
                     400);
    assert_int_equal(call(t, "DELETE /2017-10-31/functions/f/concurrency", ""), 204);
    assert_int_equal(call(t, "GET /2019-09-30/functions/f/concurrency", ""), 200);
    assert_string_equal(t->x.body.data, "{}");
}

static void stop_loop(void *context)
{
    loop_stop(context);
}

/* Runs the loop for a while that is long for the timers of this test: those are due at once. */
static void spin(struct fixture *t, size_t calls)
{
    struct loop_timer *timer = loop_timer_new(t->loop, stop_loop, t->loop);
    for (int i = 0; i < 1000 && t->pool->count < calls; i++) {
        loop_timer_set(timer, clock_now_ns() + NS_PER_MS);
        loop_run(t->loop);
    }
    loop_timer_free(timer);
    assert_int_equal(t->pool->count, calls);
}

static void failed_events_run_three_times(void **state)
{
    struct fixture *t = *state;
    const struct pool_result failure = {
        .payload = "{}", .payload_length = 2, .function_error = true};
    create(t, "f", "");
    assert_int_equal(send_with(t, "POST /2015-03-31/functions/f/invocations",
                               "X-Amz-Invocation-Type: Event\r\n", "{\"e\":1}"),
                     202);
    for (size_t i = 0; i < 3; i++) {
        spin(t, i + 1);
        assert_string_equal(t->pool->calls[i].payload, "{\"e\":1}");
        finish(t, i, &failure);
    }
    assert_int_equal(invoker_pending(t->invoker), 0);
}

static void throttled_event_runs_when_another_ends(void **state)
{
    struct fixture *t = *state;
    const struct pool_result result = {.payload = "{}", .payload_length = 2};
    create(t, "f", "");
    call(t, "PUT /2017-10-31/functions/f/concurrency", "{\"ReservedConcurrentExecutions\":1}");
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_with(t, "POST /2015-03-31/functions/f/invocations",
                                   "X-Amz-Invocation-Type: Event\r\n", "{}"),
                         202);
    for (size_t i = 0; i < 3; i++) {
        spin(t, i + 1);
        finish(t, i, &result);
    }
    assert_int_equal(invoker_pending(t->invoker), 0);
}

static void dry_run_runs_nothing(void **state)
{
    struct fixture *t = *state;
    create(t, "f", "");
    assert_int_equal(send_with(t, "POST /2015-03-31/functions/f/invocations",
                               "X-Amz-Invocation-Type: DryRun\r\n", "{}"),
                     204);
    assert_int_equal(t->pool->count, 0);
    assert_int_equal(send_with(t, "POST /2015-03-31/functions/f/invocations",
                               "X-Amz-Invocation-Type: Later\r\n", "{}"),
                     400);
    assert_int_equal(send_with(t, "POST /2015-03-31/functions/f/invocations",
                               "X-Amz-Client-Context: bm8=\r\n", "{}"),
                     400);
    assert_refused(t, 400, "InvalidRequestContentException");
}

static void updates_retire_and_aliases_follow(void **state)
{
    struct fixture *t = *state;
    char text[256];
    create(t, "f", "\"Publish\":true,");
    assert_int_equal(call(t, "PUT /2015-03-31/functions/f/configuration", "{\"MemorySize\":256}"),
                     200);
    assert_int_equal(t->pool->retired, 1);
    assert_int_equal(call(t, "POST /2015-03-31/functions/f/versions", "{\"Description\":\"d\"}"),
                     201);
    assert_string_equal(answer(t, "Version", text), "2");
    assert_string_equal(answer(t, "Description", text), "d");
    assert_int_equal(call(t, "POST /2015-03-31/functions/f/aliases",
                          "{\"Name\":\"live\",\"FunctionVersion\":\"1\"}"),
                     201);
    assert_int_equal(call(t, "PUT /2019-09-30/functions/f/provisioned-concurrency?Qualifier=live",
                          "{\"ProvisionedConcurrentExecutions\":3}"),
                     202);
    assert_int_equal(t->pool->provisioned, 3);
    assert_int_equal(
        call(t, "PUT /2015-03-31/functions/f/aliases/live", "{\"FunctionVersion\":\"2\"}"), 200);
    assert_int_equal(t->pool->provisioned, 0); /* the old version's, after the new one's */
    call(t, "POST /2015-03-31/functions/f:live/invocations", "{}");
    assert_string_equal(t->pool->calls[0].version, "2");
    const struct pool_result result = {.payload = "{}", .payload_length = 2};
    finish(t, 0, &result);
    assert_int_equal(call(t, "DELETE /2015-03-31/functions/f/aliases/live", ""), 204);
    assert_int_equal(call(t, "DELETE /2015-03-31/functions/f", ""), 200);
    assert_int_equal(t->pool->retired, 4);
}

static void web_pages_are_refused_without_signatures(void **state)
{
    struct fixture *t = *state;
    assert_int_equal(call(t, "GET /2015-03-31/functions", ""), 200);
    assert_int_equal(
        send_with(t, "GET /2015-03-31/functions", "Origin: https://example.com\r\n", ""), 403);
    assert_refused(t, 403, "UnrecognizedClientException");
}

static void every_request_id_is_new(void **state)
{
    struct fixture *t = *state;
    char first[40];
    call(t, "GET /_lpg/health", "");
    (void)snprintf(first, sizeof first, "%s", header(t, "x-amzn-RequestId"));
    call(t, "GET /_lpg/health", "");
    const char *second = header(t, "x-amzn-RequestId");
    assert_string_not_equal(first, second);
    assert_int_equal(second[14], '4');
    assert_non_null(strchr("89ab", second[19]));
}

static void unsigned_requests_see_the_own_operations_only(void **state)
{
    struct fixture *t = *state;
    char text[256];
    assert_int_equal(call(t, "GET /_lpg/health", ""), 200);
    assert_string_equal(answer(t, "version", text), "1.2.3");
    assert_string_equal(answer(t, "shaping.mechanism", text), "none");
    assert_int_equal(call(t, "GET /2015-03-31/functions", ""), 403);
    assert_refused(t, 403, "MissingAuthenticationTokenException");
    assert_int_equal(call(t, "GET /unknown", ""), 403);
    assert_int_equal(send_with(t, "GET /2015-03-31/functions", "Authorization: Basic x\r\n", ""),
                     403);
    assert_refused(t, 403, "IncompleteSignatureException");
}

/* Signs a request as a client at `wall_ns` would; gives header lines. */
static void sign(const char *path, const char *body, uint64_t wall_ns, const char *access,
                 struct buf *out)
{
    char stamp[CLOCK_STAMP_BYTES];
    clock_stamp_basic(wall_ns, stamp);
    const struct sigv4_header headers[] = {{"Host", "localhost"}, {"X-Amz-Date", stamp}};
    const struct sigv4_request r = {.method = "POST",
                                    .path = path,
                                    .query = "",
                                    .headers = headers,
                                    .header_count = 2,
                                    .body = body,
                                    .body_length = strlen(body),
                                    .region = "ap-south-1",
                                    .service = "lambda",
                                    .stamp = stamp};
    const struct sigv4_credentials c = {.access_key = access, .secret_key = SECRET_KEY};
    struct sigv4_key key = {.scope = ""};
    buf_clear(out);
    buf_addf(out, "X-Amz-Date: %s\r\nAuthorization: ", stamp);
    sigv4_authorization(&r, &c, &key, out);
    sigv4_key_release(&key);
    buf_addstr(out, "\r\n");
}

static void signatures_are_checked(void **state)
{
    struct fixture *t = *state;
    static const char path[] = "/2015-03-31/functions/f/invocations",
                      line[] = "POST /2015-03-31/functions/f/invocations";
    const uint64_t minute = 60 * NS_PER_S;
    struct buf headers;
    char text[256];
    buf_init(&headers);
    sign(path, "{}", clock_wall_ns(), ACCESS_KEY, &headers);
    assert_int_equal(send_with(t, line, headers.data, "{}"),
                     404); /* let in: there is no such function */
    assert_non_null(strstr(answer(t, "Message", text), ":ap-south-1:"));
    assert_int_equal(send_with(t, line, headers.data, "{ }"), 403);
    assert_refused(t, 403, "InvalidSignatureException");
    assert_int_equal(send_with(t, "POST /2015-03-31/functions/g/invocations", headers.data, "{}"),
                     403);
    buf_addstr(&headers, "X-Amz-Invocation-Type: Event\r\n"); /* added behind the signer's back */
    assert_int_equal(send_with(t, line, headers.data, "{}"), 403);
    sign(path, "{}", clock_wall_ns() - 4 * minute, ACCESS_KEY, &headers);
    assert_int_equal(send_with(t, line, headers.data, "{}"), 404);
    sign(path, "{}", clock_wall_ns() - 6 * minute, ACCESS_KEY, &headers);
    assert_int_equal(send_with(t, line, headers.data, "{}"), 403);
    assert_non_null(strstr(t->x.body.data, "Signature expired"));
    sign(path, "{}", clock_wall_ns() + 6 * minute, ACCESS_KEY, &headers);
    assert_int_equal(send_with(t, line, headers.data, "{}"), 403);
    assert_non_null(strstr(t->x.body.data, "not yet current"));
    sign(path, "{}", clock_wall_ns(), "AKOTHER", &headers);
    assert_int_equal(send_with(t, line, headers.data, "{}"), 403);
    assert_refused(t, 403, "UnrecognizedClientException");
    buf_release(&headers);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define VERIFYING(name) cmocka_unit_test_setup_teardown(name, setup_verifying, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creates_and_reads_back),
        TEST(refusals_have_their_codes),
        TEST(invoke_answers_when_the_pool_does),
        TEST(function_error_and_empty_payload),
        TEST(client_that_hung_up_gets_no_answer),
        TEST(deleted_while_it_runs),
        TEST(reserved_concurrency_is_enforced),
        TEST(failed_events_run_three_times),
        TEST(throttled_event_runs_when_another_ends),
        TEST(dry_run_runs_nothing),
        TEST(updates_retire_and_aliases_follow),
        TEST(web_pages_are_refused_without_signatures),
        TEST(every_request_id_is_new),
        VERIFYING(unsigned_requests_see_the_own_operations_only),
        VERIFYING(signatures_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
