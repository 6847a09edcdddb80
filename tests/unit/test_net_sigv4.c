/*
 * Known answers for the signer. data/sigv4/vectors.json holds requests with their canonical form
 * and signature: those under the names of AWS's public signing test suite and of its documentation
 * have the signatures published there, those that begin with "lambda-" were made with botocore.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "net/sigv4.h"
#include "os/fs.h"

#ifndef LPG_DATA_DIR
#define LPG_DATA_DIR "."
#endif

enum { VECTORS_BYTES_MAX = 1 << 20 };

static const char SECRET[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
static const char STAMP[] = "20261123T213000Z";

static const struct sigv4_header HEADERS[] = {
    {"Host", "lambda.eu-west-1.amazonaws.com"},
    {"X-Amz-Date", "20261123T213000Z"},
    {"Content-Type", "application/json"},
};

static struct sigv4_request invoke(void)
{
    return (struct sigv4_request){
        .method = "POST",
        .path = "/2015-03-31/functions/checkout/invocations",
        .query = "Qualifier=live",
        .headers = HEADERS,
        .header_count = ARRAY_LEN(HEADERS),
        .body = "{}",
        .body_length = 2,
        .region = "eu-west-1",
        .service = "lambda",
        .stamp = STAMP,
    };
}

/* --- known answers --- */

static struct sigv4_header *read_headers(const struct json *list, size_t *count)
{
    struct sigv4_header *headers = xcalloc(json_count(list), sizeof *headers);
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        headers[*count].name = json_string(json_path(v, "0"), "");
        headers[*count].value = json_string(json_path(v, "1"), "");
        ++*count;
    }
    return headers;
}

static void check_vector(const struct json *v, struct sigv4_key *key)
{
    size_t count = 0;
    struct sigv4_header *headers = read_headers(json_get(v, "headers"), &count);
    const char *body = json_get_string(v, "body", NULL);
    struct sigv4_request r = {
        .method = json_get_string(v, "method", NULL),
        .path = json_get_string(v, "path", NULL),
        .query = json_get_string(v, "query", NULL),
        .headers = headers,
        .header_count = count,
        .body = body,
        .body_length = strlen(body),
        .region = json_get_string(v, "region", NULL),
        .service = json_get_string(v, "service", NULL),
        .stamp = json_get_string(v, "stamp", NULL),
    };
    struct buf canonical;
    buf_init(&canonical);
    sigv4_canonical_request(&r, &canonical);
    char hex[SHA256_HEX];
    sigv4_signature(&r, json_get_string(v, "secret_key", NULL), key, hex);
    print_message("%s\n", json_get_string(v, "name", "?"));
    assert_string_equal(canonical.data, json_get_string(v, "canonical", NULL));
    assert_string_equal(hex, json_get_string(v, "signature", NULL));
    buf_release(&canonical);
    free(headers);
}

static void test_vectors(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    struct error e = {0};
    int status =
        fs_read(LPG_DATA_DIR "/tests/unit/data/sigv4/vectors.json", VECTORS_BYTES_MAX, &text, &e);
    assert_string_equal(e.text, "");
    assert_int_equal(status, 0);
    struct json *vectors = json_parse(text.data, text.length, &e);
    assert_non_null(vectors);
    assert_int_equal(json_count(vectors), 20);
    struct sigv4_key key = {.scope = ""}; /* one for all: it must notice each change of scope */
    for (const struct json *v = json_first(vectors); v; v = json_next(v))
        check_vector(v, &key);
    sigv4_key_release(&key);
    json_free(vectors);
    buf_release(&text);
}

/*
 * The example of an S3 GET object in the S3 API reference: one encoding, hash of the payload
 * signed.
 */
