/* Keys from the container's agent (ECS, EKS) and from the EC2 instance. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "identity/sources.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/secrecy.h"

enum { TOKEN_MAX = 16 * 1024, TRIES = 3, NAME_MAX_BYTES = 256 };
#define AGENT_TIMEOUT_NS    (2 * NS_PER_S)
#define INSTANCE_TIMEOUT_NS (1 * NS_PER_S)
#define ROLES_PATH          "/latest/meta-data/iam/security-credentials/"
static const char agent[] = "http://169.254.170.2";
static const char instance[] = "http://169.254.169.254";

static bool worth_another_try(const struct http_response *r)
{
    if (r->outcome == HTTP_CANCELLED || r->outcome == HTTP_TOO_LARGE)
        return false;
    return r->outcome != HTTP_ANSWERED || r->status == 429 || r->status >= 500;
}

int source_fetch(struct identity *id, const struct http_request *r, unsigned tries,
                 struct http_response *response, struct error *e)
{
    if (!id->http) {
        struct http_client_options options = {.ca_bundle = id->ca_bundle};
        id->http = http_client_new(id->loop, &options, e);
        if (!id->http)
            return -1;
    }
    for (unsigned attempt = 1;; attempt++) {
        if (http_client_call(id->http, r, response, e))
            return -1;
        if (attempt >= tries || !worth_another_try(response))
            return 0;
        http_response_release(response);
        clock_sleep_ns((50 * NS_PER_MS) << attempt);
    }
}

/* An answer of JSON to keys; releases the response. */
static int read_keys(struct http_response *r, const char *who, struct secret *out, struct error *e)
{
    int failed = -1;
    if (r->outcome != HTTP_ANSWERED) {
        error_set(e, ERROR_NETWORK, "%s gave no answer: %s", who, r->reason);
    } else if (r->status != 200) {
        error_set(e, ERROR_API, "%s answered HTTP %d", who, r->status);
    } else {
        struct json *answer = json_parse(r->body.data, r->body.length, NULL);
        failed = answer ? secret_from_json(out, answer, "Token", e)
                        : error_set(e, ERROR_API, "the answer is not JSON");
        if (failed)
            error_prefix(e, "%s", who);
        json_free(answer);
    }
    if (r->body.length)
        secrecy_wipe(r->body.data, r->body.length);
    http_response_release(r);
    return failed;
}

/* ---- the container's agent ---- */

/* The value of the Authorization header, "" for none. */
static int read_authorization(struct buf *out, struct error *e)
{
    const char *file = profiles_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = profiles_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (file && fs_read(file, TOKEN_MAX, out, e))
        return error_prefix(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!file && token)
        buf_addstr(out, token);
    while (out->length && strchr(" \t\r\n", out->data[out->length - 1]))
        buf_truncate(out, out->length - 1);
    if (strlen(out->data) != out->length || strpbrk(out->data, "\r\n"))
        return error_set(e, ERROR_CONFIG, "the container's authorization token is not one line");
    return 0;
}

