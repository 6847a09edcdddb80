/*
 * What of a deployed function's configuration a temporary one gets, and what makes it refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/reference.h"
#include "lambda_script.h"

#define IDENTITY                                                                                   \
    "\"FunctionName\":\"prod\",\"FunctionArn\":\"arn:aws:lambda:eu-west-1:1:function:prod\","      \
    "\"Runtime\":\"python3.12\",\"Handler\":\"app.handler\",\"CodeSize\":5,\"CodeSha256\":\"x\","  \
    "\"Description\":\"d\",\"LastModified\":\"t\",\"Version\":\"$LATEST\",\"RevisionId\":\"r\","   \
    "\"State\":\"Active\",\"LastUpdateStatus\":\"Successful\",\"PackageType\":\"Zip\","            \
    "\"Role\":\"arn:aws:iam::1:role/prod\""

static const struct plan_variable own[] = {{"COLOUR", "blue"}};
static const struct plan_function plan = {
    .name = "f",
    .runtime = "python3.12",
    .handler = "app.handler",
    .architecture = "x86_64",
    .memory_mb = 128,
    .timeout_s = 3,
    .ephemeral_mb = 512,
    .environment = own,
    .environment_count = 1,
};

struct applied {
    struct arena arena;
    struct plan_function f;
    struct buf copied;
    struct json *members;
    struct error e;
    int failed;
};

static void apply(struct applied *a, const struct plan_function *f, const char *configuration)
{
    struct json *json = json_parse(configuration, strlen(configuration), &a->e);
    assert_non_null(json);
    *a = (struct applied){0};
    arena_init(&a->arena);
    buf_init(&a->copied);
    a->failed = reference_apply(json, f, &a->arena, &a->f, &a->copied, &a->e);
    if (!a->failed)
        a->members = json_parse(a->f.reference->members, strlen(a->f.reference->members), NULL);
    json_free(json);
}

static void release(struct applied *a)
{
    arena_release(&a->arena);
    buf_release(&a->copied);
    json_free(a->members);
}

static const char full[] =
    "{" IDENTITY ",\"MemorySize\":1024,\"Timeout\":30,\"EphemeralStorage\":{\"Size\":2048},"
    "\"Architectures\":[\"arm64\"],"
    "\"Environment\":{\"Variables\":{\"TABLE\":\"orders\",\"COLOUR\":\"red\"}},"
    "\"VpcConfig\":{\"SubnetIds\":[\"s-1\",\"s-2\"],\"SecurityGroupIds\":[\"g-1\"],\"VpcId\":\"v\","
    "\"Ipv6AllowedForDualStack\":false},"
    "\"Layers\":[{\"Arn\":\"arn:l:1\",\"CodeSize\":9},{\"Arn\":\"arn:l:2\",\"CodeSize\":9}],"
    "\"TracingConfig\":{\"Mode\":\"Active\"},"
    "\"FileSystemConfigs\":[{\"Arn\":\"arn:fs\",\"LocalMountPath\":\"/mnt/x\"}],"
    "\"SnapStart\":{\"ApplyOn\":\"PublishedVersions\",\"OptimizationStatus\":\"On\"},"
    "\"KMSKeyArn\":\"arn:k\",\"DeadLetterConfig\":{\"TargetArn\":\"arn:q\"},"
    "\"LoggingConfig\":{\"LogFormat\":\"JSON\",\"ApplicationLogLevel\":\"ERROR\","
    "\"SystemLogLevel\":\"WARN\",\"LogGroup\":\"/aws/lambda/prod\"},"
    "\"RuntimeVersionConfig\":{\"RuntimeVersionArn\":\"arn:r\"},\"SigningJobArn\":null}";

static void copies_everything(void **state)
{
    (void)state;
    struct applied a;
    struct buf vpc;
    apply(&a, &plan, full);
    assert_int_equal(a.failed, 0);
    assert_int_equal(a.f.memory_mb, 1024);
    assert_int_equal(a.f.timeout_s, 30);
    assert_int_equal(a.f.ephemeral_mb, 2048);
    assert_string_equal(a.f.architecture, "arm64");
    assert_true(a.f.json_logs);
    assert_string_equal(a.f.reference->log_level, "ERROR");
    assert_string_equal(a.f.reference->role, "arn:aws:iam::1:role/prod");
    assert_true(a.f.reference->slow && a.f.reference->snap_start);
    assert_int_equal(a.f.environment_count, 2);
    assert_string_equal(a.f.environment[0].name, "TABLE");
    assert_string_equal(a.f.environment[1].value, "blue"); /* perf.yml's own */
    buf_init(&vpc);
    json_print(json_get(a.members, "VpcConfig"), &vpc);
    assert_string_equal(vpc.data, "{\"SubnetIds\":[\"s-1\",\"s-2\"],\"SecurityGroupIds\":[\"g-1\"],"
                                  "\"Ipv6AllowedForDualStack\":false}");
    buf_release(&vpc);
    assert_string_equal(json_string(json_path(a.members, "Layers.1"), ""), "arn:l:2");
    assert_string_equal(json_string(json_path(a.members, "TracingConfig.Mode"), ""), "Active");
    assert_string_equal(json_string(json_path(a.members, "FileSystemConfigs.0.LocalMountPath"), ""),
                        "/mnt/x");
    assert_string_equal(json_string(json_path(a.members, "SnapStart.ApplyOn"), ""),
                        "PublishedVersions");
    assert_int_equal(json_count(json_get(a.members, "SnapStart")), 1);
    assert_string_equal(json_get_string(a.members, "KMSKeyArn", ""), "arn:k");
    assert_int_equal(json_count(a.members), 6); /* and nothing else: no name, no code, no queue */
    assert_string_equal(a.copied.data,
                        "role, 1024 MB of memory, timeout of 30 s, /tmp of 2048 MB, arm64, 1 "
                        "environment variable, JSON logs, but not its SystemLogLevel WARN, the VPC "
                        "with 2 subnets, 2 layers, SnapStart, tracing, file systems, the key of "
                        "its environment");
    release(&a);
}

