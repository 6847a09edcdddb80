/*
 * Input: a Link header on the first line, the body of an answer behind it. Whatever they are: the
 * next page is on the host that was asked, what is told of the body holds no command for a runner,
 * and a body that is taken for a marked comment begins with a mark that can be written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "github/mark.h"
#include "github/reply.h"
#include "net/http_target.h"
#include "runner_parser.h"

#define API "https://ghe.example:8443/api/v3"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_link(const char *link)
{
    struct buf path, url;
    struct http_target target;
    buf_init(&path);
    buf_init(&url);
    http_target_init(&target);
    int found = reply_next_page(link, API, &path);
    require(found == 1 ? path.data[0] == '/' : !path.length);
    if (found == 1)
        require(strstr(link, "rel=next") || strstr(link, "rel=\"next\""));
    buf_addf(&url, API "%s", path.data);
    if (http_target_read(&target, url.data, NULL) == 0)
        require(target.https && strcmp(target.host, "ghe.example:8443") == 0);
    http_target_release(&target);
    buf_release(&path);
    buf_release(&url);
}

static void check_message(const char *text, size_t length)
{
    struct http_response r = {.outcome = HTTP_ANSWERED, .status = 403};
    struct buf message;
    buf_init(&r.headers);
    buf_init(&r.body);
    buf_add(&r.body, text, length);
    buf_init_capped(&message, 400);
    reply_message(&r, &message);
    require(message.length <= 400);
    require(runner_count_commands(message.data, message.length, false) == 0);
    require(!strpbrk(message.data, "\r\n\x1b"));
    (void)reply_limit_seconds(&r, message.data, 1, 0);
    buf_release(&message);
    http_response_release(&r);
}

static void check_mark(const char *body)
{
    uint64_t run, attempt, again_run, again_attempt;
    if (!mark_is_in(body, "k", &run, &attempt))
        return;
    struct buf line;
    buf_init(&line);
    mark_add(&line, &(struct mark){.key = "k", .run = run, .attempt = attempt});
    require(strncmp(body, line.data, strlen("<!-- lambda-perf-gate v=1 key=k run=")) == 0);
    require(mark_is_in(line.data, "k", &again_run, &again_attempt));
    require(again_run == run && again_attempt == attempt);
    buf_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *newline = size ? memchr(text, '\n', size) : NULL;
    size_t first = newline ? (size_t)(newline - text) : size;
    char *link = xstrndup(text, first);
    check_link(link);
    free(link);
    if (!newline)
        return 0;
    char *body = xstrndup(newline + 1, size - first - 1);
    check_message(newline + 1, size - first - 1);
    check_mark(body);
    free(body);
    return 0;
}
