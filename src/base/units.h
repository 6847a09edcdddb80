/*
 * units.h - numbers with units: the one strict number reader, and what people see.
 *
 * Reading accepts `[+-]?[0-9]+(\.[0-9]+)?` and a unit, nothing else: no hexadecimal, exponent,
 * "nan", underscore, locale comma or surrounding blank. A failed read leaves the outputs untouched.
 * Formatting never consults the locale; what is not finite shows as "n/a", a minus sign is U+2212.
 */
#ifndef LPG_BASE_UNITS_H
#define LPG_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* One dollar in pico-dollars; an int64_t of them reaches 9.2 million dollars. */
#define PICO_PER_USD INT64_C(1000000000000)

/*
 * A plain decimal number that fills the whole text. False, and *value untouched, when it is
 * anything else.
 */
bool units_parse_number(const char *text, double *value);
/* The number at the start of the text; *rest points behind it. */
bool units_parse_prefix(const char *text, double *value, const char **rest);
/* "15M", "250k", "1000": counts, with k = 1e3, M = 1e6, G = 1e9. */
bool units_parse_count(const char *text, double *value);
/* "1%" -> 0.01, "0.01" -> 0.01. */
bool units_parse_share(const char *text, double *value);
/* "200ms", "1.5s", "2m", "1h" -> milliseconds. A bare number is refused. */
bool units_parse_duration_ms(const char *text, double *value);
/*
 * "0.0000166667" -> 16666700 pico-dollars, exactly: no sign, at most 12 decimals that count, below
 * a million dollars.
 */
bool units_parse_usd_pico(const char *text, int64_t *pico);

/* Three significant digits with the unit people expect: "212 ms", "4.21 ms", "1.25 s". */
void units_add_ms(struct buf *out, double ms);
/* "$3.12", "$0.0417": at least two decimals, up to three significant digits below a dollar. */
void units_add_usd(struct buf *out, double usd);
/* "0.0000166667": all the decimals there are, as units_parse_usd_pico() reads it; 0 or more. */
void units_add_usd_pico(struct buf *out, int64_t pico);
/* "+18.4 %" with U+2212 for minus; one decimal below 100 %, none above. */
void units_add_pct(struct buf *out, double pct);
/* "1.4 MB" (1e6), for package sizes. */
void units_add_bytes(struct buf *out, double bytes);
/* "2,400". */
void units_add_count(struct buf *out, int64_t count);
/* "1 h 5 m", "3 m 12 s", "42 s", "0.8 s". */
void units_add_seconds(struct buf *out, double seconds);
/* `digits` significant digits, no exponent. */
void units_add_significant(struct buf *out, double value, int digits);

#endif
