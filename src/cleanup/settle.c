#include "cleanup/settle.h"

#include <stdlib.h>

#include "base/mem.h"
#include "os/clock.h"

enum { AT_ONCE = 8 };
#define BUDGET_NS (60 * NS_PER_S)
/*
 * Lambda answers CreateFunction within a few seconds of reading it; a request whose sender died may
 * be read a moment later.
 */
#define PATIENCE_NS (10 * NS_PER_S)

uint64_t settle_patience_ns(uint64_t intent_ns)
{
    return intent_ns + PATIENCE_NS;
}

struct settling {
    struct journal *journal;
    const struct settle_options *options;
};

static void on_settled(void *context, const struct removal_item *item)
{
    struct settling *s = context;
    if (item->outcome == REMOVAL_DONE || item->outcome == REMOVAL_ABSENT)
        journal_note_removed(s->journal, item->name, NULL);
    if (s->options->told)
        s->options->told(s->options->context, item);
}

static struct removal_item *open_items(const struct journal *j, size_t *count)
{
    const struct journal_content *c = &j->content;
    struct removal_item *items = xcalloc(c->count + 1, sizeof *items);
    *count = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct journal_entry *entry = &c->entries[i];
        if (entry->step == JOURNAL_REMOVED)
            continue;
        items[(*count)++] = (struct removal_item){
            .name = entry->name,
            .run = entry->run,
            .account = entry->account,
            .patient_until_ns =
                entry->step == JOURNAL_INTENT ? settle_patience_ns(entry->intent_ns) : 0,
        };
    }
    return items;
}

size_t settle_journal(struct lambda *l, struct journal *j, const struct settle_options *o)
{
    size_t count;
    struct settling s = {j, o};
    struct removal_options options = {.at_once = AT_ONCE,
                                      .budget_ns = BUDGET_NS,
                                      .signals = o->signals,
                                      .settled = on_settled,
                                      .context = &s};
    struct removal_item *items = open_items(j, &count);
    if (!o->dry_run)
        removal_run(l, items, count, &options);
    for (size_t i = 0; o->dry_run && o->told && i < count; i++)
        o->told(o->context, &items[i]);
    free(items);
    return journal_open_entries(&j->content);
}
