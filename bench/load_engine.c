/*
 * load_engine.c - how much the HTTP client costs and how punctual it is, with nothing above it.
 *
 *     load_engine URL [--connections N] [--seconds S] [--signed]     closed loop: rate, CPU
 *     load_engine URL --requests N [--connections N] [--signed]      the same, by count: profiles
 *     load_engine URL --rate R [--seconds S] [--signed]              open loop: lateness of sends
 *
 * One line of "name=value" pairs on stdout, for load-engine.sh. The clock starts when every
 * connection has answered once, so that connecting is not part of the figures.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/opt.h"
#include "net/http_client.h"
#include "os/clock.h"

struct args {
    uint64_t connections;
    uint64_t body_bytes;
    uint64_t requests;
    double seconds;
    double rate;
    bool is_signed;
};

static const struct opt OPTIONS[] = {
    {"connections", 'c', "N", OPT_COUNT, offsetof(struct args, connections),
     "requests under way at once in a closed loop (default 32)"},
    {"body", 'b', "BYTES", OPT_COUNT, offsetof(struct args, body_bytes),
     "size of the request body (default 100)"},
    {"seconds", 's', "S", OPT_NUMBER, offsetof(struct args, seconds), "how long (default 5)"},
    {"requests", 'n', "N", OPT_COUNT, offsetof(struct args, requests),
     "closed loop: end after N requests instead"},
    {"rate", 'r', "R", OPT_NUMBER, offsetof(struct args, rate), "open loop: R requests a second"},
    {"signed", 0, NULL, OPT_FLAG, offsetof(struct args, is_signed), "sign each request (SigV4)"},
};

struct series {
    uint64_t *ns;
    size_t count, capacity;
};

struct bench {
    struct loop *loop;
    struct loop_timer *timer;
    struct http_client *client;
    struct args args;
    struct http_request request;
    struct series latency;
    struct series late; /* open loop: from when a request was due to when it was begun, */
    struct series left; /* and to when its bytes had left */
    uint64_t warm, answered, failed, sent, under_way;
    uint64_t start_ns, end_ns, start_cpu_ns;
    bool stopping;
};

