/*
 * Whatever bytes are uploaded as a package, unpacking them neither crashes, nor writes outside of
 * its folder, nor leaves anything behind. Input: a zip file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/code.h"
#include "emulator/zip_layout.h"
#include "os/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *folder; /* holds `root` and nothing else */
static char *root;

static void clean_up(void)
{
    fs_remove_tree(folder, NULL);
    free(folder);
    free(root);
}

static void set_up(void)
{
    folder = fs_make_temp_dir("lpg-fuzz-zip-", NULL);
    if (!folder)
        abort();
    root = fs_join(folder, "root");
    if (fs_make_dirs(root, NULL))
        abort();
    atexit(clean_up);
}

/* Everything below `folder` must be inside `root`. */
static void check_inside(void)
{
    struct fs_list list = {0};
    if (fs_walk(folder, &list, NULL))
        abort();
    for (size_t i = 0; i < list.count; i++)
        if (strncmp(list.entries[i].path, "root", 4) != 0 ||
            strspn(list.entries[i].path + 4, "/") > 1)
            abort();
    fs_list_release(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!folder)
        set_up();
    size_t count = 0;
    if (!zip_layout_check(data, size, &count) && count > size)
        abort();
    struct fault f;
    struct function_code *code = code_unpack(root, 0, data, size, &f);
    check_inside();
    function_code_unref(code);
    struct fs_list list = {0};
    if (fs_walk(root, &list, NULL) || list.count > 1)
        abort();
    fs_list_release(&list);
    return 0;
}
