/*
 * The report as GitHub Flavored Markdown: the verdict in the heading, what a reviewer needs to
 * decide below it, all else folded away.
 *
 * A comment has a limit of size. The document is made at the first level of detail that fits the
 * budget, so that it is cut between whole sections, then between whole rows, and never within one.
 */
#include "report/renderers.h"

#include <string.h>

#include "report/cells.h"
#include "report/escape.h"
#include "report/phrases.h"

enum {
    NAME_MAX_CHARS = 64,
    HEADLINE_MAX = 200,
    SENTENCE_MAX = 400,
    ERROR_MAX = 1500,
    COMMAND_MAX = 1000,
    ERRORS_MAX = 8,
    WARNINGS_MAX = 8,
    BUDGET_MIN = 8192,
    FOOTER_BYTES = 3000, /* kept for what follows the roll-up */
};

/* Each level leaves out what the one before shows, and that. */
enum level {
    LEVEL_WHOLE,
    LEVEL_NO_DETAILS,  /* events, invocations, method */
    LEVEL_NO_TABLES,   /* all metrics, before and after, how sure */
    LEVEL_WORST_FIRST, /* sections of functions that passed; rows of the roll-up as many as fit */
    LEVEL_ROLL_UP,     /* sections of all functions */
    LEVEL_COUNT
};

static const char *const left_out[LEVEL_COUNT] = {
    [LEVEL_WHOLE] = "",
    [LEVEL_NO_DETAILS] = "events, invocations and method",
    [LEVEL_NO_TABLES] = "all tables but those of the judged metrics",
    [LEVEL_WORST_FIRST] = "the functions that passed and all other tables",
    [LEVEL_ROLL_UP] = "the sections of the functions",
};

struct markdown {
    const struct result *result;
    enum level level;
    size_t budget;
    struct arena arena;
    struct buf text;
};

/* ---- tables ---- */

static void put_cell(struct markdown *md, const struct table_column *column, const char *text,
                     bool strong)
{
    const char *stars = strong && *text ? "**" : "";
    buf_addf(&md->text, " %s", stars);
    if (column->kind == TABLE_NAME)
        escape_code(&md->text, text, NAME_MAX_CHARS);
    else if (column->kind == TABLE_NUMBER)
        buf_addstr(&md->text, text);
    else
        escape_prose(&md->text, text, HEADLINE_MAX);
    buf_addf(&md->text, "%s |", stars);
}

static void put_row(struct markdown *md, const struct table *table, const struct table_row *row)
{
    buf_addch(&md->text, '|');
    if (table->marked)
        buf_addf(&md->text, " %s |", phrases_look(row->mark)->icon);
    for (size_t i = 0; i < table->column_count; i++)
        put_cell(md, &table->columns[i], row->cells[i],
                 row->mark == VERDICT_FAIL && table->columns[i].strong);
    buf_addch(&md->text, '\n');
}

static void put_heads(struct markdown *md, const struct table *table)
{
    buf_addstr(&md->text, table->marked ? "| |" : "|");
    for (size_t i = 0; i < table->column_count; i++)
        buf_addf(&md->text, " %s |", table->columns[i].title);
    buf_addstr(&md->text, table->marked ? "\n|:-:|" : "\n|");
    for (size_t i = 0; i < table->column_count; i++)
        buf_addstr(&md->text, table->columns[i].kind == TABLE_NUMBER ? "--:|" : ":--|");
    buf_addch(&md->text, '\n');
}

static void put_table(struct markdown *md, const struct table *table)
{
    put_heads(md, table);
    for (size_t i = 0; i < table->count; i++)
        put_row(md, table, &table->rows[i]);
    buf_addch(&md->text, '\n');
}

/* A blank line must follow the summary, or the Markdown behind it stays raw. */
static void open_details(struct markdown *md, const char *summary)
{
    buf_addf(&md->text, "<details><summary>%s</summary>\n\n", summary);
}

static void close_details(struct markdown *md)
{
    buf_addstr(&md->text, "</details>\n\n");
}

static void put_folded(struct markdown *md, const char *summary, const struct table *table)
{
    if (!table || !table->count)
        return;
    open_details(md, summary);
    put_table(md, table);
    close_details(md);
}

/* "- icon sentence". */
static void put_item(struct markdown *md, const char *icon, const char *text)
{
    buf_addf(&md->text, "- %s ", icon);
    escape_prose(&md->text, text, SENTENCE_MAX);
    buf_addch(&md->text, '\n');
}

/* ---- a function ---- */

