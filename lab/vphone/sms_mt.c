/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Short messages towards the card: RP-DATA in, AIR_MT out, the card's AIR_MT_ACK back into RP-ACK or RP-ERROR.
 *
 * The MSC repeats CP-DATA when it was slow to see our CP-ACK.  What identifies a repetition is the transaction, as long
 * as it lasts: RP-MR and TI are both used again by the next message at once.  The card answers in order, also what the
 * network no longer waits for; so a transaction whose connection is gone stays in the list until its answer has come.
 */
#include "common/app/log.h"
#include "lab/vphone/air_link.h"
#include "lab/vphone/l3_sms.h"
#include "lab/vphone/phone.h"

#include <osmocom/core/talloc.h>

struct mt {
	struct llist_head list;
	uint8_t ti; /* as received, without TI_FLAG */
	uint8_t mr;
	bool answered; /* by the card; waits for CP-ACK */
	bool stale;    /* its connection is gone */
};

static struct mt *find_running(struct phone *phone, uint8_t ti)
{
	struct mt *mt;

	llist_for_each_entry (mt, &phone->mt, list) {
		if (!mt->stale && mt->ti == ti)
			return mt;
	}
	return NULL;
}

static struct mt *oldest_unanswered(struct phone *phone)
{
	struct mt *mt;

	llist_for_each_entry (mt, &phone->mt, list) {
		if (!mt->answered)
			return mt;
	}
	return NULL;
}

static void mt_free(struct mt *mt)
{
	llist_del(&mt->list);
	talloc_free(mt);
}

static void tx_answer(struct phone *phone, const struct mt *mt, uint8_t cause, struct bytes ud)
{
	uint8_t rp_buf[RP_MAX], cp_buf[CP_MAX];
	struct bytes rp;
	struct wr w;

	wr_init_buf(&w, rp_buf, sizeof(rp_buf));
	rp_answer_enc(&w, mt->mr, cause, ud);
	if (wr_end(&w, &rp) < 0) {
		LOGPH(phone, LOGL_ERROR, "user data of %zu octets does not fit into an RP answer, left out\n", ud.len);
		wr_init_buf(&w, rp_buf, sizeof(rp_buf));
		rp_answer_enc(&w, mt->mr, cause, NO_BYTES);
		OSMO_ASSERT(wr_end(&w, &rp) == 0);
	}
	wr_init_buf(&w, cp_buf, sizeof(cp_buf));
	cp_data_enc(&w, mt->ti | TI_FLAG, rp);
	phone_tx(phone, BSC_SAPI_SMS, &w);
	if (cause)
		phone->fleet->stats.mt_error++;
	else
		phone->fleet->stats.mt_ack++;
	LOGPH(phone, LOGL_INFO, "MT answered with %s %u\n", cause ? "RP-ERROR cause" : "RP-ACK", cause);
}

void sms_mt_rx(struct phone *phone, uint8_t ti, uint8_t mr, struct bytes tpdu)
{
	struct mt *mt = find_running(phone, ti);

	if (mt && !mt->answered) {
		phone->fleet->stats.mt_repeated++;
		LOGPH(phone, LOGL_NOTICE, "MT repeated (TI %u, RP-MR %u)\n", ti, mr);
		return;
	}
	if (mt) /* the next message on the same TI stands for the CP-ACK */
		mt_free(mt);
	mt = talloc_zero(phone, struct mt);
	mt->ti = ti;
	mt->mr = mr;
	llist_add_tail(&mt->list, &phone->mt);
	phone->fleet->stats.mt++;
	if (!phone->on) {
		mt->answered = true;
		tx_answer(phone, mt, RP_CAUSE_PROTOCOL_ERROR, NO_BYTES);
		return;
	}
	LOGPH(phone, LOGL_INFO, "MT of %zu octets to the card (TI %u, RP-MR %u)\n", tpdu.len, ti, mr);
	air_link_tx(phone->fleet->air, AIR_MT, phone->imsi, 0, tpdu);
}

void sms_mt_rx_cp_ack(struct phone *phone, uint8_t ti)
{
	struct mt *mt = find_running(phone, ti);

	if (mt && mt->answered)
		mt_free(mt);
}

void sms_mt_answer(struct phone *phone, uint8_t cause, struct bytes ud)
{
	struct mt *mt = oldest_unanswered(phone);

	if (!mt) {
		LOGPH(phone, LOGL_ERROR, "the card acknowledges a message that it never got\n");
	} else if (mt->stale) {
		LOGPH(phone, LOGL_NOTICE, "answer of the card comes too late\n");
		mt_free(mt);
	} else {
		mt->answered = true;
		tx_answer(phone, mt, cause, ud);
	}
}

void sms_mt_closed(struct phone *phone)
{
	struct mt *mt, *tmp;

	llist_for_each_entry_safe (mt, tmp, &phone->mt, list) {
		if (mt->answered)
			mt_free(mt);
		else
			mt->stale = true;
	}
}

void sms_mt_flush(struct phone *phone)
{
	struct mt *mt, *tmp;

	llist_for_each_entry_safe (mt, tmp, &phone->mt, list) {
		if (!mt->answered)
			mt_free(mt);
	}
}
