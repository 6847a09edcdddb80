#include "net/http_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "net/http_sockets.h"
#include "os/clock.h"

/*
 * What a caller must not set: the client does, and two opinions would make two different requests
 * of one.
 */
static const char *const OWN_HEADERS[] = {"Host", "Content-Length", "Transfer-Encoding", "Expect",
                                          "Connection"};

/* How libcurl must be told to send the method and the body. */
enum request_shape { SHAPE_NONE, SHAPE_BARE, SHAPE_HEAD, SHAPE_BODY };

enum {
    BODY_CAP = 1 << 20,
    HEADER_BYTES_MAX = 64 * 1024,
    HEADER_LINES_MAX = 200,
    KEPT_BODY_BYTES = 256 * 1024, /* larger answers give their memory back */
    METHOD_MAX = 16,
    EXPECT_BYTES = 1024, /* below, no libcurl asks before it sends a body */
    CONNECT_TIMEOUT_MS = 5000,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 15,
};

#define TIMEOUT_NS (30 * NS_PER_S)

/* --- what comes back --- */

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t length = size * count;
    if (!t->response.first_byte_ns)
        t->response.first_byte_ns = clock_now_ns();
    if (memchr(line, '\0', length)) /* older libcurl takes that */
        return 0;
    t->header_bytes += length;
    t->header_lines++;
    if (t->header_bytes > HEADER_BYTES_MAX || t->header_lines > HEADER_LINES_MAX) {
        t->stop = STOP_TOO_LARGE;
        return 0;
    }
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        buf_clear(&t->response.headers); /* what came before belonged to an interim answer */
        t->head_whole = false;
    } else if (length > 2 || (line[0] != '\r' && line[0] != '\n')) {
        buf_add(&t->response.headers, line, length);
    } else {
        t->head_whole = true;
    }
    return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    buf_add(&t->response.body, bytes, size * count);
    if (!t->response.body.overflow)
        return size * count;
    t->stop = STOP_TOO_LARGE;
    return 0;
}

#if LIBCURL_VERSION_NUM >= 0x075000
enum { ATTEMPTS_AT_START = 0 };

/*
 * libcurl calls this when it is about to send. It sends again, up to five times, when a connection
 * that it reuses dies before the answer begins; the second call is the sign of that, and the place
 * to refuse.
 */
static int on_ready(void *context, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    struct transfer *t = context;
    return t->attempts++ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}
#else
enum { ATTEMPTS_AT_START = 1 }; /* the only one, see send_once() */
#endif

/* A call of a function must not happen twice because a connection died. */
static void send_once(struct transfer *t)
{
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_ready);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
#else
    /* Before 7.80 it cannot be refused; but only what goes over a used connection is sent again. */
    curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
#endif
}

/* --- birth and death --- */

static void set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTPS);
#endif
}

static void set_security(CURL *easy, const struct transfer_settings *s)
{
    set_protocols(easy);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (s->ca_bundle)
        curl_easy_setopt(easy, CURLOPT_CAINFO, s->ca_bundle);
}

static void set_transport(CURL *easy, const struct transfer_settings *s)
{
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* what was signed is what is sent */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_SHARE, s->share);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_sockets_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, s->sockets);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_sockets_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, s->sockets);
}

static void set_callbacks(struct transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error_text);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    send_once(t);
}

struct transfer *transfer_new(const struct transfer_settings *s, struct error *e)
{
    CURL *easy = curl_easy_init();
    CURLU *parsed = curl_url();
    if (!easy || !parsed) {
        curl_easy_cleanup(easy);
        curl_url_cleanup(parsed);
        error_set(e, ERROR_SYSTEM, "libcurl cannot start a request");
        return NULL;
    }
    struct transfer *t = xcalloc(1, sizeof *t);
    t->easy = easy;
    t->parsed = parsed;
    http_target_init(&t->target);
    buf_init(&t->url);
    buf_init(&t->method);
    buf_init(&t->lines);
    buf_init(&t->response.body);
    buf_init(&t->response.headers);
    set_security(easy, s);
    set_transport(easy, s);
    set_callbacks(t);
    return t;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->easy);
    curl_url_cleanup(t->parsed);
    http_target_release(&t->target);
    buf_release(&t->url);
    buf_release(&t->method);
    buf_release(&t->lines);
    http_response_release(&t->response);
    free(t->nodes);
    free(t->signed_headers);
    free(t);
}