static void test_s3_example(void **state)
{
    (void)state;
    static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const struct sigv4_header headers[] = {
        {"Host", "examplebucket.s3.amazonaws.com"},
        {"Range", "bytes=0-9"},
        {"x-amz-content-sha256", empty},
        {"x-amz-date", "20130524T000000Z"},
    };
    struct sigv4_request r = {
        .method = "GET",
        .path = "/test.txt",
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .payload_hash = empty,
        .region = "us-east-1",
        .service = "s3",
        .stamp = "20130524T000000Z",
    };
    struct sigv4_credentials c = {"AKIAIOSFODNN7EXAMPLE",
                                  "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};
    struct sigv4_key key = {.scope = ""};
    struct buf out;
    buf_init(&out);
    sigv4_authorization(&r, &c, &key, &out);
    assert_string_equal(
        out.data, "AWS4-HMAC-SHA256 "
                  "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                  "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                  "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    sigv4_key_release(&key);
    buf_release(&out);
}

/* The derived key of the documentation's example. */
static void test_derived_key(void **state)
{
    (void)state;
    struct sigv4_request r = invoke();
    r.stamp = "20150830T123600Z";
    r.region = "us-east-1";
    r.service = "iam";
    unsigned char key[SHA256_BYTES];
    char hex[SHA256_HEX];
    sigv4_signing_key(&r, SECRET, key);
    hash_hex(key, sizeof key, hex);
    assert_string_equal(hex, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

/* --- canonical form --- */

struct canonical_case {
    const char *service, *path, *query;
    const char *canonical; /* path, newline, query */
};

static const struct canonical_case CANONICAL[] = {
    {"lambda", "/", "", "/\n"},
    {"lambda", "", "", "/\n"},
    {"lambda", "/a/b/..", "", "/a\n"},
    {"lambda", "/a/b/../", "", "/a/\n"},
    {"lambda", "/../../a", "", "/a\n"},
    {"lambda", "/a/../..", "", "/\n"},
    {"lambda", "/a/.", "", "/a\n"},
    {"lambda", "/a//b///", "", "/a/b/\n"},
    {"lambda", "/...", "", "/...\n"},
    {"lambda", "/a%3Ab", "", "/a%253Ab\n"},
    {"lambda", "/a:b", "", "/a%3Ab\n"},
    {"lambda", "/a%2e%2e/b", "", "/a%252e%252e/b\n"},
    {"lambda", "/-._~", "", "/-._~\n"},
    {"s3", "/a%3Ab:c", "", "/a%3Ab%3Ac\n"},
    {"s3", "/a//../b", "", "/a//../b\n"},
    {"s3", "/a%2fb/c", "", "/a%2Fb/c\n"},
    {"s3", "/a%zz%", "", "/a%25zz%25\n"},
    {"lambda", "/", "b=2&a=1", "/\na=1&b=2"},
    {"lambda", "/", "a=2&a=1&a", "/\na=&a=1&a=2"},
    {"lambda", "/", "a-b=1&a=2", "/\na=2&a-b=1"}, /* '-' sorts before '=' */
    {"lambda", "/", "a=b=c", "/\na=b%3Dc"},
    {"lambda", "/", "&&a=1&&b&", "/\na=1&b="},
    {"lambda", "/", "=", "/\n="},
    {"lambda", "/", "q=$LATEST", "/\nq=%24LATEST"},
    {"lambda", "/", "q=%24LATEST", "/\nq=%24LATEST"},
    {"lambda", "/", "q=a%2fb+c%20d", "/\nq=a%2Fb%2Bc%20d"},
    {"lambda", "/", "q=%", "/\nq=%25"},
    {"lambda", "/", "q=%4", "/\nq=%254"},
    {"lambda", "/", "B=1&a=1&A=1", "/\nA=1&B=1&a=1"},
};

static void test_canonical_path_and_query(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CANONICAL); i++) {
        const struct canonical_case *c = &CANONICAL[i];
        struct sigv4_request r = invoke();
        r.service = c->service;
        r.path = c->path;
        r.query = c->query;
        r.payload_hash = "HASH";
        struct buf out, expected;
        buf_init(&out);
        buf_init(&expected);
        sigv4_canonical_request(&r, &out);
        buf_addf(&expected,
                 "POST\n%s\ncontent-type:application/json\nhost:lambda.eu-west-1.amazonaws.com\n"
                 "x-amz-date:20261123T213000Z\n\ncontent-type;host;x-amz-date\nHASH",
                 c->canonical);
        assert_string_equal(out.data, expected.data);
        buf_release(&out);
        buf_release(&expected);
    }
}

static void test_many_headers_and_parameters(void **state)
{
    (void)state;
    enum { MANY = 300 };
    struct sigv4_header headers[MANY];
    struct buf query, out;
    buf_init(&query);
    buf_init(&out);
    for (size_t i = 0; i < MANY; i++) {
        headers[i] = (struct sigv4_header){i % 2 ? "X-Amz-B" : "x-amz-a", i < 2 ? "first" : " "};
        buf_addf(&query, "&p%03zu=", MANY - 1 - i);
    }
    struct sigv4_request r = invoke();
    r.headers = headers;
    r.header_count = MANY;
    r.query = query.data;
    sigv4_canonical_request(&r, &out);
    assert_non_null(strstr(out.data, "\np000=&p001=&p002="));
    assert_non_null(strstr(out.data, "&p298=&p299=\nx-amz-a:first,,,"));
    assert_non_null(strstr(out.data, ",\nx-amz-b:first,,,"));
    assert_non_null(strstr(out.data, "\n\nx-amz-a;x-amz-b\n"));
    buf_release(&query);
    buf_release(&out);
}

static void test_encode(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        sigv4_encode(&out, &c, 1, 0);
    }
    /* 66 bytes stand for themselves, the others take three. */
    assert_int_equal(out.length, 66 + 3 * (256 - 66));
    buf_clear(&out);
    sigv4_encode(&out, "/a b/\xff", 6, 1);
    assert_string_equal(out.data, "/a%20b/%FF");
    buf_clear(&out);
    sigv4_encode(&out, "/", 1, 0);
    assert_string_equal(out.data, "%2F");
    buf_release(&out);
}

/* --- the kept key --- */

/* What a signer without a memory gives. */
static void sign_afresh(const struct sigv4_request *r, const char *secret, char hex[SHA256_HEX])
{
    struct sigv4_key fresh = {.scope = ""};
    sigv4_signature(r, secret, &fresh, hex);
    sigv4_key_release(&fresh);
}

static void test_key_is_kept(void **state)
{
    (void)state;
    struct sigv4_key kept = {.scope = ""};
    struct sigv4_request r = invoke();
    char first[SHA256_HEX], again[SHA256_HEX];
    sigv4_signature(&r, SECRET, &kept, first);
    assert_string_equal(kept.scope, "20261123/eu-west-1/lambda/aws4_request");
    sigv4_signature(&r, SECRET, &kept, again);
    assert_string_equal(first, again);

    hasher_set_key(kept.hasher, "x", 1); /* were the key derived anew, this would do no harm */
    sigv4_signature(&r, SECRET, &kept, again);
    assert_string_not_equal(first, again);

    sigv4_key_release(&kept);
    assert_null(kept.hasher);
    assert_string_equal(kept.scope, "");
    sigv4_signature(&r, SECRET, &kept, again);
    assert_string_equal(first, again);
    sigv4_key_release(&kept);
}

/* One row after the other with one kept key; the signatures were made with botocore. */
static const struct {
    const char *stamp, *region, *service, *secret, *signature;
} CHANGES[] = {
    {"20261123T213000Z", "eu-west-1", "lambda", SECRET,
     "43732cb486480bd6110ac051ff220074732369e2d10963f19508a4f4c6f582cd"},
    {"20261123T235959Z", "eu-west-1", "lambda", SECRET,
     "2cf8f18ed88594637934a3bab2ad93c919f972336e8637aa844a2d111508f06e"},
    {"20261124T000000Z", "eu-west-1", "lambda", SECRET,
     "861e4d48c781cc78994b99af7883155f6bcc6a658d5b1a7b59d241eb28160ec3"},
    {"20261123T235959Z", "eu-west-1", "lambda", SECRET,
     "2cf8f18ed88594637934a3bab2ad93c919f972336e8637aa844a2d111508f06e"},
    {"20261123T235959Z", "eu-west-1", "lambda", "another-secret-of-a-new-session",
     "f56c1f153920722b9673e0c330268fd4a4e99f43683b910de0030bfdaa04b693"},
    {"20261123T235959Z", "eu-west-1", "lambda", SECRET,
     "2cf8f18ed88594637934a3bab2ad93c919f972336e8637aa844a2d111508f06e"},
    {"20261123T235959Z", "us-east-1", "lambda", SECRET,
     "36d104a66dfbf61f331ee081409b90f03c820c9609a4c50e2e19052968880bb7"},
    {"20261123T235959Z", "us-east-1", "sts", SECRET,
     "049c026404cec77dab686be2135e570db66997ca20534ae170ee6d3f030085ec"},
    {"20261123T213000Z", "eu-west-1", "lambda", SECRET,
     "43732cb486480bd6110ac051ff220074732369e2d10963f19508a4f4c6f582cd"},
};

static void test_key_is_renewed_with_what_it_follows_from(void **state)
{
    (void)state;
    struct sigv4_key kept = {.scope = ""};
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++) {
        struct sigv4_header headers[ARRAY_LEN(HEADERS)];
        memcpy(headers, HEADERS, sizeof headers);
        headers[1].value = CHANGES[i].stamp;
        struct sigv4_request r = invoke();
        r.headers = headers;
        r.stamp = CHANGES[i].stamp;
        r.region = CHANGES[i].region;
        r.service = CHANGES[i].service;
        char hex[SHA256_HEX], fresh[SHA256_HEX];
        sigv4_signature(&r, CHANGES[i].secret, &kept, hex);
        sign_afresh(&r, CHANGES[i].secret, fresh);
        print_message("row %zu\n", i);
        assert_string_equal(hex, CHANGES[i].signature);
        assert_string_equal(fresh, CHANGES[i].signature);
    }
    sigv4_key_release(&kept);
}

