/*
 * hash.h - SHA-256, HMAC, hexadecimal and base64; the only owner of libcrypto.
 */
#ifndef LPG_BASE_HASH_H
#define LPG_BASE_HASH_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 65 /* with the NUL */ };

void hash_sha256(const void *bytes, size_t length, unsigned char digest[SHA256_BYTES]);
void hash_sha256_hex(const void *bytes, size_t length, char hex[SHA256_HEX]);
void hash_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                      unsigned char mac[SHA256_BYTES]);

/*
 * The same two, with what can be kept between messages kept: for whoever signs thousands of short
 * messages, where the one-shot functions spend most of their time preparing. Used by one thread at
 * a time.
 *
 *     struct hasher *h = hasher_new();
 *     hasher_set_key(h, key, sizeof key);
 *     hasher_hmac(h, text, length, mac);      as often as needed
 *     hasher_free(h);                         wipes the key
 */
struct hasher;

struct hasher *hasher_new(void);
void hasher_free(struct hasher *h);
void hasher_sha256(struct hasher *h, const void *bytes, size_t length,
                   unsigned char digest[SHA256_BYTES]);
/* The key of the HMACs from now on, of any length; it is not kept, only what follows from it. */
void hasher_set_key(struct hasher *h, const void *key, size_t length);
/* With the empty key when none was set. */
void hasher_hmac(struct hasher *h, const void *bytes, size_t length,
                 unsigned char mac[SHA256_BYTES]);

/* Lower-case hexadecimal; `hex` holds 2 * length + 1 bytes. */
void hash_hex(const void *bytes, size_t length, char *hex);

/* RFC 4648, with padding, no line breaks. */
void base64_encode(struct buf *out, const void *bytes, size_t length);
/* -1 when the text is not base64 of that form; `out` is then untouched. */
int base64_decode(struct buf *out, const char *text, size_t length, struct error *e);

/* Bytes from the operating system's generator, for keys and delimiters. */
void hash_random(void *bytes, size_t length);
/* 1 when the bytes are equal, else 0; takes the same time wherever the difference is. */
int hash_equal(const void *a, const void *b, size_t length);
/* Overwrites a secret that is no longer needed; the compiler cannot leave it out. */
void hash_wipe(void *bytes, size_t length);

#endif
