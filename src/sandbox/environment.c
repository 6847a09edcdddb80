#include "sandbox/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/fs.h"
#include "sandbox/environment_internal.h"
#include "sandbox/failure.h"
#include "sandbox/log_tail.h"
#include "sandbox/private_tmp.h"
#include "sandbox/report_line.h"
#include "sandbox/runtime_api.h"
#include "sandbox/sandbox.h"
#include "sandbox/variables.h"

#define INIT_LIMIT_NS        (10 * NS_PER_S)
#define PROVISIONED_LIMIT_NS (130 * NS_PER_S) /* or the function's own limit, if that is longer */
#define MEMORY_CHECK_NS      (50 * NS_PER_MS) /* where the kernel does not enforce the limit */
#define FREEZE_AFTER_NS      NS_PER_MS /* of rest: under steady load two signals a call are saved */
#define NEVER                UINT64_MAX

enum { STREAM_RANDOM = 16 };

/* --- timer --- */

/* Setting the timer costs a system call; so one that is set to fire earlier is left alone. */
static void set_due(struct environment *env, uint64_t due_ns)
{
    env->due_ns = due_ns;
    if (due_ns >= env->armed_ns)
        return;
    env->armed_ns = due_ns;
    loop_timer_set(env->timer, due_ns);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- log --- */

static void on_output(void *context, const char *bytes, size_t length)
{
    struct environment *env = context;
    log_tail_add(&env->log, bytes, length);
}

/* --- the program --- */

static void note_start_failure(struct environment *env, const char *type, const char *message)
{
    env->start_failure = failure_make(type, message);
    set_due(env, 0); /* told from the loop, never to a caller that waits for our return */
}

static void start_program(struct environment *env)
{
    const struct variables_input in = {
        .function = env->function,
        .launch = &env->launch,
        .region = env->host.region,
        .runtime_directory = runtimes_directory(env->host.runtimes),
        .temporary_directory = env->tmp.folder ? NULL : env->temporary,
        .log_stream = env->log_stream,
        .api_port = runtime_api_port(env->api),
        .provisioned = env->provisioned,
    };
    char **variables = variables_make(&in);
    const struct sandbox_program program = {.program = env->launch.program,
                                            .argv = env->launch.argv,
                                            .envp = variables,
                                            .directory = env->function->code->directory,
                                            .private_tmp = env->tmp.folder ? &env->tmp : NULL};
    int error_number = 0;
    struct error error;
    if (sandbox_start(&env->sandbox, &program, &error_number, &error)) {
        char message[sizeof env->start_failure.message];
        snprintf(message, sizeof message, "fork/exec %s: %s", env->launch.label,
                 strerror(error_number));
        log_write(env->host.log, LOG_WARNING, "function %s: %s", env->function->name, error.text);
        note_start_failure(env, "Runtime.InvalidEntrypoint", message);
    }
    variables_free(variables);
    env->init_started_ns =
        sandbox_is_running(&env->sandbox) ? env->sandbox.process.exec_ns : clock_now_ns();
}

static uint64_t init_limit_ns(const struct environment *env)
{
    if (!env->provisioned)
        return INIT_LIMIT_NS;
    uint64_t own = environment_limit_ns(env);
    return own > PROVISIONED_LIMIT_NS ? own : PROVISIONED_LIMIT_NS;
}

static void begin_init(struct environment *env)
{
    env->phase = PHASE_INIT;
    env->timed_out = false;
    env->start_failure.type = NULL;
    buf_clear(&env->init_error);
    report_add_init_start(&env->line, env->function,
                          env->launch.label ? env->launch.label : "unknown");
    environment_log_line(env);
    if (env->provisioned) /* its initialisation has no more CPU than its invocations */
        cgroup_clamp(env->sandbox.cgroup);
    else
        cgroup_boost(env->sandbox.cgroup);
    if (env->launch.error_type)
        note_start_failure(env, env->launch.error_type, env->launch.error_message);
    else
        start_program(env);
    if (env->start_failure.type)
        return;
    env->deadline_ns = env->second_init ? env->started_ns + environment_limit_ns(env)
                                        : env->init_started_ns + init_limit_ns(env);
    set_due(env, env->deadline_ns);
}

/* --- invocations --- */

static void log_start(struct environment *env)
{
    report_add_start(&env->line, env->function, env->call.request_id);
    environment_log_line(env);
}

/* Hands the event over. The clock starts before, the frozen program runs again after. */
static void deliver(struct environment *env)
{
    struct call *c = &env->call;
    env->phase = PHASE_BUSY;
    if (!env->second_init) {
        log_start(env);
        env->started_ns = clock_now_ns();
    }
    env->second_init = false;
    env->deadline_ns = env->started_ns + environment_limit_ns(env);
    uint64_t left_ns = env->deadline_ns - earlier(clock_now_ns(), env->deadline_ns);
    const struct runtime_api_event event = {
        .request_id = c->request_id,
        .deadline_ms = (clock_wall_ns() + left_ns) / NS_PER_MS,
        .invoked_arn = c->invoked_arn,
        .trace_id = c->trace_id,
        .client_context = c->client_context,
        .payload = c->payload.data,
        .payload_length = c->payload.length,
    };
    bool enforced = cgroup_limits_memory(env->sandbox.cgroup);
    set_due(env, enforced ? env->deadline_ns
                          : earlier(env->deadline_ns, env->started_ns + MEMORY_CHECK_NS));
    cgroup_clamp(env->sandbox.cgroup);
    runtime_api_deliver(env->api, &event);
    sandbox_thaw(&env->sandbox);
}

/* Looks only where the kernel does not, and after enough time to make a difference. */
static bool is_out_of_memory(struct environment *env, uint64_t now)
{
    if (!env->over_memory && now - env->started_ns + env->unseen_ns >= PEAK_EVERY_NS)
        env->over_memory = sandbox_is_over_limit(&env->sandbox);
    return env->over_memory;
}

/* The program waits for its next event: the end of its initialisation, or of an invocation. */
static void on_ready(void *context)
{
    struct environment *env = context;
    uint64_t now = clock_now_ns();
    if (env->phase == PHASE_INIT) {
        if (!env->second_init)
            env->init_ns = now - env->init_started_ns;
        sandbox_read_peak(&env->sandbox);
        env->cpu_seen_ns = sandbox_cpu_ns(&env->sandbox);
        if (env->call.active) {
            deliver(env);
            return;
        }
    } else if (env->phase != PHASE_BUSY) {
        return;
    } else if (is_out_of_memory(env, now)) {
        sandbox_kill(&env->sandbox);
        return;
    }
    set_due(env, now + FREEZE_AFTER_NS);
    sandbox_drain(&env->sandbox);
    bool was_busy = env->phase == PHASE_BUSY;
    env->phase = PHASE_IDLE;
    env->rested_ns = now;
    if (env->retired)
        environment_end(env);
    const struct failure none = {0};
    if (was_busy)
        environment_finish_call(env, now - env->started_ns, &none);
    else
        env->host.idle(env->host.context, env);
}

static void on_answered(void *context, const struct runtime_api_answer *answer)
{
    struct call *c = &((struct environment *)context)->call;
    if (!c->active)
        return;
    c->answered = true;
    c->is_error = answer->is_error;
    buf_clear(&c->answer);
    buf_add(&c->answer, answer->body, answer->length);
}

static void on_init_failed(void *context, const struct runtime_api_answer *answer)
{
    struct environment *env = context;
    buf_clear(&env->init_error);
    buf_add(&env->init_error, answer->body, answer->length);
    memcpy(env->init_error_type, answer->error_type, sizeof env->init_error_type);
    set_due(env, earlier(env->deadline_ns,
                         clock_now_ns() + NS_PER_S)); /* it has a second to exit by itself */
}

static const struct runtime_api_events api_events = {on_ready, on_answered, on_init_failed};

/* --- when it stops --- */

/* The first failure leads to a second try, within the invocation and its time limit. */
static void fail_init(struct environment *env, const struct failure *failure)
{
    uint64_t now = clock_now_ns();
    environment_log_init_report(env, failure, now);
    struct error error;
    if (!env->call.active) {
        log_write(env->host.log, LOG_WARNING, "function %s: the initialisation failed: %s",
                  env->function->name, failure->type);
        environment_end(env);
    } else if (env->second_init) {
        environment_fail_call(env, failure, now);
    } else if (runtime_api_restart(env->api, &error)) {
        log_write(env->host.log, LOG_WARNING, "function %s: %s", env->function->name, error.text);
        env->started_ns = now;
        environment_fail_call(env, failure, now);
    } else {
        env->second_init = true;
        env->started_ns = now;
        log_start(env);
        begin_init(env);
    }
}

static void on_ended(void *context, const struct sandbox_end *end)
{
    struct environment *env = context;
    set_due(env, NEVER);
    const struct failure failure = environment_name_failure(env, end);
    if (env->phase == PHASE_INIT)
        fail_init(env, &failure);
    else if (!env->call.active)
        environment_end(env);
    else if (environment_ended_after_answer(env, end))
        environment_finish_answered(env, &failure, clock_now_ns());
    else
        environment_fail_call(env, &failure, clock_now_ns());
}

static const struct sandbox_events sandbox_events = {on_output, on_ended};

static void on_timer(void *context)
{
    struct environment *env = context;
    uint64_t now = clock_now_ns();
    env->armed_ns = NEVER;
    if (env->start_failure.type) {
        const struct failure failure = env->start_failure;
        env->start_failure.type = NULL;
        fail_init(env, &failure);
    } else if (now < env->due_ns) {
        if (env->due_ns != NEVER)
            set_due(env, env->due_ns);
    } else if (env->phase == PHASE_IDLE) {
        env->due_ns = NEVER;
        sandbox_freeze(&env->sandbox);
    } else if (env->phase == PHASE_BUSY && now < env->deadline_ns && !is_out_of_memory(env, now)) {
        set_due(env, earlier(env->deadline_ns, now + MEMORY_CHECK_NS));
    } else {
        env->timed_out = now >= env->deadline_ns;
        sandbox_kill(&env->sandbox);
    }
}

/* --- life --- */

static void make_temporary(struct environment *env, unsigned serial)
{
    char name[64];
    snprintf(name, sizeof name, "tmp-%u", serial);
    env->temporary = fs_join(env->host.work_directory, name);
    struct error error;
    if (fs_make_dirs(env->temporary, &error))
        log_write(env->host.log, LOG_WARNING, "function %s: %s", env->function->name, error.text);
}

static void isolate_tmp(struct environment *env)
{
    if (!env->host.private_tmp)
        return;
    const char *const keep[] = {env->host.work_directory, env->function->code->directory,
                                env->launch.program, env->launch.outside, NULL};
    struct error error;
    if (private_tmp_prepare(&env->tmp, env->temporary, keep, &error))
        log_write(env->host.log, LOG_WARNING, "function %s: %s", env->function->name, error.text);
}

/* "2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef" */
static void name_log_stream(struct environment *env)
{
    unsigned char random[STREAM_RANDOM];
    char hex[2 * STREAM_RANDOM + 1], day[CLOCK_STAMP_BYTES];
    hash_random(random, sizeof random);
    hash_hex(random, sizeof random, hex);
    clock_stamp_day(clock_wall_ns(), day);
    snprintf(env->log_stream, sizeof env->log_stream, "%s/[%.16s]%s", day, env->function->version,
             hex);
}

struct environment *environment_new(const struct environment_host *host, struct function *f,
                                    unsigned serial, bool provisioned)
{
    struct environment *env = xcalloc(1, sizeof *env);
    env->host = *host;
    env->function = function_ref(f);
    env->provisioned = provisioned;
    env->due_ns = env->armed_ns = NEVER;
    env->timer = loop_timer_new(host->loop, on_timer, env);
    log_tail_init(&env->log, f->json_logs);
    struct buf *bufs[] = {&env->line, &env->call.payload, &env->call.answer, &env->init_error};
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_init(bufs[i]);
    sandbox_init(&env->sandbox, host->loop, &sandbox_events, env);
    name_log_stream(env);
    make_temporary(env, serial);
    struct error error;
    env->api = runtime_api_new(host->loop, &api_events, env, &error);
    if (!env->api || runtime_resolve(host->runtimes, f, &env->launch, &error)) {
        env->launch.error_type = xstrdup("Runtime.InvalidRuntime");
        env->launch.error_message = xstrdup(error.text);
    } else {
        sandbox_limit(&env->sandbox, host->shaping, serial, f->memory_mb);
        isolate_tmp(env);
    }
    begin_init(env);
    return env;
}

void environment_free(struct environment *env)
{
    if (!env)
        return;
    sandbox_release(&env->sandbox);
    if (env->call.active) {
        const struct failure failure =
            failure_make("Sandbox.Failure", "the execution environment was ended");
        env->phase = PHASE_OVER;
        buf_clear(&env->init_error);
        environment_finish_call(env, env->started_ns ? clock_now_ns() - env->started_ns : 0,
                                &failure);
    }
    runtime_api_free(env->api);
    loop_timer_free(env->timer);
    environment_release_call(env);
    log_tail_release(&env->log);
    struct buf *bufs[] = {&env->line, &env->call.payload, &env->call.answer, &env->init_error};
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_release(bufs[i]);
    runtime_launch_release(&env->launch);
    private_tmp_release(&env->tmp);
    fs_remove_tree(env->temporary, NULL);
    free(env->temporary);
    function_unref(env->function);
    free(env);
}

const struct function *environment_function(const struct environment *env)
{
    return env->function;
}

uint64_t environment_rested_ns(const struct environment *env)
{
    return env->rested_ns;
}

static char *copy_or_null(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

void environment_invoke(struct environment *env, const struct pool_call *call, pool_done_fn *done,
                        void *context)
{
    struct call *c = &env->call;
    c->active = true;
    c->cold = env->phase == PHASE_INIT;
    c->answered = c->is_error = false;
    c->done = done;
    c->context = context;
    snprintf(c->request_id, sizeof c->request_id, "%s", call->request_id);
    c->invoked_arn = copy_or_null(call->invoked_arn ? call->invoked_arn : env->function->arn);
    c->trace_id = copy_or_null(call->trace_id);
    c->client_context = copy_or_null(call->client_context);
    buf_add(&c->payload, call->payload, call->payload_length);
    if (env->phase != PHASE_IDLE)
        return;
    log_tail_clear(&env->log);
    deliver(env);
}

void environment_retire(struct environment *env)
{
    env->retired = true;
    if (env->phase == PHASE_IDLE || (env->phase == PHASE_INIT && !env->call.active))
        environment_end(env);
}
