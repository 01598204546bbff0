/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key establishment with an ISD-P as smdp does it, against the sum of its parts in plain OpenSSL.
 *
 * Ours, timed: the signature of the eUICC's certificate is checked and its key imported, an ephemeral key is made,
 * block c is signed, the answer of the card gives the keys and its receipt is right.  The card's half runs between, not
 * timed.  The parts: verification, import of a point with the check that it lies on its curve, generation, ECDH without
 * a second check, X9.63, signature.
 *
 *   ecka_bench [--quick]
 *   ecka_bench agree P-256|brainpoolP256r1 COUNT    nothing but COUNT of ours (and the card's), for a profiler */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/codec/ber.h"
#include "common/crypto/gpcert.h"
#include "common/crypto/rnd.h"
#include "scp03/ecka.h"
#include "tests/bench/bench.h"

#define N_HASHES 2 /* X9.63 for a receipt key and three keys of 16 octets: 64 octets of SHA-256 */

static const uint8_t eid[16] = {0x89, 0x00, 0x10, 0x12}, serial[8] = {1}, ca_id[4] = {2}, ski[20] = {3};

struct side {
	enum ec_curve curve;
	const char *name;
	void *ctx;
	struct crypto *crypto;
	struct privkey *dp, *ecasd, *eum;
	struct pubkey *dp_pub, *eum_pub;
	struct bytes dp_cert;	 /* the card has its key already: not read here */
	struct bytes ecasd_cert; /* 7F21 */
	int64_t spent;		 /* ns of our half */
};

static struct privkey *key_new(struct side *s)
{
	struct privkey *key;

	bench_check(privkey_ec_generate(s->ctx, s->curve, &key) == 0, "key");
	return key;
}

/* CERT.ECASD.ECKA. */
static struct bytes cert_new(struct side *s)
{
	struct bytes tbs, sig, inner, aki, point, pair, cert;
	struct wr w;

	wr_init(&w, s->ctx);
	ber_put(&w, 0xc9, BYTES_ARR(ski));
	bench_check(wr_end(&w, &aki) == 0 && pubkey_point(s->ctx, privkey_pub(s->ctx, s->ecasd), &point) == 0, "point");
	wr_init(&w, s->ctx);
	ber_put(&w, 0xb0, point);
	ber_put_u8(&w, 0xf0, ec_curve_gp(s->curve));
	bench_check(wr_end(&w, &pair) == 0, "public key");
	wr_init(&w, s->ctx);
	ber_put(&w, 0x93, BYTES_ARR(serial));
	ber_put(&w, 0x42, BYTES_ARR(ca_id));
	ber_put(&w, 0x5f20, BYTES_ARR(eid));
	ber_put(&w, 0x95, BYTES_LIT("\x00\x80"));
	ber_put(&w, 0x5f24, BYTES_LIT("\x20\x99\x12\x31"));
	ber_put(&w, 0x73, aki);
	ber_put(&w, 0x7f49, pair);
	tbs = bytes_dup(s->ctx, bytes_of(w.buf, w.len));
	bench_check(privkey_sign(s->ctx, s->eum, DIGEST_SHA256, tbs, &sig) == 0, "signature");
	ber_put(&w, 0x5f37, sig);
	bench_check(wr_end(&w, &inner) == 0, "certificate");
	wr_init(&w, s->ctx);
	ber_put(&w, 0x7f21, inner);
	bench_check(wr_end(&w, &cert) == 0, "certificate");
	return cert;
}

static struct side side_new(enum ec_curve curve, const char *name)
{
	struct side s = {.curve = curve, .name = name, .ctx = talloc_named_const(NULL, 0, name)};
	uint8_t *octets = talloc_zero_array(s.ctx, uint8_t, 200);

	s.crypto = crypto_alloc(s.ctx);
	bench_check(s.crypto, "crypto");
	s.dp = key_new(&s);
	s.ecasd = key_new(&s);
	s.eum = key_new(&s);
	s.dp_pub = privkey_pub(s.ctx, s.dp);
	s.eum_pub = privkey_pub(s.ctx, s.eum);
	s.dp_cert = bytes_of(octets, 200);
	s.ecasd_cert = cert_new(&s);
	return s;
}

/* ---- ours ---- */

/* The data of a STORE DATA in one block, behind 22 L: CLA INS P1 P2 Lc data Le. */
static struct bytes dgis_of(const struct wr *cmds)
{
	struct ber t;
	struct rd r;

	rd_init(&r, bytes_of(cmds->buf, cmds->len));
	bench_check(ber_next(&r, &t) && t.value.len > 6, "block c");
	return bytes_sub(t.value, 5, t.value.len - 6);
}

static struct bytes card_answer(struct side *s, void *ctx, struct bytes rc, const struct wr *cmds)
{
	static const uint8_t dr[16] = {4};
	const struct ecka_card card = {
		.signer = s->dp_pub,
		.rc = rc,
		.ecasd_key = s->ecasd,
		.curve = s->curve,
		.dr = BYTES_ARR(dr),
		.receipt = ECKA_RECEIPT_85,
	};
	struct ecka_request req;
	struct ecka_keys keys;
	struct bytes answer;
	struct wr rsp;

	wr_init(&rsp, ctx);
	bench_check(ecka_request_dec(dgis_of(cmds), &req) == 0 &&
			    ecka_card_agree(&card, s->crypto, ctx, &req, &keys, &rsp) == 0 &&
			    wr_end(&rsp, &answer) == 0,
		    "the card");
	return answer;
}

/* What else is asked of a certificate when an EIS comes.  It looks at the point too, so that a key that is none is
 * refused there; the agreement happens later, and imports the point from the store. */
static double check_ns(struct side *s, long n)
{
	const struct gpcert_expect expect = {
		.subject = BYTES_ARR(eid),
		.usage = GPCERT_USAGE_KEY_AGREEMENT,
		.aki = BYTES_ARR(ski),
		.at_ms = clock_stamp_ms(),
	};
	int64_t start = bench_cpu_ns();
	struct gpcert cert;

	for (long i = 0; i < n; i++)
		bench_check(gpcert_parse(s->ecasd_cert, &cert) == 0 && gpcert_check(&cert, &expect) == GPCERT_OK,
			    "certificate of the eUICC");
	return (double)(bench_cpu_ns() - start) / (double)n;
}

static struct ecka *begin(struct side *s, void *ctx)
{
	struct ecka_setup setup = {
		.params = ecka_params_isdp(),
		.cert = s->dp_cert,
		.sign_key = s->dp,
		.receipt = ECKA_RECEIPT_DEFAULT,
	};
	struct pubkey *ecasd;
	struct gpcert cert;
	struct ecka *e;

	bench_check(gpcert_parse(s->ecasd_cert, &cert) == 0 && gpcert_verify(&cert, s->eum_pub) == 0 &&
			    pubkey_ec_import(ctx, cert.curve, cert.point, &ecasd) == 0,
		    "certificate of the eUICC");
	setup.ecasd_key = ecasd;
	bench_check(ecka_alloc(ctx, &setup, &e) == 0, "ecka_alloc");
	return e;
}

static void agree(struct side *s, void *ctx)
{
	static const uint8_t challenge[16] = {5};
	int64_t start = bench_cpu_ns();
	struct ecka *e = begin(s, ctx);
	struct ecka_keys keys;
	struct bytes answer;
	struct wr b, c;

	wr_init(&b, ctx);
	wr_init(&c, ctx);
	bench_check(ecka_put_cert(e, &b) == 0 && ecka_put_agreement(e, BYTES_ARR(challenge), &c) == 0, "blocks");
	s->spent += bench_cpu_ns() - start;
	answer = card_answer(s, ctx, BYTES_ARR(challenge), &c);
	start = bench_cpu_ns();
	bench_check(ecka_finish(e, s->crypto, ctx, answer, &keys) == 0, "the receipt is right");
	s->spent += bench_cpu_ns() - start;
}

/* Nanoseconds of one. */
static double ours(struct side *s, long n)
{
	s->spent = 0;
	for (long i = 0; i < n; i++) {
		void *ctx = talloc_new(s->ctx);

		agree(s, ctx);
		talloc_free(ctx);
	}
	return (double)s->spent / (double)n;
}

/* ---- the parts ---- */

struct parts {
	const char *group;
	EVP_PKEY *own, *peer;
	uint8_t point[65], sig[80];
	size_t sig_len;
};

static const uint8_t tbs[180] = {6};

static EVP_PKEY *import(const struct parts *p)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)p->group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)p->point, sizeof(p->point)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL), *check;
	EVP_PKEY *key = NULL;

	bench_check(ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
			    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1,
		    "import");
	check = EVP_PKEY_CTX_new(key, NULL);
	bench_check(check && EVP_PKEY_public_check_quick(check) == 1, "check of a point");
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void part_import(struct parts *p)
{
	EVP_PKEY_free(import(p));
}

