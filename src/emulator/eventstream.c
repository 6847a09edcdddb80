#include "emulator/eventstream.h"

#include <string.h>

enum { TYPE_STRING = 7, PRELUDE_BYTES = 12, CRC_BYTES = 4 };

/* CRC of each half byte, reflected polynomial 0xedb88320. */
static const uint32_t crc_of_nibble[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t eventstream_crc(uint32_t crc, const void *bytes, size_t length)
{
    const unsigned char *b = bytes;
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc = crc_of_nibble[(crc ^ b[i]) & 15] ^ (crc >> 4);
        crc = crc_of_nibble[(crc ^ (b[i] >> 4)) & 15] ^ (crc >> 4);
    }
    return ~crc;
}

static void add_u32(struct buf *out, uint32_t value)
{
    const unsigned char bytes[] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16 & 255),
                                   (unsigned char)(value >> 8 & 255), (unsigned char)(value & 255)};
    buf_add(out, bytes, sizeof bytes);
}

static void add_header(struct buf *out, const char *name, const char *value)
{
    size_t length = strlen(value);
    buf_addch(out, (char)strlen(name));
    buf_addstr(out, name);
    buf_addch(out, TYPE_STRING);
    buf_addch(out, (char)(length >> 8));
    buf_addch(out, (char)(length & 255));
    buf_addstr(out, value);
}

void eventstream_add(struct buf *out, const char *event_type, const char *content_type,
                     const void *payload, size_t length)
{
    struct buf headers;
    buf_init(&headers);
    add_header(&headers, ":event-type", event_type);
    add_header(&headers, ":content-type", content_type);
    add_header(&headers, ":message-type", "event");
    size_t start = out->length;
    add_u32(out, (uint32_t)(PRELUDE_BYTES + headers.length + length + CRC_BYTES));
    add_u32(out, (uint32_t)headers.length);
    add_u32(out, eventstream_crc(0, out->data + start, out->length - start));
    buf_add(out, headers.data, headers.length);
    buf_add(out, payload, length);
    add_u32(out, eventstream_crc(0, out->data + start, out->length - start));
    buf_release(&headers);
}
