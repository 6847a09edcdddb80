/* The operations on tags, concurrency and the account. */
#include "emulator/api_internal.h"

#include <string.h>

#include "emulator/code.h"
#include "emulator/document.h"
#include "emulator/settings.h"
#include "emulator/uri.h"

enum { TAG_KEY_MAX = 128, TAG_VALUE_MAX = 256 };

/* https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
static const int64_t CODE_STORAGE_BYTES = INT64_C(300) << 30;

static bool has_tag(const struct store_entry *entry, const char *key)
{
    for (size_t i = 0; entry && i < entry->tag_count; i++)
        if (strcmp(entry->tags[i].key, key) == 0)
            return true;
    return false;
}

int api_check_tags(const struct json *tags, const struct store_entry *entry, struct fault *f)
{
    size_t total = entry ? entry->tag_count : 0;
    if (json_type(tags) != JSON_OBJECT)
        return fault_set(f, FAULT_SERIALIZATION, "'Tags' must be a map of strings");
    for (const struct json *tag = json_first(tags); tag; tag = json_next(tag)) {
        const char *name = json_key(tag);
        if (json_type(tag) != JSON_STRING)
            return fault_set(f, FAULT_SERIALIZATION, "'Tags' must be a map of strings");
        if (!*name || strlen(name) > TAG_KEY_MAX || strlen(json_string(tag, "")) > TAG_VALUE_MAX)
            return fault_set(f, FAULT_PARAMETER,
                             "A tag has a key of 1 to %d and a value of at most %d characters.",
                             TAG_KEY_MAX, TAG_VALUE_MAX);
        if (strncmp(name, "aws:", 4) == 0)
            return fault_set(f, FAULT_PARAMETER, "Tag keys must not begin with 'aws:'.");
        total += !has_tag(entry, name);
    }
    if (total > STORE_TAGS_MAX)
        return fault_set(f, FAULT_PARAMETER, "A function has at most %d tags.", STORE_TAGS_MAX);
    return 0;
}

/* Tags belong to the function, never to a version. */
static struct store_entry *tagged_entry(struct api_request *r, struct fault *f)
{
    if (*r->name.qualifier) {
        fault_set(f, FAULT_PARAMETER,
                  "Tags on function aliases and versions are not supported. Please "
                  "specify either a function ARN.");
        return NULL;
    }
    return api_entry(r, f);
}

int api_tag(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = tagged_entry(r, f);
    const struct json *tags = json_get(r->body, "Tags");
    if (!entry || api_check_tags(tags, entry, f))
        return -1;
    for (const struct json *tag = json_first(tags); tag; tag = json_next(tag))
        store_tag(entry, json_key(tag), json_string(tag, ""));
    return 0;
}

int api_untag(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = tagged_entry(r, f);
    char key[TAG_KEY_MAX * 4 + 1];
    if (!entry)
        return -1;
    for (size_t i = 0; uri_query(r->http->query, "tagKeys", i, key, sizeof key); i++)
        store_untag(entry, key);
    return 0;
}

int api_list_tags(struct api_request *r, struct fault *f)
{
    const struct store_entry *entry = tagged_entry(r, f);
    if (!entry)
        return -1;
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    document_tags(&w, "Tags", entry);
    json_close(&w);
    return 0;
}

static void answer_concurrency(struct api_request *r, const struct store_entry *entry)
{
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    if (entry->reserved >= 0)
        json_put_integer(&w, "ReservedConcurrentExecutions", entry->reserved);
    json_close(&w);
}

int api_put_concurrency(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = api_entry(r, f);
    int64_t wanted = -1;
    if (!entry || settings_count(r->body, "ReservedConcurrentExecutions", 0, INT32_MAX, &wanted, f))
        return -1;
    if (wanted < 0)
        return fault_set(
            f, FAULT_VALIDATION,
            "1 validation error detected: Value null at 'reservedConcurrentExecutions' "
            "failed to satisfy constraint: Member must not be null");
    if (store_unreserved(r->api->options.store, r->region, entry) - wanted < STORE_UNRESERVED_LEAST)
        return fault_set(f, FAULT_PARAMETER,
                         "Specified ReservedConcurrentExecutions for function decreases account's "
                         "UnreservedConcurrentExecution below its minimum value of [%d].",
                         STORE_UNRESERVED_LEAST);
    entry->reserved = wanted;
    answer_concurrency(r, entry);
    return 0;
}

int api_get_concurrency(struct api_request *r, struct fault *f)
{
    const struct store_entry *entry = api_entry(r, f);
    if (!entry)
        return -1;
    answer_concurrency(r, entry);
    return 0;
}

int api_delete_concurrency(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = api_entry(r, f);
    if (!entry)
        return -1;
    entry->reserved = -1;
    return 0;
}

