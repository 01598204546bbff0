/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Configuration nodes "https-bearer" and "fleet" inside it, their writer, and "show https". */
#include "smsr/https_vty.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/text_vty.h"
#include "smsr/daemon.h"
#include "smsr/eis_db.h"
#include "smsr/https_db.h"
#include "smsr/smsr_vty.h"
#include "smsr/words.h"

#define SHOW_MAX 100

static struct cmd_node bearer_node = {.prompt = "%s(config-smsr-https-bearer)# ", .vtysh = 1};
static struct cmd_node fleet_node = {.prompt = "%s(config-smsr-https-bearer-fleet)# ", .vtysh = 1};

static struct smsr_cfg *cfg(void)
{
	return smsr_vty_daemon()->edit;
}

static struct https_bearer_cfg *edit(void)
{
	return &cfg()->bearer;
}

/* A console may stand in a node whose fleet a reload has taken away. */
static struct https_fleet *this_fleet(struct vty *vty)
{
	if ((size_t)vty->index >= edit()->n_fleets)
		return https_fleet_get(edit(), cfg(), "gone-by-reload");
	return edit()->fleets[(size_t)vty->index];
}

/* ---- https-bearer ---- */

DEFUN(cfg_bearer, cfg_bearer_cmd, "https-bearer", "Cards that are reached by HTTPS (SCP81)\n")
{
	vty->node = bearer_node.node;
	return CMD_SUCCESS;
}

DEFUN(bearer_listen, bearer_listen_cmd, "listen ADDR <0-65535>",
      "Address to listen on; without one there is no such bearer\nIPv4 or IPv6 address\nPort\n")
{
	struct https_bearer_cfg *b = edit();

	b->listen = talloc_realloc(cfg(), b->listen, struct http_listen, (unsigned int)b->n_listen + 1);
	OSMO_ASSERT(b->listen);
	b->listen[b->n_listen++] = (struct http_listen){talloc_strdup(cfg(), argv[0]), (uint16_t)atoi(argv[1])};
	return CMD_SUCCESS;
}

#define HB_TEXT(name, cmdstr, help, member) TEXT_VTY_CMD(name, cmdstr, help, cfg(), &edit()->member)
HB_TEXT(bearer_ciphers, "cipher-suites LIST",
	"Suites in the order of our liking; the default is that of SGP.02\nOpenSSL's words, with colons\n", ciphers)
HB_TEXT(bearer_keylog, "lab-key-log FILE", "Lab only: secrets of every session, for tshark\nFile\n", keylog)
NUMBER_CMD(bearer_conns, "max-connections <1-100000>", "Connections of all cards together\nConnections\n",
	   &edit()->max_connections)
NUMBER_CMD(bearer_fragment, "max-fragment <512-16384>",
	   "Longest TLS record to a card that does not ask for shorter ones\nOctets\n", &edit()->max_fragment)
NUMBER_CMD(bearer_handshake, "timeout handshake <1-3600>", "How long a card may take\nFor the TLS handshake\nSeconds\n",
	   &edit()->handshake_timeout_s)
NUMBER_CMD(bearer_idle, "timeout request <1-3600>",
	   "How long a card may take\nFrom our answer to its next request\nSeconds\n", &edit()->idle_timeout_s)
NUMBER_CMD(bearer_session, "timeout session <1-86400>", "How long a card may take\nFor a whole connection\nSeconds\n",
	   &edit()->session_timeout_s)

DEFUN(bearer_ems, bearer_ems_cmd, "extended-master-secret", "Offer RFC 7627 to cards that ask\n")
{
	edit()->ems = true;
	return CMD_SUCCESS;
}

DEFUN(no_bearer_ems, no_bearer_ems_cmd, "no extended-master-secret", NO_STR "Do not offer RFC 7627\n")
{
	edit()->ems = false;
	return CMD_SUCCESS;
}

/* ---- fleet ---- */

DEFUN(cfg_fleet, cfg_fleet_cmd, "fleet NAME", "Cards that want to be spoken to in the same way\nAny word\n")
{
	struct https_fleet *f = https_fleet_get(edit(), cfg(), argv[0]);
	size_t i = 0;

	while (edit()->fleets[i] != f)
		i++;
	vty->index = (void *)i;
	vty->node = fleet_node.node;
	return CMD_SUCCESS;
}

