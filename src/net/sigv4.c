#include "net/sigv4.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char ALGORITHM[] = "AWS4-HMAC-SHA256";
static const char TERMINATOR[] = "aws4_request";

enum {
    DATE_LENGTH = 8, /* "20261123" at the start of a stamp */
    FEW = 32,        /* headers or query parameters that are sorted without allocating */
    CANONICAL_ROOM = 1024,
};

/* The unreserved characters of RFC 3986 section 2.3. */
static const char UNRESERVED[256] = {
    ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1,
    ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1,
    ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1,
    ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1,
    ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,
    ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1,
    ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1,
    ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1,
    ['y'] = 1, ['z'] = 1,
};

struct span {
    const char *text;
    size_t length;
};

/* One query parameter, as a piece of the encoded text of all of them. */
struct parameter {
    size_t name, name_length;
    size_t value, value_length;
    const struct buf *text;
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static struct span trimmed(const char *text)
{
    while (is_blank(*text))
        text++;
    size_t length = strlen(text);
    while (length && is_blank(text[length - 1]))
        length--;
    return (struct span){text, length};
}

static void encode_byte(struct buf *out, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    buf_add(out, (char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
}

void sigv4_encode(struct buf *out, const char *text, size_t length, int keep_slash)
{
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (UNRESERVED[byte] || (keep_slash && byte == '/'))
            continue;
        buf_add(out, text + start, i - start);
        encode_byte(out, byte);
        start = i + 1;
    }
    buf_add(out, text + start, length - start);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Encodes text that may be encoded already, in part or in lower-case hexadecimal: each byte that it
 * stands for once. A '%' that begins no escape stands for itself.
 */
static void encode_once(struct buf *out, const char *text, size_t length, bool keep_slash)
{
    for (size_t i = 0; i < length; i++) {
        int high = i + 2 < length && text[i] == '%' ? hex_value(text[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_value(text[i + 2]);
        if (low < 0) {
            sigv4_encode(out, text + i, 1, keep_slash);
            continue;
        }
        char byte = (char)(high << 4 | low);
        sigv4_encode(out, &byte, 1, 0);
        i += 2;
    }
}

/* Ends the path behind its last kept segment, but never cuts the first '/'. */
static void drop_last_segment(struct buf *path, size_t start)
{
    size_t length = path->length;
    while (length > start && path->data[length - 1] != '/')
        length--;
    buf_truncate(path, length > start ? length - 1 : start);
}

/* Encodes the path's segments; empty and "." ones go, ".." takes its predecessor along. */
static void add_normal_path(struct buf *out, const char *path)
{
    size_t start = out->length;
    const char *last = path;
    while (*path) {
        path += strspn(path, "/");
        size_t length = strcspn(path, "/");
        last = path;
        if (length == 2 && path[0] == '.' && path[1] == '.') {
            drop_last_segment(out, start);
        } else if (length && !(length == 1 && path[0] == '.')) {
            buf_addch(out, '/');
            sigv4_encode(out, path, length, 0);
        }
        path += length;
    }
    bool ends_in_slash = *last == '\0';
    if (out->length == start || ends_in_slash)
        buf_addch(out, '/');
}

static void add_path(struct buf *out, const struct sigv4_request *r)
{
    if (strcmp(r->service, "s3") == 0)
        encode_once(out, r->path, strlen(r->path), true);
    else
        add_normal_path(out, r->path);
}

static int compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

/*
 * By encoded name, then by encoded value: comparing "name=value" whole would sort "a-b" before "a".
 */
static int compare_parameters(const void *left, const void *right)
{
    const struct parameter *a = left;
    const struct parameter *b = right;
    const char *text = a->text->data;
    int order = compare_bytes(text + a->name, a->name_length, text + b->name, b->name_length);
    return order
               ? order
               : compare_bytes(text + a->value, a->value_length, text + b->value, b->value_length);
}

static size_t count_parameters(const char *query)
{
    size_t count = 1;
    for (; *query; query++)
        count += *query == '&';
    return count;
}

/*
 * Cuts the query into encoded parameters, whose bytes go to `text`; empty parts ("a&&b") count for
 * nothing.
 */
static size_t read_parameters(const char *query, struct parameter *list, struct buf *text)
{
    size_t count = 0;
    while (*query) {
        size_t length = strcspn(query, "&");
        const char *equals = memchr(query, '=', length);
        size_t name_length = equals ? (size_t)(equals - query) : length;
        if (length) {
            struct parameter *p = &list[count++];
            p->text = text;
            p->name = text->length;
            encode_once(text, query, name_length, false);
            p->name_length = text->length - p->name;
            p->value = text->length;
            if (equals)
                encode_once(text, equals + 1, length - name_length - 1, false);
            p->value_length = text->length - p->value;
        }
        query += length;
        query += *query == '&';
    }
    return count;
}

static void add_query(struct buf *out, const char *query)
{
    if (!query || !*query)
        return;
    struct parameter few[FEW];
    size_t room = count_parameters(query);
    struct parameter *list = room > FEW ? xmalloc(room * sizeof *list) : few;
    struct buf text;
    buf_init(&text);
    size_t count = read_parameters(query, list, &text);
    if (count > 1)
        qsort(list, count, sizeof *list, compare_parameters);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_addch(out, '&');
        buf_add(out, text.data + list[i].name, list[i].name_length);
        buf_addch(out, '=');
        buf_add(out, text.data + list[i].value, list[i].value_length);
    }
    buf_release(&text);
    if (list != few)
        free(list);
}

/*
 * By name; headers of one name stay in the order in which they were given, which is their order in
 * memory.
 */
static int compare_headers(const void *left, const void *right)
{
    const struct sigv4_header *a = *(const struct sigv4_header *const *)left;
    const struct sigv4_header *b = *(const struct sigv4_header *const *)right;
    const char *x = a->name;
    const char *y = b->name;
    for (; *x && lower(*x) == lower(*y); x++, y++)
        ;
    int order = (unsigned char)lower(*x) - (unsigned char)lower(*y);
    return order ? order : (a > b) - (a < b);
}

static bool same_name(const char *a, const char *b)
{
    for (; *a && lower(*a) == lower(*b); a++, b++)
        ;
    return lower(*a) == lower(*b);
}

static void add_lower(struct buf *out, const char *name)
{
    size_t start = out->length;
    buf_addstr(out, name);
    for (char *p = out->data + start; p < out->data + out->length; p++)
        *p = lower(*p);
}

/* The value without blanks around it, runs of blanks inside as one space. */
static void add_value(struct buf *out, const char *value)
{
    struct span left = trimmed(value);
    while (left.length) {
        size_t word = 0;
        while (word < left.length && !is_blank(left.text[word]))
            word++;
        buf_add(out, left.text, word);
        if (word == left.length)
            return;
        buf_addch(out, ' ');
        while (is_blank(left.text[word]))
            word++;
        left.text += word;
        left.length -= word;
    }
}

static void add_headers(struct buf *out, const struct sigv4_header **sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool again = i && same_name(sorted[i - 1]->name, sorted[i]->name);
        if (again) {
            buf_addch(out, ',');
        } else {
            if (i)
                buf_addch(out, '\n');
            add_lower(out, sorted[i]->name);
            buf_addch(out, ':');
        }
        add_value(out, sorted[i]->value);
    }
    if (count)
        buf_addch(out, '\n');
}

static void add_signed_names(struct buf *out, const struct sigv4_header **sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i && same_name(sorted[i - 1]->name, sorted[i]->name))
            continue;
        if (i)
            buf_addch(out, ';');
        add_lower(out, sorted[i]->name);
    }
}

/* Where the list of signed headers stands in a canonical request. */
struct names {
    size_t offset, length;
};

static struct names add_canonical(struct buf *out, const struct sigv4_request *r)
{
    const struct sigv4_header *few[FEW];
    const struct sigv4_header **sorted =
        r->header_count > FEW ? xmalloc(r->header_count * sizeof *sorted) : few;
    for (size_t i = 0; i < r->header_count; i++)
        sorted[i] = &r->headers[i];
    if (r->header_count > 1)
        qsort(sorted, r->header_count, sizeof *sorted, compare_headers);

