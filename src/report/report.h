/*
 * report.h - what people and machines read of a result: the table of renderers.
 *
 *     const struct renderer *renderer = report_find("markdown");
 *     struct report_options options = REPORT_DEFAULTS;
 *     renderer->render(result, &options, &text);
 *
 * A renderer is a pure function of the result and the options: the same input gives the same bytes.
 * None reads a clock, the locale, the environment or the terminal; whoever calls finds out the
 * width and whether colours are wanted, and says so in the options. Names, messages and warnings of
 * a result may come from a pull request or from the function's own output, so every renderer
 * escapes all of them for its format (see report/escape.h).
 *
 * To add a format: a row in report.c, a function in its own file, a prototype in renderers.h. Cells
 * and sentences come from cells.h and phrases.h, so that all formats say the same.
 */
#ifndef LPG_REPORT_REPORT_H
#define LPG_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/result.h"

struct report_options {
    unsigned width; /* terminal: columns; below 72 counts as 72 */
    bool colour;    /* terminal: escape sequences */
    bool unicode;   /* terminal: false gives plain ASCII */
    bool verbose;   /* terminal: all metrics, how sure, events, method */
    /* markdown: at least 8,192; what does not fit is left out, and the text says so */
    size_t max_bytes;
};

#define REPORT_DEFAULTS ((struct report_options){.width = 100, .unicode = true, .max_bytes = 60000})

struct renderer {
    const char *name;      /* as in --format: "markdown" */
    const char *file_name; /* in the output folder: "report.md" */
    const char *content;   /* one line for --help */
    /* Appends the whole document to `out`. */
    void (*render)(const struct result *r, const struct report_options *o, struct buf *out);
};

extern const struct renderer renderers[];
extern const size_t renderer_count;

/* NULL: no such format. */
const struct renderer *report_find(const char *name);

#endif
