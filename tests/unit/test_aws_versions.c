/*
 * Somebody's function as the place of a candidate: nothing is touched in doubt, everything is put
 * back, and nothing of anybody else's is overwritten or deleted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/target.h"
#include "aws/versions.h"
#include "base/hash.h"
#include "lambda_script.h"
#include "os/fs.h"

static const char old_code[] = "the old code", new_code[] = "the new code";

struct stage {
    struct script script;
    char old_sha256[64], new_sha256[64];
    char *folder;
    char *texts[16];
    size_t text_count;
    struct target_package package;
    struct staged_request request;
    struct staged staged;
    struct error e;
};

static void hash_code(const char *code, char out[64])
{
    unsigned char digest[SHA256_BYTES];
    struct buf text;
    buf_init(&text);
    hash_sha256(code, strlen(code), digest);
    base64_encode(&text, digest, sizeof digest);
    snprintf(out, 64, "%s", text.data);
    buf_release(&text);
}

static void stage_begin(struct stage *s)
{
    *s = (struct stage){0};
    script_begin(&s->script);
    s->script.lambda.second_ns = 1000;
    hash_code(old_code, s->old_sha256);
    hash_code(new_code, s->new_sha256);
    s->folder = fs_make_temp_dir("lpg-test-", &s->e);
    assert_non_null(s->folder);
    s->package = (struct target_package){
        .zip = new_code, .zip_bytes = strlen(new_code), .sha256 = s->new_sha256};
    s->request = (struct staged_request){
        .function = "prod",
        .package = &s->package,
        .runtime = "python3.12",
        .handler = "app.handler",
        .run_id = "cafe",
        .folder = s->folder,
    };
}

static void stage_end(struct stage *s)
{
    script_end(&s->script);
    fs_remove_tree(s->folder, NULL);
    free(s->folder);
    for (size_t i = 0; i < s->text_count; i++)
        free(s->texts[i]);
}

/* An answer whose text lives as long as the stage. */
static void answer(struct stage *s, int status, char *text)
{
    assert_true(s->text_count < ARRAY_LEN(s->texts));
    s->texts[s->text_count++] = text;
    script_add(&s->script, status, text);
}

static char *configuration(const char *sha256, const char *revision)
{
    return xasprintf(
        "{\"Runtime\":\"python3.12\",\"Handler\":\"app.handler\",\"State\":\"Active\","
        "\"LastUpdateStatus\":\"Successful\",\"CodeSha256\":\"%s\",\"RevisionId\":\"%s\"}",
        sha256, revision);
}

static void answer_configuration(struct stage *s, const char *sha256, const char *revision)
{
    answer(s, 200, configuration(sha256, revision));
}

static void answer_function(struct stage *s, const char *sha256)
{
    char *c = configuration(sha256, "r1");
    answer(
        s, 200,
        xasprintf("{\"Configuration\":%s,\"Code\":{\"Location\":\"%s/code/1?X-Amz-Signature=x\"}}",
                  c, s->script.endpoint));
    free(c);
}

static void answer_version(struct stage *s, const char *description)
{
    answer(s, 201,
           xasprintf("{\"Version\":\"7\",\"Description\":\"%s\",\"State\":\"Active\","
                     "\"LastUpdateStatus\":\"Successful\"}",
                     description));
}

#define OURS "lambda-perf-gate cafe"

/* Up to and with the candidate's code in $LATEST. */
static void answer_until_sent(struct stage *s)
{
    answer_function(s, s->old_sha256);
    script_add(&s->script, 200, old_code);
    answer_configuration(s, s->new_sha256, "r2");
}

static void answer_all(struct stage *s)
{
    answer_until_sent(s);
    answer_version(s, OURS);
    answer_configuration(s, s->new_sha256, "r3");
    answer_configuration(s, s->old_sha256, "r4");
}

static int begin(struct stage *s)
{
    return staged_begin(&s->script.lambda, &s->request, &s->staged, &s->e);
}

static int end(struct stage *s)
{
    return staged_end(&s->script.lambda, &s->staged, &s->e);
}

/* "GET /x": what was asked, the function's path left out. */
static void assert_asked(const struct stage *s, size_t at, const char *what)
{
    static const char path[] = "/2015-03-31/functions/prod";
    const char *target = s->script.requests[at].target;
    char asked[160];
    assert_true(at < s->script.request_count);
    if (!strncmp(target, path, sizeof path - 1))
        target += sizeof path - 1;
    snprintf(asked, sizeof asked, "%s %s", s->script.requests[at].method, target);
    assert_string_equal(asked, what);
}

