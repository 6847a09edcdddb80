/* The built-in prices, those that were fetched, and the price list that AWS publishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gate/price_book.h"
#include "gate/price_offer.h"

static const struct price dearer = {"eu-west-1", 20000000, 15000000, 300000, 40000};
static const struct price new_region = {"mx-central-1", 17500000, 0, 210000, 32400};

static void fetched_prices_win(void **state)
{
    (void)state;
    const char *source = NULL;
    struct price_book *b = price_book_new();
    assert_ptr_equal(price_book_find(b, "eu-west-1", &source), price_find("eu-west-1"));
    assert_string_equal(source, price_source);
    price_book_put(b, &new_region, "2026-11-19");
    price_book_put(b, &dearer, "2026-11-20");
    assert_int_equal(price_book_find(b, "eu-west-1", &source)->request_pico, 300000);
    assert_string_equal(source, "AWS price list of 2026-11-20");
    assert_int_equal(price_book_find(b, "mx-central-1", NULL)->gb_second_x86_pico, 17500000);
    assert_ptr_equal(price_book_find(b, "us-east-1", NULL), price_find("us-east-1"));
    assert_null(price_book_find(b, "mars-north-1", NULL));
    assert_null(price_book_find(b, NULL, NULL));
    price_book_put(b, &(struct price){"eu-west-1", 1, 1, 1, 1}, "2026-12-01");
    assert_int_equal(price_book_find(b, "eu-west-1", &source)->request_pico, 1);
    assert_string_equal(source, "AWS price list of 2026-12-01");
    price_book_free(b);
    assert_ptr_equal(price_book_find(NULL, "eu-west-1", NULL), price_find("eu-west-1"));
}

/* Every region once, in order, whether it is built in, fetched or both. */
static void listing(void **state)
{
    (void)state;
    size_t builtin = 0, listed = 0;
    const char *before = "", *source;
    struct price_book *b = price_book_new();
    while (price_at(builtin))
        builtin++;
    price_book_put(b, &dearer, "2026-11-20");
    price_book_put(b, &new_region, "2026-11-20");
    price_book_put(b, &(struct price){"aa-first-1", 1, 1, 1, 1}, "2026-11-20");
    price_book_put(b, &(struct price){"zz-last-1", 1, 1, 1, 1}, "2026-11-20");
    for (const struct price *p; (p = price_book_at(b, listed, &source)); listed++) {
        assert_true(strcmp(before, p->region) < 0);
        assert_ptr_equal(p, price_book_find(b, p->region, NULL));
        before = p->region;
    }
    assert_int_equal(listed, builtin + 3);
    price_book_free(b);
    assert_null(price_book_at(NULL, builtin, &source));
    assert_non_null(price_book_at(NULL, builtin - 1, &source));
}

static void file_round_trip(void **state)
{
    (void)state;
    struct buf once, twice;
    struct error e = {0};
    struct price_book *b = price_book_new(), *again = price_book_new();
    buf_init(&once);
    buf_init(&twice);
    price_book_put(b, &new_region, "2026-11-19");
    price_book_put(b, &dearer, "2026-11-20");
    price_book_write(b, &once);
    assert_int_equal(price_book_read(again, once.data, once.length, &e), 0);
    price_book_write(again, &twice);
    assert_string_equal(once.data, twice.data);
    assert_int_equal(price_book_find(again, "mx-central-1", NULL)->storage_gb_second_pico, 32400);
    assert_false(price_covers(price_book_find(again, "mx-central-1", NULL), "arm64"));
    assert_true(price_covers(price_book_find(again, "mx-central-1", NULL), "x86_64"));
    buf_release(&once);
    buf_release(&twice);
    price_book_free(b);
    price_book_free(again);
}

#define ENTRY(region, published, x86, request)                                                     \
    "{\"region\":" region ",\"published\":" published ",\"x86_gb_second_usd\":" x86                \
    ",\"arm_gb_second_usd\":\"0\",\"request_usd\":" request                                        \
    ",\"storage_gb_second_usd\":\"0.00000003\"}"
#define FILE_OF(entries) "{\"schema\":\"lambda-perf-gate/prices/1\",\"prices\":[" entries "]}"
#define GOOD             ENTRY("\"eu-west-1\"", "\"2026-11-20\"", "\"0.00002\"", "\"0.0000002\"")

static void damaged_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "JSON"},
        {"[]", "schema"},
        {"{\"schema\":\"lambda-perf-gate/prices/2\",\"prices\":[]}", "schema"},
        {"{\"schema\":\"lambda-perf-gate/prices/1\"}", "prices is missing"},
        {FILE_OF(GOOD "," ENTRY("\"EU\"", "\"2026-11-20\"", "\"0.1\"", "\"0\"")),
         "prices.1.region"},
        {FILE_OF(ENTRY("\"x-1\"", "\"yesterday\"", "\"0.00001\"", "\"0\"")), "prices.0.published"},
        {FILE_OF(ENTRY("\"x-1\"", "\"2026-11-20\"", "0.00001", "\"0\"")),
         "prices.0.x86_gb_second_usd"},
        {FILE_OF(ENTRY("\"x-1\"", "\"2026-11-20\"", "\"1\"", "\"0\"")),
         "prices.0.x86_gb_second_usd"},
        {FILE_OF(ENTRY("\"x-1\"", "\"2026-11-20\"", "\"0.00001\"", "\"-1\"")),
         "prices.0.request_usd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct price_book *b = price_book_new();
        struct error e = {0};
        assert_int_equal(price_book_read(b, rows[i].text, strlen(rows[i].text), &e), -1);
        assert_int_equal(e.code, ERROR_INPUT);
        if (!strstr(e.text, rows[i].error))
            fail_msg("row %zu: %s", i, e.text);
        /* nothing of it was taken */
        assert_ptr_equal(price_book_find(b, "eu-west-1", NULL), price_find("eu-west-1"));
        price_book_free(b);
    }
}

