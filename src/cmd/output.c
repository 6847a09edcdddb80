#include "cmd/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/command.h"
#include "os/fs.h"
#include "report/report.h"

enum { WIDTH_MAX = 140, RESULT_BYTES_MAX = 64 * 1024 * 1024 };
static const char samples_name[] = "samples.ndjson";

static int write_in(const char *directory, const char *name, const struct buf *text,
                    struct error *e)
{
    char *path = fs_join(directory, name);
    int failed = fs_write(path, text->data, text->length, e);
    free(path);
    return failed;
}

/* A run that fails half way must not leave the reports of an earlier one in their place. */
static int remove_old(const char *directory, struct error *e)
{
    char *samples = fs_join(directory, samples_name);
    int failed = fs_remove_tree(samples, e);
    free(samples);
    for (size_t i = 0; i < renderer_count && !failed; i++) {
        char *path = fs_join(directory, renderers[i].file_name);
        failed = fs_remove_tree(path, e);
        free(path);
    }
    return failed;
}

int output_prepare(const char *directory, struct error *e)
{
    /* The folder ignores itself, so that nobody commits a run's files by accident. */
    static const char ignore[] = "*\n";
    char *path = fs_join(directory, ".gitignore");
    int failed = fs_make_dirs(directory, e) || fs_write(path, ignore, sizeof ignore - 1, e) ||
                 remove_old(directory, e);
    free(path);
    return failed ? error_prefix(e, "the output folder") : 0;
}

int output_build_log(const char *directory, const char *function, enum side side,
                     const struct buf *text, struct error *e)
{
    char *name = xasprintf("build-%s-%s.log", function, side_name(side));
    int failed = write_in(directory, name, text, e);
    free(name);
    return failed;
}

static int write_samples(const char *directory, const struct plan *plan,
                         const struct series *series, struct error *e)
{
    struct buf lines;
    buf_init(&lines);
    for (size_t i = 0; i < series->count; i++)
        series_write(series, i, plan->functions[series->items[i].function].name, &lines);
    int failed = write_in(directory, samples_name, &lines, e);
    buf_release(&lines);
    return failed;
}

static int write_reports(const char *directory, const struct result *r, struct error *e)
{
    struct report_options plain = REPORT_DEFAULTS;
    struct buf text;
    int failed = 0;
    buf_init(&text);
    for (size_t i = 0; i < renderer_count && !failed; i++) {
        buf_clear(&text);
        renderers[i].render(r, &plain, &text);
        failed = write_in(directory, renderers[i].file_name, &text, e);
    }
    buf_release(&text);
    return failed;
}

static unsigned terminal_width(unsigned fallback)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
        return fallback;
    return size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

/* Whether the locale's characters are UTF-8: the first of these variables that is set decides. */
static bool takes_unicode(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "utf-8");
    }
    return !isatty(STDOUT_FILENO);
}

int output_print(const struct output_options *o, const struct result *r, struct error *e)
{
    struct report_options shown = REPORT_DEFAULTS;
    shown.width = terminal_width(shown.width);
    shown.unicode = takes_unicode();
    shown.colour = command_colour(o->colour, STDOUT_FILENO);
    shown.verbose = o->verbose;
    struct buf text;
    buf_init(&text);
    report_find(o->json ? "json" : "terminal")->render(r, &shown, &text);
    int failed = command_print(text.data, text.length, e);
    buf_release(&text);
    return failed;
}

/*
 * The result as others will read it: its numbers are rounded, and the reports must not differ from
 * theirs.
 */
static struct result *as_stored(const struct result *r, struct error *e)
{
    struct buf json;
    buf_init(&json);
    result_write(r, &json);
    struct result *stored = result_read(json.data, json.length, e);
    buf_release(&json);
    return stored;
}

int output_write(const struct output_options *o, const struct plan *plan, const struct result *r,
                 const struct series *series, struct error *e)
{
    struct error unwritten = {0};
    struct result *stored = as_stored(r, e);
    if (!stored)
        return -1;
    int failed = write_samples(o->directory, plan, series, &unwritten) ||
                 write_reports(o->directory, stored, &unwritten);
    int unprinted = output_print(o, stored, e);
    result_free(stored);
    if (unprinted)
        return -1;
    if (failed)
        *e = unwritten;
    return failed ? -1 : 0;
}

struct result *output_read(const char *path, struct error *e)
{
    struct buf text;
    struct result *r = NULL;
    buf_init(&text);
    if (!fs_read(path, RESULT_BYTES_MAX, &text, e))
        r = result_read(text.data, text.length, e);
    if (!r)
        error_prefix(e, "%s", path);
    buf_release(&text);
    return r;
}
