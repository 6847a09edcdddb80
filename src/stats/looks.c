#include "stats/looks.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stats/dist.h"
#include "stats/quantile.h"

enum { ALPHAS = 13, CALIBRATION_RUNS = 100000 };

#define CALIBRATION_SEED UINT64_C(20260101)
/* p-values above it never become a level for alpha <= 0.1 */
#define P_CEILING 0.12

static const double table_alphas[ALPHAS] = {.0001, .0003, .001, .002, .003, .004, .005,
                                            .01,   .02,   .03,  .04,  .05,  .10};

/* `statistics --levels 3000000` prints these rows. Ordered by first, step, last. */
static const struct {
    struct look_plan plan;
    double levels[ALPHAS];
} table[] = {
    {{5, 5, 100},
     {8.72e-06, 2.767e-05, 0.0001018, 0.0002139, 0.0003351, 0.0004583, 0.0005836, 0.00125, 0.00271,
      0.004309, 0.006011, 0.007812, 0.01803}},
    {{6, 2, 60},
     {8.03e-06, 2.547e-05, 9.111e-05, 0.0001933, 0.000304, 0.0004206, 0.0005438, 0.001193, 0.002636,
      0.004245, 0.005982, 0.007827, 0.01845}},
    {{6, 2, 120},
     {5.526e-06, 1.76e-05, 6.534e-05, 0.0001401, 0.0002217, 0.0003069, 0.000395, 0.0008694,
      0.001944, 0.003144, 0.004439, 0.005823, 0.01387}},
    {{8, 2, 120},
     {5.769e-06, 1.834e-05, 6.956e-05, 0.0001511, 0.0002381, 0.0003309, 0.0004244, 0.0009345,
      0.002089, 0.003381, 0.004775, 0.006267, 0.0149}},
    {{10, 1, 120},
     {4.859e-06, 1.607e-05, 6.208e-05, 0.0001368, 0.0002169, 0.0003018, 0.0003882, 0.0008627,
      0.001954, 0.003183, 0.004514, 0.005948, 0.0144}},
    {{10, 2, 20},
     {2.355e-05, 7.708e-05, 0.0002767, 0.0005763, 0.0008952, 0.00122, 0.001559, 0.00332, 0.007162,
      0.01129, 0.01559, 0.0201, 0.04475}},
    {{10, 2, 30},
     {1.575e-05, 5.078e-05, 0.0001824, 0.0003886, 0.0006072, 0.000831, 0.001058, 0.002286, 0.005024,
      0.007978, 0.01112, 0.01447, 0.03313}},
    {{10, 2, 40},
     {1.228e-05, 3.943e-05, 0.0001453, 0.0003078, 0.0004855, 0.0006701, 0.0008575, 0.001852,
      0.004078, 0.006513, 0.009113, 0.01189, 0.02752}},
    {{10, 2, 60},
     {9.364e-06, 3.058e-05, 0.0001087, 0.0002307, 0.0003657, 0.0005036, 0.0006482, 0.001425,
      0.003177, 0.005104, 0.00718, 0.009383, 0.02199}},
    {{10, 2, 80},
     {8.178e-06, 2.521e-05, 9.403e-05, 0.0002013, 0.0003135, 0.0004332, 0.0005578, 0.001218,
      0.002719, 0.004387, 0.006188, 0.008109, 0.01914}},
    {{10, 2, 100},
     {6.776e-06, 2.302e-05, 8.191e-05, 0.0001763, 0.0002755, 0.0003824, 0.0004942, 0.001088,
      0.002447, 0.003939, 0.005559, 0.00729, 0.01728}},
    {{10, 2, 120},
     {6.475e-06, 2.068e-05, 7.595e-05, 0.0001619, 0.0002546, 0.0003521, 0.0004517, 0.0009969,
      0.002229, 0.003615, 0.005099, 0.006689, 0.01598}},
    {{10, 2, 160},
     {5.544e-06, 1.784e-05, 6.572e-05, 0.0001405, 0.0002196, 0.0003032, 0.0003947, 0.0008738,
      0.001967, 0.003184, 0.004525, 0.005936, 0.01418}},
    {{10, 2, 200},
     {4.923e-06, 1.626e-05, 6.037e-05, 0.0001289, 0.0002034, 0.0002807, 0.0003617, 0.0008004,
      0.001807, 0.002918, 0.004136, 0.005447, 0.01305}},
    {{10, 2, 300},
     {4.214e-06, 1.397e-05, 5.103e-05, 0.0001095, 0.0001745, 0.0002409, 0.0003109, 0.000688,
      0.001551, 0.002518, 0.003572, 0.004705, 0.01135}},
    {{10, 5, 120},
     {8.287e-06, 2.73e-05, 0.0001015, 0.0002139, 0.0003343, 0.0004597, 0.0005893, 0.001284,
      0.002818, 0.004516, 0.00633, 0.008254, 0.01923}},
    {{20, 2, 120},
     {7.514e-06, 2.568e-05, 9.718e-05, 0.0002077, 0.0003216, 0.0004433, 0.000573, 0.001271,
      0.002851, 0.004609, 0.006519, 0.008558, 0.02024}},
};

