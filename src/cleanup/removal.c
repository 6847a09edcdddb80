#include "cleanup/removal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/call.h"
#include "aws/inventory.h"
#include "base/mem.h"
#include "cleanup/ours.h"
#include "os/clock.h"

#define CALL_TIMEOUT_NS    (10 * NS_PER_S)
#define HURRIED_TIMEOUT_NS (3 * NS_PER_S)
/* GitHub's runner gives a process 7.5 s between SIGINT and SIGTERM. */
#define HURRIED_BUDGET_NS (6 * NS_PER_S)
/* Two looks in a row at a function that may yet appear. */
#define LOOK_AGAIN_NS (500 * NS_PER_MS)

enum phase { PHASE_LOOK, PHASE_DELETE, PHASE_CONFIRM };

/* One function on its way out. */
struct job {
    struct removal *removal;
    struct removal_item *item;
    struct loop_timer *timer; /* until the next call; unset while a call is under way */
    enum phase phase;
    unsigned attempts;
    uint64_t deadline_ns; /* 0: not begun */
    bool in_flight, settled;
};

struct removal {
    struct lambda *lambda;
    const struct removal_options *options;
    struct job *jobs;
    size_t count, next, active, left;
    struct loop_timer *end; /* of the time that is left after a signal */
    uint64_t hurried_until_ns;
    bool over; /* nothing is waited for any more */
};

static void begin_more(struct removal *r);

static void settle(struct job *job, enum removal_outcome outcome, const char *reason)
{
    struct removal *r = job->removal;
    if (job->settled)
        return;
    job->settled = true;
    job->item->outcome = outcome;
    snprintf(job->item->reason, sizeof job->item->reason, "%s", reason);
    loop_timer_cancel(job->timer);
    r->active--;
    r->left--;
    if (r->options->settled)
        r->options->settled(r->options->context, job->item);
    if (!r->left)
        loop_stop(r->lambda->loop);
    else
        begin_more(r);
}

static void on_answer(void *context, const struct http_response *response);

static void send_call(void *context)
{
    struct job *job = context;
    struct removal *r = job->removal;
    struct error e = {0};
    struct inventory_call call = {
        .name = job->item->name,
        .timeout_ns = r->hurried_until_ns ? HURRIED_TIMEOUT_NS : CALL_TIMEOUT_NS,
        .done = on_answer,
        .context = job,
    };
    int failed = job->phase == PHASE_DELETE ? inventory_delete(r->lambda, &call, &e)
                                            : inventory_get(r->lambda, &call, &e);
    job->in_flight = !failed;
    if (failed)
        settle(job, REMOVAL_UNCONFIRMED, e.text);
}

/* The next call comes after a pause, or not at all when the function's time is over. */
static void again(struct job *job, enum phase phase, uint64_t wait_ns, const char *reason)
{
    uint64_t at = clock_now_ns() + wait_ns;
    job->phase = phase;
    if (at > job->deadline_ns)
        settle(job, REMOVAL_UNCONFIRMED, reason);
    else
        loop_timer_set(job->timer, at);
}

static void on_absent(struct job *job, const struct http_response *response)
{
    char account[LAMBDA_ACCOUNT_BYTES];
    struct removal_item *item = job->item;
    if (*item->account && inventory_read_account(response, account) &&
        strcmp(account, item->account) != 0)
        settle(job, REMOVAL_KEPT, "it is in another account than these credentials are of");
    else if (item->seen)
        settle(job, REMOVAL_DONE, "");
    else if (clock_wall_ns() >= item->patient_until_ns)
        settle(job, REMOVAL_ABSENT, "");
    else
        again(job, PHASE_LOOK, LOOK_AGAIN_NS,
              "the answer to CreateFunction was lost; it is not there, but may yet appear");
}

/* It is there, as GetFunction says. */
static void on_found(struct job *job, const struct http_response *response)
{
    struct removal_item *item = job->item;
    struct temporary_tags tags;
    const char *why = NULL;
    item->seen = true;
    if (job->phase == PHASE_CONFIRM) {
        again(job, PHASE_DELETE, inventory_backoff_ns(++job->attempts),
              "it is still there although DeleteFunction was accepted");
    } else if (*item->run &&
               !ours_made_by(item->name, inventory_read_tags(response, &tags) ? &tags : NULL,
                             item->run, &why)) {
        settle(job, REMOVAL_KEPT, why);
    } else {
        job->phase = PHASE_DELETE;
        send_call(job);
    }
}

