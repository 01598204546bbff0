/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PSK-TLS sessions with one poll (handshake, first POST, 204, close) and idle connections: our server with parser and
 * dialogue, the answer made in the core thread, against a bare loop of epoll and OpenSSL with the same settings that
 * answers fixed octets.  Without the store: what a session costs there is measured with the push pipeline.
 *
 *   psk_bench [--quick]
 *
 * Servers are children, so that their processor time and memory are theirs alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <osmocom/core/application.h>
#include <osmocom/core/select.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/net/psk_server.h"
#include "scp81/dialog.h"
#include "tests/bench/bench.h"

#define EID "89001012012341234012345678901224"
#define IDENTITY                                 \
	"80010281108900101201234123401234567890" \
	"12244F10A0000005591010FFFFFFFF8900000100820101830140"
#define REQUEST                                                            \
	"POST /gsma/adminagent?tid=17 HTTP/1.1\r\nHost: sm-sr.example\r\n" \
	"X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"            \
	"X-Admin-From: //se-id/eid/" EID ";//aa-id/aid/A000000559/1010FFFFFFFF8900000100\r\n\r\n"
#define IDLE_REQUEST "POST /idle HTTP/1.1\r\nHost: x\r\n\r\n"
#define END "HTTP/1.1 204 No Content\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n"
#define N_CLIENTS 4
#define RECORD_MAX 16384

