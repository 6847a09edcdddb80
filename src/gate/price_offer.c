#include "gate/price_offer.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"

enum { DAY_LENGTH = 10 };

/* The products that an invocation is charged by. */
static const struct {
    const char *group;
    size_t offset;
    bool optional; /* some regions have no arm64 */
} wanted[] = {
    {"AWS-Lambda-Duration", offsetof(struct price, gb_second_x86_pico), false},
    {"AWS-Lambda-Duration-ARM", offsetof(struct price, gb_second_arm_pico), true},
    {"AWS-Lambda-Requests", offsetof(struct price, request_pico), false},
    {"AWS-Lambda-Storage-Duration", offsetof(struct price, storage_gb_second_pico), false},
};

/* Products of the free tier are listed for the location "Any". */
static const struct json *product_of(const struct json *products, const char *group)
{
    for (const struct json *p = json_first(products); p; p = json_next(p)) {
        const struct json *a = json_get(p, "attributes");
        if (!strcmp(json_get_string(a, "group", ""), group) &&
            strcmp(json_get_string(a, "location", "Any"), "Any") != 0)
            return p;
    }
    return NULL;
}

/* The price of the tier that begins at 0; NULL when there is none. */
static const struct json *first_tier(const struct json *terms)
{
    for (const struct json *t = json_first(terms); t; t = json_next(t)) {
        const struct json *tiers = json_get(t, "priceDimensions");
        for (const struct json *d = json_first(tiers); d; d = json_next(d))
            if (!strcmp(json_get_string(d, "beginRange", "0"), "0"))
                return json_get(d, "pricePerUnit");
    }
    return NULL;
}

static int read_price(const struct json *root, const char *group, int64_t *pico, struct error *e)
{
    const struct json *product = product_of(json_get(root, "products"), group);
    const char *sku = json_get_string(product, "sku", json_key(product));
    if (!product || !sku)
        return error_set(e, ERROR_INPUT, "the price list has no product of group %s", group);
    const struct json *on_demand = json_get(json_get(root, "terms"), "OnDemand");
    const struct json *price = first_tier(json_get(on_demand, sku));
    const char *usd = json_get_string(price, "USD", NULL);
    if (price && !usd)
        return error_set(e, ERROR_INPUT, "the price list is not in US dollars: %s costs %s", group,
                         json_first(price) ? json_key(json_first(price)) : "nothing");
    if (!usd || !units_parse_usd_pico(usd, pico))
        return error_set(e, ERROR_INPUT, "the price list has no price of %s", group);
    return 0;
}

static const char *region_of(const struct json *root)
{
    const struct json *product = product_of(json_get(root, "products"), wanted[0].group);
    return json_get_string(json_get(product, "attributes"), "regionCode", NULL);
}

static int read_offer(const struct json *root, struct arena *arena, struct price *out,
                      const char **published, struct error *e)
{
    struct price p = {0};
    const char *day = json_get_string(root, "publicationDate", "");
    if (strcmp(json_get_string(root, "offerCode", ""), "AWSLambda") != 0)
        return error_set(e, ERROR_INPUT, "this is no price list of AWS Lambda");
    const char *region = region_of(root);
    if (!region || strlen(day) < DAY_LENGTH)
        return error_set(e, ERROR_INPUT, "the price list does not say its region and day");
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        int64_t *pico = (int64_t *)((char *)&p + wanted[i].offset);
        bool absent = !product_of(json_get(root, "products"), wanted[i].group);
        if (wanted[i].optional && absent)
            continue;
        if (read_price(root, wanted[i].group, pico, e))
            return -1;
    }
    p.region = arena_strdup(arena, region);
    *published = arena_strndup(arena, day, DAY_LENGTH);
    *out = p;
    return 0;
}

int price_offer_read(const char *text, size_t length, struct arena *arena, struct price *out,
                     const char **published, struct error *e)
{
    struct json *root = json_parse(text, length, e);
    int failed = root ? read_offer(root, arena, out, published, e) : -1;
    json_free(root);
    return failed;
}
