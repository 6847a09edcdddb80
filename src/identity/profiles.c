#include "identity/profiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/fs.h"
#include "os/secrecy.h"

enum { FILE_MAX = 256 * 1024 };

const char *profiles_variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* The caller frees. */
static char *path_of(const char *variable, const char *standard)
{
    const char *given = profiles_variable(variable);
    const char *path = given ? given : standard;
    const char *home = profiles_variable("HOME");
    return text_starts(path, "~/") && home ? fs_join(home, path + 2) : xstrdup(path);
}

static int read_file(struct ini *ini, const char *path, struct log *log, struct error *e)
{
    struct stat status;
    if (stat(path, &status) && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (log && S_ISREG(status.st_mode) && status.st_mode & S_IROTH)
        log_write(log, LOG_WARNING, "everybody on this machine may read '%s': chmod 600 it", path);
    struct buf text;
    buf_init(&text);
    /* All its room at once: a buffer that grew would leave copies of secrets behind. */
    text.data = array_reserve(NULL, &text.capacity, FILE_MAX + 1, 1);
    text.data[0] = '\0';
    int failed =
        fs_read(path, FILE_MAX, &text, e) || ini_parse(ini, text.data, text.length, path, e);
    secrecy_wipe(text.data, text.length);
    buf_release(&text);
    return failed ? -1 : 0;
}

int profiles_load(struct profiles *p, struct log *log, struct error *e)
{
    *p = (struct profiles){
        .config_path = path_of("AWS_CONFIG_FILE", "~/.aws/config"),
        .credentials_path = path_of("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    };
    if (!read_file(&p->config, p->config_path, NULL, e) &&
        !read_file(&p->credentials, p->credentials_path, log, e))
        return 0;
    profiles_release(p);
    return -1;
}

void profiles_release(struct profiles *p)
{
    ini_release(&p->config);
    ini_release(&p->credentials);
    free(p->config_path);
    free(p->credentials_path);
    *p = (struct profiles){0};
}

/* Whether a section's name is KIND NAME, the name perhaps in quotes. */
static bool is_named(const char *section, const char *kind, const char *name)
{
    size_t kind_length = strlen(kind), length = strlen(name);
    if (strncmp(section, kind, kind_length) != 0)
        return false;
    const char *rest = section + kind_length;
    size_t blanks = strspn(rest, " \t");
    rest += blanks;
    if (blanks && (*rest == '"' || *rest == '\''))
        return !strncmp(rest + 1, name, length) && rest[1 + length] == *rest && !rest[2 + length];
    return blanks && !strcmp(rest, name);
}

static const struct ini_section *find(const struct ini *ini, const char *kind, const char *name)
{
    for (size_t i = 0; i < ini->count; i++)
        if (kind ? is_named(ini->sections[i].name, kind, name)
                 : !strcmp(ini->sections[i].name, name))
            return &ini->sections[i];
    return NULL;
}

const struct ini_section *profiles_in_config(const struct profiles *p, const char *name)
{
    const struct ini_section *s = find(&p->config, "profile", name);
    return s || strcmp(name, "default") != 0 ? s : find(&p->config, NULL, name);
}

const struct ini_section *profiles_in_credentials(const struct profiles *p, const char *name)
{
    return find(&p->credentials, NULL, name);
}

const struct ini_section *profiles_services(const struct profiles *p, const char *name)
{
    return find(&p->config, "services", name);
}

bool profiles_have(const struct profiles *p, const char *name)
{
    return profiles_in_config(p, name) || profiles_in_credentials(p, name);
}

const char *profiles_get(const struct profiles *p, const char *name, const char *key)
{
    const char *value = ini_get(profiles_in_credentials(p, name), key);
    return value ? value : ini_get(profiles_in_config(p, name), key);
}
