/*
 * evidence.h - from samples to what is judged: the values of every metric, in rounds, for both
 * sides.
 *
 * Rounds are added as they end. A round that was dropped counts for the error rate only. Which
 * values a metric is made of is a row in the table of evidence.c.
 */
#ifndef LPG_GATE_EVIDENCE_H
#define LPG_GATE_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "gate/price.h"
#include "gate/rule.h"
#include "gate/spend.h"
#include "model/metric.h"
#include "model/plan.h"
#include "model/sample.h"
#include "stats/effect.h"
#include "stats/rates.h"
#include "stats/rounds.h"

/* A stream of values that one or more metrics are statistics of. */
enum stream {
    STREAM_DURATION,   /* warm Duration, ms */
    STREAM_LATENCY,    /* warm, at the client, ms */
    STREAM_CPU,        /* warm CPU time, ms */
    STREAM_INIT,       /* Init Duration, ms */
    STREAM_FIRST_CALL, /* Init Duration + Duration of cold calls, ms */
    STREAM_COST,       /* one value per round: USD per million invocations */
    STREAM_MEMORY,     /* one value per round: the largest Max Memory Used, MB */
    STREAM_COUNT
};
/* Behind them one for each custom metric: its values, or what a round has one of. */
enum { STREAM_SLOTS = STREAM_COUNT + METRIC_CUSTOM_MAX };

/* The first used round in which the sides were not called alike. */
struct imbalance {
    bool found;
    unsigned round, event;
    uint64_t calls[SIDE_COUNT];
};

struct evidence {
    const struct plan_function *function;
    bool without[SIDE_COUNT]; /* a side that is not there, and that nothing is asked about */
    struct tariff tariff;
    struct rounds streams[STREAM_SLOTS][SIDE_COUNT];
    bool broken[STREAM_SLOTS]; /* some round could not be added: the stream is not measured */
    unsigned rounds;           /* used */
    unsigned dropped;          /* all that were not used */
    unsigned reused;           /* of them: an execution environment was not fresh */
    unsigned without_warm;     /* of them: an open loop, and a side has no good warm call */
    bool by_environment;       /* the streams hold environments, not rounds: not in pairs */
    struct imbalance imbalance;
    uint64_t round_calls;           /* of the first round and each side; all rounds have as many */
    bool cut;                       /* some round has another number of calls: a part is missing */
    struct rate errors[SIDE_COUNT]; /* of all rounds: function errors and timeouts */
    struct accounting accounting[SIDE_COUNT];
    struct spend spend; /* of all invocations, both sides */
    /* warm calls of used rounds, and of them those without a value of a custom metric */
    uint64_t warm[SIDE_COUNT], absent[METRIC_CUSTOM_MAX][SIDE_COUNT];
    uint64_t untimed[SIDE_COUNT];  /* ok calls of used rounds whose log held no REPORT */
    uint64_t suspects[SIDE_COUNT]; /* ok calls of used rounds left out for a failure before them */
    /* smallest step between two durations where they are visibly rounded; else 0 */
    double quantum_ms;
    uint64_t *late_us; /* of an open loop: how late each call was sent */
    size_t late_count, late_capacity;
};

void evidence_init(struct evidence *ev, const struct plan_function *f, struct tariff tariff);
/* Of one side alone: a session that is compared with another one, not side by side. */
void evidence_init_alone(struct evidence *ev, const struct plan_function *f, struct tariff tariff,
                         enum side side);
void evidence_release(struct evidence *ev);

/* Adds the samples [first, series->count) of one round of this function; others are skipped. */
void evidence_add_round(struct evidence *ev, const struct series *series, size_t first,
                        unsigned function);

/*
 * The fallback where environments were reused: builds the streams anew from all samples of the
 * function, those of dropped rounds too, with one entry per execution environment instead of one per
 * round. Environments that cannot be told apart count as one (see environments.h). From then on
 * evidence_effects() compares without pairs, for one look only.
 */
void evidence_regroup(struct evidence *ev, const struct series *series, unsigned function);

/*
 * The effect on a metric that is estimated from rounds, in the unit of its stream; its state says
 * why where there is none. A custom metric where more is better has its sides changed over: the
 * effect is how much higher the baseline is.
 */
struct effects evidence_effects(struct evidence *ev, enum metric_id id);

/*
 * What the effect on a metric was computed from; nothing for one that is not estimated from rounds.
 */
struct rule_samples evidence_samples(struct evidence *ev, enum metric_id id);

/*
 * The uncertainty, as a share, that the rounding of the durations leaves in a percentile; 0 for the
 * rest: in a mean of many calls it averages out.
 */
double evidence_rounding(const struct evidence *ev, enum metric_id id, const struct effect *effect);

/* What a value of the metric's stream is multiplied by to be in the metric's unit. */
double evidence_scale(const struct evidence *ev, enum metric_id id);

/* p-th percentile of the send lateness in ms; NaN when no call had a due time. */
double evidence_lateness_ms(struct evidence *ev, double p);

#endif
