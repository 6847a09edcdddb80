/*
 * detect.h - which Lambda functions a folder holds, judged by the files that are usual there.
 *
 * In this order, and the first that gives a function wins: a SAM or CloudFormation template,
 * serverless.yml, and the marks of a language (bootstrap, Cargo.toml, go.mod, package.json,
 * requirements.txt or pyproject.toml, a lone handler file).
 */
#ifndef LPG_CONFIG_DETECT_H
#define LPG_CONFIG_DETECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/* Whatever is NULL or 0 need not stand in perf.yml, or is not known. */
struct detected {
    const char *name;     /* valid as a function's name, and unique */
    const char *evidence; /* the file that told */
    const char *template;
    const char *resource;
    const char *source;
    const char *build;
    const char *package;
    const char *runtime;
    const char *handler;
    bool guessed; /* runtime or handler is a guess that the user should look at */
    unsigned memory_mb;
    unsigned timeout_s;
};

enum { DETECTED_MAX = 50, DETECTED_EVENTS_MAX = 3 };

struct detection {
    struct arena arena;
    struct detected functions[DETECTED_MAX];
    size_t count;
    const char *events[DETECTED_EVENTS_MAX]; /* files with JSON under events/ */
    size_t event_count;
};

/* Looks at the folder; finding nothing is no error. Release with detection_release(). */
void detection_run(struct detection *found, const char *directory);
void detection_release(struct detection *found);

#endif
