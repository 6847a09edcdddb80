/*
 * Whatever a client sends, reading and checking its signature neither crashes nor accepts; and
 * whatever is signed verifies. Input: Authorization, method, path, query, then headers as name and
 * value in turn; one a line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MAX = 64 };

/* Cuts the next line off; "" when there is none. */
static char *take_line(char **rest)
{
    char *line = *rest;
    size_t length = strcspn(line, "\n");
    *rest = line + length + (line[length] == '\n');
    line[length] = '\0';
    return line;
}

static void check_round_trip(const struct sigv4_request *r)
{
    static const struct sigv4_credentials keys = {"AKIDEXAMPLE", "secret", NULL};
    struct sigv4_key key = {.scope = ""};
    struct sigv4_claim claim;
    struct error e = {0};
    struct buf header;
    buf_init(&header);
    sigv4_authorization(r, &keys, &key, &header);
    if (sigv4_parse(header.data, &claim, &e) == 0 && sigv4_verify(r, &claim, "secret", &e))
        abort();
    sigv4_key_release(&key);
    buf_release(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xstrndup((const char *)data, size);
    char *rest = text;
    const char *authorization = take_line(&rest);
    struct sigv4_header headers[HEADERS_MAX] = {{"host", "h"}};
    struct sigv4_request r = {
        .method = take_line(&rest),
        .path = take_line(&rest),
        .query = take_line(&rest),
        .headers = headers,
        .header_count = 1,
        .region = "eu-west-1",
        .service = size % 2 ? "lambda" : "s3",
        .stamp = "20261123T213000Z",
    };
    bool plain = true; /* only names that can stand in a list of names survive the round trip */
    while (*rest && r.header_count < HEADERS_MAX) {
        struct sigv4_header *h = &headers[r.header_count++];
        h->name = take_line(&rest);
        h->value = take_line(&rest);
        plain =
            plain && *h->name && !strpbrk(h->name, ";, \t") && strcmp(h->value, "UNSIGNED-PAYLOAD");
    }
    struct sigv4_claim claim;
    struct error e = {0};
    if (sigv4_parse(authorization, &claim, &e) == 0 &&
        sigv4_verify(&r, &claim, "not known", &e) == 0)
        abort();
    if (plain)
        check_round_trip(&r);
    free(text);
    return 0;
}
