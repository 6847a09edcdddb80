#include "stats/rounds.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stats/quantile.h"

static int check_values(const struct rounds *r, const double *values, size_t count, struct error *e)
{
    if (count == 0)
        return error_set(e, ERROR_MEASURE, "round %zu has no samples", r->count);
    for (size_t i = 0; i < count; i++)
        if (!(isfinite(values[i]) && values[i] > 0.0))
            return error_set(e, ERROR_MEASURE,
                             "round %zu: sample %zu is %g; only positive numbers can be compared",
                             r->count, i, values[i]);
    return 0;
}

int rounds_add(struct rounds *r, const double *values, size_t count, struct error *e)
{
    if (check_values(r, values, count, e))
        return -1;
    r->logs = array_reserve(r->logs, &r->logs_capacity, r->total + count, sizeof *r->logs);
    double *logs = r->logs + r->total;
    memcpy(logs, values, count * sizeof *logs);
    quantile_sort_descending(logs, count);

    struct round_values *item = ARRAY_PUSH(r->items, r->count, r->capacity);
    item->start = r->total;
    item->count = count;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += logs[i];
        logs[i] = log(logs[i]);
    }
    item->mean = sum / (double)count;
    item->middle = exp(quantile_middle(logs, count));
    r->total += count;
    return 0;
}

void rounds_release(struct rounds *r)
{
    free(r->items);
    free(r->logs);
    free(r->ranked);
    memset(r, 0, sizeof *r);
}

size_t rounds_smallest(const struct rounds *r)
{
    size_t least = r->count > 0 ? r->items[0].count : 0;
    for (size_t i = 1; i < r->count; i++)
        if (r->items[i].count < least)
            least = r->items[i].count;
    return least;
}

/*
 * Equal values stand in the order of their rounds, so that the order does not depend on the looks.
 */
static bool comes_before(const struct ranked_value *a, const struct ranked_value *b)
{
    return a->log > b->log || (a->log == b->log && a->round < b->round);
}

/* Merges sorted values into `ranked`, which has room for them, from the back. */
static void ranked_merge(struct ranked_value *ranked, size_t count,
                         const struct ranked_value *added, size_t fresh)
{
    while (fresh > 0) {
        const struct ranked_value *least = &added[--fresh];
        for (; count > 0 && comes_before(least, &ranked[count - 1]); count--)
            ranked[count + fresh] = ranked[count - 1];
        ranked[count + fresh] = *least;
    }
}

/*
 * Brings `ranked` up to date: the new rounds are merged among themselves and then, all at once, in.
 */
void rounds_rank(struct rounds *r)
{
    size_t fresh = r->total - r->ranked_count;
    if (fresh == 0)
        return;
    struct ranked_value *added = xmalloc(2 * fresh * sizeof *added);
    struct ranked_value *one = added + fresh;
    size_t n = 0;
    for (size_t k = r->ranked_rounds; k < r->count; k++) {
        const struct round_values *round = &r->items[k];
        for (size_t i = 0; i < round->count; i++)
            one[i] = (struct ranked_value){r->logs[round->start + i], (uint32_t)k};
        ranked_merge(added, n, one, round->count);
        n += round->count;
    }
    r->ranked = array_reserve(r->ranked, &r->ranked_capacity, r->total, sizeof *r->ranked);
    ranked_merge(r->ranked, r->ranked_count, added, fresh);
    free(added);
    r->ranked_count = r->total;
    r->ranked_rounds = r->count;
}

/*
 * The largest `top` values with running sums, over all and within each round. A round's entries are
 * first[k] .. first[k + 1] - 1 of `place` (rank) and, shifted by its round's index to make room for
 * a leading zero, of `within` (running sum).
 */
struct top_sums {
    size_t top;
    double *all;    /* all[i]: sum of the i largest */
    size_t *first;  /* per round, and one more */
    size_t *place;  /* ranks of a round's values, ascending */
    double *within; /* running sums of a round's values */
};

