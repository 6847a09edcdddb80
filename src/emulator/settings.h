/*
 * settings.h - the bodies of CreateFunction and UpdateFunctionConfiguration, checked against
 * Lambda's limits and applied to a snapshot.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html and gettingstarted-limits.
 * What the embedded Lambda cannot do (layers, images, VPCs, SnapStart, ...) is refused, never
 * ignored: a measurement without it would be a measurement of something else.
 */
#ifndef LPG_EMULATOR_SETTINGS_H
#define LPG_EMULATOR_SETTINGS_H

#include "base/json.h"
#include "emulator/fault.h"
#include "sandbox/function.h"

/* Sets Lambda's defaults, then the members of the body. `f` has its name. */
int settings_create(struct function *f, const struct json *body, struct fault *fault);
/* Sets the members that the body has. */
int settings_update(struct function *f, const struct json *body, struct fault *fault);
/* "Architectures" alone, as UpdateFunctionCode has it too. */
int settings_architecture(struct function *f, const struct json *body, struct fault *fault);

/* A string member within `least` and `most` bytes; missing or null gives `fallback`. */
int settings_text(const struct json *body, const char *key, size_t least, size_t most,
                  const char **value, struct fault *fault);
/* A whole number within the limits; *present tells whether it was there. */
int settings_count(const struct json *body, const char *path, int64_t least, int64_t most,
                   int64_t *value, struct fault *fault);

#endif
