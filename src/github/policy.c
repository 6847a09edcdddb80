#include "github/policy.h"

static const char no_head[] = "the branch was deleted: there is nothing to measure";
static const char fork_skipped[] =
    "the pull request comes from a fork, which gets no AWS credentials: it was not measured";
static const char fork_failed[] =
    "the pull request comes from a fork, and the workflow says on-fork: fail";
static const char untrusted[] =
    "this event runs with the repository's secrets, and the head comes from a fork: its code is "
    "not run here. Measure forks in a workflow on pull_request, which has no secrets";

static enum policy_decision decide_fork(const struct policy *policy, const char **reason)
{
    switch (policy->on_fork) {
    case POLICY_FORK_FAIL:
        *reason = fork_failed;
        return POLICY_REFUSE;
    case POLICY_FORK_SKIP:
        *reason = "the pull request comes from a fork, and the workflow says on-fork: skip";
        return POLICY_SKIP;
    case POLICY_FORK_MEASURE:
        return POLICY_MEASURE;
    case POLICY_FORK_AUTO:
        break;
    }
    if (!policy->elsewhere)
        return POLICY_MEASURE;
    *reason = fork_skipped;
    return POLICY_SKIP;
}

enum policy_decision policy_decide(const struct policy *policy, const struct event *event,
                                   const char **reason)
{
    *reason = "";
    if (event->deleted) {
        *reason = no_head;
        return POLICY_SKIP;
    }
    if (!event->fork)
        return POLICY_MEASURE;
    if (event->kind != EVENT_PULL_REQUEST) {
        *reason = untrusted;
        return POLICY_REFUSE;
    }
    return decide_fork(policy, reason);
}

bool policy_judged_by_base(const struct event *event)
{
    return event->kind == EVENT_PULL_REQUEST || event->kind == EVENT_PULL_REQUEST_TARGET ||
           event->kind == EVENT_MERGE_GROUP;
}
