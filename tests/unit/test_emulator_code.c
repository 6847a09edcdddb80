/*
 * Packages of all kinds, also evil ones. They are written here byte by byte, because no zip library
 * makes them. A canary beside the folder shows that nothing was written outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "emulator/code.h"
#include "emulator/eventstream.h"
#include "os/fs.h"

enum { UNIX = 3, STORED = 0, BZIP2 = 12, ENCRYPTED_FLAG = 1 };

/* One entry as raw bytes; what is 0 is filled in truthfully. */
struct item {
    const char *name;
    size_t name_length; /* 0: strlen */
    const char *data;
    uint32_t mode;         /* st_mode */
    uint32_t size, packed; /* claimed */
    const char *local_name;
    uint16_t flags, method;
};

struct fixture {
    char *folder, *root, *canary;
    unsigned serial;
};

static void add16(struct buf *b, uint32_t v)
{
    buf_addch(b, (char)(v & 255));
    buf_addch(b, (char)(v >> 8 & 255));
}

static void add32(struct buf *b, uint32_t v)
{
    add16(b, v & 0xffff);
    add16(b, v >> 16);
}

static size_t name_length(const struct item *i)
{
    return i->name_length ? i->name_length : strlen(i->name);
}

/* What local header and directory entry have in common, from "version needed" to the lengths. */
static void add_common(struct buf *b, const struct item *i, size_t length)
{
    uint32_t stored = (uint32_t)strlen(i->data);
    add16(b, 20);
    add16(b, i->flags);
    add16(b, i->method);
    add32(b, 0x57770000); /* some date */
    add32(b, eventstream_crc(0, i->data, stored));
    add32(b, i->packed ? i->packed : stored);
    add32(b, i->size ? i->size : stored);
    add16(b, (uint32_t)length);
    add16(b, 0);
}

static void add_local(struct buf *b, const struct item *i)
{
    const char *name = i->local_name ? i->local_name : i->name;
    size_t length = i->local_name ? strlen(name) : name_length(i);
    add32(b, 0x04034b50);
    add_common(b, i, length);
    buf_add(b, name, length);
    buf_addstr(b, i->data);
}

static void add_directory(struct buf *b, const struct item *i, uint32_t offset)
{
    add32(b, 0x02014b50);
    add16(b, UNIX << 8 | 20);
    add_common(b, i, name_length(i));
    add16(b, 0);
    add16(b, 0);
    add16(b, 0);
    add32(b, i->mode << 16);
    add32(b, offset);
    buf_add(b, i->name, name_length(i));
}

static void make_zip(struct buf *b, const struct item *items, size_t count)
{
    uint32_t offsets[8];
    buf_init(b);
    for (size_t i = 0; i < count; i++) {
        offsets[i] = (uint32_t)b->length;
        add_local(b, &items[i]);
    }
    uint32_t start = (uint32_t)b->length;
    for (size_t i = 0; i < count; i++)
        add_directory(b, &items[i], offsets[i]);
    uint32_t length = (uint32_t)b->length - start;
    add32(b, 0x06054b50);
    add32(b, 0);
    add16(b, (uint32_t)count);
    add16(b, (uint32_t)count);
    add32(b, length);
    add32(b, start);
    add16(b, 0);
}

static int setup(void **state)
{
    struct fixture *x = xcalloc(1, sizeof *x);
    struct error e;
    x->folder = fs_make_temp_dir("lpg-code-", &e);
    assert_non_null(x->folder);
    x->root = fs_join(x->folder, "root");
    x->canary = fs_join(x->folder, "canary");
    assert_int_equal(fs_make_dirs(x->root, &e), 0);
    assert_int_equal(fs_write(x->canary, "alive", 5, &e), 0);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    fs_remove_tree(x->folder, NULL);
    free(x->folder);
    free(x->root);
    free(x->canary);
    free(x);
    return 0;
}

