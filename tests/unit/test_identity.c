/*
 * Renewal, with a container's agent of a few lines in the same loop; endpoints and regions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "identity/sources.h" /* to make keys due for renewal without waiting */
#include "net/http_server.h"
#include "os/clock.h"
#include "os/fs.h"

static const char *const variables[] = {
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ACCESS_KEY_ID",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
};

struct agent {
    struct loop *loop;
    struct http_server *server;
    struct log log;
    struct error e;
    unsigned asked, warnings;
    int status;
    int lives_s; /* of the keys that it gives */
    char warning[512];
    char folder[64];
};

static void serve(void *context, struct http_exchange *x)
{
    struct agent *a = context;
    char expires[CLOCK_STAMP_BYTES], body[256];
    clock_stamp_iso(clock_wall_ns() + (uint64_t)((int64_t)NS_PER_S * a->lives_s), expires);
    int length = snprintf(body, sizeof body,
                          "{\"AccessKeyId\":\"AKID%u\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                          "\"Expiration\":\"%s\"}",
                          ++a->asked, expires);
    http_reply(x, a->status, NULL, 0, body, (size_t)length);
}

static void note(struct log *log, enum log_level level, const char *text)
{
    struct agent *a = (struct agent *)(void *)((char *)log - offsetof(struct agent, log));
    a->warnings += level == LOG_WARNING;
    snprintf(a->warning, sizeof a->warning, "%s", text);
}

static void write_config(struct agent *a, const char *text)
{
    char *path = fs_join(a->folder, "config");
    assert_int_equal(fs_write(path, text, strlen(text), &a->e), 0);
    free(path);
}