static void perf_yml_wins(void **state)
{
    (void)state;
    struct applied a;
    struct plan_function f = plan;
    f.given = PLAN_GAVE_MEMORY | PLAN_GAVE_TIMEOUT | PLAN_GAVE_EPHEMERAL | PLAN_GAVE_ARCHITECTURE |
              PLAN_GAVE_LOG_FORMAT;
    apply(&a, &f, full);
    assert_int_equal(a.failed, 0);
    assert_int_equal(a.f.memory_mb, 128);
    assert_int_equal(a.f.timeout_s, 3);
    assert_int_equal(a.f.ephemeral_mb, 512);
    assert_string_equal(a.f.architecture, "x86_64");
    assert_false(a.f.json_logs);
    assert_null(strstr(a.copied.data, "memory"));
    release(&a);
}

/* What an answer says of a plain function adds nothing to a CreateFunction. */
static void empty_members_say_nothing(void **state)
{
    (void)state;
    struct applied a;
    apply(&a, &plan,
          "{" IDENTITY ",\"VpcConfig\":{\"SubnetIds\":[],\"SecurityGroupIds\":[],\"VpcId\":\"\"},"
          "\"Layers\":[],\"SnapStart\":{\"ApplyOn\":\"None\",\"OptimizationStatus\":\"Off\"},"
          "\"FileSystemConfigs\":[],\"KMSKeyArn\":\"\",\"DurableConfig\":null,"
          "\"FutureThing\":{\"Inner\":[]}}");
    assert_int_equal(a.failed, 0);
    assert_int_equal(json_count(a.members), 0);
    assert_false(a.f.reference->slow || a.f.reference->snap_start);
    assert_string_equal(a.copied.data, "role");
    release(&a);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *configuration, *text;
    } rows[] = {
        {"{" IDENTITY
         ",\"CapacityProviderConfig\":{\"LambdaManagedInstancesCapacityProviderConfig\":"
         "{\"CapacityProviderArn\":\"arn\"}}}",
         "Managed Instances"},
        {"{" IDENTITY ",\"DurableConfig\":{\"ExecutionTimeout\":60}}", "durable function"},
        {"{" IDENTITY ",\"TenancyConfig\":{\"TenantIsolationMode\":\"PER_TENANT\"}}", "tenant"},
        {"{" IDENTITY ",\"FutureThing\":{\"Speed\":2}}", "'FutureThing', which this version"},
        {"{" IDENTITY ",\"Environment\":{\"Error\":{\"ErrorCode\":\"AccessDeniedException\","
         "\"Message\":\"no\"}}}",
         "kms:Decrypt"},
        {"{\"FunctionName\":\"prod\",\"PackageType\":\"Image\"}", "container image"},
        {"{\"FunctionName\":\"prod\",\"PackageType\":\"Wasm\"}", "neither Zip nor Image"},
        {"{\"FunctionName\":\"prod\",\"ImageConfigResponse\":{\"ImageConfig\":{\"Command\":[\"x\"]}"
         "}}",
         "container image"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct applied a;
        apply(&a, &plan, rows[i].configuration);
        assert_int_equal(a.failed, -1);
        assert_int_equal(a.e.code, ERROR_API);
        assert_non_null(strstr(a.e.text, "'prod' cannot be copied: "));
        if (!strstr(a.e.text, rows[i].text))
            fail_msg("'%s' is not in '%s'", rows[i].text, a.e.text);
        release(&a);
    }
}

