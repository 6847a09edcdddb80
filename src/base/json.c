/*
 * The text is checked against RFC 8259 here before cJSON sees it: cJSON alone accepts more than
 * JSON (leading zeros, any control character as a blank), and its errors have no usable position.
 * What is left to it is to build the tree.
 */
#include "base/json.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/text.h"

enum {
    NUMBER_BYTES_MAX = 63, /* cJSON reads no more of a number */
    FEW_MEMBERS = 16,      /* up to here comparing each with each is quicker than sorting */
};

struct scan {
    const char *text;
    size_t length;
    size_t at;
    unsigned depth;
    struct error *e;
};

/* ---- the check of the text ---- */

static int refuse(const struct scan *s, size_t at, const char *what)
{
    return error_set(s->e, ERROR_INPUT, "not valid JSON: %s at byte %zu", what, at);
}

static int peek(const struct scan *s)
{
    return s->at < s->length ? (unsigned char)s->text[s->at] : EOF;
}

static bool take(struct scan *s, char wanted)
{
    if (peek(s) != (unsigned char)wanted)
        return false;
    s->at++;
    return true;
}

static void skip_blank(struct scan *s)
{
    int c = peek(s);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        s->at++;
        c = peek(s);
    }
}

static int unexpected(const struct scan *s, const char *wanted)
{
    if (s->at >= s->length)
        return error_set(s->e, ERROR_INPUT,
                         "not valid JSON: it ends at byte %zu, where %s should be", s->at, wanted);
    return error_set(s->e, ERROR_INPUT, "not valid JSON: %s expected at byte %zu", wanted, s->at);
}

static bool scan_digits(struct scan *s)
{
    size_t start = s->at;
    while (isdigit(peek(s)))
        s->at++;
    return s->at > start;
}

static int scan_number(struct scan *s)
{
    size_t start = s->at;
    take(s, '-');
    if (!take(s, '0') && !scan_digits(s))
        return unexpected(s, "a value");
    if (isdigit(peek(s)))
        return refuse(s, start, "a number with a leading zero");
    if (take(s, '.') && !scan_digits(s))
        return unexpected(s, "a digit");
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (!scan_digits(s))
            return unexpected(s, "a digit");
    }
    char copy[NUMBER_BYTES_MAX + 1];
    size_t length = s->at - start;
    if (length >= sizeof copy)
        return refuse(s, start, "a number of more than 63 characters");
    memcpy(copy, s->text + start, length);
    copy[length] = '\0';
    return isfinite(strtod(copy, NULL)) ? 0 : refuse(s, start, "a number out of range");
}

/* The four hexadecimal digits behind "\u"; -1 when they are not that. */
static long scan_hex4(struct scan *s)
{
    long code = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        int c = peek(s);
        if (!isxdigit(c))
            return -1;
        code = code * 16 + (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
    }
    return code;
}

static int scan_unicode_escape(struct scan *s, size_t start)
{
    long code = scan_hex4(s);
    if (code < 0)
        return unexpected(s, "a hexadecimal digit");
    if (code == 0)
        return refuse(s, start, "the character \\u0000");
    if (code >= 0xdc00 && code <= 0xdfff)
        return refuse(s, start, "half a surrogate pair");
    if (code < 0xd800 || code > 0xdfff)
        return 0;
    if (!take(s, '\\') || !take(s, 'u'))
        return refuse(s, start, "half a surrogate pair");
    long low = scan_hex4(s);
    return low >= 0xdc00 && low <= 0xdfff ? 0 : refuse(s, start, "half a surrogate pair");
}

static int scan_escape(struct scan *s)
{
    size_t start = s->at++;
    int c = peek(s);
    if (c == EOF)
        return unexpected(s, "the end of an escape");
    if (!c || !strchr("\"\\/bfnrtu", c))
        return refuse(s, start, "an unknown escape");
    s->at++;
    return c == 'u' ? scan_unicode_escape(s, start) : 0;
}

