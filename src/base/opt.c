#include "base/opt.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"

enum {
    HELP_WIDTH = 80,
    HELP_COLUMN_MAX = 32, /* where the help texts begin at most */
    NAMES_MAX = 128,      /* long names that did-you-mean looks at */
};

struct parser {
    const struct opt *options;
    size_t count;
    int argc;
    char **argv;
    int at; /* the word being read */
    void *fields;
    struct opt_list *words;
    struct error *e;
};

static const struct opt *find_long(const struct parser *p, const char *name, size_t length)
{
    for (size_t i = 0; i < p->count; i++)
        if (strlen(p->options[i].name) == length && memcmp(p->options[i].name, name, length) == 0)
            return &p->options[i];
    return NULL;
}

static const struct opt *find_letter(const struct parser *p, char letter)
{
    for (size_t i = 0; i < p->count; i++)
        if (letter && p->options[i].letter == letter)
            return &p->options[i];
    return NULL;
}

/* What the user typed, made safe and short enough for an error text. */
static int usage(const struct parser *p, const char *before, const char *word, const char *after)
{
    struct buf shown;
    buf_init_capped(&shown, 200);
    text_add_safe(&shown, word, strlen(word));
    error_set(p->e, ERROR_USAGE, "%s'%s'%s", before, shown.data, after);
    buf_release(&shown);
    return -1;
}

static int unknown_long(const struct parser *p, const char *word, size_t name_length)
{
    const char *names[NAMES_MAX];
    size_t count = p->count < NAMES_MAX ? p->count : NAMES_MAX;
    for (size_t i = 0; i < count; i++)
        names[i] = p->options[i].name;
    char *name = xstrndup(word + 2, name_length);
    char *shown = xasprintf("--%s", name);
    usage(p, "unknown option ", shown, "");
    const char *near = text_suggest(name, names, count);
    if (near)
        error_suffix(p->e, "; did you mean '--%s'?", near);
    free(shown);
    free(name);
    return -1;
}

static int list_add(const struct parser *p, struct opt_list *list, const char *value)
{
    if (list->count == OPT_LIST_MAX)
        return usage(p, "too many values: ", value, " is one more than 64");
    list->items[list->count++] = value;
    return 0;
}

/* Plain digits reach the whole range; a suffix (15M) only what a double holds exactly. */
static bool parse_uint64(const char *text, uint64_t *value)
{
    uint64_t n = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (c != text && !*c) {
        *value = n;
        return true;
    }
    double number;
    if (!units_parse_count(text, &number) || number < 0 || number >= 0x1p53)
        return false;
    *value = (uint64_t)number;
    return (double)*value == number;
}

static int store(const struct parser *p, const struct opt *o, const char *value)
{
    void *field = (char *)p->fields + o->offset;
    double number;
    uint64_t whole;
    char *named = NULL;
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)field = true;
        return 0;
    case OPT_STRING:
        *(const char **)field = value;
        return 0;
    case OPT_LIST:
        return list_add(p, field, value);
    case OPT_NUMBER:
        if (units_parse_number(value, &number) && number >= 0) {
            *(double *)field = number;
            return 0;
        }
        named = xasprintf("option '--%s' needs a number that is not negative, not ", o->name);
        break;
    case OPT_COUNT:
        if (parse_uint64(value, &whole)) {
            *(uint64_t *)field = whole;
            return 0;
        }
        named = xasprintf("option '--%s' needs a whole number, not ", o->name);
        break;
    }
    usage(p, named ? named : "", value, "");
    free(named);
    return -1;
}

/* Takes the following word as the value; one that looks like an option is more likely a slip. */
static int store_next(struct parser *p, const struct opt *o)
{
    const char *what = o->argument ? o->argument : "value";
    const char *next = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;
    if (!next)
        return error_set(p->e, ERROR_USAGE, "option '--%s' needs a %s", o->name, what);
    if (next[0] == '-' && next[1]) {
        error_set(p->e, ERROR_USAGE, "option '--%s' needs a %s", o->name, what);
        return error_suffix(p->e, " (a value with a dash in front is written --%s=-...)", o->name);
    }
    p->at++;
    return store(p, o, next);
}

