#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MINUS "\xe2\x88\x92" /* U+2212 */

enum {
    TOKEN_MAX = 63,
    FIXED_BYTES = 352, /* 309 digits of the largest double, point, decimals, NUL */
    DECIMALS_MAX = 30,
    PICO_DECIMALS = 12,
    USD_DIGITS_MAX = 6,
};

struct unit {
    const char *name;
    double factor;
};

static const struct unit count_units[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}};
static const struct unit duration_units[] = {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}};
static const struct unit byte_units[] = {{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};

/* ---- reading ---- */

static size_t digits_at(const char *text)
{
    return strspn(text, "0123456789");
}

bool units_parse_prefix(const char *text, double *value, const char **rest)
{
    size_t n = *text == '+' || *text == '-';
    size_t whole = digits_at(text + n);
    if (!whole)
        return false;
    n += whole;
    if (text[n] == '.' && digits_at(text + n + 1))
        n += 1 + digits_at(text + n + 1);
    if (n > TOKEN_MAX)
        return false;
    char token[TOKEN_MAX + 1]; /* strtod() alone would go on into "0x10" and "1e5" */
    memcpy(token, text, n);
    token[n] = '\0';
    *value = strtod(token, NULL);
    *rest = text + n;
    return true;
}

static bool parse_with_unit(const char *text, const struct unit *units, size_t count, double *value)
{
    double number;
    const char *rest;
    if (!units_parse_prefix(text, &number, &rest))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rest, units[i].name) == 0) {
            *value = number * units[i].factor;
            return true;
        }
    }
    return false;
}

bool units_parse_number(const char *text, double *value)
{
    return parse_with_unit(text, count_units, 1, value);
}

bool units_parse_count(const char *text, double *value)
{
    return parse_with_unit(text, count_units, ARRAY_LEN(count_units), value);
}

bool units_parse_share(const char *text, double *value)
{
    double number;
    const char *rest;
    if (!units_parse_prefix(text, &number, &rest))
        return false;
    bool percent = strcmp(rest, "%") == 0;
    if (*rest && !percent)
        return false;
    *value = percent ? number / 100 : number;
    return true;
}

bool units_parse_duration_ms(const char *text, double *value)
{
    return parse_with_unit(text, duration_units, ARRAY_LEN(duration_units), value);
}

bool units_parse_usd_pico(const char *text, int64_t *pico)
{
    size_t whole = digits_at(text), decimals = 0;
    int64_t value = 0;
    if (!whole || whole > USD_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < whole; i++)
        value = value * 10 + (text[i] - '0');
    const char *rest = text + whole;
    if (*rest == '.') {
        decimals = digits_at(++rest);
        if (!decimals)
            return false;
    }
    for (size_t i = 0; i < PICO_DECIMALS; i++)
        value = value * 10 + (i < decimals ? rest[i] - '0' : 0);
    /* digits beyond a pico-dollar would be lost */
    if (decimals > PICO_DECIMALS && strspn(rest + PICO_DECIMALS, "0") != decimals - PICO_DECIMALS)
        return false;
    if (rest[decimals])
        return false;
    *pico = value;
    return true;
}

/* ---- writing ---- */

/* For a number that is none: writes "n/a" and says so. */
static bool add_missing(struct buf *out, double value)
{
    if (isfinite(value))
        return false;
    buf_addstr(out, "n/a");
    return true;
}

/* Digits, with a comma in front of each group of three before the point. */
static void add_grouped(struct buf *out, const char *digits)
{
    size_t whole = digits_at(digits);
    for (size_t i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0)
            buf_addch(out, ',');
        buf_addch(out, digits[i]);
    }
    buf_addstr(out, digits + whole);
}

/* The size of a number with fixed decimals, grouped; the sign is the caller's business. */
static void add_fixed(struct buf *out, double value, int decimals)
{
    char text[FIXED_BYTES];
    snprintf(text, sizeof text, "%.*f", decimals, fabs(value));
    add_grouped(out, text);
}

/* True when the number, rounded to the decimals, is not zero and negative. */
static bool shows_negative(double value, int decimals)
{
    return value < 0 && round(-value * pow(10, decimals)) > 0;
}

/* The decimal exponent that the number has once it is rounded to that many significant digits. */
static int rounded_exponent(double value, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", digits - 1, fabs(value));
    return (int)strtol(strchr(text, 'e') + 1, NULL, 10);
}

