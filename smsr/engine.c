/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Start, recovery, and what is due. */
#include <errno.h>
#include <inttypes.h>

#include <osmocom/core/rate_ctr.h>
#include <osmocom/core/stats.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/app/ticker.h"
#include "common/db/retire.h"
#include "common/peer/call_db.h"
#include "common/peer/outbox_db.h"
#include "smsr/cmd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "smsr/lever.h"
#include "smsr/op_db.h"
#include "smsr/op_proc.h"
#include "smsr/record_db.h"
#include "smsr/report.h"
#include "smsr/restore.h"

#define TICK_BATCH 200
#define POISON_MS (60 * 1000)
#define MO_LIFETIME_MS (10 * 60 * 1000)

static const struct rate_ctr_desc ctr_desc[] = {
	[CTR_REQUESTS] = {"es:requests", "Requests of peers"},
	[CTR_REQUESTS_REFUSED] = {"es:refused", "Requests refused"},
	[CTR_OPS_SUCCESS] = {"op:success", "Operations ended EXECUTED_SUCCESS"},
	[CTR_OPS_WARNING] = {"op:warning", "Operations ended EXECUTED_WITHWARNING"},
	[CTR_OPS_FAILED] = {"op:failed", "Operations ended FAILED"},
	[CTR_OPS_EXPIRED] = {"op:expired", "Operations ended EXPIRED"},
	[CTR_COMMANDS] = {"cmd:sealed", "Command packets sealed"},
	[CTR_COPIES] = {"cmd:copies", "Further copies of command packets"},
	[CTR_POR] = {"por:ok", "Response packets verified"},
	[CTR_POR_REJECTED] = {"por:rejected", "Response packets rejected"},
	[CTR_NOTIFICATIONS] = {"notif:ok", "Notifications of eUICCs verified"},
	[CTR_NOTIFICATIONS_REJECTED] = {"notif:rejected", "Notifications rejected"},
	[CTR_MO_UNKNOWN] = {"mo:unknown", "Messages that belong to no eUICC or are no packets"},
	[CTR_CALLBACKS] = {"out:taken", "Messages to peers taken"},
	[CTR_CALLBACK_ERRORS] = {"out:errors", "Attempts to reach a peer that failed"},
	[CTR_CALLBACKS_GIVEN_UP] = {"out:given_up", "Messages to peers given up"},
	[CTR_TURNS] = {"turn:commits", "Turns"},
	[CTR_CERT_WARNINGS] = {"cert:warnings", "Certificates found near their end"},
	[CTR_RESTORES] = {"store:restores", "Starts from a restored database"},
	[CTR_HTTPS_SESSIONS] = {"https:connections", "Connections of cards that spoke to us by HTTPS"},
	[CTR_HTTPS_REQUESTS] = {"https:posts", "POSTs of cards"},
	[CTR_HTTPS_REFUSED] = {"https:refused", "POSTs of cards that were refused"},
	[CTR_HTTPS_SCRIPTS] = {"https:scripts", "Scripts given to cards by HTTPS"},
	[CTR_HTTPS_TRIGGERS] = {"https:triggers", "Triggers of HTTPS sessions sealed"},
	[CTR_HTTPS_FAILURES] = {"https:failures", "Jobs that HTTPS could not do"},
};

static const struct rate_ctr_group_desc ctr_group_desc = {
	"smsr", "SM-SR", OSMO_STATS_CLASS_GLOBAL, ARRAY_SIZE(ctr_desc), ctr_desc,
};

/* libosmocore keeps a list of all groups and takes a freed one out only here. */
static int smsr_destructor(struct smsr *s)
{
	rate_ctr_group_free(s->ctrs);
	return 0;
}

struct smsr *smsr_alloc(const void *ctx)
{
	struct smsr *s = talloc_zero(ctx, struct smsr);

	OSMO_ASSERT(s);
	s->ctrs = rate_ctr_group_alloc(s, &ctr_group_desc, 0);
	OSMO_ASSERT(s->ctrs);
	talloc_set_destructor(s, smsr_destructor);
	return s;
}

void smsr_count(struct smsr *s, enum smsr_ctr ctr)
{
	rate_ctr_inc(rate_ctr_group_get_ctr(s->ctrs, ctr));
}

void smsr_sms_room(struct smsr *s)
{
	s->sms_blocked = false;
}

/* ---- start ---- */

int smsr_ev_start(void *smsr, void *unused)
{
	struct smsr *s = smsr;
	int rc = restore_check(s);

	/* What a resume had still to start when the last run ended. */
	lever_wake(s);
	s->retire_ms = clock_now_ms();
	if (rc == 0)
		rc = https_recover(s);
	if (rc == 0)
		rc = cmd_db_parts_recover(s->db, clock_now_ms());
	return rc < 0 ? rc : outbox_db_recover(s->db, clock_now_ms());
}

/* ---- due ---- */

