/* The writing half of json.h; it knows nothing of cJSON. */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    DECIMALS_MAX = 17,
    FIXED_BYTES = 352, /* sign, 309 digits of the largest double, point, decimals, NUL */
};

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

static const char *short_escape(char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

void json_quote(struct buf *out, const char *value, size_t length)
{
    buf_addch(out, '"');
    for (size_t i = 0, bytes; i < length; i += bytes) {
        const char *escape = short_escape(value[i]);
        bytes = text_utf8(value + i, length - i, NULL);
        if (escape)
            buf_addstr(out, escape);
        else if (!bytes || !value[i])
            buf_addstr(out, replacement);
        else if ((unsigned char)value[i] < 0x20)
            buf_addf(out, "\\u%04x", (unsigned)(unsigned char)value[i]);
        else
            buf_add(out, value + i, bytes);
        if (!bytes)
            bytes = 1;
    }
    buf_addch(out, '"');
}

/* The shortest form that reads back as the same number. */
static void add_exact_number(struct buf *out, double value)
{
    char text[32];
    if (!isfinite(value)) {
        buf_addstr(out, "null");
    } else if (fabs(value) < 0x1p53 && value == floor(value)) {
        buf_addf(out, "%" PRId64, (int64_t)value);
    } else {
        int digits = 15;
        do
            snprintf(text, sizeof text, "%.*g", digits, value);
        while (strtod(text, NULL) != value && ++digits <= 17);
        buf_addstr(out, text);
    }
}

static void add_fixed_number(struct buf *out, double value, int decimals)
{
    if (!isfinite(value)) {
        buf_addstr(out, "null");
        return;
    }
    if (decimals < 0)
        decimals = 0;
    if (decimals > DECIMALS_MAX)
        decimals = DECIMALS_MAX;
    char text[FIXED_BYTES];
    size_t length = (size_t)snprintf(text, sizeof text, "%.*f", decimals, value);
    if (memchr(text, '.', length)) {
        while (text[length - 1] == '0')
            length--;
        if (text[length - 1] == '.')
            length--;
    }
    if (length == 2 && memcmp(text, "-0", 2) == 0)
        buf_addch(out, '0');
    else
        buf_add(out, text, length);
}

static void print_value(const struct json *value, struct buf *out);

static void print_container(const struct json *value, struct buf *out, const char *brackets)
{
    buf_addch(out, brackets[0]);
    for (const struct json *v = json_first(value), *next; v; v = next) {
        next = json_next(v);
        const char *key = json_key(v);
        if (key) {
            json_quote(out, key, strlen(key));
            buf_addch(out, ':');
        }
        print_value(v, out);
        if (next)
            buf_addch(out, ',');
    }
    buf_addch(out, brackets[1]);
}

static void print_value(const struct json *value, struct buf *out)
{
    switch (json_type(value)) {
    case JSON_BOOL:
        buf_addstr(out, json_bool(value, false) ? "true" : "false");
        break;
    case JSON_NUMBER:
        add_exact_number(out, json_number(value, NAN));
        break;
    case JSON_STRING:
        json_quote(out, json_string(value, ""), strlen(json_string(value, "")));
        break;
    case JSON_ARRAY:
        print_container(value, out, "[]");
        break;
    case JSON_OBJECT:
        print_container(value, out, "{}");
        break;
    case JSON_MISSING:
    case JSON_NULL:
        buf_addstr(out, "null");
        break;
    }
}

void json_print(const struct json *value, struct buf *out)
{
    print_value(value, out);
}

void json_begin(struct json_writer *w, struct buf *out, unsigned indent)
{
    *w = (struct json_writer){.out = out, .indent = indent, .empty = true};
}

static void new_line(struct json_writer *w)
{
    if (!w->indent)
        return;
    buf_addch(w->out, '\n');
    buf_fill(w->out, " ", (size_t)w->indent * w->depth);
}

/* Everything in front of a value: comma, line break, key. */
static void begin_value(struct json_writer *w, const char *key)
{
    if (!w->empty)
        buf_addch(w->out, ',');
    w->empty = false;
    if (w->depth)
        new_line(w);
    if (!key)
        return;
    json_quote(w->out, key, strlen(key));
    buf_addstr(w->out, w->indent ? ": " : ":");
}

static void open_container(struct json_writer *w, const char *key, const char *brackets)
{
    if (w->depth == JSON_DEPTH_MAX)
        abort(); /* no document of ours is deeper: an endless recursion */
    begin_value(w, key);
    buf_addch(w->out, brackets[0]);
    w->closers[w->depth++] = brackets[1];
    w->empty = true;
}

void json_open_object(struct json_writer *w, const char *key)
{
    open_container(w, key, "{}");
}

void json_open_array(struct json_writer *w, const char *key)
{
    open_container(w, key, "[]");
}

void json_close(struct json_writer *w)
{
    if (!w->depth)
        abort(); /* closed more often than opened */
    w->depth--;
    if (!w->empty)
        new_line(w);
    buf_addch(w->out, w->closers[w->depth]);
    w->empty = false;
}

void json_put_bytes(struct json_writer *w, const char *key, const char *value, size_t length)
{
    begin_value(w, key);
    json_quote(w->out, value, length);
}

void json_put_string(struct json_writer *w, const char *key, const char *value)
{
    if (value)
        json_put_bytes(w, key, value, strlen(value));
    else
        json_put_null(w, key);
}

void json_put_integer(struct json_writer *w, const char *key, int64_t value)
{
    begin_value(w, key);
    buf_addf(w->out, "%" PRId64, value);
}

void json_put_number(struct json_writer *w, const char *key, double value, int decimals)
{
    begin_value(w, key);
    add_fixed_number(w->out, value, decimals);
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
    json_put_raw(w, key, value ? "true" : "false");
}

void json_put_null(struct json_writer *w, const char *key)
{
    json_put_raw(w, key, "null");
}

void json_put_raw(struct json_writer *w, const char *key, const char *json)
{
    begin_value(w, key);
    buf_addstr(w->out, json);
}
