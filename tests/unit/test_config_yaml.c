#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/yaml.h"

enum { KIB = 1024 };

/* Parses a text; the caller releases both. */
static struct yaml_node *parse(const char *text, size_t length, const struct yaml_rules *rules,
                               struct arena *a, struct diagnostics *d)
{
    arena_init(a);
    diagnostics_init(d);
    return yaml_parse(a, rules, diagnostics_source(d, "x.yml", text, length), d);
}

/* The tree in one line: maps {k:v,}, lists [v,], plain scalars as they are, others in quotes. */
static void print(const struct yaml_node *n, struct buf *out)
{
    if (n->key)
        buf_addf(out, "%s:", n->key);
    if (n->tag)
        buf_addf(out, "<%s>", n->tag);
    if (n->kind == YAML_SCALAR) {
        buf_addf(out, n->plain ? "%s" : "'%s'", n->text);
        return;
    }
    size_t count = 0;
    buf_addch(out, n->kind == YAML_MAP ? '{' : '[');
    for (const struct yaml_node *m = n->first; m; m = m->next, count++) {
        print(m, out);
        buf_addch(out, ',');
    }
    assert_int_equal(count, n->count);
    buf_addch(out, n->kind == YAML_MAP ? '}' : ']');
}

static void trees(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"a: 1\nb: [x, 'y', \"z\"]\nc: {d: ~, e: }\n", "{a:1,b:[x,'y','z',],c:{d:~,e:,},}"},
        {"- - 1\n  - 2\n-\n- {}\n- []\n", "[[1,2,],,{},[],]"},
        {"---\na: |\n  t1\n  t2\n...\n", "{a:'t1\nt2\n',}"},
        {"# c\nyes: no # d\n", "{yes:no,}"},
        {"\xef\xbb\xbf"
         "a: 1",
         "{a:1,}"},
        {"a: 1\r\nb: 2\r\n", "{a:1,b:2,}"},
        {"a: 1\rb: 2\r", "{a:1,b:2,}"},
        {"? a\n: 1\n", "{a:1,}"},
        {"\"\": empty", "{:empty,}"},
        {"just text", "just text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct arena a;
        struct diagnostics d;
        struct buf out;
        buf_init(&out);
        const struct yaml_node *root =
            parse(pairs[i][0], strlen(pairs[i][0]), &yaml_config, &a, &d);
        assert_non_null(root);
        assert_int_equal(d.count, 0);
        print(root, &out);
        assert_string_equal(out.data, pairs[i][1]);
        buf_release(&out);
        diagnostics_release(&d);
        arena_release(&a);
    }
}

static void places(void **state)
{
    (void)state;
    struct arena a;
    struct diagnostics d;
    const char *text = "a: 1\nlong_key:\n  - {é: \"日本\"}\n";
    const struct yaml_node *root = parse(text, strlen(text), &yaml_config, &a, &d);
    const struct yaml_node *list = yaml_get(root, "long_key");
    const struct yaml_node *inner = yaml_get(list->first, "é");
    assert_int_equal(list->key_mark.line, 2);
    assert_int_equal(list->key_mark.column, 1);
    assert_int_equal(list->key_mark.length, 8);
    assert_int_equal(list->mark.line, 3);
    assert_int_equal(inner->key_mark.column, 6);
    assert_int_equal(inner->mark.column, 9);
    assert_int_equal(inner->mark.length, 4);
    assert_null(yaml_get(root, "nope"));
    assert_null(yaml_get(list, "a"));
    assert_null(yaml_get(NULL, "a"));
    assert_null(yaml_text(list));
    assert_string_equal(yaml_text(inner), "日本");
    diagnostics_release(&d);
    arena_release(&a);
}

