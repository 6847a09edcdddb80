/*
 * stored.h - the baseline's side of a gate when it was measured at another time: one session or
 * several, each with its own evidence. Nothing outside gate/ includes this; the way in is judge.h.
 */
#ifndef LPG_GATE_STORED_H
#define LPG_GATE_STORED_H

#include <stddef.h>

#include "gate/evidence.h"
#include "stats/stored.h"

struct gate;

struct stored_session {
    const char *name; /* for warnings */
    struct evidence evidence;
};

struct stored {
    struct session_noise noise;
    struct stored_session *items;
    size_t count, capacity;
};

/* NULL is fine. */
void stored_free(struct stored *s);

/* As evidence_effects() and evidence_rounding(), of all sessions and the candidate's evidence. */
struct effects stored_effects(struct gate *g, enum metric_id id);
double stored_rounding(const struct gate *g, enum metric_id id, const struct effect *effect);

/*
 * Before anything is judged: the sessions' calls and failures become those of the gate's baseline,
 * and what speaks against a session becomes a doubt.
 */
void stored_settle(struct gate *g);

#endif
