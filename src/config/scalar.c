#include "config/scalar.h"

#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/units.h"

enum { NUMBER_BYTES_MAX = 40 };

static const char digits[] = "0123456789";

/* Words that YAML 1.1 takes for something else than text. */
static const struct {
    const char *word;
    const char *advice;
} unsure_words[] = {
    {"yes", "some YAML readers take it for true: write true, or put it in quotes"},
    {"on", "some YAML readers take it for true: write true, or put it in quotes"},
    {"no", "some YAML readers take it for false: write false, or put it in quotes"},
    {"off", "some YAML readers take it for false: write false, or put it in quotes"},
    {".nan", "this stands for no number: put a text in quotes"},
    {".inf", "this stands for infinity: put a text in quotes"},
    {"-.inf", "this stands for infinity: put a text in quotes"},
    {"+.inf", "this stands for infinity: put a text in quotes"},
};

/* Bytes at `text` that are digits or underscores. */
static size_t loose_digits(const char *text)
{
    return strspn(text, "0123456789_");
}

static bool is_based(const char *t)
{
    if (t[0] != '0' || !t[1] || !t[2])
        return false;
    const char *allowed = t[1] == 'x'   ? "0123456789abcdefABCDEF_"
                          : t[1] == 'o' ? "01234567_"
                          : t[1] == 'b' ? "01_"
                                        : "";
    return !t[2 + strspn(t + 2, allowed)];
}

/* 12:30 and 12:30:45.5, which YAML 1.1 reads to the base of 60. */
static bool is_sexagesimal(const char *t)
{
    size_t n = loose_digits(t);
    if (!n || t[n] != ':')
        return false;
    while (t[n] == ':' && strspn(t + n + 1, digits)) {
        n++;
        n += strspn(t + n, digits);
    }
    if (t[n] == '.')
        n += 1 + loose_digits(t + n + 1);
    return !t[n];
}

static bool is_exponential(const char *t)
{
    size_t n = loose_digits(t), before = n;
    if (t[n] == '.') {
        size_t after = loose_digits(t + n + 1);
        before += after;
        n += 1 + after;
    }
    if (!before || (t[n] != 'e' && t[n] != 'E'))
        return false;
    n++;
    n += t[n] == '+' || t[n] == '-';
    size_t exponent = strspn(t + n, digits);
    return exponent && !t[n + exponent];
}

/* Digits with underscores, with a point at an end, or too many of them. */
static const char *advise_decimal(const char *t)
{
    size_t n = loose_digits(t), whole = n;
    bool point = t[n] == '.';
    size_t after = point ? loose_digits(t + n + 1) : 0;
    n += point + after;
    if (t[n] || !(whole + after) || t[strspn(t, "_")] == '\0' || *t == '_')
        return NULL;
    if (strchr(t, '_'))
        return "some YAML readers take it for a number: write it without '_', or put it in quotes";
    if (!whole || (point && !after))
        return "write a digit on both sides of the point, or put it in quotes";
    if (n > NUMBER_BYTES_MAX)
        return "this number has too many digits: put a text in quotes";
    if (t[0] == '0' && whole > 1)
        return "a leading zero makes it octal for some YAML readers: drop it, or put it in quotes";
    return NULL;
}

static const char *advise_number(const char *text)
{
    const char *t = text + (*text == '+' || *text == '-');
    if (is_based(t))
        return "write the number in decimal, or put it in quotes";
    if (is_exponential(t))
        return "write the number without an exponent, or put it in quotes";
    if (is_sexagesimal(t))
        return "some YAML readers take it for a number to the base of 60: put it in quotes";
    return advise_decimal(t);
}

static const char *advise(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(unsure_words); i++)
        if (text_same(text, unsure_words[i].word))
            return unsure_words[i].advice;
    return advise_number(text);
}

/* The three spellings that YAML's core schema knows. */
static bool is_word(const char *text, const char *lower, const char *title, const char *upper)
{
    return !strcmp(text, lower) || !strcmp(text, title) || !strcmp(text, upper);
}

struct scalar scalar_read(const struct yaml_node *node)
{
    struct scalar s = {.kind = SCALAR_TEXT};
    const char *text = node->text;
    if (!node->plain)
        return s;
    if (!*text || !strcmp(text, "~") || is_word(text, "null", "Null", "NULL"))
        return (struct scalar){.kind = SCALAR_NULL};
    if (is_word(text, "true", "True", "TRUE"))
        return (struct scalar){.kind = SCALAR_BOOL, .truth = true};
    if (is_word(text, "false", "False", "FALSE"))
        return (struct scalar){.kind = SCALAR_BOOL};
    s.advice = advise(text);
    if (s.advice)
        s.kind = SCALAR_UNSURE;
    else if (units_parse_number(text, &s.number))
        s.kind = SCALAR_NUMBER;
    return s;
}

static bool put_scalar(const struct yaml_node *n, struct json_writer *w, struct diagnostics *d)
{
    struct scalar s = scalar_read(n);
    switch (s.kind) {
    case SCALAR_TEXT:
        json_put_string(w, n->key, n->text);
        return true;
    case SCALAR_NULL:
        json_put_null(w, n->key);
        return true;
    case SCALAR_BOOL:
        json_put_bool(w, n->key, s.truth);
        return true;
    case SCALAR_NUMBER: /* digit by digit as written; only JSON's missing '+' goes */
        json_put_raw(w, n->key, n->text + (*n->text == '+'));
        return true;
    case SCALAR_UNSURE:
        break;
    }
    diagnostics_error(d, n->mark, "'%s' is not clear: %s", diagnostics_clip(d, n->text), s.advice);
    return false;
}

static bool put(const struct yaml_node *n, struct json_writer *w, struct diagnostics *d)
{
    if (n->tag)
        return false; /* reported by the reader of the file */
    if (n->kind == YAML_SCALAR)
        return put_scalar(n, w, d);
    if (n->kind == YAML_MAP)
        json_open_object(w, n->key);
    else
        json_open_array(w, n->key);
    bool good = true;
    for (const struct yaml_node *m = n->first; m; m = m->next)
        good &= put(m, w, d);
    json_close(w);
    return good;
}

bool scalar_to_json(const struct yaml_node *node, struct buf *out, struct diagnostics *d)
{
    struct json_writer w;
    json_begin(&w, out, 0);
    struct yaml_node root = *node;
    root.key = NULL;
    return put(&root, &w, d);
}
