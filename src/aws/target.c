#include "aws/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/versions.h"
#include "base/mem.h"
#include "base/text.h"

/* A function that is called here: what each Invoke of it needs, made once. */
struct deployed {
    char *name;
    char *url;
    struct lambda_expected expected; /* of its answers */
    char version[VERSION_BYTES];     /* that must answer; "": any */
};

/* An Invoke under way. */
struct flight {
    struct aws_target *target;
    const struct deployed *deployed;
    target_done_fn *done;
    void *context;
    struct flight *next_refused;
    char reason[256]; /* why it could not be sent */
};

struct aws_target {
    struct target base;
    struct lambda lambda;
    struct aws_credentials_source source;
    struct sigv4_credentials credentials; /* what it gave last */
    struct deployed **functions;
    size_t count, capacity;
    struct flight *refused; /* could not be sent; told from the loop, never from within invoke() */
    struct loop_timer *refusing;
};

static struct deployed *find(const struct aws_target *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (!strcmp(t->functions[i]->name, name))
            return t->functions[i];
    return NULL;
}

/* Invokes of the coming round are signed with these too: renewing never falls into a round. */
static int refresh_credentials(struct aws_target *t, struct error *e)
{
    return t->source.get(t->source.context, &t->credentials, e);
}

static struct deployed *add_deployed(struct aws_target *t, const char *name)
{
    struct deployed *d = find(t, name);
    if (!d) {
        d = xcalloc(1, sizeof *d);
        d->name = xstrdup(name);
        struct deployed **slot = ARRAY_PUSH(t->functions, t->count, t->capacity);
        *slot = d;
    }
    return d;
}

static void set_version(struct aws_target *t, struct deployed *d, const char *function,
                        const char *version)
{
    free(d->url);
    d->url = lambda_invoke_url(&t->lambda, function, version);
    snprintf(d->version, sizeof d->version, "%s", version ? version : "");
}

/*
 * SnapStart works in published versions alone: each renewal publishes one more, from whose snapshot
 * all calls of a round start, and deletes the one before.
 * https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
 */
static int next_snapshot(struct aws_target *t, const char *name, const char *token, struct error *e)
{
    struct deployed *d = find(t, name);
    char version[VERSION_BYTES], before[VERSION_BYTES];
    bool ours;
    struct version_request request = {name, NULL, token, true};
    snprintf(before, sizeof before, "%s", d->version);
    if (version_publish(&t->lambda, &request, version, &ours, e))
        return -1;
    set_version(t, d, name, version);
    return *before && strcmp(before, version) != 0 ? version_delete(&t->lambda, name, before, e)
                                                   : 0;
}

static int deploy(struct target *base, const char *name, const struct plan_function *f,
                  const struct target_package *p, struct error *e)
{
    struct aws_target *t = (struct aws_target *)base;
    if (refresh_credentials(t, e) || lambda_create(&t->lambda, name, f, p, e))
        return -1;
    struct deployed *d = add_deployed(t, name);
    d->expected = (struct lambda_expected){f->memory_mb, f->custom, f->custom_count};
    set_version(t, d, name, NULL);
    return f->reference && f->reference->snap_start ? next_snapshot(t, name, "first", e) : 0;
}

static int renew(struct target *base, const char *name, const struct plan_function *f,
                 const char *token, struct error *e)
{
    struct aws_target *t = (struct aws_target *)base;
    if (refresh_credentials(t, e) || lambda_renew(&t->lambda, name, f, token, e))
        return -1;
    return f->reference && f->reference->snap_start ? next_snapshot(t, name, token, e) : 0;
}

/* An answer of a version that is not the one to be measured, because its alias was moved. */
static void check_version(const struct http_response *response, const struct deployed *d,
                          struct target_reply *reply, struct buf *detail)
{
    char version[VERSION_BYTES];
    if (!d || !d->version[0] || reply->status == SAMPLE_UNKNOWN ||
        !http_response_header(response, "x-amz-executed-version", version, sizeof version) ||
        !strcmp(version, d->version))
        return;
    buf_clear(detail);
    buf_addstr(detail, "version ");
    text_add_safe(detail, version, strlen(version));
    buf_addf(detail, " answered for '%s', which was version %s when the run began", d->name,
             d->version);
    reply->status = SAMPLE_UNKNOWN;
    reply->detail = detail->data;
}

