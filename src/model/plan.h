/*
 * plan.h - what a run is to do: the contents of perf.yml with all defaults filled in. Plain data.
 *
 * A plan and everything in it live in one arena; config/ fills it, everybody else only reads it.
 */
#ifndef LPG_MODEL_PLAN_H
#define LPG_MODEL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "model/metric.h"

struct plan_variable {
    const char *name;
    const char *value;
};

/* What an answer must be like for the call to count as good. */
struct plan_expect {
    const char *path;   /* "statusCode", "body.items.0.id"; NULL: nothing is expected */
    const char *equals; /* the expected value as JSON text: 200, "ok", true */
};

struct plan_event {
    const char *name;    /* file name or "inline 2": for tables and messages */
    const char *payload; /* JSON text */
    size_t payload_length;
    double weight; /* relative, > 0 */
    struct plan_expect expect;
};

struct plan_stage {
    double seconds;
    double rate; /* arrivals per second at the end of the stage; the first starts from `rate` */
};

/* How the calls of a round are sent. */
struct plan_load {
    double rate; /* open loop: arrivals per second and side; 0: closed loop */
    /* environments that may work at the same time, per side; 0: chosen by the target */
    unsigned concurrency;
    const struct plan_stage *stages;
    size_t stage_count;
};

struct plan_rounds {
    unsigned min;
    unsigned max;
    unsigned step;         /* a look at the evidence after every `step` rounds from `min` on */
    unsigned environments; /* fresh execution environments per side and round */
    unsigned calls;        /* measured warm calls per environment */
};

struct plan_traffic {
    double invocations_per_month; /* 0: not given */
    double cold_start_rate;       /* share of production calls that are cold */
};

enum limit_kind {
    LIMIT_INCREASE_PCT, /* "+10%": value 0.10 */
    LIMIT_INCREASE_ABS, /* "+5ms": value in the metric's unit */
    LIMIT_MAXIMUM,      /* "< 800ms" or "<= 0%": value in the metric's unit */
};

struct plan_limit {
    const struct metric *metric;
    enum limit_kind kind;
    double value;
    bool inclusive;   /* "<=" */
    const char *text; /* as written: "+10%" */
    unsigned line;    /* in perf.yml, for annotations; 0: a default */
};

/* A metric of the function's own: `custom.NAME`. */
struct plan_custom {
    struct metric metric;
    const char *name;
    const char *path; /* "timing.db" in a log line that is JSON; NULL: embedded metric format */
    double factor;    /* from what the log holds to the metric's unit */
};

/* Keys that say something of their own, so that a reference function does not. */
enum plan_given {
    PLAN_GAVE_MEMORY = 1,
    PLAN_GAVE_TIMEOUT = 2,
    PLAN_GAVE_EPHEMERAL = 4,
    PLAN_GAVE_ARCHITECTURE = 8,
    PLAN_GAVE_LOG_FORMAT = 16,
};

/* What a function gets from one that is deployed already; never from perf.yml. */
struct plan_reference {
    const char *role;
    const char *members;   /* JSON object: further members of CreateFunction */
    const char *log_level; /* of JSON logs; NULL: Lambda's default */
    bool slow;             /* takes minutes to make: a VPC, SnapStart */
    bool snap_start;       /* only its published versions are to be called */
};

struct plan_function {
    const char *name;
    const char *source;  /* folder, relative to perf.yml */
    const char *build;   /* shell command; NULL: nothing to build */
    const char *package; /* zip or folder, relative to source; NULL: the source itself */
    const char *runtime;
    const char *handler;
    const char *architecture; /* "x86_64" or "arm64" */
    unsigned memory_mb;
    unsigned timeout_s;
    unsigned ephemeral_mb;
    bool json_logs;
    unsigned given; /* enum plan_given: what perf.yml or its template says */
    const struct plan_reference *reference; /* NULL: none */
    const char *deployment; /* how it is deployed, for the report; NULL: as perf.yml says */
    const struct plan_variable *environment;
    size_t environment_count;
    const struct plan_event *events; /* at least one */
    size_t event_count;
    struct plan_load load;
    struct plan_rounds rounds;
    struct plan_traffic traffic;
    const struct plan_limit *limits; /* in the order written */
    size_t limit_count;
    const struct plan_custom *custom; /* custom[i].metric.index is METRIC_COUNT + i */
    size_t custom_count;              /* at most METRIC_CUSTOM_MAX */
    unsigned line;                    /* in perf.yml */
};

struct plan {
    struct arena arena;
    const char *path;      /* of perf.yml, as given */
    const char *directory; /* of perf.yml; "." when it has none */
    const struct plan_function *functions;
    size_t function_count;
};

struct plan *plan_new(void);
void plan_free(struct plan *p);
const struct plan_function *plan_find(const struct plan *p, const char *name);
/* Whether its calls arrive at a rate, whatever has been answered. */
bool plan_is_open_loop(const struct plan_function *f);
/* All metrics of a function, its own behind the others: for i below plan_metric_count(). */
size_t plan_metric_count(const struct plan_function *f);
const struct metric *plan_metric(const struct plan_function *f, size_t i);
/* The metric of that id, or NULL. */
const struct metric *plan_metric_find(const struct plan_function *f, const char *id);

/*
 * Defaults of perf.yml, in one place: config/ fills them in, the schema and the documentation show
 * them.
 */
#define PLAN_DEFAULT_MEMORY_MB    128u
#define PLAN_DEFAULT_TIMEOUT_S    3u
#define PLAN_DEFAULT_EPHEMERAL_MB 512u
#define PLAN_DEFAULT_ROUNDS       ((struct plan_rounds){10, 120, 2, 5, 20})
/* Where no region is given: whose prices are charged, and for which one requests are signed. */
#define PLAN_DEFAULT_REGION    "us-east-1"
#define PLAN_DEFAULT_COLD_RATE 0.01

#endif
