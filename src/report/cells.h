/*
 * cells.h - the numbers of a result as texts and as tables: the same in every format.
 *
 * Numbers have three significant digits and their unit in every cell; a minus is U+2212; what was
 * not measured says so. Tables come in the order in which a busy reader wants them: what went wrong
 * first, then what could not be told, then the rest.
 */
#ifndef LPG_REPORT_CELLS_H
#define LPG_REPORT_CELLS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/result.h"
#include "report/table.h"

/* "+18.4 %", "+0.50 pp" for shares, "new" when there was nothing before, "n/a". */
void cells_change(struct buf *out, const struct result_metric *m);
/* "[+14.9, +22.0]" in percent; nothing when there is no interval. */
void cells_interval(struct buf *out, const struct result_metric *m);
/* "15 M", "250,000": invocations. */
void cells_traffic(struct buf *out, double invocations);
/* The verdict to show: a pass without a number is shown as an error, whatever the result says. */
enum verdict cells_verdict(const struct result_metric *m);
/* Where in the order of a report a verdict stands: 0 is the worst, an error. */
unsigned cells_rank(enum verdict v);
/* The change is worse or better than nothing by more than its own interval. */
bool cells_is_worse(const struct result_metric *m);
bool cells_is_better(const struct result_metric *m);

enum cells_scope {
    CELLS_JUDGED,   /* metrics with a limit */
    CELLS_MEASURED, /* and those that were measured */
    CELLS_ALL,      /* and those that were not */
};
/*
 * The metrics of a function; "wide" has a column for the interval and one for the verdict, else the
 * change holds both.
 */
const struct table *cells_metrics(struct arena *arena, const struct result_function *f,
                                  enum cells_scope scope, bool wide);
/*
 * P99, average, cold start, memory, cost, cost per month, throughput; NULL when none of them was
 * measured.
 */
const struct table *cells_before_after(struct arena *arena, const struct result_function *f);
/*
 * Interval, smallest change that would not have been missed and rounds needed of each judged
 * metric; NULL: none.
 */
const struct table *cells_sureness(struct arena *arena, const struct result_function *f);
/* NULL unless there are at least two kinds of payload. */
const struct table *cells_events(struct arena *arena, const struct result_function *f);
/* NULL when nothing was to be invoked. */
const struct table *cells_accounting(struct arena *arena, const struct result_function *f);
/* True when each scheduled invocation of both sides was good. */
bool cells_all_ok(const struct result_function *f);
/* A row per function, the worst first. */
const struct table *cells_functions(struct arena *arena, const struct result *r);

#endif
