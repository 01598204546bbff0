/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two ends for the HTTPS figures, both without a line of common/net or common/es:
 *
 *   https_bench client PORT CA CERT KEY TARGET REQUEST CONNECTIONS SECONDS
 *      Keep-alive connections over mutual TLS, one request open on each, always the octets of the file REQUEST.  Prints
 *      "rate p50_us p99_us body_octets http_status bad".
 *   https_bench server CA CERT KEY SCHEMA OCTETS
 *      The limit: libevent's evhttp with TLS, which parses the request, checks its body against the schema and answers
 * so many octets.  Prints its port; ends with SIGTERM. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <openssl/ssl.h>
#include <talloc.h>

#include "tests/bench/bench.h"

static SSL_CTX *tls_ctx(const SSL_METHOD *method, const char *ca, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	bench_check(ctx && SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
			    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
			    SSL_CTX_load_verify_file(ctx, ca) == 1,
		    cert);
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_session_id_context(ctx, (const uint8_t *)"bench", 5);
	return ctx;
}

static void no_delay(int fd)
{
	const int one = 1;

	bench_check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0, "TCP_NODELAY");
}

/* ---- client ---- */

struct conn {
	SSL *ssl;
	int64_t sent_ns;
};

struct tally {
	double *latency_us;
	size_t n, cap;
	size_t body, bad;
	unsigned int status;
};

static SSL *connect_tls(SSL_CTX *ctx, uint16_t port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(ctx);

	bench_check(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "connect");
	no_delay(fd);
	bench_check(ssl && SSL_set_fd(ssl, fd) && SSL_connect(ssl) == 1, "TLS handshake");
	return ssl;
}

static char *request_octets(const char *target, const char *file, size_t *len)
{
	FILE *f = fopen(file, "rb");
	char *body = talloc_size(NULL, 1 << 20), *all;
	size_t n;

	bench_check(f, file);
	n = fread(body, 1, (1 << 20) - 1, f);
	fclose(f);
	body[n] = '\0';
	all = bench_text("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/soap+xml; charset=utf-8\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 target, n, body);
	*len = strlen(all);
	talloc_free(body);
	return all;
}

static void send_request(struct conn *c, const char *octets, size_t len)
{
	c->sent_ns = bench_wall_ns();
	bench_check(SSL_write(c->ssl, octets, (int)len) == (int)len, "request");
}

/* One answer with Content-Length, read to its end. */
static void read_answer(struct conn *c, struct tally *t)
{
	char buf[65536];
	size_t have = 0, whole = sizeof(buf);
	char *end, *length;

	while (have < whole) {
		int n = SSL_read(c->ssl, buf + have, (int)(sizeof(buf) - 1 - have));

		bench_check(n > 0, "answer");
		have += (size_t)n;
		buf[have] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (whole == sizeof(buf) && end) {
			length = strcasestr(buf, "content-length:");
			bench_check(length && length < end, "Content-Length");
			t->body = (size_t)atol(length + strlen("content-length:"));
			whole = (size_t)(end + 4 - buf) + t->body;
			bench_check(whole < sizeof(buf), "answers below 64 KiB");
		}
	}
	t->status = (unsigned int)atoi(buf + strlen("HTTP/1.1 "));
	t->bad += t->status != 200;
	if (t->n < t->cap)
		t->latency_us[t->n] = (double)(bench_wall_ns() - c->sent_ns) / 1000;
	t->n++;
}

static void load(struct conn *conns, size_t n_conns, const char *octets, size_t len, double seconds, struct tally *t)
{
	struct pollfd *fds = talloc_zero_array(NULL, struct pollfd, (unsigned int)n_conns);
	int64_t end = bench_wall_ns() + (int64_t)(seconds * 1e9);

	for (size_t i = 0; i < n_conns; i++) {
		fds[i] = (struct pollfd){.fd = SSL_get_fd(conns[i].ssl), .events = POLLIN};
		send_request(&conns[i], octets, len);
	}
	while (bench_wall_ns() < end) {
		bench_check(poll(fds, n_conns, 10000) > 0, "nothing comes any more");
		for (size_t i = 0; i < n_conns; i++) {
			if (!fds[i].revents)
				continue;
			read_answer(&conns[i], t);
			send_request(&conns[i], octets, len);
		}
	}
	talloc_free(fds);
}

static int client(char **argv)
{
	SSL_CTX *ctx = tls_ctx(TLS_client_method(), argv[1], argv[2], argv[3]);
	size_t len, n_conns = (size_t)atol(argv[6]);
	char *octets = request_octets(argv[4], argv[5], &len);
	struct conn *conns = talloc_zero_array(NULL, struct conn, (unsigned int)n_conns);
	struct tally t = {.cap = 1000000};
	double seconds = atof(argv[7]);
	int64_t start;

	t.latency_us = talloc_array(NULL, double, (unsigned int)t.cap);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	for (size_t i = 0; i < n_conns; i++)
		conns[i].ssl = connect_tls(ctx, (uint16_t)atoi(argv[0]));
	start = bench_wall_ns();
	load(conns, n_conns, octets, len, seconds, &t);
	seconds = (double)(bench_wall_ns() - start) / 1e9;
	bench_check(t.n > 0 && t.n <= t.cap, "number of answers");
	printf("%.1f %.1f %.1f %zu %u %zu\n", (double)t.n / seconds, bench_quantile(t.latency_us, t.n, 0.5),
	       bench_quantile(t.latency_us, t.n, 0.99), t.body, t.status, t.bad);
	return 0;
}

/* ---- bare server ---- */

struct bare {
	SSL_CTX *tls;
	struct event_base *base;
	xmlParserCtxt *parser;
	xmlSchemaValidCtxt *valid;
	char *reply;
	size_t len;
};

static xmlNode *child_element(xmlNode *node, const char *name)
{
	for (node = node ? node->children : NULL; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && (!name || strcmp((const char *)node->name, name) == 0))
			return node;
	return NULL;
}

static bool is_valid(struct bare *b, struct evbuffer *in)
{
	int len = (int)evbuffer_get_length(in);
	xmlDoc *doc = xmlCtxtReadMemory(b->parser, (const char *)evbuffer_pullup(in, -1), len, NULL, "UTF-8",
					XML_PARSE_NONET | XML_PARSE_COMPACT | XML_PARSE_NOERROR);
	xmlNode *body = doc ? child_element(child_element(xmlDocGetRootElement(doc), "Body"), NULL) : NULL;
	bool good = body && xmlSchemaValidateOneElement(b->valid, body) == 0;

	xmlFreeDoc(doc);
	return good;
}

static void serve(struct evhttp_request *req, void *bare)
{
	struct bare *b = bare;
	struct evbuffer *out = evbuffer_new();

	evbuffer_add(out, b->reply, b->len);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
			  "application/soap+xml; charset=utf-8");
	if (is_valid(b, evhttp_request_get_input_buffer(req)))
		evhttp_send_reply(req, 200, "OK", out);
	else
		evhttp_send_reply(req, 500, "Invalid", out);
	evbuffer_free(out);
}

