/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Configuration nodes "smdp", "https" and "peer", and their writers.  Commands store values; checks across values come
 * afterwards (smdp_cfg_check()).  Peers typed in count at once, everything else at the next start. */
#include <stdlib.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/https_vty.h"
#include "common/app/limit_vty.h"
#include "common/app/text_vty.h"
#include "common/app/who_vty.h"
#include "smdp/daemon.h"

enum {
	SMDP_NODE = _LAST_OSMOVTY_NODE + 1,
	HTTPS_NODE,
	PEER_NODE,
	SMSR_NODE,
	EUM_NODE,
};

static struct cmd_node smdp_node = {.node = SMDP_NODE, .prompt = "%s(config-smdp)# ", .vtysh = 1};
static struct cmd_node peer_node = {.node = PEER_NODE, .prompt = "%s(config-smdp-peer)# ", .vtysh = 1};
static struct cmd_node smsr_node = {.node = SMSR_NODE, .prompt = "%s(config-smdp-smsr)# ", .vtysh = 1};
static struct cmd_node eum_node = {.node = EUM_NODE, .prompt = "%s(config-smdp-eum)# ", .vtysh = 1};

static struct smdp_daemon *the_daemon;

static struct smdp_cfg *edit(void)
{
	return the_daemon->cfg;
}

static struct https_cfg *edit_https(void)
{
	return &edit()->https;
}

/* vty->index holds a position, not a pointer: the arrays move when they grow. */
static struct smdp_peer *this_peer(struct vty *vty)
{
	return &edit()->peers[(size_t)vty->index];
}

static struct smsr_peer *this_smsr(struct vty *vty)
{
	return &edit()->smsrs[(size_t)vty->index];
}

static struct eum_cfg *this_eum(struct vty *vty)
{
	return &edit()->eums[(size_t)vty->index];
}

#define TEXT_CMD(name, cmdstr, help, where) TEXT_VTY_CMD(name, cmdstr, help, edit(), where)

/* ---- smdp ---- */

DEFUN(cfg_smdp, cfg_smdp_cmd, "smdp", "The SM-DP\n")
{
	vty->node = SMDP_NODE;
	return CMD_SUCCESS;
}

DEFUN(cfg_oid, cfg_oid_cmd, "entity-id OID", "Our EntityId\nObject identifier\n")
{
	return text_vty_set_oid(vty, edit(), &edit()->oid, argv[0]);
}

TEXT_CMD(cfg_name, "entity-name NAME", "Our EntityName\nAny word\n", &edit()->name)
TEXT_CMD(cfg_uri, "uri URI", "Our base address: From is URI/ES2/ES2SmDpService\nhttps URI\n", &edit()->uri)
TEXT_CMD(cfg_database, "database FILE", "Database of this daemon\nFile\n", &edit()->database)
TEXT_CMD(cfg_master_key, "master-key FILE", "Key under which all keys and packages are wrapped\nFile, mode 0600\n",
	 &edit()->master_key)
TEXT_CMD(cfg_admin, "admin-socket PATH", "Local socket for smctl\nPath\n", &edit()->admin_socket)
TEXT_CMD(cfg_ci, "certificate-issuers FILE", "Roots that EUM certificates must chain to\nPEM file\n",
	 &edit()->ci_bundle)
TEXT_CMD(cfg_dp_cert, "dp-certificate FILE", "CERT.DP.ECDSA for the ECASD\nTLV 7F21, raw or in hex\n", &edit()->dp_cert)
TEXT_CMD(cfg_dp_key, "dp-key FILE", "Private key of CERT.DP.ECDSA\nPEM file\n", &edit()->dp_key)
NUMBER_CMD(cfg_checkpoint, "checkpoint-pages <100-1000000>",
	   "Pages in the write-ahead log before a checkpoint\nPages\n", &edit()->checkpoint_pages)
