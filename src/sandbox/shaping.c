#include "sandbox/shaping.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/fs.h"

#define FOLDER_PREFIX "lambda-perf-gate-"

enum { TEXT_MAX = 512, FILE_LIMIT = 64 * 1024, MIN_QUOTA_US = 1000, NONE = -1 };

/* What is controlled. In version 1 each has a hierarchy of its own, in version 2 all share one. */
enum kind { KIND_CPU, KIND_MEMORY, KIND_USAGE, KINDS };

static const char *const kind_names[KINDS] = {"cpu", "memory", "cpuacct"};

/* The files of the two versions. */
static const struct version {
    const char *mechanism;
    const char *quota;
    const char *limit;
    const char *swap_limit;
    const char *peak;
    const char *peak_fallback;
    const char *events; /* holds a line "oom_kill N" */
    const char *usage;
    const char *usage_key; /* NULL: the file is one number, in ns; else the value is in µs */
} versions[] = {
    {"cgroup v1", "cpu.cfs_quota_us", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
     "memory.max_usage_in_bytes", NULL, "memory.oom_control", "cpuacct.usage", NULL},
    {"cgroup v2", "cpu.max", "memory.max", "memory.swap.max", "memory.peak", "memory.current",
     "memory.events", "cpu.stat", "usage_usec "},
};

struct shaping {
    struct pool_shaping state;
    const struct version *version; /* NULL: nothing is limited */
    char *folders[KINDS];          /* ours; NULL: that kind is not controlled */
    struct cgroup *graveyard;      /* could not be removed yet */
};

struct cgroup {
    struct shaping *shaping;
    struct cgroup *next; /* in the graveyard */
    char *folders[KINDS];
    int quota_fd, peak_fd, usage_fd;
    unsigned quota_us;
    uint64_t limit_bytes;
};

/* --- small files --- */

static bool is_v2(const struct shaping *s)
{
    return s->version == &versions[1];
}

/*
 * O_CREAT does nothing in a cgroup file system, where files cannot be made; it is for trees
 * made by tests.
 */
static int open_in(const char *folder, const char *name, int flags)
{
    char *path = fs_join(folder, name);
    int fd = open(path, flags | O_CLOEXEC | (flags & O_WRONLY ? O_CREAT : 0), 0600);
    free(path);
    return fd;
}

static int write_file(const char *folder, const char *name, const char *text)
{
    int fd = open_in(folder, name, O_WRONLY | O_TRUNC);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    int saved = errno;
    close(fd);
    errno = saved;
    return n < 0 ? -1 : 0;
}

static bool read_fd(int fd, char *text, size_t room)
{
    ssize_t n = fd < 0 ? -1 : pread(fd, text, room - 1, 0);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return true;
}

/* The number at the start of the file, or behind `key`; 0 when there is none. */
static uint64_t read_number(int fd, const char *key)
{
    char text[TEXT_MAX];
    if (!read_fd(fd, text, sizeof text))
        return 0;
    const char *at = key ? strstr(text, key) : text;
    return at ? strtoull(at + (key ? strlen(key) : 0), NULL, 10) : 0;
}

static bool file_has_word(const char *folder, const char *name, const char *word)
{
    char *path = fs_join(folder, name);
    struct buf text;
    buf_init(&text);
    bool found = false;
    size_t length = strlen(word);
    if (!fs_read(path, FILE_LIMIT, &text, NULL))
        for (char *at = text.data; (at = strstr(at, word)); at += length)
            if ((at == text.data || strchr(" \n", at[-1])) && strchr(" \n", at[length]))
                found = true;
    buf_release(&text);
    free(path);
    return found;
}

/* --- removing cgroups --- */

static void kill_members(const char *folder)
{
    char *path = fs_join(folder, "cgroup.procs");
    struct buf text;
    buf_init(&text);
    if (!fs_read(path, FILE_LIMIT, &text, NULL)) {
        char *end = text.data;
        for (char *at = text.data; *at; at = *end ? end + 1 : end) {
            long pid = strtol(at, &end, 10);
            if (pid > 1 && pid != getpid())
                kill((pid_t)pid, SIGKILL);
            if (end == at)
                break;
        }
    }
    buf_release(&text);
    free(path);
}

/* Removes a dead emulator's folder with the environments in it. */
static void remove_folder(const char *folder)
{
    DIR *d = opendir(folder);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        char *child = fs_join(folder, entry->d_name);
        if (entry->d_name[0] != '.' && fs_is_dir(child)) {
            kill_members(child);
            rmdir(child);
        }
        free(child);
    }
    closedir(d);
    rmdir(folder);
}

