/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* T2, T3: protecting a profile package, and establishing the keys of an ISD-P.
 *
 *   es8_bench [--quick]
 *
 * The limit of T2 is what "openssl speed" runs: AES-128 in CBC mode and EVP's CMAC over 1,024 octets, with contexts
 * that keep their key, one after the other.  That of T3 is the sum of the operations that the off-card side cannot do
 * without: a key pair, a signature, an agreement with a peer key that was checked once, and that check. */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <talloc.h>

#include "scp03/ecka.h"
#include "scp03/scp03t.h"
#include "tests/bench/bench.h"

#define CHUNK 1024
#define PACKAGE_LEN (150 * 1024)

static struct crypto *crypto;
static uint8_t package[PACKAGE_LEN];

/* ---- T2 ---- */

static int sink(void *arg, struct bytes tlv)
{
	*(size_t *)arg += tlv.len;
	return 0;
}

static double seal_ns(long n)
{
	static const uint8_t value[16] = {0x47}, challenge[SCP03_CHALLENGE_LEN] = {1};
	struct scp03_keys keys = {.kvn = 0x30};
	void *ctx = talloc_new(NULL);
	struct scp03t_cutter *cutter;
	struct key *key = NULL;
	size_t total = 0;
	struct scp03 *s;
	struct wr w;
	int64_t start;
	double ns;

	bench_check(key_import(ctx, KEY_AES, BYTES_ARR(value), &key) == 0, "key");
	keys.enc = keys.mac = keys.dek = key;
	start = bench_cpu_ns();
	/* Session keys and contexts count: a package has its own. */
	for (long i = 0; i < n; i++) {
		wr_init(&w, ctx);
		bench_check(
			scp03_open(crypto, ctx, &keys, challenge, challenge, &s) == 0 && scp03t_put_auth(s, &w) == 0 &&
				scp03t_cutter_alloc(s, s, 0, sink, &total, &cutter) == 0 &&
				scp03t_cutter_put(cutter, BYTES_ARR(package)) == 0 && scp03t_cutter_end(cutter) == 0,
			"seal");
		talloc_free(s);
		talloc_free(w.buf);
	}
	ns = (double)(bench_cpu_ns() - start) / (double)n;
	bench_check(total > (size_t)n * PACKAGE_LEN, "octets");
	talloc_free(ctx);
	return ns;
}

static double cbc_ns(long n)
{
	static const uint8_t key[16] = {0x47};
	static uint8_t out[CHUNK + 16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int64_t start;
	double ns;
	int len;

	bench_check(ctx && EVP_EncryptInit_ex2(ctx, EVP_aes_128_cbc(), key, key, NULL) == 1, "CBC");
	start = bench_cpu_ns();
	for (long i = 0; i < n * (PACKAGE_LEN / CHUNK); i++)
		bench_check(EVP_EncryptUpdate(ctx, out, &len, package, CHUNK) == 1, "CBC");
	ns = (double)(bench_cpu_ns() - start) / (double)n;
	EVP_CIPHER_CTX_free(ctx);
	return ns;
}

static double cmac_ns(long n)
{
	static const uint8_t key[16] = {0x47};
	char cipher[] = "AES-128-CBC";
	const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
				     OSSL_PARAM_construct_end()};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	uint8_t out[16];
	size_t len;
	int64_t start;
	double ns;

	bench_check(ctx && EVP_MAC_init(ctx, key, sizeof(key), params) == 1, "CMAC");
	start = bench_cpu_ns();
	for (long i = 0; i < n * (PACKAGE_LEN / CHUNK); i++)
		bench_check(EVP_MAC_init(ctx, NULL, 0, NULL) == 1 && EVP_MAC_update(ctx, package, CHUNK) == 1 &&
				    EVP_MAC_final(ctx, out, &len, sizeof(out)) == 1,
			    "CMAC");
	ns = (double)(bench_cpu_ns() - start) / (double)n;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ns;
}

static double mb_per_s(double ns)
{
	return (double)PACKAGE_LEN / ns * 1000;
}

static void bench_package(long n)
{
	double ours[BENCH_RUNS], limit[BENCH_RUNS], a, b;

	for (int i = 0; i < BENCH_RUNS; i++) {
		ours[i] = seal_ns(n);
		limit[i] = cbc_ns(n) + cmac_ns(n);
	}
	a = mb_per_s(bench_median(ours, BENCH_RUNS));
	b = mb_per_s(bench_median(limit, BENCH_RUNS));
	bench_row("T2", "SCP03t, package of 150 KiB in segments of 1,007 octets", bench_text("%.0f MB/s", a),
		  bench_text("%.0f MB/s CBC, then CMAC", b), a / b, BENCH_AT_LEAST, 0.8);
}

/* ---- T3 ---- */

