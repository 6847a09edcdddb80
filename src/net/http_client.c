#include "net/http_client.h"

#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/http_sockets.h"
#include "net/http_transfer.h"
#include "os/clock.h"

#define NEVER UINT64_MAX

enum {
    SHARD_TRANSFERS = 32, /* see struct shard */
    PASSES_MAX = 4,       /* over due shards before other events get their turn */
};

/*
 * A multi handle for every few transfers. libcurl finds a connection to reuse by walking through
 * all it has to the host, so with hundreds in one handle it would spend its time there. A request
 * goes to the first shard with room: where one has just ended, and so left a connection.
 */
struct shard {
    struct http_client *client;
    CURLM *multi;
    size_t running;
    uint64_t timer_ns; /* when libcurl wants to be called, or NEVER */
    bool due;          /* it wants to be called now */
    struct shard *next_due;
};

/* Doubly linked, oldest first. */
struct transfer_list {
    struct transfer *first, *last;
    size_t count;
};

struct http_client {
    struct loop *loop;
    struct loop_timer *timer;
    uint64_t wake_ns; /* what the timer is set to, at the latest */
    struct http_sockets sockets;
    struct transfer_settings settings;
    CURLSH *share;
    char *ca_bundle;
    size_t max_running;

    struct shard **shards;
    size_t shard_count, shard_capacity;
    struct shard *due;

    struct transfer_list running;  /* libcurl has them */
    struct transfer_list waiting;  /* for one of max_running places */
    struct transfer_list finished; /* to be told to their callers */
    struct transfer *idle;         /* last used first, linked by `next` */
    uint64_t deadline_ns;          /* none under way has an earlier one */

    struct transfer_signer signer;
    struct http_response told; /* the response whose callback runs */
    bool pumping, telling, closing;
};

/* --- lists --- */

static void list_add(struct transfer_list *l, struct transfer *t)
{
    t->previous = l->last;
    t->next = NULL;
    *(l->last ? &l->last->next : &l->first) = t;
    l->last = t;
    l->count++;
}

static void list_remove(struct transfer_list *l, struct transfer *t)
{
    *(t->previous ? &t->previous->next : &l->first) = t->next;
    *(t->next ? &t->next->previous : &l->last) = t->previous;
    l->count--;
}

static void put_idle(struct http_client *c, struct transfer *t)
{
    t->next = c->idle;
    c->idle = t;
}

/* --- time --- */

static void wake_at(struct http_client *c, uint64_t at_ns)
{
    if (at_ns >= c->wake_ns)
        return;
    c->wake_ns = at_ns;
    loop_timer_set(c->timer, at_ns);
}

static void mark_due(struct shard *s)
{
    if (s->due)
        return;
    s->due = true;
    s->next_due = s->client->due;
    s->client->due = s;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct shard *s = context;
    s->timer_ns = NEVER;
    if (timeout_ms == 0) {
        mark_due(s);
    } else if (timeout_ms > 0) {
        s->timer_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
        wake_at(s->client, s->timer_ns);
    }
    return 0;
}

/* --- shards --- */

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    (void)easy;
    (void)unused;
    struct shard *s = context;
    http_sockets_want(&s->client->sockets, fd, what, s);
    return 0;
}

/* NULL when the system has no descriptors left. */
static struct shard *new_shard(struct http_client *c)
{
    CURLM *multi = curl_multi_init();
    if (!multi)
        return NULL;
    struct shard *s = xcalloc(1, sizeof *s);
    s->client = c;
    s->multi = multi;
    s->timer_ns = NEVER;
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)(4 * SHARD_TRANSFERS));
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s);
    c->shards =
        array_reserve(c->shards, &c->shard_capacity, c->shard_count + 1, sizeof(struct shard *));
    c->shards[c->shard_count++] = s;
    return s;
}

static struct shard *shard_with_room(struct http_client *c)
{
    for (size_t i = 0; i < c->shard_count; i++)
        if (c->shards[i]->running < SHARD_TRANSFERS)
            return c->shards[i];
    return new_shard(c);
}

/* --- from the line to the end --- */

/* Takes the transfer back from libcurl, or out of the line, and lays it out for tell(). */
static void finish(struct http_client *c, struct transfer *t)
{
    struct shard *s = t->shard;
    transfer_judge(t);
    if (s) {
        curl_multi_remove_handle(s->multi, t->easy);
        s->running--;
        t->shard = NULL;
    }
    list_remove(s ? &c->running : &c->waiting, t);
    list_add(&c->finished, t);
}

