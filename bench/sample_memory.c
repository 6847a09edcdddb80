/*
 * sample_memory.c - what a recorded invocation costs in memory and on disk.
 *
 *     sample_memory COUNT        one row of a Markdown table
 *
 * Memory is what the process has resident after recording, less what it had before: the figure that
 * a machine feels, not the sum of what was asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "model/sample.h"

static size_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    if (!f || fscanf(f, "%*u %lu", &pages) != 1) {
        perror("/proc/self/statm");
        exit(EXIT_FAILURE);
    }
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* As a run fills it in, with figures of a usual length. */
static void record(struct series *s, uint32_t i)
{
    struct sample *x = series_add(s);
    x->sent_ns = 20000000ULL * i;
    x->client_us = 43000 + i % 9000;
    x->late_us = i % 50;
    x->duration_10us = 4100 + i % 900;
    x->billed_ms = 42 + i % 9;
    x->init_10us = i % 20 ? SAMPLE_NONE : 22130 + i % 1000;
    x->cpu_us = 21000 + i % 900;
    x->seq = i % 20;
    x->payload_index = i % 100;
    x->memory_mb = 512;
    x->max_memory_mb = 88;
    x->round = (uint16_t)(i / 200 % 1000);
    x->env = (uint16_t)(i / 20 % 5);
    x->side = i % 2;
    x->status = SAMPLE_OK;
    x->cold = i % 20 == 0;
    memset(x->request_id, (int)(i & 0xff), sizeof x->request_id);
}

static double line_bytes(const struct series *s)
{
    enum { LINES = 1000 };
    struct buf out;
    size_t lines = s->count < LINES ? s->count : LINES;
    buf_init(&out);
    for (size_t i = 0; i < lines; i++)
        series_write(s, i * (s->count / lines), "checkout", &out);
    double mean = (double)out.length / (double)lines;
    buf_release(&out);
    return mean;
}

int main(int argc, char **argv)
{
    unsigned long count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (!count || count > UINT32_MAX) {
        fprintf(stderr, "usage: sample_memory COUNT\n");
        return 2;
    }
    struct series s = {0};
    size_t before = resident_bytes();
    for (uint32_t i = 0; i < count; i++)
        record(&s, i);
    size_t after = resident_bytes();
    double spare = (double)((s.capacity - s.count) * sizeof *s.items) / (double)count;
    printf("| %lu | %.1f | %.1f | %.0f |\n", count, (double)(after - before) / (double)count, spare,
           line_bytes(&s));
    series_release(&s);
    return 0;
}
