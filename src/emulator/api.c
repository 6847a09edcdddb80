#include "emulator/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/units.h"
#include "emulator/api_internal.h"
#include "emulator/uri.h"
#include "os/clock.h"

enum {
    UNSIGNED = 1, /* needs no signature */
    FUNCTION = 2, /* the first variable part names a function */
    JSON = 4,     /* the body is a JSON object (or empty) */
    CODE = 8,     /* the body may hold a package */
    RAW = 16,     /* the handler checks the body's size */
};

enum { JSON_BODY_MAX = 1024 * 1024, HEADERS_MAX = 12, VARIABLES_MAX = 2, PAGE_MOST = 10000 };

/* "{}" stands for one part of the path. The most frequent comes first. */
static const struct route {
    const char *method, *pattern;
    api_handler_fn *handler;
    int status;
    unsigned flags;
    const char *operation;
} routes[] = {
    {"POST", "/2015-03-31/functions/{}/invocations", api_invoke, 200, FUNCTION | RAW, "Invoke"},
    {"POST", "/2021-11-15/functions/{}/response-streaming-invocations", api_invoke_stream, 200,
     FUNCTION | RAW, "InvokeWithResponseStream"},
    {"POST", "/2015-03-31/functions", api_create_function, 201, JSON | CODE, "CreateFunction"},
    {"GET", "/2015-03-31/functions", api_list_functions, 200, 0, "ListFunctions"},
    {"GET", "/2015-03-31/functions/{}", api_get_function, 200, FUNCTION, "GetFunction"},
    {"DELETE", "/2015-03-31/functions/{}", api_delete_function, 200, FUNCTION, "DeleteFunction"},
    {"GET", "/2015-03-31/functions/{}/configuration", api_get_configuration, 200, FUNCTION,
     "GetFunctionConfiguration"},
    {"PUT", "/2015-03-31/functions/{}/configuration", api_update_configuration, 200,
     FUNCTION | JSON, "UpdateFunctionConfiguration"},
    {"PUT", "/2015-03-31/functions/{}/code", api_update_code, 200, FUNCTION | JSON | CODE,
     "UpdateFunctionCode"},
    {"POST", "/2015-03-31/functions/{}/versions", api_publish_version, 201, FUNCTION | JSON,
     "PublishVersion"},
    {"GET", "/2015-03-31/functions/{}/versions", api_list_versions, 200, FUNCTION,
     "ListVersionsByFunction"},
    {"POST", "/2015-03-31/functions/{}/aliases", api_create_alias, 201, FUNCTION | JSON,
     "CreateAlias"},
    {"GET", "/2015-03-31/functions/{}/aliases", api_list_aliases, 200, FUNCTION, "ListAliases"},
    {"GET", "/2015-03-31/functions/{}/aliases/{}", api_get_alias, 200, FUNCTION, "GetAlias"},
    {"PUT", "/2015-03-31/functions/{}/aliases/{}", api_update_alias, 200, FUNCTION | JSON,
     "UpdateAlias"},
    {"DELETE", "/2015-03-31/functions/{}/aliases/{}", api_delete_alias, 204, FUNCTION,
     "DeleteAlias"},
    {"POST", "/2017-03-31/tags/{}", api_tag, 204, FUNCTION | JSON, "TagResource"},
    {"GET", "/2017-03-31/tags/{}", api_list_tags, 200, FUNCTION, "ListTags"},
    {"DELETE", "/2017-03-31/tags/{}", api_untag, 204, FUNCTION, "UntagResource"},
    {"PUT", "/2017-10-31/functions/{}/concurrency", api_put_concurrency, 200, FUNCTION | JSON,
     "PutFunctionConcurrency"},
    {"DELETE", "/2017-10-31/functions/{}/concurrency", api_delete_concurrency, 204, FUNCTION,
     "DeleteFunctionConcurrency"},
    {"GET", "/2019-09-30/functions/{}/concurrency", api_get_concurrency, 200, FUNCTION,
     "GetFunctionConcurrency"},
    {"PUT", "/2019-09-30/functions/{}/provisioned-concurrency", api_put_provisioned, 202,
     FUNCTION | JSON, "PutProvisionedConcurrencyConfig"},
    {"GET", "/2019-09-30/functions/{}/provisioned-concurrency", api_get_provisioned, 200, FUNCTION,
     "GetProvisionedConcurrencyConfig"},
    {"DELETE", "/2019-09-30/functions/{}/provisioned-concurrency", api_delete_provisioned, 204,
     FUNCTION, "DeleteProvisionedConcurrencyConfig"},
    {"GET", "/2016-08-19/account-settings", api_account_settings, 200, 0, "GetAccountSettings"},
    {"GET", "/_lpg/health", api_health, 200, UNSIGNED, "health"},
    {"GET", "/_lpg/runtime", api_runtime, 200, UNSIGNED, "runtime"},
    {"GET", "/_lpg/code/{}", api_code, 200, UNSIGNED, "code"},
};