static void on_answer(void *context, const struct http_response *response)
{
    struct job *job = context;
    struct error e = {0};
    job->in_flight = false;
    if (job->settled || job->removal->over)
        return;
    enum inventory_status status = inventory_status(response);
    job->item->seen = job->item->seen || status == INVENTORY_BUSY;
    switch (status) {
    case INVENTORY_OK:
        if (job->phase != PHASE_DELETE) {
            on_found(job, response);
            return;
        }
        job->item->seen = true;
        job->phase = PHASE_CONFIRM;
        send_call(job);
        return;
    case INVENTORY_ABSENT:
        on_absent(job, response);
        return;
    case INVENTORY_BUSY:
    case INVENTORY_LATER:
        call_refuse(job->phase == PHASE_DELETE ? "DeleteFunction" : "GetFunction", response, &e);
        again(job, job->phase, inventory_backoff_ns(++job->attempts), e.text);
        return;
    case INVENTORY_REFUSED:
        call_refuse(job->phase == PHASE_DELETE ? "DeleteFunction" : "GetFunction", response, &e);
        settle(job, REMOVAL_UNCONFIRMED, e.text);
        return;
    }
}

static void begin(struct removal *r, struct job *job)
{
    uint64_t deadline = clock_now_ns() + r->options->budget_ns;
    job->deadline_ns = r->hurried_until_ns ? r->hurried_until_ns : deadline;
    /* Whose it is, is asked first, unless it is this process that made it. */
    job->phase = *job->item->run ? PHASE_LOOK : PHASE_DELETE;
    r->active++;
    loop_timer_set(job->timer, 0);
}

static void begin_more(struct removal *r)
{
    bool all = !r->options->at_once || r->hurried_until_ns;
    while (r->next < r->count && (all || r->active < r->options->at_once))
        begin(r, &r->jobs[r->next++]);
}

static void give_up(void *context)
{
    struct removal *r = context;
    r->over = true;
    loop_stop(r->lambda->loop);
}

/* The first signal: all that waits, for its turn or for a better moment, is sent now. */
static void hurry(struct removal *r)
{
    r->hurried_until_ns = clock_now_ns() + HURRIED_BUDGET_NS;
    loop_timer_set(r->end, r->hurried_until_ns);
    for (size_t i = 0; i < r->next; i++) {
        struct job *job = &r->jobs[i];
        job->deadline_ns = r->hurried_until_ns;
        if (!job->settled && !job->in_flight)
            loop_timer_set(job->timer, 0);
    }
    begin_more(r);
}

static void look_at_signals(struct removal *r)
{
    sig_atomic_t signals = r->options->signals ? *r->options->signals : 0;
    if (signals > 1)
        r->over = true;
    else if (signals == 1 && !r->hurried_until_ns)
        hurry(r);
}

/* What was cut short. */
static void abandon(struct removal *r)
{
    http_client_cancel_all(r->lambda->http);
    for (size_t i = 0; i < r->count; i++) {
        struct removal_item *item = r->jobs[i].item;
        if (r->jobs[i].settled)
            continue;
        snprintf(item->reason, sizeof item->reason, "interrupted before it was confirmed");
        if (r->options->settled)
            r->options->settled(r->options->context, item);
    }
}

static void release(struct removal *r)
{
    for (size_t i = 0; i < r->count; i++)
        loop_timer_free(r->jobs[i].timer);
    loop_timer_free(r->end);
    free(r->jobs);
}

size_t removal_run(struct lambda *l, struct removal_item *items, size_t count,
                   const struct removal_options *options)
{
    struct removal r = {.lambda = l, .options = options, .count = count, .left = count};
    size_t failed = 0;
    if (!count)
        return 0;
    r.jobs = xcalloc(count, sizeof *r.jobs);
    r.end = loop_timer_new(l->loop, give_up, &r);
    for (size_t i = 0; i < count; i++) {
        items[i].outcome = REMOVAL_UNCONFIRMED;
        r.jobs[i] = (struct job){.removal = &r, .item = &items[i]};
        r.jobs[i].timer = loop_timer_new(l->loop, send_call, &r.jobs[i]);
    }
    begin_more(&r);
    look_at_signals(&r);
    while (r.left && !r.over) {
        loop_run(l->loop);
        look_at_signals(&r);
    }
    if (r.left)
        abandon(&r);
    release(&r);
    for (size_t i = 0; i < count; i++)
        failed += items[i].outcome == REMOVAL_UNCONFIRMED || items[i].outcome == REMOVAL_KEPT;
    return failed;
}
