/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The service centre, the radio, and time. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "scp80/concat.h"
#include "scp80/sms.h"
#include "smsr/cmd.h"
#include "tests/support/world.h"

#define SMSR_NUMBER "12345"
#define REDELIVERY_MS 60000 /* of a message that was not acknowledged */

struct mt {
	struct llist_head entry;
	uint64_t ref; /* 0: nobody wants to know how it went */
	char *dest;
	struct bytes ud;
	bool reached;
};

static void feed(struct world *w)
{
	clock_feed_at(w->now_ms, w->now_ms);
	w->fleet->now_ms = w->now_ms;
}

/* ---- to the card ---- */

void world_mt_take(struct world *w, const struct sms_out *sms)
{
	struct mt *mt = talloc_zero(w->ctx, struct mt);

	mt->ref = sms->ref;
	mt->dest = talloc_strdup(mt, sms->dest);
	mt->ud = bytes_dup(mt, sms->ud);
	llist_add_tail(&mt->entry, &w->mt);
}

static void submit_done(struct world *w, uint64_t ref, int result)
{
	static unsigned int ids;
	struct submit_done d = {.ref = ref, .status = "ESME_ROK", .message_id = w->message_id};

	if (!ref)
		return;
	d.result = result;
	snprintf(w->message_id, sizeof(w->message_id), "%08X", ++ids);
	assert_int_equal(world_event(w, smsr_ev_submit_done, &d), 0);
}

static const char *imsi_of(struct world *w, const char *msisdn)
{
	for (int i = 0; i < SEED_N_PROFILES; i++) {
		if (strcmp(w->card_data.profiles[i].msisdn, msisdn) == 0)
			return w->card_data.profiles[i].imsi;
	}
	return NULL;
}

const char *world_msisdn(struct world *w, enum seed_profile_id profile)
{
	return w->card_data.profiles[profile].msisdn;
}

static const char *msisdn_of(struct world *w, const char *imsi)
{
	for (int i = 0; i < SEED_N_PROFILES; i++) {
		if (strcmp(w->card_data.profiles[i].imsi, imsi) == 0)
			return w->card_data.profiles[i].msisdn;
	}
	fail_msg("no such IMSI %s", imsi);
	return NULL;
}

static void to_card(struct world *w, const struct mt *mt)
{
	struct sms_deliver d = {.udhi = true, .pid = SMS_PID_USIM_DOWNLOAD, .dcs = SMS_DCS_CLASS2_8BIT, .ud = mt->ud};
	const char *imsi = imsi_of(w, mt->dest);
	uint8_t buf[200];
	struct bytes tpdu;
	struct wr wr;

	assert_int_equal(sms_addr_set(&d.oa, 0x91, SMSR_NUMBER), 0);
	wr_init_buf(&wr, buf, sizeof(buf));
	assert_int_equal(sms_deliver_enc(&d, &wr), 0);
	assert_int_equal(wr_end(&wr, &tpdu), 0);
	if (!imsi || strcmp(euicc_enabled(w->card)->imsi, imsi) != 0 || !euicc_has_service(w->card))
		return; /* switched off, or not this profile any more */
	feed(w);
	w->mt_count++;
	euicc_rx_mt(w->card, imsi, tpdu);
}

static void smsc_work(struct world *w)
{
	struct mt *mt = llist_first_entry(&w->mt, struct mt, entry);
	bool reaches = w->smsc == SMSC_GOOD || w->smsc == SMSC_DOUBLE || w->smsc == SMSC_UNKNOWN;
	bool twice = w->smsc == SMSC_DOUBLE;

	if (reaches && w->early && !mt->reached) {
		mt->reached = true;
		to_card(w, mt);
		return; /* the service centre's answer comes when the card has said all */
	}
	llist_del(&mt->entry);
	switch (w->smsc) {
	case SMSC_DOWN:
	case SMSC_GOOD:
	case SMSC_MUTE:
	case SMSC_SWALLOW:
	case SMSC_DOUBLE:
		submit_done(w, mt->ref, SUBMIT_TAKEN);
		break;
	case SMSC_REFUSE:
		submit_done(w, mt->ref, SUBMIT_REFUSED);
		break;
	case SMSC_THROTTLE:
		submit_done(w, mt->ref, SUBMIT_RETRY);
		break;
	case SMSC_PAUSE:
		submit_done(w, mt->ref, SUBMIT_PAUSED);
		break;
	case SMSC_UNKNOWN:
		w->smsc = SMSC_DOWN;
		submit_done(w, mt->ref, SUBMIT_UNKNOWN);
		break;
	}
	if (reaches && !mt->reached)
		to_card(w, mt);
	if (twice)
		to_card(w, mt);
	talloc_free(mt);
}