/* What was read goes into the function that is made, whole and once. */
static void reaches_the_request(void **state)
{
    (void)state;
    struct script s;
    struct applied a;
    static const struct target_package package = {.zip = "PK", .zip_bytes = 2, .sha256 = "c2hh"};
    apply(&a, &plan, full);
    script_begin(&s);
    script_add(
        &s, 201,
        "{\"State\":\"Active\",\"LastUpdateStatus\":\"Successful\",\"CodeSha256\":\"c2hh\"}");
    s.lambda.role = NULL;
    s.lambda.log_group = "/lambda-perf-gate";
    assert_int_equal(lambda_create(&s.lambda, "n", &a.f, &package, &s.e), 0);
    /* duplicate keys would not be parsed */
    struct json *body = json_parse(s.requests[0].body, strlen(s.requests[0].body), &s.e);
    assert_non_null(body);
    assert_string_equal(json_get_string(body, "Role", ""), "arn:aws:iam::1:role/prod");
    assert_string_equal(json_string(json_path(body, "VpcConfig.SubnetIds.1"), ""), "s-2");
    assert_string_equal(json_string(json_path(body, "LoggingConfig.LogFormat"), ""), "JSON");
    assert_string_equal(json_string(json_path(body, "LoggingConfig.ApplicationLogLevel"), ""),
                        "ERROR");
    assert_null(json_path(body, "LoggingConfig.SystemLogLevel"));
    assert_string_equal(json_string(json_path(body, "LoggingConfig.LogGroup"), ""),
                        "/lambda-perf-gate");
    assert_string_equal(json_string(json_path(body, "Environment.Variables.TABLE"), ""), "orders");
    json_free(body);
    script_end(&s);
    release(&a);
}

static void asks_by_name_and_by_arn(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    script_add(&s, 200, "{}");
    json_free(reference_get(&s.lambda, "prod:live", &s.e));
    json_free(reference_get(&s.lambda, "arn:aws:lambda:eu-west-1:1:function:prod", &s.e));
    assert_string_equal(s.requests[0].target, "/2015-03-31/functions/prod%3Alive/configuration");
    assert_string_equal(s.requests[1].target,
                        "/2015-03-31/functions/"
                        "arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Aprod/configuration");
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_everything),         cmocka_unit_test(perf_yml_wins),
        cmocka_unit_test(empty_members_say_nothing), cmocka_unit_test(refuses),
        cmocka_unit_test(reaches_the_request),       cmocka_unit_test(asks_by_name_and_by_arn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
