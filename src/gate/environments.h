/*
 * environments.h - which samples may have come from the same execution environment.
 *
 * Lambda does not tell which environment answered a call, so it is concluded from cold starts, and
 * every doubt makes two environments one: fewer units of evidence, never more than there were.
 *
 *   env known     calls of a side go out one at a time. Its number changes with each environment
 *                 that was asked for; if the first call there was not a cold one, it went to the
 *                 environment before
 *   env unknown   several calls at a time. All environments of a round count as one; if the round
 *                 did not start as many as it asked for, it shares some with the round before, and
 *                 both count as one. Of an open loop the first call must have been cold
 */
#ifndef LPG_GATE_ENVIRONMENTS_H
#define LPG_GATE_ENVIRONMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/plan.h"
#include "model/sample.h"

/* A walk through the samples of one function and side, in the order of the run. */
struct environments {
    const struct plan_function *function;
    unsigned count; /* so far */
    unsigned round, env;
};

/* The number, from 1, of the environment that sample `i` counts for; call it for each in turn. */
unsigned environments_next(struct environments *w, const struct series *series, size_t i);

/*
 * Whether the round of `function` whose samples start at `first` began as many environments on
 * that side as it asked for.
 */
bool environments_are_fresh(const struct plan_function *f, const struct series *series,
                            size_t first, unsigned function, enum side side);

#endif