/* The process died: what it had handed over still goes its way, unless it was lost with it. */
void world_air_restart(struct world *w)
{
	struct mt *mt, *mt2;
	struct world_mo *mo;

	llist_for_each_entry_safe (mt, mt2, &w->mt, entry) {
		mt->ref = 0;
		if (!w->kill_loses)
			continue;
		llist_del(&mt->entry);
		talloc_free(mt);
	}
	llist_for_each_entry (mo, &w->mo, entry)
		mo->due_ms = w->now_ms + REDELIVERY_MS;
}

void world_receipt(struct world *w, bool delivered)
{
	struct sms_receipt r = {.smsc = "smsc",
				.token = ++w->next_token,
				.message_id = {w->message_id},
				.state = delivered ? "DELIVRD" : "UNDELIV",
				.error = "",
				.delivered = delivered,
				.final = true};

	assert_int_equal(world_event(w, smsr_ev_receipt, &r), 0);
}

/* ---- from the card ---- */

static struct world_mo *mo_copy(struct world *w, const char *source, bool udhi, struct bytes ud)
{
	struct world_mo *mo = talloc_zero(w->ctx, struct world_mo);

	mo->source = talloc_strdup(mo, source);
	mo->udhi = udhi;
	mo->ud = bytes_dup(mo, ud);
	return mo;
}

void world_inject(struct world *w, const char *source, bool udhi, struct bytes ud)
{
	struct world_mo *mo = mo_copy(w, source, udhi, ud);

	mo->due_ms = w->now_ms;
	llist_add_tail(&mo->entry, &w->mo);
}

void world_replay(struct world *w, const struct world_mo *mo)
{
	world_inject(w, mo->source, mo->udhi, mo->ud);
}

void world_air_ack(struct world *w, uint64_t token)
{
	struct world_mo *mo, *next;

	llist_for_each_entry_safe (mo, next, &w->mo, entry) {
		if (mo->token != token)
			continue;
		llist_del(&mo->entry);
		talloc_free(mo);
	}
}

static void from_card(struct world *w, const char *imsi, struct bytes tpdu)
{
	const char *source = msisdn_of(w, imsi);
	struct world_mo **last;
	struct sms_submit sub;
	struct ud_part part;

	assert_int_equal(sms_submit_dec(tpdu, &sub), 0);
	for (int i = 0; i < (w->double_mo ? 2 : 1); i++)
		world_inject(w, source, sub.udhi, sub.ud);
	if (ud_dec(sub.udhi, sub.ud, &part) < 0 || part.total != 1)
		return;
	last = part.kind == UD_COMMAND ? &w->last_notif : &w->last_por;
	talloc_free(*last);
	*last = mo_copy(w, source, sub.udhi, sub.ud);
}

static struct world_mo *mo_due(struct world *w)
{
	struct world_mo *mo;

	llist_for_each_entry (mo, &w->mo, entry) {
		if (mo->due_ms <= w->now_ms)
			return mo;
	}
	return NULL;
}

static void deliver(struct world *w, struct world_mo *mo)
{
	struct sms_mo ev = {.smsc = "smsc",
			    .token = mo->token = ++w->next_token,
			    .source = mo->source,
			    .udhi = mo->udhi,
			    .ud = mo->ud};

	mo->due_ms = w->now_ms + REDELIVERY_MS;
	assert_int_equal(world_event(w, smsr_ev_mo, &ev), 0);
}

