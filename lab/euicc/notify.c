/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The default notification (SGP.02): sent once there is service, repeated with the same sequence number until the SM-SR
 * confirms it with 3A08.  After the last repetition an unconfirmed change is rolled back; every other notification is
 * repeated for as long as it takes.
 *
 * It is a command packet (IEI 70) from the card, its payload in clear so that the SM-SR finds the keys by the EID. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <string.h>

void notify_new(struct euicc *card, enum euicc_notify_type type)
{
	card->nv.notify_type = (uint8_t)type;
	card->nv.notify_seq = ++card->nv.last_seq;
	card->nv.notify_tries = 0;
	card->notify_due_ms = EUICC_NEVER;
	card->dirty = true;
}

struct bytes notify_enc(const struct euicc *card, const void *ctx)
{
	const struct euicc_profile *p = &card->nv.profiles[profile_enabled(card)];
	struct bytes body, whole;
	struct wr w, outer;
	uint8_t buf[128];
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	ber_put(&w, 0x4c, BYTES_ARR(card->eid));
	ber_put_u8(&w, 0x4d, card->nv.notify_type);
	ber_put_head(&w, 0x4e, 2);
	wr_u16(&w, card->nv.notify_seq);
	ber_put(&w, card->fleet->set.notify_aid_tag, BYTES_ARR(p->aid));
	ber_put(&w, 0x14, BYTES_ARR(card->imei));
	rc = wr_end(&w, &body);
	OSMO_ASSERT(rc == 0);
	wr_init(&outer, ctx);
	ber_put(&outer, 0xe1, body);
	rc = wr_end(&outer, &whole);
	OSMO_ASSERT(rc == 0);
	return whole;
}

static int seal(struct euicc *card, const void *ctx, struct bytes *pkt)
{
	struct sp_keys keys;
	struct wr w;
	int rc;

	rc = card_keys(card, &keys);
	if (rc)
		return rc;
	wr_init(&w, ctx);
	rc = sp_notif_seal(&keys, card->fleet->set.kvn, TAR_ISDR, notify_enc(card, ctx), &w);
	return rc ? rc : wr_end(&w, pkt);
}

void notify_by_sms(struct euicc *card)
{
	const struct sms_addr *da = card->nv.smsr.digits[0] ? &card->nv.smsr : &card->fleet->set.smsr;
	const struct mo_route route = {.da = da, .pid = SMS_PID_USIM_DOWNLOAD, .dcs = UNC_NOTIFY_DCS};
	struct bytes pkt;
	void *ctx;
	int rc;

	if (card->nv.notify_type == EUICC_NOTIFY_NONE || card->phone != PHONE_SERVICE)
		return;
	ctx = talloc_new(card);
	rc = seal(card, ctx, &pkt);
	if (rc == 0) {
		card->notify_queued = true;
		card->notify_due_ms = EUICC_NEVER;
		out_event(card, "notification %02u, number %u, to %s", card->nv.notify_type, card->nv.notify_seq,
			  da->digits);
		rc = mo_send(card, MO_NOTIFICATION, &route, pkt);
	}
	if (rc) {
		card->notify_queued = false;
		out_event(card, "notification cannot be built (%d)", rc);
	}
	talloc_free(ctx);
}

void notify_kick(struct euicc *card)
{
	int rc;

	if (card->nv.notify_type == EUICC_NOTIFY_NONE || card->notify_queued || card->phone != PHONE_SERVICE)
		return;
	if (!card->fleet->set.notify_https) {
		notify_by_sms(card);
		return;
	}
	rc = agent_notify(card);
	if (rc == 0) {
		card->notify_queued = true;
		card->notify_due_ms = EUICC_NEVER;
	} else if (rc == -ENOENT) {
		notify_by_sms(card);
	}
	/* else: the end of the session that is open kicks again */
}

void notify_sent(struct euicc *card)
{
	card->notify_queued = false;
	if (card->nv.notify_type == EUICC_NOTIFY_NONE)
		return;
	if (card->nv.notify_tries < UINT8_MAX)
		card->nv.notify_tries++;
	card->notify_due_ms = card->fleet->now_ms + card->fleet->set.notify_wait_ms;
	card->dirty = true;
}

void notify_tick(struct euicc *card)
{
	if (card->notify_due_ms > card->fleet->now_ms)
		return;
	card->notify_due_ms = EUICC_NEVER;
	if (card->nv.notify_tries >= card->fleet->set.notify_tries && profile_can_roll_back(card))
		profile_roll_back(card, "notification not confirmed");
	else
		notify_kick(card);
}

int notify_confirm(struct euicc *card, uint16_t seq)
{
	if (card->nv.notify_type == EUICC_NOTIFY_NONE || card->nv.notify_seq != seq)
		return -ENOENT;
	card->nv.notify_type = EUICC_NOTIFY_NONE;
	card->notify_due_ms = EUICC_NEVER;
	card->nv.previous = -1;
	card->dirty = true;
	return 0;
}
