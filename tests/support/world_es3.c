/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An SM-DP's end: its requests, and what has become of the ISD-P it wanted. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smsr/eis_db.h"
#include "tests/support/world.h"

static const struct es_req *base(const char *call_id)
{
	static struct es_req b;

	b = (struct es_req){.call_id = call_id, .validity_s = 3600};
	return &b;
}

static void call(struct world *w, const char *sender, enum es_fn fn, const char *call_id, void *body)
{
	assert_int_equal(world_call(w, sender, fn, call_id, body)->http_status, 202);
}

void world_create_isdp(struct world *w, const char *sender, int64_t memory, const char *call_id)
{
	struct es_create_isdp_req q = {
		.base = *base(call_id),
		.eid = w->card_data.eid,
		.iccid = NEW_ICCID,
		.mno_id = MNO_OPER,
		.required_memory = memory,
		.more_to_do = true,
	};

	call(w, sender, ES3_CREATE_ISDP, call_id, &q);
}

void world_send_data(struct world *w, const char *sender, const char *sd_aid, const char *data, const char *call_id)
{
	void *ctx = talloc_new(w->ctx);
	struct es_send_data_req q = {.base = *base(call_id), .eid = w->card_data.eid};

	assert_int_equal(hex_dec(ctx, sd_aid, &q.sd_aid), 0);
	assert_int_equal(hex_dec(ctx, data, &q.data), 0);
	call(w, sender, ES3_SEND_DATA, call_id, &q);
	talloc_free(ctx);
}

void world_download_completed(struct world *w, const char *sender, const char *msisdn, const char *call_id)
{
	struct es_subscription_address address = {.imsi = "901700000000009", .msisdn = msisdn};
	struct es_pol2_rule rule = {ES_POL2_PROFILE, ES_POL2_DELETE, ES_POL2_NOT_ALLOWED};
	struct es_pol2 pol2 = {&rule, 1};
	struct es_download_completed_req q = {
		.base = *base(call_id),
		.eid = w->card_data.eid,
		.iccid = NEW_ICCID,
		.profile_type = "generic",
		.address = &address,
		.pol2 = &pol2,
	};

	world_call(w, sender, ES3_PROFILE_DOWNLOAD_COMPLETED, call_id, &q);
}

struct es_answer *world_ask_new(struct world *w, const char *sender, enum es_fn fn, const char *call_id)
{
	struct es_profile_req q = {.base = *base(call_id), .eid = w->card_data.eid, .iccid = NEW_ICCID};

	return world_call(w, sender, fn, call_id, &q);
}

void world_audit_es3(struct world *w, const char *sender, const char *call_id)
{
	struct es_audit_eis_req q = {.base = *base(call_id), .eid = w->card_data.eid};

	call(w, sender, ES3_AUDIT_EIS, call_id, &q);
}

struct es_eis *world_get_eis(struct world *w, const char *sender)
{
	struct es_get_eis_req q = {.base = *base("get"), .eid = w->card_data.eid};

	world_call(w, sender, ES3_GET_EIS, "get", &q);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	return ((struct es_eis_rsp *)w->answer->body)->eis;
}

/* ---- looking ---- */

bool world_new_profile(struct world *w, const void *ctx, struct profile *out)
{
	struct profiles p;
	struct euicc e;

	assert_int_equal(eis_db_by_eid(ctx, w->reader, w->card_data.eid_bcd, &e), 0);
	assert_int_equal(eis_db_profiles(ctx, w->reader, e.id, &p), 0);
	for (size_t i = 0; i < p.n; i++) {
		if (strcmp(p.list[i].iccid, NEW_ICCID) == 0) {
			*out = p.list[i];
			return true;
		}
	}
	return false;
}

int world_new_state(struct world *w)
{
	void *ctx = talloc_new(w->ctx);
	struct profile p;
	int state = world_new_profile(w, ctx, &p) ? (int)p.state : -1;

	talloc_free(ctx);
	return state;
}

static bool is_seeded(struct world *w, const uint8_t *aid)
{
	for (int i = 0; i < SEED_N_PROFILES; i++) {
		if (memcmp(aid, w->card_data.profiles[i].aid, AID_MAX) == 0)
			return true;
	}
	return false;
}

int world_new_on_card(struct world *w)
{
	int state = ISDP_NONE;

	for (size_t i = 0; i < euicc_n_profiles(w->card); i++) {
		const struct euicc_profile *p = euicc_profile_at(w->card, i);

		if (p->state == ISDP_NONE || is_seeded(w, p->aid))
			continue;
		assert_int_equal(state, ISDP_NONE); /* one, not two */
		state = (int)p->state;
	}
	return state;
}

char *world_free_aid(struct world *w, unsigned int n)
{
	uint8_t aid[AID_MAX];

	/* An AID belongs to its ICCID: of the AIDs from 0010 to FFFF, that of its number. */
	for (uint32_t tar = ES5_ISDP_TAR_MIN + (uint32_t)(strtoull(NEW_ICCID, NULL, 10) % 65520);; tar++) {
		es5_isdp_aid(tar, aid);
		if (!is_seeded(w, aid) && n-- == 0)
			return hex_enc(w->ctx, BYTES_ARR(aid));
	}
}

int64_t world_memory(struct world *w)
{
	void *ctx = talloc_new(w->ctx);
	struct euicc e;

	assert_int_equal(eis_db_by_eid(ctx, w->reader, w->card_data.eid_bcd, &e), 0);
	talloc_free(ctx);
	return e.remaining_memory;
}
