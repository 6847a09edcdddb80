#include "model/metric.h"

#include <string.h>

const struct metric metrics[METRIC_COUNT] = {
    [METRIC_P50] = {"p50", "P50 duration", "P50", UNIT_MS, KIND_QUANTILE, .50, false,
                    "median Duration of warm invocations, as Lambda reports it"},
    [METRIC_P90] = {"p90", "P90 duration", "P90", UNIT_MS, KIND_QUANTILE, .90, false,
                    "90th percentile of the Duration of warm invocations"},
    [METRIC_P95] = {"p95", "P95 duration", "P95", UNIT_MS, KIND_QUANTILE, .95, false,
                    "95th percentile of the Duration of warm invocations"},
    [METRIC_P99] = {"p99", "P99 duration", "P99", UNIT_MS, KIND_QUANTILE, .99, false,
                    "99th percentile of the Duration of warm invocations"},
    [METRIC_MEAN] = {"mean", "Average duration", "The average duration", UNIT_MS, KIND_MEAN, 0,
                     false, "mean Duration of warm invocations"},
    [METRIC_COLD_START] =
        {"cold_start", "Cold start", "Cold start", UNIT_MS, KIND_COLD_MEDIAN, 0, false,
         "median Init Duration (or Restore Duration) of fresh execution environments"},
    [METRIC_COLD_P90] = {"cold_p90", "Cold start P90", "Cold start P90", UNIT_MS,
                         KIND_COLD_QUANTILE, .90, false, "90th percentile of Init Duration"},
    [METRIC_COLD_TOTAL] =
        {"cold_total", "Cold start and first call", "The first call with its cold start", UNIT_MS,
         KIND_COLD_MEDIAN, 0, false,
         "median of Init Duration plus Duration of an environment's first invocation"},
    [METRIC_COST_PER_MILLION] =
        {"cost_per_million", "Cost per million", "Cost per million invocations", UNIT_USD,
         KIND_COST, 0, false,
         "Billed Duration x memory x price, plus the request price, warm and cold calls mixed "
         "by cold_start_rate"},
    [METRIC_COMPUTE_PER_MILLION] =
        {"compute_per_million", "Compute per million", "Compute cost per million", UNIT_USD,
         KIND_MEAN, 0, false,
         "mean Duration x memory x $0.0000166667 per GB-second, without the request price"},
    [METRIC_LATENCY_P99] =
        {"latency_p99", "P99 latency at the client", "P99 latency at the client", UNIT_MS,
         KIND_QUANTILE, .99, false,
         "99th percentile of the time from the intended send to the whole answer"},
    [METRIC_MAX_MEMORY] = {"max_memory", "Memory used", "Memory use", UNIT_MB, KIND_MAXIMUM, 0,
                           false, "Max Memory Used"},
    [METRIC_ERROR_RATE] = {"error_rate", "Error rate", "The error rate", UNIT_SHARE, KIND_RATE, 0,
                           false, "share of invocations that failed: function errors and timeouts"},
    [METRIC_PACKAGE_SIZE] = {"package_size", "Package size", "The package", UNIT_BYTES,
                             KIND_CONSTANT, 0, false, "size of the deployment package (zip)"},
    [METRIC_THROUGHPUT] =
        {"throughput", "Throughput at the limit", "Throughput", UNIT_PER_SECOND, KIND_MEAN, 0, true,
         "invocations per second that the concurrency limit sustains: concurrency / mean Duration"},
    [METRIC_CPU_MS] = {"cpu_ms", "CPU time", "CPU time", UNIT_MS, KIND_MEAN, 0, false,
                       "CPU time of a warm invocation (embedded Lambda only)"},
};

static const char *const unit_names[] = {
    [UNIT_MS] = "ms",       [UNIT_USD] = "USD",     [UNIT_MB] = "MB",
    [UNIT_BYTES] = "bytes", [UNIT_SHARE] = "share", [UNIT_PER_SECOND] = "1/s",
};

const struct metric *metric_find(const char *id)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        if (!strcmp(metrics[i].id, id))
            return &metrics[i];
    return NULL;
}

const char *metric_unit_name(enum metric_unit unit)
{
    return unit_names[unit];
}