DEFUN(fleet_eum, fleet_eum_cmd, "eum OID",
      "Cards of this EUM; several are several lines; none: all other cards\nEntityId of the EUM\n")
{
	struct https_fleet *f = this_fleet(vty);
	char *oid = NULL;
	int rc = text_vty_set_oid(vty, f, &oid, argv[0]);

	if (rc != CMD_SUCCESS)
		return rc;
	f->eums = talloc_realloc(f, f->eums, char *, (unsigned int)f->n_eums + 1);
	OSMO_ASSERT(f->eums);
	f->eums[f->n_eums++] = oid;
	return CMD_SUCCESS;
}

static const struct value_string wishes[] = {
	{BEARER_AUTO, "auto"}, {BEARER_SMS, "sms"}, {BEARER_HTTPS, "https"}, {0, NULL}};

DEFUN(fleet_wish, fleet_wish_cmd, "bearer (auto|sms|https)",
      "How commands go\nHTTPS for what is too long for SMS, or while a session is open\nNever by HTTPS\n"
      "By HTTPS, and by SMS when that fails\n")
{
	this_fleet(vty)->wish = (enum bearer_wish)get_string_value(wishes, argv[0]);
	return CMD_SUCCESS;
}

static const struct value_string uris[] = {
	{DIALOG_URI_QUERY, "query"}, {DIALOG_URI_PATH, "path"}, {DIALOG_URI_ABSOLUTE, "absolute"}, {0, NULL}};

DEFUN(fleet_next, fleet_next_cmd, "next-uri (query|path|absolute)",
      "Form of X-Admin-Next-URI\nPath with a query\nPath alone\nWith scheme and host\n")
{
	this_fleet(vty)->next_uri = (enum dialog_uri)get_string_value(uris, argv[0]);
	return CMD_SUCCESS;
}

