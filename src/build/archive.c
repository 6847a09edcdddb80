#include "build/archive.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/fs.h"

enum {
    DOS_TIME = 0,
    DOS_DATE = 0x21, /* 1980-01-01, the first day that a zip can tell */
    MODE_SHIFT = 16, /* the Unix mode is the upper half of the external attributes */
    MODE_FILE = 0100644,
    MODE_PROGRAM = 0100755,
};

static const char *const left_out[] = {".git", ".lambda-perf-gate"};

/* Whether one of the folders of the path, or the file itself, has such a name. */
static bool is_left_out(const char *path)
{
    for (const char *part = path; *part; part += strspn(part, "/")) {
        size_t length = strcspn(part, "/");
        for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
            if (strlen(left_out[i]) == length && !memcmp(part, left_out[i], length))
                return true;
        part += length;
    }
    return false;
}

static int zip_failed(zip_error_t *z, const char *what, struct error *e)
{
    error_set(e, ERROR_BUILD, "%s: %s", what, zip_error_strerror(z));
    zip_error_fini(z);
    return -1;
}

/* Adds one file whose bytes `content` holds until the archive is written. */
static int add_entry(zip_t *archive, const char *name, bool program, const struct buf *content,
                     struct error *e)
{
    zip_source_t *source = zip_source_buffer(archive, content->data, content->length, 0);
    zip_int64_t index = source ? zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
        zip_source_free(source);
        return error_set(e, ERROR_BUILD, "cannot add '%s' to the package: %s", name,
                         zip_strerror(archive));
    }
    zip_uint64_t at = (zip_uint64_t)index;
    zip_uint32_t mode = program ? MODE_PROGRAM : MODE_FILE;
    zip_file_set_dostime(archive, at, DOS_TIME, DOS_DATE, 0);
    zip_file_set_external_attributes(archive, at, 0, ZIP_OPSYS_UNIX, mode << MODE_SHIFT);
    return 0;
}

/* Reads the files of the list into `contents`, one buffer each, and adds them. */
static int add_files(zip_t *archive, const char *folder, const struct fs_list *list,
                     struct buf *contents, struct error *e)
{
    uint64_t total = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct fs_entry *entry = &list->entries[i];
        if (is_left_out(entry->path) || S_ISDIR(entry->mode))
            continue;
        char *path = fs_join(folder, entry->path);
        struct stat target;
        int failed = stat(path, &target) || !S_ISREG(target.st_mode)
                         ? error_set(e, ERROR_BUILD, "'%s' is a link that leads to no file", path)
                         : fs_read(path, ARCHIVE_UNPACKED_MAX, &contents[i], e);
        free(path);
        total += contents[i].length;
        if (!failed && total > ARCHIVE_UNPACKED_MAX)
            failed =
                error_set(e, ERROR_BUILD,
                          "'%s' holds more than 250 MB, Lambda's limit for unpacked code", folder);
        if (failed || add_entry(archive, entry->path, target.st_mode & S_IXUSR, &contents[i], e))
            return -1;
    }
    return 0;
}

/* Takes what zip_close() has written into the source. */
static int read_back(zip_source_t *source, struct buf *zip, struct error *e)
{
    char block[16384];
    zip_int64_t n;
    if (zip_source_open(source))
        return zip_failed(zip_source_error(source), "reading the package", e);
    for (;;) {
        n = zip_source_read(source, block, sizeof block);
        if (n <= 0)
            break;
        buf_add(zip, block, (size_t)n);
    }
    zip_source_close(source);
    return n < 0 ? error_set(e, ERROR_BUILD, "the package cannot be read back") : 0;
}

/*
 * Ends what was begun with zip_open_from_source() of a kept source: takes the bytes, or drops
 * everything.
 */
static int close_archive(zip_t *archive, zip_source_t *source, int failed, struct buf *zip,
                         struct error *e)
{
    if (failed)
        zip_discard(archive);
    else if (zip_close(archive)) {
        failed = error_set(e, ERROR_BUILD, "cannot write the package: %s", zip_strerror(archive));
        zip_discard(archive);
    } else {
        failed = read_back(source, zip, e);
    }
    zip_source_free(source);
    return failed;
}

static int write_archive(const char *folder, const struct fs_list *list, struct buf *contents,
                         struct buf *zip, struct error *e)
{
    zip_error_t z;
    zip_error_init(&z);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &z);
    if (!source)
        return zip_failed(&z, "making the package", e);
    zip_t *archive = zip_open_from_source(source, ZIP_TRUNCATE, &z);
    if (!archive) {
        zip_source_free(source);
        return zip_failed(&z, "making the package", e);
    }
    zip_source_keep(source);
    return close_archive(archive, source, add_files(archive, folder, list, contents, e), zip, e);
}

static bool any_file(const struct fs_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!is_left_out(list->entries[i].path) && !S_ISDIR(list->entries[i].mode))
            return true;
    return false;
}

int archive_folder(const char *folder, struct buf *zip, struct error *e)
{
    struct fs_list list = {0};
    if (fs_walk(folder, &list, e)) {
        fs_list_release(&list);
        return -1;
    }
    struct buf *contents = xcalloc(list.count + 1, sizeof *contents);
    for (size_t i = 0; i < list.count; i++)
        buf_init(&contents[i]);
    int failed = any_file(&list) ? write_archive(folder, &list, contents, zip, e)
                                 : error_set(e, ERROR_BUILD,
                                             "'%s' is empty: there is nothing to deploy", folder);
    for (size_t i = 0; i < list.count; i++)
        buf_release(&contents[i]);
    free(contents);
    fs_list_release(&list);
    return failed;
}

