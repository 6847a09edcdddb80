/*
 * api_internal.h - what the files behind api.h share: the request on its way, and the handlers of
 * the route table.
 *
 * A handler returns 0 with the answer's JSON in `out` (or `later` set, when it answers itself), or
 * -1 with a fault.
 */
#ifndef LPG_EMULATOR_API_INTERNAL_H
#define LPG_EMULATOR_API_INTERNAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/rng.h"
#include "emulator/api.h"
#include "emulator/name.h"

enum { API_UUID_BYTES = 37, API_TOKEN_BYTES = 33, API_SECRET_BYTES = 32, API_PAGE = 50 };

struct api {
    struct api_options options;
    struct auth auth;
    struct rng ids;
    unsigned char secret[API_SECRET_BYTES]; /* makes the tokens of Code.Location */
    unsigned next_code;
};

struct api_request {
    struct api *api;
    struct http_exchange *x;
    const struct http_parser *http;
    uint64_t wall_ns; /* when it arrived */
    char request_id[API_UUID_BYTES];
    char region[AUTH_REGION_BYTES];
    struct name name;                   /* of routes that have a function in their path */
    char word[QUALIFIER_MAX_BYTES + 1]; /* second variable part of the path: an alias, a token */
    struct json *body;
    struct buf out;
    int status;       /* the route's, unless the handler changes it */
    const char *type; /* Content-Type of `out` */
    bool later;       /* the handler has answered, or will */
};

typedef int api_handler_fn(struct api_request *r, struct fault *f);

/* api.c: helpers. */

/* A random UUID (version 4). */
void api_uuid(struct api *a, char out[API_UUID_BYTES]);
/* A fresh revision id and the request's time as "2026-11-23T21:30:00.123+0000". */
void api_stamp(struct api_request *r, struct store_stamp *stamp);
/* The entry that the path names, FAULT_NOT_FOUND without one. */
struct store_entry *api_entry(struct api_request *r, struct fault *f);
/* The snapshot that the path and ?Qualifier= name, and its entry. */
struct function *api_function(struct api_request *r, struct store_entry **entry, struct fault *f);
struct name_place api_place(const struct api_request *r);
/* FAULT_PRECONDITION unless the body's RevisionId is absent or this one. */
int api_check_revision(const struct api_request *r, const char *revision_id, struct fault *f);
/* Reads Marker and MaxItems: the range of positions of this page. */
int api_page(const struct api_request *r, size_t *first, size_t *count, struct fault *f);
/* Puts NextMarker when the page ended before `total`. */
void api_put_marker(struct json_writer *w, size_t next, size_t total);
/* Answers, with the request id and the content type added to `headers`. */
void api_reply(struct http_exchange *x, const char *request_id, int status,
               const struct http_header *headers, size_t count, const struct buf *body);
void api_reply_fault(struct http_exchange *x, const char *request_id, const struct fault *f);
/* The token under which /_lpg/code/ serves a package. */
void api_code_token(const struct api *a, const struct function_code *code,
                    char out[API_TOKEN_BYTES]);

/* A "Tags" map that `entry` (NULL: a new function) shall get. */
int api_check_tags(const struct json *tags, const struct store_entry *entry, struct fault *f);

/* api_function.c */
api_handler_fn api_create_function, api_get_function, api_get_configuration, api_update_code,
    api_update_configuration, api_publish_version, api_list_versions, api_list_functions,
    api_delete_function;
/* api_alias.c */
api_handler_fn api_create_alias, api_get_alias, api_update_alias, api_delete_alias,
    api_list_aliases;
/* api_account.c */
api_handler_fn api_tag, api_untag, api_list_tags, api_put_concurrency, api_get_concurrency,
    api_delete_concurrency, api_put_provisioned, api_get_provisioned, api_delete_provisioned,
    api_account_settings;
/* api_invoke.c */
api_handler_fn api_invoke, api_invoke_stream;
/* api_lpg.c */
api_handler_fn api_health, api_runtime, api_code;

#endif
