/* prices: shows what the tool charges with, and fetches the price list of AWS anew. */
#include "cmd/prices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/units.h"
#include "cmd/command.h"
#include "gate/price_offer.h"
#include "net/http_client.h"
#include "os/clock.h"
#include "os/fs.h"

enum { OFFER_MAX = 32 * 1024 * 1024, BOOK_MAX = 1024 * 1024 };
#define FETCH_TIMEOUT_NS (60 * NS_PER_S)

struct args {
    const char *from, *file;
    struct opt_list regions;
};

static const struct opt options[] = {
    {"region", 0, "NAME", OPT_LIST, offsetof(struct args, regions),
     "only this region (repeatable; default: all)"},
    {"from", 0, "URL|FILE", OPT_STRING, offsetof(struct args, from),
     "update: another host of the price list, or an offer file that was fetched by hand"},
    {"file", 0, "FILE", OPT_STRING, offsetof(struct args, file),
     "the prices to show or to write (default: lambda-perf-gate/prices.json in XDG_CONFIG_HOME or "
     "~/.config)"},
};

static const struct command_usage usage = {
    "lambda-perf-gate prices [update] [options]",
    "Shows what Lambda charges, as this tool reckons with it; 'prices update' fetches AWS's "
    "public\n"
    "price list, which needs no account. Every run then uses these prices, and says so.",
    options,
    sizeof options / sizeof options[0],
};

/* ---- the file ---- */

/* NULL where there is no home to put it. The caller frees. */
static char *default_file(void)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config)
        return fs_join(config, "lambda-perf-gate/prices.json");
    if (home && *home)
        return fs_join(home, ".config/lambda-perf-gate/prices.json");
    return NULL;
}

static int read_book(struct price_book *b, const char *path, struct error *e)
{
    struct buf text;
    buf_init(&text);
    int failed = fs_read(path, BOOK_MAX, &text, e) || price_book_read(b, text.data, text.length, e);
    if (failed)
        error_prefix(e, "%s", path);
    buf_release(&text);
    return failed ? -1 : 0;
}

struct price_book *prices_open(const char *file, struct error *e)
{
    struct price_book *b = price_book_new();
    char *path = file ? xstrdup(file) : default_file();
    int failed = path && (file || fs_exists(path)) ? read_book(b, path, e) : 0;
    free(path);
    if (!failed)
        return b;
    price_book_free(b);
    return NULL;
}

static int write_book(const struct price_book *b, const char *path, struct error *e)
{
    struct buf text;
    char *folder = fs_dirname(path);
    buf_init(&text);
    price_book_write(b, &text);
    int failed = fs_make_dirs(folder, e) || fs_write(path, text.data, text.length, e);
    buf_release(&text);
    free(folder);
    return failed ? -1 : 0;
}

/* ---- show ---- */

static bool selected(const struct opt_list *regions, const char *region)
{
    for (size_t i = 0; i < regions->count; i++)
        if (!strcmp(regions->items[i], region))
            return true;
    return !regions->count;
}

static void add_money(struct buf *out, int width, int64_t pico)
{
    size_t before = out->length;
    if (pico)
        units_add_usd_pico(out, pico);
    else
        buf_addstr(out, "none");
    size_t written = out->length - before;
    buf_fill(out, " ", written < (size_t)width ? (size_t)width - written : 1);
}

static int show(const struct args *args, struct error *e)
{
    const char *source;
    struct buf out;
    struct price_book *b = prices_open(args->file, e);
    if (!b)
        return -1;
    buf_init(&out);
    buf_addstr(&out,
               "region          x86 GB-s      arm GB-s      request     /tmp GB-s     from\n");
    for (size_t i = 0;; i++) {
        const struct price *p = price_book_at(b, i, &source);
        if (!p)
            break;
        if (!selected(&args->regions, p->region))
            continue;
        buf_addf(&out, "%-16s", p->region);
        add_money(&out, 14, p->gb_second_x86_pico);
        add_money(&out, 14, p->gb_second_arm_pico);
        add_money(&out, 12, p->request_pico);
        add_money(&out, 14, p->storage_gb_second_pico);
        buf_addf(&out, "%s\n", source);
    }
    price_book_free(b);
    int failed = command_print(out.data, out.length, e);
    buf_release(&out);
    return failed;
}

/* ---- update ---- */

struct update {
    const struct args *args;
    struct price_book *book;
    struct loop *loop;
    struct http_client *http;
    const char *host;
    unsigned done;
};

static int add_offer(struct update *u, const struct buf *text, const char *wanted, struct error *e)
{
    struct arena arena;
    struct price p;
    const char *published;
    arena_init(&arena);
    int failed = price_offer_read(text->data, text->length, &arena, &p, &published, e);
    if (!failed && wanted && strcmp(wanted, p.region) != 0)
        failed = error_set(e, ERROR_INPUT, "the price list is that of '%s'", p.region);
    if (!failed) {
        price_book_put(u->book, &p, published);
        printf("%s: price list of %s\n", p.region, published);
        u->done++;
    }
    arena_release(&arena);
    return failed;
}

