/*
 * output.h - the files of a run and what is printed at its end.
 */
#ifndef LPG_CMD_OUTPUT_H
#define LPG_CMD_OUTPUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/plan.h"
#include "model/result.h"
#include "model/sample.h"

/* Where `run` leaves the result, unless it is told otherwise. */
#define OUTPUT_RESULT ".lambda-perf-gate/result.json"

struct output_options {
    const char *directory; /* NULL: write no files */
    const char *colour;
    bool json; /* print result.json instead of the report */
    bool verbose;
};

/*
 * Makes sure before anything is measured that the folder can be written to, and removes the reports
 * of an earlier run.
 */
int output_prepare(const char *directory, struct error *e);
/* Keeps what a build command printed: build-FUNCTION-SIDE.log. */
int output_build_log(const char *directory, const char *function, enum side side,
                     const struct buf *text, struct error *e);
/*
 * Writes result.json, samples.ndjson and every report, then prints the report. The report is
 * printed in any case.
 */
int output_write(const struct output_options *o, const struct plan *plan, const struct result *r,
                 const struct series *series, struct error *e);
/* Reads a result.json again; NULL and an error that names the file when it is not one. */
struct result *output_read(const char *path, struct error *e);
/* Prints the report alone. */
int output_print(const struct output_options *o, const struct result *r, struct error *e);

#endif
