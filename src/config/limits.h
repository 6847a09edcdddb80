/*
 * limits.h - the grammar of a limit: "+10%", "+5ms", "-10%", "< 800ms", "<= 0%".
 *
 *     "+N%"     the metric may grow by that share of the baseline
 *     "+N unit" the metric may grow by that much
 *     "< N unit", "<= N unit"   the candidate's own value, whatever the baseline was
 *     "-N%"     for a metric where more is better: it may fall by that share
 *
 * The error rate is a share itself: there "+1%" means one percentage point.
 */
#ifndef LPG_CONFIG_LIMITS_H
#define LPG_CONFIG_LIMITS_H

#include "base/buf.h"
#include "base/error.h"
#include "model/plan.h"

/* What a function without `limits` is held to. */
struct limit_default {
    enum metric_id metric;
    const char *text;
};
enum { LIMIT_DEFAULTS = 6, LIMITS_PER_METRIC = 3 /* one of each kind */ };
extern const struct limit_default limit_defaults[LIMIT_DEFAULTS];

/*
 * Reads one limit of that metric: fills metric, kind, value and inclusive of `out`, not text and
 * line. ERROR_CONFIG with a sentence that says what to write.
 */
int limit_parse(const char *text, const struct metric *m, struct plan_limit *out, struct error *e);

/* A regular expression (ECMA 262, without ^ and $) for the texts that limit_parse() takes. */
void limit_pattern(const struct metric *m, struct buf *out);

/* The same for the limits of any custom metric, whose unit the schema does not know. */
void limit_custom_pattern(struct buf *out);

/* `"+10%", "+5ms", "< 800ms"`: what this metric can be given, for messages and documentation. */
const char *limit_examples(const struct metric *m);

#endif
