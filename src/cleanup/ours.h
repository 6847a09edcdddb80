/*
 * ours.h - may this function be deleted? Pure: a name, its tags and the time in, an answer out.
 *
 * A function is ours when its name and its tags both say so and agree on the run. Whatever leaves a
 * doubt means that it is kept and reported: a leaked function costs nothing while it rests, a
 * deleted stranger may cost somebody's day.
 */
#ifndef LPG_CLEANUP_OURS_H
#define LPG_CLEANUP_OURS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/temporary.h"

enum ours {
    OURS_NOT,      /* the name is not of the kind that the gate gives */
    OURS_DOUBTFUL, /* the name is, but the tags are missing or do not agree: keep and report */
    OURS_LIVE,     /* ours, and too young, or not past the time that its run gave it */
    OURS_EXPIRED,  /* ours, and nobody needs it any more */
};

struct ours_rule {
    uint64_t now_ns; /* wall clock */
    uint64_t older_than_ns;
};

/*
 * `tags` is NULL when there are none, or not all three, or they could not be read. *why gets a
 * constant that says why not, for all but OURS_EXPIRED.
 */
enum ours ours_judge(const char *name, const struct temporary_tags *tags,
                     const struct ours_rule *rule, const char **why);
/*
 * Whether the function was made by this very run, however young it is: for what a journal names.
 * *why as above.
 */
bool ours_made_by(const char *name, const struct temporary_tags *tags, const char *run,
                  const char **why);

#endif
