#include "emulator/name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char NAME_CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char DIGITS[] = "0123456789";

static const struct {
    const char *region_prefix, *partition;
} partitions[] = {
    {"cn-", "aws-cn"},
    {"us-gov-", "aws-us-gov"},
    {"", "aws"},
};

enum { PARTS_MAX = 8 };

struct parts {
    const char *text[PARTS_MAX];
    size_t length[PARTS_MAX];
    size_t count;
};

static int refuse(struct fault *f, const char *text, const char *member)
{
    return fault_set(
        f, FAULT_VALIDATION,
        "1 validation error detected: Value '%.200s' at '%s' failed to satisfy constraint: "
        "Member must be a name, a partial ARN or an ARN, each with an optional "
        "qualifier, of at most %d characters for the name",
        text, member, NAME_MAX_BYTES);
}

static bool split(const char *text, struct parts *parts)
{
    parts->count = 0;
    for (;;) {
        if (parts->count == PARTS_MAX)
            return false;
        size_t length = strcspn(text, ":");
        parts->text[parts->count] = text;
        parts->length[parts->count++] = length;
        if (!text[length])
            return true;
        text += length + 1;
    }
}

static bool part_is(const struct parts *p, size_t i, const char *want)
{
    return i < p->count && p->length[i] == strlen(want) &&
           memcmp(p->text[i], want, p->length[i]) == 0;
}

static bool valid_qualifier(const char *text, size_t length)
{
    if (!length || length > QUALIFIER_MAX_BYTES)
        return false;
    if (length == strlen("$LATEST") && memcmp(text, "$LATEST", length) == 0)
        return true;
    return strspn(text, NAME_CHARS) >= length;
}

/*
 * Whether the ARN's region and account, where the text has them, are the ones the request was sent
 * to.
 */
static int check_place(const struct parts *p, size_t function_word, const struct name_place *place,
                       struct fault *f)
{
    if (function_word >= 1 && !part_is(p, function_word - 1, place->account)) {
        if (strspn(p->text[function_word - 1], DIGITS) < p->length[function_word - 1])
            return fault_set(f, FAULT_VALIDATION, "the account in the ARN is not a number");
        return fault_set(
            f, FAULT_NOT_FOUND, "Functions of account '%.*s' are not reachable here (account '%s')",
            (int)p->length[function_word - 1], p->text[function_word - 1], place->account);
    }
    if (function_word >= 2 && !part_is(p, function_word - 2, place->region))
        return fault_set(
            f, FAULT_NOT_FOUND, "Functions from '%.*s' are not reachable in this region ('%s')",
            (int)p->length[function_word - 2], p->text[function_word - 2], place->region);
    return 0;
}

int name_parse(const char *text, const struct name_place *place, struct name *name, struct fault *f)
{
    struct parts p;
    if (!split(text, &p))
        return refuse(f, text, "functionName");
    /*
     * The word "function" stands at 5 in a full ARN and at 1 in a partial one; else there is only a
     * name.
     */
    size_t at = 0;
    if (part_is(&p, 0, "arn") && part_is(&p, 2, "lambda") && part_is(&p, 5, "function"))
        at = 6;
    else if (p.count >= 3 && part_is(&p, 1, "function"))
        at = 2;
    if (at && check_place(&p, at - 1, place, f))
        return -1;
    if (at >= p.count || p.count > at + 2)
        return refuse(f, text, "functionName");
    size_t length = p.length[at];
    if (!length || length > NAME_MAX_BYTES || strspn(p.text[at], NAME_CHARS) < length)
        return refuse(f, text, "functionName");
    bool qualified = p.count == at + 2;
    if (qualified && !valid_qualifier(p.text[at + 1], p.length[at + 1]))
        return refuse(f, text, "functionName");
    (void)snprintf(name->function, sizeof name->function, "%.*s", (int)length, p.text[at]);
    (void)snprintf(name->qualifier, sizeof name->qualifier, "%s", qualified ? p.text[at + 1] : "");
    return 0;
}

int name_qualify(struct name *name, const char *qualifier, struct fault *f)
{
    if (!qualifier || !*qualifier)
        return 0;
    if (!valid_qualifier(qualifier, strlen(qualifier)))
        return refuse(f, qualifier, "qualifier");
    if (*name->qualifier && strcmp(name->qualifier, qualifier) != 0)
        return fault_set(
            f, FAULT_PARAMETER,
            "The derived qualifier from the function name does not match the specified "
            "qualifier.");
    (void)snprintf(name->qualifier, sizeof name->qualifier, "%s", qualifier);
    return 0;
}

void name_arn(const struct name_place *place, const char *function, char *out)
{
    size_t i = 0;
    while (strncmp(place->region, partitions[i].region_prefix,
                   strlen(partitions[i].region_prefix)) != 0)
        i++; /* the last row matches every region */
    (void)snprintf(out, NAME_ARN_BYTES, "arn:%s:lambda:%s:%s:function:%s", partitions[i].partition,
                   place->region, place->account, function);
}
