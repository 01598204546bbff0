/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The PSK-TLS server against a client of plain OpenSSL on loopback.  The handler takes lines and passes them to the
 * core, which answers. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/application.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/net/psk_server.h"
#include "tests/support/test_peer.h"

#define IDENTITY "80010281108901"
#define CBC "PSK-AES128-CBC-SHA256"
#define GCM "PSK-AES128-GCM-SHA256"
#define ALERT_BAD_RECORD_MAC 20
#define ALERT_HANDSHAKE_FAILURE 40
#define ALERT_PROTOCOL_VERSION 70
#define ALERT_UNKNOWN_PSK_IDENTITY 115
#define EXT_ENCRYPT_THEN_MAC 22
#define EXT_EXTENDED_MASTER_SECRET 23
#define EXT_SESSION_TICKET 35
#define HS_SERVER_HELLO 2
#define HS_NEW_SESSION_TICKET 4
#define HS_CERTIFICATE 11
#define HS_SERVER_KEY_EXCHANGE 12

static const uint8_t right_key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

struct job {
	struct io_job job;
	uint64_t id;
	char *text;
};

struct fix {
	struct io *io;
	struct psk_server *srv;
	uint16_t port;
	struct job *job;
	atomic_uint closed;
	atomic_int why;
};

/* ---- handler, in the I/O thread ---- */

struct state {
	struct fix *f;
	uint64_t id;
	struct io *io;
	char *who;
};

static size_t get_key(void *data, unsigned int thread, const char *identity, uint8_t *key)
{
	if (strcmp(identity, IDENTITY) != 0)
		return 0;
	memcpy(key, right_key, sizeof(right_key));
	return sizeof(right_key);
}

static void *opened(void *data, const struct psk_peer *peer)
{
	struct state *s = talloc_zero(NULL, struct state);

	s->f = data;
	s->id = peer->id;
	s->io = peer->io;
	s->who = talloc_asprintf(s, "%s %s %s", peer->identity, peer->cipher, peer->remote);
	return s;
}

static enum psk_next input(void *data, void *state, struct bytes in, size_t *used)
{
	const uint8_t *lf = memchr(in.data, '\n', in.len);
	struct state *s = state;
	struct job *j;

	if (!lf)
		return PSK_MORE;
	if (in.len >= 4 && memcmp(in.data, "bye\n", 4) == 0)
		return PSK_CLOSE;
	*used = (size_t)(lf - in.data) + 1;
	j = talloc_zero(NULL, struct job);
	j->job.kind = IO_REQUEST;
	j->id = s->id;
	j->text = talloc_asprintf(j, "%s: %.*s", s->who, (int)*used - 1, (const char *)in.data);
	io_submit_always_steal(s->io, &j->job);
	return PSK_HOLD;
}

static void closed(void *data, void *state, enum psk_end why)
{
	struct fix *f = data;

	talloc_free(state);
	f->why = (int)why;
	f->closed++;
}

static const struct psk_handler handler = {.key = get_key, .opened = opened, .input = input, .closed = closed};

/* ---- core ---- */

static const struct http_listen anywhere = {"127.0.0.1", 0};

static struct fix *start_with(struct psk_server_conf conf, unsigned int threads)
{
	struct fix *f = talloc_zero(NULL, struct fix);
	const char *err = NULL;

	conf.listen = &anywhere;
	conf.n_listen = 1;
	assert_int_equal(io_start(f, threads, 100, &f->io), 0);
	assert_int_equal(psk_server_start(f, f->io, &conf, &handler, f, &f->srv, &err), 0);
	f->port = psk_server_port(f->srv, 0);
	return f;
}

static struct fix *start(void)
{
	return start_with((struct psk_server_conf){0}, 2);
}

static void stop(struct fix *f)
{
	io_stop(f->io);
	assert_int_equal(psk_server_get_stats(f->srv).open, 0);
	talloc_free(f);
}

static void keep_job(struct io_job *job, void *data)
{
	struct fix *f = data;

	talloc_free(f->job);
	f->job = talloc_steal(f, container_of(job, struct job, job));
}

