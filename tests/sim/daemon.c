/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SM-SR: its engine with the ports of the simulation. */
#include "tests/sim/daemon.h"

#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "common/app/life.h"
#include "lab/seed/seed.h"
#include "smsr/es_in.h"
#include "smsr/report.h"
#include "smsr/smsr.h"
#include "tests/sim/es3_wire.h"
#include "tests/sim/https.h"
#include "tests/sim/judge.h"
#include "tests/sim/levers.h"
#include "tests/sim/operators.h"
#include "tests/sim/plan.h"
#include "tests/sim/proc.h"
#include "tests/sim/smsc.h"

#define ACTOR 0
#define SMDP_URL "https://smdp.example/"
#define QUEUE_SHORT 2

struct daemon {
	struct crypto *crypto;
	struct keystore *keystore;
	struct smsr_cfg *cfg;
	struct proc *proc;
	char *backup; /* the latest; NULL: none yet */
	unsigned int n_backups;
};

bool daemon_is_up(const struct sim *s)
{
	return proc_engine(s->daemon->proc) != NULL;
}

unsigned int daemon_run(const struct sim *s)
{
	return proc_run(s->daemon->proc);
}

const char *daemon_database(const struct sim *s)
{
	return proc_database(s->daemon->proc);
}

bool daemon_event(struct sim *s, turn_handler_cb handler, void *event)
{
	return proc_event(s->daemon->proc, handler, event);
}

int daemon_try(struct sim *s, turn_handler_cb handler, void *event)
{
	return proc_try(s->daemon->proc, handler, event);
}

unsigned int daemon_turn(const struct sim *s)
{
	return proc_turn(s->daemon->proc);
}

void daemon_backup(struct sim *s)
{
	struct daemon *d = s->daemon;
	char *path = talloc_asprintf(d, "%s.backup-%u", daemon_database(s), ++d->n_backups);
	const char *why = "";
	int rc = life_backup(path, &smsr_db_desc, daemon_database(s), path, &why);

	sim_trace(s, "backup %u: %s", d->n_backups, rc < 0 ? "none" : "made");
	if (rc < 0) {
		talloc_free(path);
		return;
	}
	talloc_free(d->backup);
	d->backup = path;
}

static void put_back(struct sim *s)
{
	struct daemon *d = s->daemon;

	sim_trace(s, "backup %u is put back", d->n_backups);
	levers_put_back(s);
	judge_close(s);
	proc_put_back(d->proc, d->backup);
	judge_restored(s);
}

void daemon_room(struct sim *s)
{
	if (!daemon_is_up(s))
		return;
	smsr_sms_room(proc_engine(s->daemon->proc));
	proc_wake(s->daemon->proc);
}

void daemon_request(struct sim *s, uint64_t xid, const struct soap_msg *msg, const char *oid)
{
	const struct tls_peer tls = {.subject = "CN=sim", .issuer = "CN=ca", .serial_number = oid};
	struct es_request req = {.xid = xid, .msg = msg, .tls = &tls, .remote = "sim"};

	daemon_event(s, smsr_ev_request, &req);
}

/* ---- ports ---- */

static bool leaves(struct sim *s)
{
	return proc_leaves(s->daemon->proc);
}

static const char *port_reserve(void *priv)
{
	return smsc_reserve(priv);
}

static void port_submit(void *priv, const struct sms_out *sms)
{
	struct sim *s = priv;

	if (!leaves(s))
		return;
	judge_submit(s, sms);
	smsc_submit(s, sms);
}

static void port_ack(void *priv, const char *smsc, uint64_t token, bool ok)
{
	struct sim *s = priv;

	if (leaves(s))
		smsc_ack(s, smsc, token, ok);
}

/* A message to the SM-DP that is under way. */
struct message {
	int64_t ref;
	unsigned int run;
};

static void message_ends(struct sim *s, void *arg, const struct wire_end *end)
{
	const struct message *m = arg;
	struct post_done d = {.ref = m->ref,
			      .answered = end->answered,
			      .status = end->status,
			      .retry_after_s = end->retry_after_s,
			      .detail = "no answer"};

	if (m->run == daemon_run(s))
		daemon_event(s, smsr_ev_post_done, &d);
	talloc_free(arg);
}

static void post_to_smdp(struct sim *s, const struct http_out *post, uint32_t actor)
{
	struct message *m = talloc_zero(s->daemon, struct message);
	struct wire_post p = {
		.to = WIRE_SMDP,
		.oid = SEED_OID_SMSR,
		.actor = actor,
		.action = post->action,
		.body = post->body,
		.timeout_s = post->timeout_s,
		.done = message_ends,
		.arg = m,
	};

	*m = (struct message){post->ref, daemon_run(s)};
	wire_post(s, &p);
}

static void port_post(void *priv, const struct http_out *post)
{
	struct sim *s = priv;
	uint32_t actor;

	if (!leaves(s))
		return;
	actor = judge_post(s, post);
	if (strncmp(post->url, SMDP_URL, strlen(SMDP_URL)) == 0)
		post_to_smdp(s, post, actor);
	else
		operators_post(s, post, actor);
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	struct sim *s = priv;

	if (leaves(s)) {
		if (wire_has_given(xid))
			wire_answer(s, xid, steal_answer);
		else
			operators_answer(s, xid, steal_answer);
	}
	talloc_free(steal_answer);
}

