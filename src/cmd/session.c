#include "cmd/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/target.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cleanup/removal.h"
#include "cleanup/settle.h"
#include "cmd/command.h"
#include "net/http_client.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/machine.h"

enum { NAME_PART_MAX = 40 };
static const char role[] = "arn:aws:iam::000000000000:role/lambda-perf-gate";
static const char *const side_suffix[SIDE_COUNT] = {"base", "head"};

/* One environment per side at a time: on the embedded Lambda the two sides share this machine. */
enum { EMBEDDED_LANES = 1, ENDPOINT_LANES = 5 };

/* How long a run without a time limit may be measuring, and how much longer than the limit. */
static const double UNLIMITED_MINUTES = 120, MINUTES_BEYOND = 30, LIFE_MINUTES_MAX = 7 * 24 * 60;
/* How long a function may refuse to go, and how long the embedded Lambda has for it. */
#define REMOVAL_BUDGET_NS  (60 * NS_PER_S)
#define EMBEDDED_BUDGET_NS (5 * NS_PER_S)

static struct identity_options identity_options_of(const struct session_options *options)
{
    return (struct identity_options){options->profile, options->region, command_log(LOG_WARNING),
                                     &command_signal};
}

static bool is_remote(const struct session_options *options)
{
    return place_is_remote(&options->place, options->endpoint_url);
}

/* The region of --target aws decides where functions are made: it is never guessed. */
static const char *region_of(struct identity *id, const struct session_options *options,
                             struct error *e)
{
    const char *region = identity_region(id);
    if (region || !place_is_aws(&options->place))
        return region ? region : PLAN_DEFAULT_REGION;
    error_set(e, ERROR_USAGE,
              "--target aws needs a region: --region, AWS_REGION in the environment, or one in the "
              "profile");
    return NULL;
}

int session_check(const struct session_options *options, struct error *e)
{
    if (place_check(&options->place, options->endpoint_url, e))
        return -1;
    if (options->profile && !is_remote(options))
        return error_set(e, ERROR_USAGE,
                         "--profile is for --target aws and --endpoint-url: the embedded Lambda "
                         "has its own keys");
    if (!is_remote(options))
        return 0;
    struct identity_options o = identity_options_of(options);
    o.log = NULL; /* session_open() warns */
    struct loop *loop = loop_new(e);
    struct identity *id = loop ? identity_new(loop, &o, e) : NULL;
    int failed = !id || identity_check(id, e) || !region_of(id, options, e) ? -1 : 0;
    identity_free(id);
    loop_free(loop);
    return failed;
}

static int keys_of_identity(void *context, struct sigv4_credentials *out, struct error *e)
{
    return identity_get(context, out, e);
}

static int keys_of_embedded(void *context, struct sigv4_credentials *out, struct error *e)
{
    (void)e;
    const struct embedded *m = context;
    *out = (struct sigv4_credentials){m->access_key, m->secret_key, NULL};
    return 0;
}

/* What the environment, the profile and the region say; NULL on failure. The caller frees. */
static char *find_endpoint(struct session *s, const char *service, struct error *e)
{
    struct buf url;
    buf_init(&url);
    if (!identity_endpoint(s->identity, service, s->region, &url, e))
        return buf_detach(&url);
    buf_release(&url);
    return NULL;
}

static int use_bucket(struct session *s, const char *bucket, struct error *e)
{
    if (!bucket)
        return 0;
    s->s3 = find_endpoint(s, "s3", e);
    s->upload = (struct upload_place){s->s3, bucket};
    return s->s3 ? 0 : -1;
}