static void remove_stale(const char *parent)
{
    DIR *d = opendir(parent);
    if (!d)
        return;
    size_t prefix = strlen(FOLDER_PREFIX);
    for (struct dirent *entry; (entry = readdir(d));) {
        if (strncmp(entry->d_name, FOLDER_PREFIX, prefix) != 0)
            continue;
        char *end;
        long pid = strtol(entry->d_name + prefix, &end, 10);
        if (*end || pid <= 1 || !kill((pid_t)pid, 0) || errno != ESRCH)
            continue;
        char *folder = fs_join(parent, entry->d_name);
        remove_folder(folder);
        free(folder);
    }
    closedir(d);
}

/* --- finding a place --- */

/*
 * Our path in the hierarchy of `controller` ("" is version 2); NULL when there is none. The
 * caller frees.
 */
static char *own_path(const char *self, const char *controller)
{
    char *found = NULL;
    size_t length = strlen(controller);
    for (const char *line = self; *line && !found;) {
        size_t line_length = strcspn(line, "\n");
        const char *list = strchr(line, ':');
        const char *path = list ? strchr(list + 1, ':') : NULL;
        if (path && path < line + line_length) {
            for (const char *name = list + 1; name <= path && !found;
                 name += strcspn(name, ",:") + 1)
                if (strcspn(name, ",:") == length && !strncmp(name, controller, length))
                    found = xstrndup(path + 1, (size_t)(line + line_length - path - 1));
        }
        line += line_length + (line[line_length] == '\n');
    }
    return found;
}

/* Cuts the last part off; false at the top. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || !path[1])
        return false;
    slash[slash == path] = '\0';
    return true;
}

/* Whether environments below `folder` can have CPU and memory limits (version 2). */
static bool enable_controllers(const char *parent, const char *folder)
{
    write_file(parent, "cgroup.subtree_control", "+cpu");
    write_file(parent, "cgroup.subtree_control", "+memory");
    if (!file_has_word(folder, "cgroup.controllers", "cpu"))
        return false;
    write_file(folder, "cgroup.subtree_control", "+memory");
    return !write_file(folder, "cgroup.subtree_control", "+cpu");
}

/*
 * Makes our folder at `path` below `mount` or in the nearest place above; NULL with `errno`
 * when nowhere.
 */
static char *make_folder(const char *mount, char *path, pid_t pid, bool unified)
{
    int reason = ENOENT;
    do {
        char *parent = xasprintf("%s%s", mount, path[1] ? path : "");
        char *folder = xasprintf("%s/" FOLDER_PREFIX "%ld", parent, (long)pid);
        remove_stale(parent);
        bool made = !mkdir(folder, 0755) || errno == EEXIST;
        if (!made)
            reason = errno;
        bool usable = made && (!unified || enable_controllers(parent, folder));
        free(parent);
        if (usable)
            return folder;
        if (made) {
            reason = ENOTSUP;
            rmdir(folder);
        }
        free(folder);
    } while (go_up(path));
    errno = reason;
    return NULL;
}

static void set_reason(struct shaping *s, const char *what, const char *why)
{
    if (!s->state.reason[0])
        snprintf(s->state.reason, sizeof s->state.reason, "%s: %s", what, why);
}

static void find_v1(struct shaping *s, const char *root, const char *self, pid_t pid)
{
    for (int kind = 0; kind < KINDS; kind++) {
        char *mount = fs_join(root, kind_names[kind]);
        char *path = own_path(self, kind_names[kind]);
        if (path && fs_is_dir(mount))
            s->folders[kind] = make_folder(mount, path, pid, false);
        if (!s->folders[kind] && kind != KIND_USAGE)
            set_reason(s, kind_names[kind], path ? strerror(errno) : "no such cgroup controller");
        free(path);
        free(mount);
    }
    if (s->folders[KIND_CPU] || s->folders[KIND_MEMORY])
        s->version = &versions[0];
}

/* Version 2, if it has a CPU controller: alone at `root`, or beside version 1. */
static void find_v2(struct shaping *s, const char *root, const char *self, pid_t pid)
{
    static const char *const mounts[] = {".", "unified"};
    for (size_t i = 0; i < ARRAY_LEN(mounts) && !s->version; i++) {
        char *mount = i ? fs_join(root, mounts[i]) : xstrdup(root);
        char *path = own_path(self, "");
        if (path && file_has_word(mount, "cgroup.controllers", "cpu")) {
            s->folders[KIND_CPU] = make_folder(mount, path, pid, true);
            if (s->folders[KIND_CPU])
                s->version = &versions[1];
            else
                set_reason(s, "cgroup v2",
                           errno == ENOTSUP ? "the CPU controller is not delegated to us"
                                            : strerror(errno));
        }
        free(path);
        free(mount);
    }
}

