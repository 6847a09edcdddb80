#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/units.h"

#define MINUS "\xe2\x88\x92"

struct reading {
    const char *text;
    double value; /* NAN: to be refused */
};

static void check_readings(bool (*parse)(const char *, double *), const struct reading *rows,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value = 123.25;
        bool ok = parse(rows[i].text, &value);
        if (ok == isnan(rows[i].value))
            fail_msg("'%s' was %s", rows[i].text, ok ? "accepted" : "refused");
        double wanted = ok ? rows[i].value : 123.25; /* untouched on failure */
        if (value != wanted)
            fail_msg("'%s' gave %.17g", rows[i].text, value);
    }
}

static void numbers(void **state)
{
    (void)state;
    static const struct reading rows[] = {
        {"0", 0},
        {"12", 12},
        {"+12", 12},
        {"-1.50", -1.5},
        {"007", 7},
        {"0.1", 0.1},
        {"", NAN},
        {"-", NAN},
        {"+-1", NAN},
        {".5", NAN},
        {"1.", NAN},
        {"1e5", NAN},
        {"0x10", NAN},
        {"nan", NAN},
        {"inf", NAN},
        {"1_000", NAN},
        {"1,5", NAN},
        {" 1", NAN},
        {"1 ", NAN},
        {"1k", NAN},
        {"1.2.3", NAN},
        {"\xd9\xa1", NAN},
        {"1\n", NAN},
        {"1234567890123456789012345678901234567890123456789012345678901234567890", NAN},
    };
    check_readings(units_parse_number, rows, ARRAY_LEN(rows));
}

static void counts(void **state)
{
    (void)state;
    static const struct reading rows[] = {
        {"15M", 15e6}, {"250k", 250e3}, {"1000", 1000}, {"1.5G", 1.5e9}, {"15m", NAN},
        {"15 M", NAN}, {"M", NAN},      {"1K", NAN},    {"1MM", NAN},    {"1e3", NAN},
    };
    check_readings(units_parse_count, rows, ARRAY_LEN(rows));
}

static void pico_dollars(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t pico; /* -1: to be refused */
    } rows[] = {
        {"0.0000166667", 16666700},
        {"0.0000000309", 30900},
        {"0.0000002000", 200000},
        {"0.00000020000000000", 200000},
        {"0.000000000001", 1},
        {"1", PICO_PER_USD},
        {"999999.999999999999", 999999999999999999},
        {"0", 0},
        {"0.0000000000001", -1}, /* less than a pico-dollar */
        {"1000000", -1},
        {"2.0E-7", -1},
        {"-1", -1},
        {"+1", -1},
        {".5", -1},
        {"1.", -1},
        {"1.5 USD", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t pico = 77;
        bool ok = units_parse_usd_pico(rows[i].text, &pico);
        if (ok != (rows[i].pico >= 0) || pico != (ok ? rows[i].pico : 77))
            fail_msg("'%s' gave %lld", rows[i].text, (long long)pico);
        if (!ok)
            continue;
        struct buf text;
        int64_t again = 0;
        buf_init(&text);
        units_add_usd_pico(&text, pico);
        assert_true(units_parse_usd_pico(text.data, &again));
        assert_int_equal(again, pico);
        buf_release(&text);
    }
}

static void shares(void **state)
{
    (void)state;
    static const struct reading rows[] = {
        {"1%", 0.01}, {"0.01", 0.01}, {"100%", 1},  {"-5%", -0.05}, {"2.5%", 0.025},
        {"1 %", NAN}, {"%", NAN},     {"1%%", NAN}, {"1pct", NAN},
    };
    check_readings(units_parse_share, rows, ARRAY_LEN(rows));
}

static void durations(void **state)
{
    (void)state;
    static const struct reading rows[] = {
        {"200ms", 200}, {"1.5s", 1500}, {"2m", 120e3}, {"1h", 3600e3}, {"0ms", 0},
        {"200", NAN},   {"0", NAN},     {"5 s", NAN},  {"5S", NAN},    {"5sec", NAN},
        {"5us", NAN},   {"s", NAN},     {"", NAN},
    };
    check_readings(units_parse_duration_ms, rows, ARRAY_LEN(rows));
}

static void prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rest;
        double value;
    } rows[] = {
        {"10%", "%", 10}, {"1e5", "e5", 1},       {"0x10", "x10", 0}, {"1.", ".", 1},
        {"1.x", ".x", 1}, {"-3.5ms", "ms", -3.5}, {"7", "", 7},       {"1.2.3", ".3", 1.2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double value = 0;
        const char *rest = NULL;
        assert_true(units_parse_prefix(rows[i].text, &value, &rest));
        assert_true(value == rows[i].value);
        assert_string_equal(rest, rows[i].rest);
    }
    const char *rest = "kept";
    double value = 5;
    assert_false(units_parse_prefix("ms", &value, &rest));
    assert_string_equal(rest, "kept");
    assert_true(value == 5);
}

struct showing {
    double value;
    const char *wanted;
};

static void check_showings(void (*add)(struct buf *, double), const struct showing *rows,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf b;
        buf_init(&b);
        add(&b, rows[i].value);
        if (strcmp(b.data, rows[i].wanted) != 0)
            fail_msg("%.17g gave '%s', wanted '%s'", rows[i].value, b.data, rows[i].wanted);
        buf_release(&b);
    }
}

