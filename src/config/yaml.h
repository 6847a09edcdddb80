/*
 * yaml.h - a strict reader for the part of YAML that a configuration needs; the only user of
 * libyaml.
 *
 * It turns libyaml's events into a small tree with the place of each key and value. What makes
 * YAML dangerous or surprising is an error with a position: anchors and aliases (a few hundred
 * bytes of them can stand for billions of values), tags, merge keys, directives, a second
 * document, the same key twice, keys that are not text. The size is limited before anything is
 * parsed, depth and count while it is parsed: libyaml 0.2.5 has no limits of its own, and its time
 * grows with the square of the depth.
 *
 * Templates of CloudFormation need tags (`!Ref`, `!Sub`) and are larger: `yaml_template` keeps the
 * tag as text and leaves aliases unresolved instead of refusing them.
 */
#ifndef LPG_CONFIG_YAML_H
#define LPG_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "config/diagnostics.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool plain; /* a scalar without quotes, which may mean more than its text */
    /* "!Ref", or "*name" for an alias; NULL. In perf.yml: reported already, skip it */
    const char *tag;
    const char *text; /* of a scalar; no NUL inside */
    const char *key;  /* of a map's member; NULL for a list's item */
    struct mark mark; /* of the value */
    struct mark key_mark;
    struct yaml_node *first; /* members or items, in the order written */
    struct yaml_node *next;
    size_t count;
};

struct yaml_rules {
    size_t bytes;        /* of the file */
    size_t scalar_bytes; /* of one text */
    size_t nodes;        /* keys and values */
    unsigned depth;
    bool tags; /* tags, anchors and aliases are allowed, and kept unresolved */
};

extern const struct yaml_rules yaml_config;   /* 64 KiB, 4 KiB, 10,000 nodes, depth 32 */
extern const struct yaml_rules yaml_template; /* 1 MiB, 256 KiB, 100,000 nodes, depth 64 */

/*
 * Parses a source of `d`. NULL when there is no tree to go on with; else the root, though `d` may
 * hold errors by then: the caller reports its own on top. The tree lives in the arena.
 */
struct yaml_node *yaml_parse(struct arena *a, const struct yaml_rules *rules, unsigned source,
                             struct diagnostics *d);

/* The member of a map, or NULL; `map` may be NULL or no map. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* The text of a scalar without a tag, else NULL. */
const char *yaml_text(const struct yaml_node *node);
/* "a list", "a map", "text": for messages. */
const char *yaml_kind_name(const struct yaml_node *node);

#endif
