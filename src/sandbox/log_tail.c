#include "sandbox/log_tail.h"

#include <string.h>

#include "base/json.h"
#include "os/clock.h"

/* Raw text kept: more than the result can need, so that cutting is rare. */
enum { RAW_KEEP = 2 * LOG_TAIL_BYTES, RAW_MAX = 4 * LOG_TAIL_BYTES };

void log_tail_init(struct log_tail *t, bool json)
{
    t->json = json;
    buf_init(&t->raw);
    buf_init(&t->result);
}

void log_tail_release(struct log_tail *t)
{
    buf_release(&t->raw);
    buf_release(&t->result);
}

void log_tail_clear(struct log_tail *t)
{
    buf_clear(&t->raw);
}

void log_tail_add(struct log_tail *t, const char *bytes, size_t length)
{
    if (length > RAW_MAX - RAW_KEEP) {
        bytes += length - RAW_KEEP;
        length = RAW_KEEP;
    }
    if (t->raw.length + length > RAW_MAX)
        buf_consume(&t->raw, t->raw.length > RAW_KEEP ? t->raw.length - RAW_KEEP : 0);
    buf_add(&t->raw, bytes, length);
}

void log_tail_add_line(struct log_tail *t, const char *line, size_t length)
{
    if (t->raw.length && t->raw.data[t->raw.length - 1] != '\n')
        log_tail_add(t, "\n", 1);
    log_tail_add(t, line, length);
}

static bool is_json_object(const char *line, size_t length)
{
    if (length < 2 || line[0] != '{')
        return false;
    struct json *value = json_parse(line, length, NULL);
    bool object = json_type(value) == JSON_OBJECT;
    json_free(value);
    return object;
}

/* The line as a record, with its newline. */
static void add_record(struct buf *out, const char *line, size_t length, const char *request_id)
{
    if (is_json_object(line, length)) {
        buf_add(out, line, length);
        buf_addch(out, '\n');
        return;
    }
    char stamp[CLOCK_STAMP_BYTES];
    clock_stamp_iso(clock_wall_ns(), stamp);
    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "timestamp", stamp);
    json_put_string(&w, "level", "INFO");
    json_put_string(&w, "requestId", request_id);
    json_put_bytes(&w, "message", line, length);
    json_close(&w);
    if (out->length && out->data[out->length - 1] != '\n')
        buf_addch(out, '\n');
}

static size_t line_start(const char *text, size_t end)
{
    while (end && text[end - 1] != '\n')
        end--;
    return end;
}

/* Takes lines from the end for as long as their records fit. */
static void collect_records(struct log_tail *t, const char *request_id)
{
    struct buf record, rest;
    buf_init(&record);
    buf_init(&rest);
    size_t end = t->raw.length;
    while (end && t->result.length < LOG_TAIL_BYTES) {
        size_t line_end = t->raw.data[end - 1] == '\n' ? end - 1 : end;
        size_t start = line_start(t->raw.data, line_end);
        bool cut_off = start == 0 && t->raw.length > RAW_KEEP;
        if (line_end > start && !cut_off) {
            buf_clear(&record);
            add_record(&record, t->raw.data + start, line_end - start, request_id);
            if (record.length + t->result.length > LOG_TAIL_BYTES)
                break;
            buf_clear(&rest);
            buf_add(&rest, t->result.data, t->result.length);
            buf_clear(&t->result);
            buf_add(&t->result, record.data, record.length);
            buf_add(&t->result, rest.data, rest.length);
        }
        end = start;
    }
    buf_release(&record);
    buf_release(&rest);
}

const struct buf *log_tail_finish(struct log_tail *t, const char *request_id)
{
    buf_clear(&t->result);
    if (t->json) {
        collect_records(t, request_id);
        return &t->result;
    }
    size_t length = t->raw.length < LOG_TAIL_BYTES ? t->raw.length : LOG_TAIL_BYTES;
    if (length)
        buf_add(&t->result, t->raw.data + t->raw.length - length, length);
    return &t->result;
}