static void put_measured(struct markdown *md, const struct result_function *f)
{
    const char *month = phrases_month(&md->arena, f);
    escape_prose(&md->text, phrases_measured(&md->arena, md->result, f), SENTENCE_MAX);
    if (month) {
        buf_addch(&md->text, ' ');
        escape_prose(&md->text, month, SENTENCE_MAX);
    }
    buf_addstr(&md->text, "\n\n");
}

static void put_judged(struct markdown *md, const struct result_function *f)
{
    const struct table *table = cells_metrics(&md->arena, f, CELLS_JUDGED, false);
    if (!table->count)
        table = cells_metrics(&md->arena, f, CELLS_MEASURED, false);
    if (table->count)
        put_table(md, table);
}

/* Of a failed metric heading and table say all; the others need a sentence. */
static void put_reasons(struct markdown *md, const struct result_function *f)
{
    struct phrases reasons = phrases_reasons(&md->arena, md->result, f);
    size_t before = md->text.length;
    for (size_t i = 0; i < reasons.count; i++)
        if (reasons.items[i].mark != VERDICT_FAIL)
            put_item(md, phrases_look(reasons.items[i].mark)->icon, reasons.items[i].text);
    buf_addstr(&md->text, md->text.length > before ? "\n" : "");
}

static void put_warnings(struct markdown *md, const struct result_function *f)
{
    struct phrases notices = phrases_notices(&md->arena, md->result, f);
    size_t before = md->text.length;
    for (size_t i = 0; i < f->warning_count && i < WARNINGS_MAX; i++)
        put_item(md, "⚠️", f->warnings[i]);
    if (f->warning_count > WARNINGS_MAX)
        buf_addf(&md->text, "- … and %zu more warnings\n", f->warning_count - WARNINGS_MAX);
    for (size_t i = 0; i < notices.count; i++)
        put_item(md, "ℹ️", notices.items[i].text);
    buf_addstr(&md->text, md->text.length > before ? "\n" : "");
}

static void put_sureness(struct markdown *md, const struct result_function *f)
{
    const struct table *table = cells_sureness(&md->arena, f);
    if (!table)
        return;
    open_details(md, "How sure is this?");
    buf_addstr(&md->text,
               "The noise floor is what the change would have been known to if nothing had "
               "changed; a change of the size in the next column would not have been missed.\n\n");
    put_table(md, table);
    close_details(md);
}

static void put_details(struct markdown *md, const struct result_function *f)
{
    bool full = md->level < LEVEL_NO_DETAILS && !f->identical;
    if (f->verdict == VERDICT_PASS && md->result->function_count > 1) {
        put_folded(md, "Before and after", cells_before_after(&md->arena, f));
        return;
    }
    if (md->level < LEVEL_NO_TABLES && !f->identical) {
        put_folded(md, "Before and after", cells_before_after(&md->arena, f));
        put_folded(md, "All metrics", cells_metrics(&md->arena, f, CELLS_ALL, false));
        put_sureness(md, f);
    }
    if (full)
        put_folded(md, "Events", cells_events(&md->arena, f));
    if (full || (!cells_all_ok(f) && md->level < LEVEL_WORST_FIRST))
        put_folded(md, cells_all_ok(f) ? "Invocations: all good" : "Invocations: not all good",
                   cells_accounting(&md->arena, f));
    if (md->level < LEVEL_NO_DETAILS)
        put_folded(md, "Method", phrases_method(&md->arena, md->result, f));
}

static void put_function(struct markdown *md, const struct result_function *f)
{
    put_measured(md, f);
    if (!f->identical)
        put_judged(md, f);
    put_reasons(md, f);
    put_warnings(md, f);
    put_details(md, f);
}

/* What passed is folded: who looks at a comment looks for what did not. */
static void put_section(struct markdown *md, const struct result_function *f)
{
    const struct phrases_look *look = phrases_look(f->verdict);
    bool passed = f->verdict == VERDICT_PASS;
    if (passed && md->level >= LEVEL_WORST_FIRST)
        return;
    if (!passed) {
        buf_addf(&md->text, "#### %s ", look->icon);
        escape_code(&md->text, f->name, NAME_MAX_CHARS);
        buf_addstr(&md->text, "\n\n");
        put_function(md, f);
        return;
    }
    buf_addf(&md->text, "<details><summary>%s <code>", look->icon);
    escape_xml(&md->text, f->name, NAME_MAX_CHARS);
    buf_addstr(&md->text, "</code></summary>\n\n");
    put_function(md, f);
    close_details(md);
}

