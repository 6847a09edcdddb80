#include "github/comment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/http_target.h"

#define PERMISSION "pull-requests: write"
#define HEX_DIGITS "0123456789abcdef"

enum { CREATE_ATTEMPTS = 3 };

/* ---- the text ---- */

size_t comment_room(const struct comment *c)
{
    struct buf mark;
    buf_init(&mark);
    mark_add(&mark, &c->mark);
    size_t used = mark.length;
    buf_release(&mark);
    return used < COMMENT_BYTES_MAX ? COMMENT_BYTES_MAX - used : 0;
}

/* Of a URL that can stand between "(" and ")" in Markdown as it is. */
static bool is_plain_url(const char *url)
{
    struct http_target target;
    http_target_init(&target);
    bool plain = http_target_read(&target, url, NULL) == 0 && !strpbrk(url, "()<>[]\\`*_?&|\"'");
    http_target_release(&target);
    return plain;
}

bool comment_add_run_url(struct buf *out, const char *server_url, const struct comment *c)
{
    if (!c->mark.run || !server_url || !is_plain_url(server_url) ||
        !rest_is_repository(c->repository))
        return false;
    buf_addf(out, "%s/%s/actions/runs/%llu/attempts/%llu", server_url, c->repository,
             (unsigned long long)c->mark.run, (unsigned long long)c->mark.attempt);
    return true;
}

void comment_add_footer(struct buf *out, const char *server_url, const struct comment *c)
{
    struct buf url;
    buf_init(&url);
    if (comment_add_run_url(&url, server_url, c))
        buf_addf(out, "\n<sub>[Run %llu](%s) · updated by every run</sub>\n",
                 (unsigned long long)c->mark.run, url.data);
    buf_release(&url);
}

/* The next line of a body without what a browser's editor changes: line ends, blanks behind. */
static size_t next_line(const char **text)
{
    size_t length = strcspn(*text, "\n"), kept = length;
    while (kept && ((*text)[kept - 1] == '\r' || (*text)[kept - 1] == ' '))
        kept--;
    *text += length + ((*text)[length] == '\n');
    return kept;
}

static bool is_same_text(const char *a, const char *b)
{
    while (*a || *b) {
        const char *line_a = a, *line_b = b;
        size_t length = next_line(&a);
        if (next_line(&b) != length || memcmp(line_a, line_b, length) != 0)
            return false;
    }
    return true;
}

/* ---- what is there ---- */

struct found {
    uint64_t id, run, attempt;
    char url[COMMENT_URL_BYTES];
    bool same_text;
};

struct search {
    struct rest *rest;
    const struct comment *comment;
    char *author; /* login; the search's own */
    const char *body;
    struct found *items;
    size_t count, capacity;
    unsigned imitations; /* marks in comments of others */
};

static void copy_url(const struct json *item, char url[COMMENT_URL_BYTES])
{
    struct buf safe;
    const char *text = json_get_string(item, "html_url", "");
    buf_init_capped(&safe, COMMENT_URL_BYTES - 1);
    text_add_safe(&safe, text, strlen(text));
    memcpy(url, safe.data, safe.length + 1);
    buf_release(&safe);
}

static enum rest_walk on_comment(void *context, const struct json *item)
{
    struct search *s = context;
    const struct comment *c = s->comment;
    uint64_t run, attempt;
    const char *body = json_get_string(item, "body", "");
    const char *login = json_get_string(json_get(item, "user"), "login", "");
    int64_t id = json_get_integer(item, "id", 0);
    if (id <= 0 || !mark_is_in(body, c->mark.key, &run, &attempt))
        return REST_MORE;
    if (!text_same(login, s->author)) {
        s->imitations++;
        return REST_MORE;
    }
    struct found *f = ARRAY_PUSH(s->items, s->count, s->capacity);
    f->id = (uint64_t)id;
    f->run = run;
    f->attempt = attempt;
    f->same_text = is_same_text(body, s->body);
    copy_url(item, f->url);
    return REST_MORE;
}

static int find_comments(struct search *s, struct error *e)
{
    char *path = xasprintf("/repos/%s/issues/%llu/comments?per_page=100", s->comment->repository,
                           (unsigned long long)s->comment->pull);
    struct rest_call call = {.what = "read the pull request's comments",
                             .method = "GET",
                             .path = path,
                             .permission = PERMISSION};
    s->count = 0;
    s->imitations = 0;
    int failed = rest_list(s->rest, &call, on_comment, s, e);
    free(path);
    return failed;
}

static const struct found *oldest(const struct search *s)
{
    const struct found *first = s->count ? &s->items[0] : NULL;
    for (size_t i = 1; i < s->count; i++)
        if (s->items[i].id < first->id)
            first = &s->items[i];
    return first;
}

static bool is_later(const struct found *f, const struct mark *mark)
{
    return mark->run && (f->run > mark->run || (f->run == mark->run && f->attempt > mark->attempt));
}

