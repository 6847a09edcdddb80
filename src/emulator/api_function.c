/* The operations on functions and their versions. */
#include "emulator/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "emulator/code.h"
#include "emulator/document.h"
#include "emulator/settings.h"
#include "emulator/uri.h"

static void answer_configuration(struct api_request *r, const struct function *function,
                                 const char *qualifier)
{
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    document_configuration(&w, NULL, function, qualifier);
}

static void stamp_function(struct api_request *r, struct function *function)
{
    struct store_stamp stamp;
    api_stamp(r, &stamp);
    function_set(&function->last_modified, stamp.date);
    memcpy(function->revision_id, stamp.revision_id, sizeof function->revision_id);
}

/* Publishes when the body asks for it, and answers with the version or with $LATEST. */
static void publish_and_answer(struct api_request *r, struct store_entry *entry)
{
    if (!json_get_bool(r->body, "Publish", false)) {
        answer_configuration(r, entry->latest, "");
        return;
    }
    struct store_stamp stamp;
    api_stamp(r, &stamp);
    const struct function *version = store_publish(entry, NULL, &stamp);
    answer_configuration(r, version, version->version);
}

/*
 * Unpacks the package in `holder`, which is the body's "Code" or, for UpdateFunctionCode, the body.
 */
static struct function_code *read_code(struct api_request *r, const struct json *holder,
                                       struct fault *f)
{
    const char *text = json_get_string(holder, "ZipFile", NULL);
    if (!text) {
        fault_set(f, FAULT_PARAMETER,
                  json_get(holder, "S3Bucket") || json_get(holder, "S3Key")
                      ? "The embedded Lambda does not support code in S3; pass it as ZipFile."
                  : json_get(holder, "ImageUri")
                      ? "The embedded Lambda does not support container images."
                      : "Please provide a source for function code.");
        return NULL;
    }
    struct buf zip;
    struct error e;
    struct function_code *code = NULL;
    buf_init(&zip);
    if (base64_decode(&zip, text, strlen(text), &e))
        fault_set(f, FAULT_SERIALIZATION, "ZipFile: %s", e.text);
    else
        code = code_unpack(r->api->options.code_directory, r->api->next_code++, zip.data,
                           zip.length, f);
    buf_release(&zip);
    return code;
}

/* A function that this machine cannot run is refused when it is made, not when it is called. */
static int check_runtime(struct api_request *r, const struct function *function, struct fault *f)
{
    struct buf label;
    struct error e;
    buf_init(&label);
    int rc = pool_runtime_label(r->api->options.pool, function, &label, &e);
    buf_release(&label);
    return rc ? fault_set(f, FAULT_PARAMETER, "The runtime '%s' cannot be used here: %s",
                          function->runtime, e.text)
              : 0;
}

static struct function *new_function(struct api_request *r, struct fault *f)
{
    const struct name_place place = api_place(r);
    const struct json *tags = json_get(r->body, "Tags");
    const char *text = json_get_string(r->body, "FunctionName", "");
    char arn[NAME_ARN_BYTES];
    if (name_parse(text, &place, &r->name, f))
        return NULL;
    if (json_type(tags) > JSON_NULL && api_check_tags(tags, NULL, f))
        return NULL;
    name_arn(&place, r->name.function, arn);
    struct function *function = function_new();
    function_set(&function->name, r->name.function);
    function_set(&function->arn, arn);
    function_set(&function->version, "$LATEST");
    stamp_function(r, function);
    if (settings_create(function, r->body, f) == 0)
        function->code = read_code(r, json_get(r->body, "Code"), f);
    if (!function->code || check_runtime(r, function, f)) {
        function_unref(function);
        return NULL;
    }
    return function;
}

int api_create_function(struct api_request *r, struct fault *f)
{
    const struct name_place place = api_place(r);
    struct name name;
    struct store *store = r->api->options.store;
    /* Before the package is unpacked: a name that is taken is found out cheaply. */
    if (name_parse(json_get_string(r->body, "FunctionName", ""), &place, &name, f))
        return -1;
    if (store_find(store, r->region, name.function))
        return fault_set(f, FAULT_CONFLICT, "Function already exist: %s", name.function);
    struct function *function = new_function(r, f);
    if (!function)
        return -1;
    struct store_entry *entry = store_add(store, r->region, function, f);
    const struct json *tags = json_get(r->body, "Tags");
    for (const struct json *tag = json_first(tags); tag; tag = json_next(tag))
        store_tag(entry, json_key(tag), json_string(tag, ""));
    publish_and_answer(r, entry);
    return 0;
}

static void put_code_location(struct api_request *r, struct json_writer *w,
                              const struct function *function)
{
    char token[API_TOKEN_BYTES];
    const char *host = http_parser_header(r->http, "host");
    api_code_token(r->api, function->code, token);
    char *url = xasprintf("http://%s/_lpg/code/%s", host ? host : "127.0.0.1", token);
    json_open_object(w, "Code");
    json_put_string(w, "RepositoryType", "S3");
    json_put_string(w, "Location", url);
    json_close(w);
    free(url);
}

int api_get_function(struct api_request *r, struct fault *f)
{
    struct store_entry *entry;
    const struct function *function = api_function(r, &entry, f);
    if (!function)
        return -1;
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    document_configuration(&w, "Configuration", function, r->name.qualifier);
    put_code_location(r, &w, function);
    if (entry->tag_count)
        document_tags(&w, "Tags", entry);
    if (entry->reserved >= 0) {
        json_open_object(&w, "Concurrency");
        json_put_integer(&w, "ReservedConcurrentExecutions", entry->reserved);
        json_close(&w);
    }
    json_close(&w);
    return 0;
}

