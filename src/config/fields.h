/*
 * fields.h - reads a map of perf.yml into a struct, key by key, by the rows of keys.h.
 *
 * What is wrong goes into the diagnostics and the field keeps its default; nothing stops early, so
 * one pass finds everything.
 */
#ifndef LPG_CONFIG_FIELDS_H
#define LPG_CONFIG_FIELDS_H

#include <stdbool.h>

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/yaml.h"

/* What the readers of a file share. */
struct reader {
    struct arena *arena; /* of the plan: all values live here */
    struct diagnostics *d;
    const char *directory; /* that relative paths start from */
};

/*
 * Reads all members of `map` into the struct at `base`: unknown, missing and wrong ones are
 * errors.
 */
void fields_read(struct reader *r, const struct key_table *t, const struct yaml_node *map,
                 void *base);

/*
 * Reads one value into its field; `base` is the struct of the key's table. True when it was good.
 */
bool fields_read_value(struct reader *r, const struct key *key, const struct yaml_node *value,
                       void *base);

/* A map with at least one member, or an error that names `what`. */
bool fields_expect_map(struct reader *r, const struct yaml_node *node, const char *what);
/* A list or map of the key's range of members. */
bool fields_expect_many(struct reader *r, const struct yaml_node *node, const struct key *key);

/* Relative, of plain parts, no "..": whether the path stays below the folder it starts from. */
bool fields_valid_path(const char *path);

#endif
