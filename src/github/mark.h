/*
 * mark.h - the line that nobody sees, by which a gate finds its comment again.
 *
 *     <!-- lambda-perf-gate v=1 key=perf%2Fgate%2Fcheckout run=1234567890.1 sha=41d0e7c... -->
 *
 * It is the first line of the comment, and counts only as a whole. Anybody can write one: whose
 * comment it is must be asked too.
 */
#ifndef LPG_GITHUB_MARK_H
#define LPG_GITHUB_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct mark {
    const char *key;  /* of mark_key(): tells the comments of several gates apart */
    uint64_t run;     /* GITHUB_RUN_ID; 0: not in a workflow, which is neither early nor late */
    uint64_t attempt; /* GITHUB_RUN_ATTEMPT */
    const char *sha;  /* the commit that was measured, in hexadecimal; NULL: not known */
};

/*
 * Appends the key of a gate: "workflow/job/function", percent-encoded. A part that is NULL or "" is
 * left out; "local" when all are. Two jobs of one workflow, and two functions that are measured by
 * jobs of their own, have comments of their own.
 */
void mark_key(struct buf *out, const char *workflow, const char *job, const char *function);

/* Appends the mark as a line. */
void mark_add(struct buf *out, const struct mark *m);

/*
 * Whether the first line of a comment's body is a mark with this key; *run and *attempt are then
 * those in it.
 */
bool mark_is_in(const char *body, const char *key, uint64_t *run, uint64_t *attempt);

#endif
