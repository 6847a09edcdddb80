#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "github/event.h"
#include "github/policy.h"

#define HEAD  "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
#define BASE  "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
#define MERGE "6dcb09b5b57875f334f61aebed695e2e4193db5e"
#define ZERO  "0000000000000000000000000000000000000000"

/* What the runner sets; a row of NULL ends it. */
static const char *const (*environment)[2];

static char *get(const char *name)
{
    static char value[200];
    for (size_t i = 0; environment[i][0]; i++) {
        if (strcmp(environment[i][0], name) != 0)
            continue;
        size_t length = strlen(environment[i][1]);
        assert_true(length < sizeof value);
        memcpy(value, environment[i][1], length + 1);
        return value;
    }
    return NULL;
}

static struct event *read_named(const char *event_name, const char *payload, struct error *e)
{
    const char *const variables[][2] = {
        {"GITHUB_EVENT_NAME", event_name},
        {"GITHUB_REPOSITORY", "acme/shop"},
        {"GITHUB_SHA", MERGE},
        {"GITHUB_RUN_ID", "9876543210"},
        {"GITHUB_RUN_ATTEMPT", "2"},
        {NULL, NULL},
    };
    environment = variables;
    return event_read(payload, strlen(payload), get, e);
}

static struct event *read_good(const char *event_name, const char *payload)
{
    struct error e = {0};
    struct event *event = read_named(event_name, payload, &e);
    if (!event)
        fail_msg("%s", e.text);
    return event;
}

static void refused(const char *event_name, const char *payload, const char *wanted)
{
    struct error e = {0};
    assert_null(read_named(event_name, payload, &e));
    assert_int_equal(e.code, ERROR_INPUT);
    if (!strstr(e.text, wanted))
        fail_msg("'%s' is not in '%s'", wanted, e.text);
}

/* Shaped as GitHub sends it, less what is never looked at. */
#define PULL_REQUEST(head_repo, more)                                                              \
    "{\"action\":\"synchronize\",\"number\":17,\"before\":\"" ZERO "\",\"pull_request\":{"         \
    "\"number\":17,\"state\":\"open\",\"title\":\"::error::x\",\"body\":null,"                     \
    "\"labels\":[{\"id\":1,\"name\":\"bug\"},{\"id\":2,\"name\":\"perf-override\"}],"              \
    "\"head\":{\"label\":\"acme:changes\",\"ref\":\"changes\",\"sha\":\"" HEAD                     \
    "\",\"repo\":" head_repo "},\"base\":{\"ref\":\"main\",\"sha\":\"" BASE                        \
    "\",\"repo\":{\"full_name\":"                                                                  \
    "\"acme/shop\"}}" more "},\"repository\":{\"full_name\":\"acme/shop\"},\"installation\":{}}"

static void a_pull_request(void **state)
{
    (void)state;
    struct event *event =
        read_good("pull_request", PULL_REQUEST("{\"full_name\":\"acme/shop\"}", ""));
    assert_int_equal(event->kind, EVENT_PULL_REQUEST);
    assert_string_equal(event->action, "synchronize");
    assert_string_equal(event->head_sha, HEAD);
    assert_string_equal(event->base_sha, BASE);
    assert_string_equal(event->sha, MERGE);
    assert_string_equal(event->base_ref, "main");
    assert_string_equal(event->repository, "acme/shop");
    assert_int_equal(event->number, 17);
    assert_int_equal(event->run_id, 9876543210);
    assert_int_equal(event->attempt, 2);
    assert_false(event->fork);
    assert_int_equal(event->label_count, 2);
    assert_string_equal(event->labels[1], "perf-override");
    assert_null(event->label);
    event_free(event);
}

static void a_head_from_elsewhere_is_a_fork(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "{\"full_name\":\"stranger/shop\"}",
        "{\"full_name\":\"acme/shop-fork\"}", /* of the same owner */
        "{\"full_name\":\"ACME/shop/x\"}",
        "{\"full_name\":7}",
        "{}",
        "null", /* the fork was deleted */
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        char *payload = xasprintf("{\"pull_request\":{\"number\":1,\"head\":{\"sha\":\"" HEAD
                                  "\",\"repo\":%s},\"base\":{\"sha\":\"" BASE "\"}}}",
                                  heads[i]);
        struct event *event = read_good("pull_request", payload);
        assert_true(event->fork);
        event_free(event);
        free(payload);
    }
}

static void a_label_is_named(void **state)
{
    (void)state;
    struct event *event = read_good(
        "pull_request", "{\"action\":\"labeled\",\"label\":{\"name\":\"perf-override\"},"
                        "\"pull_request\":{\"number\":3,\"head\":{\"sha\":\"" HEAD
                        "\",\"repo\":{\"full_name\":\"acme/shop\"}},\"base\":{\"sha\":\"" BASE
                        "\"},\"labels\":[]}}");
    assert_string_equal(event->action, "labeled");
    assert_string_equal(event->label, "perf-override");
    assert_int_equal(event->label_count, 0);
    event_free(event);
}

