#include "emulator/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct store {
    store_retire_fn *retire;
    void *context;
    struct store_entry **entries; /* sorted by region, then name */
    size_t count, capacity;
};

struct store *store_new(store_retire_fn *retire, void *context)
{
    struct store *s = xcalloc(1, sizeof *s);
    s->retire = retire;
    s->context = context;
    return s;
}

static void free_alias(struct store_alias *a)
{
    free(a->name);
    free(a->description);
    free(a->version);
    free(a->other_version);
}

static void free_tag(struct store_tag *t)
{
    free(t->key);
    free(t->value);
}

static void free_provisioned(struct store_provisioned *p)
{
    free(p->qualifier);
    free(p->last_modified);
}

struct store_entry *store_ref(struct store_entry *entry)
{
    entry->references++;
    return entry;
}

void store_unref(struct store_entry *entry)
{
    if (!entry || --entry->references)
        return;
    for (size_t i = 0; i < entry->version_count; i++)
        function_unref(entry->versions[i]);
    for (size_t i = 0; i < entry->alias_count; i++)
        free_alias(&entry->aliases[i]);
    for (size_t i = 0; i < entry->tag_count; i++)
        free_tag(&entry->tags[i]);
    for (size_t i = 0; i < entry->provisioned_count; i++)
        free_provisioned(&entry->provisioned[i]);
    function_unref(entry->latest);
    free(entry->versions);
    free(entry->aliases);
    free(entry->tags);
    free(entry->provisioned);
    free(entry->region);
    free(entry->name);
    free(entry);
}

void store_free(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        store_unref(s->entries[i]);
    free(s->entries);
    free(s);
}

static void retire(struct store *s, const struct function *f)
{
    if (s->retire)
        s->retire(s->context, f);
}

/* Where an entry is, or where it would have to be. */
static size_t position(const struct store *s, const char *region, const char *name, bool *found)
{
    size_t low = 0, high = s->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct store_entry *entry = s->entries[middle];
        int order = strcmp(entry->region, region);
        if (order == 0)
            order = strcmp(entry->name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct store_entry *store_find(const struct store *s, const char *region, const char *name)
{
    bool found;
    size_t at = position(s, region, name, &found);
    return found ? s->entries[at] : NULL;
}

struct store_entry *const *store_entries(const struct store *s, size_t *count)
{
    *count = s->count;
    return s->entries;
}

struct store_entry *store_add(struct store *s, const char *region, struct function *latest,
                              struct fault *f)
{
    bool found;
    size_t at = position(s, region, latest->name, &found);
    if (found) {
        fault_set(f, FAULT_CONFLICT, "Function already exist: %s", latest->name);
        return NULL;
    }
    s->entries =
        array_reserve(s->entries, &s->capacity, s->count + 1, sizeof(struct store_entry *));
    memmove(s->entries + at + 1, s->entries + at, (s->count - at) * sizeof(struct store_entry *));
    struct store_entry *entry = xcalloc(1, sizeof *entry);
    entry->references = 1;
    entry->region = xstrdup(region);
    entry->name = xstrdup(latest->name);
    entry->latest = latest;
    entry->reserved = -1;
    s->entries[at] = entry;
    s->count++;
    return entry;
}

void store_remove(struct store *s, struct store_entry *entry)
{
    bool found;
    size_t at = position(s, entry->region, entry->name, &found);
    if (!found || s->entries[at] != entry)
        return;
    s->count--;
    memmove(s->entries + at, s->entries + at + 1, (s->count - at) * sizeof(struct store_entry *));
    entry->removed = true;
    retire(s, entry->latest);
    for (size_t i = 0; i < entry->version_count; i++)
        retire(s, entry->versions[i]);
    store_unref(entry);
}

void store_update(struct store *s, struct store_entry *entry, struct function *latest)
{
    struct function *old = entry->latest;
    entry->latest = latest;
    retire(s, old);
    function_unref(old);
}

struct function *store_publish(struct store_entry *entry, const char *description,
                               const struct store_stamp *stamp)
{
    if (entry->version_count) {
        struct function *newest = entry->versions[entry->version_count - 1];
        if (function_same(newest, entry->latest))
            return newest;
    }
    struct function *version = function_copy(entry->latest);
    char number[24];
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)++entry->last_version);
    function_set(&version->version, number);
    if (description)
        function_set(&version->description, description);
    function_set(&version->last_modified, stamp->date);
    memcpy(version->revision_id, stamp->revision_id, sizeof version->revision_id);
    struct function **slot =
        ARRAY_PUSH(entry->versions, entry->version_count, entry->version_capacity);
    *slot = version;
    return version;
}

struct function *store_version(const struct store_entry *entry, const char *version)
{
    if (strcmp(version, "$LATEST") == 0)
        return entry->latest;
    for (size_t i = 0; i < entry->version_count; i++)
        if (strcmp(entry->versions[i]->version, version) == 0)
            return entry->versions[i];
    return NULL;
}

