/* Functions, versions, aliases and what goes with them, and when a snapshot is retired. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "emulator/store.h"

static const struct store_stamp stamp = {.revision_id = "r", .date = "d"};

/* Versions of the snapshots that were retired, in order. */
static void note_retired(void *context, const struct function *f)
{
    buf_addf(context, "%s:%s ", f->name, f->version);
}

struct fixture {
    struct store *store;
    struct buf retired;
};

static int setup(void **state)
{
    struct fixture *x = xcalloc(1, sizeof *x);
    buf_init(&x->retired);
    x->store = store_new(note_retired, &x->retired);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    store_free(x->store);
    buf_release(&x->retired);
    free(x);
    return 0;
}

static struct function *snapshot(const char *name, unsigned memory_mb)
{
    struct function *f = function_new();
    function_set(&f->name, name);
    function_set(&f->version, "$LATEST");
    function_set(&f->arn, "arn:x");
    function_set(&f->description, "latest");
    f->memory_mb = memory_mb;
    return f;
}

static struct store_entry *add(struct fixture *x, const char *region, const char *name)
{
    struct fault f;
    struct store_entry *entry = store_add(x->store, region, snapshot(name, 128), &f);
    assert_non_null(entry);
    return entry;
}

static void keeps_entries_sorted_and_apart_by_region(void **state)
{
    struct fixture *x = *state;
    add(x, "b", "two");
    add(x, "b", "one");
    add(x, "a", "two");
    struct fault f;
    struct function *again = snapshot("one", 1);
    assert_null(store_add(x->store, "b", again, &f));
    assert_int_equal(f.kind, FAULT_CONFLICT);
    function_unref(again);
    size_t count;
    struct store_entry *const *all = store_entries(x->store, &count);
    assert_int_equal(count, 3);
    assert_string_equal(all[0]->region, "a");
    assert_string_equal(all[1]->name, "one");
    assert_string_equal(all[2]->name, "two");
    assert_ptr_equal(store_find(x->store, "b", "two"), all[2]);
    assert_null(store_find(x->store, "a", "one"));
}

static void update_retires_the_old_snapshot(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = add(x, "r", "f");
    struct function *held = function_ref(entry->latest);
    store_update(x->store, entry, snapshot("f", 256));
    assert_string_equal(x->retired.data, "f:$LATEST ");
    assert_int_equal(entry->latest->memory_mb, 256);
    assert_int_equal(held->memory_mb, 128); /* a busy environment still has it */
    function_unref(held);
}

static void publishing_the_same_twice_is_one_version(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = add(x, "r", "f");
    struct function *one = store_publish(entry, "first", &stamp);
    assert_string_equal(one->version, "1");
    assert_string_equal(one->description, "first");
    assert_string_equal(entry->latest->description, "latest");
    assert_ptr_equal(store_publish(entry, NULL, &stamp), one);
    store_update(x->store, entry, snapshot("f", 256));
    struct function *two = store_publish(entry, NULL, &stamp);
    assert_string_equal(two->version, "2");
    assert_string_equal(two->description, "latest");
    assert_int_equal(one->memory_mb, 128);
}

static void version_numbers_are_never_used_again(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = add(x, "r", "f");
    struct fault f;
    store_publish(entry, NULL, &stamp);
    assert_int_equal(store_remove_version(x->store, entry, "1", &f), 0);
    assert_string_equal(x->retired.data, "f:1 ");
    assert_string_equal(store_publish(entry, NULL, &stamp)->version, "2");
    assert_int_equal(store_remove_version(x->store, entry, "7", &f), 0);
    assert_int_equal(store_remove_version(x->store, entry, "$LATEST", &f), -1);
    assert_int_equal(f.kind, FAULT_PARAMETER);
}

