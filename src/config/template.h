/*
 * template.h - what a SAM or CloudFormation template says about a function.
 *
 * Only literal values are taken. A value that CloudFormation would work out (`!Ref`, `!Sub`,
 * `Fn::If`) is not guessed: it is a warning with its place, and perf.yml can give the key itself.
 * For a serverless function the template's `Globals` stand in for what the resource leaves out, as
 * in SAM.
 */
#ifndef LPG_CONFIG_TEMPLATE_H
#define LPG_CONFIG_TEMPLATE_H

#include <stdbool.h>

#include "base/error.h"
#include "config/fields.h"

/*
 * Reads and parses a template; the tree lives in the arena. NULL when that failed: `e` then holds
 * why the file could not be read (ERROR_CONFIG), or nothing (code ERROR_NONE) when the reason is
 * in `d`.
 */
const struct yaml_node *template_load(struct arena *a, const char *path, const char *shown_path,
                                      struct diagnostics *d, struct error *e);

/* A member of `Resources` that is a Lambda function, by its Type. */
bool template_is_function(const struct yaml_node *resource);

/* The value of a property of a function: its own, or that of Globals. NULL: neither has it. */
const struct yaml_node *template_property(const struct yaml_node *root,
                                          const struct yaml_node *resource, const char *name);

/* A value that is written out, not worked out: no tag and no `Ref` or `Fn::` inside. */
bool template_is_literal(const struct yaml_node *value);

/*
 * Fills `out` from the template and resource that the map `function` of perf.yml names; what that
 * map gives itself is left alone. `source` stays NULL when the template has none that can be used.
 */
void template_apply(struct reader *r, const struct yaml_node *function, struct plan_function *out);

/* The folder of CodeUri relative to that of the template's path, or NULL; lives in the arena. */
const char *template_source(struct arena *a, const char *template_path,
                            const struct yaml_node *code);

#endif