static const uint8_t psk[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* ---- control of a server: 'c' asks for its CPU time in ns, 'm' for its memory in KB, 'q' ends it ---- */

static int64_t resident_kb(void)
{
	char line[128];
	long size, pages;
	FILE *f = fopen("/proc/self/statm", "r");

	bench_check(f && fgets(line, sizeof(line), f) && sscanf(line, "%ld %ld", &size, &pages) == 2, "statm");
	fclose(f);
	return (int64_t)pages * sysconf(_SC_PAGESIZE) / 1024;
}

/* false: the bench is over. */
static bool control(int fd)
{
	int64_t value;
	char c;

	if (read(fd, &c, 1) != 1 || c == 'q')
		return false;
	value = c == 'c' ? bench_process_ns() : resident_kb();
	bench_check(write(fd, &value, sizeof(value)) == sizeof(value), "control");
	return true;
}

/* ---- our server ---- */

struct ours {
	struct io *io;
	struct psk_server *srv;
	int control;
	bool over;
};

struct session {
	struct http_rx *rx;
	uint64_t id;
	struct io *io;
	unsigned int nth;
};

struct post {
	struct io_job job;
	uint64_t id;
	unsigned int nth;
	struct http_msg *msg;
};

static size_t get_key(void *data, unsigned int thread, const char *identity, uint8_t *key)
{
	memcpy(key, psk, sizeof(psk));
	return sizeof(psk);
}

static void *opened(void *data, const struct psk_peer *peer)
{
	struct session *s = talloc_zero(NULL, struct session);

	s->rx = http_rx_alloc(s, HTTP_SIDE_REQUESTS, &(struct http_rx_conf){0});
	s->id = peer->id;
	s->io = peer->io;
	return s;
}

static enum psk_next input(void *data, void *state, struct bytes in, size_t *used)
{
	struct bytes rest = in;
	struct session *s = state;
	struct http_msg *m;
	struct post *p;
	int rc = http_rx_feed(s->rx, &rest, &m);

	if (rc < 0)
		return PSK_CLOSE;
	if (rc == 0)
		return PSK_MORE;
	*used = in.len - rest.len;
	p = talloc_zero(NULL, struct post);
	p->job.kind = IO_REQUEST;
	p->id = s->id;
	p->nth = ++s->nth;
	p->msg = talloc_steal(p, m);
	io_submit_always_steal(s->io, &p->job);
	return PSK_HOLD;
}

static void closed(void *data, void *state, enum psk_end why)
{
	talloc_free(state);
}

static const struct psk_handler handler = {.key = get_key, .opened = opened, .input = input, .closed = closed};

/* In the core thread. */
static void answer(struct io_job *job, void *data)
{
	const struct dialog_conf conf = {.path = "/gsma/adminagent", .framing = HTTP_FRAME_CHUNKED};
	struct post *p = container_of(job, struct post, job);
	struct psk_out *out = psk_out_alloc();
	struct ours *o = data;
	uint8_t eid[ADMIN_EID_LEN];
	struct dialog d = {0};
	struct dialog_req req = {.msg = p->msg, .eid = eid, .nth = p->nth, .new_token = "8f3kq02x"};
	struct dialog_out act;
	struct wr w;

	bench_check(hex_dec_buf(eid, sizeof(eid), EID) == 0, "EID");
	dialog_rx(p, &conf, &d, &req, &act);
	wr_init(&w, out);
	if (act.act == DIALOG_ACT_NEXT)
		bench_check(dialog_end_enc(&d, &w) == 0, "204");
	else
		bench_check(dialog_refuse_enc(act.http_status, &w) == 0, "refusal");
	bench_check(wr_end(&w, &out->octets) == 0, "answer");
	out->close = act.act == DIALOG_ACT_NEXT; /* idle connections stay */
	psk_send_steal(o->srv, p->id, out);
	talloc_free(p);
}

static int on_control(struct osmo_fd *ofd, unsigned int what)
{
	struct ours *o = ofd->data;

	o->over = !control(ofd->fd);
	return 0;
}

static void serve_ours(int fd)
{
	const struct http_listen l = {"127.0.0.1", 0};
	const struct psk_server_conf conf = {.listen = &l, .n_listen = 1};
	struct ours o = {.control = fd};
	const char *err = "";
	struct osmo_fd ofd;
	uint16_t port;

	osmo_init_logging2(NULL, &log_info_esim);
	bench_check(io_start(talloc_new(NULL), 1, 10000, &o.io) == 0, "threads");
	bench_check(psk_server_start(talloc_new(NULL), o.io, &conf, &handler, NULL, &o.srv, &err) == 0, err);
	port = psk_server_port(o.srv, 0);
	bench_check(write(fd, &port, sizeof(port)) == sizeof(port), "port");
	osmo_fd_setup(&ofd, fd, OSMO_FD_READ, on_control, &o, 0);
	bench_check(osmo_fd_register(&ofd) == 0, "control");
	while (!o.over) {
		osmo_select_main(0);
		io_core_poll(o.io, 64, answer, &o);
	}
	_exit(0);
}

/* ---- bare server ---- */

struct bare {
	SSL *ssl;
	int fd;
	bool ready, said;
};

static unsigned int bare_key(SSL *ssl, const char *identity, unsigned char *key, unsigned int cap)
{
	memcpy(key, psk, sizeof(psk));
	return sizeof(psk);
}

static SSL_CTX *bare_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, "PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256");
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_ENCRYPT_THEN_MAC);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_psk_server_callback(ctx, bare_key);
	return ctx;
}

static void bare_free(struct bare *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

static void bare_input(struct bare *c)
{
	char buf[RECORD_MAX];
	int rc;

	if (!c->ready && SSL_accept(c->ssl) != 1)
		return;
	c->ready = true;
	rc = SSL_read(c->ssl, buf, sizeof(buf));
	if (rc <= 0) {
		if (SSL_get_error(c->ssl, rc) != SSL_ERROR_WANT_READ)
			bare_free(c);
		return;
	}
	bench_check(rc >= 4 && memcmp(buf + rc - 4, "\r\n\r\n", 4) == 0, "whole request in one record");
	bench_check(SSL_write(c->ssl, END, sizeof(END) - 1) > 0, "answer");
	if (!strncmp(buf, "POST /idle", 10))
		return;
	bench_check(SSL_shutdown(c->ssl) == 0, "close_notify");
}

static void bare_accept(SSL_CTX *ctx, int listen_fd, int ep)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct bare *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

	if (!c)
		return;
	c->fd = fd;
	c->ssl = SSL_new(ctx);
	SSL_set_fd(c->ssl, fd);
	bench_check(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0, "epoll");
}

