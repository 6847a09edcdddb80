#include "config/diagnostics.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    CLIP_CHARACTERS = 60,
    LINE_BEFORE = 60, /* characters of a long line that are shown in front of the caret ... */
    LINE_AFTER = 60,  /* ... and from it on */
    MESSAGE_BYTES_MAX = 4096,
};

static const char *const level_words[] = {
    [DIAGNOSTIC_ERROR] = "error",
    [DIAGNOSTIC_WARNING] = "warning",
};
static const char *const level_colours[] = {
    [DIAGNOSTIC_ERROR] = "\033[1;31m",
    [DIAGNOSTIC_WARNING] = "\033[1;33m",
};
static const char bold[] = "\033[1m", faint[] = "\033[2m", plain[] = "\033[0m";

void diagnostics_init(struct diagnostics *d)
{
    *d = (struct diagnostics){0};
    arena_init(&d->arena);
}

void diagnostics_release(struct diagnostics *d)
{
    free(d->items);
    free(d->sources);
    arena_release(&d->arena);
    *d = (struct diagnostics){0};
}

unsigned diagnostics_source(struct diagnostics *d, const char *path, const char *text,
                            size_t length)
{
    struct diagnostic_source *s = ARRAY_PUSH(d->sources, d->source_count, d->source_capacity);
    if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        length -= 3;
    }
    s->path = arena_strdup(&d->arena, path);
    s->text = arena_strndup(&d->arena, text, length);
    s->length = length;
    return (unsigned)(d->source_count - 1);
}

/* Two functions may read the same template, which need not be said twice. */
static bool is_known(const struct diagnostics *d, struct mark at, const char *text)
{
    const char *path = d->sources[at.source].path;
    for (size_t i = 0; i < d->count; i++) {
        const struct mark *m = &d->items[i].mark;
        if (m->line == at.line && m->column == at.column && !strcmp(d->items[i].text, text) &&
            !strcmp(d->sources[m->source].path, path))
            return true;
    }
    return false;
}

static void add(struct diagnostics *d, enum diagnostic_level level, struct mark at,
                const char *text)
{
    size_t *total = level == DIAGNOSTIC_ERROR ? &d->errors : &d->warnings;
    if (level == DIAGNOSTIC_WARNING && is_known(d, at, text))
        return;
    if (++*total > DIAGNOSTICS_KEPT)
        return;
    struct diagnostic *item = ARRAY_PUSH(d->items, d->count, d->capacity);
    item->mark = at;
    item->level = level;
    item->text = arena_strdup(&d->arena, text);
    item->order = d->count;
}

void diagnostics_error(struct diagnostics *d, struct mark at, const char *format, ...)
{
    struct buf text;
    buf_init_capped(&text, MESSAGE_BYTES_MAX);
    va_list args;
    va_start(args, format);
    buf_addv(&text, format, args);
    va_end(args);
    add(d, DIAGNOSTIC_ERROR, at, text.data);
    buf_release(&text);
}

void diagnostics_warning(struct diagnostics *d, struct mark at, const char *format, ...)
{
    struct buf text;
    buf_init_capped(&text, MESSAGE_BYTES_MAX);
    va_list args;
    va_start(args, format);
    buf_addv(&text, format, args);
    va_end(args);
    add(d, DIAGNOSTIC_WARNING, at, text.data);
    buf_release(&text);
}

/* Bytes of the character at `text`; a byte that is not UTF-8 is a character of its own. */
static size_t character(const char *text, size_t length)
{
    size_t bytes = text_utf8(text, length, NULL);
    return bytes ? bytes : 1;
}

/* Bytes that the first `count` characters take, or all of them. */
static size_t skip_characters(const char *text, size_t length, size_t count)
{
    size_t at = 0;
    while (count-- && at < length)
        at += character(text + at, length - at);
    return at;
}

const char *diagnostics_clip(struct diagnostics *d, const char *text)
{
    size_t length = strlen(text);
    size_t kept = skip_characters(text, length, CLIP_CHARACTERS);
    if (kept == length)
        return text;
    return arena_printf(&d->arena, "%.*s...", (int)kept, text);
}