static int begin(void **state)
{
    struct agent *a = xcalloc(1, sizeof *a);
    char url[64];
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        unsetenv(variables[i]);
    char *folder = fs_make_temp_dir("lpg-identity-", &a->e);
    assert_non_null(folder);
    snprintf(a->folder, sizeof a->folder, "%s", folder);
    free(folder);
    a->loop = loop_new(&a->e);
    a->log = (struct log){note, LOG_WARNING};
    a->status = 200;
    struct http_server_options o = {.handler = serve, .context = a};
    a->server = http_server_new(a->loop, &o, &a->e);
    assert_non_null(a->server);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", http_server_port(a->server));
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    char *config = fs_join(a->folder, "config"), *credentials = fs_join(a->folder, "credentials");
    setenv("AWS_CONFIG_FILE", config, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", credentials, 1);
    free(config);
    free(credentials);
    *state = a;
    return 0;
}

static int end(void **state)
{
    struct agent *a = *state;
    http_server_free(a->server);
    loop_free(a->loop);
    fs_remove_tree(a->folder, NULL);
    free(a);
    return 0;
}

static struct identity *identity(struct agent *a, const char *profile, const char *region)
{
    struct identity_options o = {.profile = profile, .region = region, .log = &a->log};
    struct identity *id = identity_new(a->loop, &o, &a->e);
    if (!id)
        fail_msg("%s", a->e.text);
    return id;
}

static void keys_that_live_are_asked_for_once(void **state)
{
    struct agent *a = *state;
    struct sigv4_credentials c;
    a->lives_s = 3600;
    struct identity *id = identity(a, NULL, NULL);
    assert_int_equal(a->asked, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(identity_get(id, &c, &a->e), 0);
    assert_string_equal(c.access_key, "AKID1");
    assert_string_equal(c.session_token, "t");
    assert_int_equal(a->asked, 1);
    identity_free(id);
}

/* Keys with less than five minutes left are used, but not renewed at every call. */
static void short_lived_keys_are_not_asked_for_again_at_once(void **state)
{
    struct agent *a = *state;
    struct sigv4_credentials c;
    a->lives_s = 200;
    struct identity *id = identity(a, NULL, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(identity_get(id, &c, &a->e), 0);
    assert_int_equal(a->asked, 1);
    identity_free(id);
}

static void renewal(void **state)
{
    struct agent *a = *state;
    struct sigv4_credentials c;
    a->lives_s = 3600;
    struct identity *id = identity(a, NULL, NULL);
    assert_int_equal(identity_get(id, &c, &a->e), 0);
    uint64_t left = id->current.expires_ns - id->renew_ns;
    assert_true(left >= 300 * NS_PER_S && left <= 360 * NS_PER_S);
    id->renew_ns = 0;
    assert_int_equal(identity_get(id, &c, &a->e), 0);
    assert_string_equal(c.access_key, "AKID2");

    /* It fails: the old keys are good, stay in use, and it is not tried at every call. */
    id->renew_ns = 0;
    a->status = 403;
    for (int i = 0; i < 3; i++)
        assert_int_equal(identity_get(id, &c, &a->e), 0);
    assert_string_equal(c.access_key, "AKID2");
    assert_int_equal(a->asked, 3);
    assert_int_equal(a->warnings, 1);
    assert_non_null(strstr(a->warning, "HTTP 403"));

    /* Until they expire. */
    id->renew_ns = 0;
    id->current.expires_ns = clock_wall_ns();
    assert_int_equal(identity_get(id, &c, &a->e), -1);
    assert_non_null(strstr(a->e.text, "HTTP 403"));
    identity_free(id);
}

static void expired_keys_are_an_error(void **state)
{
    struct agent *a = *state;
    struct sigv4_credentials c;
    a->lives_s = -10;
    struct identity *id = identity(a, NULL, NULL);
    assert_int_equal(identity_get(id, &c, &a->e), -1);
    assert_string_equal(a->e.text, "the keys of the container have expired");
    a->lives_s = 3600;
    assert_int_equal(identity_get(id, &c, &a->e), 0);
    a->status = 404;
    identity_free(id);
    id = identity(a, NULL, NULL);
    assert_int_equal(identity_get(id, &c, &a->e), -1);
    assert_string_equal(a->e.text, "the container's credentials endpoint answered HTTP 404");
    identity_free(id);
}

static void no_core_file_holds_a_secret(void **state)
{
    struct rlimit limit;
    identity_free(identity(*state, NULL, NULL));
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 0);
}

static void assert_endpoint(struct agent *a, const char *profile, const char *region,
                            const char *expected)
{
    struct buf url;
    struct identity *id = identity(a, profile, NULL);
    buf_init(&url);
    if (identity_endpoint(id, "lambda", region, &url, &a->e))
        assert_null(expected);
    else
        assert_string_equal(url.data, expected);
    buf_release(&url);
    identity_free(id);
}

static void endpoints(void **state)
{
    struct agent *a = *state;
    assert_endpoint(a, NULL, "eu-west-1", "https://lambda.eu-west-1.amazonaws.com");
    assert_endpoint(a, NULL, "cn-north-1", "https://lambda.cn-north-1.amazonaws.com.cn");
    assert_endpoint(a, NULL, "us-gov-west-1", "https://lambda.us-gov-west-1.amazonaws.com");
    assert_endpoint(a, NULL, "us-iso-east-1", "https://lambda.us-iso-east-1.c2s.ic.gov");
    assert_endpoint(a, NULL, "us-isob-east-1", "https://lambda.us-isob-east-1.sc2s.sgov.gov");
    assert_endpoint(a, NULL, "us-isof-south-1", "https://lambda.us-isof-south-1.csp.hci.ic.gov");
    assert_endpoint(a, NULL, "eu-isoe-west-1", "https://lambda.eu-isoe-west-1.cloud.adc-e.uk");
    assert_endpoint(a, NULL, "eusc-de-east-1", "https://lambda.eusc-de-east-1.amazonaws.eu");
    assert_endpoint(a, NULL, "evil.example/", NULL);
    assert_endpoint(a, NULL, "", NULL);
    write_config(a, "[profile p]\nservices = s\nendpoint_url = http://all/\n[services s]\n"
                    "lambda =\n  endpoint_url = http://mine\n[profile q]\n"
                    "endpoint_url = http://all/\n");
    assert_endpoint(a, "p", "eu-west-1", "http://mine");
    assert_endpoint(a, "q", "eu-west-1", "http://all");
    setenv("AWS_ENDPOINT_URL", "http://env/", 1);
    assert_endpoint(a, "p", "eu-west-1", "http://env");
    setenv("AWS_ENDPOINT_URL_LAMBDA", "http://lambda", 1);
    assert_endpoint(a, "p", "eu-west-1", "http://lambda");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    assert_endpoint(a, "p", "eu-west-1", "https://lambda.eu-west-1.amazonaws.com");
}

static void regions(void **state)
{
    struct agent *a = *state;
    write_config(a, "[default]\nregion = from-profile\nca_bundle = /x\n");
    struct identity *id = identity(a, NULL, NULL);
    assert_string_equal(identity_region(id), "from-profile");
    assert_string_equal(identity_ca_bundle(id), "/x");
    identity_free(id);
    setenv("AWS_DEFAULT_REGION", "from-default", 1);
    id = identity(a, NULL, NULL);
    assert_string_equal(identity_region(id), "from-default");
    identity_free(id);
    setenv("AWS_REGION", "from-region", 1);
    id = identity(a, NULL, NULL);
    assert_string_equal(identity_region(id), "from-region");
    identity_free(id);
    id = identity(a, NULL, "from-option");
    assert_string_equal(identity_region(id), "from-option");
    identity_free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_that_live_are_asked_for_once, begin, end),
        cmocka_unit_test_setup_teardown(short_lived_keys_are_not_asked_for_again_at_once, begin,
                                        end),
        cmocka_unit_test_setup_teardown(renewal, begin, end),
        cmocka_unit_test_setup_teardown(expired_keys_are_an_error, begin, end),
        cmocka_unit_test_setup_teardown(no_core_file_holds_a_secret, begin, end),
        cmocka_unit_test_setup_teardown(endpoints, begin, end),
        cmocka_unit_test_setup_teardown(regions, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
