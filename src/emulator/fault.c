#include "emulator/fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"

/*
 * `type` is NULL where the gateway in front of Lambda answers: such bodies hold the message alone.
 */
static const struct row {
    const char *code;
    int status;
    const char *type;
    const char *message_key;
} rows[] = {
    [FAULT_NONE] = {"ServiceException", 500, "Service", "Message"},
    [FAULT_VALIDATION] = {"ValidationException", 400, NULL, "message"},
    [FAULT_PARAMETER] = {"InvalidParameterValueException", 400, "User", "message"},
    [FAULT_CONTENT] = {"InvalidRequestContentException", 400, "User", "message"},
    [FAULT_SERIALIZATION] = {"SerializationException", 400, NULL, "message"},
    [FAULT_NOT_FOUND] = {"ResourceNotFoundException", 404, "User", "Message"},
    [FAULT_PROVISIONED_NOT_FOUND] = {"ProvisionedConcurrencyConfigNotFoundException", 404, "User",
                                     "message"},
    [FAULT_CONFLICT] = {"ResourceConflictException", 409, "User", "message"},
    [FAULT_PRECONDITION] = {"PreconditionFailedException", 412, "User", "message"},
    [FAULT_TOO_LARGE] = {"RequestTooLargeException", 413, "User", "message"},
    [FAULT_THROTTLED] = {"TooManyRequestsException", 429, "User", "message"},
    [FAULT_SERVICE] = {"ServiceException", 500, "Service", "Message"},
    [FAULT_NO_TOKEN] = {"MissingAuthenticationTokenException", 403, NULL, "message"},
    [FAULT_UNKNOWN_CLIENT] = {"UnrecognizedClientException", 403, NULL, "message"},
    [FAULT_SIGNATURE] = {"InvalidSignatureException", 403, NULL, "message"},
    [FAULT_INCOMPLETE_SIGNATURE] = {"IncompleteSignatureException", 403, NULL, "message"},
    [FAULT_UNKNOWN_OPERATION] = {"UnknownOperationException", 404, NULL, "message"},
};

int fault_set(struct fault *f, enum fault_kind kind, const char *format, ...)
{
    f->kind = kind;
    f->reason = NULL;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    return -1;
}

const char *fault_code(const struct fault *f)
{
    return rows[f->kind].code;
}

int fault_status(const struct fault *f)
{
    return rows[f->kind].status;
}

void fault_body(const struct fault *f, struct buf *out)
{
    const struct row *row = &rows[f->kind];
    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    if (f->reason)
        json_put_string(&w, "Reason", f->reason);
    if (row->type)
        json_put_string(&w, "Type", row->type);
    json_put_string(&w, row->message_key, f->text);
    json_close(&w);
}
