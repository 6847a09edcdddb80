#include "aws/lambda.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/custom.h"
#include "aws/report.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"
#include "net/clock_skew.h"
#include "os/clock.h"

enum {
    ATTEMPTS = 4,
    WAIT_POLLS = 300, /* FunctionActiveV2: once a second for five minutes */
    INVOKE_BODY_CAP = 6 * 1024 * 1024 + 64 * 1024,
    LOG_HEADER_MAX = 8 * 1024, /* base64 of a 4 KB tail */
};
#define CALL_TIMEOUT_NS      (60 * NS_PER_S)
#define INVOKE_MARGIN_NS     (15 * NS_PER_S)
#define CLOCK_TOLERANCE_10US 500u /* a REPORT may exceed the client's own time by 5 ms */
#define FUNCTIONS_PATH       "/2015-03-31/functions"

struct call {
    const char *what; /* for messages: "CreateFunction 'x'" */
    const char *method;
    const char *path; /* behind the endpoint */
    const struct buf *body;
    bool repeatable; /* doing it twice is as good as doing it once */
};

static bool is_transient(int status)
{
    return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

static bool may_retry(const struct call *call, const struct http_response *r)
{
    if (r->outcome == HTTP_NOT_SENT)
        return true;
    if (r->outcome == HTTP_ANSWERED)
        return r->status == 429 || (call->repeatable && is_transient(r->status));
    return call->repeatable && (r->outcome == HTTP_LOST || r->outcome == HTTP_TIMEOUT);
}

static int send_once(struct lambda *l, const struct call *call, struct http_response *response,
                     struct error *e)
{
    char *url = xasprintf("%s%s", l->endpoint, call->path);
    static const struct sigv4_header headers[] = {{"content-type", "application/json"}};
    struct http_request request = {
        .method = call->method,
        .url = url,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = call->body ? call->body->data : NULL,
        .body_length = call->body ? call->body->length : 0,
        .signing = &l->signing,
        .timeout_ns = CALL_TIMEOUT_NS,
    };
    int failed = http_client_call(l->http, &request, response, e);
    free(url);
    return failed;
}

/* Appends the error's name as AWS gives it: in a header, or in one of several keys of the body. */
static void add_error_name(const struct http_response *r, const struct json *body, struct buf *out)
{
    char name[96];
    if (!http_response_header(r, "x-amzn-errortype", name, sizeof name)) {
        const char *code = json_get_string(body, "code", json_get_string(body, "Code", NULL));
        snprintf(name, sizeof name, "%s", code ? code : json_get_string(body, "__type", "error"));
    }
    name[strcspn(name, ":")] = '\0';
    const char *hash = strrchr(name, '#');
    const char *bare = hash ? hash + 1 : name;
    text_add_safe(out, bare, strlen(bare));
}

/* Says what the answer was, in one line. */
static int refuse(const struct call *call, const struct http_response *r, struct error *e)
{
    if (r->outcome != HTTP_ANSWERED)
        return error_set(e, ERROR_NETWORK, "%s: %s", call->what, r->reason);
    struct buf name, message;
    buf_init_capped(&name, 200);
    buf_init_capped(&message, 600);
    struct json *body = json_parse(r->body.data, r->body.length, NULL);
    const char *text = json_get_string(body, "message", json_get_string(body, "Message", ""));
    text_add_safe(&message, text, strlen(text));
    add_error_name(r, body, &name);
    error_set(e, ERROR_API, "%s: %s (HTTP %d)%s%s", call->what, name.data, r->status,
              message.length ? ": " : "", message.data);
    json_free(body);
    buf_release(&name);
    buf_release(&message);
    return -1;
}

int lambda_refuse(const char *what, const struct http_response *r, struct error *e)
{
    struct call call = {.what = what};
    return refuse(&call, r, e);
}

/* Lets the loop run in the meantime, so that a signal ends the wait. */
static int pause_between(struct lambda *l, uint64_t ns, const char *what, struct error *e)
{
    return loop_pause(l->loop, ns) ? 0 : error_set(e, ERROR_INTERRUPTED, "interrupted: %s", what);
}

/*
 * Makes the call until it is answered or not worth another try. The caller releases the response,
 * also on failure.
 */
static int make_call(struct lambda *l, const struct call *call, struct http_response *response,
                     struct error *e)
{
    for (int attempt = 1;; attempt++) {
        if (send_once(l, call, response, e))
            return -1;
        bool clock_is_off = clock_skew_learn(response, &l->signing.skew_ns);
        if (attempt == ATTEMPTS || !(clock_is_off || may_retry(call, response)))
            return 0;
        http_response_release(response);
        *response = (struct http_response){0};
        if (!clock_is_off && pause_between(l, (NS_PER_MS * 50) << attempt, call->what, e))
            return -1;
    }
}

/* The call's answer as JSON; NULL and an error for anything but 2xx. The caller frees. */
static struct json *call_json(struct lambda *l, const struct call *call, struct error *e)
{
    struct http_response response = {0};
    struct json *answer = NULL;
    if (make_call(l, call, &response, e))
        return NULL;
    if (response.outcome != HTTP_ANSWERED || response.status / 100 != 2)
        refuse(call, &response, e);
    else
        answer = json_parse(response.body.data, response.body.length, e);
    http_response_release(&response);
    return answer;
}

static void put_environment(struct json_writer *w, const struct plan_function *f, const char *token)
{
    json_open_object(w, "Environment");
    json_open_object(w, "Variables");
    for (size_t i = 0; i < f->environment_count; i++)
        json_put_string(w, f->environment[i].name, f->environment[i].value);
    if (token)
        json_put_string(w, "LPG_ROUND", token);
    json_close(w);
    json_close(w);
}

static void put_code(struct json_writer *w, const struct target_package *p)
{
    struct buf zip;
    buf_init(&zip);
    base64_encode(&zip, p->zip, p->zip_bytes);
    json_open_object(w, "Code");
    json_put_bytes(w, "ZipFile", zip.data, zip.length);
    json_close(w);
    buf_release(&zip);
}

static void put_tags(struct json_writer *w, const struct lambda *l)
{
    uint64_t now = clock_wall_ns();
    struct temporary_tags tags = {.created_ns = now, .expires_ns = now + l->life_ns};
    if (!*l->run)
        return;
    memcpy(tags.run, l->run, sizeof tags.run);
    temporary_put_tags(w, &tags);
}

static void create_body(const struct lambda *l, const char *name, const struct plan_function *f,
                        const struct target_package *p, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "FunctionName", name);
    json_put_string(&w, "Role", l->role);
    json_put_string(&w, "Runtime", f->runtime);
    json_put_string(&w, "Handler", f->handler);
    json_put_integer(&w, "MemorySize", f->memory_mb);
    json_put_integer(&w, "Timeout", f->timeout_s);
    json_open_array(&w, "Architectures");
    json_put_string(&w, NULL, f->architecture);
    json_close(&w);
    json_open_object(&w, "EphemeralStorage");
    json_put_integer(&w, "Size", f->ephemeral_mb);
    json_close(&w);
    if (f->json_logs) {
        json_open_object(&w, "LoggingConfig");
        json_put_string(&w, "LogFormat", "JSON");
        json_close(&w);
    }
    put_tags(&w, l);
    put_environment(&w, f, NULL);
    put_code(&w, p);
    json_close(&w);
}

