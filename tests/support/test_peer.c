/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/support/test_peer.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#define WAIT_S 5

struct test_peer {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	char *got; /* read and not yet returned */
};

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static void limit_waits(int fd)
{
	struct timeval tv = {.tv_sec = WAIT_S};

	OSMO_ASSERT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	OSMO_ASSERT(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
}

int test_tcp_connect(uint16_t port)
{
	struct sockaddr_in sa = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	OSMO_ASSERT(fd >= 0);
	limit_waits(fd);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

int test_tcp_listen(uint16_t *port)
{
	struct sockaddr_in sa = loopback(0);
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	OSMO_ASSERT(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 16) == 0);
	OSMO_ASSERT(getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
	limit_waits(fd);
	*port = ntohs(sa.sin_port);
	return fd;
}

static int peer_free(struct test_peer *p)
{
	if (p->ssl && SSL_is_init_finished(p->ssl))
		SSL_shutdown(p->ssl);
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	if (p->fd >= 0)
		close(p->fd);
	ERR_clear_error();
	return 0;
}

static struct test_peer *peer_alloc(const void *ctx, int fd, const SSL_METHOD *method, const struct test_cert *cert)
{
	struct test_peer *p = talloc_zero(ctx, struct test_peer);

	talloc_set_destructor(p, peer_free);
	p->fd = fd;
	p->got = talloc_strdup(p, "");
	p->ctx = SSL_CTX_new(method);
	OSMO_ASSERT(p->ctx);
	if (cert) {
		OSMO_ASSERT(SSL_CTX_use_certificate_chain_file(p->ctx, cert->cert) == 1);
		OSMO_ASSERT(SSL_CTX_use_PrivateKey_file(p->ctx, cert->key, SSL_FILETYPE_PEM) == 1);
	}
	return p;
}

static struct test_peer *shake_hands(struct test_peer *p, int (*how)(SSL *))
{
	p->ssl = SSL_new(p->ctx);
	OSMO_ASSERT(p->ssl && SSL_set_fd(p->ssl, p->fd) == 1);
	if (how(p->ssl) == 1)
		return p;
	talloc_free(p);
	return NULL;
}

struct test_peer *test_peer_connect(const void *ctx, uint16_t port, const char *ca, const struct test_cert *cert)
{
	int fd = test_tcp_connect(port);
	struct test_peer *p;

	if (fd < 0)
		return NULL;
	p = peer_alloc(ctx, fd, TLS_client_method(), cert);
	OSMO_ASSERT(SSL_CTX_load_verify_file(p->ctx, ca) == 1);
	SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
	return shake_hands(p, SSL_connect);
}

struct test_peer *test_peer_accept(const void *ctx, int listen_fd, const struct test_cert *cert)
{
	int fd = accept(listen_fd, NULL, NULL);

	if (fd < 0)
		return NULL;
	limit_waits(fd);
	return shake_hands(peer_alloc(ctx, fd, TLS_server_method(), cert), SSL_accept);
}

int test_peer_fd(const struct test_peer *p)
{
	return p->fd;
}

int test_peer_send(struct test_peer *p, const char *text)
{
	return SSL_write(p->ssl, text, (int)strlen(text)) == (int)strlen(text) ? 0 : -1;
}

static int read_more(struct test_peer *p)
{
	char buf[4096];
	int n = SSL_read(p->ssl, buf, sizeof(buf));

	if (n > 0)
		p->got = talloc_strndup_append(p->got, buf, (size_t)n);
	return n;
}

static const char *take(struct test_peer *p, size_t len)
{
	char *out = talloc_strndup(p, p->got, len);
	char *rest = talloc_strdup(p, p->got + strlen(out));

	talloc_free(p->got);
	p->got = rest;
	return out;
}

const char *test_peer_read_until(struct test_peer *p, const char *text)
{
	while (!strstr(p->got, text) && read_more(p) > 0)
		;
	return take(p, strlen(p->got));
}

static size_t http_len(const char *got)
{
	const char *end = strstr(got, "\r\n\r\n");
	const char *len = strcasestr(got, "content-length:");

	if (!end)
		return SIZE_MAX;
	return (size_t)(end + 4 - got) + (len && len < end ? strtoul(len + 15, NULL, 10) : 0);
}

const char *test_peer_read_http(struct test_peer *p)
{
	while (strlen(p->got) < http_len(p->got) && read_more(p) > 0)
		;
	return take(p, http_len(p->got));
}
