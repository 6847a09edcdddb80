#include "cleanup/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/fs.h"

enum { JOURNAL_MAX = 4 << 20, OPEN_ATTEMPTS = 10 };

static const char prefix[] = "journal-", suffix[] = ".ndjson";
static const char schema[] = "lambda-perf-gate/journal/1";
static const char *const step_names[] = {
    [JOURNAL_INTENT] = "intent", [JOURNAL_CREATED] = "created", [JOURNAL_REMOVED] = "removed"};

/* ---- reading ---- */

/* Where in the file the reading is. */
struct reading {
    struct journal_content *out;
    char run[TEMPORARY_RUN_BYTES]; /* of the lines that follow; "" before the first */
};

static struct journal_entry *find(const struct journal_content *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->entries[i].name, name))
            return &c->entries[i];
    return NULL;
}

static bool read_run(struct reading *r, const struct json *line)
{
    const char *run = json_get_string(line, "run", "");
    const char *endpoint = json_get_string(line, "endpoint", "");
    const char *region = json_get_string(line, "region", "");
    struct journal_content *c = r->out;
    if (strcmp(json_get_string(line, "schema", ""), schema) != 0 || !temporary_is_run(run) ||
        !*endpoint || !*region)
        return false;
    if (c->endpoint && (strcmp(c->endpoint, endpoint) != 0 || strcmp(c->region, region) != 0))
        return false;
    if (!c->endpoint) {
        c->endpoint = xstrdup(endpoint);
        c->region = xstrdup(region);
    }
    snprintf(r->run, sizeof r->run, "%s", run);
    return true;
}

static bool read_intent(struct reading *r, const char *name, const struct json *line)
{
    char run[TEMPORARY_RUN_BYTES];
    if (!temporary_name_run(name, run) || strcmp(run, r->run) != 0)
        return false;
    struct journal_entry *entry = find(r->out, name);
    if (!entry) {
        entry = ARRAY_PUSH(r->out->entries, r->out->count, r->out->capacity);
        entry->name = xstrdup(name);
        memcpy(entry->run, run, sizeof run);
    }
    entry->step = JOURNAL_INTENT;
    entry->intent_ns = clock_parse_basic(json_get_string(line, "at", ""));
    return true;
}

/* "created" or "removed". */
static bool read_outcome(struct reading *r, const char *name, enum journal_step step,
                         const struct json *line)
{
    struct journal_entry *entry = find(r->out, name);
    const char *account = json_get_string(line, "account", "");
    if (!entry)
        return false;
    entry->step = step;
    if (strlen(account) == sizeof entry->account - 1)
        memcpy(entry->account, account, sizeof entry->account);
    return true;
}

static bool read_line(struct reading *r, const char *text, size_t length)
{
    struct json *line = json_parse(text, length, NULL);
    const char *step = json_get_string(line, "step", "");
    const char *name = json_get_string(line, "function", "");
    bool good = false;
    if (!strcmp(step, "run"))
        good = read_run(r, line);
    else if (!strcmp(step, step_names[JOURNAL_INTENT]))
        good = read_intent(r, name, line);
    else if (!strcmp(step, step_names[JOURNAL_CREATED]))
        good = read_outcome(r, name, JOURNAL_CREATED, line);
    else if (!strcmp(step, step_names[JOURNAL_REMOVED]))
        good = read_outcome(r, name, JOURNAL_REMOVED, line);
    json_free(line);
    return good;
}

void journal_parse(const char *text, size_t length, struct journal_content *out)
{
    struct reading r = {.out = out};
    unsigned number = 0;
    *out = (struct journal_content){0};
    while (out->whole_bytes < length) {
        const char *line = text + out->whole_bytes;
        const char *newline = memchr(line, '\n', length - out->whole_bytes);
        if (!newline)
            return;
        number++;
        if (!read_line(&r, line, (size_t)(newline - line)) && !out->damaged_line)
            out->damaged_line = number;
        out->whole_bytes += (size_t)(newline - line) + 1;
    }
}

