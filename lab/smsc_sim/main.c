/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smsc-sim: start, stop and the clock.  The service centre itself is lab/smsc. */
#include "lab/smsc_sim/options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <osmocom/core/application.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"

int64_t sim_now_ms(void)
{
	clock_feed();
	return clock_now_ms();
}

void sim_turn(struct sim *sim)
{
	int64_t now = sim_now_ms(), next = now, ms;

	for (unsigned i = 0; i < 1000 && next <= now; i++)
		next = smsc_tick(sim->smsc, now);
	if (next == INT64_MAX) {
		osmo_timer_del(&sim->tick);
		return;
	}
	ms = OSMO_MIN(OSMO_MAX(next - now, 1), 3600000);
	osmo_timer_schedule(&sim->tick, (int)(ms / 1000), (int)(ms % 1000 * 1000));
}

static void tick_fired(void *data)
{
	sim_turn(data);
}

static int signal_event(struct osmo_fd *ofd, unsigned what)
{
	bool *quit = ofd->data;

	*quit = true;
	return 0;
}

static char *read_file(const void *ctx, const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = talloc_strdup(ctx, ""), chunk[4096];
	size_t n;

	if (!f) {
		talloc_free(text);
		return NULL;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		text = talloc_strndup_append(text, chunk, n);
	fclose(f);
	return text;
}

static int load_subscribers(struct sim *sim)
{
	unsigned line = 0;
	char *text;
	int rc;

	if (!sim->opt.subscribers)
		return 0;
	text = read_file(sim, sim->opt.subscribers);
	if (!text) {
		fprintf(stderr, "smsc-sim: %s: %s\n", sim->opt.subscribers, strerror(errno));
		return -EIO;
	}
	rc = smsc_subscribers_load(sim->smsc, text, &line);
	if (rc < 0)
		fprintf(stderr, "smsc-sim: %s line %u: not imsi,msisdn, or known already\n", sim->opt.subscribers,
			line);
	talloc_free(text);
	return rc;
}

static int open_pcap(struct sim *sim)
{
	uint8_t head[24];
	struct wr w;

	if (!sim->opt.pcap)
		return 0;
	sim->pcap = fopen(sim->opt.pcap, "wb");
	wr_init_buf(&w, head, sizeof(head));
	pcap_file(&w);
	if (!sim->pcap || fwrite(head, 1, sizeof(head), sim->pcap) != sizeof(head)) {
		fprintf(stderr, "smsc-sim: %s: %s\n", sim->opt.pcap, strerror(errno));
		return -EIO;
	}
	return 0;
}

static int run_commands(struct sim *sim)
{
	for (unsigned i = 0; i < sim->opt.n_commands; i++) {
		char *answer = smsc_command(sim->smsc, sim, sim->opt.commands[i], sim_now_ms());
		bool good = strncmp(answer, "ok", 2) == 0;

		if (!good)
			fprintf(stderr, "smsc-sim: %s: %s", sim->opt.commands[i], answer);
		talloc_free(answer);
		if (!good)
			return -EINVAL;
	}
	return 0;
}

static int start(struct sim *sim)
{
	static const struct smsc_ops ops = {.tx = sim_conn_tx, .close = sim_conn_close, .radio = sim_radio_tx};
	int rc;

	sim->smsc = smsc_alloc(sim, &sim->opt.smsc, &ops, sim);
	osmo_timer_setup(&sim->tick, tick_fired, sim);
	if (load_subscribers(sim) < 0 || open_pcap(sim) < 0 || run_commands(sim) < 0)
		return -EINVAL;
	sim_radio_start(sim);
	rc = sim_control_start(sim);
	if (rc == 0)
		rc = sim_listen(sim);
	if (rc < 0)
		fprintf(stderr, "smsc-sim: cannot listen: %s\n", strerror(-rc));
	return rc;
}

static int watch_signals(struct osmo_fd *ofd, bool *quit)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	osmo_fd_setup(ofd, signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), OSMO_FD_READ, signal_event, quit, 0);
	return ofd->fd < 0 ? -errno : osmo_fd_register(ofd);
}

int main(int argc, char **argv)
{
	void *root = talloc_named_const(NULL, 0, "smsc-sim");
	struct sim *sim = talloc_zero(root, struct sim);
	struct osmo_fd signals;
	bool quit = false;
	int rc;

	osmo_init_logging2(root, &log_info_esim);
	rc = sim_options_read(argc, argv, &sim->opt);
	if (rc)
		return rc > 0 ? 0 : 2;
	log_set_print_filename2(osmo_stderr_target, LOG_FILENAME_NONE);
	log_set_print_category(osmo_stderr_target, 1);
	log_set_print_category_hex(osmo_stderr_target, 0);
	log_set_print_timestamp(osmo_stderr_target, 1);
	log_set_use_color(osmo_stderr_target, 0);
	log_set_category_filter(osmo_stderr_target, DLAB, 1, sim->opt.log_level);
	clock_feed();
	if (watch_signals(&signals, &quit) < 0 || start(sim) < 0)
		return 1;
	fflush(stdout);
	sim_turn(sim);
	while (!quit) {
		clock_feed(); /* the timers stand still otherwise */
		osmo_select_main(0);
	}
	if (sim->pcap)
		fclose(sim->pcap);
	return 0;
}
