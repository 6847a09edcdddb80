/* check: validates perf.yml and says everything that is wrong with it at once. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/command.h"
#include "config/diagnostics.h"
#include "config/reader.h"
#include "config/schema.h"

struct args {
    const char *config, *colour;
    bool schema, quiet;
};

static const struct opt options[] = {
    {"config", 'c', "FILE", OPT_STRING, offsetof(struct args, config),
     "read FILE instead of perf.yml"},
    {"schema", 0, NULL, OPT_FLAG, offsetof(struct args, schema),
     "print the JSON Schema of perf.yml instead"},
    {"quiet", 'q', NULL, OPT_FLAG, offsetof(struct args, quiet), "say nothing when all is well"},
    {"color", 0, "WHEN", OPT_STRING, offsetof(struct args, colour), "auto, always or never"},
};

static const struct command_usage usage = {
    "lambda-perf-gate check [options]",
    "Validates perf.yml: all errors at once, each with file, line, column and what was probably "
    "meant.",
    options,
    sizeof options / sizeof options[0],
};

static int print_schema(void)
{
    struct buf schema;
    struct error e = {0};
    buf_init(&schema);
    config_schema(&schema);
    int failed = command_print(schema.data, schema.length, &e);
    buf_release(&schema);
    return failed ? command_fail(&e) : EXIT_PASS;
}

int command_check(int argc, char **argv)
{
    struct args args = {.config = "perf.yml", .colour = "auto"};
    int code = command_options(&usage, argc, argv, &args, NULL);
    if (code >= 0)
        return code;
    if (args.schema)
        return print_schema();
    struct plan *plan = command_plan(args.config, args.colour);
    if (!plan)
        return EXIT_USAGE;
    if (!args.quiet)
        printf("%s: ok, %zu function%s\n", args.config, plan->function_count,
               plan->function_count == 1 ? "" : "s");
    plan_free(plan);
    return EXIT_PASS;
}