static void top_sums_fill(struct top_sums *s, const struct rounds *r)
{
    s->all = xcalloc(s->top + 1, sizeof *s->all);
    s->first = xcalloc(r->count + 2, sizeof *s->first);
    s->place = xcalloc(s->top, sizeof *s->place);
    s->within = xcalloc(s->top + r->count, sizeof *s->within);
    for (size_t i = 0; i < s->top; i++) {
        s->all[i + 1] = s->all[i] + r->ranked[i].log;
        s->first[r->ranked[i].round + 2]++;
    }
    for (size_t k = 2; k < r->count + 2; k++)
        s->first[k] += s->first[k - 1];
    /*
     * first[k + 1] is the next free entry of round k here, and the start of round k + 1 afterwards
     */
    for (size_t i = 0; i < s->top; i++) {
        size_t k = r->ranked[i].round;
        size_t entry = s->first[k + 1]++;
        s->place[entry] = i;
        s->within[entry + k + 1] = s->within[entry + k] + r->ranked[i].log;
    }
}

static void top_sums_release(struct top_sums *s)
{
    free(s->all);
    free(s->first);
    free(s->place);
    free(s->within);
}

/*
 * The sum of the `rank` largest values that do not belong to round `skip`. The value at rank
 * `whole` among those kept sits `c` places further down, where c counts the skipped values above
 * it; those have at most `whole` kept values before them, which is what the search asks.
 */
static double sum_without(const struct top_sums *s, const struct rounds *r, size_t skip,
                          double rank)
{
    size_t whole = (size_t)floor(rank);
    const size_t *place = s->place + s->first[skip];
    size_t low = 0;
    size_t high = s->first[skip + 1] - s->first[skip];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (place[middle] - middle <= whole)
            low = middle + 1;
        else
            high = middle;
    }
    double sum = s->all[whole + low] - s->within[s->first[skip] + skip + low];
    double part = rank - (double)whole;
    return part > 0.0 ? sum + part * r->ranked[whole + low].log : sum;
}

static double window_without(const struct top_sums *s, const struct rounds *r, size_t skip,
                             double p)
{
    struct rank_window w = quantile_window(p, (double)(r->total - r->items[skip].count));
    double sum = sum_without(s, r, skip, w.to) - sum_without(s, r, skip, w.from);
    return sum / (w.to - w.from);
}

static double window_of_all(const struct top_sums *s, const struct rounds *r, double p)
{
    struct rank_window w = quantile_window(p, (double)r->total);
    size_t from = (size_t)floor(w.from);
    size_t to = (size_t)floor(w.to);
    double low = s->all[from] + (w.from - (double)from) * r->ranked[from].log;
    double high = s->all[to] + (w.to - (double)to) * r->ranked[to].log;
    return (high - low) / (w.to - w.from);
}

static size_t largest_round(const struct rounds *r)
{
    size_t most = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].count > most)
            most = r->items[i].count;
    return most;
}

double rounds_window_levels(struct rounds *r, double p, double *without)
{
    struct rank_window w = quantile_window(p, (double)r->total);
    if (r->count < 2 || !isfinite(w.to))
        return NAN;
    rounds_rank(r);
    /* skipping a round moves the end of its window down by no more values than the round has */
    size_t reach = (size_t)ceil(w.to) + largest_round(r) + 1;
    struct top_sums s = {.top = reach < r->total ? reach : r->total};
    top_sums_fill(&s, r);
    for (size_t k = 0; k < r->count; k++)
        without[k] = window_without(&s, r, k, p);
    double level = window_of_all(&s, r, p);
    top_sums_release(&s);
    return level;
}

double rounds_quantile(struct rounds *r, double p)
{
    if (r->count == 0 || !(p >= 0.0 && p <= 1.0))
        return NAN;
    rounds_rank(r);
    double place = (1.0 - p) * (double)(r->total - 1);
    size_t i = (size_t)floor(place);
    double here = exp(r->ranked[i].log);
    if (i + 1 >= r->total)
        return here;
    return here + (place - (double)i) * (exp(r->ranked[i + 1].log) - here);
}
