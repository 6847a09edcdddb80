#include "aws/endpoint.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { REGION_MAX = 32 };

/* Partitions by how their regions' names begin; all others are in the first one. */
static const struct {
    const char *begins, *domain;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},   {"eusc-", "amazonaws.eu"},      {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"}, {"eu-isoe-", "cloud.adc-e.uk"}, {"us-isof-", "csp.hci.ic.gov"},
    {"", "amazonaws.com"},
};

char *endpoint_of_region(const char *service, const char *region, struct error *e)
{
    size_t length = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (!length || length > REGION_MAX || region[length] || *region == '-') {
        error_set(e, ERROR_USAGE, "'%.40s' cannot be the name of a region", region);
        return NULL;
    }
    size_t i = 0;
    while (!text_starts(region, partitions[i].begins))
        i++;
    return xasprintf("https://%s.%s.%s", service, region, partitions[i].domain);
}
