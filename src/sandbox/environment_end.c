#include "sandbox/environment_internal.h"

#include <stdlib.h>

#include "os/clock.h"
#include "sandbox/report_line.h"

enum { KEEP_ANSWER = 256 * 1024 };

void environment_log_line(struct environment *env)
{
    log_tail_add_line(&env->log, env->line.data, env->line.length);
    buf_clear(&env->line);
}

uint64_t environment_limit_ns(const struct environment *env)
{
    return env->function->timeout_s * NS_PER_S;
}

/* --- results --- */

static unsigned peak_mb(struct environment *env, uint64_t busy_ns)
{
    env->unseen_ns += busy_ns;
    if (env->unseen_ns >= PEAK_EVERY_NS) {
        env->unseen_ns = 0;
        sandbox_read_peak(&env->sandbox);
    }
    uint64_t mb = (env->sandbox.peak_bytes + 1024 * 1024 - 1) / (1024 * 1024);
    if (!mb)
        mb = 1;
    return mb < UINT32_MAX ? (unsigned)mb : UINT32_MAX;
}

static void log_report(struct environment *env, uint64_t duration_ns, const struct failure *failure)
{
    struct call *c = &env->call;
    struct report r = {
        .request_id = c->request_id, .duration_ns = duration_ns, .init_ns = env->init_ns};
    r.max_memory_mb = peak_mb(env, duration_ns);
    if (failure->type) {
        r.status = failure->status;
        r.error_type = failure->type;
    } else if (c->is_error) {
        r.status = REPORT_ERROR;
    }
    env->init_ns = 0;
    report_add_end(&env->line, env->function, c->request_id);
    report_add_report(&env->line, env->function, &r);
    environment_log_line(env);
}

void environment_release_call(struct environment *env)
{
    struct call *c = &env->call;
    free(c->invoked_arn);
    free(c->trace_id);
    free(c->client_context);
    c->invoked_arn = c->trace_id = c->client_context = NULL;
    c->active = false;
    if (c->payload.capacity > KEEP_ANSWER)
        buf_release(&c->payload);
    buf_clear(&c->payload);
}

static void keep_answer(struct environment *env, struct buf *answer)
{
    if (env->call.answer.capacity || answer->capacity > KEEP_ANSWER) {
        buf_release(answer);
        return;
    }
    env->call.answer = *answer;
    buf_clear(&env->call.answer);
}

/* When `done` is called nothing that the result points to belongs to the call any more. */
void environment_finish_call(struct environment *env, uint64_t duration_ns,
                             const struct failure *failure)
{
    struct call *c = &env->call;
    struct buf answer = c->answer;
    buf_init(&c->answer);
    if (failure->type) {
        buf_clear(&answer);
        if (env->init_error.length)
            buf_add(&answer, env->init_error.data, env->init_error.length);
        else
            failure_add_json(&answer, failure, c->request_id);
    }
    log_report(env, duration_ns, failure);
    const struct buf *tail = log_tail_finish(&env->log, c->request_id);
    uint64_t cpu_ns = sandbox_cpu_ns(&env->sandbox);
    struct pool_result result = {.payload = answer.data,
                                 .payload_length = answer.length,
                                 .function_error = failure->type || c->is_error,
                                 .log_tail = tail->data,
                                 .log_tail_length = tail->length,
                                 .cpu_ns =
                                     cpu_ns > env->cpu_seen_ns ? cpu_ns - env->cpu_seen_ns : 0,
                                 .cold = c->cold};
    env->cpu_seen_ns = cpu_ns;
    pool_done_fn *done = c->done;
    void *context = c->context;
    environment_release_call(env);
    if (env->phase == PHASE_IDLE)
        env->host.idle(env->host.context, env);
    done(context, &result);
    keep_answer(env, &answer);
}

/* --- endings --- */

void environment_end(struct environment *env)
{
    env->phase = PHASE_OVER;
    if (sandbox_is_running(&env->sandbox))
        sandbox_kill(&env->sandbox);
    else
        env->host.ended(env->host.context, env);
}

struct failure environment_name_failure(struct environment *env, const struct sandbox_end *end)
{
    if (env->init_error.length)
        return failure_make(env->init_error_type, "");
    if (env->timed_out)
        return failure_timeout(env->function->timeout_s);
    if (end->out_of_memory || env->over_memory)
        return failure_out_of_memory();
    return failure_exit(end);
}

void environment_log_init_report(struct environment *env, const struct failure *failure,
                                 uint64_t now)
{
    struct report r = {.request_id = env->call.request_id,
                       .duration_ns = now - env->init_started_ns,
                       .status = failure->status,
                       .error_type = failure->type};
    report_add_init_report(&env->line, env->function, env->second_init ? "invoke" : "init", &r);
    environment_log_line(env);
}

void environment_fail_call(struct environment *env, const struct failure *failure, uint64_t now)
{
    uint64_t duration_ns = now - env->started_ns;
    if (failure->status == REPORT_TIMEOUT)
        duration_ns = environment_limit_ns(env);
    env->phase = PHASE_OVER;
    environment_finish_call(env, duration_ns, failure);
    environment_end(env);
}

void environment_finish_answered(struct environment *env, const struct failure *failure,
                                 uint64_t now)
{
    const struct failure none = {0};
    buf_addf(&env->line, "RequestId: %s Error: %s\n%s\n", env->call.request_id, failure->message,
             failure->type);
    log_tail_add(&env->log, env->line.data, env->line.length);
    buf_clear(&env->line);
    env->phase = PHASE_OVER;
    environment_finish_call(env, now - env->started_ns, &none);
    environment_end(env);
}

bool environment_ended_after_answer(const struct environment *env, const struct sandbox_end *end)
{
    return env->call.answered && !env->timed_out && !env->over_memory && !end->out_of_memory;
}
