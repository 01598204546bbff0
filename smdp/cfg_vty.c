/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Configuration nodes "smdp", "https" and "peer", and their writers.  Commands store values; checks across values come
 * afterwards (smdp_cfg_check()).  Peers typed in count at once, everything else at the next start. */
#include <stdlib.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/https_vty.h"
#include "common/app/text_vty.h"
#include "smdp/daemon.h"

enum {
	SMDP_NODE = _LAST_OSMOVTY_NODE + 1,
	HTTPS_NODE,
	PEER_NODE,
};

static struct cmd_node smdp_node = {.node = SMDP_NODE, .prompt = "%s(config-smdp)# ", .vtysh = 1};
static struct cmd_node peer_node = {.node = PEER_NODE, .prompt = "%s(config-smdp-peer)# ", .vtysh = 1};

static struct smdp_daemon *the_daemon;

static struct smdp_cfg *edit(void)
{
	return the_daemon->cfg;
}

static struct https_cfg *edit_https(void)
{
	return &edit()->https;
}

/* vty->index holds a position, not a pointer: the array moves when it grows. */
static struct smdp_peer *this_peer(struct vty *vty)
{
	return &edit()->peers[(size_t)vty->index];
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

static int write_smdp(struct vty *vty)
{
	const struct smdp_cfg *c = edit();

	vty_out(vty, "smdp%s", VTY_NEWLINE);
	text_vty_out(vty, " ", "entity-id", c->oid);
	text_vty_out(vty, " ", "entity-name", c->name);
	text_vty_out(vty, " ", "uri", c->uri);
	return CMD_SUCCESS;
}

/* ---- peer ---- */

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

TEXT_CMD(peer_serial, "tls serial-number TEXT", "Its TLS certificate\nAttribute serialNumber of the subject\nText\n",
	 &this_peer(vty)->tls_serial)
TEXT_CMD(peer_fingerprint, "tls fingerprint SHA256",
	 "Its TLS certificate\nSHA-256 of the certificate\nUpper-case hex\n", &this_peer(vty)->tls_fingerprint)

DEFUN(peer_subject, peer_subject_cmd, "tls subject .NAME",
      "Its TLS certificate\nSubject as RFC 2253 writes it\nCN=...,O=...\n")
{
	char *name = argv_concat(argv, argc, 0); /* names have spaces in them */
	int rc = text_vty_set(edit(), &this_peer(vty)->tls_subject, name);

	talloc_free(name);
	return rc;
}

static int write_peers(struct vty *vty)
{
	for (size_t i = 0; i < edit()->n_peers; i++) {
		const struct smdp_peer *p = &edit()->peers[i];

		vty_out(vty, " peer %s%s", p->name, VTY_NEWLINE);
		text_vty_out(vty, "  ", "entity-id", p->oid);
		text_vty_out(vty, "  ", "tls serial-number", p->tls_serial);
		text_vty_out(vty, "  ", "tls subject", p->tls_subject);
		text_vty_out(vty, "  ", "tls fingerprint", p->tls_fingerprint);
	}
	return CMD_SUCCESS;
}

void smdp_vty_cfg_init(struct smdp_daemon *d)
{
	the_daemon = d;
	install_element(CONFIG_NODE, &cfg_smdp_cmd);
	install_node(&smdp_node, write_smdp);
	install_element(SMDP_NODE, &cfg_oid_cmd);
	install_element(SMDP_NODE, &cfg_name_cmd);
	install_element(SMDP_NODE, &cfg_uri_cmd);
	https_vty_init(SMDP_NODE, HTTPS_NODE, "%s(config-smdp-https)# ", edit_https);
	install_element(SMDP_NODE, &cfg_peer_cmd);
	install_node(&peer_node, write_peers);
	install_element(PEER_NODE, &peer_oid_cmd);
	install_element(PEER_NODE, &peer_serial_cmd);
	install_element(PEER_NODE, &peer_subject_cmd);
	install_element(PEER_NODE, &peer_fingerprint_cmd);
}