static int scan_string(struct scan *s)
{
    if (!take(s, '"'))
        return unexpected(s, "a string");
    for (int c = peek(s); c != '"'; c = peek(s)) {
        if (c == EOF)
            return unexpected(s, "the end of a string");
        if (c < 0x20)
            return refuse(s, s->at, "a control character in a string");
        if (c == '\\') {
            if (scan_escape(s))
                return -1;
            continue;
        }
        size_t bytes = text_utf8(s->text + s->at, s->length - s->at, NULL);
        if (!bytes)
            return refuse(s, s->at, "a byte that is not UTF-8");
        s->at += bytes;
    }
    s->at++;
    return 0;
}

static int scan_word(struct scan *s, const char *word)
{
    size_t length = strlen(word);
    if (s->length - s->at < length || memcmp(s->text + s->at, word, length) != 0)
        return unexpected(s, "a value");
    s->at += length;
    return 0;
}

static int scan_value(struct scan *s);

static int scan_member(struct scan *s)
{
    skip_blank(s);
    if (scan_string(s))
        return -1;
    skip_blank(s);
    return take(s, ':') ? scan_value(s) : unexpected(s, "':'");
}

static int scan_container(struct scan *s, char closer)
{
    size_t start = s->at++;
    if (++s->depth > JSON_DEPTH_MAX)
        return refuse(s, start, "nesting of more than 64 levels");
    skip_blank(s);
    bool more = !take(s, closer);
    while (more) {
        if (closer == '}' ? scan_member(s) : scan_value(s))
            return -1;
        skip_blank(s);
        more = take(s, ',');
        if (!more && !take(s, closer))
            return unexpected(s, closer == '}' ? "',' or '}'" : "',' or ']'");
    }
    s->depth--;
    return 0;
}

static int scan_value(struct scan *s)
{
    skip_blank(s);
    switch (peek(s)) {
    case '{':
        return scan_container(s, '}');
    case '[':
        return scan_container(s, ']');
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return scan_number(s);
    }
}

static int scan_document(struct scan *s)
{
    if (scan_value(s))
        return -1;
    skip_blank(s);
    return s->at == s->length ? 0 : refuse(s, s->at, "something behind the value");
}

