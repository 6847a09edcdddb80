/*
 * judge.h - the gate: looks at the evidence after every few rounds, stops when the answer is clear,
 * and says it.
 *
 *     struct gate *g = gate_new(function, &settings, e);
 *     do {
 *         first = series.count;  ... run one round ...
 *         gate_add_round(g, &series, first, index);
 *     } while (gate_look(g) == GATE_CONTINUE);
 *     gate_conclude(g, &series, &result->arena, &result->functions[index]);
 *
 * All judged metrics must pass at the same look for the function to pass; one that fails stops the
 * run. The error probability alpha is divided among the judged metrics and, by the caller, among
 * functions; see rule.h for the rule and stats/looks.h for why looking often does no harm.
 *
 * Nothing here reads a clock, a file or a random number: the same samples give the same verdict.
 */
#ifndef LPG_GATE_JUDGE_H
#define LPG_GATE_JUDGE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"
#include "gate/evidence.h"
#include "gate/price_book.h"
#include "gate/spend.h"
#include "model/plan.h"
#include "model/result.h"
#include "model/sample.h"
#include "stats/stored.h"

struct gate_settings {
    double alpha; /* probability of FAIL although nothing changed, for this function */
    double beta;  /* probability that a metric passes although it is worse by its whole limit */
    double noise_share; /* error that no run can see from inside, added to each standard error */
    const char *region; /* for prices */
    const struct price_book *prices; /* NULL: the built-in ones */
    uint64_t package_bytes[SIDE_COUNT];
};
#define GATE_DEFAULTS ((struct gate_settings){.alpha = 0.01, .beta = 0.04, .noise_share = 0.005})

struct gate;

enum gate_advice { GATE_CONTINUE, GATE_STOP };

/*
 * ERROR_CONFIG when the rounds of the plan make no schedule of looks. The function must outlive the
 * gate.
 */
struct gate *gate_new(const struct plan_function *f, const struct gate_settings *settings,
                      struct error *e);
void gate_free(struct gate *g);
/* Forgets all rounds and remarks: the same question is asked anew, of other rounds. */
void gate_restart(struct gate *g);

/* One round has ended: its samples are those of the series from `first` on. */
void gate_add_round(struct gate *g, const struct series *series, size_t first, unsigned function);
enum gate_advice gate_look(struct gate *g);

/*
 * Something outside the samples that makes the numbers doubtful ("12 % of the CPU was stolen"): no
 * pass from then on.
 */
void gate_doubt(struct gate *g, const char *reason);
/* Something worth knowing that changes nothing: it joins the warnings of the report. */
void gate_note(struct gate *g, const char *text);

/*
 * Against a baseline of other sessions, not measured side by side (stats/stored.h):
 *
 *     gate_against_stored(g, &noise);                  before any round
 *     gate_add_session(g, "main of monday");           each session, then its rounds,
 *     gate_add_session_round(g, &series, first, 0);    samples of SIDE_BASELINE only
 *     gate_add_round(g, &series, first, 0);            samples of SIDE_CANDIDATE only
 *     gate_conclude(g, &series, ...);                  one look: gate_look() is not for this
 *
 * `name` must outlive the gate. That the sessions can be compared at all (memory, architecture, mix
 * of events) is the caller's to check.
 */
void gate_against_stored(struct gate *g, const struct session_noise *noise);
void gate_add_session(struct gate *g, const char *name);
void gate_add_session_round(struct gate *g, const struct series *series, size_t first,
                            unsigned function);

/* What the invocations so far cost at Lambda's prices, and what one more can cost at most. */
struct spend gate_spend(const struct gate *g);
/* Invocations that are no evidence, but are on the bill. */
void gate_charge(struct gate *g, const struct series *calls);
double gate_spend_most(const struct gate *g);

/*
 * Writes the judgement: metrics, verdict, headline, warnings, accounting, events, rounds. The
 * strings are put into the arena. What the gate does not know (runtime label, packages, schedule)
 * is left alone.
 */
void gate_conclude(struct gate *g, const struct series *series, unsigned function,
                   struct arena *arena, struct result_function *out);

/* Same package and configuration on both sides: nothing to measure. */
void gate_conclude_identical(const struct plan_function *f, struct arena *arena,
                             struct result_function *out);

/*
 * The run's verdict and headline from those of its functions; here, and only here, a run becomes a
 * pass.
 */
void gate_conclude_run(struct result *r);

#endif
