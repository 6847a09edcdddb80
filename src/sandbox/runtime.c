#include "sandbox/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/proc.h"
#include "sandbox/interpreter.h"
#include "sandbox/java.h"

/* The loops' bytes, taken into the object file by the assembler. */
#ifdef __APPLE__
#define EMBED_SECTION      ".const_data\n"
#define EMBED_SYMBOL(name) "_" name
#define EMBED_END          ".text\n"
#else
#define EMBED_SECTION      ".pushsection .rodata\n"
#define EMBED_SYMBOL(name) name
#define EMBED_END          ".popsection\n"
#endif
#define EMBED(symbol, file)                                                                        \
    __asm__(EMBED_SECTION ".globl " EMBED_SYMBOL(symbol) "\n" EMBED_SYMBOL(                        \
        symbol) ":\n"                                                                              \
                ".incbin \"" LPG_RUNTIMES_DIR "/" file "\"\n"                                      \
                ".globl " EMBED_SYMBOL(symbol "_end") "\n" EMBED_SYMBOL(                           \
                    symbol "_end") ":\n"                                                           \
                                   ".byte 0\n" EMBED_END)

EMBED("lpg_runtime_python", "python.py");
EMBED("lpg_runtime_node", "node.mjs");
extern const char lpg_runtime_python[], lpg_runtime_python_end[];
extern const char lpg_runtime_node[], lpg_runtime_node_end[];

enum { NAME_MAX_BYTES = 64, NODE_OLDEST = 16 /* that understands the loop */ };
#define COMPILE_TIMEOUT_NS (20 * NS_PER_S)

struct runtimes {
    char *directory;
    struct interpreter *interpreters;
    bool python_written, node_written;
};

struct runtimes *runtimes_new(const char *directory)
{
    struct runtimes *r = xcalloc(1, sizeof *r);
    r->directory = xstrdup(directory);
    return r;
}

void runtimes_free(struct runtimes *r)
{
    if (!r)
        return;
    interpreter_free_all(r->interpreters);
    free(r->directory);
    free(r);
}

const char *runtimes_directory(const struct runtimes *r)
{
    return r->directory;
}

void runtime_launch_release(struct runtime_launch *launch)
{
    free(launch->program);
    for (size_t i = 0; i < RUNTIME_ARGS_MAX; i++)
        free(launch->argv[i]);
    free(launch->label);
    free(launch->library_path);
    free(launch->outside);
    free(launch->error_type);
    free(launch->error_message);
    *launch = (struct runtime_launch){0};
}

void runtime_launch_arguments(struct runtime_launch *launch, const char *const *argv, size_t count)
{
    for (size_t i = 0; i < count && i + 1 < RUNTIME_ARGS_MAX; i++)
        launch->argv[i] = xstrdup(argv[i]);
}

static void use_interpreter(struct runtime_launch *launch, const struct interpreter *i)
{
    launch->program = xstrdup(i->facts[INTERPRETER_PATH]);
    if (!text_starts(launch->program, "/usr/bin/"))
        launch->library_path = xasprintf("%s/lib", i->facts[INTERPRETER_PREFIX]);
}

/* --- the loops --- */

static int write_loop(struct runtimes *r, const char *name, const char *start, const char *end,
                      struct error *e)
{
    if (fs_make_dirs(r->directory, e))
        return -1;
    char *path = fs_join(r->directory, name);
    int status = fs_write(path, start, (size_t)(end - start), e);
    free(path);
    return status;
}

/*
 * Python's own cache only serves imports, so the loop is compiled once and the compiled file is
 * what is started.
 */
static char *compiled_python(struct runtimes *r, const struct interpreter *i)
{
    char *compiled = xasprintf("%s/%s.pyc", r->directory, i->name);
    if (fs_is_file(compiled))
        return compiled;
    char *source = fs_join(r->directory, "python.py");
    const char *const argv[] = {
        i->facts[INTERPRETER_PATH],
        "-c",
        "import sys, py_compile\n"
        "py_compile.compile(sys.argv[1], sys.argv[2], 'python.py', doraise=True)\n",
        source,
        compiled,
        NULL};
    struct proc_spec spec = {.argv = argv, .directory = "/", .timeout_ns = COMPILE_TIMEOUT_NS};
    if (!proc_check(&spec, NULL)) {
        free(source);
        return compiled;
    }
    free(compiled);
    return source;
}

/* --- one function per family --- */

