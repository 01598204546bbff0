/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What both sides of the key establishment build from the control reference template: its own octets, SharedInfo of the
 * key derivation, and the input of the receipt (GP Amd E scenario 3, as SGP.02 profiles it). */
#include "scp03/ecka_int.h"

#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"

#define TAG_SCENARIO 0x90
#define TAG_USAGE 0x95
#define TAG_ACCESS 0x96
#define TAG_KEY_TYPE 0x80
#define TAG_KEY_LEN 0x81
#define TAG_KEY_ID 0x82
#define TAG_KVN 0x83
#define TAG_COUNTER 0x91
#define TAG_SDIN 0x45
#define TAG_HOST_ID 0x84
#define SCENARIO 0x03
#define KEY_TYPE_AES 0x88
#define FIRST_KEY_ID 0x01
#define NAME_MAX_LEN 127

struct ecka_params ecka_params_isdp(void)
{
	return (struct ecka_params){.options = ECKA_DEFAULT, .usage = ECKA_USAGE_KEYS, .kvn = 0x30};
}

static bool counter_len_ok(size_t len)
{
	return len == 0 || len == 2 || len == 3 || len == 5 || len == 8;
}

static bool params_ok(const struct ecka_params *p)
{
	bool host = p->options & ECKA_HOST_ID;

	return (p->options & ECKA_CERT) && p->options <= 0x0f &&
	       (p->usage == ECKA_USAGE_KEYS || p->usage == ECKA_USAGE_BASE) && p->kvn && p->kvn <= 0x7f &&
	       counter_len_ok(p->counter.len) && p->host_id.len <= NAME_MAX_LEN && p->sin.len <= NAME_MAX_LEN &&
	       p->sdin.len <= NAME_MAX_LEN && (!host || (p->host_id.len && p->sdin.len));
}

int ecka_crt_enc(const struct ecka_params *p, struct wr *w)
{
	const uint8_t scenario[] = {SCENARIO, p->options};
	uint8_t buf[64 + 2 * NAME_MAX_LEN];
	struct bytes body;
	struct wr c;

	if (!params_ok(p))
		return -EINVAL;
	wr_init_buf(&c, buf, sizeof(buf));
	ber_put(&c, TAG_SCENARIO, BYTES_ARR(scenario));
	ber_put_u8(&c, TAG_USAGE, p->usage);
	if (p->key_access)
		ber_put_u8(&c, TAG_ACCESS, 0x00);
	ber_put_u8(&c, TAG_KEY_TYPE, KEY_TYPE_AES);
	ber_put_u8(&c, TAG_KEY_LEN, ECKA_AES_LEN);
	ber_put_u8(&c, TAG_KEY_ID, FIRST_KEY_ID);
	ber_put_u8(&c, TAG_KVN, p->kvn);
	ber_put(&c, TAG_COUNTER, p->counter);
	if (p->options & ECKA_HOST_ID) {
		ber_put(&c, TAG_SDIN, p->sdin);
		ber_put(&c, TAG_HOST_ID, p->host_id);
	}
	if (wr_end(&c, &body) < 0)
		return -EINVAL;
	ber_put(w, ECKA_TAG_CRT, body);
	return 0;
}

/* Values that only one reading allows. */
struct fixed {
	uint8_t scenario, type, len, id;
};

static void take(struct ecka_params *p, struct fixed *f, const struct ber *t, struct rd *r)
{
	struct rd v;

	rd_init(&v, t->value);
	switch (t->tag) {
	case TAG_SCENARIO:
		f->scenario = rd_u8(&v);
		p->options = rd_u8(&v);
		break;
	case TAG_USAGE:
		p->usage = rd_u8(&v);
		break;
	case TAG_ACCESS:
		p->key_access = true;
		(void)rd_u8(&v);
		break;
	case TAG_KEY_TYPE:
		f->type = rd_u8(&v);
		break;
	case TAG_KEY_LEN:
		f->len = rd_u8(&v);
		break;
	case TAG_KEY_ID:
		f->id = rd_u8(&v);
		break;
	case TAG_KVN:
		p->kvn = rd_u8(&v);
		break;
	case TAG_COUNTER:
		p->counter = rd_rest(&v);
		break;
	case TAG_SDIN:
		p->sdin = rd_rest(&v);
		break;
	case TAG_HOST_ID:
		p->host_id = rd_rest(&v);
		break;
	default: /* wire value: unknown tags of later versions are passed over */
		(void)rd_rest(&v);
		break;
	}
	if (rd_end(&v) < 0)
		rd_fail(r);
}