struct parties {
	void *ctx;
	enum ec_curve curve;
	struct privkey *dp;
	struct privkey *ecasd;
	struct bytes ecasd_point;
	struct pubkey *ecasd_pub;
};

static struct parties parties_new(enum ec_curve curve)
{
	struct parties p = {.ctx = talloc_new(NULL), .curve = curve};

	bench_check(privkey_ec_generate(p.ctx, curve, &p.dp) == 0 && privkey_ec_generate(p.ctx, curve, &p.ecasd) == 0,
		    "keys");
	p.ecasd_pub = privkey_pub(p.ctx, p.ecasd);
	bench_check(pubkey_point(p.ctx, p.ecasd_pub, &p.ecasd_point) == 0, "point");
	return p;
}

/* Off-card, with the answer of a card that answers at once; its work is timed apart and taken out. */
static double establish_ns(const struct parties *p, long n)
{
	int64_t start = bench_cpu_ns(), card_ns = 0;

	for (long i = 0; i < n; i++) {
		void *ctx = talloc_new(NULL);
		struct ecka_setup setup = {
			.params = ecka_params_isdp(), .cert = BYTES_LIT("certificate"), .sign_key = p->dp};
		struct ecka_card card = {.rc = BYTES_LIT("0123456789abcdef"), .dr = BYTES_LIT("fedcba9876543210")};
		struct ecka_keys on, off;
		struct ecka_request req;
		struct pubkey *peer;
		struct wr b, c, rsp;
		struct ecka *e;
		int64_t pause;
		struct rd r;

		wr_init(&b, ctx);
		wr_init(&c, ctx);
		wr_init(&rsp, ctx);
		bench_check(pubkey_ec_import(ctx, p->curve, p->ecasd_point, &peer) == 0, "peer");
		setup.ecasd_key = peer;
		bench_check(ecka_alloc(ctx, &setup, &e) == 0 && ecka_put_cert(e, &b) == 0 &&
				    ecka_put_agreement(e, card.rc, &c) == 0,
			    "a to c");
		pause = bench_cpu_ns();
		card.signer = privkey_pub(ctx, p->dp);
		card.ecasd_key = p->ecasd;
		card.curve = p->curve;
		rd_init(&r, bytes_of(c.buf, c.len));
		(void)rd_bytes(&r, c.buf[1] == 0x81 ? 8 : 7);
		bench_check(ecka_request_dec(rd_bytes(&r, rd_left(&r) - 1), &req) == 0 &&
				    ecka_card_agree(&card, crypto, ctx, &req, &on, &rsp) == 0,
			    "card");
		card_ns += bench_cpu_ns() - pause;
		bench_check(ecka_finish(e, crypto, ctx, bytes_of(rsp.buf, rsp.len), &off) == 0, "receipt");
		talloc_free(ctx);
	}
	return (double)(bench_cpu_ns() - start - card_ns) / (double)n;
}

static double parts_ns(const struct parties *p, long n)
{
	int64_t start = bench_cpu_ns();

	for (long i = 0; i < n; i++) {
		void *ctx = talloc_new(NULL);
		struct privkey *ephemeral;
		struct key *keys[4];
		struct pubkey *peer;
		struct bytes sig;

		bench_check(privkey_ec_generate(ctx, p->curve, &ephemeral) == 0 &&
				    privkey_sign(ctx, p->dp, DIGEST_SHA256, bytes_of(package, 160), &sig) == 0 &&
				    pubkey_ec_import(ctx, p->curve, p->ecasd_point, &peer) == 0 &&
				    ecdh_derive(ctx, ephemeral, peer, bytes_of(package, 19), keys, 4) == 0,
			    "parts");
		talloc_free(ctx);
	}
	return (double)(bench_cpu_ns() - start) / (double)n;
}

static void bench_establish(enum ec_curve curve, const char *what, long n)
{
	double ours[BENCH_RUNS], limit[BENCH_RUNS];
	struct parties p = parties_new(curve);

	for (int i = 0; i < BENCH_RUNS; i++) {
		ours[i] = establish_ns(&p, n);
		limit[i] = parts_ns(&p, n);
	}
	bench_row("T3", what, bench_text("%.0f us", bench_median(ours, BENCH_RUNS) / 1000),
		  bench_text("%.0f us, the sum of its parts", bench_median(limit, BENCH_RUNS) / 1000),
		  bench_median(ours, BENCH_RUNS) / bench_median(limit, BENCH_RUNS), BENCH_AT_MOST, 1.15);
	talloc_free(p.ctx);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

	crypto = crypto_alloc(NULL);
	bench_check(crypto, "crypto");
	bench_package(quick ? 100 : 1000);
	bench_establish(EC_P256, "key establishment, off-card, P-256", quick ? 100 : 1000);
	bench_establish(EC_BRAINPOOL_P256R1, "key establishment, off-card, brainpoolP256r1", quick ? 20 : 200);
	talloc_free(crypto);
	return 0;
}
