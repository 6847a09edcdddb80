/*
 * archive.h - deployment packages as zip files: made from a folder, the same bytes for the same
 * files; and compared by what is in them.
 */
#ifndef LPG_BUILD_ARCHIVE_H
#define LPG_BUILD_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"

/* Lambda's limit for the unpacked code, layers included. */
#define ARCHIVE_UNPACKED_MAX (UINT64_C(250) * 1024 * 1024)

/*
 * Appends a zip of the folder: entries sorted by path, dated 1980-01-01, modes 0644 or 0755, so
 * that neither clock, file system nor umask shows. `.git` and `.lambda-perf-gate` are left out,
 * wherever they are. A link is stored as the file that it points to.
 */
int archive_folder(const char *folder, struct buf *zip, struct error *e);

/* A file to be put into a package that is there already. */
struct archive_file {
    const char *name;
    /* what the entry of that name is called from now on; NULL: there is none */
    const char *displaced;
    bool program;
    struct buf content;
};

/* Appends a copy of the package with one more file to `zip`. */
int archive_extend(const struct buf *package, const struct archive_file *file, struct buf *zip,
                   struct error *e);

/*
 * A digest of the contents: names, executable bits, links and bytes, whatever the order, dates and
 * compression. Two packages with the same digest run the same code.
 */
int archive_digest(const void *zip, size_t length, char digest[SHA256_HEX], struct error *e);

#endif
