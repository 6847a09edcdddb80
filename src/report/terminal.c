/* The report for people at a prompt and for the log of a job. */
#include "report/renderers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/cells.h"
#include "report/escape.h"
#include "report/phrases.h"

enum {
    WIDTH_MIN = 72,
    GAP = 2, /* between columns */
    INDENT = 2,
    NAME_CHARS_MAX = 64,
    CELL_MAX = 200,
    TEXT_MAX = 600,
    COMMAND_MAX = 4000,
    ERRORS_MAX = 20,
};

/*
 * Plain ASCII for those of our own characters that are not. Each takes as many columns as before,
 * except in sentences.
 */
static const struct {
    uint32_t code;
    const char *ascii;
} ascii_forms[] = {
    {0x2212, "-"}, {0x2192, "->"}, {0x00b1, "+-"}, {0x2026, "~"}, {0x00d7, "x"},
    {0x2713, "+"}, {0x2717, "x"},  {0x00b7, "|"},  {0x00a6, "|"},
};

struct terminal {
    const struct report_options *options;
    unsigned width;
    struct arena arena;
    struct buf text;
};

/* ---- lines ---- */

static void begin_style(struct terminal *t, const char *ansi)
{
    if (t->options->colour)
        buf_addf(&t->text, "\x1b[%sm", ansi);
}

static void end_style(struct terminal *t)
{
    if (t->options->colour)
        buf_addstr(&t->text, "\x1b[0m");
}

static void put_title(struct terminal *t, const char *title)
{
    buf_addch(&t->text, '\n');
    buf_fill(&t->text, " ", INDENT);
    begin_style(t, "1");
    buf_addstr(&t->text, title);
    end_style(t);
    buf_addch(&t->text, '\n');
}

static size_t width_of(const char *text, size_t bytes)
{
    char *copy = xstrndup(text, bytes);
    size_t width = text_width(copy);
    free(copy);
    return width;
}

/* A number and its percent sign stay together. */
static size_t word_length(const char *text)
{
    size_t bytes = strcspn(text, " ");
    return strncmp(text + bytes, " %", 2) ? bytes : bytes + 2 + strcspn(text + bytes + 2, " ");
}

/*
 * Goes on in the current line, whose first `column` columns are taken; breaks between words, so
 * that no line is wider than the terminal unless a single word is, and indents what follows by
 * `indent`.
 */
static void put_wrapped(struct terminal *t, const char *text, size_t column, size_t indent)
{
    struct buf line;
    bool first = true;
    buf_init(&line);
    escape_line(&line, text, TEXT_MAX);
    for (const char *word = line.data; *word;) {
        size_t bytes = word_length(word);
        size_t width = width_of(word, bytes);
        if (!first && column + 1 + width > t->width) {
            buf_addch(&t->text, '\n');
            buf_fill(&t->text, " ", indent);
            column = indent;
        } else if (!first) {
            buf_addch(&t->text, ' ');
            column++;
        }
        buf_add(&t->text, word, bytes);
        column += width;
        word += bytes;
        word += strspn(word, " ");
        first = false;
    }
    buf_addch(&t->text, '\n');
    buf_release(&line);
}

/* "  ! a sentence", wrapped below itself. */
static void put_item(struct terminal *t, const char *mark, const char *ansi, const char *text)
{
    buf_fill(&t->text, " ", INDENT);
    begin_style(t, ansi);
    buf_addstr(&t->text, mark);
    end_style(t);
    buf_addch(&t->text, ' ');
    put_wrapped(t, text, INDENT + 2, INDENT + 2);
}

/* ---- tables ---- */

struct layout {
    size_t width[TABLE_COLUMNS_MAX]; /* 0: left out */
};

static const char *printable(struct terminal *t, const char *cell)
{
    struct buf text;
    buf_init(&text);
    escape_line(&text, cell, CELL_MAX);
    return table_keep(&t->arena, &text);
}

