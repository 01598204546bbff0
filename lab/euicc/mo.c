/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages from the card: SEND SHORT MESSAGE, one segment at a time, with the next only after the network's answer.
 * A refused segment is tried again a few times; then the whole message is given up, as a card does after an error in
 * the terminal response. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

static struct mo *head(const struct euicc *card)
{
	return llist_empty(&card->mo) ? NULL : llist_first_entry(&card->mo, struct mo, entry);
}

static bool fault_takes(struct euicc *card, enum euicc_fault fault, uint32_t *left)
{
	if (!fault_on(card, fault))
		return false;
	if (*left > 0 && --*left == 0)
		card->nv.faults &= ~(1u << fault);
	card->dirty = true;
	return true;
}

static bool gets_lost(struct euicc *card, enum mo_kind kind)
{
	switch (kind) {
	case MO_POR:
		return fault_takes(card, EUICC_FAULT_DROP_POR, &card->nv.drop_pors);
	case MO_NOTIFICATION:
		return fault_takes(card, EUICC_FAULT_DROP_NOTIFICATION, &card->nv.drop_notifications);
	}
	OSMO_ASSERT(false);
}

static int tpdu_enc(struct euicc *card, const void *ctx, const struct mo_route *route, struct bytes ud,
		    struct bytes *tpdu)
{
	const struct sms_submit sms = {
		.udhi = true,
		.mr = card->mr++,
		.da = *route->da,
		.pid = route->pid,
		.dcs = route->dcs,
		.ud = ud,
	};
	struct wr w;
	int rc;

	wr_init(&w, ctx);
	rc = sms_submit_enc(&sms, &w);
	return rc ? rc : wr_end(&w, tpdu);
}

static int segments_enc(struct euicc *card, struct mo *mo, const struct mo_route *route, const struct ud_msg *msg)
{
	mo->seg = talloc_array(mo, struct bytes, mo->n_seg);
	OSMO_ASSERT(mo->seg);
	for (unsigned int i = 0; i < mo->n_seg; i++) {
		uint8_t buf[UD_MAX];
		struct bytes ud;
		struct wr w;
		int rc;

		wr_init_buf(&w, buf, sizeof(buf));
		rc = ud_enc(msg, i + 1, &w);
		if (rc == 0)
			rc = wr_end(&w, &ud);
		if (rc == 0)
			rc = tpdu_enc(card, mo, route, ud, &mo->seg[i]);
		if (rc)
			return rc;
	}
	return 0;
}

int mo_send(struct euicc *card, enum mo_kind kind, const struct mo_route *route, struct bytes pkt)
{
	const struct ud_msg msg = {
		.kind = kind == MO_POR ? UD_RESPONSE : UD_COMMAND,
		.pkt = pkt,
		.ref = card->ref++,
	};
	struct mo *mo = talloc_zero(card, struct mo);
	int rc;

	OSMO_ASSERT(mo);
	mo->kind = kind;
	mo->n_seg = ud_segments(pkt.len, false);
	rc = mo->n_seg ? segments_enc(card, mo, route, &msg) : -ENOSPC;
	if (rc) {
		talloc_free(mo);
		return rc;
	}
	mo->lost = gets_lost(card, kind);
	if (kind == MO_POR && fault_on(card, EUICC_FAULT_SLOW))
		mo->not_before_ms = card->fleet->now_ms + card->nv.slow_ms;
	llist_add_tail(&mo->entry, &card->mo);
	mo_kick(card);
	return 0;
}

bool mo_holds(const struct euicc *card, enum mo_kind kind)
{
	const struct mo *mo;

	llist_for_each_entry (mo, &card->mo, entry) {
		if (mo->kind == kind)
			return true;
	}
	return false;
}

void mo_flush(struct euicc *card)
{
	struct mo *mo, *next;

	llist_for_each_entry_safe (mo, next, &card->mo, entry) {
		llist_del(&mo->entry);
		talloc_free(mo);
	}
	card->mo_in_flight = false;
	card->mo_due_ms = EUICC_NEVER;
}

/* The message is out, or given up: for the card both end it. */
static void finish(struct euicc *card, struct mo *mo)
{
	enum mo_kind kind = mo->kind;

	llist_del(&mo->entry);
	talloc_free(mo);
	switch (kind) {
	case MO_POR:
		phone_reset_when_ready(card);
		break;
	case MO_NOTIFICATION:
		notify_sent(card);
		break;
	}
}

static void submit(struct euicc *card, struct mo *mo)
{
	struct euicc_out *out = out_add(card, EUICC_OUT_MO);

	out->pdu = bytes_dup(out, mo->seg[mo->next]);
	card->mo_in_flight = true;
	card->mo_due_ms = card->fleet->now_ms + card->fleet->set.mo_wait_ms;
}

void mo_kick(struct euicc *card)
{
	struct mo *mo;

	while (!card->mo_in_flight && card->phone == PHONE_SERVICE && (mo = head(card))) {
		if (mo->not_before_ms > card->fleet->now_ms) {
			card->mo_due_ms = mo->not_before_ms;
			return;
		}
		card->mo_due_ms = EUICC_NEVER;
		if (!mo->lost) {
			submit(card, mo);
			return;
		}
		out_event(card, "fault: a message gets lost on its way out");
		finish(card, mo);
	}
}

static void segment_sent(struct euicc *card, struct mo *mo)
{
	mo->tries = 0;
	if (++mo->next == mo->n_seg)
		finish(card, mo);
}

static void segment_failed(struct euicc *card, struct mo *mo, const char *why)
{
	if (++mo->tries >= card->fleet->set.mo_tries) {
		out_event(card, "message given up: %s", why);
		finish(card, mo);
		return;
	}
	mo->not_before_ms = card->fleet->now_ms + card->fleet->set.mo_retry_ms;
}

static void answered(struct euicc *card, bool good, const char *why)
{
	struct mo *mo = head(card);

	OSMO_ASSERT(mo);
	card->mo_in_flight = false;
	card->mo_due_ms = EUICC_NEVER;
	if (good)
		segment_sent(card, mo);
	else
		segment_failed(card, mo, why);
	mo_kick(card);
}

void mo_result(struct euicc *card, uint8_t cause)
{
	if (card->mo_in_flight)
		answered(card, cause == 0, "refused by the network");
}

void mo_tick(struct euicc *card)
{
	if (card->mo_due_ms > card->fleet->now_ms)
		return;
	card->mo_due_ms = EUICC_NEVER;
	if (card->mo_in_flight)
		answered(card, false, "no answer from the network");
	else
		mo_kick(card);
}
