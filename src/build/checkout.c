#include "build/checkout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/fs.h"
#include "os/proc.h"

enum { GIT_OUTPUT_MAX = 64 * 1024, SHORT_SHA = 7 };

/* Where the default branch may be found when the remote does not say. */
static const char *const default_branches[] = {"origin/main", "origin/master", "main", "master"};

/*
 * Runs git in a folder and gives its output without the last newline; NULL on failure. The caller
 * frees.
 */
static char *git(const struct checkout_request *request, const char *const *arguments,
                 struct error *e)
{
    const char *argv[16] = {"git", "-C", request->plan_directory};
    size_t count = 3;
    while (*arguments && count < ARRAY_LEN(argv) - 1)
        argv[count++] = *arguments++;
    struct buf out;
    buf_init_capped(&out, GIT_OUTPUT_MAX);
    struct buf err;
    buf_init_capped(&err, GIT_OUTPUT_MAX);
    struct proc_spec spec = {.argv = argv, .stop = request->stop, .out = &out, .err = &err};
    int failed = proc_check(&spec, e);
    if (failed && e && e->code != ERROR_INTERRUPTED)
        e->code = ERROR_BUILD;
    while (out.length && isspace((unsigned char)out.data[out.length - 1]))
        buf_truncate(&out, out.length - 1);
    buf_release(&err);
    char *text = failed ? NULL : buf_detach(&out);
    buf_release(&out);
    return text;
}

#define GIT(request, e, ...) git(request, (const char *const[]){__VA_ARGS__, NULL}, e)

static char *resolve_commit(const struct checkout_request *request, const char *ref,
                            struct error *e)
{
    char *wanted = xasprintf("%s^{commit}", ref);
    char *sha = GIT(request, e, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted);
    free(wanted);
    return sha;
}

/*
 * The ref of the default branch: what the remote calls HEAD, else the first usual name that exists.
 */
static char *default_branch(const struct checkout_request *request)
{
    char *named = GIT(request, NULL, "rev-parse", "--abbrev-ref", "origin/HEAD");
    if (named && text_starts(named, "origin/") && strcmp(named, "origin/HEAD") != 0)
        return named;
    free(named);
    for (size_t i = 0; i < ARRAY_LEN(default_branches); i++) {
        char *sha = resolve_commit(request, default_branches[i], NULL);
        free(sha);
        if (sha)
            return xstrdup(default_branches[i]);
    }
    return NULL;
}

static char *default_baseline(const struct checkout_request *request, struct error *e)
{
    char *inside = GIT(request, NULL, "rev-parse", "--show-toplevel");
    if (!inside) {
        error_set(e, ERROR_BUILD,
                  "'%s' is in no git repository: name what to compare with --baseline DIRECTORY",
                  request->plan_directory);
        return NULL;
    }
    free(inside);
    char *branch = default_branch(request);
    if (!branch) {
        error_set(e, ERROR_BUILD,
                  "no default branch found (origin/HEAD, origin/main, main, ...): use --baseline "
                  "git:REF");
        return NULL;
    }
    char *sha = GIT(request, NULL, "merge-base", "HEAD", branch);
    if (!sha)
        error_set(e, ERROR_BUILD,
                  "HEAD and '%s' have no merge base here: fetch the history (fetch-depth: 0) or "
                  "use --baseline git:REF",
                  branch);
    free(branch);
    return sha;
}

/* Makes a worktree of the commit below the temporary folder. */
static int add_worktree(struct checkout *c, const struct checkout_request *request, struct error *e)
{
    char *top = GIT(request, e, "rev-parse", "--show-toplevel");
    char *prefix = GIT(request, e, "rev-parse", "--show-prefix");
    char *tree = xasprintf("%s/%s", request->temp_directory, side_name(request->side));
    char *made = top && prefix
                     ? GIT(request, e, "worktree", "add", "--detach", "--force", tree, c->sha)
                     : NULL;
    if (made) {
        c->worktree = tree;
        c->repository = top;
        c->root = fs_join(tree, prefix);
    } else {
        free(tree);
        free(top);
    }
    free(prefix);
    free(made);
    return made ? 0 : error_prefix(e, "%s", side_name(request->side));
}

static int open_commit(struct checkout *c, const struct checkout_request *request, char *sha,
                       struct error *e)
{
    if (!sha)
        return -1;
    c->sha = sha;
    c->label = xasprintf("git:%.*s", SHORT_SHA, sha);
    return add_worktree(c, request, e);
}

static int open_ref(struct checkout *c, const struct checkout_request *request, const char *ref,
                    struct error *e)
{
    char *sha = resolve_commit(request, ref, NULL);
    if (!sha)
        return error_set(e, ERROR_BUILD, "%s: git knows no commit '%s' in '%s'",
                         side_name(request->side), ref, request->plan_directory);
    return open_commit(c, request, sha, e);
}

static int open_worktree(struct checkout *c, const struct checkout_request *request)
{
    c->label = xstrdup("worktree");
    c->root = xstrdup(request->plan_directory);
    return 0;
}

static int open_path(struct checkout *c, const struct checkout_request *request, struct error *e)
{
    const char *path = request->spec;
    if (fs_is_dir(path)) {
        c->root = xstrdup(path);
        c->label = xstrdup(path);
        return 0;
    }
    if (text_ends(path, ".zip") && fs_is_file(path)) {
        c->zip = xstrdup(path);
        c->label = xstrdup(path);
        return 0;
    }
    return error_set(e, ERROR_BUILD,
                     "%s: '%s' is neither git:REF, a folder nor a .zip file that exists",
                     side_name(request->side), path);
}

int checkout_open(struct checkout *c, const struct checkout_request *request, struct error *e)
{
    *c = (struct checkout){0};
    int failed;
    if (!request->spec && request->side == SIDE_BASELINE)
        failed = open_commit(c, request, default_baseline(request, e), e);
    else if (!request->spec || !strcmp(request->spec, "worktree"))
        failed = open_worktree(c, request);
    else if (text_starts(request->spec, "git:"))
        failed = open_ref(c, request, request->spec + strlen("git:"), e);
    else
        failed = open_path(c, request, e);
    if (failed)
        checkout_close(c);
    /* a git that was ended by the signal did not answer the question that its caller asked */
    if (failed && request->stop && *request->stop)
        return error_set(e, ERROR_INTERRUPTED, "interrupted");
    return failed;
}

void checkout_close(struct checkout *c)
{
    if (c->worktree) {
        struct checkout_request in = {.plan_directory = c->repository};
        free(GIT(&in, NULL, "worktree", "remove", "--force", c->worktree));
        fs_remove_tree(c->worktree, NULL);
        free(GIT(&in, NULL, "worktree", "prune"));
    }
    free(c->label);
    free(c->sha);
    free(c->root);
    free(c->zip);
    free(c->worktree);
    free(c->repository);
    *c = (struct checkout){0};
}