static const char *wait_line(struct fix *f)
{
	for (unsigned int i = 0; i < 5000; i++) {
		if (io_core_poll(f->io, 1, keep_job, f) == 1)
			return f->job->text;
		usleep(1000);
	}
	fail_msg("no line came");
	return NULL;
}

static void no_line(struct fix *f)
{
	usleep(20000);
	assert_int_equal(io_core_poll(f->io, 1, keep_job, f), 0);
}

static void answer(struct fix *f, const char *text, bool close_after)
{
	struct psk_out *out = psk_out_alloc();

	out->octets = bytes_dup(out, bytes_str(text));
	out->close = close_after;
	psk_send_steal(f->srv, f->job->id, out);
}

static void wait_closed(struct fix *f, unsigned int n, enum psk_end why)
{
	for (unsigned int i = 0; i < 5000 && f->closed < n; i++)
		usleep(1000);
	assert_int_equal(f->closed, n);
	assert_int_equal(f->why, why);
}

static void wait_open(struct fix *f, unsigned int n)
{
	for (unsigned int i = 0; i < 5000 && psk_server_get_stats(f->srv).open != n; i++)
		usleep(1000);
	assert_int_equal(psk_server_get_stats(f->srv).open, n);
}

/* ---- client ---- */

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	const char *identity;
	uint8_t key[16];
	int alert;		    /* received; 0 = none */
	unsigned int records;	    /* of application data, received */
	unsigned int messages[256]; /* of the handshake, received, by type */
	bool extension[65536];	    /* in the ServerHello */
};

static unsigned int show_psk(SSL *ssl, const char *hint, char *identity, unsigned int max_identity, unsigned char *psk,
			     unsigned int max_psk)
{
	struct client *c = SSL_get_app_data(ssl);

	assert_null(hint);
	assert_true(strlen(c->identity) < max_identity && sizeof(c->key) <= max_psk);
	memcpy(identity, c->identity, strlen(c->identity) + 1);
	memcpy(psk, c->key, sizeof(c->key));
	return sizeof(c->key);
}

static void see_server_hello(struct client *c, struct bytes hello)
{
	struct rd r;

	rd_init(&r, hello);
	rd_bytes(&r, 4 + 2 + 32);
	rd_bytes(&r, rd_u8(&r)); /* session id */
	rd_bytes(&r, 3);
	rd_u16(&r);
	while (rd_left(&r)) {
		c->extension[rd_u16(&r)] = true;
		rd_bytes(&r, rd_u16(&r));
	}
	assert_int_equal(rd_end(&r), 0);
}

static void see_message(int write_p, int version, int type, const void *buf, size_t len, SSL *ssl, void *arg)
{
	const uint8_t *octets = buf;
	struct client *c = arg;

	if (write_p)
		return;
	if (type == SSL3_RT_HEADER && octets[0] == SSL3_RT_APPLICATION_DATA)
		c->records++;
	if (type == SSL3_RT_ALERT && octets[0] == SSL3_AL_FATAL)
		c->alert = octets[1];
	if (type != SSL3_RT_HANDSHAKE)
		return;
	c->messages[octets[0]]++;
	if (octets[0] == HS_SERVER_HELLO)
		see_server_hello(c, bytes_of(buf, len));
}

static struct client *client_alloc(const char *identity, const char *ciphers)
{
	struct client *c = talloc_zero(NULL, struct client);

	c->fd = -1;
	c->identity = identity;
	memcpy(c->key, right_key, sizeof(c->key));
	c->ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_set_cipher_list(c->ctx, ciphers), 1);
	SSL_CTX_set_max_proto_version(c->ctx, TLS1_2_VERSION);
	SSL_CTX_set_psk_client_callback(c->ctx, show_psk);
	SSL_CTX_set_msg_callback(c->ctx, see_message);
	SSL_CTX_set_msg_callback_arg(c->ctx, c);
	return c;
}

