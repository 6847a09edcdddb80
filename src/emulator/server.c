#include "emulator/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "emulator/api.h"
#include "emulator/invoker.h"
#include "emulator/store.h"
#include "net/http_server.h"
#include "os/fs.h"

static const char DEFAULT_REGION[] = "us-east-1";
static const char DEFAULT_ACCOUNT[] = "000000000000";

struct emulator {
    struct arena strings;
    struct http_server *http;
    struct api *api;
    struct invoker *invoker;
    struct pool *pool;
    struct store *store;
    char *code_directory;
};

static void retire(void *context, const struct function *f)
{
    struct emulator *m = context;
    pool_retire(m->pool, f);
}

static int check_options(const struct emulator_options *o, struct error *e)
{
    bool keys = o->access_key && *o->access_key && o->secret_key && *o->secret_key;
    if (!keys && !o->no_verify)
        return error_set(e, ERROR_USAGE,
                         "the embedded Lambda needs an access key and a secret key, "
                         "or to be told not to verify signatures");
    if (o->account && (strlen(o->account) != 12 || strspn(o->account, "0123456789") != 12))
        return error_set(e, ERROR_USAGE, "'%s' is not an account id of 12 digits", o->account);
    if (!o->work_directory)
        return error_set(e, ERROR_USAGE, "the embedded Lambda needs a folder to work in");
    return 0;
}

static const char *copy(struct emulator *m, const char *text, const char *fallback)
{
    return arena_strdup(&m->strings, text ? text : fallback);
}

/* The options with strings that live as long as the emulator, and without gaps. */
static struct emulator_options own_options(struct emulator *m, const struct emulator_options *o)
{
    struct emulator_options own = *o;
    own.access_key = copy(m, o->access_key, "");
    own.secret_key = copy(m, o->secret_key, "");
    own.region = copy(m, o->region, DEFAULT_REGION);
    own.account = copy(m, o->account, DEFAULT_ACCOUNT);
    own.version = copy(m, o->version, "unknown");
    own.work_directory = copy(m, o->work_directory, NULL);
    return own;
}

static int start_pool(struct emulator *m, struct loop *loop, const struct emulator_options *o,
                      struct error *e)
{
    const struct pool_options options = {
        .work_directory = o->work_directory,
        .region = o->region,
        .account = o->account,
        .unshaped = o->unshaped,
        .log = o->log,
    };
    m->pool = pool_new(loop, &options, e);
    if (!m->pool)
        return -1;
    struct invoker_options invoker = {
        .loop = loop, .pool = m->pool, .store = m->store, .log = o->log};
    hash_random(&invoker.seed, sizeof invoker.seed);
    m->invoker = invoker_new(&invoker);
    return 0;
}

static int start_http(struct emulator *m, struct loop *loop, const struct emulator_options *o,
                      struct error *e)
{
    const struct api_options api = {
        .auth = {.access_key = o->access_key,
                 .secret_key = o->secret_key,
                 .default_region = o->region,
                 .no_verify = o->no_verify},
        .store = m->store,
        .pool = m->pool,
        .invoker = m->invoker,
        .account = o->account,
        .code_directory = m->code_directory,
        .version = o->version,
        .log = o->log,
    };
    m->api = api_new(&api);
    const struct http_server_options http = {
        .address = o->address,
        .port = o->port,
        .body_cap = API_BODY_MAX,
        .handler = api_handle,
        .context = m->api,
    };
    m->http = http_server_new(loop, &http, e);
    return m->http ? 0 : -1;
}

struct emulator *emulator_new(struct loop *loop, const struct emulator_options *options,
                              struct error *e)
{
    if (check_options(options, e))
        return NULL;
    struct emulator *m = xcalloc(1, sizeof *m);
    arena_init(&m->strings);
    const struct emulator_options own = own_options(m, options);
    m->store = store_new(retire, m);
    m->code_directory = fs_join(own.work_directory, "code");
    if (fs_make_dirs(m->code_directory, e) || start_pool(m, loop, &own, e) ||
        start_http(m, loop, &own, e)) {
        emulator_free(m);
        return NULL;
    }
    return m;
}

/* Clients first, then what runs for them, then what they made. */
void emulator_free(struct emulator *m)
{
    if (!m)
        return;
    http_server_free(m->http);
    if (m->invoker)
        invoker_stop(m->invoker);
    pool_free(m->pool);
    invoker_free(m->invoker);
    api_free(m->api);
    store_free(m->store);
    if (m->code_directory)
        (void)fs_remove_tree(m->code_directory, NULL);
    free(m->code_directory);
    arena_release(&m->strings);
    free(m);
}

uint16_t emulator_port(const struct emulator *m)
{
    return http_server_port(m->http);
}
