/*
 * json.h - reading and writing JSON; the only owner of cJSON.
 *
 * Reading is strict, because the text may come from a network or from a pull request: one value,
 * nothing behind it, valid UTF-8, no duplicate keys in an object, no \u0000, numbers finite, depth
 * at most 64. The reader's getters never fail: a missing key or a value of another type gives the
 * default, so code that must tell "missing" from "wrong" asks json_get() and json_type().
 *
 * Writing appends to a `struct buf` and cannot fail. The bytes depend on the calls alone (no
 * locale, no pointer order): numbers that are not finite are written as null.
 */
#ifndef LPG_BASE_JSON_H
#define LPG_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum json_type {
    JSON_MISSING = 0,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

enum { JSON_DEPTH_MAX = 64 };

struct json; /* a value; the root owns its whole tree */

/* Parses `length` bytes. NULL on failure, with what and at which byte. Free with json_free(). */
struct json *json_parse(const char *text, size_t length, struct error *e);
void json_free(struct json *root);

/* All getters take NULL for "no value", so that look-ups chain. */
enum json_type json_type(const struct json *value);
const struct json *json_get(const struct json *object, const char *key); /* exact case */
/* Follows "a.b.0.c": object keys, and array positions where the value is an array. */
const struct json *json_path(const struct json *value, const char *path);
const char *json_string(const struct json *value, const char *fallback);
double json_number(const struct json *value, double fallback);
/* The fallback unless it is whole and below 2^53 in size. */
int64_t json_integer(const struct json *value, int64_t fallback);
bool json_bool(const struct json *value, bool fallback);
/* Short forms for members of an object. */
const char *json_get_string(const struct json *object, const char *key, const char *fallback);
double json_get_number(const struct json *object, const char *key, double fallback);
int64_t json_get_integer(const struct json *object, const char *key, int64_t fallback);
bool json_get_bool(const struct json *object, const char *key, bool fallback);

/* Arrays and objects: for (v = json_first(list); v; v = json_next(v)) */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *value);
const char *json_key(const struct json *member); /* NULL for an array's element */
size_t json_count(const struct json *container);
/* The value as compact JSON text, e.g. to compare or to forward it. */
void json_print(const struct json *value, struct buf *out);

/*
 * A writer. Inside an object each value is preceded by its key; `key` NULL inside an array or at
 * the top.
 *
 *     struct json_writer w;
 *     json_begin(&w, &out, 2);               // 2: indent; 0: compact, one line
 *     json_open_object(&w, NULL);
 *     json_put_string(&w, "verdict", "fail");
 *     json_close(&w);
 */
struct json_writer {
    struct buf *out;
    unsigned indent;
    unsigned depth;
    bool empty; /* nothing yet inside the innermost container */
    char closers[JSON_DEPTH_MAX];
};

void json_begin(struct json_writer *w, struct buf *out, unsigned indent);
void json_open_object(struct json_writer *w, const char *key);
void json_open_array(struct json_writer *w, const char *key);
void json_close(struct json_writer *w);
void json_put_string(struct json_writer *w, const char *key, const char *value); /* NULL: null */
void json_put_bytes(struct json_writer *w, const char *key, const char *value, size_t length);
void json_put_integer(struct json_writer *w, const char *key, int64_t value);
/* At most `decimals` places, trailing zeros dropped; NaN and infinity become null. */
void json_put_number(struct json_writer *w, const char *key, double value, int decimals);
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_null(struct json_writer *w, const char *key);
/* Inserts a value that is JSON text already. */
void json_put_raw(struct json_writer *w, const char *key, const char *json);
/* Appends `value` as a JSON string in its quotes; NULs and what is not UTF-8 become U+FFFD. */
void json_quote(struct buf *out, const char *value, size_t length);

#endif
