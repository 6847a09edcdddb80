/*
 * variables.h - the environment variables of a function's process: those that Lambda documents
 * ("Defined runtime environment variables"), the function's own, and nothing of ours.
 */
#ifndef LPG_SANDBOX_VARIABLES_H
#define LPG_SANDBOX_VARIABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/function.h"
#include "sandbox/runtime.h"

struct variables_input {
    const struct function *function;
    const struct runtime_launch *launch;
    const char *region;
    const char *runtime_directory;
    const char *temporary_directory; /* TMPDIR; NULL: it has a /tmp of its own */
    const char *log_stream;
    uint16_t api_port;
    bool provisioned;
};

/* A NULL-terminated list of "NAME=value"; free it with variables_free(). */
char **variables_make(const struct variables_input *in);
void variables_free(char **list);

#endif
