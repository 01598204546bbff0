/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Our SMPP link in real time against a service centre that is another process.
 *
 *   smpp_exchange_test                                   smsc-sim, with this program as the cards behind it
 *   smpp_exchange_test HOST PORT SUBMITS DELIVERS [CA]   any service centre: binds (over TLS with CA), sends SUBMITS
 *                                                        messages, takes in DELIVERS, unbinds; prints what happened
 *
 * The second form serves the third-party scripts in tests/third. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <osmocom/core/application.h>
#include <osmocom/core/select.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "lab/air/air.h"
#include "scp80/sms.h"
#include "smsr/smpp_link.h"

#define IMSI "001010000000001"
#define MSISDN "491700000001"
#define NUMBER "12345"
#define LIMIT_MS 20000

struct run {
	struct smpp_link *link;
	unsigned want_submits, want_delivers, want_mt;
	unsigned submitted, accepted, refused, unknown, delivers, receipts;
	uint64_t to_ack[1024];
	unsigned n_to_ack;
	bool up, stopped;
	unsigned binds;
	/* the cards */
	struct osmo_fd air;
	unsigned mt;
};

static void on_enter(void *priv)
{
}

static void on_leave(void *priv)
{
}

static void on_done(void *priv, struct smpp_link *link, uint64_t ref, const struct smpp_result *result)
{
	struct run *r = priv;

	switch (result->outcome) {
	case SMPP_DONE_ACCEPTED:
		r->accepted++;
		printf("accepted %u %.*s\n", (unsigned)ref, (int)result->message_id.len,
		       (const char *)result->message_id.data);
		return;
	case SMPP_DONE_REFUSED:
		r->refused++;
		r->submitted--; /* again: each message has to end well */
		printf("refused %u %s\n", (unsigned)ref, smpp_status_name(result->status));
		return;
	case SMPP_DONE_UNKNOWN:
	case SMPP_DONE_NOT_SENT:
		r->unknown++;
		r->submitted--;
		return;
	}
}

static void on_deliver(void *priv, struct smpp_link *link, uint64_t token, const struct smpp_deliver *d)
{
	struct run *r = priv;

	if (d->is_receipt) {
		r->receipts++;
		printf("receipt %.*s %s\n", (int)d->receipt.id.len, (const char *)d->receipt.id.data,
		       smpp_state_word(d->receipt.state));
	} else {
		char *hex = hex_enc(link, d->payload);

		printf("deliver %.*s %s\n", (int)d->source.digits.len, (const char *)d->source.digits.data, hex);
		talloc_free(hex);
	}
	r->delivers++;
	if (r->n_to_ack < ARRAY_SIZE(r->to_ack))
		r->to_ack[r->n_to_ack++] = token;
}

static void on_state(void *priv, struct smpp_link *link, bool up)
{
	struct run *r = priv;

	r->up = up;
	r->binds += up;
}

static void on_stopped(void *priv, struct smpp_link *link)
{
	struct run *r = priv;

	r->stopped = true;
}

static const struct smpp_link_ops ops = {.enter = on_enter,
					 .leave = on_leave,
					 .submit_done = on_done,
					 .deliver = on_deliver,
					 .state = on_state,
					 .stopped = on_stopped};

/* What the core does after its commit: answer deliveries, send what is due. */
static void turn(struct run *r)
{
	static const uint8_t ud[] = {0x02, 0x70, 0x00, 0x00, 0x05, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e};

	while (r->n_to_ack)
		smpp_link_deliver_ack(r->link, r->to_ack[--r->n_to_ack], SMPP_ROK);
	while (r->submitted < r->want_submits && smpp_link_room(r->link) > 0) {
		struct smpp_submit msg = {.dest = MSISDN, .ud = BYTES_ARR(ud), .validity_ms = 60000};

		if (smpp_link_submit(r->link, r->submitted, &msg) < 0)
			break;
		r->submitted++;
	}
}

