/*
 * The readers of identity/ take any bytes. The first byte chooses: the shared files' format, whose
 * errors must never quote (the text may hold secrets), or the XML of STS. What is accepted is
 * stored in order, without duplicates, and without blanks around it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "identity/ini.h"
#include "identity/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_section(const struct ini_section *s)
{
    require(s->name[0] && s->line);
    for (size_t i = 0; i < s->count; i++) {
        const struct ini_entry *entry = &s->entries[i];
        size_t length = strlen(entry->value);
        require(entry->key[0] && entry->line > s->line);
        require(!strpbrk(entry->key, "\nABCDEFGHIJKLMNOPQRSTUVWXYZ"));
        require(!length || (!strchr(" \t\r\n", entry->value[0]) &&
                            !strchr(" \t\r\n", entry->value[length - 1])));
        require(ini_get(s, entry->key) == entry->value); /* the first of its name: no other */
    }
}

static void fuzz_ini(const char *text, size_t size)
{
    struct ini ini;
    struct error e = {0};
    if (ini_parse(&ini, text, size, "f", &e)) {
        require(e.code == ERROR_CONFIG && !ini.count && e.text[0] == 'f' && strlen(e.text) < 100);
        return;
    }
    for (size_t i = 0; i < ini.count; i++)
        check_section(&ini.sections[i]);
    ini_release(&ini);
}

static void fuzz_xml(const char *text, size_t size)
{
    struct buf out;
    buf_init(&out);
    if (xml_text(text, size, "A/B", &out))
        require(out.length == 0);
    else
        require(size >= 8 && out.length < size);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    char *exact = malloc(size - 1 ? size - 1 : 1); /* nothing stands behind it */
    require(exact != NULL);
    memcpy(exact, data + 1, size - 1);
    if (*data == 'x')
        fuzz_xml(exact, size - 1);
    else
        fuzz_ini(exact, size - 1);
    free(exact);
    return 0;
}
