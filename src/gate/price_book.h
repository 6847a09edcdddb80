/*
 * price_book.h - the prices of all regions: the built-in table, and above it what the user has
 * fetched with `prices update`.
 *
 * The fetched prices are a small JSON file of our own, so that a run needs no network and two runs
 * with the same file charge the same:
 *
 *     { "schema": "lambda-perf-gate/prices/1", "prices": [
 *       { "region": "eu-west-1", "published": "2026-11-20", "x86_gb_second_usd": "0.0000166667",
 *         "arm_gb_second_usd": "0.0000133334", "request_usd": "0.0000002",
 *         "storage_gb_second_usd": "0.0000000309" } ] }
 *
 * Money is text there, because a binary fraction is not what was published.
 */
#ifndef LPG_GATE_PRICE_BOOK_H
#define LPG_GATE_PRICE_BOOK_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "gate/price.h"

#define PRICE_BOOK_SCHEMA "lambda-perf-gate/prices/1"

struct price_book;

/* An empty book: the built-in prices only. */
struct price_book *price_book_new(void);
void price_book_free(struct price_book *b);

/*
 * Adds or replaces the prices of a region. `published` is the day of the price list ("2026-11-20").
 * Both are copied.
 */
void price_book_put(struct price_book *b, const struct price *p, const char *published);

/*
 * Adds what a file of prices holds. ERROR_INPUT names the entry and the key that is missing or no
 * price; nothing was added then.
 */
int price_book_read(struct price_book *b, const char *text, size_t length, struct error *e);
/* The fetched prices as such a file, sorted by region. */
void price_book_write(const struct price_book *b, struct buf *out);

/*
 * The prices of a region and where they come from ("AWS price list of 2026-11-20"); NULL when
 * neither the book nor the built-in table has it. `b` may be NULL: the built-in table alone;
 * `source` may be NULL too.
 */
const struct price *price_book_find(const struct price_book *b, const char *region,
                                    const char **source);

/* Every region that has prices, in order: i from 0 until NULL. */
const struct price *price_book_at(const struct price_book *b, size_t i, const char **source);

#endif
