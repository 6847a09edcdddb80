#include "gate/environments.h"

#include <stdint.h>

/* Cold starts that a round of a side asks for. */
static unsigned wanted(const struct plan_function *f)
{
    unsigned most =
        f->load.concurrency > f->rounds.environments ? f->load.concurrency : f->rounds.environments;
    return plan_is_open_loop(f) ? 1 : most;
}

/* Cold starts of sample `first`'s function, side and round, from there on. */
static unsigned cold_starts(const struct series *series, size_t first, enum side side)
{
    const struct sample *at = &series->items[first];
    unsigned cold = 0;
    for (size_t i = first; i < series->count; i++) {
        const struct sample *s = &series->items[i];
        if (s->round != at->round && s->function == at->function)
            break;
        cold += s->function == at->function && s->side == side && s->cold;
    }
    return cold;
}

static bool begins(const struct environments *w, const struct series *series, size_t i)
{
    const struct sample *s = &series->items[i];
    if (!w->count)
        return true;
    if (s->round == w->round && (s->env == w->env || s->env == UINT16_MAX))
        return false;
    if (s->env != UINT16_MAX || plan_is_open_loop(w->function))
        return s->cold;
    return cold_starts(series, i, (enum side)s->side) >= wanted(w->function);
}

unsigned environments_next(struct environments *w, const struct series *series, size_t i)
{
    const struct sample *s = &series->items[i];
    w->count += begins(w, series, i);
    w->round = s->round;
    w->env = s->env;
    return w->count;
}

bool environments_are_fresh(const struct plan_function *f, const struct series *series,
                            size_t first, unsigned function, enum side side)
{
    for (; first < series->count; first++)
        if (series->items[first].function == function)
            return cold_starts(series, first, side) >= wanted(f);
    return true;
}
