#include "cmd/ci_override.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/command.h"
#include "github/rest.h"

struct search {
    const char *label;
    bool found;
};

static enum rest_walk look_at(void *context, const struct json *item)
{
    struct search *search = context;
    search->found = !strcmp(json_get_string(item, "name", ""), search->label);
    return search->found ? REST_ENOUGH : REST_MORE;
}

static int ask(struct rest *rest, const struct event *event, struct search *search, struct error *e)
{
    char *path = xasprintf("/repos/%s/issues/%llu/labels?per_page=100", event->repository,
                           (unsigned long long)event->number);
    struct rest_call call = {.what = "read the pull request's labels",
                             .method = "GET",
                             .path = path,
                             .permission = "pull-requests: read"};
    int failed = rest_list(rest, &call, look_at, search, e);
    free(path);
    return failed;
}

int ci_override_asked(const struct event *event, const char *label, bool *asked, struct error *e)
{
    struct search search = {.label = label};
    if (!event->number || !event->repository) {
        *asked = false;
        return 0;
    }
    struct loop *loop = loop_new(e);
    struct http_client *http =
        loop ? http_client_new(loop, &(struct http_client_options){0}, e) : NULL;
    struct loop_watch *signals = http ? command_watch_signals(loop) : NULL;
    struct rest_options options = {.loop = loop,
                                   .http = http,
                                   .api_url = getenv("GITHUB_API_URL"),
                                   .token = getenv("GITHUB_TOKEN"),
                                   .wait_seconds = REST_WAIT_SECONDS,
                                   .log = command_log(LOG_INFO)};
    struct rest *rest = NULL;
    if (http && (!options.token || !*options.token))
        error_set(e, ERROR_USAGE, "there is no GITHUB_TOKEN in the environment");
    else if (http)
        rest = rest_new(&options, e);
    int failed = rest ? ask(rest, event, &search, e) : -1;
    if (!failed)
        *asked = search.found;
    rest_free(rest);
    loop_watch_free(signals);
    http_client_free(http);
    loop_free(loop);
    return failed;
}