int source_container(struct identity *id, struct secret *out, struct buf *looked, struct error *e)
{
    const char *relative = profiles_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = profiles_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct http_response response = {0};
    struct buf token;
    if (!relative && !full) {
        buf_addstr(looked, CONTAINER_NOT_SET);
        return ABSENT;
    }
    if (relative && *relative != '/')
        return error_set(e, ERROR_CONFIG,
                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
    char *url = relative ? xasprintf("%s%s", agent, relative) : xstrdup(full);
    buf_init(&token);
    int failed = read_authorization(&token, e);
    struct sigv4_header header = {"Authorization", token.data};
    struct http_request request = {
        .method = "GET",
        .url = url,
        .headers = &header,
        .header_count = token.length > 0,
        .timeout_ns = AGENT_TIMEOUT_NS,
        .metadata_service = true, /* plain http to the agents' addresses and loopback alone */
    };
    if (!failed && source_fetch(id, &request, TRIES, &response, e))
        failed = error_prefix(e, "the container's credentials (AWS_CONTAINER_CREDENTIALS_%s_URI)",
                              relative ? "RELATIVE" : "FULL");
    if (!failed)
        failed = read_keys(&response, "the container's credentials endpoint", out, e);
    out->origin = "the container";
    if (token.length)
        secrecy_wipe(token.data, token.length);
    buf_release(&token);
    free(url);
    return failed ? -1 : FOUND;
}

/* ---- the EC2 instance ---- */

bool source_instance_allowed(void)
{
    const char *value = profiles_variable("AWS_EC2_METADATA_DISABLED");
    return !value || !text_same(value, "true");
}

/* One call of the instance's metadata service; the text of its answer, or NULL. */
static char *ask(struct identity *id, const char *method, const char *path, const char *token)
{
    const char *given = profiles_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *base = given ? given : instance;
    int base_length = (int)strlen(base) - text_ends(base, "/");
    char *url = xasprintf("%.*s%s", base_length, base, path), *text = NULL;
    struct sigv4_header header = {"X-aws-ec2-metadata-token", token};
    if (!token)
        header = (struct sigv4_header){"X-aws-ec2-metadata-token-ttl-seconds", "21600"};
    struct http_request request = {
        .method = method,
        .url = url,
        .headers = &header,
        .header_count = 1,
        .timeout_ns = INSTANCE_TIMEOUT_NS,
        .body_cap = TOKEN_MAX,
        .metadata_service = true,
    };
    struct http_response response = {0};
    if (!source_fetch(id, &request, 1, &response, NULL)) {
        if (response.outcome == HTTP_ANSWERED && response.status == 200 && response.body.length)
            text = xstrndup(response.body.data, response.body.length);
        if (response.body.length)
            secrecy_wipe(response.body.data, response.body.length);
        http_response_release(&response);
    }
    if (text)
        text[strcspn(text, "\r\n")] = '\0';
    free(url);
    return text;
}

static char *instance_token(struct identity *id)
{
    return !source_instance_allowed() ? NULL : ask(id, "PUT", "/latest/api/token", NULL);
}

char *source_instance_region(struct identity *id)
{
    char *token = instance_token(id);
    char *region = token ? ask(id, "GET", "/latest/meta-data/placement/region", token) : NULL;
    secrecy_free(token);
    return region;
}

static int fetch_instance_keys(struct identity *id, const char *token, const char *role,
                               struct secret *out, struct error *e)
{
    const char *given = profiles_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *base = given ? given : instance;
    struct buf url;
    buf_init(&url);
    buf_addf(&url, "%.*s" ROLES_PATH, (int)strlen(base) - text_ends(base, "/"), base);
    sigv4_encode(&url, role, strlen(role), 0);
    struct sigv4_header header = {"X-aws-ec2-metadata-token", token};
    struct http_request request = {
        .method = "GET",
        .url = url.data,
        .headers = &header,
        .header_count = 1,
        .timeout_ns = INSTANCE_TIMEOUT_NS,
        .metadata_service = true,
    };
    struct http_response response = {0};
    int failed = source_fetch(id, &request, TRIES, &response, e);
    if (!failed)
        failed = read_keys(&response, "the EC2 instance's metadata service", out, e);
    buf_release(&url);
    return failed;
}

int source_instance(struct identity *id, struct secret *out, struct buf *looked, struct error *e)
{
    if (!source_instance_allowed()) {
        buf_addstr(looked, INSTANCE_OFF);
        return ABSENT;
    }
    char *token = instance_token(id);
    char *role = token ? ask(id, "GET", ROLES_PATH, token) : NULL;
    int result = ABSENT;
    if (role && *role && strlen(role) < NAME_MAX_BYTES)
        result = fetch_instance_keys(id, token, role, out, e) ? -1 : FOUND;
    else
        buf_addstr(looked, token ? "\n  EC2 instance: it has no role"
                                 : "\n  EC2 instance: no metadata service answers");
    out->origin = "the EC2 instance";
    secrecy_free(token);
    free(role);
    return result;
}
