/*
 * fs.h - files and folders: whole-file reads with a cap, atomic writes, trees made and removed.
 */
#ifndef LPG_OS_FS_H
#define LPG_OS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the file to `out`. More than `limit` bytes is an error, not a cut. */
int fs_read(const char *path, size_t limit, struct buf *out, struct error *e);
/*
 * Writes a temporary file beside it, syncs and renames: readers see the old file or the new one,
 * never half.
 */
int fs_write(const char *path, const void *bytes, size_t length, struct error *e);
/* Writes all of it to an open file; -1 with errno. */
int fs_write_all(int fd, const void *bytes, size_t length);
/* A new or renamed file lasts through a power cut only once its folder is on the disk too. */
void fs_sync_folder_of(const char *path);
/* Makes the folder and those above it. */
int fs_make_dirs(const char *path, struct error *e);
/* Removes a file or a whole tree, never following a link; nothing there is no error. */
int fs_remove_tree(const char *path, struct error *e);
/* Makes a new private folder `<TMPDIR or /tmp>/<prefix>XXXXXX`; the caller frees the path. */
char *fs_make_temp_dir(const char *prefix, struct error *e);
bool fs_exists(const char *path);
bool fs_is_dir(const char *path);
bool fs_is_file(const char *path);
/* "a" and "b" give "a/b"; an absolute second part wins. The caller frees. */
char *fs_join(const char *a, const char *b);
/*
 * The folder part of a path ("." if it has none), and the part behind it. The caller frees
 * fs_dirname().
 */
char *fs_dirname(const char *path);
const char *fs_basename(const char *path);

/* One thing in a tree. `path` is relative to the root and uses '/'. */
struct fs_entry {
    char *path;
    char *link; /* where a symbolic link points; NULL for the rest */
    mode_t mode;
    uint64_t size;
};
struct fs_list {
    struct fs_entry *entries; /* sorted by path, bytewise */
    size_t count, capacity;
};
/*
 * All files and links below `root` (folders only where empty), sorted. -1 also for what is no file,
 * folder or link.
 */
int fs_walk(const char *root, struct fs_list *list, struct error *e);
void fs_list_release(struct fs_list *list);

#endif
