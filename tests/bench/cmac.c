/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CMAC (SP 800-38B) as one CBC encryption: the subkey is mixed into the last block first, so that OpenSSL runs over all
 * blocks in one call.  EVP's own CMAC makes one call for each block. */
#include "tests/bench/cmac.h"

#include <string.h>

#include <openssl/evp.h>

#include "tests/bench/bench.h"

#define BLOCK 16
#define CLEAR_LEN 10 /* CPL to TAR */
#define MAC_LEN 8

struct cmac {
	EVP_CIPHER *cbc;
	EVP_CIPHER_CTX *mac, *cipher;
};

static const uint8_t zero[BLOCK];

static EVP_CIPHER_CTX *new_cbc(EVP_CIPHER *cbc)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	bench_check(ctx && EVP_EncryptInit_ex2(ctx, cbc, zero, zero, NULL) && EVP_CIPHER_CTX_set_padding(ctx, 0),
		    "AES-CBC");
	return ctx;
}

struct cmac *cmac_new(void)
{
	struct cmac *c = OPENSSL_zalloc(sizeof(*c));

	c->cbc = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	bench_check(c->cbc, "AES-128-CBC");
	c->mac = new_cbc(c->cbc);
	c->cipher = new_cbc(c->cbc);
	return c;
}

static void cbc(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *in, size_t len, uint8_t *out)
{
	int n;

	bench_check(EVP_EncryptInit_ex2(ctx, NULL, key, zero, NULL) && EVP_EncryptUpdate(ctx, out, &n, in, (int)len),
		    "CBC");
}

/* Multiply by x in GF(2^128). */
static void dbl(uint8_t b[BLOCK])
{
	uint8_t carry = b[0] >> 7;

	for (int i = 0; i < BLOCK - 1; i++)
		b[i] = (uint8_t)(b[i] << 1 | b[i + 1] >> 7);
	b[BLOCK - 1] = (uint8_t)(b[BLOCK - 1] << 1 ^ (carry ? 0x87 : 0));
}

/* 114 octets: the last block is short, so it is padded and takes the second subkey. */
static void mac(struct cmac *c, const uint8_t *key, uint8_t *msg, size_t len, uint8_t out[MAC_LEN])
{
	size_t whole = len / BLOCK * BLOCK;
	uint8_t sub[BLOCK], work[8 * BLOCK];

	cbc(c->mac, key, zero, BLOCK, sub);
	dbl(sub);
	dbl(sub);
	memcpy(work, msg, len);
	memset(work + len, 0, whole + BLOCK - len);
	work[len] = 0x80;
	for (size_t i = 0; i < BLOCK; i++)
		work[whole + i] ^= sub[i];
	cbc(c->mac, NULL, work, whole + BLOCK, work);
	memcpy(out, work + whole, MAC_LEN);
}

void cmac_seal(struct cmac *c, const struct cmac_job *job, uint8_t *packet)
{
	const uint8_t head[CLEAR_LEN] = {0,
					 CMAC_PACKET_LEN - 2,
					 21,
					 0x16,
					 0x39,
					 job->kix[0],
					 job->kix[1],
					 (uint8_t)(job->tar >> 16),
					 (uint8_t)(job->tar >> 8),
					 (uint8_t)job->tar};
	uint8_t clear[CLEAR_LEN + 6 + CMAC_DATA_LEN], secret[6 + MAC_LEN + CMAC_DATA_LEN];

	memcpy(clear, head, CLEAR_LEN);
	for (int i = 0; i < 5; i++)
		clear[CLEAR_LEN + i] = (uint8_t)(job->cntr >> (32 - 8 * i));
	clear[CLEAR_LEN + 5] = 0; /* PCNTR */
	memcpy(clear + CLEAR_LEN + 6, job->data, CMAC_DATA_LEN);
	memcpy(secret, clear + CLEAR_LEN, 6);
	mac(c, job->kid, clear, sizeof(clear), secret + 6);
	memcpy(secret + 6 + MAC_LEN, job->data, CMAC_DATA_LEN);
	memcpy(packet, head, CLEAR_LEN);
	cbc(c->cipher, job->kic, secret, sizeof(secret), packet + CLEAR_LEN);
}
