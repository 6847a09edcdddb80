#include "gate/price.h"

#include <string.h>

#include "base/mem.h"
#include "base/units.h"

const char price_source[] = "AWS price list of 2026-09-19";

/* Pico-dollars per GB-second (x86, arm), per request, per GB-second of /tmp. Sorted by region. */
#define STANDARD(region)                                                                           \
    {                                                                                              \
        region, 16666700, 13333400, 200000, 30900                                                  \
    }
static const struct price prices[] = {
    {"af-south-1", 22100000, 17680000, 270000, 30900},
    {"ap-east-1", 22920000, 18300000, 280000, 30900},
    STANDARD("ap-northeast-1"),
    STANDARD("ap-northeast-2"),
    STANDARD("ap-northeast-3"),
    STANDARD("ap-south-1"),
    STANDARD("ap-southeast-1"),
    STANDARD("ap-southeast-2"),
    STANDARD("ca-central-1"),
    STANDARD("eu-central-1"),
    {"eu-central-2", 18333400, 14666700, 220000, 30900},
    STANDARD("eu-north-1"),
    {"eu-south-1", 19517200, 15613800, 230000, 30900},
    STANDARD("eu-west-1"),
    STANDARD("eu-west-2"),
    STANDARD("eu-west-3"),
    {"il-central-1", 17500000, 14000000, 210000, 30900},
    {"me-central-1", 20666700, 16533400, 250000, 30900},
    {"me-south-1", 20666700, 16533400, 250000, 30900},
    {"sa-east-1", 16666700, 13333400, 200000, 58600},
    STANDARD("us-east-1"),
    STANDARD("us-east-2"),
    STANDARD("us-west-1"),
    STANDARD("us-west-2"),
};

const struct price *price_find(const char *region)
{
    for (size_t i = 0; region && i < ARRAY_LEN(prices); i++)
        if (!strcmp(prices[i].region, region))
            return &prices[i];
    return NULL;
}

const struct price *price_at(size_t i)
{
    return i < ARRAY_LEN(prices) ? &prices[i] : NULL;
}

bool price_covers(const struct price *p, const char *architecture)
{
    return p && (strcmp(architecture, "arm64") ? p->gb_second_x86_pico : p->gb_second_arm_pico) > 0;
}

struct tariff price_tariff(const struct price *p, const char *architecture, unsigned memory_mb,
                           unsigned ephemeral_mb)
{
    int64_t gb_second =
        strcmp(architecture, "arm64") ? p->gb_second_x86_pico : p->gb_second_arm_pico;
    double extra_mb = ephemeral_mb > 512 ? ephemeral_mb - 512 : 0;
    double pico_per_second =
        (memory_mb * (double)gb_second + extra_mb * (double)p->storage_gb_second_pico) / 1024;
    return (struct tariff){
        .usd_per_ms = pico_per_second / 1000 / (double)PICO_PER_USD,
        .usd_per_request = (double)p->request_pico / (double)PICO_PER_USD,
    };
}

double price_compute_per_million(unsigned memory_mb, double duration_ms)
{
    static const double usd_per_gb_second = 0.0000166667;
    return 1e6 * (memory_mb / 1024.0) * (duration_ms / 1000) * usd_per_gb_second;
}
