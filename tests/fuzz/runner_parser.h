/*
 * runner_parser.h - how a workflow runner reads lines and files, written down again from its rules,
 * as the other opinion in tests of github/commands.c.
 *
 * It takes more for a command than the runner does: any name counts as a command's, and `lenient`
 * also skips what is not ASCII, as a comparison by the rules of a language may.
 */
#ifndef LPG_RUNNER_PARSER_H
#define LPG_RUNNER_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct runner_command {
    struct buf name;
    struct buf properties; /* as written */
    struct buf data;       /* read back */
};

static inline void runner_unescape(struct buf *out, const char *text, size_t length, bool property)
{
    static const struct {
        const char *code;
        char c;
        bool property;
    } codes[] = {{"%0D", '\r', false},
                 {"%0A", '\n', false},
                 {"%3A", ':', true},
                 {"%2C", ',', true},
                 {"%25", '%', false}};
    for (size_t i = 0; i < length;) {
        size_t k = 0;
        while (k < 5 && !((property || !codes[k].property) && length - i >= 3 &&
                          memcmp(text + i, codes[k].code, 3) == 0))
            k++;
        buf_addch(out, k < 5 ? codes[k].c : text[i]);
        i += k < 5 ? 3 : 1;
    }
}

/* "::name properties::data" behind blanks. */
static inline bool runner_reads_line(const char *line, size_t length, struct runner_command *c)
{
    while (length && (line[0] == ' ' || (line[0] >= '\t' && line[0] <= '\r'))) {
        line++;
        length--;
    }
    if (length < 4 || memcmp(line, "::", 2) != 0)
        return false;
    const char *end = memmem(line + 2, length - 2, "::", 2);
    if (!end)
        return false;
    const char *blank = memchr(line + 2, ' ', (size_t)(end - line) - 2);
    const char *name_end = blank ? blank : end;
    buf_add(&c->name, line + 2, (size_t)(name_end - line) - 2);
    if (blank)
        buf_add(&c->properties, blank + 1, (size_t)(end - blank) - 1);
    runner_unescape(&c->data, end + 2, length - (size_t)(end - line) - 2, false);
    return true;
}

/* "##[name properties]data" anywhere; the data is not looked at. */
static inline bool runner_reads_old_form(const char *line, size_t length)
{
    const char *start = memmem(line, length, "##[", 3);
    return start && memchr(start, ']', length - (size_t)(start - line));
}

static inline void runner_command_init(struct runner_command *c)
{
    buf_init(&c->name);
    buf_init(&c->properties);
    buf_init(&c->data);
}

static inline void runner_command_release(struct runner_command *c)
{
    buf_release(&c->name);
    buf_release(&c->properties);
    buf_release(&c->data);
}

static inline bool runner_finds_command(const char *line, size_t length)
{
    struct runner_command c;
    runner_command_init(&c);
    bool found = runner_reads_line(line, length, &c) || runner_reads_old_form(line, length);
    runner_command_release(&c);
    return found;
}

/* Commands in a text; a line ends with CR, LF or both. */
static inline unsigned runner_count_commands(const char *text, size_t length, bool lenient)
{
    unsigned count = 0;
    struct buf line;
    buf_init(&line);
    for (size_t i = 0; i <= length; i++) {
        bool ends = i == length || text[i] == '\n' || text[i] == '\r';
        if (!ends && (!lenient || (unsigned char)text[i] < 0x80))
            buf_addch(&line, text[i]);
        if (!ends)
            continue;
        count += runner_finds_command(line.data, line.length);
        buf_clear(&line);
    }
    buf_release(&line);
    return count;
}

/*
 * The first "name=value" of a file for outputs; the number of bytes read, 0 when the runner would
 * refuse the file.
 */
static inline size_t runner_reads_output(const char *text, size_t length, struct buf *name,
                                         struct buf *value)
{
    const char *newline = memchr(text, '\n', length);
    const char *here = newline ? memmem(text, (size_t)(newline - text), "<<", 2) : NULL;
    const char *equals = newline ? memchr(text, '=', (size_t)(newline - text)) : NULL;
    if (!here || (equals && equals < here) || here == text || here + 2 == newline)
        return 0;
    size_t delimiter = (size_t)(newline - here) - 2, from = (size_t)(newline - text) + 1;
    buf_add(name, text, (size_t)(here - text));
    for (size_t at = from; at < length;) {
        const char *stop = memchr(text + at, '\n', length - at);
        size_t bytes = stop ? (size_t)(stop - text) - at : length - at;
        if (bytes == delimiter && memcmp(text + at, here + 2, bytes) == 0) {
            buf_add(value, text + from, at > from ? at - from - 1 : 0);
            return at + bytes + (stop != NULL);
        }
        at += bytes + 1;
    }
    return 0;
}

#endif