/* The first error, and whether there is a tree to go on with. */
static const struct {
    const char *text;
    unsigned line, column;
    const char *message;
    bool tree;
} refused[] = {
    {"", 0, 0, "the file is empty", false},
    {"# only\n# comments\n", 0, 0, "the file is empty", false},
    {"a: &x 1", 1, 4, "anchors ('&x') are not supported: write the value out", true},
    {"a: *x", 1, 4, "aliases ('*x') are not supported: write the value out", true},
    {"a: &a [*a]", 1, 4, "anchors ('&a') are not supported: write the value out", true},
    {"*a : 1", 1, 1, "aliases ('*a') are not supported: write the value out", true},
    {"a: !x 1", 1, 4, "tags ('!x') are not supported: write the value without it", true},
    {"a: !!python/object {}", 1, 4,
     "tags ('!!python/object') are not supported: write the value without it", true},
    {"a: !!str 1", 1, 4, "tags ('!!str') are not supported: write the value without it", true},
    {"a: ! 1", 1, 4, "tags ('!') are not supported: write the value without it", true},
    {"!!map {a: 1}", 1, 1, "tags ('!!map') are not supported: write the value without it", true},
    {"!t a: 1", 1, 1, "a key cannot have a tag or an anchor", true},
    {"a: 1\n<<: {b: 2}", 2, 1, "merge keys ('<<') are not supported: write the keys out", true},
    {"a: 1\nb: 2\na: 3", 3, 1, "the key 'a' stands here a second time (first in line 1)", true},
    {"x: {a: 1, b: 1, 'a': 2}", 1, 17, "the key 'a' stands here a second time (first in line 1)",
     true},
    {"a: 1\n---\nb: 2", 2, 1, "a second document begins here; one file holds one", false},
    {"---\n---\n", 2, 1, "a second document begins here; one file holds one", false},
    {"%YAML 1.1\n---\na: 1", 1, 1, "directives ('%...') are not supported: remove them", false},
    {"%YAML 9.9\n---\na: 1", 1, 1, "not valid YAML: only YAML 1.1 and 1.2 can be read", false},
    {"%TAG ! x:\n---\na: 1", 1, 1, "directives ('%...') are not supported: remove them", false},
    {"{a: 1}: 2", 1, 1, "a key must be text, not a map", false},
    {"? [a]\n: 1", 1, 3, "a key must be text, not a list", false},
    {"a:\n\tb: 1", 2, 1, "not valid YAML: a tab cannot be used here: indent with spaces", false},
    {"é: 1\n\tb: 1", 2, 1, "not valid YAML: a tab cannot be used here: indent with spaces", false},
    {"a: b: c", 1, 5,
     "not valid YAML: a ':' cannot stand here: put the text in quotes, or check the indentation",
     false},
    {"a: 1\nb\nc: 2", 2, 1, "not valid YAML: this key has no ':' behind it", false},
    {"a: 'x\n", 1, 4, "not valid YAML: this quote is never closed", false},
    {"a: [1, 2\n", 1, 4, "not valid YAML: this list needs ',' between its items and ']' at its end",
     false},
    {"a: {b: 1\n", 1, 4,
     "not valid YAML: this map needs ',' between its members and '}' at its end", false},
    {"a: 1\n  b: 2", 2, 4,
     "not valid YAML: a ':' cannot stand here: put the text in quotes, or check the indentation",
     false},
    {"  a: 1\n b: 2", 2, 2, "not valid YAML: the indentation does not fit the lines above", false},
    {"a: @x", 1, 4, "not valid YAML: text cannot start with this character: put it in quotes",
     false},
    {"a: - b", 1, 4, "not valid YAML: a list cannot start here: put '-' on a new line", false},
    {"a: \"\\0\"", 1, 4, "a text cannot contain a NUL character", true},
    {"\"\\0\": a", 1, 1, "a key cannot contain a NUL character", false},
    {"a: \x01", 1, 4, "the character U+0001 is not allowed", false},
    {"a: 1\nbc\x7f", 2, 3, "the character U+007F is not allowed", false},
    {"a: \xe2\x80\xa8", 1, 4, "the character U+2028 is not allowed", false},
    {"a: \xc2\x85", 1, 4, "the character U+0085 is not allowed", false},
    {"a: \xff", 1, 4, "this is not UTF-8 text (byte 0xff)", false},
    {"a: \xc3", 1, 4, "this is not UTF-8 text (byte 0xc3)", false},
    {"a: \xed\xa0\x80", 1, 4, "this is not UTF-8 text (byte 0xed)", false},
    {"\xff\xfe"
     "a",
     0, 0, "the file is UTF-16 or UTF-32: save it as UTF-8", false},
    {"\xfe\xff"
     "a",
     0, 0, "the file is UTF-16 or UTF-32: save it as UTF-8", false},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct arena a;
        struct diagnostics d;
        const char *text = refused[i].text;
        const struct yaml_node *root = parse(text, strlen(text), &yaml_config, &a, &d);
        diagnostics_sort(&d);
        assert_true(d.errors > 0);
        assert_string_equal(d.items[0].text, refused[i].message);
        if (d.items[0].mark.line != refused[i].line || d.items[0].mark.column != refused[i].column)
            fail_msg("%s: at %u:%u", text, d.items[0].mark.line, d.items[0].mark.column);
        assert_true(!root == !refused[i].tree);
        diagnostics_release(&d);
        arena_release(&a);
    }
}