static void test_scope_that_does_not_fit_is_not_kept(void **state)
{
    (void)state;
    char region[400];
    memset(region, 'r', sizeof region - 1);
    region[sizeof region - 1] = '\0';
    struct sigv4_request r = invoke();
    r.region = region;
    struct sigv4_key key = {.scope = ""};
    char first[SHA256_HEX], second[SHA256_HEX];
    sigv4_signature(&r, SECRET, &key, first);
    assert_string_equal(key.scope, "");
    region[398] = 's';
    sigv4_signature(&r, SECRET, &key, second);
    assert_string_not_equal(first, second);
    sigv4_key_release(&key);
}

/* --- the server's half --- */

#define SCOPE "AKID/20261123/eu-west-1/lambda/aws4_request"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_parse(void **state)
{
    (void)state;
    struct sigv4_claim c;
    struct error e = {0};
    assert_int_equal(sigv4_parse("AWS4-HMAC-SHA256 Credential=" SCOPE
                                 ", SignedHeaders=host;x-amz-date, Signature=" HEX64,
                                 &c, &e),
                     0);
    assert_string_equal(c.access_key, "AKID");
    assert_string_equal(c.date, "20261123");
    assert_string_equal(c.region, "eu-west-1");
    assert_string_equal(c.service, "lambda");
    assert_string_equal(c.signed_headers, "host;x-amz-date");
    assert_string_equal(c.signature, HEX64);
    /* No blanks, another order: some clients do. */
    assert_int_equal(sigv4_parse("AWS4-HMAC-SHA256 Signature=" HEX64
                                 ",SignedHeaders=host,Credential=" SCOPE,
                                 &c, &e),
                     0);
    assert_string_equal(c.signed_headers, "host");
}

