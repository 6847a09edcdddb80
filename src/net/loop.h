/*
 * loop.h - the one event loop of a process: descriptors and exact timers.
 *
 * A thin face on libevent, so that no other module includes its headers. One thread, one loop;
 * callbacks run from loop_run() only, and none may call loop_run(). Timers are precise: they come
 * from a timerfd on the monotonic clock, not from the loop's coarse cached time, and they are
 * looked at after every descriptor callback, because the load generator sends by them.
 *
 * Whoever makes a watch or timer frees it, before loop_free(). Both may be freed at any time, also
 * from inside their own callback; a freed one is never called again. A signal comes in through a
 * pipe that its handler writes to, an ended child through its pidfd.
 */
#ifndef LPG_NET_LOOP_H
#define LPG_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct loop;
struct loop_watch; /* a descriptor that is watched */
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
enum { LOOP_AWAKE_NS = 40 * 1000 }; /* see loop_timer_set_exact() */

typedef void loop_io_fn(void *context, int events);
typedef void loop_timer_fn(void *context);

/* NULL (ERROR_SYSTEM) when the system has no descriptors left. */
struct loop *loop_new(struct error *e);
void loop_free(struct loop *l);

/* Runs callbacks until loop_stop(). */
void loop_run(struct loop *l);
/*
 * Makes loop_run() return after the callback that is running; the rest waits for the next run.
 * Without a run under way, the next loop_run() returns at once, so that a stop is never lost.
 */
void loop_stop(struct loop *l);
/*
 * Runs callbacks for that long. False when loop_stop() ended it before: for waits between calls,
 * which a signal is to end at once.
 */
bool loop_pause(struct loop *l, uint64_t ns);

/*
 * Watches a descriptor, level-triggered, for the `events` that loop_watch_set() names (none at
 * first). A hang-up or an error counts as all that is waited for: the read or write will tell.
 * The watch is to be freed before the descriptor is closed.
 */
struct loop_watch *loop_watch_new(struct loop *l, int fd, loop_io_fn *callback, void *context);
/* Changes what is waited for: LOOP_READ, LOOP_WRITE, both or 0. Free when nothing changes. */
void loop_watch_set(struct loop_watch *w, int events);
void loop_watch_free(struct loop_watch *w);

/* A timer that is not set yet. */
struct loop_timer *loop_timer_new(struct loop *l, loop_timer_fn *callback, void *context);
/*
 * Fires once at `at_ns` (clock_now_ns() time), at once (from the loop) when that is past; a second
 * call moves it. Timers fire in the order of their times, equal ones in the order they were set.
 * One that is set again and again for "now" takes turns with descriptors and other timers.
 */
void loop_timer_set(struct loop_timer *t, uint64_t at_ns);
/*
 * The same for what must not be late, the sends of an open loop: the loop does not sleep in the
 * last LOOP_AWAKE_NS before, because waking takes the processor tens of microseconds. It goes on
 * serving descriptors meanwhile. Costs up to that much processor time each time it is set.
 */
void loop_timer_set_exact(struct loop_timer *t, uint64_t at_ns);
void loop_timer_cancel(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

#endif