static void part_generate(struct parts *p)
{
	EVP_PKEY *key = EVP_EC_gen(p->group);

	bench_check(key, "generation");
	EVP_PKEY_free(key);
}

static void part_ecdh(struct parts *p)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->own, NULL);
	uint8_t z[32];
	size_t len = sizeof(z);

	bench_check(ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer_ex(ctx, p->peer, 0) == 1 &&
			    EVP_PKEY_derive(ctx, z, &len) == 1,
		    "ECDH");
	EVP_PKEY_CTX_free(ctx);
}

static void part_kdf(struct parts *p)
{
	uint8_t hash[32];

	for (int i = 0; i < N_HASHES; i++)
		bench_check(EVP_Digest(tbs, 55, hash, NULL, EVP_sha256(), NULL) == 1, "SHA-256");
}

static void part_sign(struct parts *p)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	p->sig_len = sizeof(p->sig);
	bench_check(ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, p->own) == 1 &&
			    EVP_DigestSign(ctx, p->sig, &p->sig_len, tbs, sizeof(tbs)) == 1,
		    "signature");
	EVP_MD_CTX_free(ctx);
}

static void part_verify(struct parts *p)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	bench_check(ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, p->own) == 1 &&
			    EVP_DigestVerify(ctx, p->sig, p->sig_len, tbs, sizeof(tbs)) == 1,
		    "verification");
	EVP_MD_CTX_free(ctx);
}

