/*
 * ini.h - the file format of ~/.aws/config and ~/.aws/credentials.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 *
 * Sections in brackets; `key = value` lines; comments are whole lines that begin with # or ;. An
 * indented line continues the value above it, or, where that value is empty, is a setting of its
 * own, one level down: it is stored as "key.subkey". Keys are case-insensitive, values are taken as
 * they stand. What is unclear is an error with its line: a line without '=', a key outside a
 * section, a section or key that is there twice. As the text may hold secrets, an error says where
 * and what, but never quotes.
 */
#ifndef LPG_IDENTITY_INI_H
#define LPG_IDENTITY_INI_H

#include <stddef.h>

#include "base/error.h"

struct ini_entry {
    char *key;   /* lower case; "parent.key" for a nested one */
    char *value; /* blanks around it removed */
    unsigned line;
};

struct ini_section {
    char *name; /* "default", "profile x", "services y": blanks around it removed */
    unsigned line;
    struct ini_entry *entries;
    size_t count, capacity;
};

struct ini {
    struct ini_section *sections;
    size_t count, capacity;
};

/* Reads a whole file's text; `path` is for messages. On failure (ERROR_CONFIG) *ini is empty. */
int ini_parse(struct ini *ini, const char *text, size_t length, const char *path, struct error *e);
/* Overwrites all values before they are freed. */
void ini_release(struct ini *ini);
/* NULL when the section (which may be NULL) does not have the key. */
const char *ini_get(const struct ini_section *section, const char *key);

#endif
