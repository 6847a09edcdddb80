/*
 * versions.h - functions that are there already: what a name stands for, and the candidate's code
 * as one more version of a function whose $LATEST gets its own code back.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
 *
 * An existing function belongs to somebody. Whatever could go wrong is looked for before anything
 * is touched, the old code is on this machine before the new one is sent, every change names the
 * revision that it is made of, and what somebody else has changed meanwhile is left alone.
 */
#ifndef LPG_AWS_VERSIONS_H
#define LPG_AWS_VERSIONS_H

#include <stdbool.h>

#include "aws/lambda.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "model/target.h"

enum { VERSION_BYTES = 24 };

/* A function, version or alias that is called as it is. */
struct attached {
    char *name;      /* "NAME" or "NAME:QUALIFIER": what to call */
    char *function;  /* "NAME" */
    char *qualifier; /* NULL: $LATEST */
    char version[VERSION_BYTES];
    struct json *configuration;
    unsigned provisioned; /* environments that are kept ready for it */
};

/*
 * Looks up "NAME", "NAME:QUALIFIER" or an ARN of either. ERROR_API when it is not there, cannot be
 * called now, or is an alias that shares its calls among two versions. Release after success only.
 */
int attached_open(struct lambda *l, const char *name, struct attached *a, struct error *e);
void attached_release(struct attached *a);

/*
 * PublishVersion of $LATEST as it is, whose code must be `sha256`, and a wait until the version can
 * be called. `*ours` tells whether it was made now: where nothing has changed since the newest
 * version, Lambda gives that one.
 */
struct version_request {
    const char *function;
    const char *sha256;
    const char *description; /* of this run alone */
    bool slow;               /* see lambda_wait() */
};
int version_publish(struct lambda *l, const struct version_request *request,
                    char version[VERSION_BYTES], bool *ours, struct error *e);
/* Deletes one version; gone already is fine. */
int version_delete(struct lambda *l, const char *function, const char *version, struct error *e);

/* A candidate as a version of somebody's function. */
struct staged {
    char *function;
    char version[VERSION_BYTES]; /* "": none yet */
    bool ours;                   /* the version is to be deleted */
    bool exposed;                /* $LATEST has, or may have, the candidate's code */
    char *new_sha256;
    char *old_sha256;
    struct buf old_zip;
    char *kept; /* the file that has the old code as long as it is not back */
};

struct staged_request {
    const char *function;
    const struct target_package *package;
    const char *runtime, *handler; /* the package's: the function must have the same */
    const char *run_id;
    const char *folder; /* where the old code is kept */
};

/*
 * Keeps the code of $LATEST, sends the candidate's, publishes it, and puts the old code back.
 * staged_end() must follow in any case: also after a failure, which may have come half way.
 */
int staged_begin(struct lambda *l, const struct staged_request *request, struct staged *s,
                 struct error *e);
/*
 * Puts the old code back if it is not, and deletes the version. What could not be undone is said in
 * the error, and with it where the old code is. Releases everything.
 */
int staged_end(struct lambda *l, struct staged *s, struct error *e);

#endif
