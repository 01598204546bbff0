/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SCP03 over APDUs (GP Amd D): the commands that open a session, protected commands and answers at level 33, and PUT
 * KEY, the one command whose data another key of the set enciphers. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp03/session.h"

#define CLA_GP 0x80
#define CLA_SECURE 0x04
#define CLA_CHANNELS 0x03
#define INS_INIT 0x50
#define INS_AUTH 0x82
#define INS_PUT_KEY 0xd8
#define APDU_MAX 261
#define KEY_TYPE_AES 0x88
#define KCV_LEN 3

/*! A C-APDU taken apart. */
struct parts {
	uint8_t cla, ins, p1, p2;
	struct bytes data;
	bool has_le;
	uint8_t le;
};

static int parts_dec(struct bytes raw, struct parts *p)
{
	struct rd r;

	rd_init(&r, raw);
	p->cla = rd_u8(&r);
	p->ins = rd_u8(&r);
	p->p1 = rd_u8(&r);
	p->p2 = rd_u8(&r);
	p->data = bytes_of(NULL, 0);
	if (rd_left(&r) > 1)
		p->data = rd_bytes(&r, rd_u8(&r));
	p->has_le = rd_left(&r) > 0;
	p->le = p->has_le ? rd_u8(&r) : 0;
	return rd_end(&r);
}

static void put_head(struct wr *w, const struct parts *p, uint8_t cla, size_t lc)
{
	wr_u8(w, cla);
	wr_u8(w, p->ins);
	wr_u8(w, p->p1);
	wr_u8(w, p->p2);
	wr_uint(w, lc, 1);
}

static int finish(struct wr *from, struct wr *to)
{
	struct bytes all;
	int rc = wr_end(from, &all);

	if (rc == 0)
		wr_bytes(to, all);
	return rc;
}

/* ---- off-card ---- */

void scp03_put_init(uint8_t kvn, const uint8_t host_challenge[SCP03_CHALLENGE_LEN], struct wr *w)
{
	put_head(w, &(struct parts){.ins = INS_INIT, .p1 = kvn}, CLA_GP, SCP03_CHALLENGE_LEN);
	wr_bytes(w, bytes_of(host_challenge, SCP03_CHALLENGE_LEN));
	wr_u8(w, 0x00);
}

int scp03_put_auth(struct scp03 *s, struct wr *w)
{
	uint8_t buf[5 + SCP03_CRYPTOGRAM_LEN + SCP03_MAC_LEN], mac[SCP03_MAC_LEN];
	struct wr a;
	int rc = session_demand(s, SESSION_FRESH);

	if (rc < 0)
		return rc;
	wr_init_buf(&a, buf, sizeof(buf));
	put_head(&a, &(struct parts){.ins = INS_AUTH, .p1 = SCP03_LEVEL}, CLA_GP | CLA_SECURE,
		 SCP03_CRYPTOGRAM_LEN + SCP03_MAC_LEN);
	wr_bytes(&a, BYTES_ARR(s->host_cryptogram));
	rc = session_auth_mac(s, bytes_of(buf, a.len), mac);
	if (rc < 0)
		return session_end_on(s, rc);
	wr_bytes(&a, BYTES_ARR(mac));
	s->state = SESSION_OPEN;
	return finish(&a, w);
}

/* Head and ciphered data of a command, MAC last.  The chaining value moves on. */
static int protect(struct scp03 *s, const struct parts *p, struct wr *a)
{
	size_t len = p->data.len ? session_padded_len(p->data.len) : 0;
	uint8_t *out;
	int rc = 0;

	s->counter++;
	put_head(a, p, p->cla | CLA_SECURE, len + SCP03_MAC_LEN);
	out = wr_room(a, len);
	if (!out)
		return -EINVAL;
	if (len)
		rc = session_encrypt(s, s->counter, false, p->data, out);
	if (rc == 0)
		rc = session_mac(s, s->s_mac, s->chain, bytes_of(a->buf, a->len), bytes_of(NULL, 0), s->chain);
	if (rc == 0)
		wr_bytes(a, bytes_of(s->chain, SCP03_MAC_LEN));
	return rc;
}

int scp03_wrap(struct scp03 *s, struct bytes capdu, struct wr *w)
{
	uint8_t buf[APDU_MAX];
	struct parts p;
	struct wr a;
	int rc = session_demand(s, SESSION_OPEN);

	if (rc < 0)
		return rc;
	if (parts_dec(capdu, &p) < 0 || (p.cla & ~CLA_CHANNELS) != CLA_GP || p.data.len > SCP03_DATA_MAX)
		return -EINVAL;
	wr_init_buf(&a, buf, sizeof(buf));
	rc = protect(s, &p, &a);
	if (p.has_le)
		wr_u8(&a, p.le);
	if (rc == 0)
		rc = finish(&a, w);
	if (rc == 0)
		session_wait(s, 0);
	return session_end_on(s, rc);
}

