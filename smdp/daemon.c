/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Start, loop and stop of smdp.  One round of the loop: messages and results from the I/O threads, then what is due,
 * then one commit, then everything leaves (common/app/turn.h). */
#include "smdp/daemon.h"

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/backup.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/es/soap_service.h"
#include "common/peer/trust.h"
#include "smdp/dp_ctrl.h"
#include "smdp/dp_in.h"
#include "smdp/dp_lever.h"
#include "smdp/dp_restore.h"
#include "smdp/identity.h"
#include "smdp/stock.h"

#define JOBS_PER_ROUND 256
#define IO_QUEUE_MAX 10000

/* ---- ports of the engine ---- */

static void port_post(void *priv, const struct http_out *out)
{
	struct smdp_daemon *d = priv;

	poster_post(&d->poster, out);
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	struct smdp_daemon *d = priv;

	soap_service_answer(d->server, xid, steal_answer);
}

static void port_progress(void *priv, int64_t op_id)
{
	struct smdp_daemon *d = priv;

	if (d->admin)
		admin_progress(d->admin, op_id);
}

static const struct smdp_ports ports = {
	.http_post = port_post,
	.answer = port_answer,
	.progress = port_progress,
};

/* ---- events ---- */

int smdp_daemon_event(struct smdp_daemon *d, turn_handler_cb handler, void *event, const char *what)
{
	return turn_event_logged(d->s->turn, handler, d->s, event, what);
}

static void failed_post(void *priv, const struct post_done *post)
{
	struct smdp_post_done p = {.post = *post, .unreached = true};

	smdp_daemon_event(priv, smdp_ev_post_done, &p, "result of a call");
}

static void result_job(struct smdp_daemon *d, struct io_job *job)
{
	const struct http_result *r = (const struct http_result *)job;
	struct smdp_post_done p = {
		.post = poster_result(r),
		.unreached = r->outcome == HTTP_E_DNS || r->outcome == HTTP_E_CONNECT || r->outcome == HTTP_E_TLS,
		.content_type = r->content_type,
		.body = r->body,
	};

	smdp_daemon_event(d, smdp_ev_post_done, &p, "result of a call");
	talloc_free(job);
}

static void handle_job(struct io_job *job, void *data)
{
	struct smdp_daemon *d = data;

	switch (job->kind) {
	case IO_REQUEST:
		es_request_run(job, d->server, d->s->turn, smdp_ev_request, d->s);
		break;
	case IO_RESULT:
		result_job(d, job);
		break;
	case IO_CARD: /* no card comes here */
	case IO_LINE: /* io_core_poll() writes it itself */
		break;
	}
}

static bool smdp_turn(void *prog)
{
	struct smdp_daemon *d = prog;
	bool more = false;

	clock_feed();
	poster_round(&d->poster, failed_post, d);
	io_core_poll(d->io, JOBS_PER_ROUND, handle_job, d);
	if (ticker_is_due(smdp_next_tick_ms(d->s)))
		smdp_daemon_event(d, smdp_ev_tick, &more, "tick");
	if (turn_is_open(d->s->turn))
		smdp_count(d->s, CTR_TURNS);
	turn_close(d->s->turn);
	ticker_set(&d->tick, smdp_next_tick_ms(d->s));
	/* What leaving could not do is an event of the next round, and nothing else may come to end the sleep. */
	return more || poster_has_failed(&d->poster);
}

/* ---- certificates ---- */

static void certificate_warned(void *daemon)
{
	struct smdp_daemon *d = daemon;

	smdp_count(d->s, CTR_CERT_WARNINGS);
}

static void watch_certificates(struct smdp_daemon *d)
{
	expiry_watch_start(&d->expiry, smdp_certificates(d, d->cfg, d->server_tls, d->s->trust, d->s->dp),
			   certificate_warned, d);
}

/* ---- start ---- */

static void *smdp_prog_alloc(void *ctx)
{
	struct smdp_daemon *d = talloc_zero(ctx, struct smdp_daemon);

	OSMO_ASSERT(d);
	d->cfg = smdp_cfg_alloc(d);
	poster_init(&d->poster, d);
	ticker_init(&d->tick);
	return d;
}

static void vty_init_cb(void *prog)
{
	smdp_vty_cfg_init(prog);
	smdp_vty_show_init();
	smdp_vty_lever_init();
}