static int connect_to(struct client *c, uint16_t port)
{
	struct timeval limit = {5, 0};
	int rc;

	c->fd = test_tcp_connect(port);
	assert_true(c->fd >= 0);
	assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	c->ssl = SSL_new(c->ctx);
	SSL_set_app_data(c->ssl, c);
	SSL_set_fd(c->ssl, c->fd);
	rc = SSL_connect(c->ssl);
	ERR_clear_error();
	return rc;
}

static void client_free(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	if (c->fd >= 0)
		close(c->fd);
	talloc_free(c);
}

static struct client *connected(struct fix *f, const char *ciphers)
{
	struct client *c = client_alloc(IDENTITY, ciphers);

	assert_int_equal(connect_to(c, f->port), 1);
	return c;
}

static void say(struct client *c, const char *text)
{
	assert_int_equal(SSL_write(c->ssl, text, (int)strlen(text)), (int)strlen(text));
}

static void hear(struct client *c, const char *text)
{
	char buf[65536];
	size_t n = 0;

	while (n < strlen(text)) {
		int rc = SSL_read(c->ssl, buf + n, (int)(sizeof(buf) - n - 1));

		assert_true(rc > 0);
		n += (size_t)rc;
	}
	buf[n] = '\0';
	assert_string_equal(buf, text);
}

/* The server said close_notify. */
static void hear_close(struct client *c)
{
	char buf[64];
	int rc = SSL_read(c->ssl, buf, sizeof(buf));

	assert_int_equal(rc, 0);
	assert_int_equal(SSL_get_error(c->ssl, rc), SSL_ERROR_ZERO_RETURN);
}

/* TCP ends in order: no reset took anything along. */
static void hear_fin(struct client *c)
{
	char buf[64];
	ssize_t n;

	while ((n = recv(c->fd, buf, sizeof(buf), 0)) > 0)
		;
	assert_int_equal(n, 0);
}

/* ---- tests ---- */

static void one_suite(const char *suite)
{
	struct fix *f = start();
	struct client *c = connected(f, suite);
	char *line = talloc_asprintf(f, IDENTITY " %s 127.0.0.1: hello", suite);

	for (int i = 0; i < 3; i++) {
		say(c, "hello\n");
		assert_string_equal(wait_line(f), line);
		answer(f, "answer", false);
		hear(c, "answer");
	}
	assert_string_equal(SSL_get_cipher_name(c->ssl), suite);
	assert_int_equal(SSL_version(c->ssl), TLS1_2_VERSION);
	client_free(c);
	wait_closed(f, 1, PSK_END_PEER);
	assert_int_equal(psk_server_get_stats(f->srv).handshakes, 1);
	stop(f);
}

static void both_suites_serve(void **state)
{
	one_suite(CBC);
	one_suite(GCM);
}

static void gcm_is_preferred(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, CBC ":" GCM);

	assert_string_equal(SSL_get_cipher_name(c->ssl), GCM);
	client_free(c);
	stop(f);
}

static void flight_is_what_cards_take(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, CBC);

	assert_int_equal(c->messages[HS_SERVER_HELLO], 1);
	assert_int_equal(c->messages[HS_SERVER_KEY_EXCHANGE], 0);
	assert_int_equal(c->messages[HS_NEW_SESSION_TICKET], 0);
	assert_int_equal(c->messages[HS_CERTIFICATE], 0);
	assert_true(c->extension[EXT_EXTENDED_MASTER_SECRET]);
	assert_false(c->extension[EXT_ENCRYPT_THEN_MAC]);
	assert_false(c->extension[EXT_SESSION_TICKET]);
	assert_int_equal(SSL_session_reused(c->ssl), 0);
	client_free(c);
	stop(f);
}

static void ems_is_a_switch(void **state)
{
	struct fix *f = start_with((struct psk_server_conf){.no_ems = true}, 1);
	struct client *c = connected(f, CBC);

	assert_false(c->extension[EXT_EXTENDED_MASTER_SECRET]);
	client_free(c);
	stop(f);
}

static void refused(struct client *c, struct fix *f, int alert)
{
	assert_int_not_equal(connect_to(c, f->port), 1);
	assert_int_equal(c->alert, alert);
	hear_fin(c);
	client_free(c);
	wait_open(f, 0);
	assert_int_equal(f->closed, 0);
}

