/*
 * sample.h - one invocation, and the series of all invocations of a run, in the order of the run.
 *
 * Every scheduled invocation ends as exactly one sample with a status; none is ever left out or
 * sent twice. What was not measured is SAMPLE_NONE, and absent in samples.ndjson. A sample takes 72
 * bytes: keep the struct packed. The values of custom metrics stand beside the samples, in a table
 * that is there only when a function has some.
 */
#ifndef LPG_MODEL_SAMPLE_H
#define LPG_MODEL_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/plan.h"

enum side { SIDE_BASELINE, SIDE_CANDIDATE, SIDE_COUNT };

enum sample_status {
    SAMPLE_OK,
    SAMPLE_FUNCTION_ERROR, /* the function failed, or its answer is not what was expected */
    SAMPLE_TIMEOUT,        /* the function exceeded its timeout, or the client's deadline passed */
    SAMPLE_THROTTLED,      /* Lambda refused to run it (429) */
    SAMPLE_UNKNOWN,        /* sent, but no answer: nobody knows whether it ran */
    SAMPLE_TAMPERED,       /* the log holds a REPORT that is not to be believed */
    SAMPLE_STATUS_COUNT
};

#define SAMPLE_NONE UINT32_MAX /* a measurement that is not there */

struct sample {
    uint64_t sent_ns;       /* when it was sent, since the start of the run */
    uint32_t client_us;     /* from the intended send to the whole answer */
    uint32_t late_us;       /* how much later than intended it was sent */
    uint32_t duration_10us; /* Duration in hundredths of a millisecond, as REPORT prints it */
    uint32_t billed_ms;     /* Billed Duration */
    uint32_t init_10us;     /* Init Duration, or Restore Duration with SnapStart */
    uint32_t cpu_us;        /* CPU time of this invocation */
    /* position within its environment, or within its side and round when `env` is not known */
    uint32_t seq;
    /* position in the round: both sides get the same payload at the same position */
    uint32_t payload_index;
    uint16_t memory_mb;     /* Memory Size */
    uint16_t max_memory_mb; /* Max Memory Used; 0: not measured */
    uint16_t function;      /* index in the plan */
    uint16_t round;
    uint16_t env;   /* execution environment of its round and side; UINT16_MAX: not known */
    uint16_t event; /* index of the payload */
    uint8_t side;   /* enum side */
    uint8_t status; /* enum sample_status */
    bool cold;      /* Init or Restore Duration was reported */
    bool dropped;   /* of a round that was dropped whole; kept for the record, not judged */
    unsigned char request_id[16];
};

struct series {
    struct sample *items;
    size_t count, capacity;
    const struct plan *plan; /* whose custom metrics are recorded; NULL: none */
    double *custom;          /* custom_stride values per sample, NaN: not measured */
    size_t custom_stride, custom_capacity;
};

/* One side's account of a function: every scheduled invocation is in exactly one of them. */
struct accounting {
    uint64_t scheduled;
    uint64_t by_status[SAMPLE_STATUS_COUNT];
};

/* An empty series with room for the custom metrics of that plan, which must outlive it. */
void series_init(struct series *s, const struct plan *plan);
/* Forgets the samples and the plan. */
void series_release(struct series *s);
/* Appends a sample with nothing measured; valid until the next call. */
struct sample *series_add(struct series *s);
/* Appends a copy of sample `at` of another series of the same plan, with its custom values. */
void series_copy(struct series *s, const struct series *from, size_t at);
/* The values of the custom metrics of sample `at`; NULL when nothing is recorded. */
double *series_custom(const struct series *s, size_t at);
/* A value as it is stored: what samples.ndjson holds; NaN when it is negative, too large or none. */
double sample_custom_value(double value);

const char *side_name(enum side side);                     /* "baseline", "candidate" */
const char *sample_status_name(enum sample_status status); /* "ok", "function_error", ... */
int sample_status_parse(const char *name);                 /* -1: no such */

/* A measurement in milliseconds; NaN for SAMPLE_NONE. */
double sample_duration_ms(const struct sample *s);
double sample_billed_ms(const struct sample *s);
double sample_init_ms(const struct sample *s);
double sample_client_ms(const struct sample *s);
double sample_cpu_ms(const struct sample *s);

/*
 * One line of samples.ndjson, with its newline. `function` is the name; the sample's own index is
 * not written.
 */
void series_write(const struct series *s, size_t at, const char *function, struct buf *out);

/* Reads the text of a UUID; false when it is none. */
bool sample_request_id(const char *text, unsigned char id[16]);

/* Gives the index of a function name while reading; -1 refuses it. */
typedef int series_name_fn(void *context, const char *name);
/*
 * Reads samples.ndjson text behind what is there; errors name the line. A round in which an
 * environment of an earlier one goes on, by its name, is dropped: its environments were not fresh.
 */
int series_read(struct series *s, const char *text, size_t length, series_name_fn *index_of,
                void *context, struct error *e);

#endif