/* An environment that is made and removed again shows whether the limits can be written. */
static void try_limits(struct shaping *s)
{
    struct cgroup *c = cgroup_new(s, 0, SHAPING_MB_PER_CPU);
    s->state.cpu = c && c->quota_fd >= 0;
    s->state.memory = c && c->limit_bytes;
    if (!s->state.cpu)
        set_reason(s, "CPU", "the quota cannot be written");
    if (!s->state.memory)
        set_reason(s, "memory", "the limit cannot be written");
    cgroup_free(c);
}

struct shaping *shaping_new(const struct shaping_options *options)
{
    struct shaping *s = xcalloc(1, sizeof *s);
    s->state.mechanism = "none";
    if (options->disabled) {
        set_reason(s, "limits", "turned off");
        return s;
    }
    const char *root = options->root ? options->root : "/sys/fs/cgroup";
    pid_t pid = options->pid ? options->pid : getpid();
    struct buf self;
    buf_init(&self);
    if (!fs_read(options->self_cgroup ? options->self_cgroup : "/proc/self/cgroup", FILE_LIMIT,
                 &self, NULL)) {
        find_v2(s, root, self.data, pid);
        if (!s->version)
            find_v1(s, root, self.data, pid);
    } else {
        set_reason(s, "cgroups", "this system has none");
    }
    buf_release(&self);
    if (s->version)
        try_limits(s);
    if (s->state.cpu || s->state.memory)
        s->state.mechanism = s->version->mechanism;
    if (s->state.cpu && s->state.memory)
        s->state.reason[0] = '\0';
    return s;
}

const struct pool_shaping *shaping_state(const struct shaping *s)
{
    return &s->state;
}

unsigned shaping_quota_us(unsigned memory_mb)
{
    unsigned quota = (SHAPING_PERIOD_US * memory_mb + SHAPING_MB_PER_CPU / 2) / SHAPING_MB_PER_CPU;
    return quota < MIN_QUOTA_US ? MIN_QUOTA_US : quota;
}

/* --- one cgroup --- */

static void set_quota(struct cgroup *c, unsigned quota_us)
{
    char text[TEXT_MAX];
    int n = is_v2(c->shaping) ? snprintf(text, sizeof text, "%u %d", quota_us, SHAPING_PERIOD_US)
                              : snprintf(text, sizeof text, "%u", quota_us);
    if (c->quota_fd >= 0 && pwrite(c->quota_fd, text, (size_t)n, 0) < 0 && errno != EINTR) {
        close(c->quota_fd);
        c->quota_fd = NONE;
    }
}

static void limit_cpu(struct cgroup *c, unsigned memory_mb)
{
    const char *folder = c->folders[KIND_CPU];
    if (!folder)
        return;
    if (!is_v2(c->shaping) && write_file(folder, "cpu.cfs_period_us", "20000"))
        return;
    c->quota_us = shaping_quota_us(memory_mb);
    c->quota_fd = open_in(folder, c->shaping->version->quota, O_WRONLY);
    set_quota(c, c->quota_us);
}

static const char *memory_folder(const struct cgroup *c)
{
    return c->folders[is_v2(c->shaping) ? KIND_CPU : KIND_MEMORY];
}

static void limit_memory(struct cgroup *c, unsigned memory_mb)
{
    const struct version *v = c->shaping->version;
    const char *folder = memory_folder(c);
    if (!folder)
        return;
    char text[TEXT_MAX];
    uint64_t bytes = (uint64_t)memory_mb * 1024 * 1024;
    snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
    if (write_file(folder, v->limit, text))
        return;
    write_file(folder, v->swap_limit, is_v2(c->shaping) ? "0" : text);
    if (is_v2(c->shaping))
        write_file(folder, "memory.oom.group", "1");
    c->limit_bytes = bytes;
    c->peak_fd = open_in(folder, v->peak, O_RDONLY);
    if (c->peak_fd < 0 && v->peak_fallback)
        c->peak_fd = open_in(folder, v->peak_fallback, O_RDONLY);
}

static bool make_own_folders(struct cgroup *c, unsigned serial)
{
    for (int kind = 0; kind < KINDS; kind++) {
        if (!c->shaping->folders[kind])
            continue;
        char *folder = xasprintf("%s/%u", c->shaping->folders[kind], serial);
        if (!mkdir(folder, 0755) || errno == EEXIST) {
            c->folders[kind] = folder;
        } else {
            free(folder);
        }
    }
    return c->folders[KIND_CPU] || c->folders[KIND_MEMORY];
}