    buf_addstr(out, r->method);
    buf_addch(out, '\n');
    add_path(out, r);
    buf_addch(out, '\n');
    add_query(out, r->query);
    buf_addch(out, '\n');
    add_headers(out, sorted, r->header_count);
    buf_addch(out, '\n');
    struct names names = {.offset = out->length};
    add_signed_names(out, sorted, r->header_count);
    names.length = out->length - names.offset;
    buf_addch(out, '\n');
    char hash[SHA256_HEX];
    if (!r->payload_hash)
        hash_sha256_hex(r->body, r->body_length, hash);
    buf_addstr(out, r->payload_hash ? r->payload_hash : hash);
    if (sorted != few)
        free(sorted);
    return names;
}

void sigv4_canonical_request(const struct sigv4_request *r, struct buf *out)
{
    add_canonical(out, r);
}

static void add_scope(struct buf *out, const struct sigv4_request *r)
{
    buf_add(out, r->stamp, strnlen(r->stamp, DATE_LENGTH));
    buf_addch(out, '/');
    buf_addstr(out, r->region);
    buf_addch(out, '/');
    buf_addstr(out, r->service);
    buf_addch(out, '/');
    buf_addstr(out, TERMINATOR);
}

static void add_string_to_sign(const struct sigv4_request *r,
                               const unsigned char canonical_hash[SHA256_BYTES], struct buf *out)
{
    char hex[SHA256_HEX];
    hash_hex(canonical_hash, SHA256_BYTES, hex);
    buf_addstr(out, ALGORITHM);
    buf_addch(out, '\n');
    buf_addstr(out, r->stamp);
    buf_addch(out, '\n');
    add_scope(out, r);
    buf_addch(out, '\n');
    buf_add(out, hex, SHA256_HEX - 1);
}

void sigv4_string_to_sign(const struct sigv4_request *r, const char *canonical, size_t length,
                          struct buf *out)
{
    unsigned char hash[SHA256_BYTES];
    hash_sha256(canonical, length, hash);
    add_string_to_sign(r, hash, out);
}

void sigv4_signing_key(const struct sigv4_request *r, const char *secret_key,
                       unsigned char key[SHA256_BYTES])
{
    struct buf seed;
    buf_init(&seed);
    buf_addstr(&seed, "AWS4");
    buf_addstr(&seed, secret_key);
    hash_hmac_sha256(seed.data, seed.length, r->stamp, strnlen(r->stamp, DATE_LENGTH), key);
    hash_wipe(seed.data, seed.length);
    buf_release(&seed);
    const char *const steps[] = {r->region, r->service, TERMINATOR};
    unsigned char next[SHA256_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        hash_hmac_sha256(key, SHA256_BYTES, steps[i], strlen(steps[i]), next);
        memcpy(key, next, SHA256_BYTES);
    }
    hash_wipe(next, sizeof next);
}

void sigv4_key_release(struct sigv4_key *key)
{
    hasher_free(key->hasher);
    hash_wipe(key, sizeof *key);
}

/* Whether `text` begins with the `length` bytes of `part` and then `end`; moves behind that. */
static bool skip_part(const char **text, const char *part, size_t length, char end)
{
    if (strncmp(*text, part, length) != 0 || (*text)[length] != end)
        return false;
    *text += length + 1;
    return true;
}

/* Without formatting the scope: this is asked for every request. */
static bool is_scope_of(const char *scope, const struct sigv4_request *r)
{
    return skip_part(&scope, r->stamp, strnlen(r->stamp, DATE_LENGTH), '/') &&
           skip_part(&scope, r->region, strlen(r->region), '/') &&
           skip_part(&scope, r->service, strlen(r->service), '/') && strcmp(scope, TERMINATOR) == 0;
}

static void refresh_key(struct sigv4_key *key, const struct sigv4_request *r,
                        const char *secret_key)
{
    if (!key->hasher)
        key->hasher = hasher_new();
    unsigned char secret_hash[SHA256_BYTES];
    hasher_sha256(key->hasher, secret_key, strlen(secret_key), secret_hash);
    if (is_scope_of(key->scope, r) && hash_equal(key->secret_hash, secret_hash, SHA256_BYTES))
        return;
    unsigned char bytes[SHA256_BYTES];
    sigv4_signing_key(r, secret_key, bytes);
    hasher_set_key(key->hasher, bytes, sizeof bytes);
    hash_wipe(bytes, sizeof bytes);
    memcpy(key->secret_hash, secret_hash, SHA256_BYTES);
    int length = snprintf(key->scope, sizeof key->scope, "%.*s/%s/%s/%s", DATE_LENGTH, r->stamp,
                          r->region, r->service, TERMINATOR);
    if (length < 0 || (size_t)length >= sizeof key->scope)
        key->scope[0] = '\0'; /* too long to be compared: derived anew each time */
}

static void sign(const struct sigv4_request *r, const struct buf *canonical, const char *secret_key,
                 struct sigv4_key *key, char hex[SHA256_HEX])
{
    refresh_key(key, r, secret_key);
    unsigned char hash[SHA256_BYTES], mac[SHA256_BYTES];
    hasher_sha256(key->hasher, canonical->data, canonical->length, hash);
    struct buf text;
    buf_init(&text);
    add_string_to_sign(r, hash, &text);
    hasher_hmac(key->hasher, text.data, text.length, mac);
    hash_hex(mac, SHA256_BYTES, hex);
    buf_release(&text);
}

static void init_canonical(struct buf *canonical)
{
    buf_init(canonical);
    canonical->data = array_reserve(NULL, &canonical->capacity, CANONICAL_ROOM, 1);
    canonical->data[0] = '\0';
}

void sigv4_signature(const struct sigv4_request *r, const char *secret_key, struct sigv4_key *key,
                     char hex[SHA256_HEX])
{
    struct buf canonical;
    init_canonical(&canonical);
    add_canonical(&canonical, r);
    sign(r, &canonical, secret_key, key, hex);
    buf_release(&canonical);
}

void sigv4_authorization(const struct sigv4_request *r, const struct sigv4_credentials *c,
                         struct sigv4_key *key, struct buf *out)
{
    struct buf canonical;
    init_canonical(&canonical);
    struct names names = add_canonical(&canonical, r);
    char hex[SHA256_HEX];
    sign(r, &canonical, c->secret_key, key, hex);
    buf_addstr(out, ALGORITHM);
    buf_addstr(out, " Credential=");
    buf_addstr(out, c->access_key);
    buf_addch(out, '/');
    add_scope(out, r);
    buf_addstr(out, ", SignedHeaders=");
    buf_add(out, canonical.data + names.offset, names.length);
    buf_addstr(out, ", Signature=");
    buf_add(out, hex, SHA256_HEX - 1);
    buf_release(&canonical);
}
