/*
 * slowdown.h - a function with a known slowdown, without touching its code.
 *
 * A file is put into a copy of the package: for Python and Node.js a module that waits, imports the
 * real handler, and waits again before each call; for `provided.*` a bootstrap that waits before it
 * starts the real one. It waits with a busy processor, as slow code does: a sleep would let the CPU
 * share recover, and be partly given back.
 *
 * Both sides of a comparison get the file, one of them with waits of 0 ms, so that they differ in
 * nothing else.
 */
#ifndef LPG_BUILD_SLOWDOWN_H
#define LPG_BUILD_SLOWDOWN_H

#include "base/error.h"
#include "build/package.h"
#include "model/plan.h"

struct slowdown {
    double call_ms; /* added to each call */
    double init_ms; /* added to each init */
};

/*
 * Why calls, or the init, of this function cannot be slowed down: a sentence; NULL when they can.
 */
const char *slowdown_calls_obstacle(const struct plan_function *f);
const char *slowdown_init_obstacle(const struct plan_function *f);

/* The handler that the copy is to be deployed with. */
const char *slowdown_handler(const struct plan_function *f);

/* Makes the copy; package_release() either way. ERROR_BUILD when the runtime has none. */
int slowdown_package(struct package *p, const struct package *from, const struct plan_function *f,
                     const struct slowdown *s, struct error *e);

#endif