static void nul_bytes(void **state)
{
    (void)state;
    struct arena a;
    struct diagnostics d;
    assert_null(parse("a: 1\n\0b: 2", 10, &yaml_config, &a, &d));
    assert_string_equal(d.items[0].text, "the character U+0000 is not allowed");
    assert_int_equal(d.items[0].mark.line, 2);
    diagnostics_release(&d);
    arena_release(&a);
}

/* One pass finds all that does not end the parse. */
static void all_at_once(void **state)
{
    (void)state;
    struct arena a;
    struct diagnostics d;
    const char *text = "a: &x 1\nb: !t 2\nc: *x\n<<: 1\na: 2\n";
    assert_non_null(parse(text, strlen(text), &yaml_config, &a, &d));
    assert_int_equal(d.errors, 5);
    diagnostics_release(&d);
    arena_release(&a);
}

/* ---- bombs: small files that cost a careless reader seconds or gigabytes ---- */

static const struct {
    const char *name;
    const char *unit;
    size_t times;
    const char *message; /* part of the first error */
} bombs[] = {
    {"list in list", "[", 64 * KIB, "nested more than 32"},
    {"list in list, one a line", "[\n", 32 * KIB, "nested more than 32"},
    {"too large", "[", 100000, "at most 65536"},
    {"map in map", "{", 64 * KIB, "a key must be text"},
    {"map as value", "{a: ", 16 * KIB, "nested more than 32"},
    {"dashes", "- ", 32 * KIB, "nested more than 32"},
    {"questions", "? ", 32 * KIB, "a key must be text"},
    {"lists beside lists", "[[],", 16 * KIB, "nested more than 32"},
    {"questions in lists", "[? ", 21 * KIB, "a key must be text"},
    {"pairs", "[a: ", 16 * KIB, "nested more than 32"},
    {"anchors", "- &a\n", 12 * KIB, "anchors"},
    {"tags", "- !a\n", 12 * KIB, "tags"},
    {"aliases", "- *a\n", 12 * KIB, "aliases"},
    {"same keys", "a: 1\n", 12 * KIB, "more than 10000"},
    {"empty lists", "- []\n", 12 * KIB, "more than 10000"},
    {"items", "- 1\n", 16 * KIB, "more than 10000"},
    {"documents", "--- 1\n", 10 * KIB, "a second document"},
    {"blanks", " ", 64 * KIB, "the file is empty"},
    {"lines", "\n", 64 * KIB, "the file is empty"},
    {"comments", "#\n", 32 * KIB, "the file is empty"},
    {"one key", "k", 64 * KIB, "at most 4096"},
    {"quotes", "'", 64 * KIB, "at most 4096"},
    {"open quote", "\"a", 32 * KIB, "not valid YAML"},
    {"colons", "a: ", 21 * KIB, "not valid YAML"},
    {"escapes", "\\", 64 * KIB, "at most 4096"},
    {"bars", "|\n", 32 * KIB, "not valid YAML"},
    {"commas", "[,", 32 * KIB, "not valid YAML"},
    {"percents", "%", 64 * KIB, "not valid YAML"},
    {"stars", "*", 64 * KIB, "not valid YAML"},
    {"bangs", "!", 64 * KIB, "tags"},
};

