/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What SCP03 and SCP03t share: session keys, cryptograms, chaining, ciphering, and the line of commands that wait for
 * their answers (GP Amd D).
 *
 * A whole session may be sealed before the first answer comes, hence every waiting command keeps the counter and the
 * chaining value that protect its answer. */
#include "scp03/session.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define DIVERSIFICATION_LEN 10
#define SCP_ID 0x03
#define SCP_I 0x70 /* pseudo-random challenge, R-MAC and R-ENC */

/* ---- session keys ---- */

int scp03_predict(struct crypto *c, const struct scp03_keys *keys, struct bytes aid, uint32_t counter,
		  uint8_t challenge[SCP03_CHALLENGE_LEN])
{
	uint8_t buf[3 + 16];
	struct bytes context;
	struct wr w;

	if (aid.len < 5 || aid.len > 16 || counter > SCP03_COUNTER_MAX)
		return -EINVAL;
	wr_init_buf(&w, buf, sizeof(buf));
	wr_uint(&w, counter, 3);
	wr_bytes(&w, aid);
	if (wr_end(&w, &context) < 0)
		return -EINVAL;
	return key_derive_data(c, keys->enc, DERIVE_CARD_CHALLENGE, context, challenge, SCP03_CHALLENGE_LEN);
}

static int derive_all(struct scp03 *s, const struct scp03_keys *keys, const uint8_t host[SCP03_CHALLENGE_LEN])
{
	uint8_t buf[2 * SCP03_CHALLENGE_LEN];
	const struct bytes context = BYTES_ARR(buf);
	int rc;

	memcpy(buf, host, SCP03_CHALLENGE_LEN);
	memcpy(buf + SCP03_CHALLENGE_LEN, s->card_challenge, SCP03_CHALLENGE_LEN);
	rc = key_derive(s->c, s, keys->enc, DERIVE_S_ENC, context, &s->s_enc);
	if (rc == 0)
		rc = key_derive(s->c, s, keys->mac, DERIVE_S_MAC, context, &s->s_mac);
	if (rc == 0)
		rc = key_derive(s->c, s, keys->mac, DERIVE_S_RMAC, context, &s->s_rmac);
	if (rc == 0)
		rc = key_derive_data(s->c, s->s_mac, DERIVE_CARD_CRYPTOGRAM, context, s->card_cryptogram,
				     sizeof(s->card_cryptogram));
	if (rc == 0)
		rc = key_derive_data(s->c, s->s_mac, DERIVE_HOST_CRYPTOGRAM, context, s->host_cryptogram,
				     sizeof(s->host_cryptogram));
	return rc;
}

int scp03_open(struct crypto *c, const void *ctx, const struct scp03_keys *keys,
	       const uint8_t host_challenge[SCP03_CHALLENGE_LEN], const uint8_t card_challenge[SCP03_CHALLENGE_LEN],
	       struct scp03 **out)
{
	struct scp03 *s = talloc_zero(ctx, struct scp03);
	int rc;

	OSMO_ASSERT(s);
	s->c = c;
	memcpy(s->card_challenge, card_challenge, sizeof(s->card_challenge));
	rc = derive_all(s, keys, host_challenge);
	if (rc < 0)
		talloc_free(s);
	else
		*out = s;
	return rc;
}

int scp03_init_rsp_dec(struct bytes b, struct scp03_init_rsp *rsp)
{
	struct scp03_init_rsp d;
	uint8_t scp, i;
	struct rd r;

	rd_init(&r, b);
	d.diversification = rd_bytes(&r, DIVERSIFICATION_LEN);
	d.kvn = rd_u8(&r);
	scp = rd_u8(&r);
	i = rd_u8(&r);
	d.challenge = rd_bytes(&r, SCP03_CHALLENGE_LEN);
	d.cryptogram = rd_bytes(&r, SCP03_CRYPTOGRAM_LEN);
	d.counter = (uint32_t)rd_uint(&r, 3);
	if (rd_end(&r) < 0 || scp != SCP_ID || i != SCP_I)
		return -EINVAL;
	*rsp = d;
	return 0;
}

