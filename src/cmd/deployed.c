#include "cmd/deployed.h"

#include <stdlib.h>
#include <string.h>

#include "aws/reference.h"
#include "aws/target.h"
#include "base/text.h"
#include "cmd/command.h"

static const char prefix[] = "function:";

/* Metrics that need fresh execution environments, which only functions of our own have. */
static const enum metric_id of_cold_starts[] = {METRIC_COLD_START, METRIC_COLD_P90,
                                                METRIC_COLD_TOTAL};

const char *deployed_spec(const char *spec)
{
    return spec && text_starts(spec, prefix) ? spec + sizeof prefix - 1 : NULL;
}

/* ---- models ---- */

static int apply_reference(struct session *s, const char *name, struct arena *arena,
                           struct plan_function *f, struct error *e)
{
    const struct plan_function original = *f;
    struct json *configuration = reference_get(aws_target_lambda(s->target), name, e);
    struct buf copied;
    buf_init(&copied);
    int failed = configuration ? 0 : -1;
    if (!failed)
        failed = reference_apply(configuration, &original, arena, f, &copied, e);
    if (!failed)
        f->deployment = arena_printf(arena, "a function like %s, with its %s", name, copied.data);
    buf_release(&copied);
    json_free(configuration);
    return failed;
}

int deployed_apply_references(struct session *s, const struct place *place, struct plan *plan,
                              const struct opt_list *selected, struct error *e)
{
    struct plan_function *copies = arena_alloc(&plan->arena, plan->function_count * sizeof *copies);
    memcpy(copies, plan->functions, plan->function_count * sizeof *copies);
    for (size_t i = 0; i < plan->function_count; i++) {
        const char *name = place_reference(place, copies[i].name);
        if (name && command_selects(selected, copies[i].name) &&
            apply_reference(s, name, &plan->arena, &copies[i], e))
            return error_prefix(e, "--like %s", name);
    }
    plan->functions = copies;
    return 0;
}

/* ---- sides ---- */

static bool is_of_cold_starts(const struct metric *metric)
{
    for (size_t i = 0; i < ARRAY_LEN(of_cold_starts); i++)
        if (metric_index(metric) == of_cold_starts[i])
            return true;
    return false;
}

/*
 * A limit that perf.yml sets and this run cannot judge is refused; one that is a default is left
 * out.
 */
static int drop_cold_limits(struct plan_function *f, struct arena *arena, struct error *e)
{
    struct plan_limit *limits = arena_alloc(arena, (f->limit_count + 1) * sizeof *limits);
    size_t count = 0;
    for (size_t i = 0; i < f->limit_count; i++) {
        if (!is_of_cold_starts(f->limits[i].metric))
            limits[count++] = f->limits[i];
        else if (f->limits[i].line)
            return error_set(e, ERROR_USAGE,
                             "'%s' has a limit on %s, but a function that is deployed already "
                             "cannot be made to start anew: compare functions of the run's own "
                             "(--like), or leave the limit out",
                             f->name, f->limits[i].metric->noun);
    }
    f->limits = limits;
    f->limit_count = count;
    f->traffic.cold_start_rate = 0;
    return 0;
}

static unsigned number_of(const struct json *configuration, const char *path, unsigned otherwise)
{
    int64_t value = json_integer(json_path(configuration, path), otherwise);
    return value > 0 && value <= UINT32_MAX ? (unsigned)value : otherwise;
}

/* The plan's function becomes what the deployed one is. */
static void take_configuration(struct plan_function *f, const struct json *c, struct arena *arena)
{
    f->memory_mb = number_of(c, "MemorySize", f->memory_mb);
    f->timeout_s = number_of(c, "Timeout", f->timeout_s);
    f->ephemeral_mb = number_of(c, "EphemeralStorage.Size", f->ephemeral_mb);
    f->architecture =
        arena_strdup(arena, json_string(json_path(c, "Architectures.0"), f->architecture));
    f->runtime = arena_strdup(arena, json_get_string(c, "Runtime", f->runtime));
}

static int check_alike(const struct plan_function *a, const struct plan_function *b,
                       struct error *e)
{
    if (a->memory_mb != b->memory_mb)
        return error_set(e, ERROR_USAGE,
                         "the sides have %u and %u MB of memory: their cost cannot be compared",
                         a->memory_mb, b->memory_mb);
    if (a->ephemeral_mb != b->ephemeral_mb)
        return error_set(e, ERROR_USAGE,
                         "the sides have %u and %u MB of /tmp: their cost cannot be compared",
                         a->ephemeral_mb, b->ephemeral_mb);
    if (strcmp(a->architecture, b->architecture) != 0)
        return error_set(e, ERROR_USAGE,
                         "the sides are of %s and %s: their cost cannot be compared",
                         a->architecture, b->architecture);
    return 0;
}

static void read_code(struct deployed_sides *d, enum side side)
{
    const struct json *c = d->attached[side].configuration;
    const char *sha256 = json_get_string(c, "CodeSha256", "");
    struct buf digest;
    buf_init(&digest);
    if (!base64_decode(&digest, sha256, strlen(sha256), NULL) && digest.length == SHA256_BYTES)
        hash_hex(digest.data, digest.length, d->sha256[side]);
    buf_release(&digest);
    int64_t bytes = json_get_integer(c, "CodeSize", 0);
    d->bytes[side] = bytes > 0 ? (uint64_t)bytes : 0;
}

