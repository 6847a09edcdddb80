#include "github/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

enum { ATTEMPTS = 3 };

static const char *const states[VERDICT_COUNT] = {
    [VERDICT_ERROR] = "error",          [VERDICT_PASS] = "success",  [VERDICT_FAIL] = "failure",
    [VERDICT_INCONCLUSIVE] = "failure", [VERDICT_UNGATED] = "error",
};

const char *status_state(enum verdict v)
{
    return v >= 0 && v < VERDICT_COUNT ? states[v] : states[VERDICT_ERROR];
}

void status_context(struct buf *out, const char *key)
{
    static const char slash[] = "%2F";
    buf_addstr(out, "lambda-perf-gate/");
    for (const char *p = key, *stop; *p; p = stop) {
        stop = strstr(p, slash);
        stop = stop ? stop : p + strlen(p);
        buf_add(out, p, (size_t)(stop - p));
        if (!*stop)
            break;
        buf_addch(out, '/');
        stop += strlen(slash);
    }
}

static void write_body(const struct status *s, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out, 0);
    json_open_object(&w, NULL);
    json_put_string(&w, "state", status_state(s->verdict));
    json_put_string(&w, "context", s->context);
    json_put_string(&w, "description", s->description);
    if (s->target_url)
        json_put_string(&w, "target_url", s->target_url);
    json_close(&w);
}

int status_post(struct rest *r, const struct status *s, struct error *e)
{
    struct buf body;
    buf_init(&body);
    write_body(s, &body);
    char *path = xasprintf("/repos/%s/statuses/%s", s->repository, s->sha);
    struct rest_call call = {"set the commit's status", "POST", path, &body, "statuses: write"};
    struct rest_answer answer;
    int failed = -1;
    /* Two of one context are as good as one, so here a lost answer is no reason to stop. */
    for (int attempt = 1; failed && attempt <= ATTEMPTS; attempt++) {
        failed = rest_call(r, &call, &answer, e);
        rest_answer_release(&answer);
        if (failed && (!answer.unknown || (e && e->code == ERROR_INTERRUPTED)))
            break;
    }
    free(path);
    buf_release(&body);
    return failed;
}
