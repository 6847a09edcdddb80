/*
 * settle.h - what a journal leaves open, looked for and removed.
 */
#ifndef LPG_CLEANUP_SETTLE_H
#define LPG_CLEANUP_SETTLE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "aws/lambda.h"
#include "cleanup/journal.h"
#include "cleanup/removal.h"

struct settle_options {
    bool dry_run;                         /* only tell what is open */
    const volatile sig_atomic_t *signals; /* as in removal.h */
    /*
     * Told of each function: removed, absent, kept or unconfirmed. With dry_run they are all
     * unconfirmed, and nobody has looked. May be NULL.
     */
    void (*told)(void *context, const struct removal_item *item);
    void *context;
};

/*
 * Removes every function that is open in the journal, if its tags say that the journal's run made
 * it, and notes what is gone. Gives how many are still open.
 */
size_t settle_journal(struct lambda *l, struct journal *j, const struct settle_options *o);

/* Until when an intent of that time (wall clock) may still become a function. */
uint64_t settle_patience_ns(uint64_t intent_ns);

#endif