static void card_output(struct world *w, struct euicc_out *o)
{
	switch (o->type) {
	case EUICC_OUT_ATTACH:
		euicc_rx_attached(w->card, o->imsi, strcmp(o->imsi, w->no_coverage) == 0 ? 11 : 0);
		break;
	case EUICC_OUT_MO:
		euicc_rx_mo_result(w->card, o->imsi, 0);
		if (w->drop_mo)
			w->drop_mo--;
		else
			from_card(w, o->imsi, o->pdu);
		break;
	case EUICC_OUT_DETACH:
	case EUICC_OUT_MT_ACK:
	case EUICC_OUT_CONNECT: /* this world has short messages only */
	case EUICC_OUT_SEND:
	case EUICC_OUT_CLOSE:
	case EUICC_OUT_EVENT:
	case EUICC_OUT_TRACE:
		break;
	}
}

static bool card_step(struct world *w)
{
	struct euicc_out *o;

	feed(w);
	if (llist_empty(&w->fleet->outs)) {
		if (euicc_deadline(w->card) > w->now_ms)
			return false;
		euicc_tick(w->card);
		return true;
	}
	o = llist_first_entry(&w->fleet->outs, struct euicc_out, entry);
	llist_del(&o->entry);
	card_output(w, o);
	talloc_free(o);
	return true;
}

/* ---- peers ---- */

static struct world_post *unanswered(struct world *w)
{
	struct world_post *p;

	llist_for_each_entry (p, &w->posts, entry) {
		if (p->ref)
			return p;
	}
	return NULL;
}

static void answer_post(struct world *w, struct world_post *p)
{
	struct post_done d = {
		.ref = p->ref,
		.answered = w->http_status != 0,
		.status = w->http_status,
		.retry_after_s = w->retry_after_s,
		.detail = "no connection",
	};

	p->ref = 0;
	if (d.status < 200 || d.status >= 300) { /* not taken: the peer knows nothing of it */
		llist_del(&p->entry);
		talloc_free(p);
	}
	assert_int_equal(world_event(w, smsr_ev_post_done, &d), 0);
}

/* ---- time ---- */

static bool tick_step(struct world *w)
{
	int64_t next = smsr_next_tick_ms(w->s);
	bool more = false;

	if (!next || next > w->now_ms)
		return false;
	assert_int_equal(world_event(w, smsr_ev_tick, &more), 0);
	return true;
}

bool world_step(struct world *w)
{
	struct world_mo *mo = mo_due(w);
	struct world_post *p = unanswered(w);

	if (w->smsc != SMSC_DOWN)
		smsr_sms_room(w->s);
	if (mo) {
		deliver(w, mo);
		return true;
	}
	if (card_step(w))
		return true;
	if (!llist_empty(&w->mt) && w->smsc != SMSC_MUTE) {
		smsc_work(w);
		return true;
	}
	if (p) {
		answer_post(w, p);
		return true;
	}
	return tick_step(w);
}

void world_run(struct world *w)
{
	unsigned int steps = 0;

	while (world_step(w)) {
		if (++steps > 3000)
			fail_msg("it does not come to rest: a loop that is always busy");
	}
}

static int64_t next_time(struct world *w)
{
	int64_t at[] = {smsr_next_tick_ms(w->s), euicc_deadline(w->card)};
	int64_t next = INT64_MAX;
	struct world_mo *mo;

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		if (at[i] && at[i] < next)
			next = at[i];
	}
	llist_for_each_entry (mo, &w->mo, entry) {
		if (mo->due_ms < next)
			next = mo->due_ms;
	}
	return next;
}

void world_advance(struct world *w, int64_t ms)
{
	int64_t end = w->now_ms + ms;

	world_run(w);
	while (w->now_ms < end) {
		int64_t next = next_time(w);

		assert_true(next > w->now_ms);
		w->now_ms = next < end ? next : end;
		world_run(w);
	}
}

void world_until(struct world *w, const char *text)
{
	int64_t end = w->now_ms + 24 * HOUR_MS;

	while (!world_told(w, text)) {
		if (world_step(w))
			continue;
		if (w->now_ms >= end)
			fail_msg("nobody says \"%s\"", text);
		w->now_ms = next_time(w);
	}
}
