/* Invoke and InvokeWithResponseStream. */
#include "emulator/api_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "emulator/eventstream.h"
#include "os/clock.h"

enum {
    PAYLOAD_MAX = 6 * 1024 * 1024,
    EVENT_PAYLOAD_MAX = 1024 * 1024,
    CLIENT_CONTEXT_MAX = 3583, /* in base64 */
    REPLY_HEADERS = 8,
};

/* One synchronous invocation whose client waits. */
struct pending {
    struct http_exchange *x; /* NULL: the client has gone */
    bool tail;
    bool stream;
    char request_id[API_UUID_BYTES];
    char trace_id[INVOKER_TRACE_BYTES];
};

static void client_gone(void *context, struct http_exchange *x)
{
    (void)x;
    struct pending *p = context;
    p->x = NULL; /* the invocation goes on, as in Lambda */
}

static void add_header(struct http_header *headers, size_t *count, const char *name,
                       const char *value)
{
    headers[*count].name = name;
    headers[(*count)++].value = value;
}

static void reply_buffered(const struct pending *p, const struct function *f,
                           const struct pool_result *result)
{
    struct http_header headers[REPLY_HEADERS];
    struct buf tail;
    char cpu[24];
    size_t n = 0;
    buf_init(&tail);
    add_header(headers, &n, "x-amzn-RequestId", p->request_id);
    add_header(headers, &n, "Content-Type", "application/json");
    add_header(headers, &n, "X-Amz-Executed-Version", f->version);
    add_header(headers, &n, "X-Amzn-Trace-Id", p->trace_id);
    if (result->function_error)
        add_header(headers, &n, "X-Amz-Function-Error", "Unhandled");
    if (p->tail) {
        base64_encode(&tail, result->log_tail, result->log_tail_length);
        add_header(headers, &n, "X-Amz-Log-Result", tail.data);
    }
    if (result->cpu_ns) {
        (void)snprintf(cpu, sizeof cpu, "%llu", (unsigned long long)result->cpu_ns);
        add_header(headers, &n, "X-Lpg-Cpu-Ns", cpu);
    }
    http_reply(p->x, 200, headers, n, result->payload, result->payload_length);
    buf_release(&tail);
}

/*
 * The last event of a stream; the function's error comes here, as its payload would have to be
 * taken back else.
 */
static void add_complete(struct buf *out, const struct pending *p, const struct pool_result *result)
{
    struct buf complete, tail;
    struct json_writer w;
    buf_init(&complete);
    buf_init(&tail);
    json_begin(&w, &complete, 0);
    json_open_object(&w, NULL);
    if (result->function_error) {
        json_put_string(&w, "ErrorCode", "Unhandled");
        json_put_bytes(&w, "ErrorDetails", result->payload, result->payload_length);
    }
    if (p->tail) {
        base64_encode(&tail, result->log_tail, result->log_tail_length);
        json_put_string(&w, "LogResult", tail.data);
    }
    json_close(&w);
    eventstream_add(out, "InvokeComplete", "application/json", complete.data, complete.length);
    buf_release(&complete);
    buf_release(&tail);
}

static void reply_stream(const struct pending *p, const struct function *f,
                         const struct pool_result *result)
{
    const struct http_header headers[] = {
        {"x-amzn-RequestId", p->request_id},
        {"Content-Type", "application/vnd.amazon.eventstream"},
        {"X-Amz-Executed-Version", f->version},
        {"X-Amzn-Trace-Id", p->trace_id},
    };
    struct buf frames;
    buf_init(&frames);
    if (!result->function_error)
        eventstream_add(&frames, "PayloadChunk", "application/octet-stream", result->payload,
                        result->payload_length);
    add_complete(&frames, p, result);
    http_reply(p->x, 200, headers, ARRAY_LEN(headers), frames.data, frames.length);
    buf_release(&frames);
}

static void invoke_done(void *context, const struct function *f, const struct pool_result *result)
{
    struct pending *p = context;
    if (p->x && p->stream)
        reply_stream(p, f, result);
    else if (p->x)
        reply_buffered(p, f, result);
    free(p);
}

/* The client's own trace id, or a new one that nobody samples. */
static void make_trace_id(struct api_request *r, char out[INVOKER_TRACE_BYTES])
{
    const char *given = http_parser_header(r->http, "x-amzn-trace-id");
    if (given && *given && strlen(given) < INVOKER_TRACE_BYTES) {
        (void)snprintf(out, INVOKER_TRACE_BYTES, "%s", given);
        return;
    }
    struct rng *ids = &r->api->ids;
    (void)snprintf(out, INVOKER_TRACE_BYTES, "Root=1-%08llx-%08llx%016llx;Parent=%016llx;Sampled=0",
                   (unsigned long long)(r->wall_ns / NS_PER_S),
                   (unsigned long long)(rng_next(ids) >> 32), (unsigned long long)rng_next(ids),
                   (unsigned long long)rng_next(ids));
}

