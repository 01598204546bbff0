/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SIGHUP: certificates, peers, EUMs and limits from the configuration file into a new snapshot.  The old one stays when
 * anything in the new one is wrong.  What needs a restart is named in the log and stays as it is. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smsr/daemon.h"
#include "smsr/smsr_vty.h"
#include "smsr/trust.h"

/* What is loaded before anything is taken over. */
struct snapshot {
	struct smsr_cfg *cfg;
	struct tls *server;
	struct tls *client;
	struct trust *trust;
};

static const struct {
	const char *name;
	size_t offset;
} fixed_texts[] = {
	{"entity-id", offsetof(struct smsr_cfg, oid)},
	{"uri", offsetof(struct smsr_cfg, uri)},
	{"database", offsetof(struct smsr_cfg, database)},
	{"master-key", offsetof(struct smsr_cfg, master_key)},
	{"admin-socket", offsetof(struct smsr_cfg, admin_socket)},
};

static char **text_at(struct smsr_cfg *cfg, size_t offset)
{
	return (char **)((uint8_t *)cfg + offset);
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void restart_wanted(const char *what)
{
	LOGP(DMAIN, LOGL_NOTICE, "configuration: %s changed; that needs a restart and stays as it was\n", what);
}

static bool same_listeners(const struct https_cfg *a, const struct https_cfg *b)
{
	bool equal = a->n_listen == b->n_listen && a->threads == b->threads &&
		     a->max_connections == b->max_connections && a->max_handshakes == b->max_handshakes;

	for (size_t i = 0; equal && i < a->n_listen; i++)
		equal = same(a->listen[i].host, b->listen[i].host) && a->listen[i].port == b->listen[i].port;
	return equal;
}

static void keep_listeners(struct smsr_cfg *next, const struct https_cfg *now)
{
	struct https_cfg *h = &next->https;

	h->listen = talloc_zero_array(next, struct http_listen, (unsigned int)now->n_listen);
	OSMO_ASSERT(h->listen);
	h->n_listen = now->n_listen;
	for (size_t i = 0; i < now->n_listen; i++)
		h->listen[i] = (struct http_listen){talloc_strdup(next, now->listen[i].host), now->listen[i].port};
	h->threads = now->threads;
	h->max_connections = now->max_connections;
	h->max_handshakes = now->max_handshakes;
}

static bool same_smscs(struct smsr_daemon *d, struct smsr_cfg *a, struct smsr_cfg *b)
{
	void *ctx = talloc_new(d);
	bool equal = same(smsr_vty_text(d, ctx, a, true), smsr_vty_text(d, ctx, b, true));

	talloc_free(ctx);
	return equal;
}

/* Rows and files depend on these: the values in force go on. */
static void keep_fixed(struct smsr_daemon *d, struct smsr_cfg *next)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed_texts); i++) {
		const char *now = *text_at(d->cfg, fixed_texts[i].offset);
		char **then = text_at(next, fixed_texts[i].offset);

		if (same(now, *then))
			continue;
		restart_wanted(fixed_texts[i].name);
		*then = now ? talloc_strdup(next, now) : NULL;
	}
	if (!same_listeners(&d->cfg->https, &next->https)) {
		restart_wanted("https listen, threads, max-connections or max-handshakes");
		keep_listeners(next, &d->cfg->https);
	}
	if (!https_bearer_same_listener(&d->cfg->bearer, &next->bearer)) {
		restart_wanted("https-bearer (all but its fleets)");
		https_bearer_keep_listener(&next->bearer, next, &d->cfg->bearer);
	}
	if (!same_smscs(d, d->cfg, next)) {
		restart_wanted("smsc");
		smsr_vty_take_smscs(d, next, d->cfg);
	}
	if (d->cfg->checkpoint_pages != next->checkpoint_pages) {
		restart_wanted("checkpoint-pages");
		next->checkpoint_pages = d->cfg->checkpoint_pages;
	}
}

static int load(struct smsr_daemon *d, struct snapshot *n, const char **why)
{
	int rc = smsr_cfg_check(d, n->cfg, why);

	if (rc == 0)
		rc = https_cfg_load_tls(n->cfg, &n->cfg->https, TLS_SERVER, &n->server, why);
	if (rc == 0)
		rc = https_cfg_load_tls(n->cfg, &n->cfg->https, TLS_CLIENT, &n->client, why);
	if (rc == 0)
		rc = trust_load(n->cfg, n->cfg, n->cfg->ci_bundle, clock_stamp_ms(), &n->trust, why);
	return rc;
}

static void take_over(struct smsr_daemon *d, struct snapshot *n)
{
	struct smsr_cfg *old = d->cfg;

	keep_fixed(d, n->cfg);
	http_server_set_tls(d->server, n->server);
	http_client_set_tls(d->poster.client, n->client);
	talloc_free(n->client);
	/* The snapshot owns what was loaded for it. */
	if (talloc_parent(d->server_tls) != old)
		talloc_free(d->server_tls);
	if (talloc_parent(d->s->trust) != old)
		talloc_free((void *)d->s->trust);
	d->server_tls = n->server;
	d->s->trust = n->trust;
	d->s->cfg = d->cfg = n->cfg;
	talloc_free(old);
	daemon_edit_again(d);
	daemon_watch_certificates(d);
}

static void certificate_warned(void *daemon)
{
	struct smsr_daemon *d = daemon;

	smsr_count(d->s, CTR_CERT_WARNINGS);
}

void daemon_watch_certificates(struct smsr_daemon *d)
{
	expiry_watch_start(&d->expiry, expiry_list_alloc(d, d->cfg->https.cert, d->server_tls, d->s->trust),
			   certificate_warned, d);
}

/* What operators type from now on goes to a copy, which counts when it is in the file and read again. */
void daemon_edit_again(struct smsr_daemon *d)
{
	struct smsr_cfg *copy = smsr_vty_copy(d, d->cfg);

	if (d->edit != d->cfg)
		talloc_free(d->edit);
	d->edit = copy;
}

void daemon_reload(void *prog)
{
	struct smsr_daemon *d = prog;
	struct smsr_cfg *edit = d->edit;
	struct snapshot next = {.cfg = smsr_cfg_alloc(d)};
	const char *why = "it cannot be parsed";
	int rc;

	if (!d->server)
		return;
	clock_feed();
	d->edit = next.cfg;
	rc = smsr_vty_read(app_config_file());
	d->edit = edit;
	if (rc == 0)
		rc = load(d, &next, &why);
	if (rc < 0) {
		LOGP(DMAIN, LOGL_ERROR, "%s: %s; everything stays as it was\n", app_config_file(), why);
		talloc_free(next.cfg);
		return;
	}
	take_over(d, &next);
	LOGP(DMAIN, LOGL_NOTICE, "certificates and %zu peers read again\n", d->cfg->n_peers);
}
