/*
 * temporary.h - how a function that the gate makes for a while is recognised: its name and its
 * tags.
 *
 * The name is "lpg-RUN-...", RUN being the eight hexadecimal digits of the run that made it. The
 * tags are part of the CreateFunction request, so that there is no moment at which the function
 * exists without them, and they outlive the machine that the run was on:
 *
 *     lambda-perf-gate:run       the run, as in the name
 *     lambda-perf-gate:created   "20261124T003000Z"
 *     lambda-perf-gate:expires   when nobody can still be measuring with it
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
 *
 * Lambda makes a log group /aws/lambda/NAME for a function unless its LoggingConfig names another
 * one, and DeleteFunction leaves it. Nothing here or in cleanup/ speaks to CloudWatch Logs, so
 * whoever deploys to AWS names one shared log group.
 */
#ifndef LPG_MODEL_TEMPORARY_H
#define LPG_MODEL_TEMPORARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define TEMPORARY_PREFIX      "lpg-"
#define TEMPORARY_TAG_RUN     "lambda-perf-gate:run"
#define TEMPORARY_TAG_CREATED "lambda-perf-gate:created"
#define TEMPORARY_TAG_EXPIRES "lambda-perf-gate:expires"

/* The one log group of all functions that are made at AWS. */
#define TEMPORARY_LOG_GROUP "/lambda-perf-gate"

enum { TEMPORARY_RUN_BYTES = 9 }; /* of a run's id, with the NUL */

struct temporary_tags {
    char run[TEMPORARY_RUN_BYTES];
    uint64_t created_ns, expires_ns; /* wall clock, whole seconds */
};

/* Whether `run` is eight lower-case hexadecimal digits. */
bool temporary_is_run(const char *run);
/* Takes the run out of a name; false when the name is not one that the gate gives. */
bool temporary_name_run(const char *name, char run[TEMPORARY_RUN_BYTES]);

/* Writes the member "Tags" of a CreateFunction request. */
void temporary_put_tags(struct json_writer *w, const struct temporary_tags *tags);
/* Reads such an object back; false when one of the three is missing or is not well-formed. */
bool temporary_read_tags(const struct json *tags, struct temporary_tags *out);

#endif
