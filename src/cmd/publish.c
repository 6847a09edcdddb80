#include "cmd/publish.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "github/status.h"
#include "report/escape.h"
#include "report/report.h"

#define PULL_PREFIX "refs/pull/"

/* ---- the environment ---- */

/* NULL also for "", which is how a workflow says that there is none. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* The number that the text begins with; 0 when it is none, or not followed by `end`. */
static uint64_t leading_number(const char *text, char end)
{
    uint64_t value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits > 18 || text[digits] != end)
        return 0;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    return value;
}

static uint64_t number_variable(const char *name)
{
    const char *value = variable(name);
    return value ? leading_number(value, '\0') : 0;
}

/* "refs/pull/7/merge", the ref of a workflow that a pull request started. */
static uint64_t pull_of_ref(void)
{
    const char *ref = variable("GITHUB_REF");
    if (!ref || strncmp(ref, PULL_PREFIX, strlen(PULL_PREFIX)) != 0)
        return 0;
    return leading_number(ref + strlen(PULL_PREFIX), '/');
}

/* ---- one comment ---- */

struct posting {
    const struct publish *publish;
    const struct result *result;
    struct comment comment;
    struct buf key, text;
};

static bool is_hex(const char *text)
{
    size_t digits = strspn(text, "0123456789abcdef");
    return !text[digits] && (digits == 40 || digits == 64);
}

static int choose_commit(struct posting *p, struct error *e)
{
    const char *given = p->publish->sha, *measured = p->result->side[SIDE_CANDIDATE].sha;
    if (given && !is_hex(given))
        return error_set(e, ERROR_USAGE, "'%.100s' is not the full hash of a commit", given);
    p->comment.mark.sha = given ? given : measured && is_hex(measured) ? measured : NULL;
    return 0;
}

static int choose_pull(struct posting *p, struct rest *rest, struct error *e)
{
    struct comment *c = &p->comment;
    c->pull = p->publish->pull ? p->publish->pull : pull_of_ref();
    if (c->pull)
        return 0;
    if (!c->mark.sha)
        return error_set(e, ERROR_USAGE,
                         "which pull request? The result names no commit: give --pr or --sha");
    return comment_find_pull(rest, c->repository, c->mark.sha, &c->pull, e);
}

static int choose_repository(struct posting *p, struct error *e)
{
    const char *given = p->publish->repository;
    p->comment.repository = given ? given : variable("GITHUB_REPOSITORY");
    if (!p->comment.repository)
        return error_set(e, ERROR_USAGE,
                         "which repository? Give --repository, or set GITHUB_REPOSITORY");
    if (!rest_is_repository(p->comment.repository))
        return error_set(e, ERROR_USAGE, "'%.100s' is not a repository: owner/name",
                         p->comment.repository);
    return 0;
}

/* A run of one function may be one of several, each in a job of the same name. */
static void choose_key(struct posting *p)
{
    const struct result *r = p->result;
    const char *function = r->function_count == 1 ? r->functions[0].name : NULL;
    if (p->publish->key)
        mark_key(&p->key, p->publish->key, NULL, NULL);
    else
        mark_key(&p->key, variable("GITHUB_WORKFLOW"), variable("GITHUB_JOB"), function);
    p->comment.mark.key = p->key.data;
    p->comment.mark.run = number_variable("GITHUB_RUN_ID");
    uint64_t attempt = number_variable("GITHUB_RUN_ATTEMPT");
    p->comment.mark.attempt = p->comment.mark.run && !attempt ? 1 : attempt;
}

static void render(struct posting *p)
{
    struct report_options options = REPORT_DEFAULTS;
    struct comment *c = &p->comment;
    struct buf footer;
    buf_init(&footer);
    comment_add_footer(&footer, variable("GITHUB_SERVER_URL"), c);
    options.max_bytes = comment_room(c) - footer.length;
    report_find("markdown")->render(p->result, &options, &p->text);
    buf_add(&p->text, footer.data, footer.length);
    buf_release(&footer);
    c->text = p->text.data;
}

