/*
 * price_offer.h - reads the price list that AWS publishes: one region's offer file of Lambda.
 *
 * https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-ppslong.html - the files need
 * no credentials. An offer file lists products with attributes (group "AWS-Lambda-Duration", ...)
 * and, by the product's SKU, terms with prices in tiers; ours is always the first tier.
 */
#ifndef LPG_GATE_PRICE_OFFER_H
#define LPG_GATE_PRICE_OFFER_H

#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"
#include "gate/price.h"

#define PRICE_OFFER_HOST  "https://pricing.us-east-1.amazonaws.com"
#define PRICE_OFFER_INDEX "/offers/v1.0/aws/AWSLambda/current/region_index.json"

/*
 * The prices of a region's offer file. Region and day are put into the arena; the day is that of
 * publication, "2026-11-20". ERROR_INPUT for another document, for a price that is missing and for
 * a list in another currency than US dollars.
 */
int price_offer_read(const char *text, size_t length, struct arena *arena, struct price *out,
                     const char **published, struct error *e);

#endif
