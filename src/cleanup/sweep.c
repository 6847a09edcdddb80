#include "cleanup/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/inventory.h"
#include "base/mem.h"
#include "os/clock.h"

/* Calls that change functions share 15 a second with everybody else in the account. */
enum { AT_ONCE = 4, PAGES_MAX = 100000 };
#define BUDGET_NS (60 * NS_PER_S)

struct names {
    char **items;
    size_t count, capacity;
};

struct sweep {
    struct lambda *lambda;
    const struct sweep_options *options;
    struct sweep_counts *counts;
    struct names listed; /* everything */
    struct names expired;
};

static void names_take(struct names *n, char *name)
{
    char **slot = ARRAY_PUSH(n->items, n->count, n->capacity);
    *slot = name;
}

static void names_release(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i]);
    free(n->items);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts them and drops what is there twice: a list that changes while it is read repeats itself. */
static void names_unique(struct names *n)
{
    size_t kept = 0;
    if (n->count)
        qsort(n->items, n->count, sizeof *n->items, compare_names);
    for (size_t i = 0; i < n->count; i++) {
        if (kept && !strcmp(n->items[kept - 1], n->items[i]))
            free(n->items[i]);
        else
            n->items[kept++] = n->items[i];
    }
    n->count = kept;
}

/* ---- listing ---- */

static int list_all(struct sweep *s, struct error *e)
{
    char *marker = NULL;
    int failed = 0;
    for (unsigned page_number = 0; !failed; page_number++) {
        struct inventory_page page;
        failed = inventory_list(s->lambda, marker, &page, e);
        for (size_t i = 0; !failed && i < page.count; i++)
            names_take(&s->listed, xstrdup(page.names[i]));
        bool last = !failed && !page.next;
        bool stuck = !failed && page.next && marker && !strcmp(page.next, marker);
        free(marker);
        marker = !failed && page.next ? xstrdup(page.next) : NULL;
        if (!failed)
            inventory_page_release(&page);
        if (last)
            break;
        if (stuck || page_number == PAGES_MAX)
            failed = error_set(e, ERROR_API, "ListFunctions: the list does not end");
    }
    free(marker);
    names_unique(&s->listed);
    s->counts->listed = s->listed.count;
    return failed;
}

/* ---- judging ---- */

static void tell(const struct sweep *s, const struct removal_item *item, enum ours ours)
{
    if (s->options->told)
        s->options->told(s->options->context, item, ours);
}

static void keep(struct sweep *s, const char *name, enum ours ours, const char *why)
{
    struct removal_item item = {.name = name, .run = "", .outcome = REMOVAL_KEPT, .seen = true};
    snprintf(item.reason, sizeof item.reason, "%s", why);
    *(ours == OURS_LIVE ? &s->counts->live : &s->counts->doubtful) += 1;
    tell(s, &item, ours);
}

/* -1 when its tags could not be asked for. */
static int look_at(struct sweep *s, const char *name, struct error *e)
{
    struct http_response response;
    struct temporary_tags tags;
    const char *why = NULL;
    if (inventory_look(s->lambda, name, &response, e)) {
        keep(s, name, OURS_DOUBTFUL, e->text);
        return -1;
    }
    bool there = response.status == 200;
    bool tagged = there && inventory_read_tags(&response, &tags);
    http_response_release(&response);
    if (!there)
        return 0;
    enum ours ours = ours_judge(name, tagged ? &tags : NULL, &s->options->rule, &why);
    if (ours != OURS_EXPIRED) {
        keep(s, name, ours, why);
        return 0;
    }
    s->counts->expired++;
    names_take(&s->expired, xstrdup(name));
    return 0;
}

static int look_at_all(struct sweep *s, struct error *e)
{
    char run[TEMPORARY_RUN_BYTES];
    int failed = 0;
    for (size_t i = 0; i < s->listed.count; i++) {
        struct error its = {0};
        if (!temporary_name_run(s->listed.items[i], run) || !look_at(s, s->listed.items[i], &its))
            continue;
        failed = -1;
        if (e)
            *e = its;
        if (its.code == ERROR_INTERRUPTED)
            break;
    }
    return failed;
}

/* ---- removing ---- */

static void on_settled(void *context, const struct removal_item *item)
{
    struct sweep *s = context;
    s->counts->removed += item->outcome == REMOVAL_DONE || item->outcome == REMOVAL_ABSENT;
    tell(s, item, OURS_EXPIRED);
}

static void remove_expired(struct sweep *s)
{
    struct removal_options options = {.at_once = AT_ONCE,
                                      .budget_ns = BUDGET_NS,
                                      .signals = s->options->signals,
                                      .settled = on_settled,
                                      .context = s};
    struct removal_item *items = xcalloc(s->expired.count + 1, sizeof *items);
    for (size_t i = 0; i < s->expired.count; i++)
        items[i] = (struct removal_item){
            .name = s->expired.items[i], .run = "", .account = "", .seen = true};
    if (s->options->dry_run)
        for (size_t i = 0; i < s->expired.count; i++)
            tell(s, &items[i], OURS_EXPIRED);
    else
        removal_run(s->lambda, items, s->expired.count, &options);
    free(items);
}

int sweep_run(struct lambda *l, const struct sweep_options *o, struct sweep_counts *counts,
              struct error *e)
{
    struct sweep s = {.lambda = l, .options = o, .counts = counts};
    *counts = (struct sweep_counts){0};
    int failed = list_all(&s, e);
    bool interrupted = o->signals && *o->signals;
    if (!interrupted && look_at_all(&s, failed ? NULL : e))
        failed = -1;
    interrupted = o->signals && *o->signals;
    if (!interrupted)
        remove_expired(&s);
    names_release(&s.listed);
    names_release(&s.expired);
    return failed;
}
