#include "os/machine.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "os/fs.h"

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

struct machine_times machine_times(void)
{
    struct machine_times t = {0};
    uint64_t v[8];
    struct buf stat;
    buf_init(&stat);
    /* user nice system idle iowait irq softirq steal: proc_stat(5) */
    if (!fs_read("/proc/stat", 1 << 20, &stat, NULL) &&
        sscanf(stat.data,
               "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64 " %" SCNu64,
               &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 8) {
        for (size_t i = 0; i < ARRAY_LEN(v); i++)
            t.total += v[i];
        t.stolen = v[7];
    }
    buf_release(&stat);
    return t;
}

double machine_stolen_share(struct machine_times before, struct machine_times after)
{
    if (after.total <= before.total || after.stolen < before.stolen)
        return 0;
    return (double)(after.stolen - before.stolen) / (double)(after.total - before.total);
}

uint64_t machine_read_stall_us(const char *text)
{
    uint64_t us = 0;
    const char *full = strstr(text, "full ");
    const char *total = full ? strstr(full, "total=") : NULL;
    return total && sscanf(total, "total=%" SCNu64, &us) == 1 ? us : 0;
}

uint64_t machine_memory_stall_us(void)
{
    struct buf text;
    buf_init(&text);
    uint64_t us =
        fs_read("/proc/pressure/memory", 4096, &text, NULL) ? 0 : machine_read_stall_us(text.data);
    buf_release(&text);
    return us;
}

char *machine_program(void)
{
    char path[PATH_MAX];
#ifdef __APPLE__
    uint32_t size = sizeof path;
    return _NSGetExecutablePath(path, &size) ? NULL : xstrdup(path);
#else
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    return n > 0 ? xstrndup(path, (size_t)n) : NULL;
#endif
}
