/* lambda-perf-gate: a performance and cost gate for AWS Lambda functions. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/command.h"
#include "net/http_client.h"

static const struct {
    const char *name;
    command_fn *run;
    const char *summary;
} commands[] = {
    {"run", command_run, "measure baseline and candidate, judge, report"},
    {"init", command_init, "write a starter perf.yml and workflow from what the folder holds"},
    {"check", command_check, "validate perf.yml"},
    {"calibrate", command_calibrate, "the code against itself: what can be told from noise here"},
    {"selftest", command_selftest, "prove that the gate fails a known slowdown"},
    {"serve", command_serve, "the embedded Lambda alone, for any client"},
    {"report", command_report, "render a result.json again"},
    {"compare", command_compare, "judge a stored samples file, no measurement"},
    {"comment", command_comment, "post a result.json to its pull request"},
    {"cleanup", command_cleanup, "delete what runs at a Lambda endpoint left behind"},
    {"ci", command_ci,
     "what the GitHub Action runs: the event, a run, and what GitHub shows of it"},
    {"prices", command_prices, "show the prices, or fetch AWS's price list anew"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void help(FILE *to)
{
    fputs("usage: lambda-perf-gate COMMAND [options]\n\n"
          "Deploys two builds of a Lambda function side by side, compares P99, cold start and\n"
          "cost per million invocations, and says pass, fail or \"cannot tell\".\n\ncommands:\n",
          to);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\nexit codes:\n", to);
    for (size_t i = 0; i < exit_code_count; i++)
        fprintf(to, "  %3d  %s\n", exit_codes[i].code, exit_codes[i].meaning);
    fputs("\n'lambda-perf-gate COMMAND --help' tells the options of a command.\n", to);
}

static int unknown(const char *word)
{
    const char *names[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    const char *near = text_suggest(word, names, COMMAND_COUNT);
    fprintf(stderr, "lambda-perf-gate: error: unknown command '%s'", word);
    fprintf(stderr, near ? " (did you mean '%s'?)\n" : "; see --help\n", near);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("lambda-perf-gate %s (%s)\n", LPG_VERSION, http_client_library());
        return EXIT_PASS;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        help(stdout);
        return EXIT_PASS;
    }
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(commands[i].name, argv[1]))
            return commands[i].run(argc - 1, argv + 1);
    return unknown(argv[1]);
}