static int post_comment(struct posting *p, struct rest *rest, struct comment_posted *posted,
                        struct error *e)
{
    if (choose_pull(p, rest, e))
        return -1;
    render(p);
    return comment_post(rest, &p->comment, posted, e);
}

static int post_status(struct posting *p, struct rest *rest, struct error *e)
{
    const struct result *r = p->result;
    const struct comment *c = &p->comment;
    struct buf context, description, url;
    buf_init(&context);
    buf_init(&description);
    buf_init(&url);
    status_context(&context, c->mark.key);
    escape_line(&description, r->headline ? r->headline : verdict_name(r->verdict),
                STATUS_DESCRIPTION_CHARS);
    bool linked = comment_add_run_url(&url, variable("GITHUB_SERVER_URL"), c);
    struct status s = {c->repository, c->mark.sha,      context.data,
                       r->verdict,    description.data, linked ? url.data : NULL};
    int failed = status_post(rest, &s, e);
    buf_release(&context);
    buf_release(&description);
    buf_release(&url);
    return failed;
}

static int post(struct posting *p, struct rest *rest, struct comment_posted *posted,
                struct error *e)
{
    const struct publish *o = p->publish;
    struct error status_error = {0};
    p->comment.author = o->author;
    p->comment.only_update = o->only_failures && p->result->verdict == VERDICT_PASS;
    p->comment.log = o->log;
    if (choose_commit(p, e) || choose_repository(p, e))
        return -1;
    if (o->status && !p->comment.mark.sha)
        return error_set(e, ERROR_USAGE,
                         "the status of which commit? The result names none: give --sha");
    choose_key(p);
    int failed = post_comment(p, rest, posted, e);
    if (!o->status || (failed && e->code == ERROR_INTERRUPTED) ||
        !post_status(p, rest, &status_error))
        return failed;
    if (failed)
        return error_suffix(e, "\n%s", status_error.text);
    *e = status_error;
    return -1;
}

static int post_with(struct loop *loop, struct http_client *http, const struct publish *o,
                     const struct result *r, struct comment_posted *posted, struct error *e)
{
    struct rest_options options = {
        .loop = loop,
        .http = http,
        .api_url = variable("GITHUB_API_URL"),
        .token = variable("GITHUB_TOKEN"),
        .wait_seconds = o->wait_seconds,
        .log = o->log,
    };
    if (!options.token)
        return error_set(e, ERROR_USAGE,
                         "there is no GITHUB_TOKEN in the environment. In a workflow, give it to "
                         "the step:\n    env:\n      GITHUB_TOKEN: ${{ github.token }}");
    struct posting p = {.publish = o, .result = r};
    struct rest *rest = rest_new(&options, e);
    buf_init(&p.key);
    buf_init(&p.text);
    int failed = rest ? post(&p, rest, posted, e) : -1;
    buf_release(&p.key);
    buf_release(&p.text);
    rest_free(rest);
    return failed;
}

int publish_comment(const struct publish *o, const struct result *r, struct comment_posted *posted,
                    struct error *e)
{
    struct loop *loop = loop_new(e);
    struct http_client *http =
        loop ? http_client_new(loop, &(struct http_client_options){0}, e) : NULL;
    struct loop_watch *signals = http ? command_watch_signals(loop) : NULL;
    int failed = http ? post_with(loop, http, o, r, posted, e) : -1;
    loop_watch_free(signals);
    http_client_free(http);
    loop_free(loop);
    return failed;
}

const char *publish_words(enum comment_end end)
{
    static const char *const words[] = {
        [COMMENT_CREATED] = "comment created",
        [COMMENT_UPDATED] = "comment updated",
        [COMMENT_UNCHANGED] = "the comment says the same already",
        [COMMENT_OUTDATED] = "a later run has commented already; its comment stays",
        [COMMENT_SKIPPED] = "no comment: nothing is wrong, and there was none before",
    };
    return words[end];
}
