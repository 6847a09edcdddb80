/*
 * The report as one HTML file: no script, no font, no link to elsewhere; light or dark as the
 * reader's system is.
 */
#include "report/renderers.h"

#include <string.h>

#include "report/cells.h"
#include "report/escape.h"
#include "report/phrases.h"

enum { TEXT_MAX = 4000 };

/* The policy forbids whatever the escaping might let through. */
static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>lambda-perf-gate</title>\n<style>\n"
    ":root { color-scheme: light dark }\n"
    "body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 "
    "1rem }\n"
    "h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin-top: 2.5rem }\n"
    "table { border-collapse: collapse; margin: .5rem 0 1rem; display: block; overflow-x: auto }\n"
    "th, td { padding: .25rem .75rem; border-bottom: 1px solid #8884; text-align: left; "
    "white-space: nowrap }\n"
    ".n { text-align: right; font-variant-numeric: tabular-nums }\n"
    "tr.fail td { font-weight: 600 }\n"
    "pre { padding: .75rem; background: #8882; overflow-x: auto; white-space: pre-wrap }\n"
    "summary { cursor: pointer; padding: .25rem 0 } footer { color: #888; margin-top: 3rem }\n"
    "</style>\n</head>\n<body>\n";

struct html {
    const struct result *result;
    struct arena arena;
    struct buf *out;
};

static void put_text(struct html *h, const char *text)
{
    escape_xml(h->out, text, TEXT_MAX);
}

static void put_element(struct html *h, const char *tag, const char *text)
{
    buf_addf(h->out, "<%s>", tag);
    put_text(h, text);
    buf_addf(h->out, "</%s>\n", tag);
}

static void put_cell(struct html *h, const char *tag, const struct table_column *column,
                     const char *text)
{
    bool code = column->kind == TABLE_NAME && tag[1] == 'd';
    buf_addf(h->out, "<%s%s>%s", tag, column->kind == TABLE_NUMBER ? " class=\"n\"" : "",
             code ? "<code>" : "");
    put_text(h, text);
    buf_addf(h->out, "%s</%s>", code ? "</code>" : "", tag);
}

static void put_table(struct html *h, const struct table *table)
{
    buf_addstr(h->out, "<table>\n<tr>");
    if (table->marked)
        buf_addstr(h->out, "<th></th>");
    for (size_t i = 0; i < table->column_count; i++)
        put_cell(h, "th", &table->columns[i], table->columns[i].title);
    buf_addstr(h->out, "</tr>\n");
    for (size_t row = 0; row < table->count; row++) {
        const struct table_row *cells = &table->rows[row];
        buf_addf(h->out, "<tr class=\"%s\">", verdict_name(cells->mark));
        if (table->marked)
            buf_addf(h->out, "<td>%s</td>", phrases_look(cells->mark)->icon);
        for (size_t i = 0; i < table->column_count; i++)
            put_cell(h, "td", &table->columns[i], cells->cells[i]);
        buf_addstr(h->out, "</tr>\n");
    }
    buf_addstr(h->out, "</table>\n");
}

static void put_folded(struct html *h, const char *summary, const struct table *table)
{
    if (!table || !table->count)
        return;
    buf_addf(h->out, "<details><summary>%s</summary>\n", summary);
    put_table(h, table);
    buf_addstr(h->out, "</details>\n");
}

static void put_items(struct html *h, const struct phrases *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_addf(h->out, "<li>%s ", phrases_look(list->items[i].mark)->icon);
        put_text(h, list->items[i].text);
        buf_addstr(h->out, "</li>\n");
    }
}

