/*
 * metric.h - the metrics: one row each. Everything that lists metrics reads these rows.
 *
 * To add a metric: an id here, its row in metric.c, and its recipe in gate/evidence.c.
 */
#ifndef LPG_MODEL_METRIC_H
#define LPG_MODEL_METRIC_H

#include <stdbool.h>
#include <stddef.h>

enum metric_id {
    METRIC_P50,
    METRIC_P90,
    METRIC_P95,
    METRIC_P99,
    METRIC_MEAN,
    METRIC_COLD_START,
    METRIC_COLD_P90,
    METRIC_COLD_TOTAL,
    METRIC_COST_PER_MILLION,
    METRIC_COMPUTE_PER_MILLION,
    METRIC_LATENCY_P99,
    METRIC_MAX_MEMORY,
    METRIC_ERROR_RATE,
    METRIC_PACKAGE_SIZE,
    METRIC_THROUGHPUT,
    METRIC_CPU_MS,
    METRIC_COUNT
};

enum metric_unit { UNIT_MS, UNIT_USD, UNIT_MB, UNIT_BYTES, UNIT_SHARE, UNIT_PER_SECOND };

/* How the effect of a metric is estimated from the rounds (see stats/ and gate/evidence.c). */
enum metric_kind {
    KIND_QUANTILE,    /* a percentile of the warm calls */
    KIND_MEAN,        /* the mean of the warm calls */
    KIND_COLD_MEDIAN, /* the median of the cold calls, round by round */
    KIND_COLD_QUANTILE,
    KIND_COST,     /* the mixture of warm and cold billed time */
    KIND_MAXIMUM,  /* the largest value of a round */
    KIND_RATE,     /* a share of calls, compared exactly */
    KIND_CONSTANT, /* known without measuring */
};

struct metric {
    const char *id;
    const char *title; /* as a table's row: "P99 latency" */
    const char *noun;  /* as in a sentence: "P99" */
    enum metric_unit unit;
    enum metric_kind kind;
    double quantile;       /* of KIND_QUANTILE and KIND_COLD_QUANTILE; else 0 */
    bool higher_is_better; /* only throughput */
    const char *help;      /* one line for the documentation */
};

extern const struct metric metrics[METRIC_COUNT];

/* The row of that id, or NULL. */
const struct metric *metric_find(const char *id);
static inline enum metric_id metric_index(const struct metric *m)
{
    return (enum metric_id)(m - metrics);
}
/* "ms", "USD", "MB", "bytes", "share", "1/s": as in result.json. */
const char *metric_unit_name(enum metric_unit unit);

#endif