int ecka_crt_dec(struct bytes value, struct ecka_params *p)
{
	struct ecka_params d = {};
	struct fixed f = {};
	struct ber t;
	struct rd r;

	rd_init(&r, value);
	while (ber_next(&r, &t))
		take(&d, &f, &t, &r);
	if (rd_end(&r) < 0 || f.scenario != SCENARIO || f.type != KEY_TYPE_AES || f.len != ECKA_AES_LEN ||
	    f.id != FIRST_KEY_ID || !params_ok(&d))
		return -EINVAL;
	*p = d;
	return 0;
}

static void lv(struct wr *w, struct bytes b)
{
	wr_uint(w, b.len, 1);
	wr_bytes(w, b);
}

/* The order of the optional parts is DR, HostID, SIN, SDIN [likely]. */
static int shared_info(const struct ecka_params *p, struct bytes dr, struct wr *w)
{
	wr_u8(w, p->usage);
	wr_u8(w, KEY_TYPE_AES);
	wr_u8(w, ECKA_AES_LEN);
	if (p->options & ECKA_DR)
		wr_bytes(w, dr);
	if (p->options & ECKA_HOST_ID) {
		lv(w, p->host_id);
		lv(w, p->sin);
		lv(w, p->sdin);
	}
	return w->failed ? -EINVAL : 0;
}

int ecka_derive(const void *ctx, const struct privkey *own, const struct pubkey *peer, const struct ecka_params *p,
		struct bytes dr, struct key **receipt_key, struct ecka_keys *keys)
{
	size_t n = p->usage == ECKA_USAGE_BASE ? 2 : 4;
	uint8_t info[512];
	struct key *made[4];
	struct wr w;
	int rc;

	wr_init_buf(&w, info, sizeof(info));
	rc = shared_info(p, dr, &w);
	if (rc == 0)
		rc = ecdh_derive(ctx, own, peer, bytes_of(info, w.len), made, n);
	if (rc < 0)
		return rc;
	*receipt_key = made[0];
	*keys = (struct ecka_keys){
		.kvn = p->kvn, .enc = made[1], .mac = made[n == 2 ? 1 : 2], .dek = made[n == 2 ? 1 : 3]};
	return 0;
}

void ecka_keys_free(struct ecka_keys *keys)
{
	if (keys->mac != keys->enc) {
		talloc_free(keys->mac);
		talloc_free(keys->dek);
	}
	talloc_free(keys->enc);
	*keys = (struct ecka_keys){};
}

int ecka_receipt_calc(struct crypto *c, const struct key *key, struct bytes crt, const struct ecka_params *p,
		      struct bytes dr, enum ecka_receipt form, uint8_t receipt[ECKA_RECEIPT_LEN])
{
	static const uint8_t dgi_lead[] = {0x00};
	uint8_t buf[2 + 255];
	struct bytes parts[3] = {crt};
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	if (p->options & ECKA_DR)
		ber_put(&w, ECKA_TAG_RANDOM, dr);
	if (w.failed)
		return -EINVAL;
	if (w.len && form == ECKA_RECEIPT_0085)
		parts[1] = BYTES_ARR(dgi_lead);
	parts[2] = bytes_of(buf, w.len);
	return key_mac(c, key, parts, ARRAY_SIZE(parts), receipt, ECKA_RECEIPT_LEN);
}

enum digest ecka_digest(enum ec_curve curve)
{
	return ec_curve_len(curve) > 32 ? DIGEST_SHA384 : DIGEST_SHA256;
}
