/*
 * reader.h - perf.yml into a plan.
 *
 * The whole file is read and everything that is wrong with it is collected in one go; see
 * diagnostics.h for showing it. A plan exists only when there is no error. Warnings do not hinder
 * it.
 *
 * Nothing in perf.yml says where to measure or with which rights: endpoints, regions, roles and
 * tokens have no keys, so a pull request cannot send anything elsewhere by editing the file.
 */
#ifndef LPG_CONFIG_READER_H
#define LPG_CONFIG_READER_H

#include "base/error.h"
#include "config/diagnostics.h"
#include "model/plan.h"

struct config_options {
    const char *shown_path; /* the name in messages; NULL: the path */
    const char *directory;  /* where relative paths start; NULL: the folder of the path */
};

/*
 * Reads perf.yml. `options` may be NULL. On success *out is the caller's (plan_free()), and `d`
 * holds at most warnings. -1 with ERROR_CONFIG: either the file could not be read (d->count is 0),
 * or `d` says what is wrong with it and `e` how much. `d` must live on while its items are shown;
 * the plan does not need it.
 */
int config_read(const char *path, const struct config_options *options, struct plan **out,
                struct diagnostics *d, struct error *e);

/* As config_read() for a text at hand; `path` is its name in messages and need not exist. */
int config_read_text(const char *text, size_t length, const char *path,
                     const struct config_options *options, struct plan **out, struct diagnostics *d,
                     struct error *e);

#endif
