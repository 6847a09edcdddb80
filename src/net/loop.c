#include "net/loop.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#ifdef __linux__
#include <sys/timerfd.h>
#endif

#include "base/mem.h"
#include "os/clock.h"

#define NEVER UINT64_MAX

enum { UNSET = -1 };

struct loop_watch {
    struct event event;
    struct loop *loop;
    loop_io_fn *callback;
    void *context;
    int fd;
    int events;
};

struct loop_timer {
    struct loop *loop;
    loop_timer_fn *callback;
    void *context;
    uint64_t at_ns;
    uint64_t sequence; /* order among equal times, and before or after a round began */
    ptrdiff_t slot;    /* in the heap, or UNSET */
    bool exact;        /* the loop is awake before its time */
};

struct loop {
    struct event_base *base;
    struct event tick; /* the one source of time */
    int tick_fd;
    struct loop_timer **heap; /* binary, earliest first */
    size_t count, capacity;
    uint64_t sequence;
    uint64_t armed_ns; /* when the tick will come, at the latest; NEVER: not armed */
    uint64_t round_ns; /* the time that the running round of timers goes by */
    bool in_round;
    bool stopped;
};

/* --- the tick: timerfd on Linux, a precise libevent timer elsewhere --- */

#ifdef __linux__

static int tick_open(struct loop *l, event_callback_fn callback, struct error *e)
{
    l->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->tick_fd < 0)
        return error_errno(e, ERROR_SYSTEM, "cannot make a timer");
    event_assign(&l->tick, l->base, l->tick_fd, EV_READ | EV_PERSIST, callback, l);
    if (event_add(&l->tick, NULL))
        return error_set(e, ERROR_SYSTEM, "cannot watch the timer");
    return 0;
}