static int parse_long(struct parser *p, const char *word)
{
    size_t length = strcspn(word + 2, "=");
    const char *value = word[2 + length] ? word + 2 + length + 1 : NULL;
    const struct opt *o = find_long(p, word + 2, length);
    if (!o)
        return unknown_long(p, word, length);
    if (o->kind == OPT_FLAG && value)
        return error_set(p->e, ERROR_USAGE, "option '--%s' takes no value", o->name);
    return value || o->kind == OPT_FLAG ? store(p, o, value) : store_next(p, o);
}

/* "-c value", "-cvalue", and flags joined: "-qv". */
static int parse_letters(struct parser *p, const char *word)
{
    for (const char *c = word + 1; *c; c++) {
        const struct opt *o = find_letter(p, *c);
        if (!o)
            return usage(p, "unknown option ", word, "");
        if (o->kind != OPT_FLAG)
            return c[1] ? store(p, o, c + 1) : store_next(p, o);
        if (store(p, o, NULL))
            return -1;
    }
    return 0;
}

static int parse_word(const struct parser *p, const char *word)
{
    return p->words ? list_add(p, p->words, word) : usage(p, "unexpected argument ", word, "");
}

int opt_parse(const struct opt *options, size_t count, int argc, char **argv, void *fields,
              struct opt_list *words, struct error *e)
{
    struct parser p = {options, count, argc, argv, 1, fields, words, e};
    bool only_words = false;
    for (; p.at < argc; p.at++) {
        const char *word = argv[p.at];
        bool option = !only_words && word[0] == '-' && word[1];
        int failed;
        if (option && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (!option)
            failed = parse_word(&p, word);
        else
            failed = word[1] == '-' ? parse_long(&p, word) : parse_letters(&p, word);
        if (failed)
            return -1;
    }
    return 0;
}

static void add_synopsis(const struct opt *o, struct buf *out)
{
    buf_clear(out);
    if (o->letter)
        buf_addf(out, "  -%c, --%s", o->letter, o->name);
    else
        buf_addf(out, "      --%s", o->name);
    if (o->argument)
        buf_addf(out, " %s", o->argument);
}

static size_t help_column(const struct opt *options, size_t count, struct buf *line)
{
    size_t column = 0;
    for (size_t i = 0; i < count; i++) {
        add_synopsis(&options[i], line);
        if (line->length + 2 > column && line->length + 2 <= HELP_COLUMN_MAX)
            column = line->length + 2;
    }
    return column ? column : HELP_COLUMN_MAX;
}

static void add_wrapped(struct buf *out, const char *help, size_t used, size_t column)
{
    size_t at = used;
    bool first = true;
    while (*help) {
        size_t length = strcspn(help, " ");
        if (at > column && (first || at + 1 + length > HELP_WIDTH)) {
            buf_addch(out, '\n');
            at = 0;
        } else if (at > column) {
            buf_addch(out, ' ');
            at++;
        }
        if (at < column) {
            buf_fill(out, " ", column - at);
            at = column;
        }
        buf_add(out, help, length);
        at += length;
        help += length + strspn(help + length, " ");
        first = false;
    }
    buf_addch(out, '\n');
}

void opt_help(const struct opt *options, size_t count, struct buf *out)
{
    struct buf line;
    buf_init(&line);
    size_t column = help_column(options, count, &line);
    for (size_t i = 0; i < count; i++) {
        add_synopsis(&options[i], &line);
        buf_add(out, line.data, line.length);
        /* a synopsis that leaves no gap gets a line of its own */
        size_t used = line.length + 2 > column ? column + 1 : line.length;
        add_wrapped(out, options[i].help, used, column);
    }
    buf_release(&line);
}
