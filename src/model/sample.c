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

void series_release(struct series *s)
{
    free(s->items);
    *s = (struct series){0};
}

struct sample *series_add(struct series *s)
{
    struct sample *sample = ARRAY_PUSH(s->items, s->count, s->capacity);
    sample->client_us = sample->late_us = sample->duration_10us = sample->billed_ms = SAMPLE_NONE;
    sample->init_10us = sample->cpu_us = SAMPLE_NONE;
    sample->env = UINT16_MAX;
    sample->status = SAMPLE_UNKNOWN;
    return sample;
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
