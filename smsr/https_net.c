/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The daemon's end of the HTTPS bearer: keys of the handshake and requests out of octets, in the I/O threads; events
 * and answers, in the core.
 *
 * Each I/O thread has its own read-only connection to the store, so a handshake never waits for the core.  Its reads
 * are over when the callback returns: nothing pins the write-ahead log.  An identity that nobody has costs the same: a
 * look-up and the opening of a wrapped key. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/crypto/rnd.h"
#include "scp81/http_msg.h"
#include "scp81/psk_id.h"
#include "smsr/cmd.h"
#include "smsr/daemon.h"
#include "smsr/https.h"

#define PSK_LEN_MIN 16

/* One I/O thread's own: trees without a common parent. */
struct net_thread {
	void *root;
	struct db *db;
	struct crypto *crypto;
	struct bytes dummy; /* a wrapped key of nobody */
};

struct https_net {
	struct psk_server *srv;
	struct io *io;
	const struct keystore *keystore;
	struct net_thread *threads;
	unsigned int n_threads;
};

/* ---- I/O threads: keys ---- */

static const char dummy_context[] = "nobody|0|0";

static int unwrap(struct https_net *n, struct net_thread *t, const char *context, struct bytes wrapped, uint8_t *key,
		  size_t *len)
{
	return keystore_unwrap_psk(n->keystore, t->crypto, bytes_str(context), wrapped, key, PSK_KEY_MAX, len);
}

static size_t unknown(struct https_net *n, struct net_thread *t, uint8_t *key)
{
	size_t len = 0;

	/* Done for the time it takes. */
	if (unwrap(n, t, dummy_context, t->dummy, key, &len) == 0)
		bytes_wipe(key, len);
	return 0;
}

static size_t rx_key(void *data, unsigned int thread, const char *identity, uint8_t *key)
{
	struct https_net *n = data;
	struct net_thread *t = &n->threads[thread];
	void *ctx = talloc_new(t->root);
	struct psk_id id = {0};
	struct bytes wrapped;
	size_t len = 0;
	bool named = psk_id_dec(identity, &id) == 0 && id.kid == PSK_KID_PSK && id.kvn >= PSK_KVN_MIN &&
		     id.kvn <= PSK_KVN_MAX;
	int rc = https_db_psk(ctx, t->db, id.eid, id.kvn, PSK_KID_PSK, &wrapped);

	if (rc == 0 && named)
		rc = unwrap(n, t, key_context(ctx, id.eid, id.kvn, PSK_KID_PSK), wrapped, key, &len);
	talloc_free(ctx);
	if (rc < 0 && rc != -ENOENT)
		IO_LOG(n->io, DKEY, LOGL_ERROR, "PSK of %s: error %d\n", named ? identity : "an identity", -rc);
	if (rc < 0 || !named)
		return unknown(n, t, key);
	return len >= PSK_LEN_MIN ? len : 0;
}

/* ---- I/O threads: requests ---- */

enum card_event {
	CARD_OPENED,
	CARD_REQUEST,
	CARD_REFUSED, /* it could not be read */
	CARD_GONE
};

/* What goes to the core. */
struct card_job {
	struct io_job job;
	enum card_event event;
	uint64_t conn;
	uint8_t eid[EID_LEN];
	unsigned int nth;
	struct http_msg *msg;	  /* REQUEST */
	unsigned int http_status; /* REFUSED */
	const char *why;	  /* REFUSED, GONE: literal */
};

/* A connection, in its thread. */
struct card_conn {
	struct io *io;
	uint64_t id;
	uint8_t eid[EID_LEN];
	unsigned int nth;
	struct http_rx *rx;
};

static struct card_job *job_alloc(const struct card_conn *c, enum card_event event)
{
	struct card_job *j = talloc_zero(NULL, struct card_job);

