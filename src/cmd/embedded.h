/*
 * embedded.h - starts the embedded Lambda as a process of its own and watches over it.
 *
 * The process is this same program as `serve`. It ends when we close its standard input, so it
 * cannot outlive us, however we end. Its keys are made anew for each run and handed over in its
 * environment.
 */
#ifndef LPG_CMD_EMBEDDED_H
#define LPG_CMD_EMBEDDED_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct embedded {
    pid_t pid; /* 0: not running */
    int input; /* closing it ends the process */
    char *log_path;
    char endpoint[64];
    char access_key[32];
    char secret_key[48];
};

/* `directory` is where its log goes. */
int embedded_start(struct embedded *m, const char *directory, bool unshaped, struct error *e);
/* Ends it and waits for it. */
void embedded_stop(struct embedded *m);
/* Adds to an error what became of the process, if it is no longer running. */
void embedded_explain(struct embedded *m, struct error *e);

#endif
