#include "identity/xml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/secrecy.h"

enum { PATH_MAX_BYTES = 256, TEXT_MAX = 16 * 1024 };

static const struct {
    const char *name;
    char byte;
} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

struct walk {
    const char *at, *end;
    const char *wanted;
    char path[PATH_MAX_BYTES];
    size_t length; /* of the path */
    bool began;    /* the root has been seen */
    unsigned found;
    char text[TEXT_MAX];
    size_t text_length;
};

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t name_length(const struct walk *w)
{
    const char *p = w->at;
    while (p < w->end && is_name(*p))
        p++;
    return (size_t)(p - w->at);
}

/* Past the attributes to behind '>'; *closed says whether it was "/>". */
static int skip_attributes(struct walk *w, bool *closed)
{
    char quote = 0, last = 0;
    for (; w->at < w->end; last = *w->at++) {
        char c = *w->at;
        if (c == '<')
            return -1;
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            *closed = last == '/';
            w->at++;
            return 0;
        }
    }
    return -1;
}

static void leave(struct walk *w)
{
    while (w->length && w->path[w->length - 1] != '/')
        w->length--;
    w->length -= w->length > 0;
    w->path[w->length] = '\0';
}

static int open_element(struct walk *w)
{
    size_t length = name_length(w);
    bool closed;
    if (!length || (w->began && !w->length) || w->length + length + 2 > sizeof w->path)
        return -1;
    if (w->length)
        w->path[w->length++] = '/';
    memcpy(w->path + w->length, w->at, length);
    w->length += length;
    w->path[w->length] = '\0';
    w->began = true;
    w->at += length;
    if (w->at < w->end && !is_blank(*w->at) && *w->at != '>' && *w->at != '/')
        return -1;
    w->found += !strcmp(w->path, w->wanted);
    if (skip_attributes(w, &closed))
        return -1;
    if (closed)
        leave(w);
    return 0;
}

static int close_element(struct walk *w)
{
    size_t length = name_length(w);
    const char *slash = strrchr(w->path, '/');
    const char *open = slash ? slash + 1 : w->path;
    if (!length || strlen(open) != length || memcmp(open, w->at, length) != 0)
        return -1;
    w->at += length;
    while (w->at < w->end && is_blank(*w->at))
        w->at++;
    if (w->at == w->end || *w->at++ != '>')
        return -1;
    leave(w);
    return 0;
}

/* One character of text, which may be written as an entity. */
static int take_text(struct walk *w)
{
    char c = *w->at;
    size_t used = 1;
    if (!w->length)
        return is_blank(c) ? (w->at++, 0) : -1;
    if (c == '&') {
        used = 0;
        for (size_t i = 0; i < ARRAY_LEN(entities) && !used; i++) {
            size_t length = strlen(entities[i].name);
            if ((size_t)(w->end - w->at) >= length && !memcmp(w->at, entities[i].name, length)) {
                used = length;
                c = entities[i].byte;
            }
        }
    }
    if (!used || !c || w->text_length == sizeof w->text)
        return -1;
    if (!strcmp(w->path, w->wanted))
        w->text[w->text_length++] = c;
    w->at += used;
    return 0;
}

static int step(struct walk *w)
{
    if (*w->at != '<')
        return take_text(w);
    if (++w->at < w->end && *w->at == '/') {
        w->at++;
        return close_element(w);
    }
    return open_element(w);
}

static void skip_declaration(struct walk *w)
{
    static const char start[] = "<?xml ";
    size_t left = (size_t)(w->end - w->at);
    if (left < sizeof start - 1 || memcmp(w->at, start, sizeof start - 1) != 0)
        return;
    const char *close = memchr(w->at, '>', left);
    if (close && close[-1] == '?')
        w->at = close + 1;
}

int xml_text(const char *xml, size_t length, const char *path, struct buf *out)
{
    struct walk *w = xcalloc(1, sizeof *w);
    w->at = xml;
    w->end = xml + length;
    w->wanted = path;
    skip_declaration(w);
    int failed = 0;
    while (!failed && w->at < w->end)
        failed = step(w);
    failed = failed || w->length || !w->began || w->found != 1;
    if (!failed)
        buf_add(out, w->text, w->text_length);
    secrecy_wipe(w, sizeof *w);
    free(w);
    return failed ? -1 : 0;
}