static int attach(struct deployed_sides *d, const struct deployed_request *r, enum side side,
                  const char *name, struct error *e)
{
    struct target *target = r->session->target;
    struct attached *a = &d->attached[side];
    if (attached_open(aws_target_lambda(target), name, a, e))
        return error_prefix(e, "the %s", side_name(side));
    const struct lambda_expected expected = {number_of(a->configuration, "MemorySize", 0),
                                             r->function->custom, r->function->custom_count};
    aws_target_attach(target, a->name, a->version, &expected);
    read_code(d, side);
    return 0;
}

/* A side that is made is made like the deployed one, unless --like has said otherwise. */
static int fit_made_side(struct deployed_sides *d, const struct deployed_request *r,
                         const struct attached *model, struct error *e)
{
    if (d->function.reference)
        return 0;
    return apply_reference(r->session, model->name, r->arena, &d->function, e);
}

static void describe_side(const struct attached *a, enum side side, struct buf *out)
{
    if (!a->name)
        return;
    buf_addf(out, "%sthe %s is %s", out->length ? "; " : "", side_name(side), a->name);
    if (a->qualifier && strcmp(a->qualifier, a->version) != 0)
        buf_addf(out, " (version %s)", a->version);
    if (a->provisioned)
        buf_addf(out,
                 " with %u provisioned environments, whose price is another one than that of the "
                 "cost shown",
                 a->provisioned);
}

static void describe(struct deployed_sides *d, struct arena *arena)
{
    struct buf text;
    buf_init(&text);
    for (int side = 0; side < SIDE_COUNT; side++)
        describe_side(&d->attached[side], (enum side)side, &text);
    if (d->function.deployment)
        buf_addf(&text, "; the other side is %s", d->function.deployment);
    buf_addstr(&text, "; environments are not renewed: cold starts are not compared, the cost is "
                      "that of warm calls");
    d->function.deployment = arena_strdup(arena, text.data);
    buf_release(&text);
}

/* The baseline's configuration decides; whatever the candidate is must be like it. */
static int fit(struct deployed_sides *d, const struct deployed_request *r, struct error *e)
{
    struct plan_function of[SIDE_COUNT];
    const struct attached *model = &d->attached[SIDE_BASELINE];
    bool made = !d->attached[SIDE_BASELINE].name || !d->attached[SIDE_CANDIDATE].name;
    if (!model->name)
        model = &d->attached[SIDE_CANDIDATE];
    if (made && fit_made_side(d, r, model, e))
        return -1;
    for (int side = 0; side < SIDE_COUNT; side++) {
        of[side] = d->function;
        if (d->attached[side].name)
            take_configuration(&of[side], d->attached[side].configuration, r->arena);
    }
    if (check_alike(&of[SIDE_BASELINE], &of[SIDE_CANDIDATE], e))
        return -1;
    take_configuration(&d->function, model->configuration, r->arena);
    describe(d, r->arena);
    return 0;
}

/* What could be refused after the candidate was published is refused before. */
static int check_staging(const struct deployed_sides *d, const struct deployed_request *r,
                         struct error *e)
{
    const struct attached *baseline = &d->attached[SIDE_BASELINE];
    struct plan_function here = d->function, there = d->function;
    struct attached latest;
    if (attached_open(aws_target_lambda(r->session->target), r->options->place.versions_of, &latest,
                      e))
        return error_prefix(e, "--versions-of");
    take_configuration(&here, baseline->configuration, r->arena);
    take_configuration(&there, latest.configuration, r->arena);
    int failed = check_alike(&here, &there, e);
    if (latest.qualifier)
        failed = error_set(e, ERROR_USAGE, "--versions-of names a function, not '%s'", latest.name);
    else if (!baseline->qualifier && !strcmp(baseline->function, latest.function))
        failed = error_set(e, ERROR_USAGE,
                           "the baseline '%s' is the function whose code changes with "
                           "--versions-of: name a version or an alias of it",
                           baseline->name);
    attached_release(&latest);
    return failed;
}

static int open_staged(struct deployed_sides *d, const struct deployed_request *r, struct error *e)
{
    const struct package *candidate = &r->packages[SIDE_CANDIDATE];
    if (!r->options->place.versions_of)
        return 0;
    if (!r->names[SIDE_BASELINE] || r->names[SIDE_CANDIDATE])
        return error_set(e, ERROR_USAGE,
                         "--versions-of needs --baseline function:NAME[:QUALIFIER] and a candidate "
                         "that is built");
    if (check_staging(d, r, e))
        return -1;
    d->staged = session_stage(r->session, r->options, r->function, candidate, e);
    return d->staged ? attach(d, r, SIDE_CANDIDATE, d->staged, e) : -1;
}

int deployed_open(struct deployed_sides *d, const struct deployed_request *r, struct error *e)
{
    *d = (struct deployed_sides){.function = *r->function};
    if (drop_cold_limits(&d->function, r->arena, e))
        return -1;
    for (int side = 0; side < SIDE_COUNT; side++)
        if (r->names[side] && attach(d, r, (enum side)side, r->names[side], e))
            return -1;
    return open_staged(d, r, e) || fit(d, r, e) ? -1 : 0;
}

void deployed_close(struct deployed_sides *d)
{
    for (int side = 0; side < SIDE_COUNT; side++)
        attached_release(&d->attached[side]);
    free(d->staged);
    d->staged = NULL;
}

const char *deployed_name(const struct deployed_sides *d, enum side side)
{
    return d->attached[side].name;
}
