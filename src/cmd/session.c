#include "cmd/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/target.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd/command.h"
#include "net/http_client.h"
#include "os/machine.h"

enum { NAME_PART_MAX = 40 };
static const char role[] = "arn:aws:iam::000000000000:role/lambda-perf-gate";
static const char *const side_suffix[SIDE_COUNT] = {"base", "head"};

/* One environment per side at a time: on the embedded Lambda the two sides share this machine. */
enum { EMBEDDED_LANES = 1, ENDPOINT_LANES = 5 };

int session_check(const struct session_options *options, struct error *e)
{
    if (options->endpoint_url && (!getenv("AWS_ACCESS_KEY_ID") || !getenv("AWS_SECRET_ACCESS_KEY")))
        return error_set(e, ERROR_USAGE,
                         "--endpoint-url needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the "
                         "environment");
    return 0;
}

static int use_endpoint(const struct session_options *options, struct aws_target_options *t,
                        struct error *e)
{
    if (session_check(options, e))
        return -1;
    t->kind = "endpoint";
    t->endpoint = options->endpoint_url;
    t->credentials.access_key = getenv("AWS_ACCESS_KEY_ID");
    t->credentials.secret_key = getenv("AWS_SECRET_ACCESS_KEY");
    t->credentials.session_token = getenv("AWS_SESSION_TOKEN");
    t->charged = true;
    t->lanes = ENDPOINT_LANES;
    return 0;
}

static int use_embedded(struct session *s, const struct session_options *options,
                        struct aws_target_options *t, struct error *e)
{
    if (embedded_start(&s->embedded, options->directory, options->unshaped, e))
        return -1;
    t->kind = "embedded";
    t->endpoint = s->embedded.endpoint;
    t->credentials.access_key = s->embedded.access_key;
    t->credentials.secret_key = s->embedded.secret_key;
    t->lanes = EMBEDDED_LANES;
    t->sides_share_machine = true;
    return 0;
}

int session_open(struct session *s, const struct session_options *options, struct error *e)
{
    struct aws_target_options t = {
        .region = options->region ? options->region : PLAN_DEFAULT_REGION, .role = role};
    unsigned char random[4];
    *s = (struct session){.embedded = {.input = -1}};
    hash_random(random, sizeof random);
    hash_hex(random, sizeof random, s->run_id);
    s->loop = loop_new(e);
    if (!s->loop)
        return -1;
    s->signals = command_watch_signals(s->loop);
    int failed =
        options->endpoint_url ? use_endpoint(options, &t, e) : use_embedded(s, options, &t, e);
    if (!failed)
        s->target = aws_target_new(s->loop, &t, e);
    if (s->target)
        return 0;
    session_close(s);
    return -1;
}

/* Asks the embedded Lambda about itself; NULL when it does not answer. The caller frees. */
static struct json *ask(struct session *s, const char *path, struct error *e)
{
    struct http_response response = {0};
    struct json *answer = NULL;
    char *url = xasprintf("%s%s", s->embedded.endpoint, path);
    struct http_client *http = http_client_new(s->loop, &(struct http_client_options){0}, e);
    struct http_request request = {.method = "GET", .url = url};
    if (http && !http_client_call(http, &request, &response, e)) {
        if (response.outcome == HTTP_ANSWERED && response.status == 200)
            answer = json_parse(response.body.data, response.body.length, e);
        else
            error_set(e, ERROR_NETWORK, "the embedded Lambda does not answer: %s", response.reason);
        http_response_release(&response);
    }
    http_client_free(http);
    free(url);
    return answer;
}

int session_describe(struct session *s, const struct session_options *options, struct arena *arena,
                     struct result_target *out, struct error *e)
{
    out->kind = s->target->kind;
    out->region = options->region ? arena_strdup(arena, options->region) : NULL;
    if (options->endpoint_url)
        return 0;
    struct json *health = ask(s, "/_lpg/health", e);
    if (!health)
        return -1;
    const struct json *shaping = json_get(health, "shaping");
    const char *reason = json_get_string(shaping, "reason", "");
    out->shaped = json_get_bool(shaping, "cpu", false) && json_get_bool(shaping, "memory", false);
    out->shaping = arena_strdup(arena, json_get_string(shaping, "mechanism", "none"));
    out->note = *reason ? arena_strdup(arena, reason) : NULL;
    json_free(health);
    return 0;
}

const char *session_deploy(struct session *s, const struct plan_function *f, enum side side,
                           const struct package *p, struct error *e)
{
    struct target_package code = {p->zip.data, p->zip.length, p->code_sha256};
    char *name = xasprintf("lpg-%s-%.*s-%s", s->run_id, NAME_PART_MAX, f->name, side_suffix[side]);
    if (s->target->calls->deploy(s->target, name, f, &code, e)) {
        free(name);
        return NULL;
    }
    s->created++;
    char **slot = ARRAY_PUSH(s->deployed, s->count, s->capacity);
    *slot = name;
    return name;
}

const char *session_runtime(struct session *s, const char *deployed, struct arena *arena)
{
    if (!s->embedded.pid)
        return NULL;
    char *path = xasprintf("/_lpg/runtime?function=%s", deployed);
    struct json *answer = ask(s, path, NULL);
    const char *label = json_get_string(answer, "label", NULL);
    const char *kept = label ? arena_strdup(arena, label) : NULL;
    json_free(answer);
    free(path);
    return kept;
}

void session_remove_functions(struct session *s, struct buf *left)
{
    /* From here on a signal must not end a call half way: it is the clean-up that it asks for. */
    loop_watch_free(s->signals);
    s->signals = NULL;
    for (size_t i = 0; i < s->count; i++) {
        struct error e = {0};
        if (!s->target->calls->remove(s->target, s->deployed[i], &e))
            s->removed++;
        else if (left)
            buf_addf(left, "%s (%s)\n", s->deployed[i], e.text);
        free(s->deployed[i]);
    }
    s->count = 0;
}

void session_close(struct session *s)
{
    if (s->target)
        session_remove_functions(s, NULL);
    target_free(s->target);
    embedded_stop(&s->embedded);
    loop_watch_free(s->signals);
    loop_free(s->loop);
    free(s->deployed);
    *s = (struct session){.embedded = {.input = -1}};
}