static void milliseconds(void **state)
{
    (void)state;
    static const struct showing rows[] = {
        {212, "212 ms"},   {4.21, "4.21 ms"},    {4.2, "4.20 ms"},         {1250, "1.25 s"},
        {0, "0 ms"},       {0.2119, "0.212 ms"}, {999.4, "999 ms"},        {999.6, "1.00 s"},
        {99.96, "100 ms"}, {9.996, "10.0 ms"},   {-4.21, MINUS "4.21 ms"}, {61000, "61.0 s"},
        {-0.0, "0 ms"},    {NAN, "n/a"},         {INFINITY, "n/a"},        {1234567, "1230 s"},
    };
    check_showings(units_add_ms, rows, ARRAY_LEN(rows));
}

static void dollars(void **state)
{
    (void)state;
    static const struct showing rows[] = {
        {3.12, "$3.12"},        {0.0417, "$0.0417"},
        {0.04168, "$0.0417"},   {0.2, "$0.20"},
        {0, "$0.00"},           {0.9996, "$1.00"},
        {1234.5, "$1,234.50"},  {12, "$12.00"},
        {-3.12, MINUS "$3.12"}, {0.0000000021, "$0.0000000021"},
        {1e6, "$1,000,000.00"}, {-0.0, "$0.00"},
        {NAN, "n/a"},
    };
    check_showings(units_add_usd, rows, ARRAY_LEN(rows));
}

static void percentages(void **state)
{
    (void)state;
    static const struct showing rows[] = {
        {18.4, "+18.4 %"}, {-3.06, MINUS "3.1 %"}, {0, "0.0 %"},         {0.04, "0.0 %"},
        {-0.04, "0.0 %"},  {0.06, "+0.1 %"},       {99.9, "+99.9 %"},    {99.96, "+100 %"},
        {100, "+100 %"},   {-100, MINUS "100 %"},  {1234.5, "+1,234 %"}, {NAN, "n/a"},
    };
    check_showings(units_add_pct, rows, ARRAY_LEN(rows));
}

static void sizes(void **state)
{
    (void)state;
    static const struct showing rows[] = {
        {0, "0 B"},           {512, "512 B"},          {999, "999 B"},
        {1000, "1.0 kB"},     {1400000, "1.4 MB"},     {99940, "99.9 kB"},
        {99960, "100 kB"},    {999600, "1.0 MB"},      {262144000, "262 MB"},
        {5.5e12, "5,500 GB"}, {-1400, MINUS "1.4 kB"}, {NAN, "n/a"},
    };
    check_showings(units_add_bytes, rows, ARRAY_LEN(rows));
}

static void seconds(void **state)
{
    (void)state;
    static const struct showing rows[] = {
        {0.8, "0.8 s"},         {0, "0.0 s"},        {9.94, "9.9 s"},   {9.96, "10 s"},
        {42, "42 s"},           {59.4, "59 s"},      {59.6, "1 m 0 s"}, {192, "3 m 12 s"},
        {3599.4, "59 m 59 s"},  {3599.6, "1 h 0 m"}, {3900, "1 h 5 m"}, {-42, MINUS "42 s"},
        {7.2e6, "2,000 h 0 m"}, {NAN, "n/a"},
    };
    check_showings(units_add_seconds, rows, ARRAY_LEN(rows));
}

static void whole_counts(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *wanted;
    } rows[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {2400, "2,400"},
        {-2400, MINUS "2,400"},
        {1234567, "1,234,567"},
        {INT64_MIN, MINUS "9,223,372,036,854,775,808"},
        {INT64_MAX, "9,223,372,036,854,775,807"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b);
        units_add_count(&b, rows[i].value);
        assert_string_equal(b.data, rows[i].wanted);
        buf_release(&b);
    }
}

static void significant_digits(void **state)
{
    (void)state;
    static const struct {
        double value;
        int digits;
        const char *wanted;
    } rows[] = {
        {1234567, 3, "1230000"},
        {0.000123456, 3, "0.000123"},
        {9.999, 3, "10.0"},
        {1, 3, "1.00"},
        {1, 1, "1"},
        {1, 0, "1"},
        {-2.5, 2, MINUS "2.5"},
        {1e-20, 2, "0.000000000000000000010"},
        {0, 5, "0"},
        {123.456, 17, "123.45600000000000"},
        {-INFINITY, 2, "n/a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b);
        units_add_significant(&b, rows[i].value, rows[i].digits);
        assert_string_equal(b.data, rows[i].wanted);
        buf_release(&b);
    }
}

static void extreme_values_fit(void **state)
{
    (void)state;
    static const double values[] = {1.7976931348623157e308, -1.7976931348623157e308, 5e-324,
                                    -5e-324};
    void (*const adders[])(struct buf *, double) = {units_add_ms, units_add_usd, units_add_pct,
                                                    units_add_bytes, units_add_seconds};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        for (size_t j = 0; j < ARRAY_LEN(adders); j++) {
            struct buf b;
            buf_init(&b);
            adders[j](&b, values[i]);
            assert_true(b.length > 0);
            assert_null(strchr(b.data, 'e'));
            buf_release(&b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(counts),
        cmocka_unit_test(pico_dollars),
        cmocka_unit_test(shares),
        cmocka_unit_test(durations),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(milliseconds),
        cmocka_unit_test(dollars),
        cmocka_unit_test(percentages),
        cmocka_unit_test(sizes),
        cmocka_unit_test(seconds),
        cmocka_unit_test(whole_counts),
        cmocka_unit_test(significant_digits),
        cmocka_unit_test(extreme_values_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
