/*
 * table.h - a table as plain text: built once from a result, printed by every renderer in its own
 * way.
 *
 * Everything lives in the arena of the caller. Cells are not escaped; a renderer does that when it
 * prints them.
 */
#ifndef LPG_REPORT_TABLE_H
#define LPG_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/verdict.h"

enum { TABLE_COLUMNS_MAX = 8 };

enum table_column_kind {
    TABLE_WORDS,  /* left-aligned sentence or title */
    TABLE_NUMBER, /* right-aligned; made by us alone, so never escaped */
    TABLE_NAME,   /* left-aligned, somebody's name for something: shown as code */
};

struct table_column {
    const char *title;
    enum table_column_kind kind;
    bool strong;    /* stands out in the row of a failed metric */
    unsigned width; /* terminal: the column may be narrowed down to this; 0: never */
    bool optional;  /* terminal: left out when the table is too wide */
};

struct table_row {
    enum verdict mark; /* VERDICT_UNGATED: none */
    const char *cells[TABLE_COLUMNS_MAX];
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    bool marked; /* begins with a column for the verdicts' symbols */
    struct table_row *rows;
    size_t count, capacity;
};

/* A table with room for so many rows and no row yet; `columns` must outlive it. */
struct table *table_new(struct arena *arena, const struct table_column *columns,
                        size_t column_count, size_t capacity);
/* The next row, with every cell "" and no mark. There must be room. */
struct table_row *table_add(struct table *t);

/* Text of a buffer, kept in the arena; the buffer is released. */
const char *table_keep(struct arena *arena, struct buf *text);

#endif
