/*
 * store.h - what the embedded Lambda knows: functions, their versions and aliases, tags and
 * concurrency settings.
 *
 * Memory only; it ends with the process. An entry belongs to a region and holds immutable snapshots
 * (function.h): an update puts a new snapshot in the place of $LATEST, a published version is a
 * copy of it. Whenever a snapshot goes out of service the store says so through `retire`, so that
 * its execution environments end.
 *
 * Revision ids and dates come from the caller: the store reads no clock and makes no random
 * numbers.
 */
#ifndef LPG_EMULATOR_STORE_H
#define LPG_EMULATOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/fault.h"
#include "sandbox/function.h"

enum {
    STORE_CONCURRENCY = 1000,     /* of the account, per region */
    STORE_UNRESERVED_LEAST = 100, /* what reservations must leave */
    STORE_TAGS_MAX = 50,
};

struct store_alias {
    char *name;
    char *description;
    char *version;       /* "$LATEST" or "1", "2", ... */
    char *other_version; /* gets `other_weight` of the invocations; NULL: none */
    double other_weight; /* 0 to 1 */
    char revision_id[37];
};

struct store_tag {
    char *key, *value;
};

struct store_provisioned {
    char *qualifier; /* a version or an alias */
    char *last_modified;
    unsigned count;
};

struct store_entry {
    unsigned references; /* the store's, and one for each invocation under way or queued */
    bool removed;
    char *region;
    char *name;
    struct function *latest;
    struct function **versions; /* ascending */
    size_t version_count, version_capacity;
    uint64_t last_version;       /* number of the newest version ever published */
    struct store_alias *aliases; /* sorted by name */
    size_t alias_count, alias_capacity;
    struct store_tag *tags;
    size_t tag_count, tag_capacity;
    struct store_provisioned *provisioned;
    size_t provisioned_count, provisioned_capacity;
    int64_t reserved; /* concurrent executions; -1: not reserved */
    unsigned running; /* invocations under way, kept by the invoker */
};

/* What goes with each change of $LATEST, a version or an alias. */
struct store_stamp {
    char revision_id[37];
    char date[32];
};

struct store;
typedef void store_retire_fn(void *context, const struct function *f);

struct store *store_new(store_retire_fn *retire, void *context);
/* Retires nothing: the pool is gone by then. */
void store_free(struct store *s);

/* NULL when there is none of that name. */
struct store_entry *store_find(const struct store *s, const char *region, const char *name);
/* All entries, sorted by region, then name; valid until the next change. */
struct store_entry *const *store_entries(const struct store *s, size_t *count);
struct store_entry *store_ref(struct store_entry *entry);
void store_unref(struct store_entry *entry);

/*
 * Adds a function whose $LATEST is `latest` (the reference is taken over). FAULT_CONFLICT when the
 * name is taken.
 */
struct store_entry *store_add(struct store *s, const char *region, struct function *latest,
                              struct fault *f);
void store_remove(struct store *s, struct store_entry *entry);
/* Puts a snapshot (the reference is taken over) in the place of $LATEST. */
void store_update(struct store *s, struct store_entry *entry, struct function *latest);

/*
 * Publishes $LATEST as the next version; when nothing changed since the newest version, that one is
 * given instead. `description` NULL: $LATEST's. The version belongs to the entry.
 */
struct function *store_publish(struct store_entry *entry, const char *description,
                               const struct store_stamp *stamp);
/* $LATEST or a published version; NULL when there is none. */
struct function *store_version(const struct store_entry *entry, const char *version);
/*
 * FAULT_CONFLICT while an alias points to it, FAULT_PARAMETER for $LATEST; an unknown one is no
 * error.
 */
int store_remove_version(struct store *s, struct store_entry *entry, const char *version,
                         struct fault *f);

struct store_alias *store_alias(const struct store_entry *entry, const char *name);
/* Makes an empty alias at its sorted place; the caller has checked that it is new. */
struct store_alias *store_add_alias(struct store_entry *entry, const char *name);
void store_remove_alias(struct store_entry *entry, const char *name);

/*
 * The snapshot behind a qualifier: "" and "$LATEST", a version or an alias. `dice` in [0, 1)
 * chooses between the two versions of a weighted alias. NULL when there is none.
 */
struct function *store_resolve(const struct store_entry *entry, const char *qualifier, double dice);

/* Sets one tag; the caller has checked the number of tags. */
void store_tag(struct store_entry *entry, const char *key, const char *value);
void store_untag(struct store_entry *entry, const char *key);

struct store_provisioned *store_provisioned(const struct store_entry *entry, const char *qualifier);
struct store_provisioned *store_add_provisioned(struct store_entry *entry, const char *qualifier);
/* False when there was none. */
bool store_remove_provisioned(struct store_entry *entry, const char *qualifier);

/*
 * What is left of the region's concurrency for functions without a reservation; `but` is not
 * counted (may be NULL).
 */
int64_t store_unreserved(const struct store *s, const char *region, const struct store_entry *but);

#endif
