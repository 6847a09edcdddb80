#include "sandbox/runtime_api.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/http_server.h"

#define API     "/2018-06-01/runtime/"
#define REQUEST API "invocation/"
#define JSON_TYPE                                                                                  \
    {                                                                                              \
        "Content-Type", "application/json"                                                         \
    }

enum { BODY_CAP = 64 * 1024 * 1024, REQUEST_ID_MAX = 64, TEXT_MAX = 32 };

enum state {
    STATE_INIT, /* has not asked for an event */
    STATE_INIT_ERROR,
    STATE_READY,     /* waits for one */
    STATE_RUNNING,   /* has one */
    STATE_ANSWERED,  /* has answered it */
    STATE_TOO_LARGE, /* its answer was refused: it may still report an error */
};

struct runtime_api {
    struct loop *loop;
    struct http_server *server;
    const struct runtime_api_events *events;
    void *context;
    struct http_exchange *waiting; /* the request for the next event */
    enum state state;
    char request_id[REQUEST_ID_MAX];
};

/* --- answers --- */

static void reply_json(struct http_exchange *x, int status, const char *body)
{
    const struct http_header type = JSON_TYPE;
    http_reply(x, status, &type, 1, body, strlen(body));
}

static void reply_accepted(struct http_exchange *x)
{
    reply_json(x, 202, "{\"status\":\"OK\"}\n");
}

static void reply_error(struct http_exchange *x, int status, const char *type, const char *message)
{
    struct buf body;
    buf_init(&body);
    buf_addf(&body, "{\"errorMessage\":\"%s\",\"errorType\":\"%s\"}\n", message, type);
    reply_json(x, status, body.data);
    buf_release(&body);
}

static void refuse_state(struct http_exchange *x)
{
    reply_error(x, 403, "InvalidStateTransition", "Transition is not allowed");
}

/* --- what came --- */

/*
 * "Runtime.X" and "Function.X" are passed on; whatever else a client sends must not get into
 * log lines.
 */
static void clean_error_type(const char *sent, const char *fallback, char *out)
{
    const char *dot = sent ? strchr(sent, '.') : NULL;
    bool valid = dot && (text_starts(sent, "Runtime.") || text_starts(sent, "Function.")) &&
                 isupper((unsigned char)dot[1]) && strlen(sent) < RUNTIME_API_ERROR_TYPE_MAX;
    for (const char *c = dot; valid && *c; c++)
        valid = isalnum((unsigned char)*c) || *c == '.' || *c == '_';
    if (!valid && sent && text_starts(sent, "Runtime"))
        fallback = "Runtime.Unknown";
    snprintf(out, RUNTIME_API_ERROR_TYPE_MAX, "%s", valid ? sent : fallback);
}

static struct runtime_api_answer read_answer(const struct http_parser *p)
{
    return (struct runtime_api_answer){.body = p->body.data, .length = p->body.length};
}

static struct runtime_api_answer read_error(const struct http_parser *p, const char *fallback)
{
    struct runtime_api_answer answer = read_answer(p);
    answer.is_error = true;
    clean_error_type(http_parser_header(p, "Lambda-Runtime-Function-Error-Type"), fallback,
                     answer.error_type);
    return answer;
}

/* --- requests --- */

static void on_gone(void *context, struct http_exchange *x)
{
    struct runtime_api *a = context;
    if (a->waiting == x)
        a->waiting = NULL;
}

static void handle_next(struct runtime_api *a, struct http_exchange *x)
{
    /* A runtime that waits already may ask again only when its first connection broke. */
    bool again = a->state == STATE_READY && !a->waiting;
    if (a->state == STATE_RUNNING || a->state == STATE_INIT_ERROR ||
        (a->state == STATE_READY && !again)) {
        refuse_state(x);
        return;
    }
    http_exchange_keep(x, on_gone, a);
    a->waiting = x;
    a->state = STATE_READY;
    if (!again)
        a->events->ready(a->context);
}

static void handle_init_error(struct runtime_api *a, struct http_exchange *x)
{
    if (a->state != STATE_INIT) {
        refuse_state(x);
        return;
    }
    a->state = STATE_INIT_ERROR;
    struct runtime_api_answer answer = read_error(http_exchange_request(x), "Runtime.Unknown");
    a->events->init_failed(a->context, &answer);
    reply_accepted(x);
}

