#include "sandbox/interpreter.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/proc.h"

static const char python_script[] = "import sys, importlib.util as u\n"
                                    "v = ''\n"
                                    "if u.find_spec('awslambdaric'):\n"
                                    "    try:\n"
                                    "        from importlib.metadata import version\n"
                                    "        v = version('awslambdaric')\n"
                                    "    except Exception:\n"
                                    "        v = '(unknown version)'\n"
                                    "print(sys.executable)\n"
                                    "print('CPython ' + '.'.join(map(str, sys.version_info[:3])))\n"
                                    "print(sys.base_prefix)\n"
                                    "print(v)\n";

static const char node_script[] =
    "const fs = require('fs'), p = require('path');\n"
    "const prefix = p.dirname(p.dirname(process.execPath));\n"
    "const roots = [...(process.env.NODE_PATH || '').split(p.delimiter), p.join(prefix, "
    "'lib/node_modules'),\n"
    "  '/usr/local/lib/node_modules', '/usr/lib/node_modules'];\n"
    "const ric = roots.filter(Boolean).map((r) => p.join(r, 'aws-lambda-ric'))\n"
    "  .find((r) => fs.existsSync(p.join(r, 'package.json'))) || '';\n"
    "console.log([process.execPath, 'Node.js ' + process.versions.node, prefix, "
    "ric].join('\\n'));\n";

enum { PROBE_LIMIT = 16 * 1024 };
#define PROBE_TIMEOUT_NS (20 * NS_PER_S)

/* --- answers --- */

/* Line after line: the facts in their order. */
static void read_lines(struct interpreter *i, const char *text)
{
    for (size_t k = 0; k < INTERPRETER_FACTS; k++) {
        size_t length = strcspn(text, "\r\n");
        i->facts[k] = xstrndup(text, length);
        text += length;
        text += *text == '\r';
        text += *text == '\n';
    }
}

/* The value behind the name, which stands with its "= "; "" when there is none. */
static char *property(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    at = at ? at + strlen(name) : "";
    return xstrndup(at, strcspn(at, "\r\n"));
}

static void read_java_properties(struct interpreter *i, const char *text)
{
    char *version = property(text, " java.version = ");
    char *home = property(text, " java.home = ");
    if (*home) {
        i->facts[INTERPRETER_PATH] = xasprintf("%s/bin/java", home);
        i->facts[INTERPRETER_VERSION] = xasprintf("Java %s", version);
        i->facts[INTERPRETER_PREFIX] = xstrdup(home);
        i->facts[INTERPRETER_CLIENT] = xstrdup("");
    }
    free(home);
    free(version);
}

const struct interpreter_probe interpreter_python = {{"-c", python_script}, false, read_lines};
const struct interpreter_probe interpreter_node = {{"-e", node_script}, false, read_lines};
const struct interpreter_probe interpreter_java = {
    {"-XshowSettings:properties", "-version"}, true, read_java_properties};

/* --- questions --- */

static void ask(struct interpreter *i, const struct interpreter_probe *probe)
{
    struct buf out;
    buf_init_capped(&out, PROBE_LIMIT);
    const char *const argv[] = {i->name, probe->arguments[0], probe->arguments[1], NULL};
    struct proc_spec spec = {.argv = argv, .directory = "/", .timeout_ns = PROBE_TIMEOUT_NS};
    *(probe->on_stderr ? &spec.err : &spec.out) = &out;
    struct proc_result result;
    if (!proc_run(&spec, &result, NULL) && !result.exit_code && out.length)
        probe->read(i, out.data);
    buf_release(&out);
}

const struct interpreter *interpreter_find(struct interpreter **list, const char *name,
                                           const struct interpreter_probe *probe)
{
    for (struct interpreter *i = *list; i; i = i->next)
        if (!strcmp(i->name, name))
            return i->facts[INTERPRETER_PATH] ? i : NULL;
    struct interpreter *i = xcalloc(1, sizeof *i);
    i->name = xstrdup(name);
    i->next = *list;
    *list = i;
    ask(i, probe);
    return i->facts[INTERPRETER_PATH] ? i : NULL;
}

void interpreter_free_all(struct interpreter *list)
{
    while (list) {
        struct interpreter *i = list;
        list = i->next;
        for (size_t k = 0; k < INTERPRETER_FACTS; k++)
            free(i->facts[k]);
        free(i->name);
        free(i);
    }
}
