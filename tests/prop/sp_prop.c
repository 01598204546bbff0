/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Secured packets, segments, scripts: what is sealed opens again; what is cut anywhere is refused; a packet under a
 * cryptographic checksum with any bit turned is refused.  Sizes are walked, not drawn: every run is the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "scp80/concat.h"
#include "scp80/script.h"
#include "scp80/sms.h"
#include "scp80/sp.h"

static struct crypto *crypto;
static uint8_t pattern[700];

struct profile {
	enum key_alg alg;
	size_t key_len;
	uint8_t kix;
	size_t cc_len;
	uint16_t spi;
};

/* Each algorithm, ciphered and clear, command and response alike. */
static const struct profile profiles[] = {
	{KEY_AES, 16, 0x12, 8, 0x1639}, {KEY_AES, 24, 0x22, 8, 0x1e39}, {KEY_AES, 32, 0xf2, 8, 0x1639},
	{KEY_AES, 16, 0x12, 4, 0x1639}, {KEY_AES, 16, 0x12, 8, 0x1229}, {KEY_DES, 16, 0x15, 8, 0x1639},
	{KEY_DES, 24, 0x19, 8, 0x0639}, {KEY_DES, 16, 0x15, 8, 0x1209},
};
#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

struct bench {
	void *ctx;
	struct sp_keys keys;
	struct sp_hdr hdr;
	struct sp_por_hdr por;
};

static struct bench bench_of(const struct profile *p)
{
	struct bench b = {.ctx = talloc_new(NULL)};
	struct key *kic, *kid;

	assert_int_equal(key_import(b.ctx, p->alg, bytes_of(pattern, p->key_len), &kic), 0);
	assert_int_equal(key_import(b.ctx, p->alg, bytes_of(pattern + 40, p->key_len), &kid), 0);
	b.keys = (struct sp_keys){.crypto = crypto, .kic = kic, .kid = kid, .cc_len = p->cc_len};
	b.hdr = (struct sp_hdr){.kic = p->kix, .kid = p->kix, .tar = 0x000001, .cntr = 0x0102030405};
	assert_int_equal(spi_dec(p->spi, &b.hdr.spi), 0);
	b.por = (struct sp_por_hdr){.spi = b.hdr.spi, .kic = p->kix, .kid = p->kix, .tar = 1, .cntr = 9, .status = 0};
	return b;
}

static struct bytes seal(const struct bench *b, bool por, enum sp_dialect dialect, size_t len, uint8_t *buf, size_t cap)
{
	struct bytes data = bytes_of(pattern, len), pkt;
	struct wr w;

	wr_init_buf(&w, buf, cap);
	if (por)
		assert_int_equal(sp_por_seal(&b->keys, dialect, &b->por, data, &w), 0);
	else
		assert_int_equal(sp_cmd_seal(&b->keys, dialect, &b->hdr, data, &w), 0);
	assert_int_equal(wr_end(&w, &pkt), 0);
	return pkt;
}

static int open_pkt(const struct bench *b, bool por, enum sp_dialect dialect, struct bytes pkt, struct wr *plain,
		    struct bytes *data)
{
	struct sp_cmd c = {0};
	struct sp_por p = {0};
	int rc = por ? sp_por_open(&b->keys, dialect, &b->hdr, pkt, plain, &p)
		     : sp_cmd_open(&b->keys, dialect, pkt, plain, &c);

	*data = por ? p.data : c.data;
	return rc;
}

static int try_open(const struct bench *b, bool por, enum sp_dialect dialect, struct bytes pkt)
{
	uint8_t plain[800];
	struct bytes data;
	struct wr w;
	int rc;

	wr_init_buf(&w, plain, sizeof(plain));
	rc = open_pkt(b, por, dialect, pkt, &w, &data);
	if (rc < 0)
		assert_int_equal(w.len, 0);
	return rc;
}

/* What is done with each protection, direction and dialect. */
typedef void (*each_fn)(const struct bench *b, bool por, enum sp_dialect dialect);

static void for_each(each_fn fn)
{
	for (size_t i = 0; i < 4 * N_PROFILES; i++) {
		struct bench b = bench_of(&profiles[i / 4]);

		fn(&b, i & 1, i & 2 ? SP_IP : SP_SMS);
		talloc_free(b.ctx);
	}
}

static void round_trip(const struct bench *b, bool por, enum sp_dialect dialect)
{
	for (size_t len = 0; len <= 640; len += len < 40 ? 1 : 37) {
		uint8_t buf[800], plain[800];
		struct bytes pkt = seal(b, por, dialect, len, buf, len + SP_OVERHEAD_MAX), data;
		struct wr w;

		wr_init_buf(&w, plain, pkt.len);
		assert_int_equal(open_pkt(b, por, dialect, pkt, &w, &data), 0);
		assert_true(bytes_eq(data, bytes_of(pattern, len)));
	}
}

static void sealed_opens(void **state)
{
	for_each(round_trip);
}

static void cut(const struct bench *b, bool por, enum sp_dialect dialect)
{
	uint8_t buf[200];
	struct bytes pkt = seal(b, por, dialect, 33, buf, sizeof(buf));

	for (size_t n = 0; n < pkt.len; n++)
		assert_true(try_open(b, por, dialect, bytes_sub(pkt, 0, n)) < 0);
	buf[pkt.len] = 0;
	assert_true(try_open(b, por, dialect, bytes_of(buf, pkt.len + 1)) < 0);
}

static void cut_is_refused(void **state)
{
	for_each(cut);
}

