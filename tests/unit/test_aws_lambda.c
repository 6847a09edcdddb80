/*
 * What answers to Invoke mean, and the control-plane calls against a server in the same loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/lambda.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "lambda_script.h"
#include "os/clock.h"

#define ID "8f507cfc-aaaa-4697-b07a-ac58fc914c95"
#define REPORT                                                                                     \
    "REPORT RequestId: " ID "\tDuration: 41.27 ms\tBilled Duration: 263 ms\tMemory Size: 512 MB\t" \
    "Max Memory Used: 88 MB\tInit Duration: 221.30 ms\t\n"

/* ---- reading the answer to an Invoke ---- */

struct answer {
    struct http_response r;
    struct target_reply reply;
    struct buf detail;
};

static void answer_begin(struct answer *a, int status, const char *headers, const char *body)
{
    *a = (struct answer){.r = {.outcome = HTTP_ANSWERED, .status = status}};
    a->r.sent_ns = NS_PER_S;
    a->r.done_ns = 2 * NS_PER_S;
    buf_init(&a->r.body);
    buf_init(&a->r.headers);
    buf_init(&a->detail);
    buf_addstr(&a->r.body, body);
    buf_addstr(&a->r.headers, headers);
}

static void answer_log(struct answer *a, const char *log)
{
    buf_addstr(&a->r.headers, "X-Amz-Log-Result: ");
    base64_encode(&a->r.headers, log, strlen(log));
    buf_addstr(&a->r.headers, "\r\n");
}

static void answer_read(struct answer *a)
{
    lambda_read_reply(&a->r, &(struct lambda_expected){.memory_mb = 512}, &a->reply, &a->detail);
}

static void answer_end(struct answer *a)
{
    http_response_release(&a->r);
    buf_release(&a->detail);
}

#define REQUEST_ID "x-amzn-RequestId: " ID "\r\n"

static void good_answer(void **state)
{
    (void)state;
    struct answer a;
    answer_begin(&a, 200, REQUEST_ID "x-lpg-cpu-ns: 5250000\r\n", "{\"ok\":true}");
    answer_log(&a, REPORT);
    answer_read(&a);
    assert_int_equal(a.reply.status, SAMPLE_OK);
    assert_int_equal(a.reply.duration_10us, 4127);
    assert_int_equal(a.reply.billed_ms, 263);
    assert_int_equal(a.reply.init_10us, 22130);
    assert_int_equal(a.reply.memory_mb, 512);
    assert_int_equal(a.reply.max_memory_mb, 88);
    assert_int_equal(a.reply.cpu_us, 5250);
    assert_int_equal(a.reply.request_id[0], 0x8f);
    assert_int_equal(a.reply.request_id[15], 0x95);
    assert_int_equal(a.reply.done_ns, 2 * NS_PER_S);
    assert_int_equal(a.reply.payload_length, 11);
    assert_string_equal(a.reply.detail, "");
    answer_end(&a);
}

static void restore_counts_as_cold_start(void **state)
{
    (void)state;
    struct answer a;
    answer_begin(&a, 200, REQUEST_ID, "{}");
    answer_log(&a, "REPORT RequestId: " ID "\tDuration: 1 ms\tBilled Duration: 183 ms\t"
                   "Restore Duration: 398.97 ms\tBilled Restore Duration: 182 ms\t\n");
    answer_read(&a);
    assert_int_equal(a.reply.init_10us, 39897);
    answer_end(&a);
}

