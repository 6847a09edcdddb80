#include "net/http_target.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/*
 * Container credentials (ECS, EKS) and instance metadata: plain http by definition, never routed.
 */
static const char *const METADATA_HOSTS[] = {
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]", "[fd00:ec2::23]",
};

enum { HOST_MAX = 253, PORT_MAX = 65535 };

struct authority {
    char host[HOST_MAX + 3]; /* with the brackets of an IPv6 literal */
    unsigned port;           /* 0: none given */
};

void http_target_init(struct http_target *t)
{
    *t = (struct http_target){.host = "", .path = "/", .query = ""};
    buf_init(&t->text);
}

void http_target_release(struct http_target *t)
{
    buf_release(&t->text);
}

static int bad_url(struct error *e, const char *what)
{
    return error_set(e, ERROR_USAGE, "the URL %s", what);
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* "[::1]": rewritten in its shortest form, as libcurl does before it sends the Host header. */
static int read_ipv6(const char *text, size_t length, char *host)
{
    char literal[INET6_ADDRSTRLEN];
    unsigned char address[16];
    if (length < 4 || length - 2 >= sizeof literal || text[length - 1] != ']')
        return -1;
    memcpy(literal, text + 1, length - 2);
    literal[length - 2] = '\0';
    if (inet_pton(AF_INET6, literal, address) != 1 ||
        !inet_ntop(AF_INET6, address, host + 1, INET6_ADDRSTRLEN))
        return -1;
    size_t used = strlen(host + 1) + 1;
    host[0] = '[';
    host[used] = ']';
    host[used + 1] = '\0';
    return 0;
}

static int read_host(const char *text, size_t length, char *host, struct error *e)
{
    if (length && text[0] == '[')
        return read_ipv6(text, length, host) ? bad_url(e, "has an invalid IPv6 address") : 0;
    for (size_t i = 0; i < length; i++)
        if (!is_host_byte(text[i]))
            return bad_url(e, "has a host with a character that is not allowed there");
    if (!length || length > HOST_MAX)
        return bad_url(e, length ? "has a host that is too long" : "has no host");
    memcpy(host, text, length);
    host[length] = '\0';
    return 0;
}

static int read_port(const char *text, size_t length, unsigned *port, struct error *e)
{
    unsigned value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || value > PORT_MAX)
            return bad_url(e, "has an invalid port");
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value < 1 || value > PORT_MAX)
        return bad_url(e, "has an invalid port");
    *port = value;
    return 0;
}

static int read_authority(const char *text, size_t length, struct authority *a, struct error *e)
{
    if (memchr(text, '@', length))
        return bad_url(e, "holds a user name, which is not supported");
    const char *bracket = length && text[0] == '[' ? memchr(text, ']', length) : NULL;
    if (length && text[0] == '[' && !bracket)
        return bad_url(e, "has an invalid IPv6 address");
    const char *after = bracket ? bracket + 1 : text;
    const char *colon = memchr(after, ':', length - (size_t)(after - text));
    size_t host_length = colon ? (size_t)(colon - text) : length;
    a->port = 0;
    if (colon && read_port(colon + 1, length - host_length - 1, &a->port, e))
        return -1;
    return read_host(text, host_length, a->host, e);
}

static bool is_loopback(const char *host)
{
    unsigned char address[4];
    if (inet_pton(AF_INET, host, address) == 1)
        return address[0] == 127;
    return strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0;
}

static bool is_metadata(const char *host)
{
    for (size_t i = 0; i < ARRAY_LEN(METADATA_HOSTS); i++)
        if (strcmp(host, METADATA_HOSTS[i]) == 0)
            return true;
    return false;
}

static int check_bytes(const char *url, struct error *e)
{
    for (const char *p = url; *p; p++) {
        if (*p <= ' ' || *p > '~')
            return bad_url(e, "holds a byte that must be percent-encoded");
        if (*p == '#')
            return bad_url(e, "has a fragment");
    }
    return 0;
}

/* Lays host, path and query out as three strings one behind the other. */
static void store(struct http_target *t, const struct authority *a, const char *rest)
{
    unsigned standard = t->https ? 443 : 80;
    size_t path_length = strcspn(rest, "?");
    const char *query = rest[path_length] ? rest + path_length + 1 : "";
    buf_clear(&t->text);
    buf_addstr(&t->text, a->host);
    if (a->port && a->port != standard)
        buf_addf(&t->text, ":%u", a->port);
    buf_addch(&t->text, '\0');
    size_t path = t->text.length;
    buf_add(&t->text, path_length ? rest : "/", path_length ? path_length : 1);
    buf_addch(&t->text, '\0');
    size_t query_start = t->text.length;
    buf_addstr(&t->text, query);
    t->host = t->text.data;
    t->path = t->text.data + path;
    t->query = t->text.data + query_start;
}

int http_target_read(struct http_target *t, const char *url, struct error *e)
{
    bool https = strncmp(url, "https://", 8) == 0;
    if (!https && strncmp(url, "http://", 7) != 0)
        return bad_url(e, "begins with neither https:// nor http://");
    if (check_bytes(url, e))
        return -1;
    const char *text = url + (https ? 8 : 7);
    size_t length = strcspn(text, "/?");
    struct authority a;
    if (read_authority(text, length, &a, e))
        return -1;
    t->https = https;
    t->loopback = is_loopback(a.host);
    t->metadata = is_metadata(a.host);
    store(t, &a, text + length);
    return 0;
}
