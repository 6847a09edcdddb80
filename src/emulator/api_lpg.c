/* The unsigned operations of this tool: health, runtime, code. */
#include "emulator/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "emulator/code.h"
#include "emulator/uri.h"
#include "os/fs.h"

int api_health(struct api_request *r, struct fault *f)
{
    (void)f;
    const struct pool_shaping *shaping = pool_shaping(r->api->options.pool);
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "status", "ok");
    json_put_string(&w, "version", r->api->options.version);
    json_open_object(&w, "shaping");
    json_put_bool(&w, "cpu", shaping->cpu);
    json_put_bool(&w, "memory", shaping->memory);
    json_put_string(&w, "mechanism", shaping->mechanism);
    json_put_string(&w, "reason", *shaping->reason ? shaping->reason : NULL);
    json_close(&w);
    json_put_integer(&w, "pending", (int64_t)invoker_pending(r->api->options.invoker));
    json_close(&w);
    return 0;
}

/*
 * By name alone: these operations carry no signature, so there is no region unless ?region= gives
 * one.
 */
static const struct store_entry *find_anywhere(const struct api_request *r, const char *name)
{
    char region[AUTH_REGION_BYTES] = "";
    size_t count;
    struct store_entry *const *entries = store_entries(r->api->options.store, &count);
    (void)uri_query(r->http->query, "region", 0, region, sizeof region);
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i]->name, name) == 0 &&
            (!*region || strcmp(entries[i]->region, region) == 0))
            return entries[i];
    return NULL;
}

int api_runtime(struct api_request *r, struct fault *f)
{
    char name[NAME_MAX_BYTES + 1] = "";
    (void)uri_query(r->http->query, "function", 0, name, sizeof name);
    const struct store_entry *entry = find_anywhere(r, name);
    if (!entry)
        return fault_set(f, FAULT_NOT_FOUND, "Function not found: %s", name);
    struct buf label;
    struct error e;
    buf_init(&label);
    if (pool_runtime_label(r->api->options.pool, entry->latest, &label, &e)) {
        buf_release(&label);
        return fault_set(f, FAULT_SERVICE, "%s", e.text);
    }
    struct json_writer w;
    json_begin(&w, &r->out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "function", entry->name);
    json_put_string(&w, "runtime", entry->latest->runtime);
    json_put_string(&w, "label", label.data);
    json_close(&w);
    buf_release(&label);
    return 0;
}

static const struct function_code *code_if(const struct api_request *r, const struct function *f)
{
    char token[API_TOKEN_BYTES];
    api_code_token(r->api, f->code, token);
    return strlen(r->word) == sizeof token - 1 && hash_equal(token, r->word, sizeof token - 1)
               ? f->code
               : NULL;
}

static const struct function_code *find_code(const struct api_request *r)
{
    size_t count;
    struct store_entry *const *entries = store_entries(r->api->options.store, &count);
    const struct function_code *code = NULL;
    for (size_t i = 0; i < count && !code; i++) {
        code = code_if(r, entries[i]->latest);
        for (size_t v = 0; v < entries[i]->version_count && !code; v++)
            code = code_if(r, entries[i]->versions[v]);
    }
    return code;
}

int api_code(struct api_request *r, struct fault *f)
{
    const struct function_code *code = find_code(r);
    if (!code)
        return fault_set(f, FAULT_NOT_FOUND, "There is no package under this token.");
    struct error e;
    char *path = function_code_zip_path(code);
    int rc = fs_read(path, CODE_ZIP_MAX, &r->out, &e);
    free(path);
    if (rc)
        return fault_set(f, FAULT_SERVICE, "%s", e.text);
    const struct http_header headers[] = {{"x-amzn-RequestId", r->request_id},
                                          {"Content-Type", "application/zip"}};
    http_reply(r->x, 200, headers, ARRAY_LEN(headers), r->out.data, r->out.length);
    r->later = true;
    return 0;
}
