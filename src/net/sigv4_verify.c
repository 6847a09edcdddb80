/* The server's half of SigV4: read what a client claims, and check it. */
#include "net/sigv4.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static const char ALGORITHM[] = "AWS4-HMAC-SHA256";
static const char UNSIGNED[] = "UNSIGNED-PAYLOAD";
static const char CONTENT_HASH[] = "x-amz-content-sha256";

enum { DATE_LENGTH = 8 };

struct piece {
    const char *text;
    size_t length;
};

/* The three fields of the header, in whatever order they come. */
enum field { CREDENTIAL, SIGNED_HEADERS, SIGNATURE, FIELDS };

static const char *const FIELD_NAMES[FIELDS] = {"Credential", "SignedHeaders", "Signature"};

static int malformed(struct error *e, const char *what)
{
    return error_set(e, ERROR_API, "the Authorization header is malformed: %s", what);
}

static bool copy_piece(char *out, size_t size, const char *text, size_t length)
{
    if (!length || length >= size)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

static bool only(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

static int find_field(const char *text, size_t length)
{
    for (int i = 0; i < FIELDS; i++)
        if (strlen(FIELD_NAMES[i]) == length && memcmp(FIELD_NAMES[i], text, length) == 0)
            return i;
    return -1;
}

/* Cuts "Credential=..., SignedHeaders=..., Signature=..." into its values. */
static int read_fields(const char *text, struct piece fields[FIELDS], struct error *e)
{
    for (;;) {
        text += strspn(text, " \t");
        size_t length = strcspn(text, ",");
        const char *equals = memchr(text, '=', length);
        int field = equals ? find_field(text, (size_t)(equals - text)) : -1;
        if (field < 0)
            return malformed(e, "an unknown or empty field");
        if (fields[field].text)
            return malformed(e, "a field is given twice");
        struct piece value = {equals + 1, length - (size_t)(equals + 1 - text)};
        while (value.length && strchr(" \t", value.text[value.length - 1]))
            value.length--;
        fields[field] = value;
        text += length;
        if (!*text)
            break;
        text++;
    }
    for (int i = 0; i < FIELDS; i++)
        if (!fields[i].text)
            return error_set(e, ERROR_API, "the Authorization header has no %s", FIELD_NAMES[i]);
    return 0;
}

/*
 * Takes the last '/'-separated part off the front piece: an access key could hold a '/', a scope
 * never does.
 */
static struct piece take_last(struct piece *front)
{
    size_t start = front->length;
    while (start && front->text[start - 1] != '/')
        start--;
    struct piece last = {front->text + start, front->length - start};
    front->length = start ? start - 1 : 0;
    return last;
}

static int read_credential(struct piece text, struct sigv4_claim *claim, struct error *e)
{
    struct piece end = take_last(&text);
    struct piece service = take_last(&text);
    struct piece region = take_last(&text);
    struct piece date = take_last(&text);
    if (end.length != strlen("aws4_request") || memcmp(end.text, "aws4_request", end.length) != 0)
        return malformed(e, "the credential scope does not end in aws4_request");
    if (date.length != DATE_LENGTH || !copy_piece(claim->date, sizeof claim->date, date.text, 8) ||
        !only(claim->date, "0123456789"))
        return malformed(e, "the credential scope has no date");
    if (!copy_piece(claim->access_key, sizeof claim->access_key, text.text, text.length) ||
        !copy_piece(claim->region, sizeof claim->region, region.text, region.length) ||
        !copy_piece(claim->service, sizeof claim->service, service.text, service.length))
        return malformed(e, "the credential has an empty or overlong part");
    return 0;
}

int sigv4_parse(const char *authorization, struct sigv4_claim *claim, struct error *e)
{
    size_t prefix = strlen(ALGORITHM);
    if (strncmp(authorization, ALGORITHM, prefix) != 0 || !strchr(" \t", authorization[prefix]) ||
        !authorization[prefix])
        return error_set(e, ERROR_API, "the Authorization header is not an %s one", ALGORITHM);
    struct piece fields[FIELDS] = {{NULL, 0}};
    if (read_fields(authorization + prefix, fields, e))
        return -1;
    struct sigv4_claim c = {0};
    if (read_credential(fields[CREDENTIAL], &c, e))
        return -1;
    struct piece names = fields[SIGNED_HEADERS];
    struct piece signature = fields[SIGNATURE];
    if (!copy_piece(c.signed_headers, sizeof c.signed_headers, names.text, names.length))
        return malformed(e, "SignedHeaders is empty or too long");
    if (signature.length != SHA256_HEX - 1 ||
        !copy_piece(c.signature, sizeof c.signature, signature.text, signature.length) ||
        !only(c.signature, "0123456789abcdef"))
        return malformed(e, "the signature is not 64 hexadecimal digits");
    *claim = c;
    return 0;
}

/* Whether `name` (any case) is in the list "a;b;c" (lower case). */
static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (*list) {
        size_t item = strcspn(list, ";");
        if (item == length && strncasecmp(list, name, length) == 0)
            return true;
        list += item;
        list += *list == ';';
    }
    return false;
}

static const struct sigv4_header *find_header(const struct sigv4_request *r, const char *name,
                                              size_t length)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strlen(r->headers[i].name) == length &&
            strncasecmp(r->headers[i].name, name, length) == 0)
            return &r->headers[i];
    return NULL;
}

