/*
 * custom.h - reading the values of a function's own metrics from the log of an invocation.
 *
 * A value stands in a line that is a JSON object: either under its path, or as a metric of
 * CloudWatch's embedded metric format, where `_aws.CloudWatchMetrics[].Metrics[].Name` names a key
 * of the object:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * The object may stand behind what a runtime's logger puts in front of it (fields that end with
 * tabs), and may be the `message`, as an object or as text, of a record of Lambda's JSON log format.
 * Lines of the platform itself are left out.
 *
 * An invocation has one value: the sum of all its observations, so that ten queries of 5 ms count as
 * 50 ms. A sum needs all of the log, of which Lambda returns the last 4 KB: where the line that
 * starts the invocation is missing, nothing was measured. The function may print what it likes; one
 * value that is no number (or negative, or too large) leaves the metric unmeasured, too.
 */
#ifndef LPG_AWS_CUSTOM_H
#define LPG_AWS_CUSTOM_H

#include <stddef.h>

#include "model/plan.h"

struct custom_query {
    const struct plan_custom *custom; /* at most METRIC_CUSTOM_MAX */
    size_t count;
    const char *request_id; /* of the invocation */
};

/*
 * Reads the decoded log tail. values[i] is that of custom[i] in the unit of its metric, 0 or more;
 * NaN: not measured.
 */
void custom_parse(const struct custom_query *q, const char *tail, size_t length, double *values);

#endif
