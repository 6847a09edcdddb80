#include "gate/spend.h"

#include <math.h>

/* https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html: init ends at 10 s */
static const double INIT_MOST_MS = 10000;
/* What is left when nothing is left: a budget of 0 would mean that there is no limit. */
static const double NOTHING_USD = 1e-12;

double spend_most(const struct tariff *t, const struct plan_function *f)
{
    return t->usd_per_ms * (INIT_MOST_MS + 1000.0 * f->timeout_s) + t->usd_per_request;
}

void spend_add(struct spend *s, const struct sample *sample, const struct tariff *t,
               const struct plan_function *f)
{
    s->invocations++;
    if (sample->status == SAMPLE_THROTTLED)
        return;
    bool believed = sample->billed_ms != SAMPLE_NONE && sample->status != SAMPLE_TAMPERED;
    s->usd += believed ? t->usd_per_ms * sample->billed_ms + t->usd_per_request : spend_most(t, f);
}

struct budget budget_share(const struct budget *whole, const struct spend *spent,
                           unsigned functions)
{
    struct budget b = {0};
    if (whole->invocations) {
        uint64_t used = spent->invocations;
        uint64_t left = used < whole->invocations ? whole->invocations - used : 0;
        b.invocations = left / functions ? left / functions : 1;
    }
    if (whole->usd > 0)
        b.usd = fmax((whole->usd - spent->usd) / functions, NOTHING_USD);
    return b;
}

bool budget_allows(const struct budget *b, const struct spend *spent, uint64_t more,
                   double most_usd)
{
    if (b->invocations && spent->invocations + more > b->invocations)
        return false;
    return !(b->usd > 0) || spent->usd + (double)more * most_usd <= b->usd;
}
