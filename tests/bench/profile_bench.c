/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Protection of a profile package (SCP03t) against the two ciphers alone, one after the other: AES-128-CBC and CMAC as
 * "openssl speed" runs them, the same 1024 octets again and again through contexts that keep their key.
 *
 *   profile_bench [--quick]
 *   profile_bench seal OCTETS COUNT    nothing but COUNT packages, for an instruction counter */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/rnd.h"
#include "scp03/scp03t.h"
#include "tests/bench/bench.h"

#define PIECE 1024
#define PACKAGE_MAX (200 * 1024)
#define SEALED_MAX (PACKAGE_MAX + PACKAGE_MAX / 16)
#define KVN 0x30

static const uint8_t aid[] = {0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff,
			      0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x10, 0x00};

struct bench {
	struct crypto *crypto;
	struct scp03_keys keys;
	uint8_t *package; /* PACKAGE_MAX octets */
	uint8_t *sealed;  /* SEALED_MAX octets */
	size_t len;	  /* of sealed, after the last package */
	EVP_CIPHER_CTX *cbc;
	EVP_MAC_CTX *cmac;
};

static struct key *key_new(void *ctx)
{
	uint8_t value[16];
	struct key *key;

	rnd_bytes(value, sizeof(value));
	bench_check(key_import(ctx, KEY_AES, BYTES_ARR(value), &key) == 0, "key");
	return key;
}

static void limit_new(struct bench *b)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)"AES-128-CBC", 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	uint8_t value[16];

	rnd_bytes(value, sizeof(value));
	b->cbc = EVP_CIPHER_CTX_new();
	b->cmac = EVP_MAC_CTX_new(mac);
	bench_check(b->cbc && EVP_EncryptInit_ex2(b->cbc, cipher, value, value, NULL) &&
			    EVP_CIPHER_CTX_set_padding(b->cbc, 0),
		    "AES-CBC");
	bench_check(b->cmac && EVP_MAC_init(b->cmac, value, sizeof(value), params), "CMAC");
}

static struct bench bench_new(void)
{
	void *ctx = talloc_named_const(NULL, 0, "bench");
	struct bench b = {.crypto = crypto_alloc(ctx)};

	bench_check(b.crypto, "crypto");
	b.keys = (struct scp03_keys){.kvn = KVN, .enc = key_new(ctx), .mac = key_new(ctx), .dek = key_new(ctx)};
	b.package = talloc_size(ctx, PACKAGE_MAX);
	b.sealed = talloc_size(ctx, SEALED_MAX);
	rnd_bytes(b.package, PACKAGE_MAX);
	limit_new(&b);
	return b;
}

/* ---- ours ---- */

/* A session, and everything that goes into it: 84, 85 and the 86 of a package.
 * \param[out] host  challenge of the session, for the card */
static void seal_package(struct bench *b, size_t len, uint8_t host[SCP03_CHALLENGE_LEN])
{
	uint8_t card[SCP03_CHALLENGE_LEN];
	struct scp03 *s;
	struct wr w;

	rnd_bytes(host, SCP03_CHALLENGE_LEN);
	wr_init_buf(&w, b->sealed, SEALED_MAX);
	bench_check(scp03_predict(b->crypto, &b->keys, BYTES_ARR(aid), 1, card) == 0 &&
			    scp03_open(b->crypto, NULL, &b->keys, host, card, &s) == 0,
		    "session");
	scp03t_put_init(KVN, host, &w);
	bench_check(scp03t_put_auth(s, &w) == 0, "session");
	for (size_t at = 0; at < len; at += SCP03T_SEGMENT_MAX)
		bench_check(scp03t_seal(s, bytes_of(b->package + at, OSMO_MIN(len - at, SCP03T_SEGMENT_MAX)), &w) == 0,
			    "package");
	bench_check(!w.failed, "package");
	b->len = w.len;
	talloc_free(s);
}

static void seal_packages(struct bench *b, size_t len, long n)
{
	uint8_t host[SCP03_CHALLENGE_LEN];

	for (long i = 0; i < n; i++)
		seal_package(b, len, host);
}

