/*
 * diagnostics.h - everything that is wrong with a file, collected in one pass and shown with its
 * place.
 *
 *     struct diagnostics d;
 *     diagnostics_init(&d);
 *     if (config_read("perf.yml", NULL, &plan, &d, &e))
 *         ...
 *     diagnostics_render(&d, colour, &out);     // errors and warnings, sorted, then a count
 *     diagnostics_release(&d);
 *
 * A place belongs to a source: the text that was read, under the name that the user knows. One
 * collection can hold several sources (perf.yml and the template that it names). Texts of the user
 * may be put into a message as they are: rendering makes them safe for a terminal and for a CI
 * log.
 */
#ifndef LPG_CONFIG_DIAGNOSTICS_H
#define LPG_CONFIG_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/mem.h"

/* More errors than this, or warnings, are counted, but not kept. */
enum { DIAGNOSTICS_KEPT = 50 };

/*
 * A place in a source. Lines and columns count from 1, columns in characters; line 0: the file as
 * such.
 */
struct mark {
    unsigned source;
    unsigned line;
    unsigned column;
    unsigned length; /* characters to underline; 0 and 1: only the caret */
};

enum diagnostic_level { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

struct diagnostic {
    struct mark mark;
    enum diagnostic_level level;
    const char *text; /* one sentence, without "error:"; holds the user's text as it is */
    size_t order;     /* of arrival, which decides between equal places */
};

struct diagnostic_source {
    const char *path;
    const char *text;
    size_t length;
};

struct diagnostics {
    struct arena arena;
    struct diagnostic *items; /* in order of arrival until diagnostics_sort() */
    size_t count, capacity;
    struct diagnostic_source *sources;
    size_t source_count, source_capacity;
    size_t errors, warnings; /* all of them, also those beyond DIAGNOSTICS_KEPT */
};

void diagnostics_init(struct diagnostics *d);
void diagnostics_release(struct diagnostics *d);

/* Registers a text (copied, without a byte order mark) and gives the number for `struct mark`. */
unsigned diagnostics_source(struct diagnostics *d, const char *path, const char *text,
                            size_t length);

/* An error always counts; the same warning at the same place counts once. */
void diagnostics_error(struct diagnostics *d, struct mark at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diagnostics_warning(struct diagnostics *d, struct mark at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The text cut to 60 characters, for use in a message; lives as long as `d`. */
const char *diagnostics_clip(struct diagnostics *d, const char *text);

/* Orders the items by source, line, column. */
void diagnostics_sort(struct diagnostics *d);

/*
 * Sorts, then appends each item as
 *
 *     perf.yml:14:9: error: unknown key 'treshold' (did you mean 'limits'?)
 *        14 |         treshold: 5
 *           |         ^~~~~~~~
 *
 * and a last line such as "2 errors, 1 warning". Nothing at all when there are no items.
 */
void diagnostics_render(struct diagnostics *d, bool colour, struct buf *out);

#endif
