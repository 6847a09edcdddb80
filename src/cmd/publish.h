/*
 * publish.h - a result on GitHub: the report as the comment of its pull request, the verdict as the
 * status of its commit.
 *
 * What is read from the environment of a workflow's step is read here, once, for every command that
 * publishes: GITHUB_TOKEN, GITHUB_API_URL, GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_WORKFLOW,
 * GITHUB_JOB, GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT and GITHUB_REF. The token comes from nowhere else.
 */
#ifndef LPG_CMD_PUBLISH_H
#define LPG_CMD_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "github/comment.h"
#include "model/result.h"

/* NULL and 0 for what is to be found in the environment or in the result. */
struct publish {
    const char *repository;
    uint64_t pull;
    const char *sha; /* of the candidate */
    const char *key; /* as a person writes it */
    const char *author;
    bool only_failures; /* a pass makes no comment, but brings one that is there up to date */
    bool status;        /* also set the commit's status */
    unsigned wait_seconds;
    struct log *log;
};

/*
 * Posts the comment, and sets the status even if there could be no comment. On failure the error
 * says what to do; no verdict depends on it. ERROR_USAGE when the token, the repository or the pull
 * request is not known.
 */
int publish_comment(const struct publish *p, const struct result *r, struct comment_posted *posted,
                    struct error *e);

/* "comment created", "comment unchanged": for the user. */
const char *publish_words(enum comment_end end);

#endif