static void on_answer(void *context, const struct http_response *response)
{
    struct flight *flight = context;
    struct target_reply reply;
    struct buf detail;
    buf_init_capped(&detail, 1024);
    static const struct lambda_expected nothing;
    lambda_read_reply(response, flight->deployed ? &flight->deployed->expected : &nothing, &reply,
                      &detail);
    check_version(response, flight->deployed, &reply, &detail);
    flight->done(flight->context, &reply);
    buf_release(&detail);
    free(flight);
}

static void tell_refused(void *context)
{
    struct aws_target *t = context;
    struct flight *list = t->refused;
    t->refused = NULL;
    while (list) {
        struct flight *flight = list;
        list = flight->next_refused;
        struct http_response response = {.outcome = HTTP_NOT_SENT,
                                         .body = {.data = flight->reason}};
        memcpy(response.reason, flight->reason, sizeof response.reason - 1);
        on_answer(flight, &response);
    }
}

static void invoke(struct target *base, const struct target_call *call, target_done_fn *done,
                   void *context)
{
    struct aws_target *t = (struct aws_target *)base;
    struct error e = {0};
    struct flight *flight = xcalloc(1, sizeof *flight);
    flight->target = t;
    flight->deployed = find(t, call->function);
    flight->done = done;
    flight->context = context;
    if (!flight->deployed)
        error_set(&e, ERROR_USAGE, "function '%s' was not deployed by this run", call->function);
    else if (!lambda_invoke(&t->lambda, flight->deployed->url, call, on_answer, flight, &e))
        return;
    memcpy(flight->reason, e.text, sizeof flight->reason - 1);
    flight->next_refused = t->refused;
    t->refused = flight;
    loop_timer_set(t->refusing, 0);
}

static void cancel(struct target *base)
{
    struct aws_target *t = (struct aws_target *)base;
    http_client_cancel_all(t->lambda.http);
    tell_refused(t);
}

static void free_target(struct target *base)
{
    struct aws_target *t = (struct aws_target *)base;
    cancel(base);
    http_client_free(t->lambda.http);
    loop_timer_free(t->refusing);
    for (size_t i = 0; i < t->count; i++) {
        free(t->functions[i]->name);
        free(t->functions[i]->url);
        free(t->functions[i]);
    }
    free(t->functions);
    free(t);
}

static const struct target_calls calls = {
    .deploy = deploy,
    .renew = renew,
    .invoke = invoke,
    .cancel = cancel,
    .free = free_target,
};

struct target *aws_target_new(struct loop *loop, const struct aws_target_options *options,
                              struct error *e)
{
    struct http_client *http =
        http_client_new(loop, &(struct http_client_options){.ca_bundle = options->ca_bundle}, e);
    if (!http)
        return NULL;
    struct sigv4_credentials credentials;
    if (options->credentials.get(options->credentials.context, &credentials, e)) {
        http_client_free(http);
        return NULL;
    }
    struct aws_target *t = xcalloc(1, sizeof *t);
    t->credentials = credentials;
    t->base = (struct target){.calls = &calls,
                              .loop = loop,
                              .kind = options->kind,
                              .charged = options->charged,
                              .lanes_default = options->lanes,
                              .sides_share_machine = options->sides_share_machine};
    t->source = options->credentials;
    t->lambda = (struct lambda){
        .loop = loop,
        .http = http,
        .endpoint = options->endpoint,
        .role = options->role,
        .any_role = options->any_role,
        .log_group = options->log_group,
        .signing = {&t->credentials, options->region, "lambda", 0},
        .life_ns = options->life_ns,
    };
    if (options->run)
        snprintf(t->lambda.run, sizeof t->lambda.run, "%s", options->run);
    t->refusing = loop_timer_new(loop, tell_refused, t);
    return &t->base;
}

struct lambda *aws_target_lambda(struct target *t)
{
    struct aws_target *at = (struct aws_target *)t;
    refresh_credentials(at,
                        NULL); /* if there are no new keys, the old ones are still worth a try */
    return &at->lambda;
}

void aws_target_attach(struct target *base, const char *name, const char *version,
                       const struct lambda_expected *expected)
{
    struct aws_target *t = (struct aws_target *)base;
    struct deployed *d = add_deployed(t, name);
    const char *colon = strchr(name, ':');
    char *function = colon ? xstrndup(name, (size_t)(colon - name)) : xstrdup(name);
    d->expected = *expected;
    set_version(t, d, function, colon ? colon + 1 : NULL);
    snprintf(d->version, sizeof d->version, "%s", version);
    free(function);
}

void target_free(struct target *t)
{
    if (t)
        t->calls->free(t);
}
