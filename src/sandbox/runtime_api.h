/*
 * runtime_api.h - the HTTP interface between an execution environment and the runtime in it,
 * "Lambda runtime API", version 2018-06-01. Each environment has a server of its own on a free
 * port of 127.0.0.1.
 *
 * This module knows the protocol: which request is allowed when, and with what it is answered.
 * What follows from a request is up to its owner, who is told through `struct
 * runtime_api_events`. A request for the next event waits here until runtime_api_deliver().
 */
#ifndef LPG_SANDBOX_RUNTIME_API_H
#define LPG_SANDBOX_RUNTIME_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/loop.h"

enum {
    /* What a function may answer: 6 MB and a little, as Lambda's own error text says. */
    RUNTIME_API_RESPONSE_MAX = 6 * 1024 * 1024 + 100,
    RUNTIME_API_ERROR_TYPE_MAX = 128,
};

/* What the runtime has sent. The bytes live during the call. */
struct runtime_api_answer {
    const char *body;
    size_t length;
    bool is_error;
    char error_type[RUNTIME_API_ERROR_TYPE_MAX]; /* "Runtime.X" or "Function.X"; for errors */
};

struct runtime_api_events {
    /* The runtime waits for an event: its initialisation is done, or its last invocation. */
    void (*ready)(void *context);
    /* The invocation's answer or error; the runtime will ask for the next event when it is done. */
    void (*answered)(void *context, const struct runtime_api_answer *answer);
    /* The initialisation failed; the runtime will exit. */
    void (*init_failed)(void *context, const struct runtime_api_answer *answer);
};

struct runtime_api_event {
    const char *request_id;
    uint64_t deadline_ms; /* since 1970 */
    const char *invoked_arn;
    const char *trace_id;       /* NULL: no header */
    const char *client_context; /* NULL: no header */
    const void *payload;
    size_t payload_length;
};

struct runtime_api;

/* The events are called from the loop; runtime_api_free() must not be called from inside one. */
struct runtime_api *runtime_api_new(struct loop *loop, const struct runtime_api_events *events,
                                    void *context, struct error *e);
void runtime_api_free(struct runtime_api *a);
uint16_t runtime_api_port(const struct runtime_api *a);

/*
 * A new process starts in the environment: connections of the old one are closed, and the
 * protocol begins anew.
 */
int runtime_api_restart(struct runtime_api *a, struct error *e);
/* Answers the waiting request. Only after `ready`, once for each. */
void runtime_api_deliver(struct runtime_api *a, const struct runtime_api_event *event);

#endif
