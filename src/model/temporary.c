#include "model/temporary.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"

enum {
    RUN_DIGITS = TEMPORARY_RUN_BYTES - 1,
    PREFIX_LENGTH = sizeof TEMPORARY_PREFIX - 1,
    NAME_MAX_LENGTH = 64, /* Lambda's quota */
};

bool temporary_is_run(const char *run)
{
    return strlen(run) == RUN_DIGITS && strspn(run, "0123456789abcdef") == RUN_DIGITS;
}

bool temporary_name_run(const char *name, char run[TEMPORARY_RUN_BYTES])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = strlen(name);
    char found[TEMPORARY_RUN_BYTES];
    if (length > NAME_MAX_LENGTH || length < PREFIX_LENGTH + RUN_DIGITS + 2 ||
        !text_starts(name, TEMPORARY_PREFIX) || name[PREFIX_LENGTH + RUN_DIGITS] != '-' ||
        strspn(name, letters) != length)
        return false;
    memcpy(found, name + PREFIX_LENGTH, RUN_DIGITS);
    found[RUN_DIGITS] = '\0';
    if (!temporary_is_run(found))
        return false;
    memcpy(run, found, sizeof found);
    return true;
}

void temporary_put_tags(struct json_writer *w, const struct temporary_tags *tags)
{
    char stamp[CLOCK_STAMP_BYTES];
    json_open_object(w, "Tags");
    json_put_string(w, TEMPORARY_TAG_RUN, tags->run);
    clock_stamp_basic(tags->created_ns, stamp);
    json_put_string(w, TEMPORARY_TAG_CREATED, stamp);
    clock_stamp_basic(tags->expires_ns, stamp);
    json_put_string(w, TEMPORARY_TAG_EXPIRES, stamp);
    json_close(w);
}

bool temporary_read_tags(const struct json *tags, struct temporary_tags *out)
{
    const char *run = json_get_string(tags, TEMPORARY_TAG_RUN, "");
    uint64_t created_ns = clock_parse_basic(json_get_string(tags, TEMPORARY_TAG_CREATED, ""));
    uint64_t expires_ns = clock_parse_basic(json_get_string(tags, TEMPORARY_TAG_EXPIRES, ""));
    if (!temporary_is_run(run) || !created_ns || !expires_ns)
        return false;
    *out = (struct temporary_tags){.created_ns = created_ns, .expires_ns = expires_ns};
    snprintf(out->run, sizeof out->run, "%s", run);
    return true;
}