static void assert_untouched(struct fixture *x)
{
    struct fs_list list = {0};
    struct error e;
    assert_int_equal(fs_walk(x->folder, &list, &e), 0);
    /* The canary and the empty root: nothing of the package is left, inside or outside. */
    assert_int_equal(list.count, 2);
    assert_string_equal(list.entries[0].path, "canary");
    assert_int_equal(list.entries[0].size, 5);
    fs_list_release(&list);
}

static void assert_refused(struct fixture *x, const void *zip, size_t length, enum fault_kind kind,
                           const char *why)
{
    struct fault f = {.kind = FAULT_NONE};
    struct function_code *c = code_unpack(x->root, x->serial++, zip, length, &f);
    if (c)
        print_error("accepted, should have said: %s\n", why);
    assert_null(c);
    assert_int_equal(f.kind, kind);
    if (!strstr(f.text, why))
        print_error("said: %s\nshould have said: %s\n", f.text, why);
    assert_non_null(strstr(f.text, why));
    assert_untouched(x);
}

static void refuse_items(struct fixture *x, const struct item *items, size_t count, const char *why)
{
    struct buf zip;
    make_zip(&zip, items, count);
    assert_refused(x, zip.data, zip.length, FAULT_PARAMETER, why);
    buf_release(&zip);
}

static const struct {
    struct item item;
    const char *why;
} evil[] = {
    {{.name = "../up", .data = "x"}, "'..'"},
    {{.name = "..", .data = "x"}, "'..'"},
    {{.name = "a/../../up", .data = "x"}, "'..'"},
    {{.name = "a/..", .data = "x"}, "'..'"},
    {{.name = "/tmp/up", .data = "x"}, "absolute"},
    {{.name = "a\\..\\up", .data = "x"}, "backslash"},
    {{.name = "a//b", .data = "x"}, "empty"},
    {{.name = "", .data = "x"}, "empty"},
    {{.name = "dev", .data = "", .mode = S_IFCHR | 0666}, "neither"},
    {{.name = "pipe", .data = "", .mode = S_IFIFO | 0666}, "neither"},
    {{.name = "sock", .data = "", .mode = S_IFSOCK | 0666}, "neither"},
    {{.name = "link", .data = "/etc/passwd", .mode = S_IFLNK | 0777}, "leads out"},
    {{.name = "link", .data = "../canary", .mode = S_IFLNK | 0777}, "leads out"},
    {{.name = "a/link", .data = "../../canary", .mode = S_IFLNK | 0777}, "leads out"},
    {{.name = "a/link", .data = "b/../../../canary", .mode = S_IFLNK | 0777}, "leads out"},
    {{.name = "link", .data = "a/..", .mode = S_IFLNK | 0777}, "leads out"},
    {{.name = "link", .data = "", .mode = S_IFLNK | 0777}, "leads out"},
    {{.name = "secret", .data = "x", .flags = ENCRYPTED_FLAG}, "encrypted"},
    {{.name = "odd", .data = "x", .method = BZIP2}, "stored and deflated"},
    {{.name = "liar", .data = "x", .size = 2}, "damaged"},
    {{.name = "huge", .data = "x", .size = 0x7fffffff}, "Unzipped size"},
    {{.name = "two", .data = "x", .local_name = "one"}, "own header differs"},
    {{.name = "longer", .data = "x", .local_name = "long"}, "own header differs"},
    {{.name = "n\0l", .name_length = 3, .data = "x"}, "NUL"},
    {{.name = "zip64", .data = "x", .packed = 0xffffffff}, "ZIP64"},
    {{.name = "past", .data = "x", .packed = 1000}, "overlap the directory"},
};

static void refuses_evil_entries(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(evil); i++)
        refuse_items(*state, &evil[i].item, 1, evil[i].why);
}

