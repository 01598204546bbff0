/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The stock of the SM-DP and its keys against what is on the cards. */
#include <openssl/evp.h>
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "common/crypto/keystore.h"
#include "lab/euicc/card.h"
#include "tests/sim/devices.h"
#include "tests/sim/dp_daemon.h"
#include "tests/sim/dp_stock.h"
#include "tests/sim/judge_dp_priv.h"

/* ---- stock ---- */

/* Used up; a backup that was put back cannot know that, and holds it. */
static bool is_unavailable(const struct sim *s, int state)
{
	return state == ITEM_USED || (s->res->dp_restores && state == ITEM_HELD);
}

/* Everything that cards ever had must be used up, for an order of that very card. */
static void check_loaded(struct sim *s, uint32_t card, const char *iccid, uint32_t *owner)
{
	struct dp_profile p;
	sqlite3_stmt *q;

	if (!dp_profile_of_iccid(iccid, &p) || p.number >= dp_daemon_stock(s)) {
		sim_violation(s, "card %u has %s, which is not of the stock", card, iccid);
		return;
	}
	if (owner[p.number] && owner[p.number] != card + 1)
		sim_violation(s, "%s is on card %u and was on card %u", iccid, card, owner[p.number] - 1);
	owner[p.number] = card + 1;
	q = judge_dp_ask_text(s,
			      "SELECT i.state, e.eid FROM stock_item i LEFT JOIN operation o ON o.id = i.order_id "
			      "LEFT JOIN euicc e ON e.id = o.euicc_id WHERE i.iccid = ?1",
			      iccid);
	if (!q || !is_unavailable(s, sqlite3_column_int(q, 0)))
		sim_violation(s, "%s is or was on card %u, and the stock has it for unused", iccid, card);
	else if (!s->res->dp_restores && memcmp(sqlite3_column_blob(q, 1), device_at(s, card)->data.eid_bcd, 16) != 0)
		sim_violation(s, "%s is on card %u, it was ordered for another", iccid, card);
	if (q)
		judge_sql_done(q);
}

/* An ISD-P in the EIS, though it may be empty, holds its ICCID; what a backup brought back does from the
 * audit on, and an empty one may be that of a call that came again behind it, long after its order ended. */
static void check_entries(struct sim *s)
{
	sqlite3_stmt *q = judge_ask(s,
				    "SELECT p.iccid FROM profile p JOIN euicc e ON e.id = p.euicc_id "
				    "WHERE p.iccid >= '890199' AND "
				    "(NOT ?1 OR (e.audit_due IS NULL AND p.state >= 2))",
				    1, (int64_t)s->res->restores);

	for (int more = q != NULL; more && !s->stop; more = sqlite3_step(q) == SQLITE_ROW) {
		const char *iccid = (const char *)sqlite3_column_text(q, 0);
		struct dp_profile p;
		sqlite3_stmt *item;

		if (!dp_profile_of_iccid(iccid, &p))
			continue;
		item = judge_dp_ask_text(s, "SELECT state FROM stock_item WHERE iccid = ?1", iccid);
		if (!item || sqlite3_column_int(item, 0) == ITEM_FREE)
			sim_violation(s, "an EIS has an ISD-P for %s, which is free in stock", iccid);
		if (item)
			judge_sql_done(item);
	}
	if (q)
		judge_done(q);
}

void judge_stock(struct sim *s)
{
	uint32_t *owner = talloc_zero_array(s, uint32_t, dp_daemon_stock(s));

	for (uint32_t i = 0; i < s->plan->fleet && !s->stop; i++) {
		const struct device *d = device_at(s, i);

		for (int k = SIM_PROFILES; k < d->n_profiles && !s->stop; k++) {
			if (d->profiles[k].iccid[0])
				check_loaded(s, i, d->profiles[k].iccid, owner);
		}
	}
	talloc_free(owner);
	check_entries(s);
	if (judge_dp_int(s,
			 "SELECT count(*) FROM stock_item i JOIN operation o ON o.id = i.order_id WHERE i.state = ?1 "
			 "AND o.state = 100",
			 ITEM_RESERVED))
		sim_violation(s, "the stock keeps a profile for an order that has ended");
}

/* ---- keys ---- */

/* A card keeps them under its KIc (lab/euicc/isdp_nv.c). */
static void note_keys(struct sim *s, const struct device *d, const struct isdp_nv *nv)
{
	static const uint8_t no_iv[16];

	for (size_t i = 0; i < ARRAY_SIZE(nv->keys); i++) {
		EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
		uint8_t key[16];
		int n = 0;

		OSMO_ASSERT(ctx && EVP_DecryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, d->data.kic, no_iv) == 1 &&
			    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
			    EVP_DecryptUpdate(ctx, key, &n, nv->keys[i], sizeof(key)) == 1 && n == sizeof(key));
		EVP_CIPHER_CTX_free(ctx);
		judge_keys_new(s, BYTES_ARR(key));
	}
}

