/*
 * endpoint.h - where a region's services are.
 *
 * https://docs.aws.amazon.com/general/latest/gr/rande.html
 */
#ifndef LPG_AWS_ENDPOINT_H
#define LPG_AWS_ENDPOINT_H

#include "base/error.h"

/*
 * "https://lambda.eu-west-1.amazonaws.com", with the domain of the region's partition; the caller
 * frees. NULL and ERROR_USAGE for what cannot be the name of a region.
 */
char *endpoint_of_region(const char *service, const char *region, struct error *e);

#endif
