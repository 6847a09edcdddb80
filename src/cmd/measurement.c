#include "cmd/measurement.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "os/fs.h"

enum { FILE_MAX = 1 << 30, EVENTS_MAX = UINT16_MAX + 1 };

/* ---- reading ---- */

struct names {
    const struct plan *plan;
    bool lenient;
};

static int function_index(void *context, const char *name)
{
    const struct names *names = context;
    const struct plan_function *f = plan_find(names->plan, name);
    if (f)
        return (int)(f - names->plan->functions);
    return names->lenient && *name ? (int)names->plan->function_count : -1;
}

static int read_samples(struct measurement *m, const struct plan *plan, bool lenient,
                        struct error *e)
{
    struct names names = {plan, lenient};
    struct buf text;
    buf_init(&text);
    int failed = fs_read(m->path, FILE_MAX, &text, e) ||
                 series_read(&m->series, text.data, text.length, function_index, &names, e);
    if (failed)
        error_prefix(e, "%s", m->path);
    buf_release(&text);
    return failed ? -1 : 0;
}

/* Whether the result counts as many invocations of every function and side as the file has. */
static bool belongs(const struct measurement *m, const struct plan *plan, const struct result *run)
{
    for (unsigned i = 0; i < plan->function_count; i++) {
        uint64_t calls[SIDE_COUNT] = {0};
        const struct result_function *f = NULL;
        for (size_t k = 0; k < m->series.count; k++)
            if (m->series.items[k].function == i)
                calls[m->series.items[k].side]++;
        for (size_t k = 0; k < run->function_count && !f; k++)
            if (!strcmp(run->functions[k].name, plan->functions[i].name))
                f = &run->functions[k];
        for (int side = 0; side < SIDE_COUNT; side++)
            if (calls[side] != (f ? f->accounting[side].scheduled : 0))
                return false;
    }
    return true;
}

static int read_result(struct measurement *m, const struct plan *plan, struct error *e)
{
    char *folder = fs_dirname(m->path);
    char *path = fs_join(folder, "result.json");
    struct buf text;
    buf_init(&text);
    int failed = 0;
    if (fs_is_file(path)) {
        failed =
            fs_read(path, FILE_MAX, &text, e) || !(m->run = result_read(text.data, text.length, e));
        if (failed)
            error_prefix(e, "%s", path);
    }
    if (m->run && !belongs(m, plan, m->run)) {
        result_free(m->run);
        m->run = NULL;
    }
    buf_release(&text);
    free(path);
    free(folder);
    return failed ? -1 : 0;
}

int measurement_read(struct measurement *m, const struct plan *plan, bool lenient, struct error *e)
{
    series_init(&m->series, plan);
    return read_samples(m, plan, lenient, e) || read_result(m, plan, e) ? -1 : 0;
}

void measurement_release(struct measurement *m)
{
    series_release(&m->series);
    result_free(m->run);
    m->run = NULL;
}

const struct result_function *measurement_function(const struct measurement *m, const char *name)
{
    for (size_t i = 0; m->run && i < m->run->function_count; i++)
        if (!strcmp(m->run->functions[i].name, name))
            return &m->run->functions[i];
    return NULL;
}

static bool is_of(const struct sample *s, unsigned function, enum side side)
{
    return s->function == function && s->side == side;
}

size_t measurement_calls(const struct measurement *m, unsigned function)
{
    size_t calls = 0;
    for (size_t i = 0; i < m->series.count; i++)
        calls += is_of(&m->series.items[i], function, m->side);
    return calls;
}

/* ---- independence ---- */

struct seen {
    unsigned char id[16];
    size_t file;
};

static int by_id(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    int order = memcmp(x->id, y->id, sizeof x->id);
    return order ? order : (x->file > y->file) - (x->file < y->file);
}

static int refuse_pair(const struct measurement *a, const struct measurement *b, const char *why,
                       struct error *e)
{
    return error_set(e, ERROR_INPUT, "%s and %s are not independent measurements: %s", a->path,
                     b->path, why);
}

/* The request ids of all files, sorted; the caller frees. */
static struct seen *all_ids(const struct measurement *items, size_t count, size_t *found)
{
    static const unsigned char none[sizeof((struct seen *)0)->id];
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most += items[i].series.count;
    struct seen *ids = xcalloc(most + 1, sizeof *ids);
    *found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct series *s = &items[i].series;
        for (size_t k = 0; k < s->count; k++) {
            if (!memcmp(s->items[k].request_id, none, sizeof none))
                continue;
            struct seen *id = &ids[(*found)++];
            memcpy(id->id, s->items[k].request_id, sizeof id->id);
            id->file = i;
        }
    }
    qsort(ids, *found, sizeof *ids, by_id);
    return ids;
}

/* What a file holds, whatever its lines look like. A sample has no padding (see sample.h). */
static void digest_of(const struct measurement *m, unsigned char digest[SHA256_BYTES])
{
    hash_sha256(m->series.items, m->series.count * sizeof *m->series.items, digest);
}

