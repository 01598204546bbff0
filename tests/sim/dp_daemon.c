/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SM-DP: its engine with the ports of the simulation. */
#include "tests/sim/dp_daemon.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "common/app/life.h"
#include "common/peer/trust.h"
#include "lab/seed/seed.h"
#include "smdp/dp_in.h"
#include "smdp/identity.h"
#include "smdp/stock.h"
#include "tests/sim/dp_levers.h"
#include "tests/sim/dp_operators.h"
#include "tests/sim/dp_stock.h"
#include "tests/sim/es3_wire.h"
#include "tests/sim/judge_dp.h"
#include "tests/sim/pki.h"
#include "tests/sim/plan.h"
#include "tests/sim/proc.h"

#define STOCK_FOR_EACH_DAY 8 /* and card */
#define IMPORT_BATCH 50
#define REQUIRED_MEMORY 2000
#define LONG_MEMORY 10000
#define LONG_CHUNK 1000 /* for cards that speak HTTPS */

struct dp_daemon {
	struct crypto *crypto;
	struct keystore *keystore;
	struct smdp_cfg *cfg;
	struct es_ctx *es;
	struct trust *trust;
	struct dp_identity *identity;
	struct proc *proc;
	unsigned int stock; /* profiles to be imported */
	unsigned int imported;
	char *backup; /* the latest; NULL: none yet */
	int64_t backup_ms;
	unsigned int n_backups;
};

bool dp_daemon_is_up(const struct sim *s)
{
	return proc_engine(s->dp->proc) != NULL;
}

unsigned int dp_daemon_run(const struct sim *s)
{
	return proc_run(s->dp->proc);
}

const char *dp_daemon_database(const struct sim *s)
{
	return proc_database(s->dp->proc);
}

const struct keystore *dp_daemon_keystore(const struct sim *s)
{
	return s->dp->keystore;
}

struct crypto *dp_daemon_crypto(const struct sim *s)
{
	return s->dp->crypto;
}

unsigned int dp_daemon_stock(const struct sim *s)
{
	return s->dp ? s->dp->stock : 0;
}

void dp_daemon_request(struct sim *s, uint64_t xid, const struct soap_msg *msg, const char *oid)
{
	const struct tls_peer tls = {.subject = "CN=sim", .issuer = "CN=ca", .serial_number = oid};
	struct es_request req = {.xid = xid, .msg = msg, .tls = &tls, .remote = "sim"};

	proc_event(s->dp->proc, smdp_ev_request, &req);
}

void dp_daemon_post_done(struct sim *s, int64_t ref, bool answered, unsigned int status)
{
	struct smdp_post_done d = {.post = {.ref = ref, .answered = answered, .status = status, .detail = "no answer"}};

	proc_event(s->dp->proc, smdp_ev_post_done, &d);
}

int dp_daemon_try(struct sim *s, turn_handler_cb handler, void *event)
{
	return proc_try(s->dp->proc, handler, event);
}

/* ---- backups ---- */

void dp_daemon_backup(struct sim *s)
{
	struct dp_daemon *d = s->dp;
	char *path = talloc_asprintf(d, "%s.backup-%u", dp_daemon_database(s), ++d->n_backups);
	const char *why = "";
	int rc = life_backup(path, &smdp_db_desc, dp_daemon_database(s), path, &why);

	sim_trace(s, "backup %u of the SM-DP: %s", d->n_backups, rc < 0 ? "none" : "made");
	if (rc < 0) {
		talloc_free(path);
		return;
	}
	talloc_free(d->backup);
	d->backup = path;
	d->backup_ms = s->now_ms;
}

static void put_back(struct sim *s)
{
	struct dp_daemon *d = s->dp;

	sim_trace(s, "backup %u of the SM-DP is put back", d->n_backups);
	judge_dp_close(s);
	proc_put_back(d->proc, d->backup);
	judge_dp_restored(s, d->backup_ms);
	dp_levers_put_back(s);
}

/* ---- ports ---- */

/* A call to the SM-SR that is under way. */
struct es3_post {
	int64_t ref;
	unsigned int run;
};

static void call_ends(struct sim *s, void *arg, const struct wire_end *end)
{
	const struct es3_post *c = arg;
	struct smdp_post_done d = {
		.post = {.ref = c->ref,
			 .answered = end->answered,
			 .status = end->status,
			 .retry_after_s = end->retry_after_s,
			 .detail = "no answer"},
		.unreached = end->unreached,
		.content_type = SOAP_CONTENT_TYPE,
		.body = end->body,
	};

	if (c->run == dp_daemon_run(s))
		proc_event(s->dp->proc, smdp_ev_post_done, &d);
	talloc_free(arg);
}

