/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SCP03t (SGP.02), off-card: sealing of segments and the answers to them.
 *
 * Sealing is the work of a profile download, so one segment costs two cipher calls: one CBC pass that makes IV and
 * ciphertext, one for the CMAC, both in contexts that keep their key (common/crypto/stream.h).  The work buffer is laid
 * out for both:
 *
 *   0        12 .. 14            28 .. 30     32
 *   |        | chaining value    | 86 L       | ciphertext, MAC ...
 *            |        16: IV                  |
 *
 * First the CBC pass from 16 on; then the head of the TLV and, before it, the chaining value are written over the IV.
 */
#include "scp03/scp03t.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp03/session.h"

#define TAG_INIT 0x84
#define TAG_AUTH 0x85
#define TAG_DATA 0x86
#define TAG_KEYS 0x87
#define TAG_ERROR_INIT 0x9f44
#define KEY_ID 0x00

#define AT_IV 16
#define AT_TEXT 32
/* Behind the ciphertext: room for the padding of the CMAC, then for the MAC. */
#define WORK_TAIL 32

static size_t head_len(size_t len)
{
	return len < 0x80 ? 2 : len < 0x100 ? 3 : 4;
}

/* ---- sealing ---- */

void scp03t_put_init(uint8_t kvn, const uint8_t host_challenge[SCP03_CHALLENGE_LEN], struct wr *w)
{
	ber_put_head(w, TAG_INIT, 2 + SCP03_CHALLENGE_LEN);
	wr_u8(w, kvn);
	wr_u8(w, KEY_ID);
	wr_bytes(w, bytes_of(host_challenge, SCP03_CHALLENGE_LEN));
}

int scp03t_put_auth(struct scp03 *s, struct wr *w)
{
	uint8_t buf[3 + SCP03_CRYPTOGRAM_LEN], mac[SCP03_MAC_LEN];
	struct wr a;
	int rc = session_demand(s, SESSION_FRESH);

	if (rc < 0)
		return rc;
	wr_init_buf(&a, buf, sizeof(buf));
	ber_put_head(&a, TAG_AUTH, 1 + SCP03_CRYPTOGRAM_LEN + SCP03_MAC_LEN);
	wr_u8(&a, SCP03_LEVEL);
	wr_bytes(&a, BYTES_ARR(s->host_cryptogram));
	rc = session_auth_mac(s, BYTES_ARR(buf), mac);
	if (rc < 0)
		return session_end_on(s, rc);
	s->state = SESSION_OPEN;
	session_wait(s, TAG_AUTH);
	wr_bytes(w, BYTES_ARR(buf));
	wr_bytes(w, BYTES_ARR(mac));
	return 0;
}

static int streams_open(struct scp03 *s, size_t text_len)
{
	size_t len = AT_TEXT + text_len + WORK_TAIL;
	int rc = 0;

	if (!s->enc_stream)
		rc = cipher_stream_alloc(s, s->s_enc, &s->enc_stream);
	if (rc == 0 && !s->mac_stream)
		rc = cipher_stream_alloc(s, s->s_mac, &s->mac_stream);
	if (rc == 0 && s->work_len < len) {
		s->work = talloc_realloc_size(s, s->work, len);
		OSMO_ASSERT(s->work);
		s->work_len = len;
	}
	return rc;
}

/* From plain segment to ciphertext at AT_TEXT, in one pass. */
static int work_encrypt(struct scp03 *s, struct bytes plain, size_t text_len)
{
	struct wr w;

	session_counter_block(s->counter, false, s->work + AT_IV);
	wr_init_buf(&w, s->work + AT_TEXT, text_len);
	wr_bytes(&w, plain);
	wr_u8(&w, 0x80);
	wr_fill(&w, 0, text_len - plain.len - 1);
	return cipher_stream_cbc(s->enc_stream, s->work + AT_IV, BLOCK + text_len);
}

/* Head and MAC around the ciphertext.  \param[out] tlv  view of the work buffer */
static int work_authenticate(struct scp03 *s, uint8_t tag, size_t text_len, struct bytes *tlv)
{
	size_t len = text_len + SCP03_MAC_LEN, head = head_len(len);
	uint8_t *start = s->work + AT_TEXT - head;
	struct wr w;
	int rc;

	wr_init_buf(&w, start - BLOCK, BLOCK + head);
	wr_bytes(&w, BYTES_ARR(s->chain));
	ber_put_head(&w, tag, len);
	OSMO_ASSERT(!w.failed && w.len == BLOCK + head);
	rc = cipher_stream_cmac(s->mac_stream, start - BLOCK, BLOCK + head + text_len, s->chain);
	if (rc < 0)
		return rc;
	memcpy(s->work + AT_TEXT + text_len, s->chain, SCP03_MAC_LEN);
	*tlv = bytes_of(start, head + len);
	return 0;
}

