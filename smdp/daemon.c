/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Start, loop and stop of smdp.  It keeps nothing, so a round of the loop only answers what the I/O threads hand over.
 */
#include "smdp/daemon.h"

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"

#define JOBS_PER_ROUND 256
#define IO_QUEUE_MAX 10000

static void handle_job(struct io_job *job, void *data)
{
	switch (job->kind) {
	case IO_REQUEST:
		es2_rx_job(data, job);
		break;
	case IO_RESULT: /* there is no client */
	case IO_LINE:	/* io_core_poll() writes it itself */
		break;
	}
}

static bool smdp_turn(void *prog)
{
	struct smdp_daemon *d = prog;

	clock_feed();
	io_core_poll(d->io, JOBS_PER_ROUND, handle_job, d);
	return false;
}

static void *smdp_prog_alloc(void *ctx)
{
	struct smdp_daemon *d = talloc_zero(ctx, struct smdp_daemon);

	OSMO_ASSERT(d);
	d->cfg = smdp_cfg_alloc(d);
	return d;
}

static void vty_init_cb(void *prog)
{
	smdp_vty_cfg_init(prog);
}

static enum app_exit complain(enum app_exit code, const char *why)
{
	LOGP(DMAIN, LOGL_ERROR, "%s\n", why);
	return code;
}

static enum app_exit smdp_check(void *prog)
{
	struct smdp_daemon *d = prog;
	void *ctx = talloc_new(d);
	enum app_exit code = APP_OK;
	const char *why = "";
	struct tls *tls;

	clock_feed();
	if (smdp_cfg_check(ctx, d->cfg, &why) < 0 ||
	    https_cfg_load_tls(ctx, &d->cfg->https, TLS_SERVER, &tls, &why) < 0)
		code = complain(APP_CONFIG, why);
	talloc_free(ctx);
	return code;
}

static int start_server(struct smdp_daemon *d, const char **why)
{
	const struct https_cfg *h = &d->cfg->https;
	const struct http_server_conf conf = {
		.listen = h->listen, .n_listen = h->n_listen, .max_conns = h->max_connections};
	struct tls *tls;
	int rc = https_cfg_load_tls(d, h, TLS_SERVER, &tls, why);

	if (rc < 0)
		return rc;
	rc = http_server_start(d, d->io, &conf, tls, soap_service_handle, d->soap, &d->server, why);
	talloc_free(tls);
	return rc;
}

static enum app_exit smdp_start(void *prog, bool upgrade)
{
	struct smdp_daemon *d = prog;
	const struct soap_service_conf soap = {.uri = d->cfg->uri, .services = es2_services, .job = es2_job};
	const char *why = "it cannot be started";

	clock_feed();
	if (io_start(d, d->cfg->https.threads, IO_QUEUE_MAX, &d->io) < 0)
		return complain(APP_OS, "the I/O threads cannot be started");
	d->soap = soap_service_alloc(d, &soap, d->cfg->https.threads);
	if (!d->soap)
		return complain(APP_OS, "the schema cannot be compiled");
	if (start_server(d, &why) < 0)
		return complain(APP_BIND, why);
	LOGP(DMAIN, LOGL_NOTICE, "%s listens for ES2 on port %u; no function is served yet\n", d->cfg->oid,
	     http_server_port(d->server, 0));
	return APP_OK;
}

static void smdp_reload(void *prog)
{
	struct smdp_daemon *d = prog;
	const char *why = "";
	struct tls *tls;

	if (!d->server)
		return;
	if (https_cfg_load_tls(d, &d->cfg->https, TLS_SERVER, &tls, &why) < 0) {
		LOGP(DMAIN, LOGL_ERROR, "%s; the certificates stay as they were\n", why);
		return;
	}
	http_server_set_tls(d->server, tls);
	talloc_free(tls);
	LOGP(DMAIN, LOGL_NOTICE, "certificates read again\n");
}

static void smdp_stop(void *prog)
{
	struct smdp_daemon *d = prog;

	if (d->server)
		http_server_drain(d->server);
	if (d->io)
		io_stop(d->io);
	d->io = NULL;
	soap_service_free(d->soap);
	talloc_free_children(d); /* what is left now is a leak */
}

const struct app_desc smdp_app = {
	.name = "smdp",
	.description = "Subscription Manager Data Preparation (SM-DP) of GSMA SGP.02; no function is served yet",
	.vty_port = 4292,
	.ctrl_port = 4293,
	.alloc = smdp_prog_alloc,
	.vty_init = vty_init_cb,
	.check = smdp_check,
	.start = smdp_start,
	.turn = smdp_turn,
	.reload = smdp_reload,
	.stop = smdp_stop,
};