static void call_smsr(struct sim *s, const struct http_out *h)
{
	struct es3_post *c = talloc_zero(s->dp, struct es3_post);
	struct wire_post post = {
		.to = WIRE_SMSR,
		.oid = SEED_OID_SMDP,
		.actor = judge_dp_call(s, h),
		.action = h->action,
		.body = h->body,
		.timeout_s = h->timeout_s,
		.done = call_ends,
		.arg = c,
	};

	*c = (struct es3_post){h->ref, dp_daemon_run(s)};
	wire_post(s, &post);
}

static void port_post(void *priv, const struct http_out *h)
{
	struct sim *s = priv;

	if (!proc_leaves(s->dp->proc))
		return;
	if (h->ref < 0)
		call_smsr(s, h);
	else
		dp_operators_post(s, h, judge_dp_post(s, h));
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	struct sim *s = priv;

	if (proc_leaves(s->dp->proc))
		wire_answer(s, xid, steal_answer);
	talloc_free(steal_answer);
}

static void port_progress(void *priv, int64_t op_id)
{
	struct sim *s = priv;

	if (!proc_is_dying(s->dp->proc) && !s->stop)
		judge_dp_progress(s, op_id);
}

static const struct smdp_ports ports = {
	.http_post = port_post,
	.answer = port_answer,
	.progress = port_progress,
};

/* ---- the program ---- */

static void *engine(struct sim *s, const void *ctx, struct db *db, struct turn *turn)
{
	struct dp_daemon *d = s->dp;
	struct smdp *e = smdp_alloc(ctx);

	e->db = db;
	e->turn = turn;
	e->keystore = d->keystore;
	e->crypto = d->crypto;
	e->cfg = d->cfg;
	e->es = d->es;
	e->trust = d->trust;
	e->dp = d->identity;
	e->stock = stock_alloc(e, db, d->keystore, d->crypto);
	e->ports = &ports;
	e->ports_priv = s;
	return e;
}

static int64_t next_tick_ms(void *smdp)
{
	return smdp_next_tick_ms(smdp);
}

static void died(struct sim *s)
{
	wire_server_died(s, WIRE_SMDP);
	if (s->dp->backup && fault(s, F_DP_RESTORE, s->plan->fleet + 1, NULL))
		put_back(s);
}

static void born(struct sim *s)
{
	judge_dp_started(s);
}

static const struct program program = {
	.name = "dp",
	.file = "smdp.db",
	.desc = &smdp_db_desc,
	.engine = engine,
	.start = smdp_ev_start,
	.tick = smdp_ev_tick,
	.next_tick_ms = next_tick_ms,
	.let_go = judge_dp_close,
	.died = died,
	.born = born,
};

/* ---- stock ---- */

static int import_one(struct smdp *smdp, struct sim *s, unsigned int number)
{
	const struct dp_profile p = dp_profile(number);
	void *ctx = talloc_new(s);
	const struct stock_ready ready = {
		.mno = SEED_OID_MNO_OPERATIONAL,
		.type = DP_TYPE,
		.imsi = p.imsi,
		.msisdn = p.msisdn,
		.pol2 = dp_pol2(&p),
		.package = dp_package(ctx, &p, plan_long_packages(s->plan)),
	};
	struct stock_item item;
	const char *why = "";
	int rc = stock_import_package(smdp->stock, ctx, &ready, &item, &why);

	if (rc < 0)
		sim_violation(s, "profile %u cannot be imported: %s", number, why);
	talloc_free(ctx);
	return rc;
}

static int import_event(void *smdp, void *sim)
{
	struct sim *s = sim;
	struct dp_daemon *d = s->dp;
	unsigned int last = OSMO_MIN(d->imported + IMPORT_BATCH, d->stock);
	const char *why = "";
	struct smdp *e = smdp;
	int rc = stock_type_set(e->stock, s, SEED_OID_MNO_OPERATIONAL, DP_TYPE,
				plan_long_packages(s->plan) ? LONG_MEMORY : REQUIRED_MEMORY, NULL, &why);

	while (rc == 0 && d->imported < last)
		rc = import_one(e, s, d->imported++);
	return rc;
}

/* Before anything fails: faults begin when the fleet is registered, a little later. */
static void import(struct sim *s, void *unused)
{
	while (!s->stop && s->dp->imported < s->dp->stock)
		proc_event(s->dp->proc, import_event, s);
}

