/*
 * What may be deleted: the name, the tags and the times, each of them wrong in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "cleanup/ours.h"
#include "os/clock.h"

#define HOUR      (3600 * NS_PER_S)
#define NOW       (UINT64_C(1800000000) * NS_PER_S)
#define RUN       "0f3a5c21"
#define NAME      "lpg-" RUN "-checkout-base"
#define NAME_64   NAME "-0123456789012345678901234567890123456"
#define TAG_OF(x) "\"lambda-perf-gate:" x "\":"

static const struct ours_rule rule = {NOW, 2 * HOUR};
static const struct temporary_tags old = {RUN, NOW - 5 * HOUR, NOW - 3 * HOUR};

static void names(void **state)
{
    (void)state;
    static const char *const good[] = {NAME, "lpg-" RUN "-x", "lpg-00000000-A_b-9", NAME_64};
    static const char *const bad[] = {
        "",
        "lpg-",
        "lpg-" RUN,
        "lpg-" RUN "-",
        "lpg-0F3A5C21-x",          /* upper case */
        "lpg-0f3a5c2-x",           /* seven digits */
        "lpg-0f3a5c211-x",         /* nine */
        "lpg-0f3a5c2g-x",          /* no digit */
        "LPG-" RUN "-x",           /* */
        " " NAME,                  /* */
        "x" NAME,                  /* not at its start */
        "lpg_" RUN "-x",           /* */
        "lpg-" RUN "_x",           /* */
        "lpg-" RUN "-x:1",         /* a qualifier */
        "lpg-" RUN "-x/../y",      /* a path */
        "lpg-" RUN "-x?a=b",       /* a query */
        "lpg-" RUN "-x\n",         /* */
        "lpg-production-checkout", /* somebody else's idea of the same prefix */
        NAME_64 "x",               /* longer than Lambda allows */
    };
    char run[TEMPORARY_RUN_BYTES];
    assert_int_equal(strlen(NAME_64), 64);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(temporary_name_run(good[i], run));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        memcpy(run, "untouchd", sizeof run);
        if (temporary_name_run(bad[i], run))
            fail_msg("'%s' was taken for one of ours", bad[i]);
        assert_string_equal(run, "untouchd");
    }
}

static void judgements(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct temporary_tags tags;
        enum ours expected;
    } rows[] = {
        {NAME, {RUN, NOW - 5 * HOUR, NOW - 3 * HOUR}, OURS_EXPIRED},
        {NAME, {RUN, NOW - 2 * HOUR, NOW}, OURS_EXPIRED}, /* both to the second */
        {NAME, {RUN, NOW - 2 * HOUR + 1, NOW}, OURS_LIVE},
        {NAME, {RUN, NOW - 2 * HOUR, NOW + 1}, OURS_LIVE},
        {NAME, {RUN, NOW, NOW + HOUR}, OURS_LIVE},
        {NAME, {RUN, NOW + 60 * NS_PER_S, NOW + HOUR}, OURS_LIVE},    /* our clock is a bit late */
        {NAME, {RUN, NOW + HOUR, NOW + 2 * HOUR}, OURS_DOUBTFUL},     /* made in the future */
        {NAME, {RUN, NOW - 5 * HOUR, NOW - 6 * HOUR}, OURS_DOUBTFUL}, /* expired before that */
        {NAME, {"ffffffff", NOW - 5 * HOUR, NOW - 3 * HOUR}, OURS_DOUBTFUL},
        {"lpg-production", {RUN, NOW - 5 * HOUR, NOW - 3 * HOUR}, OURS_NOT},
        {"checkout", {RUN, NOW - 5 * HOUR, NOW - 3 * HOUR}, OURS_NOT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *why = NULL;
        assert_int_equal(ours_judge(rows[i].name, &rows[i].tags, &rule, &why), rows[i].expected);
        assert_int_equal(why == NULL, rows[i].expected == OURS_EXPIRED);
    }
}

