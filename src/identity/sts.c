/* Keys of a role, from the Security Token Service. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "identity/sources.h"
#include "identity/xml.h"
#include "net/clock_skew.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/secrecy.h"

enum { TOKEN_MAX = 20000, TRIES = 3 };
#define STS_TIMEOUT_NS  (10 * NS_PER_S)
#define STANDARD_REGION "us-east-1"

static void add_field(struct buf *body, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_addf(body, "&%s=", name);
    sigv4_encode(body, value, strlen(value), 0);
}

/* Fills the form; its room is made at once, so that it leaves no copies of a token behind. */
static int add_form(const struct role *role, struct buf *body, struct error *e)
{
    struct buf token;
    buf_init(&token);
    buf_fill(&token, " ", TOKEN_MAX + 1);
    buf_clear(&token);
    buf_fill(body, " ", 4 * TOKEN_MAX);
    buf_clear(body);
    int failed = role->token_file ? fs_read(role->token_file, TOKEN_MAX, &token, e) : 0;
    while (token.length && strchr(" \t\r\n", token.data[token.length - 1]))
        buf_truncate(&token, token.length - 1);
    if (!failed && role->token_file && !token.length)
        failed = error_set(e, ERROR_CONFIG, "'%s' is empty", role->token_file);
    buf_addf(body, "Action=%s&Version=2011-06-15",
             role->token_file ? "AssumeRoleWithWebIdentity" : "AssumeRole");
    add_field(body, "RoleArn", role->arn);
    add_field(body, "RoleSessionName",
              role->session_name ? role->session_name : "lambda-perf-gate");
    add_field(body, "ExternalId", role->external_id);
    add_field(body, "DurationSeconds", role->duration);
    add_field(body, "WebIdentityToken", token.data);
    secrecy_wipe(token.data, token.length);
    buf_release(&token);
    return failed;
}

static int take(const struct buf *xml, const char *action, const char *name, struct buf *out)
{
    struct buf path;
    buf_init(&path);
    buf_addf(&path, "%sResponse/%sResult/Credentials/%s", action, action, name);
    int failed = xml_text(xml->data, xml->length, path.data, out);
    buf_release(&path);
    return failed;
}

static int read_keys(const struct buf *xml, const char *action, struct secret *out, struct error *e)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
                                        "Expiration"};
    struct buf texts[4];
    int failed = 0;
    for (int i = 0; i < 4; i++) {
        buf_init(&texts[i]);
        failed = failed || take(xml, action, names[i], &texts[i]);
    }
    const char *const parts[3] = {texts[0].data, texts[1].data, texts[2].data};
    failed = failed ? error_set(e, ERROR_API, "the answer holds no keys")
                    : secret_set(out, parts, texts[3].data, e);
    for (int i = 0; i < 4; i++) {
        if (texts[i].length)
            secrecy_wipe(texts[i].data, texts[i].length);
        buf_release(&texts[i]);
    }
    return failed;
}

static int refuse(const struct http_response *r, struct error *e)
{
    struct buf code, message;
    if (r->outcome != HTTP_ANSWERED)
        return error_set(e, ERROR_NETWORK, "no answer: %s", r->reason);
    buf_init_capped(&code, 200);
    buf_init_capped(&message, 600);
    struct buf raw;
    buf_init(&raw);
    if (!xml_text(r->body.data, r->body.length, "ErrorResponse/Error/Code", &raw))
        text_add_safe(&code, raw.data, raw.length);
    buf_clear(&raw);
    if (!xml_text(r->body.data, r->body.length, "ErrorResponse/Error/Message", &raw))
        text_add_safe(&message, raw.data, raw.length);
    error_set(e, ERROR_API, "%s (HTTP %d)%s%s", code.length ? code.data : "refused", r->status,
              message.length ? ": " : "", message.data);
    buf_release(&raw);
    buf_release(&code);
    buf_release(&message);
    return -1;
}

/* Sends the form; once more with another clock when ours was the reason for a refusal. */
static int call(struct identity *id, const struct http_request *request,
                struct http_signing *signing, struct http_response *response, struct error *e)
{
    if (source_fetch(id, request, TRIES, response, e))
        return -1;
    if (!signing || !clock_skew_learn(response, &id->skew_ns))
        return 0;
    http_response_release(response);
    signing->skew_ns = id->skew_ns;
    return source_fetch(id, request, TRIES, response, e);
}

static int exchange(struct identity *id, const char *region, const struct buf *form,
                    const struct secret *source, struct http_response *response, struct error *e)
{
    static const struct sigv4_header type = {"content-type",
                                             "application/x-www-form-urlencoded; charset=utf-8"};
    struct sigv4_credentials keys = {0};
    struct http_signing signing = {&keys, region, "sts", id->skew_ns};
    struct buf url;
    buf_init(&url);
    int failed = identity_endpoint(id, "sts", region, &url, e);
    buf_addch(&url, '/');
    if (source)
        keys = (struct sigv4_credentials){source->access_key, source->secret_key,
                                          source->session_token};
    struct http_request request = {
        .method = "POST",
        .url = url.data,
        .headers = &type,
        .header_count = 1,
        .body = form->data,
        .body_length = form->length,
        .signing = source ? &signing : NULL,
        .timeout_ns = STS_TIMEOUT_NS,
    };
    if (!failed)
        failed = call(id, &request, source ? &signing : NULL, response, e);
    buf_release(&url);
    return failed;
}

int sts_assume(struct identity *id, const struct role *role, const struct secret *source,
               struct secret *out, struct error *e)
{
    const char *action = role->token_file ? "AssumeRoleWithWebIdentity" : "AssumeRole";
    const char *region = id->region ? id->region : STANDARD_REGION;
    struct http_response response = {0};
    struct buf form;
    buf_init(&form);
    int failed = add_form(role, &form, e);
    if (!failed && !(failed = exchange(id, region, &form, source, &response, e))) {
        failed = response.outcome == HTTP_ANSWERED && response.status == 200
                     ? read_keys(&response.body, action, out, e)
                     : refuse(&response, e);
        if (response.body.length)
            secrecy_wipe(response.body.data, response.body.length);
        http_response_release(&response);
    }
    out->origin = "a role";
    secrecy_wipe(form.data, form.length);
    buf_release(&form);
    return failed ? error_prefix(e, "%s %s", action, role->arn) : FOUND;
}
