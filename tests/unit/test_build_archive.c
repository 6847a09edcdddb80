#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
#include <zip.h>

#include "base/mem.h"
#include "build/archive.h"
#include "os/fs.h"

/* ---- folders ---- */

static char *folder_new(void)
{
    struct error e = {0};
    char *folder = fs_make_temp_dir("lpg-archive-", &e);
    assert_non_null(folder);
    return folder;
}

static void folder_free(char *folder)
{
    fs_remove_tree(folder, NULL);
    free(folder);
}

/* Writes a file, making the folders on its way. */
static void put(const char *folder, const char *name, const char *text, mode_t mode)
{
    char *path = fs_join(folder, name);
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

static void put_link(const char *folder, const char *name, const char *target)
{
    char *path = fs_join(folder, name);
    assert_int_equal(symlink(target, path), 0);
    free(path);
}

static void pack(const char *folder, struct buf *zip)
{
    struct error e = {0};
    buf_init(zip);
    if (archive_folder(folder, zip, &e))
        fail_msg("%s", e.text);
}

static void digest(const struct buf *zip, char out[SHA256_HEX])
{
    struct error e = {0};
    if (archive_digest(zip->data, zip->length, out, &e))
        fail_msg("%s", e.text);
}

/* Lists the names in a zip: "a.py,lib/b.py". */
static void names(const struct buf *zip, struct buf *out)
{
    zip_source_t *source = zip_source_buffer_create(zip->data, zip->length, 0, NULL);
    zip_t *archive = zip_open_from_source(source, ZIP_RDONLY, NULL);
    assert_non_null(archive);
    buf_init(out);
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); i++)
        buf_addf(out, "%s%s", i ? "," : "", zip_get_name(archive, (zip_uint64_t)i, 0));
    zip_discard(archive);
}

static void assert_names(const char *folder, const char *expected)
{
    struct buf zip, list;
    pack(folder, &zip);
    names(&zip, &list);
    assert_string_equal(list.data, expected);
    buf_release(&list);
    buf_release(&zip);
}

static void same_files_same_bytes(void **state)
{
    (void)state;
    static const char *const order[][3] = {{"b.py", "lib/a.py", "a.py"},
                                           {"a.py", "b.py", "lib/a.py"}};
    struct buf zips[2];
    for (int i = 0; i < 2; i++) {
        char *folder = folder_new();
        mode_t mask = umask(i ? 0077 : 0);
        setenv("TZ", i ? "Asia/Kolkata" : "America/New_York", 1);
        tzset();
        for (size_t k = 0; k < 3; k++)
            put(folder, order[i][k], order[0][0], i ? 0600 : 0664);
        put(folder, "bootstrap", "#!/bin/sh\n", i ? 0700 : 0775);
        char *path = fs_join(folder, "a.py");
        struct utimbuf times = {.actime = 1000000000 * (i + 1), .modtime = 500000000 * (i + 1)};
        assert_int_equal(utime(path, &times), 0);
        free(path);
        pack(folder, &zips[i]);
        umask(mask);
        folder_free(folder);
    }
    unsetenv("TZ");
    tzset();
    assert_int_equal(zips[0].length, zips[1].length);
    assert_memory_equal(zips[0].data, zips[1].data, zips[0].length);
    buf_release(&zips[0]);
    buf_release(&zips[1]);
}

static void entries_are_sorted_dated_and_have_modes(void **state)
{
    (void)state;
    char *folder = folder_new();
    put(folder, "run", "x", 0750);
    put(folder, "app.py", "y", 0666);
    struct buf zip;
    pack(folder, &zip);
    zip_source_t *source = zip_source_buffer_create(zip.data, zip.length, 0, NULL);
    zip_t *archive = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, NULL);
    assert_non_null(archive);
    static const struct {
        const char *name;
        unsigned mode;
    } expected[] = {{"app.py", 0100644}, {"run", 0100755}};
    for (zip_uint64_t i = 0; i < 2; i++) {
        zip_uint8_t system;
        zip_uint32_t attributes;
        zip_stat_t info;
        assert_int_equal(zip_stat_index(archive, i, 0, &info), 0);
        assert_int_equal(zip_file_get_external_attributes(archive, i, 0, &system, &attributes), 0);
        assert_string_equal(info.name, expected[i].name);
        assert_int_equal(system, ZIP_OPSYS_UNIX);
        assert_int_equal(attributes >> 16, expected[i].mode);
        struct tm tm;
        localtime_r(&info.mtime, &tm);
        assert_int_equal(tm.tm_year, 80);
        assert_int_equal(tm.tm_yday, 0);
    }
    zip_discard(archive);
    buf_release(&zip);
    folder_free(folder);
}

static void some_folders_are_left_out(void **state)
{
    (void)state;
    char *folder = folder_new();
    put(folder, "app.py", "x", 0644);
    put(folder, ".gitignore", "x", 0644);
    put(folder, ".git/config", "x", 0644);
    put(folder, ".lambda-perf-gate/result.json", "x", 0644);
    put(folder, "vendor/lib/.git", "gitdir: /somewhere/else", 0644);
    put(folder, "vendor/lib/code.py", "x", 0644);
    put(folder, "lib.git/y.py", "x", 0644);
    assert_names(folder, ".gitignore,app.py,lib.git/y.py,vendor/lib/code.py");
    folder_free(folder);
}