static void without_tags(void **state)
{
    (void)state;
    const char *why = NULL;
    assert_int_equal(ours_judge(NAME, NULL, &rule, &why), OURS_DOUBTFUL);
    assert_non_null(strstr(why, "tags"));
    assert_int_equal(ours_judge("checkout", NULL, &rule, &why), OURS_NOT);
    assert_false(ours_made_by(NAME, NULL, RUN, &why));
    assert_non_null(strstr(why, "tags"));
}

static void made_by(void **state)
{
    (void)state;
    static const struct temporary_tags stranger = {"ffffffff", NOW, NOW};
    const char *why = NULL;
    assert_true(ours_made_by(NAME, &old, RUN, &why));
    assert_false(ours_made_by(NAME, &stranger, RUN, &why));
    assert_false(ours_made_by(NAME, &old, "ffffffff", &why));
    assert_false(ours_made_by("lpg-ffffffff-x", &stranger, RUN, &why));
    assert_false(ours_made_by("checkout", &old, RUN, &why));
    assert_non_null(strstr(why, "name"));
}

static bool read(const char *text, struct temporary_tags *out)
{
    struct json *tags = json_parse(text, strlen(text), NULL);
    assert_non_null(tags);
    bool good = temporary_read_tags(tags, out);
    json_free(tags);
    return good;
}

static void tags_there_and_back(void **state)
{
    (void)state;
    struct json_writer w;
    struct buf text;
    struct temporary_tags back;
    buf_init(&text);
    json_begin(&w, &text, 0);
    json_open_object(&w, NULL);
    temporary_put_tags(&w, &old);
    json_close(&w);
    struct json *body = json_parse(text.data, text.length, NULL);
    assert_true(temporary_read_tags(json_get(body, "Tags"), &back));
    assert_memory_equal(&back, &old, sizeof old);
    json_free(body);
    buf_release(&text);
}

static void tags_that_do_not_count(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "[]",
        "\"" RUN "\"",
        "{" TAG_OF("run") "\"" RUN "\"}",
        "{" TAG_OF("run") "\"" RUN "\"," TAG_OF("created") "\"20261124T003000Z\"}",
        "{" TAG_OF("run") "\"" RUN "\"," TAG_OF("expires") "\"20261124T003000Z\"}",
        "{" TAG_OF("created") "\"20261124T003000Z\"," TAG_OF("expires") "\"20261124T003000Z\"}",
        "{" TAG_OF("run") "\"\"," TAG_OF("created") "\"20261124T003000Z\"," TAG_OF(
            "expires") "\"20261124T003000Z\"}",
        "{" TAG_OF("run") "\"" RUN "\"," TAG_OF("created") "\"yesterday\"," TAG_OF(
            "expires") "\"20261124T003000Z\"}",
        "{" TAG_OF("run") "\"" RUN "\"," TAG_OF("created") "\"20261124T003000Z\"," TAG_OF(
            "expires") "20261124}",
        "{" TAG_OF("Run") "\"" RUN "\"," TAG_OF("created") "\"20261124T003000Z\"," TAG_OF(
            "expires") "\"20261124T003000Z\"}",
    };
    struct temporary_tags out = old;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (read(bad[i], &out))
            fail_msg("these tags were believed: %s", bad[i]);
    assert_memory_equal(&out, &old, sizeof old);
    assert_false(temporary_read_tags(NULL, &out));
    assert_true(read("{" TAG_OF("run") "\"" RUN
                                       "\"," TAG_OF("created") "\"20261124T003000Z\"," TAG_OF(
                                           "expires") "\"20261124T023000Z\","
                                                      "\"team\":\"x\"}",
                     &out));
    assert_int_equal(out.expires_ns - out.created_ns, 2 * HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(judgements),
        cmocka_unit_test(without_tags),
        cmocka_unit_test(made_by),
        cmocka_unit_test(tags_there_and_back),
        cmocka_unit_test(tags_that_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