void judge_dp_card(struct sim *s, uint32_t card)
{
	const struct device *d = device_at(s, card);

	for (int i = 0; s->judge_dp && i < d->card->nv.n_slots; i++) {
		const struct isdp_nv *nv = d->card->nv.profiles[i].es8;
		uint8_t *seen = s->judge_dp->seen_keys[card][i];

		if (!nv || !nv->kvn || memcmp(seen, nv->keys[0], 16) == 0)
			continue;
		memcpy(seen, nv->keys[0], 16);
		s->judge_dp->keys_ms[card][i] = s->now_ms;
		s->judge_dp->lost_keys[card][i] = false;
		note_keys(s, d, nv);
	}
}

static bool is_in_slot(const struct device *d, int slot, const char *iccid)
{
	const struct euicc_profile *p = &d->card->nv.profiles[slot];
	struct dp_profile own;

	return p->state != ISDP_NONE && dp_profile_of_imsi(p->imsi, &own) && strcmp(own.iccid, iccid) == 0;
}

/* Keys have no octets to look at: what they make of the same block is compared. */
static bool is_same_key(struct sim *s, const struct key *a, const struct key *b)
{
	static const uint8_t block[16] = {1};
	uint8_t of_a[16], of_b[16];

	return key_encrypt_block(dp_daemon_crypto(s), a, block, of_a) == 0 &&
	       key_encrypt_block(dp_daemon_crypto(s), b, block, of_b) == 0 && memcmp(of_a, of_b, sizeof(of_a)) == 0;
}

static bool is_same_set(struct sim *s, const struct device *d, int slot, sqlite3_stmt *q)
{
	void *ctx = talloc_new(s);
	struct scp03_keys keys = {0};
	const struct key **of_card[] = {&keys.enc, &keys.mac, &keys.dek};
	int kvn = sqlite3_column_int(q, 2);
	bool good = isdp_keys_load(d->card, ctx, slot, (uint8_t)kvn, &keys) == 0;

	for (int i = 0; good && i < 3; i++) {
		char *place =
			talloc_asprintf(ctx, "isdp|%s|%s|%d|%d", d->data.eid, sqlite3_column_text(q, 1), kvn, i + 1);
		struct bytes blob = bytes_of(sqlite3_column_blob(q, 3 + i), (size_t)sqlite3_column_bytes(q, 3 + i));
		struct key *key;

		good = keystore_unwrap(dp_daemon_keystore(s), dp_daemon_crypto(s), ctx, bytes_str(place), blob, &key) ==
			       0 &&
		       is_same_key(s, key, *of_card[i]);
	}
	talloc_free(ctx);
	return good;
}

static void check_row(struct sim *s, sqlite3_stmt *q)
{
	const char *iccid = (const char *)sqlite3_column_text(q, 1);
	const struct device *d = NULL;
	bool there = false, good = false;

	for (uint32_t i = 0; i < s->plan->fleet; i++) {
		if (memcmp(sqlite3_column_blob(q, 0), device_at(s, i)->data.eid_bcd, 16) == 0)
			d = device_at(s, i);
	}
	/* Once; a second time where the SM-SR forgot the first one. */
	for (int slot = 0; d && slot < d->card->nv.n_slots; slot++) {
		if (!is_in_slot(d, slot, iccid))
			continue;
		there = true;
		good |= is_same_set(s, d, slot, q);
	}
	if (there && !good)
		sim_violation(s, "the SM-DP has other keys for %s than the card", iccid);
}

/* Did the card get the keys of this ISD-P in a time that the SM-DP has forgotten? */
static bool are_lost(struct sim *s, uint32_t card, const uint8_t aid[16])
{
	const struct device *d = device_at(s, card);

	for (int i = 0; i < d->card->nv.n_slots; i++) {
		if (memcmp(d->card->nv.profiles[i].aid, aid, 16) == 0)
			return s->judge_dp->lost_keys[card][i] || judge_dp_is_lost(s, s->judge_dp->keys_ms[card][i]);
	}
	return false;
}

static void check_known(struct sim *s, uint32_t card)
{
	const struct device *d = device_at(s, card);

	for (int i = SIM_PROFILES; i < d->n_profiles; i++) {
		sqlite3_stmt *q;

		if (!(device_now(d)->has >> i & 1) || !d->profiles[i].iccid[0])
			continue;
		/* The SM-SR forgot it, so that it came again, or its deletion was asked for in vain. */
		if (s->res->restores && judge_is_stray(s, card, d->profiles[i].aid))
			continue;
		q = judge_dp_ask_text(s, "SELECT 1 FROM isdp_keys WHERE iccid = ?1", d->profiles[i].iccid);
		if (!q && !are_lost(s, card, d->profiles[i].aid))
			sim_violation(s, "card %u has %s, and the SM-DP has no keys for it", card,
				      d->profiles[i].iccid);
		if (q)
			judge_sql_done(q);
	}
}

void judge_isdp_keys(struct sim *s)
{
	sqlite3_stmt *q =
		judge_dp_ask(s, "SELECT eid, iccid, kvn, enc, mac, dek FROM isdp_keys WHERE ?1", 1, (int64_t)1);

	for (int more = q != NULL; more && !s->stop; more = sqlite3_step(q) == SQLITE_ROW)
		check_row(s, q);
	if (q)
		judge_sql_done(q);
	for (uint32_t i = 0; i < s->plan->fleet && !s->stop; i++)
		check_known(s, i);
}
