/* report: renders a result.json again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/output.h"
#include "report/report.h"

struct args {
    const char *format, *colour;
    bool verbose;
};

static const struct opt options[] = {
    {"format", 0, "NAME", OPT_STRING, offsetof(struct args, format),
     "terminal, markdown, html, json or junit"},
    {"verbose", 'v', NULL, OPT_FLAG, offsetof(struct args, verbose), "all metrics"},
    {"color", 0, "WHEN", OPT_STRING, offsetof(struct args, colour), "auto, always or never"},
};

static const struct command_usage usage = {
    "lambda-perf-gate report [options] [FILE]",
    "Renders a result.json again (default: .lambda-perf-gate/result.json). The exit code is 0 "
    "whatever the verdict.",
    options,
    sizeof options / sizeof options[0],
};

static int print(const struct args *args, const struct renderer *renderer, const struct result *r,
                 struct error *e)
{
    struct output_options o = {.colour = args->colour, .verbose = args->verbose};
    if (!strcmp(renderer->name, "terminal"))
        return output_print(&o, r, e);
    struct report_options plain = REPORT_DEFAULTS;
    struct buf text;
    buf_init(&text);
    renderer->render(r, &plain, &text);
    int failed = command_print(text.data, text.length, e);
    buf_release(&text);
    return failed;
}

static int unknown_format(const char *format, struct error *e)
{
    error_set(e, ERROR_USAGE, "unknown format '%s'; there are:", format);
    for (size_t i = 0; i < renderer_count; i++)
        error_suffix(e, "%s %s", i ? "," : "", renderers[i].name);
    return command_fail(e);
}

int command_report(int argc, char **argv)
{
    struct args args = {.format = "terminal", .colour = "auto"};
    struct opt_list words = {0};
    struct error e = {0};
    int code = command_options(&usage, argc, argv, &args, &words);
    if (code >= 0)
        return code;
    const struct renderer *renderer = report_find(args.format);
    if (!renderer)
        return unknown_format(args.format, &e);
    if (words.count > 1) {
        error_set(&e, ERROR_USAGE, "report takes one file");
        return command_fail(&e);
    }
    struct result *r = output_read(words.count ? words.items[0] : OUTPUT_RESULT, &e);
    int failed = r ? print(&args, renderer, r, &e) : -1;
    result_free(r);
    return failed ? command_fail(&e) : EXIT_PASS;
}
