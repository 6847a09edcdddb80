/*
 * report_line.h - the lines that the platform itself writes into a function's log.
 *
 * Text lines are tab-separated with a tab at the end, as Lambda prints them; in the JSON log
 * format they are the event objects of Lambda's Telemetry API ("Lambda Telemetry API Event schema
 * reference"). Each function appends one line with its newline, or nothing where the format or
 * the function's system log level has none.
 */
#ifndef LPG_SANDBOX_REPORT_LINE_H
#define LPG_SANDBOX_REPORT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "sandbox/function.h"

enum report_status { REPORT_SUCCESS, REPORT_ERROR, REPORT_TIMEOUT };

/* What a REPORT line tells. */
struct report {
    const char *request_id;
    uint64_t duration_ns;
    uint64_t init_ns; /* 0: no Init Duration; else it is billed too */
    unsigned max_memory_mb;
    enum report_status status;
    const char *error_type; /* for REPORT_ERROR; NULL: the function reported an error of its own */
};

/* Whole milliseconds that are paid for: rounded up, once, over what was used together. */
uint64_t report_billed_ms(const struct report *r);

void report_add_init_start(struct buf *out, const struct function *f, const char *runtime_label);
void report_add_start(struct buf *out, const struct function *f, const char *request_id);
void report_add_end(struct buf *out, const struct function *f, const char *request_id);
void report_add_report(struct buf *out, const struct function *f, const struct report *r);
/* An initialisation that failed; `phase` is "init", or "invoke" for the second try. */
void report_add_init_report(struct buf *out, const struct function *f, const char *phase,
                            const struct report *r);

#endif
