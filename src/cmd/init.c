/* init: writes a starter perf.yml and workflow. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "config/starter.h"
#include "os/fs.h"

struct args {
    bool force, print;
};

static const struct opt options[] = {
    {"force", 'f', NULL, OPT_FLAG, offsetof(struct args, force), "overwrite files that exist"},
    {"print", 0, NULL, OPT_FLAG, offsetof(struct args, print),
     "print perf.yml on stdout, write nothing"},
};

static const struct command_usage usage = {
    "lambda-perf-gate init [options] [DIRECTORY]",
    "Looks at what the folder holds (a SAM template, serverless.yml, package.json, "
    "requirements.txt, bootstrap,\n"
    "Cargo.toml, go.mod) and writes a starter perf.yml and .github/workflows/lambda-perf-gate.yml.",
    options,
    sizeof options / sizeof options[0],
};

static int write_new(const char *directory, const char *name, const struct buf *text, bool force,
                     struct error *e)
{
    char *path = fs_join(directory, name);
    char *folder = fs_dirname(path);
    int failed = 0;
    if (fs_exists(path) && !force)
        failed =
            error_set(e, ERROR_USAGE,
                      "'%s' exists already: nothing was written (--force overwrites it)", path);
    else if (fs_make_dirs(folder, e) || fs_write(path, text->data, text->length, e))
        failed = -1;
    else
        fprintf(stderr, "wrote %s\n", path);
    free(folder);
    free(path);
    return failed;
}

static const char *const perf_yml = "perf.yml";
static const char *const workflow_yml = ".github/workflows/lambda-perf-gate.yml";

static bool any_exists(const char *directory)
{
    char *a = fs_join(directory, perf_yml), *b = fs_join(directory, workflow_yml);
    bool exists = fs_exists(a) || fs_exists(b);
    free(a);
    free(b);
    return exists;
}

static int init(const char *directory, const struct args *args, struct error *e)
{
    struct buf perf, workflow, found;
    buf_init(&perf);
    buf_init(&workflow);
    buf_init(&found);
    int failed = 0;
    if (!fs_is_dir(directory))
        failed = error_set(e, ERROR_USAGE, "there is no folder '%s'", directory);
    else
        failed = config_starter(directory, &perf, &workflow, &found, e);
    if (!failed) {
        fputs(found.data, stderr);
        if (args->print)
            failed = command_print(perf.data, perf.length, e);
        else if (any_exists(directory) && !args->force)
            failed = error_set(e, ERROR_USAGE,
                               "'%s' or '%s' exists already in '%s': nothing was written (--force "
                               "overwrites)",
                               perf_yml, workflow_yml, directory);
        else if (write_new(directory, perf_yml, &perf, args->force, e) ||
                 write_new(directory, workflow_yml, &workflow, args->force, e))
            failed = -1;
    }
    buf_release(&perf);
    buf_release(&workflow);
    buf_release(&found);
    return failed;
}

int command_init(int argc, char **argv)
{
    struct args args = {0};
    struct opt_list words = {0};
    struct error e = {0};
    int code = command_options(&usage, argc, argv, &args, &words);
    if (code >= 0)
        return code;
    if (words.count > 1)
        error_set(&e, ERROR_USAGE, "init takes one folder");
    else if (!init(words.count ? words.items[0] : ".", &args, &e))
        return EXIT_PASS;
    return command_fail(&e);
}
