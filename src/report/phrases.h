/*
 * phrases.h - the sentences of a report that are about the run as a whole: plain text, the same in
 * every format.
 *
 * All texts live in the arena and end with a full stop where they are sentences. They may quote the
 * result; renderers escape them.
 */
#ifndef LPG_REPORT_PHRASES_H
#define LPG_REPORT_PHRASES_H

#include "base/mem.h"
#include "model/result.h"
#include "report/table.h"

/* How a verdict looks: never by its colour alone. */
struct phrases_look {
    const char *word; /* "FAIL" */
    const char *icon; /* emoji, for Markdown and HTML; "" for what is not judged */
    const char *mark; /* one column, for a terminal */
    const char *ansi; /* colour of the mark: parameters of an SGR sequence */
};
const struct phrases_look *phrases_look(enum verdict v);

/* A list of sentences, each with the verdict that it explains; VERDICT_UNGATED: none. */
struct phrase {
    enum verdict mark;
    const char *text;
};
struct phrases {
    struct phrase *items;
    size_t count, capacity;
};

/*
 * The function that gives the run its verdict; NULL when the run has none or stopped with errors.
 */
const struct result_function *phrases_culprit(const struct result *r);
/*
 * The first line without the verdict and without the culprit's name: "P99 is 18.4 % slower (limit
 * +10%)"; of several functions "3 of 5 functions: ..." or "all 5 functions are within their
 * limits".
 */
const char *phrases_headline(struct arena *arena, const struct result *r);
/*
 * "Measured worktree against git:41d0e7c: 24 interleaved rounds, 2,400 calls per side, embedded
 * Lambda, ...".
 */
const char *phrases_measured(struct arena *arena, const struct result *r,
                             const struct result_function *f);
/*
 * "At 15 M invocations a month this saves $121.80 ($187.50 -> $65.70)."; NULL when that is not
 * known or not proven.
 */
const char *phrases_month(struct arena *arena, const struct result_function *f);
/* Why each failed, undecided or unmeasured metric is so, and what more evidence would take. */
struct phrases phrases_reasons(struct arena *arena, const struct result *r,
                               const struct result_function *f);
/*
 * "The baseline is a stored measurement of 2026-11-02 ..." and "...: a change below 33 % (P99)
 * cannot be seen."; no sentences when both sides were measured side by side.
 */
struct phrases phrases_stored(struct arena *arena, const struct result_function *f);
/* What a reader must know to trust the numbers: stored baseline, unlimited CPU. */
struct phrases phrases_notices(struct arena *arena, const struct result *r,
                               const struct result_function *f);
/* "P99 duration is known to ±3.1 %, and a change of 4.2 % ...". NULL: nothing to say. */
const char *phrases_sureness(struct arena *arena, const struct result_function *f);
/* "4,800 invocations, $0.11, 4 m 12 s", clean-up, version. */
const char *phrases_footer(struct arena *arena, const struct result *r);
/* Sources, packages, target, runtime, schedule, seed, prices: a table of two columns. */
const struct table *phrases_method(struct arena *arena, const struct result *r,
                                   const struct result_function *f);

#endif
