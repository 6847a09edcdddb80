/*
 * schema.h - the keys of perf.yml as a JSON Schema (draft 7) for editors, and as tables for people.
 *
 * Both come from the rows of keys.h, model/metric.h and limits.h. The schema agrees with the
 * reader as far as a schema can say it: it does not open files, compare `min` with `max`, or know
 * which runtime needs a handler.
 */
#ifndef LPG_CONFIG_SCHEMA_H
#define LPG_CONFIG_SCHEMA_H

#include "base/buf.h"

/* Appends the schema, indented, with a line end: the contents of docs/perf.schema.json. */
void config_schema(struct buf *out);

/* Appends the reference tables in Markdown: the generated part of docs/perf-yml.md. */
void config_reference(struct buf *out);

#endif