static int check_size(const struct api_request *r, size_t most, struct fault *f)
{
    if (r->http->body.length <= most)
        return 0;
    return fault_set(f, FAULT_TOO_LARGE,
                     "Request must be smaller than %zu bytes for the InvokeFunction operation",
                     most);
}

/*
 * Decodes X-Amz-Client-Context; what does not hold JSON is refused here, so that runtimes can trust
 * it.
 */
static int read_client_context(const struct api_request *r, struct buf *context, struct fault *f)
{
    const char *given = http_parser_header(r->http, "x-amz-client-context");
    if (!given || !*given)
        return 0;
    if (strlen(given) > CLIENT_CONTEXT_MAX)
        return fault_set(f, FAULT_CONTENT, "Client context must be at most %d bytes in size.",
                         CLIENT_CONTEXT_MAX);
    struct json *json = NULL;
    if (base64_decode(context, given, strlen(given), NULL) == 0)
        json = json_parse(context->data, context->length, NULL);
    bool good = json_type(json) == JSON_OBJECT;
    json_free(json);
    return good ? 0
                : fault_set(f, FAULT_CONTENT,
                            "Client context must be a valid Base64-encoded JSON object.");
}

static int invoke_now(struct api_request *r, const struct invoker_call *call, bool stream,
                      struct fault *f)
{
    const char *log_type = http_parser_header(r->http, "x-amz-log-type");
    struct pending *p = xmalloc(sizeof *p);
    p->x = r->x;
    p->tail = log_type && strcmp(log_type, "Tail") == 0;
    p->stream = stream;
    (void)snprintf(p->request_id, sizeof p->request_id, "%s", r->request_id);
    (void)snprintf(p->trace_id, sizeof p->trace_id, "%s", call->trace_id);
    http_exchange_keep(r->x, client_gone, p);
    if (invoker_start(r->api->options.invoker, call, invoke_done, p, f)) {
        api_reply_fault(r->x, r->request_id, f);
        free(p);
    }
    r->later = true;
    return 0;
}

static int invoke_event(struct api_request *r, const struct invoker_call *call, struct fault *f)
{
    if (check_size(r, EVENT_PAYLOAD_MAX, f) || invoker_queue(r->api->options.invoker, call, f))
        return -1;
    r->status = 202;
    return 0;
}

static int invoke_dry(struct api_request *r, const struct invoker_call *call, struct fault *f)
{
    const struct function *function = invoker_resolve(r->api->options.invoker, call, f);
    if (!function)
        return -1;
    const struct http_header version = {"X-Amz-Executed-Version", function->version};
    api_reply(r->x, r->request_id, 204, &version, 1, NULL);
    r->later = true;
    return 0;
}

static int invoke_as(struct api_request *r, const struct invoker_call *call, bool stream,
                     struct fault *f)
{
    const char *type = http_parser_header(r->http, "x-amz-invocation-type");
    if (!type || !*type || strcmp(type, "RequestResponse") == 0)
        return invoke_now(r, call, stream, f);
    if (strcmp(type, "DryRun") == 0)
        return invoke_dry(r, call, f);
    if (strcmp(type, "Event") == 0 && !stream)
        return invoke_event(r, call, f);
    return fault_set(f, FAULT_PARAMETER, "Unrecognized InvocationType '%.60s'.", type);
}

static int invoke(struct api_request *r, bool stream, struct fault *f)
{
    char trace_id[INVOKER_TRACE_BYTES];
    struct buf context;
    struct invoker_call call = {
        .entry = api_entry(r, f),
        .qualifier = r->name.qualifier,
        .request_id = r->request_id,
        .trace_id = trace_id,
        .payload = r->http->body.data,
        .payload_length = r->http->body.length,
    };
    if (!call.entry || check_size(r, PAYLOAD_MAX, f))
        return -1;
    if (!call.payload_length) { /* no payload is an empty object for the function */
        call.payload = "{}";
        call.payload_length = 2;
    }
    make_trace_id(r, trace_id);
    buf_init(&context);
    int rc = read_client_context(r, &context, f);
    if (context.length)
        call.client_context = context.data;
    if (rc == 0)
        rc = invoke_as(r, &call, stream, f);
    buf_release(&context);
    return rc;
}

int api_invoke(struct api_request *r, struct fault *f)
{
    return invoke(r, false, f);
}

int api_invoke_stream(struct api_request *r, struct fault *f)
{
    return invoke(r, true, f);
}
