/*
 * rule.h - the decision rule: one effect, one limit, the levels of this look.
 *
 * A limit is read as a line. With theta the estimate, L and U its one-sided bounds:
 *
 *   "+10%"    PASS when U < ln(1.10);  FAIL when theta >= ln(1.10) and L > ln(1.05)     ratio
 *   "+5ms"    PASS when U < 5;         FAIL when theta >= 5 and L > 2.5                 difference
 *   "< 800ms" PASS when U < ln(800);   FAIL when theta >= ln(800) and L > ln(800)       level
 *
 * otherwise the question is open, and at the end of the budget the answer is inconclusive. So a
 * FAIL never shows an estimate below its limit, a PASS never an upper bound above it; a change of
 * half the limit is failed with probability alpha at most, one of the whole limit passed with beta
 * at most, one of one and a half times the limit is caught. A maximum has no "no change" to take
 * half of: it fails when the candidate is proven to be above it. (Asking L > ln(1.10) of an
 * increase too would need about twice the calls for the same certainty.)
 *
 * A negative increase ("-5%": must become faster) has its proof at the limit itself.
 */
#ifndef LPG_GATE_RULE_H
#define LPG_GATE_RULE_H

#include <stddef.h>

#include "stats/effect.h"
#include "stats/looks.h"

enum rule_kind {
    RULE_RELATIVE, /* value: share, 0.10 for "+10%"; > -1; needs EFFECT_RATIO */
    RULE_INCREASE, /* value: in the metric's unit; needs EFFECT_DIFFERENCE */
    RULE_MAXIMUM,  /* value: in the metric's unit, > 0; needs EFFECT_LEVEL */
};

struct rule_limit {
    enum rule_kind kind;
    double value;
};

enum rule_answer { RULE_OPEN = 0, RULE_PASS, RULE_FAIL };

/* The effect, with its floor, that a kind of limit is judged on. */
const struct effect *rule_effect(enum rule_kind kind, const struct effects *effects);

/* An undefined effect, one on another scale, and a limit that makes no sense are RULE_OPEN. */
enum rule_answer rule_judge(const struct rule_limit *limit, const struct effect *effect,
                            const struct look_levels *levels);

/* What an effect was computed from. */
struct rule_samples {
    struct rounds *baseline;
    struct rounds *candidate;
    struct statistic statistic;
};

/*
 * rule_judge(), and for percentiles a second opinion: an increase FAILs only if swapping the sides'
 * names in random rounds does not explain it either (stats/swap.h), at the same level and against
 * the same half of the limit. It costs about 4 % more calls, and holds the error where few rounds
 * decide. A "no" leaves the question open. The random numbers depend on the number of rounds alone,
 * so the same samples always get the same answer. This is the one to call.
 */
enum rule_answer rule_decide(const struct rule_limit *limit, const struct effect *effect,
                             const struct rule_samples *samples, const struct look_levels *levels);

/*
 * Several limits of one metric at one look. Increases (relative and absolute) are exceptions for
 * one another: a regression must exceed all of them, so they FAIL when each one says FAIL and PASS
 * when any says PASS. Each maximum stands on its own. FAIL when the increases or a maximum say
 * FAIL; PASS when all that are there say PASS. No limits at all: RULE_OPEN.
 *
 * Pass answers of the same look only: an answer kept from an earlier look could contradict the
 * numbers in the report.
 */
enum rule_answer rule_combine(const struct rule_limit *limits, const enum rule_answer *answers,
                              size_t count);

#endif