/* The published version behind ?Qualifier=, which provisioned concurrency needs. */
static struct function *provisioned_version(struct api_request *r, struct store_entry **entry,
                                            struct fault *f)
{
    struct function *function = api_function(r, entry, f);
    if (function && function != (*entry)->latest)
        return function;
    if (function)
        fault_set(f, FAULT_PARAMETER,
                  "Provisioned Concurrency Configs cannot be applied to unpublished function "
                  "versions.");
    return NULL;
}

static void answer_provisioned(struct api_request *r, const struct store_entry *entry,
                               const struct store_provisioned *p)
{
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    document_provisioned(&w, NULL, entry, p, false);
}

int api_put_provisioned(struct api_request *r, struct fault *f)
{
    struct store_entry *entry;
    struct function *function = provisioned_version(r, &entry, f);
    int64_t wanted = 0;
    if (!function)
        return -1;
    if (settings_count(r->body, "ProvisionedConcurrentExecutions", 1, STORE_CONCURRENCY, &wanted,
                       f))
        return -1;
    if (!wanted)
        return fault_set(
            f, FAULT_VALIDATION,
            "1 validation error detected: Value null at 'provisionedConcurrentExecutions' "
            "failed to satisfy constraint: Member must not be null");
    if (entry->reserved >= 0 && wanted > entry->reserved)
        return fault_set(f, FAULT_PARAMETER,
                         "Requested Provisioned Concurrency should not be greater than the "
                         "reservedConcurrentExecution for function");
    struct store_stamp stamp;
    struct store_provisioned *p = store_provisioned(entry, r->name.qualifier);
    if (!p)
        p = store_add_provisioned(entry, r->name.qualifier);
    api_stamp(r, &stamp);
    p->count = (unsigned)wanted;
    function_set(&p->last_modified, stamp.date);
    pool_provision(r->api->options.pool, function, p->count);
    answer_provisioned(r, entry, p);
    return 0;
}

static int list_provisioned(struct api_request *r, struct fault *f)
{
    const struct store_entry *entry = api_entry(r, f);
    if (!entry)
        return -1;
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    json_open_array(&w, "ProvisionedConcurrencyConfigs");
    for (size_t i = 0; i < entry->provisioned_count; i++)
        document_provisioned(&w, NULL, entry, &entry->provisioned[i], true);
    json_close(&w);
    json_close(&w);
    return 0;
}

int api_get_provisioned(struct api_request *r, struct fault *f)
{
    char list[8];
    struct store_entry *entry;
    if (uri_query(r->http->query, "List", 0, list, sizeof list))
        return list_provisioned(r, f);
    if (!provisioned_version(r, &entry, f))
        return -1;
    const struct store_provisioned *p = store_provisioned(entry, r->name.qualifier);
    if (!p)
        return fault_set(f, FAULT_PROVISIONED_NOT_FOUND,
                         "No Provisioned Concurrency Config found for this function");
    answer_provisioned(r, entry, p);
    return 0;
}

int api_delete_provisioned(struct api_request *r, struct fault *f)
{
    struct store_entry *entry;
    struct function *function = provisioned_version(r, &entry, f);
    if (!function)
        return -1;
    if (store_remove_provisioned(entry, r->name.qualifier))
        pool_provision(r->api->options.pool, function, 0);
    return 0;
}

int api_account_settings(struct api_request *r, struct fault *f)
{
    (void)f;
    size_t count;
    int64_t bytes = 0, functions = 0;
    struct store_entry *const *entries = store_entries(r->api->options.store, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i]->region, r->region) != 0)
            continue;
        functions++;
        bytes += (int64_t)entries[i]->latest->code->zip_bytes;
        for (size_t v = 0; v < entries[i]->version_count; v++)
            bytes += (int64_t)entries[i]->versions[v]->code->zip_bytes;
    }
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    json_open_object(&w, "AccountLimit");
    json_put_integer(&w, "TotalCodeSize", CODE_STORAGE_BYTES);
    json_put_integer(&w, "CodeSizeUnzipped", CODE_UNZIPPED_MAX);
    json_put_integer(&w, "CodeSizeZipped", CODE_ZIP_MAX);
    json_put_integer(&w, "ConcurrentExecutions", STORE_CONCURRENCY);
    json_put_integer(&w, "UnreservedConcurrentExecutions",
                     store_unreserved(r->api->options.store, r->region, NULL));
    json_close(&w);
    json_open_object(&w, "AccountUsage");
    json_put_integer(&w, "TotalCodeSize", bytes);
    json_put_integer(&w, "FunctionCount", functions);
    json_close(&w);
    json_close(&w);
    return 0;
}