struct variables {
    const char *text[VARIABLES_MAX];
    size_t length[VARIABLES_MAX];
    size_t count;
};

void api_uuid(struct api *a, char out[API_UUID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t high = (rng_next(&a->ids) & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    uint64_t low = (rng_next(&a->ids) >> 2) | UINT64_C(0x8000000000000000);
    for (int i = 0, at = 0; i < 32; i++) {
        uint64_t half = i < 16 ? high : low;
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = digits[(half >> (60 - 4 * (i % 16))) & 15];
    }
    out[API_UUID_BYTES - 1] = '\0';
}

void api_stamp(struct api_request *r, struct store_stamp *stamp)
{
    api_uuid(r->api, stamp->revision_id);
    char iso[CLOCK_STAMP_BYTES];
    clock_stamp_iso(r->wall_ns, iso);
    (void)snprintf(stamp->date, sizeof stamp->date, "%.23s+0000", iso);
}

struct name_place api_place(const struct api_request *r)
{
    return (struct name_place){.region = r->region, .account = r->api->options.account};
}

struct store_entry *api_entry(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = store_find(r->api->options.store, r->region, r->name.function);
    if (!entry) {
        char arn[NAME_ARN_BYTES];
        const struct name_place place = api_place(r);
        name_arn(&place, r->name.function, arn);
        fault_set(f, FAULT_NOT_FOUND, "Function not found: %s%s%s", arn,
                  *r->name.qualifier ? ":" : "", r->name.qualifier);
    }
    return entry;
}

struct function *api_function(struct api_request *r, struct store_entry **entry, struct fault *f)
{
    *entry = api_entry(r, f);
    if (!*entry)
        return NULL;
    struct function *function = store_resolve(*entry, r->name.qualifier, 1.0);
    if (!function)
        fault_set(f, FAULT_NOT_FOUND, "Function not found: %s:%s", (*entry)->latest->arn,
                  r->name.qualifier);
    return function;
}

int api_check_revision(const struct api_request *r, const char *revision_id, struct fault *f)
{
    const char *wanted = json_get_string(r->body, "RevisionId", NULL);
    if (!wanted || strcmp(wanted, revision_id) == 0)
        return 0;
    return fault_set(
        f, FAULT_PRECONDITION,
        "The RevisionId provided does not match the latest RevisionId. Call the GetFunction "
        "or the GetAlias API to retrieve the latest RevisionId for your resource.");
}

static int query_count(const struct api_request *r, const char *key, size_t most, size_t *value,
                       struct fault *f)
{
    char text[32];
    double number;
    if (!uri_query(r->http->query, key, 0, text, sizeof text) || !*text)
        return 0;
    if (!units_parse_number(text, &number) || number < 0 || number > (double)most ||
        number != (double)(size_t)number)
        return fault_set(f, FAULT_VALIDATION,
                         "1 validation error detected: Value '%s' at '%s' failed to satisfy "
                         "constraint: Member must be a whole number of at most %zu",
                         text, key, most);
    *value = (size_t)number;
    return 0;
}

int api_page(const struct api_request *r, size_t *first, size_t *count, struct fault *f)
{
    *first = 0;
    *count = API_PAGE;
    if (query_count(r, "Marker", INT32_MAX, first, f) ||
        query_count(r, "MaxItems", PAGE_MOST, count, f))
        return -1;
    if (*count == 0)
        return fault_set(f, FAULT_VALIDATION,
                         "1 validation error detected: Value '0' at 'maxItems' failed to satisfy "
                         "constraint: Member must have value greater than or equal to 1");
    if (*count > API_PAGE)
        *count = API_PAGE; /* as Lambda: a page never holds more */
    return 0;
}

void api_put_marker(struct json_writer *w, size_t next, size_t total)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", next);
    if (next < total)
        json_put_string(w, "NextMarker", text);
}

void api_code_token(const struct api *a, const struct function_code *code,
                    char out[API_TOKEN_BYTES])
{
    unsigned char mac[SHA256_BYTES];
    hash_hmac_sha256(a->secret, sizeof a->secret, code->directory, strlen(code->directory), mac);
    hash_hex(mac, (API_TOKEN_BYTES - 1) / 2, out);
}

static void reply(struct http_exchange *x, int status, const struct http_header *headers,
                  size_t count, const struct buf *body)
{
    http_reply(x, status, headers, count, body ? body->data : NULL, body ? body->length : 0);
}

void api_reply(struct http_exchange *x, const char *request_id, int status,
               const struct http_header *headers, size_t count, const struct buf *body)
{
    struct http_header all[HEADERS_MAX] = {{"x-amzn-RequestId", request_id},
                                           {"Content-Type", "application/json"}};
    size_t n = 2;
    for (size_t i = 0; i < count && n < HEADERS_MAX; i++)
        all[n++] = headers[i];
    reply(x, status, all, n, body);
}

void api_reply_fault(struct http_exchange *x, const char *request_id, const struct fault *f)
{
    struct buf body;
    buf_init(&body);
    fault_body(f, &body);
    const struct http_header type = {"x-amzn-ErrorType", fault_code(f)};
    api_reply(x, request_id, fault_status(f), &type, 1, &body);
    buf_release(&body);
}

/* Compares path and pattern part by part; a trailing '/' of the path plays no role. */
static bool matches(const char *path, const char *pattern, struct variables *v)
{
    v->count = 0;
    while (*path == '/' && *pattern == '/') {
        size_t have = strcspn(++path, "/");
        size_t want = strcspn(++pattern, "/");
        if (want == 2 && memcmp(pattern, "{}", 2) == 0 && have) {
            v->text[v->count] = path;
            v->length[v->count++] = have;
        } else if (have != want || memcmp(path, pattern, have) != 0) {
            return false;
        }
        path += have;
        pattern += want;
    }
    return !*pattern && (!*path || strcmp(path, "/") == 0);
}

static const struct route *find_route(const struct http_parser *http, struct variables *v)
{
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        if (strcmp(routes[i].method, http->method) == 0 &&
            matches(http->path, routes[i].pattern, v))
            return &routes[i];
    return NULL;
}

/* The function that the path names, its qualifier, and the second variable part. */
static int read_path(struct api_request *r, const struct route *route, const struct variables *v,
                     struct fault *f)
{
    char text[NAME_ARN_BYTES], qualifier[QUALIFIER_MAX_BYTES + 2] = "";
    size_t word = 0;
    if (route->flags & FUNCTION) {
        const struct name_place place = api_place(r);
        if (!uri_decode(v->text[0], v->length[0], text, sizeof text))
            return fault_set(f, FAULT_VALIDATION, "The function name in the path cannot be read.");
        (void)uri_query(r->http->query, "Qualifier", 0, qualifier, sizeof qualifier);
        if (name_parse(text, &place, &r->name, f) || name_qualify(&r->name, qualifier, f))
            return -1;
        word = 1;
    }
    if (v->count > word && !uri_decode(v->text[word], v->length[word], r->word, sizeof r->word))
        return fault_set(f, FAULT_VALIDATION, "The name at the end of the path cannot be read.");
    return 0;
}

static int read_body(struct api_request *r, const struct route *route, struct fault *f)
{
    const struct buf *body = &r->http->body;
    size_t most = route->flags & CODE ? API_BODY_MAX : JSON_BODY_MAX;
    if (!(route->flags & RAW) && body->length > most)
        return fault_set(f, FAULT_TOO_LARGE,
                         "Request must be smaller than %zu bytes for the %s operation", most,
                         route->operation);
    if (!(route->flags & JSON) || !body->length)
        return 0;
    struct error e;
    r->body = json_parse(body->data, body->length, &e);
    if (!r->body)
        return fault_set(f, FAULT_CONTENT, "Could not parse request body into json: %s", e.text);
    if (json_type(r->body) != JSON_OBJECT)
        return fault_set(f, FAULT_SERIALIZATION, "The request body must be a JSON object.");
    return 0;
}

static int serve(struct api_request *r, struct fault *f)
{
    struct variables v;
    const struct route *route = find_route(r->http, &v);
    if (!(route && route->flags & UNSIGNED) &&
        auth_check(&r->api->auth, r->http, r->wall_ns, r->region, f))
        return -1;
    if (!route)
        return fault_set(f, FAULT_UNKNOWN_OPERATION,
                         "The embedded Lambda has no operation for %s %.300s", r->http->method,
                         r->http->path);
    r->status = route->status;
    if (read_path(r, route, &v, f) || read_body(r, route, f))
        return -1;
    return route->handler(r, f);
}

void api_handle(void *api, struct http_exchange *x)
{
    struct api_request r = {
        .api = api, .x = x, .http = http_exchange_request(x), .wall_ns = clock_wall_ns()};
    struct fault f;
    f.kind = FAULT_NONE;
    api_uuid(api, r.request_id);
    buf_init(&r.out);
    int rc = serve(&r, &f);
    json_free(r.body);
    if (rc)
        api_reply_fault(x, r.request_id, &f);
    else if (!r.later)
        api_reply(x, r.request_id, r.status, NULL, 0, &r.out);
    buf_release(&r.out);
}

struct api *api_new(const struct api_options *options)
{
    struct api *a = xcalloc(1, sizeof *a);
    uint64_t seed;
    a->options = *options;
    a->auth = options->auth;
    hash_random(&seed, sizeof seed);
    rng_seed(&a->ids, seed, 0);
    hash_random(a->secret, sizeof a->secret);
    return a;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    sigv4_key_release(&a->auth.key);
    hash_wipe(a->secret, sizeof a->secret);
    free(a);
}
