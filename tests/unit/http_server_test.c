/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <osmocom/core/application.h>
#include <osmocom/core/select.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/net/http_server.h"
#include "tests/support/test_peer.h"

#define MAX_BODY 100000

/* The program's own symbol comes before that of libssl: OpenSSL runs out of memory when the test says so. */
static atomic_bool ssl_new_fails;

SSL *SSL_new(SSL_CTX *ctx)
{
	SSL *(*real)(SSL_CTX *) = (SSL * (*)(SSL_CTX *)) dlsym(RTLD_NEXT, "SSL_new");

	return ssl_new_fails ? NULL : real(ctx);
}

/* What the handler hands to the core. */
struct job {
	struct io_job job;
	char *text; /* method path?query type action peer body */
	struct tls_peer *peer;
};

struct fix {
	struct test_pki *pki;
	struct test_cert root, server, client;
	struct io *io;
	struct tls *tls;
	struct http_server *srv;
	uint16_t port;
	struct job *job; /* the last one that came to the core */
};

static int fail_to_encode(struct http_answer *ans)
{
	return -EINVAL;
}

/* In the I/O thread. */
static void handle(struct http_req *req, void *data)
{
	struct job *j;

	if (!strcmp(req->path, "/ignored"))
		return;
	if (!strcmp(req->path, "/now")) {
		struct http_answer *ans = http_answer_alloc(200);

		ans->content_type = "text/plain";
		ans->body = BYTES_LIT("at once");
		http_req_reply_steal(req, ans);
		return;
	}
	j = talloc_zero(NULL, struct job);
	j->job.kind = IO_REQUEST;
	j->peer = tls_peer_dup(j, req->peer);
	j->text = talloc_asprintf(j, "%s %s?%s %s %s %s %.*s", req->method, req->path, req->query ? req->query : "",
				  req->content_type, req->action ? req->action : "-", req->peer->common_name,
				  (int)req->body.len, (const char *)req->body.data);
	http_req_park_steal(req, &j->job);
}

static void start_with(struct fix *f, const struct http_server_conf *conf, unsigned int queue_max, unsigned int threads)
{
	const struct tls_files files = {f->root.cert, f->server.cert, f->server.key};
	const char *err = NULL;

	assert_int_equal(io_start(f, threads, queue_max, &f->io), 0);
	assert_int_equal(tls_load(f, TLS_SERVER, &files, &f->tls, &err), 0);
	assert_int_equal(http_server_start(f, f->io, conf, f->tls, handle, f, &f->srv, &err), 0);
	f->port = http_server_port(f->srv, 0);
}

static void start(struct fix *f, const struct http_server_conf *conf, unsigned int queue_max)
{
	start_with(f, conf, queue_max, 2);
}

static const struct http_listen anywhere = {"127.0.0.1", 0};

static int prepare(void **state)
{
	const struct test_subject server = {.cn = "server", .san = "IP:127.0.0.1"};
	const struct test_subject client = {.cn = "client"};
	struct fix *f = talloc_zero(NULL, struct fix);

	f->pki = test_pki_alloc(f);
	f->root = test_pki_root(f->pki, "root");
	f->server = test_pki_leaf(f->pki, "root", "server", &server);
	f->client = test_pki_leaf(f->pki, "root", "client", &client);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	const struct http_server_conf conf = {.listen = &anywhere, .n_listen = 1, .max_body = MAX_BODY};

	prepare(state);
	start(*state, &conf, 100);
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	ssl_new_fails = false;
	if (f->io)
		io_stop(f->io);
	talloc_free(f);
	return 0;
}

static void keep_job(struct io_job *job, void *data)
{
	struct fix *f = data;

	talloc_free(f->job);
	f->job = container_of(job, struct job, job);
}

static struct job *wait_job(struct fix *f)
{
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		if (io_core_poll(f->io, 1, keep_job, f) == 1)
			return f->job;
		usleep(1000);
	}
	fail_msg("no job came");
	return NULL;
}