static const struct found *written_later(const struct search *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (is_later(&s->items[i], &s->comment->mark))
            return &s->items[i];
    return NULL;
}

/* ---- single changes ---- */

static void write_body(const struct search *s, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "body", s->body);
    json_close(&w);
}

static char *comment_path(const struct search *s, uint64_t id)
{
    return xasprintf("/repos/%s/issues/comments/%llu", s->comment->repository,
                     (unsigned long long)id);
}

static int update(struct search *s, uint64_t id, struct rest_answer *answer, struct error *e)
{
    struct buf body;
    buf_init(&body);
    write_body(s, &body);
    char *path = comment_path(s, id);
    struct rest_call call = {"update the pull request's comment", "PATCH", path, &body, PERMISSION};
    int failed = rest_call(s->rest, &call, answer, e);
    free(path);
    buf_release(&body);
    return failed;
}

static int create(struct search *s, struct rest_answer *answer, struct error *e)
{
    struct buf body;
    buf_init(&body);
    write_body(s, &body);
    char *path = xasprintf("/repos/%s/issues/%llu/comments", s->comment->repository,
                           (unsigned long long)s->comment->pull);
    struct rest_call call = {"comment on the pull request", "POST", path, &body, PERMISSION};
    int failed = rest_call(s->rest, &call, answer, e);
    free(path);
    buf_release(&body);
    return failed;
}

/* That a double stays is not worth a failure. */
static void delete_double(struct search *s, uint64_t id)
{
    struct error e = {0};
    struct rest_answer answer;
    char *path = comment_path(s, id);
    struct rest_call call = {"delete a double of the comment", "DELETE", path, NULL, PERMISSION};
    if (rest_call(s->rest, &call, &answer, &e) && answer.status != 404)
        log_write(s->comment->log, LOG_WARNING, "%s", e.text);
    rest_answer_release(&answer);
    free(path);
}

static void delete_doubles(struct search *s, uint64_t kept)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].id != kept)
            delete_double(s, s->items[i].id);
}

static void report(struct comment_posted *posted, enum comment_end end, const struct found *f)
{
    *posted = (struct comment_posted){.end = end, .id = f->id};
    memcpy(posted->url, f->url, sizeof posted->url);
}

/* ---- creating one ---- */

/* What became of a POST whose answer was lost; 1: it is there, and `f` says where; 0: it is not. */
static int look_for_own(struct search *s, struct found *f, struct error *e)
{
    if (find_comments(s, e))
        return -1;
    const struct mark *mark = &s->comment->mark;
    for (size_t i = 0; i < s->count; i++) {
        const struct found *item = &s->items[i];
        bool same_run = item->run == mark->run && item->attempt == mark->attempt;
        if (!same_run || !(mark->run || item->same_text))
            continue;
        *f = *item;
        return 1;
    }
    return 0;
}

/* The login that GitHub gives as the author is ours, whatever was thought before. */
static void learn_author(struct search *s, const struct json *answer)
{
    const char *login = json_get_string(json_get(answer, "user"), "login", NULL);
    if (!login || !*login || text_same(login, s->author))
        return;
    free(s->author);
    s->author = xstrdup(login);
}

static int create_surely(struct search *s, struct found *created, struct error *e)
{
    for (int attempt = 1;; attempt++) {
        struct rest_answer answer;
        int failed = create(s, &answer, e);
        int64_t id = json_get_integer(answer.body, "id", 0);
        bool retry = failed && answer.unknown && attempt < CREATE_ATTEMPTS;
        if (!failed && id <= 0)
            failed = error_set(e, ERROR_API, "GitHub's answer names no comment");
        if (!failed) {
            learn_author(s, answer.body);
            *created = (struct found){.id = (uint64_t)id, .same_text = true};
            copy_url(answer.body, created->url);
        }
        rest_answer_release(&answer);
        if (!failed)
            return 0;
        if (!answer.unknown || (e && e->code == ERROR_INTERRUPTED))
            return -1;
        int there = look_for_own(s, created, retry ? e : NULL);
        if (there > 0)
            return 0;
        if (there < 0 || !retry)
            return -1;
    }
}

/*
 * Another run of this gate may have created one at the same moment. The older one stays, with the
 * text of the later run.
 */
static void settle_race(struct search *s, const struct found *created,
                        struct comment_posted *posted)
{
    report(posted, COMMENT_CREATED, created);
    if (find_comments(s, NULL))
        return; /* it is posted; the next run would find a double */
    const struct found *first = oldest(s);
    if (!first || first->id >= created->id)
        return;
    if (is_later(first, &s->comment->mark)) {
        report(posted, COMMENT_OUTDATED, first);
    } else {
        struct rest_answer answer;
        int failed = update(s, first->id, &answer, NULL);
        rest_answer_release(&answer);
        if (failed)
            return;
        report(posted, COMMENT_UPDATED, first);
    }
    delete_double(s, created->id);
}

