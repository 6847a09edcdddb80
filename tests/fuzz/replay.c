/*
 * replay.c - gives every file of the named files and folders to a fuzz target, once: the search
 * that only clang can do, as a test that every compiler can run.
 *
 *     fuzz_json tests/fuzz/corpus/json
 *
 * Each input is handed over in an allocation of exactly its size, so that a sanitizer sees a read
 * past its end. The empty input is always among them. Exits 1 when there was no file or one could
 * not be read.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `failed` is -1 once a file could not be read. */
struct replay {
    unsigned long count;
    int failed;
};

static void give(struct replay *r, const char *name, const char *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    if (size)
        memcpy(exact, data, size);
    fprintf(stderr, "%s: %zu bytes\n", name, size); /* the last line names the input of a crash */
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    r->count++;
}

static void fail(struct replay *r, const char *path)
{
    perror(path);
    r->failed = -1;
}

static void replay_file(struct replay *r, const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    char *data = malloc(size + 1);
    if (!data)
        abort();
    if (!f || fread(data, 1, size, f) != size)
        fail(r, path);
    else
        give(r, path, data, size);
    free(data);
    if (f)
        fclose(f);
}

static void replay_path(struct replay *r, const char *path);

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_folder(struct replay *r, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0)
        fail(r, path);
    for (int i = 0; i < count; i++) {
        char *below = xasprintf("%s/%s", path, entries[i]->d_name);
        replay_path(r, below);
        free(below);
        free(entries[i]);
    }
    free(entries);
}

static void replay_path(struct replay *r, const char *path)
{
    struct stat info;
    if (stat(path, &info))
        fail(r, path);
    else if (S_ISDIR(info.st_mode))
        replay_folder(r, path);
    else
        replay_file(r, path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
    struct replay r = {0};
    for (int i = 1; i < argc; i++)
        replay_path(&r, argv[i]);
    unsigned long files = r.count;
    give(&r, "(the empty input)", NULL, 0);
    printf("%lu inputs\n", files + 1);
    return r.failed || !files ? EXIT_FAILURE : EXIT_SUCCESS;
}
