/*
 * compare.h - the two ways of `compare`: a run judged again, and a run against a stored one.
 */
#ifndef LPG_CMD_COMPARE_H
#define LPG_CMD_COMPARE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/opt.h"
#include "gate/price_book.h"
#include "model/plan.h"
#include "model/result.h"

struct compare_args {
    const char *samples, *config, *region, *prices, *colour;
    const char *baseline_side;        /* of the stored files: "candidate" or "baseline" */
    struct opt_list baseline_samples; /* none: the run of `samples` judged again */
    double session_noise;             /* percent; negative: not given */
    struct opt_list functions;
    bool json, verbose;
    struct price_book *book; /* what --prices names */
};

/* ERROR_USAGE for options of a stored baseline that make no sense. */
int compare_stored_check(const struct compare_args *args, struct error *e);

/* Judges the candidate of `samples` against the stored files; fills the result. */
int compare_stored(const struct compare_args *args, const struct plan *plan, struct result *r,
                   struct error *e);

#endif
