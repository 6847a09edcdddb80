/*
 * price.h - what Lambda charges, by region and architecture, and what an invocation costs.
 *
 * https://aws.amazon.com/lambda/pricing/ - first tier, without the free tier (it would hide
 * regressions). Money is integer pico-dollars: a millionth of a millionth of a dollar.
 */
#ifndef LPG_GATE_PRICE_H
#define LPG_GATE_PRICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct price {
    const char *region;
    int64_t gb_second_x86_pico;
    int64_t gb_second_arm_pico; /* 0: the region has no arm64 */
    int64_t request_pico;
    int64_t storage_gb_second_pico; /* /tmp above 512 MB */
};

/* The date and source of the built-in table, for reports; newer prices are in a price_book. */
extern const char price_source[];

/* The prices of a region; NULL when the table does not have it, or `region` is NULL. */
const struct price *price_find(const char *region);
/* The rows of the table, sorted by region; NULL behind the last one. */
const struct price *price_at(size_t i);

/* Whether there is a price for functions of that architecture; NULL covers nothing. */
bool price_covers(const struct price *p, const char *architecture);

/* How a function is charged. */
struct tariff {
    double usd_per_ms; /* of Billed Duration: memory and ephemeral storage together */
    double usd_per_request;
};
struct tariff price_tariff(const struct price *p, const char *architecture, unsigned memory_mb,
                           unsigned ephemeral_mb);

/* The usual arithmetic: memory x duration x $0.0000166667 per GB-second, per million calls. */
double price_compute_per_million(unsigned memory_mb, double duration_ms);

#endif
