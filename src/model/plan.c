#include "model/plan.h"

#include <stdlib.h>
#include <string.h>

struct plan *plan_new(void)
{
    struct plan *p = xcalloc(1, sizeof *p);
    arena_init(&p->arena);
    p->directory = ".";
    return p;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    arena_release(&p->arena);
    free(p);
}

const struct plan_function *plan_find(const struct plan *p, const char *name)
{
    for (size_t i = 0; i < p->function_count; i++)
        if (!strcmp(p->functions[i].name, name))
            return &p->functions[i];
    return NULL;
}

bool plan_is_open_loop(const struct plan_function *f)
{
    return f->load.rate > 0 || f->load.stage_count > 0;
}

size_t plan_metric_count(const struct plan_function *f)
{
    return METRIC_COUNT + f->custom_count;
}

const struct metric *plan_metric(const struct plan_function *f, size_t i)
{
    return i < METRIC_COUNT ? &metrics[i] : &f->custom[i - METRIC_COUNT].metric;
}

const struct metric *plan_metric_find(const struct plan_function *f, const char *id)
{
    for (size_t i = 0; i < plan_metric_count(f); i++)
        if (!strcmp(plan_metric(f, i)->id, id))
            return plan_metric(f, i);
    return NULL;
}