static int bare_listen(uint16_t *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(addr);
	const int one = 1;

	bench_check(fd >= 0 && bind(fd, (struct sockaddr *)&addr, len) == 0 && listen(fd, 512) == 0 &&
			    getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
			    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0,
		    "listen");
	*port = ntohs(addr.sin_port);
	return fd;
}

static void serve_bare(int fd)
{
	static char is_listener, is_control;
	SSL_CTX *ctx = bare_ctx();
	uint16_t port;
	int listen_fd = bare_listen(&port), ep = epoll_create1(0), n;
	struct epoll_event on_listen = {.events = EPOLLIN, .data.ptr = &is_listener};
	struct epoll_event on_ask = {.events = EPOLLIN, .data.ptr = &is_control}, ev[64];

	bench_check(epoll_ctl(ep, EPOLL_CTL_ADD, listen_fd, &on_listen) == 0 &&
			    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &on_ask) == 0,
		    "epoll");
	bench_check(write(fd, &port, sizeof(port)) == sizeof(port), "port");
	while ((n = epoll_wait(ep, ev, ARRAY_SIZE(ev), -1)) > 0 || errno == EINTR) {
		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr == &is_listener)
				bare_accept(ctx, listen_fd, ep);
			else if (ev[i].data.ptr != &is_control)
				bare_input(ev[i].data.ptr);
			else if (!control(fd))
				_exit(0);
		}
	}
	_exit(1);
}

/* ---- a server as the bench sees it ---- */

struct server {
	pid_t pid;
	int fd;
	uint16_t port;
};

static struct server server_start(void (*serve)(int fd))
{
	struct server s;
	int pair[2];

	bench_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	fflush(stdout);
	s.pid = fork();
	bench_check(s.pid >= 0, "fork");
	if (s.pid == 0) {
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	s.fd = pair[0];
	bench_check(read(s.fd, &s.port, sizeof(s.port)) == sizeof(s.port), "server");
	return s;
}

static int64_t server_ask(const struct server *s, char what)
{
	int64_t value;

	bench_check(write(s->fd, &what, 1) == 1 && read(s->fd, &value, sizeof(value)) == sizeof(value), "server");
	return value;
}

/* A word and not only the close: a server started later holds a copy of the socket. */
static void server_stop(struct server *s)
{
	bench_check(write(s->fd, "q", 1) == 1, "server");
	close(s->fd);
	bench_check(waitpid(s->pid, NULL, 0) == s->pid, "wait");
}

/* ---- clients ---- */

static unsigned int show_psk(SSL *ssl, const char *hint, char *identity, unsigned int max_identity, unsigned char *key,
			     unsigned int max_key)
{
	memcpy(identity, IDENTITY, sizeof(IDENTITY));
	memcpy(key, psk, sizeof(psk));
	return sizeof(psk);
}

static SSL_CTX *client_ctx(const char *suite)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	bench_check(SSL_CTX_set_cipher_list(ctx, suite) == 1, suite);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_psk_client_callback(ctx, show_psk);
	return ctx;
}

static SSL *shake_hands(SSL_CTX *ctx, uint16_t port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(ctx);
	const int one = 1;

	bench_check(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "connect");
	bench_check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0, "TCP_NODELAY");
	bench_check(SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1, "handshake");
	return ssl;
}

static void ask(SSL *ssl, const char *request)
{
	char buf[1024];
	int n;

	bench_check(SSL_write(ssl, request, (int)strlen(request)) > 0, "request");
	n = SSL_read(ssl, buf, sizeof(buf));
	bench_check(n > 12 && memcmp(buf, "HTTP/1.1 ", 9) == 0, "answer");
	bench_check(strcmp(request, REQUEST) != 0 || (n == sizeof(END) - 1 && memcmp(buf, END, (size_t)n) == 0), "204");
}

