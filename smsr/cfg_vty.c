/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Configuration nodes "smsr", "peer" and "smsc"; their writers are in cfg_vty_write.c.  Commands store texts and
 * numbers in the configuration that is being read; checks across values come afterwards (smsr_cfg_check()).
 *
 * Passwords and keys are names of files, never values. */
#include "smsr/cfg_vty_priv.h"

#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/https_vty.h"
#include "common/app/limit_vty.h"
#include "common/app/text_vty.h"
#include "common/app/who_vty.h"
#include "smsr/daemon.h"
#include "smsr/https_vty.h"
#include "smsr/smsr_vty.h"

enum {
	SMSR_NODE = _LAST_OSMOVTY_NODE + 1,
	HTTPS_NODE,
	PEER_NODE,
	SMSC_NODE,
	HTTPS_BEARER_NODE,
	FLEET_NODE,
};

static struct cmd_node smsr_node = {.node = SMSR_NODE, .prompt = "%s(config-smsr)# ", .vtysh = 1};
static struct cmd_node peer_node = {.node = PEER_NODE, .prompt = "%s(config-smsr-peer)# ", .vtysh = 1};
static struct cmd_node smsc_node = {.node = SMSC_NODE, .prompt = "%s(config-smsr-smsc)# ", .vtysh = 1};

static struct smsr_daemon *the_daemon;

static struct smsr_cfg *edit(void)
{
	return the_daemon->edit;
}

static struct https_cfg *edit_https(void)
{
	return &edit()->https;
}

/* What a console edits may be gone after a reload that read a shorter list: it then edits an entry of this name. */
#define GONE "gone-by-reload"

/* vty->index holds a position, not a pointer: the arrays move when they grow. */
static struct peer *this_peer(struct vty *vty)
{
	if ((size_t)vty->index >= edit()->n_peers)
		return smsr_cfg_peer_get(edit(), GONE);
	return &edit()->peers[(size_t)vty->index];
}

static struct smsc_cfg *this_smsc(struct vty *vty)
{
	if ((size_t)vty->index >= edit()->n_smscs)
		return smsr_cfg_smsc_get(edit(), GONE);
	return &edit()->smscs[(size_t)vty->index];
}

static int set_const_text(const char **where, const char *value)
{
	*where = talloc_strdup(edit(), value);
	return CMD_SUCCESS;
}

