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
#include "smdp/es3.h"
#include "smdp/es3_db.h"
#include "smdp/dp_out.h"
#include "smdp/order_db.h"
#include "smdp/dp_record_db.h"
#include "smdp/dp_restore.h"
#include "smdp/stock.h"

#define TICK_BATCH 200
#define POISON_MS (60 * 1000)

static const struct rate_ctr_desc ctr_desc[] = {
	[CTR_REQUESTS] = {"es:requests", "Messages of peers"},
	[CTR_REQUESTS_REFUSED] = {"es:refused", "Requests refused"},
	[CTR_ORDERS_SUCCESS] = {"order:success", "Orders ended EXECUTED_SUCCESS"},
	[CTR_ORDERS_WARNING] = {"order:warning", "Orders ended EXECUTED_WITHWARNING"},
	[CTR_ORDERS_FAILED] = {"order:failed", "Orders ended FAILED"},
	[CTR_ORDERS_EXPIRED] = {"order:expired", "Orders ended EXPIRED"},
	[CTR_ES3_CALLS] = {"es3:calls", "Calls to SM-SRs"},
	[CTR_ES3_COPIES] = {"es3:copies", "Further attempts of calls"},
	[CTR_ES3_ANSWERS] = {"es3:answers", "Calls answered"},
	[CTR_ES3_ERRORS] = {"es3:errors", "Attempts that failed"},
	[CTR_ES3_UNKNOWN] = {"es3:unknown", "Answers to no call of ours"},
	[CTR_NOTIFICATIONS] = {"es3:notes", "Notifications of SM-SRs"},
	[CTR_DATA_OCTETS] = {"data:octets", "Octets of packages sealed"},
	[CTR_CALLBACKS] = {"out:taken", "Messages to operators taken"},
	[CTR_CALLBACK_ERRORS] = {"out:errors", "Attempts to reach an operator that failed"},
	[CTR_CALLBACKS_GIVEN_UP] = {"out:given_up", "Messages to operators given up"},
	[CTR_TURNS] = {"turn:commits", "Turns"},
	[CTR_CERT_WARNINGS] = {"cert:warnings", "Certificates found near their end"},
	[CTR_RESTORES] = {"store:restores", "Starts from a restored database"},
};

static const struct rate_ctr_group_desc ctr_group_desc = {
	"smdp", "SM-DP", OSMO_STATS_CLASS_GLOBAL, ARRAY_SIZE(ctr_desc), ctr_desc,
};

/* libosmocore keeps a list of all groups and takes a freed one out only here. */
static int smdp_destructor(struct smdp *s)
{
	rate_ctr_group_free(s->ctrs);
	return 0;
}

struct smdp *smdp_alloc(const void *ctx)
{
	struct smdp *s = talloc_zero(ctx, struct smdp);

	OSMO_ASSERT(s);
	s->ctrs = rate_ctr_group_alloc(s, &ctr_group_desc, 0);
	OSMO_ASSERT(s->ctrs);
	INIT_LLIST_HEAD(&s->parked);
	INIT_LLIST_HEAD(&s->running);
	talloc_set_destructor(s, smdp_destructor);
	return s;
}

void smdp_count(struct smdp *s, enum smdp_ctr ctr)
{
	rate_ctr_inc(rate_ctr_group_get_ctr(s->ctrs, ctr));
}

void smdp_count_n(struct smdp *s, enum smdp_ctr ctr, int n)
{
	rate_ctr_add(rate_ctr_group_get_ctr(s->ctrs, ctr), n);
}

/* ---- start ---- */

int smdp_ev_start(void *smdp, void *unused)
{
	struct smdp *s = smdp;
	int rc = dp_restore_check(s);

	s->retire_ms = clock_now_ms();
	if (rc == 0)
		rc = es3_db_recover(s->db, clock_now_ms());
	return rc < 0 ? rc : outbox_db_recover(s->db, clock_now_ms());
}

/* ---- due ---- */

struct isolated {
	struct smdp *s;
	int64_t id;
};

static int order_due(void *arg)
{
	const struct order_input in = {.event = ORDER_EV_DEADLINE};
	const struct isolated *i = arg;

	return order_event(i->s, i->id, &in);
}

static int abandon(void *arg)
{
	const struct isolated *i = arg;

	return order_abandon(i->s, i->id);
}

/* One row that nobody can handle (a defect of ours, a damaged row) must not stop the others, nor be due for ever. */
static int order_due_isolated(struct smdp *s, int64_t id)
{
	struct isolated i = {s, id};
	int rc = order_db_set_due(s->db, id, clock_now_ms() + POISON_MS);

	if (rc < 0)
		return rc;
	rc = turn_try(s->turn, order_due, &i);
	if (rc < 0 && !db_broken(s->db))
		rc = turn_try(s->turn, abandon, &i);
	if (rc >= 0 || db_broken(s->db))
		return rc < 0 ? rc : 0;
	LOGP(DPROC, LOGL_ERROR, "order %" PRId64 ": error %d, put aside for %d s\n", id, -rc, POISON_MS / 1000);
	return 0;
}

static int orders_due(struct smdp *s, bool *more)
{
	int64_t ids[TICK_BATCH];
	size_t n;
	int rc = order_db_due(s->db, clock_now_ms(), ids, ARRAY_SIZE(ids), &n);

	*more = rc == 0 && n == ARRAY_SIZE(ids);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = order_due_isolated(s, ids[i]);
	return rc;
}

static int retire(struct smdp *s)
{
	int64_t before = clock_now_ms() - s->cfg->limits.outcome_keep_days * 24 * 3600 * 1000LL;
	const struct db_retire kinds[] = {
		{order_db_retire, before},	    {call_db_retire, before},  {outbox_db_retire, before},
		{dp_record_db_note_retire, before}, {stock_db_retire, before},
	};

	return db_retire(s->db, kinds, ARRAY_SIZE(kinds), &s->retire_ms);
}

int smdp_ev_tick(void *smdp, void *more)
{
	bool more_orders = false, more_calls = false, more_posts = false;
	struct smdp *s = smdp;
	const struct outbox_host h = dp_out_host(s);
	int rc = orders_due(s, &more_orders);

	if (rc == 0)
		rc = dp_restore_slice(s);
	if (rc == 0)
		rc = es3_pump(s, &more_calls);
	if (rc == 0)
		rc = outbox_pump(&h, &more_posts);
	if (rc == 0)
		rc = retire(s);
	if (rc == 0)
		rc = life_beat(&s->life);
	if (more)
		*(bool *)more = more_orders || more_calls || more_posts;
	return rc;
}

int64_t smdp_next_tick_ms(struct smdp *s)
{
	int (*const nearest[])(struct db * db, int64_t * due_ms) = {order_db_nearest, outbox_db_nearest};
	int64_t best = s->retire_ms, due;

	ticker_nearer(&best, s->life.due_ms);
	ticker_nearer(&best, dp_restore_due_ms(s));
	if (es3_next_ms(s, &due) == 0)
		ticker_nearer(&best, due);
	for (size_t i = 0; i < ARRAY_SIZE(nearest); i++) {
		if (nearest[i](s->db, &due) == 0)
			ticker_nearer(&best, due);
	}
	return best;
}

int smdp_ev_post_done(void *smdp, void *post_done)
{
	struct smdp_post_done d = *(const struct smdp_post_done *)post_done;
	struct smdp *s = smdp;
	const struct outbox_host h = dp_out_host(s);

	if (d.post.ref >= 0)
		return outbox_post_done(&h, &d.post);
	d.post.ref = -d.post.ref;
	return es3_post_done(s, &d);
}