static int decimals_for(double value, int digits)
{
    int decimals = digits - 1 - rounded_exponent(value, digits);
    return decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
}

void units_add_significant(struct buf *out, double value, int digits)
{
    if (add_missing(out, value))
        return;
    if (digits < 1)
        digits = 1;
    if (digits > 17)
        digits = 17;
    if (value == 0) {
        buf_addch(out, '0');
        return;
    }
    if (value < 0)
        buf_addstr(out, MINUS);
    int decimals = decimals_for(value, digits);
    if (decimals < 0) { /* more digits before the point than are significant */
        double step = pow(10, -decimals);
        value = round(value / step) * step;
        decimals = 0;
    }
    char text[FIXED_BYTES];
    snprintf(text, sizeof text, "%.*f", decimals, fabs(value));
    buf_addstr(out, text);
}

void units_add_ms(struct buf *out, double ms)
{
    if (add_missing(out, ms))
        return;
    bool seconds = ms != 0 && rounded_exponent(ms, 3) >= 3;
    units_add_significant(out, seconds ? ms / 1e3 : ms, 3);
    buf_addstr(out, seconds ? " s" : " ms");
}

void units_add_usd(struct buf *out, double usd)
{
    if (add_missing(out, usd))
        return;
    int decimals = usd == 0 ? 2 : decimals_for(usd, 3);
    if (decimals < 2)
        decimals = 2;
    char text[FIXED_BYTES];
    size_t length = (size_t)snprintf(text, sizeof text, "%.*f", decimals, fabs(usd));
    for (; decimals > 2 && text[length - 1] == '0'; decimals--)
        text[--length] = '\0';
    if (shows_negative(usd, decimals))
        buf_addstr(out, MINUS);
    buf_addch(out, '$');
    add_grouped(out, text);
}

void units_add_usd_pico(struct buf *out, int64_t pico)
{
    char text[48];
    snprintf(text, sizeof text, "%" PRId64 ".%012" PRId64, pico / PICO_PER_USD,
             pico % PICO_PER_USD);
    size_t length = strlen(text);
    while (text[length - 1] == '0')
        length--;
    buf_add(out, text, length - (text[length - 1] == '.'));
}

void units_add_pct(struct buf *out, double pct)
{
    if (add_missing(out, pct))
        return;
    int decimals = fabs(pct) < 99.95 ? 1 : 0;
    if (shows_negative(pct, decimals))
        buf_addstr(out, MINUS);
    else if (shows_negative(-pct, decimals))
        buf_addch(out, '+');
    add_fixed(out, pct, decimals);
    buf_addstr(out, " %");
}

void units_add_bytes(struct buf *out, double bytes)
{
    if (add_missing(out, bytes))
        return;
    double size = fabs(bytes);
    size_t u = 0;
    while (u + 1 < ARRAY_LEN(byte_units) && size / byte_units[u].factor >= 999.5)
        u++;
    double shown = size / byte_units[u].factor;
    int decimals = u && shown < 99.95 ? 1 : 0;
    if (shows_negative(copysign(shown, bytes), decimals))
        buf_addstr(out, MINUS);
    add_fixed(out, shown, decimals);
    buf_addf(out, " %s", byte_units[u].name);
}

void units_add_count(struct buf *out, int64_t count)
{
    char text[24];
    uint64_t size = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    snprintf(text, sizeof text, "%" PRIu64, size);
    if (count < 0)
        buf_addstr(out, MINUS);
    add_grouped(out, text);
}

void units_add_seconds(struct buf *out, double seconds)
{
    if (add_missing(out, seconds))
        return;
    double size = fabs(seconds);
    int decimals = size < 9.95 ? 1 : 0;
    if (shows_negative(seconds, decimals))
        buf_addstr(out, MINUS);
    double total = round(size);
    if (total < 60) {
        add_fixed(out, size, decimals);
        buf_addstr(out, " s");
    } else if (total < 3600) {
        buf_addf(out, "%.0f m %.0f s", floor(total / 60), fmod(total, 60));
    } else {
        double minutes = round(size / 60);
        add_fixed(out, floor(minutes / 60), 0);
        buf_addf(out, " h %.0f m", fmod(minutes, 60));
    }
}
