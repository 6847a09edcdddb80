/*
 * error.h - the one way in which a function says why it failed.
 *
 * A function that can fail returns 0 or -1 (or NULL for a pointer) and takes a `struct error *` as
 * its last parameter. On failure its outputs are untouched and the error holds a code and a
 * sentence for the user; callers on the way up put their context in front with error_prefix(). Only
 * cmd/ prints it.
 *
 *     if (fs_read(path, LIMIT, &text, e))
 *         return error_prefix(e, "events of '%s'", name);
 *
 * The parameter may be NULL where the caller does not care for the reason.
 */
#ifndef LPG_BASE_ERROR_H
#define LPG_BASE_ERROR_H

/* What kind of thing went wrong: decides the exit code (see model/verdict.h) and nothing else. */
enum error_code {
    ERROR_NONE = 0,
    ERROR_USAGE,       /* the command line */
    ERROR_CONFIG,      /* perf.yml, an events file, a template */
    ERROR_BUILD,       /* a side could not be checked out, built or packaged */
    ERROR_SYSTEM,      /* files, processes, memory, the disk */
    ERROR_NETWORK,     /* no answer: connect, TLS, time out, cut off */
    ERROR_API,         /* an answer that says no */
    ERROR_MEASURE,     /* measured, but not to be believed */
    ERROR_INPUT,       /* a stored file that is damaged or of another schema */
    ERROR_INTERRUPTED, /* a signal asked us to stop */
};

struct error {
    enum error_code code;
    char text[2048];
};

/* Records the failure and returns -1, so that a caller writes `return error_set(e, ...)`. */
int error_set(struct error *e, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set(), with ": " and the meaning of the current errno at the end. */
int error_errno(struct error *e, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the text that is there. Returns -1. */
int error_prefix(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts text behind the text that is there: what to do about it. Returns -1. */
int error_suffix(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