static void assert_sent(const struct stage *s, size_t at, const char *code, const char *revision)
{
    const char *body = s->script.requests[at].body;
    struct json *json = json_parse(body, strlen(body), NULL);
    struct buf zip;
    assert_asked(s, at, "PUT /code");
    buf_init(&zip);
    base64_encode(&zip, code, strlen(code));
    assert_string_equal(json_get_string(json, "ZipFile", ""), zip.data);
    assert_string_equal(json_get_string(json, "RevisionId", ""), revision);
    assert_int_equal(json_count(json), 2); /* nothing else of the function changes */
    buf_release(&zip);
    json_free(json);
}

static unsigned count_changes(const struct stage *s)
{
    unsigned count = 0;
    for (size_t i = 0; i < s->script.request_count; i++)
        count += strcmp(s->script.requests[i].method, "GET") != 0;
    return count;
}

static size_t count_kept(const struct stage *s)
{
    char *path = fs_join(s->folder, "prod-cafe.zip");
    size_t count = fs_is_file(path);
    free(path);
    return count;
}

static void publishes_and_puts_back(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    answer_all(&s);
    assert_int_equal(begin(&s), 0);
    assert_string_equal(s.staged.version, "7");
    assert_asked(&s, 0, "GET ");
    assert_asked(&s, 1, "GET /code/1?X-Amz-Signature=x");
    assert_sent(&s, 2, new_code, "r1");
    assert_asked(&s, 3, "POST /versions");
    assert_non_null(strstr(s.script.requests[3].body, s.new_sha256));
    assert_non_null(strstr(s.script.requests[3].body, OURS));
    assert_asked(&s, 4, "GET /configuration");
    assert_sent(&s, 5, old_code, "r3");
    assert_int_equal(s.script.request_count, 6);
    assert_int_equal(count_kept(&s), 0);
    script_add(&s.script, 204, "");
    s.script.at = s.script.count - 1;
    assert_int_equal(end(&s), 0);
    assert_asked(&s, 6, "DELETE ?Qualifier=7");
    assert_int_equal(s.script.request_count, 7);
    stage_end(&s);
}

static void refuses_before_it_touches(void **state)
{
    (void)state;
    static const struct {
        const char *function, *text;
    } rows[] = {
        {"{\"Configuration\":{\"PackageType\":\"Image\"}}", "container image"},
        {"{\"Configuration\":{\"CapacityProviderConfig\":{\"x\":1}}}", "Managed Instances"},
        {"{\"Configuration\":{\"State\":\"Pending\"}}", "not Active"},
        {"{\"Configuration\":{\"State\":\"Active\",\"LastUpdateStatus\":\"InProgress\"}}",
         "not Active"},
        {"{\"Configuration\":{}}", "not Active"},
        {"{\"Configuration\":{\"State\":\"Active\",\"Runtime\":\"python3.11\"}}", "its runtime"},
        {"{\"Configuration\":{\"State\":\"Active\",\"Runtime\":\"python3.12\",\"Handler\":\"x.y\"}"
         "}",
         "its handler"},
        {"{\"Configuration\":{\"State\":\"Active\",\"Runtime\":\"python3.12\",\"Handler\":"
         "\"app.handler\"}}",
         "which code"},
        {"{\"Configuration\":{\"State\":\"Active\",\"Runtime\":\"python3.12\",\"Handler\":"
         "\"app.handler\",\"CodeSha256\":\"x\",\"RevisionId\":\"r\"}}",
         "no address"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stage s;
        stage_begin(&s);
        script_add(&s.script, 200, rows[i].function);
        assert_int_equal(begin(&s), -1);
        assert_non_null(strstr(s.e.text, "'prod' was not touched: "));
        if (!strstr(s.e.text, rows[i].text))
            fail_msg("'%s' is not in '%s'", rows[i].text, s.e.text);
        assert_int_equal(end(&s), 0);
        assert_int_equal(s.script.request_count, 1);
        stage_end(&s);
    }
}

/* Without a proven copy of the old code there is no way back. */
static void code_that_cannot_be_kept(void **state)
{
    (void)state;
    for (int row = 0; row < 3; row++) {
        struct stage s;
        stage_begin(&s);
        answer_function(&s, s.old_sha256);
        script_add(&s.script, row == 1 ? 403 : 200, row == 2 ? old_code : "something else");
        if (row == 2)
            s.request.folder = "/nowhere/at/all";
        assert_int_equal(begin(&s), -1);
        assert_int_equal(end(&s), 0);
        assert_int_equal(count_changes(&s), 0);
        stage_end(&s);
    }
}

/* Whatever fails while the candidate's code is in $LATEST, the old code comes back. */
static void comes_back_after_a_failure(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    answer_until_sent(&s);
    script_add(&s.script, 400, "{\"message\":\"too many versions\"}");
    answer_configuration(&s, s.new_sha256, "r3");
    answer_configuration(&s, s.old_sha256, "r4");
    assert_int_equal(begin(&s), -1);
    assert_non_null(strstr(s.e.text, "too many versions"));
    assert_sent(&s, 5, old_code, "r3");
    assert_int_equal(end(&s), 0);
    assert_int_equal(s.script.request_count, 7); /* one more look; no version to delete */
    assert_int_equal(count_kept(&s), 0);
    stage_end(&s);
}

/* A signal, whenever it comes, leaves the old code in $LATEST and no version behind. */
static void comes_back_after_a_signal(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s); /* while the code is sent: nobody knows whether it was taken */
    answer_until_sent(&s);
    s.script.stop_at = 3;
    answer_configuration(&s, s.new_sha256, "r2");
    answer_configuration(&s, s.old_sha256, "r3");
    assert_int_equal(begin(&s), -1);
    assert_int_equal(s.e.code, ERROR_INTERRUPTED);
    assert_sent(&s, 4, old_code, "r2");
    assert_int_equal(count_kept(&s), 1); /* until it was looked once more */
    assert_int_equal(end(&s), 0);
    assert_int_equal(s.script.request_count, 6);
    assert_int_equal(count_kept(&s), 0);
    stage_end(&s);

    stage_begin(&s); /* while it is published: publishing again tells the version */
    answer_until_sent(&s);
    s.script.stop_at = 4;
    answer_version(&s, OURS);
    answer_version(&s, OURS);
    answer_configuration(&s, s.new_sha256, "r3");
    answer_configuration(&s, s.old_sha256, "r4");
    answer_configuration(&s, s.old_sha256, "r4");
    script_add(&s.script, 200, "{}");
    assert_int_equal(begin(&s), -1);
    assert_int_equal(s.e.code, ERROR_INTERRUPTED);
    assert_asked(&s, 4, "POST /versions");
    assert_sent(&s, 6, old_code, "r3");
    assert_int_equal(end(&s), 0);
    assert_asked(&s, 8, "DELETE ?Qualifier=7");
    stage_end(&s);
}

