/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What smdp(8) asks of a person behind a restore.  They know what operators were told and what cards have, and wait
 * until nothing that came from the SM-DP is in flight any more: then a profile that is on no card is free, and an order
 * whose profile is on none may begin again.  What they do not let begin again they cancel, or leave to its end. */
#include "tests/sim/dp_levers.h"

#include <errno.h>
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "smdp/dp_lever.h"
#include "smdp/order.h"
#include "smdp/stock.h"
#include "tests/sim/devices.h"
#include "tests/sim/dp_daemon.h"
#include "tests/sim/es3_wire.h"
#include "tests/sim/judge_dp.h"
#include "tests/sim/plan.h"

#define BACKUP_EVERY_MS (2 * HOUR_MS)
#define SETTLE_EVERY_MS (20 * MINUTE_MS)
#define BATCH 64

enum decision {
	LEAVE,
	RELEASE,
	CANCEL,
};

/* One thing that is on hold. */
struct by_hand {
	int64_t id;
	const char *iccid;
	const void *ctx;
};

static bool is_on_a_card(struct sim *s, const char *iccid)
{
	for (uint32_t i = 0; iccid && i < s->plan->fleet; i++) {
		const struct device *d = device_at(s, i);

		for (int k = 0; k < d->n_profiles; k++) {
			if (strcmp(d->profiles[k].iccid, iccid) == 0)
				return true;
		}
	}
	return false;
}

/* Nothing is on its way that could still put a profile on a card. */
static bool is_calm(struct sim *s)
{
	return wire_is_quiet(s) && !judge_dp_in_flight(s);
}

static int ev_cancel(void *smdp, void *hand)
{
	const struct by_hand *h = hand;
	const struct order_input in = {.event = ORDER_EV_CANCEL, .text = "by hand"};

	return order_event(smdp, h->id, &in);
}

static int ev_free(void *smdp, void *hand)
{
	struct by_hand *h = hand;
	struct smdp *e = smdp;
	const char *why = "";
	int rc = stock_set_state(e->stock, h->ctx, h->iccid, false, &why);

	return rc == -EBUSY ? 0 : rc;
}

static int ev_ask(void *smdp, void *lever)
{
	return smdp_ev_ask(smdp, lever);
}

static enum decision decide(struct sim *s, int64_t id, const char *iccid)
{
	uint64_t h = sim_fnv(s->plan->seed, &id, sizeof(id)) >> 7;

	if (judge_dp_had_ended(s, id) || is_on_a_card(s, iccid) || h % 3 == 0)
		return h % 2 ? CANCEL : LEAVE;
	return is_calm(s) ? RELEASE : LEAVE;
}

static void settle_order(struct sim *s, int64_t id, const char *iccid)
{
	struct by_hand h = {.id = id};
	struct dp_lever l = {.ctx = s, .by = "VTY", .id = id};

	switch (decide(s, id, iccid)) {
	case LEAVE:
		break;
	case RELEASE:
		judge_dp_released(s, id);
		sim_trace(s, "order row %lld is released", (long long)id);
		dp_daemon_try(s, smdp_ev_release, &l);
		break;
	case CANCEL:
		sim_trace(s, "order row %lld is cancelled", (long long)id);
		dp_daemon_try(s, ev_cancel, &h);
		break;
	}
}

static void settle_orders(struct sim *s)
{
	struct judge_dp_held held[BATCH];
	void *ctx = talloc_new(s);
	size_t n = judge_dp_orders_on_hold(s, ctx, held, ARRAY_SIZE(held));

	for (size_t i = 0; i < n && !s->stop; i++)
		settle_order(s, held[i].id, held[i].iccid);
	talloc_free(ctx);
}

static void free_profiles(struct sim *s)
{
	struct judge_dp_held held[BATCH];
	void *ctx = talloc_new(s);
	size_t n = is_calm(s) ? judge_dp_profiles_on_hold(s, ctx, held, ARRAY_SIZE(held)) : 0;

	if (n)
		judge_dp_freed(s);
	for (size_t i = 0; i < n && !s->stop; i++) {
		struct by_hand h = {.iccid = held[i].iccid, .ctx = ctx};

		if (!is_on_a_card(s, held[i].iccid))
			dp_daemon_try(s, ev_free, &h);
	}
	talloc_free(ctx);
}

static void settle(struct sim *s, void *unused)
{
	struct dp_lever l = {.ctx = talloc_new(s), .by = "VTY"};

	if (dp_daemon_is_up(s))
		dp_daemon_try(s, ev_ask, &l);
	if (dp_daemon_is_up(s))
		settle_orders(s);
	if (dp_daemon_is_up(s))
		free_profiles(s);
	talloc_free((void *)l.ctx);
	if (!faults_are_over(s->faults))
		sim_at(s, s->now_ms + SETTLE_EVERY_MS, settle, NULL);
}

void dp_levers_put_back(struct sim *s)
{
	if (s->res->dp_restores == 1)
		sim_at(s, s->now_ms + SETTLE_EVERY_MS, settle, NULL);
}

static void look_for_backup(struct sim *s, void *unused)
{
	if (faults_are_over(s->faults))
		return;
	sim_at(s, s->now_ms + BACKUP_EVERY_MS, look_for_backup, NULL);
	if (fault(s, F_DP_BACKUP, s->plan->fleet + 1, NULL) && dp_daemon_is_up(s))
		dp_daemon_backup(s);
}

static void start(struct sim *s)
{
	if (s->plan->dp && plan_restores_smdp(s->plan))
		sim_at(s, s->now_ms + BACKUP_EVERY_MS, look_for_backup, NULL);
}

static void calm(struct sim *s)
{
}

/* What is on hold in the end is settled as well: by hand, or by the end of its time. */
static const char *busy(struct sim *s)
{
	if (s->plan->dp && s->res->dp_restores && dp_daemon_is_up(s))
		settle(s, NULL);
	return NULL;
}

const struct actor dp_levers_actor = {"dp levers", start, calm, busy};
