#include "base/text.h"

#include <string.h>

#include "base/mem.h"

enum { WORD_MAX = 63, TOO_FAR = 64, REGION_BYTES_MAX = 63 };

struct range {
    uint32_t first, last;
};

/* Characters that take no column of their own: combining marks, joiners, variation selectors. */
static const struct range zero_width[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f},   {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2069},   {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff},
};

/* Characters that take two columns: East Asian wide and the emoji that terminals draw wide. */
static const struct range double_width[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},
    {0x2614, 0x2615},   {0x26a1, 0x26a1},   {0x26d4, 0x26d4},   {0x2705, 0x2705},
    {0x270a, 0x270b},   {0x2728, 0x2728},   {0x274c, 0x274c},   {0x274e, 0x274e},
    {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},   {0x2b1b, 0x2b1c},
    {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
    {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb},
    {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

/*
 * Characters that change how others look, or look like nothing: C1, bidi controls, zero width,
 * tags.
 */
static const struct range deceptive[] = {
    {0x0080, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c},   {0x115f, 0x1160}, {0x180b, 0x180f},
    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164}, {0xfeff, 0xfeff},
    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

size_t text_utf8(const char *text, size_t length, uint32_t *code)
{
    if (!length)
        return 0;
    const unsigned char *p = (const unsigned char *)text;
    size_t bytes = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (!bytes || bytes > length || p[0] > 0xf4)
        return 0;
    uint32_t c = bytes == 1 ? p[0] : p[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    bool overlong = (bytes == 3 && c < 0x800) || (bytes == 4 && c < 0x10000);
    if (overlong || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        return 0;
    if (code)
        *code = c;
    return bytes;
}

bool text_is_utf8(const char *text, size_t length)
{
    for (size_t i = 0, bytes; i < length; i += bytes) {
        bytes = text_utf8(text + i, length - i, NULL);
        if (!bytes)
            return false;
    }
    return true;
}

bool text_is_region(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length && length <= REGION_BYTES_MAX && !text[length] && *text != '-';
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool text_same(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > WORD_MAX || columns > WORD_MAX)
        return TOO_FAR;
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= rows; i++)
        d[i][0] = (unsigned)i;
    for (size_t j = 0; j <= columns; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= rows; i++) {
        for (size_t j = 1; j <= columns; j++) {
            unsigned changed = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = smaller(changed, smaller(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = smaller(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[rows][columns];
}

const char *text_suggest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    const char *best = NULL;
    unsigned best_distance = smaller((unsigned)(length + 2) / 3, 3) + 1;
    if (best_distance > length)
        best_distance = (unsigned)length; /* nothing of the word would be left */
    for (size_t i = 0; i < count; i++) {
        unsigned distance = text_distance(word, candidates[i]);
        if (length >= 3 && text_starts(candidates[i], word))
            distance = smaller(distance, 1); /* somebody's abbreviation */
        if (distance < best_distance) {
            best_distance = distance;
            best = candidates[i];
        }
    }
    return best;
}

/* Length of the escape sequence at `text`, which begins with ESC. */
static size_t escape_length(const char *text)
{
    size_t n = 1;
    if (text[1] == '[') {
        for (n = 2; text[n] >= 0x20 && text[n] < 0x40; n++)
            ;
        return text[n] ? n + 1 : n;
    }
    if (text[1] == ']') {
        for (n = 2; text[n] && text[n] != '\a' && text[n] != '\x1b'; n++)
            ;
        if (text[n] == '\x1b' && text[n + 1] == '\\')
            return n + 2;
        return text[n] == '\a' ? n + 1 : n;
    }
    return text[1] ? 2 : 1;
}

static size_t columns_of(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return 0;
    if (in_ranges(code, zero_width, ARRAY_LEN(zero_width)))
        return 0;
    return in_ranges(code, double_width, ARRAY_LEN(double_width)) ? 2 : 1;
}

size_t text_width(const char *text)
{
    size_t width = 0, length = strlen(text);
    for (size_t i = 0; i < length;) {
        if (text[i] == '\x1b') {
            i += escape_length(text + i);
            continue;
        }
        uint32_t code = '?'; /* a byte that is not UTF-8 shows as one replacement character */
        size_t bytes = text_utf8(text + i, length - i, &code);
        width += columns_of(code);
        i += bytes ? bytes : 1;
    }
    return width;
}

/*
 * A workflow runner takes "::name::" at the start of a line and "##[name]" anywhere in it for a
 * command. What stands in front in `out` counts, so that two calls cannot put one together.
 */
static bool would_make_command(const struct buf *out, char c)
{
    size_t n = out->length;
    if (c == ':')
        return n >= 1 && out->data[n - 1] == ':';
    return c == '[' && n >= 2 && memcmp(out->data + n - 2, "##", 2) == 0;
}

void text_add_safe(struct buf *out, const char *text, size_t length)
{
    for (size_t i = 0, bytes; i < length; i += bytes) {
        uint32_t code = 0;
        bytes = text_utf8(text + i, length - i, &code);
        if (!bytes || (code < 0x20 && code != '\t') || code == 0x7f) {
            buf_addf(out, "\\x%02x", (unsigned)(unsigned char)text[i]);
            bytes = 1;
        } else if (code == '\t') {
            buf_addch(out, ' ');
        } else if (in_ranges(code, deceptive, ARRAY_LEN(deceptive))) {
            buf_addf(out, "\\u{%04X}", (unsigned)code);
        } else {
            if (would_make_command(out, text[i]))
                buf_addch(out, ' ');
            buf_add(out, text + i, bytes);
        }
    }
}
