#include "sandbox/report_line.h"

#include "base/json.h"
#include "os/clock.h"

static const char *const status_names[] = {
    [REPORT_SUCCESS] = "success",
    [REPORT_ERROR] = "error",
    [REPORT_TIMEOUT] = "timeout",
};

enum { MS_DECIMALS = 3, NS_PER_HUNDREDTH = 10000 };

uint64_t report_billed_ms(const struct report *r)
{
    return (r->duration_ns + r->init_ns + NS_PER_MS - 1) / NS_PER_MS;
}

/* "8.40 ms": hundredths, rounded to the nearest, in whole numbers so that no locale gets in. */
static void add_ms(struct buf *out, const char *key, uint64_t ns)
{
    uint64_t hundredths = (ns + NS_PER_HUNDREDTH / 2) / NS_PER_HUNDREDTH;
    buf_addf(out, "%s: %llu.%02llu ms\t", key, (unsigned long long)(hundredths / 100),
             (unsigned long long)(hundredths % 100));
}

static double to_ms(uint64_t ns)
{
    return (double)ns / (double)NS_PER_MS;
}

static void open_event(struct json_writer *w, struct buf *out, const char *type)
{
    char stamp[CLOCK_STAMP_BYTES];
    clock_stamp_iso(clock_wall_ns(), stamp);
    json_begin(w, out, 0);
    json_open_object(w, NULL);
    json_put_string(w, "time", stamp);
    json_put_string(w, "type", type);
    json_open_object(w, "record");
}

static void close_event(struct json_writer *w)
{
    json_close(w);
    json_close(w);
    if (w->out->data[w->out->length - 1] != '\n')
        buf_addch(w->out, '\n');
}

void report_add_init_start(struct buf *out, const struct function *f, const char *runtime_label)
{
    if (f->system_logs_quiet)
        return;
    if (!f->json_logs) {
        buf_addf(out, "INIT_START Runtime Version: %s\t\n", runtime_label);
        return;
    }
    struct json_writer w;
    open_event(&w, out, "platform.initStart");
    json_put_string(&w, "initializationType", "on-demand");
    json_put_string(&w, "phase", "init");
    json_put_string(&w, "runtimeVersion", runtime_label);
    json_put_string(&w, "functionName", f->name);
    json_put_string(&w, "functionVersion", f->version);
    json_put_integer(&w, "instanceMaxMemory", (int64_t)f->memory_mb * 1024 * 1024);
    close_event(&w);
}

void report_add_start(struct buf *out, const struct function *f, const char *request_id)
{
    if (f->system_logs_quiet)
        return;
    if (!f->json_logs) {
        buf_addf(out, "START RequestId: %s Version: %s\n", request_id, f->version);
        return;
    }
    struct json_writer w;
    open_event(&w, out, "platform.start");
    json_put_string(&w, "requestId", request_id);
    json_put_string(&w, "functionArn", f->arn);
    json_put_string(&w, "version", f->version);
    close_event(&w);
}

void report_add_end(struct buf *out, const struct function *f, const char *request_id)
{
    if (!f->system_logs_quiet && !f->json_logs)
        buf_addf(out, "END RequestId: %s\n", request_id);
}

static void add_status(struct buf *out, const struct report *r)
{
    if (r->status == REPORT_TIMEOUT)
        buf_addstr(out, "Status: timeout\t");
    else if (r->status == REPORT_ERROR && r->error_type)
        buf_addf(out, "Status: error\tError Type: %s\t", r->error_type);
}

static void put_status(struct json_writer *w, const struct report *r)
{
    json_put_string(w, "status", status_names[r->status]);
    if (r->status == REPORT_ERROR && r->error_type)
        json_put_string(w, "errorType", r->error_type);
}

static void add_report_event(struct buf *out, const struct function *f, const struct report *r)
{
    struct json_writer w;
    open_event(&w, out, "platform.report");
    json_put_string(&w, "requestId", r->request_id);
    json_open_object(&w, "metrics");
    json_put_number(&w, "durationMs", to_ms(r->duration_ns), MS_DECIMALS);
    json_put_integer(&w, "billedDurationMs", (int64_t)report_billed_ms(r));
    json_put_integer(&w, "memorySizeMB", f->memory_mb);
    json_put_integer(&w, "maxMemoryUsedMB", r->max_memory_mb);
    if (r->init_ns)
        json_put_number(&w, "initDurationMs", to_ms(r->init_ns), MS_DECIMALS);
    json_close(&w);
    put_status(&w, r);
    close_event(&w);
}

void report_add_report(struct buf *out, const struct function *f, const struct report *r)
{
    if (f->system_logs_quiet)
        return;
    if (f->json_logs) {
        add_report_event(out, f, r);
        return;
    }
    buf_addf(out, "REPORT RequestId: %s\t", r->request_id);
    add_ms(out, "Duration", r->duration_ns);
    buf_addf(out, "Billed Duration: %llu ms\tMemory Size: %u MB\tMax Memory Used: %u MB\t",
             (unsigned long long)report_billed_ms(r), f->memory_mb, r->max_memory_mb);
    if (r->init_ns)
        add_ms(out, "Init Duration", r->init_ns);
    add_status(out, r);
    buf_addch(out, '\n');
}

void report_add_init_report(struct buf *out, const struct function *f, const char *phase,
                            const struct report *r)
{
    if (!f->json_logs) {
        buf_addstr(out, "INIT_REPORT ");
        add_ms(out, "Init Duration", r->duration_ns);
        buf_addf(out, "Phase: %s\t", phase);
        add_status(out, r);
        buf_addch(out, '\n');
        return;
    }
    struct json_writer w;
    open_event(&w, out, "platform.initReport");
    json_put_string(&w, "initializationType", "on-demand");
    json_put_string(&w, "phase", phase);
    put_status(&w, r);
    json_open_object(&w, "metrics");
    json_put_number(&w, "durationMs", to_ms(r->duration_ns), MS_DECIMALS);
    json_close(&w);
    close_event(&w);
}
