/*
 * sigv4_sign.c - SigV4 for a test that is written in another language.
 *
 * Each line on stdin is a JSON object: method, path_hex, query, headers (a list of [name, value]),
 * body_hex, payload_hash (optional), region, service, stamp, access_key, secret_key. Each line on
 * stdout is one with canonical (hexadecimal, as it may hold any byte), string_to_sign, signature,
 * authorization, and verified: whether the server's half of the module accepts what the client's
 * half made. One signing key is kept over all lines, as the client does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "net/sigv4.h"

static unsigned nibble(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* Hexadecimal is how the test says bytes that JSON cannot hold. */
static void add_unhex(struct buf *out, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2)
        buf_addch(out, (char)(nibble(hex[0]) << 4 | nibble(hex[1])));
}

static struct sigv4_header *read_headers(const struct json *list, size_t *count)
{
    struct sigv4_header *headers = xcalloc(json_count(list), sizeof *headers);
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        headers[*count].name = json_string(json_path(v, "0"), "");
        headers[*count].value = json_string(json_path(v, "1"), "");
        ++*count;
    }
    return headers;
}

static bool verifies(const struct sigv4_request *r, const char *authorization, const char *secret)
{
    struct sigv4_claim claim;
    struct error e = {0};
    if (sigv4_parse(authorization, &claim, &e) || sigv4_verify(r, &claim, secret, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return false;
    }
    return true;
}

static void answer(const struct sigv4_request *r, const struct sigv4_credentials *c,
                   struct sigv4_key *key, struct buf *out)
{
    struct buf canonical, text, authorization;
    buf_init(&canonical);
    buf_init(&text);
    buf_init(&authorization);
    sigv4_canonical_request(r, &canonical);
    sigv4_string_to_sign(r, canonical.data, canonical.length, &text);
    char signature[SHA256_HEX];
    sigv4_signature(r, c->secret_key, key, signature);
    sigv4_authorization(r, c, key, &authorization);
    char *hex = xmalloc(2 * canonical.length + 1);
    hash_hex(canonical.data, canonical.length, hex);

    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "canonical", hex);
    json_put_string(&w, "string_to_sign", text.data);
    json_put_string(&w, "signature", signature);
    json_put_string(&w, "authorization", authorization.data);
    json_put_bool(&w, "verified", verifies(r, authorization.data, c->secret_key));
    json_close(&w);
    free(hex);
    buf_release(&canonical);
    buf_release(&text);
    buf_release(&authorization);
}

static void sign_line(const struct json *line, struct sigv4_key *key)
{
    struct buf body, path, out;
    buf_init(&body);
    buf_init(&path);
    buf_init(&out);
    add_unhex(&body, json_get_string(line, "body_hex", ""));
    add_unhex(&path, json_get_string(line, "path_hex", ""));
    size_t count = 0;
    struct sigv4_header *headers = read_headers(json_get(line, "headers"), &count);
    struct sigv4_request r = {
        .method = json_get_string(line, "method", "GET"),
        .path = path.data,
        .query = json_get_string(line, "query", NULL),
        .headers = headers,
        .header_count = count,
        .body = body.data,
        .body_length = body.length,
        .payload_hash = json_get_string(line, "payload_hash", NULL),
        .region = json_get_string(line, "region", ""),
        .service = json_get_string(line, "service", ""),
        .stamp = json_get_string(line, "stamp", ""),
    };
    struct sigv4_credentials c = {
        .access_key = json_get_string(line, "access_key", ""),
        .secret_key = json_get_string(line, "secret_key", ""),
    };
    answer(&r, &c, key, &out);
    puts(out.data);
    free(headers);
    buf_release(&body);
    buf_release(&path);
    buf_release(&out);
}

int main(void)
{
    struct sigv4_key key = {.scope = ""};
    char *line = NULL;
    size_t size = 0;
    for (ssize_t length; (length = getline(&line, &size, stdin)) > 0;) {
        struct error e = {0};
        struct json *request = json_parse(line, (size_t)length, &e);
        if (!request) {
            fprintf(stderr, "sigv4_sign: %s\n", e.text);
            free(line);
            sigv4_key_release(&key);
            return 2;
        }
        sign_line(request, &key);
        json_free(request);
    }
    free(line);
    sigv4_key_release(&key);
    return 0;
}