static void ctrl_init_cb(void *prog)
{
	smdp_ctrl_init(prog);
}

static enum app_exit smdp_check(void *prog)
{
	clock_feed();
	return smdp_daemon_check(prog);
}

static int open_db(struct smdp_daemon *d, bool upgrade)
{
	const struct db_opts opts = {.create = true, .upgrade = upgrade, .checkpoint_pages = d->cfg->checkpoint_pages};
	const char *why = "";
	int rc = db_open(d, d->cfg->database, &smdp_db_desc, &opts, &d->s->db, &why);

	if (rc < 0)
		LOGP(DMAIN, LOGL_ERROR, "database %s: %s\n", d->cfg->database, why);
	return rc;
}

static int load_keys(struct smdp_daemon *d, const char **why)
{
	struct smdp *s = d->s;
	int rc = keystore_open(d, d->cfg->master_key, &s->keystore, why);

	if (rc == 0)
		rc = smdp_trust_load(d, d->cfg, clock_stamp_ms(), (struct trust **)&s->trust, why);
	if (rc == 0)
		rc = dp_identity_load(d, d->cfg, clock_stamp_ms(), (struct dp_identity **)&s->dp, why);
	return rc;
}

static enum app_exit start_engine(struct smdp_daemon *d, bool upgrade)
{
	const char *why = "it cannot be started";
	struct smdp *s = smdp_alloc(d);

	d->s = s;
	if (open_db(d, upgrade) < 0)
		return APP_DB;
	s->cfg = d->cfg;
	s->turn = turn_alloc(d, s->db, app_store_broken, NULL);
	s->crypto = crypto_alloc(d);
	s->es = es_ctx_alloc(d, NULL);
	s->ports = &ports;
	s->ports_priv = d;
	if (!s->crypto || !s->es)
		return app_complain(APP_OS, "the cryptography or the schema cannot be set up");
	if (load_keys(d, &why) < 0)
		return app_complain(APP_CONFIG, why);
	s->stock = stock_alloc(d, s->db, s->keystore, s->crypto);
	stock_set_low(s->stock, d->cfg->stock_low);
	d->backup = backup_alloc(d, &smdp_db_desc, d->cfg->database, NULL, NULL);
	if (smdp_daemon_event(d, smdp_ev_start, NULL, "start") < 0 || dp_lever_log_pause(s) < 0)
		return APP_STORE;
	return APP_OK;
}

static struct soap_service *services_alloc(struct smdp_daemon *d)
{
	static const char *const services[] = {"ES2SmDpService", "ES2MnoService", "ES3SmDpService", "ES3SmSrService",
					       NULL};
	const struct soap_service_conf conf = {.uri = d->cfg->uri, .services = services, .job = es_request_job};

	return soap_service_alloc(d, &conf, d->cfg->https.threads);
}

static int start_net(struct smdp_daemon *d, const char **why)
{
	const struct https_cfg *h = &d->cfg->https;
	const struct http_server_conf conf = {.listen = h->listen,
					      .n_listen = h->n_listen,
					      .max_conns = h->max_connections,
					      .max_handshakes = h->max_handshakes};
	const struct http_client_conf client_conf = {.max_body = 8 << 20};
	struct tls *client;
	int rc = https_cfg_load_tls(d, h, TLS_SERVER, &d->server_tls, why);

	if (rc < 0)
		return rc;
	rc = https_cfg_load_tls(d, h, TLS_CLIENT, &client, why);
	if (rc == 0) {
		rc = http_client_start(d, d->io, &client_conf, client, &d->poster.client);
		talloc_free(client);
	}
	if (rc == 0)
		rc = http_server_start(d, d->io, &conf, d->server_tls, soap_service_handle, d->soap, &d->server, why);
	return rc;
}

static int start_admin(struct smdp_daemon *d, const char **why)
{
	d->admin_env =
		(struct dp_admin_env){.turn = d->s->turn, .stock = d->s->stock, .smdp = d->s, .backup = d->backup};
	return d->cfg->admin_socket ? dp_admin_start(d, d->cfg->admin_socket, &d->admin_env, &d->admin, why) : 0;
}

static enum app_exit smdp_start(void *prog, bool upgrade)
{
	struct smdp_daemon *d = prog;
	const char *why = "it cannot be started";
	enum app_exit code;