NUMBER_CMD(cfg_stock_low, "stock warn-below <0-1000000>",
	   "Profiles in stock\nWarn when fewer free ones of a type are left\nProfiles; 0: never\n", &edit()->stock_low)
NUMBER_CMD(cfg_segment, "download segment <16-65519>",
	   "How profiles are loaded\nPackage in one SCP03t command; above 1007 only for cards that say so\nOctets\n",
	   &edit()->download.segment)
NUMBER_CMD(cfg_margin, "download memory-margin <0-1000>",
	   "How profiles are loaded\nMemory asked for, on top of what a package needs\nPercent\n",
	   &edit()->download.memory_margin)
NUMBER_CMD(cfg_isdps, "download isdp-tries <1-10>", "How profiles are loaded\nISD-Ps begun for one order\nISD-Ps\n",
	   &edit()->download.isdp_tries)
NUMBER_CMD(cfg_sessions, "download session-tries <1-10>",
	   "How profiles are loaded\nSCP03t sessions begun in one ISD-P\nSessions\n", &edit()->download.session_tries)

#define TOKEN_HELP "How profiles are loaded\nPut a key for delete tokens into each ISD-P, before the package\n"

DEFUN(cfg_token, cfg_token_cmd, "download token-key", TOKEN_HELP)
{
	edit()->download.token_key = true;
	return CMD_SUCCESS;
}

DEFUN(no_cfg_token, no_cfg_token_cmd, "no download token-key", NO_STR TOKEN_HELP)
{
	edit()->download.token_key = false;
	return CMD_SUCCESS;
}

static const struct value_string scenarios[] = {
	{0x0b, "card-random"},
	{0x09, "no-card-random"},
	{0, NULL},
};

DEFUN(cfg_scenario, cfg_scenario_cmd, "download key-agreement (card-random|no-card-random)",
      "How profiles are loaded\nScenario 3\nWith a random of the card: parameter 0B\nWithout: parameter 09\n")
{
	edit()->download.scenario = (unsigned int)get_string_value(scenarios, argv[0]);
	return CMD_SUCCESS;
}

/* ---- limits ---- */

#define LIMIT(member, min, max) LIMIT_VTY(struct smdp_limits, member, min, max)
static const struct limit_vty limit_list[] = {
	LIMIT(default_validity_s, 1, LIMIT_WAIT_S),
	LIMIT(max_validity_s, 1, LIMIT_WAIT_S),
	LIMIT(grace_s, 0, LIMIT_WAIT_S),
	LIMIT(sync_wait_s, 1, LIMIT_ANSWER_S),
	LIMIT(cleanup_s, 1, LIMIT_WAIT_S),
	LIMIT(ask_again_s, 1, LIMIT_WAIT_S),
	LIMIT(es3_retry_min_s, 1, 86400),
	LIMIT(es3_retry_max_s, 1, LIMIT_WAIT_S),
	LIMIT(es3_timeout_s, 1, LIMIT_ANSWER_S),
	LIMIT(callback_retry_min_s, 1, 86400),
	LIMIT(callback_retry_max_s, 1, LIMIT_WAIT_S),
	LIMIT(callback_timeout_s, 1, LIMIT_ANSWER_S),
	LIMIT(callback_give_up_s, 1, LIMIT_WAIT_S),
	LIMIT(queue_max, 1, 1000),
	LIMIT(outcome_keep_days, 1, LIMIT_KEEP_DAYS),
};
static const struct limits_vty limits = {limit_list, ARRAY_SIZE(limit_list)};

LIMIT_VTY_CMD(cfg_limit, &limits, &edit()->limits)

DEFUN(cfg_space, cfg_space_cmd, "free-space-min <0-1048576>",
      "Below this, requests that change something are answered 503\nMebibytes\n")
{
	edit()->limits.free_space_min = (uint64_t)atoi(argv[0]) << 20;
	return CMD_SUCCESS;
}