static const char *const MALFORMED[] = {
    "",
    "Bearer abc",
    "AWS4-HMAC-SHA256",
    "AWS4-HMAC-SHA256 ",
    "AWS4-HMAC-SHA256x Credential=" SCOPE ", SignedHeaders=host, Signature=" HEX64,
    "AWS4-HMAC-SHA1 Credential=" SCOPE ", SignedHeaders=host, Signature=" HEX64,
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host",
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", Signature=" HEX64,
    "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=" HEX64,
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=, Signature=" HEX64,
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=" HEX64 "0",
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=abc",
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=" HEX64
    ", Signature=" HEX64,
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=" HEX64 ", Extra=1",
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=" HEX64 ",",
    "AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-west-1/lambda, SignedHeaders=host, "
    "Signature=" HEX64,
    "AWS4-HMAC-SHA256 Credential=/20261123/eu-west-1/lambda/aws4_request, SignedHeaders=host, "
    "Signature=" HEX64,
    "AWS4-HMAC-SHA256 Credential=AKID/2026112x/eu-west-1/lambda/aws4_request, "
    "SignedHeaders=host, Signature=" HEX64,
    "AWS4-HMAC-SHA256 Credential=AKID/20261123//lambda/aws4_request, SignedHeaders=host, "
    "Signature=" HEX64,
    "AWS4-HMAC-SHA256 Credential=aws4_request, SignedHeaders=host, Signature=" HEX64,
};

static void test_parse_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(MALFORMED); i++) {
        struct sigv4_claim c = {.access_key = "untouched"};
        struct error e = {0};
        assert_int_equal(sigv4_parse(MALFORMED[i], &c, &e), -1);
        assert_int_equal(e.code, ERROR_API);
        assert_string_not_equal(e.text, "");
        assert_string_equal(c.access_key, "untouched");
    }
}

/* What `r` gives when it is signed with SECRET, as a server reads it. */
static struct sigv4_claim claim_of(const struct sigv4_request *r)
{
    struct sigv4_credentials c = {"AKID", SECRET, NULL};
    struct sigv4_key key = {.scope = ""};
    struct buf header;
    buf_init(&header);
    sigv4_authorization(r, &c, &key, &header);
    sigv4_key_release(&key);
    struct sigv4_claim claim;
    struct error e = {0};
    assert_int_equal(sigv4_parse(header.data, &claim, &e), 0);
    buf_release(&header);
    return claim;
}

