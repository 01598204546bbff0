/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Short messages from the card: AIR_MO in, one connection for each, RP-DATA out, AIR_MO_RESULT back.
 *
 * While service is still being requested a failure is tried again, for nothing has been sent.  Once RP-DATA is out a
 * lost answer is an error for the card: repeating here could deliver the message twice. */
#include "common/app/log.h"
#include "lab/vphone/air_link.h"
#include "lab/vphone/l3_sms.h"
#include "lab/vphone/phone.h"

#include <osmocom/core/talloc.h>

#define ATTEMPTS_MAX 3
#define QUEUE_MAX 64 /* for each card */
#define TI_COUNT 7   /* 7 itself is reserved */

/* +447785016005, the service centre that osmo-msc also names in RP-DATA; it looks at TP-DA only. */
static const uint8_t service_centre[] = {0x91, 0x44, 0x77, 0x58, 0x10, 0x06, 0x50};

struct mo {
	struct llist_head list;
	struct bytes tpdu;
	unsigned int attempts;
};

static struct mo *head(struct phone *phone)
{
	return llist_first_entry_or_null(&phone->mo, struct mo, list);
}

void sms_mo_submit(struct phone *phone, struct bytes tpdu)
{
	struct mo *mo;

	if (tpdu.len > TPDU_MAX || llist_count(&phone->mo) >= QUEUE_MAX || !phone->on) {
		LOGPH(phone, LOGL_ERROR, "MO of %zu octets refused: too long, too many or switched off\n", tpdu.len);
		air_link_tx(phone->fleet->air, AIR_MO_RESULT, phone->imsi, RP_CAUSE_INVALID, NO_BYTES);
		return;
	}
	mo = talloc_zero(phone, struct mo);
	mo->tpdu = bytes_dup(mo, tpdu);
	llist_add_tail(&mo->list, &phone->mo);
	LOGPH(phone, LOGL_INFO, "MO of %zu octets from the card\n", tpdu.len);
	phone_kick(phone);
}

void sms_mo_send(struct phone *phone)
{
	struct mo *mo = head(phone);
	uint8_t rp_buf[RP_MAX], cp_buf[CP_MAX];
	struct bytes rp;
	struct wr w;

	OSMO_ASSERT(mo);
	phone->mo_ti = (phone->mo_ti + 1) % TI_COUNT;
	wr_init_buf(&w, rp_buf, sizeof(rp_buf));
	rp_data_enc(&w, ++phone->mo_mr, BYTES_ARR(service_centre), mo->tpdu);
	OSMO_ASSERT(wr_end(&w, &rp) == 0);
	wr_init_buf(&w, cp_buf, sizeof(cp_buf));
	cp_data_enc(&w, phone->mo_ti, rp);
	phone->fleet->stats.mo++;
	phone_tx(phone, BSC_SAPI_SMS, &w);
}

void sms_mo_finish(struct phone *phone, uint8_t cause)
{
	struct mo *mo = head(phone);

	if (!mo)
		return;
	if (cause) {
		phone->fleet->stats.mo_error++;
		LOGPH(phone, LOGL_NOTICE, "MO failed, RP-ERROR cause %u\n", cause);
	} else {
		phone->fleet->stats.mo_ack++;
		LOGPH(phone, LOGL_INFO, "MO accepted\n");
	}
	llist_del(&mo->list);
	talloc_free(mo);
	air_link_tx(phone->fleet->air, AIR_MO_RESULT, phone->imsi, cause, NO_BYTES);
}

void sms_mo_retry(struct phone *phone)
{
	struct mo *mo = head(phone);

	if (mo && ++mo->attempts >= ATTEMPTS_MAX)
		sms_mo_finish(phone, RP_CAUSE_NET_OUT_OF_ORDER);
}

void sms_mo_flush(struct phone *phone, uint8_t cause)
{
	while (!llist_empty(&phone->mo))
		sms_mo_finish(phone, cause);
}
