/*
 * deployed.h - what a run takes from functions that are deployed already: as the model of the ones
 * that it makes (--like), and as sides of the comparison (function:NAME, --versions-of).
 */
#ifndef LPG_CMD_DEPLOYED_H
#define LPG_CMD_DEPLOYED_H

#include <stdbool.h>

#include "aws/versions.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/opt.h"
#include "build/package.h"
#include "cmd/session.h"
#include "model/plan.h"

/* "function:NAME[:QUALIFIER]" gives "NAME[:QUALIFIER]"; NULL: the side is built. */
const char *deployed_spec(const char *spec);

/*
 * Puts what --like names into the plan: the selected functions become copies with the reference's
 * settings (see aws/reference.h).
 */
int deployed_apply_references(struct session *s, const struct place *place, struct plan *plan,
                              const struct opt_list *selected, struct error *e);

struct deployed_request {
    struct session *session;
    const struct session_options *options;
    const struct plan_function *function;
    const char *names[SIDE_COUNT]; /* of deployed_spec() */
    const struct package *packages;
    struct arena *arena;
};

/* The sides of one function as they are called. */
struct deployed_sides {
    struct attached attached[SIDE_COUNT]; /* all zero: a function of our own, made later */
    char *staged;                         /* name of the candidate's version */
    struct plan_function function;        /* the plan's, as the deployed functions are configured */
    char sha256[SIDE_COUNT][SHA256_HEX];  /* of an attached side's code */
    uint64_t bytes[SIDE_COUNT];
};

/*
 * Looks up the sides that are deployed, publishes the candidate with --versions-of, and fits the
 * plan to them. ERROR_USAGE or ERROR_API, before anything is touched where that is possible, for
 * what cannot be compared. deployed_close() in any case.
 */
int deployed_open(struct deployed_sides *d, const struct deployed_request *r, struct error *e);
void deployed_close(struct deployed_sides *d);
/* What to call for a side; NULL: it is to be made. */
const char *deployed_name(const struct deployed_sides *d, enum side side);

#endif