static void stop(struct http_client *c, struct transfer *t, enum transfer_stop why)
{
    t->stop = why;
    finish(c, t);
}

static void start(struct http_client *c, struct transfer *t)
{
    struct shard *s = shard_with_room(c);
    if (!s || curl_multi_add_handle(s->multi, t->easy) != CURLM_OK) {
        t->result = CURLE_FAILED_INIT;
        finish(c, t);
        return;
    }
    t->shard = s;
    s->running++;
    list_remove(&c->waiting, t);
    list_add(&c->running, t);
}

static void start_waiting(struct http_client *c)
{
    while (c->waiting.first && c->running.count < c->max_running && !c->closing)
        start(c, c->waiting.first);
}

/* Collects what libcurl has finished. */
static void collect(struct http_client *c, struct shard *s)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));) {
        struct transfer *t = NULL;
        CURLcode result = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        t->result = result;
        finish(c, t);
    }
}

/* Tells callers what became of their requests; they may send new ones, on the same transfer. */
static void tell(struct http_client *c)
{
    if (c->telling)
        return;
    c->telling = true;
    for (struct transfer *t; (t = c->finished.first);) {
        list_remove(&c->finished, t);
        struct http_response spare = c->told;
        c->told = t->response;
        t->response = spare;
        http_done_fn *done = t->done;
        void *context = t->context;
        put_idle(c, t);
        start_waiting(c);
        done(context, &c->told);
    }
    c->telling = false;
}

/*
 * Calls libcurl for each shard that is due now; what becomes due by that waits for the next pass.
 */
static void run_due(struct http_client *c)
{
    int running;
    struct shard *s = c->due;
    c->due = NULL;
    while (s) {
        struct shard *next = s->next_due;
        s->due = false;
        curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect(c, s);
        s = next;
    }
}

/*
 * Does what is due and tells who is to be told, until all is quiet or others should have their
 * turn.
 */
static void pump(struct http_client *c)
{
    c->pumping = true;
    for (int pass = 0; pass < PASSES_MAX && (c->due || c->finished.first); pass++) {
        run_due(c);
        tell(c);
    }
    c->pumping = false;
    if (c->due || c->finished.first)
        wake_at(c, clock_now_ns());
}

static void on_ready(void *owner, curl_socket_t fd, int flags)
{
    struct shard *s = owner;
    struct http_client *c = s->client;
    int running;
    curl_multi_socket_action(s->multi, fd, flags, &running);
    collect(c, s);
    pump(c);
}

/* --- deadlines --- */

static uint64_t expire_list(struct http_client *c, struct transfer_list *l, uint64_t now)
{
    uint64_t next = NEVER;
    for (struct transfer *t = l->first, *after; t; t = after) {
        after = t->next;
        if (t->deadline_ns <= now)
            stop(c, t, STOP_DEADLINE);
        else if (t->deadline_ns < next)
            next = t->deadline_ns;
    }
    return next;
}

/*
 * Most requests end long before their deadline, so these are looked at only when the earliest has
 * come.
 */
static void expire(struct http_client *c, uint64_t now)
{
    uint64_t running = expire_list(c, &c->running, now);
    uint64_t waiting = expire_list(c, &c->waiting, now);
    c->deadline_ns = running < waiting ? running : waiting;
}

static void on_timer(void *context)
{
    struct http_client *c = context;
    uint64_t now = clock_now_ns();
    c->wake_ns = NEVER;
    for (size_t i = 0; i < c->shard_count; i++) {
        struct shard *s = c->shards[i];
        if (s->timer_ns <= now)
            mark_due(s);
        else
            wake_at(c, s->timer_ns);
    }
    if (c->deadline_ns <= now) {
        expire(c, now);
        start_waiting(c);
    }
    wake_at(c, c->deadline_ns);
    pump(c);
}

/* --- the client --- */

