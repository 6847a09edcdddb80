/*
 * code.h - a deployment package becomes a folder.
 *
 * The package may come from a pull request, so all of it is checked before the first byte is
 * written: names stay inside the folder, nothing but files, folders and links that stay inside, no
 * two entries of one name, no encryption, at most 20,000 entries, 250 MiB (Lambda's own limit) and
 * 200 times the size of the package. The sizes are counted again while unpacking, because an
 * archive can lie about them. Modes keep what 0755 leaves of them.
 */
#ifndef LPG_EMULATOR_CODE_H
#define LPG_EMULATOR_CODE_H

#include <stddef.h>

#include "emulator/fault.h"
#include "sandbox/function.h"

enum {
    CODE_ZIP_MAX = 50 * 1024 * 1024,
    CODE_UNZIPPED_MAX = 250 * 1024 * 1024,
    CODE_ENTRIES_MAX = 20000,
    CODE_RATIO_MAX = 200,
};

/*
 * Unpacks into `<root>/<sha256>-<serial>/` and keeps the package beside it as `.zip`. NULL with
 * FAULT_PARAMETER for a package that is refused, FAULT_TOO_LARGE above 50 MiB, FAULT_SERVICE when
 * the disk fails; nothing is left then.
 */
struct function_code *code_unpack(const char *root, unsigned serial, const void *zip, size_t length,
                                  struct fault *f);

/* CodeSha256: base64 of the package's SHA-256. The caller frees. */
char *code_sha256(const void *zip, size_t length);

#endif
