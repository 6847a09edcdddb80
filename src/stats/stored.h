/*
 * stored.h - the effect against a baseline that was measured at another time: last week's file.
 *
 * Two sessions have no common moment, so their rounds cannot be paired, and whatever differs
 * between two days, machines and neighbourhoods is in the difference as well. No number of rounds
 * makes that smaller, and no session can see it from inside: it must be known from many sessions,
 * or assumed. With W_1..W_H the levels of the stored sessions (effect.h), W_c the candidate's, v_1..
 * v_H and v_c their delete-one-round jackknife variances:
 *
 *     theta = W_c - mean W_h
 *
 *     assumed      V = v_c + sum v_h / H^2 + sd^2 (1 + 1/H)     sd: of ln(level) between sessions,
 *                                                              taken to be exact
 *     scatter      V = s^2 (1 + 1/H) + max(0, v_c - mean v_h)   s^2: sample variance of W_h, H - 1
 *                                                              degrees of freedom
 *
 *     SE^2 = V, df = V^2 / sum (part^2 / df of the part)        Welch and Satterthwaite
 *
 * The scatter of the levels holds what a session's own rounds are unsure of already, so the second
 * line is the prediction interval of one more session like the others; a candidate that was
 * measured less well than they were adds the excess. 5 sessions or more; of a drifting history
 * the drift is in the scatter, which makes the answer less sure and not wrong.
 *
 * Sources: Welch, Biometrika 1947, and Satterthwaite, Biometrics Bulletin 1946 (degrees of
 * freedom); Hahn, Journal of the American Statistical Association 1969 (prediction intervals);
 * Efron and Stein, Annals of Statistics 1981 (jackknife).
 */
#ifndef LPG_STATS_STORED_H
#define LPG_STATS_STORED_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/effect.h"
#include "stats/rounds.h"

/* Fewest sessions whose scatter is taken for the noise between sessions. */
enum { STORED_SESSIONS_MIN = 5 };

/* How far the level of the same code differs from session to session. */
struct session_noise {
    double sd;    /* assumed standard deviation of ln(level); positive and finite */
    bool scatter; /* with STORED_SESSIONS_MIN sessions: their own scatter, `sd` is not used */
};

/* Whether the scatter is used for so many sessions. */
bool stored_uses_scatter(const struct session_noise *noise, size_t sessions);

/*
 * The effect between `count` >= 1 stored sessions of the baseline and a session of the candidate.
 * Valid for one look only. Of the three scales, ratio and difference are as above, the difference
 * with levels and their scatter in the metric's unit (the noise of a session is proportional to its
 * level, so the candidate's part is multiplied by the square of the levels' ratio); the level
 * is that of the candidate alone, as in effects_paired(): the day's noise is in it.
 *
 * States: EFFECT_FEW_ROUNDS below EFFECT_ROUNDS_MIN rounds in any session, EFFECT_FEW_SAMPLES as for
 * pairs, EFFECT_UNDEFINED without sessions or with a noise that is not positive.
 */
struct effects effects_stored(struct rounds *const *baselines, size_t count,
                              struct rounds *candidate, struct statistic statistic,
                              const struct session_noise *noise);

#endif
