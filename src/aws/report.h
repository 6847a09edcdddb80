/*
 * report.h - reading what Lambda says of an invocation at the end of its log: the REPORT line.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html and, for the JSON
 * form, https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 *
 * A function can print any text, also a line that looks like a REPORT. So a line counts only when
 * it names the request that was made, there is exactly one of it, and nothing but an X-Ray line
 * stands behind it; a second one makes the whole invocation REPORT_TAMPERED. Lines are read by key,
 * not by position: their order, number and spelling of extra fields have changed over the years.
 */
#ifndef LPG_AWS_REPORT_H
#define LPG_AWS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum report_state {
    REPORT_MISSING, /* no line for this request: there is no server timing, which is not the same as 0 */
    REPORT_FOUND,
    REPORT_TAMPERED, /* more than one, or one that contradicts itself */
};

/* Fields that the line did not have are SAMPLE_NONE, or 0 for the memory sizes. */
struct report {
    enum report_state state;
    uint32_t duration_10us; /* hundredths of a millisecond, as printed */
    uint32_t billed_ms;
    uint32_t init_10us;    /* Init Duration */
    uint32_t restore_10us; /* Restore Duration (SnapStart) */
    uint16_t memory_mb;
    uint16_t max_memory_mb;
    bool timed_out; /* Status: timeout */
    bool failed;    /* Status: error or failure */
};

/* Reads the decoded log tail of the invocation whose x-amzn-RequestId was `request_id`. */
struct report report_parse(const char *tail, size_t length, const char *request_id);

#endif
