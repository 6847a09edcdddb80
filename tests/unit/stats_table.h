/*
 * stats_table.h - reads the known-answer tables of scripts/make-stats-tables.py.
 */
#ifndef LPG_TESTS_STATS_TABLE_H
#define LPG_TESTS_STATS_TABLE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef LPG_TEST_DATA
#define LPG_TEST_DATA "tests/unit/data"
#endif

enum { STATS_TABLE_NUMBERS = 8 };

struct stats_case {
    char name[32];
    double x[STATS_TABLE_NUMBERS]; /* arguments, then answers */
    int count;
};

/* Calls `check` for every line; gives the number of lines, 0 when there is no such table. */
static inline int stats_table_each(const char *file, void (*check)(const struct stats_case *c))
{
    char path[256];
    char line[512];
    int cases = 0;
    snprintf(path, sizeof path, "%s/stats/%s", LPG_TEST_DATA, file);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        struct stats_case c = {.count = 0};
        int used;
        if (line[0] == '#' || sscanf(line, "%31s%n", c.name, &used) != 1)
            continue;
        char *at = line + used;
        for (char *end = at; c.count < STATS_TABLE_NUMBERS; at = end, c.count++) {
            c.x[c.count] = strtod(at, &end);
            if (end == at)
                break;
        }
        check(&c);
        cases++;
    }
    fclose(f);
    return cases;
}

/* Whether two numbers agree to a relative error, or both are nearly nothing. */
static inline int stats_near(double got, double want, double relative)
{
    return fabs(got - want) <= relative * fabs(want) + 1e-300;
}

#endif