static void without_report_nothing_is_measured(void **state)
{
    (void)state;
    static const char *const headers[] = {
        REQUEST_ID,
        REQUEST_ID "X-Amz-Log-Result: !!!\r\n",
        REQUEST_ID "X-Amz-Log-Result: \r\n",
        REQUEST_ID "X-Amz-Log-Result: aGVsbG8=\r\n",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct answer a;
        answer_begin(&a, 200, headers[i], "{}");
        if (i + 1 == ARRAY_LEN(headers)) /* a REPORT, but of whom? */
            answer_log(&a, REPORT);
        answer_read(&a);
        assert_int_equal(a.reply.status, SAMPLE_OK);
        assert_int_equal(a.reply.duration_10us, SAMPLE_NONE);
        assert_int_equal(a.reply.billed_ms, SAMPLE_NONE);
        assert_int_equal(a.reply.init_10us, SAMPLE_NONE);
        assert_int_equal(a.reply.max_memory_mb, 0);
        answer_end(&a);
    }
}

static void impossible_reports(void **state)
{
    (void)state;
    static const char *const logs[] = {
        REPORT REPORT,
        /* longer than the client waited */
        "REPORT RequestId: " ID "\tDuration: 1006.00 ms\tBilled Duration: 1006 ms\n",
        /* not the memory that was deployed */
        "REPORT RequestId: " ID "\tDuration: 1 ms\tBilled Duration: 1 ms\tMemory Size: 1024 MB\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
        struct answer a;
        answer_begin(&a, 200, REQUEST_ID, "{}");
        answer_log(&a, logs[i]);
        answer_read(&a);
        assert_int_equal(a.reply.status, SAMPLE_TAMPERED);
        assert_int_equal(a.reply.duration_10us, SAMPLE_NONE);
        assert_non_null(strstr(a.reply.detail, "REPORT line"));
        answer_end(&a);
    }
    struct answer a; /* 4 ms more than the client's own time is the clocks' business */
    answer_begin(&a, 200, REQUEST_ID, "{}");
    answer_log(&a, "REPORT RequestId: " ID "\tDuration: 1004.00 ms\tBilled Duration: 1004 ms\n");
    answer_read(&a);
    assert_int_equal(a.reply.status, SAMPLE_OK);
    answer_end(&a);
}

static void bad_cpu_times(void **state)
{
    (void)state;
    static const char *const values[] = {"-5", "NaN", "1e300", "abc", "", "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct answer a;
        answer_begin(&a, 200, REQUEST_ID "x-lpg-cpu-ns: ", "{}");
        buf_addf(&a.r.headers, "%s\r\n", values[i]);
        answer_read(&a);
        assert_int_equal(a.reply.cpu_us, SAMPLE_NONE);
        answer_end(&a);
    }
}

#define FUNCTION_ERROR REQUEST_ID "X-Amz-Function-Error: Unhandled\r\n"