static int refuse_same_samples(const struct measurement *items, size_t count, struct error *e)
{
    unsigned char(*digests)[SHA256_BYTES] = xcalloc(count + 1, sizeof *digests);
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        digest_of(&items[i], digests[i]);
        for (size_t k = 0; k < i && !failed; k++)
            if (items[i].series.count && !memcmp(digests[k], digests[i], sizeof digests[i]))
                failed = refuse_pair(&items[k], &items[i], "they hold the same samples", e);
    }
    free(digests);
    return failed;
}

int measurements_are_distinct(const struct measurement *items, size_t count, struct error *e)
{
    size_t found;
    int failed = 0;
    struct seen *ids = all_ids(items, count, &found);
    for (size_t i = 1; i < found && !failed; i++)
        if (!memcmp(ids[i].id, ids[i - 1].id, sizeof ids[i].id) && ids[i].file != ids[i - 1].file)
            failed = refuse_pair(&items[ids[i - 1].file], &items[ids[i].file],
                                 "they hold the same invocations", e);
    free(ids);
    return failed ? failed : refuse_same_samples(items, count, e);
}

/* ---- comparability ---- */

/* Adds "memory (512 MB, 1024 MB)" where both are known and differ. */
static void differ(struct buf *out, const char *what, const char *a, const char *b)
{
    if (a && b && strcmp(a, b) != 0)
        buf_addf(out, "%s%s (%s, %s)", out->length ? ", " : "", what, a, b);
}

static const char *limits_text(const struct result *run)
{
    return run->target.shaped ? "limited" : "not limited";
}

static void differ_runs(struct buf *out, const struct result *a, const struct result *b)
{
    differ(out, "the target", a->target.kind, b->target.kind);
    differ(out, "the region", a->target.region, b->target.region);
    differ(out, "CPU and memory", limits_text(a), limits_text(b));
}

static void differ_functions(struct buf *out, const struct result_function *a,
                             const struct result_function *b)
{
    differ(out, "the architecture", a->architecture, b->architecture);
    for (size_t i = 0; i < a->event_count && i < b->event_count; i++)
        differ(out, "an event", a->events[i].name, b->events[i].name);
}

/* Memory Size as the side's samples tell it; 0: they do not. */
static unsigned memory_of(const struct measurement *m, unsigned function)
{
    for (size_t i = 0; i < m->series.count; i++)
        if (is_of(&m->series.items[i], function, m->side) && m->series.items[i].memory_mb)
            return m->series.items[i].memory_mb;
    return 0;
}

static void differ_memory(struct buf *out, unsigned a, unsigned b)
{
    if (a && b && a != b)
        buf_addf(out, "%sthe memory (%u MB, %u MB)", out->length ? ", " : "", a, b);
}

/* How often each event was called, and in how many rounds. */
struct mix {
    uint64_t *calls;
    uint64_t rounds;
};

static struct mix mix_of(const struct measurement *m, unsigned function)
{
    struct mix mix = {.calls = xcalloc(EVENTS_MAX, sizeof *mix.calls)};
    bool *seen = xcalloc(EVENTS_MAX, sizeof *seen);
    for (size_t i = 0; i < m->series.count; i++) {
        const struct sample *s = &m->series.items[i];
        if (!is_of(s, function, m->side))
            continue;
        mix.calls[s->event]++;
        mix.rounds += !seen[s->round];
        seen[s->round] = true;
    }
    free(seen);
    return mix;
}

/* A round has the same calls of each event in both: a mix is not compared with another one. */
static void differ_mix(struct buf *out, const struct measurement *a, const struct measurement *b,
                       const struct plan_function *f, unsigned function)
{
    struct mix x = mix_of(a, function), y = mix_of(b, function);
    for (size_t i = 0; i < EVENTS_MAX; i++) {
        if (x.calls[i] * y.rounds == y.calls[i] * x.rounds)
            continue;
        buf_addf(out, "%sthe calls of event %s in a round (%.4g, %.4g)", out->length ? ", " : "",
                 i < f->event_count ? f->events[i].name : "that is unknown",
                 (double)x.calls[i] / (double)x.rounds, (double)y.calls[i] / (double)y.rounds);
        break;
    }
    free(x.calls);
    free(y.calls);
}

int measurements_are_comparable(const struct measurement *a, const struct measurement *b,
                                const struct plan_function *f, unsigned function, struct error *e)
{
    const struct result_function *of_a = measurement_function(a, f->name);
    const struct result_function *of_b = measurement_function(b, f->name);
    struct buf text;
    buf_init(&text);
    if (a->run && b->run)
        differ_runs(&text, a->run, b->run);
    if (of_a && of_b) {
        differ_functions(&text, of_a, of_b);
        differ_memory(&text, of_a->memory_mb, of_b->memory_mb);
    } else {
        differ_memory(&text, memory_of(a, function), memory_of(b, function));
    }
    differ_mix(&text, a, b, f, function);
    int failed = text.length ? error_set(e, ERROR_INPUT,
                                         "'%s': %s cannot be compared with %s: they differ "
                                         "in %s",
                                         f->name, a->path, b->path, text.data)
                             : 0;
    buf_release(&text);
    return failed;
}
