/*
 * target.h - a Lambda endpoint as a target for load/: real AWS, the embedded Lambda, or any other.
 */
#ifndef LPG_AWS_TARGET_H
#define LPG_AWS_TARGET_H

#include "base/error.h"
#include "model/target.h"
#include "net/loop.h"
#include "net/sigv4.h"

/* All strings must live as long as the target. */
struct aws_target_options {
    const char *kind;     /* shown in the report: "embedded", "aws", "endpoint" */
    const char *endpoint; /* "https://lambda.eu-west-1.amazonaws.com" */
    const char *region;
    const char *role;
    struct sigv4_credentials credentials;
    bool charged;             /* see struct target */
    unsigned lanes;           /* see struct target */
    bool sides_share_machine; /* see struct target */
};

struct target *aws_target_new(struct loop *loop, const struct aws_target_options *options,
                              struct error *e);
void target_free(struct target *t);

#endif
