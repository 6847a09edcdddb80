/*
 * name.h - the ways in which a request may name a function, and the ARNs that answers carry.
 *
 * A function is named by its name, a partial ARN ("123456789012:function:NAME") or a full ARN, each
 * with or without ":QUALIFIER"; the path holds it percent-encoded. The qualifier may also come as
 * ?Qualifier=.
 */
#ifndef LPG_EMULATOR_NAME_H
#define LPG_EMULATOR_NAME_H

#include <stddef.h>

#include "emulator/fault.h"

enum { NAME_MAX_BYTES = 64, QUALIFIER_MAX_BYTES = 128, NAME_ARN_BYTES = 400 };

struct name {
    char function[NAME_MAX_BYTES + 1];
    char qualifier[QUALIFIER_MAX_BYTES + 1]; /* "" when none was given */
};

/* Where the request was sent to; an ARN that names another place is not found. */
struct name_place {
    const char *region;
    const char *account;
};

/*
 * Reads a decoded name. FAULT_VALIDATION when it has no such form, FAULT_NOT_FOUND for another
 * region or account.
 */
int name_parse(const char *text, const struct name_place *place, struct name *name,
               struct fault *f);
/*
 * Adds ?Qualifier=; it must agree with one that is in the name already. `qualifier` NULL or "":
 * nothing to add.
 */
int name_qualify(struct name *name, const char *qualifier, struct fault *f);
/*
 * "arn:aws:lambda:REGION:ACCOUNT:function:NAME", in the partition of the region. `out` holds
 * NAME_ARN_BYTES.
 */
void name_arn(const struct name_place *place, const char *function, char *out);

#endif
