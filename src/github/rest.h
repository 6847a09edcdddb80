/*
 * rest.h - calls of GitHub's REST API, github.com's or that of a GitHub Enterprise Server.
 *
 * https://docs.github.com/rest
 *
 *     struct rest *r = rest_new(&options, e);
 *     struct rest_call call = {.what = "read the pull request", .method = "GET", .path = path};
 *     struct rest_answer answer = {0};
 *     if (!rest_call(r, &call, &answer, e))
 *         ... json_get(answer.body, "state") ...
 *     rest_answer_release(&answer);
 *
 * A call runs the loop until it is done. It is tried again when the request did not reach GitHub,
 * when GitHub asks to come back later (a rate limit; a client's waits for that have a limit together)
 * and, if doing it twice is as good as doing it once, when the server failed or the answer was
 * lost. A POST is not of that kind: its answer says `unknown` then, and the caller must look
 * whether it was carried out.
 *
 * The token goes to the one host that the client was made for and nowhere else: no redirect is
 * followed, no link to another host is read, and no message holds it.
 */
#ifndef LPG_GITHUB_REST_H
#define LPG_GITHUB_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "net/http_client.h"
#include "net/loop.h"

#define REST_API_URL "https://api.github.com"

enum {
    REST_WAIT_SECONDS = 120, /* default for all waits of a client together */
    REST_PAGES_MAX = 30,     /* of 100 items */
};

struct rest_options {
    struct loop *loop;
    struct http_client *http;
    const char *api_url;   /* GITHUB_API_URL; NULL or "": REST_API_URL */
    const char *token;     /* required */
    unsigned wait_seconds; /* at most, for rate limits, together */
    struct log *log;       /* is told of waits and repetitions; may be NULL */
};

struct rest;

/* Copies the token and the URL; ERROR_USAGE when one of them cannot be used. */
struct rest *rest_new(const struct rest_options *o, struct error *e);
/* Wipes the token. */
void rest_free(struct rest *r);
/* Where the API is, without a slash at the end. */
const char *rest_api_url(const struct rest *r);

struct rest_call {
    const char *what;       /* for messages: "cannot <what>: ..." */
    const char *method;     /* GET, POST, PATCH, PUT or DELETE */
    const char *path;       /* behind the API's URL: "/repos/o/r/issues/1", encoded */
    const struct buf *body; /* JSON; NULL: none */
    const char *permission; /* that a token needs for it: "pull-requests: write"; may be NULL */
};

/* Filled in also when the call failed. */
struct rest_answer {
    int status;        /* 0: none came */
    bool unknown;      /* it may have been carried out all the same */
    struct json *body; /* NULL unless the status is 2xx and there is JSON */
};

/* 0 for a status of 2xx. The error otherwise says why and what to do about it, in words. */
int rest_call(struct rest *r, const struct rest_call *call, struct rest_answer *answer,
              struct error *e);
void rest_answer_release(struct rest_answer *a);

/* Return values of a callback of rest_list(). */
enum rest_walk { REST_MORE, REST_ENOUGH };
typedef enum rest_walk rest_item_fn(void *context, const struct json *item);

/*
 * Calls back for each item of a list, page by page as GitHub's Link headers lead. `path` asks for
 * the page size itself. -1 when a page could not be read, when a link leads to another host, and
 * behind REST_PAGES_MAX pages: a list that was read in part is never taken for the whole.
 */
int rest_list(struct rest *r, const struct rest_call *call, rest_item_fn *item, void *context,
              struct error *e);

/* "owner/name" of letters, digits, '-', '_' and '.', neither part of dots alone. */
bool rest_is_repository(const char *text);

#endif
