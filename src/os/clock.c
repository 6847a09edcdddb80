#include "os/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

void clock_stamp_http(uint64_t wall_ns, char *out)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t = to_utc(wall_ns);
    strftime(out, CLOCK_STAMP_BYTES, "day, %d mon %Y %H:%M:%S GMT", &t);
    memcpy(out, days + 3 * t.tm_wday, 3);
    memcpy(out + 8, months + 3 * t.tm_mon, 3);
}

/* `count` digits as a number; the caller knows that they are digits. */
static int decimal(const char *text, int count)
{
    int value = 0;
    while (count--)
        value = value * 10 + (*text++ - '0');
    return value;
}

/* Whether the text begins as the shape says, in which 'd' is a digit and '?' anything. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; shape++, text++) {
        bool digit = *text >= '0' && *text <= '9';
        if (!*text || (*shape == 'd' ? !digit : *shape != '?' && *text != *shape))
            return false;
    }
    return true;
}

uint64_t clock_parse_basic(const char *text)
{
    static const char shape[] = "ddddddddTddddddZ";
    if (!has_shape(text, shape) || text[sizeof shape - 1])
        return 0;
    struct tm t = {
        .tm_year = decimal(text, 4) - 1900,
        .tm_mon = decimal(text + 4, 2) - 1,
        .tm_mday = decimal(text + 6, 2),
        .tm_hour = decimal(text + 9, 2),
        .tm_min = decimal(text + 11, 2),
        .tm_sec = decimal(text + 13, 2),
    };
    time_t seconds = timegm(&t);
    if (seconds < 0)
        return 0;
    char again[CLOCK_STAMP_BYTES]; /* the 31st of February comes back as another day */
    clock_stamp_basic((uint64_t)seconds * NS_PER_S, again);
    return strcmp(again, text) == 0 ? (uint64_t)seconds * NS_PER_S : 0;
}

/* Seconds east of Greenwich of "Z" or "+01:00"; false when it is neither. */
static bool read_offset(const char *text, int64_t *seconds)
{
    *seconds = 0;
    if (!strcmp(text, "Z"))
        return true;
    if ((!has_shape(text, "+dd:dd") && !has_shape(text, "-dd:dd")) || text[6])
        return false;
    *seconds = decimal(text + 1, 2) * 3600 + decimal(text + 4, 2) * 60;
    if (*text == '-')
        *seconds = -*seconds;
    return true;
}

uint64_t clock_parse_iso(const char *text)
{
    char basic[CLOCK_STAMP_BYTES];
    int64_t offset;
    if (!has_shape(text, "dddd-dd-ddTdd:dd:dd"))
        return 0;
    const char *rest = text + 19;
    if (*rest == '.' && has_shape(rest + 1, "d"))
        rest += 1 + strspn(rest + 1, "0123456789");
    if (!read_offset(rest, &offset))
        return 0;
    snprintf(basic, sizeof basic, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", text, text + 5, text + 8, text + 11,
             text + 14, text + 17);
    int64_t seconds = (int64_t)(clock_parse_basic(basic) / NS_PER_S);
    return seconds > offset && seconds ? (uint64_t)(seconds - offset) * NS_PER_S : 0;
}

uint64_t clock_parse_http(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char shape[] = "???, dd ??? dddd dd:dd:dd GMT";
    char basic[CLOCK_STAMP_BYTES];
    if (!has_shape(text, shape) || text[sizeof shape - 1])
        return 0;
    int month = 0;
    while (month < 12 && memcmp(months + 3 * month, text + 8, 3) != 0)
        month++;
    if (month == 12)
        return 0;
    snprintf(basic, sizeof basic, "%.4s%02d%.2sT%.2s%.2s%.2sZ", text + 12, month + 1, text + 5,
             text + 17, text + 20, text + 23);
    return clock_parse_basic(basic);
}
