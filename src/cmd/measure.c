#include "cmd/measure.h"

#include <stdio.h>

#include "base/units.h"
#include "cmd/command.h"
#include "load/driver.h"
#include "os/clock.h"
#include "os/machine.h"

/*
 * More stolen processor time than this, and times tell more of the neighbours than of the function.
 */
static const double STOLEN_MAX = 0.05;
/* More of the time without memory for anything, and times tell of the machine's swapping. */
static const double STALLED_MAX = 0.05;

static int deploy_sides(const struct measure_job *job, struct load_job *load, struct error *e)
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        load->deployed[side] = job->deployed[side];
        if (load->deployed[side])
            continue;
        const struct plan_function *f =
            job->configured[side] ? job->configured[side] : job->function;
        load->deployed[side] =
            session_deploy(job->session, f, (enum side)side, &job->packages[side], e);
        if (!load->deployed[side])
            return error_prefix(e, "deploying the %s", side_name((enum side)side));
    }
    return 0;
}

/* Keeps what the first call that was not good said: it usually explains the rest. */
static void tell_detail(const struct measure_job *job, const struct load_round_summary *summary,
                        struct gate *gate, bool *told)
{
    if (*told || !summary->detail[0])
        return;
    *told = true;
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "an invocation of the %s ended as %s: %s", side_name(summary->detail_side),
             sample_status_name(summary->detail_status), summary->detail);
    progress_say(job->progress, "warning: %s: %s", job->function->name, text.data);
    gate_note(gate, text.data);
    buf_release(&text);
}

/* Calls of both sides in one round. */
static uint64_t calls_of_round(const struct load_job *load)
{
    struct schedule s = schedule_of(load->function, load->target->lanes_default);
    return SIDE_COUNT * schedule_calls(&s);
}

/* Says before the first invocation what it can come to. */
static void tell_bill(const struct measure_job *job, const struct load_job *load,
                      const struct gate *gate)
{
    uint64_t most = job->function->rounds.max * calls_of_round(load);
    struct buf text;
    if (!job->session->target->charged)
        return;
    if (job->budget.invocations && job->budget.invocations < most)
        most = job->budget.invocations;
    double usd = (double)most * gate_spend_most(gate);
    if (job->budget.usd > 0 && job->budget.usd < usd)
        usd = job->budget.usd;
    buf_init(&text);
    units_add_count(&text, (int64_t)most);
    buf_addstr(&text, " invocations, for ");
    units_add_usd(&text, usd);
    progress_say(job->progress, "%s: at most %s if each takes its whole timeout",
                 job->function->name, text.data);
    buf_release(&text);
}

/* Whether the budget has room for a whole round, however long its invocations take. */
static bool affordable(const struct measure_job *job, const struct load_job *load,
                       const struct gate *gate)
{
    struct spend spent = gate_spend(gate);
    double most_usd = job->session->target->charged ? gate_spend_most(gate) : 0;
    return budget_allows(&job->budget, &spent, calls_of_round(load), most_usd);
}

static int refuse_first_round(const struct measure_job *job, const struct load_job *load,
                              const struct gate *gate, struct error *e)
{
    double calls = (double)calls_of_round(load);
    struct buf usd;
    buf_init(&usd);
    units_add_usd(&usd, calls * gate_spend_most(gate));
    error_set(e, ERROR_USAGE,
              "'%s': the budget has no room for one round: %.0f invocations, which can cost %s if "
              "each takes its whole timeout of %u s; raise --budget-usd or --max-invocations, or "
              "lower rounds or timeout",
              job->function->name, calls, usd.data, job->function->timeout_s);
    buf_release(&usd);
    return -1;
}

static bool out_of_time(const struct measure_job *job)
{
    return job->deadline_ns && clock_now_ns() >= job->deadline_ns;
}

/* Where the sides share this machine there is nothing that far away to warm up. */
static int warm_up(const struct measure_job *job, const struct load_job *load, struct gate *gate,
                   struct error *e)
{
    struct series calls = {0};
    if (load->target->sides_share_machine && !load->keep_environments)
        return 0;
    int failed = load_warm_up(load, &calls, e);
    gate_charge(gate, &calls);
    job->session->warm_up_calls += calls.count;
    series_release(&calls);
    return failed ? error_prefix(e, "the first calls") : 0;
}