/* OpenSSL writes with write(2), which raises SIGPIPE on a closed connection. */
static void ignore_sigpipe(void)
{
    struct sigaction old;
    if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

/* Names and TLS sessions are learnt once for all shards. */
static CURLSH *new_share(void)
{
    CURLSH *share = curl_share_init();
    if (!share)
        return NULL;
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    return share;
}

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options,
                                    struct error *e)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        error_set(e, ERROR_SYSTEM, "libcurl cannot start");
        return NULL;
    }
    CURLSH *share = new_share();
    if (!share) {
        curl_global_cleanup();
        error_set(e, ERROR_SYSTEM, "libcurl cannot start");
        return NULL;
    }
    ignore_sigpipe();
    struct http_client *c = xcalloc(1, sizeof *c);
    c->loop = loop;
    c->share = share;
    c->wake_ns = NEVER;
    c->deadline_ns = NEVER;
    c->timer = loop_timer_new(loop, on_timer, c);
    c->max_running = options && options->max_connections ? options->max_connections : SIZE_MAX;
    c->ca_bundle = options && options->ca_bundle ? xstrdup(options->ca_bundle) : NULL;
    c->settings = (struct transfer_settings){c->ca_bundle, share, &c->sockets};
    http_sockets_init(&c->sockets, loop, on_ready);
    buf_init(&c->told.body);
    buf_init(&c->told.headers);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    c->closing = true;
    http_client_cancel_all(c);
    for (struct transfer *t = c->idle, *next; t; t = next) {
        next = t->next;
        transfer_free(t);
    }
    for (size_t i = 0; i < c->shard_count; i++) {
        curl_multi_cleanup(c->shards[i]->multi);
        free(c->shards[i]);
    }
    http_sockets_release(&c->sockets);
    curl_share_cleanup(c->share);
    curl_global_cleanup();
    loop_timer_free(c->timer);
    sigv4_key_release(&c->signer.key);
    http_response_release(&c->told);
    free(c->shards);
    free(c->ca_bundle);
    free(c);
}

static struct transfer *take_transfer(struct http_client *c, struct error *e)
{
    struct transfer *t = c->idle;
    if (!t)
        return transfer_new(&c->settings, e);
    c->idle = t->next;
    return t;
}

int http_client_send(struct http_client *c, const struct http_request *r, http_done_fn *done,
                     void *context, struct error *e)
{
    if (c->closing)
        return error_set(e, ERROR_INTERRUPTED, "the HTTP client is being closed");
    struct transfer *t = take_transfer(c, e);
    if (!t)
        return -1;
    if (transfer_prepare(t, r, &c->signer, e)) {
        put_idle(c, t);
        return -1;
    }
    t->done = done;
    t->context = context;
    list_add(&c->waiting, t);
    if (t->deadline_ns < c->deadline_ns) {
        c->deadline_ns = t->deadline_ns;
        wake_at(c, t->deadline_ns);
    }
    start_waiting(c);
    if (c->pumping || c->telling)
        return 0;
    /*
     * Out with it now: what is due is the sending. The answer, even a failure, is told from the
     * loop.
     */
    run_due(c);
    if (c->due || c->finished.first)
        wake_at(c, clock_now_ns());
    return 0;
}

void http_client_cancel_all(struct http_client *c)
{
    while (c->waiting.first)
        stop(c, c->waiting.first, STOP_CANCELLED);
    while (c->running.first)
        stop(c, c->running.first, STOP_CANCELLED);
    tell(c);
}

size_t http_client_pending(const struct http_client *c)
{
    return c->running.count + c->waiting.count + c->finished.count;
}

/* --- one call, waited for --- */

struct call {
    struct loop *loop; /* to be stopped; NULL when it has stopped already */
    struct http_response *response;
    bool done;
};

static void on_call_done(void *context, const struct http_response *response)
{
    struct call *call = context;
    struct http_response *out = call->response;
    *out = *response;
    buf_init(&out->body);
    buf_init(&out->headers);
    buf_add(&out->body, response->body.data, response->body.length);
    buf_add(&out->headers, response->headers.data, response->headers.length);
    call->done = true;
    if (call->loop)
        loop_stop(call->loop);
}

static void cancel_call(struct http_client *c, struct call *call)
{
    call->loop = NULL;
    struct transfer_list *const lists[] = {&c->running, &c->waiting};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (struct transfer *t = lists[i]->first, *next; t; t = next) {
            next = t->next;
            if (t->context == call)
                stop(c, t, STOP_CANCELLED);
        }
    tell(c);
}

int http_client_call(struct http_client *c, const struct http_request *r,
                     struct http_response *response, struct error *e)
{
    struct http_response answer;
    struct call call = {.loop = c->loop, .response = &answer};
    if (http_client_send(c, r, on_call_done, &call, e))
        return -1;
    loop_run(c->loop);
    if (call.done) {
        *response = answer;
        return 0;
    }
    cancel_call(c, &call);
    http_response_release(&answer);
    return error_set(e, ERROR_INTERRUPTED, "interrupted while waiting for an HTTP answer");
}

const char *http_client_library(void)
{
    return curl_version();
}