static void alias_holds_its_version(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = add(x, "r", "f");
    struct fault f;
    store_publish(entry, NULL, &stamp);
    store_update(x->store, entry, snapshot("f", 256));
    store_publish(entry, NULL, &stamp);
    struct store_alias *live = store_add_alias(entry, "live");
    function_set(&live->version, "1");
    function_set(&live->other_version, "2");
    live->other_weight = 0.25;
    assert_int_equal(store_remove_version(x->store, entry, "1", &f), -1);
    assert_int_equal(f.kind, FAULT_CONFLICT);
    assert_int_equal(store_remove_version(x->store, entry, "2", &f), -1);
    assert_string_equal(store_resolve(entry, "live", 0.24)->version, "2");
    assert_string_equal(store_resolve(entry, "live", 0.25)->version, "1");
    store_remove_alias(entry, "live");
    assert_null(store_resolve(entry, "live", 0.5));
    assert_int_equal(store_remove_version(x->store, entry, "1", &f), 0);
}

static void resolves_qualifiers(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = add(x, "r", "f");
    store_publish(entry, NULL, &stamp);
    assert_ptr_equal(store_resolve(entry, "", 0), entry->latest);
    assert_ptr_equal(store_resolve(entry, "$LATEST", 0), entry->latest);
    assert_ptr_equal(store_resolve(entry, "1", 0), entry->versions[0]);
    assert_null(store_resolve(entry, "2", 0));
}

static void aliases_are_sorted(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = add(x, "r", "f");
    static const char *const names[] = {"m", "z", "a", "k"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        store_add_alias(entry, names[i]);
    char order[8] = "";
    for (size_t i = 0; i < entry->alias_count; i++)
        order[i] = entry->aliases[i].name[0];
    assert_string_equal(order, "akmz");
}

static void removing_retires_everything(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = store_ref(add(x, "r", "f"));
    store_publish(entry, NULL, &stamp);
    store_remove(x->store, entry);
    assert_string_equal(x->retired.data, "f:$LATEST f:1 ");
    assert_null(store_find(x->store, "r", "f"));
    assert_true(entry->removed); /* an invocation under way still has it */
    add(x, "r", "f");
    store_unref(entry);
}

static void tags_are_set_and_removed(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = add(x, "r", "f");
    store_tag(entry, "a", "1");
    store_tag(entry, "b", "2");
    store_tag(entry, "a", "3");
    assert_int_equal(entry->tag_count, 2);
    assert_string_equal(entry->tags[0].value, "3");
    store_untag(entry, "a");
    store_untag(entry, "unknown");
    assert_int_equal(entry->tag_count, 1);
    assert_string_equal(entry->tags[0].key, "b");
}

static void reservations_count_by_region(void **state)
{
    struct fixture *x = *state;
    struct store_entry *one = add(x, "r", "one");
    add(x, "r", "two")->reserved = 100;
    add(x, "other", "three")->reserved = 50;
    one->reserved = 200;
    assert_int_equal(store_unreserved(x->store, "r", NULL), 700);
    assert_int_equal(store_unreserved(x->store, "r", one), 900);
    assert_int_equal(store_unreserved(x->store, "nowhere", NULL), STORE_CONCURRENCY);
}

static void provisioned_goes_with_its_qualifier(void **state)
{
    struct fixture *x = *state;
    struct store_entry *entry = add(x, "r", "f");
    struct fault f;
    store_publish(entry, NULL, &stamp);
    store_add_provisioned(entry, "1")->count = 3;
    assert_int_equal(store_provisioned(entry, "1")->count, 3);
    assert_int_equal(store_remove_version(x->store, entry, "1", &f), 0);
    assert_null(store_provisioned(entry, "1"));
    assert_false(store_remove_provisioned(entry, "1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_entries_sorted_and_apart_by_region),
        TEST(update_retires_the_old_snapshot),
        TEST(publishing_the_same_twice_is_one_version),
        TEST(version_numbers_are_never_used_again),
        TEST(alias_holds_its_version),
        TEST(resolves_qualifiers),
        TEST(aliases_are_sorted),
        TEST(removing_retires_everything),
        TEST(tags_are_set_and_removed),
        TEST(reservations_count_by_region),
        TEST(provisioned_goes_with_its_qualifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
