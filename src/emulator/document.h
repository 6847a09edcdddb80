/*
 * document.h - the JSON that the API answers with: FunctionConfiguration, AliasConfiguration and so
 * on.
 *
 * Member names and their presence as in the service model of the Lambda API (version 2015-03-31).
 */
#ifndef LPG_EMULATOR_DOCUMENT_H
#define LPG_EMULATOR_DOCUMENT_H

#include "base/json.h"
#include "emulator/store.h"

/* `qualifier` is what the ARN ends in; "" for none. `key` NULL: at the top or in an array. */
void document_configuration(struct json_writer *w, const char *key, const struct function *f,
                            const char *qualifier);
void document_alias(struct json_writer *w, const char *key, const struct store_entry *entry,
                    const struct store_alias *alias);
void document_tags(struct json_writer *w, const char *key, const struct store_entry *entry);
/* The members of a provisioned concurrency configuration; with its ARN when `with_arn`. */
void document_provisioned(struct json_writer *w, const char *key, const struct store_entry *entry,
                          const struct store_provisioned *p, bool with_arn);

#endif
