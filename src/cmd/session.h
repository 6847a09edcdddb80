/*
 * session.h - where a run measures: a loop, a target, and the functions that were made there.
 *
 * Every function that session_deploy() makes is removed by session_remove_functions(), which
 * session_close() calls too; what could not be removed is counted and named. At an endpoint each is
 * in the run's journal before it is made, so that it is found even when the process is killed; and
 * before a run begins there, what the journals beside its own still name is removed.
 */
#ifndef LPG_CMD_SESSION_H
#define LPG_CMD_SESSION_H

#include <stdbool.h>

#include "aws/upload.h"
#include "aws/versions.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "build/package.h"
#include "cleanup/journal.h"
#include "cmd/embedded.h"
#include "cmd/place.h"
#include "model/plan.h"
#include "model/result.h"
#include "model/target.h"
#include "identity/identity.h"
#include "net/loop.h"

struct session_options {
    const char *endpoint_url; /* NULL: the embedded Lambda */
    const char *region;
    const char *directory; /* for temporary files */
    bool unshaped;
    const char *profile; /* of the AWS files, for the endpoint; NULL: nobody named one */
    /*
     * Where the journal of a run at an endpoint is: this file, else journal-RUN.ndjson in the
     * output folder, which exists. Both NULL: there is none, and no function will be made.
     */
    const char *journal, *output;
    double max_minutes; /* of the measurement; 0: not limited */
    struct place place;
};

/* A function that was made, or may have been. */
struct session_function {
    char *name;
    bool created;              /* certainly */
    uint64_t patient_until_ns; /* as in cleanup/removal.h */
};

struct session {
    struct loop *loop;
    struct loop_watch *signals;
    struct embedded embedded;
    struct identity *identity; /* NULL at the embedded Lambda, which has keys of its own */
    struct target *target;
    struct journal *journal; /* NULL: the functions end with the embedded Lambda */
    char run_id[TEMPORARY_RUN_BYTES];
    struct session_function *deployed;
    size_t count, capacity;
    char **names; /* of all that were ever deployed */
    size_t name_count, name_capacity;
    unsigned created, removed;
    struct upload_place upload; /* where large packages go; all zero: nowhere */
    char *s3;                   /* its endpoint */
    char **objects;             /* keys of what is there now */
    size_t object_count, object_capacity;
    char *endpoint;           /* of a region; NULL: it was given, or it is the embedded Lambda's */
    const char *region;       /* of the functions; NULL: it is the embedded Lambda's */
    const char *profile;      /* that was named */
    const char *price_region; /* at AWS the functions', elsewhere the one that was asked for */
    struct staged staged;     /* the candidate in somebody's function; all zero: none */
    unsigned concurrency;     /* environments that may work at once; 0: not known */
    uint64_t warm_up_calls;   /* invocations that are in no sample */
};

/*
 * ERROR_USAGE for what would make session_open() fail in any case: worth knowing before anything is
 * built.
 */
int session_check(const struct session_options *options, struct error *e);
int session_open(struct session *s, const struct session_options *options, struct error *e);
/* Says what the target is and whether it limits CPU and memory as Lambda does. */
int session_describe(struct session *s, const struct session_options *options, struct arena *arena,
                     struct result_target *out, struct error *e);
/* Makes a function of one side; its name lives as long as the session. NULL on failure. */
const char *session_deploy(struct session *s, const struct plan_function *f, enum side side,
                           const struct package *p, struct error *e);
/*
 * The package as a version of --versions-of (see aws/versions.h), once per session; undone by
 * session_remove_functions(). Its "NAME:7", which the caller frees, or NULL.
 */
char *session_stage(struct session *s, const struct session_options *options,
                    const struct plan_function *f, const struct package *p, struct error *e);
/*
 * What runs the function there: "built-in Python loop, CPython 3.11.2"; NULL where nobody can tell.
 */
const char *session_runtime(struct session *s, const char *deployed, struct arena *arena);
/*
 * Removes the functions that were made so far; those of which that could not be confirmed are added
 * to `left`, one a line with the reason. After a signal this takes a few seconds at most, after a
 * second one no time.
 */
void session_remove_functions(struct session *s, struct buf *left);
/* Says on stderr which functions are left, and how to remove them. Nothing when there are none. */
void session_tell_left(const struct session *s, const struct buf *left);
void session_close(struct session *s);

#endif
