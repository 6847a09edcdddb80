#include "github/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "github/reply.h"
#include "net/http_target.h"
#include "os/clock.h"

#define CALL_TIMEOUT_NS  (30 * NS_PER_S)
#define WRITE_SPACING_NS (1 * NS_PER_S) /* as GitHub asks of integrations */

enum {
    ATTEMPTS = 4,
    /* a hundred comments of 65,536 characters, each of which may be six bytes of JSON */
    BODY_CAP = 48 * 1024 * 1024,
    LINK_MAX = 4096,
    MESSAGE_MAX = 400,
};

struct rest {
    struct loop *loop;
    struct http_client *http;
    struct log *log;
    char *api_url;
    char *authorization; /* "Bearer ..." */
    uint64_t wait_left_s;
    uint64_t last_write_ns; /* 0: none yet */
};

/* One try of a call, with what is needed of its answer's head. */
struct attempt {
    const struct rest_call *call;
    unsigned number; /* from 1 */
    struct http_response response;
    struct buf message; /* GitHub's words, safe to print */
};

static int refuse(const struct attempt *a, struct error *e)
{
    const struct http_response *r = &a->response;
    if (r->outcome != HTTP_ANSWERED)
        return error_set(e, ERROR_NETWORK, "cannot %s: %s", a->call->what, r->reason);
    error_set(e, ERROR_API, "cannot %s: HTTP %d%s%s", a->call->what, r->status,
              a->message.length ? ": " : "", a->message.data);
    reply_explain(r->status, a->message.data, a->call->permission, e);
    return -1;
}

/* ---- when to try again ---- */

static bool is_write(const struct rest_call *call)
{
    return strcmp(call->method, "GET") != 0;
}

/* Whether doing it twice is as good as doing it once. */
static bool is_repeatable(const struct rest_call *call)
{
    return strcmp(call->method, "POST") != 0;
}

static bool is_server_failure(int status)
{
    return status == 500 || status == 502 || status == 503 || status == 504;
}

/* The request may have been carried out, although nothing that says so has come. */
static bool is_unknown(const struct http_response *r)
{
    if (r->outcome == HTTP_ANSWERED)
        return is_server_failure(r->status);
    return r->outcome != HTTP_NOT_SENT;
}

static bool may_repeat(const struct attempt *a)
{
    const struct http_response *r = &a->response;
    if (r->outcome == HTTP_NOT_SENT)
        return true;
    if (r->outcome == HTTP_CANCELLED || r->outcome == HTTP_TOO_LARGE)
        return false;
    return is_unknown(r) && is_repeatable(a->call);
}

struct waiting {
    struct loop *loop;
    bool over;
};

static void on_time(void *context)
{
    struct waiting *w = context;
    w->over = true;
    loop_stop(w->loop);
}

/* An error when something else stops the loop: a signal. */
static int wait_for(struct rest *r, uint64_t ns, struct error *e)
{
    struct waiting w = {.loop = r->loop};
    struct loop_timer *timer = loop_timer_new(r->loop, on_time, &w);
    loop_timer_set(timer, clock_now_ns() + ns);
    loop_run(r->loop);
    loop_timer_free(timer);
    return w.over ? 0 : error_set(e, ERROR_INTERRUPTED, "interrupted");
}

static int wait_for_limit(struct rest *r, const struct attempt *a, uint64_t seconds,
                          struct error *e)
{
    if (seconds > r->wait_left_s) {
        refuse(a, e);
        return error_suffix(e,
                            "\nGitHub's rate limit is used up: it asks to wait %llu s, which is "
                            "longer than this may take.",
                            (unsigned long long)seconds);
    }
    r->wait_left_s -= seconds;
    log_write(r->log, LOG_INFO, "GitHub's rate limit is used up: waiting %llu s",
              (unsigned long long)seconds);
    return wait_for(r, seconds * NS_PER_S, e);
}

/* 1, 2, 4 s, and up to half of that more, so that many runners do not come back together. */
static int back_off(struct rest *r, const struct attempt *a, struct error *e)
{
    unsigned char random;
    hash_random(&random, sizeof random);
    uint64_t ns = NS_PER_S << (a->number - 1);
    log_write(r->log, LOG_INFO, "GitHub: %s: trying again",
              a->response.outcome == HTTP_ANSWERED ? "the server failed" : a->response.reason);
    return wait_for(r, ns + ns / 512 * random, e);
}