/* The same table with cells that can be printed. */
static struct table printable_table(struct terminal *t, const struct table *from)
{
    struct table copy = *from;
    copy.rows = arena_alloc(&t->arena, (from->count + 1) * sizeof *copy.rows);
    for (size_t row = 0; row < from->count; row++) {
        copy.rows[row].mark = from->rows[row].mark;
        for (size_t i = 0; i < from->column_count; i++)
            copy.rows[row].cells[i] = printable(t, from->rows[row].cells[i]);
    }
    return copy;
}

static size_t layout_total(const struct table *table, const struct layout *l)
{
    size_t total = INDENT + (table->marked ? 2 : 0), shown = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        total += l->width[i];
        shown += l->width[i] > 0;
    }
    return total + (shown ? (shown - 1) * GAP : 0);
}

/* Narrows the columns that allow it, the last first; each down to its own least width. */
static void narrow(const struct table *table, struct layout *l, size_t width)
{
    for (size_t i = table->column_count; i-- > 0;) {
        size_t total = layout_total(table, l), least = table->columns[i].width;
        if (total <= width)
            return;
        if (!least || l->width[i] <= least)
            continue;
        size_t excess = total - width;
        l->width[i] = l->width[i] > least + excess ? l->width[i] - excess : least;
    }
}

static struct layout layout_of(const struct table *table, size_t width)
{
    struct layout l = {{0}};
    for (size_t i = 0; i < table->column_count; i++) {
        bool empty = true;
        for (size_t row = 0; row < table->count; row++) {
            size_t cell = text_width(table->rows[row].cells[i]);
            empty = empty && !cell;
            if (cell > l.width[i])
                l.width[i] = cell;
        }
        size_t title = text_width(table->columns[i].title);
        if (!empty && title > l.width[i])
            l.width[i] = title;
    }
    for (size_t i = table->column_count; i-- > 0;)
        if (layout_total(table, &l) > width && table->columns[i].optional)
            l.width[i] = 0;
    narrow(table, &l, width);
    return l;
}

/* Adds the text cut to `width` columns and gives the columns it took. */
static size_t put_clipped(struct terminal *t, const char *text, size_t width)
{
    size_t whole = text_width(text);
    if (whole <= width) {
        buf_addstr(&t->text, text);
        return whole;
    }
    size_t bytes = 0, length = strlen(text);
    for (size_t next = 0; next < length; bytes = next) {
        size_t n = text_utf8(text + next, length - next, NULL);
        next += n ? n : 1;
        if (width_of(text, next) + 1 > width)
            break;
    }
    buf_add(&t->text, text, bytes);
    buf_addstr(&t->text, "…");
    return width_of(text, bytes) + 1;
}

static void put_cell(struct terminal *t, const struct table_column *column, const char *text,
                     size_t width)
{
    size_t own = text_width(text);
    if (column->kind == TABLE_NUMBER && own < width)
        buf_fill(&t->text, " ", width - own);
    size_t used = put_clipped(t, text, width);
    if (column->kind != TABLE_NUMBER && used < width)
        buf_fill(&t->text, " ", width - used);
}

static void trim_line(struct buf *text)
{
    while (text->length && text->data[text->length - 1] == ' ')
        buf_truncate(text, text->length - 1);
}

static void put_row(struct terminal *t, const struct table *table, const struct layout *l,
                    const struct table_row *row)
{
    bool first = true;
    buf_fill(&t->text, " ", INDENT);
    if (table->marked) {
        const struct phrases_look *look = phrases_look(row->mark);
        if (row->mark == VERDICT_UNGATED) {
            buf_addstr(&t->text, "  ");
        } else {
            begin_style(t, look->ansi);
            buf_addstr(&t->text, look->mark);
            end_style(t);
            buf_addch(&t->text, ' ');
        }
    }
    for (size_t i = 0; i < table->column_count; i++) {
        if (!l->width[i])
            continue;
        bool strong = row->mark == VERDICT_FAIL && table->columns[i].strong;
        buf_fill(&t->text, " ", first ? 0 : GAP);
        if (strong)
            begin_style(t, "1");
        put_cell(t, &table->columns[i], row->cells[i], l->width[i]);
        if (strong)
            end_style(t);
        first = false;
    }
    trim_line(&t->text);
    buf_addch(&t->text, '\n');
}

