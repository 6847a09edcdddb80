/*
 * secrecy.h - what a process that holds secrets does about it.
 */
#ifndef LPG_OS_SECRECY_H
#define LPG_OS_SECRECY_H

#include <stddef.h>

/*
 * No core file of this process, and no other process of the same user may read its memory
 * (PR_SET_DUMPABLE, RLIMIT_CORE; as far as the system has them). Programs that it starts can be
 * debugged again, but leave no core files either.
 */
void secrecy_protect_process(void);
/* Overwrites the bytes in a way that the compiler does not leave out. NULL is fine. */
void secrecy_wipe(void *bytes, size_t length);
/* Overwrites a text and frees it. NULL is fine. */
void secrecy_free(char *text);

#endif
