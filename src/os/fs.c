#include "os/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    READ_BYTES = 16 * 1024,
    DEPTH_MAX = 256,  /* folders in folders; each level holds a descriptor */
    SWEEPS_MAX = 100, /* times that a folder is emptied again because something appeared in it */
};

/* ---- whole files ---- */

static int read_all(int fd, const char *path, size_t limit, struct buf *out, struct error *e)
{
    char chunk[READ_BYTES];
    size_t total = 0;
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, ERROR_SYSTEM, "cannot read '%s'", path);
        if (n == 0)
            return 0;
        if ((size_t)n > limit - total)
            return error_set(e, ERROR_SYSTEM, "'%s' is larger than %zu bytes", path, limit);
        buf_add(out, chunk, (size_t)n);
        total += (size_t)n;
    }
}

int fs_read(const char *path, size_t limit, struct buf *out, struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_errno(e, ERROR_SYSTEM, "cannot open '%s'", path);
    size_t before = out->length;
    int failed = read_all(fd, path, limit, out, e);
    if (failed)
        buf_truncate(out, before);
    close(fd);
    return failed;
}

int fs_write_all(int fd, const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length) {
        ssize_t n = write(fd, next, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        next += n;
        length -= (size_t)n;
    }
    return 0;
}

void fs_sync_folder_of(const char *path)
{
    char *folder = fs_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* some file systems refuse it for folders; the file itself is safe */
        close(fd);
    }
    free(folder);
}

static int fill_temporary(int fd, const void *bytes, size_t length)
{
    int failed = fs_write_all(fd, bytes, length) || fchmod(fd, 0644) || fsync(fd);
    int saved = errno;
    if (close(fd) && !failed)
        return -1;
    errno = saved;
    return failed ? -1 : 0;
}

int fs_write(const char *path, const void *bytes, size_t length, struct error *e)
{
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return error_set(e, ERROR_SYSTEM, "cannot write '%s': it is not a regular file", path);
    char *temporary = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    int failed = fd < 0 ? -1 : fill_temporary(fd, bytes, length);
    if (!failed)
        failed = rename(temporary, path);
    if (failed) {
        error_errno(e, ERROR_SYSTEM, "cannot write '%s'", path);
        if (fd >= 0)
            unlink(temporary);
    } else {
        fs_sync_folder_of(path);
    }
    free(temporary);
    return failed ? -1 : 0;
}

/* ---- folders ---- */

static int make_dir(const char *path, struct error *e)
{
    if (mkdir(path, 0777) == 0)
        return 0;
    int saved = errno;
    if (fs_is_dir(path)) /* also where mkdir() says EROFS or EACCES for one that is there */
        return 0;
    errno = saved == EEXIST ? ENOTDIR : saved;
    return error_errno(e, ERROR_SYSTEM, "cannot make the folder '%s'", path);
}

int fs_make_dirs(const char *path, struct error *e)
{
    char *copy = xstrdup(path);
    int failed = 0;
    for (char *slash = strchr(copy + (*copy == '/'), '/'); slash && !failed;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        failed = make_dir(copy, e);
        *slash = '/';
    }
    if (!failed)
        failed = make_dir(copy, e);
    free(copy);
    return failed;
}

char *fs_make_temp_dir(const char *prefix, struct error *e)
{
    const char *base = getenv("TMPDIR");
    char *name = xasprintf("%sXXXXXX", prefix);
    char *path = fs_join(base && *base ? base : "/tmp", name);
    free(name);
    if (mkdtemp(path))
        return path;
    error_errno(e, ERROR_SYSTEM, "cannot make a temporary folder '%s'", path);
    free(path);
    return NULL;
}

/* ---- removing ---- */

/*
 * Gives ourselves all rights to a folder, not to what a link of that name points to. glibc before
 * 2.32 cannot by itself, so it is done as newer ones do it.
 */
static int unlock_folder(int parent, const char *name)
{
    int failed = fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW);
#ifdef O_PATH
    if (failed && errno == EOPNOTSUPP) {
        int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        failed = fd < 0 || chmod(path, 0700);
        if (fd >= 0)
            close(fd);
    }
#endif
    return failed ? -1 : 0;
}

/* Opens a folder, if need be after giving ourselves the right to; -1 with errno. */
static int open_to_empty(int parent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES && unlock_folder(parent, name) == 0)
        fd = openat(parent, name, flags);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
        fchmod(fd, (st.st_mode & 07777) | 0700); /* if not ours, removing will say so */
    return fd;
}

static int remove_entry(int parent, const char *name, unsigned depth);

/* Removes what is in the folder; takes over the descriptor. -1 with errno. */
static int empty_folder(int fd, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    int failed = 0;
    errno = 0;
    for (struct dirent *d = readdir(dir); d && !failed; d = failed ? NULL : readdir(dir)) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            failed = remove_entry(dirfd(dir), d->d_name, depth);
        if (!failed)
            errno = 0;
    }
    int saved = errno;
    closedir(dir);
    errno = saved;
    return failed || saved ? -1 : 0;
}

