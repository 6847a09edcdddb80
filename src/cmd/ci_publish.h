/*
 * ci_publish.h - what the run of a workflow's step leaves on GitHub: annotations, the job's summary,
 * the step's outputs.
 *
 * Nothing of it decides anything: when one of these files cannot be written, that is a warning.
 */
#ifndef LPG_CMD_CI_PUBLISH_H
#define LPG_CMD_CI_PUBLISH_H

#include <stdbool.h>

#include "base/buf.h"
#include "github/commands.h"
#include "github/event.h"
#include "model/result.h"

struct ci_outcome {
    const char *verdict;         /* "pass", ..., also "skipped", "overridden" */
    int exit_code;               /* of the measurement, not of the step */
    const struct result *result; /* NULL: there is none */
    const char *reason;          /* one sentence; NULL: the result has it */
    const char *perf_yml;        /* its path, for annotations; NULL: its lines are not the head's */
    const char *proposal;        /* what the head changes in perf.yml, as a diff; "" */
    const char *folder;          /* where the reports are; NULL: there are none */
    bool comment;                /* whether a comment is due, */
    const struct event *event;   /* on the pull request of this event */
    bool summary, annotations;
};

/* Prints the commands, writes the files. */
void ci_publish(const struct ci_outcome *o);

/* One output of the step. */
void ci_publish_output(const char *name, const char *value);

/* One annotation of the job. */
void ci_publish_note(enum annotation_level level, const char *message);

#endif
