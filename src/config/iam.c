#include "config/iam.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/temporary.h"

#define VERSION_OF_LANGUAGE "2012-10-17"
#define GITHUB_ISSUER       "token.actions.githubusercontent.com"

enum { ACCOUNT_DIGITS = 12, NAME_MAX_BYTES = 64 };

/* What the deployer does with functions that it made, each of which carries the gate's tags. */
static const char *const own_actions[] = {
    "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
    "lambda:PublishVersion",     "lambda:InvokeFunction",
    "lambda:DeleteFunction",     NULL,
};
/* Reading is asked of every function with the gate's prefix: to find out whether it is its own. */
static const char *const read_actions[] = {"lambda:GetFunction", "lambda:GetFunctionConfiguration",
                                           "lambda:ListTags", NULL};
/* Of functions that are named: what an alias stands for, and what is kept ready for it. */
static const char *const named_actions[] = {
    "lambda:GetFunction", "lambda:GetFunctionConfiguration",        "lambda:ListTags",
    "lambda:GetAlias",    "lambda:GetProvisionedConcurrencyConfig", NULL};
static const char *const create_actions[] = {"lambda:CreateFunction", "lambda:TagResource", NULL};
static const char *const account_actions[] = {"lambda:ListFunctions", "lambda:GetAccountSettings",
                                              NULL};
static const char *const version_actions[] = {"lambda:UpdateFunctionCode", "lambda:PublishVersion",
                                              "lambda:InvokeFunction", NULL};
static const char *const delete_actions[] = {"lambda:DeleteFunction", "lambda:InvokeFunction",
                                             NULL};
static const char *const bucket_actions[] = {"s3:PutObject", "s3:GetObject", "s3:DeleteObject",
                                             NULL};
static const char *const log_actions[] = {"logs:CreateLogStream", "logs:PutLogEvents", NULL};
static const char *const pass_actions[] = {"iam:PassRole", NULL};

/* ---- what is asked ---- */

static bool is_account(const char *text)
{
    return text && strlen(text) == ACCOUNT_DIGITS && strspn(text, "0123456789") == ACCOUNT_DIGITS;
}

/* Letters, digits and the given others; these texts go into JSON and into commands. */
static bool is_name(const char *text, const char *others, size_t most)
{
    size_t length = strlen(text);
    if (!length || length > most || text[0] == '-' || text[0] == '.')
        return false;
    for (const char *c = text; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        if (!plain && !strchr(others, *c))
            return false;
    }
    return true;
}

static bool is_repository(const char *text)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    return slash && slash != text && slash[1] && !strchr(slash + 1, '/') &&
           is_name(text, "./", 140);
}

int iam_check(const struct iam_request *r, struct error *e)
{
    if (!is_account(r->account))
        return error_set(e, ERROR_USAGE, "--account is the twelve digits of the AWS account");
    if (!is_repository(r->repository))
        return error_set(e, ERROR_USAGE, "--repository is the repository's ORG/NAME");
    if (r->region && !text_is_region(r->region))
        return error_set(e, ERROR_USAGE, "'%s' is no region", r->region);
    if (r->environment && !is_name(r->environment, ". ", 255))
        return error_set(e, ERROR_USAGE, "'%s' cannot be the name of an environment",
                         r->environment);
    if (!is_name(r->deployer, ".", NAME_MAX_BYTES) || !is_name(r->execution, ".", NAME_MAX_BYTES))
        return error_set(e, ERROR_USAGE,
                         "a role's name is at most %d letters, digits, '.', '_' and '-'",
                         NAME_MAX_BYTES);
    if (r->bucket && !is_name(r->bucket, ".", 63))
        return error_set(e, ERROR_USAGE, "'%s' is no bucket's name", r->bucket);
    for (size_t i = 0; i < r->function_count; i++)
        if (!is_name(r->functions[i], "", NAME_MAX_BYTES))
            return error_set(e, ERROR_USAGE, "'%s' is no function's name", r->functions[i]);
    return 0;
}

/* ---- documents ---- */

static const char *partition_of(const struct iam_request *r)
{
    if (r->region && !strncmp(r->region, "cn-", 3))
        return "aws-cn";
    return r->region && !strncmp(r->region, "us-gov-", 7) ? "aws-us-gov" : "aws";
}