/* Setting a timerfd also forgets that it expired, so nobody has to read it. */
static void tick_set(struct loop *l, uint64_t at_ns)
{
    struct itimerspec when = {0};
    if (at_ns == 0)
        at_ns = 1;
    if (at_ns != NEVER) {
        when.it_value.tv_sec = (time_t)(at_ns / NS_PER_S);
        when.it_value.tv_nsec = (long)(at_ns % NS_PER_S);
    }
    timerfd_settime(l->tick_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* The tick that came comes again at once: it is, until it is set, as nobody reads it. */
static void tick_again(struct loop *l)
{
    (void)l;
}

#else

static int tick_open(struct loop *l, event_callback_fn callback, struct error *e)
{
    (void)e;
    event_assign(&l->tick, l->base, -1, 0, callback, l);
    return 0;
}

static void tick_set(struct loop *l, uint64_t at_ns)
{
    uint64_t now = clock_now_ns();
    uint64_t wait_us = at_ns > now ? (at_ns - now + 999) / 1000 : 0;
    struct timeval wait = {(time_t)(wait_us / 1000000), (suseconds_t)(wait_us % 1000000)};
    event_del(&l->tick);
    if (at_ns != NEVER)
        event_add(&l->tick, &wait);
}

static void tick_again(struct loop *l)
{
    tick_set(l, 0);
}

#endif

/* --- the heap of timers --- */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

static void heap_put(struct loop *l, size_t slot, struct loop_timer *t)
{
    l->heap[slot] = t;
    t->slot = (ptrdiff_t)slot;
}

/* Puts `t` at `slot` or above it. */
static void heap_rise(struct loop *l, size_t slot, struct loop_timer *t)
{
    while (slot > 0) {
        size_t parent = (slot - 1) / 2;
        if (!is_before(t, l->heap[parent]))
            break;
        heap_put(l, slot, l->heap[parent]);
        slot = parent;
    }
    heap_put(l, slot, t);
}

/* Puts `t` at `slot` or below it. */
static void heap_sink(struct loop *l, size_t slot, struct loop_timer *t)
{
    for (;;) {
        size_t child = 2 * slot + 1;
        if (child >= l->count)
            break;
        if (child + 1 < l->count && is_before(l->heap[child + 1], l->heap[child]))
            child++;
        if (!is_before(l->heap[child], t))
            break;
        heap_put(l, slot, l->heap[child]);
        slot = child;
    }
    heap_put(l, slot, t);
}

static void heap_add(struct loop *l, struct loop_timer *t)
{
    l->heap = array_reserve(l->heap, &l->capacity, l->count + 1, sizeof *l->heap);
    l->count++;
    heap_rise(l, l->count - 1, t);
}

static void heap_remove(struct loop *l, struct loop_timer *t)
{
    size_t slot = (size_t)t->slot;
    struct loop_timer *last = l->heap[--l->count];
    t->slot = UNSET;
    if (last == t)
        return;
    if (slot > 0 && is_before(last, l->heap[(slot - 1) / 2]))
        heap_rise(l, slot, last);
    else
        heap_sink(l, slot, last);
}

/* --- firing --- */

/* When the tick is needed. For an exact timer that is early: it then comes again and again. */
static uint64_t tick_time(const struct loop *l)
{
    if (!l->count)
        return NEVER;
    const struct loop_timer *t = l->heap[0];
    uint64_t early_ns = t->exact ? LOOP_AWAKE_NS : 0;
    return t->at_ns > early_ns ? t->at_ns - early_ns : 0;
}

/* Sees to it that the tick comes in time. One that comes too early does no harm, so it is left. */
static void arm(struct loop *l)
{
    uint64_t at_ns = tick_time(l);
    if (at_ns >= l->armed_ns)
        return;
    l->armed_ns = at_ns;
    tick_set(l, at_ns);
}

/* Fires what is due and was set before this round began; no timer can keep the round going. */
static void fire_due(struct loop *l)
{
    if (!l->count || l->stopped)
        return;
    l->round_ns = clock_now_ns();
    if (l->heap[0]->at_ns > l->round_ns)
        return;
    uint64_t end = l->sequence;
    l->in_round = true;
    while (l->count && !l->stopped) {
        struct loop_timer *t = l->heap[0];
        if (t->at_ns > l->round_ns || t->sequence >= end)
            break;
        heap_remove(l, t);
        t->callback(t->context); /* may free the timer */
    }
    l->in_round = false;
    arm(l);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct loop *l = context;
    l->armed_ns = 0;
    fire_due(l);
    uint64_t at_ns = tick_time(l);
    if (at_ns <= clock_now_ns()) {
        tick_again(l);
        return;
    }
    l->armed_ns = at_ns;
    tick_set(l, at_ns);
}

/* --- the loop --- */

/* Without descriptors for itself libevent ends the process, so see first that there are some. */
static bool has_descriptors(void)
{
    int fds[4] = {-1, -1, -1, -1};
    bool enough = pipe(fds) == 0 && pipe(fds + 2) == 0;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return enough;
}

static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    int flags = EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NO_CACHE_TIME;
#ifndef __linux__
    flags |= EVENT_BASE_FLAG_PRECISE_TIMER;
#endif
    event_config_set_flag(config, flags);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_new(struct error *e)
{
    struct loop *l = xcalloc(1, sizeof *l);
    l->tick_fd = -1;
    l->armed_ns = NEVER;
    l->base = has_descriptors() ? make_base() : NULL;
    if (!l->base) {
        error_set(e, ERROR_SYSTEM,
                  "cannot make an event loop: is the limit of open files reached?");
        loop_free(l);
        return NULL;
    }
    if (tick_open(l, on_tick, e)) {
        loop_free(l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->base && event_initialized(&l->tick))
        event_del(&l->tick);
    if (l->base)
        event_base_free(l->base);
    if (l->tick_fd >= 0)
        close(l->tick_fd);
    free(l->heap);
    free(l);
}

void loop_run(struct loop *l)
{
    while (!l->stopped && event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0)
        ;
    l->stopped = false;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
    event_base_loopbreak(l->base);
}

/* --- descriptors --- */

static void on_io(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct loop_watch *w = context;
    struct loop *l = w->loop;
    int events = (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0);
    w->callback(w->context, events); /* may free the watch */
    fire_due(l);
}

struct loop_watch *loop_watch_new(struct loop *l, int fd, loop_io_fn *callback, void *context)
{
    struct loop_watch *w = xcalloc(1, sizeof *w);
    w->loop = l;
    w->fd = fd;
    w->callback = callback;
    w->context = context;
    return w;
}

void loop_watch_set(struct loop_watch *w, int events)
{
    if (events == w->events)
        return;
    if (w->events)
        event_del(&w->event);
    w->events = events;
    if (!events)
        return;
    int what = (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0);
    event_assign(&w->event, w->loop->base, w->fd, (short)(what | EV_PERSIST), on_io, w);
    /* What cannot be watched is called ready: the owner's read or write then meets the error. */
    if (event_add(&w->event, NULL))
        event_active(&w->event, what, 0);
}

void loop_watch_free(struct loop_watch *w)
{
    if (!w)
        return;
    loop_watch_set(w, 0);
    free(w);
}

/* --- timers --- */

struct loop_timer *loop_timer_new(struct loop *l, loop_timer_fn *callback, void *context)
{
    struct loop_timer *t = xcalloc(1, sizeof *t);
    t->loop = l;
    t->callback = callback;
    t->context = context;
    t->slot = UNSET;
    return t;
}

static void set_timer(struct loop_timer *t, uint64_t at_ns, bool exact)
{
    struct loop *l = t->loop;
    /* Inside a round a past time means "now": it must not overtake timers that are due already. */
    if (l->in_round && at_ns < l->round_ns)
        at_ns = l->round_ns;
    if (t->slot != UNSET)
        heap_remove(l, t);
    t->at_ns = at_ns;
    t->exact = exact;
    t->sequence = l->sequence++;
    heap_add(l, t);
    if (!l->in_round)
        arm(l);
}

void loop_timer_set(struct loop_timer *t, uint64_t at_ns)
{
    set_timer(t, at_ns, false);
}

void loop_timer_set_exact(struct loop_timer *t, uint64_t at_ns)
{
    set_timer(t, at_ns, true);
}

void loop_timer_cancel(struct loop_timer *t)
{
    if (t->slot != UNSET)
        heap_remove(t->loop, t);
}

void loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return;
    loop_timer_cancel(t);
    free(t);
}

/* --- waiting --- */

struct pause {
    struct loop *loop;
    bool over;
};

static void end_pause(void *context)
{
    struct pause *p = context;
    p->over = true;
    loop_stop(p->loop);
}

bool loop_pause(struct loop *l, uint64_t ns)
{
    struct pause p = {.loop = l};
    struct loop_timer *t = loop_timer_new(l, end_pause, &p);
    loop_timer_set(t, clock_now_ns() + ns);
    loop_run(l);
    loop_timer_free(t);
    return p.over;
}
