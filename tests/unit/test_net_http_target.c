#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/http_target.h"

struct good_case {
    const char *url, *host, *path, *query;
    bool https, loopback, metadata;
};

static const struct good_case GOOD[] = {
    {"https://example.com", "example.com", "/", "", true, false, false},
    {"https://example.com/", "example.com", "/", "", true, false, false},
    {"https://example.com?q", "example.com", "/", "q", true, false, false},
    {"https://example.com/?", "example.com", "/", "", true, false, false},
    {"https://example.com/a/../b?x=?/&y", "example.com", "/a/../b", "x=?/&y", true, false, false},
    {"https://example.com:443/", "example.com", "/", "", true, false, false},
    {"https://example.com:0443/", "example.com", "/", "", true, false, false},
    {"https://example.com:80/", "example.com:80", "/", "", true, false, false},
    {"http://127.0.0.1:80/", "127.0.0.1", "/", "", false, true, false},
    {"http://127.0.0.1:443/", "127.0.0.1:443", "/", "", false, true, false},
    {"http://127.9.8.7:65535/", "127.9.8.7:65535", "/", "", false, true, false},
    {"http://LocalHost:3000/x", "LocalHost:3000", "/x", "", false, true, false},
    {"http://[::1]:3000/x", "[::1]:3000", "/x", "", false, true, false},
    {"http://[0:0:0:0:0:0:0:1]/", "[::1]", "/", "", false, true, false},
    {"https://[2001:DB8::1]/", "[2001:db8::1]", "/", "", true, false, false},
    {"http://169.254.169.254/latest", "169.254.169.254", "/latest", "", false, false, true},
    {"http://169.254.170.2/v2?a", "169.254.170.2", "/v2", "a", false, false, true},
    {"http://[fd00:ec2::254]/", "[fd00:ec2::254]", "/", "", false, false, true},
    {"http://127.0.0.1.example.com/", "127.0.0.1.example.com", "/", "", false, false, false},
    {"http://128.0.0.1/", "128.0.0.1", "/", "", false, false, false},
    {"http://127.1/", "127.1", "/", "", false, false, false},
    {"http://localhost./", "localhost.", "/", "", false, false, false},
    {"http://[::ffff:127.0.0.1]/", "[::ffff:127.0.0.1]", "/", "", false, false, false},
    {"http://169.254.169.253/", "169.254.169.253", "/", "", false, false, false},
};

static void test_good(void **state)
{
    (void)state;
    struct http_target t;
    http_target_init(&t);
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        const struct good_case *c = &GOOD[i];
        struct error e = {0};
        http_target_read(&t, c->url, &e);
        assert_string_equal(e.text, "");
        assert_string_equal(t.host, c->host);
        assert_string_equal(t.path, c->path);
        assert_string_equal(t.query, c->query);
        assert_int_equal(t.https, c->https);
        assert_int_equal(t.loopback, c->loopback);
        assert_int_equal(t.metadata, c->metadata);
    }
    http_target_release(&t);
}

static const char *const BAD[] = {
    "",
    "example.com",
    "HTTP://127.0.0.1/",
    "httpx://127.0.0.1/",
    "https:/example.com/",
    "https://",
    "https:///path",
    "https://?q",
    "https://:443/",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://example.com@evil.example/",
    "https://example.com\\@evil.example/",
    "https://exa mple.com/",
    "https://ex%61mple.com/",
    "https://ex\xc3\xa4mple.com/",
    "https://example.com/\x7f",
    "https://example.com/\t",
    "https://example.com/#",
    "https://example.com:/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:99999999999999999999/",
    "https://example.com:-1/",
    "https://example.com:80:80/",
    "https://[::1",
    "https://[::1/",
    "https://[]/",
    "https://[::1]x/",
    "https://[::1%25lo]/",
    "https://[127.0.0.1]/",
    "https://::1/",
};

static void test_bad(void **state)
{
    (void)state;
    struct http_target t;
    http_target_init(&t);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct error e = {0};
        if (http_target_read(&t, BAD[i], &e) != -1)
            fail_msg("accepted: %s", BAD[i]);
        assert_int_equal(e.code, ERROR_USAGE);
        assert_memory_equal(e.text, "the URL ", 8);
    }
    assert_string_equal(t.path, "/"); /* untouched */
    http_target_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