static void answer(struct fix *f, uint64_t xid, unsigned int status, const char *body)
{
	struct http_answer *ans = http_answer_alloc(status);

	if (body) {
		ans->content_type = "application/soap+xml; charset=utf-8";
		ans->body = bytes_dup(ans, bytes_str(body));
	}
	http_server_answer_steal(f->srv, xid, ans);
}

static void drop_job(struct fix *f)
{
	talloc_free(f->job);
	f->job = NULL;
}

#define POST(path, len)                                                                   \
	"POST " path " HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml; action=\"A:b\"\r\n" \
	"Content-Length: " len "\r\n\r\n"

static void post_reaches_the_core_and_back(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	const char *got;
	int i;

	assert_non_null(p);
	for (i = 0; i < 3; i++) { /* one connection */
		assert_int_equal(test_peer_send(p, POST("/es4?EntityId=1.2", "5") "hello"), 0);
		assert_string_equal(wait_job(f)->text, "POST /es4?EntityId=1.2 text/xml A:b client hello");
		assert_int_equal(f->job->peer->n_san, 0);
		answer(f, f->job->job.xid, i == 2 ? 202 : 200, i == 2 ? NULL : "<ok/>");
		got = test_peer_read_http(p);
		assert_non_null(strstr(got, i == 2 ? "HTTP/1.1 202 " : "HTTP/1.1 200 "));
		assert_non_null(strstr(got, i == 2 ? "Content-Length: 0\r\n" : "\r\n\r\n<ok/>"));
	}
	assert_int_equal(http_server_get_stats(f->srv).accepted, 1);
	assert_int_equal(http_server_get_stats(f->srv).requests, 3);
	drop_job(f);
}

