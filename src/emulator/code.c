#include "emulator/code.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "emulator/zip_layout.h"
#include "os/fs.h"

enum {
    CHUNK_BYTES = 64 * 1024,
    NAME_BYTES_MAX = 1024,
    LINK_BYTES_MAX = 1024,
    RATIO_FLOOR_BYTES = 10 * 1024 * 1024, /* below it no ratio is suspicious */
    MODE_KEPT = 0755,
    MODE_FILE = 0644, /* of entries that tell none */
    MODE_FOLDER = 0755,
};

enum kind { KIND_FILE, KIND_FOLDER, KIND_LINK };

struct entry {
    const char *name; /* the archive's */
    enum kind kind;
    mode_t mode;
    uint64_t size;
};

struct unpacking {
    zip_t *archive;
    int root;
    struct entry *entries;
    size_t count;
    uint64_t packed_bytes;
    uint64_t total;
    struct fault *f;
};

static int refuse(struct fault *f, const char *name, const char *why)
{
    return fault_set(
        f, FAULT_PARAMETER,
        "Could not unzip uploaded file. Please check your file, then try to upload again. "
        "Entry '%.200s': %s.",
        name, why);
}

static int disk_failed(struct fault *f, const char *name)
{
    return fault_set(f, FAULT_SERVICE, "The package could not be unpacked at '%.200s': %s", name,
                     strerror(errno));
}

/* Whether the name stays inside the folder; "." parts are harmless. */
static const char *bad_name(const char *name)
{
    if (!*name || strlen(name) > NAME_BYTES_MAX)
        return "the name is empty or too long";
    if (*name == '/')
        return "the name is absolute";
    if (strchr(name, '\\'))
        return "the name has a backslash";
    for (const char *part = name; *part;) {
        size_t length = strcspn(part, "/");
        if (length == 2 && part[0] == '.' && part[1] == '.')
            return "the name has a '..'";
        if (length == 0 || length > NAME_MAX)
            return "a part of the name is empty or too long";
        part += length;
        part += *part == '/';
    }
    return NULL;
}

static int read_kind(struct unpacking *u, zip_uint64_t index, struct entry *entry)
{
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    if (zip_file_get_external_attributes(u->archive, index, 0, &system, &attributes))
        return refuse(u->f, entry->name, "its attributes cannot be read");
    bool folder_name = entry->name[strlen(entry->name) - 1] == '/';
    mode_t mode = system == ZIP_OPSYS_UNIX || system == ZIP_OPSYS_OS_X ? attributes >> 16 : 0;
    entry->kind = folder_name ? KIND_FOLDER : KIND_FILE;
    entry->mode = mode & MODE_KEPT ? mode & MODE_KEPT : MODE_FILE;
    switch (mode & S_IFMT) {
    case 0:
        return 0;
    case S_IFREG:
        return folder_name ? refuse(u->f, entry->name, "a file's name ends in '/'") : 0;
    case S_IFDIR:
        entry->kind = KIND_FOLDER;
        return 0;
    case S_IFLNK:
        entry->kind = KIND_LINK;
        return folder_name ? refuse(u->f, entry->name, "a link's name ends in '/'") : 0;
    default:
        return refuse(u->f, entry->name, "it is neither a file, a folder nor a link");
    }
}

static int read_entry(struct unpacking *u, zip_uint64_t index, struct entry *entry)
{
    const zip_uint64_t wanted =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(u->archive, index, ZIP_FL_ENC_RAW, &stat) || (stat.valid & wanted) != wanted)
        return refuse(u->f, "?", "its header cannot be read");
    *entry = (struct entry){.name = stat.name, .size = stat.size};
    const char *why = bad_name(entry->name);
    if (why)
        return refuse(u->f, entry->name, why);
    if (stat.encryption_method != ZIP_EM_NONE)
        return refuse(u->f, entry->name, "it is encrypted");
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
        return refuse(u->f, entry->name, "only stored and deflated entries are supported");
    return read_kind(u, index, entry);
}

/* The sum of the sizes that the headers promise. */
static int check_sums(const struct unpacking *u)
{
    uint64_t size = 0;
    for (size_t i = 0; i < u->count; i++) {
        if (u->entries[i].size > CODE_UNZIPPED_MAX - size)
            return fault_set(u->f, FAULT_PARAMETER, "Unzipped size must be smaller than %d bytes",
                             CODE_UNZIPPED_MAX);
        size += u->entries[i].size;
    }
    if (size > RATIO_FLOOR_BYTES && size / CODE_RATIO_MAX > u->packed_bytes)
        return fault_set(u->f, FAULT_PARAMETER,
                         "The package unpacks to more than %d times its size; it is refused.",
                         CODE_RATIO_MAX);
    return 0;
}

