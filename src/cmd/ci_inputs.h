/*
 * ci_inputs.h - the action's inputs, as its steps hand them on in LPG_INPUT_* variables, and the
 * command line of `run` that they make.
 */
#ifndef LPG_CMD_CI_INPUTS_H
#define LPG_CMD_CI_INPUTS_H

#include <stddef.h>

#include "base/error.h"
#include "cmd/ci_commits.h"
#include "github/policy.h"

/* As texts; "" where one is not given and has no default. action.yml says what they mean. */
struct ci_inputs {
    const char *config, *config_ref, *function, *baseline, *candidate, *paths, *target, *role,
        *like, *endpoint_url, *region, *max_minutes, *max_invocations, *budget_usd, *output,
        *journal, *on_fork, *on_inconclusive, *overridden, *comment, *summary, *annotations, *args;
};

/* ERROR_USAGE for a value that an input does not have. The texts are the environment's. */
int ci_inputs_read(struct ci_inputs *in, struct error *e);
struct policy ci_inputs_policy(const struct ci_inputs *in);

/* A command's words. */
struct ci_line {
    char **words; /* NULL behind the last */
    size_t count, capacity;
};

/* Fills an empty line with "run" and its options for these commits. */
void ci_line_build(struct ci_line *line, const struct ci_inputs *in, const struct ci_commits *c);
void ci_line_release(struct ci_line *line);

#endif