static void a_refused_update_changes_nothing(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    answer_function(&s, s.old_sha256);
    script_add(&s.script, 200, old_code);
    script_add(&s.script, 400, "{\"message\":\"bad zip\"}");
    answer_configuration(&s, s.old_sha256, "r1");
    assert_int_equal(begin(&s), -1);
    assert_non_null(strstr(s.e.text, "bad zip"));
    assert_int_equal(end(&s), 0);
    assert_int_equal(count_changes(&s), 1);
    stage_end(&s);
}

/* A second try of an update that was executed is refused for its revision: the code tells. */
static void an_update_that_was_executed_after_all(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    answer_function(&s, s.old_sha256);
    script_add(&s.script, 200, old_code);
    script_add(&s.script, 503, "{}");
    script_add(&s.script, 412, "{\"message\":\"The RevisionId provided does not match\"}");
    answer_configuration(&s, s.new_sha256, "r2");
    answer_version(&s, OURS);
    answer_configuration(&s, s.new_sha256, "r3");
    answer_configuration(&s, s.old_sha256, "r4");
    script_add(&s.script, 200, "{}");
    assert_int_equal(begin(&s), 0);
    assert_int_equal(end(&s), 0);
    stage_end(&s);
}

static void what_somebody_else_deploys_stays(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s); /* before our update */
    answer_function(&s, s.old_sha256);
    script_add(&s.script, 200, old_code);
    script_add(&s.script, 412, "{}");
    answer_configuration(&s, "dGhlaXJz", "r9");
    assert_int_equal(begin(&s), -1);
    assert_non_null(strstr(s.e.text, "somebody else has changed the function"));
    assert_int_equal(end(&s), 0);
    assert_int_equal(count_changes(&s), 1);
    stage_end(&s);

    stage_begin(&s); /* and between it and the way back */
    answer_until_sent(&s);
    answer_version(&s, OURS);
    answer_configuration(&s, "dGhlaXJz", "r9");
    script_add(&s.script, 200, "{}");
    assert_int_equal(begin(&s), 0);
    assert_int_equal(count_changes(&s), 2);
    assert_int_equal(end(&s), 0);
    assert_int_equal(count_changes(&s), 3); /* the version goes, the code stays */
    stage_end(&s);
}

static void what_cannot_be_put_back_is_kept_and_named(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    answer_until_sent(&s);
    answer_version(&s, OURS);
    script_add(&s.script, 403, "{\"message\":\"expired\"}");
    assert_int_equal(begin(&s), -1);
    assert_int_equal(count_kept(&s), 1);
    s.e = (struct error){0};
    assert_int_equal(end(&s), -1);
    assert_non_null(strstr(s.e.text, "'prod' still has the candidate's code in $LATEST"));
    assert_non_null(strstr(s.e.text, "prod-cafe.zip"));
    assert_non_null(strstr(s.e.text, "DeleteFunction 'prod:7'"));
    assert_int_equal(count_kept(&s), 1);
    stage_end(&s);
}

