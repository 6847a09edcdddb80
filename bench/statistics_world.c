#include "statistics_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stats/quantile.h"

enum { COMMON_BURST_TICKS = 15, OWN_BURST_TICKS = 6, RAMP_ROUNDS = 2000 };

#define AUTOREGRESSION     0.95
#define COMMON_BURST_SHARE (1.0 / 500.0) /* of ticks that start one */
#define OWN_BURST_SHARE    (1.0 / 800.0)
#define DRIFT_PERIOD_TICKS 1200.0
#define INIT_MS            250.0
#define INIT_TAIL_SHARE    0.03
#define PI                 3.14159265358979323846

const struct world_model world_models[] = {
    {.name = "M0", .role = "textbook: independent calls", .own_sd = .25, .init_sd = .22},
    {.name = "M1",
     .role = "quiet, CPU-bound",
     .own_sd = .15,
     .payload_sd = .10,
     .tail_share = .01,
     .tail_index = 4,
     .host_sd = .03,
     .common_sd = .02,
     .drift = .02,
     .burst = .10,
     .init_sd = .10},
    {.name = "M2",
     .role = "typical",
     .own_sd = .20,
     .payload_sd = .15,
     .tail_share = .015,
     .tail_index = 4,
     .host_sd = .05,
     .common_sd = .04,
     .drift = .04,
     .burst = .15,
     .init_sd = .15},
    {.name = "M2p",
     .role = "M2, a round's sandboxes on one host",
     .own_sd = .20,
     .payload_sd = .15,
     .tail_share = .015,
     .tail_index = 4,
     .host_sd = .05,
     .host_shared = true,
     .common_sd = .04,
     .drift = .04,
     .burst = .15,
     .init_sd = .15},
    {.name = "M3",
     .role = "hard: noisy, two CPU types",
     .own_sd = .25,
     .payload_sd = .25,
     .tail_share = .03,
     .tail_index = 3,
     .host_sd = .10,
     .host_types = true,
     .common_sd = .06,
     .drift = .08,
     .burst = .20,
     .init_sd = .22},
    {.name = "M4",
     .role = "payload decides",
     .own_sd = .10,
     .payload_sd = .35,
     .tail_share = .005,
     .tail_index = 3,
     .host_sd = .05,
     .common_sd = .04,
     .drift = .04,
     .burst = .15,
     .init_sd = .15},
    {.name = "M5",
     .role = "held out: very heavy tail",
     .own_sd = .20,
     .payload_sd = .15,
     .tail_share = .05,
     .tail_index = 1.8,
     .host_sd = .05,
     .common_sd = .04,
     .drift = .04,
     .burst = .15,
     .init_sd = .15},
    {.name = "M6",
     .role = "held out: very different hosts",
     .own_sd = .20,
     .payload_sd = .15,
     .tail_share = .015,
     .tail_index = 4,
     .host_sd = .15,
     .host_types = true,
     .common_sd = .04,
     .drift = .04,
     .burst = .15,
     .init_sd = .15},
};

const struct world_model world_attacks[] = {
    {.name = "M2q",
     .role = "M2 at 3 ms, told in whole ms",
     .own_sd = .20,
     .payload_sd = .15,
     .tail_share = .015,
     .tail_index = 4,
     .host_sd = .05,
     .common_sd = .04,
     .drift = .04,
     .burst = .15,
     .init_sd = .15,
     .quantum_ms = 1.0},
    {.name = "M2b",
     .role = "M2, 1 % of calls take 5 times as long",
     .own_sd = .20,
     .payload_sd = .15,
     .host_sd = .05,
     .common_sd = .04,
     .drift = .04,
     .burst = .15,
     .init_sd = .15,
     .mode_share = .01,
     .mode_factor = 5.0},
    {.name = "M2n",
     .role = "M2, neighbours: 5 % of a side's rounds +50 %",
     .own_sd = .20,
     .payload_sd = .15,
     .tail_share = .015,
     .tail_index = 4,
     .host_sd = .05,
     .common_sd = .04,
     .drift = .04,
     .burst = .15,
     .init_sd = .15,
     .hit_share = .05,
     .hit_size = .50},
};

const size_t world_attack_count = sizeof world_attacks / sizeof world_attacks[0];
const size_t world_model_count = sizeof world_models / sizeof world_models[0];

static double host_effect(struct world *w)
{
    const struct world_model *m = w->model;
    if (m->host_sd == 0.0)
        return 0.0;
    if (!m->host_types)
        return m->host_sd * rng_normal(&w->rng);
    double type = rng_next(&w->rng) >> 63 ? 0.8 : -0.8; /* 0.8^2 + 0.6^2 = 1 */
    return m->host_sd * (type + 0.6 * rng_normal(&w->rng));
}

static void place_sandboxes(struct world *w)
{
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < WORLD_SANDBOXES; i++) {
            bool same = w->model->host_shared && i > 0;
            w->hosts[side][i] = same ? w->hosts[side][0] : host_effect(w);
            w->own_burst[side][i] = 0;
        }
    }
}

