/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An ISD-P over SCP03t (SGP.02): the TLVs of a profile download in a script.  Any error ends the session, and with it
 * the package that was under way. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "scp80/script.h"

#define TAG_ERROR_INIT SCRIPT_RSP_SCP03T_INIT

const char *isdp_tlv_name(uint8_t tag)
{
	static const char *const names[] = {"SCP03t INITIALIZE UPDATE", "SCP03t EXTERNAL AUTHENTICATE",
					    "SCP03t segment", "SCP03t session keys"};
	size_t i = (size_t)tag - SCRIPT_SCP03T_INIT;

	return i < ARRAY_SIZE(names) ? names[i] : "SCP03t";
}

static enum scp03t_error take_init(struct euicc *card, struct bytes value, struct wr *out)
{
	uint8_t rsp[SCP03_INIT_RSP_LEN], kvn;
	struct bytes challenge;
	int rc;

	if (scp03t_card_init_dec(value, &kvn, &challenge))
		return SCP03T_BAD_STRUCTURE;
	rc = secure_open(card, card_session(card)->slot, true, kvn, challenge, rsp);
	if (rc)
		return rc == -ENOENT ? SCP03T_NOT_FOUND : SCP03T_BAD_SECURITY;
	wr_bytes(out, BYTES_ARR(rsp));
	return SCP03T_OK;
}

static enum scp03t_error error_of(int rc)
{
	return rc == 0 ? SCP03T_OK : rc == -EINVAL ? SCP03T_BAD_STRUCTURE : SCP03T_BAD_SECURITY;
}

static int respond(struct euicc *card, struct secure *s, const struct euicc_response *response, struct wr *out)
{
	struct wr plain, tlv;
	struct bytes value;
	int rc;

	wr_init(&plain, s);
	wr_init(&tlv, s);
	rc = euicc_response_enc(response, &plain);
	if (rc == 0)
		rc = scp03t_card_answer(s->scp, bytes_of(plain.buf, plain.len), &tlv);
	if (rc == 0)
		rc = ber_find(bytes_of(tlv.buf, tlv.len), SCRIPT_SCP03T_DATA, &value);
	if (rc == 0)
		wr_bytes(out, value);
	talloc_free(plain.buf);
	talloc_free(tlv.buf);
	return rc;
}

static int take_segment(struct euicc *card, struct secure *s, struct bytes segment, struct wr *out)
{
	struct euicc_response response = {};
	int rc;

	if (!s->package) {
		if (card->nv.profiles[s->slot].state != ISDP_PERSONALIZED)
			return -EPROTO;
		s->package = package_alloc(s, card, s->slot);
	}
	rc = package_put(s->package, segment, &response);
	if (rc == 0)
		return 0;
	TALLOC_FREE(s->package);
	return respond(card, s, &response, out);
}

static enum scp03t_error take_data(struct euicc *card, struct secure *s, struct bytes value, struct wr *out)
{
	struct wr segment;
	int rc;

	if (fault_on(card, EUICC_FAULT_SCP03T_MAC) && ++s->segments >= card->nv.scp03t_mac)
		return SCP03T_BAD_SECURITY;
	wr_init(&segment, s);
	rc = scp03t_card_open(s->scp, value, &segment);
	if (rc == 0)
		rc = take_segment(card, s, bytes_of(segment.buf, segment.len), out);
	talloc_free(segment.buf);
	return error_of(rc);
}

static enum scp03t_error take(struct euicc *card, uint8_t tag, struct bytes value, struct wr *out)
{
	struct secure *s = secure_of(card, true);

	if (tag == SCRIPT_SCP03T_INIT)
		return take_init(card, value, out);
	if (!s)
		return SCP03T_BAD_SECURITY;
	if (tag == SCRIPT_SCP03T_AUTH) {
		int rc = scp03t_card_auth(s->scp, value);

		return error_of(rc);
	}
	return tag == SCRIPT_SCP03T_KEYS ? error_of(scp03t_card_keys(s->scp, value)) : take_data(card, s, value, out);
}

bool isdp_tlv(struct euicc *card, const void *ctx, uint8_t tag, struct bytes value, uint32_t *answer_tag,
	      struct bytes *answer)
{
	enum scp03t_error error;
	uint8_t code;
	struct wr w;

	wr_init(&w, ctx);
	error = take(card, tag, value, &w);
	if (error == SCP03T_OK) {
		*answer_tag = tag;
		*answer = bytes_of(w.buf, w.len);
		return true;
	}
	out_event(card, "%s: %s", isdp_tlv_name(tag), scp03t_error_name((uint8_t)error));
	TALLOC_FREE(card_session(card)->secure);
	code = (uint8_t)error;
	*answer_tag = TAG_ERROR_INIT + tag - SCRIPT_SCP03T_INIT;
	*answer = bytes_dup(ctx, bytes_of(&code, 1));
	return false;
}