/* --- what goes out --- */

static bool is_token(const char *text)
{
    static const char others[] = "!#$%&'*+.^_`|~";
    for (const char *p = text; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '-';
        if (!letter && !(*p >= '0' && *p <= '9') && !strchr(others, *p))
            return false;
    }
    return *text != '\0';
}

static int check_header(const struct sigv4_header *h, struct error *e)
{
    if (!is_token(h->name))
        return error_set(e, ERROR_USAGE, "'%s' is not the name of a header", h->name);
    if (strpbrk(h->value, "\r\n"))
        return error_set(e, ERROR_USAGE, "the value of header %s holds a line break", h->name);
    for (size_t i = 0; i < ARRAY_LEN(OWN_HEADERS); i++)
        if (strcasecmp(h->name, OWN_HEADERS[i]) == 0)
            return error_set(e, ERROR_USAGE, "header %s is set by the client itself", h->name);
    return 0;
}

static int check_request(const struct http_request *r, const struct http_target *target,
                         struct error *e)
{
    if (!target->https && !target->loopback && !(target->metadata && r->metadata_service))
        return error_set(e, ERROR_USAGE, "plain http is for loopback only; use https");
    if (!is_token(r->method) || strlen(r->method) > METHOD_MAX)
        return error_set(e, ERROR_USAGE, "'%s' is not an HTTP method", r->method);
    for (size_t i = 0; i < r->header_count; i++)
        if (check_header(&r->headers[i], e))
            return -1;
    return 0;
}

static void add_line(struct transfer *t, const char *name, const char *separator, const char *value)
{
    buf_addstr(&t->lines, name);
    buf_addstr(&t->lines, separator);
    buf_addstr(&t->lines, value);
    buf_addch(&t->lines, '\0');
    t->line_count++;
}

static void add_header(struct transfer *t, const char *name, const char *value)
{
    /* To libcurl "Name:" means "leave it out"; "Name;" is how an empty value is sent. */
    add_line(t, name, *value ? ": " : ";", value);
}

static void add_signed(struct transfer *t, const char *name, const char *value)
{
    struct sigv4_header *h = ARRAY_PUSH(t->signed_headers, t->signed_count, t->signed_capacity);
    h->name = name;
    h->value = value;
}

static void add_caller_headers(struct transfer *t, const struct http_request *r)
{
    bool typed = false;
    for (size_t i = 0; i < r->header_count; i++) {
        const struct sigv4_header *h = &r->headers[i];
        bool is_type = strcasecmp(h->name, "content-type") == 0;
        typed = typed || is_type;
        add_header(t, h->name, h->value);
        if (r->signing && (is_type || strncasecmp(h->name, "x-amz-", 6) == 0))
            add_signed(t, h->name, h->value);
    }
    if (r->body_length >= EXPECT_BYTES)
        add_line(t, "Expect", ":", ""); /* or libcurl waits up to a second before it sends it */
    if (!typed)
        add_line(t, "Content-Type", ":", ""); /* or libcurl calls it a web form */
    add_line(t, "Accept", ":", "");           /* of any kind, which needs no saying */
}

static void refresh_stamp(struct transfer_signer *s, int64_t skew_ns)
{
    uint64_t now = clock_wall_ns() + (uint64_t)skew_ns;
    if (now / NS_PER_S == s->stamp_second)
        return;
    s->stamp_second = now / NS_PER_S;
    clock_stamp_basic(now, s->stamp);
}

