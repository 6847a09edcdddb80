#include "github/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

#define DELIMITER_PREFIX "lpg_"

enum { TITLE_CHARS = 200, RANDOM_BYTES = 16 };

static const char *const level_names[] = {
    [ANNOTATION_NOTICE] = "notice",
    [ANNOTATION_WARNING] = "warning",
    [ANNOTATION_ERROR] = "error",
};

/* Characters that the runner reads back from "%XX": in data the first three, in properties all. */
static const struct {
    char c;
    const char *escaped;
} escapes[] = {{'%', "%25"}, {'\r', "%0D"}, {'\n', "%0A"}, {':', "%3A"}, {',', "%2C"}};
enum { DATA_ESCAPES = 3 };

static void add_escaped(struct buf *out, const char *text, size_t length, size_t escape_count)
{
    for (size_t i = 0; i < length; i++) {
        size_t k = 0;
        while (k < escape_count && escapes[k].c != text[i])
            k++;
        if (k < escape_count)
            buf_addstr(out, escapes[k].escaped);
        else
            buf_addch(out, text[i]);
    }
}

/* ---- lines of text ---- */

/* Where the line that begins at `text` ends; *next is where the following one begins. */
static size_t line_length(const char *text, size_t length, size_t *next)
{
    const char *newline = memchr(text, '\n', length);
    size_t end = newline ? (size_t)(newline - text) : length;
    *next = newline ? end + 1 : length;
    return end && text[end - 1] == '\r' ? end - 1 : end;
}

/* Bytes of the first `most` characters. */
static size_t bytes_of(const char *text, size_t length, size_t most)
{
    size_t at = 0;
    for (size_t n = 0; n < most && at < length; n++) {
        size_t bytes = text_utf8(text + at, length - at, NULL);
        at += bytes ? bytes : 1;
    }
    return at;
}

/* At most `most` characters of the text, each line of it made printable. */
static void add_printable(struct buf *out, const char *text, size_t most)
{
    size_t length = strlen(text), kept = bytes_of(text, length, most);
    for (size_t at = 0, next; at < kept; at += next) {
        size_t bytes = line_length(text + at, kept - at, &next);
        if (at)
            buf_addch(out, '\n');
        text_add_safe(out, text + at, bytes);
    }
    if (kept < length)
        buf_addstr(out, "…");
}

/* ---- commands ---- */

static void add_property(struct buf *out, char *before, const char *name, const char *value)
{
    struct buf clean;
    if (!value || !*value)
        return;
    buf_init(&clean);
    add_printable(&clean, value, TITLE_CHARS);
    buf_addf(out, "%c%s=", *before, name);
    add_escaped(out, clean.data, clean.length, ARRAY_LEN(escapes));
    buf_release(&clean);
    *before = ',';
}

static void add_number(struct buf *out, char *before, const char *name, unsigned value)
{
    if (!value)
        return;
    buf_addf(out, "%c%s=%u", *before, name, value);
    *before = ',';
}

static void add_data(struct buf *out, const char *text, size_t most)
{
    struct buf clean;
    buf_init(&clean);
    add_printable(&clean, text, most);
    buf_addstr(out, "::");
    add_escaped(out, clean.data, clean.length, DATA_ESCAPES);
    buf_addch(out, '\n');
    buf_release(&clean);
}

void commands_annotate(struct buf *out, const struct annotation *a)
{
    char before = ' ';
    buf_addf(out, "::%s", level_names[a->level]);
    add_property(out, &before, "file", a->file);
    if (a->file && *a->file) {
        add_number(out, &before, "line", a->line);
        add_number(out, &before, "col", a->column);
    }
    add_property(out, &before, "title", a->title);
    add_data(out, a->message, COMMANDS_ANNOTATION_CHARS);
}

void commands_group(struct buf *out, const char *title)
{
    buf_addstr(out, "::group");
    add_data(out, title, TITLE_CHARS);
}

void commands_group_end(struct buf *out)
{
    buf_addstr(out, "::endgroup::\n");
}

void commands_mask(struct buf *out, const char *secret)
{
    if (!*secret)
        return;
    buf_addstr(out, "::add-mask::"); /* the secret itself, not a printable form of it */
    add_escaped(out, secret, strlen(secret), DATA_ESCAPES);
    buf_addch(out, '\n');
}

