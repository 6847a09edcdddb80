#include "config/limits.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"

const struct limit_default limit_defaults[LIMIT_DEFAULTS] = {
    {METRIC_P99, "+10%"},
    {METRIC_P99, "+1ms"},
    {METRIC_COLD_START, "+15%"},
    {METRIC_COLD_START, "+20ms"},
    {METRIC_COST_PER_MILLION, "+5%"},
    {METRIC_ERROR_RATE, "<= 0%"},
};

/* The spellings of a metric's unit; the first is the one that messages name. */
struct spelling {
    enum metric_unit unit;
    const char *prefix;
    const char *suffix;
    double factor;
};
static const struct spelling spellings[] = {
    {UNIT_MS, "", "ms", 1},   {UNIT_MS, "", "s", 1e3},     {UNIT_USD, "$", "", 1},
    {UNIT_MB, "", "MB", 1},   {UNIT_BYTES, "", "MB", 1e6}, {UNIT_BYTES, "", "kB", 1e3},
    {UNIT_BYTES, "", "B", 1}, {UNIT_SHARE, "", "%", 0.01}, {UNIT_PER_SECOND, "", "/s", 1},
    {UNIT_NUMBER, "", "", 1},
};

static const char *const examples[] = {
    [UNIT_MS] = "\"+10%\", \"+5ms\" or \"< 800ms\"",
    [UNIT_USD] = "\"+5%\", \"+$0.10\" or \"< $3.50\"",
    [UNIT_MB] = "\"+10%\", \"+8MB\" or \"< 400MB\"",
    [UNIT_BYTES] = "\"+5%\", \"+0.5MB\" or \"< 10MB\"",
    [UNIT_SHARE] = "\"+0.5%\" (percentage points) or \"<= 0%\"",
    [UNIT_PER_SECOND] = "\"-10%\"",
    [UNIT_NUMBER] = "\"+10%\", \"+3\" or \"< 50\"",
};

static const double percent_max = 1000;
static const double value_max = 1e12;

const char *limit_examples(const struct metric *m)
{
    return m->higher_is_better ? examples[UNIT_PER_SECOND] : examples[m->unit];
}

static int refuse(struct error *e, const char *text, const struct metric *m, const char *why)
{
    return error_set(e, ERROR_CONFIG, "%.60s is no limit for %s: %s; write %s",
                     *text ? text : "an empty text", m->id, why, limit_examples(m));
}

/* An unsigned number with at most one blank in front. */
static bool read_number(const char **at, double *value)
{
    const char *p = *at + (**at == ' ');
    return *p >= '0' && *p <= '9' && units_parse_prefix(p, value, at);
}

/* "5ms", "5 ms", "$0.10" in the metric's unit. */
static bool read_quantity(const char *text, const struct metric *m, double *value)
{
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        const struct spelling *s = &spellings[i];
        const char *p = text + (*text == ' ');
        double number;
        if (s->unit != m->unit || !text_starts(p, s->prefix))
            continue;
        p += strlen(s->prefix);
        if (*p == ' ' || !read_number(&p, &number))
            continue;
        p += *p == ' ' && *s->suffix;
        if (strcmp(p, s->suffix))
            continue;
        *value = number * s->factor;
        return true;
    }
    return false;
}

/* "10%" behind the sign. */
static bool read_percent(const char *text, double *value)
{
    const char *p = text;
    if (*p == ' ' || !read_number(&p, value))
        return false;
    return !strcmp(p, "%") || !strcmp(p, " %");
}

static int parse_change(const char *text, const struct metric *m, struct plan_limit *out,
                        struct error *e)
{
    double value;
    if ((*text == '-') != m->higher_is_better)
        return refuse(e, text, m,
                      m->higher_is_better ? "more is better here, so only a decrease "
                                            "can be limited"
                                          : "less is better here, so only an increase "
                                            "can be limited");
    if (m->unit != UNIT_SHARE && read_percent(text + 1, &value)) {
        double most = m->higher_is_better ? 100 : percent_max;
        if (value > most)
            return refuse(e, text, m, "the percentage is too large");
        *out = (struct plan_limit){.metric = m, .kind = LIMIT_INCREASE_PCT, .value = value / 100};
        return 0;
    }
    if (m->higher_is_better || text[1] == ' ' || !read_quantity(text + 1, m, &value))
        return refuse(e, text, m, "the number or its unit is wrong");
    if (value > (m->unit == UNIT_SHARE ? 1 : value_max))
        return refuse(e, text, m, "the value is too large");
    *out = (struct plan_limit){.metric = m, .kind = LIMIT_INCREASE_ABS, .value = value};
    return 0;
}

static int parse_maximum(const char *text, const struct metric *m, struct plan_limit *out,
                         struct error *e)
{
    double value;
    bool inclusive = text[1] == '=';
    if (m->higher_is_better)
        return refuse(e, text, m, "more is better here");
    if (!read_quantity(text + 1 + inclusive, m, &value))
        return refuse(e, text, m, "the number or its unit is wrong");
    if (value > (m->unit == UNIT_SHARE ? 1 : value_max))
        return refuse(e, text, m, "the value is too large");
    if (value == 0 && !inclusive)
        return refuse(e, text, m, "nothing is less than zero");
    *out = (struct plan_limit){
        .metric = m, .kind = LIMIT_MAXIMUM, .value = value, .inclusive = inclusive};
    return 0;
}

int limit_parse(const char *text, const struct metric *m, struct plan_limit *out, struct error *e)
{
    switch (*text) {
    case '+':
    case '-':
        return parse_change(text, m, out, e);
    case '<':
        return parse_maximum(text, m, out, e);
    case '>':
    case '=':
        return refuse(e, text, m, "only '<' and '<=' are known");
    default:
        return refuse(e, text, m, "it must begin with '+', '<' or '<='");
    }
}

/* The quantities of the unit: `([0-9]+(\.[0-9]+)? ?(ms|s))`. */
static void add_quantity(const struct metric *m, struct buf *out)
{
    const char *separator = "(", *prefix = "";
    bool blank = false;
    struct buf suffixes;
    buf_init(&suffixes);
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        if (spellings[i].unit != m->unit)
            continue;
        buf_addf(&suffixes, "%s%s", separator, spellings[i].suffix);
        separator = "|";
        prefix = spellings[i].prefix;
        blank = *spellings[i].suffix;
    }
    buf_addf(out, "%s[0-9]+(\\.[0-9]+)?%s%s)", *prefix ? "\\$" : "", blank ? " ?" : "",
             suffixes.data);
    buf_release(&suffixes);
}

void limit_pattern(const struct metric *m, struct buf *out)
{
    const char *percent = "[0-9]+(\\.[0-9]+)? ?%";
    if (m->higher_is_better) {
        buf_addf(out, "-%s", percent);
        return;
    }
    buf_addstr(out, "(\\+");
    if (m->unit != UNIT_SHARE)
        buf_addf(out, "%s|\\+", percent);
    add_quantity(m, out);
    buf_addstr(out, "|<=? ?");
    add_quantity(m, out);
    buf_addch(out, ')');
}

void limit_custom_pattern(struct buf *out)
{
    static const char number[] = "[0-9]+(\\.[0-9]+)?";
    buf_addf(out, "(-%s ?%%|\\+%s( ?(%%|ms|s|MB|kB|B))?|<=? ?%s( ?(ms|s|MB|kB|B))?)", number,
             number, number);
}