	clock_feed();
	code = start_engine(d, upgrade);
	if (code != APP_OK)
		return code;
	if (io_start(d, d->cfg->https.threads, IO_QUEUE_MAX, &d->io) < 0)
		return app_complain(APP_OS, "the I/O threads cannot be started");
	d->soap = services_alloc(d);
	if (!d->soap)
		return app_complain(APP_OS, "the schema cannot be compiled");
	if (start_admin(d, &why) < 0 || start_net(d, &why) < 0)
		return app_complain(APP_BIND, why);
	turn_close(d->s->turn);
	ticker_set(&d->tick, smdp_next_tick_ms(d->s));
	watch_certificates(d);
	LOGP(DMAIN, LOGL_NOTICE, "%s serves ES2 on port %u\n", d->cfg->oid, http_server_port(d->server, 0));
	return APP_OK;
}

/* ---- reload ---- */

/* What is loaded before anything is taken over. */
struct snapshot {
	struct tls *server;
	struct tls *client;
	struct trust *trust;
	struct dp_identity *dp;
};

static int load(struct smdp_daemon *d, const void *ctx, struct snapshot *n, const char **why)
{
	int rc = https_cfg_load_tls(ctx, &d->cfg->https, TLS_SERVER, &n->server, why);

	if (rc == 0)
		rc = https_cfg_load_tls(ctx, &d->cfg->https, TLS_CLIENT, &n->client, why);
	if (rc == 0)
		rc = smdp_trust_load(ctx, d->cfg, clock_stamp_ms(), &n->trust, why);
	return rc < 0 ? rc : dp_identity_load(ctx, d->cfg, clock_stamp_ms(), &n->dp, why);
}

/* A key agreement that is under way goes on with what it began with, so the old one stays. */
static void take_identity(struct smdp_daemon *d, struct dp_identity *next)
{
	const struct dp_identity *now = d->s->dp;

	if (now && next && bytes_eq(now->cert, next->cert))
		return;
	d->s->dp = next ? talloc_steal(d, next) : NULL;
}

static void smdp_reload(void *prog)
{
	struct smdp_daemon *d = prog;
	struct snapshot next = {0};
	const char *why = "";
	void *ctx;

	if (!d->server)
		return;
	clock_feed();
	ctx = talloc_new(d);
	if (load(d, ctx, &next, &why) < 0) {
		LOGP(DMAIN, LOGL_ERROR, "%s; the certificates stay as they were\n", why);
		talloc_free(ctx);
		return;
	}
	http_server_set_tls(d->server, next.server);
	http_client_set_tls(d->poster.client, next.client);
	talloc_free((void *)d->s->trust);
	d->s->trust = talloc_steal(d, next.trust);
	take_identity(d, next.dp);
	talloc_free(d->server_tls);
	d->server_tls = talloc_steal(d, next.server);
	watch_certificates(d);
	talloc_free(ctx);
	LOGP(DMAIN, LOGL_NOTICE, "certificates read again\n");
}

/* ---- stop ---- */

static void smdp_stop(void *prog)
{
	struct smdp_daemon *d = prog;

	if (d->admin)
		admin_sock_stop(d->admin);
	d->admin = NULL;
	backup_stop(d->backup);
	expiry_watch_stop(&d->expiry);
	if (d->server)
		http_server_drain(d->server);
	ticker_stop(&d->tick);
	if (d->io)
		io_stop(d->io);
	d->io = NULL;
	if (d->s && d->s->turn && d->server) /* it was running */
		smdp_daemon_event(d, smdp_ev_stop, NULL, "stop");
	if (d->s && d->s->turn)
		turn_close(d->s->turn);
	soap_service_free(d->soap);
	talloc_free_children(d); /* what is left now is a leak */
}

const struct app_desc smdp_app = {
	.name = "smdp",
	.description = "Subscription Manager Data Preparation (SM-DP) of GSMA SGP.02",
	.database = true,
	.vty_port = 4292,
	.ctrl_port = 4293,
	.alloc = smdp_prog_alloc,
	.vty_init = vty_init_cb,
	.check = smdp_check,
	.start = smdp_start,
	.ctrl_init = ctrl_init_cb,
	.turn = smdp_turn,
	.reload = smdp_reload,
	.stop = smdp_stop,
};