int scp03_rx_init(struct scp03 *s, struct bytes rsp)
{
	struct scp03_init_rsp d;

	if (s->state == SESSION_ENDED || s->peer_proven)
		return -EPROTO;
	if (scp03_init_rsp_dec(rsp, &d) < 0)
		return session_end_on(s, -EINVAL);
	if (!bytes_eq(d.challenge, BYTES_ARR(s->card_challenge)))
		return session_end_on(s, -ESTALE);
	if (!bytes_eq_secret(d.cryptogram, BYTES_ARR(s->card_cryptogram)))
		return session_end_on(s, -EBADMSG);
	s->peer_proven = true;
	return 0;
}

int scp03_card_init(struct crypto *c, const void *ctx, const struct scp03_keys *keys, struct bytes aid,
		    uint32_t counter, struct bytes host_challenge, struct scp03 **out, uint8_t rsp[SCP03_INIT_RSP_LEN])
{
	uint8_t challenge[SCP03_CHALLENGE_LEN];
	struct scp03 *s;
	struct wr w;
	int rc;

	if (host_challenge.len != SCP03_CHALLENGE_LEN)
		return -EINVAL;
	rc = scp03_predict(c, keys, aid, counter, challenge);
	if (rc == 0)
		rc = scp03_open(c, ctx, keys, host_challenge.data, challenge, &s);
	if (rc < 0)
		return rc;
	s->peer_proven = true; /* the other way round here: EXTERNAL AUTHENTICATE proves the peer */
	wr_init_buf(&w, rsp, SCP03_INIT_RSP_LEN);
	wr_fill(&w, 0, DIVERSIFICATION_LEN);
	wr_u8(&w, keys->kvn);
	wr_u8(&w, SCP_ID);
	wr_u8(&w, SCP_I);
	wr_bytes(&w, BYTES_ARR(challenge));
	wr_bytes(&w, BYTES_ARR(s->card_cryptogram));
	wr_uint(&w, counter, 3);
	OSMO_ASSERT(!w.failed);
	*out = s;
	return 0;
}

/* ---- order ---- */

bool scp03_alive(const struct scp03 *s)
{
	return s->state == SESSION_OPEN;
}

int session_end_on(struct scp03 *s, int rc)
{
	if (rc < 0)
		s->state = SESSION_ENDED;
	return rc;
}

int session_demand(const struct scp03 *s, enum session_state state)
{
	return s->state == state ? 0 : -EPROTO;
}

static void ring_grow(struct scp03 *s)
{
	size_t cap = s->wait_cap ? 2 * s->wait_cap : 8;
	struct scp03_wait *ring = talloc_array(s, struct scp03_wait, cap);

	OSMO_ASSERT(ring);
	for (size_t i = 0; i < s->wait_n; i++)
		ring[i] = s->wait[(s->wait_first + i) % s->wait_cap];
	talloc_free(s->wait);
	s->wait = ring;
	s->wait_cap = cap;
	s->wait_first = 0;
}

void session_wait(struct scp03 *s, uint8_t tag)
{
	struct scp03_wait *w;

	if (s->wait_n == s->wait_cap)
		ring_grow(s);
	w = &s->wait[(s->wait_first + s->wait_n++) % s->wait_cap];
	w->tag = tag;
	w->counter = s->counter;
	memcpy(w->chain, s->chain, sizeof(w->chain));
}

int session_wait_take(struct scp03 *s, struct scp03_wait *w)
{
	if (s->wait_n == 0)
		return -EPROTO;
	*w = s->wait[s->wait_first];
	s->wait_first = (s->wait_first + 1) % s->wait_cap;
	s->wait_n--;
	return 0;
}

bool session_waits_for(const struct scp03 *s, uint8_t tag)
{
	for (size_t i = 0; i < s->wait_n; i++) {
		if (s->wait[(s->wait_first + i) % s->wait_cap].tag == tag)
			return true;
	}
	return false;
}