static void strangers_hear_why(void **state)
{
	struct fix *f = start();
	struct client *c = client_alloc(IDENTITY, CBC);
	struct psk_server_stats s;

	c->key[3] ^= 1;
	refused(c, f, ALERT_BAD_RECORD_MAC);
	c = client_alloc(IDENTITY, GCM);
	c->key[3] ^= 1;
	refused(c, f, ALERT_BAD_RECORD_MAC);
	refused(client_alloc("8001", CBC), f, ALERT_UNKNOWN_PSK_IDENTITY);
	refused(client_alloc("PSK-AES256-CBC-SHA384", "PSK-AES256-CBC-SHA384"), f, ALERT_HANDSHAKE_FAILURE);
	c = client_alloc(IDENTITY, CBC);
	SSL_CTX_set_max_proto_version(c->ctx, TLS1_3_VERSION);
	SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION);
	refused(c, f, ALERT_PROTOCOL_VERSION);
	c = client_alloc(IDENTITY, "PSK-AES128-CBC-SHA:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(c->ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(c->ctx, TLS1_1_VERSION);
	refused(c, f, ALERT_PROTOCOL_VERSION);
	s = psk_server_get_stats(f->srv);
	assert_int_equal(s.wrong_key, 2);
	assert_int_equal(s.unknown, 1);
	assert_int_equal(s.failed, 3);
	assert_int_equal(s.handshakes, 0);
	stop(f);
}

static void long_identity_is_unknown(void **state)
{
	struct fix *f = start();
	char *longest = talloc_zero_array(f, char, PSK_IDENTITY_MAX + 2);

	memset(longest, 'A', PSK_IDENTITY_MAX + 1);
	refused(client_alloc(longest, CBC), f, ALERT_UNKNOWN_PSK_IDENTITY);
	stop(f);
}

static char *letters(const void *ctx, size_t n)
{
	char *text = talloc_zero_array(ctx, char, n + 1);

	memset(text, 'x', n);
	return text;
}

static void answer_is_one_record(void **state)
{
	const size_t sizes[] = {1, 500, 5000, 16384};
	struct fix *f = start();
	struct client *c = connected(f, CBC);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *text = letters(f, sizes[i]);

		c->records = 0;
		say(c, "more\n");
		wait_line(f);
		answer(f, text, false);
		hear(c, text);
		assert_int_equal(c->records, 1);
	}
	client_free(c);
	stop(f);
}

static void fragments_as_set(void **state)
{
	struct fix *f = start_with((struct psk_server_conf){.max_fragment = 512}, 1);
	struct client *c = connected(f, GCM);
	char *text = letters(f, 2000);

	say(c, "more\n");
	wait_line(f);
	answer(f, text, false);
	hear(c, text);
	assert_int_equal(c->records, 4);
	client_free(c);
	stop(f);
}

static void client_asks_for_fragments(void **state)
{
	struct fix *f = start();
	struct client *c = client_alloc(IDENTITY, GCM);
	char *text = letters(f, 1000);

	assert_int_equal(SSL_CTX_set_tlsext_max_fragment_length(c->ctx, TLSEXT_max_fragment_length_512), 1);
	assert_int_equal(connect_to(c, f->port), 1);
	say(c, "more\n");
	wait_line(f);
	answer(f, text, false);
	hear(c, text);
	assert_int_equal(c->records, 2);
	client_free(c);
	stop(f);
}

static void slow_reader_gets_all(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, GCM);
	const size_t len = 8 * 1024 * 1024; /* more than the buffers of both sockets */
	char *text = letters(f, len), *buf = talloc_size(f, 65536);
	size_t n = 0;

	say(c, "more\n");
	wait_line(f);
	answer(f, text, false);
	answer(f, "end", true);
	usleep(50000);
	while (n < len + 3) {
		int rc = SSL_read(c->ssl, buf, 65536);

		assert_true(rc > 0);
		assert_int_equal(buf[0], n < len ? 'x' : 'e');
		n += (size_t)rc;
	}
	hear_close(c);
	client_free(c);
	wait_closed(f, 1, PSK_END_OURS);
	stop(f);
}