bool look_plan_valid(const struct look_plan *plan)
{
    return plan->first >= 2 && plan->step >= 1 && plan->last >= plan->first;
}

bool look_is_due(const struct look_plan *plan, unsigned rounds)
{
    if (!look_plan_valid(plan) || rounds < plan->first || rounds > plan->last)
        return false;
    return rounds == plan->last || (rounds - plan->first) % plan->step == 0;
}

unsigned look_count(const struct look_plan *plan)
{
    if (!look_plan_valid(plan))
        return 0;
    unsigned span = plan->last - plan->first;
    return 1 + span / plan->step + (span % plan->step != 0);
}

/* y at x on the line through (x0, y0) and (x1, y1), all of them on logarithmic scales. */
static double log_interpolate(double x, double x0, double y0, double x1, double y1)
{
    double share = log(x / x0) / log(x1 / x0);
    return exp(log(y0) + share * log(y1 / y0));
}

static double row_level(size_t row, double alpha)
{
    size_t i = 1;
    while (i + 1 < ALPHAS && table_alphas[i] < alpha)
        i++;
    return log_interpolate(alpha, table_alphas[i - 1], table[row].levels[i - 1], table_alphas[i],
                           table[row].levels[i]);
}

static bool same_start(const struct look_plan *a, const struct look_plan *b)
{
    return a->first == b->first && a->step == b->step;
}

double look_level_tabled(const struct look_plan *plan, double alpha)
{
    if (!look_plan_valid(plan) || !(alpha >= table_alphas[0] && alpha <= table_alphas[ALPHAS - 1]))
        return NAN;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct look_plan *here = &table[i].plan;
        if (!same_start(here, plan) || here->last < plan->last)
            continue;
        if (here->last == plan->last)
            return row_level(i, alpha);
        if (i == 0 || !same_start(&table[i - 1].plan, plan))
            return NAN;
        return log_interpolate(plan->last, table[i - 1].plan.last, row_level(i - 1, alpha),
                               here->last, row_level(i, alpha));
    }
    return NAN;
}

/* Two normals at a time (Box and Muller), half the work of one after the other. */
static void fill_normals(struct rng *rng, double *out, size_t count)
{
    for (size_t i = 0; i < count; i += 2) {
        double radius = sqrt(-2.0 * log(1.0 - rng_uniform(rng)));
        double angle = 2.0 * 3.14159265358979323846 * rng_uniform(rng);
        out[i] = radius * cos(angle);
        if (i + 1 < count)
            out[i + 1] = radius * sin(angle);
    }
}

