/*
 * clock_skew.h - how far this machine's clock is off, learnt from an answer that refused a
 * signature.
 *
 * AWS accepts a signature for some minutes around its own time. An answer that refuses one carries
 * a Date header: the difference to our clock in the middle of the call is what signing has to add.
 */
#ifndef LPG_NET_CLOCK_SKEW_H
#define LPG_NET_CLOCK_SKEW_H

#include <stdbool.h>
#include <stdint.h>

#include "net/http_client.h"

/*
 * True, and a new *skew_ns, when the answer refuses a signature or its time, and its Date differs
 * by more than four minutes from our clock as corrected so far: then the request is worth another
 * try. An answer out of a cache (Age) tells nothing, nor does one that took 15 minutes.
 */
bool clock_skew_learn(const struct http_response *r, int64_t *skew_ns);

#endif
