#include "aws/report.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/units.h"
#include "model/sample.h"

/* What a field's value is stored as. */
enum field_kind { FIELD_10US, FIELD_MS, FIELD_MB };

struct field {
    const char *text_key; /* in the text form */
    const char *json_key; /* in record.metrics of the JSON form */
    const char *unit;     /* in the text form */
    enum field_kind kind;
    size_t offset;
};

static const struct field fields[] = {
    {"Duration", "durationMs", "ms", FIELD_10US, offsetof(struct report, duration_10us)},
    {"Billed Duration", "billedDurationMs", "ms", FIELD_MS, offsetof(struct report, billed_ms)},
    {"Memory Size", "memorySizeMB", "MB", FIELD_MB, offsetof(struct report, memory_mb)},
    {"Max Memory Used", "maxMemoryUsedMB", "MB", FIELD_MB, offsetof(struct report, max_memory_mb)},
    {"Init Duration", "initDurationMs", "ms", FIELD_10US, offsetof(struct report, init_10us)},
    {"Restore Duration", "restoreDurationMs", "ms", FIELD_10US,
     offsetof(struct report, restore_10us)},
};

enum { FIELD_COUNT = sizeof fields / sizeof fields[0], LINE_MAX_BYTES = 4096 };

static const struct report nothing = {
    .duration_10us = SAMPLE_NONE,
    .billed_ms = SAMPLE_NONE,
    .init_10us = SAMPLE_NONE,
    .restore_10us = SAMPLE_NONE,
};

/* Stores a value in its field; false when it is out of any possible range. */
static bool store(struct report *r, const struct field *f, double value)
{
    char *at = (char *)r + f->offset;
    double most = f->kind == FIELD_MB ? UINT16_MAX : (double)SAMPLE_NONE - 1;
    double scaled = f->kind == FIELD_10US ? value * 100 : value;
    if (!(scaled >= 0 && scaled <= most))
        return false;
    if (f->kind == FIELD_MB) {
        uint16_t mb = (uint16_t)scaled;
        memcpy(at, &mb, sizeof mb);
    } else {
        uint32_t number = (uint32_t)(scaled + 0.5);
        memcpy(at, &number, sizeof number);
    }
    return true;
}

/*
 * A report without a duration, or whose bill is below it, was not written by Lambda; but of an
 * invocation that timed out, the bill has not always held what went beyond the timeout.
 */
static bool believable(const struct report *r, bool timed_out)
{
    if (r->duration_10us == SAMPLE_NONE || r->billed_ms == SAMPLE_NONE)
        return false;
    return timed_out || (uint64_t)r->billed_ms * 100 + 99 >= r->duration_10us;
}

/* The line that Lambda writes before the REPORT of a timeout where that has no Status. */
static bool tells_timeout(const char *tail, size_t length)
{
    static const char words[] = " Task timed out after ";
    return memmem(tail, length, words, sizeof words - 1) != NULL;
}

static void set_status(struct report *r, const char *status)
{
    r->timed_out = !strcmp(status, "timeout");
    r->failed = !strcmp(status, "error") || !strcmp(status, "failure");
}

/* The unit and nothing behind it but blanks. */
static bool is_unit(const char *text, const char *unit)
{
    size_t length = strlen(unit);
    return text_starts(text, unit) && !text[length + strspn(text + length, " \r")];
}

/* One "Key: value unit" of the text form. False: a known key with a value that makes no sense. */
static bool read_part(struct report *r, char *part, unsigned *seen)
{
    char *colon = strstr(part, ": ");
    if (!colon)
        return true;
    *colon = '\0';
    const char *value = colon + 2;
    if (!strcmp(part, "Status"))
        set_status(r, value);
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(part, fields[i].text_key) != 0)
            continue;
        double number;
        const char *rest;
        if ((*seen & 1u << i) || !units_parse_prefix(value, &number, &rest))
            return false;
        *seen |= 1u << i;
        while (*rest == ' ')
            rest++;
        return is_unit(rest, fields[i].unit) && store(r, &fields[i], number);
    }
    return true;
}

static struct report read_text_line(const char *line, size_t length)
{
    struct report r = nothing;
    char copy[LINE_MAX_BYTES + 1];
    if (length > LINE_MAX_BYTES) {
        r.state = REPORT_TAMPERED;
        return r;
    }
    memcpy(copy, line, length);
    copy[length] = '\0';
    r.state = REPORT_FOUND;
    unsigned seen = 0;
    for (char *part = copy, *next; part; part = next) {
        next = strchr(part, '\t');
        if (next)
            *next++ = '\0';
        while (*part == ' ')
            part++;
        if (!read_part(&r, part, &seen))
            r.state = REPORT_TAMPERED;
    }
    return r;
}

static struct report read_json_record(const struct json *record)
{
    struct report r = nothing;
    const struct json *measured = json_get(record, "metrics");
    r.state = REPORT_FOUND;
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        const struct json *value = json_get(measured, fields[i].json_key);
        if (value &&
            !(json_type(value) == JSON_NUMBER && store(&r, &fields[i], json_number(value, -1))))
            r.state = REPORT_TAMPERED;
    }
    set_status(&r, json_get_string(record, "status", ""));
    return r;
}

static bool is_text_report(const char *line, size_t length, const char *request_id)
{
    static const char head[] = "REPORT RequestId: ";
    size_t head_length = sizeof head - 1, id_length = strlen(request_id);
    return length > head_length + id_length && !memcmp(line, head, head_length) &&
           !memcmp(line + head_length, request_id, id_length) &&
           line[head_length + id_length] == '\t';
}

/* Whether the line is this request's report; then *r holds it. */
static bool read_line(const char *line, size_t length, const char *request_id, struct report *r)
{
    if (is_text_report(line, length, request_id)) {
        *r = read_text_line(line, length);
        return true;
    }
    if (!length || line[0] != '{')
        return false;
    struct json *object = json_parse(line, length, NULL);
    const struct json *record = json_get(object, "record");
    bool mine = !strcmp(json_get_string(object, "type", ""), "platform.report") &&
                !strcmp(json_get_string(record, "requestId", ""), request_id);
    if (mine)
        *r = read_json_record(record);
    json_free(object);
    return mine;
}

/* Lines that may stand behind a REPORT: nothing, or the trace id of X-Ray. */
static bool may_follow(const char *line, size_t length)
{
    static const char xray[] = "XRAY TraceId: ";
    return !length || (length >= sizeof xray - 1 && !memcmp(line, xray, sizeof xray - 1));
}

struct report report_parse(const char *tail, size_t length, const char *request_id)
{
    struct report found = nothing;
    unsigned count = 0;
    bool followed = false;
    const char *end = tail + length;
    if (!length || !request_id[0])
        return found;
    bool timed_out = tells_timeout(tail, length);
    while (tail < end) {
        const char *stop = memchr(tail, '\n', (size_t)(end - tail));
        size_t line = (size_t)((stop ? stop : end) - tail);
        if (read_line(tail, line, request_id, &found)) {
            count++;
            followed = false;
        } else if (!may_follow(tail, line)) {
            followed = true;
        }
        tail += line + 1;
    }
    if (count && (count > 1 || followed || !believable(&found, timed_out || found.timed_out)))
        found.state = REPORT_TAMPERED;
    return found;
}
