/*
 * profiles.h - the shared files of the AWS tools: which exist, and what they say of a profile.
 *
 * The config file (AWS_CONFIG_FILE, else ~/.aws/config) names profiles [default] and [profile x],
 * the credentials file (AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials) names them [x]. Where
 * both set a key, the credentials file wins. A file that is not there is empty.
 */
#ifndef LPG_IDENTITY_PROFILES_H
#define LPG_IDENTITY_PROFILES_H

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"
#include "identity/ini.h"

struct profiles {
    char *config_path, *credentials_path;
    struct ini config, credentials;
};

/* Warns of a credentials file that everybody may read. */
int profiles_load(struct profiles *p, struct log *log, struct error *e);
void profiles_release(struct profiles *p);
bool profiles_have(const struct profiles *p, const char *name);
/* NULL when neither file sets it; "" when it is set to nothing. */
const char *profiles_get(const struct profiles *p, const char *name, const char *key);
/* What one of the files says alone; NULL when it has no such profile. */
const struct ini_section *profiles_in_config(const struct profiles *p, const char *name);
const struct ini_section *profiles_in_credentials(const struct profiles *p, const char *name);
/* The section [services NAME] of the config file, or NULL. */
const struct ini_section *profiles_services(const struct profiles *p, const char *name);
/* The environment variable, NULL when it is not set or empty. */
const char *profiles_variable(const char *name);

#endif
