#include "sandbox/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/fs.h"
#include "sandbox/environment.h"
#include "sandbox/private_tmp.h"
#include "sandbox/runtime.h"
#include "sandbox/shaping.h"

#define IDLE_DEFAULT_NS (300 * NS_PER_S)

struct list {
    struct environment **items;
    size_t count, capacity;
};

struct pool {
    struct environment_host host;
    char *work_directory, *region;
    struct list all;
    struct list idle; /* the one that has rested longest comes first */
    struct loop_timer *idle_timer;
    uint64_t idle_ns;
    unsigned serial;
    bool idle_timer_set;
    bool closing;
};

/* --- lists --- */

static void list_add(struct list *l, struct environment *env)
{
    l->items = array_reserve(l->items, &l->capacity, l->count + 1, sizeof *l->items);
    l->items[l->count++] = env;
}

static void list_remove_at(struct list *l, size_t i)
{
    l->count--;
    memmove(l->items + i, l->items + i + 1, (l->count - i) * sizeof *l->items);
}

static void list_remove(struct list *l, const struct environment *env)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i] == env) {
            list_remove_at(l, i);
            return;
        }
    }
}

/* --- idle environments --- */

static void end_rested(void *context)
{
    struct pool *p = context;
    uint64_t now = clock_now_ns();
    p->idle_timer_set = false;
    while (p->idle.count && environment_rested_ns(p->idle.items[0]) + p->idle_ns <= now) {
        struct environment *env = p->idle.items[0];
        list_remove_at(&p->idle, 0);
        environment_retire(env);
    }
    if (!p->idle.count)
        return;
    p->idle_timer_set = true;
    loop_timer_set(p->idle_timer, environment_rested_ns(p->idle.items[0]) + p->idle_ns);
}

static void on_idle(void *context, struct environment *env)
{
    struct pool *p = context;
    list_add(&p->idle, env);
    if (p->idle_timer_set)
        return;
    p->idle_timer_set = true;
    loop_timer_set(p->idle_timer, clock_now_ns() + p->idle_ns);
}

static void on_ended(void *context, struct environment *env)
{
    struct pool *p = context;
    list_remove(&p->idle, env);
    list_remove(&p->all, env);
    environment_free(env);
}

static struct environment *take_idle(struct pool *p, const struct function *f)
{
    for (size_t i = 0; i < p->idle.count; i++) {
        struct environment *env = p->idle.items[i];
        if (environment_function(env) != f)
            continue;
        list_remove_at(&p->idle, i);
        return env;
    }
    return NULL;
}

static struct environment *start_environment(struct pool *p, struct function *f, bool provisioned)
{
    struct environment *env = environment_new(&p->host, f, ++p->serial, provisioned);
    list_add(&p->all, env);
    return env;
}

/* --- life --- */

struct pool *pool_new(struct loop *loop, const struct pool_options *options, struct error *e)
{
    if (fs_make_dirs(options->work_directory, e))
        return NULL;
    struct pool *p = xcalloc(1, sizeof *p);
    const struct shaping_options shaping = {.disabled = options->unshaped};
    p->work_directory = xstrdup(options->work_directory);
    p->region = xstrdup(options->region);
    p->idle_ns = options->idle_ns ? options->idle_ns : IDLE_DEFAULT_NS;
    p->idle_timer = loop_timer_new(loop, end_rested, p);
    char *runtime_directory = fs_join(p->work_directory, "runtime");
    p->host = (struct environment_host){
        .loop = loop,
        .shaping = shaping_new(&shaping),
        .runtimes = runtimes_new(runtime_directory),
        .work_directory = p->work_directory,
        .region = p->region,
        .private_tmp = private_tmp_possible(),
        .log = options->log,
        .idle = on_idle,
        .ended = on_ended,
        .context = p,
    };
    free(runtime_directory);
    return p;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    p->closing = true;
    for (size_t i = p->all.count; i-- > 0;)
        environment_retire(p->all.items[i]); /* the idle ones die side by side */
    while (p->all.count)
        environment_free(p->all.items[--p->all.count]);
    shaping_free(p->host.shaping);
    runtimes_free(p->host.runtimes);
    loop_timer_free(p->idle_timer);
    free(p->all.items);
    free(p->idle.items);
    free(p->work_directory);
    free(p->region);
    free(p);
}

const struct pool_shaping *pool_shaping(const struct pool *p)
{
    return shaping_state(p->host.shaping);
}

/* --- calls --- */

static void refuse_call(pool_done_fn *done, void *context)
{
    static const char error[] =
        "{\"errorType\":\"Sandbox.Failure\",\"errorMessage\":\"the emulator is stopping\"}";
    const struct pool_result result = {.payload = error,
                                       .payload_length = sizeof error - 1,
                                       .function_error = true,
                                       .log_tail = ""};
    done(context, &result);
}

void pool_invoke(struct pool *p, const struct pool_call *call, pool_done_fn *done, void *context)
{
    if (p->closing) {
        refuse_call(done, context);
        return;
    }
    struct environment *env = take_idle(p, call->function);
    if (!env)
        env = start_environment(p, call->function, false);
    environment_invoke(env, call, done, context);
}

void pool_retire(struct pool *p, const struct function *f)
{
    for (size_t i = p->all.count; i-- > 0;) {
        struct environment *env = p->all.items[i];
        if (environment_function(env) != f)
            continue;
        list_remove(&p->idle, env);
        environment_retire(env);
    }
}

void pool_provision(struct pool *p, struct function *f, size_t count)
{
    size_t there = 0;
    for (size_t i = 0; i < p->all.count; i++)
        there += environment_function(p->all.items[i]) == f;
    for (; there < count && !p->closing; there++)
        start_environment(p, f, true);
}

int pool_runtime_label(struct pool *p, const struct function *f, struct buf *out, struct error *e)
{
    struct runtime_launch launch;
    if (runtime_resolve(p->host.runtimes, f, &launch, e))
        return -1;
    buf_addstr(out, launch.label);
    runtime_launch_release(&launch);
    return 0;
}
