/*
 * calibrate_report.h - what `calibrate` prints of one function: a text for people, with limits that
 * can be pasted into perf.yml, and an object for programs.
 */
#ifndef LPG_CMD_CALIBRATE_REPORT_H
#define LPG_CMD_CALIBRATE_REPORT_H

#include "base/buf.h"
#include "base/json.h"
#include "gate/calibration.h"
#include "model/plan.h"
#include "model/result.h"

struct calibrate_report {
    const struct plan_function *function;
    const struct calibration *calibration;
    const struct result_function *measured; /* for its warnings */
};

void calibrate_write_text(const struct calibrate_report *r, struct buf *out);
/* Adds members to the writer's open object. */
void calibrate_write_json(const struct calibrate_report *r, struct json_writer *w);

#endif