static char *function_path(const char *name, const char *rest)
{
    return xasprintf(FUNCTIONS_PATH "/%s%s", name, rest);
}

static bool settled(const struct json *configuration)
{
    return !strcmp(json_get_string(configuration, "State", "Active"), "Active") &&
           !strcmp(json_get_string(configuration, "LastUpdateStatus", "Successful"), "Successful");
}

static int failed_state(const char *name, const struct json *configuration, struct error *e)
{
    const char *reason = json_get_string(configuration, "StateReason", "");
    const char *update = json_get_string(configuration, "LastUpdateStatusReason", "");
    if (strcmp(json_get_string(configuration, "State", ""), "Failed") != 0 &&
        strcmp(json_get_string(configuration, "LastUpdateStatus", ""), "Failed") != 0)
        return 0;
    return error_set(e, ERROR_API, "function '%s' failed to become active: %s", name,
                     *reason ? reason : update);
}

/* Polls GetFunction, as the FunctionActiveV2 and FunctionUpdatedV2 waiters do. */
static int wait_settled(struct lambda *l, const char *name, struct error *e)
{
    char *path = function_path(name, "");
    char *what = xasprintf("GetFunction '%s'", name);
    struct call call = {what, "GET", path, NULL, true};
    int state = 1; /* 0: settled, -1: failed, 1: not yet */
    for (int poll = 0; poll < WAIT_POLLS && state > 0; poll++) {
        struct json *answer = call_json(l, &call, e);
        const struct json *configuration = json_get(answer, "Configuration");
        if (!answer || failed_state(name, configuration, e))
            state = -1;
        else if (!configuration)
            state = error_set(e, ERROR_API, "%s: the answer has no Configuration", what);
        else if (settled(configuration))
            state = 0;
        else if (pause_between(l, poll < 10 ? NS_PER_S / 10 : NS_PER_S, what, e))
            state = -1;
        json_free(answer);
    }
    if (state > 0)
        error_set(e, ERROR_API, "function '%s' did not become active within %d s", name,
                  WAIT_POLLS);
    free(path);
    free(what);
    return state ? -1 : 0;
}

