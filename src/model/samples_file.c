/* samples.ndjson: one line per invocation, written and read back. */
#include "model/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

enum { UUID_TEXT = 37, CUSTOM_DECIMALS = 6 };

static void uuid_text(const unsigned char id[16], char out[UUID_TEXT])
{
    char hex[33];
    hash_hex(id, 16, hex);
    static const unsigned groups[] = {8, 4, 4, 4, 12};
    const char *from = hex;
    for (size_t g = 0; g < 5; g++) {
        memcpy(out, from, groups[g]);
        from += groups[g];
        out += groups[g];
        *out++ = g < 4 ? '-' : '\0';
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool sample_request_id(const char *text, unsigned char id[16])
{
    unsigned char parsed[16];
    size_t digits = 0;
    for (; *text && digits < 32; text++) {
        int d = hex_digit(*text);
        if (d < 0 && *text != '-')
            return false;
        if (d < 0)
            continue;
        parsed[digits / 2] = (unsigned char)(digits % 2 ? parsed[digits / 2] | d : d << 4);
        digits++;
    }
    if (digits != 32 || *text)
        return false;
    memcpy(id, parsed, sizeof parsed);
    return true;
}

static void put_measured(struct json_writer *w, const char *key, double value, int decimals)
{
    if (isfinite(value))
        json_put_number(w, key, value, decimals);
}

/* The metrics of the sample's function, as far as the series records them. */
static size_t custom_of(const struct series *s, const struct sample *x,
                        const struct plan_custom **custom)
{
    if (!s->custom_stride || x->function >= s->plan->function_count)
        return 0;
    *custom = s->plan->functions[x->function].custom;
    return s->plan->functions[x->function].custom_count;
}

static void write_custom(const struct series *s, size_t at, struct json_writer *w)
{
    const struct plan_custom *custom;
    size_t count = custom_of(s, &s->items[at], &custom);
    const double *values = series_custom(s, at);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        if (!any)
            json_open_object(w, "custom");
        any = true;
        json_put_number(w, custom[i].name, values[i], CUSTOM_DECIMALS);
    }
    if (any)
        json_close(w);
}

void series_write(const struct series *series, size_t at, const char *function, struct buf *out)
{
    const struct sample *s = &series->items[at];
    static const unsigned char no_id[16];
    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "function", function);
    json_put_string(&w, "side", side_name((enum side)s->side));
    json_put_integer(&w, "round", s->round);
    if (s->env != UINT16_MAX) {
        char env[24];
        snprintf(env, sizeof env, "%c%u-%u", s->side == SIDE_BASELINE ? 'b' : 'c', s->round,
                 s->env);
        json_put_string(&w, "env", env);
    }
    json_put_integer(&w, "seq", s->seq);
    json_put_integer(&w, "event", s->event);
    json_put_integer(&w, "index", s->payload_index);
    json_put_bool(&w, "cold", s->cold);
    json_put_string(&w, "status", sample_status_name((enum sample_status)s->status));
    put_measured(&w, "duration_ms", sample_duration_ms(s), 2);
    put_measured(&w, "billed_ms", sample_billed_ms(s), 0);
    put_measured(&w, "init_ms", sample_init_ms(s), 2);
    put_measured(&w, "client_ms", sample_client_ms(s), 3);
    put_measured(&w, "cpu_ms", sample_cpu_ms(s), 3);
    write_custom(series, at, &w);
    if (s->memory_mb)
        json_put_integer(&w, "memory_mb", s->memory_mb);
    if (s->max_memory_mb)
        json_put_integer(&w, "max_memory_mb", s->max_memory_mb);
    json_put_integer(&w, "sent_ns", (int64_t)s->sent_ns);
    if (s->late_us != SAMPLE_NONE)
        json_put_integer(&w, "late_ns", (int64_t)s->late_us * 1000);
    if (s->dropped)
        json_put_bool(&w, "dropped", true);
    if (memcmp(s->request_id, no_id, sizeof no_id) != 0) {
        char id[UUID_TEXT];
        uuid_text(s->request_id, id);
        json_put_string(&w, "request_id", id);
    }
    json_close(&w);
    buf_addch(out, '\n');
}