static void write_number(struct vty *vty, const char *name, unsigned int value, unsigned int def)
{
	if (value != def)
		vty_out(vty, "%s %u%s", name, value, VTY_NEWLINE);
}

static int write_smdp(struct vty *vty)
{
	struct smdp_cfg *c = edit(), *def = smdp_cfg_alloc(c);

	vty_out(vty, "smdp%s", VTY_NEWLINE);
	text_vty_out(vty, " ", "entity-id", c->oid);
	text_vty_out(vty, " ", "entity-name", c->name);
	text_vty_out(vty, " ", "uri", c->uri);
	text_vty_out(vty, " ", "database", c->database);
	text_vty_out(vty, " ", "master-key", c->master_key);
	text_vty_out(vty, " ", "admin-socket", c->admin_socket);
	text_vty_out(vty, " ", "certificate-issuers", c->ci_bundle);
	text_vty_out(vty, " ", "dp-certificate", c->dp_cert);
	text_vty_out(vty, " ", "dp-key", c->dp_key);
	write_number(vty, " checkpoint-pages", c->checkpoint_pages, def->checkpoint_pages);
	write_number(vty, " stock warn-below", c->stock_low, def->stock_low);
	write_number(vty, " download segment", c->download.segment, def->download.segment);
	if (c->download.scenario != def->download.scenario)
		text_vty_out(vty, " ", "download key-agreement", get_value_string(scenarios, c->download.scenario));
	write_number(vty, " download memory-margin", c->download.memory_margin, def->download.memory_margin);
	if (c->download.token_key)
		vty_out(vty, " download token-key%s", VTY_NEWLINE);
	write_number(vty, " download isdp-tries", c->download.isdp_tries, def->download.isdp_tries);
	write_number(vty, " download session-tries", c->download.session_tries, def->download.session_tries);
	limit_vty_write(vty, &limits, &c->limits, &def->limits);
	write_number(vty, " free-space-min", (unsigned int)(c->limits.free_space_min >> 20),
		     (unsigned int)(def->limits.free_space_min >> 20));
	talloc_free(def);
	return CMD_SUCCESS;
}

/* ---- peer ---- */

static const struct value_string rights[] = {
	{RIGHT_READ, "read"},
	{RIGHT_MANAGE, "manage"},
	{RIGHT_DOWNLOAD, "download"},
	{0, NULL},
};

DEFUN(cfg_peer, cfg_peer_cmd, "peer NAME", "An operator that may call us\nAny word\n")
{
	vty->index = (void *)(size_t)(smdp_cfg_peer_get(edit(), argv[0]) - edit()->peers);
	vty->node = PEER_NODE;
	return CMD_SUCCESS;
}

DEFUN(peer_oid, peer_oid_cmd, "entity-id OID", "Its EntityId\nObject identifier\n")
{
	return text_vty_set_oid(vty, edit(), &this_peer(vty)->oid, argv[0]);
}

DEFUN(peer_right, peer_right_cmd, "right (read|manage|download)",
      "What it may ask for; several rights are several lines\nGetEIS, AuditEIS\n"
      "Enable, disable, delete, policy rules and subscription address of its profiles\nDownloadProfile\n")
{
	this_peer(vty)->rights |= (unsigned int)get_string_value(rights, argv[0]);
	return CMD_SUCCESS;
}

WHO_VTY_CMDS(peer, edit(), &this_peer(vty)->tls)
TEXT_CMD(peer_prefix, "callback-prefix URL", "ReplyTo must begin with this\nhttps URL\n",
	 &this_peer(vty)->callback_prefix)
TEXT_CMD(peer_note, "notification-url URL", "Where notifications go\nhttps URL\n", &this_peer(vty)->notification_url)
NUMBER_CMD(peer_validity, "max-validity <1-31536000>", "Longest ValidityPeriod that we take from it\nSeconds\n",
	   &this_peer(vty)->max_validity_s)

