/*
 * escape.h - untrusted text, made harmless for the place that it goes to.
 *
 * All of them first make one printable line of the text: line breaks and tabs become blanks;
 * control characters, bidi controls and characters that nobody sees are spelt out (\x1b, \u{202E});
 * what a workflow runner takes for a command is broken up; and everything behind `most` characters
 * is replaced by "…".
 */
#ifndef LPG_REPORT_ESCAPE_H
#define LPG_REPORT_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The line itself, for a terminal. */
void escape_line(struct buf *out, const char *text, size_t most);

/*
 * A Markdown code span, for names: nothing in it is Markdown, a mention or a reference. The fence
 * is longer than any run of backticks inside. Also holds within a table's cell.
 */
void escape_code(struct buf *out, const char *text, size_t most);

/*
 * Markdown prose, for sentences that may quote something: it shows as it is written, and is no
 * link, image, mention, reference, HTML or mathematics. Also holds within a table's cell. Must not
 * stand at the start of a line.
 */
void escape_prose(struct buf *out, const char *text, size_t most);

/*
 * A fenced block for a text of several lines (of which each is made printable by itself), ending
 * with a line break.
 */
void escape_fence(struct buf *out, const char *text, size_t most);

/*
 * HTML or XML, for text and for attribute values in double quotes. What XML 1.0 cannot hold is
 * gone, as it is in every other form.
 */
void escape_xml(struct buf *out, const char *text, size_t most);

#endif
