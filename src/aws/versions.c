#include "aws/versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/call.h"
#include "aws/upload.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/fs.h"

#define FUNCTIONS_PATH "/2015-03-31/functions/"
enum {
    CODE_MAX = 300 << 20, /* a package has 250 MB unpacked at most */
    ARN_FUNCTION_PART = 6,
};
#define DOWNLOAD_TIMEOUT_NS (300 * NS_PER_S)

/* ---- names ---- */

static char *function_path(const char *function, const char *rest, const char *qualifier)
{
    struct buf path;
    buf_init(&path);
    buf_addstr(&path, FUNCTIONS_PATH);
    sigv4_encode(&path, function, strlen(function), 0);
    buf_addstr(&path, rest);
    if (qualifier) {
        buf_addstr(&path, "?Qualifier=");
        sigv4_encode(&path, qualifier, strlen(qualifier), 0);
    }
    return buf_detach(&path);
}

/* GET of something of a function; `fault` may be NULL. The caller frees. */
static struct json *get(struct lambda *l, const char *what, const char *path,
                        struct call_fault *fault, struct error *e)
{
    struct call call = {what, "GET", path, NULL, true, NULL};
    return call_json(l, &call, fault, e);
}

/* "arn:aws:lambda:eu-west-1:123456789012:function:NAME:QUALIFIER" gives "NAME:QUALIFIER". */
static const char *behind_arn(const char *name)
{
    if (!text_starts(name, "arn:"))
        return name;
    for (int part = 0; part < ARN_FUNCTION_PART && name; part++) {
        name = strchr(name, ':');
        name = name ? name + 1 : NULL;
    }
    return name ? name : "";
}

static int split_name(const char *given, struct attached *a, struct error *e)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const char *name = behind_arn(given);
    size_t length = strspn(name, letters);
    const char *rest = name + length;
    size_t qualifier = *rest == ':' ? strspn(rest + 1, letters) : 0;
    bool latest = !strcmp(rest, ":$LATEST");
    bool whole = !*rest || latest || (qualifier && !rest[1 + qualifier]);
    if (!length || !whole)
        return error_set(e, ERROR_USAGE,
                         "'%.200s' is no NAME, NAME:QUALIFIER or ARN of a Lambda function", given);
    a->function = xstrndup(name, length);
    a->qualifier = *rest && !latest ? xstrdup(rest + 1) : NULL;
    a->name = a->qualifier ? xstrdup(name) : xstrdup(a->function);
    return 0;
}

/* ---- attaching ---- */

