/*
 * calibration.h - what a function's setup can tell: from rounds in which both sides ran the same
 * code.
 *
 * Nothing changed, so every difference is noise. Three questions are answered from it:
 *
 *   how small a change can be seen    the standard error of all rounds, moved to other numbers of
 *                                     rounds (stats/looks.h)
 *   is the standard error enough      the differences in disjoint blocks of rounds, each as large
 *                                     as the smallest run, against the standard errors that these
 *                                     blocks claim; and the difference of all rounds against its
 *                                     own. Where they disagree for certain, something lasts longer
 *                                     than a round and hits one side: the floor of that metric
 *   how often would the gate cry wolf the gate itself, judged over and over on the same rounds in
 *                                     another order and with the sides' names swapped in random
 *                                     rounds: as likely as what was measured, if the sides are
 *                                     alike (as in stats/swap.h)
 *
 * The replays use the same rounds, so they tell of this function on this machine during these
 * minutes, up to as many rounds as were measured; and because names are swapped, a bias of one side
 * is not in them: that is what the floor is for.
 *
 * Pure: the same request gives the same answer.
 */
#ifndef LPG_GATE_CALIBRATION_H
#define LPG_GATE_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "gate/judge.h"
#include "model/metric.h"
#include "model/plan.h"
#include "model/sample.h"

enum { CALIBRATION_BUDGETS = 3 };
/* The minutes for which the smallest visible change is told: 1, 5, 15. */
extern const double calibration_minutes[CALIBRATION_BUDGETS];

struct calibration_request {
    const struct plan_function *function; /* rounds and limits as a run would use them */
    unsigned index;                       /* of the function, in the samples */
    const struct series *series;
    struct gate_settings settings; /* as a run would use them */
    double minutes;                /* that the rounds took */
    unsigned gates;                /* replays for the false alarms; 0: none */
    uint64_t seed;                 /* of the replays */
};

/* One metric; a number that could not be had is NaN. */
struct calibration_metric {
    const struct metric *metric;
    bool judged;           /* it has a limit */
    double level;          /* in the metric's unit */
    double difference_pct; /* measured between the equal sides */
    double noise_pct;      /* half width of the 95 % interval over all rounds */
    double spread_pct;     /* standard deviation of the difference about 0, over `blocks` blocks */
    unsigned blocks;       /* disjoint, of `block_rounds` rounds each */
    double floor_pct;      /* to be added to a standard error; the gate's own, or what was proven */
    bool floor_proven;     /* the measured one is larger than the gate's own */
    double detectable_pct[CALIBRATION_BUDGETS]; /* the smallest change seen in that time */
    double supported_pct;                       /* the same with all rounds that the plan allows */
};

struct calibration_alarms {
    unsigned gates, failed, passed; /* replays; the rest was not clear */
    double rounds;                  /* that they took on average */
    double upper_pct; /* the rate of false alarms is below this with 95 % confidence */
};

struct calibration {
    unsigned rounds, dropped;
    unsigned block_rounds;
    double rounds_per_minute;
    struct calibration_metric metrics[METRIC_SLOTS]; /* that were measured */
    unsigned metric_count;
    struct calibration_alarms alarms;
};

/* ERROR_MEASURE when no round was used, ERROR_CONFIG when the plan's rounds cannot be judged. */
int calibration_make(const struct calibration_request *request, struct calibration *out,
                     struct error *e);

const struct calibration_metric *calibration_find(const struct calibration *c, enum metric_id id);

/*
 * The limit to write for a metric, in percent: what is supported, rounded up, and not below
 * `usual_pct`, because a limit that people do not care about only costs time. NaN when no limit up
 * to 100 % is supported.
 */
double calibration_limit(const struct calibration_metric *m, double usual_pct);
/*
 * What the increases that a metric is allowed amount to here, in percent: the most generous of
 * them, for a regression must exceed them all. NaN when it has none (a maximum is none).
 */
double calibration_allowed(const struct calibration_metric *m, const struct plan_limit *limits,
                           size_t count);
/* Whether the plan's rounds suffice for the metric's limits; true where no increase is limited. */
bool calibration_supports(const struct calibration_metric *m, const struct plan_function *f);

#endif