static uint32_t scaled_field(const struct json *line, const char *key, double unit)
{
    double value = json_get_number(line, key, NAN) / unit;
    return value >= 0 && value < (double)SAMPLE_NONE ? (uint32_t)(value + 0.5) : SAMPLE_NONE;
}

/* A whole number from 0 to `most`; `most` itself when it is absent or out of range. */
static uint32_t index_field(const struct json *line, const char *key, uint32_t most)
{
    int64_t value = json_get_integer(line, key, -1);
    return value >= 0 && value < most ? (uint32_t)value : most;
}

static uint16_t env_field(const struct json *line)
{
    const char *env = json_get_string(line, "env", "");
    const char *dash = strrchr(env, '-');
    uint32_t n = 0;
    if (!dash || !dash[1])
        return UINT16_MAX;
    for (const char *c = dash + 1; *c; c++) {
        if (*c < '0' || *c > '9' || n >= UINT16_MAX / 10)
            return UINT16_MAX;
        n = n * 10 + (uint32_t)(*c - '0');
    }
    return (uint16_t)n;
}

static int read_identity(const struct json *line, struct sample *s, struct error *e)
{
    const char *side = json_get_string(line, "side", "");
    int status = sample_status_parse(json_get_string(line, "status", ""));
    uint32_t round = index_field(line, "round", UINT16_MAX);
    bool candidate = !strcmp(side, side_name(SIDE_CANDIDATE));
    if (!candidate && strcmp(side, side_name(SIDE_BASELINE)) != 0)
        return error_set(e, ERROR_INPUT, "'side' must be \"baseline\" or \"candidate\"");
    if (status < 0)
        return error_set(e, ERROR_INPUT, "'status' is missing or unknown");
    if (round == UINT16_MAX)
        return error_set(e, ERROR_INPUT, "'round' must be a whole number from 0 to 65534");
    s->side = candidate ? SIDE_CANDIDATE : SIDE_BASELINE;
    s->status = (uint8_t)status;
    s->round = (uint16_t)round;
    return 0;
}

static void read_measurements(const struct json *line, struct sample *s)
{
    s->env = env_field(line);
    s->seq = index_field(line, "seq", UINT32_MAX);
    s->event = (uint16_t)(index_field(line, "event", UINT16_MAX) % UINT16_MAX);
    s->payload_index = index_field(line, "index", UINT32_MAX);
    if (s->payload_index == UINT32_MAX)
        s->payload_index = s->seq;
    s->cold = json_get_bool(line, "cold", false);
    s->dropped = json_get_bool(line, "dropped", false);
    s->duration_10us = scaled_field(line, "duration_ms", 0.01);
    s->billed_ms = scaled_field(line, "billed_ms", 1);
    s->init_10us = scaled_field(line, "init_ms", 0.01);
    s->client_us = scaled_field(line, "client_ms", 0.001);
    s->cpu_us = scaled_field(line, "cpu_ms", 0.001);
    s->late_us = scaled_field(line, "late_ns", 1000);
    s->memory_mb = (uint16_t)(index_field(line, "memory_mb", UINT16_MAX) % UINT16_MAX);
    s->max_memory_mb = (uint16_t)(index_field(line, "max_memory_mb", UINT16_MAX) % UINT16_MAX);
    s->sent_ns = (uint64_t)json_get_integer(line, "sent_ns", 0);
    sample_request_id(json_get_string(line, "request_id", ""), s->request_id);
}

/* A value that is none is not measured; names that the plan does not have are left alone. */
static void read_custom(const struct json *line, struct series *s, size_t at)
{
    const struct plan_custom *custom;
    size_t count = custom_of(s, &s->items[at], &custom);
    const struct json *from = json_get(line, "custom");
    for (size_t i = 0; i < count; i++)
        series_custom(s, at)[i] = sample_custom_value(json_get_number(from, custom[i].name, NAN));
}