static void links_are_what_they_lead_to(void **state)
{
    (void)state;
    char *folder = folder_new(), *copy = folder_new();
    struct buf a, b;
    put(folder, "tool", "program", 0755);
    put_link(folder, "alias", "tool");
    put(copy, "tool", "program", 0755);
    put(copy, "alias", "program", 0755);
    pack(folder, &a);
    pack(copy, &b);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    buf_release(&a);
    buf_release(&b);
    folder_free(folder);
    folder_free(copy);
}

static void what_cannot_be_packed(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf zip;
    buf_init(&zip);
    char *folder = folder_new();
    assert_int_equal(archive_folder(folder, &zip, &e), -1);
    assert_int_equal(e.code, ERROR_BUILD);
    assert_non_null(strstr(e.text, "is empty"));
    put(folder, ".git/config", "x", 0644); /* nothing that would be packed */
    assert_int_equal(archive_folder(folder, &zip, &e), -1);
    assert_non_null(strstr(e.text, "is empty"));
    put(folder, "a", "x", 0644);
    put_link(folder, "broken", "nowhere");
    assert_int_equal(archive_folder(folder, &zip, &e), -1);
    assert_non_null(strstr(e.text, "leads to no file"));
    assert_int_equal(zip.length, 0);
    folder_free(folder);
    assert_int_equal(archive_folder("/nonexistent-folder", &zip, &e), -1);
    buf_release(&zip);
}

/* ---- the digest ---- */

struct entry {
    const char *name, *text;
    unsigned mode;
};

struct zip_style {
    bool backwards, stored;
    time_t date;
};

/* Makes a zip with libzip, in ways that archive_folder() would not. */
static void make_zip(const struct entry *entries, size_t count, struct zip_style style,
                     struct buf *out)
{
    zip_source_t *memory = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *archive = zip_open_from_source(memory, ZIP_TRUNCATE, NULL);
    assert_non_null(archive);
    zip_source_keep(memory);
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[style.backwards ? count - 1 - i : i];
        zip_source_t *source = zip_source_buffer(archive, e->text, strlen(e->text), 0);
        zip_int64_t at = zip_file_add(archive, e->name, source, ZIP_FL_ENC_UTF_8);
        assert_true(at >= 0);
        zip_file_set_external_attributes(archive, (zip_uint64_t)at, 0, ZIP_OPSYS_UNIX,
                                         e->mode << 16);
        zip_set_file_compression(archive, (zip_uint64_t)at,
                                 style.stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 9);
        zip_file_set_mtime(archive, (zip_uint64_t)at, style.date, 0);
    }
    assert_int_equal(zip_close(archive), 0);
    char block[4096];
    buf_init(out);
    assert_int_equal(zip_source_open(memory), 0);
    for (zip_int64_t n; (n = zip_source_read(memory, block, sizeof block)) > 0;)
        buf_add(out, block, (size_t)n);
    zip_source_close(memory);
    zip_source_free(memory);
}

static void digest_of(const struct entry *entries, size_t count, struct zip_style style,
                      char out[SHA256_HEX])
{
    struct buf zip;
    make_zip(entries, count, style, &zip);
    digest(&zip, out);
    buf_release(&zip);
}

static const struct entry plain[] = {{"a.py", "aaaaaaaaaaaaaaaaaaaaaaaa", 0100644},
                                     {"lib/b.py", "bbbbbbbbbbbbbbbbbbbbbb", 0100644}};

static void packaging_does_not_matter(void **state)
{
    (void)state;
    char first[SHA256_HEX], other[SHA256_HEX];
    digest_of(plain, 2, (struct zip_style){.date = 1000000000}, first);
    static const struct zip_style styles[] = {
        {true, false, 1000000000}, {false, true, 1000000000}, {false, false, 1500000000}};
    for (size_t i = 0; i < ARRAY_LEN(styles); i++) {
        digest_of(plain, 2, styles[i], other);
        assert_string_equal(first, other);
    }
    struct entry folder_too[] = {{"lib/", "", 0040755}, plain[0], plain[1]};
    digest_of(folder_too, 3, (struct zip_style){.date = 1000000000}, other);
    assert_string_equal(first, other);
}

