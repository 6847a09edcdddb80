/*
 * checkout.h - a side of the comparison as a folder: a commit in a worktree of its own, the working
 * tree, a folder, or a finished zip.
 *
 *     git:REF     that commit, checked out into a temporary git worktree
 *     worktree    the working tree as it is, uncommitted changes included
 *     DIRECTORY   a folder laid out like the one of perf.yml
 *     FILE.zip    a finished package; for a perf.yml with one function
 *
 * Defaults: the baseline is the merge base of HEAD with the remote's default branch, the candidate
 * the working tree.
 */
#ifndef LPG_BUILD_CHECKOUT_H
#define LPG_BUILD_CHECKOUT_H

#include <signal.h>

#include "base/error.h"
#include "model/sample.h"

struct checkout {
    char *label;    /* for reports: "git:41d0e7c", "worktree", "fast", "old.zip" */
    char *sha;      /* full commit id; NULL for what is no commit */
    char *root;     /* the folder that stands for perf.yml's folder; NULL for a zip */
    char *zip;      /* path of the finished package; NULL for the others */
    char *worktree; /* to be removed again; NULL: nothing was made */
    char *repository;
};

struct checkout_request {
    enum side side;
    const char *spec;            /* as above; NULL: the side's default */
    const char *plan_directory;  /* of perf.yml */
    const char *temp_directory;  /* where a worktree may be made */
    volatile sig_atomic_t *stop; /* may be NULL */
};

/* ERROR_BUILD when there is no such thing, with what was looked for. */
int checkout_open(struct checkout *c, const struct checkout_request *request, struct error *e);
/* Removes the worktree, if one was made. */
void checkout_close(struct checkout *c);

#endif
