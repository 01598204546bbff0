/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/bench/smsc.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <talloc.h>

#include "common/codec/smpp.h"
#include "tests/bench/bench.h"

struct smsc {
	int fd;
	pid_t pid;
	struct smpp_framer *framer;
};

static void no_delay(int fd)
{
	const int one = 1;

	bench_check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0, "TCP_NODELAY");
}

static void send_all(int fd, struct bytes b)
{
	struct rd r;

	rd_init(&r, b);
	while (rd_left(&r)) {
		ssize_t n = send(fd, r.cur, rd_left(&r), MSG_NOSIGNAL);

		bench_check(n > 0, "send to the service centre");
		rd_bytes(&r, (size_t)n);
	}
}

static void answer(int fd, struct bytes pdu)
{
	const struct smpp_pdu ok = {.command_id = SMPP_SUBMIT_SM_RESP, .message_id = BYTES_LIT("12345678")};
	struct smpp_pdu in, out = ok;
	uint8_t buf[64];
	struct bytes wire;
	struct wr w;

	if (smpp_hdr_dec(pdu, &in) < 0)
		_exit(1);
	out.seq = in.seq;
	wr_init_buf(&w, buf, sizeof(buf));
	if (smpp_pdu_enc(&out, &w) < 0 || wr_end(&w, &wire) < 0)
		_exit(1);
	send_all(fd, wire);
}

static void serve(int fd)
{
	struct smpp_framer *framer = smpp_framer_alloc(NULL);
	uint8_t buf[65536];
	struct bytes pdu;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		smpp_framer_feed(framer, bytes_of(buf, (size_t)n));
		while (smpp_framer_next(framer, &pdu) == 1)
			answer(fd, pdu);
	}
	_exit(0);
}

struct smsc *smsc_start(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	struct smsc *s = talloc_zero(NULL, struct smsc);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench_check(listener >= 0 && bind(listener, (struct sockaddr *)&addr, len) == 0 && listen(listener, 1) == 0,
		    "listen");
	bench_check(getsockname(listener, (struct sockaddr *)&addr, &len) == 0, "getsockname");
	s->pid = fork();
	bench_check(s->pid >= 0, "fork");
	if (s->pid == 0) {
		int fd = accept(listener, NULL, NULL);

		close(listener);
		no_delay(fd);
		serve(fd);
	}
	close(listener);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bench_check(connect(s->fd, (struct sockaddr *)&addr, len) == 0, "connect");
	no_delay(s->fd);
	s->framer = smpp_framer_alloc(s);
	return s;
}

void smsc_send(struct smsc *s, struct bytes pdu)
{
	send_all(s->fd, pdu);
}

/* What is in the framer first, then what is in the socket. */
size_t smsc_answers(struct smsc *s, bool block, uint32_t *seqs, size_t max)
{
	struct smpp_pdu in;
	uint8_t buf[32768];
	struct bytes pdu;
	size_t n = 0;

	for (;;) {
		ssize_t len;

		while (n < max && smpp_framer_next(s->framer, &pdu) == 1) {
			bench_check(smpp_hdr_dec(pdu, &in) == 0 && in.command_id == SMPP_SUBMIT_SM_RESP,
				    "submit_sm_resp");
			seqs[n++] = in.seq;
		}
		if (n == max)
			return n;
		len = recv(s->fd, buf, sizeof(buf), block && n == 0 ? 0 : MSG_DONTWAIT);
		if (len <= 0)
			return n;
		smpp_framer_feed(s->framer, bytes_of(buf, (size_t)len));
	}
}

void smsc_stop(struct smsc *s)
{
	close(s->fd);
	waitpid(s->pid, NULL, 0);
	talloc_free(s);
}

static struct bytes ready_pdu(uint8_t *buf, size_t cap)
{
	static const uint8_t ud[140] = {2, 0x70};
	const struct smpp_pdu pdu = {.command_id = SMPP_SUBMIT_SM,
				     .seq = 1,
				     .source = {1, 1, BYTES_LIT("4915112345")},
				     .dest = {1, 1, BYTES_LIT("491510000004711")},
				     .esm_class = 0x40,
				     .protocol_id = 0x7f,
				     .data_coding = 0xf6,
				     .short_message = BYTES_ARR(ud)};
	struct bytes wire;
	struct wr w;

	wr_init_buf(&w, buf, cap);
	bench_check(smpp_pdu_enc(&pdu, &w) == 0 && wr_end(&w, &wire) == 0, "submit_sm");
	return wire;
}

double smsc_loopback(struct smsc *s, long n, size_t window)
{
	uint32_t seqs[1024];
	uint8_t buf[256];
	struct bytes wire = ready_pdu(buf, sizeof(buf));
	int64_t start = bench_wall_ns();
	size_t open = 0;

	for (long sent = 0, answered = 0; answered < n;) {
		for (; open < window && sent < n; open++, sent++)
			smsc_send(s, wire);
		size_t got = smsc_answers(s, true, seqs, sizeof(seqs) / sizeof(seqs[0]));

		bench_check(got > 0, "the service centre went away");
		open -= got;
		answered += (long)got;
	}
	return (double)n * 1e9 / (double)(bench_wall_ns() - start);
}
