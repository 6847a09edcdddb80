/*
 * session.h - where a run measures: a loop, a target, and the functions that were made there.
 *
 * Every function that session_deploy() makes is removed by session_close(), however the run ends;
 * what could not be removed is counted and named.
 */
#ifndef LPG_CMD_SESSION_H
#define LPG_CMD_SESSION_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "build/package.h"
#include "cmd/embedded.h"
#include "model/plan.h"
#include "model/result.h"
#include "model/target.h"
#include "net/loop.h"

struct session_options {
    const char *endpoint_url; /* NULL: the embedded Lambda */
    const char *region;
    const char *directory; /* for temporary files */
    bool unshaped;
};

struct session {
    struct loop *loop;
    struct loop_watch *signals;
    struct embedded embedded;
    struct target *target;
    char run_id[9];
    char **deployed; /* names of functions that are there */
    size_t count, capacity;
    unsigned created, removed;
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
 * What runs the function there: "built-in Python loop, CPython 3.11.2"; NULL where nobody can tell.
 */
const char *session_runtime(struct session *s, const char *deployed, struct arena *arena);
/*
 * Removes the functions that were made so far; those that could not be are added to `left`, one a
 * line.
 */
void session_remove_functions(struct session *s, struct buf *left);
void session_close(struct session *s);

#endif
