#include "os/secrecy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

void secrecy_protect_process(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void secrecy_wipe(void *bytes, size_t length)
{
    volatile unsigned char *next = bytes;
    while (bytes && length--)
        *next++ = 0;
}

void secrecy_free(char *text)
{
    if (text)
        secrecy_wipe(text, strlen(text));
    free(text);
}
