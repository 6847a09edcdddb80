/*
 * ci_commits.h - which commits a workflow's event is about, as the clone that the workflow checked
 * out has them.
 *
 * The head is what is checked out. For a pull request that is the merge of its head into its base,
 * which GitHub makes and actions/checkout fetches, or the head itself; anything else is refused, so
 * that no verdict is given on other code than the event's. A commit that a shallow clone lacks is
 * fetched.
 */
#ifndef LPG_CMD_CI_COMMITS_H
#define LPG_CMD_CI_COMMITS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "github/event.h"

struct ci_commits {
    char *head;
    char *baseline; /* what the head is compared with; NULL: what `run` does without a word */
    char *limits;   /* whose perf.yml holds; NULL: the head's own */
};

/* `folder` is one of the clone. */
int ci_commits_find(struct ci_commits *c, const struct event *event, const char *folder,
                    struct error *e);
void ci_commits_release(struct ci_commits *c);

/* Whether the commit has the file, which lies in the folder. */
bool ci_commits_has(const char *folder, const char *commit, const char *file);

/*
 * Whether the files between baseline and head include one that the patterns select (see
 * github/glob.h). True also where that cannot be told. `lines` "" selects all.
 */
bool ci_commits_touch(const struct ci_commits *c, const char *folder, const char *lines);

/* Appends what the head changes in the file since the baseline, as a diff; nothing when equal. */
void ci_commits_diff(const struct ci_commits *c, const char *folder, const char *file,
                     struct buf *out);

#endif
