/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SCP03t (SGP.02), the card's side, and the new session keys of 87, which both sides read.
 * Values come without their tag and length: the MAC is made over the shortest form of the length. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp03/session.h"

#define TAG_AUTH 0x85
#define TAG_DATA 0x86
#define TAG_KEYS 0x87
#define ERROR_TAG_OFFSET (0x9f44 - 0x84)

/* Plaintext of 87 [uncertain: this is the form of the consumer variant, BF26]. */
#define TAG_NEW_CHAIN 0x80
#define TAG_NEW_ENC 0x81
#define TAG_NEW_MAC 0x82
#define TAG_NEW_RMAC 0x83

int scp03t_card_init_dec(struct bytes value, uint8_t *kvn, struct bytes *host_challenge)
{
	struct bytes challenge;
	uint8_t version;
	struct rd r;

	rd_init(&r, value);
	version = rd_u8(&r);
	(void)rd_u8(&r); /* key identifier: the first of the set, whatever it says */
	challenge = rd_bytes(&r, SCP03_CHALLENGE_LEN);
	if (rd_end(&r) < 0)
		return -EINVAL;
	*kvn = version;
	*host_challenge = challenge;
	return 0;
}

int scp03t_card_auth(struct scp03 *s, struct bytes value)
{
	uint8_t buf[3 + SCP03_CRYPTOGRAM_LEN], level;
	struct bytes cryptogram, mac, head;
	struct rd r;
	struct wr w;
	int rc = session_demand(s, SESSION_FRESH);

	if (rc < 0)
		return rc;
	rd_init(&r, value);
	level = rd_u8(&r);
	cryptogram = rd_bytes(&r, SCP03_CRYPTOGRAM_LEN);
	mac = rd_bytes(&r, SCP03_MAC_LEN);
	if (rd_end(&r) < 0 || level != SCP03_LEVEL)
		return session_end_on(s, -EINVAL);
	wr_init_buf(&w, buf, sizeof(buf));
	ber_put_head(&w, TAG_AUTH, value.len);
	wr_u8(&w, level);
	wr_bytes(&w, cryptogram);
	rc = wr_end(&w, &head);
	return rc < 0 ? session_end_on(s, rc) : session_auth_check(s, head, cryptogram, mac);
}

static int tlv_mac(struct scp03 *s, const struct key *key, uint8_t tag, size_t len, struct bytes cipher,
		   uint8_t mac[BLOCK])
{
	uint8_t buf[8];
	struct bytes head;
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	ber_put_head(&w, tag, len);
	rc = wr_end(&w, &head);
	return rc < 0 ? rc : session_mac(s, key, s->chain, head, cipher, mac);
}

static int open_tlv(struct scp03 *s, uint8_t tag, struct bytes value, struct wr *plain)
{
	struct bytes cipher;
	uint8_t mac[BLOCK];
	int rc = session_demand(s, SESSION_OPEN);

	if (rc < 0)
		return rc;
	if (value.len < SCP03_MAC_LEN)
		return session_end_on(s, -EINVAL);
	cipher = bytes_sub(value, 0, value.len - SCP03_MAC_LEN);
	s->counter++;
	rc = tlv_mac(s, s->s_mac, tag, value.len, cipher, mac);
	if (rc == 0 && !bytes_eq_secret(bytes_of(mac, SCP03_MAC_LEN), bytes_sub(value, cipher.len, SCP03_MAC_LEN)))
		rc = -EBADMSG;
	if (rc == 0) {
		memcpy(s->chain, mac, sizeof(s->chain));
		rc = session_decrypt(s, s->counter, false, cipher, plain);
	}
	return session_end_on(s, rc);
}

int scp03t_card_open(struct scp03 *s, struct bytes value, struct wr *plain)
{
	return open_tlv(s, TAG_DATA, value, plain);
}

