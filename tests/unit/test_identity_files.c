/*
 * The shared files' format and the little XML that STS answers: known answers, and errors that say
 * where but never quote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "identity/ini.h"
#include "identity/secret.h"
#include "identity/xml.h"
#include "os/clock.h"

#define SECRET "hunter2"

static void reads_what_the_aws_tools_write(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf# comment\n"
                               "[default]\r\n"
                               "Region = eu-west-1\r\n"
                               "  ; indented comment\n"
                               "empty=\n"
                               "\n"
                               "[profile a b] # why\n"
                               "s3 =\n"
                               "    max = 10\n"
                               "    Min=a = b\n"
                               "role_arn=x\n"
                               "long = one\n"
                               "\ttwo\n";
    struct ini ini;
    struct error e = {0};
    assert_int_equal(ini_parse(&ini, text, sizeof text - 1, "f", &e), 0);
    assert_int_equal(ini.count, 2);
    assert_string_equal(ini.sections[0].name, "default");
    assert_string_equal(ini_get(&ini.sections[0], "region"), "eu-west-1");
    assert_string_equal(ini_get(&ini.sections[0], "empty"), "");
    const struct ini_section *s = &ini.sections[1];
    assert_string_equal(s->name, "profile a b");
    assert_string_equal(ini_get(s, "s3.max"), "10");
    assert_string_equal(ini_get(s, "s3.min"), "a = b");
    assert_string_equal(ini_get(s, "role_arn"), "x");
    assert_string_equal(ini_get(s, "long"), "one\ntwo");
    assert_null(ini_get(s, "region"));
    assert_null(ini_get(NULL, "region"));
    ini_release(&ini);
}

static void an_error_has_a_line_and_no_quotation(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"[a]\n" SECRET "\n", "f:2: expected 'key = value'"},
        {"[a]\n= " SECRET "\n", "f:2: expected 'key = value'"},
        {"x = " SECRET "\n", "f:1: a setting must stand below a [section]"},
        {"\n[" SECRET "\n", "f:2: a section is written [name]"},
        {"[ ]\n", "f:1: a section is written [name]"},
        {"[a] " SECRET "\n", "f:1: only a comment may follow the name of a section"},
        {"[a]\n[b]\n[a]\n", "f:3: the section of line 1 is here again"},
        {"[a]\nk=" SECRET "\n\nK=" SECRET "\n", "f:4: the key of line 2 is set again"},
        {"[a]\ns3 =\n  " SECRET "\n", "f:3: expected 'key = value' below a key without a value"},
        {"[a]\nk = \xff\n", "f: this is not UTF-8 text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ini ini;
        struct error e = {0};
        assert_int_equal(ini_parse(&ini, cases[i].text, strlen(cases[i].text), "f", &e), -1);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(e.code, ERROR_CONFIG);
        assert_int_equal(ini.count, 0);
    }
}

static void xml_gives_one_text(void **state)
{
    (void)state;
    static const char text[] = "<?xml version=\"1.0\"?>\n<A x='>'><B/><C>no</C>\n"
                               "<D><C y=\"1\">a&lt;b&amp;&gt;&quot;&apos;</C ></D></A>\n";
    struct buf out;
    buf_init(&out);
    assert_int_equal(xml_text(text, sizeof text - 1, "A/D/C", &out), 0);
    assert_string_equal(out.data, "a<b&>\"'");
    buf_clear(&out);
    assert_int_equal(xml_text(text, sizeof text - 1, "A/B", &out), 0);
    assert_string_equal(out.data, "");
    assert_int_equal(xml_text(text, sizeof text - 1, "A/E", &out), -1);
    buf_release(&out);
}

static void xml_that_is_doubtful_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "text",
        "<A><B>1</B>",
        "<A><B>1</A></B>",
        "<A><B>1</B><B>2</B></A>",
        "<A><B>1</B></A><A></A>",
        "<A><B>1</B></A>x",
        "<!DOCTYPE A><A><B>1</B></A>",
        "<A><!-- --><B>1</B></A>",
        "<A><B><![CDATA[1]]></B></A>",
        "<A><B>&#65;</B></A>",
        "<A><B>&nbsp;</B></A>",
        "<A><B>1</Bx></A>",
        "<A b=<><B>1</B></A>",
        "<A><B>1</B></A",
        "<A><B",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf out;
        buf_init(&out);
        if (!xml_text(bad[i], strlen(bad[i]), "A/B", &out))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(out.length, 0);
        buf_release(&out);
    }
}

static void keys_are_checked(void **state)
{
    (void)state;
    struct secret s = {0};
    struct error e = {0};
    const char *const good[3] = {"AKID", SECRET, ""}, *const none[3] = {"AKID", "", NULL};
    const char *const lines[3] = {"AKID", SECRET, "a\r\nX: y"};
    assert_int_equal(secret_set(&s, good, "2026-11-23T21:30:00Z", &e), 0);
    assert_string_equal(s.secret_key, SECRET);
    assert_null(s.session_token);
    assert_true(s.expires_ns == UINT64_C(1795469400) * NS_PER_S);
    secret_release(&s);
    assert_int_equal(secret_set(&s, none, NULL, &e), -1);
    assert_string_equal(e.text, "there is an access key but no secret key");
    assert_int_equal(secret_set(&s, lines, NULL, &e), -1);
    assert_string_equal(e.text, "the session token holds a character that no key has");
    assert_int_equal(secret_set(&s, good, "tomorrow", &e), -1);
    assert_null(s.access_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_aws_tools_write),
        cmocka_unit_test(an_error_has_a_line_and_no_quotation),
        cmocka_unit_test(xml_gives_one_text),
        cmocka_unit_test(xml_that_is_doubtful_is_refused),
        cmocka_unit_test(keys_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