static void refuse_size(struct runtime_api *a, struct http_exchange *x)
{
    char body[160];
    int n = snprintf(body, sizeof body,
                     "{\"errorType\":\"Function.ResponseSizeTooLarge\",\"errorMessage\":\"Response "
                     "payload size exceeded "
                     "maximum allowed payload size (%d bytes).\"}",
                     RUNTIME_API_RESPONSE_MAX);
    struct runtime_api_answer answer = {.body = body, .length = (size_t)n, .is_error = true};
    snprintf(answer.error_type, sizeof answer.error_type, "Function.ResponseSizeTooLarge");
    a->state = STATE_TOO_LARGE;
    a->events->answered(a->context, &answer);
    reply_error(x, 413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size.");
}

/* A stream that broke in the middle says so behind its body. */
static bool read_trailers(const struct http_parser *p, struct buf *body,
                          struct runtime_api_answer *answer)
{
    const char *type = http_parser_trailer(p, "Lambda-Runtime-Function-Error-Type");
    if (!type || !*type)
        return false;
    const char *text = http_parser_trailer(p, "Lambda-Runtime-Function-Error-Body");
    clean_error_type(type, "Function.Unknown", answer->error_type);
    answer->is_error = true;
    if (text && base64_decode(body, text, strlen(text), NULL))
        buf_clear(body);
    answer->body = body->data;
    answer->length = body->length;
    return true;
}

static void handle_response(struct runtime_api *a, struct http_exchange *x)
{
    const struct http_parser *p = http_exchange_request(x);
    if (p->body.length > RUNTIME_API_RESPONSE_MAX) {
        refuse_size(a, x);
        return;
    }
    struct buf error_body;
    buf_init(&error_body);
    struct runtime_api_answer answer = read_answer(p);
    read_trailers(p, &error_body, &answer);
    a->state = STATE_ANSWERED;
    a->events->answered(a->context, &answer);
    reply_accepted(x);
    buf_release(&error_body);
}

static void handle_error(struct runtime_api *a, struct http_exchange *x)
{
    if (a->state == STATE_RUNNING) {
        struct runtime_api_answer answer = read_error(http_exchange_request(x), "Function.Unknown");
        a->state = STATE_ANSWERED;
        a->events->answered(a->context, &answer);
    }
    a->state = STATE_ANSWERED;
    reply_accepted(x);
}

/* /invocation/{id}/response and /invocation/{id}/error */
static void handle_invocation(struct runtime_api *a, struct http_exchange *x, const char *rest)
{
    const char *action = strchr(rest, '/');
    bool is_response = action && !strcmp(action, "/response");
    if (!is_response && !(action && !strcmp(action, "/error"))) {
        reply_error(x, 404, "NotFound", "No such resource");
        return;
    }
    size_t length = (size_t)(action - rest);
    bool known =
        a->state == STATE_RUNNING || a->state == STATE_ANSWERED || a->state == STATE_TOO_LARGE;
    if (!known || length != strlen(a->request_id) || strncmp(rest, a->request_id, length) != 0)
        reply_error(x, 400, "InvalidRequestID", "Invalid request ID");
    else if (is_response && a->state == STATE_RUNNING)
        handle_response(a, x);
    else if (!is_response && a->state != STATE_ANSWERED)
        handle_error(a, x);
    else
        refuse_state(x);
}

/*
 * What is not emulated, answered in the way that lets clients go on: telemetry subscriptions
 * are accepted and never served.
 */
static void handle_other(struct http_exchange *x, const char *method, const char *path)
{
    if (!strcmp(path, "/2018-06-01/ping"))
        http_reply(x, 200, NULL, 0, "pong", 4);
    else if (!strcmp(method, "PUT") &&
             (!strcmp(path, "/2022-07-01/telemetry") || !strcmp(path, "/2020-08-15/logs")))
        reply_error(x, 202, "Telemetry.NotSupported", "Telemetry API is not supported");
    else if (text_starts(path, "/2020-01-01/extension/"))
        reply_error(x, 403, "Extension.NotSupported", "Extensions are not supported");
    else
        reply_error(x, 404, "NotFound", "No such resource");
}

static void on_request(void *context, struct http_exchange *x)
{
    struct runtime_api *a = context;
    const struct http_parser *p = http_exchange_request(x);
    bool get = !strcmp(p->method, "GET"), post = !strcmp(p->method, "POST");
    if (get && !strcmp(p->path, REQUEST "next"))
        handle_next(a, x);
    else if (post && !strcmp(p->path, API "init/error"))
        handle_init_error(a, x);
    else if (post && text_starts(p->path, REQUEST))
        handle_invocation(a, x, p->path + strlen(REQUEST));
    else
        handle_other(x, p->method, p->path);
}

/* --- life --- */

static struct http_server *start_server(struct runtime_api *a, struct error *e)
{
    const struct http_server_options options = {
        .body_cap = BODY_CAP, .handler = on_request, .context = a};
    return http_server_new(a->loop, &options, e);
}

struct runtime_api *runtime_api_new(struct loop *loop, const struct runtime_api_events *events,
                                    void *context, struct error *e)
{
    struct runtime_api *a = xcalloc(1, sizeof *a);
    a->loop = loop;
    a->events = events;
    a->context = context;
    a->server = start_server(a, e);
    if (a->server)
        return a;
    free(a);
    return NULL;
}

void runtime_api_free(struct runtime_api *a)
{
    if (!a)
        return;
    http_server_free(a->server);
    free(a);
}

uint16_t runtime_api_port(const struct runtime_api *a)
{
    return http_server_port(a->server);
}

int runtime_api_restart(struct runtime_api *a, struct error *e)
{
    struct http_server *fresh = start_server(a, e);
    if (!fresh)
        return -1;
    http_server_free(a->server);
    a->server = fresh;
    a->waiting = NULL;
    a->state = STATE_INIT;
    return 0;
}

void runtime_api_deliver(struct runtime_api *a, const struct runtime_api_event *event)
{
    char deadline[TEXT_MAX];
    snprintf(deadline, sizeof deadline, "%llu", (unsigned long long)event->deadline_ms);
    snprintf(a->request_id, sizeof a->request_id, "%s", event->request_id);
    a->state = STATE_RUNNING;
    struct http_exchange *x = a->waiting;
    if (!x)
        return; /* the connection broke: the process is ending, which its owner will see */
    struct http_header headers[6] = {
        JSON_TYPE,
        {"Lambda-Runtime-Aws-Request-Id", event->request_id},
        {"Lambda-Runtime-Deadline-Ms", deadline},
        {"Lambda-Runtime-Invoked-Function-Arn", event->invoked_arn},
    };
    size_t count = 4;
    if (event->trace_id)
        headers[count++] = (struct http_header){"Lambda-Runtime-Trace-Id", event->trace_id};
    if (event->client_context)
        headers[count++] =
            (struct http_header){"Lambda-Runtime-Client-Context", event->client_context};
    a->waiting = NULL;
    http_reply(x, 200, headers, count, event->payload, event->payload_length);
}
