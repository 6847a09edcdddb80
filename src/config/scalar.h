/*
 * scalar.h - what an unquoted YAML text means, and YAML as JSON.
 *
 * YAML 1.1 and 1.2 disagree about many unquoted texts: `on` is true or "on", `010` is 8 or 10,
 * `1_000` is a number or a text, `12:30:45` is 45045 or a text. Wherever the two differ the text
 * is "unsure", and the user is asked to say what is meant. So no reader of the same file can see
 * other values than we do.
 */
#ifndef LPG_CONFIG_SCALAR_H
#define LPG_CONFIG_SCALAR_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/diagnostics.h"
#include "config/yaml.h"

enum scalar_kind {
    SCALAR_TEXT,
    SCALAR_NULL,   /* nothing, ~, null */
    SCALAR_BOOL,   /* true, false */
    SCALAR_NUMBER, /* [-+]?digits[.digits] without a leading zero */
    SCALAR_UNSURE, /* see `advice` */
};

struct scalar {
    enum scalar_kind kind;
    bool truth;         /* of SCALAR_BOOL */
    double number;      /* of SCALAR_NUMBER */
    const char *advice; /* of SCALAR_UNSURE: what to write instead */
};

/* What the node's text means; quoted text is always SCALAR_TEXT. The node must be a scalar. */
struct scalar scalar_read(const struct yaml_node *node);

/* Appends the value as compact JSON. False when something in it is unsure: then it is in `d`. */
bool scalar_to_json(const struct yaml_node *node, struct buf *out, struct diagnostics *d);

#endif
