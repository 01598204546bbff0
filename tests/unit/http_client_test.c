/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/dns.h>
#include <osmocom/core/application.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/net/http_client.h"
#include "common/net/http_server.h"
#include "tests/support/test_peer.h"

struct fix {
	struct test_pki *pki;
	struct test_cert root, server, client;
	struct io *io;
	struct http_client *cl;
	struct http_server *srv;
	uint16_t port;
	struct http_result *result; /* the last one */
};

/* Name server of these tests: it hears every question and answers none. */
static struct {
	int fd;
	char addr[sizeof("127.0.0.1:65535")];
} names;

/* In place of libevent's, so that no question leaves the loopback, whatever /etc/resolv.conf says. */
struct evdns_base *evdns_base_new(struct event_base *base, int flags)
{
	static struct evdns_base *(*libevent)(struct event_base *, int);
	struct evdns_base *dns;

	if (!libevent)
		*(void **)&libevent = dlsym(RTLD_NEXT, "evdns_base_new");
	dns = libevent(base, flags & ~EVDNS_BASE_INITIALIZE_NAMESERVERS);
	if (!dns || evdns_base_nameserver_ip_add(dns, names.addr) != 0)
		abort();
	evdns_base_load_hosts(dns, "/etc/hosts");
	return dns;
}

static void names_open(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	names.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (names.fd < 0 || bind(names.fd, (struct sockaddr *)&sin, len) < 0 ||
	    getsockname(names.fd, (struct sockaddr *)&sin, &len) < 0)
		abort();
	OSMO_ASSERT(snprintf(names.addr, sizeof(names.addr), "127.0.0.1:%u", ntohs(sin.sin_port)) <
		    (int)sizeof(names.addr));
}