static int read_entries(struct unpacking *u)
{
    zip_int64_t count = zip_get_num_entries(u->archive, 0);
    if (count < 1)
        return fault_set(u->f, FAULT_PARAMETER, "Uploaded file must be a non-empty zip");
    if (count > CODE_ENTRIES_MAX)
        return fault_set(u->f, FAULT_PARAMETER, "The package has more than %d entries.",
                         CODE_ENTRIES_MAX);
    u->count = (size_t)count;
    u->entries = xcalloc(u->count, sizeof *u->entries);
    for (size_t i = 0; i < u->count; i++)
        if (read_entry(u, i, &u->entries[i]))
            return -1;
    return check_sums(u);
}

/*
 * Opens a folder inside `parent`, making it where it is missing; never through a link. Closes
 * `parent`.
 */
static int enter(int parent, const char *part)
{
    bool made = mkdirat(parent, part, MODE_FOLDER) == 0;
    int fd = -1;
    if (made || errno == EEXIST)
        fd = openat(parent, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && made)
        (void)fchmod(fd, MODE_FOLDER); /* whatever our umask is */
    int saved = errno;
    close(parent);
    errno = saved;
    return fd;
}

/*
 * Descends to the folder that holds the last part of `name`, which goes to `last` ("" when the name
 * ends in '/'). A descriptor, or -1 with errno.
 */
static int descend(const struct unpacking *u, const char *name, char last[NAME_MAX + 1])
{
    int fd = fcntl(u->root, F_DUPFD_CLOEXEC, 0);
    while (fd >= 0) {
        size_t length = strcspn(name, "/");
        memcpy(last, name, length);
        last[length] = '\0';
        if (!name[length])
            return fd;
        if (strcmp(last, ".") != 0)
            fd = enter(fd, last);
        name += length + 1;
    }
    return -1;
}

static int inflate_to(struct unpacking *u, zip_file_t *source, const struct entry *entry, int fd)
{
    char *chunk = xmalloc(CHUNK_BYTES);
    uint64_t written = 0;
    int rc = 0;
    for (;;) {
        zip_int64_t n = zip_fread(source, chunk, CHUNK_BYTES);
        if (n == 0)
            break;
        if (n < 0) {
            rc = refuse(u->f, entry->name, "its data is damaged");
            break;
        }
        written += (uint64_t)n;
        u->total += (uint64_t)n;
        if (written > entry->size || u->total > CODE_UNZIPPED_MAX) {
            rc = refuse(u->f, entry->name, "it is larger than its header says");
            break;
        }
        if (fs_write_all(fd, chunk, (size_t)n)) {
            rc = disk_failed(u->f, entry->name);
            break;
        }
    }
    free(chunk);
    if (rc == 0 && written != entry->size)
        rc = refuse(u->f, entry->name, "it is smaller than its header says");
    return rc;
}

