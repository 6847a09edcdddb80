/*
 * failure.h - why the platform ended an initialisation or an invocation, in Lambda's words.
 */
#ifndef LPG_SANDBOX_FAILURE_H
#define LPG_SANDBOX_FAILURE_H

#include "base/buf.h"
#include "sandbox/report_line.h"
#include "sandbox/sandbox.h"

struct failure {
    const char *type; /* "Runtime.ExitError"; NULL: nothing failed */
    enum report_status status;
    char message[200]; /* without the request id in front */
};

struct failure failure_make(const char *type, const char *message);
struct failure failure_timeout(unsigned seconds);
struct failure failure_out_of_memory(void);
/* The program ended when it should have gone on. */
struct failure failure_exit(const struct sandbox_end *end);

/* {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ... Error: ..."} */
void failure_add_json(struct buf *out, const struct failure *f, const char *request_id);

#endif