static void flip(const struct bench *b, bool por, enum sp_dialect dialect)
{
	uint8_t buf[200];
	struct bytes pkt = seal(b, por, dialect, 21, buf, sizeof(buf));

	for (size_t bit = 0; bit < 8 * pkt.len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(try_open(b, por, dialect, pkt) < 0);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(try_open(b, por, dialect, pkt), 0);
}

static void every_bit_counts(void **state)
{
	for_each(flip);
}

static void notification_bits_count(void **state)
{
	struct bench b = bench_of(&profiles[0]);
	uint8_t buf[200];
	struct sp_cmd c;
	struct bytes pkt;
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(sp_notif_seal(&b.keys, 1, 1, bytes_of(pattern, 55), &w), 0);
	assert_int_equal(wr_end(&w, &pkt), 0);
	for (size_t bit = 0; bit < 8 * pkt.len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(sp_notif_open(&b.keys, pkt, &c) < 0);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < pkt.len; n++)
		assert_true(sp_notif_open(&b.keys, bytes_sub(pkt, 0, n), &c) < 0);
	assert_int_equal(sp_notif_open(&b.keys, pkt, &c), 0);
	assert_true(bytes_eq(c.data, bytes_of(pattern, 55)));
	talloc_free(b.ctx);
}

/* Every length, both references, parts handed over last first. */
static void segments_join_again(void **state)
{
	void *ctx = talloc_new(NULL);
	struct reasm *r = reasm_alloc(ctx, &reasm_limits_default);

	for (size_t len = 0; len <= sizeof(pattern); len++) {
		struct ud_msg msg = {
			.kind = UD_RESPONSE, .pkt = bytes_of(pattern, len), .ref = len & 0xff, .ref16 = len & 1};
		struct reasm_from from = {.sender = BYTES_LIT("1")};
		struct reasm_msg got;
		int rc = -EAGAIN;

		for (unsigned int i = ud_segments(len, msg.ref16); i > 0; i--) {
			uint8_t buf[UD_MAX];
			struct ud_part part;
			struct bytes ud;
			struct wr w;

			assert_int_equal(rc, -EAGAIN);
			wr_init_buf(&w, buf, sizeof(buf));
			assert_int_equal(ud_enc(&msg, i, &w), 0);
			assert_int_equal(wr_end(&w, &ud), 0);
			assert_int_equal(ud_dec(true, ud, &part), 0);
			rc = reasm_add(r, ctx, &from, &part, len, &got);
		}
		assert_int_equal(rc, 0);
		assert_int_equal(got.kind, UD_RESPONSE);
		assert_true(bytes_eq(got.pkt, msg.pkt));
	}
	assert_int_equal(reasm_octets(r), 0);
	talloc_free(ctx);
}

static void cut_scripts_are_refused(void **state)
{
	const struct script_item cmd[] = {
		{SCRIPT_CHAINING, BYTES_LIT("\x01")},
		{SCRIPT_CAPDU, bytes_of(pattern, 200)},
		{SCRIPT_CAPDU, bytes_of(pattern, 300)},
	};
	const struct script_item rsp[] = {{SCRIPT_RSP_RAPDU, BYTES_LIT("abc\x90\x00")},
					  {SCRIPT_RSP_RAPDU, bytes_of(pattern, 140)}};

	for (int form = SCRIPT_DEFINITE; form <= SCRIPT_INDEFINITE; form++) {
		uint8_t buf[600];
		struct script_cmd c;
		struct script_rsp s;
		struct bytes b;
		struct wr w;

		wr_init_buf(&w, buf, sizeof(buf));
		assert_int_equal(script_cmd_enc(form, cmd, 3, &w), 0);
		assert_int_equal(wr_end(&w, &b), 0);
		assert_int_equal(script_cmd_dec(b, &c, NULL), 0);
		assert_int_equal(c.n_capdus, 2);
		for (size_t n = 0; n < b.len; n++)
			assert_int_equal(script_cmd_dec(bytes_sub(b, 0, n), &c, NULL), -EINVAL);
		wr_init_buf(&w, buf, sizeof(buf));
		assert_int_equal(script_rsp_enc(form, 2, rsp, 2, &w), 0);
		assert_int_equal(wr_end(&w, &b), 0);
		assert_int_equal(script_rsp_dec(b, &s), 0);
		assert_int_equal(s.n_rapdus, 2);
		for (size_t n = 0; n < b.len; n++)
			assert_int_equal(script_rsp_dec(bytes_sub(b, 0, n), &s), -EINVAL);
	}
}

static void cut_tpdus_are_refused(void **state)
{
	struct sms_deliver d = {.udhi = true, .pid = 0x7f, .dcs = 0xf6, .ud = bytes_of(pattern, 100)};
	struct sms_submit s = {.udhi = true, .pid = 0x7f, .dcs = 0xf6, .ud = bytes_of(pattern, 100)};
	uint8_t buf[200];
	struct bytes b;
	struct wr w;

	assert_int_equal(sms_addr_set(&d.oa, 0x91, "491234567890"), 0);
	s.da = d.oa;
	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(sms_deliver_enc(&d, &w), 0);
	assert_int_equal(wr_end(&w, &b), 0);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(sms_deliver_dec(bytes_sub(b, 0, n), &d), -EINVAL);
	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(sms_submit_enc(&s, &w), 0);
	assert_int_equal(wr_end(&w, &b), 0);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(sms_submit_dec(bytes_sub(b, 0, n), &s), -EINVAL);
}

static int setup(void **state)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256 + 3);
	crypto = crypto_alloc(NULL);
	return crypto ? 0 : -1;
}

static int teardown(void **state)
{
	talloc_free(crypto);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_opens),		 cmocka_unit_test(cut_is_refused),
		cmocka_unit_test(every_bit_counts),	 cmocka_unit_test(notification_bits_count),
		cmocka_unit_test(segments_join_again),	 cmocka_unit_test(cut_scripts_are_refused),
		cmocka_unit_test(cut_tpdus_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