static void bombs_end_early(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
        struct buf text;
        struct arena a;
        struct diagnostics d;
        buf_init(&text);
        buf_fill(&text, bombs[i].unit, bombs[i].times);
        parse(text.data, text.length, &yaml_config, &a, &d);
        diagnostics_sort(&d);
        assert_true(d.errors > 0);
        bool found = false;
        for (size_t k = 0; k < d.count; k++)
            found |= strstr(d.items[k].text, bombs[i].message) != NULL;
        if (!found)
            fail_msg("%s: %s", bombs[i].name, d.items[0].text);
        diagnostics_release(&d);
        arena_release(&a);
        buf_release(&text);
    }
}

/* Nine levels of nine aliases each stand for 387 million values. */
static void alias_bomb(void **state)
{
    (void)state;
    struct buf text;
    struct arena a;
    struct diagnostics d;
    buf_init(&text);
    buf_addstr(&text, "a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c <= 'i'; c++) {
        buf_addf(&text, "%c: &%c [", c, c);
        for (int i = 0; i < 9; i++)
            buf_addf(&text, "%s*%c", i ? "," : "", c - 1);
        buf_addstr(&text, "]\n");
    }
    parse(text.data, text.length, &yaml_config, &a, &d);
    assert_int_equal(d.errors, 9 + 8 * 9);
    diagnostics_release(&d);
    arena_release(&a);
    buf_release(&text);
}

static void edges(void **state)
{
    (void)state;
    static const struct {
        const char *open, *close;
        size_t times;
        bool good;
    } rows[] = {{"[", "]", 32, true}, {"[", "]", 33, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text;
        struct arena a;
        struct diagnostics d;
        buf_init(&text);
        buf_fill(&text, rows[i].open, rows[i].times);
        buf_fill(&text, rows[i].close, rows[i].times);
        assert_true(!parse(text.data, text.length, &yaml_config, &a, &d) == !rows[i].good);
        diagnostics_release(&d);
        arena_release(&a);
        buf_clear(&text);
        buf_fill(&text, "x", 4096 + !rows[i].good);
        parse(text.data, text.length, &yaml_config, &a, &d);
        assert_true(!d.errors == rows[i].good);
        diagnostics_release(&d);
        arena_release(&a);
        buf_release(&text);
    }
}

/* A template's tags stay as text, and its aliases stay unresolved. */
static void templates(void **state)
{
    (void)state;
    struct arena a;
    struct diagnostics d;
    struct buf out;
    buf_init(&out);
    const char *text = "a: !Ref B\nb: !Sub ['x', {c: !GetAtt d.e}]\nf: &g 1\nh: *g\n<<: *g\n";
    const struct yaml_node *root = parse(text, strlen(text), &yaml_template, &a, &d);
    assert_int_equal(d.count, 0);
    print(root, &out);
    assert_string_equal(out.data,
                        "{a:<!Ref>B,b:<!Sub>['x',{c:<!GetAtt>d.e,},],f:1,h:<*g>'',<<:<*g>'',}");
    buf_release(&out);
    diagnostics_release(&d);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),       cmocka_unit_test(places),
        cmocka_unit_test(refusals),    cmocka_unit_test(nul_bytes),
        cmocka_unit_test(all_at_once), cmocka_unit_test(bombs_end_early),
        cmocka_unit_test(alias_bomb),  cmocka_unit_test(edges),
        cmocka_unit_test(templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
