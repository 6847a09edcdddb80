/* The operations on aliases. */
#include "emulator/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "emulator/document.h"
#include "emulator/settings.h"
#include "emulator/uri.h"

enum { ALIAS_MAX = 128, DESCRIPTION_MAX = 256, VERSION_MAX = 20 };

static const char NAME_CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* What a body says about an alias; NULL: nothing. */
struct wish {
    const char *version;
    const char *description;
    const char *other_version; /* "" removes it */
    double other_weight;
};

static void answer_alias(struct api_request *r, const struct store_entry *entry,
                         const struct store_alias *alias)
{
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    document_alias(&w, NULL, entry, alias);
}

static struct store_alias *find_alias(struct api_request *r, const struct store_entry *entry,
                                      struct fault *f)
{
    struct store_alias *alias = store_alias(entry, r->word);
    if (!alias)
        fault_set(f, FAULT_NOT_FOUND, "Cannot find alias arn: %s:%s", entry->latest->arn, r->word);
    return alias;
}

static int check_version(const struct store_entry *entry, const char *version, struct fault *f)
{
    if (store_version(entry, version))
        return 0;
    return fault_set(f, FAULT_NOT_FOUND, "Function not found: %s:%.40s", entry->latest->arn,
                     version);
}

static int read_routing(const struct json *body, const struct store_entry *entry, struct wish *wish,
                        struct fault *f)
{
    const struct json *routing = json_get(body, "RoutingConfig");
    if (json_type(routing) <= JSON_NULL)
        return 0;
    const struct json *weights = json_get(routing, "AdditionalVersionWeights");
    wish->other_version = "";
    if (!json_count(weights))
        return 0;
    const struct json *weight = json_first(weights);
    wish->other_version = json_key(weight);
    wish->other_weight = json_number(weight, -1);
    if (json_type(weights) != JSON_OBJECT || json_count(weights) > 1 ||
        !(wish->other_weight >= 0 && wish->other_weight <= 1))
        return fault_set(f, FAULT_PARAMETER,
                         "An alias takes one additional version, with a weight from 0 to 1.");
    if (strcmp(wish->other_version, "$LATEST") == 0 ||
        (wish->version && strcmp(wish->version, "$LATEST") == 0))
        return fault_set(f, FAULT_PARAMETER,
                         "$LATEST is not supported for an alias pointing to more "
                         "than 1 version");
    return check_version(entry, wish->other_version, f);
}

static int read_wish(struct api_request *r, const struct store_entry *entry, struct wish *wish,
                     struct fault *f)
{
    if (settings_text(r->body, "FunctionVersion", 1, VERSION_MAX, &wish->version, f) ||
        settings_text(r->body, "Description", 0, DESCRIPTION_MAX, &wish->description, f))
        return -1;
    if (wish->version && check_version(entry, wish->version, f))
        return -1;
    return read_routing(r->body, entry, wish, f);
}

static void apply_wish(struct api_request *r, struct store_alias *alias, const struct wish *wish)
{
    struct store_stamp stamp;
    api_stamp(r, &stamp);
    memcpy(alias->revision_id, stamp.revision_id, sizeof alias->revision_id);
    if (wish->version)
        function_set(&alias->version, wish->version);
    if (wish->description)
        function_set(&alias->description, wish->description);
    if (wish->other_version) {
        function_set(&alias->other_version, *wish->other_version ? wish->other_version : NULL);
        alias->other_weight = wish->other_weight;
    }
}

/* Letters, digits, '-' and '_', but not digits alone: those are versions. */
static int check_name(const char *name, struct fault *f)
{
    size_t length = strlen(name);
    if (length && length <= ALIAS_MAX && strspn(name, NAME_CHARS) == length &&
        strspn(name, "0123456789") < length)
        return 0;
    return fault_set(
        f, FAULT_VALIDATION,
        "1 validation error detected: Value '%.200s' at 'name' failed to satisfy constraint: "
        "Member must be letters, digits, '-' and '_', not digits alone",
        name);
}

int api_create_alias(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = api_entry(r, f);
    const char *name = json_get_string(r->body, "Name", "");
    struct wish wish = {.description = ""};
    if (!entry || check_name(name, f) || read_wish(r, entry, &wish, f))
        return -1;
    if (!wish.version)
        return fault_set(
            f, FAULT_VALIDATION,
            "1 validation error detected: Value null at 'functionVersion' failed to satisfy "
            "constraint: Member must not be null");
    if (store_alias(entry, name))
        return fault_set(f, FAULT_CONFLICT, "Alias already exists: %s:%s", entry->latest->arn,
                         name);
    struct store_alias *alias = store_add_alias(entry, name);
    apply_wish(r, alias, &wish);
    answer_alias(r, entry, alias);
    return 0;
}

int api_get_alias(struct api_request *r, struct fault *f)
{
    const struct store_entry *entry = api_entry(r, f);
    const struct store_alias *alias = entry ? find_alias(r, entry, f) : NULL;
    if (!alias)
        return -1;
    answer_alias(r, entry, alias);
    return 0;
}

/* Provisioned environments follow the alias to its new version. */
static void move_provisioned(struct api_request *r, const struct store_entry *entry,
                             const struct store_alias *alias, struct function *from)
{
    const struct store_provisioned *p = store_provisioned(entry, alias->name);
    struct function *to = store_version(entry, alias->version);
    if (!p || !to || to == from)
        return;
    pool_provision(r->api->options.pool, to, p->count);
    if (from)
        pool_provision(r->api->options.pool, from, 0);
}

int api_update_alias(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = api_entry(r, f);
    struct store_alias *alias = entry ? find_alias(r, entry, f) : NULL;
    struct wish wish = {0};
    if (!alias || api_check_revision(r, alias->revision_id, f))
        return -1;
    wish.version = alias->version; /* for the check of the weights */
    if (read_wish(r, entry, &wish, f))
        return -1;
    struct function *from = store_version(entry, alias->version);
    if (wish.version == alias->version)
        wish.version = NULL;
    apply_wish(r, alias, &wish);
    move_provisioned(r, entry, alias, from);
    answer_alias(r, entry, alias);
    return 0;
}

int api_delete_alias(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = api_entry(r, f);
    if (!entry)
        return -1;
    const struct store_alias *alias = store_alias(entry, r->word);
    struct function *version = alias ? store_version(entry, alias->version) : NULL;
    if (version && store_provisioned(entry, alias->name))
        pool_provision(r->api->options.pool, version, 0);
    store_remove_alias(entry, r->word); /* one that is not there is no error, as in Lambda */
    return 0;
}

int api_list_aliases(struct api_request *r, struct fault *f)
{
    const struct store_entry *entry = api_entry(r, f);
    size_t first, count;
    char version[VERSION_MAX + 1] = "";
    if (!entry || api_page(r, &first, &count, f))
        return -1;
    (void)uri_query(r->http->query, "FunctionVersion", 0, version, sizeof version);
    struct json_writer w;
    size_t i = first, shown = 0;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    json_open_array(&w, "Aliases");
    for (; i < entry->alias_count && shown < count; i++) {
        const struct store_alias *alias = &entry->aliases[i];
        if (*version && strcmp(version, alias->version) != 0)
            continue;
        document_alias(&w, NULL, entry, alias);
        shown++;
    }
    json_close(&w);
    api_put_marker(&w, i, entry->alias_count);
    json_close(&w);
    return 0;
}
