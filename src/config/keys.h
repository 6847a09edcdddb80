/*
 * keys.h - the keys of perf.yml: one row each. The reader (reader.c), the JSON Schema and the
 * reference table (schema.c) all work from these rows.
 *
 * To add a key: a field in model/plan.h, a row in keys.c, then `LPG_UPDATE=1` with the unit test
 * test_config_schema to write docs/perf.schema.json and the table of docs/perf-yml.md anew.
 */
#ifndef LPG_CONFIG_KEYS_H
#define LPG_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/plan.h"

enum key_type {
    KEY_TEXT,      /* const char *: a line of text */
    KEY_PATH,      /* const char *: relative, without "..", below the folder of perf.yml */
    KEY_FILE,      /* const char *: relative; ".." may lead to what several projects share */
    KEY_RUNTIME,   /* const char *: "python3.12" */
    KEY_JSON_PATH, /* const char *: "body.items.0.id" */
    KEY_WORD,      /* const char *: one of `words` */
    KEY_SWITCH,    /* bool: words[0] is false, words[1] is true */
    KEY_INTEGER,   /* unsigned, in the range */
    KEY_NUMBER,    /* double, in the range */
    KEY_SHARE,     /* double: "1%" or 0.01 */
    KEY_COUNT,     /* double: "15M", "250k" or 1000, in the range */
    KEY_DURATION,  /* double, in seconds: "30s", in the range */
    KEY_JSON,      /* const char *: any value, as JSON text */
    KEY_MAP,       /* the rows of `keys`, in a struct at the offset */
    KEY_EVENTS,    /* a list of maps; these four are filled by code of their own in reader.c */
    KEY_STAGES,
    KEY_VARIABLES, /* a map of names to texts */
    KEY_METRICS,   /* a map of names to maps: a function's own metrics */
    KEY_LIMITS,    /* a map of metrics to limits */
    KEY_FUNCTIONS, /* a map of names to functions */
};

struct key_table;

struct key {
    const char *name;
    enum key_type type;
    size_t offset;   /* of the field in the table's struct */
    double min, max; /* of the number types, inclusive; of the lists: how many */
    bool required;
    const char *fallback; /* the default as the documentation shows it; NULL: none */
    const char *example;
    const char *help;
    const char *const *words; /* NULL-terminated */
    const struct key_table *keys;
};

struct key_table {
    const char *title; /* "function": also the name of its definition in the schema */
    const char *where; /* the heading in the documentation: "functions.NAME.load" */
    const struct key *rows;
    size_t count;
};

/* What the rows of the tables fill. */
struct keys_file {
    unsigned version;
};
struct keys_function {
    struct plan_function plan;
    const char *template; /* SAM or CloudFormation, and the name in its Resources */
    const char *resource;
};
struct keys_event {
    const char *file;
    const char *inline_json;
    double weight;
    struct plan_expect expect;
};

/* A metric of the function's own; the words are those of the table's rows. */
struct keys_metric {
    const char *path, *statistic, *unit;
    bool higher_is_better;
};

extern const struct key_table keys_file, keys_function, keys_event, keys_expect, keys_load,
    keys_stage, keys_rounds, keys_traffic, keys_metric;

/* All tables in the order of the documentation, ended by NULL. */
extern const struct key_table *const keys_tables[];

/* The row of that name, or NULL. */
const struct key *keys_find(const struct key_table *t, const char *name);
/* The key that was probably meant, or NULL. */
const char *keys_suggest(const struct key_table *t, const char *name);
/* The enum plan_given of a function's key; 0 for most. */
unsigned keys_given(const char *name);
/* For a key that has no business in perf.yml ("region", "role", "token"): true. */
bool keys_belongs_elsewhere(const char *name);

/* Names of functions: [A-Za-z0-9_-]{1,64}; of variables: as Lambda takes them. */
bool keys_valid_name(const char *name);
bool keys_valid_variable(const char *name);
/* Names of variables that Lambda sets itself and refuses to take. */
bool keys_reserved_variable(const char *name);
/* "python3.12", "nodejs20.x", "provided.al2023", ...: the families of Lambda, any version. */
bool keys_valid_runtime(const char *name);
extern const char keys_metric_pattern[]; /* the names that metric_valid_name() takes */
extern const char keys_name_pattern[], keys_variable_pattern[], keys_runtime_pattern[];

#endif