int scp03t_card_answer(struct scp03 *s, struct bytes plain, struct wr *w)
{
	size_t len = session_padded_len(plain.len);
	uint8_t mac[BLOCK], *out;
	int rc = session_demand(s, SESSION_OPEN);

	if (rc < 0)
		return rc;
	if (plain.len > SCP03T_SEGMENT_LIMIT)
		return -EINVAL;
	if (plain.len == 0) {
		ber_put_head(w, TAG_DATA, 0);
		return 0;
	}
	out = talloc_size(s, len);
	OSMO_ASSERT(out);
	rc = session_encrypt(s, s->counter, true, plain, out);
	if (rc == 0)
		rc = tlv_mac(s, s->s_rmac, TAG_DATA, len + SCP03_MAC_LEN, bytes_of(out, len), mac);
	if (rc == 0) {
		ber_put_head(w, TAG_DATA, len + SCP03_MAC_LEN);
		wr_bytes(w, bytes_of(out, len));
		wr_bytes(w, bytes_of(mac, SCP03_MAC_LEN));
	}
	talloc_free(out);
	return session_end_on(s, rc);
}

void scp03t_card_error(uint8_t tag, enum scp03t_error error, struct wr *w)
{
	ber_put_u8(w, ERROR_TAG_OFFSET + tag, (uint8_t)error);
}

/* ---- 87 ---- */

void session_new_keys_enc(const struct scp03t_new_keys *keys, struct wr *w)
{
	if (keys->chain.len != BLOCK || keys->enc.len != KEY_LEN || keys->mac.len != KEY_LEN ||
	    (keys->rmac.len && keys->rmac.len != KEY_LEN))
		w->failed = true;
	ber_put(w, TAG_NEW_CHAIN, keys->chain);
	ber_put(w, TAG_NEW_ENC, keys->enc);
	ber_put(w, TAG_NEW_MAC, keys->mac);
	if (keys->rmac.len)
		ber_put(w, TAG_NEW_RMAC, keys->rmac);
}

static int key_replace(struct scp03 *s, struct bytes value, struct key **key)
{
	struct key *fresh;
	int rc = key_import(s, KEY_AES, value, &fresh);

	if (rc < 0)
		return rc;
	talloc_free(*key);
	*key = fresh;
	return 0;
}

/* The counter starts again and the chaining value is the one supplied [uncertain]. */
int session_new_keys_set(struct scp03 *s, const struct scp03t_new_keys *keys)
{
	int rc = keys->chain.len == BLOCK ? 0 : -EINVAL;

	if (rc == 0)
		rc = key_replace(s, keys->enc, &s->s_enc);
	if (rc == 0)
		rc = key_replace(s, keys->mac, &s->s_mac);
	if (rc == 0 && keys->rmac.len)
		rc = key_replace(s, keys->rmac, &s->s_rmac);
	if (rc < 0)
		return rc;
	memcpy(s->chain, keys->chain.data, sizeof(s->chain));
	s->counter = 0;
	TALLOC_FREE(s->enc_stream);
	TALLOC_FREE(s->mac_stream);
	return 0;
}

static int new_keys_dec(struct bytes plain, struct scp03t_new_keys *keys)
{
	struct rd r;

	*keys = (struct scp03t_new_keys){};
	rd_init(&r, plain);
	keys->chain = ber_expect(&r, TAG_NEW_CHAIN);
	keys->enc = ber_expect(&r, TAG_NEW_ENC);
	keys->mac = ber_expect(&r, TAG_NEW_MAC);
	if (rd_left(&r))
		keys->rmac = ber_expect(&r, TAG_NEW_RMAC);
	return rd_end(&r);
}

int scp03t_card_keys(struct scp03 *s, struct bytes value)
{
	uint8_t buf[128];
	struct scp03t_new_keys keys;
	struct bytes plain;
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	rc = open_tlv(s, TAG_KEYS, value, &w);
	if (rc == 0)
		rc = wr_end(&w, &plain);
	if (rc == 0)
		rc = new_keys_dec(plain, &keys);
	if (rc == 0)
		rc = session_new_keys_set(s, &keys);
	bytes_wipe(buf, sizeof(buf));
	return session_end_on(s, rc);
}
