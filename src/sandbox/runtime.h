/*
 * runtime.h - how the program of each runtime is started.
 *
 *   provided.*   ./bootstrap of the package
 *   python3.*    awslambdaric where the interpreter or the package has it, else the built-in loop
 *   nodejs*      aws-lambda-ric likewise
 *   java*        the official client only, see java.h
 *   ruby*        the official client only
 *
 * Interpreters are looked for in the emulator's own PATH, the exact version first ("python3.12"),
 * once each; the label says which one really runs. The loops in runtimes/ are part of the
 * executable and are written out when first needed.
 */
#ifndef LPG_SANDBOX_RUNTIME_H
#define LPG_SANDBOX_RUNTIME_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "sandbox/function.h"

struct runtimes;

enum { RUNTIME_ARGS_MAX = 24 };

struct runtime_launch {
    char *program; /* absolute path */
    char *argv[RUNTIME_ARGS_MAX];
    char *label;               /* "built-in Python loop on CPython 3.11.2" */
    char *library_path;        /* where the interpreter keeps libraries of its own; NULL */
    char *outside;             /* what it reads beside the package and the program; NULL */
    const char *execution_env; /* prefix of AWS_EXECUTION_ENV; NULL for provided.* */
    /* set when the function cannot be started at all: Lambda's name for that, and its words */
    char *error_type;
    char *error_message;
};

/* `directory` is where the loops are written; it is made. */
struct runtimes *runtimes_new(const char *directory);
void runtimes_free(struct runtimes *r);
const char *runtimes_directory(const struct runtimes *r);

/*
 * Fills `launch`, which the caller releases. -1 (ERROR_CONFIG) when this machine cannot run the
 * runtime. A package without a usable bootstrap is no error here but fails at each start, as on
 * Lambda: see error_type.
 */
int runtime_resolve(struct runtimes *r, const struct function *f, struct runtime_launch *launch,
                    struct error *e);
void runtime_launch_release(struct runtime_launch *launch);

/* For those who fill a launch: copies the arguments, argv[0] first. */
void runtime_launch_arguments(struct runtime_launch *launch, const char *const *argv, size_t count);

#endif