static const struct part {
	const char *name;
	void (*run)(struct parts *p);
} all_parts[] = {
	{"generation", part_generate}, {"import", part_import}, {"ECDH", part_ecdh},
	{"X9.63", part_kdf},	       {"sign", part_sign},	{"verify", part_verify},
};

#define N_PARTS (sizeof(all_parts) / sizeof(all_parts[0]))

static struct parts parts_new(const char *group)
{
	struct parts p = {.group = group, .own = EVP_EC_gen(group)};
	EVP_PKEY *peer = EVP_EC_gen(group);
	size_t len;

	bench_check(p.own && peer &&
			    EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY, p.point, sizeof(p.point),
							    &len) == 1 &&
			    len == sizeof(p.point),
		    "keys");
	EVP_PKEY_free(peer);
	p.peer = import(&p);
	part_sign(&p);
	return p;
}

static double part_ns(const struct part *part, struct parts *p, long n)
{
	int64_t start = bench_cpu_ns();

	for (long i = 0; i < n; i++)
		part->run(p);
	return (double)(bench_cpu_ns() - start) / (double)n;
}

static void bench_curve(enum ec_curve curve, const char *name, const char *group, long n)
{
	double whole[BENCH_RUNS], part[N_PARTS][BENCH_RUNS], sum = 0;
	struct side s = side_new(curve, name);
	struct parts p = parts_new(group);
	char *each = bench_text("T3 %s, parts:", name);

	ours(&s, n / 10);
	for (int i = 0; i < BENCH_RUNS; i++) {
		whole[i] = ours(&s, n);
		for (size_t j = 0; j < N_PARTS; j++)
			part[j][i] = part_ns(&all_parts[j], &p, n);
	}
	for (size_t j = 0; j < N_PARTS; j++) {
		sum += bench_median(part[j], BENCH_RUNS);
		each = bench_text("%s %s %.1f us%s", each, all_parts[j].name, bench_median(part[j], BENCH_RUNS) / 1000,
				  j + 1 < N_PARTS ? "," : "");
	}
	bench_row("T3", bench_text("key establishment, off-card side, %s", name),
		  bench_text("%.0f us", bench_median(whole, BENCH_RUNS) / 1000),
		  bench_text("%.0f us of parts", sum / 1000), bench_median(whole, BENCH_RUNS) / sum, BENCH_AT_MOST,
		  1.15);
	bench_detail("%s; not counted: the content of the certificate when the EIS comes, its point included, %.1f us",
		     each, check_ns(&s, n) / 1000);
}

int main(int argc, char **argv)
{
	long n = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 100 : 500;

	if (argc == 4 && strcmp(argv[1], "agree") == 0) {
		bool p256 = strcmp(argv[2], "P-256") == 0;
		struct side s = side_new(p256 ? EC_P256 : EC_BRAINPOOL_P256R1, argv[2]);

		ours(&s, atol(argv[3]));
		return 0;
	}
	bench_curve(EC_P256, "P-256", "prime256v1", n);
	bench_curve(EC_BRAINPOOL_P256R1, "brainpoolP256r1", "brainpoolP256r1", n / 2);
	return 0;
}