static void put_sentences(struct html *h, const struct result_function *f)
{
    struct phrases reasons = phrases_reasons(&h->arena, h->result, f);
    struct phrases notices = phrases_notices(&h->arena, h->result, f);
    if (!reasons.count && !notices.count && !f->warning_count)
        return;
    buf_addstr(h->out, "<ul>\n");
    put_items(h, &reasons);
    for (size_t i = 0; i < f->warning_count; i++) {
        buf_addstr(h->out, "<li>⚠️ ");
        put_text(h, f->warnings[i]);
        buf_addstr(h->out, "</li>\n");
    }
    put_items(h, &notices);
    buf_addstr(h->out, "</ul>\n");
}

static void put_measurements(struct html *h, const struct result_function *f)
{
    const struct table *judged = cells_metrics(&h->arena, f, CELLS_JUDGED, true);
    const struct table *story = cells_before_after(&h->arena, f);
    if (judged->count)
        put_table(h, judged);
    put_sentences(h, f);
    if (story) {
        put_element(h, "h3", "Before and after");
        put_table(h, story);
    }
    put_folded(h, "All metrics", cells_metrics(&h->arena, f, CELLS_ALL, true));
    put_folded(h, "How sure is this?", cells_sureness(&h->arena, f));
    put_folded(h, "Events", cells_events(&h->arena, f));
    put_folded(h, cells_all_ok(f) ? "Invocations: all good" : "Invocations: not all good",
               cells_accounting(&h->arena, f));
}

static void put_function(struct html *h, const struct result_function *f)
{
    const char *month = phrases_month(&h->arena, f);
    buf_addf(h->out, "<h2>%s <code>", phrases_look(f->verdict)->icon);
    put_text(h, f->name);
    buf_addstr(h->out, "</code></h2>\n");
    put_element(h, "p", phrases_measured(&h->arena, h->result, f));
    if (month)
        put_element(h, "p", month);
    if (f->identical)
        put_sentences(h, f);
    else
        put_measurements(h, f);
    put_folded(h, "Method", phrases_method(&h->arena, h->result, f));
}

/* Lines stay lines. */
static void put_lines(struct html *h, const char *text)
{
    buf_addstr(h->out, "<pre>");
    while (*text) {
        size_t bytes = strcspn(text, "\n");
        put_text(h, arena_strndup(&h->arena, text, bytes));
        text += bytes;
        if (*text)
            buf_addch(h->out, *text++);
    }
    buf_addstr(h->out, "</pre>\n");
}

static void put_heading(struct html *h)
{
    const struct result *r = h->result;
    const struct phrases_look *look = phrases_look(r->verdict);
    const struct result_function *culprit = phrases_culprit(r);
    const char *headline = phrases_headline(&h->arena, r);
    buf_addf(h->out, "<h1>%s %s · ", look->icon, look->word);
    if (culprit && !(r->verdict == VERDICT_PASS && r->function_count > 1)) {
        buf_addstr(h->out, "<code>");
        put_text(h, culprit->name);
        buf_addstr(h->out, "</code>: ");
    }
    put_text(h, arena_strndup(&h->arena, headline, strcspn(headline, "\n")));
    buf_addstr(h->out, "</h1>\n");
}

void html_render(const struct result *r, const struct report_options *o, struct buf *out)
{
    (void)o;
    struct html h = {.result = r, .out = out};
    arena_init(&h.arena);
    buf_addstr(out, head);
    put_heading(&h);
    for (size_t i = 0; i < r->error_count; i++)
        put_lines(&h, r->errors[i]);
    if (r->function_count > 1)
        put_table(&h, cells_functions(&h.arena, r));
    for (unsigned rank = 0; rank <= cells_rank(VERDICT_UNGATED); rank++)
        for (size_t i = 0; i < r->function_count; i++)
            if (cells_rank(r->functions[i].verdict) == rank)
                put_function(&h, &r->functions[i]);
    if (r->reproduce) {
        put_element(&h, "h2", "Reproduce this");
        put_lines(&h, r->reproduce);
    }
    put_element(&h, "footer", phrases_footer(&h.arena, r));
    buf_addstr(out, "</body>\n</html>\n");
    arena_release(&h.arena);
}