static void record(struct series *s, uint64_t ns)
{
    s->ns = array_reserve(s->ns, &s->capacity, s->count + 1, sizeof *s->ns);
    s->ns[s->count++] = ns;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts; microseconds. */
static double quantile_us(struct series *s, double share)
{
    if (!s->count)
        return 0;
    qsort(s->ns, s->count, sizeof *s->ns, compare);
    return (double)s->ns[(size_t)(share * (double)(s->count - 1))] / 1e3;
}

static void start_clock(struct bench *b)
{
    b->start_ns = clock_now_ns();
    b->start_cpu_ns = clock_cpu_ns();
    b->end_ns = b->start_ns + (uint64_t)(b->args.seconds * 1e9);
}

static void on_done(void *context, const struct http_response *response);

static void send_one(struct bench *b)
{
    struct error e;
    if (http_client_send(b->client, &b->request, on_done, b, &e)) {
        fprintf(stderr, "load_engine: %s\n", e.text);
        exit(2);
    }
    b->under_way++;
}

static void count_answer(struct bench *b, const struct http_response *response)
{
    if (response->outcome != HTTP_ANSWERED || response->status != 200) {
        if (!b->failed++)
            fprintf(stderr, "load_engine: status %d: %s\n", response->status, response->reason);
        return;
    }
    if (b->start_ns && response->sent_ns >= b->start_ns)
        record(&b->latency, response->done_ns - response->sent_ns);
}

static bool is_over(const struct bench *b)
{
    if (b->args.requests)
        return b->answered >= b->args.requests;
    return b->start_ns && clock_now_ns() >= b->end_ns;
}

static void on_done(void *context, const struct http_response *response)
{
    struct bench *b = context;
    b->under_way--;
    count_answer(b, response);
    if (!b->start_ns && ++b->warm == b->args.connections)
        start_clock(b);
    b->answered++;
    b->stopping = b->stopping || is_over(b);
    if (!b->stopping && b->args.rate <= 0)
        send_one(b);
    if (b->stopping && !b->under_way)
        loop_stop(b->loop);
}

/* Sends what should have been sent by now, and notes by how much too late that is. */
static void on_tick(void *context)
{
    struct bench *b = context;
    for (;;) {
        uint64_t due = b->start_ns + (uint64_t)((double)b->sent * 1e9 / b->args.rate);
        if (due >= b->end_ns) {
            b->stopping = true;
            if (!b->under_way)
                loop_stop(b->loop);
            return;
        }
        uint64_t now = clock_now_ns();
        if (due > now) {
            loop_timer_set_exact(b->timer, due);
            return;
        }
        b->sent++;
        record(&b->late, now - due);
        send_one(b);
        record(&b->left, clock_now_ns() - due);
    }
}

static void report(struct bench *b)
{
    double seconds = (double)(clock_now_ns() - b->start_ns) / 1e9;
    double cpu_us = (double)(clock_cpu_ns() - b->start_cpu_ns) / 1e3;
    double answers = (double)b->latency.count;
    printf("requests_per_s=%.0f cpu_us_per_request=%.2f p50_us=%.0f p99_us=%.0f failed=%" PRIu64,
           answers / seconds, cpu_us / (answers > 0 ? answers : 1), quantile_us(&b->latency, 0.5),
           quantile_us(&b->latency, 0.99), b->failed);
    if (b->late.count)
        printf(" late_p50_us=%.1f late_p99_us=%.1f left_p50_us=%.1f left_p99_us=%.1f",
               quantile_us(&b->late, 0.5), quantile_us(&b->late, 0.99), quantile_us(&b->left, 0.5),
               quantile_us(&b->left, 0.99));
    printf("\n");
}

static void run(struct bench *b)
{
    if (b->args.rate > 0) {
        start_clock(b);
        loop_timer_set(b->timer, b->start_ns);
    } else {
        for (uint64_t i = 0; i < b->args.connections; i++)
            send_one(b);
    }
    loop_run(b->loop);
    report(b);
}

static int bench_run(struct bench *b, const char *url, struct error *e)
{
    static const struct sigv4_credentials keys = {"AKIDEXAMPLE",
                                                  "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL};
    static const struct sigv4_header type[] = {{"Content-Type", "application/json"},
                                               {"X-Amz-Log-Type", "Tail"}};
    static const struct http_signing signing = {&keys, "eu-west-1", "lambda", 0};
    char *body = xcalloc(1, b->args.body_bytes + 1);
    char body_hash[SHA256_HEX]; /* once, as the load driver does it for each event */
    hash_sha256_hex(body, b->args.body_bytes, body_hash);
    b->request = (struct http_request){
        .method = "POST",
        .url = url,
        .headers = type,
        .header_count = ARRAY_LEN(type),
        .body = body,
        .body_length = b->args.body_bytes,
        .body_sha256 = body_hash,
        .signing = b->args.is_signed ? &signing : NULL,
    };
    b->loop = loop_new(e);
    b->client = b->loop ? http_client_new(b->loop, NULL, e) : NULL;
    if (b->client) {
        b->timer = loop_timer_new(b->loop, on_tick, b);
        run(b);
    }
    bool failed = !b->client;
    http_client_free(b->client);
    loop_timer_free(b->timer);
    loop_free(b->loop);
    free(b->latency.ns);
    free(b->late.ns);
    free(b->left.ns);
    free(body);
    return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct bench b = {.args = {.connections = 32, .body_bytes = 100, .seconds = 5}};
    struct opt_list words = {.count = 0};
    struct error e = {0};
    if (opt_parse(OPTIONS, ARRAY_LEN(OPTIONS), argc, argv, &b.args, &words, &e)) {
        fprintf(stderr, "load_engine: %s\n", e.text);
        return 2;
    }
    if (words.count != 1 || !b.args.connections) {
        fprintf(stderr, "usage: load_engine URL [options]\n");
        return 2;
    }
    if (bench_run(&b, words.items[0], &e)) {
        fprintf(stderr, "load_engine: %s\n", e.text);
        return 2;
    }
    return b.failed ? 1 : 0;
}