int api_get_configuration(struct api_request *r, struct fault *f)
{
    struct store_entry *entry;
    const struct function *function = api_function(r, &entry, f);
    if (!function)
        return -1;
    answer_configuration(r, function, r->name.qualifier);
    return 0;
}

/* The entry whose $LATEST the request changes. */
static struct store_entry *entry_to_change(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = api_entry(r, f);
    if (!entry || api_check_revision(r, entry->latest->revision_id, f))
        return NULL;
    return entry;
}

int api_update_code(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = entry_to_change(r, f);
    if (!entry)
        return -1;
    struct function *next = function_copy(entry->latest);
    if (settings_architecture(next, r->body, f)) {
        function_unref(next);
        return -1;
    }
    struct function_code *code = read_code(r, r->body, f);
    if (!code) {
        function_unref(next);
        return -1;
    }
    function_code_unref(next->code);
    next->code = code;
    if (check_runtime(r, next, f)) {
        function_unref(next);
        return -1;
    }
    stamp_function(r, next);
    if (json_get_bool(r->body, "DryRun", false)) {
        answer_configuration(r, next, "");
        function_unref(next);
        return 0;
    }
    store_update(r->api->options.store, entry, next);
    publish_and_answer(r, entry);
    return 0;
}

int api_update_configuration(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = entry_to_change(r, f);
    if (!entry)
        return -1;
    struct function *next = function_copy(entry->latest);
    if (settings_update(next, r->body, f) || check_runtime(r, next, f)) {
        function_unref(next);
        return -1;
    }
    stamp_function(r, next);
    store_update(r->api->options.store, entry, next);
    answer_configuration(r, next, "");
    return 0;
}

int api_publish_version(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = entry_to_change(r, f);
    const char *description = NULL;
    if (!entry || settings_text(r->body, "Description", 0, 256, &description, f))
        return -1;
    const char *sha256 = json_get_string(r->body, "CodeSha256", NULL);
    if (sha256 && *sha256 && strcmp(sha256, entry->latest->code->sha256) != 0)
        return fault_set(f, FAULT_PARAMETER,
                         "CodeSHA256 (%.60s) is different from current CodeSHA256 in $LATEST (%s). "
                         "Please try again with the CodeSHA256 in $LATEST.",
                         sha256, entry->latest->code->sha256);
    struct store_stamp stamp;
    api_stamp(r, &stamp);
    const struct function *version =
        store_publish(entry, description && *description ? description : NULL, &stamp);
    answer_configuration(r, version, version->version);
    return 0;
}

int api_list_versions(struct api_request *r, struct fault *f)
{
    const struct store_entry *entry = api_entry(r, f);
    size_t first, count;
    if (!entry || api_page(r, &first, &count, f))
        return -1;
    struct json_writer w;
    size_t total = entry->version_count + 1, i = first;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    json_open_array(&w, "Versions");
    for (; i < total && i - first < count; i++) {
        const struct function *version = i ? entry->versions[i - 1] : entry->latest;
        document_configuration(&w, NULL, version, version->version);
    }
    json_close(&w);
    api_put_marker(&w, i, total);
    json_close(&w);
    return 0;
}

/* The position-th snapshot of the region's list; NULL behind the end. */
static const struct function *listed(const struct api_request *r, bool all, size_t position,
                                     bool *is_version)
{
    size_t count;
    struct store_entry *const *entries = store_entries(r->api->options.store, &count);
    for (size_t i = 0; i < count; i++) {
        const struct store_entry *entry = entries[i];
        if (strcmp(entry->region, r->region) != 0)
            continue;
        size_t size = all ? entry->version_count + 1 : 1;
        if (position < size) {
            *is_version = all;
            return position ? entry->versions[position - 1] : entry->latest;
        }
        position -= size;
    }
    return NULL;
}

int api_list_functions(struct api_request *r, struct fault *f)
{
    char which[16] = "";
    size_t first, count;
    if (api_page(r, &first, &count, f))
        return -1;
    (void)uri_query(r->http->query, "FunctionVersion", 0, which, sizeof which);
    if (*which && strcmp(which, "ALL") != 0)
        return fault_set(
            f, FAULT_VALIDATION,
            "1 validation error detected: Value '%s' at 'functionVersion' failed to satisfy "
            "constraint: Member must satisfy enum value set: [ALL]",
            which);
    struct json_writer w;
    bool all = *which, with_version = false;
    size_t i = first;
    const struct function *function;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    json_open_array(&w, "Functions");
    while (i - first < count && (function = listed(r, all, i, &with_version)) != NULL) {
        document_configuration(&w, NULL, function, with_version ? function->version : "");
        i++;
    }
    json_close(&w);
    api_put_marker(&w, i, listed(r, all, i, &with_version) ? SIZE_MAX : 0);
    json_close(&w);
    return 0;
}

int api_delete_function(struct api_request *r, struct fault *f)
{
    struct store_entry *entry = api_entry(r, f);
    if (!entry)
        return -1;
    buf_addstr(&r->out, "{}");
    if (!*r->name.qualifier) {
        store_remove(r->api->options.store, entry);
        return 0;
    }
    if (store_alias(entry, r->name.qualifier))
        return fault_set(f, FAULT_PARAMETER,
                         "Deletion of aliases is not currently supported with DeleteFunction.");
    return store_remove_version(r->api->options.store, entry, r->name.qualifier, f);
}