static int fetch(struct update *u, const char *path, struct http_response *response,
                 struct error *e)
{
    char *url = xasprintf("%s%s", u->host, path);
    struct http_request request = {
        .method = "GET", .url = url, .timeout_ns = FETCH_TIMEOUT_NS, .body_cap = OFFER_MAX};
    int failed = http_client_call(u->http, &request, response, e);
    if (!failed && response->outcome != HTTP_ANSWERED)
        failed = error_set(e, ERROR_NETWORK, "%s: %s", url, response->reason);
    else if (!failed && response->status != 200)
        failed = error_set(e, ERROR_NETWORK, "%s: HTTP %d", url, response->status);
    free(url);
    return failed;
}

static int fetch_region(struct update *u, const char *region, const char *path, struct error *e)
{
    struct http_response response = {0};
    int failed = fetch(u, path, &response, e) || add_offer(u, &response.body, region, e);
    http_response_release(&response);
    return failed ? error_prefix(e, "%s", region) : 0;
}

/* A region that cannot be read (China's are in another currency) does not keep the rest away. */
static int fetch_listed(struct update *u, const struct json *regions, struct error *e)
{
    for (const struct json *r = json_first(regions); r; r = json_next(r)) {
        struct error failure = {0};
        const char *name = json_get_string(r, "regionCode", "");
        const char *path = json_get_string(r, "currentVersionUrl", "");
        if (command_signal)
            return error_set(e, ERROR_INTERRUPTED, "interrupted");
        if (!selected(&u->args->regions, name))
            continue;
        if (*path != '/')
            return error_set(e, ERROR_INPUT, "the list of regions has no file for '%s'", name);
        if (!fetch_region(u, name, path, &failure))
            continue;
        if (failure.code == ERROR_NETWORK || u->args->regions.count) {
            *e = failure;
            return -1;
        }
        fprintf(stderr, "warning: %s\n", failure.text);
    }
    return 0;
}

static int fetch_all(struct update *u, struct error *e)
{
    struct http_response response = {0};
    int failed = fetch(u, PRICE_OFFER_INDEX, &response, e);
    struct json *index = failed ? NULL : json_parse(response.body.data, response.body.length, e);
    failed = index ? fetch_listed(u, json_get(index, "regions"), e) : -1;
    json_free(index);
    http_response_release(&response);
    return failed;
}

static int fetch_from_host(struct update *u, const char *host, struct error *e)
{
    u->host = host;
    u->loop = loop_new(e);
    u->http = u->loop ? http_client_new(u->loop, &(struct http_client_options){0}, e) : NULL;
    struct loop_watch *signals = u->http ? command_watch_signals(u->loop) : NULL;
    int failed = u->http ? fetch_all(u, e) : -1;
    loop_watch_free(signals);
    http_client_free(u->http);
    loop_free(u->loop);
    return failed;
}

static int read_from_file(struct update *u, const char *path, struct error *e)
{
    struct buf text;
    buf_init(&text);
    int failed = fs_read(path, OFFER_MAX, &text, e) || add_offer(u, &text, NULL, e);
    buf_release(&text);
    return failed ? error_prefix(e, "%s", path) : 0;
}

/* The file is written when all that was asked for has come; else it stays as it was. */
static int update(const struct args *args, struct error *e)
{
    struct update u = {.args = args};
    const char *from = args->from ? args->from : PRICE_OFFER_HOST;
    char *path = args->file ? xstrdup(args->file) : default_file();
    if (!path)
        return error_set(e, ERROR_USAGE, "there is no HOME to keep the prices in: give --file");
    u.book = fs_exists(path) ? prices_open(path, e) : price_book_new();
    int failed = !u.book;
    if (!failed)
        failed = strstr(from, "://") ? fetch_from_host(&u, from, e) : read_from_file(&u, from, e);
    if (!failed && !u.done)
        failed = error_set(e, ERROR_USAGE, "the price list has none of the regions asked for");
    if (!failed)
        failed = write_book(u.book, path, e);
    if (!failed)
        printf("written to %s\n", path);
    price_book_free(u.book);
    free(path);
    return failed ? -1 : 0;
}

int command_prices(int argc, char **argv)
{
    struct args args = {0};
    struct opt_list words = {0};
    struct error e = {0};
    int code = command_options(&usage, argc, argv, &args, &words);
    if (code >= 0)
        return code;
    command_catch_signals();
    int failed;
    if (!words.count)
        failed = show(&args, &e);
    else if (words.count == 1 && !strcmp(words.items[0], "update"))
        failed = update(&args, &e);
    else
        failed = error_set(&e, ERROR_USAGE, "prices knows one word: update");
    code = failed ? command_fail(&e) : EXIT_PASS;
    return command_signal ? command_signal_exit() : code;
}
