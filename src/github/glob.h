/*
 * glob.h - path patterns, as the path filters of GitHub's workflows have them.
 */
#ifndef LPG_GITHUB_GLOB_H
#define LPG_GITHUB_GLOB_H

#include <stdbool.h>

/*
 * Whether the pattern matches the whole path: '*' stands for any characters but '/', '?' for one of
 * them, "**" for any characters at all, and "**" with a '/' behind it, as the first or behind a
 * '/', for any number of folders, none included. All else stands for itself.
 */
bool glob_matches(const char *pattern, const char *path);

/*
 * Whether a list of patterns selects the path. Each line is a pattern, and one that begins with '!'
 * takes out again what the lines before it selected: the last line that matches decides. Blanks at
 * both ends, empty lines and lines that begin with '#' do not count.
 */
bool glob_selects(const char *lines, const char *path);

#endif
