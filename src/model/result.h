/*
 * result.h - the outcome of a run: the one document from which every report is made, and its JSON
 * form.
 *
 * `run` fills it, result_write() makes result.json of it, result_read() reads it back; `report`,
 * `compare` and the comment need nothing else. A number that was not measured is NaN here, absent
 * in the JSON and "not measured" in every report. A result and everything in it live in one arena.
 */
#ifndef LPG_MODEL_RESULT_H
#define LPG_MODEL_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "model/metric.h"
#include "model/sample.h"
#include "model/verdict.h"

#define RESULT_SCHEMA "lambda-perf-gate/result/1"

enum { RESULT_LIMITS_MAX = 4 };
/* Below this every whole number is exact in JSON; a larger seed is written as text. */
#define RESULT_EXACT_MAX (UINT64_C(1) << 53)

struct result_side {
    const char *source; /* "git:41d0e7c", "worktree", "directory fast", "zip a.zip" */
    const char *sha;    /* commit, when there is one; NULL */
};

struct result_target {
    const char *kind;    /* "embedded", "aws", "endpoint" */
    bool shaped;         /* CPU and memory limited as Lambda does */
    const char *shaping; /* "cgroup v1", "cgroup v2", "none"; NULL: real Lambda */
    const char *note;    /* why it is not shaped; NULL */
    const char *region;  /* NULL: none */
};

struct result_metric {
    const struct metric *metric;
    double baseline, candidate; /* in the metric's unit */
    /* of the estimate: what the verdict is about, not the ratio of the two columns */
    double change_pct;
    double ci_low_pct, ci_high_pct;        /* 95 % interval of the change */
    const char *limits[RESULT_LIMITS_MAX]; /* as written in perf.yml */
    unsigned limit_count;
    unsigned line; /* of the limit in perf.yml; 0: none */
    enum verdict verdict;
    double noise_floor_pct; /* half width of the interval if nothing had changed */
    double detectable_pct;  /* the smallest change that this evidence would not have missed */
    double rounds_needed;   /* rounds until the limit could be judged, when inconclusive */
    const char *reason;     /* one sentence: what was decided and why */
};

struct result_event {
    const char *name;
    uint64_t calls[SIDE_COUNT];              /* measured warm calls that were ok */
    double p50[SIDE_COUNT], p99[SIDE_COUNT]; /* ms; NaN: too few calls */
};

struct result_package {
    const char *sha256;
    uint64_t bytes;
};

struct result_function {
    const char *name;
    enum verdict verdict;
    const char *headline; /* one sentence for a reviewer: the verdict with its cause */
    const char *runtime;  /* as configured: "python3.12" */
    /* what ran it: "built-in Python loop, CPython 3.11.2"; NULL: real Lambda */
    const char *runtime_label;
    const char *architecture;
    unsigned memory_mb;
    bool identical;             /* same package and configuration: nothing was invoked */
    bool baseline_stored;       /* the baseline is an older measurement, not one of this run */
    unsigned baseline_sessions; /* of a stored baseline: how many measurements; 0: not known */
    const char
        *baseline_measured;   /* "2026-11-02T08:15:00Z", "2026-11-02 to ..."; NULL: not known */
    double session_noise_pct; /* sd between sessions that was assumed; NaN: their own scatter */
    unsigned rounds;          /* measured and used */
    unsigned rounds_dropped;
    unsigned rounds_max;
    unsigned environments, calls; /* of a round */
    const char *schedule;         /* "alternating, 1 environment at a time" */
    const char *deployment;       /* what else than perf.yml decided on it; NULL: nothing */
    double invocations_per_month; /* 0: not given */
    double cold_start_rate;
    unsigned concurrency; /* that throughput is stated for */
    struct result_metric *metrics;
    size_t metric_count;
    struct accounting accounting[SIDE_COUNT];
    struct result_package package[SIDE_COUNT];
    struct result_event *events;
    size_t event_count;
    const char **warnings; /* guards that spoke: "the machine was busy: ..." */
    size_t warning_count;
};

struct result {
    struct arena arena;
    enum verdict verdict;
    enum exit_code exit_code;
    const char *headline;
    uint64_t seed;
    const char *tool_version;
    const char *started; /* ISO 8601, UTC */
    struct result_side side[SIDE_COUNT];
    struct result_target target;
    const char *prices; /* "AWS price list of 2026-09-19, us-east-1" */
    struct result_function *functions;
    size_t function_count;
    uint64_t invocations;
    double usd; /* NaN: not known */
    double seconds;
    unsigned resources_created, resources_removed;
    const char *reproduce; /* a command line */
    const char **errors;   /* what stopped the run, when the verdict is error */
    size_t error_count;
};

/* An empty result: verdict error, all numbers zero. */
struct result *result_new(void);
void result_free(struct result *r);
/* A metric with nothing measured, for the function's arrays. */
struct result_metric result_metric_none(const struct metric *m);
const struct result_metric *result_find(const struct result_function *f, enum metric_id id);

/* result.json: the same result gives the same bytes. */
void result_write(const struct result *r, struct buf *out);
/*
 * Reads one, so that writing it again gives the same bytes. What is absent is "not measured"; a
 * value of the wrong kind, an unknown metric, another schema or a verdict that is better than its
 * parts allow is ERROR_INPUT, naming the key.
 */
struct result *result_read(const char *text, size_t length, struct error *e);

#endif