static int write_peers(struct vty *vty)
{
	for (size_t i = 0; i < edit()->n_peers; i++) {
		const struct smdp_peer *p = &edit()->peers[i];

		vty_out(vty, " peer %s%s", p->name, VTY_NEWLINE);
		text_vty_out(vty, "  ", "entity-id", p->oid);
		for (const struct value_string *r = rights; r->str; r++) {
			if (p->rights & r->value)
				text_vty_out(vty, "  ", "right", r->str);
		}
		who_vty_write(vty, "  ", &p->tls);
		text_vty_out(vty, "  ", "callback-prefix", p->callback_prefix);
		text_vty_out(vty, "  ", "notification-url", p->notification_url);
		write_number(vty, "  max-validity", p->max_validity_s, 0);
	}
	return CMD_SUCCESS;
}

/* ---- sm-sr ---- */

DEFUN(cfg_smsr, cfg_smsr_cmd, "sm-sr NAME", "An SM-SR through which we reach eUICCs\nAny word\n")
{
	vty->index = (void *)(size_t)(smdp_cfg_smsr_get(edit(), argv[0]) - edit()->smsrs);
	vty->node = SMSR_NODE;
	return CMD_SUCCESS;
}

DEFUN(smsr_oid, smsr_oid_cmd, "entity-id OID", "Its EntityId\nObject identifier\n")
{
	return text_vty_set_oid(vty, edit(), &this_smsr(vty)->oid, argv[0]);
}

WHO_VTY_CMDS(smsr, edit(), &this_smsr(vty)->tls)
TEXT_CMD(smsr_url, "es3-url URL", "Where it serves ES3\nhttps URL\n", &this_smsr(vty)->url)
NUMBER_CMD(smsr_chunk, "send-data-size <256-4194304>", "Package in one SendData\nOctets\n", &this_smsr(vty)->chunk)
NUMBER_CMD(smsr_validity, "max-validity <1-31536000>", "Longest ValidityPeriod that it takes\nSeconds\n",
	   &this_smsr(vty)->validity_s)

DEFUN(smsr_second, smsr_second_cmd, "second-session",
      "A transfer that broke off begins again in the same ISD-P, in a new SCP03t session\n")
{
	this_smsr(vty)->no_second_session = false;
	return CMD_SUCCESS;
}

DEFUN(no_smsr_second, no_smsr_second_cmd, "no second-session",
      NO_STR "A transfer that broke off begins again in another ISD-P\n")
{
	this_smsr(vty)->no_second_session = true;
	return CMD_SUCCESS;
}

static int write_smsrs(struct vty *vty)
{
	for (size_t i = 0; i < edit()->n_smsrs; i++) {
		const struct smsr_peer *p = &edit()->smsrs[i];

		vty_out(vty, " sm-sr %s%s", p->name, VTY_NEWLINE);
		text_vty_out(vty, "  ", "entity-id", p->oid);
		who_vty_write(vty, "  ", &p->tls);
		text_vty_out(vty, "  ", "es3-url", p->url);
		write_number(vty, "  send-data-size", p->chunk, 0);
		write_number(vty, "  max-validity", p->validity_s, 0);
		if (p->no_second_session)
			vty_out(vty, "  no second-session%s", VTY_NEWLINE);
	}
	return CMD_SUCCESS;
}

/* ---- eum ---- */

DEFUN(cfg_eum, cfg_eum_cmd, "eum NAME", "A card maker whose eUICCs we load\nAny word\n")
{
	vty->index = (void *)(size_t)(smdp_cfg_eum_get(edit(), argv[0]) - edit()->eums);
	vty->node = EUM_NODE;
	return CMD_SUCCESS;
}

DEFUN(eum_oid, eum_oid_cmd, "entity-id OID", "Its EntityId\nObject identifier\n")
{
	return text_vty_set_oid(vty, edit(), &this_eum(vty)->oid, argv[0]);
}