static void function_errors(void **state)
{
    (void)state;
    static const struct {
        const char *body, *log, *detail;
        enum sample_status status;
    } rows[] = {
        {"{\"errorType\":\"ValueError\",\"errorMessage\":\"no\"}", REPORT, "ValueError: no",
         SAMPLE_FUNCTION_ERROR},
        {"{\"errorMessage\":\"no\\u001b[31m\\n::error::x\"}", REPORT, "error: no\\x1b",
         SAMPLE_FUNCTION_ERROR},
        {"not json", REPORT, "error: ", SAMPLE_FUNCTION_ERROR},
        {"", "", "error: ", SAMPLE_FUNCTION_ERROR},
        {"{\"errorMessage\":\"2024-03-04T17:22:38.033Z " ID " Task timed out after 3.00 seconds\"}",
         "", "Task timed out", SAMPLE_TIMEOUT},
        {"{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: x Error: Task timed "
         "out\"}",
         "", "Sandbox.Timedout", SAMPLE_TIMEOUT},
        {"{\"errorMessage\":\"?\"}",
         "REPORT RequestId: " ID "\tDuration: 900 ms\tBilled Duration: 900 ms\tStatus: timeout\n",
         "error: ?", SAMPLE_TIMEOUT},
        {"{\"errorMessage\":\"?\"}", REPORT REPORT, "REPORT line", SAMPLE_TAMPERED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer a;
        answer_begin(&a, 200, FUNCTION_ERROR, rows[i].body);
        answer_log(&a, rows[i].log);
        answer_read(&a);
        assert_int_equal(a.reply.status, rows[i].status);
        if (!strstr(a.reply.detail, rows[i].detail))
            fail_msg("'%s' is not in '%s'", rows[i].detail, a.reply.detail);
        assert_null(strchr(a.reply.detail, '\n'));
        assert_null(strchr(a.reply.detail, '\x1b'));
        answer_end(&a);
    }
}

/* A REPORT that tells of a failure is believed also where the header is missing. */
static void failure_that_only_the_report_tells(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        enum sample_status expected;
    } rows[] = {
        {"timeout", SAMPLE_TIMEOUT}, {"error", SAMPLE_FUNCTION_ERROR}, {"success", SAMPLE_OK}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer a;
        char log[200];
        snprintf(log, sizeof log,
                 "REPORT RequestId: " ID "\tDuration: 9 ms\tBilled Duration: 9 ms\tStatus: %s\n",
                 rows[i].status);
        answer_begin(&a, 200, REQUEST_ID, "{}");
        answer_log(&a, log);
        answer_read(&a);
        assert_int_equal(a.reply.status, rows[i].expected);
        assert_int_equal(a.reply.detail[0] == '\0', rows[i].expected == SAMPLE_OK);
        answer_end(&a);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *headers, *body, *detail;
        enum sample_status expected;
    } rows[] = {
        {429, "x-amzn-ErrorType: TooManyRequestsException\r\n",
         "{\"Reason\":\"CallerRateLimitExceeded\",\"message\":\"Rate exceeded\"}",
         "Invoke: TooManyRequestsException (HTTP 429): Rate exceeded", SAMPLE_THROTTLED},
        {400, "x-amzn-errortype: InvalidParameterValueException:http://internal.amazon.com/\r\n",
         "{\"Message\":\"bad\"}", "Invoke: InvalidParameterValueException (HTTP 400): bad",
         SAMPLE_UNKNOWN},
        {404, "",
         "{\"__type\":\"com.amazonaws.lambda#ResourceNotFoundException\",\"Message\":\"gone\"}",
         "Invoke: ResourceNotFoundException (HTTP 404): gone", SAMPLE_UNKNOWN},
        {403, "", "{\"message\":\"Forbidden\"}", "Invoke: error (HTTP 403): Forbidden",
         SAMPLE_UNKNOWN},
        {500, "", "{\"code\":\"ServiceException\"}", "Invoke: ServiceException (HTTP 500)",
         SAMPLE_UNKNOWN},
        {500, "", "{\"Code\":\"A#B:C\"}", "Invoke: B (HTTP 500)", SAMPLE_UNKNOWN},
        {502, "", "<html>bad gateway</html>", "Invoke: error (HTTP 502)", SAMPLE_UNKNOWN},
        {503, "", "", "Invoke: error (HTTP 503)", SAMPLE_UNKNOWN},
        {301, "", "", "Invoke: error (HTTP 301)", SAMPLE_UNKNOWN},
        {400, "", "{\"__type\":\"\\n::set-output name=x::y\",\"message\":\"a\\u0007b\"}",
         "(HTTP 400): a\\x07b", SAMPLE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer a;
        answer_begin(&a, rows[i].status, rows[i].headers, rows[i].body);
        answer_read(&a);
        assert_int_equal(a.reply.status, rows[i].expected);
        if (!strstr(a.reply.detail, rows[i].detail))
            fail_msg("'%s' is not in '%s'", rows[i].detail, a.reply.detail);
        assert_null(strchr(a.reply.detail, '\n'));
        assert_int_equal(a.reply.duration_10us, SAMPLE_NONE);
        answer_end(&a);
    }
}

static void no_answer(void **state)
{
    (void)state;
    static const struct {
        enum http_outcome outcome;
        enum sample_status expected;
    } rows[] = {{HTTP_NOT_SENT, SAMPLE_UNKNOWN},
                {HTTP_LOST, SAMPLE_UNKNOWN},
                {HTTP_TIMEOUT, SAMPLE_TIMEOUT},
                {HTTP_TOO_LARGE, SAMPLE_UNKNOWN},
                {HTTP_CANCELLED, SAMPLE_UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer a;
        answer_begin(&a, 0, "", "");
        a.r.outcome = rows[i].outcome;
        snprintf(a.r.reason, sizeof a.r.reason, "because");
        answer_read(&a);
        assert_int_equal(a.reply.status, rows[i].expected);
        assert_string_equal(a.reply.detail, "Invoke: because");
        answer_end(&a);
    }
}

/* ---- the control plane ---- */

static const struct plan_variable variables[] = {{"TABLE", "orders"}};
static const struct plan_function function = {
    .name = "f",
    .runtime = "python3.12",
    .handler = "app.handler",
    .architecture = "arm64",
    .memory_mb = 512,
    .timeout_s = 7,
    .ephemeral_mb = 1024,
    .json_logs = true,
    .environment = variables,
    .environment_count = 1,
};
static const struct target_package package = {.zip = "PK", .zip_bytes = 2, .sha256 = "c2hh"};

#define ACTIVE "{\"State\":\"Active\",\"LastUpdateStatus\":\"Successful\",\"CodeSha256\":\"c2hh\"}"
#define PENDING                                                                                    \
    "{\"State\":\"Pending\",\"LastUpdateStatus\":\"InProgress\",\"CodeSha256\":\"c2hh\"}"

static void creates(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    script_add(&s, 201,
               "{\"State\":\"Active\",\"FunctionArn\":"
               "\"arn:aws:lambda:eu-west-1:123456789012:function:lpg-f-b\"}");
    memcpy(s.lambda.run, "0f3a5c21", sizeof s.lambda.run);
    s.lambda.life_ns = 3600 * NS_PER_S;
    assert_int_equal(lambda_create(&s.lambda, "lpg-f-b", &function, &package, &s.e), 0);
    assert_string_equal(s.lambda.account, "123456789012");
    assert_int_equal(s.request_count, 1);
    assert_string_equal(s.requests[0].method, "POST");
    assert_string_equal(s.requests[0].target, "/2015-03-31/functions");
    struct json *body = json_parse(s.requests[0].body, strlen(s.requests[0].body), NULL);
    assert_string_equal(json_get_string(body, "FunctionName", ""), "lpg-f-b");
    assert_string_equal(json_get_string(body, "Role", ""), "arn:aws:iam::1:role/r");
    assert_string_equal(json_get_string(body, "Runtime", ""), "python3.12");
    assert_string_equal(json_get_string(body, "Handler", ""), "app.handler");
    assert_int_equal(json_get_integer(body, "MemorySize", 0), 512);
    assert_int_equal(json_get_integer(body, "Timeout", 0), 7);
    assert_string_equal(json_string(json_path(body, "Architectures.0"), ""), "arm64");
    assert_int_equal(json_integer(json_path(body, "EphemeralStorage.Size"), 0), 1024);
    assert_string_equal(json_string(json_path(body, "LoggingConfig.LogFormat"), ""), "JSON");
    assert_string_equal(json_string(json_path(body, "Environment.Variables.TABLE"), ""), "orders");
    assert_string_equal(json_string(json_path(body, "Code.ZipFile"), ""), "UEs=");
    struct temporary_tags tags;
    assert_int_equal(json_count(json_get(body, "Tags")), 3);
    assert_true(temporary_read_tags(json_get(body, "Tags"), &tags));
    assert_string_equal(tags.run, "0f3a5c21");
    assert_int_equal(tags.expires_ns - tags.created_ns, 3600 * NS_PER_S);
    json_free(body);
    script_end(&s);
}

static void stop_loop(void *context)
{
    loop_stop(context);
}

/* As a signal does: the five minutes of patience with a function that stays Pending end at once. */
static void a_stop_ends_the_waits(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
    } rows[] = {{201, PENDING}, {429, "{}"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        script_begin(&s);
        s.lambda.second_ns = 0;
        script_add(&s, rows[i].status, rows[i].body);
        script_add(&s, i ? 429 : 200, i ? "{}" : "{\"Configuration\":" PENDING "}");
        struct loop_timer *timer = loop_timer_new(s.loop, stop_loop, s.loop);
        loop_timer_set(timer, clock_now_ns() + NS_PER_S / 20);
        assert_int_equal(lambda_create(&s.lambda, "n", &function, &package, &s.e), -1);
        assert_int_equal(s.e.code, ERROR_INTERRUPTED);
        loop_timer_free(timer);
        script_end(&s);
    }
}

static void accounts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *account;
    } rows[] = {
        {"arn:aws:lambda:eu-west-1:123456789012:function:f", "123456789012"},
        {"Function not found: arn:aws-us-gov:lambda:r:123456789012:function:f", "123456789012"},
        {"arn:aws:lambda:eu-west-1:12345678901:function:f", NULL},
        {"arn:aws:lambda:eu-west-1:1234567890123:function:f", NULL},
        {"arn:aws:lambda:eu-west-1:123456789012", NULL},
        {"arn:aws:lambda:", NULL},
        {"arn:aws:iam::123456789012:role/r", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char account[LAMBDA_ACCOUNT_BYTES] = "untouched";
        assert_int_equal(lambda_account(rows[i].text, account), rows[i].account != NULL);
        assert_string_equal(account, rows[i].account ? rows[i].account : "untouched");
    }
}

static void waits_until_active(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    script_add(&s, 201, PENDING);
    script_add(&s, 200, "{\"Configuration\":" PENDING "}");
    script_add(&s, 200,
               "{\"Configuration\":{\"State\":\"Active\",\"LastUpdateStatus\":\"InProgress\"}}");
    script_add(&s, 200, "{\"Configuration\":" ACTIVE "}");
    assert_int_equal(lambda_create(&s.lambda, "n", &function, &package, &s.e), 0);
    assert_int_equal(s.request_count, 4);
    assert_string_equal(s.requests[3].method, "GET");
    assert_string_equal(s.requests[3].target, "/2015-03-31/functions/n");
    script_end(&s);
}

static void gives_up_on_what_failed(void **state)
{
    (void)state;
    static const struct {
        const char *create, *get, *text;
    } rows[] = {
        {PENDING, "{\"Configuration\":{\"State\":\"Failed\",\"StateReason\":\"bad image\"}}",
         "bad image"},
        {PENDING,
         "{\"Configuration\":{\"State\":\"Active\",\"LastUpdateStatus\":\"Failed\","
         "\"LastUpdateStatusReason\":\"no disk\"}}",
         "no disk"},
        {PENDING, "{}", "no Configuration"},
        {PENDING, "not json", ""},
        {"not json", "", ""},
        {"{\"State\":\"Active\",\"CodeSha256\":\"b3RoZXI=\"}", "", "other code than was sent"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        script_begin(&s);
        script_add(&s, 201, rows[i].create);
        script_add(&s, 200, rows[i].get);
        assert_int_equal(lambda_create(&s.lambda, "n", &function, &package, &s.e), -1);
        if (!strstr(s.e.text, rows[i].text))
            fail_msg("'%s' is not in '%s'", rows[i].text, s.e.text);
        script_end(&s);
    }
}

static void retries_what_may_be_retried(void **state)
{
    (void)state;
    static const struct {
        int status;
        bool create_again, renew_again;
    } rows[] = {{429, true, true},  {500, false, true},  {502, false, true},  {503, false, true},
                {504, false, true}, {400, false, false}, {403, false, false}, {409, false, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int renew = 0; renew < 2; renew++) {
            bool again = renew ? rows[i].renew_again : rows[i].create_again;
            bool looks = !renew && (rows[i].status >= 500 || rows[i].status == 409);
            struct script s;
            script_begin(&s);
            script_add(&s, rows[i].status, "{\"message\":\"later\"}");
            if (looks)
                script_add(&s, 404, "{}");
            script_add(&s, 200, ACTIVE);
            int failed = renew ? lambda_renew(&s.lambda, "n", &function, "1.0", &s.e)
                               : lambda_create(&s.lambda, "n", &function, &package, &s.e);
            assert_int_equal(failed, again ? 0 : -1);
            assert_int_equal(s.request_count, again || looks ? 2 : 1);
            if (failed) {
                assert_int_equal(s.e.code, ERROR_API);
                assert_non_null(strstr(s.e.text, ": later"));
            }
            script_end(&s);
        }
}

static void retries_end(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    script_add(&s, 503, "");
    assert_int_equal(lambda_renew(&s.lambda, "n", &function, "1.0", &s.e), -1);
    assert_int_equal(s.request_count, 4);
    assert_non_null(strstr(s.e.text, "UpdateFunctionConfiguration 'n'"));
    script_end(&s);
}

#define LATER "{\"message\":\"Rate exceeded\"}"
#define BUSY                                                                                       \
    "{\"Message\":\"The operation cannot be performed at this time. An update is in progress "     \
    "for resource: arn\"}"
#define NO_ROLE "{\"message\":\"The role defined for the function cannot be assumed by Lambda.\"}"

/* What does harm to nobody is waited for, each as patiently as it takes. */
static void patience(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *error, *body;
        unsigned tries; /* when it never ends */
    } rows[] = {
        {429, "TooManyRequestsException", LATER, 8},
        {400, "ThrottlingException", LATER, 8},
        {409, "ResourceConflictException", BUSY, 120},
        {400, "InvalidParameterValueException", NO_ROLE, 30},
        {409, "ResourceConflictException", "{\"Message\":\"Function already exist: n\"}", 1},
        {400, "CodeStorageExceededException", "{}", 1},
        {502, "InvalidZipFileException", "{}", 1},
        {502, "KMSDisabledException", "{}", 1},
        {502, "ENINotReadyException", "{}", 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        script_begin(&s);
        s.lambda.second_ns = 1000;
        script_add(&s, rows[i].status, rows[i].body);
        script_header(&s, "x-amzn-ErrorType", rows[i].error);
        assert_int_equal(lambda_renew(&s.lambda, "n", &function, "1.0", &s.e), -1);
        if (s.request_count != rows[i].tries)
            fail_msg("%s: %zu tries", rows[i].error, s.request_count);
        assert_non_null(strstr(s.e.text, rows[i].error));
        script_end(&s);
    }
}

/* No earlier than the answer asks for. */
static void waits_as_long_as_it_is_told(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    script_add(&s, 429, LATER);
    script_header(&s, "Retry-After", "30");
    script_add(&s, 200, ACTIVE);
    uint64_t before = clock_now_ns();
    assert_int_equal(lambda_renew(&s.lambda, "n", &function, "1.0", &s.e), 0);
    assert_true(clock_now_ns() - before >= 30 * s.lambda.second_ns);
    assert_int_equal(s.request_count, 2);
    script_end(&s);
}

static void says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *error, *body, *advice;
    } rows[] = {
        {400, "CodeStorageExceededException", "{}", "storage for code is full"},
        {413, "RequestEntityTooLargeException", "{}", "--code-bucket"},
        {400, "InvalidParameterValueException",
         "{\"message\":\"'MemorySize' value failed to satisfy constraint: Member must have value "
         "less than or equal to 3008\"}",
         "new accounts"},
        {400, "InvalidParameterValueException", NO_ROLE, "lambda.amazonaws.com"},
        {403, "AccessDeniedException",
         "{\"Message\":\"User: x is not authorized to perform: iam:PassRole on resource: y\"}",
         "credentials need iam:PassRole"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        script_begin(&s);
        s.lambda.second_ns = 1000;
        script_add(&s, rows[i].status, rows[i].body);
        script_header(&s, "x-amzn-ErrorType", rows[i].error);
        assert_int_equal(lambda_create(&s.lambda, "n", &function, &package, &s.e), -1);
        if (!strstr(s.e.text, rows[i].advice))
            fail_msg("'%s' is not in '%s'", rows[i].advice, s.e.text);
        script_end(&s);
    }
}

/* Whether a CreateFunction that ended badly has made the function is looked up, never guessed. */
static void looks_whether_it_was_created(void **state)
{
    (void)state;
    static const struct {
        int create, get;
        const char *found;
        int failed;
    } rows[] = {
        {500, 200, ACTIVE, 0},
        {503, 404, "{}", -1},
        {409, 200, ACTIVE, 0}, /* the first of two tries had made it */
        {500, 200, "{\"State\":\"Active\",\"CodeSha256\":\"b3RoZXI=\"}", -1},
        {400, 200, ACTIVE, -1}, /* it was not made: nobody looks */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        script_begin(&s);
        script_add(&s, rows[i].create, "{\"message\":\"no\"}");
        script_add(&s, rows[i].get, rows[i].found);
        assert_int_equal(lambda_create(&s.lambda, "n", &function, &package, &s.e), rows[i].failed);
        assert_int_equal(s.request_count, rows[i].create == 400 ? 1 : 2);
        if (s.request_count == 2) {
            assert_string_equal(s.requests[1].method, "GET");
            assert_string_equal(s.requests[1].target, "/2015-03-31/functions/n/configuration");
        }
        if (rows[i].failed)
            assert_non_null(strstr(s.e.text, "CreateFunction 'n'"));
        script_end(&s);
    }
}

/* What is not known yet right after its creation is waited for. */
static void a_new_function_may_be_unknown(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    script_add(&s, 201, PENDING);
    script_add(&s, 404, "{}");
    script_add(&s, 404, "{}");
    script_add(&s, 200, "{\"Configuration\":" ACTIVE "}");
    assert_int_equal(lambda_create(&s.lambda, "n", &function, &package, &s.e), 0);
    assert_int_equal(s.request_count, 4);
    script_end(&s);
}

static void waiting_ends_with_the_reason(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    s.lambda.second_ns = 1000;
    s.unlimited = true;
    script_add(&s, 200,
               "{\"Configuration\":{\"State\":\"Pending\",\"StateReasonCode\":\"Creating\","
               "\"StateReason\":\"The function is being created.\"}}");
    assert_int_equal(lambda_wait(&s.lambda, "n", "7", false, &s.e), -1);
    assert_string_equal(s.requests[0].target, "/2015-03-31/functions/n?Qualifier=7");
    assert_non_null(strstr(s.e.text, "within 300 s: Pending: Creating: The function is being"));
    script_end(&s);
}

/* The role that is asked for, else the reference's, else any where any will do. */
static void roles(void **state)
{
    (void)state;
    static const struct plan_reference like = {.role = "copied", .members = "{}"};
    static const struct {
        const char *asked, *any;
        const struct plan_reference *reference;
        const char *used; /* NULL: refused */
    } rows[] = {
        {"asked", "any", &like, "asked"}, {NULL, "any", &like, "copied"},
        {NULL, "any", NULL, "any"},       {NULL, NULL, &like, "copied"},
        {NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        struct plan_function f = function;
        script_begin(&s);
        script_add(&s, 201, ACTIVE);
        s.lambda.role = rows[i].asked;
        s.lambda.any_role = rows[i].any;
        f.reference = rows[i].reference;
        int failed = lambda_create(&s.lambda, "n", &f, &package, &s.e);
        assert_int_equal(failed, rows[i].used ? 0 : -1);
        assert_int_equal(s.request_count, rows[i].used ? 1 : 0);
        if (rows[i].used) {
            struct json *body = json_parse(s.requests[0].body, strlen(s.requests[0].body), NULL);
            assert_string_equal(json_get_string(body, "Role", ""), rows[i].used);
            json_free(body);
        } else {
            assert_int_equal(s.e.code, ERROR_USAGE);
            assert_non_null(strstr(s.e.text, "--role"));
        }
        script_end(&s);
    }
}

static void one_log_group_for_all(void **state)
{
    (void)state;
    struct script s;
    struct plan_function f = function;
    script_begin(&s);
    script_add(&s, 201, ACTIVE);
    s.lambda.log_group = "/lambda-perf-gate";
    f.json_logs = false;
    assert_int_equal(lambda_create(&s.lambda, "n", &f, &package, &s.e), 0);
    assert_non_null(
        strstr(s.requests[0].body, "\"LoggingConfig\":{\"LogGroup\":\"/lambda-perf-gate\"}"));
    script_end(&s);
}

static void concurrency_of_the_account(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        unsigned count;
    } rows[] = {
        {200, "{\"AccountLimit\":{\"ConcurrentExecutions\":10}}", 10},
        {200,
         "{\"AccountLimit\":{\"ConcurrentExecutions\":1000,"
         "\"UnreservedConcurrentExecutions\":900}}",
         900},
        {200, "{}", 0},
        {403, "{}", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script s;
        script_begin(&s);
        script_add(&s, rows[i].status, rows[i].body);
        assert_int_equal(lambda_concurrency(&s.lambda), rows[i].count);
        assert_string_equal(s.requests[0].target, "/2016-08-19/account-settings");
        script_end(&s);
    }
}

static void renews_with_the_whole_environment(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    script_add(&s, 200, ACTIVE);
    assert_int_equal(lambda_renew(&s.lambda, "n", &function, "3.1", &s.e), 0);
    assert_string_equal(s.requests[0].method, "PUT");
    assert_string_equal(s.requests[0].target, "/2015-03-31/functions/n/configuration");
    assert_string_equal(
        s.requests[0].body,
        "{\"Environment\":{\"Variables\":{\"TABLE\":\"orders\",\"LPG_ROUND\":\"3.1\"}}}");
    script_end(&s);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct script s;
    script_begin(&s);
    script_add(&s, 200, "{}");
    s.lambda.endpoint = "http://127.0.0.1:1";
    assert_int_equal(lambda_create(&s.lambda, "n", &function, &package, &s.e), -1);
    assert_int_equal(s.e.code, ERROR_NETWORK);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answer),
        cmocka_unit_test(restore_counts_as_cold_start),
        cmocka_unit_test(without_report_nothing_is_measured),
        cmocka_unit_test(impossible_reports),
        cmocka_unit_test(bad_cpu_times),
        cmocka_unit_test(function_errors),
        cmocka_unit_test(failure_that_only_the_report_tells),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(creates),
        cmocka_unit_test(a_stop_ends_the_waits),
        cmocka_unit_test(accounts),
        cmocka_unit_test(waits_until_active),
        cmocka_unit_test(gives_up_on_what_failed),
        cmocka_unit_test(retries_what_may_be_retried),
        cmocka_unit_test(retries_end),
        cmocka_unit_test(patience),
        cmocka_unit_test(waits_as_long_as_it_is_told),
        cmocka_unit_test(says_what_to_do),
        cmocka_unit_test(looks_whether_it_was_created),
        cmocka_unit_test(a_new_function_may_be_unknown),
        cmocka_unit_test(waiting_ends_with_the_reason),
        cmocka_unit_test(roles),
        cmocka_unit_test(one_log_group_for_all),
        cmocka_unit_test(concurrency_of_the_account),
        cmocka_unit_test(renews_with_the_whole_environment),
        cmocka_unit_test(nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
