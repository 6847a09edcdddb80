/*
 * sections.h - the parts of a function that are more than one field: events, stages, variables,
 * limits.
 */
#ifndef LPG_CONFIG_SECTIONS_H
#define LPG_CONFIG_SECTIONS_H

#include "config/fields.h"

/* Reads the value of a key of type KEY_EVENTS, KEY_STAGES, KEY_VARIABLES or KEY_LIMITS. KEY_METRICS is
 * left to sections_read_metrics(). */
void sections_read(struct reader *r, const struct key *key, const struct yaml_node *value,
                   void *base);

/*
 * Reads the key `metrics` of a function, if it is there. To be called first: the limits refer to
 * them, wherever in the file they stand.
 */
void sections_read_metrics(struct reader *r, const struct yaml_node *function,
                           struct plan_function *f);

/* A function's variables while they grow: begin with room for `more`, set, end. */
struct variables {
    struct plan_variable *items;
    size_t count;
};
struct variables sections_begin_variables(struct reader *r, const struct plan_function *f,
                                          size_t more);
/* Replaces the value of a variable of the same name. */
void sections_set_variable(struct reader *r, struct variables *v, const char *name,
                           const char *value);
void sections_end_variables(const struct variables *v, struct plan_function *f);

/* What holds when the key is absent: one empty object as the only event. */
void sections_default_events(struct reader *r, struct plan_function *f);
/*
 * Without `limits`: the default ones. With `limits` that do not speak of errors: the default for
 * the error rate beside them, because a function that fails fast must not look fast.
 */
void sections_default_limits(struct reader *r, struct plan_function *f);

#endif
