#include "github/reply.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"

enum { SECONDARY_SECONDS = 60, WAIT_SECONDS_MAX = 1000000000 };

/*
 * By status and a part of GitHub's message; the first that fits. Of a 422 GitHub says itself what
 * is wrong.
 */
static const struct hint {
    int status;
    const char *part; /* NULL: any message */
    bool permission;  /* and tell how to give it */
    const char *text;
} hints[] = {
    {401, NULL, false,
     "The token has expired, was revoked, or belongs to another host than GITHUB_API_URL."},
    {403, "not accessible by", true,
     "The token lacks a permission; that of a pull request from a fork always does."},
    {403, "locked", false, "The conversation is locked; nobody without write access may comment."},
    {403, "SSO", false, "The token must be authorised for the organisation's single sign-on."},
    {403, NULL, true, "The token may not do this."},
    {404, NULL, true,
     "There is no such thing, or the token may not see it, which GitHub answers alike."},
    {410, NULL, false,
     "It was deleted, comments are turned off, or the host no longer speaks "
     "version " REPLY_API_VERSION " of the API."},
};

static const struct hint *find_hint(int status, const char *message)
{
    for (size_t i = 0; i < ARRAY_LEN(hints); i++)
        if (hints[i].status == status && (!hints[i].part || strstr(message, hints[i].part)))
            return &hints[i];
    return NULL;
}

void reply_explain(int status, const char *message, const char *permission, struct error *e)
{
    if (status / 100 == 3)
        error_suffix(e, "\nThe repository has moved: use its new name.");
    const struct hint *hint = find_hint(status, message);
    if (!hint)
        return;
    error_suffix(e, "\n%s", hint->text);
    if (hint->permission && permission)
        error_suffix(e,
                     " If it is a workflow's, add to the job:\n"
                     "    permissions:\n"
                     "      contents: read\n"
                     "      %s",
                     permission);
}

void reply_message(const struct http_response *r, struct buf *out)
{
    struct json *body = json_parse(r->body.data, r->body.length, NULL);
    const char *message = json_get_string(body, "message", "");
    text_add_safe(out, message, strlen(message));
    for (const struct json *f = json_first(json_get(body, "errors")); f; f = json_next(f)) {
        const char *why = json_string(f, json_get_string(f, "message", NULL));
        const char *field = json_get_string(f, "field", "");
        why = why ? why : json_get_string(f, "code", "");
        buf_addstr(out, "; ");
        text_add_safe(out, field, strlen(field));
        buf_addstr(out, *field ? ": " : "");
        text_add_safe(out, why, strlen(why));
    }
    json_free(body);
}

/* ---- limits ---- */

static bool header_number(const struct http_response *r, const char *name, double *value)
{
    char text[32];
    return http_response_header(r, name, text, sizeof text) && units_parse_number(text, value) &&
           *value >= 0;
}

uint64_t reply_limit_seconds(const struct http_response *r, const char *message, unsigned attempt,
                             uint64_t wall_seconds)
{
    double after = -1, remaining = -1, reset = -1;
    bool has_after = header_number(r, "retry-after", &after);
    bool spent = header_number(r, "x-ratelimit-remaining", &remaining) && remaining < 1;
    bool says = strstr(message, "rate limit") != NULL;
    if (r->status != 429 && r->status != 403)
        return 0;
    if (r->status == 403 && (strstr(message, "not accessible by") || !(has_after || spent || says)))
        return 0;
    if (has_after)
        return after < 1 ? 1 : after > WAIT_SECONDS_MAX ? WAIT_SECONDS_MAX : (uint64_t)after;
    if (spent && header_number(r, "x-ratelimit-reset", &reset) && reset < 1e12)
        return reset > (double)wall_seconds ? (uint64_t)reset - wall_seconds + 1 : 1;
    return (uint64_t)SECONDARY_SECONDS << (attempt - 1);
}

/* ---- pages ---- */

/* Whether a link's parameters ("; rel=\"next\"; ...") name the relation "next". */
static bool is_next(const char *parameters, size_t length)
{
    static const char *const forms[] = {"rel=\"next\"", "rel=next"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (memmem(parameters, length, forms[i], strlen(forms[i])))
            return true;
    return false;
}

int reply_next_page(const char *link, const char *api_url, struct buf *path)
{
    size_t base = strlen(api_url);
    for (const char *open; (open = strchr(link, '<'));) {
        const char *close = strchr(open, '>');
        if (!close)
            return 0;
        const char *following = strchr(close, '<');
        size_t rest = following ? (size_t)(following - close) : strlen(close);
        link = close + rest;
        if (!is_next(close, rest))
            continue;
        size_t length = (size_t)(close - open) - 1;
        if (length <= base || memcmp(open + 1, api_url, base) != 0 || open[1 + base] != '/')
            return -1;
        buf_add(path, open + 1 + base, length - base);
        return 1;
    }
    return 0;
}
