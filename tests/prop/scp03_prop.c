/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SCP03 and SCP03t: what is sealed opens again, on both sides; what is cut anywhere or has any bit turned is refused
 * and ends the session.  The MAC contexts that keep their key against the ones that do not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/crypto/stream.h"
#include "scp03/scp03t.h"

static struct crypto *crypto;
static uint8_t pattern[3000];

struct pair {
	void *ctx;
	struct scp03 *off;
	struct scp03 *card;
	uint8_t rsp[SCP03_INIT_RSP_LEN];
};

static const struct key *key_at(const void *ctx, size_t at)
{
	struct key *key;

	assert_int_equal(key_import(ctx, KEY_AES, bytes_of(pattern + at, 16), &key), 0);
	return key;
}

/* Authenticated sessions, in either framing. */
static struct pair pair_open(bool tlv)
{
	struct pair p = {.ctx = talloc_new(NULL)};
	const struct scp03_keys keys = {0x30, key_at(p.ctx, 1), key_at(p.ctx, 20), key_at(p.ctx, 40)};
	struct bytes aid = bytes_of(pattern, 16), host = bytes_of(pattern + 9, 8);
	uint8_t challenge[SCP03_CHALLENGE_LEN];
	struct wr w, plain;

	assert_int_equal(scp03_predict(crypto, &keys, aid, 7, challenge), 0);
	assert_int_equal(scp03_open(crypto, p.ctx, &keys, host.data, challenge, &p.off), 0);
	assert_int_equal(scp03_card_init(crypto, p.ctx, &keys, aid, 7, host, &p.card, p.rsp), 0);
	wr_init(&w, p.ctx);
	wr_init(&plain, p.ctx);
	if (tlv) {
		const struct scp03t_answer init = {.tag = 0x84, .value = BYTES_ARR(p.rsp)}, auth = {.tag = 0x85};

		assert_int_equal(scp03t_put_auth(p.off, &w), 0);
		assert_int_equal(scp03t_card_auth(p.card, bytes_of(w.buf + 2, w.len - 2)), 0);
		assert_int_equal(scp03t_rx(p.off, &init, &plain), 0);
		assert_int_equal(scp03t_rx(p.off, &auth, &plain), 0);
	} else {
		assert_int_equal(scp03_put_auth(p.off, &w), 0);
		assert_int_equal(scp03_card_auth(p.card, bytes_of(w.buf, w.len)), 0);
		assert_int_equal(scp03_rx_init(p.off, BYTES_ARR(p.rsp)), 0);
	}
	return p;
}

static size_t value_at(const struct wr *tlv)
{
	return tlv->len < 130 ? 2 : tlv->len < 259 ? 3 : 4;
}

static struct bytes value_of(const struct wr *tlv)
{
	return bytes_of(tlv->buf + value_at(tlv), tlv->len - value_at(tlv));
}

static void segments_of_all_sizes(void **state)
{
	struct pair p = pair_open(true);

	for (size_t len = 0; len <= 2600; len += len < 70 ? 1 : 41) {
		struct bytes plain = bytes_of(pattern, len);
		struct scp03t_answer a = {.tag = 0x86};
		struct wr tlv, opened, answer, got;

		wr_init(&tlv, p.ctx);
		wr_init(&opened, p.ctx);
		wr_init(&answer, p.ctx);
		wr_init(&got, p.ctx);
		assert_int_equal(scp03t_seal(p.off, plain, &tlv), 0);
		assert_int_equal(scp03t_card_open(p.card, value_of(&tlv), &opened), 0);
		assert_true(bytes_eq(bytes_of(opened.buf, opened.len), plain));
		assert_int_equal(scp03t_card_answer(p.card, plain, &answer), 0);
		a.value = value_of(&answer);
		assert_int_equal(scp03t_rx(p.off, &a, &got), 0);
		assert_true(bytes_eq(bytes_of(got.buf, got.len), plain));
	}
	talloc_free(p.ctx);
}

static void commands_of_all_sizes(void **state)
{
	struct pair p = pair_open(false);

	for (size_t len = 0; len <= SCP03_DATA_MAX; len++) {
		struct bytes data = bytes_of(pattern, len);
		struct wr plain, cmd, opened, answer, got;
		uint16_t sw = 0;

		wr_init(&plain, p.ctx);
		wr_init(&cmd, p.ctx);
		wr_init(&opened, p.ctx);
		wr_init(&answer, p.ctx);
		wr_init(&got, p.ctx);
		wr_bytes(&plain, BYTES_LIT("\x80\xe2\x88\x00"));
		if (len)
			wr_uint(&plain, len, 1);
		wr_bytes(&plain, data);
		if (len % 2)
			wr_u8(&plain, 0);
		assert_int_equal(scp03_wrap(p.off, bytes_of(plain.buf, plain.len), &cmd), 0);
		assert_int_equal(scp03_card_open(p.card, bytes_of(cmd.buf, cmd.len), &opened), 0);
		assert_true(bytes_eq(bytes_of(plain.buf, plain.len), bytes_of(opened.buf, opened.len)));
		assert_int_equal(scp03_card_answer(p.card, data, 0x6310, &answer), 0);
		assert_int_equal(scp03_unwrap(p.off, bytes_of(answer.buf, answer.len), &got, &sw), 0);
		assert_int_equal(sw, 0x6310);
		assert_true(bytes_eq(bytes_of(got.buf, got.len), data));
	}
	talloc_free(p.ctx);
}

