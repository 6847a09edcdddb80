/*
 * measurement.h - a stored measurement: a samples file, and the result.json beside it, which tells
 * when, of what commit and on what it was made. What `compare` with a stored baseline reads.
 */
#ifndef LPG_CMD_MEASUREMENT_H
#define LPG_CMD_MEASUREMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/plan.h"
#include "model/result.h"
#include "model/sample.h"

struct measurement {
    const char *path;   /* of the samples */
    enum side side;     /* which of its sides is meant */
    struct result *run; /* of the result.json; NULL: there is none that belongs to the samples */
    struct series series;
};

/*
 * Reads both. Samples of functions that the plan does not have get the index behind its last one
 * where `lenient`, and are ERROR_INPUT otherwise. A result.json that counts other invocations than
 * the file holds is of another run, and taken for none; a damaged one is ERROR_INPUT.
 */
int measurement_read(struct measurement *m, const struct plan *plan, bool lenient, struct error *e);
void measurement_release(struct measurement *m);

/* The function's part of the result.json; NULL without one. */
const struct result_function *measurement_function(const struct measurement *m, const char *name);
size_t measurement_calls(const struct measurement *m, unsigned function);

/*
 * ERROR_INPUT when two of them share an invocation, or hold the same samples: such measurements are
 * not independent.
 */
int measurements_are_distinct(const struct measurement *items, size_t count, struct error *e);

/*
 * ERROR_INPUT that names what makes the numbers of a function incomparable: target, CPU limits,
 * region, architecture, memory, the mix of events.
 */
int measurements_are_comparable(const struct measurement *a, const struct measurement *b,
                                const struct plan_function *f, unsigned function, struct error *e);

#endif
