/*
 * target.h - a Lambda endpoint as a target for load/: real AWS, the embedded Lambda, or any other.
 */
#ifndef LPG_AWS_TARGET_H
#define LPG_AWS_TARGET_H

#include "aws/lambda.h"
#include "base/error.h"
#include "model/target.h"
#include "net/loop.h"
#include "net/sigv4.h"

/*
 * Where the target gets its keys. Asked before each change of a function, between measurements, and
 * never during one; the answer must stay valid until the source gives another. It may run the loop.
 */
struct aws_credentials_source {
    int (*get)(void *context, struct sigv4_credentials *out, struct error *e);
    void *context;
};

/* All strings must live as long as the target. */
struct aws_target_options {
    const char *kind;     /* shown in the report: "embedded", "aws", "endpoint" */
    const char *endpoint; /* "https://lambda.eu-west-1.amazonaws.com" */
    const char *region;
    const char *role, *any_role; /* see struct lambda */
    const char *log_group;       /* see struct lambda */
    struct aws_credentials_source credentials;
    const char *ca_bundle;    /* NULL: the system's */
    bool charged;             /* see struct target */
    const char *run;          /* for the functions' tags, see model/temporary.h */
    uint64_t life_ns;         /* when they expire, from their creation */
    unsigned lanes;           /* see struct target */
    bool sides_share_machine; /* see struct target */
};

struct target *aws_target_new(struct loop *loop, const struct aws_target_options *options,
                              struct error *e);
/*
 * The endpoint behind such a target, for calls beyond struct target_calls, with keys of now if the
 * source has any; it dies with the target.
 */
struct lambda *aws_target_lambda(struct target *t);
/*
 * Makes a function that is there already callable by `name`, "NAME" or "NAME:QUALIFIER". An answer
 * from another version than `version` is refused: an alias may move during a run.
 */
void aws_target_attach(struct target *t, const char *name, const char *version,
                       const struct lambda_expected *expected);
void target_free(struct target *t);

#endif