/* One try at the card with a segment of 40 octets. */
static void try_segment(size_t cut, size_t bit, bool tlv)
{
	struct pair p = pair_open(tlv);
	struct wr w, plain;
	struct bytes b;

	wr_init(&w, p.ctx);
	wr_init(&plain, p.ctx);
	if (tlv)
		assert_int_equal(scp03t_seal(p.off, bytes_of(pattern, 40), &w), 0);
	else
		assert_int_equal(scp03_wrap(p.off,
					    BYTES_LIT("\x80\xe2\x88\x00\x03"
						      "abc"),
					    &w),
				 0);
	b = tlv ? value_of(&w) : bytes_of(w.buf, w.len);
	if (bit < 8 * b.len)
		((uint8_t *)b.data)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	b.len = cut < b.len ? cut : b.len;
	assert_true((tlv ? scp03t_card_open(p.card, b, &plain) : scp03_card_open(p.card, b, &plain)) < 0);
	assert_int_equal(plain.len, 0);
	assert_false(scp03_alive(p.card));
	talloc_free(p.ctx);
}

static void damaged_commands(void **state)
{
	for (size_t cut = 0; cut < 56; cut++)
		try_segment(cut, SIZE_MAX, true);
	for (size_t bit = 0; bit < 56 * 8; bit++)
		try_segment(SIZE_MAX, bit, true);
	for (size_t cut = 0; cut < 29; cut++)
		try_segment(cut, SIZE_MAX, false);
	for (size_t bit = 0; bit < 29 * 8; bit++)
		try_segment(SIZE_MAX, bit, false);
}

static void try_answer(size_t cut, size_t bit, bool tlv)
{
	struct pair p = pair_open(tlv);
	struct scp03t_answer a = {.tag = 0x86};
	struct wr cmd, plain, answer, got;
	uint16_t sw = 0;
	struct bytes b;
	int rc;

	wr_init(&cmd, p.ctx);
	wr_init(&plain, p.ctx);
	wr_init(&answer, p.ctx);
	wr_init(&got, p.ctx);
	if (tlv) {
		assert_int_equal(scp03t_seal(p.off, bytes_of(pattern, 9), &cmd), 0);
		assert_int_equal(scp03t_card_open(p.card, value_of(&cmd), &plain), 0);
		assert_int_equal(scp03t_card_answer(p.card, bytes_of(pattern, 20), &answer), 0);
	} else {
		assert_int_equal(scp03_wrap(p.off, BYTES_LIT("\x80\xca\x00\xc1"), &cmd), 0);
		assert_int_equal(scp03_card_open(p.card, bytes_of(cmd.buf, cmd.len), &plain), 0);
		assert_int_equal(scp03_card_answer(p.card, bytes_of(pattern, 20), 0x9000, &answer), 0);
	}
	b = tlv ? value_of(&answer) : bytes_of(answer.buf, answer.len);
	if (bit < 8 * b.len)
		((uint8_t *)b.data)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	b.len = cut < b.len ? cut : b.len;
	a.value = b;
	rc = tlv ? scp03t_rx(p.off, &a, &got) : scp03_unwrap(p.off, b, &got, &sw);
	assert_int_equal(got.len, 0);
	assert_true(rc < 0);
	assert_false(scp03_alive(p.off));
	talloc_free(p.ctx);
}

static void damaged_answers(void **state)
{
	/* An empty 86 is an answer without data, which carries no MAC. */
	for (size_t cut = 1; cut < 40; cut++)
		try_answer(cut, SIZE_MAX, true);
	for (size_t bit = 0; bit < 40 * 8; bit++)
		try_answer(SIZE_MAX, bit, true);
	/* Two octets alone are a status word; what ciphertext looks like one is an error of the card. */
	for (size_t cut = 0; cut < 42; cut++) {
		if (cut != 2)
			try_answer(cut, SIZE_MAX, false);
	}
	for (size_t bit = 0; bit < 42 * 8; bit++)
		try_answer(SIZE_MAX, bit, false);
}

/* Contexts that keep their key chain on; the result must be the one of a context without a past. */
static void streams_have_no_memory(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct key *key = key_at(ctx, 100);
	struct cipher_stream *s;
	uint8_t buf[600], mac[16], want[16];

	assert_int_equal(cipher_stream_alloc(ctx, key, &s), 0);
	for (size_t len = 17; len < 500; len += 3) {
		struct bytes msg = bytes_of(pattern + len, len);
		size_t whole = len - len % 16 + 16;

		memcpy(buf, msg.data, len);
		assert_int_equal(cipher_stream_cmac(s, buf, len, mac), 0);
		assert_int_equal(key_mac(crypto, key, &msg, 1, want, sizeof(want)), 0);
		assert_memory_equal(mac, want, 16);
		assert_memory_equal(buf + 16, msg.data + 16, len - 16);
		memcpy(buf, pattern + len, whole);
		assert_int_equal(cipher_stream_cbc(s, buf, whole), 0);
		assert_int_equal(key_encrypt_block(crypto, key, pattern + len, want), 0);
		assert_memory_equal(buf, want, 16);
		assert_int_equal(key_cbc_decrypt(crypto, key, want, bytes_of(buf + 16, whole - 16), buf + 16), 0);
		assert_memory_equal(buf + 16, pattern + len + 16, whole - 16);
	}
	assert_int_equal(cipher_stream_cmac(s, buf, 16, mac), -EINVAL);
	assert_int_equal(cipher_stream_cbc(s, buf, 40), -EINVAL);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_of_all_sizes),  cmocka_unit_test(commands_of_all_sizes),
		cmocka_unit_test(damaged_commands),	  cmocka_unit_test(damaged_answers),
		cmocka_unit_test(streams_have_no_memory),
	};
	int rc;

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
	crypto = crypto_alloc(NULL);
	if (!crypto)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	talloc_free(crypto);
	return rc;
}
