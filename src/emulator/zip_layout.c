#include "emulator/zip_layout.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* APPNOTE.TXT of PKWARE, 4.3: lengths of the fixed parts, and where their fields are. */
enum {
    END_BYTES = 22,
    END_COUNT = 10,
    END_SIZE = 12,
    END_OFFSET = 16,
    END_COMMENT = 20,
    COMMENT_MAX = 65535,
    DIRECTORY_BYTES = 46,
    DIRECTORY_PACKED = 20,
    DIRECTORY_NAME = 28,
    DIRECTORY_EXTRA = 30,
    DIRECTORY_COMMENT = 32,
    DIRECTORY_OFFSET = 42,
    LOCAL_BYTES = 30,
    LOCAL_NAME = 26,
    LOCAL_EXTRA = 28,
};

static const uint32_t END_MAGIC = 0x06054b50;
static const uint32_t DIRECTORY_MAGIC = 0x02014b50;
static const uint32_t LOCAL_MAGIC = 0x04034b50;
static const uint32_t ZIP64_MARK = 0xffffffff;

struct range {
    uint64_t start, end;
};

struct bytes {
    const unsigned char *at;
    size_t length;
};

static uint32_t get16(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const unsigned char *p)
{
    return get16(p) | get16(p + 2) << 16;
}

/* The end record, whose comment must reach to the last byte. NULL when there is none. */
static const unsigned char *find_end(struct bytes zip)
{
    if (zip.length < END_BYTES)
        return NULL;
    size_t most = zip.length - END_BYTES;
    for (size_t comment = 0; comment <= most && comment <= COMMENT_MAX; comment++) {
        const unsigned char *end = zip.at + most - comment;
        if (get32(end) == END_MAGIC && get16(end + END_COMMENT) == comment)
            return end;
    }
    return NULL;
}

/* Compares a directory entry with its local header, and tells the bytes that the entry takes. */
static const char *check_entry(struct bytes zip, const unsigned char *entry, struct range *range)
{
    uint64_t start = get32(entry + DIRECTORY_OFFSET);
    uint64_t packed = get32(entry + DIRECTORY_PACKED);
    size_t name_length = get16(entry + DIRECTORY_NAME);
    const unsigned char *name = entry + DIRECTORY_BYTES;
    if (start == ZIP64_MARK || packed == ZIP64_MARK)
        return "a size in ZIP64 form";
    if (memchr(name, '\0', name_length))
        return "a name with a NUL";
    if (start + LOCAL_BYTES + name_length > zip.length)
        return "an entry outside of the file";
    const unsigned char *local = zip.at + start;
    if (get32(local) != LOCAL_MAGIC || get16(local + LOCAL_NAME) != name_length ||
        memcmp(local + LOCAL_BYTES, name, name_length) != 0)
        return "an entry whose own header differs from the directory";
    range->start = start;
    range->end = start + LOCAL_BYTES + name_length + get16(local + LOCAL_EXTRA) + packed;
    return NULL;
}

static int by_start(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static const char *check_overlap(struct range *ranges, size_t count, uint64_t directory)
{
    uint64_t end = 0;
    qsort(ranges, count, sizeof *ranges, by_start);
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].start < end)
            return "entries that overlap";
        end = ranges[i].end;
    }
    return end > directory ? "entries that overlap the directory" : NULL;
}

static const char *check_directory(struct bytes zip, uint64_t start, uint64_t end,
                                   struct range *ranges, size_t count)
{
    uint64_t at = start;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *entry = zip.at + at;
        if (end - at < DIRECTORY_BYTES || get32(entry) != DIRECTORY_MAGIC)
            return "a damaged directory";
        uint64_t size = DIRECTORY_BYTES + (uint64_t)get16(entry + DIRECTORY_NAME) +
                        get16(entry + DIRECTORY_EXTRA) + get16(entry + DIRECTORY_COMMENT);
        if (end - at < size)
            return "a damaged directory";
        const char *why = check_entry(zip, entry, &ranges[i]);
        if (why)
            return why;
        at += size;
    }
    return at == end ? check_overlap(ranges, count, start) : "a directory of another length";
}

const char *zip_layout_check(const void *zip, size_t length, size_t *count)
{
    const struct bytes bytes = {zip, length};
    const unsigned char *end_record = find_end(bytes);
    if (!end_record)
        return "no directory at its end";
    uint64_t start = get32(end_record + END_OFFSET);
    uint64_t end = start + get32(end_record + END_SIZE);
    if (end != (uint64_t)(end_record - bytes.at))
        return "a directory that is not where it should be";
    size_t entries = get16(end_record + END_COUNT);
    struct range *ranges = xcalloc(entries + 1, sizeof *ranges);
    const char *why = check_directory(bytes, start, end, ranges, entries);
    free(ranges);
    if (!why)
        *count = entries;
    return why;
}
