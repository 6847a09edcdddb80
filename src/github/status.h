/*
 * status.h - the commit status: a line with a mark beside a commit, which a branch rule can require.
 *
 * Where a workflow runs for the pull request itself, its job already is such a line. A status is
 * for the rest: a workflow that another one started, a merge queue, another CI.
 *
 * https://docs.github.com/rest/commits/statuses
 */
#ifndef LPG_GITHUB_STATUS_H
#define LPG_GITHUB_STATUS_H

#include "base/buf.h"
#include "base/error.h"
#include "github/rest.h"
#include "model/verdict.h"

enum { STATUS_DESCRIPTION_CHARS = 140 }; /* GitHub refuses more */

struct status {
    const char *repository; /* "owner/name" */
    const char *sha;        /* whole hash; of a pull request the head, not the merge commit */
    const char *context;    /* the name of the line: what a branch rule names */
    enum verdict verdict;
    const char *description; /* at most STATUS_DESCRIPTION_CHARS characters */
    const char *target_url;  /* where the line leads; NULL: nowhere */
};

/* Sets it; a later one of the same context takes its place. */
int status_post(struct rest *r, const struct status *s, struct error *e);

/* Appends the context of a gate with this key (see mark_key()). */
void status_context(struct buf *out, const char *key);

/* "success" for a pass alone; what is undecided or could not be measured never looks green. */
const char *status_state(enum verdict v);

#endif
