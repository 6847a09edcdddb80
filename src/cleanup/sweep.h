/*
 * sweep.h - finds functions that a run left behind when not even its journal is left: by their
 * names, their tags and their age.
 *
 * All functions of the account and region are listed; those whose name is one that the gate gives
 * have their tags read. See ours.h for what is deleted. For a job on a timer:
 *
 *     lambda-perf-gate cleanup --older-than 2h
 */
#ifndef LPG_CLEANUP_SWEEP_H
#define LPG_CLEANUP_SWEEP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "aws/lambda.h"
#include "cleanup/ours.h"
#include "cleanup/removal.h"

struct sweep_options {
    struct ours_rule rule;
    bool dry_run;
    const volatile sig_atomic_t *signals; /* as in removal.h */
    /*
     * Told of each function whose name is of the gate's kind. The item is REMOVAL_KEPT with the
     * reason for what is live or doubtful; with dry_run what would be removed is
     * REMOVAL_UNCONFIRMED.
     */
    void (*told)(void *context, const struct removal_item *item, enum ours ours);
    void *context;
};

struct sweep_counts {
    size_t listed;   /* functions in the region, each once */
    size_t expired;  /* ours, to be removed */
    size_t live;     /* ours, left alone */
    size_t doubtful; /* kept because it is not certain that they are ours */
    size_t removed;
};

/*
 * -1 when the list, or the tags of a function with our kind of name, could not be had: then not
 * everything that had to be looked at was. What was found up to then is removed all the same.
 */
int sweep_run(struct lambda *l, const struct sweep_options *o, struct sweep_counts *counts,
              struct error *e);

#endif
