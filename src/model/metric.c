#include "model/metric.h"

#include <math.h>
#include <string.h>

static const char custom_prefix[] = "custom.";

const struct metric metrics[METRIC_COUNT] = {
    [METRIC_P50] = {"p50", "P50 duration", "P50", UNIT_MS, KIND_QUANTILE, .50, false,
                    "median Duration of warm invocations, as Lambda reports it", METRIC_P50},
    [METRIC_P90] = {"p90", "P90 duration", "P90", UNIT_MS, KIND_QUANTILE, .90, false,
                    "90th percentile of the Duration of warm invocations", METRIC_P90},
    [METRIC_P95] = {"p95", "P95 duration", "P95", UNIT_MS, KIND_QUANTILE, .95, false,
                    "95th percentile of the Duration of warm invocations", METRIC_P95},
    [METRIC_P99] = {"p99", "P99 duration", "P99", UNIT_MS, KIND_QUANTILE, .99, false,
                    "99th percentile of the Duration of warm invocations", METRIC_P99},
    [METRIC_MEAN] = {"mean", "Average duration", "The average duration", UNIT_MS, KIND_MEAN, 0,
                     false, "mean Duration of warm invocations", METRIC_MEAN},
    [METRIC_COLD_START] =
        {"cold_start", "Cold start", "Cold start", UNIT_MS, KIND_COLD_MEDIAN, 0, false,
         "median Init Duration (or Restore Duration) of fresh execution environments",
         METRIC_COLD_START},
    [METRIC_COLD_P90] = {"cold_p90", "Cold start P90", "Cold start P90", UNIT_MS,
                         KIND_COLD_QUANTILE, .90, false, "90th percentile of Init Duration",
                         METRIC_COLD_P90},
    [METRIC_COLD_TOTAL] =
        {"cold_total", "Cold start and first call", "The first call with its cold start", UNIT_MS,
         KIND_COLD_MEDIAN, 0, false,
         "median of Init Duration plus Duration of an environment's first invocation",
         METRIC_COLD_TOTAL},
    [METRIC_COST_PER_MILLION] =
        {"cost_per_million", "Cost per million", "Cost per million invocations", UNIT_USD,
         KIND_COST, 0, false,
         "Billed Duration x memory x price, plus the request price, warm and cold calls mixed "
         "by cold_start_rate",
         METRIC_COST_PER_MILLION},
    [METRIC_COMPUTE_PER_MILLION] =
        {"compute_per_million", "Compute per million", "Compute cost per million", UNIT_USD,
         KIND_MEAN, 0, false,
         "mean Duration x memory x $0.0000166667 per GB-second, without the request price",
         METRIC_COMPUTE_PER_MILLION},
    [METRIC_LATENCY_P99] =
        {"latency_p99", "P99 latency at the client", "P99 latency at the client", UNIT_MS,
         KIND_QUANTILE, .99, false,
         "99th percentile of the time from the intended send to the whole answer",
         METRIC_LATENCY_P99},
    [METRIC_MAX_MEMORY] = {"max_memory", "Memory used", "Memory use", UNIT_MB, KIND_MAXIMUM, 0,
                           false, "Max Memory Used", METRIC_MAX_MEMORY},
    [METRIC_ERROR_RATE] = {"error_rate", "Error rate", "The error rate", UNIT_SHARE, KIND_RATE, 0,
                           false, "share of invocations that failed: function errors and timeouts",
                           METRIC_ERROR_RATE},
    [METRIC_PACKAGE_SIZE] = {"package_size", "Package size", "The package", UNIT_BYTES,
                             KIND_CONSTANT, 0, false, "size of the deployment package (zip)",
                             METRIC_PACKAGE_SIZE},
    [METRIC_THROUGHPUT] =
        {"throughput", "Throughput at the limit", "Throughput", UNIT_PER_SECOND, KIND_MEAN, 0, true,
         "invocations per second that the concurrency limit sustains: concurrency / mean Duration",
         METRIC_THROUGHPUT},
    [METRIC_CPU_MS] = {"cpu_ms", "CPU time", "CPU time", UNIT_MS, KIND_MEAN, 0, false,
                       "CPU time of a warm invocation (embedded Lambda only)", METRIC_CPU_MS},
};

static const char *const unit_names[] = {
    [UNIT_MS] = "ms",        [UNIT_USD] = "USD",     [UNIT_MB] = "MB",
    [UNIT_BYTES] = "bytes",  [UNIT_SHARE] = "share", [UNIT_PER_SECOND] = "1/s",
    [UNIT_NUMBER] = "count",
};

static const struct metric_statistic statistics[] = {
    {"mean", KIND_MEAN, 0},      {"p50", KIND_QUANTILE, .50}, {"p90", KIND_QUANTILE, .90},
    {"p95", KIND_QUANTILE, .95}, {"p99", KIND_QUANTILE, .99}, {"max", KIND_MAXIMUM, 0},
};

static const struct metric_measure measures[] = {
    {"count", UNIT_NUMBER, 1}, {"ms", UNIT_MS, 1},      {"s", UNIT_MS, 1e3}, {"us", UNIT_MS, 1e-3},
    {"bytes", UNIT_BYTES, 1},  {"kB", UNIT_BYTES, 1e3}, {"MB", UNIT_MB, 1},
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

bool metric_valid_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return *name && strchr(letters, *name) && !name[length] && length <= METRIC_NAME_MAX;
}

const char *metric_custom_name(const char *id)
{
    return !strncmp(id, custom_prefix, sizeof custom_prefix - 1) &&
                   metric_valid_name(id + sizeof custom_prefix - 1)
               ? id + sizeof custom_prefix - 1
               : NULL;
}

const struct metric_statistic *metric_statistic_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(statistics); i++)
        if (!strcmp(statistics[i].name, name))
            return &statistics[i];
    return NULL;
}

const struct metric_measure *metric_measure_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(measures); i++)
        if (!strcmp(measures[i].name, name))
            return &measures[i];
    return NULL;
}

bool metric_custom_unit(const char *name, enum metric_unit *unit)
{
    const struct metric_measure *measure = metric_measure_find(name);
    if (!measure || strcmp(metric_unit_name(measure->unit), name) != 0)
        return false;
    *unit = measure->unit;
    return true;
}

const char *metric_statistic_name(const struct metric *m)
{
    for (size_t i = 0; i < ARRAY_LEN(statistics); i++)
        if (statistics[i].kind == m->kind && !(fabs(statistics[i].quantile - m->quantile) > 1e-9))
            return statistics[i].name;
    return "mean";
}

struct metric metric_custom_row(struct arena *arena, const struct metric_custom *c)
{
    const struct metric_statistic *s = c->statistic;
    const char *of = s->kind == KIND_MEAN ? "" : s->name;
    return (struct metric){
        .id = arena_printf(arena, "%s%s", custom_prefix, c->name),
        .title = arena_printf(arena, "%s%s%s", c->name, *of ? ", " : "", of),
        .noun = arena_printf(arena, "%s%s%s", of, *of ? " of " : "", c->name),
        .unit = c->unit,
        .kind = s->kind,
        .quantile = s->quantile,
        .higher_is_better = c->higher_is_better,
        .help = "a value that the function writes into its log",
        .index = METRIC_COUNT + c->slot,
    };
}