/* 1: to be tried again, now; 0: this was the last; -1: gave up waiting, or was interrupted. */
static int consider_repeating(struct rest *r, const struct attempt *a, struct error *e)
{
    uint64_t limit = 0;
    if (a->response.outcome == HTTP_ANSWERED)
        limit = reply_limit_seconds(&a->response, a->message.data, a->number,
                                    clock_wall_ns() / NS_PER_S);
    if (a->number >= ATTEMPTS || (!limit && !may_repeat(a)))
        return 0;
    if (limit ? wait_for_limit(r, a, limit, e) : back_off(r, a, e))
        return -1;
    return 1;
}

/* ---- calls ---- */

static int space_writes(struct rest *r, const struct rest_call *call, struct error *e)
{
    if (!is_write(call))
        return 0;
    uint64_t now = clock_now_ns(), next = r->last_write_ns + WRITE_SPACING_NS;
    int failed = r->last_write_ns && next > now ? wait_for(r, next - now, e) : 0;
    r->last_write_ns = clock_now_ns();
    return failed;
}

static int send_once(struct rest *r, struct attempt *a, struct error *e)
{
    const struct sigv4_header headers[] = {
        {"Accept", "application/vnd.github+json"},
        {"X-GitHub-Api-Version", REPLY_API_VERSION},
        {"User-Agent", "lambda-perf-gate/" LPG_VERSION},
        {"Authorization", r->authorization},
        {"Content-Type", "application/json"},
    };
    const struct buf *body = a->call->body;
    char *url = xasprintf("%s%s", r->api_url, a->call->path);
    struct http_request request = {
        .method = a->call->method,
        .url = url,
        .headers = headers,
        .header_count = ARRAY_LEN(headers) - !body,
        .body = body ? body->data : NULL,
        .body_length = body ? body->length : 0,
        .timeout_ns = CALL_TIMEOUT_NS,
        .body_cap = BODY_CAP,
    };
    int failed = http_client_call(r->http, &request, &a->response, e);
    free(url);
    return failed;
}

static bool is_success(const struct attempt *a)
{
    return a->response.outcome == HTTP_ANSWERED && a->response.status / 100 == 2;
}

/* Makes the call until it has succeeded or is not worth another try. */
static int persist(struct rest *r, struct attempt *a, struct rest_answer *answer, struct error *e)
{
    for (a->number = 1;; a->number++) {
        if (space_writes(r, a->call, e))
            return -1;
        if (send_once(r, a, e)) { /* interrupted, if it is more than a bad URL */
            answer->unknown = e->code == ERROR_INTERRUPTED;
            return -1;
        }
        answer->status = a->response.status;
        answer->unknown = is_unknown(&a->response);
        if (is_success(a))
            return 0;
        buf_clear(&a->message);
        reply_message(&a->response, &a->message);
        int again = consider_repeating(r, a, e);
        if (again <= 0)
            return again ? -1 : refuse(a, e);
        http_response_release(&a->response);
        a->response = (struct http_response){0};
    }
}

static int read_body(const struct attempt *a, struct rest_answer *answer, struct error *e)
{
    const struct buf *body = &a->response.body;
    if (!body->length)
        return 0; /* 204 */
    answer->body = json_parse(body->data, body->length, e);
    if (answer->body)
        return 0;
    answer->unknown = true; /* who needs the answer must ask again */
    return error_prefix(e, "cannot %s: GitHub's answer", a->call->what);
}

/* As rest_call(); the answer's head stays in `a`, which the caller releases. */
static int make_call(struct rest *r, struct attempt *a, struct rest_answer *answer, struct error *e)
{
    struct error own = {0}; /* there must be one to look at */
    e = e ? e : &own;
    *answer = (struct rest_answer){0};
    return persist(r, a, answer, e) || read_body(a, answer, e) ? -1 : 0;
}

static void attempt_init(struct attempt *a, const struct rest_call *call)
{
    *a = (struct attempt){.call = call};
    buf_init_capped(&a->message, MESSAGE_MAX);
}

static void attempt_release(struct attempt *a)
{
    http_response_release(&a->response);
    buf_release(&a->message);
}

int rest_call(struct rest *r, const struct rest_call *call, struct rest_answer *answer,
              struct error *e)
{
    struct attempt a;
    attempt_init(&a, call);
    int failed = make_call(r, &a, answer, e);
    attempt_release(&a);
    return failed;
}

void rest_answer_release(struct rest_answer *a)
{
    json_free(a->body);
    a->body = NULL;
}

