#include "gate/price_book.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"

enum { DAY_LENGTH = 10 };

/* The keys of an entry that are money, and what of a price they fill. */
static const struct {
    const char *key;
    size_t offset;
    int64_t most_pico; /* more is a mistake of the file, not a price */
} money[] = {
    {"x86_gb_second_usd", offsetof(struct price, gb_second_x86_pico), PICO_PER_USD / 1000},
    {"arm_gb_second_usd", offsetof(struct price, gb_second_arm_pico), PICO_PER_USD / 1000},
    {"request_usd", offsetof(struct price, request_pico), PICO_PER_USD / 1000},
    {"storage_gb_second_usd", offsetof(struct price, storage_gb_second_pico), PICO_PER_USD / 1000},
};

struct entry {
    struct price price;
    const char *published, *source;
};

struct price_book {
    struct arena arena;
    struct entry *entries; /* fetched; sorted by region */
    size_t count, capacity;
};

static int64_t *money_of(struct price *p, size_t i)
{
    return (int64_t *)((char *)p + money[i].offset);
}

struct price_book *price_book_new(void)
{
    struct price_book *b = xcalloc(1, sizeof *b);
    arena_init(&b->arena);
    return b;
}

void price_book_free(struct price_book *b)
{
    if (!b)
        return;
    free(b->entries);
    arena_release(&b->arena);
    free(b);
}

/* Where the region is, or would be. */
static size_t position(const struct price_book *b, const char *region, bool *found)
{
    size_t i = 0;
    while (b && i < b->count && strcmp(b->entries[i].price.region, region) < 0)
        i++;
    *found = b && i < b->count && !strcmp(b->entries[i].price.region, region);
    return i;
}

void price_book_put(struct price_book *b, const struct price *p, const char *published)
{
    bool found;
    size_t at = position(b, p->region, &found);
    if (!found) {
        (void)ARRAY_PUSH(b->entries, b->count, b->capacity);
        memmove(b->entries + at + 1, b->entries + at, (b->count - 1 - at) * sizeof *b->entries);
    }
    struct entry *entry = &b->entries[at];
    entry->price = *p;
    entry->price.region = arena_strdup(&b->arena, p->region);
    entry->published = arena_strdup(&b->arena, published);
    entry->source = arena_printf(&b->arena, "AWS price list of %s", published);
}

/* ---- the file ---- */

static bool is_day(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    if (strlen(text) != DAY_LENGTH)
        return false;
    for (size_t i = 0; i < DAY_LENGTH; i++)
        if (shape[i] == '-' ? text[i] != '-' : text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

static int wrong(size_t index, const char *key, struct error *e)
{
    return error_set(e, ERROR_INPUT, "prices.%zu.%s is missing or not as it should be", index, key);
}

static int read_entry(const struct json *entry, size_t index, struct price *p, struct error *e)
{
    p->region = json_get_string(entry, "region", "");
    if (!text_is_region(p->region))
        return wrong(index, "region", e);
    if (!is_day(json_get_string(entry, "published", "")))
        return wrong(index, "published", e);
    for (size_t i = 0; i < ARRAY_LEN(money); i++) {
        int64_t *pico = money_of(p, i);
        if (!units_parse_usd_pico(json_get_string(entry, money[i].key, ""), pico) ||
            *pico > money[i].most_pico)
            return wrong(index, money[i].key, e);
    }
    return 0;
}

static int read_prices(struct price_book *b, const struct json *list, struct error *e)
{
    struct price p = {0};
    size_t index = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v))
        if (read_entry(v, index++, &p, e))
            return -1;
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        read_entry(v, 0, &p, NULL);
        price_book_put(b, &p, json_get_string(v, "published", ""));
    }
    return 0;
}

int price_book_read(struct price_book *b, const char *text, size_t length, struct error *e)
{
    struct json *root = json_parse(text, length, e);
    if (!root)
        return -1;
    const struct json *list = json_get(root, "prices");
    int failed;
    if (strcmp(json_get_string(root, "schema", ""), PRICE_BOOK_SCHEMA) != 0)
        failed = error_set(e, ERROR_INPUT, "this is no file of prices: \"schema\" is not \"%s\"",
                           PRICE_BOOK_SCHEMA);
    else if (json_type(list) != JSON_ARRAY)
        failed = error_set(e, ERROR_INPUT, "prices is missing or no list");
    else
        failed = read_prices(b, list, e);
    json_free(root);
    return failed;
}

static void put_money(struct json_writer *w, const char *key, int64_t pico)
{
    struct buf text;
    buf_init(&text);
    units_add_usd_pico(&text, pico);
    json_put_string(w, key, text.data);
    buf_release(&text);
}

void price_book_write(const struct price_book *b, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out, 2);
    json_open_object(&w, NULL);
    json_put_string(&w, "schema", PRICE_BOOK_SCHEMA);
    json_open_array(&w, "prices");
    for (size_t i = 0; i < b->count; i++) {
        struct price p = b->entries[i].price;
        json_open_object(&w, NULL);
        json_put_string(&w, "region", p.region);
        json_put_string(&w, "published", b->entries[i].published);
        for (size_t m = 0; m < ARRAY_LEN(money); m++)
            put_money(&w, money[m].key, *money_of(&p, m));
        json_close(&w);
    }
    json_close(&w);
    json_close(&w);
    buf_addch(out, '\n');
}

/* ---- looking up ---- */

static const struct price *give(const struct price *p, const char *from, const char **source)
{
    if (p && source)
        *source = from;
    return p;
}

const struct price *price_book_find(const struct price_book *b, const char *region,
                                    const char **source)
{
    bool found;
    if (!region)
        return NULL;
    size_t at = position(b, region, &found);
    if (found)
        return give(&b->entries[at].price, b->entries[at].source, source);
    return give(price_find(region), price_source, source);
}

const struct price *price_book_at(const struct price_book *b, size_t i, const char **source)
{
    size_t fetched = 0, builtin = 0, known = b ? b->count : 0;
    for (;; i--) {
        const struct price *ours = price_at(builtin);
        const struct price *theirs = fetched < known ? &b->entries[fetched].price : NULL;
        int order = !ours ? 1 : !theirs ? -1 : strcmp(ours->region, theirs->region);
        const struct price *p = order < 0 ? ours : theirs;
        if (!p || !i)
            return give(p, p == theirs && p ? b->entries[fetched].source : price_source, source);
        builtin += order <= 0;
        fetched += order >= 0;
    }
}
