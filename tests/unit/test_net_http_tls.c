/*
 * The HTTP client's TLS, against `openssl s_server`: who cannot prove who he is never gets the
 * request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http_client.h"
#include "os/clock.h"

struct server {
    pid_t pid;
    unsigned port;
};

static char directory[] = "/tmp/lpg-tls-XXXXXX";
static char certificate[64];
static char key[64];
static char lax[64];

/* As lax as a system's OpenSSL can be set up: the client must insist on its own minimum. */
static const char LAX[] = "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\n"
                          "system_default = defaults\n[defaults]\nMinProtocol = TLSv1\n"
                          "CipherString = ALL:@SECLEVEL=0\n";

static int make_certificate(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(certificate, sizeof certificate, "%s/cert.pem", directory);
    snprintf(key, sizeof key, "%s/key.pem", directory);
    snprintf(lax, sizeof lax, "%s/openssl.cnf", directory);
    FILE *file = fopen(lax, "w");
    if (!file || fputs(LAX, file) < 0 || fclose(file))
        return -1;
    char command[512];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test "
             "-addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
             key, certificate);
    int status = system(command); /* NOLINT(cert-env33-c): a test, fixed words */
    setenv("OPENSSL_CONF", lax, 1);
    return status == 0 ? 0 : -1;
}

static int remove_certificate(void **state)
{
    (void)state;
    unlink(certificate);
    unlink(key);
    unlink(lax);
    return rmdir(directory);
}

/* Starts the server with one more option and reads which port it got. */
static struct server start_server(const char *option)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    struct server s = {.pid = fork()};
    assert_true(s.pid >= 0);
    if (!s.pid) {
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert",
               certificate, "-key", key, "-cipher", "ALL:@SECLEVEL=0", option, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *lines = fdopen(out[0], "r");
    char line[256];
    while (!s.port && fgets(line, sizeof line, lines))
        if (strncmp(line, "ACCEPT ", 7) == 0 && strrchr(line, ':'))
            s.port = (unsigned)strtoul(strrchr(line, ':') + 1, NULL, 10);
    fclose(lines);
    assert_true(s.port > 0);
    return s;
}

static void end_server(struct server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

struct tls_case {
    const char *option; /* of the server */
    const char *host;
    bool trusted; /* the client is given the certificate */
    enum http_outcome outcome;
};

static const struct tls_case CASES[] = {
    {"-tls1_3", "127.0.0.1", true, HTTP_ANSWERED},  {"-tls1_2", "127.0.0.1", true, HTTP_ANSWERED},
    {"-tls1_1", "127.0.0.1", true, HTTP_NOT_SENT},  /* too old */
    {"-tls1_3", "127.0.0.1", false, HTTP_NOT_SENT}, /* signed by nobody that the system knows */
    {"-tls1_3", "localhost", true, HTTP_NOT_SENT},  /* the certificate is for another name */
};

static void test_tls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct tls_case *c = &CASES[i];
        struct server s = start_server(c->option);
        struct error e = {0};
        struct loop *loop = loop_new(&e);
        struct http_client_options options = {.ca_bundle = c->trusted ? certificate : NULL};
        struct http_client *client = http_client_new(loop, &options, &e);
        char url[64];
        snprintf(url, sizeof url, "https://%s:%u/", c->host, s.port);
        struct http_request r = {.method = "GET", .url = url, .timeout_ns = 20 * NS_PER_S};
        struct http_response response;
        assert_int_equal(http_client_call(client, &r, &response, &e), 0);
        if (response.outcome != c->outcome)
            fail_msg("%s %s: %d: %s", c->option, c->host, (int)response.outcome, response.reason);
        http_response_release(&response);
        http_client_free(client);
        loop_free(loop);
        end_server(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls),
    };
    return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