static const struct store_alias *alias_of_version(const struct store_entry *entry,
                                                  const char *version)
{
    for (size_t i = 0; i < entry->alias_count; i++) {
        const struct store_alias *a = &entry->aliases[i];
        if (strcmp(a->version, version) == 0 ||
            (a->other_version && strcmp(a->other_version, version) == 0))
            return a;
    }
    return NULL;
}

int store_remove_version(struct store *s, struct store_entry *entry, const char *version,
                         struct fault *f)
{
    if (strcmp(version, "$LATEST") == 0)
        return fault_set(f, FAULT_PARAMETER,
                         "$LATEST version cannot be deleted without deleting the function.");
    const struct store_alias *alias = alias_of_version(entry, version);
    if (alias)
        return fault_set(f, FAULT_CONFLICT,
                         "Version %s cannot be deleted because the alias '%s' points to it.",
                         version, alias->name);
    for (size_t i = 0; i < entry->version_count; i++) {
        struct function *old = entry->versions[i];
        if (strcmp(old->version, version) != 0)
            continue;
        entry->version_count--;
        memmove(entry->versions + i, entry->versions + i + 1,
                (entry->version_count - i) * sizeof *entry->versions);
        store_remove_provisioned(entry, version);
        retire(s, old);
        function_unref(old);
        break;
    }
    return 0;
}

struct store_alias *store_alias(const struct store_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->alias_count; i++)
        if (strcmp(entry->aliases[i].name, name) == 0)
            return &entry->aliases[i];
    return NULL;
}

struct store_alias *store_add_alias(struct store_entry *entry, const char *name)
{
    (void)ARRAY_PUSH(entry->aliases, entry->alias_count, entry->alias_capacity);
    size_t at = entry->alias_count - 1;
    for (; at && strcmp(entry->aliases[at - 1].name, name) > 0; at--)
        entry->aliases[at] = entry->aliases[at - 1];
    entry->aliases[at] = (struct store_alias){.name = xstrdup(name)};
    return &entry->aliases[at];
}

void store_remove_alias(struct store_entry *entry, const char *name)
{
    struct store_alias *alias = store_alias(entry, name);
    if (!alias)
        return;
    size_t at = (size_t)(alias - entry->aliases);
    free_alias(alias);
    entry->alias_count--;
    memmove(alias, alias + 1, (entry->alias_count - at) * sizeof *alias);
    store_remove_provisioned(entry, name);
}

struct function *store_resolve(const struct store_entry *entry, const char *qualifier, double dice)
{
    if (!*qualifier)
        return entry->latest;
    struct function *version = store_version(entry, qualifier);
    if (version)
        return version;
    const struct store_alias *alias = store_alias(entry, qualifier);
    if (!alias)
        return NULL;
    bool other = alias->other_version && dice < alias->other_weight;
    return store_version(entry, other ? alias->other_version : alias->version);
}

static struct store_tag *find_tag(const struct store_entry *entry, const char *key)
{
    for (size_t i = 0; i < entry->tag_count; i++)
        if (strcmp(entry->tags[i].key, key) == 0)
            return &entry->tags[i];
    return NULL;
}

void store_tag(struct store_entry *entry, const char *key, const char *value)
{
    struct store_tag *tag = find_tag(entry, key);
    if (!tag) {
        tag = ARRAY_PUSH(entry->tags, entry->tag_count, entry->tag_capacity);
        tag->key = xstrdup(key);
    }
    function_set(&tag->value, value);
}

void store_untag(struct store_entry *entry, const char *key)
{
    struct store_tag *tag = find_tag(entry, key);
    if (!tag)
        return;
    free_tag(tag);
    entry->tag_count--;
    memmove(tag, tag + 1, (entry->tag_count - (size_t)(tag - entry->tags)) * sizeof *tag);
}

struct store_provisioned *store_provisioned(const struct store_entry *entry, const char *qualifier)
{
    for (size_t i = 0; i < entry->provisioned_count; i++)
        if (strcmp(entry->provisioned[i].qualifier, qualifier) == 0)
            return &entry->provisioned[i];
    return NULL;
}

struct store_provisioned *store_add_provisioned(struct store_entry *entry, const char *qualifier)
{
    struct store_provisioned *p =
        ARRAY_PUSH(entry->provisioned, entry->provisioned_count, entry->provisioned_capacity);
    p->qualifier = xstrdup(qualifier);
    return p;
}

bool store_remove_provisioned(struct store_entry *entry, const char *qualifier)
{
    struct store_provisioned *p = store_provisioned(entry, qualifier);
    if (!p)
        return false;
    size_t at = (size_t)(p - entry->provisioned);
    free_provisioned(p);
    entry->provisioned_count--;
    memmove(p, p + 1, (entry->provisioned_count - at) * sizeof *p);
    return true;
}

int64_t store_unreserved(const struct store *s, const char *region, const struct store_entry *but)
{
    int64_t left = STORE_CONCURRENCY;
    for (size_t i = 0; i < s->count; i++) {
        const struct store_entry *entry = s->entries[i];
        if (entry != but && entry->reserved > 0 && strcmp(entry->region, region) == 0)
            left -= entry->reserved;
    }
    return left;
}