void journal_content_release(struct journal_content *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->entries[i].name);
    free(c->entries);
    free(c->endpoint);
    free(c->region);
    *c = (struct journal_content){0};
}

size_t journal_open_entries(const struct journal_content *c)
{
    size_t open = 0;
    for (size_t i = 0; i < c->count; i++)
        open += c->entries[i].step != JOURNAL_REMOVED;
    return open;
}

/* ---- names ---- */

char *journal_path(const char *folder, const char *run)
{
    char *name = xasprintf("%s%s%s", prefix, run, suffix);
    char *path = fs_join(folder, name);
    free(name);
    return path;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void journal_paths_find(const char *folder, struct journal_paths *out)
{
    *out = (struct journal_paths){0};
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (!text_starts(entry->d_name, prefix) || !text_ends(entry->d_name, suffix))
            continue;
        char **slot = ARRAY_PUSH(out->items, out->count, out->capacity);
        *slot = fs_join(folder, entry->d_name);
    }
    if (dir)
        closedir(dir);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, compare_paths);
}

void journal_paths_release(struct journal_paths *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->items[i]);
    free(p->items);
    *p = (struct journal_paths){0};
}

/* ---- opening ---- */

/* Whether the path still names the file that is open: its last owner may just have removed it. */
static bool is_still_there(int fd, const char *path)
{
    struct stat opened, named;
    return !fstat(fd, &opened) && !lstat(path, &named) && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

static int check_file(int fd, const char *path, struct error *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return error_errno(e, ERROR_SYSTEM, "the journal '%s'", path);
    if (!S_ISREG(st.st_mode))
        return error_set(e, ERROR_SYSTEM, "the journal '%s' is not a regular file", path);
    if (st.st_uid != geteuid())
        return error_set(e, ERROR_SYSTEM, "the journal '%s' belongs to another user", path);
    return 0;
}

/* The descriptor of the file, locked; -1 on failure. */
static int open_locked(const char *path, bool make, struct error *e)
{
    int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (make ? O_CREAT : 0);
    for (int attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
        int fd = open(path, flags, 0600);
        if (fd < 0)
            return error_errno(e, ERROR_SYSTEM, "cannot open the journal '%s'", path);
        if (check_file(fd, path, e)) {
            close(fd);
            return -1;
        }
        bool locked = !flock(fd, LOCK_EX | LOCK_NB);
        if (locked && is_still_there(fd, path))
            return fd;
        close(fd);
        if (!locked)
            return error_set(e, ERROR_USAGE, "the journal '%s' is in use by another run", path);
    }
    return error_set(e, ERROR_SYSTEM, "the journal '%s' comes and goes", path);
}

static int check_place(const struct journal *j, const struct journal_place *place, struct error *e)
{
    const struct journal_content *c = &j->content;
    if (!c->endpoint)
        return 0;
    if (strcmp(c->endpoint, place->endpoint) != 0 || strcmp(c->region, place->region) != 0)
        return error_set(e, ERROR_USAGE, "the journal '%s' is of %s in %s, not of %s in %s",
                         j->path, c->endpoint, c->region, place->endpoint, place->region);
    return 0;
}

static int read_content(struct journal *j, struct error *e)
{
    struct buf text;
    buf_init(&text);
    int failed = fs_read(j->path, JOURNAL_MAX, &text, e);
    if (!failed) {
        journal_parse(text.data, text.length, &j->content);
        if (j->content.whole_bytes < text.length && ftruncate(j->fd, (off_t)j->content.whole_bytes))
            failed = error_errno(e, ERROR_SYSTEM, "cannot write the journal '%s'", j->path);
    }
    buf_release(&text);
    return failed;
}

/* ---- writing ---- */

/* Writes the line and makes sure that it outlives the machine. */
static int append(struct journal *j, struct buf *line, struct error *e)
{
    buf_addch(line, '\n');
    off_t end = lseek(j->fd, 0, SEEK_END);
    if (fs_write_all(j->fd, line->data, line->length) || fsync(j->fd)) {
        error_errno(e, ERROR_SYSTEM, "cannot write the journal '%s'", j->path);
        if (end < 0 || ftruncate(j->fd, end)) /* half a line would spoil the next */
            error_suffix(e, "; its last line is not whole");
        return -1;
    }
    return 0;
}

static void begin_line(struct json_writer *w, struct buf *line, const char *step)
{
    buf_init(line);
    json_begin(w, line, 0);
    json_open_object(w, NULL);
    json_put_string(w, "step", step);
}

static void put_time(struct json_writer *w, uint64_t wall_ns)
{
    char stamp[CLOCK_STAMP_BYTES];
    clock_stamp_basic(wall_ns, stamp);
    json_put_string(w, "at", stamp);
}

static int begin_run(struct journal *j, const struct journal_place *place, const char *run,
                     struct error *e)
{
    struct json_writer w;
    struct buf line;
    begin_line(&w, &line, "run");
    json_put_string(&w, "schema", schema);
    json_put_string(&w, "run", run);
    json_put_string(&w, "endpoint", place->endpoint);
    json_put_string(&w, "region", place->region);
    json_put_integer(&w, "pid", getpid());
    put_time(&w, clock_wall_ns());
    json_close(&w);
    int failed = append(j, &line, e);
    buf_release(&line);
    if (failed)
        return -1;
    fs_sync_folder_of(j->path);
    snprintf(j->run, sizeof j->run, "%s", run);
    if (!j->content.endpoint) {
        j->content.endpoint = xstrdup(place->endpoint);
        j->content.region = xstrdup(place->region);
    }
    return 0;
}

/* Without looking at what it says: a file that was refused is left as it is. */
static void let_go(struct journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    journal_content_release(&j->content);
    free(j->path);
    free(j);
}

struct journal *journal_open(const char *path, const struct journal_place *place, const char *run,
                             struct error *e)
{
    struct journal *j = xcalloc(1, sizeof *j);
    j->path = xstrdup(path);
    j->fd = open_locked(path, run != NULL, e);
    if (j->fd < 0 || read_content(j, e) || check_place(j, place, e) ||
        (run && begin_run(j, place, run, e))) {
        let_go(j);
        return NULL;
    }
    return j;
}

int journal_intend(struct journal *j, const char *name, struct error *e)
{
    struct json_writer w;
    struct buf line;
    uint64_t now = clock_wall_ns();
    begin_line(&w, &line, step_names[JOURNAL_INTENT]);
    json_put_string(&w, "function", name);
    put_time(&w, now);
    json_close(&w);
    int failed = append(j, &line, e);
    buf_release(&line);
    if (failed)
        return -1;
    struct journal_content *c = &j->content;
    struct journal_entry *entry = find(c, name);
    if (!entry) {
        entry = ARRAY_PUSH(c->entries, c->count, c->capacity);
        entry->name = xstrdup(name);
    }
    memcpy(entry->run, j->run, sizeof entry->run);
    entry->intent_ns = now;
    entry->step = JOURNAL_INTENT;
    return 0;
}

static int note(struct journal *j, const char *name, enum journal_step step, const char *account,
                struct error *e)
{
    struct json_writer w;
    struct buf line;
    begin_line(&w, &line, step_names[step]);
    json_put_string(&w, "function", name);
    if (*account)
        json_put_string(&w, "account", account);
    json_close(&w);
    int failed = append(j, &line, e);
    buf_release(&line);
    struct journal_entry *entry = find(&j->content, name);
    if (!entry || failed)
        return failed;
    entry->step = step;
    if (strlen(account) == sizeof entry->account - 1)
        memcpy(entry->account, account, sizeof entry->account);
    return 0;
}

int journal_note_created(struct journal *j, const char *name, const char *account, struct error *e)
{
    return note(j, name, JOURNAL_CREATED, account, e);
}

int journal_note_removed(struct journal *j, const char *name, struct error *e)
{
    return note(j, name, JOURNAL_REMOVED, "", e);
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (!j->content.damaged_line && !journal_open_entries(&j->content))
        unlink(j->path);
    let_go(j);
}