static void add_signature(struct transfer *t, const struct http_request *r,
                          struct transfer_signer *signer)
{
    const struct http_signing *s = r->signing;
    char computed[SHA256_HEX];
    refresh_stamp(signer, s->skew_ns);
    if (!r->body_sha256)
        hash_sha256_hex(r->body, r->body_length, computed);
    const char *hash = r->body_sha256 ? r->body_sha256 : computed;
    size_t first = t->signed_count;
    add_signed(t, "x-amz-date", signer->stamp);
    if (s->credentials->session_token)
        add_signed(t, "x-amz-security-token", s->credentials->session_token);
    if (strcmp(s->service, "s3") == 0)
        add_signed(t, "x-amz-content-sha256", hash);
    for (size_t i = first; i < t->signed_count; i++)
        add_header(t, t->signed_headers[i].name, t->signed_headers[i].value);
    add_signed(t, "host", t->target.host); /* which libcurl sends of its own accord */
    struct sigv4_request signable = {
        .method = r->method,
        .path = t->target.path,
        .query = t->target.query,
        .headers = t->signed_headers,
        .header_count = t->signed_count,
        .payload_hash = hash,
        .region = s->region,
        .service = s->service,
        .stamp = signer->stamp,
    };
    buf_addstr(&t->lines, "Authorization: ");
    sigv4_authorization(&signable, s->credentials, &signer->key, &t->lines);
    buf_addch(&t->lines, '\0');
    t->line_count++;
}

/* Gives libcurl its list, with no allocation: one node for each string in `lines`. */
static void link_lines(struct transfer *t)
{
    t->nodes = array_reserve(t->nodes, &t->node_capacity, t->line_count, sizeof *t->nodes);
    char *line = t->lines.data;
    for (size_t i = 0; i < t->line_count; i++) {
        t->nodes[i].data = line;
        t->nodes[i].next = i + 1 < t->line_count ? &t->nodes[i + 1] : NULL;
        line += strlen(line) + 1;
    }
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->nodes);
}

/*
 * Gives libcurl the URL, as text and, so that it need not read and compose it anew for each
 * request, in parts too.
 */
static int set_url(struct transfer *t, const char *url, struct error *e)
{
    if (http_target_read(&t->target, url, e))
        return -1;
    buf_clear(&t->url);
    if (curl_url_set(t->parsed, CURLUPART_URL, url, CURLU_PATH_AS_IS) != CURLUE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_CURLU, t->parsed) != CURLE_OK)
        return error_set(e, ERROR_USAGE, "libcurl does not accept the URL");
    buf_addstr(&t->url, url);
    return 0;
}

/* Whether the setting is another one than before; it is then remembered. */
static bool changed(struct buf *setting, const char *value)
{
    if (setting->length && strcmp(setting->data, value) == 0)
        return false;
    buf_clear(setting);
    buf_addstr(setting, value);
    return true;
}

static void set_shape(struct transfer *t, enum request_shape shape)
{
    if (t->shape == (int)shape)
        return;
    if (t->shape == SHAPE_HEAD)
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 0L);
    if (shape == SHAPE_HEAD) {
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    } else if (shape == SHAPE_BARE) {
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
        curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
    }
    t->shape = (int)shape;
}

static void set_method(struct transfer *t, const struct http_request *r)
{
    bool head = strcmp(r->method, "HEAD") == 0;
    bool bare =
        !r->body_length && (strcmp(r->method, "GET") == 0 || strcmp(r->method, "DELETE") == 0);
    set_shape(t, head ? SHAPE_HEAD : bare ? SHAPE_BARE : SHAPE_BODY);
    if (t->shape == SHAPE_BODY) {
        const void *body = r->body_length ? r->body : "";
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_length);
    }
    if (changed(&t->method, r->method))
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

/*
 * Loopback and metadata addresses are never reached through a proxy, whatever the environment says.
 */