TEXT_CMD(eum_cert, "certificate FILE", "Certificate that signs its EIS and ECASD certificates\nPEM file\n",
	 &this_eum(vty)->cert)

static int write_eums(struct vty *vty)
{
	for (size_t i = 0; i < edit()->n_eums; i++) {
		vty_out(vty, " eum %s%s", edit()->eums[i].name, VTY_NEWLINE);
		text_vty_out(vty, "  ", "entity-id", edit()->eums[i].oid);
		text_vty_out(vty, "  ", "certificate", edit()->eums[i].cert);
	}
	return CMD_SUCCESS;
}

/* ---- installation ---- */

static void install_lists(void)
{
	install_element(SMDP_NODE, &cfg_smsr_cmd);
	install_node(&smsr_node, write_smsrs);
	install_element(SMSR_NODE, &smsr_oid_cmd);
	WHO_VTY_INSTALL(SMSR_NODE, smsr);
	install_element(SMSR_NODE, &smsr_url_cmd);
	install_element(SMSR_NODE, &smsr_chunk_cmd);
	install_element(SMSR_NODE, &smsr_validity_cmd);
	install_element(SMSR_NODE, &smsr_second_cmd);
	install_element(SMSR_NODE, &no_smsr_second_cmd);
	install_element(SMDP_NODE, &cfg_eum_cmd);
	install_node(&eum_node, write_eums);
	install_element(EUM_NODE, &eum_oid_cmd);
	install_element(EUM_NODE, &eum_cert_cmd);
	install_element(SMDP_NODE, &cfg_peer_cmd);
	install_node(&peer_node, write_peers);
	install_element(PEER_NODE, &peer_oid_cmd);
	install_element(PEER_NODE, &peer_right_cmd);
	WHO_VTY_INSTALL(PEER_NODE, peer);
	install_element(PEER_NODE, &peer_prefix_cmd);
	install_element(PEER_NODE, &peer_note_cmd);
	install_element(PEER_NODE, &peer_validity_cmd);
}

struct smdp_daemon *smdp_vty_daemon(void)
{
	return the_daemon;
}

void smdp_vty_cfg_init(struct smdp_daemon *d)
{
	the_daemon = d;
	install_element(CONFIG_NODE, &cfg_smdp_cmd);
	install_node(&smdp_node, write_smdp);
	install_element(SMDP_NODE, &cfg_oid_cmd);
	install_element(SMDP_NODE, &cfg_name_cmd);
	install_element(SMDP_NODE, &cfg_uri_cmd);
	install_element(SMDP_NODE, &cfg_database_cmd);
	install_element(SMDP_NODE, &cfg_master_key_cmd);
	install_element(SMDP_NODE, &cfg_admin_cmd);
	install_element(SMDP_NODE, &cfg_ci_cmd);
	install_element(SMDP_NODE, &cfg_dp_cert_cmd);
	install_element(SMDP_NODE, &cfg_dp_key_cmd);
	install_element(SMDP_NODE, &cfg_checkpoint_cmd);
	install_element(SMDP_NODE, &cfg_stock_low_cmd);
	install_element(SMDP_NODE, &cfg_segment_cmd);
	install_element(SMDP_NODE, &cfg_scenario_cmd);
	install_element(SMDP_NODE, &cfg_token_cmd);
	install_element(SMDP_NODE, &no_cfg_token_cmd);
	install_element(SMDP_NODE, &cfg_margin_cmd);
	install_element(SMDP_NODE, &cfg_isdps_cmd);
	install_element(SMDP_NODE, &cfg_sessions_cmd);
	install_element(SMDP_NODE, &cfg_limit_cmd);
	install_element(SMDP_NODE, &cfg_space_cmd);
	https_vty_init(SMDP_NODE, HTTPS_NODE, "%s(config-smdp-https)# ", edit_https);
	install_lists();
}
