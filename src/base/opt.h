/*
 * opt.h - command-line options as rows of a table: parsing and --help read the same rows.
 *
 *     static const struct opt options[] = {
 *         {"config", 'c', "FILE", OPT_STRING, offsetof(struct args, config), "read FILE"},
 *         {"function", 0, "NAME", OPT_LIST, offsetof(struct args, functions), "only this one"},
 *         {"json", 0, NULL, OPT_FLAG, offsetof(struct args, json), "print result.json"},
 *     };
 */
#ifndef LPG_BASE_OPT_H
#define LPG_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum opt_kind {
    OPT_FLAG,   /* bool */
    OPT_STRING, /* const char *, points into argv */
    OPT_LIST,   /* struct opt_list, repeatable */
    OPT_NUMBER, /* double, 0 or more */
    OPT_COUNT,  /* uint64_t */
};

enum { OPT_LIST_MAX = 64 };

struct opt_list {
    const char *items[OPT_LIST_MAX];
    size_t count;
};

struct opt {
    const char *name;     /* long name, without the dashes */
    char letter;          /* short name or 0 */
    const char *argument; /* what --help calls the value; NULL for a flag */
    enum opt_kind kind;
    size_t offset; /* of the field in the caller's struct */
    const char *help;
};

/*
 * Fills the struct at `fields` (which holds the defaults) from argv[1..]. "--" ends the options;
 * other words are collected in `words` (NULL: none are allowed). Errors are ERROR_USAGE with a
 * did-you-mean; after an error the fields hold what was read before it.
 *
 * Forms: --name=VALUE, --name VALUE, -cVALUE, -c VALUE, and flags joined as in -qv. A single option
 * that is given twice keeps its last value. A value that begins with a dash must be written as
 * --name=-VALUE ("-" alone is an ordinary value).
 */
int opt_parse(const struct opt *options, size_t count, int argc, char **argv, void *fields,
              struct opt_list *words, struct error *e);

/* The options as the aligned block of a --help text. */
void opt_help(const struct opt *options, size_t count, struct buf *out);

#endif