/* The loop has to come round to see that its time is over. */
static void wake(void *data)
{
	osmo_timer_schedule(data, 0, 100000);
}

static bool loop(struct run *r)
{
	struct osmo_timer_list waker;
	int64_t start;
	bool stopping = false;

	clock_feed();
	osmo_timer_setup(&waker, wake, &waker);
	wake(&waker);
	start = clock_now_ms();
	while (!r->stopped && clock_now_ms() - start < LIMIT_MS) {
		osmo_select_main(0);
		clock_feed();
		turn(r);
		if (!stopping && r->accepted >= r->want_submits && r->delivers >= r->want_delivers &&
		    r->mt >= r->want_mt) {
			stopping = true;
			smpp_link_stop(r->link);
		}
	}
	osmo_timer_del(&waker);
	printf("binds %u accepted %u refused %u unknown %u delivers %u receipts %u %s\n", r->binds, r->accepted,
	       r->refused, r->unknown, r->delivers, r->receipts, r->stopped ? "stopped" : "TIMEOUT");
	fflush(stdout);
	return r->stopped;
}

static struct smpp_link *link_to(void *ctx, struct run *r, const char *host, uint16_t port, const char *ca)
{
	struct smpp_link_cfg cfg;

	smpp_link_cfg_default(&cfg);
	cfg.name = "exchange";
	cfg.host = host;
	cfg.port = port;
	cfg.system_id = "smsr";
	cfg.password = "secret";
	cfg.source.digits = BYTES_LIT(NUMBER);
	cfg.receipts = SMPP_RECEIPT_ALL;
	cfg.reconnect_min_ms = 100;
	cfg.throttle_min_ms = 200;
	cfg.tls = ca;
	cfg.tls_ca = ca;
	cfg.tls_name = ca ? "smsc.example" : NULL;
	return smpp_link_alloc(ctx, &cfg, &ops, r);
}

/* ---- the cards: one phone that takes everything and answers each message with a PoR ---- */

static int air_send(int fd, enum air_type type, struct bytes payload)
{
	struct air_msg msg = {.type = type, .imsi = IMSI, .payload = payload};
	uint8_t buf[AIR_MAX];
	int n = air_enc(&msg, buf);

	return n > 0 && send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EIO;
}

static int card_answers(int fd, struct bytes tpdu)
{
	struct sms_deliver in;
	struct sms_submit out = {
		.udhi = true, .mr = 1, .pid = 0x7f, .dcs = 0xf6, .ud = BYTES_LIT("\x02\x71\x00\x01\x02")};
	struct bytes payload;
	uint8_t buf[200];
	struct wr w;

	if (sms_deliver_dec(tpdu, &in) < 0 || in.pid != 0x7f || in.dcs != 0xf6 || !in.udhi)
		return -EINVAL;
	out.da = in.oa;
	wr_init_buf(&w, buf, sizeof(buf));
	if (sms_submit_enc(&out, &w) < 0 || wr_end(&w, &payload) < 0 || air_send(fd, AIR_MT_ACK, bytes_of(NULL, 0)) < 0)
		return -EINVAL;
	return air_send(fd, AIR_MO, payload);
}

static int air_event(struct osmo_fd *ofd, unsigned what)
{
	struct run *r = ofd->data;
	uint8_t buf[AIR_MAX];
	struct air_msg msg;
	ssize_t n = recv(ofd->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n <= 0) {
		osmo_fd_unregister(ofd);
		return 0;
	}
	if (air_dec(bytes_of(buf, (size_t)n), &msg) < 0)
		abort();
	if (msg.type == AIR_MT) {
		r->mt++;
		if (card_answers(ofd->fd, msg.payload) < 0)
			abort();
	}
	return 0;
}

static int cards_listen(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(addr.sun_path))
		return -1;
	memcpy(addr.sun_path, path, strlen(path));
	return fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 1) == 0 ? fd : -1;
}

/* ---- smsc-sim ---- */

struct sim {
	char dir[64];
	char *csv, *air;
	pid_t pid;
	FILE *out;
	unsigned port;
};

