#include "report/escape.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define ELLIPSIS    "…"
#define WORD_JOINER "\xe2\x81\xa0" /* U+2060: invisible, and ends what would be a mention */

/* What may have a meaning to Markdown anywhere within a line. */
static const char markdown_special[] = "\\`*[]>|~&";

/* Bytes of the first `most` characters of text that is UTF-8. */
static size_t bytes_of(const char *text, size_t length, size_t most)
{
    size_t at = 0;
    for (size_t n = 0; n < most && at < length; n++) {
        size_t bytes = text_utf8(text + at, length - at, NULL);
        at += bytes ? bytes : 1;
    }
    return at;
}

/* U+FFFE and U+FFFF are valid UTF-8 but not allowed in XML. */
static bool is_noncharacter(const char *text, size_t length)
{
    uint32_t code = 0;
    return text_utf8(text, length, &code) == 3 && (code == 0xfffe || code == 0xffff);
}

static void add_printable(struct buf *out, const char *text, size_t length)
{
    size_t from = 0;
    for (size_t i = 0; i < length; i++) {
        bool blank = text[i] == '\n' || text[i] == '\r' || text[i] == '\t';
        bool drop = is_noncharacter(text + i, length - i);
        if (!blank && !drop)
            continue;
        text_add_safe(out, text + from, i - from);
        if (blank && out->length && out->data[out->length - 1] != ' ')
            buf_addch(out, ' ');
        from = i + (drop ? 3 : 1);
        i = from - 1;
    }
    text_add_safe(out, text + from, length - from);
}

/* The printable line; the caller releases it. */
static void make_line(struct buf *line, const char *text, size_t length, size_t most)
{
    enum { SPELT_OUT_BYTES = 4 }; /* no character needs more bytes of input */
    bool longer = length > most * SPELT_OUT_BYTES;
    buf_init(line);
    add_printable(line, text, longer ? most * SPELT_OUT_BYTES : length);
    while (line->length && line->data[line->length - 1] == ' ')
        buf_truncate(line, line->length - 1);
    size_t kept = bytes_of(line->data, line->length, most);
    if (kept == line->length && !longer)
        return;
    buf_truncate(line, bytes_of(line->data, line->length, most ? most - 1 : 0));
    buf_addstr(line, ELLIPSIS);
}

void escape_line(struct buf *out, const char *text, size_t most)
{
    struct buf line;
    make_line(&line, text, strlen(text), most);
    buf_add(out, line.data, line.length);
    buf_release(&line);
}

static size_t longest_run(const char *text, size_t length, char c)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < length; i++) {
        run = text[i] == c ? run + 1 : 0;
        if (run > longest)
            longest = run;
    }
    return longest;
}

/*
 * A pipe ends a table's cell even within a code span, and what a backslash in front of it means
 * depends on where the span stands. A broken bar looks like one and means nothing anywhere.
 */
static void add_cell_safe(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p != '|')
            buf_addch(out, *p);
        else
            buf_addstr(out, "¦");
    }
}

void escape_code(struct buf *out, const char *text, size_t most)
{
    struct buf line;
    make_line(&line, text, strlen(text), most);
    size_t fence = longest_run(line.data, line.length, '`') + 1;
    bool pad = fence > 1 || !line.length;
    buf_fill(out, "`", fence);
    buf_addstr(out, pad ? " " : "");
    add_cell_safe(out, line.length ? line.data : "-");
    buf_addstr(out, pad ? " " : "");
    buf_fill(out, "`", fence);
    buf_release(&line);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "GH-12" is a reference, like "#12". */
static bool ends_reference_prefix(const char *line, const char *at)
{
    return at - line >= 2 && (at[-1] | 0x20) == 'h' && (at[-2] | 0x20) == 'g' && is_digit(at[1]);
}

/* What autolinks look for: "://" and "www.". */
static bool begins_link(const char *line, const char *at)
{
    if (*at == ':')
        return at[1] == '/';
    return *at == '.' && at - line >= 3 && (at[-1] | 0x20) == 'w' && (at[-2] | 0x20) == 'w' &&
           (at[-3] | 0x20) == 'w';
}

static bool is_word(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Whether the character would mean something to Markdown, were it not for a backslash. */
static bool is_special(const char *line, const char *at)
{
    switch (*at) {
    case '_': /* emphasis never begins or ends within a word */
        return at == line || !is_word(at[-1]) || !is_word(at[1]);
    case '<': /* "<= 5%" begins no tag */
        return at[1] != ' ' && at[1] != '=' && !is_digit(at[1]);
    case '$': /* an amount, or mathematics */
        return !is_digit(at[1]);
    default:
        return strchr(markdown_special, *at) != NULL;
    }
}

static void add_prose_char(struct buf *out, const char *line, const char *at)
{
    if (begins_link(line, at)) {
        buf_addf(out, "&#%d;", *at);
        return;
    }
    if (is_special(line, at))
        buf_addch(out, '\\');
    buf_addch(out, *at);
    if (*at == '@' || *at == '#' || (*at == '-' && ends_reference_prefix(line, at)))
        buf_addstr(out, WORD_JOINER);
}

void escape_prose(struct buf *out, const char *text, size_t most)
{
    struct buf line;
    make_line(&line, text, strlen(text), most);
    for (const char *p = line.data; *p; p++)
        add_prose_char(out, line.data, p);
    buf_release(&line);
}

void escape_fence(struct buf *out, const char *text, size_t most)
{
    size_t length = bytes_of(text, strlen(text), most);
    size_t run = longest_run(text, length, '`'), fence = run < 3 ? 3 : run + 1;
    buf_fill(out, "`", fence);
    buf_addstr(out, "text\n");
    bool cut = text[length] != '\0';
    for (const char *p = text, *end = text + length; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t bytes = (size_t)((stop ? stop : end) - p);
        struct buf line;
        make_line(&line, p, bytes, bytes * 8 + 1);
        buf_addf(out, "%s\n", line.data);
        buf_release(&line);
        p = stop ? stop + 1 : end;
    }
    buf_addstr(out, cut ? ELLIPSIS "\n" : "");
    buf_fill(out, "`", fence);
    buf_addch(out, '\n');
}

void escape_xml(struct buf *out, const char *text, size_t most)
{
    struct buf line;
    make_line(&line, text, strlen(text), most);
    for (const char *p = line.data; *p; p++) {
        switch (*p) {
        case '&':
            buf_addstr(out, "&amp;");
            break;
        case '<':
            buf_addstr(out, "&lt;");
            break;
        case '>':
            buf_addstr(out, "&gt;");
            break;
        case '"':
            buf_addstr(out, "&quot;");
            break;
        default:
            buf_addch(out, *p);
            break;
        }
    }
    buf_release(&line);
}