static int start_provided(struct runtimes *r, const struct function *f,
                          struct runtime_launch *launch, struct error *e)
{
    (void)r;
    (void)e;
    launch->program = fs_join(f->code->directory, "bootstrap");
    launch->label = xstrdup("bootstrap");
    const char *const argv[] = {launch->program};
    runtime_launch_arguments(launch, argv, ARRAY_LEN(argv));
    if (!fs_is_file(launch->program)) {
        launch->error_type = xstrdup("Runtime.InvalidEntrypoint");
        launch->error_message =
            xstrdup("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
    } else if (access(launch->program, X_OK)) {
        launch->error_type = xstrdup("Runtime.InvalidEntrypoint");
        launch->error_message = xstrdup("fork/exec /var/task/bootstrap: permission denied");
    }
    return 0;
}

/* "python3.12" itself, else any python3. */
static const struct interpreter *find_python(struct runtimes *r, const char *runtime)
{
    const struct interpreter *i = interpreter_find(&r->interpreters, runtime, &interpreter_python);
    return i ? i : interpreter_find(&r->interpreters, "python3", &interpreter_python);
}

static int start_python(struct runtimes *r, const struct function *f, struct runtime_launch *launch,
                        struct error *e)
{
    const struct interpreter *i = find_python(r, f->runtime);
    if (!i)
        return error_set(e, ERROR_CONFIG, "runtime %s: there is no python3 in PATH", f->runtime);
    if (!r->python_written &&
        write_loop(r, "python.py", lpg_runtime_python, lpg_runtime_python_end, e))
        return -1;
    r->python_written = true;
    use_interpreter(launch, i);
    char *packaged = fs_join(f->code->directory, "awslambdaric");
    if (i->facts[INTERPRETER_CLIENT][0] || fs_is_dir(packaged)) {
        const char *const argv[] = {launch->program, "-m", "awslambdaric", f->handler};
        runtime_launch_arguments(launch, argv, ARRAY_LEN(argv));
        launch->label =
            xasprintf("awslambdaric %s on %s",
                      fs_is_dir(packaged) ? "of the package" : i->facts[INTERPRETER_CLIENT],
                      i->facts[INTERPRETER_VERSION]);
    } else {
        char *loop = compiled_python(r, i);
        const char *const argv[] = {launch->program, loop};
        runtime_launch_arguments(launch, argv, ARRAY_LEN(argv));
        launch->label = xasprintf("built-in Python loop on %s", i->facts[INTERPRETER_VERSION]);
        launch->outside = loop;
    }
    free(packaged);
    return 0;
}

/* The client's start script in its package folder, NULL when there is none. The caller frees. */
static char *node_client_script(const char *package)
{
    static const char *const scripts[] = {"bin/index.mjs", "bin/index.js"};
    for (size_t k = 0; k < ARRAY_LEN(scripts); k++) {
        char *script = fs_join(package, scripts[k]);
        if (fs_is_file(script))
            return script;
        free(script);
    }
    return NULL;
}

static char *find_node_client(const struct function *f, const struct interpreter *i)
{
    char *package = fs_join(f->code->directory, "node_modules/aws-lambda-ric");
    char *script = node_client_script(package);
    free(package);
    if (!script && i->facts[INTERPRETER_CLIENT][0])
        script = node_client_script(i->facts[INTERPRETER_CLIENT]);
    return script;
}

static const struct interpreter *find_node(struct runtimes *r, const char *runtime)
{
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "node%.*s", (int)strspn(runtime + strlen("nodejs"), "0123456789"),
             runtime + strlen("nodejs"));
    const struct interpreter *i = interpreter_find(&r->interpreters, name, &interpreter_node);
    return i ? i : interpreter_find(&r->interpreters, "node", &interpreter_node);
}

static int start_node(struct runtimes *r, const struct function *f, struct runtime_launch *launch,
                      struct error *e)
{
    const struct interpreter *i = find_node(r, f->runtime);
    if (!i)
        return error_set(e, ERROR_CONFIG, "runtime %s: there is no node in PATH", f->runtime);
    const char *version = i->facts[INTERPRETER_VERSION];
    if (strtoul(version + strcspn(version, "0123456789"), NULL, 10) < NODE_OLDEST)
        return error_set(e, ERROR_CONFIG, "runtime %s: %s is too old: %d or later is needed",
                         f->runtime, version, NODE_OLDEST);
    if (!r->node_written && write_loop(r, "node.mjs", lpg_runtime_node, lpg_runtime_node_end, e))
        return -1;
    r->node_written = true;
    use_interpreter(launch, i);
    char *script = find_node_client(f, i);
    bool official = script;
    if (!script)
        script = fs_join(r->directory, "node.mjs");
    const char *const argv[] = {launch->program, script, f->handler};
    runtime_launch_arguments(launch, argv, official ? 3 : 2);
    launch->label = xasprintf("%s on %s", official ? "aws-lambda-ric" : "built-in Node loop",
                              i->facts[INTERPRETER_VERSION]);
    launch->outside = script;
    return 0;
}

static int start_ruby(struct runtimes *r, const struct function *f, struct runtime_launch *launch,
                      struct error *e)
{
    (void)r;
    launch->program = proc_find("aws_lambda_ric");
    if (!launch->program)
        return error_set(e, ERROR_CONFIG,
                         "the Ruby runtime interface client is not installed: there is no "
                         "aws_lambda_ric in PATH (gem install aws_lambda_ric)");
    const char *const argv[] = {launch->program, f->handler};
    runtime_launch_arguments(launch, argv, ARRAY_LEN(argv));
    launch->label = xstrdup("aws_lambda_ric");
    return 0;
}

static int start_java(struct runtimes *r, const struct function *f, struct runtime_launch *launch,
                      struct error *e)
{
    return java_launch(&r->interpreters, r->directory, f, launch, e);
}

static const struct family {
    const char *prefix; /* of the runtime's name */
    const char *execution_env;
    int (*start)(struct runtimes *r, const struct function *f, struct runtime_launch *launch,
                 struct error *e);
} families[] = {
    {"provided", NULL, start_provided},    {"python3.", "AWS_Lambda_", start_python},
    {"nodejs", "AWS_Lambda_", start_node}, {"ruby", "AWS_Lambda_", start_ruby},
    {"java", "AWS_Lambda_", start_java},
};

int runtime_resolve(struct runtimes *r, const struct function *f, struct runtime_launch *launch,
                    struct error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (!text_starts(f->runtime, families[i].prefix))
            continue;
        struct runtime_launch made = {.execution_env = families[i].execution_env};
        if (families[i].start(r, f, &made, e)) {
            runtime_launch_release(&made);
            return -1;
        }
        *launch = made;
        return 0;
    }
    return error_set(e, ERROR_CONFIG,
                     "runtime '%s' cannot be run here; provided.*, python3.*, nodejs*, ruby* and "
                     "java* can",
                     f->runtime);
}
