/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Configuration node "vphone" and the commands for debugging. */
#include <osmocom/vty/command.h>
#include <osmocom/vty/misc.h>
#include <osmocom/vty/vty.h>

#include "lab/vphone/vty.h"
#include "lab/vphone/air_link.h"

#include <osmocom/core/talloc.h>
#include <osmocom/gsm/gsm23003.h>
#include <osmocom/sigtran/osmo_ss7.h>
#include <stdlib.h>

/* The command functions of libosmovty get no argument of ours. */
static struct vphone_config *vty_cfg;
static struct fleet *vty_fleet;

enum vphone_node {
	VPHONE_NODE = _LAST_OSMOVTY_NODE + 1,
};

static struct cmd_node vphone_node = {
	.node = VPHONE_NODE,
	.prompt = "%s(config-vphone)# ",
	.vtysh = 1,
};

DEFUN(cfg_vphone, cfg_vphone_cmd, "vphone", "Configure the virtual phones\n")
{
	vty->node = VPHONE_NODE;
	return CMD_SUCCESS;
}

DEFUN(cfg_air_socket, cfg_air_socket_cmd, "air-socket PATH", "Socket of the cards\nPath of the UNIX socket\n")
{
	osmo_talloc_replace_string(vty_cfg, &vty_cfg->air_socket, argv[0]);
	return CMD_SUCCESS;
}

DEFUN(cfg_plmn, cfg_plmn_cmd, "plmn MCC MNC",
      "Network of the cell\nMobile country code, 3 digits\nMobile network code, 2 or 3 digits\n")
{
	struct osmo_plmn_id plmn = {0};

	if (osmo_mcc_from_str(argv[0], &plmn.mcc) < 0 ||
	    osmo_mnc_from_str(argv[1], &plmn.mnc, &plmn.mnc_3_digits) < 0) {
		vty_out(vty, "%% not a network: %s %s%s", argv[0], argv[1], VTY_NEWLINE);
		return CMD_WARNING;
	}
	vty_cfg->cell.lai.plmn = plmn;
	return CMD_SUCCESS;
}

DEFUN(cfg_cell, cfg_cell_cmd, "cell <1-65533> <0-65535>", "Identity of the cell\nLocation area code\nCell identity\n")
{
	vty_cfg->cell.lai.lac = (uint16_t)atoi(argv[0]);
	vty_cfg->cell.cell_identity = (uint16_t)atoi(argv[1]);
	return CMD_SUCCESS;
}

DEFUN(cfg_periodic, cfg_periodic_cmd, "periodic-update <0-65535>",
      "Location update of idle phones (T3212)\nSeconds, 0 = never\n")
{
	vty_cfg->periodic_s = (unsigned int)atoi(argv[0]);
	return CMD_SUCCESS;
}

static int config_write(struct vty *vty)
{
	const struct osmo_plmn_id *plmn = &vty_cfg->cell.lai.plmn;

	vty_out(vty, "vphone%s", VTY_NEWLINE);
	vty_out(vty, " air-socket %s%s", vty_cfg->air_socket, VTY_NEWLINE);
	vty_out(vty, " plmn %s %s%s", osmo_mcc_name(plmn->mcc), osmo_mnc_name(plmn->mnc, plmn->mnc_3_digits),
		VTY_NEWLINE);
	vty_out(vty, " cell %u %u%s", vty_cfg->cell.lai.lac, vty_cfg->cell.cell_identity, VTY_NEWLINE);
	vty_out(vty, " periodic-update %u%s", vty_cfg->periodic_s, VTY_NEWLINE);
	return CMD_SUCCESS;
}

static void show_phone(struct vty *vty, const struct phone *phone)
{
	vty_out(vty, "%-15s %-10s %s%s, %u MT and %u MO in work%s", phone->imsi, osmo_fsm_inst_state_name(phone->fi),
		phone->registered ? "attached"
		: phone->refused  ? "refused"
				  : "not attached",
		phone->on ? "" : ", off", llist_count(&phone->mt), llist_count(&phone->mo), VTY_NEWLINE);
}

DEFUN(show_phones, show_phones_cmd, "show phones", SHOW_STR "One line for each phone\n")
{
	struct phone *phone;

	llist_for_each_entry (phone, &vty_fleet->phones, list)
		show_phone(vty, phone);
	return CMD_SUCCESS;
}

DEFUN(show_vphone, show_vphone_cmd, "show vphone", SHOW_STR "Links and totals\n")
{
	const struct phone_stats *s = &vty_fleet->stats;

	vty_out(vty, "MSC %s, cards %s%s", bsc_is_up(vty_fleet->bsc) ? "up" : "down",
		air_link_is_up(vty_fleet->air) ? "connected" : "not connected", VTY_NEWLINE);
	vty_out(vty, "phones %zu, connections %zu, location updates %u, pages %u%s", vty_fleet->n_phones,
		bsc_conn_count(vty_fleet->bsc), s->located, s->paged, VTY_NEWLINE);
	vty_out(vty, "MT %u, repeated %u, RP-ACK %u, RP-ERROR %u%s", s->mt, s->mt_repeated, s->mt_ack, s->mt_error,
		VTY_NEWLINE);
	vty_out(vty, "MO %u, RP-ACK %u, RP-ERROR %u%s", s->mo, s->mo_ack, s->mo_error, VTY_NEWLINE);
	return CMD_SUCCESS;
}

DEFUN(phone_locate, phone_locate_cmd, "phone IMSI update-location",
      "One phone\nIMSI\nRegister again, also after a refusal\n")
{
	struct phone *phone = fleet_find(vty_fleet, argv[0]);

	if (!phone) {
		vty_out(vty, "%% no phone with this IMSI is switched on%s", VTY_NEWLINE);
		return CMD_WARNING;
	}
	phone_relocate(phone);
	return CMD_SUCCESS;
}

DEFUN(phones_mute, phones_mute_cmd, "phones ignore-paging (on|off)",
      "All phones\nAnswer no page, as out of coverage\nBegin\nEnd\n")
{
	vty_fleet->mute = argv[0][1] == 'n';
	return CMD_SUCCESS;
}

int vphone_vty_go_parent(struct vty *vty)
{
	if (vty->node != VPHONE_NODE)
		return osmo_ss7_vty_go_parent(vty);
	vty->node = CONFIG_NODE;
	return vty->node;
}

int vphone_vty_is_config_node(struct vty *vty, int node)
{
	return node == VPHONE_NODE || osmo_ss7_is_config_node(vty, node);
}

void vphone_vty_init(struct vphone_config *cfg, struct fleet *fleet)
{
	vty_cfg = cfg;
	vty_fleet = fleet;
	cfg->air_socket = talloc_strdup(cfg, "/run/esim/air");
	cfg->cell.lai = (struct osmo_location_area_id){.plmn = {.mcc = 1, .mnc = 1}, .lac = 23};
	cfg->cell.cell_identity = 42;
	install_element(CONFIG_NODE, &cfg_vphone_cmd);
	install_node(&vphone_node, config_write);
	install_element(VPHONE_NODE, &cfg_air_socket_cmd);
	install_element(VPHONE_NODE, &cfg_plmn_cmd);
	install_element(VPHONE_NODE, &cfg_cell_cmd);
	install_element(VPHONE_NODE, &cfg_periodic_cmd);
	install_element_ve(&show_phones_cmd);
	install_element_ve(&show_vphone_cmd);
	install_element(ENABLE_NODE, &phone_locate_cmd);
	install_element(ENABLE_NODE, &phones_mute_cmd);
}