static int run_rounds(const struct measure_job *job, const struct load_job *load, struct gate *gate,
                      struct error *e)
{
    bool told = false;
    if (!affordable(job, load, gate))
        return refuse_first_round(job, load, gate, e);
    tell_bill(job, load, gate);
    if (warm_up(job, load, gate, e))
        return -1;
    if (load->keep_environments)
        gate_doubt(gate, "execution environments of deployed functions are not renewed, so a round "
                         "holds nothing of the differences between environments: no pass");
    if (!affordable(job, load, gate)) /* after what the first calls have cost */
        return refuse_first_round(job, load, gate, e);
    for (unsigned round = 0;; round++) {
        struct load_round_summary summary;
        size_t first = job->series->count;
        if (load_round(load, round, &summary, e))
            return -1;
        tell_detail(job, &summary, gate, &told);
        gate_add_round(gate, job->series, first, job->function_index);
        progress_round(job->progress, round + 1);
        if (gate_look(gate) == GATE_STOP)
            return 0;
        if (!affordable(job, load, gate)) {
            gate_doubt(gate, "the budget (--budget-usd, --max-invocations) ended the measurement "
                             "before the answer was clear");
            return 0;
        }
        if (!out_of_time(job))
            continue;
        if (!job->open_ended)
            gate_doubt(
                gate,
                "the time limit (--max-minutes) ended the measurement before the answer was clear");
        return 0;
    }
}

/* What is known of the machine at one moment. */
struct health {
    struct machine_times times;
    uint64_t memory_stall_us, at_ns;
};

static struct health health_now(void)
{
    return (struct health){machine_times(), machine_memory_stall_us(), clock_now_ns()};
}

/* The functions ran on this machine: what kept it from them since `before` makes the times doubtful. */
static void doubt_machine(struct gate *gate, const struct health *before)
{
    char reason[160];
    struct health now = health_now();
    double stolen = machine_stolen_share(before->times, now.times);
    double stalled = 1e3 * (double)(now.memory_stall_us - before->memory_stall_us) /
                     (double)(now.at_ns - before->at_ns + 1);
    if (stolen > STOLEN_MAX) {
        snprintf(reason, sizeof reason,
                 "other machines on the same host took %.0f %% of this one's processor time",
                 stolen * 100);
        gate_doubt(gate, reason);
    }
    if (stalled > STALLED_MAX) {
        snprintf(reason, sizeof reason,
                 "for %.0f %% of the time nothing could run here for want of memory",
                 stalled * 100);
        gate_doubt(gate, reason);
    }
}

static int measure(const struct measure_job *job, const struct load_job *load, struct gate *gate,
                   struct error *e)
{
    struct health before = health_now();
    progress_begin(job->progress, job->session->loop, job->function->name, job->series,
                   job->function_index, job->function->rounds.max);
    int failed = run_rounds(job, load, gate, e);
    progress_end(job->progress);
    if (load->target->sides_share_machine)
        doubt_machine(gate, &before);
    return failed;
}

static const char *describe_schedule(const struct load_job *load, struct arena *arena)
{
    struct schedule schedule = schedule_of(load->function, load->target->lanes_default);
    struct buf text;
    buf_init(&text);
    schedule_describe(&schedule, &load->function->load, &text);
    const char *kept = arena_strdup(arena, text.data);
    buf_release(&text);
    return kept;
}

/* Better said before than counted as throttled calls afterwards. */
static int check_concurrency(const struct measure_job *job, struct error *e)
{
    unsigned wanted = job->function->load.concurrency, most = job->session->concurrency;
    if (!most || SIDE_COUNT * wanted <= most)
        return 0;
    return error_set(e, ERROR_CONFIG,
                     "load.concurrency of %u on both sides needs %u concurrent executions, and "
                     "this account and region have %u that are not reserved",
                     wanted, SIDE_COUNT * wanted, most);
}

static int measure_and_judge(const struct measure_job *job, struct load_job *load,
                             struct gate *gate, struct arena *arena, struct result_function *out,
                             struct error *e)
{
    if (check_concurrency(job, e) || deploy_sides(job, load, e))
        return -1;
    out->runtime_label = session_runtime(job->session, load->deployed[SIDE_CANDIDATE], arena);
    out->schedule = describe_schedule(load, arena);
    if (measure(job, load, gate, e))
        return -1;
    gate_conclude(gate, job->series, job->function_index, arena, out);
    return 0;
}

int measure_function(const struct measure_job *job, struct arena *arena,
                     struct result_function *out, struct error *e)
{
    struct gate *gate = gate_new(job->function, &job->settings, e);
    if (!gate)
        return -1;
    struct load_job load = {
        .loop = job->session->loop,
        .target = job->session->target,
        .function = job->function,
        .function_index = job->function_index,
        .series = job->series,
        .seed = job->seed,
        .start_ns = job->start_ns,
        .stop = &command_signal,
        .keep_environments = job->deployed[SIDE_BASELINE] || job->deployed[SIDE_CANDIDATE],
    };
    int failed = measure_and_judge(job, &load, gate, arena, out, e);
    struct spend spent = gate_spend(gate);
    if (job->spent) {
        job->spent->invocations += spent.invocations;
        job->spent->usd += spent.usd;
    }
    gate_free(gate);
    return failed;
}
