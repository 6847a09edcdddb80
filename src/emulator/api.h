/*
 * api.h - the Lambda HTTP API: a table of routes over the store, the pool and the invoker.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 *
 * Beside Lambda's own operations there are three unsigned ones for this tool: GET /_lpg/health (how
 * far CPU and memory are shaped), GET /_lpg/runtime?function=NAME (what runs the function), and GET
 * /_lpg/code/TOKEN (the package, as GetFunction's Code.Location says; the token cannot be guessed).
 * An Invoke's answer also tells the CPU time that the invocation used, in nanoseconds, in the
 * header X-Lpg-Cpu-Ns, where it is known.
 */
#ifndef LPG_EMULATOR_API_H
#define LPG_EMULATOR_API_H

#include "base/error.h"
#include "base/log.h"
#include "emulator/auth.h"
#include "emulator/invoker.h"
#include "emulator/store.h"
#include "net/http_server.h"
#include "sandbox/pool.h"

/* Of a request with a package of 50 MiB in base64, and what surrounds it. */
enum { API_BODY_MAX = 70167211 };

struct api;

struct api_options {
    struct auth auth;
    struct store *store;
    struct pool *pool;
    struct invoker *invoker;
    const char *account;
    const char *code_directory; /* packages are unpacked below it */
    const char *version;        /* of this program, for /_lpg/health */
    struct log *log;
};

struct api *api_new(const struct api_options *options);
/* Invocations whose answer is still awaited must be over: free the server and the pool first. */
void api_free(struct api *a);
/* An http_handler_fn; `api` is the context. */
void api_handle(void *api, struct http_exchange *x);

#endif