static int write_file(struct unpacking *u, size_t index, int folder, const char *last)
{
    const struct entry *entry = &u->entries[index];
    int fd = openat(folder, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return refuse(u->f, entry->name, "the name comes twice");
    if (fd < 0)
        return disk_failed(u->f, entry->name);
    zip_file_t *source = zip_fopen_index(u->archive, index, 0);
    int rc = source ? inflate_to(u, source, entry, fd)
                    : refuse(u->f, entry->name, "its data is damaged");
    if (source)
        (void)zip_fclose(source);
    if (rc == 0 && fchmod(fd, entry->mode))
        rc = disk_failed(u->f, entry->name);
    if (close(fd) && rc == 0)
        rc = disk_failed(u->f, entry->name);
    return rc;
}

/*
 * Whether a link at `name` stays inside: relative, and ".." only at the front and no more often
 * than the link is deep. The folders above a link are real ones (enter() follows no links), so
 * climbing them is safe; a ".." behind a name is refused, because that name could be a link itself.
 */
static bool link_stays_inside(const char *name, const char *target)
{
    size_t depth = 0;
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
        depth++;
    if (*target == '/' || !*target)
        return false;
    bool front = true;
    for (const char *part = target; *part;) {
        size_t length = strcspn(part, "/");
        bool up = length == 2 && part[0] == '.' && part[1] == '.';
        bool stay = length == 0 || (length == 1 && part[0] == '.');
        if (up && (!front || depth-- == 0))
            return false;
        if (!up && !stay)
            front = false;
        part += length;
        part += *part == '/';
    }
    return true;
}

static int make_link(struct unpacking *u, size_t index, int folder, const char *last)
{
    const struct entry *entry = &u->entries[index];
    char target[LINK_BYTES_MAX + 1];
    zip_file_t *source = zip_fopen_index(u->archive, index, 0);
    zip_int64_t n = source ? zip_fread(source, target, sizeof target) : -1;
    if (source)
        (void)zip_fclose(source);
    if (n < 0 || n > LINK_BYTES_MAX)
        return refuse(u->f, entry->name, "the link's target is damaged or too long");
    target[n] = '\0';
    if (strlen(target) != (size_t)n || !link_stays_inside(entry->name, target))
        return refuse(u->f, entry->name, "the link leads out of the package");
    if (symlinkat(target, folder, last) == 0)
        return 0;
    return errno == EEXIST ? refuse(u->f, entry->name, "the name comes twice")
                           : disk_failed(u->f, entry->name);
}

static int extract_entry(struct unpacking *u, size_t index)
{
    const struct entry *entry = &u->entries[index];
    char last[NAME_MAX + 1];
    int folder = descend(u, entry->name, last);
    if (folder < 0)
        return errno == ENOTDIR || errno == ELOOP
                   ? refuse(u->f, entry->name, "a file or link is in the place of a folder")
                   : disk_failed(u->f, entry->name);
    int rc = 0;
    if (entry->kind == KIND_LINK)
        rc = make_link(u, index, folder, last);
    else if (entry->kind == KIND_FILE)
        rc = write_file(u, index, folder, last);
    else if (*last && strcmp(last, ".") != 0)
        folder = enter(folder, last);
    if (folder < 0)
        return refuse(u->f, entry->name, "a file or link is in the place of a folder");
    close(folder);
    return rc;
}

/* Links come last: while files are written there is none to be followed. */
static int extract(struct unpacking *u)
{
    for (size_t i = 0; i < u->count; i++)
        if (u->entries[i].kind != KIND_LINK && extract_entry(u, i))
            return -1;
    for (size_t i = 0; i < u->count; i++)
        if (u->entries[i].kind == KIND_LINK && extract_entry(u, i))
            return -1;
    return 0;
}

static int unpack_archive(zip_t *archive, uint64_t packed_bytes, const char *directory,
                          struct fault *f)
{
    struct unpacking u = {.archive = archive, .root = -1, .packed_bytes = packed_bytes, .f = f};
    int rc = read_entries(&u);
    struct error e;
    if (rc == 0 && fs_make_dirs(directory, &e))
        rc = fault_set(f, FAULT_SERVICE, "%s", e.text);
    if (rc == 0) {
        u.root = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        rc = u.root < 0 ? disk_failed(f, directory) : extract(&u);
    }
    if (u.root >= 0)
        close(u.root);
    free(u.entries);
    return rc;
}

static zip_t *broken_archive(struct fault *f, const char *why)
{
    fault_set(f, FAULT_PARAMETER,
              "Could not unzip uploaded file. Please check your file, then try to upload again. "
              "(The archive has %s.)",
              why);
    return NULL;
}

static zip_t *open_archive(const void *zip, size_t length, struct fault *f)
{
    size_t count;
    const char *why = zip_layout_check(zip, length, &count);
    if (why)
        return broken_archive(f, why);
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(zip, length, 0, &error);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (!archive && source)
        zip_source_free(source);
    if (!archive)
        broken_archive(f, "a directory that cannot be read");
    zip_error_fini(&error);
    if (archive && zip_get_num_entries(archive, 0) != (zip_int64_t)count) {
        zip_discard(archive);
        return broken_archive(f, "two directories");
    }
    return archive;
}

char *code_sha256(const void *zip, size_t length)
{
    unsigned char digest[SHA256_BYTES];
    hash_sha256(zip, length, digest);
    struct buf text;
    buf_init(&text);
    base64_encode(&text, digest, sizeof digest);
    return buf_detach(&text);
}

static int save_zip(const struct function_code *c, const void *zip, size_t length, struct fault *f)
{
    struct error e;
    char *path = function_code_zip_path(c);
    int rc = fs_write(path, zip, length, &e);
    free(path);
    return rc ? fault_set(f, FAULT_SERVICE, "%s", e.text) : 0;
}

struct function_code *code_unpack(const char *root, unsigned serial, const void *zip, size_t length,
                                  struct fault *f)
{
    if (length == 0) {
        fault_set(f, FAULT_PARAMETER, "Uploaded file must be a non-empty zip");
        return NULL;
    }
    if (length > CODE_ZIP_MAX) {
        fault_set(f, FAULT_TOO_LARGE, "The package must be smaller than %d bytes", CODE_ZIP_MAX);
        return NULL;
    }
    zip_t *archive = open_archive(zip, length, f);
    if (!archive)
        return NULL;
    char hex[SHA256_HEX];
    hash_sha256_hex(zip, length, hex);
    struct function_code *c = xcalloc(1, sizeof *c);
    c->references = 1;
    c->directory = xasprintf("%s/%s-%u", root, hex, serial);
    c->sha256 = code_sha256(zip, length);
    c->zip_bytes = length;
    int rc = unpack_archive(archive, length, c->directory, f);
    zip_discard(archive);
    if (rc || save_zip(c, zip, length, f)) {
        function_code_unref(c); /* removes what was written */
        return NULL;
    }
    return c;
}