static void reader_that_never_reads(void **state)
{
	struct fix *f = start_with((struct psk_server_conf){.session_timeout_ms = 200, .close_timeout_ms = 50}, 1);
	struct client *c = connected(f, GCM);

	say(c, "more\n");
	wait_line(f);
	answer(f, letters(f, 8 * 1024 * 1024), false);
	wait_closed(f, 1, PSK_END_TIMEOUT);
	wait_open(f, 1); /* the socket is full, so the close waits */
	client_free(c);
	wait_open(f, 0);
	stop(f);
}

static void close_waits_for_the_peer(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, CBC);

	say(c, "last\n");
	wait_line(f);
	answer(f, "end", true);
	hear(c, "end");
	hear_close(c);
	wait_closed(f, 1, PSK_END_OURS);
	wait_open(f, 1);
	/* what the card still sends is read and dropped */
	say(c, "too late\n");
	say(c, letters(f, 10000));
	no_line(f);
	wait_open(f, 1);
	assert_true(SSL_shutdown(c->ssl) >= 0);
	hear_fin(c);
	wait_open(f, 0);
	client_free(c);
	stop(f);
}

static void close_gives_up_in_the_end(void **state)
{
	struct fix *f = start_with((struct psk_server_conf){.close_timeout_ms = 50}, 1);
	struct client *c = connected(f, CBC);

	say(c, "bye\n");
	hear_close(c);
	wait_closed(f, 1, PSK_END_OURS);
	wait_open(f, 0);
	hear_fin(c);
	client_free(c);
	stop(f);
}

static void peer_closes(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, CBC);

	assert_true(SSL_shutdown(c->ssl) >= 0);
	hear_close(c);
	hear_fin(c);
	client_free(c);
	wait_closed(f, 1, PSK_END_PEER);
	c = connected(f, GCM); /* and one that just drops TCP while an answer is owed */
	say(c, "hello\n");
	wait_line(f);
	client_free(c);
	wait_closed(f, 2, PSK_END_PEER);
	answer(f, "nobody hears it", false);
	for (int i = 0; i < 5000 && !psk_server_get_stats(f->srv).dead; i++)
		usleep(1000);
	assert_int_equal(psk_server_get_stats(f->srv).dead, 1);
	f->job->id = UINT64_MAX;
	answer(f, "no such thread", false);
	assert_int_equal(psk_server_get_stats(f->srv).dead, 2);
	stop(f);
}

static void one_request_at_a_time(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, CBC);

	say(c, "one\ntwo\n");
	say(c, "three\n");
	assert_non_null(strstr(wait_line(f), ": one"));
	no_line(f);
	answer(f, "1", false);
	assert_non_null(strstr(wait_line(f), ": two"));
	no_line(f);
	answer(f, "2", false);
	assert_non_null(strstr(wait_line(f), ": three"));
	answer(f, "3", false);
	hear(c, "123");
	client_free(c);
	stop(f);
}

static void flood_while_held_ends_it(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, CBC);

	say(c, "one\n");
	wait_line(f);
	say(c, letters(f, 16384));
	say(c, "x");
	wait_closed(f, 1, PSK_END_ERROR);
	client_free(c);
	stop(f);
}

