/*
 * Input: the request id on the first line, the log tail behind it. Whatever the tail: a report that
 * is found is of that request, has a duration and a bill, and does not change when other text
 * stands in front of it; and a second copy of its line is never believed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/report.h"
#include "base/buf.h"
#include "base/mem.h"
#include "model/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static struct report parse(const struct buf *tail, const char *id)
{
    char *exact = xmalloc(tail->length + 1); /* without the NUL that a buffer has behind its text */
    memcpy(exact, tail->data, tail->length);
    exact = xrealloc(exact, tail->length ? tail->length : 1);
    struct report r = report_parse(exact, tail->length, id);
    free(exact);
    return r;
}

static int same(const struct report *a, const struct report *b)
{
    return a->duration_10us == b->duration_10us && a->billed_ms == b->billed_ms &&
           a->init_10us == b->init_10us && a->restore_10us == b->restore_10us &&
           a->memory_mb == b->memory_mb && a->max_memory_mb == b->max_memory_mb &&
           a->timed_out == b->timed_out && a->failed == b->failed;
}

/*
 * Nothing that a function prints before its REPORT may change what is read, unless it is refused.
 */
static void check_found(const struct report *found, const struct buf *tail, const char *id)
{
    struct buf longer;
    require(found->duration_10us != SAMPLE_NONE && found->billed_ms != SAMPLE_NONE);
    buf_init(&longer);
    buf_addstr(&longer, "text of the function\n");
    buf_add(&longer, tail->data, tail->length);
    struct report again = parse(&longer, id);
    require(again.state == REPORT_FOUND && same(found, &again));
    buf_addstr(&longer, "\nREPORT RequestId: ");
    buf_addstr(&longer, id);
    buf_addstr(&longer, "\tDuration: 1.00 ms\tBilled Duration: 1 ms\n");
    again = parse(&longer, id);
    require(again.state == REPORT_TAMPERED);
    buf_release(&longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *newline = size ? memchr(text, '\n', size) : NULL;
    if (!newline || memchr(text, '\0', (size_t)(newline - text)))
        return 0;
    char *id = xstrndup(text, (size_t)(newline - text));
    struct buf tail;
    buf_init(&tail);
    buf_add(&tail, newline + 1, size - (size_t)(newline + 1 - text));
    struct report r = parse(&tail, id);
    if (r.state == REPORT_FOUND) {
        require(id[0] != '\0');
        check_found(&r, &tail, id);
    }
    buf_release(&tail);
    free(id);
    return 0;
}
