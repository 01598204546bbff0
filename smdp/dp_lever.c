/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Actions of operators as events, and figures.  See dp_lever.h. */
#include "smdp/dp_lever.h"

#include <errno.h>
#include <inttypes.h>

#include <osmocom/core/rate_ctr.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/action.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/es/es_codec.h"
#include "common/peer/outbox_db.h"
#include "smdp/dp_record_db.h"
#include "smdp/dp_restore.h"
#include "smdp/es3_db.h"
#include "smdp/order_db.h"
#include "smdp/stock.h"

#define say(l, rc, ...) action_say((l)->ctx, &(l)->text, rc, __VA_ARGS__)

int dp_lever_pull(struct smdp *s, dp_lever_cb action, struct dp_lever *l)
{
	int rc;

	l->text = NULL;
	rc = turn_event(s->turn, action, s, l);
	action_end(l->ctx, l->by, rc, &l->text);
	return rc;
}

/* ---- pause and resume ---- */

int smdp_ev_pause(void *smdp, void *lever)
{
	struct dp_lever *l = lever;
	struct smdp *s = smdp;
	int rc = dp_record_db_pause(s->db, clock_now_ms());

	return rc < 0 ? rc : say(l, 0, "paused: no calls to SM-SRs");
}

int smdp_ev_resume(void *smdp, void *lever)
{
	struct dp_lever *l = lever;
	struct smdp *s = smdp;
	int rc = dp_record_db_resume(s->db);

	if (rc == -ENOENT)
		return say(l, rc, "nothing is paused");
	if (rc < 0)
		return rc;
	dp_restore_wake(s);
	return say(l, 0, "resumed");
}

int dp_lever_log_pause(struct smdp *s)
{
	int64_t since_ms;
	int rc = dp_record_db_paused_since(s->db, &since_ms);
	char *since;

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	since = es_time_enc(s, since_ms);
	LOGP(DMAIN, LOGL_NOTICE, "all is paused since %s: no calls to SM-SRs; \"smctl smdp resume all\" releases it\n",
	     since);
	talloc_free(since);
	return 0;
}

/* ---- after a restore ---- */

int smdp_ev_release(void *smdp, void *lever)
{
	const struct order_input in = {.event = ORDER_EV_RELEASE, .text = "released by the operator of the SM-DP"};
	struct dp_lever *l = lever;
	struct smdp *s = smdp;
	struct order o;
	int rc = order_db_get(turn_ctx(s->turn), s->db, l->id, &o);

	if (rc == -ENOENT)
		return say(l, rc, "no order %" PRId64, l->id);
	if (rc == 0 && o.state != ORDER_ST_HOLD)
		return say(l, -EBUSY, "order %" PRId64 " is not on hold", l->id);
	if (rc == 0)
		rc = order_event(s, l->id, &in);
	return rc < 0 ? rc : say(l, 0, "order %" PRId64 " begins again", l->id);
}

int smdp_ev_ask(void *smdp, void *lever)
{
	struct dp_lever *l = lever;
	struct smdp *s = smdp;
	int rc = order_db_doubts(s->db, DOUBT_OPEN, DOUBT_LOOK);
	int n = db_changes(s->db);

	if (rc < 0)
		return rc;
	dp_restore_wake(s);
	return say(l, 0, "the SM-SRs of %d eUICCs are asked again", n);
}

/* ---- figures ---- */

uint64_t smdp_ctr(const struct smdp *s, enum smdp_ctr ctr)
{
	return rate_ctr_group_get_ctr(s->ctrs, ctr)->current;
}

int dp_lever_figures(struct smdp *s, struct dp_figures *f)
{
	struct order_counts n = {0};
	int64_t doubt = 0;
	int rc = order_db_count(s->db, &n);

	*f = (struct dp_figures){.queued = n.queued, .running = n.running, .relays = n.relays, .on_hold = n.on_hold};
	if (n.oldest_ms)
		f->oldest_s = (clock_now_ms() - n.oldest_ms) / 1000;
	for (enum doubt i = DOUBT_LOOK; rc == 0 && i <= DOUBT_OPEN; i++) {
		rc = order_db_doubt_count(s->db, i, &doubt);
		f->in_doubt += doubt;
	}
	if (rc == 0)
		rc = stock_count(s->stock, f->stock);
	if (rc == 0)
		rc = es3_db_waiting(s->db, &f->calls_waiting);
	if (rc == 0)
		rc = outbox_db_waiting(s->db, &f->outbox_waiting);
	if (rc == 0)
		rc = dp_record_db_is_paused(s->db, &f->paused);
	for (enum smdp_ctr c = CTR_ORDERS_SUCCESS; rc == 0 && c <= CTR_ORDERS_EXPIRED; c++)
		f->done += (int64_t)smdp_ctr(s, c);
	return rc;
}
