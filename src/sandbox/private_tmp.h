/*
 * private_tmp.h - a /tmp of its own for each execution environment, by a private mount namespace
 * (Linux, needs root).
 *
 * The environment's folder is mounted over /tmp. What the program needs and what lies in the real
 * /tmp (the unpacked package, for one) stays visible under its old path: the topmost folder of
 * each such path is mounted into the new /tmp.
 */
#ifndef LPG_SANDBOX_PRIVATE_TMP_H
#define LPG_SANDBOX_PRIVATE_TMP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { PRIVATE_TMP_KEPT_MAX = 4 };

struct private_tmp {
    char *folder;
    size_t count;
    char *from[PRIVATE_TMP_KEPT_MAX]; /* "/tmp/x" */
    char *to[PRIVATE_TMP_KEPT_MAX];   /* the folder for it in `folder` */
};

/* Whether this process may do that; tries it out in a child. */
bool private_tmp_possible(void);
/* For `folder`, keeping what the NULL-terminated list of absolute paths needs. */
int private_tmp_prepare(struct private_tmp *t, const char *folder, const char *const *keep,
                        struct error *e);
void private_tmp_release(struct private_tmp *t);
/* In the new process, before execve(); system calls only. -1 with errno. */
int private_tmp_enter(const struct private_tmp *t);

#endif
