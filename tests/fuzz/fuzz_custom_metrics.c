/*
 * Input: a log tail. Whatever it holds: every value is absent, or a number from 0 to 1e15 that
 * samples.ndjson can hold; a line that is no JSON changes nothing; and without the line that starts
 * the invocation there is no value at all.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/custom.h"
#include "base/buf.h"
#include "base/mem.h"
#include "model/sample.h"

#define ID "8f507cfc-aaaa-4697-b07a-ac58fc914c95"

enum { METRICS = 4 };

static const struct plan_custom custom[METRICS] = {
    {{.unit = UNIT_MS}, "db_ms", "timing.db", 1000},
    {{.unit = UNIT_NUMBER}, "orders", NULL, 1},
    {{.unit = UNIT_MB}, "sent", NULL, 1},
    {{.unit = UNIT_NUMBER}, "first", "list.0", 1},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void parse(const struct buf *text, double *values)
{
    const struct custom_query q = {custom, METRICS, ID};
    char *exact = xmalloc(text->length ? text->length : 1); /* without the NUL behind it */
    memcpy(exact, text->data, text->length);
    custom_parse(&q, exact, text->length, values);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double bare[METRICS], values[METRICS], again[METRICS];
    struct buf text;
    buf_init(&text);
    buf_add(&text, data, size);
    parse(&text, bare);
    buf_clear(&text);
    buf_addstr(&text, "START RequestId: " ID " Version: $LATEST\n");
    buf_add(&text, data, size);
    parse(&text, values);
    buf_addstr(&text, "\nno JSON\t{\"timing\":\n");
    parse(&text, again);
    for (size_t i = 0; i < METRICS; i++) {
        require(isnan(values[i]) || (values[i] >= 0 && values[i] <= 1e15 &&
                                     !(fabs(sample_custom_value(values[i]) - values[i]) > 0)));
        require(isnan(values[i]) ? isnan(again[i]) : !(fabs(again[i] - values[i]) > 0));
        require(isnan(bare[i]) || memmem(data, size, ID, sizeof ID - 1));
    }
    buf_release(&text);
    return 0;
}
