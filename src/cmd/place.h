/*
 * place.h - which Lambda a run is at and how functions are deployed there: what only the command
 * line and the environment may say, never perf.yml.
 */
#ifndef LPG_CMD_PLACE_H
#define LPG_CMD_PLACE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/opt.h"

struct place {
    const char *target;      /* "embedded", "aws"; NULL: the endpoint if one is given */
    const char *role;        /* ARN of the execution role; NULL: the reference function's */
    struct opt_list like;    /* [FUNCTION=]NAME: reference functions */
    const char *code_bucket; /* for packages above 50 MB; NULL: none */
    const char *log_group;   /* of the functions that are made; NULL: the default */
    const char
        *versions_of; /* the candidate becomes a version of this function; NULL: it does not */
    const char *keep_folder; /* where that function's code is kept meanwhile */
};

/* Rows for a command's table of options, whose struct `type` has a struct place in `field`. */
#define PLACE_OPTION_TARGET(type, field)                                                           \
    {                                                                                              \
        "target", 0, "WHICH", OPT_STRING, offsetof(type, field.target),                            \
            "embedded (the default) or aws"                                                        \
    }
#define PLACE_OPTION_ROLE(type, field)                                                             \
    {                                                                                              \
        "role", 0, "ARN", OPT_STRING, offsetof(type, field.role),                                  \
            "execution role of the functions that are made (default: the one of --like)"           \
    }
#define PLACE_OPTION_LIKE(type, field)                                                             \
    {                                                                                              \
        "like", 0, "[FUNCTION=]NAME", OPT_LIST, offsetof(type, field.like),                        \
            "make functions like this deployed one: its role, VPC, layers, environment, memory "   \
            "and the rest, where perf.yml does not say otherwise (repeatable)"                     \
    }
#define PLACE_OPTION_LOG_GROUP(type, field)                                                        \
    {                                                                                              \
        "log-group", 0, "NAME", OPT_STRING, offsetof(type, field.log_group),                       \
            "log group of the functions that are made (default: /lambda-perf-gate)"                \
    }
#define PLACE_OPTION_CODE_BUCKET(type, field)                                                      \
    {                                                                                              \
        "code-bucket", 0, "NAME", OPT_STRING, offsetof(type, field.code_bucket),                   \
            "send packages above 50 MB through this S3 bucket"                                     \
    }
#define PLACE_OPTION_VERSIONS_OF(type, field)                                                      \
    {                                                                                              \
        "versions-of", 0, "NAME", OPT_STRING, offsetof(type, field.versions_of),                   \
            "deploy the candidate as a version of this function, whose own code is put back"       \
    }

/* ERROR_USAGE for options that contradict each other or miss something. */
int place_check(const struct place *p, const char *endpoint_url, struct error *e);
/* Whether functions run anywhere else than in the embedded Lambda. */
bool place_is_remote(const struct place *p, const char *endpoint_url);
/* Whether it is AWS itself, where functions need a real role. */
bool place_is_aws(const struct place *p);
/* "embedded", "aws" or "endpoint": as the report calls it. */
const char *place_kind(const struct place *p, const char *endpoint_url);
/* Appends " --target aws --like prod": what was given, for a command line that does it again. */
void place_add_options(const struct place *p, struct buf *out);
const char *place_log_group(const struct place *p);
/* The function that --like names for a function of the plan; NULL: none. */
const char *place_reference(const struct place *p, const char *function);

#endif
