#include "model/verdict.h"

#include <string.h>

#include "base/mem.h"

static const struct {
    const char *name;
    int severity; /* which of two verdicts wins; 0: says nothing */
    enum exit_code exit;
} rows[VERDICT_COUNT] = {
    [VERDICT_ERROR] = {"error", 4, EXIT_ERROR},
    [VERDICT_PASS] = {"pass", 1, EXIT_PASS},
    [VERDICT_FAIL] = {"fail", 3, EXIT_FAIL},
    [VERDICT_INCONCLUSIVE] = {"inconclusive", 2, EXIT_INCONCLUSIVE},
    [VERDICT_UNGATED] = {"ungated", 0, EXIT_ERROR},
};

const struct exit_code_row exit_codes[] = {
    {EXIT_PASS, "pass: no regression beyond the limits (also: identical packages)"},
    {EXIT_FAIL, "fail: a regression beyond a limit is proven"},
    {EXIT_USAGE, "bad usage or a bad perf.yml"},
    {EXIT_INCONCLUSIVE,
     "inconclusive: measured, but the limit cannot be judged with this evidence"},
    {EXIT_ERROR, "error: it could not be measured, deployed or published"},
    {EXIT_LEAK, "the verdict is known, but something could not be cleaned up"},
    {EXIT_SIGINT, "interrupted (143: terminated)"},
};
const size_t exit_code_count = ARRAY_LEN(exit_codes);

const char *verdict_name(enum verdict v)
{
    return v >= 0 && v < VERDICT_COUNT ? rows[v].name : rows[VERDICT_ERROR].name;
}

enum verdict verdict_parse(const char *name)
{
    for (int v = 0; v < VERDICT_COUNT; v++)
        if (!strcmp(rows[v].name, name))
            return (enum verdict)v;
    return VERDICT_ERROR;
}

enum verdict verdict_worse(enum verdict a, enum verdict b)
{
    return rows[b].severity > rows[a].severity ? b : a;
}

enum exit_code verdict_exit(enum verdict v)
{
    return v >= 0 && v < VERDICT_COUNT ? rows[v].exit : EXIT_ERROR;
}

enum exit_code error_exit(enum error_code code)
{
    switch (code) {
    case ERROR_USAGE:
    case ERROR_CONFIG:
        return EXIT_USAGE;
    case ERROR_INTERRUPTED:
        return EXIT_SIGINT;
    default:
        return EXIT_ERROR;
    }
}
