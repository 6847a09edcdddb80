/*
 * iam.h - the IAM documents that let a workflow measure on AWS, and nothing else.
 *
 * Two roles: the deployer, which the workflow assumes through GitHub's OIDC provider, and the
 * execution role, which the measured functions run as. Whatever the deployer changes or invokes
 * must carry the gate's tags, so that not even a mistake of the gate can touch another function.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/attribute-based-access-control.html
 * https://docs.github.com/en/actions/security-for-github-actions/security-hardening-your-deployments/configuring-openid-connect-in-amazon-web-services
 */
#ifndef LPG_CONFIG_IAM_H
#define LPG_CONFIG_IAM_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct iam_request {
    const char *account;     /* twelve digits */
    const char *region;      /* NULL: any */
    const char *repository;  /* "org/name" */
    const char *environment; /* of GitHub, that the role is bound to; NULL: pull requests */
    const char *deployer;    /* name of the role that the workflow assumes */
    const char *execution;   /* name of the role that the functions run as */
    const char *bucket;      /* for packages above 50 MB; NULL: none */
    /* existing functions that are read (--like) and, with `versions`, given new versions */
    const char *const *functions;
    size_t function_count;
    bool versions;
};

/* ERROR_USAGE for what is no account, repository, region or name. */
int iam_check(const struct iam_request *r, struct error *e);

/* One file each: which document, and how it is called. The request must have passed iam_check(). */
struct iam_document {
    const char *file; /* "deployer-trust.json" */
    void (*write)(const struct iam_request *r, struct buf *out);
};
extern const struct iam_document iam_documents[];
extern const size_t iam_document_count;

/* The commands of the AWS CLI that make the roles from the files in `directory`. */
void iam_commands(const struct iam_request *r, const char *directory, struct buf *out);

#endif
