#include "aws/upload.h"

#include <stdlib.h>
#include <string.h>

#include "aws/call.h"
#include "base/mem.h"
#include "os/clock.h"

enum { BUCKET_MIN = 3, BUCKET_MAX = 63 };
#define UPLOAD_TIMEOUT_NS (600 * NS_PER_S)

/* https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
int upload_check_bucket(const char *bucket, struct error *e)
{
    size_t length = strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    if (length < BUCKET_MIN || length > BUCKET_MAX || bucket[length] || strstr(bucket, ".."))
        return error_set(e, ERROR_USAGE, "'%.100s' cannot be the name of a bucket", bucket);
    return 0;
}

/* The bucket stands in the path: a name with dots would not fit the certificate's wildcard. */
static int call_object(struct lambda *l, const struct upload_place *place, const char *key,
                       const char *method, const struct buf *body, struct error *e)
{
    const struct call_service s3 = {place->endpoint, "s3", "application/zip", UPLOAD_TIMEOUT_NS};
    char *path = xasprintf("/%s/%s", place->bucket, key);
    char *what = xasprintf("%s of 's3:/%s'", body ? "PutObject" : "DeleteObject", path);
    struct call call = {what, method, path, body, true, &s3};
    struct http_response response = {0};
    int failed = call_make(l, &call, &response, e);
    bool done = !failed && response.outcome == HTTP_ANSWERED &&
                (response.status / 100 == 2 || (!body && response.status == 404));
    if (!failed && !done)
        failed = call_refuse(what, &response, e);
    http_response_release(&response);
    free(what);
    free(path);
    return failed;
}

int upload_put(struct lambda *l, const struct upload_place *place, const char *key,
               const struct target_package *p, struct error *e)
{
    struct buf body;
    buf_init(&body);
    buf_add(&body, p->zip, p->zip_bytes);
    int failed = call_object(l, place, key, "PUT", &body, e);
    buf_release(&body);
    return failed;
}

int upload_delete(struct lambda *l, const struct upload_place *place, const char *key,
                  struct error *e)
{
    return call_object(l, place, key, "DELETE", NULL, e);
}