static int seal(struct scp03 *s, uint8_t tag, struct bytes plain, struct bytes *tlv)
{
	size_t text_len = session_padded_len(plain.len);
	int rc = session_demand(s, SESSION_OPEN);

	if (rc < 0)
		return rc;
	if (plain.len > SCP03T_SEGMENT_LIMIT)
		return -EINVAL;
	rc = streams_open(s, text_len);
	s->counter++;
	if (rc == 0)
		rc = work_encrypt(s, plain, text_len);
	if (rc == 0)
		rc = work_authenticate(s, tag, text_len, tlv);
	if (rc == 0)
		session_wait(s, tag);
	return session_end_on(s, rc);
}

int scp03t_seal(struct scp03 *s, struct bytes segment, struct wr *w)
{
	struct bytes tlv;
	int rc = seal(s, TAG_DATA, segment, &tlv);

	if (rc == 0)
		wr_bytes(w, tlv);
	return rc;
}

int scp03t_seal_keys(struct scp03 *s, const struct scp03t_new_keys *keys, struct wr *w)
{
	uint8_t buf[4 * (2 + BLOCK)];
	struct bytes plain, tlv;
	struct wr p;
	int rc;

	if (session_waits_for(s, TAG_DATA))
		return -EPROTO;
	wr_init_buf(&p, buf, sizeof(buf));
	session_new_keys_enc(keys, &p);
	rc = wr_end(&p, &plain) < 0 ? -EINVAL : seal(s, TAG_KEYS, plain, &tlv);
	if (rc == 0) {
		rc = session_new_keys_set(s, keys);
		if (rc == 0)
			wr_bytes(w, tlv);
		rc = session_end_on(s, rc);
	}
	bytes_wipe(buf, sizeof(buf));
	return rc;
}

/* ---- answers ---- */

const char *scp03t_error_name(uint8_t error)
{
	static const char *const names[] = {
		[SCP03T_OK] = "no error",
		[SCP03T_BAD_STRUCTURE] = "wrong length or structure",
		[SCP03T_BAD_SECURITY] = "security error",
		[SCP03T_NOT_FOUND] = "referenced data not found",
	};

	return error < ARRAY_SIZE(names) ? names[error] : "unknown error";
}

bool scp03t_answer_next(struct rd *r, struct scp03t_answer *a)
{
	struct ber t;
	struct rd e;

	if (!ber_next(r, &t))
		return false;
	if (t.tag >= TAG_INIT && t.tag <= TAG_KEYS) {
		*a = (struct scp03t_answer){.tag = (uint8_t)t.tag, .value = t.value};
		return true;
	}
	rd_init(&e, t.value);
	if (t.tag >= TAG_ERROR_INIT && t.tag <= TAG_ERROR_INIT + TAG_KEYS - TAG_INIT) {
		uint8_t error = rd_u8(&e);

		if (rd_end(&e) == 0 && error != SCP03T_OK) {
			*a = (struct scp03t_answer){.tag = (uint8_t)(t.tag - TAG_ERROR_INIT + TAG_INIT),
						    .error = error};
			return true;
		}
	}
	rd_fail(r);
	return false;
}

/* A bare 86 00 has no R-MAC; 86 08 with an R-MAC alone is an empty answer too [uncertain which a card sends]. */
static int rx_data(struct scp03 *s, const struct scp03_wait *wait, struct bytes value, struct wr *plain)
{
	uint8_t head_buf[8], mac[BLOCK];
	struct bytes cipher, head;
	struct wr h;
	int rc;

	if (value.len == 0)
		return 0;
	if (value.len < SCP03_MAC_LEN)
		return -EINVAL;
	cipher = bytes_sub(value, 0, value.len - SCP03_MAC_LEN);
	wr_init_buf(&h, head_buf, sizeof(head_buf));
	ber_put_head(&h, TAG_DATA, value.len);
	rc = wr_end(&h, &head);
	if (rc == 0)
		rc = session_mac(s, s->s_rmac, wait->chain, head, cipher, mac);
	if (rc == 0 && !bytes_eq_secret(bytes_of(mac, SCP03_MAC_LEN), bytes_sub(value, cipher.len, SCP03_MAC_LEN)))
		rc = -EBADMSG;
	return rc == 0 && cipher.len ? session_decrypt(s, wait->counter, true, cipher, plain) : rc;
}

int scp03t_rx(struct scp03 *s, const struct scp03t_answer *a, struct wr *plain)
{
	struct scp03_wait wait;
	int rc;

	if (s->state == SESSION_ENDED)
		return -EPROTO;
	if (a->error)
		return session_end_on(s, -ECONNABORTED);
	if (a->tag == TAG_INIT)
		return session_end_on(s, scp03_rx_init(s, a->value));
	rc = s->peer_proven ? session_wait_take(s, &wait) : -EPROTO;
	if (rc == 0 && wait.tag != a->tag)
		rc = -EPROTO;
	if (rc == 0)
		rc = a->tag == TAG_DATA ? rx_data(s, &wait, a->value, plain) : (a->value.len ? -EINVAL : 0);
	return session_end_on(s, rc);
}
