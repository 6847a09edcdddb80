#include "report/table.h"

#include <stdlib.h>

struct table *table_new(struct arena *arena, const struct table_column *columns,
                        size_t column_count, size_t capacity)
{
    struct table *t = arena_alloc(arena, sizeof *t);
    t->columns = columns;
    t->column_count = column_count;
    t->rows = arena_alloc(arena, (capacity + 1) * sizeof *t->rows);
    t->capacity = capacity;
    return t;
}

struct table_row *table_add(struct table *t)
{
    if (t->count == t->capacity)
        abort(); /* the builder counted its own rows wrongly */
    struct table_row *row = &t->rows[t->count++];
    row->mark = VERDICT_UNGATED;
    for (size_t i = 0; i < t->column_count; i++)
        row->cells[i] = "";
    return row;
}

const char *table_keep(struct arena *arena, struct buf *text)
{
    const char *kept = arena_strndup(arena, text->data, text->length);
    buf_release(text);
    return kept;
}
