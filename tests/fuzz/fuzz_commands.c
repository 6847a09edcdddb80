/*
 * Whatever a function logs, the runner finds no command in it; whatever an annotation, a mask or an
 * output holds, the runner reads that and nothing else.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "github/commands.h"
#include "runner_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 7 };

static void require(int holds)
{
    if (!holds)
        abort();
}

static size_t count_lines(const struct buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->length; i++)
        n += text->data[i] == '\n';
    return n;
}

/* The lines without what stands in front of each: they must be harmless without it too. */
static void check_bare(const struct buf *out)
{
    struct buf bare;
    buf_init(&bare);
    for (size_t i = 0; i < out->length; i++) {
        bool first = i == 0 || out->data[i - 1] == '\n';
        require(!first || memcmp(out->data + i, "| ", 2) == 0);
        i += first ? 2 : 0;
        buf_addch(&bare, out->data[i]);
    }
    require(runner_count_commands(bare.data, bare.length, false) == 0);
    require(runner_count_commands(bare.data, bare.length, true) == 0);
    buf_release(&bare);
}

static void check_log(const char *text, size_t length)
{
    struct buf out;
    buf_init(&out);
    commands_add_log(&out, text, length, LINES);
    require(runner_count_commands(out.data, out.length, false) == 0);
    require(runner_count_commands(out.data, out.length, true) == 0);
    check_bare(&out);
    require(text_is_utf8(out.data, out.length));
    require(count_lines(&out) <= LINES + 1);
    for (size_t i = 0; i < out.length; i++)
        require(out.data[i] == '\n' || (unsigned char)out.data[i] >= ' ');
    buf_release(&out);
}

/* Exactly one line and one command, of that name. */
static void read_back(const struct buf *out, const char *name, struct runner_command *c)
{
    require(count_lines(out) == 1 && out->data[out->length - 1] == '\n');
    require(!memchr(out->data, '\r', out->length));
    runner_command_init(c);
    require(runner_reads_line(out->data, out->length - 1, c));
    require(strcmp(c->name.data, name) == 0);
}

static void check_annotation(const char *text)
{
    struct buf out;
    struct runner_command c;
    struct annotation a = {
        .level = ANNOTATION_ERROR, .message = text, .title = text, .file = text, .line = 3};
    buf_init(&out);
    commands_annotate(&out, &a);
    read_back(&out, "error", &c);
    require(!strpbrk(c.properties.data, ":\r\n"));
    size_t commas = 0;
    for (const char *p = c.properties.data; *p; p++)
        commas += *p == ',';
    require(commas == (*text ? 2 : 0)); /* file, line, title */
    require(runner_count_commands(c.data.data, c.data.length, false) == 0);
    runner_command_release(&c);
    buf_release(&out);
}

static void check_mask(const char *text)
{
    struct buf out;
    struct runner_command c;
    buf_init(&out);
    commands_mask(&out, text);
    if (*text) {
        read_back(&out, "add-mask", &c);
        require(strcmp(c.data.data, text) == 0);
        runner_command_release(&c);
    }
    buf_release(&out);
}

static void check_output(const char *text)
{
    struct buf out, name, value;
    buf_init(&out);
    buf_init(&name);
    buf_init(&value);
    commands_add_output(&out, "verdict", text);
    require(runner_reads_output(out.data, out.length, &name, &value) == out.length);
    require(strcmp(name.data, "verdict") == 0 && strcmp(value.data, text) == 0);
    buf_release(&out);
    buf_release(&name);
    buf_release(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_log((const char *)data, size);
    char *text = xstrndup((const char *)data, size);
    check_annotation(text);
    check_mask(text);
    check_output(text);
    free(text);
    return 0;
}