/* PublishVersion gives an old version when nothing has changed since: it is not ours to delete. */
static void an_old_version_is_not_deleted(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    answer_function(&s, s.new_sha256); /* $LATEST is the candidate already */
    answer_version(&s, "release 42");
    assert_int_equal(begin(&s), 0);
    assert_string_equal(s.staged.version, "7");
    assert_int_equal(end(&s), 0);
    assert_int_equal(s.script.request_count, 2);
    stage_end(&s);
}

static void only_versions_are_deleted(void **state)
{
    (void)state;
    static const char *const versions[] = {"", "$LATEST", "live", "1x", "1&x=y"};
    struct script s;
    script_begin(&s);
    script_add(&s, 200, "{}");
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        assert_int_equal(version_delete(&s.lambda, "prod", versions[i], &s.e), -1);
    assert_int_equal(s.request_count, 0);
    script_end(&s);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *given, *name, *target;
    } rows[] = {
        {"prod", "prod", "/2015-03-31/functions/prod/configuration"},
        {"prod:$LATEST", "prod", "/2015-03-31/functions/prod/configuration"},
        {"prod:7", "prod:7", "/2015-03-31/functions/prod/configuration?Qualifier=7"},
        {"arn:aws:lambda:eu-west-1:1:function:prod:live", "prod:live",
         "/2015-03-31/functions/prod/configuration?Qualifier=live"},
        {"", NULL, NULL},
        {"prod:", NULL, NULL},
        {"prod:a:b", NULL, NULL},
        {"a/b", NULL, NULL},
        {"arn:aws:lambda", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        struct attached a = {0};
        script_begin(&s);
        script_add(&s, 200, "{\"Version\":\"7\",\"State\":\"Active\"}");
        assert_int_equal(attached_open(&s.lambda, rows[i].given, &a, &s.e), rows[i].name ? 0 : -1);
        if (rows[i].name) {
            assert_string_equal(a.name, rows[i].name);
            assert_string_equal(a.version, "7");
            assert_string_equal(s.requests[0].target, rows[i].target);
        } else {
            assert_int_equal(s.e.code, ERROR_USAGE);
            assert_int_equal(s.request_count, 0);
        }
        attached_release(&a);
        script_end(&s);
    }
}

static void what_cannot_be_attached(void **state)
{
    (void)state;
    static const struct {
        const char *configuration, *alias, *text;
    } rows[] = {
        {"{\"State\":\"Failed\"}", "{}", "its state is Failed"},
        {"{\"CapacityProviderConfig\":{\"x\":1}}", "{}", "Managed Instances"},
        {"{\"State\":\"Active\"}", "{\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"2\":0.1}}}",
         "shares its calls"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        struct attached a = {0};
        script_begin(&s);
        script_add(&s, 200, rows[i].configuration);
        script_add(&s, 200, rows[i].alias);
        assert_int_equal(attached_open(&s.lambda, "prod:live", &a, &s.e), -1);
        if (!strstr(s.e.text, rows[i].text))
            fail_msg("'%s' is not in '%s'", rows[i].text, s.e.text);
        assert_null(a.configuration);
        script_end(&s);
    }
}

static void provisioned_environments_are_seen(void **state)
{
    (void)state;
    struct script s;
    struct attached a;
    script_begin(&s);
    script_add(&s, 200, "{\"State\":\"Active\",\"Version\":\"7\"}");
    script_add(&s, 200, "{}");
    script_add(&s, 200, "{\"AllocatedProvisionedConcurrentExecutions\":5,\"Status\":\"READY\"}");
    assert_int_equal(attached_open(&s.lambda, "prod:live", &a, &s.e), 0);
    assert_int_equal(a.provisioned, 5);
    assert_string_equal(s.requests[1].target, "/2015-03-31/functions/prod/aliases/live");
    assert_string_equal(s.requests[2].target,
                        "/2019-09-30/functions/prod/provisioned-concurrency?Qualifier=live");
    attached_release(&a);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publishes_and_puts_back),
        cmocka_unit_test(refuses_before_it_touches),
        cmocka_unit_test(code_that_cannot_be_kept),
        cmocka_unit_test(comes_back_after_a_failure),
        cmocka_unit_test(comes_back_after_a_signal),
        cmocka_unit_test(a_refused_update_changes_nothing),
        cmocka_unit_test(an_update_that_was_executed_after_all),
        cmocka_unit_test(what_somebody_else_deploys_stays),
        cmocka_unit_test(what_cannot_be_put_back_is_kept_and_named),
        cmocka_unit_test(an_old_version_is_not_deleted),
        cmocka_unit_test(only_versions_are_deleted),
        cmocka_unit_test(names),
        cmocka_unit_test(what_cannot_be_attached),
        cmocka_unit_test(provisioned_environments_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