static void set_proxy(struct transfer *t)
{
    bool direct = t->target.loopback || t->target.metadata;
    if (direct == t->direct)
        return;
    curl_easy_setopt(t->easy, CURLOPT_PROXY, direct ? "" : NULL);
    curl_easy_setopt(t->easy, CURLOPT_NOPROXY,
                     direct ? "*" : NULL); /* or it asks the environment */
    t->direct = direct;
}

static void reset(struct transfer *t, const struct http_request *r)
{
    t->lines.length = 0;
    t->line_count = 0;
    t->signed_count = 0;
    t->attempts = ATTEMPTS_AT_START;
    t->header_bytes = 0;
    t->header_lines = 0;
    t->head_whole = false;
    t->stop = STOP_NONE;
    t->result = CURLE_OK;
    t->error_text[0] = '\0';
    struct http_response *out = &t->response;
    if (out->body.capacity > KEPT_BODY_BYTES)
        buf_release(&out->body);
    buf_clear(&out->body);
    buf_clear(&out->headers);
    out->body.cap = r->body_cap ? r->body_cap : BODY_CAP;
    out->status = 0;
    out->reason[0] = '\0';
    out->sent_ns = clock_now_ns();
    out->first_byte_ns = 0;
    out->done_ns = 0;
    t->deadline_ns = out->sent_ns + (r->timeout_ns ? r->timeout_ns : TIMEOUT_NS);
}

int transfer_prepare(struct transfer *t, const struct http_request *r,
                     struct transfer_signer *signer, struct error *e)
{
    bool same_url = t->url.length && strcmp(t->url.data, r->url) == 0;
    if ((!same_url && set_url(t, r->url, e)) || check_request(r, &t->target, e))
        return -1;
    reset(t, r);
    add_caller_headers(t, r);
    if (r->signing)
        add_signature(t, r, signer);
    link_lines(t);
    set_method(t, r);
    set_proxy(t);
    return 0;
}

/* --- how it ended --- */

/*
 * Whether a byte of the request may have left. After a second attempt nobody can tell about the
 * first.
 */
static bool may_be_sent(const struct transfer *t)
{
    long request_bytes = 0;
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    return t->attempts > 1 || (t->attempts == 1 && request_bytes > 0);
}

static enum http_outcome outcome_of(const struct transfer *t)
{
    switch (t->stop) {
    case STOP_TOO_LARGE:
        return HTTP_TOO_LARGE;
    case STOP_CANCELLED:
        return HTTP_CANCELLED;
    case STOP_DEADLINE:
        return may_be_sent(t) ? HTTP_TIMEOUT : HTTP_NOT_SENT;
    case STOP_NONE:
        break;
    }
    if (t->result == CURLE_OK && t->head_whole)
        return HTTP_ANSWERED;
    return may_be_sent(t) ? HTTP_LOST : HTTP_NOT_SENT;
}

static const char *reason_of(const struct transfer *t)
{
    switch (t->stop) {
    case STOP_TOO_LARGE:
        return "the answer is larger than allowed";
    case STOP_CANCELLED:
        return "cancelled";
    case STOP_DEADLINE:
        return t->response.outcome == HTTP_TIMEOUT ? "no whole answer before the deadline"
                                                   : "the deadline passed before it could be sent";
    case STOP_NONE:
        break;
    }
    if (t->attempts > 1)
        return "the connection was closed before an answer came; not sent again";
    if (t->result == CURLE_OK)
        return "the connection was closed within the head of the answer";
    return t->error_text[0] ? t->error_text : curl_easy_strerror(t->result);
}

void transfer_judge(struct transfer *t)
{
    struct http_response *out = &t->response;
    out->done_ns = clock_now_ns();
    out->outcome = outcome_of(t);
    if (out->outcome == HTTP_ANSWERED) {
        long status = 0;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        out->status = (int)status;
        return;
    }
    snprintf(out->reason, sizeof out->reason, "%.*s", (int)sizeof out->reason - 1, reason_of(t));
}
