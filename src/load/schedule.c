#include "load/schedule.h"

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/units.h"
#include "os/clock.h"

static double stage_arrivals(double from, const struct plan_stage *stage)
{
    return stage->seconds * (from + stage->rate) / 2;
}

static size_t open_arrivals(const struct plan_function *f)
{
    const struct plan_load *load = &f->load;
    if (!load->stage_count)
        return (size_t)f->rounds.environments * f->rounds.calls;
    double total = 0, from = load->rate;
    for (size_t i = 0; i < load->stage_count; i++) {
        total += stage_arrivals(from, &load->stages[i]);
        from = load->stages[i].rate;
    }
    return (size_t)floor(total + 1e-9);
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

struct schedule schedule_of(const struct plan_function *f, unsigned lanes_default)
{
    const struct plan_load *load = &f->load;
    struct schedule s = {.blocks = 1, .calls = f->rounds.calls};
    if (load->rate > 0 || load->stage_count) {
        s.kind = SCHEDULE_OPEN;
        s.lanes = load->concurrency;
        s.arrivals = open_arrivals(f);
        return s;
    }
    s.kind = load->concurrency ? SCHEDULE_CLOSED : SCHEDULE_ALTERNATING;
    unsigned environments = larger(f->rounds.environments, larger(load->concurrency, 1));
    unsigned wanted = load->concurrency ? load->concurrency : larger(lanes_default, 1);
    s.lanes = wanted < environments ? wanted : environments;
    s.blocks = (environments + s.lanes - 1) / s.lanes;
    return s;
}

size_t schedule_calls(const struct schedule *s)
{
    if (s->kind == SCHEDULE_OPEN)
        return s->arrivals;
    return (size_t)s->blocks * s->lanes * (1 + (size_t)s->calls);
}

/* Seconds until a rate that moves from `from` by `slope` per second has brought `n` arrivals. */
static double seconds_to_arrive(double from, double slope, double n)
{
    if (fabs(slope) < 1e-9)
        return from > 0 ? n / from : 0;
    double root = from * from + 2 * slope * n;
    return (sqrt(root > 0 ? root : 0) - from) / slope;
}

uint64_t schedule_due_ns(const struct plan_load *load, size_t n)
{
    double left = (double)n, from = load->rate, start = 0;
    if (!load->stage_count)
        return (uint64_t)(left / load->rate * (double)NS_PER_S);
    for (size_t i = 0; i < load->stage_count; i++) {
        const struct plan_stage *stage = &load->stages[i];
        double here = stage_arrivals(from, stage);
        if (left < here || i + 1 == load->stage_count) {
            double slope = (stage->rate - from) / stage->seconds;
            start += seconds_to_arrive(from, slope, left);
            break;
        }
        left -= here;
        start += stage->seconds;
        from = stage->rate;
    }
    return (uint64_t)(start * (double)NS_PER_S);
}

/* Gives the positions that whole shares leave over to the payloads with the largest remainders. */
static void share_out(const struct plan_function *f, size_t count, size_t *quota)
{
    double total = 0;
    for (size_t i = 0; i < f->event_count; i++)
        total += f->events[i].weight;
    size_t given = 0;
    double *remainder = xcalloc(f->event_count, sizeof *remainder);
    for (size_t i = 0; i < f->event_count; i++) {
        double share = (double)count * f->events[i].weight / total;
        quota[i] = (size_t)floor(share);
        remainder[i] = share - floor(share);
        given += quota[i];
    }
    for (; given < count; given++) {
        size_t best = 0;
        for (size_t i = 1; i < f->event_count; i++)
            if (remainder[i] > remainder[best] + 1e-12)
                best = i;
        quota[best]++;
        remainder[best] = -1;
    }
    free(remainder);
}

void schedule_mix(const struct plan_function *f, struct rng *rng, uint16_t *events, size_t count)
{
    size_t *quota = xcalloc(f->event_count, sizeof *quota);
    uint32_t *order = xcalloc(count, sizeof *order);
    share_out(f, count, quota);
    size_t at = 0;
    for (size_t i = 0; i < f->event_count; i++)
        for (size_t k = 0; k < quota[i]; k++)
            order[at++] = (uint32_t)i;
    rng_shuffle(rng, order, count);
    for (size_t i = 0; i < count; i++)
        events[i] = (uint16_t)order[i];
    free(order);
    free(quota);
}

void schedule_describe(const struct schedule *s, const struct plan_load *load, struct buf *out)
{
    switch (s->kind) {
    case SCHEDULE_ALTERNATING:
        buf_addf(out, "alternating call by call, %u environment%s per side at a time", s->lanes,
                 s->lanes == 1 ? "" : "s");
        break;
    case SCHEDULE_CLOSED:
        buf_addf(out, "closed loop, %u environment%s per side kept busy", s->lanes,
                 s->lanes == 1 ? "" : "s");
        break;
    case SCHEDULE_OPEN:
        buf_addstr(out, "open loop, ");
        if (load->stage_count) {
            buf_addf(out, "%zu stages, %zu arrivals", load->stage_count, s->arrivals);
        } else {
            units_add_significant(out, load->rate, 3);
            buf_addstr(out, " arrivals per second");
        }
        buf_addstr(out, " per side and round");
        break;
    }
}