bool lambda_account(const char *text, char account[LAMBDA_ACCOUNT_BYTES])
{
    const char *arn = strstr(text, "arn:");
    const char *rest = arn ? strstr(arn, ":lambda:") : NULL;
    rest = rest ? strchr(rest + strlen(":lambda:"), ':') : NULL; /* behind the region */
    if (!rest || strspn(rest + 1, "0123456789") != LAMBDA_ACCOUNT_BYTES - 1 ||
        rest[LAMBDA_ACCOUNT_BYTES] != ':')
        return false;
    memcpy(account, rest + 1, LAMBDA_ACCOUNT_BYTES - 1);
    account[LAMBDA_ACCOUNT_BYTES - 1] = '\0';
    return true;
}

/*
 * Makes a call that changes a function; waits unless the answer says that the change is done.
 * `sha256`, unless NULL, is what the function's code must be now: nobody is to measure something
 * else than what was built.
 */
static int change(struct lambda *l, const char *name, const struct call *call, const char *sha256,
                  struct error *e)
{
    struct json *answer = call_json(l, call, e);
    if (!answer)
        return -1;
    const char *stored = json_get_string(answer, "CodeSha256", NULL);
    if (sha256 && stored && strcmp(stored, sha256) != 0) {
        error_set(e, ERROR_API, "%s: Lambda has other code than was sent: CodeSha256 %.64s",
                  call->what, stored);
        json_free(answer);
        return -1;
    }
    lambda_account(json_get_string(answer, "FunctionArn", ""), l->account);
    bool done = json_get(answer, "State") && settled(answer);
    json_free(answer);
    return done ? 0 : wait_settled(l, name, e);
}

int lambda_create(struct lambda *l, const char *name, const struct plan_function *f,
                  const struct target_package *p, struct error *e)
{
    struct buf body;
    buf_init(&body);
    create_body(l, name, f, p, &body);
    char *what = xasprintf("CreateFunction '%s'", name);
    struct call call = {what, "POST", FUNCTIONS_PATH, &body, false};
    int failed = change(l, name, &call, p->sha256, e);
    free(what);
    buf_release(&body);
    return failed;
}

int lambda_renew(struct lambda *l, const char *name, const struct plan_function *f,
                 const char *token, struct error *e)
{
    struct buf body;
    struct json_writer w;
    buf_init(&body);
    json_begin(&w, &body, 0);
    json_open_object(&w, NULL);
    put_environment(&w, f, token);
    json_close(&w);
    char *path = function_path(name, "/configuration");
    char *what = xasprintf("UpdateFunctionConfiguration '%s'", name);
    struct call call = {what, "PUT", path, &body, true};
    int failed = change(l, name, &call, NULL, e);
    free(what);
    free(path);
    buf_release(&body);
    return failed;
}

int lambda_delete(struct lambda *l, const char *name, struct error *e)
{
    char *path = function_path(name, "");
    char *what = xasprintf("DeleteFunction '%s'", name);
    struct call call = {what, "DELETE", path, NULL, true};
    struct http_response response = {0};
    int failed = make_call(l, &call, &response, e);
    bool gone = !failed && response.outcome == HTTP_ANSWERED &&
                (response.status / 100 == 2 || response.status == 404);
    if (!failed && !gone)
        refuse(&call, &response, e);
    http_response_release(&response);
    free(what);
    free(path);
    return gone ? 0 : -1;
}

char *lambda_invoke_url(const struct lambda *l, const char *name)
{
    return xasprintf("%s" FUNCTIONS_PATH "/%s/invocations", l->endpoint, name);
}

int lambda_invoke(struct lambda *l, const char *url, const struct target_call *call,
                  http_done_fn *done, void *context, struct error *e)
{
    char id[48];
    const struct sigv4_header headers[] = {
        {"content-type", "application/json"},
        {"x-amz-log-type", "Tail"}, /* the invocation type is RequestResponse unless named */
        {"amz-sdk-invocation-id", id},
    };
    snprintf(id, sizeof id, "%.8s-%llu", l->run, (unsigned long long)++l->invocations);
    struct http_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = call->payload,
        .body_length = call->payload_length,
        .body_sha256 = call->payload_sha256,
        .signing = &l->signing,
        .timeout_ns = call->timeout_ns + INVOKE_MARGIN_NS,
        .body_cap = INVOKE_BODY_CAP,
    };
    return http_client_send(l->http, &request, done, context, e);
}

/* ---- what an Invoke answered ---- */

