/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Token key of an ISD-P: a random key goes to the card by PUT KEY under the new key set (SCP03), and is kept wrapped
 * beside it, for delete tokens.  A setting, off unless asked for [uncertain which cards take it before the package]; a
 * card that refuses it is loaded all the same. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/rnd.h"
#include "smdp/keys_db.h"
#include "smdp/order_steps.h"

#define TOKEN_KVN 0x70
#define TOKEN_KID 1
#define TOKEN_LEN 16
#define TAG_CAPDU 0x22
#define TAG_RAPDU 0x23
#define N_COMMANDS 3
#define FIRST_COUNTER 1

static struct bytes written(const struct wr *w)
{
	return bytes_of(w->buf, w->len);
}

static int put_commands(struct smdp *s, const struct order_run *r, struct order_mem *m, struct bytes *out)
{
	const struct scp03_keys keys = {.kvn = m->keys.kvn, .enc = m->keys.enc, .mac = m->keys.mac, .dek = m->keys.dek};
	uint8_t host[SCP03_CHALLENGE_LEN], card[SCP03_CHALLENGE_LEN];
	struct wr apdus[N_COMMANDS], plain, w;
	int rc = scp03_predict(s->crypto, &keys, r->d.aid, FIRST_COUNTER, card);

	rnd_bytes(host, sizeof(host));
	for (size_t i = 0; i < ARRAY_SIZE(apdus); i++)
		wr_init(&apdus[i], turn_ctx(s->turn));
	wr_init(&plain, turn_ctx(s->turn));
	wr_init(&w, turn_ctx(s->turn));
	TALLOC_FREE(m->session);
	if (rc == 0)
		rc = scp03_open(s->crypto, m, &keys, host, card, &m->session);
	if (rc < 0)
		return rc;
	scp03_put_init(keys.kvn, host, &apdus[0]);
	rc = scp03_put_auth(m->session, &apdus[1]);
	if (rc == 0)
		rc = scp03_put_key_enc(s->crypto, m->keys.dek, TOKEN_KVN, TOKEN_KID, m->token, &plain);
	if (rc == 0)
		rc = scp03_wrap(m->session, written(&plain), &apdus[2]);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(apdus); i++)
		ber_put(&w, TAG_CAPDU, written(&apdus[i]));
	return rc < 0 ? rc : wr_end(&w, out);
}

static int new_token(struct order_mem *m)
{
	uint8_t value[TOKEN_LEN];
	int rc;

	rnd_bytes(value, sizeof(value));
	TALLOC_FREE(m->token);
	rc = key_import(m, KEY_AES, BYTES_ARR(value), &m->token);
	bytes_wipe(value, sizeof(value));
	return rc;
}

static int keep_token(struct smdp *s, const struct order_run *r, const struct key *token)
{
	struct isdp_keys row;
	int rc = keys_db_get(turn_ctx(s->turn), s->db, r->o.eid, r->o.iccid, &row);

	if (rc < 0)
		return rc;
	row.seq = FIRST_COUNTER;
	row.token = (struct bytes){0};
	if (token)
		rc = keystore_wrap(s->keystore, s->crypto, turn_ctx(s->turn), token,
				   keys_place(turn_ctx(s->turn), r, TOKEN_KVN, TOKEN_KID), &row.token);
	return rc < 0 ? rc : keys_db_put(s->db, &row);
}

int token_begin(struct smdp *s, struct order_run *r)
{
	struct order_mem *m = order_mem_get(s, r->o.id);
	struct bytes commands;
	int rc = new_token(m);

	if (rc == 0)
		rc = put_commands(s, r, m, &commands);
	if (rc == 0)
		rc = keep_token(s, r, m->token);
	if (rc < 0)
		return db_broken(s->db)
			       ? rc
			       : step_fail_with(s, r, ES_SC_INTERNAL, "the token key cannot be made (error %d)", -rc);
	return step_send_data(s, r, ORDER_ST_TOKEN, r->d.aid, commands, true);
}

/* Answers to the three commands, in order. */
static int check(struct smdp *s, struct order_mem *m, struct bytes erd)
{
	struct bytes answers[N_COMMANDS];
	struct ber tlv;
	struct rd in;
	struct wr w;
	uint16_t sw;
	size_t n = 0;
	int rc;

	rd_init(&in, card_answer_body(erd));
	while (ber_next(&in, &tlv)) {
		if (tlv.tag == TAG_RAPDU && n < ARRAY_SIZE(answers))
			answers[n++] = tlv.value;
	}
	if (rd_end(&in) < 0 || n != N_COMMANDS || answers[0].len < 2)
		return -EINVAL;
	rc = scp03_rx_init(m->session, bytes_sub(answers[0], 0, answers[0].len - 2));
	wr_init(&w, turn_ctx(s->turn));
	if (rc == 0)
		rc = scp03_unwrap(m->session, answers[2], &w, &sw);
	if (rc == 0 && sw != 0x9000)
		rc = -EIO;
	return rc < 0 ? rc : scp03_put_key_rsp_check(s->crypto, written(&w), TOKEN_KVN, m->token);
}

int token_rx(struct smdp *s, struct order_run *r, struct bytes erd)
{
	struct order_mem *m = order_mem_find(s, r->o.id);
	struct bytes data;
	uint16_t sw;
	int rc = card_answer_last(erd, &data, &sw);

	/* After a restart the session is gone, and the status words have to do. */
	if (rc == 0 && m && m->session && m->token)
		rc = check(s, m, erd);
	if (m)
		TALLOC_FREE(m->token);
	if (rc < 0)
		rc = keep_token(s, r, NULL);
	else
		return data_begin(s, r, FIRST_COUNTER + 1);
	if (rc == 0)
		rc = order_note(s, r->o.id, STEP_KEYS, "the eUICC takes no token key: goes on without");
	return rc < 0 ? rc : data_begin(s, r, FIRST_COUNTER + 1);
}
