#include "emulator/invoker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "emulator/name.h"
#include "os/clock.h"

static const uint64_t RETRY_NS[INVOKER_RETRIES] = {60 * NS_PER_S, 120 * NS_PER_S};
static const uint64_t BACKOFF_FIRST_NS = NS_PER_S;
static const uint64_t BACKOFF_MOST_NS = 300 * NS_PER_S;

/* One invocation that the pool works on. */
struct running {
    struct invoker *invoker;
    struct store_entry *entry;
    struct function *function;
    invoker_done_fn *done;
    void *context;
    char *client_context;
    bool unreserved; /* counted against the account, not against the function's reservation */
    char request_id[37];
    char trace_id[INVOKER_TRACE_BYTES];
    char arn[NAME_ARN_BYTES + QUALIFIER_MAX_BYTES];
};

/* One asynchronous event: queued, or under way. */
struct event {
    struct event *next;
    struct invoker *invoker;
    struct store_entry *entry;
    char *qualifier;
    char *client_context;
    char *payload;
    size_t payload_length;
    unsigned attempts; /* that have failed */
    uint64_t due_ns;
    uint64_t backoff_ns; /* not 0: it was throttled */
    char request_id[37];
    char trace_id[INVOKER_TRACE_BYTES];
};

struct invoker {
    struct loop *loop;
    struct pool *pool;
    struct store *store;
    struct log *log;
    struct rng dice;
    uint64_t retry_ns[INVOKER_RETRIES];
    struct loop_timer *timer;
    struct event *first, **last; /* waiting, oldest first */
    size_t waiting, queue_bytes, running;
    int64_t unreserved_running;
    bool stopped;
};

static void event_free(struct event *ev)
{
    ev->invoker->queue_bytes -= ev->payload_length;
    store_unref(ev->entry);
    free(ev->qualifier);
    free(ev->client_context);
    free(ev->payload);
    free(ev);
}

static void event_append(struct event *ev)
{
    struct invoker *v = ev->invoker;
    ev->next = NULL;
    *v->last = ev;
    v->last = &ev->next;
    v->waiting++;
}

struct function *invoker_resolve(struct invoker *v, const struct invoker_call *call,
                                 struct fault *f)
{
    const struct store_entry *entry = call->entry;
    struct function *function =
        entry->removed ? NULL : store_resolve(entry, call->qualifier, rng_uniform(&v->dice));
    if (!function)
        fault_set(f, FAULT_NOT_FOUND, "Function not found: %s%s%s", entry->latest->arn,
                  *call->qualifier ? ":" : "", call->qualifier);
    return function;
}

static int check_concurrency(const struct invoker *v, const struct store_entry *entry,
                             struct fault *f)
{
    bool reserved = entry->reserved >= 0;
    bool free_slot = reserved
                         ? (int64_t)entry->running < entry->reserved
                         : v->unreserved_running < store_unreserved(v->store, entry->region, NULL);
    if (free_slot)
        return 0;
    fault_set(f, FAULT_THROTTLED, "Rate Exceeded.");
    f->reason = reserved ? "ReservedFunctionConcurrentInvocationLimitExceeded"
                         : "ConcurrentInvocationLimitExceeded";
    return -1;
}

static void running_done(void *context, const struct pool_result *result)
{
    struct running *run = context;
    struct invoker *v = run->invoker;
    v->running--;
    run->entry->running--;
    if (run->unreserved)
        v->unreserved_running--;
    run->done(run->context, run->function, result);
    function_unref(run->function);
    store_unref(run->entry);
    free(run->client_context);
    free(run);
}

static struct running *running_new(struct invoker *v, const struct invoker_call *call,
                                   struct function *function)
{
    struct running *run = xmalloc(sizeof *run);
    run->invoker = v;
    run->entry = store_ref(call->entry);
    run->function = function_ref(function);
    run->client_context = call->client_context ? xstrdup(call->client_context) : NULL;
    run->unreserved = call->entry->reserved < 0;
    (void)snprintf(run->request_id, sizeof run->request_id, "%s", call->request_id);
    (void)snprintf(run->trace_id, sizeof run->trace_id, "%s", call->trace_id);
    (void)snprintf(run->arn, sizeof run->arn, "%s%s%s", function->arn, *call->qualifier ? ":" : "",
                   call->qualifier);
    v->running++;
    run->entry->running++;
    if (run->unreserved)
        v->unreserved_running++;
    return run;
}

int invoker_start(struct invoker *v, const struct invoker_call *call, invoker_done_fn *done,
                  void *context, struct fault *f)
{
    struct function *function = invoker_resolve(v, call, f);
    if (!function || check_concurrency(v, call->entry, f))
        return -1;
    struct running *run = running_new(v, call, function);
    run->done = done;
    run->context = context;
    const struct pool_call to_pool = {
        .function = function,
        .request_id = run->request_id,
        .invoked_arn = run->arn,
        .trace_id = run->trace_id,
        .client_context = run->client_context,
        .payload = call->payload,
        .payload_length = call->payload_length,
    };
    pool_invoke(v->pool, &to_pool, running_done, run);
    return 0;
}

static void drain(struct invoker *v, const struct store_entry *freed);

