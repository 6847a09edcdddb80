#include "sandbox/failure.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

struct failure failure_make(const char *type, const char *message)
{
    struct failure f = {.type = type, .status = REPORT_ERROR};
    snprintf(f.message, sizeof f.message, "%s", message);
    return f;
}

struct failure failure_timeout(unsigned seconds)
{
    struct failure f = {.type = "Sandbox.Timedout", .status = REPORT_TIMEOUT};
    snprintf(f.message, sizeof f.message, "Task timed out after %u.00 seconds", seconds);
    return f;
}

/* "signal: killed", "signal: segmentation fault" */
static struct failure make_signal(const char *type, int number)
{
    const char *name = number == SIGKILL ? "killed" : strsignal(number);
    char text[100];
    snprintf(text, sizeof text, "%s", name ? name : "unknown");
    text[0] = (char)tolower((unsigned char)text[0]);
    struct failure f = {.type = type, .status = REPORT_ERROR};
    snprintf(f.message, sizeof f.message, "Runtime exited with error: signal: %s", text);
    return f;
}

struct failure failure_out_of_memory(void)
{
    return make_signal("Runtime.OutOfMemory", SIGKILL);
}

struct failure failure_exit(const struct sandbox_end *end)
{
    if (end->signal)
        return make_signal("Runtime.ExitError", end->signal);
    if (!end->exit_code)
        return failure_make("Runtime.ExitError", "Runtime exited without providing a reason");
    struct failure f = {.type = "Runtime.ExitError", .status = REPORT_ERROR};
    snprintf(f.message, sizeof f.message, "Runtime exited with error: exit status %d",
             end->exit_code);
    return f;
}

void failure_add_json(struct buf *out, const struct failure *f, const char *request_id)
{
    struct buf message;
    buf_init(&message);
    buf_addf(&message, "RequestId: %s Error: %s", request_id, f->message);
    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "errorType", f->type);
    json_put_string(&w, "errorMessage", message.data);
    json_close(&w);
    buf_release(&message);
}