static struct bufferevent *accept_tls(struct event_base *base, void *bare)
{
	struct bare *b = bare;

	return bufferevent_openssl_socket_new(base, -1, SSL_new(b->tls), BUFFEREVENT_SSL_ACCEPTING,
					      BEV_OPT_CLOSE_ON_FREE);
}

static void on_term(evutil_socket_t sig, short what, void *bare)
{
	struct bare *b = bare;

	event_base_loopbreak(b->base);
}

static void load_schema(struct bare *b, const char *file)
{
	xmlSchemaParserCtxt *p = xmlSchemaNewParserCtxt(file);
	xmlSchema *schema = p ? xmlSchemaParse(p) : NULL;

	bench_check(schema, file);
	xmlSchemaFreeParserCtxt(p);
	b->valid = xmlSchemaNewValidCtxt(schema);
	b->parser = xmlNewParserCtxt();
}

static uint16_t listen_port(struct evhttp_bound_socket *bound)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	bench_check(bound && getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&addr, &len) == 0,
		    "listen");
	/* Without it header and body of an answer wait for the peer's delayed acknowledgement. */
	no_delay(evhttp_bound_socket_get_fd(bound));
	return ntohs(addr.sin_port);
}

static int server(char **argv)
{
	struct bare b = {.tls = tls_ctx(TLS_server_method(), argv[0], argv[1], argv[2]),
			 .base = event_base_new(),
			 .len = (size_t)atol(argv[4])};
	struct evhttp *http = evhttp_new(b.base);

	signal(SIGPIPE, SIG_IGN);
	SSL_CTX_set_verify(b.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	load_schema(&b, argv[3]);
	b.reply = talloc_size(NULL, b.len + 1);
	memset(b.reply, 'a', b.len);
	evhttp_set_gencb(http, serve, &b);
	evhttp_set_bevcb(http, accept_tls, &b);
	printf("port %u\n", listen_port(evhttp_bind_socket_with_handle(http, "127.0.0.1", 0)));
	fflush(stdout);
	event_add(evsignal_new(b.base, SIGTERM, on_term, &b), NULL);
	event_base_dispatch(b.base);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 10 && strcmp(argv[1], "client") == 0)
		return client(argv + 2);
	if (argc == 7 && strcmp(argv[1], "server") == 0)
		return server(argv + 2);
	return 2;
}