static void put_sections(struct markdown *md)
{
    const struct result *r = md->result;
    for (unsigned rank = 0; rank <= cells_rank(VERDICT_UNGATED); rank++)
        for (size_t i = 0; i < r->function_count; i++)
            if (cells_rank(r->functions[i].verdict) == rank)
                put_section(md, &r->functions[i]);
}

/* ---- the run ---- */

static void put_heading(struct markdown *md)
{
    const struct result *r = md->result;
    const struct phrases_look *look = phrases_look(r->verdict);
    const struct result_function *culprit = phrases_culprit(r);
    const char *headline = phrases_headline(&md->arena, r);
    size_t line = strcspn(headline, "\n");
    buf_addf(&md->text, "### %s %s · ", look->icon, look->word);
    if (culprit && !(r->verdict == VERDICT_PASS && r->function_count > 1)) {
        escape_code(&md->text, culprit->name, NAME_MAX_CHARS);
        buf_addstr(&md->text, ": ");
    }
    escape_prose(&md->text, arena_strndup(&md->arena, headline, line), HEADLINE_MAX);
    buf_addstr(&md->text, "\n\n");
}

/* An error of one line that the heading shows whole is not said twice. */
static void put_errors(struct markdown *md)
{
    const struct result *r = md->result;
    bool told =
        r->error_count == 1 && !strchr(r->errors[0], '\n') && strlen(r->errors[0]) < HEADLINE_MAX;
    for (size_t i = 0; i < r->error_count && i < ERRORS_MAX && !told; i++) {
        escape_fence(&md->text, r->errors[i], ERROR_MAX);
        buf_addch(&md->text, '\n');
    }
    if (r->error_count > ERRORS_MAX)
        buf_addf(&md->text, "… and %zu more errors\n\n", r->error_count - ERRORS_MAX);
    if (r->error_count)
        buf_addstr(&md->text, "What could not be measured is not a pass.\n\n");
}

static void put_roll_up(struct markdown *md)
{
    const struct table *table = cells_functions(&md->arena, md->result);
    if (md->result->function_count < 2)
        return;
    size_t most = md->budget - FOOTER_BYTES, shown = 0;
    put_heads(md, table);
    for (; shown < table->count; shown++) {
        size_t before = md->text.length;
        put_row(md, table, &table->rows[shown]);
        if (md->level < LEVEL_ROLL_UP || md->text.length <= most)
            continue;
        buf_truncate(&md->text, before);
        break;
    }
    buf_addch(&md->text, '\n');
    if (shown < table->count)
        buf_addf(&md->text, "… and %zu more functions, none of them worse than the last row.\n\n",
                 table->count - shown);
}

static void put_reproduce(struct markdown *md)
{
    if (!md->result->reproduce)
        return;
    open_details(md, "Reproduce this");
    escape_fence(&md->text, md->result->reproduce, COMMAND_MAX);
    buf_addch(&md->text, '\n');
    close_details(md);
}

static void put_footer(struct markdown *md)
{
    if (md->level != LEVEL_WHOLE)
        buf_addf(&md->text,
                 "Shortened to fit: %s are left out here. The full report is in `result.json`.\n\n",
                 left_out[md->level]);
    buf_addstr(&md->text, "<sub>");
    escape_prose(&md->text, phrases_footer(&md->arena, md->result), SENTENCE_MAX);
    buf_addstr(&md->text, "</sub>\n");
}

static void put_document(struct markdown *md)
{
    const struct result *r = md->result;
    put_heading(md);
    put_errors(md);
    put_roll_up(md);
    if (r->function_count == 1 && md->level < LEVEL_ROLL_UP)
        put_function(md, &r->functions[0]);
    else if (md->level < LEVEL_ROLL_UP)
        put_sections(md);
    put_reproduce(md);
    put_footer(md);
}

void markdown_render(const struct result *r, const struct report_options *o, struct buf *out)
{
    struct markdown md = {.result = r};
    md.budget = o->max_bytes < BUDGET_MIN ? BUDGET_MIN : o->max_bytes;
    arena_init(&md.arena);
    buf_init(&md.text);
    for (int level = LEVEL_WHOLE; level < LEVEL_COUNT; level++) {
        md.level = (enum level)level;
        buf_clear(&md.text);
        put_document(&md);
        if (md.text.length <= md.budget)
            break;
    }
    buf_add(out, md.text.data, md.text.length);
    buf_release(&md.text);
    arena_release(&md.arena);
}
