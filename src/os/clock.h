/*
 * clock.h - time. The only module that reads a clock.
 *
 * Everything that is measured is monotonic, in nanoseconds. Wall-clock time exists for signing
 * requests, for deadlines that other programs read, and for the date in a report.
 */
#ifndef LPG_OS_CLOCK_H
#define LPG_OS_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* Monotonic nanoseconds from an arbitrary start. */
uint64_t clock_now_ns(void);
/* Nanoseconds since 1970-01-01 UTC. */
uint64_t clock_wall_ns(void);
/* CPU time that this process has used, all threads. */
uint64_t clock_cpu_ns(void);
/* CPU time that another process has used, all its threads; 0 when it is gone. */
uint64_t clock_process_cpu_ns(pid_t pid);
void clock_sleep_ns(uint64_t ns);

enum { CLOCK_STAMP_BYTES = 32 };
/* "20261123T213000Z", as AWS signatures want it. `out` holds CLOCK_STAMP_BYTES. */
void clock_stamp_basic(uint64_t wall_ns, char *out);
/* "2026-11-23T21:30:00.123Z". */
void clock_stamp_iso(uint64_t wall_ns, char *out);
/* "2026/11/23", as log streams are named. */
void clock_stamp_day(uint64_t wall_ns, char *out);
/* "Mon, 23 Nov 2026 21:30:00 GMT", the Date of HTTP, in English whatever the locale. */
void clock_stamp_http(uint64_t wall_ns, char *out);
/* Reads the basic form back; 0 when it is not one. */
uint64_t clock_parse_basic(const char *text);
/*
 * Reads "2026-11-23T21:30:00Z", with a fraction of a second (dropped) or an offset as "+01:00"; 0
 * when it is not one.
 */
uint64_t clock_parse_iso(const char *text);
/* Reads the Date of HTTP in the form that clock_stamp_http() writes; 0 when it is not one. */
uint64_t clock_parse_http(const char *text);

#endif