/* Whether a name was asked for, within 5 s.  A question has the length of a label before it. */
static bool names_asked(const char *label)
{
	const struct timeval limit = {.tv_sec = 5};
	char question[512];
	ssize_t n;

	assert_int_equal(setsockopt(names.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	while ((n = recv(names.fd, question, sizeof(question), 0)) > 0) {
		for (ssize_t i = 12; i + (ssize_t)strlen(label) <= n; i++) {
			if (strncasecmp(question + i, label, strlen(label)) == 0)
				return true;
		}
	}
	return false;
}

/* Our own server as the other side of the ordinary cases: the path says what it answers. */
static void handle(struct http_req *req, void *data)
{
	struct http_answer *ans = http_answer_alloc(202);

	if (!strcmp(req->path, "/echo")) {
		ans->status = 200;
		ans->content_type = "text/plain";
		ans->body = bytes_str(talloc_asprintf(ans, "%s %s %s %.*s", req->content_type,
						      req->query ? req->query : "-", req->peer->common_name,
						      (int)req->body.len, (const char *)req->body.data));
	} else if (!strcmp(req->path, "/fail")) {
		ans->status = 500;
	} else if (!strcmp(req->path, "/busy")) {
		talloc_free(ans);
		ans = http_answer_busy(17);
	} else if (!strcmp(req->path, "/moved")) {
		ans->status = 302;
		assert_int_equal(http_answer_add_header(ans, "Location", "/echo"), 0);
	} else if (!strcmp(req->path, "/huge")) {
		ans->body = bytes_of(talloc_zero_size(ans, 20000), 20000);
		ans->status = 200;
	}
	http_req_reply_steal(req, ans);
}

static void start_client(struct fix *f, const char *ca, const struct http_client_conf *conf)
{
	const struct tls_files files = {ca, f->client.cert, f->client.key};
	const char *err = NULL;
	struct tls *tls;

	assert_int_equal(tls_load(f, TLS_CLIENT, &files, &tls, &err), 0);
	assert_int_equal(http_client_start(f, f->io, conf, tls, &f->cl), 0);
	talloc_free(tls);
}

static int setup(void **state)
{
	static const struct http_listen anywhere = {"127.0.0.1", 0};
	const struct http_server_conf sconf = {.listen = &anywhere, .n_listen = 1};
	const struct http_client_conf cconf = {.max_conns_host = 2, .max_waiting = 20, .max_body = 10000};
	const struct test_subject server = {.cn = "server", .san = "IP:127.0.0.1,DNS:localhost"};
	struct fix *f = talloc_zero(NULL, struct fix);
	const char *err = NULL;
	struct tls *tls;

	f->pki = test_pki_alloc(f);
	f->root = test_pki_root(f->pki, "root");
	f->server = test_pki_leaf(f->pki, "root", "server", &server);
	f->client = test_pki_leaf(f->pki, "root", "client", &(struct test_subject){.cn = "client"});
	assert_int_equal(io_start(f, 2, 100, &f->io), 0);
	assert_int_equal(
		tls_load(f, TLS_SERVER, &(struct tls_files){f->root.cert, f->server.cert, f->server.key}, &tls, &err),
		0);
	assert_int_equal(http_server_start(f, f->io, &sconf, tls, handle, f, &f->srv, &err), 0);
	f->port = http_server_port(f->srv, 0);
	start_client(f, f->root.cert, &cconf);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	io_stop(f->io);
	talloc_free(f->result);
	talloc_free(f);
	return 0;
}

static void keep_result(struct io_job *job, void *data)
{
	struct fix *f = data;

	assert_int_equal(job->kind, IO_RESULT);
	talloc_free(f->result);
	f->result = container_of(job, struct http_result, job);
}

static struct http_result *wait_result(struct fix *f)
{
	unsigned int i;

	for (i = 0; i < 8000; i++) {
		if (io_core_poll(f->io, 1, keep_result, f) == 1)
			return f->result;
		usleep(1000);
	}
	fail_msg("no result came");
	return NULL;
}

static int post(struct fix *f, const char *host, uint16_t port, const char *path, unsigned int timeout_ms, uint64_t ref)
{
	struct http_call *c = http_call_alloc();
	int rc;

	c->url = talloc_asprintf(c, "https://%s:%u%s", host, port, path);
	c->content_type = "application/soap+xml";
	c->body = BYTES_LIT("<x/>");
	c->timeout_ms = timeout_ms;
	c->ref = ref;
	rc = http_client_post_steal(f->cl, c);
	if (rc < 0)
		talloc_free(c);
	return rc;
}

static struct http_result *call(struct fix *f, const char *host, uint16_t port, const char *path,
				unsigned int timeout_ms)
{
	assert_int_equal(post(f, host, port, path, timeout_ms, 7), 0);
	return wait_result(f);
}

static void expect(const struct http_result *r, enum http_outcome outcome, unsigned int status)
{
	if (r->outcome != outcome || r->status != status)
		fail_msg("%s %u (%s)", http_outcome_name(r->outcome), r->status, r->detail);
}

static void answers_come_back(void **state)
{
	struct fix *f = *state;
	struct http_result *r = call(f, "127.0.0.1", f->port, "/echo?EntityId=1.2", 5000);

	expect(r, HTTP_ANSWERED, 200);
	assert_int_equal(r->ref, 7);
	assert_string_equal(r->content_type, "text/plain");
	assert_true(bytes_eq(r->body, bytes_str("application/soap+xml EntityId=1.2 client <x/>")));
	expect(call(f, "localhost", f->port, "/", 5000), HTTP_ANSWERED, 202);
	assert_int_equal(f->result->body.len, 0);
	expect(call(f, "127.0.0.1", f->port, "/fail", 5000), HTTP_ANSWERED, 500);
	r = call(f, "127.0.0.1", f->port, "/busy", 5000);
	expect(r, HTTP_ANSWERED, 503);
	assert_int_equal(r->retry_after_s, 17);
	expect(call(f, "127.0.0.1", f->port, "/moved", 5000), HTTP_ANSWERED, 302);
	expect(call(f, "127.0.0.1", f->port, "/huge", 5000), HTTP_E_PROTOCOL, 0);
	assert_int_equal(http_client_pending(f->cl), 0);
}

static void connections_are_kept(void **state)
{
	struct fix *f = *state;
	uint64_t refs = 0;
	int i;

	for (i = 0; i < 20; i++)
		assert_int_equal(post(f, "127.0.0.1", f->port, "/echo", 5000, (uint64_t)1 << i), 0);
	for (i = 0; i < 20; i++) {
		expect(wait_result(f), HTTP_ANSWERED, 200);
		refs += f->result->ref;
	}
	assert_int_equal(refs, 0xfffff);
	assert_int_equal(http_server_get_stats(f->srv).accepted, 2);
}

static void too_many_calls_are_refused(void **state)
{
	struct fix *f = *state;
	uint16_t silent;
	int fd = test_tcp_listen(&silent);

	for (int i = 0; i < 20; i++)
		assert_int_equal(post(f, "127.0.0.1", silent, "/", 60000, 1), 0);
	assert_int_equal(http_client_pending(f->cl), 20);
	assert_int_equal(post(f, "127.0.0.1", silent, "/", 60000, 1), -EAGAIN);
	close(fd);
}

static uint16_t port_of(const struct sockaddr_in *sin)
{
	return sin->sin_family == AF_INET ? ntohs(sin->sin_port) : 0;
}

/* Both ends of a connection live in this process.  \returns how many sockets have the port at one end */
static unsigned int count_ends(uint16_t port, bool *each_nodelay)
{
	unsigned int n = 0;

	*each_nodelay = true;
	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_in own = {0}, peer = {0};
		socklen_t own_len = sizeof(own), peer_len = sizeof(peer), len = sizeof(int);
		int on = 0;

		if (getsockname(fd, (struct sockaddr *)&own, &own_len) < 0 ||
		    getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0 ||
		    (port_of(&own) != port && port_of(&peer) != port))
			continue;
		n++;
		if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) < 0 || !on)
			*each_nodelay = false;
	}
	return n;
}

