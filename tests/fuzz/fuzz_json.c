/*
 * Whatever the reader accepts must print as JSON that it accepts again, with the same text; and
 * asking a value for anything must be safe.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void visit(const struct json *value, unsigned depth)
{
    require(depth <= JSON_DEPTH_MAX);
    require(json_type(value) != JSON_MISSING);
    json_number(value, 0);
    json_integer(value, 0);
    json_string(value, "");
    json_path(value, "a.0.b");
    size_t count = 0;
    for (const struct json *v = json_first(value); v; v = json_next(v), count++) {
        if (json_type(value) == JSON_OBJECT)
            require(json_get(value, json_key(v)) == v); /* no key twice */
        visit(v, depth + 1);
    }
    require(count == json_count(value));
}

static void check_quoting(const char *text, size_t size)
{
    struct buf quoted;
    buf_init(&quoted);
    json_quote(&quoted, text, size);
    struct json *value = json_parse(quoted.data, quoted.length, NULL);
    require(json_type(value) == JSON_STRING);
    json_free(value);
    buf_release(&quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct error e = {0};
    check_quoting(text, size);
    struct json *value = json_parse(text, size, &e);
    if (!value) {
        require(e.code == ERROR_INPUT && e.text[0]);
        return 0;
    }
    visit(value, 0);
    struct buf first, second;
    buf_init(&first);
    buf_init(&second);
    json_print(value, &first);
    struct json *again = json_parse(first.data, first.length, NULL);
    require(again != NULL);
    json_print(again, &second);
    require(first.length == second.length && strcmp(first.data, second.data) == 0);
    buf_release(&first);
    buf_release(&second);
    json_free(again);
    json_free(value);
    return 0;
}
