#include "load/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "os/clock.h"

/*
 * A round is a few phases, one after the other; in a phase, actors work side by side, each sending
 * its next call when the one before is answered. An open loop is a phase whose calls are sent by a
 * timer instead.
 */
struct driver {
    const struct load_job *job;
    struct schedule schedule;
    struct rng rng;
    unsigned round;
    uint16_t *events;                   /* payload of each position of the round */
    char (*payload_hashes)[SHA256_HEX]; /* of each event */
    size_t first_sample;
    uint32_t seq[SIDE_COUNT]; /* calls sent to each side in this round */
    struct load_round_summary *summary;
    /* the phase that runs */
    size_t pending; /* calls without an answer yet */
    size_t running; /* actors that are not finished */
    bool waiting;   /* in loop_run(): a stop at any other time would end somebody else's */
    /* the open loop */
    struct loop_timer *timer;
    struct arrival *arrivals;
    size_t arrival_count, next_arrival;
    uint64_t phase_start_ns;
};

struct arrival {
    uint64_t due_ns; /* from the start of the phase */
    uint32_t index;  /* position in the round */
    uint8_t side;
};

/* One environment's worth of calls in a phase. */
struct actor {
    struct driver *driver;
    unsigned env;         /* number within the round; UINT16_MAX: not known */
    uint32_t first_index; /* position of its first call in the round */
    uint32_t first_seq;   /* 0: its first call is the environment's first */
    uint32_t step, steps;
    enum side side;       /* of all its calls, unless it alternates */
    bool alternates;      /* two steps per position, one on each side, in random order */
    enum side pair_first; /* drawn anew for each pair */
};

/* A call under way. */
struct flight {
    struct driver *driver;
    struct actor *actor; /* NULL: of an open loop */
    size_t sample;
    uint64_t due_ns;
};

static bool stopped(const struct driver *d)
{
    return d->job->stop && *d->job->stop;
}

static void note_detail(struct driver *d, const struct sample *s, const char *detail)
{
    if (s->status == SAMPLE_OK || d->summary->detail[0])
        return;
    d->summary->detail_status = (enum sample_status)s->status;
    d->summary->detail_side = (enum side)s->side;
    snprintf(d->summary->detail, sizeof d->summary->detail, "%s", detail);
}

static uint32_t to_us(uint64_t ns)
{
    uint64_t us = ns / 1000;
    return us < SAMPLE_NONE ? (uint32_t)us : SAMPLE_NONE - 1;
}

static void record(struct driver *d, const struct flight *flight, const struct target_reply *reply)
{
    struct sample *s = &d->job->series->items[flight->sample];
    const struct plan_expect *expect = &d->job->function->events[s->event].expect;
    const char *detail = reply->detail;
    s->status = (uint8_t)reply->status;
    if (reply->status == SAMPLE_OK &&
        !load_expected(expect, reply->payload, reply->payload_length)) {
        s->status = SAMPLE_FUNCTION_ERROR;
        detail = "the answer is not the expected one";
    }
    if (reply->status != SAMPLE_UNKNOWN)
        s->client_us = to_us(reply->done_ns - flight->due_ns);
    s->duration_10us = reply->duration_10us;
    s->billed_ms = reply->billed_ms;
    s->init_10us = reply->init_10us;
    s->cpu_us = reply->cpu_us;
    s->memory_mb = reply->memory_mb;
    s->max_memory_mb = reply->max_memory_mb;
    s->cold = reply->init_10us != SAMPLE_NONE;
    memcpy(s->request_id, reply->request_id, sizeof s->request_id);
    double *custom = series_custom(d->job->series, flight->sample);
    for (size_t i = 0; custom && i < d->job->function->custom_count; i++)
        custom[i] = sample_custom_value(reply->custom[i]);
    d->summary->unknown += s->status == SAMPLE_UNKNOWN;
    note_detail(d, s, detail);
}

static void end_phase(struct driver *d)
{
    if (d->waiting && !d->pending && !d->running)
        loop_stop(d->job->loop);
}

static void actor_next(struct actor *a);
static void send_due(void *context);

