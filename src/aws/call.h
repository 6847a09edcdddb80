/*
 * call.h - one control-plane call of an AWS API (Lambda's, unless it says otherwise), signed, made
 * until it is answered or not worth another try. Inside aws/ and cleanup/ only.
 *
 * What is tried again, and how patiently, is a table in call.c: "later" (429 and its relatives),
 * passing failures, an update that is still under way, a role that IAM has not spread yet, a clock
 * that is off. A call that may have been executed is repeated only where that does no harm. A loop
 * that was stopped, say by a signal, ends calls and the waits between them with ERROR_INTERRUPTED.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
 */
#ifndef LPG_AWS_CALL_H
#define LPG_AWS_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/lambda.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "net/http_client.h"

/* Another service than Lambda: S3. */
struct call_service {
    const char *endpoint;
    const char *name;         /* "s3": in signatures */
    const char *content_type; /* of bodies */
    uint64_t timeout_ns;
};

struct call {
    const char *what; /* for messages: "CreateFunction 'x'" */
    const char *method;
    const char *path; /* behind the endpoint */
    const struct buf *body;
    bool repeatable;                    /* doing it twice is as good as doing it once */
    const struct call_service *service; /* NULL: Lambda */
};

/* How a call ended that did not succeed. */
struct call_fault {
    int status;        /* 0: there was no answer */
    char name[96];     /* "ResourceNotFoundException"; "error" when the answer does not say */
    char message[600]; /* safe to print */
};

/*
 * Makes the call. -1 only when it cannot even be started, or was interrupted; else the response says
 * how it went. The caller releases it, also on failure.
 */
int call_make(struct lambda *l, const struct call *call, struct http_response *response,
              struct error *e);
/*
 * The call's answer as JSON; NULL and an error for anything but 2xx. `fault` may be NULL; it is
 * filled when the answer was a refusal. The caller frees.
 */
struct json *call_json(struct lambda *l, const struct call *call, struct call_fault *fault,
                       struct error *e);
/* Reads what a refusal says. */
void call_fault_read(const struct http_response *response, struct call_fault *fault);
/* Says in one line what the answer was, with advice where there is some. Returns -1. */
int call_refuse(const char *what, const struct http_response *response, struct error *e);
/*
 * Waits so many seconds between two tries or two looks (see struct lambda, second_ns). -1 and
 * ERROR_INTERRUPTED when the loop was stopped.
 */
int call_pause(const struct lambda *l, double seconds, const char *what, struct error *e);

#endif
