/*
 * text.h - small questions about text: is it UTF-8, what was probably meant, does it match.
 */
#ifndef LPG_BASE_TEXT_H
#define LPG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Length in bytes of the UTF-8 character at `text`, 0 if it is not valid there (RFC 3629); *code
 * may be NULL.
 */
size_t text_utf8(const char *text, size_t length, uint32_t *code);
bool text_is_utf8(const char *text, size_t length);
bool text_starts(const char *text, const char *prefix);
/* Whether it has the shape of an AWS region's name: "eu-west-1", at most 63 bytes. */
bool text_is_region(const char *text);
bool text_ends(const char *text, const char *suffix);
/* Equal without regard to ASCII case. */
bool text_same(const char *a, const char *b);
/* Optimal string alignment distance, for words of up to 63 bytes; more gives 64. */
unsigned text_distance(const char *a, const char *b);
/* The candidate nearest to `word`, or NULL when none is near enough to be worth suggesting. */
const char *text_suggest(const char *word, const char *const *candidates, size_t count);
/* Number of columns that the text takes in a terminal (escape sequences count nothing). */
size_t text_width(const char *text);
/*
 * Appends `length` untrusted bytes in a form that is safe in a terminal and in a CI log: printable
 * text stays, control characters become \xNN, and what a workflow runner takes for a command is
 * broken up.
 */
void text_add_safe(struct buf *out, const char *text, size_t length);

#endif
