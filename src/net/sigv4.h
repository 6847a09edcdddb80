/*
 * sigv4.h - AWS Signature Version 4 as pure functions, for both directions: a client signs, a
 * server verifies.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * Nothing here reads a clock or sends anything. Each stage of the algorithm can be called alone.
 */
#ifndef LPG_NET_SIGV4_H
#define LPG_NET_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"

struct sigv4_credentials {
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* NULL: long-lived keys */
};

struct sigv4_header {
    const char *name; /* any case */
    const char *value;
};

struct sigv4_request {
    const char *method;
    const char *path;  /* as sent, percent-encoded where the sender did so; begins with '/' */
    const char *query; /* as sent, without '?'; NULL or "" for none */
    /* all that are to be signed, `host` and `x-amz-date` among them */
    const struct sigv4_header *headers;
    size_t header_count;
    const void *body;
    size_t body_length;
    /* overrides the body's SHA-256, e.g. "UNSIGNED-PAYLOAD"; NULL: computed */
    const char *payload_hash;
    const char *region;
    const char *service; /* "lambda", "sts", "s3": S3's path is encoded once, all others' twice */
    const char *stamp;   /* "20261123T213000Z" */
};

/*
 * What one signer keeps from request to request: the signing key, whose derivation costs four
 * HMACs, and warm hash contexts. All that the key follows from (day, region, service and secret) is
 * compared at each use, so that it never outlives them; an access key has no part in it. Starts as
 * {.scope = ""}.
 */
struct sigv4_key {
    char scope[160]; /* "20261123/eu-west-1/lambda/aws4_request"; "" when nothing is kept */
    unsigned char secret_hash[SHA256_BYTES];
    struct hasher *hasher; /* holds the signing key; NULL before the first use */
};

/* Wipes the key; it may be used again. */
void sigv4_key_release(struct sigv4_key *key);

/* Stage 1: the canonical request. */
void sigv4_canonical_request(const struct sigv4_request *r, struct buf *out);
/* Stage 2: the string to sign. */
void sigv4_string_to_sign(const struct sigv4_request *r, const char *canonical, size_t length,
                          struct buf *out);
/* Stage 3: the signing key of the request's day, region and service. */
void sigv4_signing_key(const struct sigv4_request *r, const char *secret_key,
                       unsigned char key[SHA256_BYTES]);
/*
 * Stage 4: the signature in hexadecimal; `key` is derived anew only when day, region, service or
 * secret changed.
 */
void sigv4_signature(const struct sigv4_request *r, const char *secret_key, struct sigv4_key *key,
                     char hex[SHA256_HEX]);
/* All of it: the value of the Authorization header. */
void sigv4_authorization(const struct sigv4_request *r, const struct sigv4_credentials *c,
                         struct sigv4_key *key, struct buf *out);

/* The parts of an Authorization header. */
struct sigv4_claim {
    char access_key[132];
    char date[9];
    char region[64];
    char service[32];
    char signed_headers[2048]; /* "content-type;host;x-amz-date" */
    char signature[SHA256_HEX];
};
/* Reads an Authorization header; ERROR_API when it is not a well-formed AWS4-HMAC-SHA256 one. */
int sigv4_parse(const char *authorization, struct sigv4_claim *claim, struct error *e);
/*
 * Whether `claim` is what `secret_key` gives for this request, whose headers are all headers that
 * arrived and whose stamp is the x-amz-date one. A region or service of NULL accepts any. Host and
 * every x-amz-* header must be signed; "x-amz-content-sha256: UNSIGNED-PAYLOAD" is honoured. How
 * old a stamp may be is the caller's business.
 */
int sigv4_verify(const struct sigv4_request *r, const struct sigv4_claim *claim,
                 const char *secret_key, struct error *e);

/* Percent-encodes all but the unreserved characters of RFC 3986; '/' stays when `keep_slash`. */
void sigv4_encode(struct buf *out, const char *text, size_t length, int keep_slash);

#endif