/* Warnings carry a MAC, errors do not. */
static bool sw_protected(uint16_t sw)
{
	return sw == 0x9000 || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

static int answer_open(struct scp03 *s, const struct scp03_wait *wait, struct bytes rapdu, struct wr *data)
{
	uint8_t mac[BLOCK];
	struct bytes cipher;
	int rc;

	if (rapdu.len < SCP03_MAC_LEN + 2)
		return -EBADMSG;
	cipher = bytes_sub(rapdu, 0, rapdu.len - SCP03_MAC_LEN - 2);
	rc = session_mac(s, s->s_rmac, wait->chain, cipher, bytes_sub(rapdu, rapdu.len - 2, 2), mac);
	if (rc < 0)
		return rc;
	if (!bytes_eq_secret(bytes_of(mac, SCP03_MAC_LEN), bytes_sub(rapdu, cipher.len, SCP03_MAC_LEN)))
		return -EBADMSG;
	return cipher.len ? session_decrypt(s, wait->counter, true, cipher, data) : 0;
}

int scp03_unwrap(struct scp03 *s, struct bytes rapdu, struct wr *data, uint16_t *sw)
{
	struct scp03_wait wait;
	uint16_t status;
	struct rd r;
	int rc;

	if (s->state == SESSION_ENDED || !s->peer_proven)
		return -EPROTO;
	rc = session_wait_take(s, &wait);
	if (rc == 0 && (rapdu.len < 2 || wait.tag))
		rc = -EINVAL;
	if (rc < 0)
		return session_end_on(s, rc);
	rd_init(&r, bytes_sub(rapdu, rapdu.len - 2, 2));
	status = rd_u16(&r);
	if (sw_protected(status)) {
		rc = answer_open(s, &wait, rapdu, data);
	} else {
		s->state = SESSION_ENDED;
		rc = rapdu.len == 2 ? 0 : -EINVAL;
	}
	if (rc == 0)
		*sw = status;
	return session_end_on(s, rc);
}

/* ---- card ---- */

int scp03_card_auth(struct scp03 *s, struct bytes capdu)
{
	struct bytes cryptogram, mac;
	struct parts p;
	struct rd r;
	int rc = session_demand(s, SESSION_FRESH);

	if (rc < 0)
		return rc;
	if (parts_dec(capdu, &p) < 0 || p.cla != (CLA_GP | CLA_SECURE) || p.ins != INS_AUTH || p.p1 != SCP03_LEVEL ||
	    p.p2 != 0)
		return session_end_on(s, -EINVAL);
	rd_init(&r, p.data);
	cryptogram = rd_bytes(&r, SCP03_CRYPTOGRAM_LEN);
	mac = rd_bytes(&r, SCP03_MAC_LEN);
	if (rd_end(&r) < 0)
		return session_end_on(s, -EINVAL);
	return session_auth_check(s, bytes_sub(capdu, 0, 5 + SCP03_CRYPTOGRAM_LEN), cryptogram, mac);
}

/* Check the MAC, move the chaining value on.  \param[out] cipher  view */
static int command_check(struct scp03 *s, struct bytes capdu, const struct parts *p, struct bytes *cipher)
{
	uint8_t mac[BLOCK];
	int rc;

	if ((p->cla & ~CLA_CHANNELS) != (CLA_GP | CLA_SECURE) || p->data.len < SCP03_MAC_LEN)
		return -EINVAL;
	*cipher = bytes_sub(p->data, 0, p->data.len - SCP03_MAC_LEN);
	rc = session_mac(s, s->s_mac, s->chain, bytes_sub(capdu, 0, 5), *cipher, mac);
	if (rc == 0 && !bytes_eq_secret(bytes_of(mac, SCP03_MAC_LEN), bytes_sub(p->data, cipher->len, SCP03_MAC_LEN)))
		rc = -EBADMSG;
	if (rc == 0)
		memcpy(s->chain, mac, sizeof(s->chain));
	return rc;
}

int scp03_card_open(struct scp03 *s, struct bytes capdu, struct wr *plain)
{
	uint8_t data[APDU_MAX], buf[APDU_MAX];
	struct bytes cipher;
	struct parts p;
	struct wr d, a;
	int rc = session_demand(s, SESSION_OPEN);

	if (rc < 0)
		return rc;
	rc = parts_dec(capdu, &p);
	if (rc == 0)
		rc = command_check(s, capdu, &p, &cipher);
	s->counter++;
	wr_init_buf(&d, data, sizeof(data));
	if (rc == 0 && cipher.len)
		rc = session_decrypt(s, s->counter, false, cipher, &d);
	if (rc < 0)
		return session_end_on(s, rc);
	wr_init_buf(&a, buf, sizeof(buf));
	put_head(&a, &p, p.cla & (uint8_t)~CLA_SECURE, d.len);
	if (d.len == 0)
		a.len--; /* no Lc without data */
	wr_bytes(&a, bytes_of(data, d.len));
	if (p.has_le)
		wr_u8(&a, p.le);
	bytes_wipe(data, sizeof(data));
	return session_end_on(s, finish(&a, plain));
}

int scp03_card_answer(struct scp03 *s, struct bytes data, uint16_t sw, struct wr *w)
{
	size_t len = data.len ? session_padded_len(data.len) : 0;
	uint8_t buf[APDU_MAX + BLOCK], mac[BLOCK], status[2];
	struct wr a, st;
	uint8_t *out;
	int rc = session_demand(s, SESSION_OPEN);

	wr_init_buf(&st, status, sizeof(status));
	wr_u16(&st, sw);
	if (rc < 0)
		return rc;
	wr_init_buf(&a, buf, sizeof(buf));
	if (sw_protected(sw)) {
		out = wr_room(&a, len);
		if (!out)
			return -EINVAL;
		if (len)
			rc = session_encrypt(s, s->counter, true, data, out);
		if (rc == 0)
			rc = session_mac(s, s->s_rmac, s->chain, bytes_of(buf, len), BYTES_ARR(status), mac);
		wr_bytes(&a, bytes_of(mac, SCP03_MAC_LEN));
	}
	wr_bytes(&a, BYTES_ARR(status));
	return rc == 0 ? finish(&a, w) : session_end_on(s, rc);
}

/* ---- PUT KEY ---- */

int scp03_put_key_enc(struct crypto *c, const struct key *dek, uint8_t kvn, uint8_t kid, const struct key *key,
		      struct wr *w)
{
	uint8_t buf[64], kcv[KCV_LEN], *value;
	size_t len = key_len(key);
	struct wr a;
	int rc;

	if (key_alg(key) != KEY_AES || len > 32 || len % BLOCK)
		return -EINVAL;
	rc = key_kcv(c, key, kcv);
	if (rc < 0)
		return rc;
	wr_init_buf(&a, buf, sizeof(buf));
	put_head(&a, &(struct parts){.ins = INS_PUT_KEY, .p2 = kid}, CLA_GP, 1 + 2 + 1 + len + 1 + KCV_LEN);
	wr_u8(&a, kvn);
	wr_u8(&a, KEY_TYPE_AES);
	/* The length of the key itself stands before its ciphered value, and counts with it. */
	wr_uint(&a, len + 1, 1);
	wr_uint(&a, len, 1);
	value = wr_room(&a, len);
	rc = value ? key_wrap(c, dek, key, value) : -EINVAL;
	wr_u8(&a, KCV_LEN);
	wr_bytes(&a, BYTES_ARR(kcv));
	wr_u8(&a, 0x00);
	return rc == 0 ? finish(&a, w) : rc;
}

int scp03_put_key_rsp_check(struct crypto *c, struct bytes data, uint8_t kvn, const struct key *key)
{
	uint8_t kcv[KCV_LEN], got_kvn;
	struct bytes got;
	struct rd r;
	int rc;

	rd_init(&r, data);
	got_kvn = rd_u8(&r);
	got = rd_bytes(&r, KCV_LEN);
	if (rd_end(&r) < 0)
		return -EINVAL;
	rc = key_kcv(c, key, kcv);
	if (rc < 0)
		return rc;
	return got_kvn == kvn && bytes_eq_secret(got, BYTES_ARR(kcv)) ? 0 : -EBADMSG;
}

int scp03_card_put_key(struct crypto *c, const void *ctx, const struct key *dek, struct bytes data, uint8_t *kvn,
		       struct key **out)
{
	struct bytes field, value, kcv;
	uint8_t want[KCV_LEN], version, type;
	struct key *key = NULL;
	struct rd r;
	int rc;

	rd_init(&r, data);
	version = rd_u8(&r);
	type = rd_u8(&r);
	field = rd_bytes(&r, rd_u8(&r));
	kcv = rd_bytes(&r, rd_u8(&r));
	if (rd_end(&r) < 0)
		return -EINVAL;
	rd_init(&r, field);
	value = rd_bytes(&r, rd_u8(&r));
	if (rd_end(&r) < 0)
		return -EINVAL;
	if (type != KEY_TYPE_AES)
		return -ENOTSUP;
	rc = key_unwrap(c, ctx, dek, KEY_AES, value, &key);
	if (rc == 0)
		rc = key_kcv(c, key, want);
	if (rc == 0 && !bytes_eq_secret(kcv, BYTES_ARR(want)))
		rc = -EBADMSG;
	if (rc < 0) {
		talloc_free(key);
		return rc;
	}
	*kvn = version;
	*out = key;
	return 0;
}
