/*
 * ci_override.h - whether people have accepted that a pull request breaks a limit: by a label.
 */
#ifndef LPG_CMD_CI_OVERRIDE_H
#define LPG_CMD_CI_OVERRIDE_H

#include <stdbool.h>

#include "base/error.h"
#include "github/event.h"

/*
 * Whether the event's pull request has the label now. GitHub is asked, with GITHUB_TOKEN: the
 * event's own labels are those of the moment in which it happened, also when a job is run again.
 * False for an event without a pull request.
 */
int ci_override_asked(const struct event *event, const char *label, bool *asked, struct error *e);

#endif
