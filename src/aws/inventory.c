#include "aws/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "aws/call.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "os/clock.h"

enum {
    PAGE_BYTES_MAX = 16 << 20, /* fifty functions, each with 4 KB of variables, are far less */
    BACKOFF_SHIFT_MAX = 8,
};
#define FUNCTIONS_PATH  "/2015-03-31/functions"
#define CALL_TIMEOUT_NS (30 * NS_PER_S)
#define PATIENCE_NS     (120 * NS_PER_S)
#define BACKOFF_BASE_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS  (20 * NS_PER_S)

enum inventory_status inventory_status(const struct http_response *r)
{
    if (r->outcome == HTTP_TOO_LARGE)
        return INVENTORY_REFUSED;
    if (r->outcome != HTTP_ANSWERED)
        return INVENTORY_LATER;
    if (r->status / 100 == 2)
        return INVENTORY_OK;
    if (r->status == 404)
        return INVENTORY_ABSENT;
    if (r->status == 409)
        return INVENTORY_BUSY;
    return r->status == 429 || r->status / 100 == 5 ? INVENTORY_LATER : INVENTORY_REFUSED;
}

uint64_t inventory_backoff_ns(unsigned attempt)
{
    uint64_t random;
    uint64_t most = BACKOFF_BASE_NS << (attempt < BACKOFF_SHIFT_MAX ? attempt : BACKOFF_SHIFT_MAX);
    hash_random(&random, sizeof random);
    if (most > BACKOFF_MAX_NS)
        most = BACKOFF_MAX_NS;
    return most / 4 + random % (most - most / 4);
}

static int start(struct lambda *l, const char *method, const struct inventory_call *call,
                 struct error *e)
{
    static const struct sigv4_header headers[] = {{"content-type", "application/json"}};
    char *url = xasprintf("%s" FUNCTIONS_PATH "/%s", l->endpoint, call->name);
    struct http_request request = {
        .method = method,
        .url = url,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .signing = &l->signing,
        .timeout_ns = call->timeout_ns,
    };
    int failed = http_client_send(l->http, &request, call->done, call->context, e);
    free(url);
    return failed;
}

int inventory_get(struct lambda *l, const struct inventory_call *call, struct error *e)
{
    return start(l, "GET", call, e);
}

int inventory_delete(struct lambda *l, const struct inventory_call *call, struct error *e)
{
    return start(l, "DELETE", call, e);
}

bool inventory_read_tags(const struct http_response *r, struct temporary_tags *out)
{
    struct json *body = json_parse(r->body.data, r->body.length, NULL);
    bool read = temporary_read_tags(json_get(body, "Tags"), out);
    json_free(body);
    return read;
}

bool inventory_read_account(const struct http_response *r, char account[LAMBDA_ACCOUNT_BYTES])
{
    struct json *body = json_parse(r->body.data, r->body.length, NULL);
    const char *arn = json_get_string(json_get(body, "Configuration"), "FunctionArn", NULL);
    const char *message = json_get_string(body, "Message", json_get_string(body, "message", ""));
    bool read = lambda_account(arn ? arn : message, account);
    json_free(body);
    return read;
}

/* ---- patiently ---- */

/* A GET until it is answered with 200 or 404. The caller releases the response, if that is 0. */
static int get_patiently(struct lambda *l, const char *path, const char *what,
                         struct http_response *response, struct error *e)
{
    uint64_t deadline = clock_now_ns() + PATIENCE_NS;
    char *url = xasprintf("%s%s", l->endpoint, path);
    struct http_request request = {.method = "GET",
                                   .url = url,
                                   .signing = &l->signing,
                                   .timeout_ns = CALL_TIMEOUT_NS,
                                   .body_cap = PAGE_BYTES_MAX};
    int failed = -1;
    for (unsigned attempt = 1;; attempt++) {
        if (http_client_call(l->http, &request, response, e))
            break;
        enum inventory_status status = inventory_status(response);
        uint64_t wait_ns = inventory_backoff_ns(attempt);
        failed = status == INVENTORY_OK || status == INVENTORY_ABSENT ? 0 : -1;
        if (!failed)
            break;
        call_refuse(what, response, e);
        http_response_release(response);
        if (status == INVENTORY_REFUSED || clock_now_ns() + wait_ns > deadline)
            break;
        if (!loop_pause(l->loop, wait_ns)) {
            error_set(e, ERROR_INTERRUPTED, "interrupted: %s", what);
            break;
        }
    }
    free(url);
    return failed;
}

int inventory_look(struct lambda *l, const char *name, struct http_response *response,
                   struct error *e)
{
    char *path = xasprintf(FUNCTIONS_PATH "/%s", name);
    char *what = xasprintf("GetFunction '%s'", name);
    int failed = get_patiently(l, path, what, response, e);
    free(path);
    free(what);
    return failed;
}

static int read_page(const struct http_response *r, struct inventory_page *page, struct error *e)
{
    struct json *body = json_parse(r->body.data, r->body.length, e);
    const struct json *functions = json_get(body, "Functions");
    if (!body)
        return error_prefix(e, "ListFunctions");
    if (json_type(functions) != JSON_ARRAY) {
        json_free(body);
        return error_set(e, ERROR_API, "ListFunctions: the answer has no list of functions");
    }
    for (const struct json *f = json_first(functions); f; f = json_next(f)) {
        const char *name = json_get_string(f, "FunctionName", NULL);
        if (!name)
            continue;
        char **slot = ARRAY_PUSH(page->names, page->count, page->capacity);
        *slot = xstrdup(name);
    }
    const char *next = json_get_string(body, "NextMarker", "");
    page->next = *next ? xstrdup(next) : NULL;
    json_free(body);
    return 0;
}

int inventory_list(struct lambda *l, const char *marker, struct inventory_page *page,
                   struct error *e)
{
    struct buf path;
    struct http_response response = {0};
    buf_init(&path);
    buf_addstr(&path, FUNCTIONS_PATH);
    if (marker) {
        buf_addstr(&path, "?Marker=");
        sigv4_encode(&path, marker, strlen(marker), 0);
    }
    *page = (struct inventory_page){0};
    int failed = get_patiently(l, path.data, "ListFunctions", &response, e);
    if (!failed) {
        failed = response.status == 200 ? read_page(&response, page, e)
                                        : call_refuse("ListFunctions", &response, e);
        http_response_release(&response);
    }
    buf_release(&path);
    return failed;
}

void inventory_page_release(struct inventory_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        free(page->names[i]);
    free(page->names);
    free(page->next);
    *page = (struct inventory_page){0};
}