static void on_reply(void *context, const struct target_reply *reply)
{
    struct flight *flight = context;
    struct driver *d = flight->driver;
    struct actor *a = flight->actor;
    record(d, flight, reply);
    free(flight);
    d->pending--;
    if (a)
        actor_next(a);
    else
        send_due(d);
    end_phase(d);
}

static void send_call(struct driver *d, struct actor *a, enum side side, uint32_t index,
                      uint64_t due_ns)
{
    const struct load_job *job = d->job;
    const struct plan_event *event = &job->function->events[d->events[index]];
    uint64_t now = clock_now_ns();
    struct sample *s = series_add(job->series);
    s->function = (uint16_t)job->function_index;
    s->side = (uint8_t)side;
    s->round = (uint16_t)d->round;
    s->event = d->events[index];
    s->payload_index = index;
    s->env = a ? (uint16_t)a->env : UINT16_MAX;
    s->seq = a && a->env != UINT16_MAX ? a->first_seq + (a->alternates ? a->step / 2 : a->step)
                                       : d->seq[side];
    d->seq[side]++;
    s->sent_ns = now - job->start_ns;
    if (d->schedule.kind == SCHEDULE_OPEN)
        s->late_us = to_us(now > due_ns ? now - due_ns : 0);

    struct flight *flight = xmalloc(sizeof *flight);
    *flight = (struct flight){d, a, job->series->count - 1,
                              d->schedule.kind == SCHEDULE_OPEN ? due_ns : now};
    d->pending++;
    struct target_call call = {job->deployed[side], event->payload, event->payload_length,
                               d->payload_hashes[s->event], job->function->timeout_s * NS_PER_S};
    job->target->calls->invoke(job->target, &call, on_reply, flight);
}

static enum side other(enum side side)
{
    return side == SIDE_BASELINE ? SIDE_CANDIDATE : SIDE_BASELINE;
}

static enum side random_side(struct driver *d)
{
    return rng_below(&d->rng, 2) ? SIDE_CANDIDATE : SIDE_BASELINE;
}

/* Sends the actor's next call, or ends it. */
static void actor_next(struct actor *a)
{
    struct driver *d = a->driver;
    if (a->step == a->steps || stopped(d)) {
        d->running--;
        return;
    }
    enum side side = a->side;
    uint32_t position = a->step;
    if (a->alternates) {
        if (a->step % 2 == 0)
            a->pair_first = random_side(d);
        side = a->step % 2 ? other(a->pair_first) : a->pair_first;
        position = a->step / 2;
    }
    send_call(d, a, side, a->first_index + position, clock_now_ns());
    a->step++;
}

static int finish_phase(struct driver *d, struct error *e)
{
    d->waiting = true;
    while ((d->pending || d->running) && !stopped(d))
        loop_run(d->job->loop);
    d->waiting = false;
    if (!stopped(d))
        return 0;
    d->job->target->calls->cancel(d->job->target);
    return error_set(e, ERROR_INTERRUPTED, "interrupted");
}

static int run_actors(struct driver *d, struct actor *actors, size_t count, struct error *e)
{
    d->running = count;
    for (size_t i = 0; i < count; i++)
        actor_next(&actors[i]);
    return finish_phase(d, e);
}

static int renew_sides(struct driver *d, unsigned block, enum side first, struct error *e)
{
    const struct load_job *job = d->job;
    char token[32];
    if (job->keep_environments)
        return 0;
    snprintf(token, sizeof token, "%u.%u", d->round, block);
    enum side order[] = {first, other(first)};
    for (int i = 0; i < SIDE_COUNT; i++)
        if (job->target->calls->renew(job->target, job->deployed[order[i]], job->function, token,
                                      e))
            return error_prefix(e, "fresh environments for the %s", side_name(order[i]));
    return 0;
}

/* Actors of one block: lane by lane, their positions in the round apart from each other. */
static void init_actors(struct driver *d, struct actor *actors, unsigned block)
{
    const struct schedule *s = &d->schedule;
    for (unsigned lane = 0; lane < s->lanes; lane++) {
        unsigned env = block * s->lanes + lane;
        actors[lane] = (struct actor){
            .driver = d,
            .env = s->lanes == 1 ? env : UINT16_MAX,
            .first_index = env * (1 + s->calls),
            .steps = 1,
        };
    }
}

