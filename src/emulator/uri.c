#include "emulator/uri.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool uri_decode(const char *text, size_t length, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            int high = length - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = length - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    if (n >= size)
        return false;
    out[n] = '\0';
    return true;
}

bool uri_query(const char *query, const char *name, size_t skip, char *out, size_t size)
{
    size_t name_length = strlen(name);
    for (const char *part = query; *part;) {
        size_t length = strcspn(part, "&");
        size_t key = strcspn(part, "=&");
        if (key == name_length && memcmp(part, name, key) == 0 && skip-- == 0) {
            size_t start = key < length ? key + 1 : length;
            return uri_decode(part + start, length - start, out, size);
        }
        part += length;
        part += *part == '&';
    }
    return false;
}
