#include "sandbox/private_tmp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

#include "base/mem.h"
#include "base/text.h"
#include "os/fs.h"

#ifdef __linux__

static int leave_mounts(void)
{
    if (unshare(CLONE_NEWNS))
        return -1;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int private_tmp_enter(const struct private_tmp *t)
{
    if (leave_mounts())
        return -1;
    for (size_t i = 0; i < t->count; i++)
        if (mount(t->from[i], t->to[i], NULL, MS_BIND | MS_REC, NULL))
            return -1;
    return mount(t->folder, "/tmp", NULL, MS_BIND | MS_REC, NULL);
}

bool private_tmp_possible(void)
{
    if (geteuid() || !fs_is_dir("/tmp"))
        return false;
    pid_t pid = fork();
    if (!pid)
        _exit(leave_mounts() || mount("/tmp", "/tmp", NULL, MS_BIND, NULL) ? 1 : 0);
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && status == 0;
}

#else

int private_tmp_enter(const struct private_tmp *t)
{
    (void)t;
    errno = ENOTSUP;
    return -1;
}

bool private_tmp_possible(void)
{
    return false;
}

#endif

static bool is_kept(const struct private_tmp *t, const char *from)
{
    for (size_t i = 0; i < t->count; i++)
        if (!strcmp(t->from[i], from))
            return true;
    return false;
}

/* "/tmp/x/y/z" keeps all of "/tmp/x". */
static int keep_path(struct private_tmp *t, const char *path, struct error *e)
{
    if (!text_starts(path, "/tmp/") || t->count == PRIVATE_TMP_KEPT_MAX)
        return 0;
    const char *name = path + strlen("/tmp/");
    size_t length = strcspn(name, "/");
    char *from = xasprintf("/tmp/%.*s", (int)length, name);
    if (!length || is_kept(t, from) || !fs_is_dir(from)) {
        free(from);
        return 0;
    }
    t->from[t->count] = from;
    t->to[t->count] = xasprintf("%s/%.*s", t->folder, (int)length, name);
    return fs_make_dirs(t->to[t->count++], e);
}

int private_tmp_prepare(struct private_tmp *t, const char *folder, const char *const *keep,
                        struct error *e)
{
    *t = (struct private_tmp){.folder = xstrdup(folder)};
    for (size_t i = 0; keep[i]; i++) {
        if (keep_path(t, keep[i], e)) {
            private_tmp_release(t);
            return -1;
        }
    }
    return 0;
}

void private_tmp_release(struct private_tmp *t)
{
    free(t->folder);
    for (size_t i = 0; i < t->count; i++) {
        free(t->from[i]);
        free(t->to[i]);
    }
    *t = (struct private_tmp){0};
}