#define FL_TEXT(name, cmdstr, help, member) TEXT_VTY_CMD(name, cmdstr, help, this_fleet(vty), &this_fleet(vty)->member)
#define FL_NUMBER(name, cmdstr, help, member) NUMBER_CMD(name, cmdstr, help, &this_fleet(vty)->member)
#define FL_FLAG(name, cmdstr, help, member)                          \
	DEFUN(name, name##_cmd, cmdstr, help)                        \
	{                                                            \
		this_fleet(vty)->member = true;                      \
		return CMD_SUCCESS;                                  \
	}                                                            \
	DEFUN(no_##name, no_##name##_cmd, "no " cmdstr, NO_STR help) \
	{                                                            \
		this_fleet(vty)->member = false;                     \
		return CMD_SUCCESS;                                  \
	}

#define TRIGGER_STR "What triggers say; what they leave out is as the card has stored it\n"
FL_TEXT(fleet_address, "trigger address ADDR", TRIGGER_STR "Where the card finds us\nIPv4 or IPv6 address\n", address)
FL_NUMBER(fleet_port, "trigger port <1-65535>", TRIGGER_STR "Our port, as the card sees it\nPort\n", port)
FL_TEXT(fleet_bearer, "trigger bearer-description HEX",
	TRIGGER_STR "Bearer of OPEN CHANNEL; 03 is the default bearer\nHex\n", bearer)
FL_NUMBER(fleet_buffer, "trigger buffer-size <128-65535>", TRIGGER_STR "Buffer of the channel\nOctets\n", buffer_size)
FL_TEXT(fleet_apn, "trigger apn NAME", TRIGGER_STR "Access point\nName with dots\n", apn)
FL_TEXT(fleet_host, "trigger host NAME", TRIGGER_STR "Host of the POST\nName\n", host)
FL_TEXT(fleet_fqdn, "trigger fqdn NAME", TRIGGER_STR "Name that the card resolves\nName\n", fqdn)
FL_FLAG(fleet_agent, "trigger agent-id", TRIGGER_STR "Value of X-Admin-From\n", agent_id)
FL_FLAG(fleet_psk, "trigger psk-identity", TRIGGER_STR "PSK identity, key version and key identifier\n", psk_identity)

DEFUN(fleet_retry, fleet_retry_cmd, "trigger retry <0-65535> <0-359999>",
      TRIGGER_STR "Retries of the card\nHow often; 0: as stored\nSeconds between two\n")
{
	this_fleet(vty)->retry_count = (unsigned int)atoi(argv[0]);
	this_fleet(vty)->retry_delay_s = (unsigned int)atoi(argv[1]);
	return CMD_SUCCESS;
}

FL_TEXT(fleet_uri, "uri PATH", "Path of the first POST and of all others\nPath\n", uri)
FL_FLAG(fleet_chunked, "chunked", "Scripts go in chunks; \"no\": with Content-Length\n", chunked)
FL_NUMBER(fleet_script, "script-max <64-60000>", "Commands in one script\nOctets\n", script_max)
FL_NUMBER(fleet_hold, "hold <0-3600>", "Keep a session open for an operation that was announced\nSeconds\n", hold_s)
FL_NUMBER(fleet_failures, "failures-max <0-1000>",
	  "So many failures in a row, and what is short goes by SMS; 0: never\nFailures\n", failures_max)

DEFUN(fleet_waits, fleet_waits_cmd, "trigger-wait <1-86400> <1-86400> <1-86400> <1-86400>",
      "How long to wait for a card\nBehind the first trigger, seconds\nBehind the second\nBehind the third\n"
      "Behind the last; then by SMS, or in vain\n")
{
	for (size_t i = 0; i < HTTPS_WAITS; i++)
		this_fleet(vty)->wait_s[i] = (unsigned int)atoi(argv[i]);
	return CMD_SUCCESS;
}

/* ---- writer ---- */

static void out_number(struct vty *vty, const char *indent, const char *key, unsigned int value)
{
	if (value)
		vty_out(vty, "%s%s %u%s", indent, key, value, VTY_NEWLINE);
}

static void out_flag(struct vty *vty, const char *indent, const char *key, bool value)
{
	vty_out(vty, "%s%s%s%s", indent, value ? "" : "no ", key, VTY_NEWLINE);
}

static void write_triggers(struct vty *vty, const struct https_fleet *f)
{
	text_vty_out(vty, "   ", "trigger address", f->address);
	out_number(vty, "   ", "trigger port", f->port);
	text_vty_out(vty, "   ", "trigger bearer-description", f->bearer);
	out_number(vty, "   ", "trigger buffer-size", f->buffer_size);
	text_vty_out(vty, "   ", "trigger apn", f->apn);
	text_vty_out(vty, "   ", "trigger host", f->host);
	text_vty_out(vty, "   ", "trigger fqdn", f->fqdn);
	out_flag(vty, "   ", "trigger agent-id", f->agent_id);
	out_flag(vty, "   ", "trigger psk-identity", f->psk_identity);
	vty_out(vty, "   trigger retry %u %u%s", f->retry_count, f->retry_delay_s, VTY_NEWLINE);
}

static void write_fleet(struct vty *vty, const struct https_fleet *f)
{
	vty_out(vty, "  fleet %s%s", f->name, VTY_NEWLINE);
	for (size_t i = 0; i < f->n_eums; i++)
		text_vty_out(vty, "   ", "eum", f->eums[i]);
	text_vty_out(vty, "   ", "bearer", get_value_string(wishes, f->wish));
	write_triggers(vty, f);
	text_vty_out(vty, "   ", "uri", f->uri);
	text_vty_out(vty, "   ", "next-uri", get_value_string(uris, f->next_uri));
	out_flag(vty, "   ", "chunked", f->chunked);
	vty_out(vty, "   script-max %u%s   hold %u%s   failures-max %u%s", f->script_max, VTY_NEWLINE, f->hold_s,
		VTY_NEWLINE, f->failures_max, VTY_NEWLINE);
	vty_out(vty, "   trigger-wait %u %u %u %u%s", f->wait_s[0], f->wait_s[1], f->wait_s[2], f->wait_s[3],
		VTY_NEWLINE);
}

int https_vty_bearer_write(struct vty *vty)
{
	const struct https_bearer_cfg *b = edit();

	if (b->n_listen == 0 && b->n_fleets == 0)
		return CMD_SUCCESS;
	vty_out(vty, " https-bearer%s", VTY_NEWLINE);
	for (size_t i = 0; i < b->n_listen; i++)
		vty_out(vty, "  listen %s %u%s", b->listen[i].host, b->listen[i].port, VTY_NEWLINE);
	text_vty_out(vty, "  ", "cipher-suites", b->ciphers);
	out_flag(vty, "  ", "extended-master-secret", b->ems);
	out_number(vty, "  ", "max-connections", b->max_connections);
	out_number(vty, "  ", "max-fragment", b->max_fragment);
	out_number(vty, "  ", "timeout handshake", b->handshake_timeout_s);
	out_number(vty, "  ", "timeout request", b->idle_timeout_s);
	out_number(vty, "  ", "timeout session", b->session_timeout_s);
	text_vty_out(vty, "  ", "lab-key-log", b->keylog);
	for (size_t i = 0; i < b->n_fleets; i++)
		write_fleet(vty, b->fleets[i]);
	return CMD_SUCCESS;
}

/* All of it is written with the outer node. */
static int write_nothing(struct vty *vty)
{
	return CMD_SUCCESS;
}

/* ---- show ---- */

static const char *state_name(const struct https_session *ss)
{
	static const char *const names[] = {"closed", "awaited", "connected"};

	return ss->due_ms ? "parked" : names[ss->state];
}

static void show_session(struct vty *vty, struct smsr *s, void *ctx, const struct https_session *ss)
{
	struct https_job job = {0};
	struct euicc e;

	if (eis_db_get(ctx, s->db, ss->euicc_id, &e) < 0)
		return;
	if (https_db_job_of_euicc(ctx, s->db, ss->euicc_id, &job) < 0)
		job = (struct https_job){0};
	vty_out(vty, "  %s  %-9s  #%-8" PRId64 "  triggers %d  failures %d  heard %s%s", hex_enc(ctx, BYTES_ARR(e.eid)),
		state_name(ss), job.op_id, job.triggers, ss->failures,
		ss->heard_ms ? time_words(ctx, ss->heard_ms) : "never", VTY_NEWLINE);
}

static void show_stats(struct vty *vty, const struct https_net *n)
{
	struct psk_server_stats st = https_net_stats(n);

	vty_out(vty, "port %u: %" PRIu64 " connections, %" PRIu64 " now; %" PRIu64 " handshakes%s", https_net_port(n),
		st.accepted, st.open, st.handshakes, VTY_NEWLINE);
	vty_out(vty,
		"failed: %" PRIu64 " unknown identity, %" PRIu64 " wrong key, %" PRIu64 " other; %" PRIu64
		" not served, %" PRIu64 " time-outs, %" PRIu64 " answers too late%s",
		st.unknown, st.wrong_key, st.failed, st.limited, st.timed_out, st.dead, VTY_NEWLINE);
}

DEFUN(show_https, show_https_cmd, "show https", SHOW_STR "Cards that are reached by HTTPS\n")
{
	struct smsr_daemon *d = smsr_vty_daemon();
	struct https_session *list;
	size_t n;

	if (!d->s || !d->https_net) {
		vty_out(vty, "%% no HTTPS bearer is running%s", VTY_NEWLINE);
		return CMD_WARNING;
	}
	show_stats(vty, d->https_net);
	list = talloc_array(d, struct https_session, SHOW_MAX);
	if (https_db_sessions_list(d->s->db, list, SHOW_MAX, &n) < 0) {
		vty_out(vty, "%% the database cannot be read%s", VTY_NEWLINE);
		talloc_free(list);
		return CMD_WARNING;
	}
	for (size_t i = 0; i < n; i++)
		show_session(vty, d->s, list, &list[i]);
	talloc_free(list);
	return CMD_SUCCESS;
}

/* ---- installation ---- */

void https_vty_bearer_init(int parent, int node, int fleet)
{
	static struct cmd_element *const bearer_cmds[] = {
		&bearer_listen_cmd,   &bearer_ciphers_cmd,   &bearer_keylog_cmd, &bearer_conns_cmd,
		&bearer_fragment_cmd, &bearer_handshake_cmd, &bearer_idle_cmd,	 &bearer_session_cmd,
		&bearer_ems_cmd,      &no_bearer_ems_cmd,    &cfg_fleet_cmd,
	};
	static struct cmd_element *const fleet_cmds[] = {
		&fleet_eum_cmd,	     &fleet_wish_cmd,	  &fleet_next_cmd,	 &fleet_address_cmd, &fleet_port_cmd,
		&fleet_bearer_cmd,   &fleet_buffer_cmd,	  &fleet_apn_cmd,	 &fleet_host_cmd,    &fleet_fqdn_cmd,
		&fleet_agent_cmd,    &no_fleet_agent_cmd, &fleet_psk_cmd,	 &no_fleet_psk_cmd,  &fleet_retry_cmd,
		&fleet_uri_cmd,	     &fleet_chunked_cmd,  &no_fleet_chunked_cmd, &fleet_script_cmd,  &fleet_hold_cmd,
		&fleet_failures_cmd, &fleet_waits_cmd,
	};

	bearer_node.node = node;
	fleet_node.node = fleet;
	install_element(parent, &cfg_bearer_cmd);
	install_node(&bearer_node, https_vty_bearer_write);
	for (size_t i = 0; i < ARRAY_SIZE(bearer_cmds); i++)
		install_element(node, bearer_cmds[i]);
	install_node(&fleet_node, write_nothing);
	for (size_t i = 0; i < ARRAY_SIZE(fleet_cmds); i++)
		install_element(fleet, fleet_cmds[i]);
	install_element_ve(&show_https_cmd);
}
