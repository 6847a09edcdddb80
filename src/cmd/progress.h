/*
 * progress.h - what a person sees while a run goes on, on stderr.
 *
 * On a terminal one line that is rewritten: round, calls, rate, running P99 of both sides, time
 * left. Elsewhere one plain line per phase and one every ten seconds. Quiet: nothing.
 */
#ifndef LPG_CMD_PROGRESS_H
#define LPG_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/sample.h"
#include "net/loop.h"

struct progress {
    bool quiet;
    bool terminal;
    bool drawn; /* the rewritten line is on the screen */
    struct loop_timer *timer;
    /* of the function that is measured */
    const char *name;
    const struct series *series;
    unsigned function;
    size_t first; /* its first sample */
    unsigned round, rounds_max;
    uint64_t start_ns;
    uint64_t last_line_ns;
};

void progress_init(struct progress *p, bool quiet);
/* A line that stays: "building the baseline". */
void progress_say(struct progress *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void progress_begin(struct progress *p, struct loop *loop, const char *name,
                    const struct series *series, unsigned function, unsigned rounds_max);
void progress_round(struct progress *p, unsigned round);
void progress_end(struct progress *p);

#endif