/* With the option of each end each answer comes at once; without it after the 40 ms of a delayed ACK. */
static void a_kept_connection_does_not_wait(void **state)
{
	struct fix *f = *state;
	bool each_nodelay;

	for (int i = 0; i < 40; i++)
		expect(call(f, "127.0.0.1", f->port, "/echo", 5000), HTTP_ANSWERED, 200);
	assert_int_equal(http_server_get_stats(f->srv).accepted, 1);
	assert_int_equal(count_ends(f->port, &each_nodelay), 2);
	assert_true(each_nodelay);
}

static void bad_urls_are_refused(void **state)
{
	static const char *const bad[] = {
		"http://a/",
		"https://",
		"https:///x",
		"a",
		"",
		"https://u:p@a/",
		"https://a/#b",
		"https://a:0/",
		"https://a:70000/",
		"https://a/ b",
		"ftp://a/",
		"https://a\r\nX: y/",
		"//a/b",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (http_url_check(bad[i]) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(http_url_check(NULL), -EINVAL);
	assert_int_equal(http_url_check("https://a"), 0);
	assert_int_equal(http_url_check("HTTPS://[::1]:8443/a?b=c&d"), 0);
}

static void a_prefix_ends_at_a_border(void **state)
{
	static const char *const below[] = {"https://a/x", "https://a/x/", "https://a/x/y", "https://a/x?z=..",
					    "https://a/x/y?z=%2e"};
	static const char *const not_below[] = {
		"https://a/xy",		 "https://a/",	       "https://a/x/../y",
		"https://a/x/%2E%2E/y",	 "https://a/x/%2e./y", "https://a.b/x",
		"https://b/x",		 "http://a/x",	       "https://a/x#y",
		"https://a/x:8443/../y", "https://a/x/y/..?z",
	};

	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		if (!http_url_is_below("https://a/x", below[i]))
			fail_msg("refused: %s", below[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(not_below); i++) {
		if (http_url_is_below("https://a/x", not_below[i]))
			fail_msg("taken: %s", not_below[i]);
	}
	assert_true(http_url_is_below("https://a/x/", "https://a/x/y"));
	assert_false(http_url_is_below("https://a/x/", "https://a/x"));
	assert_false(http_url_is_below("", "https://a/x"));
	assert_false(http_url_is_below(NULL, "https://a/x"));
}

#define LABEL_64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static void refused_and_unknown(void **state)
{
	struct fix *f = *state;
	uint16_t port;
	int fd = test_tcp_listen(&port);

	close(fd);
	expect(call(f, "127.0.0.1", port, "/", 5000), HTTP_E_CONNECT, 0);
	/* a label of more than 63 octets is no name: refused without asking a name server */
	expect(call(f, LABEL_64 ".invalid", port, "/", 5000), HTTP_E_DNS, 0);
}

static void wrong_servers_are_refused(void **state)
{
	struct fix *f = *state;
	struct test_cert root2 = test_pki_root(f->pki, "root2");
	const struct http_client_conf conf = {0};

	expect(call(f, "127.0.0.2", f->port, "/", 5000), HTTP_E_CONNECT, 0);
	expect(call(f, "localhost", f->port, "/", 5000), HTTP_ANSWERED, 202);
	expect(call(f, "[::1]", f->port, "/", 5000), HTTP_E_CONNECT, 0);
	start_client(f, root2.cert, &conf);
	expect(call(f, "127.0.0.1", f->port, "/", 5000), HTTP_E_TLS, 0);
	assert_string_equal(f->result->detail, "certificate of the peer: unable to get local issuer certificate");
}

static void a_list_of_revoked_certificates_counts(void **state)
{
	struct fix *f = *state;
	const struct http_client_conf conf = {0};

	start_client(f, test_pki_crl(f->pki, "root", "crl-none.pem", NULL), &conf);
	expect(call(f, "127.0.0.1", f->port, "/", 5000), HTTP_ANSWERED, 202);
	start_client(f, test_pki_crl(f->pki, "root", "crl-client.pem", &f->client), &conf);
	expect(call(f, "127.0.0.1", f->port, "/", 5000), HTTP_ANSWERED, 202);
	start_client(f, test_pki_crl(f->pki, "root", "crl-server.pem", &f->server), &conf);
	expect(call(f, "127.0.0.1", f->port, "/", 5000), HTTP_E_TLS, 0);
	assert_string_equal(f->result->detail, "certificate of the peer: certificate revoked");
}

/* A server that does one odd thing for each connection, in a thread of its own. */
struct odd {
	int fd;
	uint16_t port;
	pthread_t thread;
	struct test_cert cert;
	enum {
		SAY_NOTHING,
		NOT_HTTP,
		CLOSE_EARLY,
		PLAIN,
		KEEP_THEN_CLOSE
	} what;
};

#define OK_202 "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"

static void odd_tls(struct odd *o, struct test_peer *p)
{
	if (!p)
		return;
	(void)test_peer_read_http(p);
	if (o->what == NOT_HTTP)
		(void)test_peer_send(p, "220 hello, this is mail\r\n\r\n");
	if (o->what == CLOSE_EARLY)
		(void)test_peer_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
	if (o->what == KEEP_THEN_CLOSE) {
		(void)test_peer_send(p, OK_202);
		(void)test_peer_read_http(p); /* the second request gets no answer here */
		talloc_free(p);
		p = test_peer_accept(NULL, o->fd, &o->cert);
		(void)test_peer_read_http(p);
		(void)test_peer_send(p, OK_202);
		(void)test_peer_read_http(p);
	}
	if (o->what == SAY_NOTHING)
		(void)test_peer_read_http(p);
	talloc_free(p);
}

static void *odd_main(void *arg)
{
	struct odd *o = arg;
	char buf[100];
	int fd;

	if (o->what != PLAIN) {
		odd_tls(o, test_peer_accept(NULL, o->fd, &o->cert));
		return NULL;
	}
	fd = accept(o->fd, NULL, NULL);
	(void)!recv(fd, buf, sizeof(buf), 0);
	(void)!send(fd, OK_202, strlen(OK_202), MSG_NOSIGNAL);
	(void)!recv(fd, buf, sizeof(buf), 0);
	close(fd);
	return NULL;
}

static void odd_start(struct odd *o, const struct test_cert *cert, int what)
{
	o->fd = test_tcp_listen(&o->port);
	o->cert = *cert;
	o->what = what;
	assert_int_equal(pthread_create(&o->thread, NULL, odd_main, o), 0);
}

static void odd_stop(struct odd *o)
{
	pthread_join(o->thread, NULL);
	close(o->fd);
}

static void odd_servers(void **state)
{
	const struct test_subject elsewhere = {.cn = "127.0.0.1", .san = "DNS:elsewhere.example"};
	const struct test_subject nameless = {.cn = "x", .san = "DNS:elsewhere.example,DNS:l*t,IP:127.0.0.1"};
	struct fix *f = *state;
	struct test_cert wrong = test_pki_leaf(f->pki, "root", "wrong", &elsewhere);
	struct test_cert other = test_pki_leaf(f->pki, "root", "other", &nameless);
	const struct {
		const char *host;
		const struct test_cert *cert;
		int what;
		enum http_outcome outcome;
		const char *detail;
	} rows[] = {
		{"127.0.0.1", &f->server, SAY_NOTHING, HTTP_E_TIMEOUT, "no answer"},
		{"127.0.0.1", &f->server, NOT_HTTP, HTTP_E_PROTOCOL, ""},
		{"127.0.0.1", &f->server, CLOSE_EARLY, HTTP_E_PROTOCOL, "closed"},
		{"127.0.0.1", &f->server, PLAIN, HTTP_E_TLS, ""},
		{"127.0.0.1", &wrong, SAY_NOTHING, HTTP_E_TLS, "mismatch"},
		{"localhost", &other, SAY_NOTHING, HTTP_E_TLS, "mismatch"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct odd o;

		odd_start(&o, rows[i].cert, rows[i].what);
		call(f, rows[i].host, o.port, "/", 1000);
		expect(f->result, rows[i].outcome, 0);
		if (!strstr(f->result->detail, rows[i].detail))
			fail_msg("row %zu: %s", i, f->result->detail);
		odd_stop(&o);
	}
}

static void connecting_is_limited_too(void **state)
{
	struct fix *f = *state;
	uint16_t port;
	int fd = test_tcp_listen(&port);

	/* the kernel accepts, nobody shakes hands */
	expect(call(f, "127.0.0.1", port, "/", 100), HTTP_E_TIMEOUT, 0);
	assert_non_null(strstr(f->result->detail, "handshake"));
	close(fd);
}

static void a_kept_connection_may_be_stale(void **state)
{
	struct fix *f = *state;
	struct odd o;

	odd_start(&o, &f->server, KEEP_THEN_CLOSE);
	expect(call(f, "127.0.0.1", o.port, "/", 3000), HTTP_ANSWERED, 202);
	expect(call(f, "127.0.0.1", o.port, "/", 3000), HTTP_ANSWERED, 202);
	io_stop(f->io);
	assert_int_equal(io_start(f, 1, 1, &f->io), 0);
	odd_stop(&o);
}

static void our_certificate_is_refused(void **state)
{
	struct fix *f = *state;
	struct test_cert root2 = test_pki_root(f->pki, "root2");
	const struct http_client_conf conf = {0};

	f->client = test_pki_leaf(f->pki, "root2", "client2", &(struct test_subject){.cn = "client"});
	start_client(f, f->root.cert, &conf);
	call(f, "127.0.0.1", f->port, "/", 5000);
	/* the reset of the connection may overtake the alert */
	if (f->result->outcome != HTTP_E_TLS) {
		expect(f->result, HTTP_E_PROTOCOL, 0);
		assert_non_null(strstr(f->result->detail, "refused our certificate"));
	}
	assert_non_null(root2.cert);
}

static void new_certificates_are_used(void **state)
{
	struct fix *f = *state;
	const char *err;
	struct tls *tls;

	expect(call(f, "127.0.0.1", f->port, "/echo", 5000), HTTP_ANSWERED, 200);
	f->client = test_pki_leaf(f->pki, "root", "renewed", &(struct test_subject){.cn = "renewed"});
	assert_int_equal(
		tls_load(f, TLS_CLIENT, &(struct tls_files){f->root.cert, f->client.cert, f->client.key}, &tls, &err),
		0);
	http_client_set_tls(f->cl, tls);
	talloc_free(tls);
	expect(call(f, "127.0.0.1", f->port, "/echo", 5000), HTTP_ANSWERED, 200);
	assert_true(bytes_eq(f->result->body, bytes_str("application/soap+xml - renewed <x/>")));
}

static void stop_with_calls_under_way(void **state)
{
	struct fix *f = *state;
	uint16_t port;
	int i, fd = test_tcp_listen(&port);

	for (i = 0; i < 5; i++)
		assert_int_equal(post(f, "127.0.0.1", port, "/", 60000, 1), 0);
	for (i = 0; i < 5; i++)
		assert_int_equal(post(f, "smsr.invalid", port, "/", 60000, 1), 0);
	assert_true(names_asked("\x04"
				"smsr"
				"\x07"
				"invalid"));
	io_stop(f->io);
	assert_int_equal(io_start(f, 1, 1, &f->io), 0);
	close(fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answers_come_back),
		T(connections_are_kept),
		T(too_many_calls_are_refused),
		T(a_kept_connection_does_not_wait),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(a_prefix_ends_at_a_border),
		T(refused_and_unknown),
		T(wrong_servers_are_refused),
		T(a_list_of_revoked_certificates_counts),
		T(odd_servers),
		T(connecting_is_limited_too),
		T(a_kept_connection_may_be_stale),
		T(our_certificate_is_refused),
		T(new_certificates_are_used),
		T(stop_with_calls_under_way),
	};

	names_open();
	osmo_init_logging2(NULL, &log_info_esim);
	osmo_init_ignore_signals();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