static void pushes(void **state)
{
    (void)state;
    struct event *event = read_good("push", "{\"ref\":\"refs/heads/main\",\"before\":\"" BASE
                                            "\",\"after\":\"" HEAD "\",\"deleted\":false}");
    assert_int_equal(event->kind, EVENT_PUSH);
    assert_string_equal(event->head_sha, HEAD);
    assert_string_equal(event->base_sha, BASE);
    assert_false(event->fork);
    assert_int_equal(event->number, 0);
    event_free(event);

    event = read_good("push", "{\"before\":\"" ZERO "\",\"after\":\"" HEAD "\",\"created\":true}");
    assert_null(event->base_sha); /* a new branch */
    event_free(event);

    event = read_good("push", "{\"before\":\"" BASE "\",\"after\":\"" ZERO "\",\"deleted\":true}");
    assert_true(event->deleted);
    assert_null(event->head_sha);
    event_free(event);
}

static void a_merge_group(void **state)
{
    (void)state;
    struct event *event =
        read_good("merge_group",
                  "{\"action\":\"checks_requested\",\"merge_group\":{\"head_sha\":"
                  "\"" HEAD "\",\"head_ref\":\"refs/heads/gh-readonly-queue/main/"
                  "pr-17-" BASE "\",\"base_sha\":\"" BASE "\",\"base_ref\":\"refs/heads/main\"}}");
    assert_int_equal(event->kind, EVENT_MERGE_GROUP);
    assert_string_equal(event->head_sha, HEAD);
    assert_string_equal(event->base_sha, BASE);
    assert_string_equal(event->base_ref, "main");
    assert_false(event->fork);
    assert_true(policy_judged_by_base(event));
    event_free(event);
}

static void after_another_workflow(void **state)
{
    (void)state;
    struct event *event = read_good(
        "workflow_run", "{\"action\":\"completed\",\"workflow_run\":{\"head_sha\":\"" HEAD
                        "\",\"event\":\"pull_request\",\"pull_requests\":[],\"head_repository\":"
                        "{\"full_name\":\"stranger/shop\"}}}");
    assert_int_equal(event->kind, EVENT_WORKFLOW_RUN);
    assert_true(event->fork);
    assert_int_equal(event->number, 0);
    assert_null(event->base_sha);
    event_free(event);
    event =
        read_good("workflow_run",
                  "{\"workflow_run\":{\"head_sha\":\"" HEAD "\",\"pull_requests\":[{\"number\":4,"
                  "\"base\":{\"ref\":\"main\",\"sha\":\"" BASE "\"}}],\"head_repository\":"
                  "{\"full_name\":\"acme/shop\"}}}");
    assert_false(event->fork);
    assert_int_equal(event->number, 4);
    assert_string_equal(event->base_sha, BASE);
    event_free(event);
}

static void by_hand_and_by_the_clock(void **state)
{
    (void)state;
    struct event *event = read_good("workflow_dispatch", "{\"inputs\":{\"pr\":\"1; rm\"}}");
    assert_int_equal(event->kind, EVENT_WORKFLOW_DISPATCH);
    assert_string_equal(event->head_sha, MERGE);
    assert_false(policy_judged_by_base(event));
    event_free(event);
    event = read_good("schedule", "{\"schedule\":\"0 5 * * *\"}");
    assert_int_equal(event->kind, EVENT_OTHER);
    assert_string_equal(event->name, "schedule");
    event_free(event);
}

static void outside_of_a_workflow(void **state)
{
    (void)state;
    static const char *const nothing[][2] = {{NULL, NULL}};
    environment = nothing;
    struct event *event = event_read("", 0, get, NULL);
    assert_non_null(event);
    assert_int_equal(event->kind, EVENT_OTHER);
    assert_string_equal(event->name, "");
    assert_null(event->repository);
    assert_null(event->head_sha);
    assert_int_equal(event->run_id, 0);
    assert_false(event->fork);
    event_free(event);
}

static void odd_variables_count_as_none(void **state)
{
    (void)state;
    static const char *const odd[][2] = {
        {"GITHUB_EVENT_NAME", "workflow_dispatch"},
        {"GITHUB_REPOSITORY", "acme/shop/../x"},
        {"GITHUB_SHA", "HEAD"},
        {"GITHUB_RUN_ID", "12a"},
        {"GITHUB_RUN_ATTEMPT", "9999999999999999999999"},
        {NULL, NULL},
    };
    environment = odd;
    struct event *event = event_read("{}", 2, get, NULL);
    assert_null(event->repository);
    assert_null(event->sha);
    assert_null(event->head_sha);
    assert_int_equal(event->run_id, 0);
    assert_int_equal(event->attempt, 0);
    event_free(event);
}

