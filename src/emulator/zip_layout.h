/*
 * zip_layout.h - whether the parts of a zip archive lie as an honest writer puts them.
 *
 * A zip file says most things twice, in the directory at its end and in front of each entry, and
 * readers differ in whom they believe; overlapping entries make bombs (David Fifield, "A better zip
 * bomb", 2019). This checks, on the bytes alone: one end record at the very end, as many directory
 * entries as it says, each pointing to a local header of the same name, no two sharing bytes. Sizes
 * in ZIP64 form are refused: no package that may be uploaded needs them.
 */
#ifndef LPG_EMULATOR_ZIP_LAYOUT_H
#define LPG_EMULATOR_ZIP_LAYOUT_H

#include <stddef.h>

/* NULL when the layout is good, else what is wrong with it. *count is the number of entries. */
const char *zip_layout_check(const void *zip, size_t length, size_t *count);

#endif