static int use_endpoint(struct session *s, const struct session_options *options,
                        struct aws_target_options *t, struct error *e)
{
    struct identity_options o = identity_options_of(options);
    struct sigv4_credentials credentials;
    s->identity = identity_new(s->loop, &o, e);
    if (!s->identity || identity_get(s->identity, &credentials, e))
        return -1;
    s->region = region_of(s->identity, options, e);
    if (!s->region || use_bucket(s, options->place.code_bucket, e))
        return -1;
    t->endpoint = options->endpoint_url;
    if (!t->endpoint)
        t->endpoint = s->endpoint = find_endpoint(s, "lambda", e);
    if (!t->endpoint)
        return -1;
    t->kind = place_kind(&options->place, options->endpoint_url);
    t->region = s->region;
    t->role = options->place.role;
    if (place_is_aws(&options->place))
        t->any_role = NULL;
    t->log_group = place_log_group(&options->place);
    t->credentials = (struct aws_credentials_source){keys_of_identity, s->identity};
    t->ca_bundle = identity_ca_bundle(s->identity);
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
    t->credentials = (struct aws_credentials_source){keys_of_embedded, &s->embedded};
    t->lanes = EMBEDDED_LANES;
    t->sides_share_machine = true;
    return 0;
}

/* ---- what earlier runs left behind ---- */

static void tell_leftover(void *context, const struct removal_item *item)
{
    const char *path = context;
    if (item->outcome == REMOVAL_DONE)
        fprintf(stderr, "removed '%s', which an earlier run left behind\n", item->name);
    else if (item->outcome != REMOVAL_ABSENT)
        fprintf(stderr, "warning: '%s' of the journal '%s' could not be removed: %s\n", item->name,
                path, item->reason);
}

static void settle_leftovers(struct session *s, struct journal *j)
{
    struct settle_options o = {
        .signals = &command_signals, .told = tell_leftover, .context = j->path};
    settle_journal(aws_target_lambda(s->target), j, &o);
    if (j->content.damaged_line)
        fprintf(stderr, "warning: line %u of the journal '%s' cannot be understood\n",
                j->content.damaged_line, j->path);
}

/*
 * Journals beside ours whose runs are over. One of another endpoint, or of a run that goes on (ours
 * is one), is none of our business.
 */
static void settle_journals_beside(struct session *s, const struct journal_place *place)
{
    struct journal_paths paths;
    char *folder = fs_dirname(s->journal->path);
    journal_paths_find(folder, &paths);
    for (size_t i = 0; i < paths.count && !command_signal; i++) {
        struct journal *j = journal_open(paths.items[i], place, NULL, NULL);
        if (j)
            settle_leftovers(s, j);
        journal_close(j);
    }
    journal_paths_release(&paths);
    free(folder);
}

static int open_journal(struct session *s, const struct session_options *options,
                        const struct aws_target_options *t, struct error *e)
{
    struct journal_place place = {t->endpoint, t->region};
    char *path =
        options->journal ? xstrdup(options->journal) : journal_path(options->output, s->run_id);
    s->journal = journal_open(path, &place, s->run_id, e);
    free(path);
    if (!s->journal)
        return -1;
    if (journal_open_entries(&s->journal->content))
        settle_leftovers(s, s->journal);
    settle_journals_beside(s, &place);
    return command_signal ? error_set(e, ERROR_INTERRUPTED, "interrupted") : 0;
}

/* ---- opening ---- */

/* Both sides' environments work at once, and an account that is new has ten of them at most. */
static void keep_to_account(struct session *s)
{
    s->concurrency = lambda_concurrency(aws_target_lambda(s->target));
    unsigned most = s->concurrency / SIDE_COUNT;
    if (s->concurrency && most < s->target->lanes_default)
        s->target->lanes_default = most ? most : 1;
}

static uint64_t life_ns(const struct session_options *options)
{
    double minutes =
        options->max_minutes > 0 ? options->max_minutes + MINUTES_BEYOND : UNLIMITED_MINUTES;
    return (uint64_t)(fmin(minutes, LIFE_MINUTES_MAX) * 60) * NS_PER_S;
}

