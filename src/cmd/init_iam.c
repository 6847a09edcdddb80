/* init --iam: the least that a workflow must be allowed to do for measuring on AWS, as IAM documents. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "config/iam.h"
#include "os/fs.h"

struct args {
    const char *account, *region, *repository, *environment, *deployer, *execution, *bucket;
    const char *output;
    struct opt_list functions;
    bool iam, versions, force;
};

static const struct opt options[] = {
    {"iam", 0, NULL, OPT_FLAG, offsetof(struct args, iam), "write IAM documents"},
    {"account", 0, "ID", OPT_STRING, offsetof(struct args, account),
     "the AWS account: twelve digits"},
    {"repository", 0, "ORG/NAME", OPT_STRING, offsetof(struct args, repository),
     "the GitHub repository whose workflows measure"},
    {"environment", 0, "NAME", OPT_STRING, offsetof(struct args, environment),
     "only jobs of this GitHub environment (default: only pull requests of the repository)"},
    {"region", 0, "NAME", OPT_STRING, offsetof(struct args, region),
     "only functions in this region (default: any)"},
    {"function", 'f', "NAME", OPT_LIST, offsetof(struct args, functions),
     "an existing function that --like or function:NAME reads (repeatable)"},
    {"versions", 0, NULL, OPT_FLAG, offsetof(struct args, versions),
     "these functions may be given new versions (run --versions-of)"},
    {"code-bucket", 0, "NAME", OPT_STRING, offsetof(struct args, bucket),
     "the bucket for packages above 50 MB"},
    {"deployer-role", 0, "NAME", OPT_STRING, offsetof(struct args, deployer),
     "the role that the workflow assumes (default: lambda-perf-gate-deployer)"},
    {"execution-role", 0, "NAME", OPT_STRING, offsetof(struct args, execution),
     "the role that the measured functions run as (default: lambda-perf-gate-execution)"},
    {"output", 'o', "DIR", OPT_STRING, offsetof(struct args, output),
     "where to write (default: iam)"},
    {"force", 0, NULL, OPT_FLAG, offsetof(struct args, force), "overwrite files that exist"},
};

static const struct command_usage usage = {
    "lambda-perf-gate init --iam --account ID --repository ORG/NAME [options]",
    "Writes the trust and permission policies of two roles: the one that a workflow assumes by\n"
    "GitHub's OIDC tokens, and the one that the measured functions run as. Everything that the\n"
    "first may change or invoke must carry this tool's tags. Prints the commands that make them.",
    options,
    sizeof options / sizeof options[0],
};

static int refuse_existing(const struct args *args, struct error *e)
{
    for (size_t i = 0; i < iam_document_count; i++) {
        char *path = fs_join(args->output, iam_documents[i].file);
        bool there = fs_exists(path);
        if (there)
            error_set(e, ERROR_USAGE,
                      "'%s' exists already: nothing was written (--force overwrites it)", path);
        free(path);
        if (there)
            return -1;
    }
    return 0;
}

static int write_documents(const struct args *args, const struct iam_request *request,
                           struct error *e)
{
    int failed = 0;
    for (size_t i = 0; i < iam_document_count && !failed; i++) {
        struct buf text;
        char *path = fs_join(args->output, iam_documents[i].file);
        buf_init(&text);
        iam_documents[i].write(request, &text);
        failed = fs_write(path, text.data, text.length, e);
        if (!failed)
            fprintf(stderr, "wrote %s\n", path);
        buf_release(&text);
        free(path);
    }
    return failed;
}

static int write_all(const struct args *args, const struct iam_request *request, struct error *e)
{
    struct buf commands;
    if (iam_check(request, e) || (!args->force && refuse_existing(args, e)) ||
        fs_make_dirs(args->output, e) || write_documents(args, request, e))
        return -1;
    buf_init(&commands);
    iam_commands(request, args->output, &commands);
    int failed = command_print(commands.data, commands.length, e);
    buf_release(&commands);
    return failed;
}

int command_init_iam(int argc, char **argv)
{
    struct args args = {.deployer = "lambda-perf-gate-deployer",
                        .execution = "lambda-perf-gate-execution",
                        .output = "iam"};
    struct error e = {0};
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code >= 0)
        return code;
    struct iam_request request = {
        .account = args.account,
        .region = args.region,
        .repository = args.repository,
        .environment = args.environment,
        .deployer = args.deployer,
        .execution = args.execution,
        .bucket = args.bucket,
        .functions = args.functions.items,
        .function_count = args.functions.count,
        .versions = args.versions,
    };
    return write_all(&args, &request, &e) ? command_fail(&e) : EXIT_PASS;
}
