#include "os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t))
        return 0;
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t clock_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t clock_process_cpu_ns(pid_t pid)
{
#ifdef __linux__
    clockid_t id;
    if (clock_getcpuclockid(pid, &id))
        return 0;
    return read_clock(id);
#else
    (void)pid;
    return 0;
#endif
}

void clock_sleep_ns(uint64_t ns)
{
    struct timespec left = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

static struct tm to_utc(uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    return parts;
}

void clock_stamp_basic(uint64_t wall_ns, char *out)
{
    struct tm t = to_utc(wall_ns);
    strftime(out, CLOCK_STAMP_BYTES, "%Y%m%dT%H%M%SZ", &t);
}

void clock_stamp_iso(uint64_t wall_ns, char *out)
{
    struct tm t = to_utc(wall_ns);
    size_t used = strftime(out, CLOCK_STAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + used, CLOCK_STAMP_BYTES - used, ".%03uZ",
             (unsigned)(wall_ns / NS_PER_MS % 1000));
}

void clock_stamp_day(uint64_t wall_ns, char *out)
{
    struct tm t = to_utc(wall_ns);
    strftime(out, CLOCK_STAMP_BYTES, "%Y/%m/%d", &t);
}

uint64_t clock_parse_basic(const char *text)
{
    struct tm t = {0};
    int used = 0;
    if (sscanf(text, "%4d%2d%2dT%2d%2d%2dZ%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
               &t.tm_min, &t.tm_sec, &used) != 6 ||
        used != 16 || text[16])
        return 0;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    time_t seconds = timegm(&t);
    return seconds < 0 ? 0 : (uint64_t)seconds * NS_PER_S;
}
