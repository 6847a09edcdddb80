/* comment: posts a result.json to its pull request. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/output.h"
#include "cmd/publish.h"

struct args {
    const char *result, *repository, *sha, *key, *author, *when;
    uint64_t pull, wait_seconds;
    bool status;
};

static const struct opt options[] = {
    {"result", 0, "FILE", OPT_STRING, offsetof(struct args, result),
     "the result to post (default: " OUTPUT_RESULT ")"},
    {"pr", 0, "N", OPT_COUNT, offsetof(struct args, pull),
     "the pull request's number (default: that of GITHUB_REF, else the one whose head is the "
     "commit)"},
    {"repository", 0, "O/R", OPT_STRING, offsetof(struct args, repository),
     "owner/name (default: GITHUB_REPOSITORY)"},
    {"sha", 0, "SHA", OPT_STRING, offsetof(struct args, sha),
     "the commit that was measured (default: the result's candidate)"},
    {"key", 0, "KEY", OPT_STRING, offsetof(struct args, key),
     "tells the comments of several gates apart (default: workflow, job and function)"},
    {"comment-author", 0, "LOGIN", OPT_STRING, offsetof(struct args, author),
     "whose comments are ours (default: the token's owner, or " COMMENT_ACTIONS_BOT ")"},
    {"when", 0, "WHEN", OPT_STRING, offsetof(struct args, when),
     "always, or on-failure: a pass makes no comment but updates one that is there"},
    {"status", 0, NULL, OPT_FLAG, offsetof(struct args, status),
     "also set the commit's status, which needs 'statuses: write'"},
    {"max-wait", 0, "SECONDS", OPT_COUNT, offsetof(struct args, wait_seconds),
     "how long to wait for GitHub's rate limits (default: 120)"},
};

static const struct command_usage usage = {
    "lambda-perf-gate comment [options]",
    "Posts a result.json to its pull request, as one comment that each run brings up to date,\n"
    "and prints the comment's address. The token is read from GITHUB_TOKEN; it needs\n"
    "'pull-requests: write'. The exit code is 0 whatever the verdict, 4 when it was not posted.",
    options,
    sizeof options / sizeof options[0],
};

enum { WAIT_SECONDS_MAX = 24 * 3600 };

static int check(const struct args *args, struct error *e)
{
    if (strcmp(args->when, "always") != 0 && strcmp(args->when, "on-failure") != 0)
        return error_set(e, ERROR_USAGE, "--when is always or on-failure, not '%.100s'",
                         args->when);
    if (args->wait_seconds > WAIT_SECONDS_MAX)
        return error_set(e, ERROR_USAGE, "--max-wait is at most %d", WAIT_SECONDS_MAX);
    return 0;
}

static int post(const struct args *args, const struct result *r, struct error *e)
{
    struct comment_posted posted;
    struct publish p = {
        .repository = args->repository,
        .pull = args->pull,
        .sha = args->sha,
        .key = args->key,
        .author = args->author,
        .only_failures = strcmp(args->when, "on-failure") == 0,
        .status = args->status,
        .wait_seconds = (unsigned)args->wait_seconds,
        .log = command_log(LOG_INFO),
    };
    if (publish_comment(&p, r, &posted, e))
        return -1;
    fprintf(stderr, "%s\n", publish_words(posted.end));
    if (!*posted.url)
        return 0;
    struct buf line;
    buf_init(&line);
    buf_addf(&line, "%s\n", posted.url);
    int failed = command_print(line.data, line.length, e);
    buf_release(&line);
    return failed;
}

int command_comment(int argc, char **argv)
{
    struct args args = {
        .result = OUTPUT_RESULT, .when = "always", .wait_seconds = REST_WAIT_SECONDS};
    struct error e = {0};
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code >= 0)
        return code;
    command_catch_signals();
    struct result *r = check(&args, &e) ? NULL : output_read(args.result, &e);
    int failed = r ? post(&args, r, &e) : -1;
    result_free(r);
    return failed ? command_fail(&e) : EXIT_PASS;
}