/* Everything that changes what runs changes the digest. */
static void contents_do_matter(void **state)
{
    (void)state;
    static const struct entry different[][2] = {
        {{"a.py", "aaaaaaaaaaaaaaaaaaaaaaab", 0100644},
         {"lib/b.py", "bbbbbbbbbbbbbbbbbbbbbb", 0100644}},
        {{"A.py", "aaaaaaaaaaaaaaaaaaaaaaaa", 0100644},
         {"lib/b.py", "bbbbbbbbbbbbbbbbbbbbbb", 0100644}},
        {{"a.py", "aaaaaaaaaaaaaaaaaaaaaaaa", 0100755},
         {"lib/b.py", "bbbbbbbbbbbbbbbbbbbbbb", 0100644}},
        {{"a.py", "aaaaaaaaaaaaaaaaaaaaaaaa", 0120777},
         {"lib/b.py", "bbbbbbbbbbbbbbbbbbbbbb", 0100644}},
        {{"a.py", "bbbbbbbbbbbbbbbbbbbbbb", 0100644},
         {"lib/b.py", "aaaaaaaaaaaaaaaaaaaaaaaa", 0100644}},
        {{"a.py", "aaaaaaaaaaaaaaaaaaaaaaaa", 0100644}, {"lib/b.py", "", 0100644}},
    };
    char first[SHA256_HEX], other[SHA256_HEX];
    digest_of(plain, 2, (struct zip_style){0}, first);
    for (size_t i = 0; i < ARRAY_LEN(different); i++) {
        digest_of(different[i], 2, (struct zip_style){0}, other);
        assert_string_not_equal(first, other);
    }
    digest_of(plain, 1, (struct zip_style){0}, other);
    assert_string_not_equal(first, other);
}

/* A name that looks like the end of one entry and a second one must not stand for both. */
static void names_cannot_forge_entries(void **state)
{
    (void)state;
    char sha[SHA256_HEX], honest[SHA256_HEX], forged[SHA256_HEX];
    static const char *const forms[] = {"a\n%s- b", "a\n%s-b", "a%s-b", "a %s- b", "a\r\n%s- b"};
    static const struct entry two[] = {{"a", "one", 0100644}, {"b", "two", 0100644}};
    digest_of(two, 2, (struct zip_style){0}, honest);
    hash_sha256_hex("two", 3, sha);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct buf name;
        buf_init(&name);
        buf_addstr(&name, forms[i]);
        buf_truncate(&name, (size_t)(strchr(forms[i], '%') - forms[i]));
        buf_addf(&name, "%s%s", sha, strchr(forms[i], 's') + 1);
        struct entry one = {name.data, "one", 0100644};
        digest_of(&one, 1, (struct zip_style){0}, forged);
        assert_string_not_equal(honest, forged);
        buf_release(&name);
    }
}

static void own_zip_and_a_foreign_one(void **state)
{
    (void)state;
    char *folder = folder_new();
    char own[SHA256_HEX], foreign[SHA256_HEX];
    struct buf zip;
    put(folder, "a.py", plain[0].text, 0644);
    put(folder, "lib/b.py", plain[1].text, 0644);
    pack(folder, &zip);
    digest(&zip, own);
    digest_of(plain, 2, (struct zip_style){.backwards = true, .date = 1234567890}, foreign);
    assert_string_equal(own, foreign);
    buf_release(&zip);
    folder_free(folder);
}

static void damaged_zips(void **state)
{
    (void)state;
    struct buf zip;
    char out[SHA256_HEX] = "untouched";
    struct error e = {0};
    assert_int_equal(archive_digest("hello", 5, out, &e), -1);
    assert_int_equal(e.code, ERROR_BUILD);
    assert_non_null(strstr(e.text, "no zip file"));
    make_zip(plain, 2, (struct zip_style){.stored = true}, &zip);
    zip.data[strlen("PK") + 28 + strlen("a.py") + 4] ^= 1; /* a byte of the first file's content */
    assert_int_equal(archive_digest(zip.data, zip.length, out, &e), -1);
    assert_non_null(strstr(e.text, "damaged"));
    for (size_t length = 0; length < zip.length; length++)
        assert_int_equal(archive_digest(zip.data, length, out, &e), -1);
    assert_string_equal(out, "untouched");
    buf_release(&zip);
}

/*
 * 300 MB of zeros are a small zip, but no Lambda package; two such must not count as the same one.
 */
static void bombs_are_refused(void **state)
{
    (void)state;
    size_t size = 130 * 1024 * 1024;
    char *zeros = xcalloc(size + 1, 1);
    memset(zeros, 'x', size);
    struct entry entries[] = {{"a", zeros, 0100644}, {"b", zeros, 0100644}};
    struct buf zip;
    char out[SHA256_HEX];
    struct error e = {0};
    make_zip(entries, 2, (struct zip_style){0}, &zip);
    free(zeros);
    assert_int_equal(archive_digest(zip.data, zip.length, out, &e), -1);
    assert_non_null(strstr(e.text, "250 MB"));
    buf_release(&zip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_files_same_bytes),
        cmocka_unit_test(entries_are_sorted_dated_and_have_modes),
        cmocka_unit_test(some_folders_are_left_out),
        cmocka_unit_test(links_are_what_they_lead_to),
        cmocka_unit_test(what_cannot_be_packed),
        cmocka_unit_test(packaging_does_not_matter),
        cmocka_unit_test(contents_do_matter),
        cmocka_unit_test(names_cannot_forge_entries),
        cmocka_unit_test(own_zip_and_a_foreign_one),
        cmocka_unit_test(damaged_zips),
        cmocka_unit_test(bombs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