static char *function_arn(const struct iam_request *r, const char *name)
{
    return xasprintf("arn:%s:lambda:%s:%s:function:%s", partition_of(r),
                     r->region ? r->region : "*", r->account, name);
}

static char *role_arn(const struct iam_request *r, const char *name)
{
    return xasprintf("arn:%s:iam::%s:role/%s", partition_of(r), r->account, name);
}

static void begin_document(struct json_writer *w, struct buf *out)
{
    json_begin(w, out, 2);
    json_open_object(w, NULL);
    json_put_string(w, "Version", VERSION_OF_LANGUAGE);
    json_open_array(w, "Statement");
}

static void end_document(struct json_writer *w)
{
    json_close(w);
    json_close(w);
    buf_addch(w->out, '\n');
}

/* Opens a statement that allows `actions`; a condition may follow, then json_close(). */
static void begin_statement(struct json_writer *w, const char *id, const char *const *actions)
{
    json_open_object(w, NULL);
    json_put_string(w, "Sid", id);
    json_put_string(w, "Effect", "Allow");
    json_open_array(w, "Action");
    for (; *actions; actions++)
        json_put_string(w, NULL, *actions);
    json_close(w);
}

static void put_condition(struct json_writer *w, const char *operator, const char * key,
                          const char *value)
{
    json_open_object(w, "Condition");
    json_open_object(w, operator);
    json_put_string(w, key, value);
    json_close(w);
    json_close(w);
}

/* The functions that a run makes, and their versions. */
static void put_temporary_functions(struct json_writer *w, const struct iam_request *r)
{
    char *arn = function_arn(r, TEMPORARY_PREFIX "*");
    json_put_string(w, "Resource", arn);
    free(arn);
}

static void put_own_functions(struct json_writer *w, const struct iam_request *r)
{
    begin_statement(w, "MakeTaggedFunctions", create_actions);
    put_temporary_functions(w, r);
    put_condition(w, "Null", "aws:RequestTag/" TEMPORARY_TAG_RUN, "false");
    json_close(w);
    begin_statement(w, "UseAndDeleteOwnFunctions", own_actions);
    put_temporary_functions(w, r);
    put_condition(w, "Null", "aws:ResourceTag/" TEMPORARY_TAG_RUN, "false");
    json_close(w);
    begin_statement(w, "ReadFunctionsOfItsPrefix", read_actions);
    put_temporary_functions(w, r);
    json_close(w);
    begin_statement(w, "ReadTheAccount", account_actions);
    json_put_string(w, "Resource", "*");
    json_close(w);
}

/* Each function's ARN with something behind its name. */
static void put_functions(struct json_writer *w, const struct iam_request *r, const char *suffix)
{
    for (size_t i = 0; i < r->function_count; i++) {
        char *name = xasprintf("%s%s", r->functions[i], suffix);
        char *arn = function_arn(r, name);
        json_put_string(w, NULL, arn);
        free(arn);
        free(name);
    }
}

static void put_named_functions(struct json_writer *w, const struct iam_request *r)
{
    if (!r->function_count)
        return;
    begin_statement(w, "ReadNamedFunctions", named_actions);
    json_open_array(w, "Resource");
    put_functions(w, r, "");
    put_functions(w, r, ":*");
    json_close(w);
    json_close(w);
    if (!r->versions)
        return;
    begin_statement(w, "PublishVersionsOfNamedFunctions", version_actions);
    json_open_array(w, "Resource");
    put_functions(w, r, "");
    json_close(w);
    json_close(w);
    begin_statement(w, "UseAndDeleteTheirVersions", delete_actions);
    json_open_array(w, "Resource");
    put_functions(w, r, ":*"); /* never the function itself */
    json_close(w);
    json_close(w);
}

static void write_deployer_policy(const struct iam_request *r, struct buf *out)
{
    struct json_writer w;
    char *role = role_arn(r, r->execution);
    begin_document(&w, out);
    put_own_functions(&w, r);
    begin_statement(&w, "PassTheExecutionRole", pass_actions);
    json_put_string(&w, "Resource", role);
    put_condition(&w, "StringEquals", "iam:PassedToService", "lambda.amazonaws.com");
    json_close(&w);
    put_named_functions(&w, r);
    if (r->bucket) {
        char *objects = xasprintf("arn:%s:s3:::%s/lambda-perf-gate/*", partition_of(r), r->bucket);
        begin_statement(&w, "KeepLargePackages", bucket_actions);
        json_put_string(&w, "Resource", objects);
        json_close(&w);
        free(objects);
    }
    end_document(&w);
    free(role);
}

