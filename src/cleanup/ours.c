#include "cleanup/ours.h"

#include <string.h>

#include "os/clock.h"

/* Signatures hold only between clocks that agree to a few minutes. */
#define CLOCKS_DIFFER_NS (15 * 60 * NS_PER_S)

static const char not_our_name[] = "its name is not one that lambda-perf-gate gives";
static const char no_tags[] = "its tags do not say that lambda-perf-gate made it";
static const char other_run[] = "its name and its tags name different runs";
static const char odd_times[] = "its tags give impossible times";
static const char too_young[] = "it is younger than asked for";
static const char not_expired[] = "the time that its run gave it is not over";

static enum ours refuse(enum ours answer, const char *reason, const char **why)
{
    *why = reason;
    return answer;
}

enum ours ours_judge(const char *name, const struct temporary_tags *tags,
                     const struct ours_rule *rule, const char **why)
{
    char run[TEMPORARY_RUN_BYTES];
    if (!temporary_name_run(name, run))
        return refuse(OURS_NOT, not_our_name, why);
    if (!tags)
        return refuse(OURS_DOUBTFUL, no_tags, why);
    if (strcmp(run, tags->run) != 0)
        return refuse(OURS_DOUBTFUL, other_run, why);
    if (tags->expires_ns < tags->created_ns || tags->created_ns > rule->now_ns + CLOCKS_DIFFER_NS)
        return refuse(OURS_DOUBTFUL, odd_times, why);
    if (tags->created_ns > rule->now_ns || rule->now_ns - tags->created_ns < rule->older_than_ns)
        return refuse(OURS_LIVE, too_young, why);
    if (rule->now_ns < tags->expires_ns)
        return refuse(OURS_LIVE, not_expired, why);
    return OURS_EXPIRED;
}

bool ours_made_by(const char *name, const struct temporary_tags *tags, const char *run,
                  const char **why)
{
    char its[TEMPORARY_RUN_BYTES];
    *why = not_our_name;
    if (!temporary_name_run(name, its))
        return false;
    *why = no_tags;
    if (!tags)
        return false;
    *why = other_run;
    return !strcmp(its, run) && !strcmp(its, tags->run);
}
