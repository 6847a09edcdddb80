/* Reading perf.yml for a subcommand. */
#include "cmd/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "build/checkout.h"
#include "config/diagnostics.h"
#include "config/reader.h"
#include "os/fs.h"

static struct plan *read_plan(const char *path, const struct config_options *options,
                              const char *colour)
{
    struct plan *plan = NULL;
    struct diagnostics found;
    struct buf text;
    struct error e = {0};
    diagnostics_init(&found);
    buf_init(&text);
    int failed = config_read(path, options, &plan, &found, &e);
    diagnostics_render(&found, command_colour(colour, STDERR_FILENO), &text);
    fputs(text.data, stderr);
    if (failed && !found.errors)
        command_fail(&e);
    buf_release(&text);
    diagnostics_release(&found);
    return failed ? NULL : plan;
}

struct plan *command_plan(const char *path, const char *colour)
{
    return read_plan(path, NULL, colour);
}

/* Reads it in a worktree of the commit, which is gone when this returns. */
static struct plan *read_plan_at(const char *path, const char *ref, const char *colour,
                                 struct error *e)
{
    struct plan *plan = NULL;
    struct checkout commit = {0};
    char *folder = fs_dirname(path);
    char *spec = xasprintf("git:%s", ref);
    char *shown = xasprintf("%s:%s", ref, path);
    char *temp = fs_make_temp_dir("lambda-perf-gate-", e);
    struct checkout_request request = {SIDE_BASELINE, spec, folder, temp, &command_signal};
    if (temp && checkout_open(&commit, &request, e)) {
        error_prefix(e, "--config-ref");
    } else if (temp) {
        char *there = fs_join(commit.root, fs_basename(path));
        struct config_options options = {.shown_path = shown};
        if (fs_is_file(there))
            plan = read_plan(there, &options, colour);
        else
            error_set(e, ERROR_CONFIG, "there is no %s", shown);
        if (plan) {
            plan->path = arena_strdup(&plan->arena, path);
            plan->directory = arena_strdup(&plan->arena, folder);
        }
        checkout_close(&commit);
        free(there);
    }
    if (temp)
        fs_remove_tree(temp, NULL);
    free(temp);
    free(shown);
    free(spec);
    free(folder);
    return plan;
}

struct plan *command_plan_at(const char *path, const char *ref, const char *colour, int *code)
{
    struct error e = {0};
    struct plan *plan = ref ? read_plan_at(path, ref, colour, &e) : command_plan(path, colour);
    if (!plan)
        *code = e.code ? command_fail(&e) : EXIT_USAGE;
    return plan;
}

bool command_selects(const struct opt_list *functions, const char *name)
{
    for (size_t i = 0; i < functions->count; i++)
        if (!strcmp(functions->items[i], name))
            return true;
    return !functions->count;
}

unsigned command_selected(const struct opt_list *functions, const struct plan *plan)
{
    unsigned n = 0;
    for (size_t i = 0; i < plan->function_count; i++)
        n += command_selects(functions, plan->functions[i].name);
    return n;
}

int command_check_selection(const struct opt_list *functions, const struct plan *plan,
                            struct error *e)
{
    for (size_t i = 0; i < functions->count; i++)
        if (!plan_find(plan, functions->items[i]))
            return error_set(e, ERROR_USAGE, "perf.yml has no function '%s'", functions->items[i]);
    return 0;
}