static void put_heads(struct terminal *t, const struct table *table, const struct layout *l)
{
    bool first = true, any = false;
    for (size_t i = 0; i < table->column_count; i++)
        any = any || *table->columns[i].title;
    if (!any)
        return;
    begin_style(t, "2");
    buf_fill(&t->text, " ", INDENT + (table->marked ? 2u : 0u));
    for (size_t i = 0; i < table->column_count; i++) {
        if (!l->width[i])
            continue;
        buf_fill(&t->text, " ", first ? 0 : GAP);
        put_cell(t, &table->columns[i], table->columns[i].title, l->width[i]);
        first = false;
    }
    trim_line(&t->text);
    end_style(t);
    buf_addch(&t->text, '\n');
}

static void put_table(struct terminal *t, const struct table *from)
{
    if (!from || !from->count)
        return;
    struct table table = printable_table(t, from);
    struct layout l = layout_of(&table, t->width);
    put_heads(t, &table, &l);
    for (size_t i = 0; i < table.count; i++)
        put_row(t, &table, &l, &table.rows[i]);
}

static void put_titled_table(struct terminal *t, const char *title, const struct table *table)
{
    if (!table || !table->count)
        return;
    put_title(t, title);
    put_table(t, table);
}

/* ---- the parts ---- */

static const char *short_name(struct terminal *t, const struct result_function *f)
{
    struct buf text;
    buf_init(&text);
    escape_line(&text, f->name, NAME_CHARS_MAX);
    return table_keep(&t->arena, &text);
}

static void put_verdict(struct terminal *t, const struct result *r)
{
    const struct phrases_look *look = phrases_look(r->verdict);
    const struct result_function *culprit = phrases_culprit(r);
    size_t column = text_width(look->mark) + strlen(look->word) + 3;
    begin_style(t, look->ansi);
    buf_addf(&t->text, "%s %s", look->mark, look->word);
    end_style(t);
    buf_addstr(&t->text, "  ");
    const char *headline = phrases_headline(&t->arena, r);
    headline = arena_strndup(&t->arena, headline, strcspn(headline, "\n"));
    bool whole = r->verdict == VERDICT_PASS && r->function_count > 1;
    if (culprit && !whole)
        headline = arena_printf(&t->arena, "%s: %s", short_name(t, culprit), headline);
    put_wrapped(t, headline, column, column);
}

/* The first error is the headline already, unless it had to be cut or has several lines. */
static void put_errors(struct terminal *t, const struct result *r)
{
    bool told = r->error_count == 1 && !strchr(r->errors[0], '\n');
    if (!r->error_count || told)
        return;
    put_title(t, "Errors");
    for (size_t i = 0; i < r->error_count && i < ERRORS_MAX; i++) {
        const char *text = r->errors[i];
        for (bool first = true; *text; first = false) {
            size_t bytes = strcspn(text, "\n");
            put_item(t, first ? "!" : " ", phrases_look(VERDICT_ERROR)->ansi,
                     arena_strndup(&t->arena, text, bytes));
            text += bytes + (text[bytes] == '\n');
        }
    }
    if (r->error_count > ERRORS_MAX)
        put_item(t, " ", "0", arena_printf(&t->arena, "and %zu more", r->error_count - ERRORS_MAX));
}

static void put_warnings(struct terminal *t, const struct result_function *f)
{
    if (f->warning_count)
        put_title(t, "Warnings");
    for (size_t i = 0; i < f->warning_count; i++)
        put_item(t, "!", phrases_look(VERDICT_INCONCLUSIVE)->ansi, f->warnings[i]);
}

static void put_phrases(struct terminal *t, const char *title, const struct phrases *list)
{
    if (list->count)
        put_title(t, title);
    for (size_t i = 0; i < list->count; i++) {
        const struct phrases_look *look = phrases_look(list->items[i].mark);
        put_item(t, look->mark, look->ansi, list->items[i].text);
    }
}

