/*
 * verdict.h - what can be said of a metric, a function or a run, and the exit code that says it.
 *
 * A verdict starts as VERDICT_ERROR. A measured function becomes VERDICT_PASS in one place only,
 * conclude_verdict() in gate/conclude.c; a run does when every function of it did.
 */
#ifndef LPG_MODEL_VERDICT_H
#define LPG_MODEL_VERDICT_H

#include <stddef.h>

#include "base/error.h"

enum verdict {
    VERDICT_ERROR = 0,    /* could not be measured, or what was measured is not to be believed */
    VERDICT_PASS,         /* measured, and a regression beyond the limit is excluded */
    VERDICT_FAIL,         /* a regression beyond the limit is proven */
    VERDICT_INCONCLUSIVE, /* measured, but it cannot be told */
    VERDICT_UNGATED,      /* a metric without a limit: shown, not judged */
    VERDICT_COUNT
};

enum exit_code {
    EXIT_PASS = 0,
    EXIT_FAIL = 1,
    EXIT_USAGE = 2,
    EXIT_INCONCLUSIVE = 3,
    EXIT_ERROR = 4,
    EXIT_LEAK = 5,
    EXIT_SIGINT = 130,
    EXIT_SIGTERM = 143,
};

struct exit_code_row {
    enum exit_code code;
    const char *meaning;
};
/* For --help and the documentation. */
extern const struct exit_code_row exit_codes[];
extern const size_t exit_code_count;

/* "pass", "fail", "inconclusive", "error", "ungated": as in result.json. */
const char *verdict_name(enum verdict v);
/* The reverse; VERDICT_ERROR for any other text. */
enum verdict verdict_parse(const char *name);
/*
 * The worse of two judged verdicts: error over fail over inconclusive over pass; ungated counts as
 * nothing.
 */
enum verdict verdict_worse(enum verdict a, enum verdict b);
enum exit_code verdict_exit(enum verdict v);
/* The exit code of a run that ended with this error. */
enum exit_code error_exit(enum error_code code);

#endif
