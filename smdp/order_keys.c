/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key agreement with an ISD-P.  SGP.02 ES8.EstablishISDPKeySet.
 *
 * The ephemeral key lives in memory only.  Before block c left, a restart costs nothing: the challenge comes again with
 * the repeated call, and another ephemeral key does as well.  After it, the card may hold keys that nobody can derive
 * any more, so the ISD-P is deleted and another one is begun. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smdp/identity.h"
#include "smdp/keys_db.h"
#include "smdp/order_steps.h"

#define BLOCK_MAX 1024

/* Block c without a challenge before it: a reset of the card makes it forget.  Uncertain: the sources know no status
 * words of key establishment; this one is what GlobalPlatform gives to a command out of order. */
#define SW_CHALLENGE_LOST 0x6985

/* Where key agreement blocks go: ISD-R.  SGP.02 Annex H. */
static const uint8_t isdr_aid[] = {0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff,
				   0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x01, 0x00};

static int new_ecka(struct smdp *s, const struct order_run *r, struct order_mem **out)
{
	struct order_mem *m = order_mem_get(s, r->o.id);
	struct ecka_setup setup = {
		.params = ecka_params_isdp(),
		.receipt = ECKA_RECEIPT_DEFAULT,
	};
	enum ec_curve curve;
	int rc = ec_curve_by_gp((uint8_t)r->d.ecasd_curve, &curve);

	if (!s->dp) /* an order of an earlier process, that had one */
		return -ENOENT;
	if (rc == 0)
		rc = pubkey_ec_import(m, curve, r->d.ecasd, &m->ecasd);
	setup.cert = s->dp->cert;
	setup.sign_key = s->dp->key;
	setup.params.options = (uint8_t)s->cfg->download.scenario;
	setup.ecasd_key = m->ecasd;
	if (rc == 0)
		rc = ecka_alloc(m, &setup, &m->ecka);
	*out = m;
	return rc;
}

/* What goes wrong here is a defect of ours, not of the card; the order must not hang on it. */
static int no_block(struct smdp *s, struct order_run *r, int rc)
{
	if (db_broken(s->db))
		return rc;
	return step_fail_with(s, r, ES_SC_INTERNAL, "%s",
			      s->dp ? "a block of the key agreement cannot be made"
				    : "no CERT.DP.ECDSA is configured any more");
}

int keys_begin(struct smdp *s, struct order_run *r)
{
	struct order_mem *m;
	struct bytes block;
	struct wr w;
	int rc;

	order_mem_drop(s, r->o.id);
	rc = new_ecka(s, r, &m);
	wr_init(&w, turn_ctx(s->turn));
	ecka_put_install(r->d.aid, &w);
	if (rc == 0)
		rc = ecka_put_cert(m->ecka, &w);
	if (rc == 0)
		rc = wr_end(&w, &block);
	if (rc < 0)
		return no_block(s, r, rc);
	return step_send_data(s, r, ORDER_ST_KE1, BYTES_ARR(isdr_aid), block, true);
}

static int card_refused(struct smdp *s, struct order_run *r, const char *what, int rc, uint16_t sw)
{
	uint8_t octets[] = {(uint8_t)(sw >> 8), (uint8_t)sw};

	if (rc == -EIO)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "%s: the eUICC says %s", what,
				      hex_enc(turn_ctx(s->turn), BYTES_ARR(octets)));
	return step_fail_with(s, r, ES_SC_ISDP_ERROR, "%s: the answer of the eUICC cannot be read", what);
}

int keys_rx_challenge(struct smdp *s, struct order_run *r, struct bytes erd)
{
	struct order_mem *m = order_mem_find(s, r->o.id);
	struct bytes data, challenge, block;
	uint16_t sw;
	struct wr w;
	int rc = card_answer_last(erd, &data, &sw);

	if (rc == 0)
		rc = ecka_rc_dec(data, &challenge);
	if (rc < 0)
		return card_refused(s, r, "certificate", rc, sw);
	wr_init(&w, turn_ctx(s->turn));
	if (!m || !m->ecka) {
		/* The process began anew: only the block is lost. */
		rc = new_ecka(s, r, &m);
		if (rc == 0)
			rc = ecka_put_cert(m->ecka, &w);
		wr_init(&w, turn_ctx(s->turn));
	}
	if (rc == 0)
		rc = ecka_put_agreement(m->ecka, challenge, &w);
	if (rc == 0)
		rc = wr_end(&w, &block);
	if (rc < 0)
		return no_block(s, r, rc);
	return step_send_data(s, r, ORDER_ST_KE2, BYTES_ARR(isdr_aid), block, true);
}