static void useless_payloads_are_refused(void **state)
{
    (void)state;
    refused("pull_request", "{\"pull_request\":", "the event's payload");
    refused("pull_request", "{}", "pull_request.head.sha");
    refused("pull_request", "{\"pull_request\":{\"head\":{\"sha\":\"" HEAD "\"}}}",
            "pull_request.base.sha");
    refused("pull_request",
            "{\"pull_request\":{\"head\":{\"sha\":\"--upload-pack=x\"},\"base\":{\"sha\":\"" BASE
            "\"}}}",
            "pull_request.head.sha");
    refused("pull_request", "{\"pull_request\":{\"head\":{\"sha\":[\"" HEAD "\"]}}}", "head.sha");
    refused("push", "{\"after\":\"" ZERO "\"}", "'after'");
    refused("merge_group", "{\"merge_group\":{\"head_sha\":\"" HEAD "\"}}", "base_sha");
    refused("workflow_run", "[]", "workflow_run.head_sha");
}

static void commits(void **state)
{
    (void)state;
    assert_true(event_is_commit(HEAD));
    assert_true(event_is_commit(HEAD "0123456789abcdef01234567"));
    assert_false(event_is_commit(ZERO));
    assert_false(event_is_commit("EC26C3E57CA3A959CA5AAD62DE7213C562F8C821"));
    assert_false(event_is_commit(HEAD "0"));
    assert_false(event_is_commit(HEAD "\n"));
    assert_false(event_is_commit("ec26c3e"));
    assert_false(event_is_commit(""));
    assert_false(event_is_commit(NULL));
}

static void what_is_measured(void **state)
{
    (void)state;
    static const struct {
        enum event_kind kind;
        bool fork, deleted;
        struct policy policy;
        enum policy_decision wanted;
    } rows[] = {
        {EVENT_PULL_REQUEST, false, false, {POLICY_FORK_AUTO, true}, POLICY_MEASURE},
        {EVENT_PULL_REQUEST, false, false, {POLICY_FORK_FAIL, false}, POLICY_MEASURE},
        {EVENT_PULL_REQUEST, true, false, {POLICY_FORK_AUTO, false}, POLICY_MEASURE},
        {EVENT_PULL_REQUEST, true, false, {POLICY_FORK_AUTO, true}, POLICY_SKIP},
        {EVENT_PULL_REQUEST, true, false, {POLICY_FORK_SKIP, false}, POLICY_SKIP},
        {EVENT_PULL_REQUEST, true, false, {POLICY_FORK_FAIL, false}, POLICY_REFUSE},
        {EVENT_PULL_REQUEST, true, false, {POLICY_FORK_MEASURE, true}, POLICY_MEASURE},
        {EVENT_PULL_REQUEST_TARGET, false, false, {POLICY_FORK_AUTO, false}, POLICY_MEASURE},
        {EVENT_PULL_REQUEST_TARGET, true, false, {POLICY_FORK_AUTO, false}, POLICY_REFUSE},
        {EVENT_PULL_REQUEST_TARGET, true, false, {POLICY_FORK_MEASURE, false}, POLICY_REFUSE},
        {EVENT_PULL_REQUEST_TARGET, true, false, {POLICY_FORK_SKIP, false}, POLICY_REFUSE},
        {EVENT_WORKFLOW_RUN, true, false, {POLICY_FORK_MEASURE, false}, POLICY_REFUSE},
        {EVENT_WORKFLOW_RUN, false, false, {POLICY_FORK_AUTO, true}, POLICY_MEASURE},
        {EVENT_PUSH, false, true, {POLICY_FORK_AUTO, false}, POLICY_SKIP},
        {EVENT_OTHER, false, false, {POLICY_FORK_AUTO, false}, POLICY_MEASURE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event event = {
            .kind = rows[i].kind, .fork = rows[i].fork, .deleted = rows[i].deleted};
        const char *reason = NULL;
        assert_int_equal(policy_decide(&rows[i].policy, &event, &reason), rows[i].wanted);
        assert_int_equal(*reason == '\0', rows[i].wanted == POLICY_MEASURE);
    }
}

static void whose_limits_hold(void **state)
{
    (void)state;
    for (int kind = EVENT_OTHER; kind <= EVENT_WORKFLOW_RUN; kind++) {
        struct event event = {.kind = (enum event_kind)kind};
        bool proposal = kind == EVENT_PULL_REQUEST || kind == EVENT_PULL_REQUEST_TARGET ||
                        kind == EVENT_MERGE_GROUP;
        assert_int_equal(policy_judged_by_base(&event), proposal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pull_request),
        cmocka_unit_test(a_head_from_elsewhere_is_a_fork),
        cmocka_unit_test(a_label_is_named),
        cmocka_unit_test(pushes),
        cmocka_unit_test(a_merge_group),
        cmocka_unit_test(after_another_workflow),
        cmocka_unit_test(by_hand_and_by_the_clock),
        cmocka_unit_test(outside_of_a_workflow),
        cmocka_unit_test(odd_variables_count_as_none),
        cmocka_unit_test(useless_payloads_are_refused),
        cmocka_unit_test(commits),
        cmocka_unit_test(what_is_measured),
        cmocka_unit_test(whose_limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
