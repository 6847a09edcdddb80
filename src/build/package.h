/*
 * package.h - from a side to what is deployed: runs the build command and packs the result.
 */
#ifndef LPG_BUILD_PACKAGE_H
#define LPG_BUILD_PACKAGE_H

#include <signal.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "build/archive.h"
#include "build/checkout.h"
#include "model/plan.h"

struct package {
    struct buf zip;
    char *code_sha256;         /* base64: what Lambda will call CodeSha256 */
    char sha256[SHA256_HEX];   /* of the zip, hexadecimal */
    char contents[SHA256_HEX]; /* see archive_digest(): equal when both sides run the same code */
    struct buf build_output;   /* what the build command printed */
};

/*
 * Builds one function of one side. The build command runs in `source` with the caller's environment
 * less what looks like a credential or a file that speaks to the workflow's runner. On failure the
 * end of its output is in the error and all of it in `build_output`; package_release() either way.
 */
int package_make(struct package *p, const struct checkout *c, const struct plan_function *f,
                 volatile sig_atomic_t *stop, struct error *e);
/* Makes a copy of a package with one more file; package_release() either way. */
int package_extend(struct package *p, const struct package *from, const struct archive_file *file,
                   struct error *e);
void package_release(struct package *p);

#endif
