/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Start, loop and stop of smsr.  One round of the loop: requests and results from the I/O threads, then what is due,
 * then one commit, then everything leaves (common/app/turn.h). */
#include "smsr/daemon.h"

#include <errno.h>
#include <unistd.h>

#include <osmocom/core/select.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/backup.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/es/es_codec.h"
#include "common/es/soap_service.h"
#include "smsr/admin.h"
#include "smsr/es_in.h"
#include "smsr/lever.h"
#include "smsr/record_db.h"
#include "smsr/report.h"
#include "smsr/restore.h"
#include "smsr/smsr_ctrl.h"
#include "smsr/smsr_vty.h"
#include "smsr/trust.h"

#define JOBS_PER_ROUND 256
#define IO_QUEUE_MAX 10000
#define STOP_WAIT_MS 15000

/* ---- ports of the engine ---- */

static const char *port_reserve(void *priv)
{
	struct smsr_daemon *d = priv;

	return links_reserve(d->links);
}

static void port_submit(void *priv, const struct sms_out *sms)
{
	struct smsr_daemon *d = priv;

	links_submit(d->links, sms);
}

static void port_ack(void *priv, const char *smsc, uint64_t token, bool ok)
{
	struct smsr_daemon *d = priv;

	links_ack(d->links, smsc, token, ok);
}

static void port_post(void *priv, const struct http_out *out)
{
	struct smsr_daemon *d = priv;

	poster_post(&d->poster, out);
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	struct smsr_daemon *d = priv;

	soap_service_answer(d->server, xid, steal_answer);
}

static void port_pause(void *priv, const char *smsc, bool paused)
{
	struct smsr_daemon *d = priv;

	links_pause(d->links, smsc, paused);
}

static void port_reconnect(void *priv, const char *smsc)
{
	struct smsr_daemon *d = priv;

	links_reconnect(d->links, smsc);
}

static void port_progress(void *priv, int64_t op_id)
{
	struct smsr_daemon *d = priv;

	if (d->admin)
		admin_progress(d->admin, op_id);
}

static void port_https(void *priv, uint64_t conn, struct bytes octets, bool close)
{
	struct smsr_daemon *d = priv;

	https_net_answer(d->https_net, conn, octets, close);
}

static const struct smsr_ports ports = {
	.sms_reserve = port_reserve,
	.sms_submit = port_submit,
	.sms_ack = port_ack,
	.http_post = port_post,
	.answer = port_answer,
	.https_answer = port_https,
	.sms_pause = port_pause,
	.sms_reconnect = port_reconnect,
	.progress = port_progress,
};

/* ---- events ---- */

int daemon_event(struct smsr_daemon *d, turn_handler_cb handler, void *event, const char *what)
{
	return turn_event_logged(d->s->turn, handler, d->s, event, what);
}

static void failed_post(void *priv, const struct post_done *p)
{
	daemon_event(priv, smsr_ev_post_done, (void *)p, "callback result");
}

static void result_job(struct smsr_daemon *d, struct io_job *job)
{
	struct post_done p = poster_result((const struct http_result *)job);

	daemon_event(d, smsr_ev_post_done, &p, "callback result");
	talloc_free(job);
}

static void handle_job(struct io_job *job, void *data)
{
	struct smsr_daemon *d = data;

	switch (job->kind) {
	case IO_REQUEST:
		es_request_run(job, d->server, d->s->turn, smsr_ev_request, d->s);
		break;
	case IO_RESULT:
		result_job(d, job);
		break;
	case IO_CARD:
		https_net_job(d, job);
		break;
	case IO_LINE: /* io_core_poll() writes it itself */
		break;
	}
}

