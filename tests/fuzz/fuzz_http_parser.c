/*
 * The request parser must take any bytes, and cutting them differently must not change what it
 * makes of them. The first byte of the input seeds the cuts; the rest is what a client sent.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_parser.h"

enum { BODY_CAP = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_clean(const char *text)
{
    return !text[strcspn(text, "\r\n")];
}

static void check_fields(const struct http_header *fields, size_t count, size_t max)
{
    require(count <= max);
    for (size_t i = 0; i < count; i++) {
        require(fields[i].name[0] && is_clean(fields[i].name) && is_clean(fields[i].value));
        require(!strpbrk(fields[i].name, ": \t"));
    }
}

static void check_request(const struct http_parser *p)
{
    require(p->body.length <= BODY_CAP && !p->body.overflow);
    require(p->head.length <= HTTP_HEAD_MAX);
    if (p->state == HTTP_PARSE_FAILED)
        require(p->error_status >= 400 && p->error_status <= 505);
    if (p->state != HTTP_PARSE_DONE)
        return;
    require(p->error_status == 0);
    require(p->method[0] && !strchr(p->method, ' '));
    require(p->path[0] == '/' || !strcmp(p->path, "*"));
    require(!strchr(p->path, '?') && strlen(p->path) + strlen(p->query) <= strlen(p->target) + 1);
    check_fields(p->headers, p->header_count, HTTP_HEADERS_MAX);
    check_fields(p->trailers, p->trailer_count, HTTP_TRAILERS_MAX);
    require(p->chunked || !p->trailer_count);
}

static void compare_fields(const struct http_header *a, const struct http_header *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        require(!strcmp(a[i].name, b[i].name) && !strcmp(a[i].value, b[i].value));
}

static void compare(const struct http_parser *a, const struct http_parser *b)
{
    require(a->state == b->state && a->error_status == b->error_status);
    if (a->state != HTTP_PARSE_DONE)
        return;
    require(!strcmp(a->method, b->method) && !strcmp(a->target, b->target));
    require(!strcmp(a->path, b->path) && !strcmp(a->query, b->query));
    require(a->keep_alive == b->keep_alive && a->expects_continue == b->expects_continue);
    require(a->header_count == b->header_count && a->trailer_count == b->trailer_count);
    compare_fields(a->headers, b->headers, a->header_count);
    compare_fields(a->trailers, b->trailers, a->trailer_count);
    require(a->body.length == b->body.length);
    require(!memcmp(a->body.data, b->body.data, a->body.length));
}

/* Feeds in pieces of 1 to 8 bytes, each in a block of its own size. */
static size_t feed_pieces(struct http_parser *p, const uint8_t *bytes, size_t length, uint32_t *cut)
{
    size_t used = 0;
    while (used < length && p->state < HTTP_PARSE_DONE) {
        *cut = *cut * 1664525u + 1013904223u;
        size_t piece = 1 + (*cut >> 29);
        if (piece > length - used)
            piece = length - used;
        char *copy = malloc(piece);
        require(copy != NULL);
        memcpy(copy, bytes + used, piece);
        size_t took = http_parser_feed(p, copy, piece);
        free(copy);
        require(took <= piece && (took == piece || p->state >= HTTP_PARSE_DONE));
        used += took;
    }
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    uint32_t cut = *data++;
    size--;
    struct http_parser whole, pieces;
    http_parser_init(&whole, BODY_CAP);
    http_parser_init(&pieces, BODY_CAP);
    for (;;) {
        size_t used = http_parser_feed(&whole, (const char *)data, size);
        size_t again = feed_pieces(&pieces, data, size, &cut);
        check_request(&whole);
        compare(&whole, &pieces);
        if (whole.state != HTTP_PARSE_DONE)
            break;
        require(used == again);
        data += used;
        size -= used;
        http_parser_reset(&whole);
        http_parser_reset(&pieces);
    }
    http_parser_release(&whole);
    http_parser_release(&pieces);
    return 0;
}