/* The event has run: it is over, or waits for its next attempt. */
static void event_done(void *context, const struct function *f, const struct pool_result *result)
{
    struct event *ev = context;
    struct invoker *v = ev->invoker;
    const struct store_entry *entry = ev->entry;
    if (v->stopped || !result->function_error) {
        event_free(ev);
    } else if (ev->attempts == INVOKER_RETRIES) {
        log_write(v->log, LOG_INFO, "event %s of %s is dropped: it failed %u times", ev->request_id,
                  f->name, ev->attempts + 1);
        event_free(ev);
    } else {
        ev->due_ns = clock_now_ns() + v->retry_ns[ev->attempts++];
        event_append(ev);
    }
    drain(v, entry);
}

static int event_start(struct event *ev, struct fault *f)
{
    const struct invoker_call call = {
        .entry = ev->entry,
        .qualifier = ev->qualifier,
        .request_id = ev->request_id,
        .trace_id = ev->trace_id,
        .client_context = ev->client_context,
        .payload = ev->payload,
        .payload_length = ev->payload_length,
    };
    return invoker_start(ev->invoker, &call, event_done, ev, f);
}

/*
 * An event that could not start: a throttled one stays in the queue, one without a function goes.
 */
static void event_refused(struct event *ev, const struct fault *f)
{
    struct invoker *v = ev->invoker;
    if (f->kind != FAULT_THROTTLED) {
        log_write(v->log, LOG_INFO, "event %s is dropped: %s", ev->request_id, f->text);
        event_free(ev);
        return;
    }
    ev->backoff_ns = ev->backoff_ns ? ev->backoff_ns * 2 : BACKOFF_FIRST_NS;
    if (ev->backoff_ns > BACKOFF_MOST_NS)
        ev->backoff_ns = BACKOFF_MOST_NS;
    ev->due_ns = clock_now_ns() + ev->backoff_ns;
    event_append(ev);
}

static void set_timer(struct invoker *v)
{
    uint64_t earliest = UINT64_MAX;
    for (const struct event *ev = v->first; ev; ev = ev->next)
        if (ev->due_ns < earliest)
            earliest = ev->due_ns;
    if (v->first)
        loop_timer_set(v->timer, earliest);
    else
        loop_timer_cancel(v->timer);
}

/*
 * Starts what is due, and what was throttled for the entry that has just got a free slot (NULL:
 * none).
 */
static void drain(struct invoker *v, const struct store_entry *freed)
{
    if (v->stopped || !v->first)
        return;
    struct event *ev = v->first;
    uint64_t now = clock_now_ns();
    v->first = NULL;
    v->last = &v->first;
    v->waiting = 0;
    while (ev) {
        struct event *next = ev->next;
        struct fault f;
        if (ev->due_ns > now && !(ev->backoff_ns && ev->entry == freed))
            event_append(ev);
        else if (event_start(ev, &f))
            event_refused(ev, &f);
        ev = next;
    }
    set_timer(v);
}

static void timer_fired(void *context)
{
    drain(context, NULL);
}

int invoker_queue(struct invoker *v, const struct invoker_call *call, struct fault *f)
{
    if (!invoker_resolve(v, call, f))
        return -1;
    if (v->waiting >= INVOKER_QUEUE_EVENTS ||
        call->payload_length > INVOKER_QUEUE_BYTES - v->queue_bytes) {
        fault_set(f, FAULT_THROTTLED, "Too many events are queued.");
        f->reason = "FunctionInvocationRateLimitExceeded";
        return -1;
    }
    struct event *ev = xcalloc(1, sizeof *ev);
    ev->invoker = v;
    ev->entry = store_ref(call->entry);
    ev->qualifier = xstrdup(call->qualifier);
    ev->client_context = call->client_context ? xstrdup(call->client_context) : NULL;
    ev->payload = xstrndup(call->payload, call->payload_length);
    ev->payload_length = call->payload_length;
    (void)snprintf(ev->request_id, sizeof ev->request_id, "%s", call->request_id);
    (void)snprintf(ev->trace_id, sizeof ev->trace_id, "%s", call->trace_id);
    v->queue_bytes += ev->payload_length;
    ev->due_ns = clock_now_ns();
    event_append(ev);
    set_timer(v); /* from the loop, so that the caller's answer is on its way first */
    return 0;
}

size_t invoker_pending(const struct invoker *v)
{
    return v->running + v->waiting;
}

struct invoker *invoker_new(const struct invoker_options *options)
{
    struct invoker *v = xcalloc(1, sizeof *v);
    v->loop = options->loop;
    v->pool = options->pool;
    v->store = options->store;
    v->log = options->log;
    v->last = &v->first;
    rng_seed(&v->dice, options->seed, 0);
    for (size_t i = 0; i < INVOKER_RETRIES; i++)
        v->retry_ns[i] = options->retry_ns[i] ? options->retry_ns[i] : RETRY_NS[i];
    v->timer = loop_timer_new(v->loop, timer_fired, v);
    return v;
}

void invoker_stop(struct invoker *v)
{
    v->stopped = true;
    loop_timer_cancel(v->timer);
    struct event *ev = v->first;
    v->first = NULL;
    v->last = &v->first;
    v->waiting = 0;
    while (ev) {
        struct event *next = ev->next;
        event_free(ev);
        ev = next;
    }
}

void invoker_free(struct invoker *v)
{
    if (!v)
        return;
    invoker_stop(v);
    loop_timer_free(v->timer);
    free(v);
}