static void refuses_evil_pairs(void **state)
{
    const struct item twice[] = {{.name = "a", .data = "1"}, {.name = "a", .data = "2"}};
    const struct item dotted[] = {{.name = "a", .data = "1"}, {.name = "./a", .data = "2"}};
    const struct item below_file[] = {{.name = "a", .data = "1"}, {.name = "a/b", .data = "2"}};
    const struct item above_file[] = {{.name = "a/b", .data = "1"}, {.name = "a", .data = "2"}};
    /* A file that would be written through a link. */
    const struct item through[] = {{.name = "a", .data = ".", .mode = S_IFLNK | 0777},
                                   {.name = "a/b", .data = "2"}};
    /* A link that climbs by way of another one. */
    const struct item chain[] = {{.name = "d/here", .data = "..", .mode = S_IFLNK | 0777},
                                 {.name = "e", .data = "d/here/..", .mode = S_IFLNK | 0777}};
    refuse_items(*state, twice, 2, "comes twice");
    refuse_items(*state, dotted, 2, "comes twice");
    refuse_items(*state, below_file, 2, "in the place of a folder");
    refuse_items(*state, above_file, 2, "comes twice");
    refuse_items(*state, through, 2, "comes twice");
    refuse_items(*state, chain, 2, "leads out");
}

static void refuses_what_is_no_archive(void **state)
{
    const struct item good = {.name = "a", .data = "hello hello"};
    struct buf zip;
    assert_refused(*state, "", 0, FAULT_PARAMETER, "non-empty");
    assert_refused(*state, "hello", 5, FAULT_PARAMETER, "Could not unzip");
    make_zip(&zip, NULL, 0);
    assert_refused(*state, zip.data, zip.length, FAULT_PARAMETER, "non-empty");
    buf_release(&zip);
    make_zip(&zip, &good, 1);
    assert_refused(*state, zip.data, zip.length - 1, FAULT_PARAMETER, "Could not unzip");
    char *stored = memchr(zip.data + 30, 'h', zip.length - 30);
    *stored = 'j'; /* the check sum no longer fits */
    assert_refused(*state, zip.data, zip.length, FAULT_PARAMETER, "damaged");
    buf_release(&zip);
}

static void refuses_overlap(void **state)
{
    /* Two directory entries for one local entry: as quoted bombs do it, the data counts twice. */
    const struct item one = {.name = "a",
                             .data = "0123456789012345678901234567890123456789"
                                     "0123456789012345678901234567890123456789"};
    struct buf zip;
    buf_init(&zip);
    add_local(&zip, &one);
    uint32_t start = (uint32_t)zip.length;
    for (int i = 0; i < 8; i++)
        add_directory(&zip, &one, 0);
    uint32_t length = (uint32_t)zip.length - start;
    add32(&zip, 0x06054b50);
    add32(&zip, 0);
    add16(&zip, 8);
    add16(&zip, 8);
    add32(&zip, length);
    add32(&zip, start);
    add16(&zip, 0);
    assert_refused(*state, zip.data, zip.length, FAULT_PARAMETER, "entries that overlap");
    buf_release(&zip);
}

/* A package by libzip itself: `count` entries of `size` zero bytes each. */
static void make_by_library(struct fixture *x, const char *name, size_t count, size_t size,
                            struct buf *out)
{
    char *path = fs_join(x->folder, name);
    char *zeros = xcalloc(1, size + 1);
    int code;
    struct error e;
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    assert_non_null(z);
    for (size_t i = 0; i < count; i++) {
        char entry[32];
        (void)snprintf(entry, sizeof entry, "f%zu", i);
        zip_source_t *source = zip_source_buffer(z, zeros, size, 0);
        assert_true(zip_file_add(z, entry, source, 0) >= 0);
    }
    assert_int_equal(zip_close(z), 0);
    buf_init(out);
    assert_int_equal(fs_read(path, 1 << 30, out, &e), 0);
    assert_int_equal(unlink(path), 0);
    free(zeros);
    free(path);
}

