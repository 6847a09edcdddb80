/*
 * wording.h - the sentences of a verdict. Reports print them as they are.
 */
#ifndef LPG_MODEL_WORDING_H
#define LPG_MODEL_WORDING_H

#include "base/buf.h"
#include "model/result.h"

/*
 * "18.4 % slower", "2.1 % cheaper", "unchanged": a change in the direction that the metric's unit
 * suggests. The texts are plain: reports escape them.
 */
void wording_change(struct buf *out, const struct metric *m, double change_pct);
/* A value with its unit: "212 ms", "$3.12", "0.5 %"; "not measured". */
void wording_value(struct buf *out, const struct metric *m, double value);
/* "+10%, +5ms" */
void wording_limits(struct buf *out, const struct result_metric *m);
/* The reason of a metric's verdict, in one sentence. */
void wording_reason(struct buf *out, const struct result_metric *m);
/*
 * The headline of a function: the verdict with its cause, without the function's name. Reads the
 * metrics, the warnings and `identical`: call it last.
 */
void wording_headline(struct buf *out, const struct result_function *f);

#endif