static void put_sureness(struct terminal *t, const struct result_function *f)
{
    const char *sureness = phrases_sureness(&t->arena, f);
    if (t->options->verbose) {
        put_titled_table(t, "How sure", cells_sureness(&t->arena, f));
        return;
    }
    if (!sureness)
        return;
    put_title(t, "How sure");
    buf_fill(&t->text, " ", INDENT);
    put_wrapped(t, sureness, INDENT, INDENT);
}

static void put_measurements(struct terminal *t, const struct result *r,
                             const struct result_function *f)
{
    bool verbose = t->options->verbose;
    struct phrases reasons = phrases_reasons(&t->arena, r, f);
    const struct table *table =
        cells_metrics(&t->arena, f, verbose ? CELLS_ALL : CELLS_JUDGED, true);
    if (!table->count)
        table = cells_metrics(&t->arena, f, CELLS_MEASURED, true);
    buf_addch(&t->text, '\n');
    put_table(t, table);
    put_phrases(t, "Why", &reasons);
    if (verbose || !cells_all_ok(f))
        put_titled_table(t, "Invocations", cells_accounting(&t->arena, f));
    put_titled_table(t, "Before and after", cells_before_after(&t->arena, f));
    put_sureness(t, f);
    if (verbose)
        put_titled_table(t, "Events", cells_events(&t->arena, f));
}

static void put_function(struct terminal *t, const struct result *r,
                         const struct result_function *f)
{
    const struct phrases_look *look = phrases_look(f->verdict);
    buf_addch(&t->text, '\n');
    begin_style(t, look->ansi);
    buf_addf(&t->text, "%s ", look->mark);
    end_style(t);
    begin_style(t, "1");
    buf_addstr(&t->text, short_name(t, f));
    end_style(t);
    buf_addch(&t->text, '\n');
    buf_fill(&t->text, " ", INDENT);
    put_wrapped(t, phrases_measured(&t->arena, r, f), INDENT, INDENT);
    if (f->metric_count)
        put_measurements(t, r, f);
    struct phrases notices = phrases_notices(&t->arena, r, f);
    put_warnings(t, f);
    put_phrases(t, "Note", &notices);
    if (t->options->verbose)
        put_titled_table(t, "Method", phrases_method(&t->arena, r, f));
}

static void put_footer(struct terminal *t, const struct result *r)
{
    buf_addch(&t->text, '\n');
    if (r->reproduce) {
        buf_addstr(&t->text, "Reproduce: ");
        escape_line(&t->text, r->reproduce, COMMAND_MAX);
        buf_addch(&t->text, '\n');
    }
    begin_style(t, "2");
    put_wrapped(t, phrases_footer(&t->arena, r), 0, 0);
    end_style(t);
}

/* ---- plain ASCII ---- */

static const char *ascii_form(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(ascii_forms); i++)
        if (ascii_forms[i].code == code)
            return ascii_forms[i].ascii;
    return "?";
}

static void add_ascii(struct buf *out, const struct buf *text)
{
    for (size_t i = 0, bytes; i < text->length; i += bytes) {
        uint32_t code = '?';
        bytes = text_utf8(text->data + i, text->length - i, &code);
        if (!bytes)
            bytes = 1;
        if (code < 0x80)
            buf_addch(out, (char)code);
        else
            buf_addstr(out, ascii_form(code));
    }
}

void terminal_render(const struct result *r, const struct report_options *o, struct buf *out)
{
    struct terminal t = {.options = o, .width = o->width < WIDTH_MIN ? WIDTH_MIN : o->width};
    arena_init(&t.arena);
    buf_init(&t.text);
    put_verdict(&t, r);
    put_errors(&t, r);
    if (r->function_count > 1) {
        buf_addch(&t.text, '\n');
        put_table(&t, cells_functions(&t.arena, r));
    }
    for (unsigned rank = 0; rank <= cells_rank(VERDICT_UNGATED); rank++)
        for (size_t i = 0; i < r->function_count; i++)
            if (cells_rank(r->functions[i].verdict) == rank)
                put_function(&t, r, &r->functions[i]);
    put_footer(&t, r);
    if (o->unicode)
        buf_add(out, t.text.data, t.text.length);
    else
        add_ascii(out, &t.text);
    buf_release(&t.text);
    arena_release(&t.arena);
}
