/*
 * Whatever stands in an event's payload: what is read of it are commits, names and numbers as they
 * must be, an unknown head is a fork's, and the decision has a reason.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "github/event.h"
#include "github/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *event_name;

static void require(int holds)
{
    if (!holds)
        abort();
}

static char *get(const char *name)
{
    static char value[64];
    const char *text = !strcmp(name, "GITHUB_EVENT_NAME")   ? event_name
                       : !strcmp(name, "GITHUB_REPOSITORY") ? "octo/shop"
                                                            : NULL;
    if (!text)
        return NULL;
    memcpy(value, text, strlen(text) + 1);
    return value;
}

static void check(const struct event *event)
{
    require(!event->head_sha || event_is_commit(event->head_sha));
    require(!event->base_sha || event_is_commit(event->base_sha));
    require(!event->head_repository ||
            strspn(event->head_repository, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789-_./") == strlen(event->head_repository));
    bool pull = event->kind == EVENT_PULL_REQUEST || event->kind == EVENT_PULL_REQUEST_TARGET;
    require(!pull || (event->head_sha && event->base_sha));
    require(!pull || event->fork ==
                         (!event->head_repository || strcmp(event->head_repository, "octo/shop")));
    for (int on_fork = POLICY_FORK_AUTO; on_fork <= POLICY_FORK_FAIL; on_fork++) {
        struct policy policy = {(enum policy_fork)on_fork, on_fork % 2};
        const char *reason = NULL;
        enum policy_decision decision = policy_decide(&policy, event, &reason);
        require((decision == POLICY_MEASURE) == !*reason);
        require(!event->fork || event->kind == EVENT_PULL_REQUEST || decision == POLICY_REFUSE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"pull_request", "pull_request_target", "push",
                                        "merge_group",  "workflow_dispatch",   "workflow_run",
                                        "schedule"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct error e = {0};
        event_name = names[i];
        struct event *event = event_read((const char *)data, size, get, &e);
        require(event || e.code == ERROR_INPUT);
        if (event)
            check(event);
        event_free(event);
    }
    return 0;
}