static void random_hex(char hex[2 * RANDOM_BYTES + 1])
{
    unsigned char bytes[RANDOM_BYTES];
    hash_random(bytes, sizeof bytes);
    hash_hex(bytes, sizeof bytes, hex);
}

void commands_stop(struct buf *out, char token[COMMANDS_TOKEN_BYTES])
{
    random_hex(token);
    buf_addf(out, "::stop-commands::%s\n", token);
}

void commands_resume(struct buf *out, const char *token)
{
    buf_addf(out, "::%s::\n", token);
}

/* ---- text of somebody else ---- */

/*
 * The last two ASCII characters that a line has so far. What is not ASCII between them does not
 * count: a comparison by the rules of a language may skip it.
 */
struct ascii_tail {
    char last[2];
};

static bool makes_command(const struct ascii_tail *t, char c)
{
    return (c == ':' && t->last[1] == ':') || (c == '[' && t->last[1] == '#' && t->last[0] == '#');
}

static void follow(struct ascii_tail *t, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] >= 0x80)
            continue;
        t->last[0] = t->last[1];
        t->last[1] = text[i];
    }
}

static void add_log_line(struct buf *out, const char *text, size_t length)
{
    struct ascii_tail tail = {{0}};
    size_t kept = bytes_of(text, length, COMMANDS_LOG_CHARS);
    buf_addstr(out, "| ");
    for (size_t at = 0, bytes; at < kept; at += bytes) {
        bytes = text_utf8(text + at, kept - at, NULL);
        bytes = bytes ? bytes : 1;
        size_t before = out->length;
        if (makes_command(&tail, text[at]))
            buf_addch(out, ' ');
        text_add_safe(out, text + at, bytes);
        follow(&tail, out->data + before, out->length - before);
    }
    buf_addstr(out, kept < length ? "…\n" : "\n");
}

void commands_add_log(struct buf *out, const char *text, size_t length, size_t lines)
{
    size_t at = 0, left_out = 0;
    for (size_t next; at < length; at += next) {
        size_t bytes = line_length(text + at, length - at, &next);
        if (lines) {
            lines--;
            add_log_line(out, text + at, bytes);
        } else {
            left_out++;
        }
    }
    if (left_out)
        buf_addf(out, "| … and %zu more lines\n", left_out);
}

/* ---- files ---- */

static bool has_line(const char *text, const char *line)
{
    size_t length = strlen(line);
    for (const char *p = text; (p = strstr(p, line)); p++)
        if ((p == text || p[-1] == '\n') && (!p[length] || p[length] == '\n'))
            return true;
    return false;
}

void commands_add_output(struct buf *out, const char *name, const char *value)
{
    char delimiter[sizeof DELIMITER_PREFIX + 2 * RANDOM_BYTES] = DELIMITER_PREFIX;
    do
        random_hex(delimiter + strlen(DELIMITER_PREFIX));
    while (has_line(value, delimiter));
    buf_addf(out, "%s<<%s\n%s\n%s\n", name, delimiter, value, delimiter);
}

static int append_once(int fd, const char *path, const struct buf *text, size_t limit,
                       struct error *e)
{
    struct stat there;
    if (fstat(fd, &there))
        return error_errno(e, ERROR_SYSTEM, "cannot read the size of '%s'", path);
    if (!S_ISREG(there.st_mode))
        return error_set(e, ERROR_SYSTEM, "cannot write '%s': it is not a regular file", path);
    if ((uint64_t)there.st_size + text->length > limit)
        return error_set(e, ERROR_SYSTEM,
                         "'%s' would exceed %zu bytes, and GitHub would drop all of it", path,
                         limit);
    ssize_t written;
    do
        written = write(fd, text->data, text->length);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return error_errno(e, ERROR_SYSTEM, "cannot write '%s'", path);
    if ((size_t)written == text->length)
        return 0;
    if (ftruncate(fd, there.st_size)) /* half an output would fail the whole step */
        return error_errno(e, ERROR_SYSTEM, "cannot take back half of what was written to '%s'",
                           path);
    return error_set(e, ERROR_SYSTEM, "cannot write all to '%s': the disk is full", path);
}

int commands_append(const char *path, const struct buf *text, size_t limit, struct error *e)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0)
        return error_errno(e, ERROR_SYSTEM, "cannot open '%s'", path);
    int failed = append_once(fd, path, text, limit, e);
    close(fd);
    return failed;
}
