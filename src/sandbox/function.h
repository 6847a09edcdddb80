/*
 * function.h - what a function is: one immutable snapshot of code and configuration.
 *
 * The store (emulator/store.h) makes a new snapshot at every update and at every published version;
 * the execution environments (pool.h) run snapshots. A snapshot is shared by reference count, so an
 * environment that is still busy with an old one keeps its code on the disk until it ends.
 */
#ifndef LPG_SANDBOX_FUNCTION_H
#define LPG_SANDBOX_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct function_variable {
    char *name;
    char *value;
};

/* An unpacked deployment package; its folder is removed with the last reference. */
struct function_code {
    unsigned references;
    char *directory; /* absolute */
    char *sha256;    /* base64, as CodeSha256 shows it */
    uint64_t zip_bytes;
};

struct function {
    unsigned references;
    char *name;
    char *version; /* "$LATEST" or "1", "2", ... */
    char *arn;     /* of the function, without the version */
    char *role;
    char *description;
    char *runtime;
    char *handler;
    char *architecture; /* "x86_64" or "arm64" */
    char *log_group;
    char *last_modified; /* "2026-11-23T21:30:00.123+0000" */
    char revision_id[37];
    unsigned memory_mb;
    unsigned timeout_s;
    unsigned ephemeral_mb;
    bool json_logs;                    /* LoggingConfig.LogFormat is JSON */
    bool system_logs_quiet;            /* SystemLogLevel WARN: no START and REPORT lines */
    bool tracing_active;               /* TracingConfig.Mode is Active */
    const char *application_log_level; /* "INFO", ...; a constant; NULL with text logs */
    const char *system_log_level;      /* likewise */
    struct function_variable *environment;
    size_t environment_count;
    struct function_code *code;
};

/* An empty one with one reference. */
struct function *function_new(void);
/* A deep copy (sharing the code) with one reference. */
struct function *function_copy(const struct function *f);
/* Replaces one of the strings above by a copy of `value` (NULL: by nothing). */
void function_set(char **field, const char *value);
/*
 * Whether both run the same code in the same way: all but version, description, revision and date.
 */
bool function_same(const struct function *a, const struct function *b);
struct function *function_ref(struct function *f);
void function_unref(struct function *f);
void function_code_unref(struct function_code *c);
/* Where the package itself lies, beside the unpacked folder. The caller frees. */
char *function_code_zip_path(const struct function_code *c);

#endif
