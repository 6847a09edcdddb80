#include "github/glob.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * Tries where a star could end. Of two stars only the later one has to be tried again at other
 * places when both are of the same kind, so two places to go back to are enough and the time grows
 * with pattern x path, not exponentially.
 */
struct retry {
    const char *pattern, *path; /* NULL: nothing to go back to */
};

static bool go_back(struct retry *r, const char **pattern, const char **path, bool over_slashes)
{
    if (!r->pattern || !*r->path || (!over_slashes && *r->path == '/'))
        return false;
    *pattern = r->pattern;
    *path = ++r->path;
    return true;
}

/* Whole folders: they end where they began or behind a '/'. */
static bool go_back_folders(struct retry *r, const char **pattern, const char **path)
{
    bool folders = r->pattern && r->pattern[-1] == '/';
    if (!folders)
        return go_back(r, pattern, path, true);
    const char *slash = strchr(r->path, '/');
    if (!slash)
        return false;
    *pattern = r->pattern;
    *path = r->path = slash + 1;
    return true;
}

bool glob_matches(const char *pattern, const char *path)
{
    struct retry star = {0}, stars = {0};
    const char *start = pattern;
    while (*path || *pattern) {
        if (pattern[0] == '*' && pattern[1] == '*') {
            bool folders = pattern[2] == '/' && (pattern == start || pattern[-1] == '/');
            pattern += folders ? 3 : 2;
            stars = (struct retry){pattern, path};
            star = (struct retry){0};
        } else if (*pattern == '*') {
            star = (struct retry){++pattern, path};
        } else if (*path && (*pattern == *path || (*pattern == '?' && *path != '/'))) {
            pattern++;
            path++;
        } else if (!go_back(&star, &pattern, &path, false)) {
            star = (struct retry){0};
            if (!go_back_folders(&stars, &pattern, &path))
                return false;
        }
    }
    return true;
}

static bool line_selects(const char *line, size_t length, const char *path, bool selected)
{
    while (length && strchr(" \t\r", line[length - 1]))
        length--;
    while (length && strchr(" \t", *line)) {
        line++;
        length--;
    }
    if (!length || *line == '#')
        return selected;
    bool out = *line == '!';
    char *pattern = xstrndup(line + out, length - out);
    if (glob_matches(pattern, path))
        selected = !out;
    free(pattern);
    return selected;
}

bool glob_selects(const char *lines, const char *path)
{
    bool selected = false;
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        selected = line_selects(lines, length, path, selected);
        lines += length + (lines[length] == '\n');
    }
    return selected;
}