/* A token of the workflow: of this repository, for STS, and from where it may measure. */
static void put_token_conditions(struct json_writer *w, const struct iam_request *r)
{
    char *subject = r->environment
                        ? xasprintf("repo:%s:environment:%s", r->repository, r->environment)
                        : xasprintf("repo:%s:pull_request", r->repository);
    json_open_object(w, "Condition");
    json_open_object(w, "StringEquals");
    json_put_string(w, GITHUB_ISSUER ":aud", "sts.amazonaws.com");
    json_put_string(w, GITHUB_ISSUER ":sub", subject);
    json_close(w);
    json_close(w);
    free(subject);
}

static void write_deployer_trust(const struct iam_request *r, struct buf *out)
{
    static const char *const actions[] = {"sts:AssumeRoleWithWebIdentity", NULL};
    struct json_writer w;
    char *provider =
        xasprintf("arn:%s:iam::%s:oidc-provider/" GITHUB_ISSUER, partition_of(r), r->account);
    begin_document(&w, out);
    begin_statement(&w, "WorkflowsOfTheRepository", actions);
    json_open_object(&w, "Principal");
    json_put_string(&w, "Federated", provider);
    json_close(&w);
    put_token_conditions(&w, r);
    json_close(&w);
    end_document(&w);
    free(provider);
}

static void write_execution_trust(const struct iam_request *r, struct buf *out)
{
    static const char *const actions[] = {"sts:AssumeRole", NULL};
    struct json_writer w;
    (void)r;
    begin_document(&w, out);
    begin_statement(&w, "LambdaItself", actions);
    json_open_object(&w, "Principal");
    json_put_string(&w, "Service", "lambda.amazonaws.com");
    json_close(&w);
    json_close(&w);
    end_document(&w);
}

static void write_execution_policy(const struct iam_request *r, struct buf *out)
{
    struct json_writer w;
    char *group = xasprintf("arn:%s:logs:%s:%s:log-group:" TEMPORARY_LOG_GROUP ":*",
                            partition_of(r), r->region ? r->region : "*", r->account);
    begin_document(&w, out);
    begin_statement(&w, "WriteTheSharedLogGroup", log_actions);
    json_put_string(&w, "Resource", group);
    json_close(&w);
    end_document(&w);
    free(group);
}

const struct iam_document iam_documents[] = {
    {"deployer-trust.json", write_deployer_trust},
    {"deployer-policy.json", write_deployer_policy},
    {"execution-trust.json", write_execution_trust},
    {"execution-policy.json", write_execution_policy},
};
const size_t iam_document_count = ARRAY_LEN(iam_documents);

static void add_role(const char *role, const char *kind, const char *directory, struct buf *out)
{
    buf_addf(out,
             "aws iam create-role --role-name %s \\\n"
             "  --assume-role-policy-document file://%s/%s-trust.json\n"
             "aws iam put-role-policy --role-name %s --policy-name lambda-perf-gate \\\n"
             "  --policy-document file://%s/%s-policy.json\n",
             role, directory, kind, role, directory, kind);
}

void iam_commands(const struct iam_request *r, const char *directory, struct buf *out)
{
    const char *region = r->region ? r->region : "REGION";
    char *deployer = role_arn(r, r->deployer), *execution = role_arn(r, r->execution);
    buf_addstr(out, "# once per account, unless it is there already\n"
                    "aws iam create-open-id-connect-provider --url https://" GITHUB_ISSUER " \\\n"
                    "  --client-id-list sts.amazonaws.com\n");
    add_role(r->deployer, "deployer", directory, out);
    add_role(r->execution, "execution", directory, out);
    buf_addf(out,
             "aws logs create-log-group --region %s --log-group-name " TEMPORARY_LOG_GROUP "\n"
             "aws logs put-retention-policy --region %s --log-group-name " TEMPORARY_LOG_GROUP
             " \\\n  --retention-in-days 3\n",
             region, region);
    buf_addf(out, "# the workflow assumes %s,\n# the functions run as %s\n", deployer, execution);
    free(deployer);
    free(execution);
}