/* ---- lists ---- */

/* As reply_next_page(), with the reason. */
static int find_next(const struct rest *r, const struct attempt *a, struct buf *path,
                     struct error *e)
{
    char link[LINK_MAX];
    buf_clear(path);
    if (!http_response_header(&a->response, "link", link, sizeof link))
        return 0;
    int found = reply_next_page(link, r->api_url, path);
    if (found < 0)
        error_set(e, ERROR_API, "cannot %s: the next page is said to be on another host than %s",
                  a->call->what, r->api_url);
    return found;
}

/* 1: there is a next page, and `path` leads to it; 0: that was all. */
static int walk_page(struct rest *r, const struct rest_call *call, struct buf *path,
                     rest_item_fn *item, void *context, struct error *e)
{
    struct attempt a;
    struct rest_answer answer;
    enum rest_walk walk = REST_MORE;
    attempt_init(&a, call);
    int state = make_call(r, &a, &answer, e);
    if (!state && json_type(answer.body) != JSON_ARRAY)
        state = error_set(e, ERROR_API, "cannot %s: GitHub's answer is not a list", call->what);
    const struct json *next = state ? NULL : json_first(answer.body);
    for (; next && walk == REST_MORE; next = json_next(next))
        walk = item(context, next);
    if (!state && walk == REST_MORE)
        state = find_next(r, &a, path, e);
    rest_answer_release(&answer);
    attempt_release(&a);
    return state;
}

int rest_list(struct rest *r, const struct rest_call *call, rest_item_fn *item, void *context,
              struct error *e)
{
    struct buf path, next;
    struct rest_call page = *call;
    int more = 1;
    buf_init(&path);
    buf_init(&next);
    buf_addstr(&path, call->path);
    for (int pages = 0; more > 0; pages++) {
        if (pages == REST_PAGES_MAX) {
            more = error_set(e, ERROR_API, "cannot %s: there are more than %d pages", call->what,
                             REST_PAGES_MAX);
            break;
        }
        page.path = path.data;
        more = walk_page(r, &page, &next, item, context, e);
        struct buf swap = path;
        path = next;
        next = swap;
    }
    buf_release(&path);
    buf_release(&next);
    return more;
}

/* ---- the client ---- */

static bool is_printable(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return *text != '\0';
}

static int check_url(const char *url, struct error *e)
{
    struct http_target target;
    http_target_init(&target);
    int failed = http_target_read(&target, url, e);
    if (!failed && !target.https && !target.loopback)
        failed = error_set(e, ERROR_USAGE, "a token is sent by https only, not to '%.200s'", url);
    if (!failed && strchr(url, '?'))
        failed = error_set(e, ERROR_USAGE, "'%.200s' has a query", url);
    http_target_release(&target);
    return failed ? error_prefix(e, "GitHub's API URL") : 0;
}

struct rest *rest_new(const struct rest_options *o, struct error *e)
{
    const char *url = o->api_url && *o->api_url ? o->api_url : REST_API_URL;
    if (check_url(url, e))
        return NULL;
    if (!o->token || !is_printable(o->token)) {
        error_set(e, ERROR_USAGE, "the GitHub token is %s",
                  o->token && *o->token ? "malformed: it holds a blank, a line break or a "
                                          "character that is not ASCII"
                                        : "missing");
        return NULL;
    }
    struct rest *r = xcalloc(1, sizeof *r);
    size_t length = strlen(url);
    while (length && url[length - 1] == '/')
        length--;
    r->loop = o->loop;
    r->http = o->http;
    r->log = o->log;
    r->api_url = xstrndup(url, length);
    r->authorization = xasprintf("Bearer %s", o->token);
    r->wait_left_s = o->wait_seconds;
    return r;
}

void rest_free(struct rest *r)
{
    if (!r)
        return;
    hash_wipe(r->authorization, strlen(r->authorization));
    free(r->authorization);
    free(r->api_url);
    free(r);
}

const char *rest_api_url(const struct rest *r)
{
    return r->api_url;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool rest_is_repository(const char *text)
{
    size_t slashes = 0;
    bool named = false; /* the part has something besides dots */
    for (const char *p = text; *p; p++) {
        if (*p == '/') {
            if (!named || slashes++)
                return false;
            named = false;
        } else if (!is_name_char(*p)) {
            return false;
        } else if (*p != '.') {
            named = true;
        }
    }
    return slashes == 1 && named;
}
