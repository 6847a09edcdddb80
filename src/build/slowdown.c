#include "build/slowdown.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

/* What stands between the waits and the handler, which are written on top of it. */
static const char python_module[] =
    "import importlib\n"
    "import time\n"
    "\n"
    "\n"
    "def _wait(ms):\n"
    "    end = time.monotonic() + ms / 1000\n"
    "    while ms and time.monotonic() < end:\n"
    "        pass\n"
    "\n"
    "\n"
    "_wait(INIT_MS)\n"
    "_module, _, _name = HANDLER.rpartition('.')\n"
    "_real = getattr(importlib.import_module(_module.replace('/', '.')), _name)\n"
    "\n"
    "\n"
    "def handler(event, context):\n"
    "    _wait(CALL_MS)\n"
    "    return _real(event, context)\n";

/* A module may export its handler by name, or have all of its exports in `default` (CommonJS). */
static const char node_module[] =
    "import { existsSync } from 'node:fs';\n"
    "import path from 'node:path';\n"
    "import { pathToFileURL } from 'node:url';\n"
    "\n"
    "function wait(ms) {\n"
    "  const end = performance.now() + ms;\n"
    "  while (ms && performance.now() < end);\n"
    "}\n"
    "\n"
    "wait(INIT_MS);\n"
    "const folder = path.dirname(HANDLER);\n"
    "const [file, ...names] = path.basename(HANDLER).split('.');\n"
    "const stem = path.join(process.env.LAMBDA_TASK_ROOT ?? process.cwd(), folder, file);\n"
    "const found = ['.js', '.mjs', '.cjs', ''].map((end) => stem + end).find((f) => "
    "existsSync(f));\n"
    "const loaded = await import(pathToFileURL(found ?? stem).href);\n"
    "const pick = (exported) => names.reduce((object, name) => object?.[name], exported);\n"
    "const real = pick(loaded) ?? pick(loaded.default);\n"
    "\n"
    "export const handler = Object.assign((...args) => {\n"
    "  wait(CALL_MS);\n"
    "  return real(...args);\n"
    "}, real);\n";

static const char bootstrap_script[] = "exec \"${LAMBDA_TASK_ROOT:-.}/_lpg_bootstrap\" \"$@\"\n";

/* How a family of runtimes is slowed down. */
static const struct way {
    const char *runtime; /* prefix of its name */
    const char *file;
    const char *displaced; /* the file's former self; NULL: there is none */
    const char *handler;   /* NULL: stays as it is */
    const char *program;
} ways[] = {
    {"python", "_lpg_selftest.py", NULL, "_lpg_selftest.handler", python_module},
    {"nodejs", "_lpg_selftest.mjs", NULL, "_lpg_selftest.handler", node_module},
    {"provided", "bootstrap", "_lpg_bootstrap", NULL, bootstrap_script},
};

static const struct way *way_of(const struct plan_function *f)
{
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        if (text_starts(f->runtime, ways[i].runtime))
            return &ways[i];
    return NULL;
}

const char *slowdown_init_obstacle(const struct plan_function *f)
{
    return way_of(f) ? NULL : "possible for Python, Node.js and provided.* only";
}

const char *slowdown_calls_obstacle(const struct plan_function *f)
{
    const struct way *way = way_of(f);
    return way && way->handler ? NULL : "possible for Python and Node.js only";
}

const char *slowdown_handler(const struct plan_function *f)
{
    const struct way *way = way_of(f);
    return way && way->handler ? way->handler : f->handler;
}

static void assign(struct buf *out, const struct way *way, const char *name, const char *value)
{
    buf_addf(out, strcmp(way->runtime, "python") ? "const %s = %s;\n" : "%s = %s\n", name, value);
}

static void write_module(struct buf *out, const struct way *way, const struct plan_function *f,
                         const struct slowdown *s)
{
    struct buf value;
    buf_init(&value);
    json_quote(&value, f->handler, strlen(f->handler));
    assign(out, way, "HANDLER", value.data);
    buf_clear(&value);
    buf_addf(&value, "%.3f", s->init_ms);
    assign(out, way, "INIT_MS", value.data);
    buf_clear(&value);
    buf_addf(&value, "%.3f", s->call_ms);
    assign(out, way, "CALL_MS", value.data);
    buf_addstr(out, way->program);
    buf_release(&value);
}

int slowdown_package(struct package *p, const struct package *from, const struct plan_function *f,
                     const struct slowdown *s, struct error *e)
{
    const struct way *way = way_of(f);
    *p = (struct package){0};
    if (!way)
        return error_set(e, ERROR_BUILD, "the runtime '%s' cannot be slowed down", f->runtime);
    struct archive_file file = {way->file, way->displaced, way->displaced != NULL, {0}};
    buf_init(&file.content);
    if (way->handler)
        write_module(&file.content, way, f, s);
    else
        buf_addf(&file.content, "#!/bin/sh\nsleep %.3f\n%s", s->init_ms / 1000, way->program);
    int failed = package_extend(p, from, &file, e);
    buf_release(&file.content);
    return failed;
}