static void take_report(const struct http_response *r, const struct lambda_expected *expected,
                        const char *request_id, struct target_reply *reply, struct report *report)
{
    char header[LOG_HEADER_MAX];
    struct buf tail;
    buf_init(&tail);
    if (http_response_header(r, "x-amz-log-result", header, sizeof header) &&
        !base64_decode(&tail, header, strlen(header), NULL)) {
        *report = report_parse(tail.data, tail.length, request_id);
        const struct custom_query query = {expected->custom, expected->custom_count, request_id};
        custom_parse(&query, tail.data, tail.length, reply->custom);
    }
    buf_release(&tail);
    uint64_t wall_10us = (r->done_ns - r->sent_ns) / 10000;
    bool impossible =
        report->state == REPORT_FOUND &&
        (report->duration_10us > wall_10us + CLOCK_TOLERANCE_10US ||
         (expected->memory_mb && report->memory_mb && report->memory_mb != expected->memory_mb));
    if (impossible)
        report->state = REPORT_TAMPERED;
    if (report->state != REPORT_FOUND)
        return;
    reply->duration_10us = report->duration_10us;
    reply->billed_ms = report->billed_ms;
    reply->init_10us = report->init_10us != SAMPLE_NONE ? report->init_10us : report->restore_10us;
    reply->memory_mb = report->memory_mb;
    reply->max_memory_mb = report->max_memory_mb;
}

/* "errorType: errorMessage" of a function's error object, made safe to print. */
static void describe_error(const struct http_response *r, struct buf *detail)
{
    struct json *body = json_parse(r->body.data, r->body.length, NULL);
    const char *type = json_get_string(body, "errorType", "error");
    const char *message = json_get_string(body, "errorMessage", "");
    text_add_safe(detail, type, strlen(type));
    buf_addstr(detail, ": ");
    text_add_safe(detail, message, strlen(message));
    json_free(body);
}

static bool says_timed_out(const struct buf *detail)
{
    return text_starts(detail->data, "Sandbox.Timedout") ||
           strstr(detail->data, "Task timed out after");
}

static void read_answer(const struct http_response *r, const struct lambda_expected *expected,
                        struct target_reply *reply, struct buf *detail)
{
    char id[64] = "", kind[32], cpu_ns[32];
    struct report report = {.state = REPORT_MISSING};
    http_response_header(r, "x-amzn-requestid", id, sizeof id);
    sample_request_id(id, reply->request_id);
    take_report(r, expected, id, reply, &report);
    double ns;
    if (http_response_header(r, "x-lpg-cpu-ns", cpu_ns, sizeof cpu_ns) &&
        units_parse_number(cpu_ns, &ns) && ns >= 0 && ns / 1000 < (double)SAMPLE_NONE)
        reply->cpu_us = (uint32_t)(ns / 1000);
    reply->status = SAMPLE_OK;
    if (http_response_header(r, "x-amz-function-error", kind, sizeof kind)) {
        describe_error(r, detail);
        reply->status =
            report.timed_out || says_timed_out(detail) ? SAMPLE_TIMEOUT : SAMPLE_FUNCTION_ERROR;
    }
    if (reply->status == SAMPLE_OK && report.state == REPORT_FOUND &&
        (report.timed_out || report.failed)) {
        buf_addstr(detail, "REPORT says that the invocation did not succeed");
        reply->status = report.timed_out ? SAMPLE_TIMEOUT : SAMPLE_FUNCTION_ERROR;
    }
    if (report.state == REPORT_TAMPERED) {
        buf_clear(detail);
        buf_addstr(detail,
                   "the function's log holds a REPORT line that Lambda cannot have written");
        reply->status = SAMPLE_TAMPERED;
    }
}

void lambda_read_reply(const struct http_response *r, const struct lambda_expected *expected,
                       struct target_reply *reply, struct buf *detail)
{
    *reply = (struct target_reply){
        .status = SAMPLE_UNKNOWN,
        .payload = r->body.data,
        .payload_length = r->body.length,
        .duration_10us = SAMPLE_NONE,
        .billed_ms = SAMPLE_NONE,
        .init_10us = SAMPLE_NONE,
        .cpu_us = SAMPLE_NONE,
        .done_ns = r->done_ns,
    };
    for (size_t i = 0; i < METRIC_CUSTOM_MAX; i++)
        reply->custom[i] = NAN;
    if (r->outcome == HTTP_ANSWERED && r->status / 100 == 2) {
        read_answer(r, expected, reply, detail);
    } else if (r->outcome == HTTP_ANSWERED) {
        struct error e = {0};
        struct call call = {.what = "Invoke"};
        refuse(&call, r, &e);
        buf_addstr(detail, e.text);
        reply->status = r->status == 429 ? SAMPLE_THROTTLED : SAMPLE_UNKNOWN;
    } else {
        buf_addf(detail, "Invoke: %s", r->reason);
        reply->status = r->outcome == HTTP_TIMEOUT ? SAMPLE_TIMEOUT : SAMPLE_UNKNOWN;
    }
    reply->detail = detail->data;
}