int session_open(struct session *s, const struct session_options *options, struct error *e)
{
    struct aws_target_options t = {.region =
                                       options->region ? options->region : PLAN_DEFAULT_REGION,
                                   .any_role = role,
                                   .run = s->run_id,
                                   .life_ns = life_ns(options)};
    unsigned char random[4];
    *s = (struct session){.embedded = {.input = -1}, .profile = options->profile};
    hash_random(random, sizeof random);
    hash_hex(random, sizeof random, s->run_id);
    s->loop = loop_new(e);
    if (!s->loop)
        return -1;
    s->signals = command_watch_signals(s->loop);
    int failed =
        is_remote(options) ? use_endpoint(s, options, &t, e) : use_embedded(s, options, &t, e);
    if (!failed)
        s->target = aws_target_new(s->loop, &t, e);
    s->price_region = place_is_aws(&options->place) ? s->region
                      : options->region             ? options->region
                                                    : PLAN_DEFAULT_REGION;
    bool makes_functions = is_remote(options) && (options->journal || options->output);
    if (s->target && makes_functions)
        keep_to_account(s);
    if (s->target && !(makes_functions && open_journal(s, options, &t, e)))
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
    const char *region = s->identity ? identity_region(s->identity) : options->region;
    out->region = region ? arena_strdup(arena, region) : NULL;
    if (!s->embedded.pid)
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

/*
 * Until when a function may still appear after its deployment failed. When Lambda has answered, its
 * answers can be believed from now on; when not, the request may still be on its way.
 */
static uint64_t patience_after(const struct session *s, const struct error *e)
{
    return !s->journal || e->code == ERROR_API ? 0 : settle_patience_ns(clock_wall_ns());
}

/* Puts a large package where Lambda can fetch it. drop_code() in any case. */
static int lay_code(struct session *s, const char *name, const struct package *p,
                    struct target_package *code, struct error *e)
{
    *code = (struct target_package){
        .zip = p->zip.data, .zip_bytes = p->zip.length, .sha256 = p->code_sha256};
    if (p->zip.length <= UPLOAD_FROM_BYTES)
        return 0;
    if (!s->upload.bucket)
        return error_set(e, ERROR_BUILD,
                         "the package has more than 50 MB, the most that Lambda is sent directly: "
                         "--code-bucket names an S3 bucket for it");
    char **key = ARRAY_PUSH(s->objects, s->object_count, s->object_capacity);
    *key = xasprintf("lambda-perf-gate/%s.zip", name);
    code->bucket = s->upload.bucket;
    code->key = *key;
    return upload_put(aws_target_lambda(s->target), &s->upload, *key, code, e);
}

/* Lambda has its own copy once the function is there; what cannot be deleted is tried again. */
static void drop_code(struct session *s, struct buf *left)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->object_count; i++) {
        struct error e = {0};
        char *key = s->objects[i];
        if (upload_delete(aws_target_lambda(s->target), &s->upload, key, &e)) {
            if (left)
                buf_addf(left, "s3://%s/%s (%s)\n", s->upload.bucket, key, e.text);
            s->objects[kept++] = key;
        } else {
            free(key);
        }
    }
    s->object_count = kept;
}