/* ---- the published list, in the shape of AWS's bulk offer files ---- */

#define PRODUCT(sku, group, location)                                                              \
    "\"" sku "\":{\"sku\":\"" sku "\",\"attributes\":{\"group\":\"" group                          \
    "\",\"location\":\"" location "\",\"regionCode\":\"eu-central-2\"}}"
#define TIER(code, begin, currency, price)                                                         \
    "\"" code "\":{\"beginRange\":\"" begin "\",\"pricePerUnit\":{\"" currency "\":\"" price "\"}" \
    "}"
#define TERM(sku, tiers) "\"" sku "\":{\"" sku ".J\":{\"priceDimensions\":{" tiers "}}}"
#define OFFER(code, products, terms)                                                               \
    "{\"offerCode\":\"" code                                                                       \
    "\",\"publicationDate\":\"2026-11-20T18:33:16Z\",\"products\":{" products                      \
    "},\"terms\":{\"OnDemand\":{" terms "}}}"

#define X86     PRODUCT("A", "AWS-Lambda-Duration", "Europe (Zurich)")
#define FREE    PRODUCT("F", "AWS-Lambda-Duration", "Any")
#define ARM     PRODUCT("B", "AWS-Lambda-Duration-ARM", "Europe (Zurich)")
#define REQUEST PRODUCT("C", "AWS-Lambda-Requests", "Europe (Zurich)")
#define STORAGE PRODUCT("D", "AWS-Lambda-Storage-Duration", "Europe (Zurich)")

#define FREE_TERM TERM("F", TIER("F.1", "0", "USD", "0.0000000000"))
#define UPPER     TIER("A.2", "6000000000", "USD", "0.0000165001")
#define X86_TERM  TERM("A", UPPER "," TIER("A.1", "0", "USD", "0.0000183334"))
#define ARM_TERM  TERM("B", TIER("B.1", "0", "USD", "0.0000146667"))
#define OTHERS                                                                                     \
    TERM("C", TIER("C.1", "0", "USD", "0.0000002200"))                                             \
    "," TERM("D", TIER("D.1", "0", "USD", "0.0000000340"))
#define TERMS FREE_TERM "," X86_TERM "," ARM_TERM "," OTHERS

static int read_offer(const char *text, struct price *p, struct error *e)
{
    struct arena arena;
    const char *published;
    arena_init(&arena);
    int failed = price_offer_read(text, strlen(text), &arena, p, &published, e);
    if (!failed) {
        assert_string_equal(p->region, "eu-central-2");
        assert_string_equal(published, "2026-11-20");
    }
    arena_release(&arena);
    return failed;
}

static void published_list(void **state)
{
    (void)state;
    struct price p = {0};
    const char *all = OFFER("AWSLambda", FREE "," X86 "," ARM "," REQUEST "," STORAGE, TERMS);
    const char *no_arm = OFFER("AWSLambda", X86 "," FREE "," REQUEST "," STORAGE, TERMS);
    assert_int_equal(read_offer(all, &p, NULL), 0);
    assert_int_equal(p.gb_second_x86_pico, 18333400); /* the first tier, not the free product */
    assert_int_equal(p.gb_second_arm_pico, 14666700);
    assert_int_equal(p.request_pico, 220000);
    assert_int_equal(p.storage_gb_second_pico, 34000);
    assert_int_equal(read_offer(no_arm, &p, NULL), 0);
    assert_int_equal(p.gb_second_arm_pico, 0);
}

static void other_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"{}", "no price list of AWS Lambda"},
        {"<html>", "JSON"},
        {OFFER("AmazonEC2", X86, TERMS), "no price list of AWS Lambda"},
        {OFFER("AWSLambda", FREE, TERMS), "region"},
        {OFFER("AWSLambda", X86 "," STORAGE, TERMS), "no product of group AWS-Lambda-Requests"},
        {OFFER("AWSLambda", X86 "," REQUEST "," STORAGE,
               TERM("A", TIER("A.1", "0", "CNY", "0.00011"))),
         "not in US dollars: AWS-Lambda-Duration costs CNY"},
        {OFFER("AWSLambda", X86 "," REQUEST "," STORAGE,
               TERM("A", TIER("A.1", "5", "USD", "0.00011"))),
         "no price of AWS-Lambda-Duration"},
        {OFFER("AWSLambda", X86 "," REQUEST "," STORAGE,
               TERM("A", TIER("A.1", "0", "USD", "cheap"))),
         "no price of AWS-Lambda-Duration"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct price p = dearer;
        struct error e = {0};
        assert_int_equal(read_offer(rows[i].text, &p, &e), -1);
        assert_int_equal(e.code, ERROR_INPUT);
        if (!strstr(e.text, rows[i].error))
            fail_msg("row %zu: %s", i, e.text);
        assert_memory_equal(&p, &dearer, sizeof p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetched_prices_win), cmocka_unit_test(listing),
        cmocka_unit_test(file_round_trip),    cmocka_unit_test(damaged_files),
        cmocka_unit_test(published_list),     cmocka_unit_test(other_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
