/*
 * eventstream.h - frames of application/vnd.amazon.eventstream, the body of
 * InvokeWithResponseStream.
 *
 * A frame is: total length, length of the headers, CRC-32 of these two; headers; payload; CRC-32 of
 * all before it (big-endian). https://smithy.io/2.0/aws/amazon-eventstream.html
 */
#ifndef LPG_EMULATOR_EVENTSTREAM_H
#define LPG_EMULATOR_EVENTSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends one event of that type; `content_type` describes the payload. */
void eventstream_add(struct buf *out, const char *event_type, const char *content_type,
                     const void *payload, size_t length);

/* CRC-32 as in IEEE 802.3 and zlib; `crc` is 0 at first, or what the bytes before gave. */
uint32_t eventstream_crc(uint32_t crc, const void *bytes, size_t length);

#endif