/* ---- MAC and ciphering ---- */

int session_mac(struct scp03 *s, const struct key *key, const uint8_t chain[BLOCK], struct bytes a, struct bytes b,
		uint8_t mac[BLOCK])
{
	const struct bytes parts[] = {bytes_of(chain, BLOCK), a, b};

	return key_mac(s->c, key, parts, ARRAY_SIZE(parts), mac, BLOCK);
}

int session_auth_mac(struct scp03 *s, struct bytes head, uint8_t mac[SCP03_MAC_LEN])
{
	static const uint8_t zero[BLOCK];
	int rc = session_mac(s, s->s_mac, zero, head, bytes_of(NULL, 0), s->chain);

	if (rc == 0)
		memcpy(mac, s->chain, SCP03_MAC_LEN);
	return rc;
}

int session_auth_check(struct scp03 *s, struct bytes head, struct bytes cryptogram, struct bytes mac)
{
	uint8_t want[SCP03_MAC_LEN];
	int rc = session_auth_mac(s, head, want);

	if (rc == 0 && !bytes_eq_secret(mac, BYTES_ARR(want)))
		rc = -EBADMSG;
	if (rc == 0 && !bytes_eq_secret(cryptogram, BYTES_ARR(s->host_cryptogram)))
		rc = -EACCES;
	if (rc == 0)
		s->state = SESSION_OPEN;
	return session_end_on(s, rc);
}

void session_counter_block(uint32_t counter, bool answer, uint8_t block[BLOCK])
{
	struct wr w;

	wr_init_buf(&w, block, BLOCK);
	wr_u8(&w, answer ? 0x80 : 0x00);
	wr_fill(&w, 0, BLOCK - 5);
	wr_u32(&w, counter);
}

static int icv_of(struct scp03 *s, uint32_t counter, bool answer, uint8_t icv[BLOCK])
{
	session_counter_block(counter, answer, icv);
	return key_encrypt_block(s->c, s->s_enc, icv, icv);
}

int session_encrypt(struct scp03 *s, uint32_t counter, bool answer, struct bytes plain, uint8_t *out)
{
	size_t len = session_padded_len(plain.len);
	uint8_t icv[BLOCK];
	struct wr w;
	int rc = icv_of(s, counter, answer, icv);

	if (rc < 0)
		return rc;
	wr_init_buf(&w, out, len);
	wr_bytes(&w, plain);
	wr_u8(&w, 0x80);
	wr_fill(&w, 0, len - plain.len - 1);
	return key_cbc_encrypt(s->c, s->s_enc, icv, bytes_of(out, len), out);
}

/* Length without 80 00 .. 00; -1 when there is no such padding in the last block. */
static ssize_t unpadded_len(const uint8_t *buf, size_t len)
{
	size_t n = len;

	while (n > 0 && len - n < BLOCK && buf[n - 1] == 0x00)
		n--;
	return n > 0 && len - n < BLOCK && buf[n - 1] == 0x80 ? (ssize_t)n - 1 : -1;
}

int session_decrypt(struct scp03 *s, uint32_t counter, bool answer, struct bytes in, struct wr *plain)
{
	size_t before = plain->len;
	uint8_t icv[BLOCK], *out;
	ssize_t n = -1;
	int rc;

	if (in.len == 0 || in.len % BLOCK)
		return -EINVAL;
	out = wr_room(plain, in.len);
	if (!out)
		return -ENOSPC;
	rc = icv_of(s, counter, answer, icv);
	if (rc == 0)
		rc = key_cbc_decrypt(s->c, s->s_enc, icv, in, out);
	if (rc == 0) {
		n = unpadded_len(out, in.len);
		rc = n < 0 ? -EBADMSG : 0;
	}
	if (rc < 0) {
		bytes_wipe(out, in.len);
		plain->len = before;
		return rc;
	}
	plain->len = before + (size_t)n;
	return 0;
}
