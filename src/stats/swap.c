#include "stats/swap.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stats/quantile.h"

enum { ROUNDS_FOR_LEVEL_MIN = 10 };

#define SWAPS_PER_LEVEL 5.0

/* A value of either side; largest first. */
struct named_value {
    double log;
    uint32_t round;
    uint32_t side; /* 0 baseline, 1 candidate */
};

struct both {
    struct named_value *values;
    size_t count;
    unsigned char *swap; /* per round: 1 to exchange the names */
    const struct swap_question *question;
};

static void both_init(struct both *a, const struct swap_question *q)
{
    rounds_rank(q->baseline);
    rounds_rank(q->candidate);
    const struct ranked_value *b = q->baseline->ranked;
    const struct ranked_value *c = q->candidate->ranked;
    size_t i = 0;
    size_t j = 0;
    a->question = q;
    a->count = q->baseline->total + q->candidate->total;
    a->values = xmalloc(a->count * sizeof *a->values);
    a->swap = xcalloc(q->baseline->count, sizeof *a->swap);
    for (size_t k = 0; k < a->count; k++) {
        bool left =
            j == q->candidate->total || (i < q->baseline->total && b[i].log >= c[j].log - q->shift);
        if (left) {
            a->values[k] = (struct named_value){b[i].log, b[i].round, 0};
            i++;
        } else {
            a->values[k] = (struct named_value){c[j].log - q->shift, c[j].round, 1};
            j++;
        }
    }
}

static void both_release(struct both *a)
{
    free(a->values);
    free(a->swap);
}

/* The windows of the two sides as they are named now; rounds need not be equally large. */
static void place_windows(const struct both *a, struct rank_window windows[2])
{
    double counts[2] = {0.0, 0.0};
    const struct swap_question *q = a->question;
    for (size_t k = 0; k < q->baseline->count; k++) {
        counts[a->swap[k]] += (double)q->baseline->items[k].count;
        counts[1 - a->swap[k]] += (double)q->candidate->items[k].count;
    }
    for (int side = 0; side < 2; side++)
        windows[side] = quantile_window(q->p, counts[side]);
}

/* The effect under the present names: one pass down to the end of the deeper window. */
static double effect_of_names(const struct both *a)
{
    struct rank_window windows[2];
    double seen[2] = {0.0, 0.0};
    double sums[2] = {0.0, 0.0};
    place_windows(a, windows);
    for (size_t i = 0, open = 2; i < a->count && open > 0; i++) {
        const struct named_value *v = &a->values[i];
        unsigned side = v->side ^ a->swap[v->round];
        const struct rank_window *w = &windows[side];
        double rank = seen[side];
        seen[side] = rank + 1.0;
        if (rank >= w->to || rank + 1.0 <= w->from)
            continue;
        sums[side] += (fmin(rank + 1.0, w->to) - fmax(rank, w->from)) * v->log;
        open -= rank + 1.0 >= w->to;
    }
    return sums[1] / (windows[1].to - windows[1].from) -
           sums[0] / (windows[0].to - windows[0].from);
}

static void swap_at_random(struct both *a, struct rng *rng)
{
    uint64_t bits = 0;
    for (size_t k = 0; k < a->question->baseline->count; k++) {
        bits = k % 64 == 0 ? rng_next(rng) : bits >> 1;
        a->swap[k] = bits & 1;
    }
}

/* The level asked for, or the least that so many rounds can show. */
static double reachable_level(double level, size_t rounds)
{
    double least = rounds < ROUNDS_FOR_LEVEL_MIN ? ldexp(2.0, -(int)rounds) : SWAP_LEVEL_MIN;
    return fmax(level, least);
}

static bool makes_sense(const struct swap_question *q)
{
    return q->baseline->count > 0 && q->baseline->count == q->candidate->count && q->p > 0.0 &&
           q->p < 1.0 && isfinite(q->shift) && q->level < 1.0;
}

bool swap_confirms(const struct swap_question *q, struct rng *rng)
{
    if (!makes_sense(q))
        return false;
    struct both a;
    both_init(&a, q);
    double real = effect_of_names(&a);
    double level = reachable_level(q->level, q->baseline->count);
    double swaps = ceil(SWAPS_PER_LEVEL / level);
    /* p = (as large + 1) / (swaps + 1): the real names are one of the possible ones */
    double allowed = floor(level * (swaps + 1.0)) - 1.0;
    double as_large = 0.0;
    for (double k = 0.0; k < swaps && as_large <= allowed; k += 1.0) {
        swap_at_random(&a, rng);
        as_large += effect_of_names(&a) >= real - 1e-12;
    }
    both_release(&a);
    return as_large <= allowed;
}
