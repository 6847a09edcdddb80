/*
 * commands.h - how a program talks to the runner of a GitHub workflow: commands on its output,
 * files for outputs and the job's summary.
 *
 *     struct buf out;
 *     commands_annotate(&out, &(struct annotation){ANNOTATION_ERROR, .title = "P99", ...});
 *     fwrite(out.data, 1, out.length, stdout);
 *
 * The runner takes two kinds of text in a log for commands: "::name key=value::data" at the start
 * of a line, behind any blanks, and the older "##[name key=value]data" anywhere in it. So text that
 * somebody else wrote (a function's log, the body of an answer) must not reach a log as it is:
 * commands_add_log() makes it harmless.
 *
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
 *
 * The functions that append to a buffer are pure, but for the random tokens; a command always is a
 * line of its own and must begin one.
 */
#ifndef LPG_GITHUB_COMMANDS_H
#define LPG_GITHUB_COMMANDS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    COMMANDS_TOKEN_BYTES = 48,               /* room for a token of commands_stop() */
    COMMANDS_ANNOTATION_CHARS = 4000,        /* the runner cuts a message behind 4,096 */
    COMMANDS_ANNOTATIONS_MAX = 10,           /* of each level, and step: it drops the rest */
    COMMANDS_SUMMARY_BYTES_MAX = 1024 << 10, /* of a step: a larger summary is dropped whole */
    COMMANDS_OUTPUT_BYTES_MAX = 1024 << 10,  /* of a job: more makes it fail */
    COMMANDS_LOG_CHARS = 200,                /* of each line that commands_add_log() keeps */
};

enum annotation_level { ANNOTATION_NOTICE, ANNOTATION_WARNING, ANNOTATION_ERROR };

/* A message that GitHub shows at a file's line, or at the job when there is no file. */
struct annotation {
    enum annotation_level level;
    const char *message; /* may have several lines */
    const char *title;   /* NULL: none */
    const char *file;    /* relative to the workspace; NULL: none */
    unsigned line;       /* 1 or more; 0: none */
    unsigned column;
};

/* The message and the title may quote anything: control characters in them are spelt out. */
void commands_annotate(struct buf *out, const struct annotation *a);
/* Folds the lines up to commands_group_end(). Groups do not nest. */
void commands_group(struct buf *out, const char *title);
void commands_group_end(struct buf *out);
/* From here on the runner shows *** for the secret, in whole and line by line. "" does nothing. */
void commands_mask(struct buf *out, const char *secret);

/*
 * Between these two no text is taken for a command, but commands_resume() with the same token: 128
 * random bits, in hexadecimal.
 */
void commands_stop(struct buf *out, char token[COMMANDS_TOKEN_BYTES]);
void commands_resume(struct buf *out, const char *token);

/*
 * Appends text of any origin as at most `lines` lines, each behind "| " and cut after
 * COMMANDS_LOG_CHARS characters, so that the runner finds no command in it and a terminal no escape
 * sequence. What was left out is said. It stays harmless however the runner compares text: what
 * some locales ignore between the characters of a command does not hide it.
 */
void commands_add_log(struct buf *out, const char *text, size_t length, size_t lines);

/*
 * Appends "name=value" in the form for GITHUB_OUTPUT that takes values of any kind. The name is
 * made of letters, digits, '-' and '_'.
 */
void commands_add_output(struct buf *out, const char *name, const char *value);

/*
 * Appends the text to the file that GITHUB_OUTPUT or GITHUB_STEP_SUMMARY names, in one write, so
 * that nothing comes between and a half never stays. Nothing is written when the file would grow
 * beyond `limit` bytes, because the runner would then drop all of it.
 */
int commands_append(const char *path, const struct buf *text, size_t limit, struct error *e);

#endif
