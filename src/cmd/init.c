/* init: writes a starter perf.yml, and the workflow for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    "Looks at what the folder holds (a SAM template, serverless.yml, package.json,\n"
    "requirements.txt, bootstrap, Cargo.toml, go.mod) and writes a starter perf.yml; at the top "
    "of\n"
    "a git repository also .github/workflows/perf-gate.yml.\n"
    "With --iam: the IAM policies for measuring on AWS instead; see init --iam --help.",
    options,
    sizeof options / sizeof options[0],
};

static int write_new(const char *directory, const struct buf *text, bool force, struct error *e)
{
    char *path = fs_join(directory, "perf.yml");
    int failed;
    if (fs_exists(path) && !force)
        failed =
            error_set(e, ERROR_USAGE,
                      "'%s' exists already: nothing was written (--force overwrites it)", path);
    else
        failed = fs_write(path, text->data, text->length, e);
    if (!failed)
        fprintf(stderr, "wrote %s\n", path);
    free(path);
    return failed;
}

/* One that is there is left alone: it is the repository's by now. */
static int write_workflow(const char *directory, bool force, struct error *e)
{
    char *git = fs_join(directory, ".git");
    char *folder = fs_join(directory, ".github/workflows");
    char *path = fs_join(folder, "perf-gate.yml");
    struct buf text;
    int failed = 0;
    buf_init(&text);
    config_starter_workflow(&text, LPG_VERSION);
    if (!fs_exists(git))
        fprintf(stderr, "not the top of a git repository: no workflow was written\n");
    else if (fs_exists(path) && !force)
        fprintf(stderr, "'%s' exists already and was left as it is\n", path);
    else if ((failed = fs_make_dirs(folder, e) || fs_write(path, text.data, text.length, e)) == 0)
        fprintf(stderr,
                "wrote %s: put the action's name and its release's commit in its last line\n",
                path);
    buf_release(&text);
    free(path);
    free(folder);
    free(git);
    return failed;
}

static int init(const char *directory, const struct args *args, struct error *e)
{
    if (!fs_is_dir(directory))
        return error_set(e, ERROR_USAGE, "there is no folder '%s'", directory);
    struct buf perf, found;
    buf_init(&perf);
    buf_init(&found);
    int failed = config_starter(directory, &perf, &found, e);
    if (!failed) {
        fputs(found.data, stderr);
        failed = args->print ? command_print(perf.data, perf.length, e)
                             : write_new(directory, &perf, args->force, e) ||
                                   write_workflow(directory, args->force, e);
    }
    buf_release(&perf);
    buf_release(&found);
    return failed;
}

/* Writing IAM documents is another task with other options. */
static bool asks_for_iam(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--iam"))
            return true;
    return false;
}

int command_init(int argc, char **argv)
{
    if (asks_for_iam(argc, argv))
        return command_init_iam(argc, argv);
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
