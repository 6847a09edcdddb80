/* renderers.h - the functions behind the rows of report.c; see report.h for what they promise. */
#ifndef LPG_REPORT_RENDERERS_H
#define LPG_REPORT_RENDERERS_H

#include "report/report.h"

/* For people at a prompt and for the log of a job: verdict first, then a table per function. */
void terminal_render(const struct result *r, const struct report_options *o, struct buf *out);
/* GitHub Flavored Markdown for a pull request's comment and a job's summary. */
void markdown_render(const struct result *r, const struct report_options *o, struct buf *out);
/* One HTML file without scripts, fonts or links to elsewhere. */
void html_render(const struct result *r, const struct report_options *o, struct buf *out);
/*
 * JUnit XML: a test suite per function, a test case per judged metric. A fail is <failure
 * type="regression">, an inconclusive metric is <failure type="inconclusive"> because a gate that
 * cannot tell must not look green, and what could not be measured is <error>. A function whose
 * verdict is worse than each of its metrics (a guard spoke) has a case "verdict" of its own.
 */
void junit_render(const struct result *r, const struct report_options *o, struct buf *out);

#endif