/* The smallest p-values over the looks of one run, upwards and downwards. */
static void smallest_p(const struct look_plan *plan, const double *normals, const double *critical,
                       double *up, double *down)
{
    double sum = 0.0;
    double squares = 0.0;
    *up = *down = 1.0;
    for (unsigned k = 1; k <= plan->last; k++) {
        sum += normals[k - 1];
        squares += normals[k - 1] * normals[k - 1];
        if (!look_is_due(plan, k))
            continue;
        double n = (double)k;
        double variance = (squares - sum * sum / n) / (n - 1.0);
        double t = sum / sqrt(n * variance);
        if (!(fabs(t) > critical[k - 1]))
            continue;
        double p = dist_t_upper(fabs(t), n - 1.0);
        double *side = t > 0.0 ? up : down;
        *side = fmin(*side, p);
    }
}

int look_calibrate(const struct look_plan *plan, const double *alphas, double *levels, size_t count,
                   size_t runs, struct rng *rng)
{
    if (!look_plan_valid(plan) || runs == 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (!(alphas[i] > 0.0 && alphas[i] <= 0.1))
            return -1;
    double *normals = xmalloc(plan->last * sizeof *normals);
    double *critical = xcalloc(plan->last, sizeof *critical);
    for (unsigned k = plan->first; k <= plan->last; k++)
        critical[k - 1] = dist_t_critical(P_CEILING, (double)k - 1.0);
    double *p = xmalloc(2 * runs * sizeof *p);
    for (size_t i = 0; i < runs; i++) {
        fill_normals(rng, normals, plan->last);
        smallest_p(plan, normals, critical, &p[2 * i], &p[2 * i + 1]);
    }
    quantile_sort_descending(p, 2 * runs);
    for (size_t i = 0; i < count; i++)
        levels[i] = fmax(quantile_type7(p, 2 * runs, alphas[i]), alphas[i] / look_count(plan));
    free(p);
    free(critical);
    free(normals);
    return 0;
}

int look_levels_find(const struct look_plan *plan, double alpha, double beta,
                     struct look_levels *levels)
{
    const double wanted[2] = {alpha, beta};
    double found[2];
    if (!look_plan_valid(plan) || !(alpha > 0.0 && alpha <= 0.1) || !(beta > 0.0 && beta <= 0.1))
        return -1;
    bool tabled = true;
    for (int i = 0; i < 2; i++) {
        found[i] = wanted[i] < table_alphas[0] ? wanted[i] / look_count(plan)
                                               : look_level_tabled(plan, wanted[i]);
        tabled = tabled && isfinite(found[i]);
    }
    if (!tabled) {
        struct rng rng;
        rng_seed(&rng, CALIBRATION_SEED, 0);
        if (look_calibrate(plan, wanted, found, 2, CALIBRATION_RUNS, &rng))
            return -1;
    }
    *levels = (struct look_levels){.fail = found[0], .pass = found[1]};
    return 0;
}

static double both_criticals(const struct effect *e, const struct look_levels *levels)
{
    return dist_t_critical(levels->fail, e->df) + dist_t_critical(levels->pass, e->df);
}

double look_detectable(const struct effect *e, const struct look_levels *levels)
{
    return e->state == EFFECT_DEFINED ? both_criticals(e, levels) * e->se : NAN;
}

double look_detectable_at(const struct effect *e, const struct look_levels *levels, double floor,
                          double rounds)
{
    if (e->state != EFFECT_DEFINED || !(rounds > 0.0))
        return NAN;
    double se = hypot(e->se * sqrt((double)e->units / rounds), floor);
    return both_criticals(e, levels) * se;
}

double look_rounds_needed(const struct effect *e, const struct look_levels *levels, double floor,
                          double distance)
{
    if (e->state != EFFECT_DEFINED || !(distance > 0.0))
        return 0.0;
    double se = distance / both_criticals(e, levels);
    double room = se * se - floor * floor;
    if (!(room > 0.0))
        return 0.0;
    return ceil((double)e->units * e->se * e->se / room);
}
