#include "identity/ini.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/secrecy.h"

enum { LINES_MAX = 20000, KEY_MAX = 256 };

struct span {
    const char *text;
    size_t length;
};

struct reader {
    struct ini *ini;
    const char *path;
    unsigned line;
    size_t indent;    /* of the last key */
    bool in_section;  /* sections[count - 1] is being filled */
    bool in_entry;    /* so is its last entry */
    bool nests;       /* which has an empty value: indented lines are settings below it */
    size_t nest_base; /* length of that entry's own key */
    struct error *e;
};

static int bad_line(const struct reader *r, const char *what)
{
    return error_set(r->e, ERROR_CONFIG, "%s:%u: %s", r->path, r->line, what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct span trim(struct span s)
{
    while (s.length && is_blank(*s.text)) {
        s.text++;
        s.length--;
    }
    while (s.length && is_blank(s.text[s.length - 1]))
        s.length--;
    return s;
}

static char *lower_copy(struct span s)
{
    char *copy = xstrndup(s.text, s.length);
    for (char *p = copy; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p | 0x20);
    return copy;
}

static int add_section(struct reader *r, struct span line)
{
    const char *close = memchr(line.text, ']', line.length);
    size_t inside = close ? (size_t)(close - line.text) - 1 : 0;
    struct span name = trim((struct span){line.text + 1, inside});
    if (!close || !name.length)
        return bad_line(r, "a section is written [name]");
    struct span rest = trim((struct span){close + 1, line.length - inside - 2});
    if (rest.length && *rest.text != '#' && *rest.text != ';')
        return bad_line(r, "only a comment may follow the name of a section");
    for (size_t i = 0; i < r->ini->count; i++)
        if (strlen(r->ini->sections[i].name) == name.length &&
            !memcmp(r->ini->sections[i].name, name.text, name.length))
            return error_set(r->e, ERROR_CONFIG, "%s:%u: the section of line %u is here again",
                             r->path, r->line, r->ini->sections[i].line);
    struct ini_section *s = ARRAY_PUSH(r->ini->sections, r->ini->count, r->ini->capacity);
    s->name = xstrndup(name.text, name.length);
    s->line = r->line;
    r->in_section = true;
    r->in_entry = r->nests = false;
    return 0;
}

/* Takes `key` over. */
static int add_entry(struct reader *r, char *key, struct span value)
{
    struct ini_section *s = &r->ini->sections[r->ini->count - 1];
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->entries[i].key, key) != 0)
            continue;
        free(key);
        return error_set(r->e, ERROR_CONFIG, "%s:%u: the key of line %u is set again", r->path,
                         r->line, s->entries[i].line);
    }
    struct ini_entry *entry = ARRAY_PUSH(s->entries, s->count, s->capacity);
    *entry = (struct ini_entry){key, xstrndup(value.text, value.length), r->line};
    return 0;
}

/* Cuts "key = value"; false when it is not that. */
static bool cut(struct span line, struct span *key, struct span *value)
{
    const char *equals = memchr(line.text, '=', line.length);
    if (!equals)
        return false;
    size_t before = (size_t)(equals - line.text);
    *key = trim((struct span){line.text, before});
    *value = trim((struct span){equals + 1, line.length - before - 1});
    return key->length && key->length <= KEY_MAX;
}

static int add_setting(struct reader *r, struct span line)
{
    struct span key, value;
    if (!r->in_section)
        return bad_line(r, "a setting must stand below a [section]");
    if (!cut(line, &key, &value))
        return bad_line(r, "expected 'key = value'");
    if (add_entry(r, lower_copy(key), value))
        return -1;
    r->in_entry = true;
    r->nests = !value.length;
    r->nest_base = key.length;
    return 0;
}

static int add_nested(struct reader *r, struct span line)
{
    const struct ini_section *s = &r->ini->sections[r->ini->count - 1];
    struct span key, value;
    if (!cut(line, &key, &value))
        return bad_line(r, "expected 'key = value' below a key without a value");
    /* The last entry is the parent or one that stands below it: both begin with its key. */
    char *name = lower_copy(key);
    char *whole = xasprintf("%.*s.%s", (int)r->nest_base, s->entries[s->count - 1].key, name);
    free(name);
    return add_entry(r, whole, value);
}

static void continue_value(struct reader *r, struct span line)
{
    const struct ini_section *s = &r->ini->sections[r->ini->count - 1];
    struct ini_entry *last = &s->entries[s->count - 1];
    char *joined = xasprintf("%s\n%.*s", last->value, (int)line.length, line.text);
    secrecy_free(last->value);
    last->value = joined;
}

static int read_line(struct reader *r, struct span raw)
{
    struct span line = trim(raw);
    if (!line.length || *line.text == '#' || *line.text == ';')
        return 0;
    size_t indent = (size_t)(line.text - raw.text);
    if (r->in_entry && indent > r->indent) {
        if (r->nests)
            return add_nested(r, line);
        continue_value(r, line);
        return 0;
    }
    r->indent = indent;
    return *line.text == '[' ? add_section(r, line) : add_setting(r, line);
}

static int read_lines(struct reader *r, const char *text, size_t length)
{
    const char *end = text + length;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        if (++r->line > LINES_MAX)
            return bad_line(r, "the file is too long");
        if (read_line(r, (struct span){text, (size_t)(stop - text)}))
            return -1;
        text = newline ? newline + 1 : end;
    }
    return 0;
}

int ini_parse(struct ini *ini, const char *text, size_t length, const char *path, struct error *e)
{
    struct reader r = {.ini = ini, .path = path, .e = e};
    *ini = (struct ini){0};
    if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        length -= 3;
    }
    if (memchr(text, '\0', length) || !text_is_utf8(text, length))
        return error_set(e, ERROR_CONFIG, "%s: this is not UTF-8 text", path);
    if (!read_lines(&r, text, length))
        return 0;
    ini_release(ini);
    return -1;
}

void ini_release(struct ini *ini)
{
    for (size_t i = 0; i < ini->count; i++) {
        struct ini_section *s = &ini->sections[i];
        for (size_t k = 0; k < s->count; k++) {
            free(s->entries[k].key);
            secrecy_free(s->entries[k].value);
        }
        free(s->entries);
        free(s->name);
    }
    free(ini->sections);
    *ini = (struct ini){0};
}

const char *ini_get(const struct ini_section *section, const char *key)
{
    for (size_t i = 0; section && i < section->count; i++)
        if (!strcmp(section->entries[i].key, key))
            return section->entries[i].value;
    return NULL;
}