static bool smsr_turn(void *prog)
{
	struct smsr_daemon *d = prog;
	bool more = false;

	clock_feed();
	links_pending(d->links);
	poster_round(&d->poster, failed_post, d);
	io_core_poll(d->io, JOBS_PER_ROUND, handle_job, d);
	if (ticker_is_due(smsr_next_tick_ms(d->s)))
		daemon_event(d, smsr_ev_tick, &more, "tick");
	if (turn_is_open(d->s->turn))
		smsr_count(d->s, CTR_TURNS);
	turn_close(d->s->turn);
	links_round(d->links);
	ticker_set(&d->tick, smsr_next_tick_ms(d->s));
	/* What leaving could not do is an event of the next round, and nothing else may come to end the sleep. */
	return more || poster_has_failed(&d->poster) || links_has_pending(d->links);
}

/* ---- start ---- */

static void *smsr_prog_alloc(void *ctx)
{
	struct smsr_daemon *d = talloc_zero(ctx, struct smsr_daemon);

	OSMO_ASSERT(d);
	d->ctx = ctx;
	d->edit = smsr_cfg_alloc(d);
	poster_init(&d->poster, d);
	ticker_init(&d->tick);
	return d;
}

static void vty_init_cb(void *prog)
{
	smsr_vty_cfg_init(prog);
	smsr_vty_show_init();
	smsr_vty_lever_init();
}

static void ctrl_init_cb(void *prog)
{
	smsr_ctrl_init(prog);
}

static int open_db(struct smsr_daemon *d, bool upgrade)
{
	const struct db_opts opts = {.create = true, .upgrade = upgrade, .checkpoint_pages = d->cfg->checkpoint_pages};
	const char *why = "";
	int rc = db_open(d, d->cfg->database, &smsr_db_desc, &opts, &d->s->db, &why);

	if (rc < 0)
		LOGP(DMAIN, LOGL_ERROR, "database %s: %s\n", d->cfg->database, why);
	return rc;
}

static enum app_exit smsr_check(void *prog)
{
	struct smsr_daemon *d = prog;

	clock_feed();
	d->cfg = d->edit;
	return daemon_check(d);
}

static int record_backup(void *smsr, void *text)
{
	const struct audit_row row = {.stamp_ms = clock_stamp_ms(), .type = AUDIT_OPERATOR, .text = text};
	struct smsr *s = smsr;

	return record_db_audit(s->db, &row);
}

static void backup_ended(void *daemon, int rc, const char *text)
{
	if (rc == 0)
		daemon_event(daemon, record_backup, (void *)text, "record of the backup");
}

static int start_engine(struct smsr_daemon *d, bool upgrade, const char **why)
{
	struct smsr *s = smsr_alloc(d);

	d->s = s;
	if (open_db(d, upgrade) < 0)
		return -EIO;
	s->cfg = d->cfg;
	s->turn = turn_alloc(d, s->db, app_store_broken, NULL);
	s->crypto = crypto_alloc(d);
	s->es = es_ctx_alloc(d, NULL);
	s->ports = &ports;
	s->ports_priv = d;
	d->backup = backup_alloc(d, &smsr_db_desc, d->cfg->database, backup_ended, d);
	if (!s->crypto || !s->es)
		return -ENOMEM;
	if (keystore_open(d, d->cfg->master_key, &s->keystore, why) < 0)
		return -EINVAL;
	if (trust_load(d, d->cfg, d->cfg->ci_bundle, clock_stamp_ms(), (struct trust **)&s->trust, why) < 0)
		return -EINVAL;
	return daemon_event(d, smsr_ev_start, NULL, "start");
}

static struct soap_service *services_alloc(struct smsr_daemon *d)
{
	static const char *const services[] = {"ES4SmSrService", "ES4MnoService",  "ES1SmSrService",
					       "ES3SmSrService", "ES3SmDpService", NULL};
	const struct soap_service_conf conf = {.uri = d->cfg->uri, .services = services, .job = es_request_job};

	return soap_service_alloc(d->ctx, &conf, d->cfg->https.threads);
}

