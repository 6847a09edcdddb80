/*
 * echo_server.c - the smallest useful peer for load_engine: answers every request with 200 and two
 * bytes.
 *
 *     echo_server [--port N]        its first line on stdout is its URL
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/opt.h"
#include "net/http_server.h"

struct args {
    uint64_t port;
};

static const struct opt OPTIONS[] = {
    {"port", 'p', "N", OPT_COUNT, offsetof(struct args, port), "listen on port N (default: any)"},
};

enum { BODY_CAP = 16 << 20 };

static void on_request(void *context, struct http_exchange *x)
{
    (void)context;
    http_reply(x, 200, NULL, 0, "ok", 2);
}

static int serve(const struct args *args, struct error *e)
{
    struct loop *loop = loop_new(e);
    if (!loop)
        return -1;
    struct http_server_options options = {
        .port = (uint16_t)args->port,
        .body_cap = BODY_CAP,
        .handler = on_request,
    };
    struct http_server *server = http_server_new(loop, &options, e);
    if (server) {
        printf("http://127.0.0.1:%u\n", (unsigned)http_server_port(server));
        fflush(stdout);
        loop_run(loop);
    }
    http_server_free(server);
    loop_free(loop);
    return server ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct args args = {0};
    struct error e = {0};
    if (opt_parse(OPTIONS, ARRAY_LEN(OPTIONS), argc, argv, &args, NULL, &e) || serve(&args, &e)) {
        fprintf(stderr, "echo_server: %s\n", e.text);
        return 2;
    }
    return 0;
}