	OSMO_ASSERT(j);
	j->job.kind = IO_CARD;
	j->event = event;
	j->conn = c->id;
	memcpy(j->eid, c->eid, sizeof(j->eid));
	return j;
}

static void *rx_opened(void *data, const struct psk_peer *peer)
{
	static const struct http_rx_conf limits = {0}; /* the defaults */
	struct card_conn *c = talloc_zero(NULL, struct card_conn);
	struct psk_id id;

	OSMO_ASSERT(c);
	c->io = peer->io;
	c->id = peer->id;
	if (psk_id_dec(peer->identity, &id) == 0) /* else there was no key for it */
		memcpy(c->eid, id.eid, sizeof(c->eid));
	c->rx = http_rx_alloc(c, HTTP_SIDE_REQUESTS, &limits);
	/* Also when the core is behind: it must not miss one. */
	io_submit_always_steal(c->io, &job_alloc(c, CARD_OPENED)->job);
	return c;
}

static enum psk_next give(struct card_conn *c, struct card_job *j)
{
	if (io_submit_steal(c->io, &j->job) == 0)
		return PSK_HOLD;
	/* The core is behind: the card comes again. */
	talloc_free(j);
	return PSK_CLOSE;
}

static enum psk_next rx_input(void *data, void *state, struct bytes in, size_t *used)
{
	struct card_conn *c = state;
	struct http_msg *msg;
	struct bytes rest = in;
	struct card_job *j;
	int rc = http_rx_feed(c->rx, &rest, &msg);

	*used = in.len - rest.len;
	if (rc == 0)
		return PSK_MORE;
	if (rc > 0) {
		j = job_alloc(c, CARD_REQUEST);
		j->msg = talloc_steal(j, msg);
		j->nth = ++c->nth;
		return give(c, j);
	}
	*used = in.len;
	j = job_alloc(c, CARD_REFUSED);
	j->http_status = http_rx_refusal(c->rx);
	j->why = http_rx_why(c->rx);
	return give(c, j);
}

static const char *end_name(enum psk_end why)
{
	switch (why) {
	case PSK_END_PEER:
		return "closed by the card";
	case PSK_END_OURS:
		return "closed by us";
	case PSK_END_TIMEOUT:
		return "time-out";
	case PSK_END_ERROR:
		return "broken";
	case PSK_END_STOP:
		return "stop";
	}
	return "";
}

static void rx_closed(void *data, void *state, enum psk_end why)
{
	struct card_conn *c = state;
	struct card_job *j = job_alloc(c, CARD_GONE);

	j->why = end_name(why);
	io_submit_always_steal(c->io, &j->job);
	talloc_free(c);
}

static const struct psk_handler handler = {
	.key = rx_key,
	.opened = rx_opened,
	.input = rx_input,
	.closed = rx_closed,
};

/* ---- core ---- */

void https_net_answer(struct https_net *n, uint64_t conn, struct bytes octets, bool close)
{
	struct psk_out *out;

	if (!n)
		return;
	out = psk_out_alloc();
	out->octets = bytes_dup(out, octets);
	out->close = close;
	psk_send_steal(n->srv, conn, out);
}

static void rx_open(struct smsr_daemon *d, const struct card_job *j)
{
	struct https_opened o = {.eid = j->eid};

	daemon_event(d, smsr_ev_https_opened, &o, "connection of a card");
}

static void rx_request(struct smsr_daemon *d, const struct card_job *j)
{
	struct https_request q = {.conn = j->conn, .eid = j->eid, .msg = j->msg, .nth = j->nth};

	/* What could not be treated changed nothing: the card tries again on another connection. */
	if (daemon_event(d, smsr_ev_https_request, &q, "POST of a card") < 0)
		https_net_answer(d->https_net, j->conn, bytes_of(NULL, 0), true);
}

