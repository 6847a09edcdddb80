/* Reading perf.yml for a subcommand. */
#include "cmd/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/diagnostics.h"
#include "config/reader.h"

struct plan *command_plan(const char *path, const char *colour)
{
    struct plan *plan = NULL;
    struct diagnostics found;
    struct buf text;
    struct error e = {0};
    diagnostics_init(&found);
    buf_init(&text);
    int failed = config_read(path, NULL, &plan, &found, &e);
    diagnostics_render(&found, command_colour(colour, STDERR_FILENO), &text);
    fputs(text.data, stderr);
    if (failed && !found.errors)
        command_fail(&e);
    buf_release(&text);
    diagnostics_release(&found);
    return failed ? NULL : plan;
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