static int create_one(struct search *s, struct comment_posted *posted, struct error *e)
{
    struct found created;
    if (create_surely(s, &created, e))
        return -1;
    settle_race(s, &created, posted);
    return 0;
}

/* ---- all together ---- */

static int bring_up_to_date(struct search *s, struct comment_posted *posted, struct error *e)
{
    const struct found *first = oldest(s), *later = written_later(s);
    if (!first && s->comment->only_update) {
        *posted = (struct comment_posted){.end = COMMENT_SKIPPED};
        return 0;
    }
    if (!first)
        return create_one(s, posted, e);
    if (later) {
        report(posted, COMMENT_OUTDATED, later);
        return 0;
    }
    struct rest_answer answer = {0};
    if (!first->same_text && update(s, first->id, &answer, e)) {
        rest_answer_release(&answer);
        return answer.status == 404 ? create_one(s, posted, e) : -1; /* deleted just now */
    }
    rest_answer_release(&answer);
    report(posted, first->same_text ? COMMENT_UNCHANGED : COMMENT_UPDATED, first);
    delete_doubles(s, first->id);
    return 0;
}

/* A workflow's token may not ask who it is; everybody else's may. The caller frees. */
static char *ask_author(struct rest *r, struct error *e)
{
    struct rest_call call = {.what = "ask whose token this is", .method = "GET", .path = "/user"};
    struct rest_answer answer;
    char *author = NULL;
    if (!rest_call(r, &call, &answer, e))
        author = xstrdup(json_get_string(answer.body, "login", COMMENT_ACTIONS_BOT));
    else if (answer.status == 403)
        author = xstrdup(COMMENT_ACTIONS_BOT);
    rest_answer_release(&answer);
    return author;
}

static int check(const struct comment *c, const struct buf *body, struct error *e)
{
    if (!rest_is_repository(c->repository))
        return error_set(e, ERROR_USAGE, "'%.100s' is not a repository: owner/name", c->repository);
    if (!c->pull)
        return error_set(e, ERROR_USAGE, "0 is not the number of a pull request");
    if (body->length > COMMENT_BYTES_MAX)
        return error_set(e, ERROR_INPUT, "the comment has %zu bytes; %d fit", body->length,
                         COMMENT_BYTES_MAX);
    return 0;
}

static int post(struct search *s, struct comment_posted *posted, struct error *e)
{
    const struct comment *c = s->comment;
    s->author = c->author && *c->author ? xstrdup(c->author) : ask_author(s->rest, e);
    if (!s->author || find_comments(s, e))
        return -1;
    if (s->imitations)
        log_write(c->log, LOG_INFO,
                  "%u comments of others bear this gate's mark; they are left alone",
                  s->imitations);
    return bring_up_to_date(s, posted, e);
}

int comment_post(struct rest *r, const struct comment *c, struct comment_posted *posted,
                 struct error *e)
{
    struct buf body;
    buf_init(&body);
    mark_add(&body, &c->mark);
    buf_addstr(&body, c->text);
    struct search s = {.rest = r, .comment = c, .body = body.data};
    int failed = check(c, &body, e) || post(&s, posted, e);
    free(s.items);
    free(s.author);
    buf_release(&body);
    return failed ? -1 : 0;
}

/* ---- the pull request of a commit ---- */

struct pull_search {
    const char *sha;
    uint64_t number;
    unsigned count;
};

static enum rest_walk on_pull(void *context, const struct json *item)
{
    struct pull_search *s = context;
    int64_t number = json_get_integer(item, "number", 0);
    if (strcmp(json_get_string(item, "state", ""), "open") == 0 && number > 0 &&
        text_same(json_get_string(json_get(item, "head"), "sha", ""), s->sha)) {
        s->number = (uint64_t)number;
        s->count++;
    }
    return REST_MORE;
}

static bool is_sha(const char *text)
{
    size_t digits = strspn(text, HEX_DIGITS);
    return !text[digits] && (digits == 40 || digits == 64);
}

int comment_find_pull(struct rest *r, const char *repository, const char *sha, uint64_t *pull,
                      struct error *e)
{
    if (!rest_is_repository(repository) || !is_sha(sha))
        return error_set(e, ERROR_USAGE, "'%.100s' of '%.100s' is no commit", sha, repository);
    char *path = xasprintf("/repos/%s/commits/%s/pulls?per_page=100", repository, sha);
    struct rest_call call = {.what = "find the commit's pull request",
                             .method = "GET",
                             .path = path,
                             .permission = "pull-requests: read"};
    struct pull_search s = {.sha = sha};
    int failed = rest_list(r, &call, on_pull, &s, e);
    free(path);
    if (failed)
        return -1;
    if (s.count != 1)
        return error_set(e, ERROR_INPUT, "commit %.12s is the head of %s open pull request", sha,
                         s.count ? "more than one" : "no");
    *pull = s.number;
    return 0;
}
