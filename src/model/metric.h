/*
 * metric.h - the metrics: one row each. Everything that lists metrics reads these rows.
 *
 * To add a metric: an id here, its row in metric.c, and its recipe in gate/evidence.c.
 *
 * A function may have a few more, of its own: "custom.NAME", values that it writes into its log. Their
 * rows live in the arena of the plan (or of the result that was read), numbered behind the others.
 */
#ifndef LPG_MODEL_METRIC_H
#define LPG_MODEL_METRIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

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

enum {
    METRIC_CUSTOM_MAX = 8, /* of one function */
    METRIC_SLOTS = METRIC_COUNT + METRIC_CUSTOM_MAX,
    METRIC_NAME_MAX = 40, /* of a custom metric, without "custom." */
};

enum metric_unit {
    UNIT_MS,
    UNIT_USD,
    UNIT_MB,
    UNIT_BYTES,
    UNIT_SHARE,
    UNIT_PER_SECOND,
    UNIT_NUMBER
};

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
    bool higher_is_better; /* throughput, and custom ones that say so */
    const char *help;      /* one line for the documentation */
    unsigned index;        /* its metric_id; METRIC_COUNT + n: the function's nth custom one */
};

/* What a custom metric may be: a statistic of the invocations' values. */
struct metric_statistic {
    const char *name; /* "mean", "p99", "max" */
    enum metric_kind kind;
    double quantile;
};

/* What a custom metric may be written in; all are turned into one of the units above. */
struct metric_measure {
    const char *name; /* "ms", "s", "count" */
    enum metric_unit unit;
    double factor; /* from what is written to `unit` */
};

struct metric_custom {
    const char *name; /* "db_ms": [A-Za-z][A-Za-z0-9_]{0,39} */
    enum metric_unit unit;
    const struct metric_statistic *statistic;
    bool higher_is_better;
    unsigned slot; /* 0 .. METRIC_CUSTOM_MAX - 1 */
};

extern const struct metric metrics[METRIC_COUNT];

/* The row of that id, or NULL. */
const struct metric *metric_find(const char *id);
/* Below METRIC_SLOTS, and from METRIC_COUNT on for a custom metric. */
static inline enum metric_id metric_index(const struct metric *m)
{
    return (enum metric_id)m->index;
}
static inline bool metric_is_custom(const struct metric *m)
{
    return m->index >= METRIC_COUNT;
}
/* "ms", "USD", "MB", "bytes", "share", "1/s", "count": as in result.json. */
const char *metric_unit_name(enum metric_unit unit);

/* The row of a custom metric; its texts are put into the arena. */
struct metric metric_custom_row(struct arena *arena, const struct metric_custom *custom);
/* NAME of "custom.NAME", when that is a name; else NULL. */
const char *metric_custom_name(const char *id);
bool metric_valid_name(const char *name);
/* NULL: no such. */
const struct metric_statistic *metric_statistic_find(const char *name);
const struct metric_measure *metric_measure_find(const char *name);
/* Whether a unit of result.json is one that a custom metric can have; then it is in *unit. */
bool metric_custom_unit(const char *name, enum metric_unit *unit);
/* "mean", "p99", "max": the statistic of a custom metric's row. */
const char *metric_statistic_name(const struct metric *m);

#endif
