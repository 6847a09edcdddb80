#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"

/* The example messages that NIST publishes for FIPS 180-4. */
static void sha256_of_the_standard_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[SHA256_HEX];
    struct hasher *kept = hasher_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        hash_sha256_hex(rows[i].text, strlen(rows[i].text), hex);
        assert_string_equal(hex, rows[i].wanted);
        unsigned char digest[SHA256_BYTES];
        for (int again = 0; again < 2; again++) {
            hasher_sha256(kept, rows[i].text, strlen(rows[i].text), digest);
            hash_hex(digest, sizeof digest, hex);
            assert_string_equal(hex, rows[i].wanted);
        }
    }
    hasher_free(kept);
    hash_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, rows[0].wanted);
    char *million = xmalloc(1000000);
    memset(million, 'a', 1000000);
    hash_sha256_hex(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

/* One for all cases, so that a key that is not wholly replaced shows. */
static struct hasher *keyed;

static void check_hmac(const void *key, size_t key_length, const void *data, size_t length,
                       const char *wanted)
{
    unsigned char mac[SHA256_BYTES];
    char hex[SHA256_HEX];
    hash_hmac_sha256(key, key_length, data, length, mac);
    hash_hex(mac, sizeof mac, hex);
    assert_string_equal(hex, wanted);
    hasher_set_key(keyed, key, key_length);
    for (int again = 0; again < 2; again++) {
        hasher_hmac(keyed, data, length, mac);
        hash_hex(mac, sizeof mac, hex);
        assert_string_equal(hex, wanted);
    }
}

/* RFC 4231, section 4 (case 5 is about truncation). */
static void hmac_of_the_standard_cases(void **state)
{
    (void)state;
    unsigned char key[131], data[50];
    keyed = hasher_new();
    memset(key, 0x0b, 20);
    check_hmac(key, 20, "Hi There", 8,
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_hmac("Jefe", 4, "what do ya want for nothing?", 28,
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    check_hmac(key, 20, data, 50,
               "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (unsigned char i = 0; i < 25; i++)
        key[i] = (unsigned char)(i + 1);
    memset(data, 0xcd, sizeof data);
    check_hmac(key, 25, data, 50,
               "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    memset(key, 0xaa, sizeof key);
    static const char long_key[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    check_hmac(key, 131, long_key, sizeof long_key - 1,
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    static const char both[] =
        "This is a test using a larger than block-size key and a larger than block-size data. "
        "The key needs to be hashed before being used by the HMAC algorithm.";
    check_hmac(key, 131, both, sizeof both - 1,
               "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
    check_hmac(NULL, 0, NULL, 0,
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    hasher_free(keyed);
}

static void hasher_without_a_key_has_the_empty_one(void **state)
{
    (void)state;
    struct hasher *h = hasher_new();
    unsigned char mac[SHA256_BYTES], digest[SHA256_BYTES];
    char hex[SHA256_HEX];
    for (int again = 0; again < 2; again++) { /* hashing in between leaves the key alone */
        hasher_hmac(h, NULL, 0, mac);
        hash_hex(mac, sizeof mac, hex);
        assert_string_equal(hex,
                            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
        hasher_sha256(h, "abc", 3, digest);
    }
    hasher_free(h);
    hasher_free(NULL);
}

static void wiped_bytes_are_gone(void **state)
{
    (void)state;
    char secret[] = "secret";
    hash_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++)
        assert_int_equal(secret[i], 0);
}

static void hex_has_two_digits_a_byte(void **state)
{
    (void)state;
    char hex[9];
    hash_hex("\x00\x0f\xf0\xff", 4, hex);
    assert_string_equal(hex, "000ff0ff");
    hash_hex("", 0, hex);
    assert_string_equal(hex, "");
}

/* RFC 4648, section 10, and bytes that need '+' and '/'. */
static const struct {
    const char *plain, *coded;
} base64_rows[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+"},
};

static void base64_of_the_standard_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(base64_rows); i++) {
        struct buf b;
        buf_init(&b);
        base64_encode(&b, base64_rows[i].plain, strlen(base64_rows[i].plain));
        assert_string_equal(b.data, base64_rows[i].coded);
        buf_clear(&b);
        assert_int_equal(
            base64_decode(&b, base64_rows[i].coded, strlen(base64_rows[i].coded), NULL), 0);
        assert_string_equal(b.data, base64_rows[i].plain);
        buf_release(&b);
    }
}

static void base64_of_all_bytes_and_back(void **state)
{
    (void)state;
    unsigned char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    for (size_t length = 250; length <= sizeof bytes; length++) {
        struct buf coded, plain;
        buf_init(&coded);
        buf_init(&plain);
        base64_encode(&coded, bytes, length);
        assert_int_equal(coded.length, (length + 2) / 3 * 4);
        assert_int_equal(base64_decode(&plain, coded.data, coded.length, NULL), 0);
        assert_int_equal(plain.length, length);
        assert_memory_equal(plain.data, bytes, length);
        buf_release(&coded);
        buf_release(&plain);
    }
}

static void bad_base64_is_refused_and_leaves_the_output(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",
        "Zg",
        "Zg=",
        "Zm9v\n",
        "Zm9vZg==Zg==",
        "Zg==Zm9v",
        "====",
        "Z===",
        "Zg=a",
        "Zm9 ",
        "Zm-_",
        "Zh==",
        "Zm9=",
        "=Zm9",
        "Zm9v====",
        "\xc3\xa9\xc3\xa9",
    };
    struct buf b;
    buf_init(&b);
    buf_addstr(&b, "before");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error e = {0};
        if (base64_decode(&b, bad[i], strlen(bad[i]), &e) != -1)
            fail_msg("'%s' was accepted", bad[i]);
        assert_int_equal(e.code, ERROR_INPUT);
        assert_non_null(strstr(e.text, "not base64"));
        assert_string_equal(b.data, "before");
    }
    buf_release(&b);
}

static void random_bytes_fill_the_whole_length(void **state)
{
    (void)state;
    enum { LENGTH = 1000 };
    unsigned char seen[LENGTH] = {0}, bytes[LENGTH + 1];
    for (int round = 0; round < 8; round++) { /* a byte stays 0 eight times: once in 2^64 */
        bytes[LENGTH] = 0x5a;
        hash_random(bytes, LENGTH);
        assert_int_equal(bytes[LENGTH], 0x5a);
        for (size_t i = 0; i < LENGTH; i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < LENGTH; i++)
        assert_int_not_equal(seen[i], 0);
    hash_random(bytes, 0);
}

static void equal_compares_all_bytes(void **state)
{
    (void)state;
    assert_int_equal(hash_equal("abc", "abc", 3), 1);
    assert_int_equal(hash_equal("abc", "abd", 3), 0);
    assert_int_equal(hash_equal("xbc", "abc", 3), 0);
    assert_int_equal(hash_equal("abc", "abd", 2), 1);
    assert_int_equal(hash_equal("", "x", 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_the_standard_messages),
        cmocka_unit_test(hmac_of_the_standard_cases),
        cmocka_unit_test(hasher_without_a_key_has_the_empty_one),
        cmocka_unit_test(wiped_bytes_are_gone),
        cmocka_unit_test(hex_has_two_digits_a_byte),
        cmocka_unit_test(base64_of_the_standard_vectors),
        cmocka_unit_test(base64_of_all_bytes_and_back),
        cmocka_unit_test(bad_base64_is_refused_and_leaves_the_output),
        cmocka_unit_test(random_bytes_fill_the_whole_length),
        cmocka_unit_test(equal_compares_all_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