static bool sim_start(void *ctx, struct sim *s)
{
	const char *B = getenv("B");
	char *program = talloc_asprintf(ctx, "%s/bin/smsc-sim", B ? B : "build/rel"), line[256];
	int out[2];
	FILE *f;

	strcpy(s->dir, "/tmp/smpp_exchange.XXXXXX");
	if (!mkdtemp(s->dir) || pipe(out) < 0)
		return false;
	s->csv = talloc_asprintf(ctx, "%s/subscribers.csv", s->dir);
	s->air = talloc_asprintf(ctx, "%s/air", s->dir);
	f = fopen(s->csv, "w");
	if (!f || fputs(IMSI "," MSISDN "\n", f) < 0 || fclose(f) != 0)
		return false;
	s->pid = fork();
	if (s->pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		execl(program, program, "-l", "127.0.0.1:0", "-s", s->csv, "-a", s->air, "-n", NUMBER, "--account",
		      "smsr", "--password", "secret", "-x", "throttle 50/s", "-x", "dup mo 20%", "-x", "reorder mt 10%",
		      "-q", NULL);
		_exit(127);
	}
	close(out[1]);
	s->out = fdopen(out[0], "r");
	return s->out && fgets(line, sizeof(line), s->out) &&
	       sscanf(line, "smsc-sim: SMPP on 127.0.0.1 port %u", &s->port) == 1;
}

static bool sim_end(struct sim *s)
{
	int status = 0;

	kill(s->pid, SIGTERM);
	waitpid(s->pid, &status, 0);
	fclose(s->out);
	unlink(s->csv);
	unlink(s->air);
	rmdir(s->dir);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool against_smsc_sim(void *ctx)
{
	struct run r = {.want_submits = 60, .want_delivers = 120, .want_mt = 60};
	struct sim sim = {0};
	int listener, fd;
	bool good;

	if (!sim_start(ctx, &sim))
		return false;
	listener = cards_listen(sim.air);
	fd = listener < 0 ? -1 : accept(listener, NULL, NULL);
	if (fd < 0 || air_send(fd, AIR_ATTACH, bytes_of(NULL, 0)) < 0)
		return false;
	osmo_fd_setup(&r.air, fd, OSMO_FD_READ, air_event, &r, 0);
	r.link = osmo_fd_register(&r.air) == 0 ? link_to(ctx, &r, "127.0.0.1", (uint16_t)sim.port, NULL) : NULL;
	if (!r.link)
		return false;
	smpp_link_start(r.link);
	/* 60 messages at 50 per second without a limit of ours: the link has to be throttled and get over it. */
	good = loop(&r) && r.accepted == 60 && r.mt == 60 && r.refused > 0 && r.receipts > 0 &&
	       smpp_link_ctr(r.link, SMPP_CTR_THROTTLED) == r.refused;
	printf("messages at the card: %u\n", r.mt);
	close(fd);
	close(listener);
	return sim_end(&sim) && good;
}

static bool against_host(void *ctx, char **argv, int argc)
{
	struct run r = {.want_submits = (unsigned)atoi(argv[3]), .want_delivers = (unsigned)atoi(argv[4])};

	r.link = link_to(ctx, &r, argv[1], (uint16_t)atoi(argv[2]), argc > 5 ? argv[5] : NULL);
	if (!r.link)
		return false;
	smpp_link_start(r.link);
	return loop(&r);
}

int main(int argc, char **argv)
{
	void *ctx = talloc_new(NULL);
	bool good;

	osmo_init_logging2(ctx, &log_info_esim);
	clock_feed();
	if (argc != 1 && argc != 5 && argc != 6) {
		fprintf(stderr, "usage: %s [HOST PORT SUBMITS DELIVERS [CA]]\n", argv[0]);
		return 2;
	}
	good = argc == 1 ? against_smsc_sim(ctx) : against_host(ctx, argv, argc);
	return good ? 0 : 1;
}