/* ---- one more file ---- */

static int displace(zip_t *archive, const struct archive_file *file, struct error *e)
{
    zip_int64_t index = zip_name_locate(archive, file->name, 0);
    if (index < 0)
        return error_set(e, ERROR_BUILD, "the package has no '%s'", file->name);
    if (zip_file_rename(archive, (zip_uint64_t)index, file->displaced, ZIP_FL_ENC_UTF_8))
        return error_set(e, ERROR_BUILD, "cannot rename '%s' in the package: %s", file->name,
                         zip_strerror(archive));
    return 0;
}

int archive_extend(const struct buf *package, const struct archive_file *file, struct buf *zip,
                   struct error *e)
{
    zip_error_t z;
    zip_error_init(&z);
    /* a source that is written to frees the bytes that it was made of: it gets its own */
    void *bytes = xmalloc(package->length + 1);
    memcpy(bytes, package->data, package->length);
    zip_source_t *source = zip_source_buffer_create(bytes, package->length, 1, &z);
    if (!source) {
        free(bytes);
        return zip_failed(&z, "reading the package", e);
    }
    zip_t *archive = zip_open_from_source(source, 0, &z);
    if (!archive) {
        zip_source_free(source);
        return zip_failed(&z, "the package is no zip file", e);
    }
    zip_source_keep(source);
    int failed = (file->displaced && displace(archive, file, e)) ||
                         add_entry(archive, file->name, file->program, &file->content, e)
                     ? -1
                     : 0;
    return close_archive(archive, source, failed, zip, e);
}

/* ---- the digest ---- */

struct digested {
    const char *name;
    char line[SHA256_HEX + 2]; /* digest of the bytes, and 'x' for a program, 'l' for a link */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct digested *)a)->name, ((const struct digested *)b)->name);
}

static char kind_of(zip_t *archive, zip_uint64_t index)
{
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    zip_file_get_external_attributes(archive, index, 0, &system, &attributes);
    mode_t mode = system == ZIP_OPSYS_UNIX ? attributes >> MODE_SHIFT : 0;
    if (S_ISLNK(mode))
        return 'l';
    return mode & S_IXUSR ? 'x' : '-';
}

/* `left` is how many bytes the package may still unpack to. */
static int digest_entry(zip_t *archive, zip_uint64_t index, struct digested *out, uint64_t *left,
                        struct error *e)
{
    zip_stat_t info;
    struct buf content;
    buf_init(&content);
    zip_file_t *file =
        zip_stat_index(archive, index, 0, &info) ? NULL : zip_fopen_index(archive, index, 0);
    if (!file)
        return error_set(e, ERROR_BUILD, "the package is damaged: %s", zip_strerror(archive));
    char block[16384];
    zip_int64_t n = 0;
    while (content.length <= *left && (n = zip_fread(file, block, sizeof block)) > 0)
        buf_add(&content, block, (size_t)n);
    zip_fclose(file);
    bool too_large = content.length > *left;
    *left -= too_large ? 0 : content.length;
    out->name = info.name;
    hash_sha256_hex(content.data, content.length, out->line);
    memcpy(out->line + SHA256_HEX - 1, (char[]){kind_of(archive, index), '\0'}, 2);
    buf_release(&content);
    if (too_large)
        return error_set(e, ERROR_BUILD, "the package unpacks to more than 250 MB, Lambda's limit");
    return n < 0 ? error_set(e, ERROR_BUILD, "'%s' in the package is damaged", info.name) : 0;
}

static int digest_archive(zip_t *archive, char digest[SHA256_HEX], struct error *e)
{
    zip_int64_t count = zip_get_num_entries(archive, 0);
    if (count <= 0)
        return error_set(e, ERROR_BUILD, "the package is empty: there is nothing to deploy");
    struct digested *entries = xcalloc((size_t)count + 1, sizeof *entries);
    struct buf all;
    buf_init(&all);
    uint64_t left = ARCHIVE_UNPACKED_MAX;
    int failed = 0;
    for (zip_int64_t i = 0; i < count && !failed; i++)
        failed = digest_entry(archive, (zip_uint64_t)i, &entries[i], &left, e);
    if (!failed) {
        qsort(entries, (size_t)count, sizeof *entries, by_name);
        for (zip_int64_t i = 0; i < count; i++)
            if (!text_ends(entries[i].name, "/")) {
                buf_addstr(&all, entries[i].line);
                /* with its NUL: a name may hold a newline, and must not look like two entries */
                buf_add(&all, entries[i].name, strlen(entries[i].name) + 1);
            }
        hash_sha256_hex(all.data, all.length, digest);
    }
    buf_release(&all);
    free(entries);
    return failed;
}

int archive_digest(const void *zip, size_t length, char digest[SHA256_HEX], struct error *e)
{
    zip_error_t z;
    zip_error_init(&z);
    zip_source_t *source = zip_source_buffer_create(zip, length, 0, &z);
    if (!source)
        return zip_failed(&z, "reading the package", e);
    zip_t *archive = zip_open_from_source(source, ZIP_RDONLY, &z);
    if (!archive) {
        zip_source_free(source);
        return zip_failed(&z, "the package is no zip file", e);
    }
    int failed = digest_archive(archive, digest, e);
    zip_discard(archive);
    return failed;
}