const char *session_deploy(struct session *s, const struct plan_function *f, enum side side,
                           const struct package *p, struct error *e)
{
    struct target_package code;
    struct error failure = {0};
    char *name = xasprintf(TEMPORARY_PREFIX "%s-%.*s-%s", s->run_id, NAME_PART_MAX, f->name,
                           side_suffix[side]);
    char **slot = ARRAY_PUSH(s->names, s->name_count, s->name_capacity);
    *slot = name;
    if (lay_code(s, name, p, &code, e) || (s->journal && journal_intend(s->journal, name, e))) {
        drop_code(s, NULL);
        return NULL;
    }
    struct session_function *function = ARRAY_PUSH(s->deployed, s->count, s->capacity);
    function->name = name;
    int failed = s->target->calls->deploy(s->target, name, f, &code, &failure);
    drop_code(s, NULL);
    if (failed) {
        function->patient_until_ns = patience_after(s, &failure);
        *e = failure;
        return NULL;
    }
    function->created = true;
    if (s->journal)
        journal_note_created(s->journal, name, aws_target_lambda(s->target)->account, NULL);
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

char *session_stage(struct session *s, const struct session_options *options,
                    const struct plan_function *f, const struct package *p, struct error *e)
{
    struct target_package code;
    struct staged_request request = {
        .function = options->place.versions_of,
        .package = &code,
        .runtime = f->runtime,
        .handler = f->handler,
        .run_id = s->run_id,
        .folder = options->place.keep_folder,
    };
    if (s->staged.function) {
        error_set(e, ERROR_USAGE, "--versions-of is for one function: choose it with --function");
        return NULL;
    }
    int failed = lay_code(s, s->run_id, p, &code, e) ||
                 staged_begin(aws_target_lambda(s->target), &request, &s->staged, e);
    drop_code(s, NULL);
    s->created += s->staged.ours;
    return failed ? NULL : xasprintf("%s:%s", s->staged.function, s->staged.version);
}

/* ---- removing ---- */

static void unstage(struct session *s, struct buf *left)
{
    struct error e = {0};
    bool ours = s->staged.ours;
    char *name = xasprintf("%s:%s", s->staged.function, s->staged.version);
    if (!staged_end(aws_target_lambda(s->target), &s->staged, &e))
        s->removed += ours;
    else if (left)
        buf_addf(left, "%s (%s)\n", name, e.text);
    free(name);
}

struct removing {
    struct session *session;
    struct buf *left;
};

static void on_settled(void *context, const struct removal_item *item)
{
    struct removing *r = context;
    struct session *s = r->session;
    bool gone = item->outcome == REMOVAL_DONE || item->outcome == REMOVAL_ABSENT;
    s->created += item->seen;
    s->removed += item->seen && gone;
    if (!s->journal)
        return; /* it ends with the embedded Lambda */
    if (gone)
        journal_note_removed(s->journal, item->name, NULL);
    else if (r->left)
        buf_addf(r->left, "%s (%s)\n", item->name, item->reason);
}

static void remove_at_target(struct session *s, struct buf *left)
{
    struct removing removing = {s, left};
    struct removal_options options = {
        .budget_ns = s->journal ? REMOVAL_BUDGET_NS : EMBEDDED_BUDGET_NS,
        .signals = &command_signals,
        .settled = on_settled,
        .context = &removing,
    };
    struct removal_item *items = xcalloc(s->count, sizeof *items);
    for (size_t i = 0; i < s->count; i++)
        items[i] = (struct removal_item){.name = s->deployed[i].name,
                                         .run = "",
                                         .account = "",
                                         .patient_until_ns = s->deployed[i].patient_until_ns,
                                         .seen = s->deployed[i].created};
    removal_run(aws_target_lambda(s->target), items, s->count, &options);
    free(items);
}

void session_remove_functions(struct session *s, struct buf *left)
{
    bool ended = !s->journal && !s->embedded.pid; /* and its functions with it */
    for (size_t i = 0; ended && i < s->count; i++) {
        s->created += s->deployed[i].created;
        s->removed += s->deployed[i].created;
    }
    if (s->count && !ended)
        remove_at_target(s, left);
    s->count = 0;
    if (!s->staged.function && !s->object_count)
        return;
    /* A signal must not end these half way: it is the clean-up that it asks for. */
    loop_watch_set(s->signals, 0);
    if (s->staged.function)
        unstage(s, left);
    drop_code(s, left);
    loop_watch_set(s->signals, LOOP_READ);
}

void session_tell_left(const struct session *s, const struct buf *left)
{
    if (!left->length)
        return;
    fprintf(stderr, "lambda-perf-gate: error: could not be removed:\n%s", left->data);
    if (!s->journal || !journal_open_entries(&s->journal->content))
        return;
    fprintf(stderr, "to remove the functions: lambda-perf-gate cleanup --journal %s",
            s->journal->path);
    if (!strcmp(s->target->kind, "aws"))
        fprintf(stderr, " --target aws");
    else
        fprintf(stderr, " --endpoint-url %s", s->journal->content.endpoint);
    if (s->profile)
        fprintf(stderr, " --profile %s", s->profile);
    fprintf(stderr, " --region %s\n", s->journal->content.region);
}

void session_close(struct session *s)
{
    if (s->target)
        session_remove_functions(s, NULL);
    journal_close(s->journal);
    target_free(s->target);
    embedded_stop(&s->embedded);
    identity_free(s->identity);
    loop_watch_free(s->signals);
    loop_free(s->loop);
    for (size_t i = 0; i < s->name_count; i++)
        free(s->names[i]);
    free(s->names);
    free(s->deployed);
    free(s->endpoint);
    for (size_t i = 0; i < s->object_count; i++)
        free(s->objects[i]);
    free(s->objects);
    free(s->s3);
    *s = (struct session){.embedded = {.input = -1}};
}