/* ---- duplicate keys ---- */

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *duplicate_of_few(const cJSON *object)
{
    for (const cJSON *a = object->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return a->string;
    return NULL;
}

static const char *duplicate_of_many(const cJSON *object, size_t count)
{
    const char **keys = xcalloc(count, sizeof *keys);
    size_t n = 0;
    for (const cJSON *m = object->child; m; m = m->next)
        keys[n++] = m->string;
    qsort(keys, n, sizeof *keys, compare_keys);
    const char *found = NULL;
    for (size_t i = 1; i < n && !found; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            found = keys[i];
    free(keys);
    return found;
}

/*
 * The first duplicate key below `value`; *objects counts the objects up to that one, in text order.
 */
static const char *find_duplicate(const cJSON *value, size_t *objects)
{
    const char *found = NULL;
    if (cJSON_IsObject(value)) {
        size_t count = (size_t)cJSON_GetArraySize(value);
        found = count > FEW_MEMBERS ? duplicate_of_many(value, count) : duplicate_of_few(value);
        ++*objects;
    }
    for (const cJSON *v = value->child; v && !found; v = v->next)
        found = find_duplicate(v, objects);
    return found;
}

/* Where the nth object of a valid text begins; n counts from 1. */
static size_t object_offset(const char *text, size_t length, size_t n)
{
    bool quoted = false;
    for (size_t at = 0; at < length; at++) {
        if (quoted && text[at] == '\\')
            at++;
        else if (text[at] == '"')
            quoted = !quoted;
        else if (!quoted && text[at] == '{' && --n == 0)
            return at;
    }
    return length;
}

static int check_duplicates(const cJSON *tree, const char *text, size_t length, struct error *e)
{
    size_t objects = 0;
    const char *key = find_duplicate(tree, &objects);
    if (!key)
        return 0;
    struct buf shown;
    buf_init_capped(&shown, 100);
    text_add_safe(&shown, key, strlen(key));
    error_set(e, ERROR_INPUT, "not valid JSON: duplicate key \"%s\" in the object at byte %zu",
              shown.data, object_offset(text, length, objects));
    buf_release(&shown);
    return -1;
}

/* ---- reading ---- */

/* A `struct json` is a cJSON under another name; these two are the only casts. */
static const cJSON *node(const struct json *value)
{
    return (const void *)value;
}

static const struct json *value_of(const cJSON *item)
{
    return (const void *)item;
}

struct json *json_parse(const char *text, size_t length, struct error *e)
{
    struct scan s = {.text = text, .length = length, .e = e};
    if (scan_document(&s))
        return NULL;
    cJSON *tree = cJSON_ParseWithLength(text, length);
    if (!tree) {
        error_set(e, ERROR_INPUT, "not valid JSON: it could not be read");
        return NULL;
    }
    if (check_duplicates(tree, text, length, e)) {
        cJSON_Delete(tree);
        return NULL;
    }
    return (void *)tree;
}

void json_free(struct json *root)
{
    cJSON_Delete((void *)root);
}

enum json_type json_type(const struct json *value)
{
    if (!value)
        return JSON_MISSING;
    switch (node(value)->type & 0xff) {
    case cJSON_NULL:
        return JSON_NULL;
    case cJSON_False:
    case cJSON_True:
        return JSON_BOOL;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_MISSING;
    }
}

static const struct json *member(const struct json *object, const char *key, size_t key_length)
{
    if (json_type(object) != JSON_OBJECT)
        return NULL;
    for (const cJSON *m = node(object)->child; m; m = m->next)
        if (strncmp(m->string, key, key_length) == 0 && !m->string[key_length])
            return value_of(m);
    return NULL;
}

static const struct json *element(const struct json *array, const char *digits, size_t length)
{
    size_t position = 0;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)digits[i]) || position > SIZE_MAX / 100)
            return NULL;
        position = position * 10 + (size_t)(digits[i] - '0');
    }
    const struct json *v = length ? json_first(array) : NULL;
    while (v && position--)
        v = json_next(v);
    return v;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return member(object, key, strlen(key));
}

const struct json *json_path(const struct json *value, const char *path)
{
    while (value) {
        size_t length = strcspn(path, ".");
        value = json_type(value) == JSON_ARRAY ? element(value, path, length)
                                               : member(value, path, length);
        if (!path[length])
            break;
        path += length + 1;
    }
    return value;
}

const char *json_string(const struct json *value, const char *fallback)
{
    return json_type(value) == JSON_STRING ? node(value)->valuestring : fallback;
}

double json_number(const struct json *value, double fallback)
{
    return json_type(value) == JSON_NUMBER ? node(value)->valuedouble : fallback;
}

int64_t json_integer(const struct json *value, int64_t fallback)
{
    double v = json_number(value, NAN);
    return fabs(v) < 0x1p53 && v == floor(v) ? (int64_t)v : fallback;
}

bool json_bool(const struct json *value, bool fallback)
{
    return json_type(value) == JSON_BOOL ? cJSON_IsTrue(node(value)) : fallback;
}

const char *json_get_string(const struct json *object, const char *key, const char *fallback)
{
    return json_string(json_get(object, key), fallback);
}

double json_get_number(const struct json *object, const char *key, double fallback)
{
    return json_number(json_get(object, key), fallback);
}

int64_t json_get_integer(const struct json *object, const char *key, int64_t fallback)
{
    return json_integer(json_get(object, key), fallback);
}

bool json_get_bool(const struct json *object, const char *key, bool fallback)
{
    return json_bool(json_get(object, key), fallback);
}

const struct json *json_first(const struct json *container)
{
    return container ? value_of(node(container)->child) : NULL;
}

const struct json *json_next(const struct json *value)
{
    return value ? value_of(node(value)->next) : NULL;
}

const char *json_key(const struct json *member)
{
    return member ? node(member)->string : NULL;
}

size_t json_count(const struct json *container)
{
    return container ? (size_t)cJSON_GetArraySize(node(container)) : 0;
}
