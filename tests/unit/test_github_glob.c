#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "github/glob.h"

static void known_answers(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool wanted;
    } rows[] = {
        {"a.py", "a.py", true},
        {"a.py", "b/a.py", false},
        {"*.py", "a.py", true},
        {"*.py", "b/a.py", false},
        {"**.py", "b/a.py", true},
        {"**/*.py", "a.py", true},
        {"**/*.py", "b/c/a.py", true},
        {"**/a.py", "b/xa.py", false},
        {"services/**", "services/a/b", true},
        {"services/**", "services/", true},
        {"services/**", "servicesx/a", false},
        {"services/*", "services/a/b", false},
        {"services/*/app.py", "services/a/app.py", true},
        {"services/*/app.py", "services/app.py", false},
        {"services/**/app.py", "services/app.py", true},
        {"services/**/app.py", "services/a/b/app.py", true},
        {"services/**/app.py", "services/a/bapp.py", false},
        {"*a**/b", "aab", false},
        {"*a**/b", "aax/b", true},
        {"**/a*/**/c", "x/ab/y/ac/c", true},
        {"**/a*/**/c", "x/b/c", false},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"**", "a/b", true},
        {"**", "", true},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"[ab]", "a", false},
        {"[ab]", "[ab]", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (glob_matches(rows[i].pattern, rows[i].path) != rows[i].wanted)
            fail_msg("'%s' and '%s'", rows[i].pattern, rows[i].path);
}

/* The meaning itself, word for word, and slow. */
static bool plainly(const char *start, const char *pattern, const char *path)
{
    if (pattern[0] == '*' && pattern[1] == '*') {
        bool folders = pattern[2] == '/' && (pattern == start || pattern[-1] == '/');
        const char *rest = pattern + (folders ? 3 : 2);
        for (const char *p = path;; p++) {
            if ((p == path || !folders || p[-1] == '/') && plainly(start, rest, p))
                return true;
            if (!*p)
                return false;
        }
    }
    if (*pattern == '*') {
        for (const char *p = path;; p++) {
            if (plainly(start, pattern + 1, p))
                return true;
            if (!*p || *p == '/')
                return false;
        }
    }
    if (!*pattern || !*path)
        return !*pattern && !*path;
    return (*pattern == *path || (*pattern == '?' && *path != '/')) &&
           plainly(start, pattern + 1, path + 1);
}

static void random_text(struct rng *rng, const char *letters, char *out, size_t max)
{
    size_t length = rng_below(rng, max);
    for (size_t i = 0; i < length; i++)
        out[i] = letters[rng_below(rng, strlen(letters))];
    out[length] = '\0';
}

static void as_the_plain_meaning(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 1, 0);
    unsigned matched = 0;
    for (int i = 0; i < 200000; i++) {
        char pattern[10], path[10];
        random_text(&rng, "ab/***?", pattern, sizeof pattern);
        random_text(&rng, "aab/", path, sizeof path);
        bool wanted = plainly(pattern, pattern, path);
        matched += wanted;
        if (glob_matches(pattern, path) != wanted)
            fail_msg("'%s' and '%s'", pattern, path);
    }
    assert_true(matched > 5000 && matched < 190000);
}

static void many_stars_end_in_time(void **state)
{
    (void)state;
    char pattern[2001], path[4001];
    for (size_t i = 0; i < 2000; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[2000] = '\0';
    memset(path, 'a', 4000);
    path[3999] = 'b';
    path[4000] = '\0';
    assert_false(glob_matches(pattern, path));
}

static void the_last_line_that_matches_decides(void **state)
{
    (void)state;
    static const char lines[] = "# code\nservices/**\r\n  !**/*.md  \n\nservices/README.md\n";
    assert_true(glob_selects(lines, "services/a/app.py"));
    assert_false(glob_selects(lines, "services/a/notes.md"));
    assert_true(glob_selects(lines, "services/README.md"));
    assert_false(glob_selects(lines, "docs/a.py"));
    assert_false(glob_selects("", "a"));
    assert_false(glob_selects("!a", "b"));
    assert_true(glob_selects("a", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(as_the_plain_meaning),
        cmocka_unit_test(many_stars_end_in_time),
        cmocka_unit_test(the_last_line_that_matches_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
