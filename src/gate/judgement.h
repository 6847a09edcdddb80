/*
 * judgement.h - one metric at one look, and what the files of the gate share.
 *
 * judge.c holds the gate and says when to stop, judgement.c judges the metrics, conclude.c writes the
 * result. Nothing outside gate/ includes this; the way in is judge.h.
 */
#ifndef LPG_GATE_JUDGEMENT_H
#define LPG_GATE_JUDGEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "gate/environments.h"
#include "gate/evidence.h"
#include "gate/judge.h"
#include "gate/rule.h"
#include "gate/stored.h"
#include "model/metric.h"
#include "model/plan.h"
#include "model/result.h"
#include "stats/effect.h"
#include "stats/looks.h"

enum {
    DROPPED_MAX = 3, /* rounds without fresh environments, none with: the target cannot make them */
    REMARKS_MAX = 8,
    LATENESS_MAX_MS = 10, /* of the latest 1 % of calls: the schedule was not kept */
};

/* One metric at one look. */
struct judgement {
    const struct metric *metric;
    const struct plan_limit *limits[RESULT_LIMITS_MAX];
    unsigned limit_count;
    struct effects raw;     /* as estimated */
    struct effects effects; /* with the floor */
    enum rule_answer answer;
};

struct gate {
    const struct plan_function *function;
    struct gate_settings settings;
    struct look_plan plan;
    struct look_levels levels;
    struct evidence evidence;
    struct judgement judged[METRIC_SLOTS];        /* of the last look, all metrics */
    size_t judged_count;                          /* metrics that the function has */
    unsigned attempts;                            /* rounds run, dropped ones too */
    unsigned looks;                               /* at the rounds, so far */
    struct look_levels one_look;                  /* for a single look instead of all of the plan */
    struct environments environments[SIDE_COUNT]; /* counted as rounds come */
    unsigned first_environments[SIDE_COUNT];      /* after the first round */
    unsigned failed_at;         /* rounds used when a metric first failed; 0: none does */
    char *remarks[REMARKS_MAX]; /* for the warnings */
    size_t remark_count;
    struct stored *stored; /* the baseline, when it is not measured side by side; else NULL */
    bool doubted;          /* no pass any more, also if there was no room for the reason */
};

/* Judges all metrics on the evidence so far. */
void judgement_make_all(struct gate *g);
/* Only those with a limit, which is all that a look asks for. */
void judgement_make_limited(struct gate *g);

/*
 * The levels for a change: those of one look when there is only one, as against a stored baseline.
 */
const struct look_levels *judgement_levels(const struct gate *g);

/* Whether the estimate is beyond a maximum, or beyond every increase that is allowed. */
bool judgement_beyond_limits(const struct gate *g, const struct judgement *j);

/*
 * Rounds until the metric could be judged, if its estimate stayed where it is: to fail it must
 * exceed all its limits, to pass one is enough. NaN: never.
 */
double judgement_rounds_to_answer(const struct gate *g, const struct judgement *j);

/*
 * Rounds until a change as large as the relative limit could be seen; NaN when there is none or it
 * never can be.
 */
double judgement_rounds_to_resolve(const struct gate *g, const struct judgement *j);

/* The share of calls that failed; NaN without calls. */
double judgement_share(struct rate r);
/* Whether there were calls and every one failed. */
bool judgement_all_failed(const struct rate *errors);
/* Size of a side's package; NaN where there was none, as with stored samples. */
double judgement_package_bytes(const struct gate *g, enum side side);

#endif
