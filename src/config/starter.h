/*
 * starter.h - the files that `init` writes: a small perf.yml for what a folder holds, and the workflow
 * that runs the gate on pull requests.
 */
#ifndef LPG_CONFIG_STARTER_H
#define LPG_CONFIG_STARTER_H

#include "base/buf.h"
#include "base/error.h"

/*
 * Looks at the folder and appends a perf.yml for it, and lines that say what was found and what to
 * look at. Writes no file. When nothing is recognised the perf.yml is an example to edit. -1 only
 * when the folder is none.
 */
int config_starter(const char *directory, struct buf *perf_yml, struct buf *what_was_found,
                   struct error *e);

/* Appends a workflow for GitHub; `version` is the release whose action it uses. */
void config_starter_workflow(struct buf *out, const char *version);

#endif