static int compare(const void *a, const void *b)
{
    const struct diagnostic *x = a, *y = b;
    const size_t left[] = {x->mark.source, x->mark.line, x->mark.column, x->order};
    const size_t right[] = {y->mark.source, y->mark.line, y->mark.column, y->order};
    for (size_t i = 0; i < ARRAY_LEN(left); i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

void diagnostics_sort(struct diagnostics *d)
{
    if (d->count)
        qsort(d->items, d->count, sizeof *d->items, compare);
}

/* The line `number` without its end. Lines end with LF, CR LF or CR, as YAML counts them. */
static const char *find_line(const struct diagnostic_source *s, unsigned number, size_t *length)
{
    const char *p = s->text, *end = s->text + s->length;
    for (unsigned line = 1; line < number && p < end; p++)
        line += *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] != '\n'));
    const char *stop = p;
    while (stop < end && *stop != '\n' && *stop != '\r')
        stop++;
    *length = (size_t)(stop - p);
    return p;
}

static size_t shown_width(const char *text, size_t length)
{
    struct buf shown;
    buf_init(&shown);
    text_add_safe(&shown, text, length);
    size_t width = text_width(shown.data);
    buf_release(&shown);
    return width;
}

/* A line's part around the mark, and below it the caret under the marked text. */
static void add_excerpt(struct buf *out, const struct diagnostic_source *s,
                        const struct diagnostic *item, bool colour)
{
    const struct mark at = item->mark;
    size_t length;
    const char *line = find_line(s, at.line, &length);
    size_t before = at.column ? at.column - 1 : 0;
    size_t caret = skip_characters(line, length, before);
    size_t start =
        before > LINE_BEFORE + 3 ? skip_characters(line, length, before - LINE_BEFORE) : 0;
    size_t stop = caret + skip_characters(line + caret, length - caret, LINE_AFTER);
    size_t marked = skip_characters(line + caret, stop - caret, at.length ? at.length : 1);
    const char *lead = start ? "..." : "";

    buf_addf(out, "%s%5u |%s %s", colour ? faint : "", at.line, colour ? plain : "", lead);
    text_add_safe(out, line + start, stop - start);
    buf_addf(out, "%s\n%s      |%s ", stop < length ? "..." : "", colour ? faint : "",
             colour ? plain : "");
    buf_fill(out, " ", strlen(lead) + shown_width(line + start, caret - start));
    size_t width = shown_width(line + caret, marked);
    buf_addstr(out, colour ? level_colours[item->level] : "");
    buf_addch(out, '^');
    buf_fill(out, "~", width > 1 ? width - 1 : 0);
    buf_addf(out, "%s\n", colour ? plain : "");
}

static void add_item(const struct diagnostics *d, const struct diagnostic *item, bool colour,
                     struct buf *out)
{
    const struct diagnostic_source *s = &d->sources[item->mark.source];
    buf_addstr(out, colour ? bold : "");
    text_add_safe(out, s->path, strlen(s->path));
    if (item->mark.line)
        buf_addf(out, ":%u:%u", item->mark.line, item->mark.column);
    buf_addf(out, ":%s %s%s:%s ", colour ? plain : "", colour ? level_colours[item->level] : "",
             level_words[item->level], colour ? plain : "");
    text_add_safe(out, item->text, strlen(item->text));
    buf_addch(out, '\n');
    if (item->mark.line)
        add_excerpt(out, s, item, colour);
}

static void add_count(struct buf *out, size_t count, const char *word)
{
    buf_addf(out, "%zu %s%s", count, word, count == 1 ? "" : "s");
}

void diagnostics_render(struct diagnostics *d, bool colour, struct buf *out)
{
    if (!d->count)
        return;
    diagnostics_sort(d);
    for (size_t i = 0; i < d->count; i++)
        add_item(d, &d->items[i], colour, out);
    if (d->errors)
        add_count(out, d->errors, "error");
    if (d->errors && d->warnings)
        buf_addstr(out, ", ");
    if (d->warnings)
        add_count(out, d->warnings, "warning");
    size_t hidden = d->errors + d->warnings - d->count;
    if (hidden)
        buf_addf(out, " (%zu not shown)", hidden);
    buf_addch(out, '\n');
}
