/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* euicc-sim: a fleet of software eUICCs (SGP.02) behind the air socket of the lab. */
#include "lab/euicc_sim/sim.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <osmocom/core/application.h>
#include <osmocom/core/logging.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/clock.h"
#include "common/app/log.h"

static void signal_cb(struct osmo_signalfd *osfd, const struct signalfd_siginfo *info)
{
	struct sim *sim = osfd->data;

	sim->quit = true;
}

static void signals(struct sim *sim)
{
	sigset_t set;
	struct osmo_signalfd *osfd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	osfd = osmo_signalfd_setup(sim, set, signal_cb, sim);
	OSMO_ASSERT(osfd);
}

static void logging(void *ctx, int level)
{
	osmo_init_logging2(ctx, &log_info_esim);
	log_set_category_filter(osmo_stderr_target, DLAB, 1, level);
	log_set_use_color(osmo_stderr_target, 0);
	log_set_print_filename2(osmo_stderr_target, LOG_FILENAME_NONE);
	log_set_print_category_hex(osmo_stderr_target, 0);
	log_set_print_extended_timestamp(osmo_stderr_target, 1);
}

static int start(struct sim *sim)
{
	const struct sim_options *opt = sim->opt;
	int64_t begun_ms;
	int rc = 0;

	clock_feed();
	begun_ms = clock_now_ms();
	ticks_init(sim);
	if (opt->state_dir)
		rc = store_open(opt->state_dir);
	if (rc == 0)
		rc = https_init(sim);
	if (rc == 0)
		rc = sim_cards_make(sim);
	if (rc == 0)
		rc = radio_open(sim);
	if (rc == 0 && opt->control)
		rc = control_open(sim);
	if (rc == 0 && opt->commands)
		rc = control_run_file(sim, opt->commands);
	clock_feed();
	if (rc == 0)
		LOGP(DLAB, LOGL_NOTICE, "%u cards ready after %lld ms, waiting for a radio on %s\n", sim->n_cards,
		     (long long)(clock_now_ms() - begun_ms), opt->socket);
	return rc;
}

static enum sim_exit run(struct sim *sim)
{
	sim->seed = seed_alloc(sim, sim->opt->seed);
	sim->crypto = crypto_alloc(sim);
	if (!sim->seed || !sim->crypto || start(sim))
		return SIM_FAILED;
	signals(sim);
	while (!sim->quit) {
		clock_feed();
		osmo_select_main(0);
	}
	return sim->exit_code;
}

int main(int argc, char **argv)
{
	struct sim_options opt;
	enum sim_exit code;
	struct sim *sim;
	int rc = sim_options_parse(argc, argv, &opt);

	if (rc)
		return rc > 0 ? SIM_OK : SIM_USAGE;
	if (opt.print_subscribers)
		return sim_print_subscribers(&opt) ? SIM_FAILED : SIM_OK;
	sim = talloc_zero(NULL, struct sim);
	OSMO_ASSERT(sim);
	logging(sim, opt.log_level);
	sim->opt = &opt;
	code = run(sim);
	talloc_free(sim);
	return code;
}