/* ---- start ---- */

/* Mostly pieces are so small that a download takes several calls, and that each fits into short messages. */
static void configure_downloads(struct sim *s, struct smdp_cfg *cfg, struct smsr_peer *smsr)
{
	uint64_t h = choice(s, C_DP_WORK, 0);

	cfg->download.segment = (unsigned int)between(&h, 40, 120);
	cfg->download.scenario = between(&h, 0, 1) ? 0x0b : 0x09;
	cfg->download.token_key = between(&h, 0, 3) == 0;
	cfg->download.isdp_tries = (unsigned int)between(&h, 1, 3);
	cfg->download.session_tries = (unsigned int)between(&h, 1, 4);
	cfg->limits.queue_max = (unsigned int)between(&h, 2, 6);
	cfg->limits.cleanup_s = between(&h, 0, 1) ? 3600 : 600;
	smsr->chunk = (unsigned int)(between(&h, 0, 5) ? between(&h, 60, 240) : LONG_CHUNK);
	smsr->validity_s = between(&h, 0, 2) ? 0 : 900;
	smsr->no_second_session = between(&h, 0, 2) == 0;
}

static void configure(struct sim *s)
{
	struct dp_daemon *d = s->dp;
	struct smdp_cfg *cfg = d->cfg = smdp_cfg_alloc(d);
	struct smdp_peer *mno = smdp_cfg_peer_get(cfg, "oper");
	struct smsr_peer *p = smdp_cfg_smsr_get(cfg, "smsr");

	cfg->oid = talloc_strdup(cfg, SEED_OID_SMDP);
	cfg->uri = talloc_strdup(cfg, "https://smdp.example");
	cfg->dp_cert = sim_pki_path(s->pki, cfg, "smdp.dp");
	cfg->dp_key = sim_pki_path(s->pki, cfg, "smdp.dp.key");
	configure_downloads(s, cfg, p);
	mno->oid = mno->tls.serial = talloc_strdup(cfg, SEED_OID_MNO_OPERATIONAL);
	mno->rights = RIGHT_READ | RIGHT_MANAGE | RIGHT_DOWNLOAD;
	mno->callback_prefix = talloc_strdup(cfg, "https://oper.example/");
	mno->notification_url = talloc_strdup(cfg, "https://oper.example/note");
	p->oid = p->tls.serial = talloc_strdup(cfg, SEED_OID_SMSR);
	p->url = talloc_strdup(cfg, "https://smsr.example/ES3/ES3SmSrService");
}

static void load_keys(struct sim *s)
{
	struct dp_daemon *d = s->dp;
	char *path = talloc_asprintf(d, "%s/dp-master.key", s->dir);
	const char *why = "";

	d->crypto = crypto_alloc(d);
	d->es = es_ctx_alloc(d, NULL);
	if (keystore_create_master(d, path, &why) < 0 || keystore_open(d, path, &d->keystore, &why) < 0 ||
	    trust_alloc(d, sim_pki_path(s->pki, d, "ci.pem"), &d->trust, &why) < 0 ||
	    trust_add_eum(d, d->trust, SEED_OID_EUM, sim_pki_path(s->pki, d, "eum.pem"), s->now_ms, &why) < 0 ||
	    dp_identity_load(d, d->cfg, s->now_ms, &d->identity, &why) < 0)
		fprintf(stderr, "SM-DP: %s\n", why);
	OSMO_ASSERT(d->crypto && d->es && !*why);
}

static void start(struct sim *s)
{
	struct dp_daemon *d;

	if (!s->plan->dp)
		return;
	s->dp = d = talloc_zero(s->ctx, struct dp_daemon);
	s->pki = sim_pki_make(s, d);
	wire_start(s);
	configure(s);
	load_keys(s);
	d->stock = STOCK_FOR_EACH_DAY * s->plan->fleet * s->plan->days;
	d->proc = proc_alloc(s, d, &program, s->plan->fleet + 1);
	d->cfg->database = talloc_strdup(d->cfg, dp_daemon_database(s));
	sim_at(s, s->now_ms, import, NULL);
}

static void calm(struct sim *s)
{
	if (s->dp)
		proc_calm(s->dp->proc);
}

static const char *busy(struct sim *s)
{
	if (!s->dp)
		return NULL;
	if (!dp_daemon_is_up(s))
		return "the SM-DP is down";
	return wire_is_quiet(s) ? NULL : "messages to SM-SR or SM-DP are on their way";
}

const struct actor dp_daemon_actor = {"dp", start, calm, busy};