static bool try_remove(struct cgroup *c)
{
    bool gone = true;
    for (int kind = 0; kind < KINDS; kind++) {
        if (!c->folders[kind] || (rmdir(c->folders[kind]) && errno == EBUSY)) {
            gone = gone && !c->folders[kind];
            continue;
        }
        free(c->folders[kind]);
        c->folders[kind] = NULL;
    }
    return gone;
}

static void sweep_graveyard(struct shaping *s)
{
    struct cgroup **link = &s->graveyard;
    while (*link) {
        struct cgroup *c = *link;
        if (try_remove(c)) {
            *link = c->next;
            free(c);
        } else {
            link = &c->next;
        }
    }
}

struct cgroup *cgroup_new(struct shaping *s, unsigned serial, unsigned memory_mb)
{
    if (!s->version)
        return NULL;
    sweep_graveyard(s);
    struct cgroup *c = xcalloc(1, sizeof *c);
    c->shaping = s;
    c->quota_fd = c->peak_fd = c->usage_fd = NONE;
    if (!make_own_folders(c, serial)) {
        cgroup_free(c);
        return NULL;
    }
    limit_cpu(c, memory_mb);
    limit_memory(c, memory_mb);
    const char *usage = is_v2(s) ? c->folders[KIND_CPU] : c->folders[KIND_USAGE];
    if (usage)
        c->usage_fd = open_in(usage, s->version->usage, O_RDONLY);
    return c;
}

static void close_all(struct cgroup *c)
{
    int *fds[] = {&c->quota_fd, &c->peak_fd, &c->usage_fd};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = NONE;
    }
}

void cgroup_free(struct cgroup *c)
{
    if (!c)
        return;
    close_all(c);
    if (try_remove(c)) {
        free(c);
        return;
    }
    cgroup_kill(c);
    c->next = c->shaping->graveyard;
    c->shaping->graveyard = c;
}

size_t cgroup_joins(const struct cgroup *c, int *fds, size_t room)
{
    size_t count = 0;
    for (int kind = 0; c && kind < KINDS && count < room; kind++) {
        int fd = c->folders[kind] ? open_in(c->folders[kind], "cgroup.procs", O_WRONLY) : NONE;
        if (fd >= 0)
            fds[count++] = fd;
    }
    return count;
}

void cgroup_boost(struct cgroup *c)
{
    unsigned boost = SHAPING_INIT_CPUS * SHAPING_PERIOD_US;
    if (c)
        set_quota(c, c->quota_us > boost ? c->quota_us : boost);
}

void cgroup_clamp(struct cgroup *c)
{
    if (c)
        set_quota(c, c->quota_us);
}

uint64_t cgroup_cpu_ns(const struct cgroup *c)
{
    if (!c || c->usage_fd < 0)
        return 0;
    const char *key = c->shaping->version->usage_key;
    return read_number(c->usage_fd, key) * (key ? 1000 : 1);
}

uint64_t cgroup_peak_bytes(const struct cgroup *c)
{
    return c ? read_number(c->peak_fd, NULL) : 0;
}

bool cgroup_limits_memory(const struct cgroup *c)
{
    return c && c->limit_bytes;
}

bool cgroup_out_of_memory(const struct cgroup *c)
{
    if (!cgroup_limits_memory(c))
        return false;
    int fd = open_in(memory_folder(c), c->shaping->version->events, O_RDONLY);
    bool killed = read_number(fd, "oom_kill ") > 0;
    if (fd >= 0)
        close(fd);
    return killed;
}

void cgroup_kill(struct cgroup *c)
{
    if (!c)
        return;
    for (int kind = 0; kind < KINDS; kind++) {
        if (!c->folders[kind])
            continue;
        if (is_v2(c->shaping) && !write_file(c->folders[kind], "cgroup.kill", "1"))
            return;
        kill_members(c->folders[kind]);
    }
}

void shaping_free(struct shaping *s)
{
    if (!s)
        return;
    sweep_graveyard(s);
    for (int tries = 0; s->graveyard && tries < 50; tries++) {
        cgroup_kill(s->graveyard);
        clock_sleep_ns(2 * NS_PER_MS); /* killed processes leave in their own time */
        sweep_graveyard(s);
    }
    while (s->graveyard) {
        struct cgroup *c = s->graveyard;
        s->graveyard = c->next;
        for (int kind = 0; kind < KINDS; kind++)
            free(c->folders[kind]);
        free(c);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        if (s->folders[kind])
            rmdir(s->folders[kind]);
        free(s->folders[kind]);
    }
    free(s);
}