/* Removes a file, link or tree; what has gone meanwhile is no failure. -1 with errno. */
static int remove_entry(int parent, const char *name, unsigned depth)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT || errno == ENOTDIR)
        return 0;
    if (errno != EISDIR && errno != EPERM) /* EPERM: macOS for a folder */
        return -1;
    int reason = errno;
    if (depth == DEPTH_MAX) {
        errno = ELOOP;
        return -1;
    }
    for (int sweep = 0; sweep < SWEEPS_MAX; sweep++) {
        int fd = open_to_empty(parent, name);
        if (fd < 0) {
            if (errno == ENOTDIR || errno == ELOOP)
                errno = reason; /* no folder: then it was about the file */
            return errno == ENOENT ? 0 : -1;
        }
        if (empty_folder(fd, depth + 1))
            return -1;
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return -1;
    }
    return -1;
}

int fs_remove_tree(const char *path, struct error *e)
{
    char *clean = xstrdup(path); /* "link/" would go through the link */
    for (size_t n = strlen(clean); n > 1 && clean[n - 1] == '/'; n--)
        clean[n - 1] = '\0';
    const char *name = fs_basename(clean);
    int failed;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        failed = error_set(e, ERROR_SYSTEM, "will not remove '%s': it is no name of a tree", path);
    else if (remove_entry(AT_FDCWD, clean, 0))
        failed = error_errno(e, ERROR_SYSTEM, "cannot remove '%s'", path);
    else
        failed = 0;
    free(clean);
    return failed;
}

/* ---- paths ---- */

bool fs_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool fs_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool fs_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *fs_join(const char *a, const char *b)
{
    if (*b == '/' || !*a)
        return xstrdup(b);
    if (!*b)
        return xstrdup(a);
    return xasprintf("%s%s%s", a, a[strlen(a) - 1] == '/' ? "" : "/", b);
}

char *fs_dirname(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    while (slash > path && slash[-1] == '/')
        slash--;
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

const char *fs_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- walking ---- */

struct walk {
    const char *root;
    struct fs_list list;
    struct error *e;
};

static int walk_failed(const struct walk *w, const char *relative)
{
    return error_errno(w->e, ERROR_SYSTEM, "cannot read '%s/%s'", w->root, relative);
}

static struct fs_entry *add_entry(struct walk *w, const char *relative, const struct stat *st)
{
    struct fs_entry *entry = ARRAY_PUSH(w->list.entries, w->list.count, w->list.capacity);
    entry->path = xstrdup(relative);
    entry->mode = st->st_mode;
    entry->size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size;
    return entry;
}

static int add_link(struct walk *w, int parent, const char *relative, const struct stat *st)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(parent, fs_basename(relative), target, sizeof target);
    if (n < 0)
        return walk_failed(w, relative);
    if ((size_t)n == sizeof target) {
        errno = ENAMETOOLONG;
        return walk_failed(w, relative);
    }
    add_entry(w, relative, st)->link = xstrndup(target, (size_t)n);
    return 0;
}

static int walk_folder(struct walk *w, int fd, const char *relative, unsigned depth);

static int walk_entry(struct walk *w, int parent, const char *relative, unsigned depth)
{
    const char *name = fs_basename(relative);
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW))
        return walk_failed(w, relative);
    if (S_ISLNK(st.st_mode))
        return add_link(w, parent, relative, &st);
    if (S_ISREG(st.st_mode)) {
        add_entry(w, relative, &st);
        return 0;
    }
    if (!S_ISDIR(st.st_mode))
        return error_set(w->e, ERROR_SYSTEM, "'%s/%s' is no file, folder or link", w->root,
                         relative);
    if (depth == DEPTH_MAX)
        return error_set(w->e, ERROR_SYSTEM, "'%s/%s' is nested too deep", w->root, relative);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return walk_failed(w, relative);
    size_t before = w->list.count;
    if (walk_folder(w, fd, relative, depth + 1))
        return -1;
    if (w->list.count == before)
        add_entry(w, relative, &st);
    return 0;
}

/* Takes over the descriptor. */
static int walk_folder(struct walk *w, int fd, const char *relative, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        walk_failed(w, relative);
        close(fd);
        return -1;
    }
    int failed = 0;
    for (;;) {
        errno = 0;
        struct dirent *d = readdir(dir);
        if (!d)
            break;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        char *path = fs_join(relative, d->d_name);
        failed = walk_entry(w, dirfd(dir), path, depth);
        free(path);
        if (failed)
            break;
    }
    if (!failed && errno)
        failed = walk_failed(w, relative);
    closedir(dir);
    return failed;
}

static int compare_entries(const void *a, const void *b)
{
    const struct fs_entry *left = a, *right = b;
    return strcmp(left->path, right->path);
}

int fs_walk(const char *root, struct fs_list *list, struct error *e)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(e, ERROR_SYSTEM, "cannot open the folder '%s'", root);
    struct walk w = {.root = root, .e = e};
    if (walk_folder(&w, fd, "", 0)) {
        fs_list_release(&w.list);
        return -1;
    }
    if (w.list.count)
        qsort(w.list.entries, w.list.count, sizeof *w.list.entries, compare_entries);
    *list = w.list;
    return 0;
}

void fs_list_release(struct fs_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->entries[i].path);
        free(list->entries[i].link);
    }
    free(list->entries);
    *list = (struct fs_list){0};
}
