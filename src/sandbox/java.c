#include "sandbox/java.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/fs.h"
#include "os/proc.h"

#define CLIENT_JAR    "aws-lambda-java-runtime-interface-client"
#define CLIENT_CLASS  "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
#define CLIENT_NATIVE "com.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI"

/* The client's library for the system that this was compiled for; NULL: it looks for itself. */
#if defined __GLIBC__ && defined __x86_64__
static const char *const native_entry = "jni/libaws-lambda-jni.linux-x86_64.so";
static const char *const home_suffix = "X64";
#elif defined __GLIBC__ && defined __aarch64__
static const char *const native_entry = "jni/libaws-lambda-jni.linux-aarch_64.so";
static const char *const home_suffix = "ARM64";
#else
static const char *const native_entry = NULL;
static const char *const home_suffix = "X64";
#endif

enum { NATIVE_BYTES_MAX = 64 * 1024 * 1024, CHUNK_BYTES = 64 * 1024, NAME_BYTES = 32 };

/* Options that do not depend on the function. */
static const struct option {
    const char *text;
    unsigned since_runtime; /* for functions of this version of Java and later ... */
    unsigned since_machine; /* ... on a virtual machine of this one and later */
    const char *unless;     /* JAVA_TOOL_OPTIONS has this in it */
} options[] = {
    {"-XX:+TieredCompilation", 17, 0, "Tiered"},
    {"-XX:TieredStopAtLevel=1", 17, 0, "Tiered"},
    {"-XX:+ErrorFileToStderr", 0, 17, "-XX:ErrorFile"},
    {"--add-opens=java.base/java.io=ALL-UNNAMED", 17, 9, NULL},
    {"--enable-native-access=ALL-UNNAMED", 0, 24, NULL},
    {"-Djava.net.preferIPv4Stack=true", 0, 0, "preferIPv4Stack"},
};

/* Virtual processors by memory. */
static const struct {
    unsigned up_to_mb, count;
} processors[] = {{3008, 2}, {5307, 3}, {7076, 4}, {8845, 5}};
enum { PROCESSORS_MOST = 6, HEAP_PCT = 85, HEAP_LEFT_KB = 240 * 1024 };

/* The client's jars. */
struct client {
    char *class_path;
    char *jar;    /* the client's own */
    char *folder; /* outside of the package; NULL: it is in it */
};

/* --- sizes --- */

unsigned java_heap_kb(unsigned memory_mb)
{
    unsigned all_kb = memory_mb * 1024,
             share_kb = (unsigned)(((uint64_t)all_kb * HEAP_PCT + 99) / 100);
    return all_kb > HEAP_LEFT_KB && all_kb - HEAP_LEFT_KB > share_kb ? all_kb - HEAP_LEFT_KB
                                                                     : share_kb;
}

unsigned java_processors(unsigned memory_mb)
{
    for (size_t i = 0; i < ARRAY_LEN(processors); i++)
        if (memory_mb <= processors[i].up_to_mb)
            return processors[i].count;
    return PROCESSORS_MOST;
}

/* --- the virtual machine --- */

/* Of "java8.al2", "Java 1.8.0_392", "Java 17.0.15": 8, 8, 17. 0: there is no number. */
static unsigned java_version(const char *text)
{
    text += strcspn(text, "0123456789");
    if (text_starts(text, "1."))
        text += 2;
    unsigned version = 0;
    for (; *text >= '0' && *text <= '9' && version < 1000; text++)
        version = version * 10 + (unsigned)(*text - '0');
    return version;
}

static const struct interpreter *find_java(struct interpreter **list, const char *runtime)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "JAVA_HOME_%u_%s", java_version(runtime), home_suffix);
    const char *home = getenv(name);
    const struct interpreter *i = NULL;
    if (home && *home) {
        char *program = fs_join(home, "bin/java");
        i = interpreter_find(list, program, &interpreter_java);
        free(program);
    }
    return i ? i : interpreter_find(list, "java", &interpreter_java);
}

/* --- the client --- */

static int is_jar(const struct dirent *entry)
{
    return text_ends(entry->d_name, ".jar");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Adds the folder's jars to the class path, in the order of their names, and notes the client's. */
static void add_jars(struct client *c, struct buf *path, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_jar, by_name);
    for (int i = 0; i < count; i++) {
        char *jar = fs_join(folder, entries[i]->d_name);
        buf_addf(path, "%s%s", path->length ? ":" : "", jar);
        if (!c->jar && text_starts(entries[i]->d_name, CLIENT_JAR))
            c->jar = jar;
        else
            free(jar);
        free(entries[i]);
    }
    free(entries);
}

static void client_release(struct client *c)
{
    free(c->class_path);
    free(c->jar);
    free(c->folder);
}

static int find_client(struct client *c, const struct function *f, struct error *e)
{
    const char *given = getenv("LPG_JAVA_CLIENT");
    *c = (struct client){0};
    struct buf path;
    buf_init(&path);
    if (given && *given) {
        c->folder = realpath(given, NULL);
        add_jars(c, &path, c->folder ? c->folder : given);
    } else {
        char *lib = fs_join(f->code->directory, "lib");
        buf_addstr(&path, f->code->directory);
        add_jars(c, &path, f->code->directory);
        add_jars(c, &path, lib);
        free(lib);
    }
    if (c->jar) {
        c->class_path = xstrdup(path.data);
        buf_release(&path);
        return 0;
    }
    buf_release(&path);
    client_release(c);
    if (given && *given)
        return error_set(e, ERROR_CONFIG, "LPG_JAVA_CLIENT: there is no %s*.jar in %s", CLIENT_JAR,
                         given);
    return error_set(
        e, ERROR_CONFIG,
        "the Java runtime interface client is not installed: put its jars into a folder "
        "and its path into LPG_JAVA_CLIENT, or into lib/ of the package (see "
        "docs/java.md)");
}

