/*
 * interpreter.h - the interpreters of this machine, each asked once what it is.
 */
#ifndef LPG_SANDBOX_INTERPRETER_H
#define LPG_SANDBOX_INTERPRETER_H

#include <stdbool.h>

/* What is known of one. An interpreter that does not answer a question says "" to it. */
enum interpreter_fact {
    INTERPRETER_PATH,    /* of the executable */
    INTERPRETER_VERSION, /* "CPython 3.11.2" */
    INTERPRETER_PREFIX,  /* where its own files lie */
    INTERPRETER_CLIENT,  /* the official runtime interface client, where it has one */
    INTERPRETER_FACTS,
};

struct interpreter {
    struct interpreter *next;
    char *name;                     /* as looked up: "python3.12" */
    char *facts[INTERPRETER_FACTS]; /* all NULL: there is none of that name, or it does not work */
};

/* How one is asked: run with these arguments it prints what `read` makes facts of. */
struct interpreter_probe {
    const char *arguments[2];
    bool on_stderr;
    void (*read)(struct interpreter *i, const char *text);
};

extern const struct interpreter_probe interpreter_python, interpreter_node, interpreter_java;

/*
 * The interpreter of that name in PATH, or of that path, out of `list` or added to it; NULL when it
 * does not work.
 */
const struct interpreter *interpreter_find(struct interpreter **list, const char *name,
                                           const struct interpreter_probe *probe);
void interpreter_free_all(struct interpreter *list);

#endif