/* ---- the key set ---- */

struct bytes keys_place(const void *ctx, const struct order_run *r, uint8_t kvn, int idx)
{
	return bytes_str(talloc_asprintf(ctx, "isdp|%s|%s|%d|%d", r->eid, r->o.iccid, kvn, idx));
}

static int wrap(struct smdp *s, const struct order_run *r, const struct ecka_keys *keys, struct isdp_keys *row)
{
	void *ctx = turn_ctx(s->turn);
	const struct {
		const struct key *key;
		struct bytes *out;
	} all[] = {{keys->enc, &row->enc}, {keys->mac, &row->mac}, {keys->dek, &row->dek}};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(all); i++)
		rc = keystore_wrap(s->keystore, s->crypto, ctx, all[i].key, keys_place(ctx, r, keys->kvn, (int)i + 1),
				   all[i].out);
	return rc;
}

static int keep(struct smdp *s, const struct order_run *r, const struct ecka_keys *keys)
{
	struct isdp_keys row = {
		.iccid = r->o.iccid,
		.op_id = r->o.id,
		.mno_oid = r->o.requester,
		.aid = r->d.aid,
		.kvn = keys->kvn,
		.created_ms = clock_now_ms(),
	};
	int rc = wrap(s, r, keys, &row);

	memcpy(row.eid, r->o.eid, sizeof(row.eid));
	return rc < 0 ? rc : keys_db_put(s->db, &row);
}

int keys_load(struct smdp *s, const void *ctx, const struct order_run *r, struct ecka_keys *keys, uint32_t *seq)
{
	struct isdp_keys row;
	struct ecka_keys out;
	struct key **handles[] = {&out.enc, &out.mac, &out.dek};
	int rc = keys_db_get(turn_ctx(s->turn), s->db, r->o.eid, r->o.iccid, &row);
	const struct bytes *wrapped[] = {&row.enc, &row.mac, &row.dek};

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(handles); i++)
		rc = keystore_unwrap(s->keystore, s->crypto, ctx, keys_place(turn_ctx(s->turn), r, row.kvn, (int)i + 1),
				     *wrapped[i], handles[i]);
	if (rc < 0)
		return rc;
	out.kvn = row.kvn;
	*keys = out;
	*seq = row.seq;
	return 0;
}

int keys_rx_receipt(struct smdp *s, struct order_run *r, struct bytes erd)
{
	struct order_mem *m = order_mem_find(s, r->o.id);
	struct bytes data;
	uint16_t sw;
	int rc = card_answer_last(erd, &data, &sw);

	if (rc == -EIO && sw == SW_CHALLENGE_LOST)
		return step_again(s, r, "the eUICC was reset and has forgotten its challenge");
	if (rc < 0)
		return card_refused(s, r, "key agreement", rc, sw);
	if (!m || !m->ecka)
		return step_again(s, r, "the ephemeral key was lost with a restart");
	rc = ecka_finish(m->ecka, s->crypto, m, data, &m->keys);
	TALLOC_FREE(m->ecka);
	TALLOC_FREE(m->ecasd);
	if (rc == -EBADMSG)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "key agreement: the receipt is wrong");
	if (rc < 0)
		return card_refused(s, r, "key agreement", -EINVAL, sw);
	rc = keep(s, r, &m->keys);
	if (rc == 0)
		rc = order_note(s, r->o.id, STEP_KEYS, "key set agreed");
	if (rc < 0)
		return rc;
	return s->cfg->download.token_key ? token_begin(s, r) : data_begin(s, r, 1);
}
