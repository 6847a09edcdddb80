/*
 * event.h - why a workflow runs: the event's payload and the variables of the runner, read into one
 * plain struct.
 *
 *     struct event *event = event_read(text.data, text.length, getenv, e);
 *     if (event->fork) ...
 *     event_free(event);
 *
 * The payload is a file that GitHub wrote, but much in it (branch names, labels, the repository of
 * a fork) was chosen by whoever opened the pull request. So reading is lenient in what may be there
 * and strict in what is used: a commit is 40 or 64 hexadecimal digits, a number is digits, a
 * repository is owner/name; what is none of these counts as not given, and event_read() fails where
 * an event is useless without it.
 *
 * https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows
 */
#ifndef LPG_GITHUB_EVENT_H
#define LPG_GITHUB_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

enum { EVENT_PAYLOAD_BYTES_MAX = 26 << 20 }; /* GitHub delivers none above 25 MB */

enum event_kind {
    EVENT_OTHER = 0, /* schedule, issue_comment, ...: what is checked out is all there is */
    EVENT_PULL_REQUEST,
    EVENT_PULL_REQUEST_TARGET, /* runs with the secrets, on the default branch */
    EVENT_PUSH,
    EVENT_MERGE_GROUP,
    EVENT_WORKFLOW_DISPATCH,
    EVENT_WORKFLOW_RUN, /* runs with the secrets, after another workflow */
};

/* All texts may be NULL, for what is not known. */
struct event {
    struct arena arena;
    enum event_kind kind;
    const char *name;            /* as GITHUB_EVENT_NAME says; "" outside of a workflow */
    const char *action;          /* "opened", "labeled", ... */
    const char *repository;      /* owner/name, whose workflow this is */
    const char *head_repository; /* where the head is from; NULL also when that was deleted */
    const char *head_sha;        /* never the merge commit that GITHUB_SHA is for pull requests */
    const char *base_sha;        /* NULL for the first push of a branch */
    const char *base_ref;        /* the branch that is to be merged into */
    const char *sha;             /* GITHUB_SHA: what actions/checkout checks out by default */
    uint64_t number;             /* of the pull request; 0: none */
    uint64_t run_id, attempt;    /* 0: not known */
    /* The head is from another repository, or from one that is gone: its code is a stranger's. */
    bool fork;
    bool deleted;        /* a push that removed its branch: there is no head */
    const char *label;   /* that a labeled or unlabeled event is about */
    const char **labels; /* of the pull request, as they were when the event happened */
    size_t label_count;
};

/* Of the C library's getenv(). */
typedef char *event_getenv(const char *name);

/*
 * `text` is the file that GITHUB_EVENT_PATH names; length 0 where there is none (a run by hand).
 * NULL with ERROR_INPUT when the payload is not JSON, or lacks the commits that its event is about.
 */
struct event *event_read(const char *text, size_t length, event_getenv *get, struct error *e);
void event_free(struct event *event);

/* Whether the text is a full commit id: 40 or 64 lower-case hexadecimal digits, not all zero. */
bool event_is_commit(const char *text);

#endif
