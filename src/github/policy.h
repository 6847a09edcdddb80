/*
 * policy.h - whether a workflow's event is measured at all: a pure function of the event and of what
 * the workflow asks for.
 *
 * The rule behind it: whoever reports success on a commit must have measured it, because a later
 * success takes the place of an earlier failure in a required check. So a label that somebody sets,
 * or a pull request that is edited, is measured like a push. What is not measured is what has no
 * head, what must not be run, and a fork's code where the workflow's secrets are needed for it.
 */
#ifndef LPG_GITHUB_POLICY_H
#define LPG_GITHUB_POLICY_H

#include <stdbool.h>

#include "github/event.h"

enum policy_fork {
    POLICY_FORK_AUTO = 0, /* measured in the embedded Lambda, skipped at AWS */
    POLICY_FORK_MEASURE,
    POLICY_FORK_SKIP,
    POLICY_FORK_FAIL,
};

enum policy_decision {
    POLICY_REFUSE = 0, /* the step fails */
    POLICY_MEASURE,
    POLICY_SKIP, /* the step succeeds, with a notice */
};

struct policy {
    enum policy_fork on_fork;
    bool elsewhere; /* measured at an endpoint, for which keys are needed */
};

/* `reason` is one sentence, for whatever is not measured; "" otherwise. */
enum policy_decision policy_decide(const struct policy *policy, const struct event *event,
                                   const char **reason);

/*
 * Whether limits and payloads must come from the base commit: where the head is a proposal that has
 * not been accepted yet.
 */
bool policy_judged_by_base(const struct event *event);

#endif
