/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* vphone: a virtual base station controller with one phone for each card of euicc-sim, in front of a real osmo-msc.
 *
 *   euicc-sim <- air socket -> vphone <- BSSAP/SCCP/M3UA/SCTP -> osmo-stp <- ... -> osmo-msc <- SMPP -> smsr
 *
 * This file wires the parts together: the air link switches phones on and off (phone.c), the BSC (bsc.c) carries what
 * they say.  Start reading at phone.h. */
#include "common/app/log.h"
#include "lab/vphone/air_link.h"
#include "lab/vphone/l3_sms.h"
#include "lab/vphone/phone_fsm.h"
#include "lab/vphone/vty.h"

#include <getopt.h>
#include <osmocom/core/application.h>
#include <osmocom/core/msgb.h>
#include <osmocom/core/select.h>
#include <osmocom/core/signal.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <osmocom/sigtran/osmo_ss7.h>
#include <osmocom/sigtran/sccp_sap.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/logging.h>
#include <osmocom/vty/misc.h>
#include <osmocom/vty/telnet_interface.h>
#include <osmocom/vty/vty.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t quit;

static void on_signal(int sig)
{
	quit = 1;
}

static void cards_down(void *priv)
{
	fleet_switch_off(priv);
}

static void cards_unknown(struct fleet *fleet, const struct air_msg *msg)
{
	if (msg->type == AIR_MO)
		air_link_tx(fleet->air, AIR_MO_RESULT, msg->imsi, RP_CAUSE_NET_OUT_OF_ORDER, NO_BYTES);
	LOGP(DLAB, LOGL_ERROR, "phone %s: not switched on, message of type %d ignored\n", msg->imsi, msg->type);
}

static void cards_rx(void *priv, const struct air_msg *msg)
{
	struct fleet *fleet = priv;
	struct phone *phone = fleet_find(fleet, msg->imsi);

	if (msg->type == AIR_ATTACH)
		phone_switch_on(fleet, msg->imsi);
	else if (!phone)
		cards_unknown(fleet, msg);
	else if (msg->type == AIR_DETACH)
		phone_switch_off(phone);
	else if (msg->type == AIR_MT_ACK)
		sms_mt_answer(phone, msg->cause, msg->payload);
	else if (msg->type == AIR_MO)
		sms_mo_submit(phone, msg->payload);
	else
		LOGPH(phone, LOGL_ERROR, "a card does not send messages of type %d\n", msg->type);
}

static const struct air_link_ops cards_ops = {
	.down = cards_down,
	.rx = cards_rx,
};

static int usage(int rc)
{
	printf("vphone " VERSION " - virtual BSC and phones between euicc-sim and osmo-msc\n"
	       "Usage: vphone [-c FILE]\n"
	       "  -c, --config-file FILE  configuration, vphone.cfg by default\n"
	       "  -V, --version           print the version\n"
	       "  -h, --help              this text\n"
	       "Configuration: nodes \"line vty\" (port 4299), \"cs7 instance 0\" with an sccp-address named msc, "
	       "\"vphone\".\n"
	       "VTY: show phones, show vphone, phone IMSI update-location, phones ignore-paging (on|off).\n");
	return rc;
}

/* \returns -1 to go on, else the exit code */
static int parse_options(int argc, char **argv, const char **config)
{
	static const struct option options[] = {
		{"config-file", required_argument, NULL, 'c'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		if (c == 'c') {
			*config = optarg;
		} else if (c == 'V') {
			puts("vphone " VERSION);
			return 0;
		} else {
			return usage(c == 'h' ? 0 : 2);
		}
	}
	return optind == argc ? -1 : usage(2);
}

static void libraries_init(void *ctx, struct vty_app_info *info)
{
	msgb_talloc_ctx_init(ctx, 0);
	osmo_signal_talloc_ctx_init(ctx);
	osmo_init_logging2(ctx, &log_info_esim);
	osmo_fsm_set_dealloc_ctx(OTC_SELECT);
	vty_init(info);
	OSMO_ASSERT(osmo_ss7_init() == 0);
	osmo_ss7_vty_init_asp(ctx);
	osmo_sccp_vty_init();
	logging_vty_add_cmds();
	osmo_fsm_vty_add_cmds();
	phone_fsm_init();
}

static int start(struct fleet *fleet, const struct vphone_config *cfg)
{
	fleet->cell = cfg->cell;
	fleet->periodic_s = cfg->periodic_s;
	fleet->bsc = bsc_alloc(fleet, &fleet_bsc_ops, fleet, &cfg->cell);
	fleet->air = air_link_alloc(fleet, cfg->air_socket, &cards_ops, fleet);
	return bsc_start(fleet->bsc);
}

int main(int argc, char **argv)
{
	void *ctx = talloc_named_const(NULL, 0, "vphone");
	struct fleet *fleet = talloc_zero(ctx, struct fleet);
	struct vphone_config *cfg = talloc_zero(ctx, struct vphone_config);
	struct vty_app_info info = {
		.name = "vphone",
		.version = VERSION,
		.tall_ctx = ctx,
		.go_parent_cb = vphone_vty_go_parent,
		.is_config_node = vphone_vty_is_config_node,
	};
	const char *config = "vphone.cfg";
	int rc = parse_options(argc, argv, &config);

	if (rc >= 0)
		return rc;
	libraries_init(ctx, &info);
	fleet_init(fleet);
	vphone_vty_init(cfg, fleet);
	if (vty_read_config_file(config, NULL) < 0) {
		fprintf(stderr, "vphone: cannot read the configuration %s\n", config);
		return 1;
	}
	if (telnet_init_dynif(ctx, NULL, vty_get_bind_addr(), vty_get_bind_port(VPHONE_VTY_PORT)) < 0)
		return 1;
	if (start(fleet, cfg) < 0)
		return 1;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	osmo_init_ignore_signals();
	while (!quit)
		osmo_select_main_ctx(0);
	LOGP(DLAB, LOGL_NOTICE, "stopped\n");
	return 0;
}