static void rx_refused(struct smsr_daemon *d, const struct card_job *j)
{
	char *eid = hex_enc(j, BYTES_ARR(j->eid));
	struct bytes octets;
	struct wr w;

	LOGP(DHTTP, LOGL_NOTICE, "eid %s: what it sent by HTTPS is refused: %s\n", eid, j->why);
	smsr_count(d->s, CTR_HTTPS_REFUSED);
	wr_init(&w, j);
	if (dialog_refuse_enc(j->http_status, &w) == 0 && wr_end(&w, &octets) == 0)
		https_net_answer(d->https_net, j->conn, octets, true);
}

static void rx_gone(struct smsr_daemon *d, const struct card_job *j)
{
	struct https_gone g = {.conn = j->conn, .why = j->why};

	daemon_event(d, smsr_ev_https_closed, &g, "end of a card's connection");
}

void https_net_job(struct smsr_daemon *d, struct io_job *job)
{
	const struct card_job *j = (const struct card_job *)job;

	switch (j->event) {
	case CARD_OPENED:
		rx_open(d, j);
		break;
	case CARD_REQUEST:
		rx_request(d, j);
		break;
	case CARD_REFUSED:
		rx_refused(d, j);
		break;
	case CARD_GONE:
		rx_gone(d, j);
		break;
	}
	talloc_free(job);
}

/* ---- start and stop ---- */

static int dummy(struct https_net *n, struct net_thread *t)
{
	uint8_t value[PSK_LEN_MIN];
	struct key *key;
	int rc;

	rnd_bytes(value, sizeof(value));
	rc = key_import(t->root, KEY_PSK, BYTES_ARR(value), &key);
	if (rc == 0)
		rc = keystore_wrap(n->keystore, t->crypto, t->root, key, bytes_str(dummy_context), &t->dummy);
	return rc;
}

static int thread_start(struct https_net *n, const struct smsr_cfg *cfg, struct net_thread *t, const char **why)
{
	const struct db_opts opts = {.read_only = true};
	int rc;

	t->root = talloc_named_const(NULL, 0, "https bearer");
	t->crypto = crypto_alloc(t->root);
	rc = t->crypto ? db_open(t->root, cfg->database, &smsr_db_desc, &opts, &t->db, why) : -ENOMEM;
	return rc < 0 ? rc : dummy(n, t);
}

int https_net_start(struct smsr_daemon *d, const char **why)
{
	const struct https_bearer_cfg *b = &d->cfg->bearer;
	struct psk_server_conf conf;
	struct https_net *n;
	int rc = 0;

	if (b->n_listen == 0)
		return 0;
	n = talloc_zero(d, struct https_net);
	OSMO_ASSERT(n);
	d->https_net = n;
	n->keystore = d->s->keystore;
	n->io = d->io;
	n->n_threads = io_n_threads(d->io);
	n->threads = talloc_zero_array(n, struct net_thread, n->n_threads);
	OSMO_ASSERT(n->threads);
	for (unsigned int i = 0; rc == 0 && i < n->n_threads; i++)
		rc = thread_start(n, d->cfg, &n->threads[i], why);
	https_bearer_conf(b, &conf);
	if (rc == 0)
		rc = psk_server_start(n, d->io, &conf, &handler, n, &n->srv, why);
	if (rc == 0)
		LOGP(DMAIN, LOGL_NOTICE, "cards may connect by HTTPS to port %u\n", psk_server_port(n->srv, 0));
	return rc;
}

void https_net_drain(struct https_net *n)
{
	if (n && n->srv)
		psk_server_drain(n->srv);
}

void https_net_free(struct https_net *n)
{
	for (unsigned int i = 0; n && i < n->n_threads; i++)
		talloc_free(n->threads[i].root);
	talloc_free(n);
}

struct psk_server_stats https_net_stats(const struct https_net *n)
{
	return n && n->srv ? psk_server_get_stats(n->srv) : (struct psk_server_stats){0};
}

uint16_t https_net_port(const struct https_net *n)
{
	return n && n->srv ? psk_server_port(n->srv, 0) : 0;
}