static void broken_record_ends_it(void **state)
{
	static const uint8_t junk[] = {0x17, 3,	 3,  0,	 32, 1,	 2,  3,	 4,  5,	 6,  7,	 8,  9,	 10, 11, 12, 13, 14,
				       15,   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
	struct fix *f = start();
	struct client *c = connected(f, CBC);
	char buf[16];

	assert_int_equal(send(c->fd, junk, sizeof(junk), 0), sizeof(junk));
	assert_true(SSL_read(c->ssl, buf, sizeof(buf)) <= 0);
	assert_int_equal(c->alert, ALERT_BAD_RECORD_MAC);
	hear_fin(c);
	wait_closed(f, 1, PSK_END_ERROR);
	client_free(c);
	wait_open(f, 0);
	stop(f);
}

static void slow_peers_are_cut(void **state)
{
	const struct psk_server_conf conf = {
		.handshake_timeout_ms = 50, .idle_timeout_ms = 150, .session_timeout_ms = 400};
	struct fix *f = start_with(conf, 1);
	struct client *c = client_alloc(IDENTITY, CBC);
	char buf[8];

	c->fd = test_tcp_connect(f->port); /* says nothing at all */
	assert_int_equal(recv(c->fd, buf, sizeof(buf), 0), 0);
	client_free(c);
	c = connected(f, CBC);
	hear_close(c);
	wait_closed(f, 1, PSK_END_TIMEOUT);
	client_free(c);
	c = connected(f, CBC); /* an answer is owed: idle does not count, the session does */
	say(c, "hello\n");
	wait_line(f);
	usleep(250000);
	assert_int_equal(f->closed, 1);
	hear_close(c);
	wait_closed(f, 2, PSK_END_TIMEOUT);
	client_free(c);
	assert_int_equal(psk_server_get_stats(f->srv).timed_out, 3);
	stop(f);
}

static void failures_are_limited(void **state)
{
	struct fix *f = start_with((struct psk_server_conf){.fail_max = 2, .fail_window_ms = 300}, 2);
	struct client *c;

	for (int i = 0; i < 4; i++) /* who goes away does not guess */
		close(test_tcp_connect(f->port));
	for (int i = 0; i < 5000 && psk_server_get_stats(f->srv).failed < 4; i++)
		usleep(1000);
	assert_int_equal(psk_server_get_stats(f->srv).failed, 4);
	refused(client_alloc("8001", CBC), f, ALERT_UNKNOWN_PSK_IDENTITY);
	client_free(connected(f, CBC)); /* below the limit good ones are served */
	wait_closed(f, 1, PSK_END_PEER);
	f->closed = 0;
	refused(client_alloc("8001", CBC), f, ALERT_UNKNOWN_PSK_IDENTITY);
	c = client_alloc(IDENTITY, CBC);
	assert_int_not_equal(connect_to(c, f->port), 1);
	assert_int_equal(c->alert, 0);
	client_free(c);
	assert_int_equal(psk_server_get_stats(f->srv).limited, 1);
	usleep(350000);
	client_free(connected(f, CBC));
	stop(f);
}

static void cap_on_connections(void **state)
{
	struct fix *f = start_with((struct psk_server_conf){.max_conns = 3}, 1);
	struct client *a = connected(f, CBC), *b = connected(f, GCM), *c;
	int silent[3], more[2];
	char octet;

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		silent[i] = test_tcp_connect(f->port);
	c = connected(f, CBC); /* who is silent gives way to a newcomer; who has shown a key does not */
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		assert_int_equal(recv(silent[i], &octet, 1, 0), 0);
		close(silent[i]);
	}
	assert_int_equal(psk_server_get_stats(f->srv).crowded, 3);
	say(a, "hello\n");
	wait_line(f);
	more[0] = test_tcp_connect(f->port); /* one more is let in */
	more[1] = test_tcp_connect(f->port); /* the kernel holds it */
	usleep(20000);
	assert_int_equal(psk_server_get_stats(f->srv).accepted, 7);
	client_free(b);
	wait_closed(f, 1, PSK_END_PEER);
	for (int i = 0; i < 5000 && psk_server_get_stats(f->srv).accepted < 8; i++)
		usleep(1000);
	assert_int_equal(psk_server_get_stats(f->srv).accepted, 8);
	close(more[0]);
	close(more[1]);
	client_free(a);
	client_free(c);
	stop(f);
}

static void draining_refuses_newcomers(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, CBC);
	int fd = 0;

	psk_server_drain(f->srv);
	for (int i = 0; i < 1000 && fd >= 0; i++) {
		fd = test_tcp_connect(f->port);
		if (fd >= 0)
			close(fd);
		usleep(1000);
	}
	assert_int_equal(fd, -1);
	say(c, "hello\n");
	wait_line(f);
	answer(f, "still here", false);
	hear(c, "still here");
	client_free(c);
	stop(f);
}