/*
 * The first call of each environment, all lanes of a side at once so that each one makes Lambda
 * start a fresh one.
 */
static int cold_phase(struct driver *d, struct actor *actors, enum side side, struct error *e)
{
    for (unsigned lane = 0; lane < d->schedule.lanes; lane++) {
        actors[lane].side = side;
        actors[lane].step = 0;
    }
    return run_actors(d, actors, d->schedule.lanes, e);
}

static void to_warm(struct actor *a, enum side side, bool alternates, uint32_t calls)
{
    a->side = side;
    a->alternates = alternates;
    a->first_index++;
    a->first_seq = 1;
    a->step = 0;
    a->steps = alternates ? 2 * calls : calls;
}

static int warm_alternating(struct driver *d, struct actor *actors, struct error *e)
{
    for (unsigned lane = 0; lane < d->schedule.lanes; lane++)
        to_warm(&actors[lane], SIDE_BASELINE, true, d->schedule.calls);
    return run_actors(d, actors, d->schedule.lanes, e);
}

static int warm_closed(struct driver *d, struct actor *actors, enum side first, struct error *e)
{
    unsigned lanes = d->schedule.lanes;
    memcpy(actors + lanes, actors, lanes * sizeof *actors);
    for (unsigned lane = 0; lane < lanes; lane++) {
        to_warm(&actors[lane], first, false, d->schedule.calls);
        to_warm(&actors[lanes + lane], other(first), false, d->schedule.calls);
    }
    if (!d->job->target->sides_share_machine)
        return run_actors(d, actors, 2 * (size_t)lanes, e);
    if (run_actors(d, actors, lanes, e))
        return -1;
    return run_actors(d, actors + lanes, lanes, e);
}

static int run_block(struct driver *d, unsigned block, struct actor *actors, struct error *e)
{
    enum side first = random_side(d);
    if (renew_sides(d, block, first, e))
        return -1;
    init_actors(d, actors, block);
    if (cold_phase(d, actors, first, e) || cold_phase(d, actors, other(first), e))
        return -1;
    return d->schedule.kind == SCHEDULE_CLOSED ? warm_closed(d, actors, first, e)
                                               : warm_alternating(d, actors, e);
}

static int run_blocks(struct driver *d, struct error *e)
{
    struct actor *actors = xcalloc(2 * (size_t)d->schedule.lanes, sizeof *actors);
    int failed = 0;
    for (unsigned block = 0; block < d->schedule.blocks && !failed; block++)
        failed = run_block(d, block, actors, e);
    free(actors);
    return failed;
}

/* ---- the open loop ---- */

/*
 * Sends what is due; what the concurrency limit holds back goes out when an answer frees a place.
 */
static void send_due(void *context)
{
    struct driver *d = context;
    size_t limit = d->schedule.lanes ? d->schedule.lanes : SIZE_MAX;
    while (d->next_arrival < d->arrival_count && !stopped(d)) {
        const struct arrival *a = &d->arrivals[d->next_arrival];
        uint64_t due = d->phase_start_ns + a->due_ns;
        if (d->pending >= limit)
            return;
        if (clock_now_ns() < due) {
            loop_timer_set_exact(d->timer, due);
            return;
        }
        d->next_arrival++;
        send_call(d, NULL, (enum side)a->side, a->index, due);
    }
    d->running = 0;
    end_phase(d);
}

static int run_arrivals(struct driver *d, struct error *e)
{
    d->next_arrival = 0;
    d->running = 1;
    d->phase_start_ns = clock_now_ns() + NS_PER_MS;
    loop_timer_set(d->timer, d->phase_start_ns);
    return finish_phase(d, e);
}

static void fill_arrivals(struct driver *d, enum side first, bool both)
{
    size_t n = 0;
    for (size_t i = 0; i < d->schedule.arrivals; i++) {
        uint64_t due = schedule_due_ns(&d->job->function->load, i);
        enum side lead = both ? random_side(d) : first;
        d->arrivals[n++] = (struct arrival){due, (uint32_t)i, (uint8_t)lead};
        if (both)
            d->arrivals[n++] = (struct arrival){due, (uint32_t)i, (uint8_t)other(lead)};
    }
    d->arrival_count = n;
}