static void handler_answers_at_once(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	const char *got;

	assert_int_equal(test_peer_send(p, "GET /now?wsdl HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(p), "\r\n\r\nat once"));
	assert_int_equal(test_peer_send(p, "GET /ignored HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(p), " 500 "));
	assert_int_equal(test_peer_send(p, "PUT /now HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"), 0);
	got = test_peer_read_http(p);
	assert_non_null(strstr(got, " 405 "));
	assert_non_null(strstr(got, "Allow: GET, POST\r\n"));
}

static void expect_100_and_chunks(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);

	assert_int_equal(test_peer_send(p, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: a/b\r\n"
					   "Content-Length: 4\r\n\r\n"),
			 0);
	assert_non_null(strstr(test_peer_read_until(p, "\r\n\r\n"), "100 Continue"));
	assert_int_equal(test_peer_send(p, "late"), 0);
	assert_string_equal(wait_job(f)->text, "POST /? a/b - client late");
	answer(f, f->job->job.xid, 204, NULL);
	assert_non_null(strstr(test_peer_read_http(p), " 204 "));
	assert_int_equal(test_peer_send(p, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
					   "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"),
			 0);
	assert_string_equal(wait_job(f)->text, "POST /?  - client abcde");
	answer(f, f->job->job.xid, 200, "x");
	assert_non_null(strstr(test_peer_read_http(p), " 200 "));
	drop_job(f);
}

/* With TLS 1.3 the client learns of a refused certificate only when it reads. */
static void refused(struct fix *f, const char *ca, const struct test_cert *cert)
{
	struct test_peer *p = test_peer_connect(f, f->port, ca, cert);

	if (p) {
		(void)test_peer_send(p, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_string_equal(test_peer_read_http(p), "");
	}
	talloc_free(p);
	assert_int_equal(http_server_get_stats(f->srv).requests, 0);
}

static void strangers_are_refused(void **state)
{
	const struct test_subject late = {.cn = "late", .days = -1};
	struct fix *f = *state;
	struct test_cert expired = test_pki_leaf(f->pki, "root", "late", &late);
	struct test_cert foreign;

	test_pki_root(f->pki, "elsewhere");
	foreign = test_pki_leaf(f->pki, "elsewhere", "foreign", &(struct test_subject){.cn = "client"});
	refused(f, f->root.cert, NULL);
	refused(f, f->root.cert, &foreign);
	refused(f, f->root.cert, &expired);
}

static const char *plain_request(struct fix *f, char *buf, size_t cap)
{
	static const char req[] = "GET /now HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = test_tcp_connect(f->port);
	size_t len = 0;
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(send(fd, req, strlen(req), MSG_NOSIGNAL), strlen(req));
	while (len + 1 < cap && (n = recv(fd, buf + len, cap - 1 - len, 0)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	close(fd);
	return buf;
}

static void plain_text_is_not_served(void **state)
{
	struct fix *f = *state;
	char buf[500];

	assert_null(strstr(plain_request(f, buf, sizeof(buf)), "HTTP/1"));
	assert_int_equal(http_server_get_stats(f->srv).plain, 0);
	/* without a TLS object evhttp would serve the request in plain text */
	ssl_new_fails = true;
	assert_string_equal(plain_request(f, buf, sizeof(buf)), "");
	assert_int_equal(http_server_get_stats(f->srv).plain, 1);
	assert_int_equal(http_server_get_stats(f->srv).requests, 0);
}

static void too_large_is_refused(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	char *line = talloc_zero_size(f, 40000);

	assert_int_equal(test_peer_send(p, POST("/", "100001")), 0);
	assert_non_null(strstr(test_peer_read_http(p), " 413 "));
	assert_int_equal(http_server_get_stats(f->srv).refused, 1);
	p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	memset(line, 'a', 39000);
	assert_int_equal(test_peer_send(p, talloc_asprintf(f, "POST / HTTP/1.1\r\nX: %s\r\n\r\n", line)), 0);
	assert_non_null(strstr(test_peer_read_http(p), " 400 "));
	assert_int_equal(http_server_get_stats(f->srv).requests, 0);
	assert_int_equal(http_server_get_stats(f->srv).refused, 2);
}

static void largest_body_arrives(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	char *body = talloc_zero_size(f, MAX_BODY + 1);

	memset(body, 'b', MAX_BODY);
	assert_int_equal(test_peer_send(p, POST("/", "100000")), 0);
	assert_int_equal(test_peer_send(p, body), 0);
	assert_int_equal(strlen(wait_job(f)->text), strlen("POST /? text/xml A:b client ") + MAX_BODY);
	answer(f, f->job->job.xid, 200, body);
	assert_non_null(strstr(test_peer_read_http(p), body));
	drop_job(f);
}

static void wait_dead(struct fix *f, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < 5000 && http_server_get_stats(f->srv).dead < n; i++)
		usleep(1000);
	assert_int_equal(http_server_get_stats(f->srv).dead, n);
}

static void client_leaves_before_the_answer(void **state)
{
	const struct linger hard = {1, 0};
	struct fix *f = *state;
	struct test_peer *p;
	unsigned int n;

	for (n = 1; n <= 3; n++) {
		p = test_peer_connect(f, f->port, f->root.cert, &f->client);
		assert_int_equal(test_peer_send(p, POST("/", "2") "hi"), 0);
		wait_job(f);
		if (n == 2) /* a reset instead of an orderly end */
			assert_int_equal(setsockopt(test_peer_fd(p), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
		if (n == 3) /* with a request sent ahead */
			assert_int_equal(test_peer_send(p, POST("/", "2") "hi"), 0);
		talloc_free(p);
		wait_dead(f, n);
		answer(f, f->job->job.xid, 200, "too late");
	}
	/* the server goes on */
	answer(f, 0, 200, "to nobody");
	answer(f, UINT64_MAX, 200, "to nobody");
	drop_job(f);
	p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	assert_int_equal(test_peer_send(p, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(p), "at once"));
}

static void pipelined_requests_wait_their_turn(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);

	assert_int_equal(test_peer_send(p, POST("/1", "1") "a" POST("/2", "1") "b"), 0);
	assert_string_equal(wait_job(f)->text, "POST /1? text/xml A:b client a");
	usleep(20000);
	assert_int_equal(io_core_backlog(f->io), 0);
	answer(f, f->job->job.xid, 200, "one");
	assert_non_null(strstr(test_peer_read_http(p), "one"));
	assert_string_equal(wait_job(f)->text, "POST /2? text/xml A:b client b");
	answer(f, f->job->job.xid, 200, "two");
	assert_non_null(strstr(test_peer_read_http(p), "two"));
	drop_job(f);
}

static void answer_is_encoded_in_the_thread(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	struct http_answer *ans = http_answer_alloc(200);

	assert_int_equal(http_answer_add_header(ans, "X-Test", "a\r\nb"), -EINVAL);
	assert_int_equal(http_answer_add_header(ans, "X: Test", "a"), -EINVAL);
	assert_int_equal(http_answer_add_header(ans, "X-Test", "a"), 0);
	ans->encode = fail_to_encode;
	assert_int_equal(test_peer_send(p, POST("/", "0")), 0);
	http_server_answer_steal(f->srv, wait_job(f)->job.xid, ans);
	assert_non_null(strstr(test_peer_read_http(p), " 500 "));
	drop_job(f);
}

static void full_queue_is_answered_503(void **state)
{
	const struct http_server_conf conf = {.listen = &anywhere, .n_listen = 1};
	struct fix *f = *state;
	struct test_peer *p[3];
	const char *got;
	int i;

	start(f, &conf, 2);
	for (i = 0; i < 3; i++) {
		p[i] = test_peer_connect(f, f->port, f->root.cert, &f->client);
		assert_int_equal(test_peer_send(p[i], POST("/", "0")), 0);
		while (i < 2 && io_core_backlog(f->io) < (unsigned int)i + 1)
			usleep(1000);
	}
	got = test_peer_read_http(p[2]);
	assert_non_null(strstr(got, " 503 "));
	assert_non_null(strstr(got, "Retry-After: 5\r\n"));
	for (i = 0; i < 2; i++) {
		answer(f, wait_job(f)->job.xid, 200, "ok");
		assert_non_null(strstr(test_peer_read_http(p[i]), " 200 "));
	}
	assert_int_equal(http_server_get_stats(f->srv).overload, 1);
	drop_job(f);
}

static void slow_clients_are_cut(void **state)
{
	const struct http_server_conf conf = {.listen = &anywhere,
					      .n_listen = 1,
					      .request_timeout_ms = 300,
					      .idle_timeout_ms = 300,
					      .answer_timeout_ms = 300};
	struct fix *f = *state;
	struct test_peer *p;
	int fd, i;
	char c;

	start(f, &conf, 100);
	/* silence instead of a handshake */
	fd = test_tcp_connect(f->port);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
	/* an octet now and then: each comes in time, the whole request does not */
	p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	assert_non_null(p);
	assert_int_equal(test_peer_send(p, "POST / HTTP/1.1\r\nX: "), 0);
	for (i = 0; i < 200 && test_peer_send(p, "x") == 0; i++)
		usleep(20000);
	assert_in_range(i, 1, 199);
	/* silence after a request */
	p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	assert_int_equal(test_peer_send(p, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(p), "at once"));
	assert_string_equal(test_peer_read_http(p), "");
	assert_int_equal(http_server_get_stats(f->srv).timed_out, 3);
	/* the core is late */
	p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	assert_int_equal(test_peer_send(p, POST("/", "0")), 0);
	assert_non_null(strstr(test_peer_read_http(p), " 503 "));
	answer(f, wait_job(f)->job.xid, 200, "late");
	drop_job(f);
}

static void connections_are_capped(void **state)
{
	const struct http_server_conf conf = {.listen = &anywhere, .n_listen = 1, .max_conns = 4};
	struct fix *f = *state;
	struct test_peer *p[4];
	int extra[6];

	start(f, &conf, 100);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = test_peer_connect(f, f->port, f->root.cert, &f->client);
		assert_non_null(p[i]);
		assert_int_equal(test_peer_send(p[i], POST("/", "0")), 0);
		while (io_core_backlog(f->io) < i + 1)
			usleep(1000);
	}
	for (size_t i = 0; i < ARRAY_SIZE(extra); i++) { /* each of the two threads may have one more */
		extra[i] = test_tcp_connect(f->port);
		usleep(20000);
		assert_in_range(http_server_get_stats(f->srv).open, 5, 6);
	}
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) { /* nobody is cut whose answer is being made */
		answer(f, wait_job(f)->job.xid, 200, "ok");
		assert_non_null(strstr(test_peer_read_http(p[i]), " 200 "));
		close(extra[i]);
	}
	close(extra[4]);
	close(extra[5]);
	drop_job(f);
}

/* Whoever opens connections and says nothing gives way to whom has something to say. */
static void silent_ones_give_way(void **state)
{
	const struct http_server_conf conf = {.listen = &anywhere, .n_listen = 1, .max_conns = 4};
	struct fix *f = *state;
	int silent[12];
	struct test_peer *p;
	char c;

	start_with(f, &conf, 100, 1); /* which of two threads accepts is chance */
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		silent[i] = test_tcp_connect(f->port);
	p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	assert_non_null(p);
	assert_int_equal(test_peer_send(p, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(p), "at once"));
	assert_int_equal(recv(silent[0], &c, 1, 0), 0); /* the oldest went first */
	assert_true(http_server_get_stats(f->srv).crowded >= 8);
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		close(silent[i]);
}

static int connect_from(const char *own, uint16_t port)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(inet_pton(AF_INET, own, &from.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &to.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static bool still_open(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* An address with too many handshakes under way loses the oldest of them; nobody else loses anything. */
static void handshakes_of_one_address_are_capped(void **state)
{
	const struct http_server_conf conf = {.listen = &anywhere, .n_listen = 1, .max_handshakes = 3};
	struct fix *f = *state;
	struct test_peer *done = NULL;
	int other, many[20];

	start_with(f, &conf, 100, 1);
	other = connect_from("127.0.0.2", f->port);
	for (size_t i = 0; i < 8; i++) { /* through with their handshakes: they do not count */
		done = test_peer_connect(f, f->port, f->root.cert, &f->client);
		assert_non_null(done);
	}
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = connect_from("127.0.0.3", f->port);
	for (unsigned int i = 0; i < 5000 && http_server_get_stats(f->srv).crowded < ARRAY_SIZE(many) - 3; i++)
		usleep(1000);
	assert_int_equal(test_peer_send(done, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(done), "at once"));
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		assert_int_equal(still_open(many[i]), i >= ARRAY_SIZE(many) - 3);
	assert_true(still_open(other));
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		close(many[i]);
	close(other);
}

/* Find the server's end of a connection among our own descriptors. */
static int server_end(const struct test_peer *p)
{
	struct sockaddr_in mine, peer;
	socklen_t len = sizeof(mine);
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int found = -1;

	assert_int_equal(getsockname(test_peer_fd(p), (struct sockaddr *)&mine, &len), 0);
	while ((e = readdir(d))) {
		int fd = atoi(e->d_name);

		len = sizeof(peer);
		if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
		    peer.sin_port == mine.sin_port)
			found = fd;
	}
	closedir(d);
	return found;
}

static void answers_do_not_wait_for_acks(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);
	socklen_t len = sizeof(int);
	int on = 0, fd = server_end(p);

	assert_true(fd >= 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_int_equal(on, 1);
}

static void certificates_change_while_running(void **state)
{
	const struct test_subject server = {.cn = "server", .san = "IP:127.0.0.1"};
	struct fix *f = *state;
	struct test_peer *old = test_peer_connect(f, f->port, f->root.cert, &f->client);
	struct test_cert root2 = test_pki_root(f->pki, "root2");
	struct test_cert server2 = test_pki_leaf(f->pki, "root2", "server2", &server);
	struct test_cert client2 = test_pki_leaf(f->pki, "root2", "client2", &(struct test_subject){.cn = "client"});
	const struct tls_files files = {root2.cert, server2.cert, server2.key};
	struct test_peer *p;
	const char *err;
	struct tls *tls;
	int i;

	assert_int_equal(tls_load(f, TLS_SERVER, &files, &tls, &err), 0);
	http_server_set_tls(f->srv, tls);
	talloc_free(tls);
	for (i = 0, p = NULL; i < 100 && !p; i++) {
		usleep(1000);
		p = test_peer_connect(f, f->port, root2.cert, &client2);
	}
	assert_non_null(p);
	assert_int_equal(test_peer_send(p, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(p), "at once"));
	/* what stands goes on */
	assert_int_equal(test_peer_send(old, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(old), "at once"));
}

static void drain_finishes_what_is_parked(void **state)
{
	struct fix *f = *state;
	struct test_peer *busy = test_peer_connect(f, f->port, f->root.cert, &f->client);
	struct test_peer *idle = test_peer_connect(f, f->port, f->root.cert, &f->client);
	const char *got;
	int i, fd;

	assert_int_equal(test_peer_send(idle, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	assert_non_null(strstr(test_peer_read_http(idle), "at once"));
	assert_int_equal(test_peer_send(busy, POST("/", "0")), 0);
	wait_job(f);
	http_server_drain(f->srv);
	assert_string_equal(test_peer_read_http(idle), "");
	for (i = 0, fd = 0; i < 1000 && (fd = test_tcp_connect(f->port)) >= 0; i++) {
		close(fd);
		usleep(1000);
	}
	assert_int_equal(fd, -1);
	answer(f, f->job->job.xid, 200, "last");
	got = test_peer_read_until(busy, "never");
	assert_non_null(strstr(got, "last"));
	assert_non_null(strstr(got, "Connection: close\r\n"));
	drop_job(f);
}

static void stop_with_parked_requests(void **state)
{
	struct fix *f = *state;
	struct test_peer *p = test_peer_connect(f, f->port, f->root.cert, &f->client);

	assert_int_equal(test_peer_send(p, POST("/", "0")), 0);
	wait_job(f);
	drop_job(f);
	io_stop(f->io);
	f->io = NULL;
	assert_string_equal(test_peer_read_http(p), "");
}

static void bad_addresses_are_named(void **state)
{
	const struct http_listen taken = {"127.0.0.1", ((struct fix *)*state)->port};
	const struct http_listen name = {"localhost", 0};
	struct http_server_conf conf = {.listen = &taken, .n_listen = 1};
	struct fix *f = *state;
	struct http_server *srv;
	const char *err;

	assert_int_equal(http_server_start(f, f->io, &conf, f->tls, handle, f, &srv, &err), -EADDRINUSE);
	assert_non_null(strstr(err, "127.0.0.1 port"));
	conf.listen = &name;
	assert_int_equal(http_server_start(f, f->io, &conf, f->tls, handle, f, &srv, &err), -EINVAL);
	conf.n_listen = 0;
	assert_int_equal(http_server_start(f, f->io, &conf, f->tls, handle, f, &srv, &err), -EINVAL);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ALONE(name) cmocka_unit_test_setup_teardown(name, prepare, teardown)

/* For tests/third/https_test.sh: serve until standard input ends.  Says port, root, certificate and key on one line. */
static int serve(void)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};
	struct fix *f;

	setup((void **)&f);
	printf("%u %s %s %s\n", f->port, f->root.cert, f->client.cert, f->client.key);
	fflush(stdout);
	while (poll(&in, 1, 5) == 0) {
		while (io_core_poll(f->io, 1, keep_job, f) == 1) {
			answer(f, f->job->job.xid, 200, f->job->text);
			drop_job(f);
		}
	}
	teardown((void **)&f);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SERVED(post_reaches_the_core_and_back),
		SERVED(handler_answers_at_once),
		SERVED(expect_100_and_chunks),
		SERVED(strangers_are_refused),
		SERVED(plain_text_is_not_served),
		SERVED(too_large_is_refused),
		SERVED(largest_body_arrives),
		SERVED(client_leaves_before_the_answer),
		SERVED(pipelined_requests_wait_their_turn),
		SERVED(answer_is_encoded_in_the_thread),
		ALONE(full_queue_is_answered_503),
		ALONE(slow_clients_are_cut),
		ALONE(connections_are_capped),
		ALONE(silent_ones_give_way),
		ALONE(handshakes_of_one_address_are_capped),
		SERVED(answers_do_not_wait_for_acks),
		SERVED(certificates_change_while_running),
		SERVED(drain_finishes_what_is_parked),
		SERVED(stop_with_parked_requests),
		SERVED(bad_addresses_are_named),
	};

	osmo_init_logging2(NULL, &log_info_esim);
	osmo_init_ignore_signals();
	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
