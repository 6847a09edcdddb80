#include "build/package.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/fs.h"
#include "os/proc.h"

extern char **environ;

enum { OUTPUT_MAX = 4 * 1024 * 1024, TAIL_LINES = 12 };

/* Lambda takes so much by its API; larger packages go through S3. */
#define ZIP_MAX (UINT64_C(250) * 1024 * 1024)

/*
 * Variables that a build command never needs and a stranger's build must not see: credentials, and
 * the files through which a step of a workflow sets outputs, variables and the PATH of later steps.
 */
static const char *const withheld[] = {"AWS_ACCESS_KEY",   "AWS_SECRET",
                                       "AWS_SESSION",      "AWS_SECURITY",
                                       "AWS_WEB_IDENTITY", "AWS_CONTAINER",
                                       "GITHUB_TOKEN",     "GH_TOKEN",
                                       "ACTIONS_ID_TOKEN", "ACTIONS_RUNTIME_TOKEN",
                                       "LPG_SERVE_",       "GITHUB_OUTPUT",
                                       "GITHUB_ENV",       "GITHUB_PATH",
                                       "GITHUB_STATE",     "GITHUB_STEP_SUMMARY"};

static bool is_withheld(const char *variable)
{
    for (size_t i = 0; i < ARRAY_LEN(withheld); i++)
        if (text_starts(variable, withheld[i]))
            return true;
    return false;
}

/* Our environment without credentials; the caller frees the array. */
static const char **build_environment(void)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    const char **env = xcalloc(count + 1, sizeof *env);
    for (size_t i = 0; i < count; i++)
        if (!is_withheld(environ[i]))
            env[kept++] = environ[i];
    return env;
}

/* The last lines of the output, safe to print. */
static void add_tail(struct buf *out, const struct buf *output)
{
    const char *from = output->data + output->length;
    for (int lines = 0; from > output->data; from--)
        if (from[-1] == '\n' && lines++ == TAIL_LINES)
            break;
    while (*from) {
        size_t line = strcspn(from, "\n");
        buf_addstr(out, "\n    ");
        text_add_safe(out, from, line);
        from += line + (from[line] == '\n');
    }
}

static int build_failed(const struct plan_function *f, const struct package *p,
                        const struct proc_result *result, struct error *e)
{
    struct buf tail;
    buf_init_capped(&tail, 1400);
    add_tail(&tail, &p->build_output);
    if (result->stopped)
        error_set(e, ERROR_INTERRUPTED, "interrupted while building");
    else
        error_set(e, ERROR_BUILD, "the build command failed with exit code %d: %s%s",
                  result->exit_code, f->build, tail.data);
    buf_release(&tail);
    return -1;
}

static int run_build(struct package *p, const struct plan_function *f, const char *source,
                     volatile sig_atomic_t *stop, struct error *e)
{
    const char **env = build_environment();
    const char *argv[] = {"/bin/sh", "-c", f->build, NULL};
    struct proc_spec spec = {argv, env, source, 0, stop, &p->build_output, &p->build_output};
    struct proc_result result = {0};
    int failed = proc_run(&spec, &result, e);
    free(env);
    if (failed)
        return -1;
    return result.exit_code || result.stopped ? build_failed(f, p, &result, e) : 0;
}

static int take_zip(struct package *p, const char *path, struct error *e)
{
    if (fs_read(path, ZIP_MAX, &p->zip, e)) {
        e->code = e->code == ERROR_SYSTEM ? ERROR_BUILD : e->code;
        return -1;
    }
    return 0;
}

static int pack(struct package *p, const struct plan_function *f, const char *source,
                struct error *e)
{
    char *path = f->package ? fs_join(source, f->package) : xstrdup(source);
    int failed;
    if (fs_is_dir(path))
        failed = archive_folder(path, &p->zip, e);
    else if (fs_is_file(path))
        failed = take_zip(p, path, e);
    else
        failed = error_set(e, ERROR_BUILD, "there is no package '%s'%s", path,
                           f->build ? " after the build" : ": is a 'build' command missing?");
    free(path);
    return failed;
}

static int finish(struct package *p, struct error *e)
{
    unsigned char digest[SHA256_BYTES];
    struct buf base64;
    buf_init(&base64);
    if (p->zip.length > ZIP_MAX)
        return error_set(e, ERROR_BUILD,
                         "the package has more than 250 MB, Lambda's limit for unpacked code");
    hash_sha256(p->zip.data, p->zip.length, digest);
    base64_encode(&base64, digest, sizeof digest);
    p->code_sha256 = buf_detach(&base64);
    hash_hex(digest, sizeof digest, p->sha256);
    return archive_digest(p->zip.data, p->zip.length, p->contents, e);
}

static int make_from_source(struct package *p, const struct checkout *c,
                            const struct plan_function *f, volatile sig_atomic_t *stop,
                            struct error *e)
{
    char *source = fs_join(c->root, f->source);
    int failed = 0;
    if (!fs_is_dir(source))
        failed = error_set(e, ERROR_BUILD, "there is no folder '%s'", source);
    else if (f->build)
        failed = run_build(p, f, source, stop, e);
    if (!failed)
        failed = pack(p, f, source, e);
    free(source);
    return failed;
}

static void package_init(struct package *p)
{
    *p = (struct package){0};
    buf_init(&p->zip);
    buf_init_capped(&p->build_output, OUTPUT_MAX);
}

int package_extend(struct package *p, const struct package *from, const struct archive_file *file,
                   struct error *e)
{
    package_init(p);
    return archive_extend(&from->zip, file, &p->zip, e) || finish(p, e) ? -1 : 0;
}

int package_make(struct package *p, const struct checkout *c, const struct plan_function *f,
                 volatile sig_atomic_t *stop, struct error *e)
{
    package_init(p);
    int failed = c->zip ? take_zip(p, c->zip, e) : make_from_source(p, c, f, stop, e);
    return failed ? -1 : finish(p, e);
}

void package_release(struct package *p)
{
    buf_release(&p->zip);
    buf_release(&p->build_output);
    free(p->code_sha256);
    *p = (struct package){0};
}
