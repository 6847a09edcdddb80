/* The pure parts of the REST client; tests/e2e/test_comment.py has the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "github/reply.h"
#include "github/rest.h"

#define API "https://api.github.com"

static void next_pages_are_on_the_same_host(void **state)
{
    (void)state;
    static const struct {
        const char *link, *path; /* NULL: leads elsewhere; "": none */
    } rows[] = {
        {"<" API "/x?page=2>; rel=\"next\"", "/x?page=2"},
        {"<" API "/x?page=1>; rel=\"prev\", <" API "/x?page=3>; rel=\"next\", <" API
         "/x?page=9>; rel=\"last\"",
         "/x?page=3"},
        {"<" API "/x?page=2>;rel=next", "/x?page=2"},
        {"<" API "/x?page=2>; title=\"a, b\"; rel=\"next\"", "/x?page=2"},
        {"<" API "/x?page=1>; rel=\"prev\"", ""},
        {"<https://evil.example/>; rel=\"prev\", <" API "/x>; rel=\"next\"", "/x"},
        {"", ""},
        {"<", ""},
        {"<" API "/x", ""},
        {"rel=\"next\"", ""},
        {"<https://evil.example/x>; rel=\"next\"", NULL},
        {"<" API ".evil.example/x>; rel=\"next\"", NULL},
        {"<" API "@evil.example/x>; rel=\"next\"", NULL},
        {"<" API ":8443/x>; rel=\"next\"", NULL},
        {"<" API ">; rel=\"next\"", NULL},
        {"<http://api.github.com/x>; rel=\"next\"", NULL},
        {"</x?page=2>; rel=\"next\"", NULL},
        {"<>; rel=\"next\"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf path;
        buf_init(&path);
        int found = reply_next_page(rows[i].link, API, &path);
        assert_int_equal(found, !rows[i].path ? -1 : *rows[i].path != '\0');
        assert_string_equal(path.data, rows[i].path ? rows[i].path : "");
        buf_release(&path);
    }
}

static void limits_are_told_from_refusals(void **state)
{
    (void)state;
    enum { NOW = 1000000 };
    static const struct {
        int status;
        const char *headers, *message;
        unsigned attempt;
        uint64_t seconds;
    } rows[] = {
        {200, "retry-after: 5\r\n", "", 1, 0},
        {500, "retry-after: 5\r\n", "", 1, 0},
        {403, "", "Must have admin rights to Repository.", 1, 0},
        {403, "x-ratelimit-remaining: 4999\r\n", "Resource not accessible by integration", 1, 0},
        {403, "x-ratelimit-remaining: 0\r\n", "Resource not accessible by integration", 1, 0},
        {429, "Retry-After: 5\r\n", "", 1, 5},
        {429, "Retry-After: 5\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1000900\r\n", "", 1,
         5},
        {403, "Retry-After: 0\r\n", "", 1, 1},
        {403, "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1000060\r\n", "", 1, 61},
        {403, "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 999000\r\n", "", 1, 1},
        {403, "x-ratelimit-remaining: 1\r\nx-ratelimit-reset: 1000060\r\n", "", 1, 0},
        {403, "", "You have exceeded a secondary rate limit", 1, 60},
        {403, "", "You have exceeded a secondary rate limit", 2, 120},
        {429, "", "", 3, 240},
        {429, "Retry-After: -1\r\n", "", 1, 60},
        {429, "Retry-After: 1e3\r\n", "", 1, 60},
        {429, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", "", 1, 60},
        {429, "Retry-After: 99999999999999999999\r\n", "", 1, 1000000000},
        {429, "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 99999999999999999999\r\n", "", 1, 60},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response r = {.outcome = HTTP_ANSWERED, .status = rows[i].status};
        buf_init(&r.body);
        buf_init(&r.headers);
        buf_addstr(&r.headers, rows[i].headers);
        uint64_t seconds = reply_limit_seconds(&r, rows[i].message, rows[i].attempt, NOW);
        if (seconds != rows[i].seconds)
            fail_msg("row %zu: %llu s", i, (unsigned long long)seconds);
        http_response_release(&r);
    }
}

static void repositories(void **state)
{
    (void)state;
    static const char *const good[] = {"a/b", "octo-org/.github", "A-1/x_y.z"};
    static const char *const bad[] = {"",       "a",          "a/",    "/b",    "a/b/c", "a//b",
                                      "../b",   "a/..",       "./b",   "a b/c", "a/b?c", "a/b#c",
                                      "a/b%2f", "a/\xc3\xa9", "a/b\n", "/a/b",  "a/b/"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(rest_is_repository(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(rest_is_repository(bad[i]));
}

/* Without a loop or a client: nothing is sent before the first call. */
static void clients_without_a_usable_token_or_host(void **state)
{
    (void)state;
    static const struct {
        const char *url, *token, *says;
    } rows[] = {
        {API, NULL, "missing"},
        {API, "", "missing"},
        {API, "a b", "malformed"},
        {API, "a\nb", "malformed"},
        {API, "t\xc3\xb6ken", "malformed"},
        {"http://api.github.com", "t", "https only"},
        {"api.github.com", "t", "neither"},
        {API "?x", "t", "has a query"},
        {API "#x", "t", "fragment"},
        {"https://t@api.github.com", "t", "user name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error e = {0};
        assert_null(
            rest_new(&(struct rest_options){.api_url = rows[i].url, .token = rows[i].token}, &e));
        assert_int_equal(e.code, ERROR_USAGE);
        assert_non_null(strstr(e.text, rows[i].says));
    }
    static const struct {
        const char *url, *kept;
    } urls[] = {{NULL, API},
                {"", API},
                {API "//", API},
                {"https://ghe.example/api/v3/", "https://ghe.example/api/v3"},
                {"http://127.0.0.1:1234", "http://127.0.0.1:1234"}};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct rest *r =
            rest_new(&(struct rest_options){.api_url = urls[i].url, .token = "t"}, NULL);
        assert_non_null(r);
        assert_string_equal(rest_api_url(r), urls[i].kept);
        rest_free(r);
    }
    rest_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_pages_are_on_the_same_host),
        cmocka_unit_test(limits_are_told_from_refusals),
        cmocka_unit_test(repositories),
        cmocka_unit_test(clients_without_a_usable_token_or_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
