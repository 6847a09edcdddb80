/*
 * spend.h - what measuring costs: the bill of the invocations so far, and whether more are allowed.
 *
 * A budget is a hard limit: a round is begun only if it would stay below it even if each of its
 * invocations took its whole timeout. What is reckoned is Lambda's own price of invocations;
 * logs, traces and whatever the function itself calls are not known here.
 */
#ifndef LPG_GATE_SPEND_H
#define LPG_GATE_SPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/price.h"
#include "model/plan.h"
#include "model/sample.h"

struct spend {
    uint64_t invocations; /* sent, whether or not Lambda charges for them */
    double usd;
};

/* The most that one invocation can be billed: a whole init and a whole timeout. */
double spend_most(const struct tariff *t, const struct plan_function *f);
/*
 * Adds one invocation. A throttled one costs nothing; one whose Billed Duration nobody knows
 * counts as the dearest that it can have been.
 */
void spend_add(struct spend *s, const struct sample *sample, const struct tariff *t,
               const struct plan_function *f);

struct budget {
    uint64_t invocations; /* 0: no limit */
    double usd;           /* 0: no limit */
};

/* What one of `functions` that are still to be measured may use of what `spent` has left. */
struct budget budget_share(const struct budget *whole, const struct spend *spent,
                           unsigned functions);
/* Whether `more` invocations, each costing `most_usd` at most, still fit. */
bool budget_allows(const struct budget *b, const struct spend *spent, uint64_t more,
                   double most_usd);

#endif
