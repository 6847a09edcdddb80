/*
 * fault.h - how the embedded Lambda says no: the exceptions of the Lambda API, one row each.
 *
 * The same idiom as error.h, but a refusal here is an answer to a client: it has an exception name,
 * an HTTP status and a body whose shape depends on the exception.
 * https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html and the "Errors" part of each
 * operation's page.
 */
#ifndef LPG_EMULATOR_FAULT_H
#define LPG_EMULATOR_FAULT_H

#include "base/buf.h"

enum fault_kind {
    FAULT_NONE = 0,
    FAULT_VALIDATION,
    FAULT_PARAMETER,
    FAULT_CONTENT,
    FAULT_SERIALIZATION,
    FAULT_NOT_FOUND,
    FAULT_PROVISIONED_NOT_FOUND,
    FAULT_CONFLICT,
    FAULT_PRECONDITION,
    FAULT_TOO_LARGE,
    FAULT_THROTTLED,
    FAULT_SERVICE,
    FAULT_NO_TOKEN,
    FAULT_UNKNOWN_CLIENT,
    FAULT_SIGNATURE,
    FAULT_INCOMPLETE_SIGNATURE,
    FAULT_UNKNOWN_OPERATION,
};

struct fault {
    enum fault_kind kind;
    const char *reason; /* "Reason" of a throttled call, a constant; NULL for all others */
    char text[4096];
};

/* Records the refusal and returns -1, so that a caller writes `return fault_set(f, ...)`. */
int fault_set(struct fault *f, enum fault_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "ResourceNotFoundException": the value of x-amzn-ErrorType. */
const char *fault_code(const struct fault *f);
int fault_status(const struct fault *f);
/* The JSON body; the message's key is "message" or "Message" as that exception's model has it. */
void fault_body(const struct fault *f, struct buf *out);

#endif
