/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an ISD-P keeps without power beside its state: key set, sequence counter, token key, and marks of the package.
 *
 *   A8 { 80 key version   81 counter (3)   82 ENC, MAC, DEK (48)   83 token key (16) | empty   84 digest of K and OPc |
 *        empty   85 SHA-256 and length (4) of the package | empty   86 connectivity parameters }  | empty
 *
 * Keys lie there under the card's own KIc, so that a state file alone tells none. */
#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <string.h>

#include "lab/euicc/card.h"

#define AES_LEN 16

struct isdp_nv *isdp_nv_of(struct euicc *card, int slot)
{
	struct euicc_profile *p = &card->nv.profiles[slot];

	if (!p->es8) {
		p->es8 = talloc_zero(card->nv.profiles, struct isdp_nv);
		OSMO_ASSERT(p->es8);
	}
	return p->es8;
}

static int own_key(struct euicc *card, const struct key **kic)
{
	struct sp_keys keys;
	int rc = card_keys(card, &keys);

	if (rc == 0)
		*kic = card->keys.kic;
	return rc;
}

static int unwrap(struct euicc *card, const void *ctx, const struct key *kic, const uint8_t in[AES_LEN],
		  const struct key **key)
{
	struct key *k;
	int rc = key_unwrap(card->fleet->crypto, ctx, kic, KEY_AES, bytes_of(in, AES_LEN), &k);

	if (rc == 0)
		*key = k;
	return rc;
}

int isdp_keys_load(struct euicc *card, const void *ctx, int slot, uint8_t kvn, struct scp03_keys *keys)
{
	const struct isdp_nv *nv = card->nv.profiles[slot].es8;
	const struct key *kic;
	int rc;

	if (!nv || nv->kvn == 0 || (kvn && kvn != nv->kvn))
		return -ENOENT;
	keys->kvn = nv->kvn;
	rc = own_key(card, &kic);
	if (rc == 0)
		rc = unwrap(card, ctx, kic, nv->keys[0], &keys->enc);
	if (rc == 0)
		rc = unwrap(card, ctx, kic, nv->keys[1], &keys->mac);
	if (rc == 0)
		rc = unwrap(card, ctx, kic, nv->keys[2], &keys->dek);
	return rc;
}

int isdp_keys_store(struct euicc *card, int slot, const struct scp03_keys *keys, uint32_t counter)
{
	const struct key *const from[3] = {keys->enc, keys->mac, keys->dek};
	uint8_t wrapped[3][AES_LEN];
	const struct key *kic;
	struct isdp_nv *nv;
	int rc = own_key(card, &kic);

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(from); i++)
		rc = key_wrap(card->fleet->crypto, kic, from[i], wrapped[i]);
	if (rc)
		return rc;
	nv = isdp_nv_of(card, slot);
	nv->kvn = keys->kvn;
	nv->counter = counter;
	memcpy(nv->keys, wrapped, sizeof(nv->keys));
	card->dirty = true;
	return 0;
}

int isdp_token_store(struct euicc *card, int slot, const struct key *token)
{
	struct isdp_nv *nv = isdp_nv_of(card, slot);
	const struct key *kic;
	int rc;

	if (key_len(token) != AES_LEN)
		return -EINVAL;
	rc = own_key(card, &kic);
	if (rc == 0)
		rc = key_wrap(card->fleet->crypto, kic, token, nv->token);
	if (rc)
		return rc;
	nv->has_token = true;
	card->dirty = true;
	return 0;
}

int isdp_token_load(struct euicc *card, const void *ctx, int slot, struct key **token)
{
	const struct isdp_nv *nv = card->nv.profiles[slot].es8;
	const struct key *kic;
	int rc;

	if (!nv || !nv->has_token)
		return -ENOENT;
	rc = own_key(card, &kic);
	return rc ? rc : key_unwrap(card->fleet->crypto, ctx, kic, KEY_AES, BYTES_ARR(nv->token), token);
}

bool euicc_package(const struct euicc *card, const struct euicc_profile *profile, struct euicc_package *package)
{
	const struct isdp_nv *nv = profile->es8;
	const struct session *s = card->session;

	if (!nv || nv->package_len == 0)
		return false;
	*package = (struct euicc_package){.len = nv->package_len};
	memcpy(package->sha256, nv->package_sha, sizeof(package->sha256));
	if (s && s->received.len && &card->nv.profiles[s->received_slot] == profile)
		package->octets = s->received;
	return true;
}

/* ---- state ---- */

static void put_optional(struct wr *w, uint32_t tag, bool there, struct bytes value)
{
	ber_put(w, tag, there ? value : bytes_of(NULL, 0));
}

void isdp_nv_enc(struct wr *w, const struct isdp_nv *nv)
{
	uint8_t buf[768], mark[36];
	struct wr s, m;

	wr_init_buf(&s, buf, sizeof(buf));
	if (nv) {
		ber_put_u8(&s, 0x80, nv->kvn);
		ber_put_head(&s, 0x81, 3);
		wr_uint(&s, nv->counter, 3);
		ber_put(&s, 0x82, BYTES_ARR(nv->keys));
		put_optional(&s, 0x83, nv->has_token, BYTES_ARR(nv->token));
		put_optional(&s, 0x84, nv->has_aka, BYTES_ARR(nv->aka));
		wr_init_buf(&m, mark, sizeof(mark));
		wr_bytes(&m, BYTES_ARR(nv->package_sha));
		wr_u32(&m, nv->package_len);
		put_optional(&s, 0x85, nv->package_len, BYTES_ARR(mark));
		ber_put(&s, 0x86, nv->params);
	}
	OSMO_ASSERT(!s.failed);
	ber_put(w, 0xa8, bytes_of(buf, s.len));
}

/* An optional value of exactly len octets.  \returns whether it is there */
static bool get_optional(struct rd *r, uint32_t tag, void *to, size_t len)
{
	struct bytes v = ber_expect(r, tag);

	if (v.len && v.len != len)
		rd_fail(r);
	if (v.len == 0 || r->failed)
		return false;
	memcpy(to, v.data, len);
	return true;
}

int isdp_nv_dec(const void *ctx, struct bytes body, struct isdp_nv **out)
{
	uint8_t mark[36] = {0};
	struct isdp_nv nv = {0};
	struct bytes params;
	struct rd r, m;

	*out = NULL;
	if (body.len == 0)
		return 0;
	rd_init(&r, body);
	nv.kvn = (uint8_t)ber_expect_uint(&r, 0x80, 1);
	nv.counter = (uint32_t)ber_expect_uint(&r, 0x81, 3);
	if (!get_optional(&r, 0x82, nv.keys, sizeof(nv.keys)))
		return -EINVAL;
	nv.has_token = get_optional(&r, 0x83, nv.token, sizeof(nv.token));
	nv.has_aka = get_optional(&r, 0x84, nv.aka, sizeof(nv.aka));
	if (get_optional(&r, 0x85, mark, sizeof(mark))) {
		rd_init(&m, BYTES_ARR(mark));
		memcpy(nv.package_sha, rd_bytes(&m, sizeof(nv.package_sha)).data, sizeof(nv.package_sha));
		nv.package_len = rd_u32(&m);
		if (nv.package_len == 0)
			return -EINVAL;
	}
	params = ber_expect(&r, 0x86);
	if (rd_end(&r) || params.len > UNC_ISDP_PARAMS_MAX)
		return -EINVAL;
	*out = talloc_memdup(ctx, &nv, sizeof(nv));
	OSMO_ASSERT(*out);
	if (params.len)
		(*out)->params = bytes_dup(*out, params);
	return 0;
}
