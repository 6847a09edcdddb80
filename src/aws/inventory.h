/*
 * inventory.h - which functions there are, whose they are, and away with them: single calls of the
 * Lambda API and what their answers mean. What is done about the answers is decided in cleanup/.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
 * https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
 * https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
 *
 * Tags are read with GetFunction: Lambda allows it a hundred times a second, while all other calls
 * that change or list functions share fifteen. It leaves the tags out for a caller who may not
 * lambda:ListTags.
 */
#ifndef LPG_AWS_INVENTORY_H
#define LPG_AWS_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/lambda.h"
#include "base/error.h"
#include "model/temporary.h"
#include "net/http_client.h"

/* What an answer means for somebody who wants a function gone. */
enum inventory_status {
    INVENTORY_OK,      /* 2xx */
    INVENTORY_ABSENT,  /* 404: there is no such function */
    INVENTORY_BUSY,    /* 409: it is there, but being created or changed */
    INVENTORY_LATER,   /* throttled, a fault of the server's, or no answer: worth another try */
    INVENTORY_REFUSED, /* anything else: another try will not help */
};
enum inventory_status inventory_status(const struct http_response *r);

/*
 * Start a call; `done` as with http_client_send(), `timeout_ns` likewise. Nothing is repeated. -1
 * when it could not even be started.
 */
struct inventory_call {
    const char *name; /* of the function */
    uint64_t timeout_ns;
    http_done_fn *done;
    void *context;
};
int inventory_get(struct lambda *l, const struct inventory_call *call, struct error *e);
int inventory_delete(struct lambda *l, const struct inventory_call *call, struct error *e);

/* The tags in an answer to GetFunction; false when they do not make the gate's three. */
bool inventory_read_tags(const struct http_response *r, struct temporary_tags *out);
/* The account in an answer to GetFunction or DeleteFunction, also a 404; false when it names none. */
bool inventory_read_account(const struct http_response *r, char account[LAMBDA_ACCOUNT_BYTES]);

/* A page of ListFunctions. */
struct inventory_page {
    char **names;
    size_t count, capacity;
    char *next; /* marker of the next page; NULL: this was the last */
};
/*
 * Gets one page, the first for a NULL marker, and waits and tries again while Lambda says "later",
 * for two minutes at most. -1 also when the answer is not a page. The caller releases it.
 */
int inventory_list(struct lambda *l, const char *marker, struct inventory_page *page,
                   struct error *e);
void inventory_page_release(struct inventory_page *page);
/* GetFunction in the same patient way. 0 when there is an answer of 200 or 404, to be released. */
int inventory_look(struct lambda *l, const char *name, struct http_response *response,
                   struct error *e);

/* How long to wait before the try after the `attempt`th, from 1: random, growing, 20 s at most. */
uint64_t inventory_backoff_ns(unsigned attempt);

#endif
