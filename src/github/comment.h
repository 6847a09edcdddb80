/*
 * comment.h - the one comment that a gate keeps on a pull request: found again, brought up to date,
 * never doubled.
 *
 * A comment is the gate's when it begins with the gate's mark (mark.h) and was written by the
 * account that the token belongs to. Of several the oldest is kept. One that a later run has
 * written is left alone, for runs do not end in the order in which they begin.
 *
 *     struct comment c = {.repository = "o/r", .pull = 7, .mark = {.key = key, ...}};
 *     options.max_bytes = comment_room(&c);
 *     ... render the report, add it to c.text ...
 *     comment_post(rest, &c, &posted, e);
 */
#ifndef LPG_GITHUB_COMMENT_H
#define LPG_GITHUB_COMMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "github/mark.h"
#include "github/rest.h"

/* Who comments with the token that a workflow gets. */
#define COMMENT_ACTIONS_BOT "github-actions[bot]"

enum { COMMENT_BYTES_MAX = 65000, COMMENT_URL_BYTES = 512 };

struct comment {
    const char *repository; /* "owner/name" */
    uint64_t pull;
    const char *author; /* login whose comments are ours; NULL: the token's, as GitHub says */
    struct mark mark;
    bool only_update; /* none is created, but one that is there is brought up to date */
    const char *text; /* what people see; with the mark at most COMMENT_BYTES_MAX bytes */
    struct log *log;  /* is told of comments that only look like ours; may be NULL */
};

enum comment_end {
    COMMENT_CREATED,
    COMMENT_UPDATED,
    COMMENT_UNCHANGED, /* it says the same already */
    COMMENT_OUTDATED,  /* a later run has written it */
    COMMENT_SKIPPED,   /* there is none, and only_update */
};

struct comment_posted {
    enum comment_end end;
    uint64_t id;                 /* 0 when skipped */
    char url[COMMENT_URL_BYTES]; /* for a browser; "" when GitHub gave none */
};

/*
 * Brings the comment up to date, or creates it. An answer that is lost after a comment was sent
 * never makes a second one.
 */
int comment_post(struct rest *r, const struct comment *c, struct comment_posted *posted,
                 struct error *e);

/*
 * The one open pull request whose head is this commit, for events that name none (a push, the end
 * of another workflow). ERROR_INPUT when there is none or more than one.
 */
int comment_find_pull(struct rest *r, const char *repository, const char *sha, uint64_t *pull,
                      struct error *e);

/* ---- the pure parts ---- */

/* Bytes that are left for the text. */
size_t comment_room(const struct comment *c);

/*
 * Appends the address of the run, for a browser. False, and nothing appended, when the run is 0 or
 * the server's URL is not one that can stand in Markdown.
 */
bool comment_add_run_url(struct buf *out, const char *server_url, const struct comment *c);
/* Appends the last line of the text, a link to the run; nothing when there is no address. */
void comment_add_footer(struct buf *out, const char *server_url, const struct comment *c);

#endif