static void refuse(const struct sigv4_request *r, const struct sigv4_claim *claim, const char *why)
{
    struct error e = {0};
    assert_int_equal(sigv4_verify(r, claim, SECRET, &e), -1);
    assert_int_equal(e.code, ERROR_API);
    if (!strstr(e.text, why))
        fail_msg("'%s' does not say '%s'", e.text, why);
}

static void test_verify(void **state)
{
    (void)state;
    struct sigv4_request r = invoke();
    struct sigv4_claim claim = claim_of(&r);
    const struct sigv4_header arrived[] = {{"accept-encoding", "identity"},
                                           {"content-type", "application/json"},
                                           {"host", "lambda.eu-west-1.amazonaws.com"},
                                           {"user-agent", "x"},
                                           {"x-amz-date", "20261123T213000Z"}};
    r.headers = arrived; /* other case, another order, two that nobody signed */
    r.header_count = ARRAY_LEN(arrived);
    struct error e = {0};
    assert_int_equal(sigv4_verify(&r, &claim, SECRET, &e), 0);
    r.region = NULL;
    r.service = NULL;
    assert_int_equal(sigv4_verify(&r, &claim, SECRET, &e), 0);
    assert_int_equal(sigv4_verify(&r, &claim, "wrong", &e), -1);
}

static void test_verify_refuses_changes(void **state)
{
    (void)state;
    const struct sigv4_request good = invoke();
    const struct sigv4_claim claim = claim_of(&good);
    struct sigv4_request r = good;
    r.body = "{ }";
    r.body_length = 3;
    refuse(&r, &claim, "does not match");
    r = good;
    r.method = "GET";
    refuse(&r, &claim, "does not match");
    r = good;
    r.path = "/2015-03-31/functions/other/invocations";
    refuse(&r, &claim, "does not match");
    r = good;
    r.query = "Qualifier=live&x";
    refuse(&r, &claim, "does not match");
    r = good;
    r.stamp = "20261123T213001Z";
    refuse(&r, &claim, "does not match");
    r = good;
    r.stamp = "20261124T000000Z";
    refuse(&r, &claim, "scoped to 20261123");
    r = good;
    r.region = "us-east-1";
    refuse(&r, &claim, "region 'eu-west-1' instead of 'us-east-1'");
    r = good;
    r.service = "sts";
    refuse(&r, &claim, "service 'lambda' instead of 'sts'");
    r = good;
    r.header_count--; /* content-type is lost on the way */
    refuse(&r, &claim, "'content-type' did not arrive");
}

static void test_verify_wants_what_matters_signed(void **state)
{
    (void)state;
    struct sigv4_request r = invoke();
    r.headers = HEADERS + 1;
    r.header_count = 2;
    struct sigv4_claim claim = claim_of(&r);
    refuse(&r, &claim, "Host");

    const struct sigv4_header added[] = {HEADERS[0], HEADERS[1], {"X-Amz-Log-Type", "Tail"}};
    r.headers = added;
    r.header_count = 2;
    claim = claim_of(&r);
    r.header_count = 3;
    refuse(&r, &claim, "X-Amz-Log-Type");
}

static void test_verify_unsigned_payload(void **state)
{
    (void)state;
    const struct sigv4_header headers[] = {
        HEADERS[0], HEADERS[1], {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"}};
    struct sigv4_request r = invoke();
    r.headers = headers;
    r.header_count = ARRAY_LEN(headers);
    r.payload_hash = "UNSIGNED-PAYLOAD";
    struct sigv4_claim claim = claim_of(&r);
    r.payload_hash = NULL;
    struct error e = {0};
    assert_int_equal(sigv4_verify(&r, &claim, SECRET, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_s3_example),
        cmocka_unit_test(test_derived_key),
        cmocka_unit_test(test_canonical_path_and_query),
        cmocka_unit_test(test_many_headers_and_parameters),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_key_is_kept),
        cmocka_unit_test(test_key_is_renewed_with_what_it_follows_from),
        cmocka_unit_test(test_scope_that_does_not_fit_is_not_kept),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_verify_refuses_changes),
        cmocka_unit_test(test_verify_wants_what_matters_signed),
        cmocka_unit_test(test_verify_unsigned_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
