/*
 * uri.h - reading percent-encoded text out of a request's path and query.
 */
#ifndef LPG_EMULATOR_URI_H
#define LPG_EMULATOR_URI_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes `length` bytes into `out` with a NUL behind them. False when a "%" is not followed by two
 * hexadecimal digits, when the text holds a NUL, or when it does not fit. A '+' stays a '+'.
 */
bool uri_decode(const char *text, size_t length, char *out, size_t size);

/*
 * Value of the parameter `name` (exact case) in a raw query; `skip` many of that name are passed
 * over, so that a repeated parameter is read by calling with 0, 1, 2, ... False when there is none
 * or it cannot be decoded.
 */
bool uri_query(const char *query, const char *name, size_t skip, char *out, size_t size);

#endif
