#include "cmd/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/units.h"
#include "os/clock.h"
#include "stats/quantile.h"

enum { REDRAW_MS = 500, BAR_CELLS = 12, P99_MIN = 100 };
#define LINE_EVERY_NS (10 * NS_PER_S)

void progress_init(struct progress *p, bool quiet)
{
    const char *term = getenv("TERM");
    *p = (struct progress){.quiet = quiet};
    p->terminal =
        !quiet && isatty(STDERR_FILENO) && !getenv("CI") && !(term && !strcmp(term, "dumb"));
}

static void erase(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}

void progress_say(struct progress *p, const char *format, ...)
{
    if (p->quiet)
        return;
    va_list args;
    va_start(args, format);
    erase(p);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* P99 of the warm durations of a side so far; 0 when there are too few. */
static double running_p99(const struct progress *p, enum side side)
{
    const struct series *s = p->series;
    double *values = xcalloc(s->count - p->first + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = p->first; i < s->count; i++) {
        const struct sample *x = &s->items[i];
        if (x->side == side && x->status == SAMPLE_OK && !x->cold &&
            x->duration_10us != SAMPLE_NONE)
            values[count++] = sample_duration_ms(x);
    }
    quantile_sort_descending(values, count);
    double p99 = count < P99_MIN ? 0 : quantile_type7(values, count, .99);
    free(values);
    return p99;
}

static void add_bar(struct buf *line, const struct progress *p)
{
    unsigned filled = p->rounds_max ? p->round * BAR_CELLS / p->rounds_max : 0;
    buf_addch(line, '[');
    for (unsigned i = 0; i < BAR_CELLS; i++)
        buf_addch(line, i < filled ? '#' : '.');
    buf_addstr(line, "] ");
}

static void add_left(struct buf *line, const struct progress *p, double elapsed_s)
{
    if (!p->round)
        return;
    buf_addstr(line, ", at most ");
    units_add_seconds(line, elapsed_s / p->round * (p->rounds_max - p->round));
    buf_addstr(line, " left");
}

static void describe(struct buf *line, const struct progress *p)
{
    double elapsed_s = (double)(clock_now_ns() - p->start_ns) / (double)NS_PER_S;
    size_t calls = p->series->count - p->first;
    buf_addf(line, "%s: ", p->name);
    if (p->terminal)
        add_bar(line, p);
    buf_addf(line, "round %u of at most %u, ", p->round, p->rounds_max);
    units_add_count(line, (int64_t)calls);
    buf_addstr(line, " calls");
    if (elapsed_s > 1)
        buf_addf(line, ", %.0f/s", (double)calls / elapsed_s);
    double baseline = running_p99(p, SIDE_BASELINE), candidate = running_p99(p, SIDE_CANDIDATE);
    if (baseline > 0 && candidate > 0) {
        buf_addstr(line, ", P99 ");
        units_add_ms(line, baseline);
        buf_addstr(line, " -> ");
        units_add_ms(line, candidate);
    }
    add_left(line, p, elapsed_s);
}

static void show(struct progress *p)
{
    struct buf line;
    buf_init(&line);
    describe(&line, p);
    if (p->terminal)
        fprintf(stderr, "\r%s\033[K", line.data);
    else
        fprintf(stderr, "%s\n", line.data);
    p->drawn = p->terminal;
    p->last_line_ns = clock_now_ns();
    buf_release(&line);
}

static void on_timer(void *context)
{
    struct progress *p = context;
    if (p->terminal || clock_now_ns() - p->last_line_ns >= LINE_EVERY_NS)
        show(p);
    loop_timer_set(p->timer, clock_now_ns() + REDRAW_MS * NS_PER_MS);
}

void progress_begin(struct progress *p, struct loop *loop, const char *name,
                    const struct series *series, unsigned function, unsigned rounds_max)
{
    p->name = name;
    p->series = series;
    p->function = function;
    p->first = series->count;
    p->round = 0;
    p->rounds_max = rounds_max;
    p->start_ns = p->last_line_ns = clock_now_ns();
    if (p->quiet)
        return;
    p->timer = loop_timer_new(loop, on_timer, p);
    loop_timer_set(p->timer, p->start_ns + REDRAW_MS * NS_PER_MS);
}

void progress_round(struct progress *p, unsigned round)
{
    p->round = round;
}

void progress_end(struct progress *p)
{
    if (p->quiet)
        return;
    loop_timer_free(p->timer);
    p->timer = NULL;
    erase(p);
    struct buf line;
    buf_init(&line);
    buf_addf(&line, "%s: %u rounds, ", p->name, p->round);
    units_add_count(&line, (int64_t)(p->series->count - p->first));
    buf_addstr(&line, " calls in ");
    units_add_seconds(&line, (double)(clock_now_ns() - p->start_ns) / (double)NS_PER_S);
    fprintf(stderr, "%s\n", line.data);
    buf_release(&line);
}
