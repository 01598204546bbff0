/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the lab's PKI makes, read by the modules that an SM-SR checks it with: chain, signature, ECASD certificate,
 * schema, key check values.  The openssl and xmlsec1 programs check it in tests/third/xmlsec1_test.sh. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/codec/ber.h"
#include "common/crypto/gpcert.h"
#include "common/crypto/x509.h"
#include "common/es/xmlsig.h"
#include "lab/pki/pki.h"
#include "lab/seed/seed.h"
#include "tests/support/vec.h"

#define CARDS 3

struct fix {
	char dir[32];
	char eids[CARDS][33];
	const char *why;
	struct x509 *eum;
	struct es_ctx *es;
};

static struct fix *fix;
static unsigned int n_made;

static void made(const struct seed_card *card)
{
	assert_in_range(n_made, 0, CARDS - 1);
	strcpy(fix->eids[n_made++], card->eid);
}

static char *path(struct fix *f, const char *name)
{
	return talloc_asprintf(f, "%s/%s", f->dir, name);
}

static int setup(void **state)
{
	const struct pki_cards cards = {.seed = "pki_test",
					.index = 7,
					.count = CARDS,
					.profiles = 3,
					.smsr_oid = SEED_OID_SMSR,
					.eum_oid = SEED_OID_EUM};
	struct fix *f = talloc_zero(NULL, struct fix);

	fix = f;
	n_made = 0;
	strcpy(f->dir, "/tmp/pki_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(pki_ca_create(f, f->dir, &f->why), 0);
	assert_int_equal(pki_cards_create(f, f->dir, &cards, made, &f->why), 0);
	assert_int_equal(n_made, CARDS);
	assert_int_equal(x509_pem_load(f, path(f, "eum.pem"), &f->eum, &f->why), 0);
	f->es = es_ctx_alloc(f, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"ci", "eum", "tls-ca", "peer"};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unlink(path(f, talloc_asprintf(f, "%s.pem", names[i])));
		unlink(path(f, talloc_asprintf(f, "%s.key", names[i])));
	}
	for (size_t i = 0; i < CARDS; i++) {
		unlink(path(f, talloc_asprintf(f, "cards/%s.xml", f->eids[i])));
		unlink(path(f, talloc_asprintf(f, "cards/%s.ecasd", f->eids[i])));
	}
	rmdir(path(f, "cards"));
	assert_int_equal(rmdir(f->dir), 0);
	return talloc_free(f);
}

static int64_t now_ms(void)
{
	return (int64_t)time(NULL) * 1000;
}

static struct bytes eis_text(struct fix *f, size_t i)
{
	FILE *file = fopen(path(f, talloc_asprintf(f, "cards/%s.xml", f->eids[i])), "r");
	char *text = talloc_zero_size(f, 65536);

	assert_non_null(file);
	assert_in_range(fread(text, 1, 65535, file), 1, 65534);
	fclose(file);
	return bytes_str(text);
}

