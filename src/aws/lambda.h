/*
 * lambda.h - the calls of the Lambda API that the gate makes, signed, with their waits and retries.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 *
 * Control-plane calls run the loop until they are done; loop_stop(), say by a signal, ends them and
 * the waits between them at once with ERROR_INTERRUPTED. They are tried again when the request did
 * not reach Lambda, or when it said "later"; a call that may have been executed is repeated only
 * where that does no harm. An Invoke is never repeated.
 */
#ifndef LPG_AWS_LAMBDA_H
#define LPG_AWS_LAMBDA_H

#include "base/error.h"
#include "model/plan.h"
#include "model/target.h"
#include "model/temporary.h"
#include "net/http_client.h"
#include "net/sigv4.h"

enum { LAMBDA_ACCOUNT_BYTES = 13 }; /* twelve digits and the NUL */

struct lambda {
    struct loop *loop;
    struct http_client *http;
    const char *endpoint; /* "http://127.0.0.1:39001", without a slash at the end */
    const char *role;     /* ARN of the execution role */
    struct http_signing signing;
    /* Whose functions these are, and how long from their creation they may live at most. */
    char run[TEMPORARY_RUN_BYTES]; /* "": functions get no tags */
    uint64_t life_ns;
    uint64_t invocations; /* sent so far */
    char account
        [LAMBDA_ACCOUNT_BYTES]; /* of the function created last; "" when the answer did not tell */
};

/*
 * CreateFunction with the tags of model/temporary.h, then waits until the function is Active. After
 * any failure but ERROR_API nobody knows whether the function is there, or is about to be.
 */
int lambda_create(struct lambda *l, const char *name, const struct plan_function *f,
                  const struct target_package *p, struct error *e);
/*
 * UpdateFunctionConfiguration with one more environment variable, then waits for it: calls from
 * then on start in fresh execution environments.
 */
int lambda_renew(struct lambda *l, const char *name, const struct plan_function *f,
                 const char *token, struct error *e);
/* DeleteFunction; a function that is not there is fine. */
int lambda_delete(struct lambda *l, const char *name, struct error *e);

/*
 * The account in the first function ARN of a text, an answer's FunctionArn or a message; false and
 * `account` untouched when there is none.
 */
bool lambda_account(const char *text, char account[LAMBDA_ACCOUNT_BYTES]);
/* "WHAT: why it was not a success", as an error; returns -1. For calls made elsewhere. */
int lambda_refuse(const char *what, const struct http_response *r, struct error *e);

/*
 * Reads an answer to Invoke. `reply` points into the response and to `detail`, which gets the
 * reason when it is not ok. `expected` is what the function was deployed with: a REPORT that says
 * otherwise is not believed. The custom metrics are read from the same log tail.
 */
struct lambda_expected {
    unsigned memory_mb;
    const struct plan_custom *custom;
    size_t custom_count;
};
void lambda_read_reply(const struct http_response *response, const struct lambda_expected *expected,
                       struct target_reply *reply, struct buf *detail);
/*
 * Starts an Invoke with LogType=Tail. Each has an id of its own in amz-sdk-invocation-id, as the
 * SDKs send it, so that one that arrived twice can be told from two. The strings of the call and
 * `url` must live until it is done.
 */
int lambda_invoke(struct lambda *l, const char *url, const struct target_call *call,
                  http_done_fn *done, void *context, struct error *e);
/* The URL of a function's invocations; the caller frees. */
char *lambda_invoke_url(const struct lambda *l, const char *name);

#endif