static void refuses_bombs(void **state)
{
    struct buf zip;
    make_by_library(*state, "ratio.zip", 1, 64 << 20, &zip);
    assert_refused(*state, zip.data, zip.length, FAULT_PARAMETER, "times its size");
    buf_release(&zip);
    make_by_library(*state, "count.zip", CODE_ENTRIES_MAX + 1, 0, &zip);
    assert_refused(*state, zip.data, zip.length, FAULT_PARAMETER, "more than 20000 entries");
    buf_release(&zip);
    char *large = xcalloc(1, CODE_ZIP_MAX + 1);
    assert_refused(*state, large, CODE_ZIP_MAX + 1, FAULT_TOO_LARGE, "smaller than");
    free(large);
}

static void assert_file(const struct function_code *c, const char *name, const char *text,
                        unsigned mode)
{
    char *path = fs_join(c->directory, name);
    struct stat st;
    struct buf out;
    buf_init(&out);
    assert_int_equal(fs_read(path, 1 << 20, &out, NULL), 0);
    assert_string_equal(out.data, text);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, mode);
    buf_release(&out);
    free(path);
}

static void unpacks_what_is_good(void **state)
{
    struct fixture *x = *state;
    const struct item items[] = {
        {.name = "bootstrap", .data = "run", .mode = S_IFREG | 04777},
        {.name = "lib/", .data = "", .mode = S_IFDIR | 0777},
        {.name = "lib/deep/er/a.py", .data = "deep", .mode = S_IFREG | 0600},
        {.name = "plain", .data = "no mode"},
        {.name = "lib/link", .data = "../bootstrap", .mode = S_IFLNK | 0777},
        {.name = "./dotted", .data = "dot", .mode = S_IFREG | 0644},
        {.name = "lib/deep/up", .data = "../../lib/link", .mode = S_IFLNK | 0777},
    };
    struct buf zip;
    struct fault f;
    make_zip(&zip, items, ARRAY_LEN(items));
    mode_t old = umask(077); /* must play no role */
    struct function_code *c = code_unpack(x->root, 7, zip.data, zip.length, &f);
    umask(old);
    if (!c)
        print_error("%s\n", f.text);
    assert_non_null(c);
    assert_int_equal(c->zip_bytes, zip.length);
    assert_file(c, "bootstrap", "run", 0755);
    assert_file(c, "lib/deep/er/a.py", "deep", 0600);
    assert_file(c, "plain", "no mode", 0644);
    assert_file(c, "dotted", "dot", 0644);
    assert_file(c, "lib/link", "run", 0755);
    assert_file(c, "lib/deep/up", "run", 0755);
    char *path = function_code_zip_path(c);
    struct buf saved;
    buf_init(&saved);
    assert_int_equal(fs_read(path, 1 << 20, &saved, NULL), 0);
    assert_int_equal(saved.length, zip.length);
    assert_memory_equal(saved.data, zip.data, zip.length);
    buf_release(&saved);
    buf_release(&zip);
    free(path);
    function_code_unref(c); /* the folder and the package go with the last reference */
    assert_untouched(x);
}

static void sha256_is_that_of_lambda(void **state)
{
    (void)state;
    /* echo -n abc | openssl dgst -sha256 -binary | base64 */
    char *text = code_sha256("abc", 3);
    assert_string_equal(text, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    free(text);
}

static void highly_compressible_but_small_is_fine(void **state)
{
    struct fixture *x = *state;
    struct buf zip;
    struct fault f;
    make_by_library(x, "small.zip", 2, 4 << 20, &zip);
    struct function_code *c = code_unpack(x->root, 1, zip.data, zip.length, &f);
    assert_non_null(c);
    function_code_unref(c);
    buf_release(&zip);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_evil_entries),
        TEST(refuses_evil_pairs),
        TEST(refuses_what_is_no_archive),
        TEST(refuses_overlap),
        TEST(refuses_bombs),
        TEST(unpacks_what_is_good),
        TEST(sha256_is_that_of_lambda),
        TEST(highly_compressible_but_small_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
