#include "report/report.h"

#include <string.h>

#include "base/mem.h"
#include "report/renderers.h"

static void json_render(const struct result *r, const struct report_options *o, struct buf *out)
{
    (void)o;
    result_write(r, out);
}

const struct renderer renderers[] = {
    {"terminal", "report.txt", "text for a terminal or a log", terminal_render},
    {"markdown", "report.md", "the pull request's comment and the job's summary", markdown_render},

    {"html", "report.html", "one page, without scripts", html_render},
    {"json", "result.json", "the result itself", json_render},
    {"junit", "junit.xml", "JUnit XML: a test case per judged metric", junit_render},
};
const size_t renderer_count = ARRAY_LEN(renderers);

const struct renderer *report_find(const char *name)
{
    for (size_t i = 0; i < renderer_count; i++)
        if (!strcmp(renderers[i].name, name))
            return &renderers[i];
    return NULL;
}
