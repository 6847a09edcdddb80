#include "github/mark.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define MARK_BEGIN     "<!-- lambda-perf-gate v=1 key="
#define UNKNOWN_SHA    "-"
#define HEX_DIGITS     "0123456789abcdef"
#define DECIMAL_DIGITS "0123456789"

enum {
    KEY_BYTES = 200, /* of one that is not shortened */
    KEY_KEPT = 150,
    HASH_CHARS = 16,
    NUMBER_DIGITS = 18,
    SHA_DIGITS = 64,
};

static bool is_unreserved(char c, char before)
{
    /* two dashes would end the comment for some readers of HTML */
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || (c == '-' && before != '-');
}

static void add_encoded(struct buf *out, const char *text)
{
    char before = '-'; /* nor may one stand at the start */
    for (const char *p = text; *p; p++) {
        bool plain = is_unreserved(*p, before);
        if (plain)
            buf_addch(out, *p);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*p);
        before = plain ? *p : '%';
    }
}

/* A name may be of any length; a key that is too long keeps its beginning, and a digest. */
static void shorten(struct buf *key, size_t from)
{
    char hex[SHA256_HEX];
    if (key->length - from <= KEY_BYTES)
        return;
    hash_sha256_hex(key->data + from, key->length - from, hex);
    buf_truncate(key, from + KEY_KEPT);
    buf_addf(key, "_%.*s", HASH_CHARS, hex);
}

void mark_key(struct buf *out, const char *workflow, const char *job, const char *function)
{
    const char *const parts[] = {workflow, job, function};
    size_t from = out->length;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!parts[i] || !*parts[i])
            continue;
        if (out->length > from)
            buf_addstr(out, "%2F");
        add_encoded(out, parts[i]);
    }
    if (out->length == from)
        buf_addstr(out, "local");
    shorten(out, from);
}

void mark_add(struct buf *out, const struct mark *mark)
{
    buf_addf(out, MARK_BEGIN "%s run=%llu.%llu sha=%s -->\n", mark->key,
             (unsigned long long)mark->run, (unsigned long long)mark->attempt,
             mark->sha ? mark->sha : UNKNOWN_SHA);
}

/* Moves *text over the words; false when they are not there. */
static bool skip_words(const char **text, const char *words)
{
    size_t length = strlen(words);
    if (strncmp(*text, words, length) != 0)
        return false;
    *text += length;
    return true;
}

static bool skip_number(const char **text, uint64_t *value)
{
    size_t digits = strspn(*text, DECIMAL_DIGITS);
    if (!digits || digits > NUMBER_DIGITS)
        return false;
    *value = 0;
    for (; digits; digits--, ++*text)
        *value = *value * 10 + (uint64_t)(**text - '0');
    return true;
}

static bool skip_sha(const char **text)
{
    size_t digits = strspn(*text, HEX_DIGITS);
    if (!digits)
        return skip_words(text, UNKNOWN_SHA);
    *text += digits;
    return digits <= SHA_DIGITS;
}

bool mark_is_in(const char *body, const char *key, uint64_t *run, uint64_t *attempt)
{
    const char *p = body;
    uint64_t found_run, found_attempt;
    if (!skip_words(&p, MARK_BEGIN) || !skip_words(&p, key) || !skip_words(&p, " run=") ||
        !skip_number(&p, &found_run) || !skip_words(&p, ".") || !skip_number(&p, &found_attempt) ||
        !skip_words(&p, " sha=") || !skip_sha(&p) || !skip_words(&p, " -->"))
        return false;
    p += *p == '\r';
    if (*p && *p != '\n')
        return false;
    *run = found_run;
    *attempt = found_attempt;
    return true;
}
