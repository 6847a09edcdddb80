#include "model/result.h"

#include <math.h>
#include <stdlib.h>

struct result *result_new(void)
{
    struct result *r = xcalloc(1, sizeof *r);
    arena_init(&r->arena);
    r->exit_code = EXIT_ERROR;
    r->usd = NAN;
    return r;
}

void result_free(struct result *r)
{
    if (!r)
        return;
    arena_release(&r->arena);
    free(r);
}

struct result_metric result_metric_none(const struct metric *m)
{
    return (struct result_metric){
        .metric = m,
        .baseline = NAN,
        .candidate = NAN,
        .change_pct = NAN,
        .ci_low_pct = NAN,
        .ci_high_pct = NAN,
        .verdict = VERDICT_UNGATED,
        .noise_floor_pct = NAN,
        .detectable_pct = NAN,
        .rounds_needed = NAN,
    };
}

const struct result_metric *result_find(const struct result_function *f, enum metric_id id)
{
    for (size_t i = 0; i < f->metric_count; i++)
        if (metric_index(f->metrics[i].metric) == id)
            return &f->metrics[i];
    return NULL;
}