static int op_due(struct smsr *s, int64_t op_id)
{
	const struct op_input in = {.event = OP_EV_DEADLINE}, silent = {.event = OP_EV_SILENT};
	struct command cmd;
	struct op_run r;
	int64_t deadline;
	int rc = op_load(s, op_id, &r);

	if (rc < 0)
		return rc;
	deadline = op_deadline(s, &r.op);
	rc = cmd_db_open_of_op(turn_ctx(s->turn), s->db, op_id, &cmd);
	if (rc == 0)
		return cmd_on_due(s, &r, &cmd, deadline);
	if (rc != -ENOENT)
		return rc;
	if (clock_now_ms() < deadline) {
		rc = op_db_set_due(s->db, op_id, deadline);
		/* Only what does not trust in its notification is due before. */
		return rc < 0 || r.op.state != OP_ST_NOTIF ? rc : op_event(s, op_id, &silent);
	}
	rc = https_deadline(s, &r);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = op_db_set_due(s->db, op_id, 0);
	return rc < 0 ? rc : op_event(s, op_id, &in);
}

struct isolated {
	struct smsr *s;
	int (*handle)(struct smsr *s, int64_t id);
	int64_t id;
};

static int run_isolated(void *arg)
{
	const struct isolated *i = arg;

	return i->handle(i->s, i->id);
}

int smsr_isolated(struct smsr *s, int (*handle)(struct smsr *s, int64_t id), int64_t id, const char *what)
{
	struct isolated i = {s, handle, id};
	int rc = turn_try(s->turn, run_isolated, &i);

	if (rc >= 0 || db_broken(s->db))
		return rc < 0 ? rc : 0;
	LOGP(DPROC, LOGL_ERROR, "%s %" PRId64 ": error %d, put aside\n", what, id, -rc);
	return 0;
}

static int op_due_isolated(struct smsr *s, int64_t op_id)
{
	int rc;

	/* First of all: whatever happens, it is not looked at again at once. */
	rc = op_db_set_due(s->db, op_id, clock_now_ms() + POISON_MS);
	return rc < 0 ? rc : smsr_isolated(s, op_due, op_id, "operation");
}

static int ops_due(struct smsr *s, bool *more)
{
	int64_t ids[TICK_BATCH];
	size_t n;
	int rc = op_db_due(s->db, clock_now_ms(), ids, ARRAY_SIZE(ids), &n);

	*more = rc == 0 && n == ARRAY_SIZE(ids);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = op_due_isolated(s, ids[i]);
	return rc;
}

static int retire_mo(struct db *db, int64_t before_ms, size_t max)
{
	return cmd_db_mo_retire(db, before_ms);
}

static int retire(struct smsr *s)
{
	const struct limits_cfg *l = &s->cfg->limits;
	const int64_t day_ms = 24 * 3600 * 1000LL, now = clock_now_ms();
	const struct db_retire kinds[] = {
		{op_db_retire, now - l->outcome_keep_days * day_ms},
		{call_db_retire, now - l->outcome_keep_days * day_ms},
		{outbox_db_retire, now - l->outcome_keep_days * day_ms},
		{record_db_audit_retire, clock_stamp_ms() - l->audit_keep_days * day_ms},
		{retire_mo, now - MO_LIFETIME_MS},
	};

	return db_retire(s->db, kinds, ARRAY_SIZE(kinds), &s->retire_ms);
}

int smsr_ev_tick(void *smsr, void *more)
{
	bool more_ops = false, more_parts = false, more_posts = false, more_levers = false, more_https = false;
	struct smsr *s = smsr;
	int rc = ops_due(s, &more_ops);

	if (rc == 0)
		rc = https_tick(s, &more_https);
	if (rc == 0)
		rc = lever_slice(s, &more_levers);
	if (rc == 0 && !s->sms_blocked)
		rc = cmd_pump(s, &more_parts);
	if (rc == 0)
		rc = report_pump(s, &more_posts);
	if (rc == 0)
		rc = retire(s);
	if (rc == 0)
		rc = life_beat(&s->life);
	if (more)
		*(bool *)more = more_ops || more_parts || more_posts || more_levers || more_https;
	return rc;
}

int64_t smsr_next_tick_ms(struct smsr *s)
{
	int64_t best = s->retire_ms, due;
	bool paused;

	ticker_nearer(&best, s->life.due_ms);
	ticker_nearer(&best, lever_due_ms(s));
	if (op_db_nearest(s->db, &due) == 0)
		ticker_nearer(&best, due);
	if (https_db_nearest(s->db, &due) == 0)
		ticker_nearer(&best, due);
	if (record_db_is_paused(s->db, PAUSE_ALL, "", &paused) < 0 || paused)
		return best;
	if (!s->sms_blocked && cmd_db_parts_nearest(s->db, &due) == 0)
		ticker_nearer(&best, due);
	if (outbox_db_nearest(s->db, &due) == 0)
		ticker_nearer(&best, due);
	return best;
}