void world_start(struct world *w, uint64_t seed, uint64_t stream)
{
    rng_seed(&w->rng, seed, stream);
    w->common = w->model->common_sd * rng_normal(&w->rng);
    w->drift_phase = 2.0 * PI * rng_uniform(&w->rng);
    w->bias = w->side_bias_sd * rng_normal(&w->rng);
    w->tick = 0;
    w->round = 0;
    w->common_burst = 0;
    w->hit[0] = w->hit[1] = 0.0;
    place_sandboxes(w);
}

/* Noise that both sides share at this tick. */
static double common_noise(struct world *w)
{
    const struct world_model *m = w->model;
    if (m->common_sd == 0.0)
        return 0.0;
    double fresh = sqrt(1.0 - AUTOREGRESSION * AUTOREGRESSION) * m->common_sd;
    w->common = AUTOREGRESSION * w->common + fresh * rng_normal(&w->rng);
    if (w->common_burst > 0)
        w->common_burst--;
    else if (rng_uniform(&w->rng) < COMMON_BURST_SHARE)
        w->common_burst = COMMON_BURST_TICKS;
    double angle = 2.0 * PI * w->tick / DRIFT_PERIOD_TICKS + w->drift_phase;
    return w->common + m->drift * sin(angle) + (w->common_burst > 0 ? m->burst : 0.0);
}

/* What one call adds to what it shares with others. */
static double own_noise(struct world *w, int side, int sandbox)
{
    const struct world_model *m = w->model;
    double x = w->hosts[side][sandbox] + w->hit[side] + m->own_sd * rng_normal(&w->rng);
    if (m->tail_share > 0.0 && rng_uniform(&w->rng) < m->tail_share)
        x += rng_exponential(&w->rng) / m->tail_index;
    if (m->mode_share > 0.0 && rng_uniform(&w->rng) < m->mode_share)
        x += log(m->mode_factor);
    unsigned *burst = &w->own_burst[side][sandbox];
    if (*burst > 0)
        (*burst)--;
    else if (m->burst > 0.0 && rng_uniform(&w->rng) < OWN_BURST_SHARE)
        *burst = OWN_BURST_TICKS;
    return *burst > 0 ? x + m->burst : x;
}

/* The candidate's ln latency where the baseline would have had x. */
static double changed(const struct world *w, double x)
{
    double full = log1p(w->size);
    if (w->change == CHANGE_UNIFORM)
        return x + full;
    if (w->change != CHANGE_TAIL)
        return x;
    double share = (x - w->ramp_low) / (w->ramp_high - w->ramp_low);
    return x + full * fmin(fmax(share, 0.0), 1.0);
}

static void put_call(struct world *w, struct world_round *out, int side, size_t i, double x)
{
    if (side == 1)
        x = changed(w, x) + w->bias;
    double ms = w->typical_ms * exp(x);
    double step = w->model->quantum_ms;
    if (step > 0.0)
        ms = fmax(step, step * ceil(ms / step));
    double price = side == 1 && w->change == CHANGE_COST ? 1.0 + w->size : 1.0;
    out->duration_ms[side][i] = ms;
    out->billed_ms[side][i] = ceil(ms) * price;
}

static void put_inits(struct world *w, struct world_round *out)
{
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < WORLD_SANDBOXES; i++) {
            double x = w->hosts[side][i] + w->model->init_sd * rng_normal(&w->rng);
            if (rng_uniform(&w->rng) < INIT_TAIL_SHARE)
                x += 0.5 * rng_exponential(&w->rng);
            if (side == 1)
                x += w->bias + (w->change == CHANGE_INIT ? log1p(w->size) : 0.0);
            out->init_ms[side][i] = INIT_MS * exp(x);
        }
    }
}

void world_next(struct world *w, struct world_round *out)
{
    if (!w->reuse && w->round > 0)
        place_sandboxes(w);
    w->round++;
    for (int side = 0; side < 2 && w->model->hit_share > 0.0; side++) {
        bool hit = rng_uniform(&w->rng) < w->model->hit_share;
        w->hit[side] = hit ? log1p(w->model->hit_size) : 0.0;
    }
    put_inits(w, out);
    size_t i = 0;
    for (int tick = 0; tick < WORLD_CALLS; tick++, w->tick++) {
        double common = common_noise(w);
        for (int sandbox = 0; sandbox < WORLD_SANDBOXES; sandbox++, i++) {
            double pair = common + w->model->payload_sd * rng_normal(&w->rng);
            for (int side = 0; side < 2; side++)
                put_call(w, out, side, i, pair + own_noise(w, side, sandbox));
        }
    }
}

void world_ramp(const struct world_model *model, double *low, double *high)
{
    struct world_model smooth = *model;
    smooth.quantum_ms = 0.0;
    struct world w = {.model = &smooth, .typical_ms = 1.0};
    struct world_round round;
    size_t count = (size_t)RAMP_ROUNDS * WORLD_ROUND;
    double *x = xmalloc(count * sizeof *x);
    world_start(&w, 99, 0);
    for (size_t k = 0; k < RAMP_ROUNDS; k++) {
        world_next(&w, &round);
        memcpy(x + k * WORLD_ROUND, round.duration_ms[0], sizeof round.duration_ms[0]);
    }
    quantile_sort_descending(x, count);
    *low = log(quantile_type7(x, count, 0.90));
    *high = log(quantile_type7(x, count, 0.97));
    free(x);
}
