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
