/*
 * prices.h - which prices a command charges: the built-in table, under what `prices update` fetched.
 */
#ifndef LPG_CMD_PRICES_H
#define LPG_CMD_PRICES_H

#include "base/error.h"
#include "gate/price_book.h"

/*
 * Reads the prices of `file`; NULL means the file of `prices update`, which need not be there. The
 * caller frees the book.
 */
struct price_book *prices_open(const char *file, struct error *e);

#endif
