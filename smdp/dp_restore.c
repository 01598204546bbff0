/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a restored database means to an SM-DP.  See dp_restore.h; how it is noticed is in common/app/life.c, the
 * questions to the SM-SRs are in dp_restore_look.c. */
#include "smdp/dp_restore.h"

#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smdp/es3_db.h"
#include "smdp/order_db.h"
#include "smdp/stock.h"

#define BATCH 200

/* How much there was. */
struct found {
	int64_t ended;
	int64_t on_hold;
	int64_t profiles;
	int64_t euiccs;
};

static int end_one(struct smdp *s, struct order_run *r)
{
	return order_finish(s, r,
			    es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_NO_RESPONSE, r->o.iccid,
					  "the database was restored while this was under way: its effect is unknown"),
			    NULL);
}

/* Its SM-SR has time to speak before the order ends. */
static int hold_one(struct smdp *s, struct order_run *r)
{
	const struct smdp_limits *l = &s->cfg->limits;
	int64_t look_ms = clock_now_ms() + ((int64_t)l->cleanup_s + l->grace_s) * 1000;
	enum order_state was = r->o.state;
	int rc = order_enter(s, r, ORDER_ST_HOLD);

	if (rc == 0 && r->o.due_ms < look_ms)
		rc = order_db_set_due(s->db, r->o.id, look_ms);
	if (rc < 0)
		return rc;
	return order_note(s, r->o.id, STEP_RESTORED, "on hold: the database was restored, this was in state %s",
			  order_state_name(was));
}

static int treat(struct smdp *s, int64_t id, struct found *f)
{
	struct order_run r;
	int rc = order_load(s, id, &r);

	if (rc < 0)
		return rc;
	if (r.o.kind == ORDER_DOWNLOAD) {
		f->on_hold++;
		return hold_one(s, &r);
	}
	f->ended += r.o.kind == ORDER_RELAY;
	return end_one(s, &r);
}

static int treat_orders(struct smdp *s, struct found *f)
{
	int64_t ids[BATCH], after = 0;
	size_t n;
	int rc;

	do {
		rc = order_db_unfinished(s->db, after, ids, ARRAY_SIZE(ids), &n);
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = treat(s, after = ids[i], f);
	} while (rc == 0 && n == ARRAY_SIZE(ids));
	return rc;
}

static int doubt_all(struct smdp *s, struct found *f)
{
	const enum doubt from[] = {DOUBT_NONE, DOUBT_ASKED, DOUBT_OPEN};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(from); i++)
		rc = order_db_doubts(s->db, from[i], DOUBT_LOOK);
	return rc < 0 ? rc : order_db_doubt_count(s->db, DOUBT_LOOK, &f->euiccs);
}

static int recover(struct smdp *s, const struct life_past *past)
{
	struct found f = {0};
	int rc = es3_db_lose_all(s->db, clock_now_ms());

	smdp_count(s, CTR_RESTORES);
	if (rc == 0)
		rc = treat_orders(s, &f);
	if (rc == 0)
		rc = stock_hold_all(s->stock, &f.profiles);
	if (rc == 0)
		rc = doubt_all(s, &f);
	if (rc < 0)
		return rc;
	LOGP(DMAIN, LOGL_NOTICE,
	     "restored database (%s): epoch %" PRId64 ", %" PRId64 " orders and %" PRId64
	     " profiles of the stock are on hold, %" PRId64
	     " calls that were passed on ended as unknown; the SM-SRs of "
	     "%" PRId64 " eUICCs are asked\n",
	     past->why, past->meta.epoch, f.on_hold, f.profiles, f.ended, f.euiccs);
	return 0;
}

int dp_restore_check(struct smdp *s)
{
	struct life_past past;
	int rc;

	s->life = (struct life){.turn = s->turn, .db = s->db, .database = s->cfg->database, .name = "smdp"};
	rc = life_look(&s->life, &past);
	if (rc < 0)
		return rc;
	s->epoch = past.meta.epoch;
	if (past.why)
		rc = recover(s, &past);
	dp_restore_wake(s);
	return rc < 0 ? rc : life_begin(&s->life, &past.meta);
}

int smdp_ev_stop(void *smdp, void *unused)
{
	struct smdp *s = smdp;

	return life_stop(&s->life);
}