/* What was sealed must open on a card, or the figures mean nothing. */
static void compare(struct bench *b, size_t len)
{
	uint8_t host[SCP03_CHALLENGE_LEN], rsp[SCP03_INIT_RSP_LEN], *open = talloc_size(NULL, PACKAGE_MAX + 16);
	struct scp03 *s;
	struct ber t;
	struct rd r;
	struct wr w;

	seal_package(b, len, host);
	wr_init_buf(&w, open, PACKAGE_MAX + 16);
	rd_init(&r, bytes_of(b->sealed, b->len));
	bench_check(scp03_card_init(b->crypto, NULL, &b->keys, BYTES_ARR(aid), 1, bytes_of(host, SCP03_CHALLENGE_LEN),
				    &s, rsp) == 0 &&
			    ber_next(&r, &t) && ber_next(&r, &t) && scp03t_card_auth(s, t.value) == 0,
		    "session on the card");
	while (ber_next(&r, &t))
		bench_check(scp03t_card_open(s, t.value, &w) == 0, "segment on the card");
	bench_check(w.len == len && memcmp(open, b->package, len) == 0, "the card has the package");
	talloc_free(s);
	talloc_free(open);
}

/* ---- the ciphers alone ---- */

static void cbc_pieces(struct bench *b, size_t len, long n)
{
	int got;

	for (long i = 0; i < n; i++) {
		for (size_t at = 0; at < len; at += PIECE)
			bench_check(EVP_EncryptUpdate(b->cbc, b->sealed, &got, b->sealed, PIECE), "CBC");
	}
}

static void cmac_pieces(struct bench *b, size_t len, long n)
{
	uint8_t mac[16];
	size_t got;

	for (long i = 0; i < n; i++) {
		for (size_t at = 0; at < len; at += PIECE)
			bench_check(EVP_MAC_init(b->cmac, NULL, 0, NULL) && EVP_MAC_update(b->cmac, b->sealed, PIECE) &&
					    EVP_MAC_final(b->cmac, mac, &got, sizeof(mac)),
				    "CMAC");
	}
}

/* Nanoseconds of this thread for one package. */
static double cpu_each(void (*work)(struct bench *b, size_t len, long n), struct bench *b, size_t len, long n)
{
	int64_t start = bench_cpu_ns();

	work(b, len, n);
	return (double)(bench_cpu_ns() - start) / (double)n;
}

static double mb_per_s(size_t len, double ns)
{
	return (double)len * 1000 / ns;
}

static void bench_package(struct bench *b, size_t kb, long n)
{
	double ours[BENCH_RUNS], cbc[BENCH_RUNS], cmac[BENCH_RUNS], limit;
	size_t len = kb * 1024;

	seal_packages(b, len, n / 10);
	for (int i = 0; i < BENCH_RUNS; i++) {
		ours[i] = cpu_each(seal_packages, b, len, n);
		cbc[i] = cpu_each(cbc_pieces, b, len, n);
		cmac[i] = cpu_each(cmac_pieces, b, len, n);
	}
	limit = bench_median(cbc, BENCH_RUNS) + bench_median(cmac, BENCH_RUNS);
	bench_row("T2", bench_text("SCP03t protection of a profile of %zu KB, with its session", kb),
		  bench_text("%.0f MB/s", mb_per_s(len, bench_median(ours, BENCH_RUNS))),
		  bench_text("%.0f MB/s CBC, then CMAC", mb_per_s(len, limit)), limit / bench_median(ours, BENCH_RUNS),
		  BENCH_AT_LEAST, 0.8);
	bench_detail("T2 %zu KB: CBC alone %.0f MB/s, CMAC alone %.0f MB/s (one call of the cipher for each block; two "
		     "passes "
		     "of CBC would give %.0f MB/s)",
		     kb, mb_per_s(len, bench_median(cbc, BENCH_RUNS)), mb_per_s(len, bench_median(cmac, BENCH_RUNS)),
		     mb_per_s(len, bench_median(cbc, BENCH_RUNS)) / 2);
}

int main(int argc, char **argv)
{
	long n = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 200 : 1000;
	struct bench b = bench_new();

	if (argc == 4 && strcmp(argv[1], "seal") == 0) {
		size_t len = (size_t)atol(argv[2]);

		bench_check(len > 0 && len <= PACKAGE_MAX, "length");
		seal_packages(&b, len, atol(argv[3]));
		return 0;
	}
	compare(&b, 100 * 1024);
	bench_package(&b, 100, n);
	bench_package(&b, 200, n / 2);
	return 0;
}
