/*
 * journal.h - what a run is about to make at an endpoint, written down before it makes it.
 *
 * A file with one JSON object per line. It is appended to and synced, so that whatever ends the
 * process, the next one knows which functions there may be:
 *
 *     {"step":"run","schema":"lambda-perf-gate/journal/1","run":"0f3a5c21","endpoint":"https://...",
 *      "region":"eu-west-1","pid":4711,"at":"20261124T003000Z"}
 *     {"step":"intent","function":"lpg-0f3a5c21-checkout-base","at":"20261124T003001Z"}
 *     {"step":"created","function":"lpg-0f3a5c21-checkout-base","account":"123456789012"}
 *     {"step":"removed","function":"lpg-0f3a5c21-checkout-base"}
 *
 * The intent is on the disk before the request leaves. An intent that nothing follows means that
 * the function may exist. A last line that was cut off by the end of the process or of the machine
 * counts as not written: its request was never sent, or what it says is found out again.
 *
 * Who writes holds a lock on the file, which the system lifts when the process ends in whatever
 * way; so a journal that can be locked is one whose run is over. A file may hold several runs, all
 * of one endpoint and region. It is removed when all that it names is gone.
 *
 * A journal in a work folder may have been written by anybody. So neither the endpoint nor the
 * right to delete is taken from it: journal_open() refuses another endpoint than the caller's,
 * names that do not belong to their run make the file damaged, and before a deletion the
 * function's tags are read (settle.h).
 */
#ifndef LPG_CLEANUP_JOURNAL_H
#define LPG_CLEANUP_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/temporary.h"

enum { JOURNAL_ACCOUNT_BYTES = 13 }; /* twelve digits and the NUL */

/* Of where the functions are. */
struct journal_place {
    const char *endpoint;
    const char *region;
};

enum journal_step { JOURNAL_INTENT, JOURNAL_CREATED, JOURNAL_REMOVED };

struct journal_entry {
    char *name;
    char run[TEMPORARY_RUN_BYTES];
    char account[JOURNAL_ACCOUNT_BYTES]; /* "" when not known */
    enum journal_step step;
    uint64_t intent_ns; /* wall clock */
};

/* What a journal says. */
struct journal_content {
    char *endpoint, *region; /* NULL while no run has begun */
    struct journal_entry *entries;
    size_t count, capacity;
    size_t whole_bytes;    /* up to the last newline; what follows counts as not written */
    unsigned damaged_line; /* the first that cannot be understood, from 1; 0: none */
};

/* Reads a journal's text. Never fails: what cannot be understood is in `damaged_line`. */
void journal_parse(const char *text, size_t length, struct journal_content *out);
void journal_content_release(struct journal_content *c);
/* Entries that are not known to be removed. */
size_t journal_open_entries(const struct journal_content *c);

struct journal {
    char *path;
    int fd;
    struct journal_content content; /* kept up to date with what is written */
    char run[TEMPORARY_RUN_BYTES];  /* "" when opened only to settle what is there */
};

/* "FOLDER/journal-RUN.ndjson"; the caller frees. */
char *journal_path(const char *folder, const char *run);

/* The files in a folder, not below it, that are called so, sorted. */
struct journal_paths {
    char **items;
    size_t count, capacity;
};
/* A folder that cannot be read holds none. */
void journal_paths_find(const char *folder, struct journal_paths *out);
void journal_paths_release(struct journal_paths *p);

/*
 * Opens and locks a journal. With a `run`, the file is made if need be (mode 0600) and a new run
 * begins in it; without, it must be there. A link, another user's file, or what is no file is
 * refused, and so is a journal of another endpoint or region, or one that another process has
 * open. ERROR_USAGE for the last two, ERROR_SYSTEM else. NULL on failure.
 */
struct journal *journal_open(const char *path, const struct journal_place *place, const char *run,
                             struct error *e);
/* To be called, and to succeed, before a function is created. */
int journal_intend(struct journal *j, const char *name, struct error *e);
/* Notes what became of a function. `account` may be "". A failure only means more to look up. */
int journal_note_created(struct journal *j, const char *name, const char *account, struct error *e);
int journal_note_removed(struct journal *j, const char *name, struct error *e);
/*
 * Closes it; removes the file when nothing in it is open and nothing damaged. The caller's pointer
 * is dead. NULL is fine.
 */
void journal_close(struct journal *j);

#endif