/* Each name that the client lists must have arrived, and what must be signed must be listed. */
static int check_names(const struct sigv4_request *r, const char *list, struct error *e)
{
    if (!listed(list, "host"))
        return error_set(e, ERROR_API, "the signature does not cover the Host header");
    for (size_t i = 0; i < r->header_count; i++)
        if (strncasecmp(r->headers[i].name, "x-amz-", 6) == 0 && !listed(list, r->headers[i].name))
            return error_set(e, ERROR_API, "the signature does not cover the header %s",
                             r->headers[i].name);
    for (const char *name = list; *name;) {
        size_t length = strcspn(name, ";");
        if (!find_header(r, name, length))
            return error_set(e, ERROR_API, "the signed header '%.*s' did not arrive", (int)length,
                             name);
        name += length;
        name += *name == ';';
    }
    return 0;
}

static int check_scope(const struct sigv4_request *r, const struct sigv4_claim *claim,
                       struct error *e)
{
    if (strncmp(r->stamp, claim->date, DATE_LENGTH) != 0)
        return error_set(e, ERROR_API,
                         "the credential is scoped to %s, but the request is dated %.8s",
                         claim->date, r->stamp);
    if (r->region && strcmp(r->region, claim->region) != 0)
        return error_set(e, ERROR_API, "the credential is scoped to region '%s' instead of '%s'",
                         claim->region, r->region);
    if (r->service && strcmp(r->service, claim->service) != 0)
        return error_set(e, ERROR_API, "the credential is scoped to service '%s' instead of '%s'",
                         claim->service, r->service);
    return 0;
}

/* The request as the client signed it; the headers that it lists go to `kept`. */
static struct sigv4_request signed_part(const struct sigv4_request *r,
                                        const struct sigv4_claim *claim, struct sigv4_header *kept)
{
    struct sigv4_request part = *r;
    part.headers = kept;
    part.header_count = 0;
    for (size_t i = 0; i < r->header_count; i++)
        if (listed(claim->signed_headers, r->headers[i].name))
            kept[part.header_count++] = r->headers[i];
    part.region = claim->region;
    part.service = claim->service;
    const struct sigv4_header *hash = find_header(r, CONTENT_HASH, strlen(CONTENT_HASH));
    if (!r->payload_hash && hash && strcmp(hash->value, UNSIGNED) == 0)
        part.payload_hash = UNSIGNED;
    return part;
}

int sigv4_verify(const struct sigv4_request *r, const struct sigv4_claim *claim,
                 const char *secret_key, struct error *e)
{
    if (check_scope(r, claim, e) || check_names(r, claim->signed_headers, e))
        return -1;
    struct sigv4_header *kept = xmalloc(r->header_count * sizeof *kept);
    struct sigv4_request part = signed_part(r, claim, kept);
    struct sigv4_key key = {.scope = ""};
    char hex[SHA256_HEX];
    sigv4_signature(&part, secret_key, &key, hex);
    sigv4_key_release(&key);
    free(kept);
    if (!hash_equal(hex, claim->signature, SHA256_HEX - 1))
        return error_set(e, ERROR_API,
                         "the signature does not match the request: check the secret access key, "
                         "and whether something between client and server changed the request");
    return 0;
}