static void port_sms_pause(void *priv, const char *smsc, bool paused)
{
	struct sim *s = priv;

	if (leaves(s))
		smsc_pause(s, smsc, paused);
}

static void port_sms_reconnect(void *priv, const char *smsc)
{
	struct sim *s = priv;

	if (leaves(s))
		smsc_reconnect(s, smsc);
}

static void port_https(void *priv, uint64_t conn, struct bytes octets, bool close)
{
	struct sim *s = priv;

	if (leaves(s))
		https_answer(s, conn, octets, close);
}

static void port_progress(void *priv, int64_t op_id)
{
	struct sim *s = priv;

	if (!proc_is_dying(s->daemon->proc) && !s->stop)
		judge_progress(s, op_id);
}

static const struct smsr_ports ports = {
	.sms_reserve = port_reserve,
	.sms_submit = port_submit,
	.sms_ack = port_ack,
	.http_post = port_post,
	.answer = port_answer,
	.sms_pause = port_sms_pause,
	.sms_reconnect = port_sms_reconnect,
	.https_answer = port_https,
	.progress = port_progress,
};

/* ---- the program ---- */

static void *engine(struct sim *s, const void *ctx, struct db *db, struct turn *turn)
{
	struct daemon *d = s->daemon;
	struct smsr *e = smsr_alloc(ctx);

	e->db = db;
	e->turn = turn;
	e->keystore = d->keystore;
	e->crypto = d->crypto;
	e->cfg = d->cfg;
	e->ports = &ports;
	e->ports_priv = s;
	return e;
}

static int64_t next_tick_ms(void *smsr)
{
	return smsr_next_tick_ms(smsr);
}

/* Beside an SM-DP, which knows more than the backup, only in seeds of their own: those that were stored before stay
 * what they were. */
static bool restores(struct sim *s)
{
	if (!s->daemon->backup)
		return false;
	if (!s->plan->dp)
		return fault(s, F_RESTORE, ACTOR, NULL);
	return plan_restores_smsr(s->plan) && fault(s, F_RESTORE_BESIDE_DP, ACTOR, NULL);
}

static void died(struct sim *s)
{
	smsc_daemon_died(s);
	operators_daemon_died(s);
	if (s->es3)
		wire_server_died(s, WIRE_SMSR);
	if (restores(s))
		put_back(s);
	https_daemon_died(s);
}

static void born(struct sim *s)
{
	judge_daemon_started(s);
	smsc_daemon_started(s);
}

static const struct program program = {
	.name = "daemon",
	.file = "smsr.db",
	.desc = &smsr_db_desc,
	.engine = engine,
	.start = smsr_ev_start,
	.tick = smsr_ev_tick,
	.next_tick_ms = next_tick_ms,
	.let_go = judge_close,
	.power_back = judge_store,
	.died = died,
	.born = born,
};

static void add_smdp(struct smsr_cfg *cfg)
{
	struct peer *p = smsr_cfg_peer_get(cfg, "smdp");

	p->oid = p->tls.serial = talloc_strdup(cfg, SEED_OID_SMDP);
	p->roles = PEER_SMDP;
	p->callback_prefix = talloc_strdup(cfg, SMDP_URL);
	p->notification_url = talloc_strdup(cfg, SMDP_URL "ES3/ES3SmDpService");
	p->acts_for = talloc_zero_array(cfg, char *, 1);
	p->acts_for[0] = talloc_strdup(cfg, SEED_OID_MNO_OPERATIONAL);
	p->n_acts_for = 1;
}

static void short_queue(struct sim *s, void *unused)
{
	if (fault(s, F_QUEUE_SHORT, ACTOR, NULL))
		s->daemon->cfg->limits.queue_max = QUEUE_SHORT;
}

static void start(struct sim *s)
{
	struct daemon *d = s->daemon = talloc_zero(s->ctx, struct daemon);
	const char *why = "";
	char *path;

	d->crypto = crypto_alloc(d);
	path = talloc_asprintf(d, "%s/master.key", s->dir);
	OSMO_ASSERT(keystore_create_master(d, path, &why) == 0);
	OSMO_ASSERT(keystore_open(d, path, &d->keystore, &why) == 0);
	d->cfg = smsr_cfg_alloc(d);
	d->cfg->oid = talloc_strdup(d->cfg, SEED_OID_SMSR);
	d->cfg->uri = talloc_strdup(d->cfg, "https://smsr.example");
	operators_configure(s, d->cfg);
	if (s->plan->dp)
		add_smdp(d->cfg);
	smsc_configure(s, d->cfg);
	sim_at(s, s->now_ms + MINUTE_MS, short_queue, NULL);
	https_configure(s, d->cfg);
	d->proc = proc_alloc(s, d, &program, ACTOR);
	d->cfg->database = talloc_strdup(d->cfg, proc_database(d->proc));
}

static void calm(struct sim *s)
{
	proc_calm(s->daemon->proc);
}

static const char *busy(struct sim *s)
{
	return daemon_is_up(s) ? NULL : "the daemon is down";
}

const struct actor daemon_actor = {"daemon", start, calm, busy};
