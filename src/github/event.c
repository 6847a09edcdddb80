#include "github/event.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { REPOSITORY_MAX = 140, SHA1_DIGITS = 40, SHA256_DIGITS = 64, NUMBER_DIGITS_MAX = 18 };

/* Where each event keeps what it is about. */
static const struct source {
    const char *name;
    enum event_kind kind;
    const char *head, *base; /* commits */
    const char *number, *base_ref, *head_repository, *labels;
    bool needs_head, needs_base;
} sources[] = {
    {"pull_request", EVENT_PULL_REQUEST, "pull_request.head.sha", "pull_request.base.sha",
     "pull_request.number", "pull_request.base.ref", "pull_request.head.repo.full_name",
     "pull_request.labels", true, true},
    {"pull_request_target", EVENT_PULL_REQUEST_TARGET, "pull_request.head.sha",
     "pull_request.base.sha", "pull_request.number", "pull_request.base.ref",
     "pull_request.head.repo.full_name", "pull_request.labels", true, true},
    {"push", EVENT_PUSH, "after", "before", NULL, NULL, NULL, NULL, true, false},
    {"merge_group", EVENT_MERGE_GROUP, "merge_group.head_sha", "merge_group.base_sha", NULL,
     "merge_group.base_ref", NULL, NULL, true, true},
    {"workflow_dispatch", EVENT_WORKFLOW_DISPATCH, NULL, NULL, NULL, NULL, NULL, NULL, false,
     false},
    /* pull_requests is empty when the head is a fork's; the number is then for REST to find. */
    {"workflow_run", EVENT_WORKFLOW_RUN, "workflow_run.head_sha",
     "workflow_run.pull_requests.0.base.sha", "workflow_run.pull_requests.0.number",
     "workflow_run.pull_requests.0.base.ref", "workflow_run.head_repository.full_name", NULL, true,
     false},
};

bool event_is_commit(const char *text)
{
    size_t length = text ? strspn(text, "0123456789abcdef") : 0;
    return text && !text[length] && (length == SHA1_DIGITS || length == SHA256_DIGITS) &&
           strspn(text, "0") != length;
}

static bool is_name(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    return length > 0;
}

static bool is_repository(const char *text)
{
    const char *slash = strchr(text, '/');
    return slash && strlen(text) <= REPOSITORY_MAX && is_name(text, (size_t)(slash - text)) &&
           is_name(slash + 1, strlen(slash + 1));
}

static uint64_t read_number(const char *text)
{
    size_t digits = text ? strspn(text, "0123456789") : 0;
    if (!digits || text[digits] || digits > NUMBER_DIGITS_MAX)
        return 0;
    return strtoull(text, NULL, 10);
}

static const char *text_at(const struct json *payload, const char *path)
{
    return path ? json_string(json_path(payload, path), NULL) : NULL;
}

static const char *keep(struct event *event, const char *text)
{
    return text ? arena_strdup(&event->arena, text) : NULL;
}

static const char *keep_commit(struct event *event, const char *text)
{
    return event_is_commit(text) ? arena_strdup(&event->arena, text) : NULL;
}

static const char *keep_repository(struct event *event, const char *text)
{
    return text && is_repository(text) ? arena_strdup(&event->arena, text) : NULL;
}

static const char *keep_branch(struct event *event, const char *text)
{
    static const char prefix[] = "refs/heads/"; /* a merge group's has it, a pull request's not */
    if (text && !strncmp(text, prefix, sizeof prefix - 1))
        text += sizeof prefix - 1;
    return keep(event, text && *text ? text : NULL);
}

static void read_labels(struct event *event, const struct json *list)
{
    if (json_type(list) != JSON_ARRAY)
        return;
    event->labels = arena_alloc(&event->arena, (json_count(list) + 1) * sizeof *event->labels);
    for (const struct json *label = json_first(list); label; label = json_next(label)) {
        const char *name = json_get_string(label, "name", NULL);
        if (name)
            event->labels[event->label_count++] = arena_strdup(&event->arena, name);
    }
}

static void read_payload(struct event *event, const struct source *at, const struct json *payload)
{
    event->action = keep(event, json_get_string(payload, "action", NULL));
    if (!event->repository)
        event->repository = keep_repository(event, text_at(payload, "repository.full_name"));
    event->head_sha = keep_commit(event, text_at(payload, at->head));
    event->base_sha = keep_commit(event, text_at(payload, at->base));
    event->base_ref = keep_branch(event, text_at(payload, at->base_ref));
    event->head_repository = keep_repository(event, text_at(payload, at->head_repository));
    if (at->number) {
        int64_t number = json_integer(json_path(payload, at->number), 0);
        event->number = number > 0 ? (uint64_t)number : 0;
    }
    event->deleted = event->kind == EVENT_PUSH && json_get_bool(payload, "deleted", false);
    event->label = keep(event, text_at(payload, "label.name"));
    if (at->labels)
        read_labels(event, json_path(payload, at->labels));
    /* Not the owners are compared: a fork may belong to the same one. */
    if (at->head_repository)
        event->fork = !event->repository || !event->head_repository ||
                      strcmp(event->repository, event->head_repository) != 0;
}

static int check(const struct event *event, const struct source *at, struct error *e)
{
    if (at->needs_head && !event->head_sha && !event->deleted)
        return error_set(e, ERROR_INPUT, "the payload of the event %s has no commit in '%s'",
                         at->name, at->head);
    if (at->needs_base && !event->base_sha)
        return error_set(e, ERROR_INPUT, "the payload of the event %s has no commit in '%s'",
                         at->name, at->base);
    return 0;
}

static void read_environment(struct event *event, event_getenv *get)
{
    const char *name = get("GITHUB_EVENT_NAME");
    event->name = arena_strdup(&event->arena, name ? name : "");
    event->repository = keep_repository(event, get("GITHUB_REPOSITORY"));
    event->sha = keep_commit(event, get("GITHUB_SHA"));
    event->run_id = read_number(get("GITHUB_RUN_ID"));
    event->attempt = read_number(get("GITHUB_RUN_ATTEMPT"));
}

static const struct source *find_source(const char *name)
{
    static const struct source other = {.name = "", .kind = EVENT_OTHER};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (!strcmp(sources[i].name, name))
            return &sources[i];
    return &other;
}

static int read_event(struct event *event, const char *text, size_t length, event_getenv *get,
                      struct error *e)
{
    read_environment(event, get);
    const struct source *at = find_source(event->name);
    event->kind = at->kind;
    struct json *payload = length ? json_parse(text, length, e) : NULL;
    if (length && !payload)
        return error_prefix(e, "the event's payload");
    read_payload(event, at, payload);
    json_free(payload);
    if (!event->head_sha && !at->head)
        event->head_sha = event->sha;
    return check(event, at, e);
}

struct event *event_read(const char *text, size_t length, event_getenv *get, struct error *e)
{
    struct event *event = xcalloc(1, sizeof *event);
    arena_init(&event->arena);
    if (!read_event(event, text, length, get, e))
        return event;
    event_free(event);
    return NULL;
}

void event_free(struct event *event)
{
    if (!event)
        return;
    arena_release(&event->arena);
    free(event);
}
