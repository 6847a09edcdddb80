#include "cmd/ci_commits.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd/command.h"
#include "github/glob.h"
#include "github/policy.h"
#include "os/clock.h"
#include "os/proc.h"

enum { OUTPUT_MAX = 16 << 20, DIFF_MAX = 32 << 10, ARGUMENTS_MAX = 16, FETCH_SECONDS = 300 };

/* Runs git in the folder; its output is appended to `out`. */
static int git_into(const char *folder, const char *const *arguments, struct buf *out,
                    struct error *e)
{
    const char *argv[ARGUMENTS_MAX + 1] = {"git", "-C", folder};
    size_t count = 3;
    while (*arguments && count < ARGUMENTS_MAX)
        argv[count++] = *arguments++;
    struct buf err;
    buf_init_capped(&err, DIFF_MAX);
    struct proc_spec spec = {.argv = argv,
                             .timeout_ns = FETCH_SECONDS * NS_PER_S,
                             .stop = &command_signal,
                             .out = out,
                             .err = &err};
    int failed = proc_check(&spec, e);
    if (failed && e && e->code != ERROR_INTERRUPTED)
        e->code = ERROR_BUILD;
    buf_release(&err);
    return failed;
}

/* The first line of what git says; NULL on failure. The caller frees. */
static char *git_line(const char *folder, const char *const *arguments, struct error *e)
{
    struct buf out;
    buf_init_capped(&out, OUTPUT_MAX);
    int failed = git_into(folder, arguments, &out, e);
    buf_truncate(&out, strcspn(out.data, "\n"));
    char *line = failed ? NULL : buf_detach(&out);
    buf_release(&out);
    return line;
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool git_says_yes(const char *folder, const char *const *arguments)
{
    char *line = git_line(folder, arguments, NULL);
    free(line);
    return line != NULL;
}

static bool is_shallow(const char *folder)
{
    char *answer = git_line(folder, ARGUMENTS("rev-parse", "--is-shallow-repository"), NULL);
    bool shallow = answer && !strcmp(answer, "true");
    free(answer);
    return shallow;
}

static bool has_commit(const char *folder, const char *commit)
{
    char *object = xasprintf("%s^{commit}", commit);
    bool there = git_says_yes(folder, ARGUMENTS("cat-file", "-e", object));
    free(object);
    return there;
}

/* GitHub hands out any commit by its id. A whole clone must not become a shallow one by that. */
static int need_commit(const char *folder, const char *commit, struct error *e)
{
    if (has_commit(folder, commit))
        return 0;
    const char *const whole[] = {"fetch",  "--quiet", "--no-tags", "--no-recurse-submodules",
                                 "origin", commit,    NULL};
    const char *const shallow[] = {"fetch",     "--quiet", "--no-tags", "--no-recurse-submodules",
                                   "--depth=1", "origin",  commit,      NULL};
    struct buf out;
    buf_init_capped(&out, OUTPUT_MAX);
    int failed = git_into(folder, is_shallow(folder) ? shallow : whole, &out, e);
    buf_release(&out);
    if (failed)
        return error_prefix(e,
                            "commit %.12s is not in this clone and could not be fetched (use "
                            "fetch-depth: 0)",
                            commit);
    return 0;
}

/*
 * The two parents of a merge. Not by "HEAD^1": in a shallow clone git hides the parents, but the
 * commit still names them.
 */
static void read_parents(const char *folder, const char *commit, char *parents[2])
{
    struct buf text;
    buf_init_capped(&text, OUTPUT_MAX);
    size_t count = 0;
    if (!git_into(folder, ARGUMENTS("cat-file", "commit", commit), &text, NULL)) {
        for (const char *line = text.data; *line && *line != '\n';) {
            size_t length = strcspn(line, "\n");
            if (text_starts(line, "parent ") && count++ < 2)
                parents[count - 1] = xstrndup(line + 7, length - 7);
            line += length + (line[length] == '\n');
        }
    }
    buf_release(&text);
    if (count == 2)
        return;
    free(parents[0]);
    free(parents[1]);
    parents[0] = parents[1] = NULL;
}

/* The head itself is checked out: it is compared with where it left its base. */
static int find_branch_point(struct ci_commits *c, const struct event *event, const char *folder,
                             struct error *e)
{
    if (need_commit(folder, event->base_sha, e))
        return -1;
    c->baseline = git_line(folder, ARGUMENTS("merge-base", event->base_sha, c->head), NULL);
    if (!c->baseline)
        return error_set(e, ERROR_BUILD,
                         "the head and its base have no merge base in this clone: let "
                         "actions/checkout fetch the history (fetch-depth: 0), or check out the "
                         "merge commit, which is its default");
    c->limits = xstrdup(event->base_sha);
    return 0;
}

static int find_for_pull(struct ci_commits *c, const struct event *event, const char *folder,
                         struct error *e)
{
    char *parents[2] = {NULL, NULL};
    if (!strcmp(c->head, event->head_sha))
        return find_branch_point(c, event, folder, e);
    read_parents(folder, c->head, parents);
    /* the merge that GitHub made, not one that was pushed since */
    bool theirs = event->sha && !strcmp(c->head, event->sha);
    if (!theirs || !parents[1] || strcmp(parents[1], event->head_sha) != 0)
        error_set(e, ERROR_BUILD,
                  "commit %.12s is checked out, which is neither the head of the pull request "
                  "(%.12s) nor its merge into the base: use actions/checkout without 'ref'",
                  c->head, event->head_sha);
    else if (!need_commit(folder, parents[0], e)) {
        c->baseline = parents[0];
        c->limits = xstrdup(parents[0]);
        parents[0] = NULL;
    }
    free(parents[0]);
    free(parents[1]);
    return c->baseline ? 0 : -1;
}

static int find_between(struct ci_commits *c, const struct event *event, const char *folder,
                        struct error *e)
{
    if (event->head_sha && strcmp(c->head, event->head_sha) != 0)
        return error_set(e, ERROR_BUILD,
                         "commit %.12s is checked out, but the event is about %.12s: use "
                         "actions/checkout without 'ref'",
                         c->head, event->head_sha);
    if (!event->base_sha || event->kind == EVENT_WORKFLOW_RUN)
        return 0;
    if (need_commit(folder, event->base_sha, e))
        return -1;
    c->baseline = xstrdup(event->base_sha);
    if (policy_judged_by_base(event))
        c->limits = xstrdup(event->base_sha);
    return 0;
}

int ci_commits_find(struct ci_commits *c, const struct event *event, const char *folder,
                    struct error *e)
{
    *c = (struct ci_commits){0};
    c->head = git_line(folder, ARGUMENTS("rev-parse", "--verify", "HEAD"), e);
    if (!c->head)
        return error_prefix(e, "no commit is checked out here (actions/checkout must come before)");
    bool pull = event->kind == EVENT_PULL_REQUEST || event->kind == EVENT_PULL_REQUEST_TARGET;
    int failed = pull ? find_for_pull(c, event, folder, e) : find_between(c, event, folder, e);
    if (failed)
        ci_commits_release(c);
    return failed;
}

void ci_commits_release(struct ci_commits *c)
{
    free(c->head);
    free(c->baseline);
    free(c->limits);
    *c = (struct ci_commits){0};
}

bool ci_commits_has(const char *folder, const char *commit, const char *file)
{
    char *object = xasprintf("%s:./%s", commit, file);
    bool there = git_says_yes(folder, ARGUMENTS("cat-file", "-e", object));
    free(object);
    return there;
}

bool ci_commits_touch(const struct ci_commits *c, const char *folder, const char *lines)
{
    if (!*lines || !c->baseline)
        return true;
    struct buf names;
    buf_init_capped(&names, OUTPUT_MAX);
    bool touched =
        git_into(folder,
                 ARGUMENTS("diff", "--name-only", "--no-renames", "-z", c->baseline, c->head),
                 &names, NULL) != 0 ||
        names.overflow;
    for (size_t at = 0; at < names.length && !touched; at += strlen(names.data + at) + 1)
        touched = glob_selects(lines, names.data + at);
    buf_release(&names);
    return touched;
}

void ci_commits_diff(const struct ci_commits *c, const char *folder, const char *file,
                     struct buf *out)
{
    struct buf diff;
    buf_init_capped(&diff, DIFF_MAX);
    if (c->baseline && !git_into(folder,
                                 ARGUMENTS("diff", "--no-color", "--no-ext-diff", "--no-textconv",
                                           c->baseline, c->head, "--", file),
                                 &diff, NULL))
        buf_add(out, diff.data, diff.length);
    buf_release(&diff);
}