#define TEXT_CMD(name, cmdstr, help, where) TEXT_VTY_CMD(name, cmdstr, help, edit(), where)
#define FLAG_CMD(name, cmdstr, help, where)                          \
	DEFUN(name, name##_cmd, cmdstr, help)                        \
	{                                                            \
		where = true;                                        \
		return CMD_SUCCESS;                                  \
	}                                                            \
	DEFUN(no_##name, no_##name##_cmd, "no " cmdstr, NO_STR help) \
	{                                                            \
		where = false;                                       \
		return CMD_SUCCESS;                                  \
	}

/* ---- smsr ---- */

DEFUN(cfg_smsr, cfg_smsr_cmd, "smsr", "The SM-SR\n")
{
	vty->node = SMSR_NODE;
	return CMD_SUCCESS;
}

DEFUN(cfg_oid, cfg_oid_cmd, "entity-id OID", "Our EntityId\nObject identifier\n")
{
	return text_vty_set_oid(vty, edit(), &edit()->oid, argv[0]);
}

TEXT_CMD(cfg_name, "entity-name NAME", "Our EntityName\nAny word\n", &edit()->name)
TEXT_CMD(cfg_uri, "uri URI", "Our base address: From is URI/ES4/ES4SmSrService and so on\nhttps URI\n", &edit()->uri)
TEXT_CMD(cfg_database, "database FILE", "Database of this daemon\nFile\n", &edit()->database)
TEXT_CMD(cfg_master_key, "master-key FILE", "Key under which all keys are wrapped\nFile, mode 0600\n",
	 &edit()->master_key)
TEXT_CMD(cfg_ci, "certificate-issuers FILE", "Roots that EUM certificates must chain to\nPEM file\n",
	 &edit()->ci_bundle)
TEXT_CMD(cfg_admin, "admin-socket PATH", "Local socket for smctl\nPath\n", &edit()->admin_socket)
NUMBER_CMD(cfg_checkpoint, "checkpoint-pages <100-1000000>",
	   "Pages in the write-ahead log before a checkpoint\nPages\n", &edit()->checkpoint_pages)
FLAG_CMD(cfg_late, "late-notification-confirm",
	 "Confirm a notification that comes after its operation has failed (else the card rolls back)\n",
	 edit()->late_notification_confirm)
FLAG_CMD(cfg_omit, "omit-filtered-parts", "Leave out of an EIS what its reader may not see, instead of skeletons\n",
	 edit()->omit_filtered_parts)
FLAG_CMD(cfg_ecasd, "ecasd-check", "Verify the certificate of the ECASD at registration\n", edit()->ecasd_check)

#define LIMIT(member, min, max) LIMIT_VTY(struct limits_cfg, member, min, max)
static const struct limit_vty limit_list[] = {
	LIMIT(default_validity_s, 1, LIMIT_WAIT_S),
	LIMIT(max_validity_s, 1, LIMIT_WAIT_S),
	LIMIT(grace_s, 0, LIMIT_WAIT_S),
	LIMIT(por_wait_s, 1, 86400),
	LIMIT(por_copies, 0, 20), /* the wait for the answer to each doubles */
	LIMIT(undelivered_s, 0, 86400),
	LIMIT(sms_retry_min_s, 1, 86400),
	LIMIT(sms_retry_max_s, 1, LIMIT_WAIT_S),
	LIMIT(sms_parts_max, 1, 255),
	LIMIT(audit_validity_s, 1, LIMIT_WAIT_S),
	LIMIT(callback_retry_min_s, 1, 86400),
	LIMIT(callback_retry_max_s, 1, LIMIT_WAIT_S),
	LIMIT(callback_timeout_s, 1, LIMIT_ANSWER_S),
	LIMIT(callback_give_up_s, 1, LIMIT_WAIT_S),
	LIMIT(queue_max, 1, 1000),
	LIMIT(outcome_keep_days, 1, LIMIT_KEEP_DAYS),
	LIMIT(audit_keep_days, 1, LIMIT_KEEP_DAYS),
	LIMIT(counter_margin, 1, 1000000000),
	LIMIT(bulk_per_s, 1, 1000),
};
const struct limits_vty cfg_limits = {limit_list, ARRAY_SIZE(limit_list)};

LIMIT_VTY_CMD(cfg_limit, &cfg_limits, &edit()->limits)

DEFUN(cfg_space, cfg_space_cmd, "free-space-min <0-1048576>",
      "Below this, requests that change something are answered 503\nMebibytes\n")
{
	edit()->limits.free_space_min = (uint64_t)atoi(argv[0]) << 20;
	return CMD_SUCCESS;
}

/* ---- peer ---- */

const struct value_string cfg_roles[] = {
	{PEER_EUM, "eum"},
	{PEER_SMDP, "sm-dp"},
	{PEER_MNO, "mno"},
	{0, NULL},
};

DEFUN(cfg_peer, cfg_peer_cmd, "peer NAME", "An entity that may call us, or that we tell things\nAny word\n")
{
	vty->index = (void *)(size_t)(smsr_cfg_peer_get(edit(), argv[0]) - edit()->peers);
	vty->node = PEER_NODE;
	return CMD_SUCCESS;
}

DEFUN(peer_oid, peer_oid_cmd, "entity-id OID", "Its EntityId\nObject identifier\n")
{
	return text_vty_set_oid(vty, edit(), &this_peer(vty)->oid, argv[0]);
}

DEFUN(peer_role, peer_role_cmd, "role (eum|sm-dp|mno)",
      "What it may call; several roles are several lines\nES1: registers eUICCs\nES3\nES4: operator\n")
{
	this_peer(vty)->roles |= (unsigned int)get_string_value(cfg_roles, argv[0]);
	return CMD_SUCCESS;
}

WHO_VTY_CMDS(peer, edit(), &this_peer(vty)->tls)
TEXT_CMD(peer_prefix, "callback-prefix URL", "ReplyTo must begin with this\nhttps URL\n",
	 &this_peer(vty)->callback_prefix)
TEXT_CMD(peer_note, "notification-url URL", "Where notifications go\nhttps URL\n", &this_peer(vty)->notification_url)
TEXT_CMD(peer_eum, "eum-certificate FILE", "Certificate that its signatures on EIS verify under\nPEM file\n",
	 &this_peer(vty)->eum_cert)
NUMBER_CMD(peer_validity, "max-validity <1-31536000>", "Longest ValidityPeriod that we take from it\nSeconds\n",
	   &this_peer(vty)->max_validity_s)
FLAG_CMD(peer_mno_id, "notify-mno-id", "ES3 notifications name the operator (Mno-id)\n", this_peer(vty)->notify_mno_id)

DEFUN(peer_acts, peer_acts_cmd, "acts-for OID",
      "ES3: an operator that this SM-DP may act for; several are several lines\nEntityId of the operator\n")
{
	struct peer *p = this_peer(vty);
	char *oid = NULL;
	int rc = text_vty_set_oid(vty, edit(), &oid, argv[0]);

	if (rc != CMD_SUCCESS || peer_acts_for(p, oid))
		return rc;
	p->acts_for = talloc_realloc(edit(), p->acts_for, char *, (unsigned int)p->n_acts_for + 1);
	OSMO_ASSERT(p->acts_for);
	p->acts_for[p->n_acts_for++] = oid;
	return CMD_SUCCESS;
}

DEFUN(no_peer_acts, no_peer_acts_cmd, "no acts-for OID",
      NO_STR "ES3: an operator that this SM-DP may act for\nEntityId of the operator\n")
{
	struct peer *p = this_peer(vty);

	for (size_t i = 0; i < p->n_acts_for; i++) {
		if (strcmp(p->acts_for[i], argv[0]) == 0)
			p->acts_for[i] = p->acts_for[--p->n_acts_for];
	}
	return CMD_SUCCESS;
}

/* ---- smsc ---- */

DEFUN(cfg_smsc, cfg_smsc_cmd, "smsc NAME", "An account at a service centre (SMPP)\nAny word\n")
{
	vty->index = (void *)(size_t)(smsr_cfg_smsc_get(edit(), argv[0]) - edit()->smscs);
	vty->node = SMSC_NODE;
	return CMD_SUCCESS;
}

DEFUN(smsc_remote, smsc_remote_cmd, "remote HOST <1-65535>", "Where it is\nAddress or name\nPort\n")
{
	struct smsc_cfg *c = this_smsc(vty);

	c->link.port = (uint16_t)atoi(argv[1]);
	return set_const_text(&c->link.host, argv[0]);
}

#define SMSC_TEXT(name, cmdstr, help, member)                                 \
	DEFUN(name, name##_cmd, cmdstr, help)                                 \
	{                                                                     \
		return set_const_text(&this_smsc(vty)->link.member, argv[0]); \
	}

SMSC_TEXT(smsc_local, "local ADDR", "Address to connect from\nAddress\n", local)
SMSC_TEXT(smsc_id, "system-id ID", "Name of the account\nText\n", system_id)
SMSC_TEXT(smsc_type, "system-type TYPE", "system_type of the bind\nText\n", system_type)
SMSC_TEXT(smsc_service, "service-type TYPE", "service_type of messages\nText\n", service_type)
SMSC_TEXT(smsc_tls_ca, "tls ca FILE", "TLS from the first octet on\nRoots of its certificate\nPEM file\n", tls_ca)
SMSC_TEXT(smsc_tls_name, "tls name HOST", "TLS\nName that its certificate must have\nHost name\n", tls_name)
SMSC_TEXT(smsc_tls_cert, "tls certificate FILE", "TLS\nOur certificate\nPEM file\n", tls_cert)
SMSC_TEXT(smsc_tls_key, "tls key FILE", "TLS\nIts private key\nPEM file\n", tls_key)
TEXT_CMD(smsc_password, "password-file FILE", "File whose first line is the password\nFile\n",
	 &this_smsc(vty)->password_file)
NUMBER_CMD(smsc_window, "window <1-1000>", "Unanswered messages at a time\nMessages\n", &this_smsc(vty)->link.window)
NUMBER_CMD(smsc_rate, "rate <0-100000>", "Messages per second; 0: as fast as it goes\nMessages\n",
	   &this_smsc(vty)->link.rate_per_s)
FLAG_CMD(smsc_tls, "tls", "TLS from the first octet on\n", this_smsc(vty)->link.tls)

static int set_addr(struct smpp_addr *addr, const char **argv)
{
	addr->ton = (uint8_t)atoi(argv[0]);
	addr->npi = (uint8_t)atoi(argv[1]);
	addr->digits = bytes_str(talloc_strdup(edit(), argv[2]));
	return CMD_SUCCESS;
}

DEFUN(smsc_source, smsc_source_cmd, "source <0-7> <0-18> DIGITS",
      "Our number: cards answer to it\nTON\nNPI\nDigits; the service centre must route them to this account\n")
{
	return set_addr(&this_smsc(vty)->link.source, argv);
}

DEFUN(smsc_dest, smsc_dest_cmd, "destination-type <0-7> <0-18>", "Type of the numbers we send to\nTON\nNPI\n")
{
	this_smsc(vty)->link.dest_ton = (uint8_t)atoi(argv[0]);
	this_smsc(vty)->link.dest_npi = (uint8_t)atoi(argv[1]);
	return CMD_SUCCESS;
}

const struct value_string cfg_esm_modes[] = {{0x40, "store-and-forward"}, {0x42, "forward"}, {0, NULL}};

DEFUN(smsc_mode, smsc_mode_cmd, "mode (store-and-forward|forward)",
      "What an accepted message means\nThe service centre keeps it\nThe phone has it (osmo-msc)\n")
{
	this_smsc(vty)->link.esm_class = (uint8_t)get_string_value(cfg_esm_modes, argv[0]);
	return CMD_SUCCESS;
}

const struct value_string cfg_bind_modes[] = {
	{SMPP_BIND_TRX, "transceiver"},
	{SMPP_BIND_TX_RX, "transmitter-receiver"},
	{0, NULL},
};

DEFUN(smsc_bind, smsc_bind_cmd, "bind (transceiver|transmitter-receiver)",
      "How to bind\nOne connection\nTwo connections\n")
{
	this_smsc(vty)->link.bind_mode = (enum smpp_bind_mode)get_string_value(cfg_bind_modes, argv[0]);
	return CMD_SUCCESS;
}

const struct value_string cfg_receipt_wishes[] = {
	{SMPP_RECEIPT_NONE, "none"},
	{SMPP_RECEIPT_LAST, "last"},
	{SMPP_RECEIPT_ALL, "all"},
	{0, NULL},
};

DEFUN(smsc_receipts, smsc_receipts_cmd, "receipts (none|last|all)",
      "Delivery receipts\nNone\nFor the last part of a message\nFor every part\n")
{
	this_smsc(vty)->link.receipts = (enum smpp_receipt_wish)get_string_value(cfg_receipt_wishes, argv[0]);
	return CMD_SUCCESS;
}

const struct value_string cfg_validity_forms[] = {
	{SMPP_VALIDITY_NONE, "none"},
	{SMPP_VALIDITY_RELATIVE, "relative"},
	{SMPP_VALIDITY_ABSOLUTE, "absolute"},
	{0, NULL},
};

DEFUN(smsc_validity, smsc_validity_cmd, "validity (none|relative|absolute)",
      "Form of validity_period\nLeave it to the service centre\nTime from now\nPoint in time\n")
{
	this_smsc(vty)->link.validity = (enum smpp_validity_form)get_string_value(cfg_validity_forms, argv[0]);
	return CMD_SUCCESS;
}

const struct value_string cfg_msgid_types[] = {
	{SMPP_MSGID_AS_IS, "as-is"},
	{SMPP_MSGID_HEX_DEC, "hex-dec"},
	{SMPP_MSGID_DEC_HEX, "dec-hex"},
	{0, NULL},
};

DEFUN(smsc_msgid, smsc_msgid_cmd, "message-id (as-is|hex-dec|dec-hex)",
      "How message ids in responses and receipts are written\nThe same in both\nHexadecimal, receipt decimal\n"
      "Decimal, receipt hexadecimal\n")
{
	this_smsc(vty)->link.msgid_type = (enum smpp_msgid_type)get_string_value(cfg_msgid_types, argv[0]);
	return CMD_SUCCESS;
}

DEFUN(smsc_coding, smsc_coding_cmd, "data-coding HEX [HEX] [HEX] [HEX]",
      "data_coding in order of preference\nTwo hex digits\nNext choice\nNext choice\nNext choice\n")
{
	struct smpp_link_cfg *l = &this_smsc(vty)->link;
	uint8_t codings[SMPP_CODINGS_MAX];

	for (int i = 0; i < argc && i < SMPP_CODINGS_MAX; i++) {
		if (hex_dec_buf(&codings[i], 1, argv[i]) < 0) {
			vty_out(vty, "%% %s: two hex digits are wanted%s", argv[i], VTY_NEWLINE);
			return CMD_WARNING;
		}
	}
	memcpy(l->data_coding, codings, (size_t)argc);
	l->n_data_coding = (unsigned int)argc;
	return CMD_SUCCESS;
}

const struct value_string cfg_rule_actions[] = {
	{SMPP_ACT_THROTTLED, "throttled"}, {SMPP_ACT_QUEUE_FULL, "queue-full"},	  {SMPP_ACT_RETRY, "retry"},
	{SMPP_ACT_PERMANENT, "permanent"}, {SMPP_ACT_NEXT_CODING, "next-coding"}, {0, NULL},
};

DEFUN(smsc_status, smsc_status_cmd, "status <0-2147483647> (throttled|queue-full|retry|permanent|next-coding)",
      "What a command_status of this service centre means\nDecimal\nPause the link\nPause the number\nTry again later\n"
      "Will never work\nTry the next data-coding\n")
{
	struct smpp_link_cfg *l = &this_smsc(vty)->link;

	if (l->n_rules == SMPP_RULES_MAX) {
		vty_out(vty, "%% no more than %d rules%s", SMPP_RULES_MAX, VTY_NEWLINE);
		return CMD_WARNING;
	}
	l->rules[l->n_rules++] = (struct smpp_status_rule){
		(uint32_t)atoi(argv[0]), (enum smpp_action)get_string_value(cfg_rule_actions, argv[1])};
	return CMD_SUCCESS;
}

/* ---- installation ---- */

static void install_smsr(void)
{
	install_element(CONFIG_NODE, &cfg_smsr_cmd);
	install_node(&smsr_node, cfg_write_smsr);
	install_element(SMSR_NODE, &cfg_oid_cmd);
	install_element(SMSR_NODE, &cfg_name_cmd);
	install_element(SMSR_NODE, &cfg_uri_cmd);
	install_element(SMSR_NODE, &cfg_database_cmd);
	install_element(SMSR_NODE, &cfg_master_key_cmd);
	install_element(SMSR_NODE, &cfg_ci_cmd);
	install_element(SMSR_NODE, &cfg_admin_cmd);
	install_element(SMSR_NODE, &cfg_checkpoint_cmd);
	install_element(SMSR_NODE, &cfg_late_cmd);
	install_element(SMSR_NODE, &no_cfg_late_cmd);
	install_element(SMSR_NODE, &cfg_omit_cmd);
	install_element(SMSR_NODE, &no_cfg_omit_cmd);
	install_element(SMSR_NODE, &cfg_ecasd_cmd);
	install_element(SMSR_NODE, &no_cfg_ecasd_cmd);
	install_element(SMSR_NODE, &cfg_limit_cmd);
	install_element(SMSR_NODE, &cfg_space_cmd);
}

static void install_peer(void)
{
	install_element(SMSR_NODE, &cfg_peer_cmd);
	install_node(&peer_node, cfg_write_peers);
	install_element(PEER_NODE, &peer_oid_cmd);
	install_element(PEER_NODE, &peer_role_cmd);
	WHO_VTY_INSTALL(PEER_NODE, peer);
	install_element(PEER_NODE, &peer_prefix_cmd);
	install_element(PEER_NODE, &peer_note_cmd);
	install_element(PEER_NODE, &peer_eum_cmd);
	install_element(PEER_NODE, &peer_validity_cmd);
	install_element(PEER_NODE, &peer_acts_cmd);
	install_element(PEER_NODE, &no_peer_acts_cmd);
	install_element(PEER_NODE, &peer_mno_id_cmd);
	install_element(PEER_NODE, &no_peer_mno_id_cmd);
}

static void install_smsc(void)
{
	install_element(SMSR_NODE, &cfg_smsc_cmd);
	install_node(&smsc_node, cfg_write_smscs);
	install_element(SMSC_NODE, &smsc_remote_cmd);
	install_element(SMSC_NODE, &smsc_local_cmd);
	install_element(SMSC_NODE, &smsc_id_cmd);
	install_element(SMSC_NODE, &smsc_password_cmd);
	install_element(SMSC_NODE, &smsc_type_cmd);
	install_element(SMSC_NODE, &smsc_service_cmd);
	install_element(SMSC_NODE, &smsc_tls_cmd);
	install_element(SMSC_NODE, &no_smsc_tls_cmd);
	install_element(SMSC_NODE, &smsc_tls_ca_cmd);
	install_element(SMSC_NODE, &smsc_tls_name_cmd);
	install_element(SMSC_NODE, &smsc_tls_cert_cmd);
	install_element(SMSC_NODE, &smsc_tls_key_cmd);
	install_element(SMSC_NODE, &smsc_source_cmd);
	install_element(SMSC_NODE, &smsc_dest_cmd);
	install_element(SMSC_NODE, &smsc_mode_cmd);
	install_element(SMSC_NODE, &smsc_bind_cmd);
	install_element(SMSC_NODE, &smsc_receipts_cmd);
	install_element(SMSC_NODE, &smsc_validity_cmd);
	install_element(SMSC_NODE, &smsc_msgid_cmd);
	install_element(SMSC_NODE, &smsc_window_cmd);
	install_element(SMSC_NODE, &smsc_rate_cmd);
	install_element(SMSC_NODE, &smsc_coding_cmd);
	install_element(SMSC_NODE, &smsc_status_cmd);
}

struct smsr_daemon *smsr_vty_daemon(void)
{
	return the_daemon;
}

void smsr_vty_cfg_init(struct smsr_daemon *d)
{
	the_daemon = d;
	install_smsr();
	https_vty_init(SMSR_NODE, HTTPS_NODE, "%s(config-smsr-https)# ", edit_https);
	install_peer();
	install_smsc();
	https_vty_bearer_init(SMSR_NODE, HTTPS_BEARER_NODE, FLEET_NODE);
}