static void the_eum_is_fit(void **state)
{
	struct fix *f = *state;
	struct x509_bundle *ci;
	struct stat st;

	assert_int_equal(x509_bundle_load(f, path(f, "ci.pem"), &ci, &f->why), 0);
	assert_int_equal(x509_chain_check(f, f->eum, ci, now_ms(), &f->why), 0);
	assert_int_equal(x509_eum_check(f, f->eum, &f->why), 0);
	assert_non_null(strstr(x509_subject(f->eum), "serialNumber=" SEED_OID_EUM ","));
	assert_int_equal(stat(path(f, "eum.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void peers_get_one_certificate(void **state)
{
	static const char *const bad[] = {"", ".hidden", "a/b", "a b", "a,b"};
	struct fix *f = *state;
	struct x509_bundle *ca;
	struct x509 *peer;

	assert_int_equal(pki_peer_create(f, f->dir, "peer", "1.3.6.1.4.1.32473.99", &f->why), 0);
	assert_int_equal(pki_peer_create(f, f->dir, "peer", "1.3.6.1.4.1.32473.99", &f->why), -EEXIST);
	assert_int_equal(pki_ca_create(f, f->dir, &f->why), -EEXIST);
	assert_int_equal(x509_pem_load(f, path(f, "peer.pem"), &peer, &f->why), 0);
	assert_int_equal(x509_bundle_load(f, path(f, "tls-ca.pem"), &ca, &f->why), 0);
	assert_int_equal(x509_chain_check(f, peer, ca, now_ms(), &f->why), 0);
	assert_string_equal(x509_subject(peer), "serialNumber=1.3.6.1.4.1.32473.99,CN=peer,O=Lab,C=XX");
	assert_int_equal(pki_peer_create(f, f->dir, "other", "1.2.x", &f->why), -EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pki_peer_create(f, f->dir, bad[i], "1.2.3", &f->why), -EINVAL);
}

static void check_key(struct fix *f, const struct es_key *k, const uint8_t value[16])
{
	struct crypto *c = crypto_alloc(f);
	struct key *key;
	uint8_t kcv[3];

	assert_int_equal(k->n_components, 1);
	assert_true(bytes_eq(k->components[0].value, bytes_of(value, 16)));
	assert_int_equal(key_import(f, KEY_AES, k->components[0].value, &key), 0);
	assert_int_equal(key_kcv(c, key, kcv), 0);
	assert_true(bytes_eq(k->kcv, BYTES_ARR(kcv)));
	talloc_free(c);
}

static void an_eis_says_what_the_seed_says(void **state)
{
	struct fix *f = *state;
	struct seed *seed = seed_alloc(f, "pki_test");
	struct es_status bad;
	struct seed_card card;
	struct es_eis *eis;

	for (size_t i = 0; i < CARDS; i++) {
		assert_int_equal(seed_card(seed, (uint32_t)(7 + i), &card), 0);
		assert_int_equal(es_eis_dec(f->es, f, eis_text(f, i), &eis, &bad), 0);
		assert_string_equal(eis->info.eid, card.eid);
		assert_int_equal(eis->n_profiles, SEED_N_PROFILES);
		for (size_t p = 0; p < SEED_N_PROFILES; p++) {
			assert_string_equal(eis->profiles[p].iccid, card.profiles[p].iccid);
			assert_true(bytes_eq(eis->profiles[p].isdp_aid, BYTES_ARR(card.profiles[p].aid)));
		}
		assert_int_equal(eis->isdr->n_keysets, 2);
		check_key(f, &eis->isdr->keysets[0].keys[0], card.kic);
		check_key(f, &eis->isdr->keysets[0].keys[1], card.kid);
		check_key(f, &eis->isdr->keysets[0].keys[2], card.kik);
		check_key(f, &eis->isdr->keysets[1].keys[0], card.psk);
		assert_int_equal(xmlsig_verify_eum(f->es, f, eis->signed_info_xml, eis->signature_xml,
						   x509_pubkey(f->eum), &f->why),
				 0);
	}
}

static void an_ecasd_certificate_belongs_to_its_card(void **state)
{
	struct fix *f = *state;
	struct seed *seed = seed_alloc(f, "pki_test");
	struct gpcert_expect want = {.usage = GPCERT_USAGE_KEY_AGREEMENT, .aki = x509_ski(f->eum), .at_ms = now_ms()};
	struct seed_card card;
	struct privkey *key;
	struct pubkey *pub;
	struct gpcert c;
	char hex[1024] = "";
	FILE *file;

	assert_int_equal(seed_card(seed, 7, &card), 0);
	file = fopen(path(f, talloc_asprintf(f, "cards/%s.ecasd", card.eid)), "r");
	assert_non_null(file);
	assert_non_null(fgets(hex, sizeof(hex), file));
	fclose(file);
	want.subject = BYTES_ARR(card.eid_bcd);
	assert_int_equal(gpcert_parse(unhex(f, hex), &c), 0);
	assert_int_equal(gpcert_verify(&c, x509_pubkey(f->eum)), 0);
	assert_int_equal(gpcert_check(&c, &want), GPCERT_OK);
	assert_int_equal(privkey_ec_import(f, EC_P256, BYTES_ARR(card.ecasd_key), &key), 0);
	assert_int_equal(pubkey_ec_import(f, c.curve, c.point, &pub), 0);
	assert_true(pubkey_eq(pub, privkey_pub(f, key)));
}

static char *line_of(struct fix *f, const char *name)
{
	char buf[1024] = "";
	FILE *file = fopen(path(f, name), "r");

	assert_non_null(file);
	assert_non_null(fgets(buf, sizeof(buf), file));
	fclose(file);
	buf[strcspn(buf, "\n")] = '\0';
	return talloc_strdup(f, buf);
}

static void a_dp_certificate(void **state, const char *name, enum ec_curve curve)
{
	struct fix *f = *state;
	struct gpcert_expect want = {.usage = GPCERT_USAGE_VERIFY, .at_ms = now_ms()};
	struct bytes template, point;
	struct privkey *key;
	struct pubkey *ci, *pub;
	uint8_t ski[20];
	struct gpcert c;

	assert_int_equal(pki_dp_create(f, f->dir, name, SEED_OID_SMDP, curve, &f->why), 0);
	assert_int_equal(pki_dp_create(f, f->dir, name, SEED_OID_SMDP, curve, &f->why), -EEXIST);
	assert_int_equal(ber_find(unhex(f, line_of(f, "ci.gp")), 0x7f49, &template), 0);
	assert_int_equal(ber_find(template, 0xb0, &point), 0);
	assert_int_equal(pubkey_ec_import(f, EC_P256, point, &ci), 0);
	assert_int_equal(pubkey_ski(ci, ski), 0);
	want.aki = BYTES_ARR(ski);
	assert_int_equal(gpcert_parse(unhex(f, line_of(f, talloc_asprintf(f, "%s.dp", name))), &c), 0);
	assert_int_equal(gpcert_verify(&c, ci), 0);
	assert_int_equal(gpcert_check(&c, &want), GPCERT_OK);
	assert_int_equal(c.role, 1);
	assert_int_equal(c.curve, curve);
	assert_int_equal(privkey_pem_load(f, path(f, talloc_asprintf(f, "%s.dp.key", name)), &key, &f->why), 0);
	assert_int_equal(pubkey_ec_import(f, c.curve, c.point, &pub), 0);
	assert_true(pubkey_eq(pub, privkey_pub(f, key)));
}

static void certificates_of_sm_dps(void **state)
{
	struct fix *f = *state;

	a_dp_certificate(state, "dp-a", EC_P256);
	a_dp_certificate(state, "dp-b", EC_BRAINPOOL_P256R1);
	assert_int_equal(pki_dp_create(f, f->dir, "../x", SEED_OID_SMDP, EC_P256, &f->why), -EINVAL);
	assert_int_equal(pki_dp_create(f, f->dir, "x", "1.x", EC_P256, &f->why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_eum_is_fit),
		cmocka_unit_test(peers_get_one_certificate),
		cmocka_unit_test(an_eis_says_what_the_seed_says),
		cmocka_unit_test(an_ecasd_certificate_belongs_to_its_card),
		cmocka_unit_test(certificates_of_sm_dps),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