static void stop_says_goodbye(void **state)
{
	struct fix *f = start();
	struct client *c = connected(f, CBC);

	say(c, "hello\n");
	wait_line(f);
	io_stop(f->io);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->why, PSK_END_STOP);
	hear_close(c);
	client_free(c);
	talloc_free(f);
}

static void key_log_for_the_lab(void **state)
{
	char path[] = "/tmp/psk_keylog_XXXXXX";
	int fd = mkstemp(path);
	char buf[1024] = "";
	struct client *c;
	struct stat st;
	struct fix *f;

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0); /* the server makes it */
	f = start_with((struct psk_server_conf){.keylog = path}, 1);
	c = connected(f, CBC);
	client_free(c);
	stop(f);
	close(fd);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, buf, sizeof(buf) - 1) > 0);
	close(fd);
	unlink(path);
	assert_int_equal(strncmp(buf, "CLIENT_RANDOM ", 14), 0);
	assert_int_equal(strlen(buf), 14 + 64 + 1 + 96 + 1);
}

static void settings_are_checked(void **state)
{
	struct psk_server_conf conf = {.listen = &anywhere, .n_listen = 1};
	void *ctx = talloc_new(NULL);
	const char *err = NULL;

	assert_int_equal(psk_server_check(ctx, &conf, &err), 0);
	conf.ciphers = "PSK-AES128-CBC-SHA:" CBC;
	assert_int_equal(psk_server_check(ctx, &conf, &err), 0);
	conf.ciphers = "ECDHE-PSK-AES128-CBC-SHA256";
	assert_int_equal(psk_server_check(ctx, &conf, &err), -EINVAL);
	assert_non_null(strstr(err, "ECDHE-PSK"));
	conf.ciphers = "nonsense";
	assert_int_equal(psk_server_check(ctx, &conf, &err), -EINVAL);
	conf.ciphers = NULL;
	conf.max_fragment = 511;
	assert_int_equal(psk_server_check(ctx, &conf, &err), -EINVAL);
	assert_non_null(strstr(err, "512"));
	conf.max_fragment = 0;
	conf.n_listen = 0;
	assert_int_equal(psk_server_check(ctx, &conf, &err), -EINVAL);
	talloc_free(ctx);
}

static void address_in_use(void **state)
{
	struct fix *f = start();
	const struct http_listen same = {"127.0.0.1", f->port};
	const struct psk_server_conf conf = {.listen = &same, .n_listen = 1};
	struct psk_server *srv = NULL;
	const char *err = NULL;

	assert_int_equal(psk_server_start(f, f->io, &conf, &handler, f, &srv, &err), -EADDRINUSE);
	assert_null(srv);
	assert_non_null(strstr(err, "127.0.0.1"));
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_suites_serve),
		cmocka_unit_test(gcm_is_preferred),
		cmocka_unit_test(flight_is_what_cards_take),
		cmocka_unit_test(ems_is_a_switch),
		cmocka_unit_test(strangers_hear_why),
		cmocka_unit_test(long_identity_is_unknown),
		cmocka_unit_test(answer_is_one_record),
		cmocka_unit_test(fragments_as_set),
		cmocka_unit_test(client_asks_for_fragments),
		cmocka_unit_test(slow_reader_gets_all),
		cmocka_unit_test(reader_that_never_reads),
		cmocka_unit_test(close_waits_for_the_peer),
		cmocka_unit_test(close_gives_up_in_the_end),
		cmocka_unit_test(peer_closes),
		cmocka_unit_test(one_request_at_a_time),
		cmocka_unit_test(flood_while_held_ends_it),
		cmocka_unit_test(broken_record_ends_it),
		cmocka_unit_test(slow_peers_are_cut),
		cmocka_unit_test(failures_are_limited),
		cmocka_unit_test(cap_on_connections),
		cmocka_unit_test(draining_refuses_newcomers),
		cmocka_unit_test(stop_says_goodbye),
		cmocka_unit_test(key_log_for_the_lab),
		cmocka_unit_test(settings_are_checked),
		cmocka_unit_test(address_in_use),
	};

	signal(SIGPIPE, SIG_IGN);
	osmo_init_logging2(NULL, &log_info_esim);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