/* ---- environments that go on in another round ---- */

/* Whose environment had which name in which round. */
struct sighting {
    unsigned char name[SHA256_BYTES];
    uint16_t function, round;
    uint8_t side;
};

struct sightings {
    struct sighting *items;
    size_t count, capacity;
};

static int by_name(const void *a, const void *b)
{
    const struct sighting *x = a, *y = b;
    if (x->function != y->function)
        return x->function < y->function ? -1 : 1;
    if (x->side != y->side)
        return x->side < y->side ? -1 : 1;
    int order = memcmp(x->name, y->name, sizeof x->name);
    return order ? order : (x->round > y->round) - (x->round < y->round);
}

static void note_environment(struct sightings *seen, const struct json *line,
                             const struct sample *s)
{
    const char *name = json_get_string(line, "env", "");
    const struct sighting *last = seen->count ? &seen->items[seen->count - 1] : NULL;
    struct sighting now = {.function = s->function, .round = s->round, .side = s->side};
    if (!*name)
        return;
    hash_sha256(name, strlen(name), now.name);
    if (last && !by_name(last, &now))
        return;
    struct sighting *added = ARRAY_PUSH(seen->items, seen->count, seen->capacity);
    *added = now;
}

/*
 * A round in which an environment of an earlier one goes on has no fresh environments: it is
 * dropped, as the run would have done.
 */
static void drop_continued(struct series *s, size_t first, struct sightings *seen)
{
    size_t functions = 0;
    if (!seen->count)
        return;
    for (size_t i = 0; i < seen->count; i++)
        if (seen->items[i].function >= functions)
            functions = seen->items[i].function + 1u;
    bool *dropped = xcalloc((functions << 16) + 1, sizeof *dropped);
    qsort(seen->items, seen->count, sizeof *seen->items, by_name);
    for (size_t i = 1; i < seen->count; i++) {
        const struct sighting *now = &seen->items[i], *before = now - 1;
        bool same = now->function == before->function && now->side == before->side &&
                    !memcmp(now->name, before->name, sizeof now->name);
        if (same && now->round != before->round)
            dropped[(size_t)now->function << 16 | now->round] = true;
    }
    for (size_t i = first; i < s->count; i++) {
        struct sample *x = &s->items[i];
        if (x->function < functions && dropped[(size_t)x->function << 16 | x->round])
            x->dropped = true;
    }
    free(dropped);
}

/* The reader's state while lines come. */
struct reading {
    struct series *series;
    series_name_fn *index_of;
    void *context;
    struct sightings seen;
};

static int read_line(struct reading *r, const char *text, size_t length, struct error *e)
{
    struct json *line = json_parse(text, length, e);
    if (!line)
        return -1;
    struct sample parsed = {0};
    int function = r->index_of(r->context, json_get_string(line, "function", ""));
    int failed = function < 0 || function >= UINT16_MAX
                     ? error_set(e, ERROR_INPUT, "'function' names no function of this run")
                     : read_identity(line, &parsed, e);
    if (!failed) {
        read_measurements(line, &parsed);
        parsed.function = (uint16_t)function;
        *series_add(r->series) = parsed;
        read_custom(line, r->series, r->series->count - 1);
        note_environment(&r->seen, line, &parsed);
    }
    json_free(line);
    return failed;
}

int series_read(struct series *s, const char *text, size_t length, series_name_fn *index_of,
                void *context, struct error *e)
{
    struct reading r = {.series = s, .index_of = index_of, .context = context};
    const char *end = text + length;
    size_t first = s->count;
    int failed = 0;
    for (unsigned number = 1; text < end && !failed; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((stop ? stop : end) - text);
        if (line && read_line(&r, text, line, e))
            failed = error_prefix(e, "line %u", number);
        text += line + 1;
    }
    if (!failed)
        drop_continued(s, first, &r.seen);
    free(r.seen.items);
    return failed;
}
