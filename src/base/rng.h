/*
 * rng.h - seeded random numbers, the same on every machine.
 *
 * xoshiro256** (Blackman and Vigna, 2018, "Scrambled linear pseudorandom number generators"),
 * seeded by SplitMix64. Not for secrets: those come from the operating system.
 */
#ifndef LPG_BASE_RNG_H
#define LPG_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state[4];
};

/*
 * The same seed and stream give the same numbers; streams of one seed are independent of each
 * other.
 */
void rng_seed(struct rng *r, uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, 1), 53 bits. */
double rng_uniform(struct rng *r);
/* Uniform in [0, bound) without bias; bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);
/* Standard normal. */
double rng_normal(struct rng *r);
/* Exponential with mean 1. */
double rng_exponential(struct rng *r);
/* Fisher-Yates over an array of indices. */
void rng_shuffle(struct rng *r, uint32_t *items, size_t count);

#endif
