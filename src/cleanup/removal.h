/*
 * removal.h - deletes functions, several at once, and believes only what it has seen.
 *
 * A function counts as removed when GetFunction or DeleteFunction says that it is not there; that a
 * DeleteFunction was accepted is not enough. What is throttled, unanswered, or refused because the
 * function is still being created is tried again with growing pauses, within a time for each
 * function. An answer to CreateFunction that was lost leaves a function that may exist, or may yet
 * appear: it is looked for until its patience ends.
 *
 * After the first signal everything that waits is sent at once and there are a few seconds left;
 * after the second it returns without waiting for anything. What is not confirmed then is for the
 * journal.
 */
#ifndef LPG_CLEANUP_REMOVAL_H
#define LPG_CLEANUP_REMOVAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/lambda.h"
#include "model/temporary.h"

enum removal_outcome {
    REMOVAL_UNCONFIRMED = 0, /* it may be there: `reason` says what is known */
    REMOVAL_DONE,            /* it was there and is gone */
    REMOVAL_ABSENT,          /* it was not there, for as long as it was looked for */
    REMOVAL_KEPT,            /* not known to be ours: `reason` */
};

struct removal_item {
    const char *name;
    const char *run;     /* its tags must name this run; "": they need not be looked at */
    const char *account; /* it must be in this account; "": in whichever it is */
    /* Wall clock: until then "not there" may mean "not there yet". 0: it means what it says. */
    uint64_t patient_until_ns;
    /* What became of it. */
    enum removal_outcome outcome;
    bool seen; /* it was there at some time */
    char reason[256];
};

struct removal_options {
    size_t at_once;     /* functions worked on at the same time; 0: all of them */
    uint64_t budget_ns; /* for each function */
    /* Counts the signals that have come; they also stop the loop. NULL: there are none. */
    const volatile sig_atomic_t *signals;
    /* Told of each function when its outcome is known; may be NULL. */
    void (*settled)(void *context, const struct removal_item *item);
    void *context;
};

/*
 * Works until every item has an outcome. Gives how many are REMOVAL_UNCONFIRMED or REMOVAL_KEPT.
 * Runs the loop; calls of others under way on the same client are cancelled when the second signal
 * or the end of the time after the first cuts it short.
 */
size_t removal_run(struct lambda *l, struct removal_item *items, size_t count,
                   const struct removal_options *options);

#endif
