#include "cmd/ci_inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define FIELD(name) offsetof(struct ci_inputs, name)

static const struct input {
    const char *variable;
    size_t offset;
    const char *option;   /* of `run`, for what is handed on as it is; NULL */
    const char *fallback; /* NULL: "" */
    const char *choices;  /* a blank between them; NULL: any text */
} inputs[] = {
    {"LPG_INPUT_CONFIG", FIELD(config), "config", "perf.yml", NULL},
    {"LPG_INPUT_CONFIG_REF", FIELD(config_ref), NULL, "base", "base head"},
    {"LPG_INPUT_FUNCTION", FIELD(function), NULL, NULL, NULL},
    {"LPG_INPUT_BASELINE", FIELD(baseline), NULL, NULL, NULL},
    {"LPG_INPUT_CANDIDATE", FIELD(candidate), NULL, NULL, NULL},
    {"LPG_INPUT_PATHS", FIELD(paths), NULL, NULL, NULL},
    {"LPG_INPUT_TARGET", FIELD(target), "target", NULL, NULL},
    {"LPG_INPUT_ROLE", FIELD(role), "role", NULL, NULL},
    {"LPG_INPUT_LIKE", FIELD(like), NULL, NULL, NULL},
    {"LPG_INPUT_ENDPOINT_URL", FIELD(endpoint_url), "endpoint-url", NULL, NULL},
    {"LPG_INPUT_REGION", FIELD(region), "region", NULL, NULL},
    {"LPG_INPUT_MAX_MINUTES", FIELD(max_minutes), "max-minutes", NULL, NULL},
    {"LPG_INPUT_MAX_INVOCATIONS", FIELD(max_invocations), "max-invocations", NULL, NULL},
    {"LPG_INPUT_BUDGET_USD", FIELD(budget_usd), "budget-usd", NULL, NULL},
    {"LPG_INPUT_OUTPUT", FIELD(output), "output", ".lambda-perf-gate", NULL},
    {"LPG_INPUT_JOURNAL", FIELD(journal), "journal", NULL, NULL},
    {"LPG_INPUT_ON_FORK", FIELD(on_fork), NULL, "auto", "auto measure skip fail"},
    {"LPG_INPUT_ON_INCONCLUSIVE", FIELD(on_inconclusive), NULL, "fail", "fail warn"},
    {"LPG_INPUT_OVERRIDDEN", FIELD(overridden), NULL, "false", "true false"},
    {"LPG_INPUT_COMMENT", FIELD(comment), NULL, "always", "always on-failure never"},
    {"LPG_INPUT_SUMMARY", FIELD(summary), NULL, "true", "true false"},
    {"LPG_INPUT_ANNOTATIONS", FIELD(annotations), NULL, "true", "true false"},
    {"LPG_INPUT_ARGS", FIELD(args), NULL, NULL, NULL},
};

static const char *const *input_field(const struct ci_inputs *in, const struct input *row)
{
    return (const char *const *)(const void *)((const char *)in + row->offset);
}

/* "LPG_INPUT_ON_FORK" -> "on-fork", as the workflow has it. */
static void add_input_name(struct buf *out, const struct input *row)
{
    for (const char *c = row->variable + strlen("LPG_INPUT_"); *c; c++)
        buf_addch(out, (char)(*c == '_' ? '-' : *c + ('a' - 'A')));
}

static int refuse_choice(const struct input *row, const char *value, struct error *e)
{
    struct buf name;
    buf_init(&name);
    add_input_name(&name, row);
    error_set(e, ERROR_USAGE, "the input %s is '%.100s'; it may be one of: %s", name.data, value,
              row->choices);
    buf_release(&name);
    return -1;
}

static bool is_choice(const struct input *row, const char *value)
{
    size_t length = strlen(value);
    for (const char *c = row->choices; c && *c;) {
        size_t word = strcspn(c, " ");
        if (word == length && !strncmp(c, value, word))
            return true;
        c += word + (c[word] == ' ');
    }
    return !row->choices;
}

int ci_inputs_read(struct ci_inputs *in, struct error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        const struct input *row = &inputs[i];
        const char *value = getenv(row->variable);
        if (!value || !*value)
            value = row->fallback ? row->fallback : "";
        if (!is_choice(row, value))
            return refuse_choice(row, value, e);
        *(const char **)(void *)((char *)in + row->offset) = value;
    }
    return 0;
}

struct policy ci_inputs_policy(const struct ci_inputs *in)
{
    static const struct {
        const char *name;
        enum policy_fork on_fork;
    } rows[] = {
        {"measure", POLICY_FORK_MEASURE}, {"skip", POLICY_FORK_SKIP}, {"fail", POLICY_FORK_FAIL}};
    struct policy policy = {.on_fork = POLICY_FORK_AUTO,
                            .elsewhere = (*in->target && strcmp(in->target, "embedded") != 0) ||
                                         *in->endpoint_url || strstr(in->args, "--endpoint-url") ||
                                         strstr(in->args, "--target")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strcmp(rows[i].name, in->on_fork))
            policy.on_fork = rows[i].on_fork;
    return policy;
}

/* ---- the command line of `run` ---- */

static void line_add(struct ci_line *line, char *word)
{
    line->words = array_reserve(line->words, &line->capacity, line->count + 2, sizeof(char *));
    line->words[line->count++] = word;
    line->words[line->count] = NULL;
}

static void line_add_option(struct ci_line *line, const char *name, const char *value)
{
    if (*value)
        line_add(line, xasprintf("--%s=%s", name, value));
}

/* Each line of the text, without blanks at its ends, put into the format. */
static void line_add_each(struct ci_line *line, const char *format_prefix, const char *text)
{
    static const char blanks[] = " \t\r";
    while (*text) {
        text += strspn(text, " \t\r\n");
        size_t length = strcspn(text, "\n"), used = length;
        while (used && strchr(blanks, text[used - 1]))
            used--;
        if (used)
            line_add(line, xasprintf("%s%.*s", format_prefix, (int)used, text));
        text += length;
    }
}

void ci_line_release(struct ci_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        free(line->words[i]);
    free(line->words);
}

/* A side that the workflow names wins over the one that the event tells. */
static void line_add_side(struct ci_line *line, const char *option, const char *given,
                          const char *commit)
{
    if (*given)
        line_add_option(line, option, given);
    else if (commit)
        line_add(line, xasprintf("--%s=git:%s", option, commit));
}

void ci_line_build(struct ci_line *line, const struct ci_inputs *in, const struct ci_commits *c)
{
    line_add(line, xstrdup("run"));
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++)
        if (inputs[i].option)
            line_add_option(line, inputs[i].option, *input_field(in, &inputs[i]));
    if (c->limits)
        line_add_option(line, "config-ref", c->limits);
    line_add_side(line, "baseline", in->baseline, c->baseline);
    line_add_side(line, "candidate", in->candidate, c->head);
    line_add_each(line, "--function=", in->function);
    line_add_each(line, "--like=", in->like);
    line_add_each(line, "", in->args);
}