static bool is_number(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

/* An alias of two versions would mix what is to be compared. */
static int check_alias(struct lambda *l, const struct attached *a, struct error *e)
{
    if (!a->qualifier || is_number(a->qualifier))
        return 0;
    char *rest = xasprintf("/aliases/%s", a->qualifier);
    char *path = function_path(a->function, rest, NULL);
    char *what = xasprintf("GetAlias '%s'", a->name);
    struct json *alias = get(l, what, path, NULL, e);
    int failed = alias ? 0 : -1;
    if (json_count(json_path(alias, "RoutingConfig.AdditionalVersionWeights")))
        failed = error_set(e, ERROR_API,
                           "the alias '%s' shares its calls among two versions: name one of them",
                           a->name);
    json_free(alias);
    free(what);
    free(path);
    free(rest);
    return failed;
}

/* Not allowed to know, or an endpoint that does not know the question, is none. */
static unsigned count_provisioned(struct lambda *l, const struct attached *a)
{
    if (!a->qualifier)
        return 0;
    struct buf path;
    buf_init(&path);
    buf_addf(&path, "/2019-09-30/functions/%s/provisioned-concurrency?Qualifier=%s", a->function,
             a->qualifier);
    struct json *answer = get(l, "GetProvisionedConcurrencyConfig", path.data, NULL, NULL);
    int64_t count = json_get_integer(answer, "AllocatedProvisionedConcurrentExecutions", 0);
    json_free(answer);
    buf_release(&path);
    return count > 0 ? (unsigned)count : 0;
}

static int check_callable(const struct attached *a, struct error *e)
{
    const char *state = json_get_string(a->configuration, "State", "Active");
    if (json_count(json_get(a->configuration, "CapacityProviderConfig")))
        return error_set(e, ERROR_API,
                         "'%s' runs on Lambda Managed Instances, whose REPORT holds no bill",
                         a->name);
    if (strcmp(state, "Active") != 0 && strcmp(state, "Inactive") != 0)
        return error_set(e, ERROR_API, "'%s' cannot be called: its state is %.40s", a->name, state);
    return 0;
}

int attached_open(struct lambda *l, const char *name, struct attached *out, struct error *e)
{
    struct attached a = {0};
    if (split_name(name, &a, e))
        return -1;
    char *path = function_path(a.function, "/configuration", a.qualifier);
    char *what = xasprintf("GetFunctionConfiguration '%s'", a.name);
    a.configuration = get(l, what, path, NULL, e);
    free(what);
    free(path);
    snprintf(a.version, sizeof a.version, "%s",
             json_get_string(a.configuration, "Version", "$LATEST"));
    if (!a.configuration || check_callable(&a, e) || check_alias(l, &a, e)) {
        attached_release(&a);
        return -1;
    }
    a.provisioned = count_provisioned(l, &a);
    *out = a;
    return 0;
}

void attached_release(struct attached *a)
{
    free(a->name);
    free(a->function);
    free(a->qualifier);
    json_free(a->configuration);
    *a = (struct attached){0};
}

/* ---- versions ---- */

int version_publish(struct lambda *l, const struct version_request *request,
                    char version[VERSION_BYTES], bool *ours, struct error *e)
{
    struct buf body;
    struct json_writer w;
    buf_init(&body);
    json_begin(&w, &body, 0);
    json_open_object(&w, NULL);
    if (request->sha256)
        json_put_string(&w, "CodeSha256", request->sha256);
    json_put_string(&w, "Description", request->description);
    json_close(&w);
    char *path = function_path(request->function, "/versions", NULL);
    char *what = xasprintf("PublishVersion '%s'", request->function);
    struct call call = {what, "POST", path, &body, true, NULL};
    struct json *answer = call_json(l, &call, NULL, e);
    const char *number = json_get_string(answer, "Version", "");
    int failed = answer ? 0 : -1;
    if (answer && (!is_number(number) || strlen(number) >= VERSION_BYTES))
        failed = error_set(e, ERROR_API, "%s: the answer names no version", what);
    if (!failed) {
        snprintf(version, VERSION_BYTES, "%s", number);
        *ours = !strcmp(json_get_string(answer, "Description", ""), request->description);
        if (!json_get(answer, "State") || !lambda_settled(answer))
            failed = lambda_wait(l, request->function, version, request->slow, e);
    }
    json_free(answer);
    free(what);
    free(path);
    buf_release(&body);
    return failed;
}

int version_delete(struct lambda *l, const char *function, const char *version, struct error *e)
{
    if (!is_number(version)) /* without a version it would delete the whole function */
        return error_set(e, ERROR_USAGE, "'%.40s' is no version of a function", version);
    char *path = function_path(function, "", version);
    char *what = xasprintf("DeleteFunction '%s:%s'", function, version);
    struct call call = {what, "DELETE", path, NULL, true, NULL};
    struct http_response response = {0};
    int failed = call_make(l, &call, &response, e);
    bool gone = !failed && response.outcome == HTTP_ANSWERED &&
                (response.status / 100 == 2 || response.status == 404);
    if (!failed && !gone)
        failed = call_refuse(what, &response, e);
    http_response_release(&response);
    free(what);
    free(path);
    return failed;
}

/* ---- staging ---- */

static int refuse(const struct staged *s, struct error *e, const char *why)
{
    return error_set(e, ERROR_API, "'%s' was not touched: %s", s->function, why);
}

/* Whatever could make the way back fail. */
static int check_function(const struct staged *s, const struct staged_request *r,
                          const struct json *function, struct error *e)
{
    const struct json *c = json_get(function, "Configuration");
    if (strcmp(json_get_string(c, "PackageType", "Zip"), "Zip") != 0)
        return refuse(s, e, "it is a container image, and the candidate is a zip");
    if (json_count(json_get(c, "CapacityProviderConfig")))
        return refuse(s, e, "it runs on Lambda Managed Instances");
    if (!json_get(c, "State") || !lambda_settled(c))
        return refuse(s, e, "it is not Active, or an update of it is under way");
    if (strcmp(json_get_string(c, "Runtime", ""), r->runtime) != 0)
        return refuse(s, e, "its runtime is not the one of perf.yml");
    if (strcmp(json_get_string(c, "Handler", ""), r->handler) != 0)
        return refuse(s, e, "its handler is not the one of perf.yml");
    if (!json_get_string(c, "CodeSha256", NULL) || !json_get_string(c, "RevisionId", NULL))
        return refuse(s, e, "Lambda does not say which code and which revision it has");
    if (!json_string(json_path(function, "Code.Location"), NULL))
        return refuse(s, e, "Lambda gives no address from which its code could be kept");
    return 0;
}

/* The code as Lambda has it, which is proven by its hash. */
static int download(struct lambda *l, struct staged *s, const char *location, struct error *e)
{
    struct http_request request = {
        .method = "GET",
        .url = location,
        .timeout_ns = DOWNLOAD_TIMEOUT_NS,
        .body_cap = CODE_MAX,
    };
    struct http_response response = {0};
    unsigned char digest[SHA256_BYTES];
    struct buf sha256;
    if (http_client_call(l->http, &request, &response, e))
        return error_prefix(e, "'%s' was not touched: its code", s->function);
    bool got = response.outcome == HTTP_ANSWERED && response.status == 200;
    hash_sha256(response.body.data, response.body.length, digest);
    buf_init(&sha256);
    base64_encode(&sha256, digest, sizeof digest);
    bool same = got && !strcmp(sha256.data, s->old_sha256);
    if (same)
        buf_add(&s->old_zip, response.body.data, response.body.length);
    buf_release(&sha256);
    http_response_release(&response);
    if (!got)
        return refuse(s, e, "its code could not be downloaded");
    return same ? 0 : refuse(s, e, "the downloaded code is not what its CodeSha256 says");
}

static int keep(struct staged *s, const struct staged_request *r, const char *location,
                struct lambda *l, struct error *e)
{
    if (download(l, s, location, e))
        return -1;
    if (s->old_zip.length > UPLOAD_FROM_BYTES)
        return refuse(s, e, "its code has more than 50 MB, which cannot be sent back");
    char *file = xasprintf("%s-%s.zip", s->function, r->run_id);
    s->kept = fs_join(r->folder, file);
    free(file);
    return fs_write(s->kept, s->old_zip.data, s->old_zip.length, e);
}

static struct json *read_configuration(struct lambda *l, const char *function, struct error *e)
{
    char *path = function_path(function, "/configuration", NULL);
    char *what = xasprintf("GetFunctionConfiguration '%s'", function);
    struct json *found = get(l, what, path, NULL, e);
    free(what);
    free(path);
    return found;
}

static bool has_code(const struct json *configuration, const char *sha256)
{
    return !strcmp(json_get_string(configuration, "CodeSha256", ""), sha256);
}

/*
 * UpdateFunctionCode of exactly this revision. The revision makes it safe to repeat: a second one
 * is refused when the first was executed, and then the code tells.
 */
static int send_code(struct lambda *l, const char *function, const struct target_package *p,
                     const char *revision, struct error *e)
{
    struct buf body;
    struct json_writer w;
    struct call_fault fault = {0};
    buf_init(&body);
    json_begin(&w, &body, 0);
    json_open_object(&w, NULL);
    lambda_put_code(&w, p);
    json_put_string(&w, "RevisionId", revision);
    json_close(&w);
    char *path = function_path(function, "/code", NULL);
    char *what = xasprintf("UpdateFunctionCode '%s'", function);
    struct call call = {what, "PUT", path, &body, true, NULL};
    struct json *answer = call_json(l, &call, &fault, e);
    if (!answer && fault.status == 412)
        answer = read_configuration(l, function, NULL);
    int failed = answer ? 0 : -1;
    if (answer && !has_code(answer, p->sha256))
        failed =
            error_set(e, ERROR_API, "%s: somebody else has changed the function meanwhile", what);
    if (!failed && !(json_get(answer, "State") && lambda_settled(answer)))
        failed = lambda_wait(l, function, NULL, false, e);
    json_free(answer);
    free(what);
    free(path);
    buf_release(&body);
    return failed;
}

/* Puts the old code back unless somebody else has put in code of their own. */
static int put_back(struct lambda *l, struct staged *s, struct error *e)
{
    struct target_package old = {
        .zip = s->old_zip.data, .zip_bytes = s->old_zip.length, .sha256 = s->old_sha256};
    struct json *now = read_configuration(l, s->function, e);
    int failed = now ? 0 : -1;
    if (now && has_code(now, s->new_sha256))
        failed = send_code(l, s->function, &old, json_get_string(now, "RevisionId", ""), e);
    json_free(now);
    if (failed)
        return error_prefix(e, "'%s' still has the candidate's code in $LATEST, its own is in %s",
                            s->function, s->kept);
    return 0;
}

static void forget_old_code(struct staged *s)
{
    s->exposed = false;
    fs_remove_tree(s->kept, NULL);
}

static int publish_candidate(struct lambda *l, const struct staged_request *r, struct staged *s,
                             struct error *e)
{
    char *description = xasprintf("lambda-perf-gate %s", r->run_id);
    struct version_request request = {s->function, s->new_sha256, description, true};
    struct error why = {0};
    int failed = version_publish(l, &request, s->version, &s->ours, &why);
    /* without an answer it may be there; publishing the same again gives its number */
    if (failed && why.code != ERROR_API && !s->version[0])
        (void)version_publish(l, &request, s->version, &s->ours, NULL);
    free(description);
    return failed ? error_set(e, why.code, "%s", why.text) : 0;
}

/* From here on $LATEST is somebody's function with our code in it: as short as possible. */
static int expose(struct lambda *l, const struct staged_request *r, struct staged *s,
                  const char *revision, struct error *e)
{
    struct error later = {0};
    s->exposed = true;
    int failed =
        send_code(l, s->function, r->package, revision, e) || publish_candidate(l, r, s, e);
    if (put_back(l, s, failed ? &later : e))
        failed = -1;
    if (failed)
        return -1; /* staged_end() looks again: what had no answer may yet be executed */
    forget_old_code(s);
    return 0;
}

int staged_begin(struct lambda *l, const struct staged_request *r, struct staged *s,
                 struct error *e)
{
    *s = (struct staged){.function = xstrdup(r->function),
                         .new_sha256 = xstrdup(r->package->sha256)};
    buf_init(&s->old_zip);
    char *path = function_path(s->function, "", NULL);
    char *what = xasprintf("GetFunction '%s'", s->function);
    struct json *function = get(l, what, path, NULL, e);
    const struct json *c = json_get(function, "Configuration");
    free(what);
    free(path);
    int failed = !function || check_function(s, r, function, e) ? -1 : 0;
    if (!failed) {
        s->old_sha256 = xstrdup(json_get_string(c, "CodeSha256", ""));
        if (!strcmp(s->old_sha256, s->new_sha256))
            failed = publish_candidate(l, r, s, e); /* $LATEST is the candidate already */
        else if (!(failed =
                       keep(s, r, json_string(json_path(function, "Code.Location"), ""), l, e)))
            failed = expose(l, r, s, json_get_string(c, "RevisionId", ""), e);
    }
    json_free(function);
    return failed;
}

int staged_end(struct lambda *l, struct staged *s, struct error *e)
{
    struct error second = {0};
    int failed = s->exposed ? put_back(l, s, e) : 0;
    if (s->exposed && !failed)
        forget_old_code(s);
    if (s->ours && s->version[0] &&
        version_delete(l, s->function, s->version, failed ? &second : e)) {
        if (failed)
            error_suffix(e, "; %s", second.text);
        failed = -1;
    }
    free(s->function);
    free(s->new_sha256);
    free(s->old_sha256);
    free(s->kept);
    buf_release(&s->old_zip);
    *s = (struct staged){0};
    return failed;
}