/* --- its native library --- */

static int copy_entry(zip_file_t *from, const char *path)
{
    struct buf bytes;
    buf_init_capped(&bytes, NATIVE_BYTES_MAX);
    char chunk[CHUNK_BYTES];
    zip_int64_t got;
    while ((got = zip_fread(from, chunk, sizeof chunk)) > 0)
        buf_add(&bytes, chunk, (size_t)got);
    char *part = xasprintf("%s.part", path);
    int failed = got < 0 || bytes.overflow || fs_write(part, bytes.data, bytes.length, NULL) ||
                 rename(part, path);
    free(part);
    buf_release(&bytes);
    return failed ? -1 : 0;
}

static int unpack_native(const char *jar, const char *path)
{
    zip_t *archive = zip_open(jar, ZIP_RDONLY, NULL);
    if (!archive)
        return -1;
    zip_file_t *entry = zip_fopen(archive, native_entry, 0);
    int failed = entry ? copy_entry(entry, path) : -1;
    if (entry)
        zip_fclose(entry);
    zip_discard(archive);
    return failed;
}

/* Where the library lies unpacked, NULL when the client has to see to it. The caller frees. */
static char *native_library(const char *directory, const char *jar)
{
    if (!native_entry || fs_make_dirs(directory, NULL))
        return NULL;
    char digest[SHA256_HEX];
    hash_sha256_hex(jar, strlen(jar), digest);
    char *path = xasprintf("%s/java-%.16s.so", directory, digest);
    if (fs_is_file(path) || !unpack_native(jar, path))
        return path;
    free(path);
    return NULL;
}

/* --- the start line --- */

struct line {
    const char *argv[RUNTIME_ARGS_MAX];
    size_t count;
    char *made[RUNTIME_ARGS_MAX]; /* those that are freed */
    size_t made_count;
};

static void add(struct line *l, const char *text)
{
    l->argv[l->count++] = text;
}

static void add_made(struct line *l, char *text)
{
    l->made[l->made_count++] = text;
    add(l, text);
}

static const char *tool_options(const struct function *f)
{
    for (size_t i = 0; i < f->environment_count; i++)
        if (!strcmp(f->environment[i].name, "JAVA_TOOL_OPTIONS"))
            return f->environment[i].value;
    return "";
}

/* "-XX:+UseZGC": the virtual machine refuses to be told of two. */
static bool names_collector(const char *text)
{
    for (const char *at = text; (at = strstr(at, "-XX:+Use")); at++) {
        size_t length = strcspn(at, " \t");
        if (length > 2 && !strncmp(at + length - 2, "GC", 2))
            return true;
    }
    return false;
}

static bool names_heap(const char *text)
{
    return strstr(text, "-Xmx") || strstr(text, "MaxHeapSize") || strstr(text, "RAMPercentage");
}

static void add_machine_options(struct line *l, const struct function *f, unsigned machine)
{
    const char *own = tool_options(f);
    unsigned runtime = java_version(f->runtime);
    if (!names_heap(own))
        add_made(l, xasprintf("-XX:MaxHeapSize=%uk", java_heap_kb(f->memory_mb)));
    if (!names_collector(own))
        add(l, "-XX:+UseSerialGC");
    if (!strstr(own, "ActiveProcessorCount"))
        add_made(l, xasprintf("-XX:ActiveProcessorCount=%u", java_processors(f->memory_mb)));
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *o = &options[i];
        if (runtime >= o->since_runtime && machine >= o->since_machine &&
            !(o->unless && strstr(own, o->unless)))
            add(l, o->text);
    }
}

int java_launch(struct interpreter **list, const char *directory, const struct function *f,
                struct runtime_launch *launch, struct error *e)
{
    const struct interpreter *java = find_java(list, f->runtime);
    struct client client;
    if (!java)
        return error_set(e, ERROR_CONFIG, "runtime %s: there is no java in PATH that works",
                         f->runtime);
    if (find_client(&client, f, e))
        return -1;
    struct line l = {0};
    add(&l, java->facts[INTERPRETER_PATH]);
    add_machine_options(&l, f, java_version(java->facts[INTERPRETER_VERSION]));
    char *native = native_library(directory, client.jar);
    if (native)
        add_made(&l, xasprintf("-D" CLIENT_NATIVE "=%s", native));
    free(native);
    add(&l, "-classpath");
    add(&l, client.class_path);
    add(&l, CLIENT_CLASS);
    add(&l, f->handler);
    runtime_launch_arguments(launch, l.argv, l.count);
    while (l.made_count)
        free(l.made[--l.made_count]);
    launch->program = xstrdup(java->facts[INTERPRETER_PATH]);
    launch->label = xasprintf("%.*s on %s",
                              (int)(strlen(client.jar) - strlen(".jar")) -
                                  (int)(fs_basename(client.jar) - client.jar),
                              fs_basename(client.jar), java->facts[INTERPRETER_VERSION]);
    launch->outside = client.folder;
    client.folder = NULL;
    client_release(&client);
    return 0;
}
