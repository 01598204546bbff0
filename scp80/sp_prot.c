/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Algorithms of the secured packet (TS 102 225 §5.1.2, §5.1.3): which key suits KIc and KID, and the checksum itself.
 */
#include "scp80/sp_frame.h"

#include <errno.h>

#include "scp80/crc.h"

#define ALG_IMPLICIT 0
#define ALG_CRC16 1
#define ALG_CRC32 5

/* Low nibble of KIc and KID; what is not here is withdrawn (DES-ECB), reserved or proprietary. */
static const struct {
	uint8_t nibble;
	enum key_alg alg;
	size_t key_len; /* 0: any */
} algs[] = {
	{1, KEY_DES, 8},
	{SP_ALG_AES, KEY_AES, 0},
	{5, KEY_DES, 16},
	{9, KEY_DES, 24},
};

static int key_suits(const struct key *key, uint8_t nibble)
{
	if (nibble == ALG_IMPLICIT)
		return key && key_block_len(key) ? 0 : -EINVAL;
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		if (algs[i].nibble != nibble)
			continue;
		if (!key || key_alg(key) != algs[i].alg)
			return -EINVAL;
		return algs[i].key_len == 0 || algs[i].key_len == key_len(key) ? 0 : -EINVAL;
	}
	return -EOPNOTSUPP;
}

static int cc_init(const struct sp_keys *keys, uint8_t nibble, struct sp_prot *prot)
{
	int rc = key_suits(keys->kid, nibble);

	if (rc < 0)
		return rc;
	prot->check_len = keys->cc_len;
	if (prot->check_len == 8 || (prot->check_len == 4 && key_alg(keys->kid) == KEY_AES))
		return 0;
	return -EINVAL;
}

static int rc_init(uint8_t nibble, struct sp_prot *prot)
{
	if (nibble != ALG_CRC16 && nibble != ALG_CRC32)
		return -EOPNOTSUPP;
	prot->check_len = nibble == ALG_CRC16 ? 2 : 4;
	return 0;
}

int sp_prot_init(const struct sp_keys *keys, enum sp_check check, bool ciphered, uint8_t kic, uint8_t kid,
		 struct sp_prot *prot)
{
	struct sp_prot p = {.check = check};
	int rc = 0;

	if (ciphered) {
		rc = key_suits(keys->kic, kic & 0x0f);
		if (rc < 0)
			return rc;
		p.block = key_block_len(keys->kic);
	}
	switch (check) {
	case SP_CHECK_NONE:
		break;
	case SP_CHECK_RC:
		rc = rc_init(kid & 0x0f, &p);
		break;
	case SP_CHECK_CC:
		rc = cc_init(keys, kid & 0x0f, &p);
		break;
	case SP_CHECK_DS:
		rc = -EOPNOTSUPP;
		break;
	}
	if (rc == 0)
		*prot = p;
	return rc;
}

static int crc_value(const struct bytes *parts, size_t len, uint8_t *out)
{
	uint32_t crc32 = CRC32_INIT;
	uint16_t crc16 = CRC16_INIT;
	struct bytes all;
	struct wr w;

	for (size_t i = 0; i < SP_CHECK_PARTS; i++) {
		if (len == 2)
			crc16 = crc16_add(crc16, parts[i]);
		else
			crc32 = crc32_add(crc32, parts[i]);
	}
	wr_init_buf(&w, out, len);
	wr_uint(&w, len == 2 ? crc16_end(crc16) : crc32_end(crc32), len);
	return wr_end(&w, &all);
}

int sp_check_value(const struct sp_keys *keys, const struct sp_prot *prot, const struct bytes *parts, uint8_t *out)
{
	switch (prot->check) {
	case SP_CHECK_NONE:
		return 0;
	case SP_CHECK_RC:
		return crc_value(parts, prot->check_len, out);
	case SP_CHECK_CC:
		return key_mac(keys->crypto, keys->kid, parts, SP_CHECK_PARTS, out, prot->check_len);
	case SP_CHECK_DS:
		break;
	}
	return -EOPNOTSUPP;
}