static void hang_up(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

struct load {
	pthread_t thread;
	SSL_CTX *ctx;
	uint16_t port;
	int n;
};

static void *sessions(void *arg)
{
	struct load *l = arg;

	for (int i = 0; i < l->n; i++) {
		SSL *ssl = shake_hands(l->ctx, l->port);
		char c;

		ask(ssl, REQUEST);
		bench_check(SSL_read(ssl, &c, 1) == 0, "close_notify");
		hang_up(ssl);
	}
	return NULL;
}

/* Microseconds of the server's CPU time for one session. */
static double cost(const struct server *s, SSL_CTX *ctx, int n)
{
	struct load l[N_CLIENTS];
	int64_t before = server_ask(s, 'c');

	for (int i = 0; i < N_CLIENTS; i++) {
		l[i] = (struct load){.ctx = ctx, .port = s->port, .n = n / N_CLIENTS};
		bench_check(pthread_create(&l[i].thread, NULL, sessions, &l[i]) == 0, "thread");
	}
	for (int i = 0; i < N_CLIENTS; i++)
		pthread_join(l[i].thread, NULL);
	return (double)(server_ask(s, 'c') - before) / 1000 / (n / N_CLIENTS * N_CLIENTS);
}

static void bench_sessions(const char *name, const char *suite, int n)
{
	struct server ours = server_start(serve_ours), bare = server_start(serve_bare);
	double a[BENCH_RUNS], b[BENCH_RUNS];
	SSL_CTX *ctx = client_ctx(suite);

	cost(&ours, ctx, n / 4);
	cost(&bare, ctx, n / 4);
	for (int i = 0; i < BENCH_RUNS; i++) {
		a[i] = cost(&ours, ctx, n);
		b[i] = cost(&bare, ctx, n);
	}
	bench_row("T4", bench_text("PSK-TLS session with one poll, %s, server CPU", name),
		  bench_text("%.0f us", bench_median(a, BENCH_RUNS)),
		  bench_text("%.0f us bare", bench_median(b, BENCH_RUNS)),
		  bench_median(a, BENCH_RUNS) / bench_median(b, BENCH_RUNS), BENCH_AT_MOST, 2);
	SSL_CTX_free(ctx);
	server_stop(&ours);
	server_stop(&bare);
}

/* KB of the server's memory for one connection that had its handshake and one exchange. */
static double idle_kb(const struct server *s, int n)
{
	SSL_CTX *ctx = client_ctx("PSK-AES128-CBC-SHA256");
	SSL **ssl = talloc_array(NULL, SSL *, n);
	int64_t before;
	double kb;

	hang_up(shake_hands(ctx, s->port)); /* what OpenSSL loads once */
	before = server_ask(s, 'm');
	for (int i = 0; i < n; i++) {
		ssl[i] = shake_hands(ctx, s->port);
		ask(ssl[i], IDLE_REQUEST);
	}
	kb = (double)(server_ask(s, 'm') - before) / n;
	for (int i = 0; i < n; i++)
		hang_up(ssl[i]);
	talloc_free(ssl);
	SSL_CTX_free(ctx);
	return kb;
}

static void bench_idle(int n)
{
	/* both before any client: a child inherits the heap, and what was freed there would hide what connections take
	 */
	struct server s_ours = server_start(serve_ours), s_bare = server_start(serve_bare);
	double ours = idle_kb(&s_ours, n), bare = idle_kb(&s_bare, n);

	bench_row("T4", "PSK-TLS connection that is idle, memory of the server", bench_text("%.1f KB", ours), "20 KB",
		  ours / 20, BENCH_AT_MOST, 1);
	bench_detail("T4 idle: %d connections; the bare server takes %.1f KB for each", n, bare);
	server_stop(&s_ours);
	server_stop(&s_bare);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	struct rlimit files;

	signal(SIGPIPE, SIG_IGN);
	bench_check(getrlimit(RLIMIT_NOFILE, &files) == 0, "RLIMIT_NOFILE");
	files.rlim_cur = files.rlim_max;
	bench_check(setrlimit(RLIMIT_NOFILE, &files) == 0, "RLIMIT_NOFILE");
	bench_idle((int)OSMO_MIN(files.rlim_cur - 100, quick ? 500 : 3000));
	bench_sessions("CBC", "PSK-AES128-CBC-SHA256", quick ? 400 : 2000);
	bench_sessions("GCM", "PSK-AES128-GCM-SHA256", quick ? 400 : 2000);
	return 0;
}