static int start_net(struct smsr_daemon *d, const char **why)
{
	const struct https_cfg *h = &d->cfg->https;
	const struct http_server_conf conf = {.listen = h->listen,
					      .n_listen = h->n_listen,
					      .max_conns = h->max_connections,
					      .max_handshakes = h->max_handshakes};
	const struct http_client_conf client_conf = {0};
	struct tls *client_tls;
	int rc;

	rc = io_start(d, h->threads, IO_QUEUE_MAX, &d->io);
	if (rc < 0) {
		*why = "the I/O threads cannot be started";
		return rc;
	}
	d->soap = services_alloc(d);
	if (!d->soap)
		return -ENOMEM;
	rc = https_cfg_load_tls(d, &d->cfg->https, TLS_SERVER, &d->server_tls, why);
	if (rc == 0)
		rc = https_cfg_load_tls(d, &d->cfg->https, TLS_CLIENT, &client_tls, why);
	if (rc == 0) {
		rc = http_client_start(d, d->io, &client_conf, client_tls, &d->poster.client);
		talloc_free(client_tls);
	}
	if (rc == 0)
		rc = http_server_start(d, d->io, &conf, d->server_tls, soap_service_handle, d->soap, &d->server, why);
	return rc;
}

static enum app_exit smsr_start(void *prog, bool upgrade)
{
	struct smsr_daemon *d = prog;
	const char *why = "it cannot be started";
	int rc;

	clock_feed();
	rc = start_engine(d, upgrade, &why);
	if (rc == -EIO)
		return APP_DB;
	if (rc < 0)
		return app_complain(APP_CONFIG, why);
	if (links_start(d, &why) < 0)
		return app_complain(APP_CONFIG, why);
	if (links_apply_pauses(d->links) < 0 || lever_log_pauses(d->s) < 0)
		return APP_STORE;
	if (d->cfg->admin_socket && admin_start(d, d->cfg->admin_socket, &d->admin, &why) < 0)
		return app_complain(APP_BIND, why);
	if (start_net(d, &why) < 0)
		return app_complain(APP_BIND, why);
	if (https_net_start(d, &why) < 0)
		return app_complain(APP_BIND, why);
	turn_close(d->s->turn);
	ticker_set(&d->tick, smsr_next_tick_ms(d->s));
	daemon_edit_again(d);
	daemon_watch_certificates(d);
	LOGP(DMAIN, LOGL_NOTICE, "%s serves ES1 and ES4 on port %u\n", d->cfg->oid, http_server_port(d->server, 0));
	return APP_OK;
}

/* ---- stop ---- */

/* What is in flight gets its answer, every account is left in order. */
static void unbind(struct smsr_daemon *d)
{
	int64_t end;

	links_stop(d->links);
	clock_feed();
	end = clock_now_ms() + STOP_WAIT_MS;
	while (!links_stopped(d->links) && clock_now_ms() < end) {
		osmo_select_main_ctx(1);
		smsr_turn(d);
		usleep(2000);
	}
	TALLOC_FREE(d->links);
}

static void smsr_stop(void *prog)
{
	struct smsr_daemon *d = prog;

	if (d->admin) {
		admin_sock_stop(d->admin);
		d->admin = NULL;
	}
	backup_stop(d->backup);
	expiry_watch_stop(&d->expiry);
	if (d->server)
		http_server_drain(d->server);
	https_net_drain(d->https_net);
	if (d->links && d->server)
		unbind(d);
	ticker_stop(&d->tick);
	if (d->io) {
		io_stop(d->io);
		d->io = NULL;
	}
	if (d->s && d->s->turn && d->server) /* it was running */
		daemon_event(d, smsr_ev_stop, NULL, "stop");
	if (d->s && d->s->turn)
		turn_close(d->s->turn);
	https_net_free(d->https_net);
	soap_service_free(d->soap);
	talloc_free_children(d); /* what is left now is a leak */
}

const struct app_desc smsr_app = {
	.name = "smsr",
	.description = "Subscription Manager Secure Routing (SM-SR) of GSMA SGP.02",
	.database = true,
	.vty_port = 4290,
	.ctrl_port = 4291,
	.alloc = smsr_prog_alloc,
	.vty_init = vty_init_cb,
	.check = smsr_check,
	.start = smsr_start,
	.ctrl_init = ctrl_init_cb,
	.turn = smsr_turn,
	.reload = daemon_reload,
	.stop = smsr_stop,
};