static int open_sides(struct driver *d, enum side first, struct error *e)
{
    if (!d->job->target->sides_share_machine) {
        fill_arrivals(d, first, true);
        return run_arrivals(d, e);
    }
    fill_arrivals(d, first, false);
    if (run_arrivals(d, e))
        return -1;
    fill_arrivals(d, other(first), false);
    return run_arrivals(d, e);
}

static int run_open(struct driver *d, struct error *e)
{
    enum side first = random_side(d);
    if (renew_sides(d, 0, first, e))
        return -1;
    d->arrivals = xcalloc(2 * d->schedule.arrivals, sizeof *d->arrivals);
    d->timer = loop_timer_new(d->job->loop, send_due, d);
    int failed = open_sides(d, first, e);
    loop_timer_free(d->timer);
    free(d->arrivals);
    return failed;
}

/* ---- after the round ---- */

/* A round counts only when every environment it asked for was really a fresh one, on both sides. */
static bool environments_missing(const struct driver *d)
{
    const struct series *series = d->job->series;
    size_t cold[SIDE_COUNT] = {0};
    if (d->job->keep_environments)
        return false;
    for (size_t i = d->first_sample; i < series->count; i++)
        cold[series->items[i].side] += series->items[i].cold;
    size_t wanted =
        d->schedule.kind == SCHEDULE_OPEN ? 1 : (size_t)d->schedule.blocks * d->schedule.lanes;
    return cold[SIDE_BASELINE] < wanted || cold[SIDE_CANDIDATE] < wanted;
}

static void drop_round(struct driver *d)
{
    struct series *series = d->job->series;
    for (size_t i = d->first_sample; i < series->count; i++)
        series->items[i].dropped = true;
    d->summary->dropped = true;
}

static int conclude(struct driver *d, struct error *e)
{
    size_t sent = d->job->series->count - d->first_sample;
    if (sent && d->summary->unknown == sent)
        return error_set(e, ERROR_NETWORK, "no invocation was answered: %s", d->summary->detail);
    if (environments_missing(d))
        drop_round(d);
    return 0;
}

/* Once for the round, not for each call: a payload may be megabytes. */
static void hash_payloads(struct driver *d)
{
    const struct plan_function *f = d->job->function;
    d->payload_hashes = xcalloc(f->event_count, sizeof *d->payload_hashes);
    for (size_t i = 0; i < f->event_count; i++)
        hash_sha256_hex(f->events[i].payload, f->events[i].payload_length, d->payload_hashes[i]);
}

int load_round(const struct load_job *job, unsigned round, struct load_round_summary *summary,
               struct error *e)
{
    struct driver d = {
        .job = job, .round = round, .first_sample = job->series->count, .summary = summary};
    *summary = (struct load_round_summary){0};
    d.schedule = schedule_of(job->function, job->target->lanes_default);
    rng_seed(&d.rng, job->seed, ((uint64_t)job->function_index << 32) | round);
    size_t positions = schedule_calls(&d.schedule);
    d.events = xcalloc(positions, sizeof *d.events);
    schedule_mix(job->function, &d.rng, d.events, positions);
    hash_payloads(&d);
    int failed = d.schedule.kind == SCHEDULE_OPEN ? run_open(&d, e) : run_blocks(&d, e);
    free(d.events);
    free(d.payload_hashes);
    return failed ? -1 : conclude(&d, e);
}

int load_warm_up(const struct load_job *job, struct series *calls, struct error *e)
{
    struct load_round_summary summary;
    struct plan_function brief = *job->function;
    struct load_job first = *job;
    if (!job->keep_environments) {
        brief.load = (struct plan_load){0};
        brief.rounds.environments = brief.rounds.calls = 1;
    }
    first.function = &brief;
    first.series = calls;
    return load_round(&first, UINT16_MAX, &summary, e);
}

bool load_expected(const struct plan_expect *expect, const char *payload, size_t length)
{
    if (!expect->path)
        return true;
    struct json *answer = json_parse(payload, length, NULL);
    struct buf found;
    buf_init(&found);
    const struct json *value = json_path(answer, expect->path);
    if (value)
        json_print(value, &found);
    bool same = value && !strcmp(found.data, expect->equals);
    buf_release(&found);
    json_free(answer);
    return same;
}
