#include "base/hash.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/mem.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum {
    ENTROPY_MAX = 256, /* getentropy() gives no more at a time */
    SHA256_BLOCK = 64,
};

/* Contexts that are copied to `work` for each message, which spares libcrypto's preparations. */
struct hasher {
    EVP_MD_CTX *work;
    EVP_MD_CTX *empty; /* before the first byte */
    EVP_MD_CTX *inner; /* after the first block of HMAC's inner hash, */
    EVP_MD_CTX *outer; /* and of its outer one: RFC 2104, section 4 */
};

void hash_sha256(const void *bytes, size_t length, unsigned char digest[SHA256_BYTES])
{
    if (!SHA256(length ? bytes : "", length, digest))
        abort(); /* only when libcrypto itself is broken; a wrong hash must not be used */
}

void hash_hex(const void *bytes, size_t length, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < length; i++) {
        hex[2 * i] = digits[p[i] >> 4];
        hex[2 * i + 1] = digits[p[i] & 15];
    }
    hex[2 * length] = '\0';
}

void hash_sha256_hex(const void *bytes, size_t length, char hex[SHA256_HEX])
{
    unsigned char digest[SHA256_BYTES];
    hash_sha256(bytes, length, digest);
    hash_hex(digest, sizeof digest, hex);
}

void hash_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                      unsigned char mac[SHA256_BYTES])
{
    const void *k = key_length ? key : "";
    const void *data = length ? bytes : "";
    if (!HMAC(EVP_sha256(), k, (int)key_length, data, length, mac, NULL))
        abort();
}

/* As for the one-shot functions: libcrypto fails here only when it is broken. */
static void must(int ok)
{
    if (!ok)
        abort();
}

static EVP_MD_CTX *new_context(void)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    must(c != NULL);
    return c;
}

struct hasher *hasher_new(void)
{
    struct hasher *h = xcalloc(1, sizeof *h);
    h->work = new_context();
    h->empty = new_context();
    h->inner = new_context();
    h->outer = new_context();
    must(EVP_DigestInit_ex(h->empty, EVP_sha256(), NULL));
    hasher_set_key(h, "", 0);
    return h;
}

void hasher_free(struct hasher *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->work); /* libcrypto wipes the states of its contexts */
    EVP_MD_CTX_free(h->empty);
    EVP_MD_CTX_free(h->inner);
    EVP_MD_CTX_free(h->outer);
    free(h);
}

static void hash_from(struct hasher *h, const EVP_MD_CTX *state, const void *bytes, size_t length,
                      unsigned char digest[SHA256_BYTES])
{
    must(EVP_MD_CTX_copy_ex(h->work, state));
    must(EVP_DigestUpdate(h->work, length ? bytes : "", length));
    must(EVP_DigestFinal_ex(h->work, digest, NULL));
}

void hasher_sha256(struct hasher *h, const void *bytes, size_t length,
                   unsigned char digest[SHA256_BYTES])
{
    hash_from(h, h->empty, bytes, length, digest);
}

/* The state after the key's block, each of its bytes xored with `pad`. */
static void begin_hmac(const struct hasher *h, EVP_MD_CTX *state,
                       const unsigned char key[SHA256_BLOCK], unsigned char pad)
{
    unsigned char block[SHA256_BLOCK];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = key[i] ^ pad;
    must(EVP_MD_CTX_copy_ex(state, h->empty));
    must(EVP_DigestUpdate(state, block, sizeof block));
    hash_wipe(block, sizeof block);
}

void hasher_set_key(struct hasher *h, const void *key, size_t length)
{
    unsigned char block[SHA256_BLOCK] = {0};
    if (length > sizeof block)
        hasher_sha256(h, key, length, block);
    else if (length)
        memcpy(block, key, length);
    begin_hmac(h, h->inner, block, 0x36);
    begin_hmac(h, h->outer, block, 0x5c);
    hash_wipe(block, sizeof block);
}

void hasher_hmac(struct hasher *h, const void *bytes, size_t length,
                 unsigned char mac[SHA256_BYTES])
{
    unsigned char digest[SHA256_BYTES];
    hash_from(h, h->inner, bytes, length, digest);
    hash_from(h, h->outer, digest, sizeof digest, mac);
}

void base64_encode(struct buf *out, const void *bytes, size_t length)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)p[i] << 16;
        if (left > 1)
            group |= (uint32_t)p[i + 1] << 8;
        if (left > 2)
            group |= p[i + 2];
        char quad[4] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63], '=', '='};
        if (left > 1)
            quad[2] = base64_digits[group >> 6 & 63];
        if (left > 2)
            quad[3] = base64_digits[group & 63];
        buf_add(out, quad, sizeof quad);
    }
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Bytes that four digits hold, 0 when they are not base64. Padding must leave no bit over. */
static size_t decode_quad(const char *quad, unsigned char bytes[3])
{
    size_t digits = quad[3] != '=' ? 4 : quad[2] != '=' ? 3 : 2;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < digits ? digit_value(quad[i]) : 0;
        if (value < 0)
            return 0;
        group = group << 6 | (uint32_t)value;
    }
    if (group & (digits == 3 ? 0xffu : digits == 2 ? 0xffffu : 0))
        return 0;
    bytes[0] = (unsigned char)(group >> 16);
    bytes[1] = (unsigned char)(group >> 8 & 0xff);
    bytes[2] = (unsigned char)(group & 0xff);
    return digits - 1;
}

int base64_decode(struct buf *out, const char *text, size_t length, struct error *e)
{
    if (length % 4)
        return error_set(e, ERROR_INPUT, "not base64: %zu characters are no multiple of four",
                         length);
    size_t before = out->length;
    for (size_t i = 0; i < length; i += 4) {
        unsigned char bytes[3];
        size_t count = decode_quad(text + i, bytes);
        if (!count || (count < 3 && i + 4 < length)) {
            buf_truncate(out, before);
            return error_set(e, ERROR_INPUT, "not base64: wrong character near byte %zu", i);
        }
        buf_add(out, bytes, count);
    }
    return 0;
}

void hash_random(void *bytes, size_t length)
{
    unsigned char *p = bytes;
    while (length) {
        size_t part = length < ENTROPY_MAX ? length : ENTROPY_MAX;
        if (getentropy(p, part))
            abort(); /* a guessable secret is worse than none */
        p += part;
        length -= part;
    }
}

int hash_equal(const void *a, const void *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}

void hash_wipe(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}
