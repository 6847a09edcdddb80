/*
 * upload.h - packages that are too large to be sent to Lambda go through a bucket in S3.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 *
 *     upload_put(l, &place, key, &package, e);      // then package.bucket and .key
 *     ... CreateFunction, which copies the code ...
 *     upload_delete(l, &place, key, e);
 */
#ifndef LPG_AWS_UPLOAD_H
#define LPG_AWS_UPLOAD_H

#include "aws/lambda.h"
#include "base/error.h"
#include "model/target.h"

/* Zips above this size are only taken from S3. */
enum { UPLOAD_FROM_BYTES = 50 << 20 };

struct upload_place {
    const char *endpoint; /* of S3: "https://s3.eu-west-1.amazonaws.com" */
    const char *bucket;   /* in the region of the functions */
};

/* ERROR_USAGE for what cannot be the name of a bucket. */
int upload_check_bucket(const char *bucket, struct error *e);
/* PutObject. `key` has letters, digits, '-', '_', '.' and '/' alone. */
int upload_put(struct lambda *l, const struct upload_place *place, const char *key,
               const struct target_package *p, struct error *e);
/* DeleteObject; one that is not there is fine. */
int upload_delete(struct lambda *l, const struct upload_place *place, const char *key,
                  struct error *e);

#endif
