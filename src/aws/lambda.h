/*
 * lambda.h - the calls of the Lambda API that the gate makes, signed, with their waits and retries.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 *
 * Control-plane calls run the loop until they are done. They are tried again when the request did
 * not reach Lambda, or when it said "later"; a call that may have been executed is repeated only
 * where that does no harm. An Invoke is never repeated.
 */
#ifndef LPG_AWS_LAMBDA_H
#define LPG_AWS_LAMBDA_H

#include "base/error.h"
#include "model/plan.h"
#include "model/target.h"
#include "net/http_client.h"
#include "net/sigv4.h"

struct lambda {
    struct loop *loop;
    struct http_client *http;
    const char *endpoint; /* "http://127.0.0.1:39001", without a slash at the end */
    const char *role;     /* ARN of the execution role */
    struct http_signing signing;
};

/* CreateFunction, then waits until the function is Active. */
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
 * Starts an Invoke with LogType=Tail. The strings of the call and `url` must live until it is done.
 */
int lambda_invoke(struct lambda *l, const char *url, const struct target_call *call,
                  http_done_fn *done, void *context, struct error *e);
/* The URL of a function's invocations; the caller frees. */
char *lambda_invoke_url(const struct lambda *l, const char *name);

#endif
