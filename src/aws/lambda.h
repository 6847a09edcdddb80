/*
 * lambda.h - the calls of the Lambda API that the gate makes, signed, with their waits and retries.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 *
 * Control-plane calls run the loop until they are done; loop_stop(), say by a signal, ends them and
 * the waits between them at once with ERROR_INTERRUPTED. See call.h for what is tried again. An
 * Invoke is never repeated.
 */
#ifndef LPG_AWS_LAMBDA_H
#define LPG_AWS_LAMBDA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "model/plan.h"
#include "model/target.h"
#include "model/temporary.h"
#include "net/http_client.h"
#include "net/sigv4.h"

enum { LAMBDA_ACCOUNT_BYTES = 13 }; /* twelve digits and the NUL */

struct lambda {
    struct loop *loop;
    struct http_client *http;
    const char *endpoint;  /* "http://127.0.0.1:39001", without a slash at the end */
    const char *role;      /* ARN of the execution role; NULL: the reference function's */
    const char *any_role;  /* where there is neither; NULL: that is an error */
    const char *log_group; /* of all functions that are made; NULL: one for each, by Lambda */
    struct http_signing signing;
    uint64_t second_ns; /* how long a second between two tries takes; 0: a second. For tests */
    /* Whose functions these are, and how long from their creation they may live at most. */
    char run[TEMPORARY_RUN_BYTES]; /* "": functions get no tags */
    uint64_t life_ns;
    uint64_t invocations; /* sent so far */
    char account
        [LAMBDA_ACCOUNT_BYTES]; /* of the function created last; "" when the answer did not tell */
};

/*
 * CreateFunction with the tags of model/temporary.h, then waits until the function is Active. After
 * an answer that was lost, or that leaves open whether the function was made, it looks: one of this
 * name with this code is ours. After any failure but ERROR_API nobody knows whether the function is
 * there, or is about to be.
 */
int lambda_create(struct lambda *l, const char *name, const struct plan_function *f,
                  const struct target_package *p, struct error *e);
/*
 * UpdateFunctionConfiguration with one more environment variable, then waits for it: calls from
 * then on start in fresh execution environments.
 */
int lambda_renew(struct lambda *l, const char *name, const struct plan_function *f,
                 const char *token, struct error *e);
/*
 * Waits until the function, or a version of it, can be used, as the waiters FunctionActiveV2 and
 * FunctionUpdatedV2 do: GetFunction once a second for five minutes, for fifteen when `slow`. Fails
 * at once, with Lambda's reason, when it never will be.
 */
int lambda_wait(struct lambda *l, const char *name, const char *qualifier, bool slow,
                struct error *e);
/* Whether a configuration says that the function is Active and no update is under way. */
bool lambda_settled(const struct json *configuration);
/* Writes the package as members of CreateFunction's "Code" or of UpdateFunctionCode. */
void lambda_put_code(struct json_writer *w, const struct target_package *p);
/*
 * GetAccountSettings: how many environments may work at once in the region beside those that are
 * reserved; 0 when nobody says, which is no error.
 */
unsigned lambda_concurrency(struct lambda *l);

/*
 * The account in the first function ARN of a text, an answer's FunctionArn or a message; false and
 * `account` untouched when there is none.
 */
bool lambda_account(const char *text, char account[LAMBDA_ACCOUNT_BYTES]);

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
/* The URL of the invocations of a function, or of its version or alias; the caller frees. */
char *lambda_invoke_url(const struct lambda *l, const char *name, const char *qualifier);

#endif
