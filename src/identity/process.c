/* Keys that another program prints: credential_process, and the AWS CLI for SSO. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "identity/sources.h"
#include "os/clock.h"
#include "os/proc.h"
#include "os/secrecy.h"

enum { WORDS_MAX = 64, OUTPUT_MAX = 64 * 1024 };
#define PROCESS_TIMEOUT_NS (60 * NS_PER_S)

/*
 * Cuts a command line into words as a POSIX shell quotes them: '...', "..." and \x; nothing is
 * expanded and no shell runs. `text` is written over. Gives the number of words, or -1.
 */
static int split(char *text, char **words)
{
    int count = 0;
    char *in = text, *out = text;
    while (*(in += strspn(in, " \t\r\n"))) {
        if (count == WORDS_MAX)
            return -1;
        words[count++] = out;
        char quote = 0;
        for (; *in && (quote || !strchr(" \t\r\n", *in)); in++) {
            if (*in == quote && quote) {
                quote = 0;
            } else if (!quote && (*in == '\'' || *in == '"')) {
                quote = *in;
            } else {
                bool escapes =
                    *in == '\\' && quote != '\'' && in[1] && (!quote || strchr("\"\\$`", in[1]));
                *out++ = *(in += escapes);
            }
        }
        if (quote)
            return -1;
        in += *in != '\0'; /* before its place is taken by the NUL */
        *out++ = '\0';
    }
    words[count] = NULL;
    return count;
}

/* Runs the words and reads the keys. What the program says on its standard error is not repeated. */
static int run(struct identity *id, char **words, struct secret *out, struct error *e)
{
    struct buf text;
    struct proc_result result = {0};
    buf_init_capped(&text, OUTPUT_MAX);
    text.data = array_reserve(NULL, &text.capacity, OUTPUT_MAX + 1, 1);
    text.data[0] = '\0';
    struct proc_spec spec = {.argv = (const char *const *)words,
                             .timeout_ns = PROCESS_TIMEOUT_NS,
                             .stop = id->stop,
                             .out = &text};
    int failed = proc_run(&spec, &result, e);
    struct json *answer = failed || text.overflow ? NULL : json_parse(text.data, text.length, NULL);
    if (failed)
        ;
    else if (result.stopped)
        failed = error_set(e, ERROR_INTERRUPTED, "interrupted");
    else if (result.timed_out)
        failed = error_set(e, ERROR_CONFIG, "the program did not end within 60 s");
    else if (result.exit_code)
        failed =
            error_set(e, ERROR_CONFIG, "the program ended with exit code %d", result.exit_code);
    else if (json_get_integer(answer, "Version", 0) != 1)
        failed = error_set(e, ERROR_CONFIG, "the program did not print a JSON object of Version 1");
    else
        failed = secret_from_json(out, answer, "SessionToken", e);
    json_free(answer);
    secrecy_wipe(text.data, text.length);
    buf_release(&text);
    return failed;
}

int source_process(struct identity *id, const char *profile, struct secret *out, struct error *e)
{
    char *line = xstrdup(profiles_get(&id->files, profile, "credential_process"));
    char *words[WORDS_MAX + 1];
    int count = split(line, words), failed;
    if (count < 1)
        failed = error_set(e, ERROR_CONFIG, "it is not a command with closed quotes");
    else
        failed = run(id, words, out, e);
    out->origin = "credential_process";
    free(line);
    return failed ? error_prefix(e, "credential_process of profile '%s'", profile) : FOUND;
}

int source_sso(struct identity *id, const char *profile, struct secret *out, struct error *e)
{
    char *program = proc_find("aws"), *name = xstrdup(profile);
    char *words[] = {(char[]){"aws"},
                     (char[]){"configure"},
                     (char[]){"export-credentials"},
                     (char[]){"--profile"},
                     name,
                     (char[]){"--format"},
                     (char[]){"process"},
                     NULL};
    int failed;
    if (!program)
        failed =
            error_set(e, ERROR_CONFIG, "this needs the AWS CLI, version 2, which is not in PATH");
    else if ((failed = run(id, words, out, e)))
        error_suffix(e, "; sign in with 'aws sso login --profile %s'", profile);
    out->origin = "the AWS CLI";
    free(program);
    free(name);
    return failed ? error_prefix(e, "profile '%s' signs in through SSO", profile) : FOUND;
}
