/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of the node "https" and its writer.  Commands store values; files are looked at afterwards. */
#include "common/app/https_vty.h"

#include <stdlib.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/https_cfg.h"
#include "common/app/text_vty.h"

static struct cmd_node https_node = {.vtysh = 1};
static struct https_cfg *(*edit)(void);

DEFUN(https, https_cmd, "https", "Where peers reach us\n")
{
	vty->node = https_node.node;
	return CMD_SUCCESS;
}

DEFUN(https_listen, https_listen_cmd, "listen ADDR <0-65535>", "Address to listen on\nIPv4 or IPv6 address\nPort\n")
{
	struct https_cfg *h = edit();

	h->listen = talloc_realloc(h->owner, h->listen, struct http_listen, (unsigned int)h->n_listen + 1);
	OSMO_ASSERT(h->listen);
	h->listen[h->n_listen++] = (struct http_listen){talloc_strdup(h->owner, argv[0]), (uint16_t)atoi(argv[1])};
	return CMD_SUCCESS;
}

TEXT_VTY_CMD(https_ca, "ca FILE", "Roots of the peers' TLS certificates\nPEM file\n", edit()->owner, &edit()->ca)
TEXT_VTY_CMD(https_cert, "certificate FILE", "Our TLS certificate, as server and as client\nPEM file\n", edit()->owner,
	     &edit()->cert)
TEXT_VTY_CMD(https_key, "key FILE", "Its private key\nPEM file\n", edit()->owner, &edit()->key)
NUMBER_CMD(https_threads, "threads <1-64>", "Threads for HTTP, TLS and XML\nThreads\n", &edit()->threads)
NUMBER_CMD(https_conns, "max-connections <1-100000>", "Connections of all peers together\nConnections\n",
	   &edit()->max_connections)
NUMBER_CMD(https_handshakes, "max-handshakes <1-100000>",
	   "Handshakes under way of one address, in each thread; above it the oldest of them is cut\nHandshakes\n",
	   &edit()->max_handshakes)

int https_vty_write(struct vty *vty)
{
	const struct https_cfg *h = edit();

	vty_out(vty, " https%s", VTY_NEWLINE);
	for (size_t i = 0; i < h->n_listen; i++)
		vty_out(vty, "  listen %s %u%s", h->listen[i].host, h->listen[i].port, VTY_NEWLINE);
	text_vty_out(vty, "  ", "ca", h->ca);
	text_vty_out(vty, "  ", "certificate", h->cert);
	text_vty_out(vty, "  ", "key", h->key);
	vty_out(vty, "  threads %u%s", h->threads, VTY_NEWLINE);
	if (h->max_connections)
		vty_out(vty, "  max-connections %u%s", h->max_connections, VTY_NEWLINE);
	if (h->max_handshakes)
		vty_out(vty, "  max-handshakes %u%s", h->max_handshakes, VTY_NEWLINE);
	return CMD_SUCCESS;
}

void https_vty_init(int parent, int node, const char *prompt, struct https_cfg *(*edit_cb)(void))
{
	edit = edit_cb;
	https_node.node = node;
	https_node.prompt = prompt;
	install_element(parent, &https_cmd);
	install_node(&https_node, https_vty_write);
	install_element(node, &https_listen_cmd);
	install_element(node, &https_ca_cmd);
	install_element(node, &https_cert_cmd);
	install_element(node, &https_key_cmd);
	install_element(node, &https_threads_cmd);
	install_element(node, &https_conns_cmd);
	install_element(node, &https_handshakes_cmd);
}
