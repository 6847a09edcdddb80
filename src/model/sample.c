#include "model/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const side_names[SIDE_COUNT] = {"baseline", "candidate"};

static const char *const status_names[SAMPLE_STATUS_COUNT] = {
    [SAMPLE_OK] = "ok",           [SAMPLE_FUNCTION_ERROR] = "function_error",
    [SAMPLE_TIMEOUT] = "timeout", [SAMPLE_THROTTLED] = "throttled",
    [SAMPLE_UNKNOWN] = "unknown", [SAMPLE_TAMPERED] = "tampered",
};

static const double CUSTOM_STEP = 1e6;  /* values are kept to a millionth, as they are written */
static const double CUSTOM_MOST = 1e15; /* whole numbers of that size are still exact */

void series_init(struct series *s, const struct plan *plan)
{
    *s = (struct series){.plan = plan};
    for (size_t i = 0; i < plan->function_count; i++)
        if (plan->functions[i].custom_count > s->custom_stride)
            s->custom_stride = plan->functions[i].custom_count;
}

void series_release(struct series *s)
{
    free(s->items);
    free(s->custom);
    *s = (struct series){0};
}

double *series_custom(const struct series *s, size_t at)
{
    return s->custom_stride ? s->custom + at * s->custom_stride : NULL;
}

double sample_custom_value(double value)
{
    if (!(value >= 0 && value <= CUSTOM_MOST))
        return NAN;
    return value * CUSTOM_STEP < 0x1p53 ? round(value * CUSTOM_STEP) / CUSTOM_STEP : round(value);
}

struct sample *series_add(struct series *s)
{
    struct sample *sample = ARRAY_PUSH(s->items, s->count, s->capacity);
    sample->client_us = sample->late_us = sample->duration_10us = sample->billed_ms = SAMPLE_NONE;
    sample->init_10us = sample->cpu_us = SAMPLE_NONE;
    sample->env = UINT16_MAX;
    sample->status = SAMPLE_UNKNOWN;
    size_t need = s->count * s->custom_stride;
    if (need)
        s->custom = array_reserve(s->custom, &s->custom_capacity, need, sizeof *s->custom);
    for (size_t i = need - s->custom_stride; i < need; i++)
        s->custom[i] = NAN;
    return sample;
}

void series_copy(struct series *s, const struct series *from, size_t at)
{
    *series_add(s) = from->items[at];
    if (s->custom_stride && s->custom_stride == from->custom_stride)
        memcpy(series_custom(s, s->count - 1), series_custom(from, at),
               s->custom_stride * sizeof *s->custom);
}

const char *side_name(enum side side)
{
    return side_names[side];
}

const char *sample_status_name(enum sample_status status)
{
    return status_names[status];
}

int sample_status_parse(const char *name)
{
    for (int i = 0; i < SAMPLE_STATUS_COUNT; i++)
        if (!strcmp(status_names[i], name))
            return i;
    return -1;
}

static double scaled(uint32_t value, double unit)
{
    return value == SAMPLE_NONE ? NAN : value * unit;
}

double sample_duration_ms(const struct sample *s)
{
    return scaled(s->duration_10us, 0.01);
}

double sample_billed_ms(const struct sample *s)
{
    return scaled(s->billed_ms, 1);
}

double sample_init_ms(const struct sample *s)
{
    return scaled(s->init_10us, 0.01);
}

double sample_client_ms(const struct sample *s)
{
    return scaled(s->client_us, 0.001);
}

double sample_cpu_ms(const struct sample *s)
{
    return scaled(s->cpu_us, 0.001);
}
