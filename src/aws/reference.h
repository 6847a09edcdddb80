/*
 * reference.h - a deployed function as the model for a temporary one: what its configuration says,
 * and what of it can be had.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
 *
 * Everything in an answer is either copied, or known to make no difference to a measurement, or a
 * reason to refuse: a member that this file has never heard of is not passed over, because it may
 * change how the function runs.
 */
#ifndef LPG_AWS_REFERENCE_H
#define LPG_AWS_REFERENCE_H

#include "aws/lambda.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/plan.h"

/*
 * GetFunctionConfiguration of "NAME", "NAME:QUALIFIER" or an ARN. NULL on failure; the caller
 * frees.
 */
struct json *reference_get(struct lambda *l, const char *name, struct error *e);

/*
 * Puts a configuration into a copy of the plan's function: memory, timeout, /tmp, architecture and
 * log format where perf.yml does not give them, the environment less the names that perf.yml sets,
 * and all the rest as `reference`. Appends to `copied` what that was, in words. ERROR_API with the
 * reason for a function that cannot be copied. The strings are put into the arena.
 */
int reference_apply(const struct json *configuration, const struct plan_function *f,
                    struct arena *arena, struct plan_function *out, struct buf *copied,
                    struct error *e);

#endif
