/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Secured packets against tests/vectors/scp80.json: every command, notification, response and reject. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "scp80/sp.h"
#include "tests/support/vec.h"

#define VECTORS "tests/vectors/scp80.json"

static struct crypto *crypto;

/* One vector under test. */
struct tv {
	void *ctx;
	struct sp_keys keys;
	struct sp_hdr hdr;
	enum sp_dialect dialect;
	struct bytes mac_input;
};

static const struct key *key_of(void *ctx, const json_t *v, const char *field, uint8_t kix)
{
	struct bytes value = vec_hex(ctx, v, field);
	struct key *key;

	if (value.len == 0)
		return NULL;
	assert_int_equal(key_import(ctx, (kix & 0x0f) == SP_ALG_AES ? KEY_AES : KEY_DES, value, &key), 0);
	return key;
}

static struct tv tv_start(const json_t *v, const char *spi_field)
{
	void *ctx = talloc_new(NULL);
	const char *transport = vec_str(v, "transport");
	struct tv tv = {.ctx = ctx, .dialect = transport && !strcmp(transport, "ip") ? SP_IP : SP_SMS};

	tv.hdr.kic = vec_str(v, "kic") ? (uint8_t)vec_num(v, "kic") : 0x12;
	tv.hdr.kid = vec_str(v, "kid") ? (uint8_t)vec_num(v, "kid") : 0x12;
	if (vec_str(v, spi_field))
		assert_int_equal(spi_dec((uint16_t)vec_num(v, spi_field), &tv.hdr.spi), 0);
	if (vec_str(v, "tar")) {
		tv.hdr.tar = (uint32_t)vec_num(v, "tar");
		tv.hdr.cntr = vec_num(v, "cntr");
	}
	tv.keys = (struct sp_keys){
		.crypto = crypto,
		.kic = key_of(ctx, v, "key_kic", tv.hdr.kic),
		.kid = key_of(ctx, v, "key_kid", tv.hdr.kid),
		.cc_len = json_object_get(v, "cc_len") ? vec_int(v, "cc_len") : 8,
	};
	return tv;
}

static bool is_notification(const struct tv *tv)
{
	return spi_enc(&tv->hdr.spi) == SPI_NOTIFICATION;
}

static int seal(const struct tv *tv, struct bytes data, struct wr *w)
{
	if (is_notification(tv))
		return sp_notif_seal(&tv->keys, sp_kvn(tv->hdr.kid), tv->hdr.tar, data, w);
	return sp_cmd_seal(&tv->keys, tv->dialect, &tv->hdr, data, w);
}

static void check_seal(const struct tv *tv, const json_t *v)
{
	struct bytes data = vec_hex(tv->ctx, v, "secured_data"), got;
	bool single_des = (tv->hdr.kic & 0x0f) == 1 && tv->hdr.spi.ciphered;
	uint8_t buf[2048];
	struct wr w;

	wr_init_buf(&w, buf, data.len + SP_OVERHEAD_MAX);
	if (single_des) {
		assert_int_equal(sp_cmd_seal(&tv->keys, tv->dialect, &tv->hdr, data, &w), -EPERM);
		assert_int_equal(sp_cmd_seal_any(&tv->keys, tv->dialect, &tv->hdr, data, &w), 0);
	} else {
		assert_int_equal(seal(tv, data, &w), 0);
	}
	assert_int_equal(wr_end(&w, &got), 0);
	assert_true(bytes_eq(got, vec_hex(tv->ctx, v, "expected_command_packet")));
}

static void check_command(const json_t *v)
{
	struct tv tv = tv_start(v, "spi");
	struct bytes pkt = vec_hex(tv.ctx, v, "expected_command_packet");
	struct sp_peek peek;
	struct sp_cmd cmd;
	uint8_t buf[2048];
	struct wr w;

	check_seal(&tv, v);
	wr_init_buf(&w, buf, pkt.len);
	assert_int_equal(sp_cmd_open(&tv.keys, tv.dialect, pkt, &w, &cmd), 0);
	assert_int_equal(spi_enc(&cmd.hdr.spi), vec_num(v, "spi"));
	assert_int_equal(cmd.hdr.kic, tv.hdr.kic);
	assert_int_equal(cmd.hdr.kid, tv.hdr.kid);
	assert_int_equal(cmd.hdr.tar, tv.hdr.tar);
	assert_int_equal(cmd.hdr.cntr, tv.hdr.cntr);
	assert_int_equal(cmd.pcntr, vec_int(v, "pcntr"));
	assert_true(bytes_eq(cmd.data, vec_hex(tv.ctx, v, "secured_data")));
	assert_true(bytes_eq(cmd.checksum, vec_hex(tv.ctx, v, "checksum")));
	assert_true(bytes_eq(cmd.plain, vec_hex(tv.ctx, v, "plaintext_after_header")));
	assert_int_equal(sp_cmd_peek(tv.dialect, pkt, &peek), 0);
	assert_int_equal(peek.hdr.tar, tv.hdr.tar);
	assert_int_equal(peek.checksum_len, cmd.checksum.len);
	if (is_notification(&tv)) {
		assert_true(bytes_eq(peek.data, cmd.data));
		assert_int_equal(sp_notif_open(&tv.keys, pkt, &cmd), 0);
		assert_true(bytes_eq(peek.data, cmd.data));
	} else {
		assert_true(sp_notif_open(&tv.keys, pkt, &cmd) < 0);
	}
	talloc_free(tv.ctx);
}

static void commands_and_notification(void **state)
{
	assert_int_equal(vec_each(VECTORS, "command", check_command), 39);
}

static void check_response(const json_t *v)
{
	struct tv tv = tv_start(v, "command_spi");
	const struct sp_por_hdr hdr = {
		.spi = tv.hdr.spi,
		.kic = tv.hdr.kic,
		.kid = tv.hdr.kid,
		.tar = tv.hdr.tar,
		.cntr = tv.hdr.cntr,
		.status = (uint8_t)vec_num(v, "status"),
	};
	struct bytes data = vec_hex(tv.ctx, v, "response_data"), pkt = vec_hex(tv.ctx, v, "expected_response_packet"),
		     got;
	struct sp_por_peek peek;
	struct sp_por por;
	uint8_t buf[2048];
	struct wr w;

	wr_init_buf(&w, buf, data.len + SP_OVERHEAD_MAX);
	assert_int_equal(sp_por_seal(&tv.keys, SP_SMS, &hdr, data, &w), 0);
	assert_int_equal(wr_end(&w, &got), 0);
	assert_true(bytes_eq(got, pkt));
	assert_string_equal(sp_status_name(hdr.status), vec_str(v, "status_text"));
	wr_init_buf(&w, buf, pkt.len);
	assert_int_equal(sp_por_open(&tv.keys, SP_SMS, &tv.hdr, pkt, &w, &por), 0);
	assert_int_equal(por.check, tv.hdr.spi.por_check);
	assert_int_equal(por.tar, hdr.tar);
	assert_int_equal(por.cntr, hdr.cntr);
	assert_int_equal(por.status, hdr.status);
	assert_int_equal(por.pcntr, vec_int(v, "pcntr"));
	assert_true(bytes_eq(por.data, data));
	assert_true(bytes_eq(por.checksum, vec_hex(tv.ctx, v, "checksum")));
	assert_int_equal(sp_por_peek(SP_SMS, pkt, &peek), 0);
	assert_int_equal(peek.tar, hdr.tar);
	assert_int_equal(peek.unsecured, vec_int(v, "cc_len") == 0);
	if (peek.unsecured) {
		assert_int_equal(peek.status, hdr.status);
		/* demanded and not delivered: the very same octets are refused */
		tv.hdr.spi.por_check = SP_CHECK_CC;
		tv.keys.cc_len = 8;
		assert_int_equal(sp_por_open(&tv.keys, SP_SMS, &tv.hdr, pkt, &w, &por), -EACCES);
		tv.hdr.spi.por_ciphered = true;
		assert_int_equal(sp_por_open(&tv.keys, SP_SMS, &tv.hdr, pkt, &w, &por), -EACCES);
	}
	talloc_free(tv.ctx);
}

static void responses(void **state)
{
	assert_int_equal(vec_each(VECTORS, "response", check_response), 23);
}

/* What each reject must come to; the vector file tells the reason. */
static const struct {
	const char *name;
	int rc;
} reject_rc[] = {
	{"G01", -EBADMSG}, {"G02", -EBADMSG}, {"G04", -EBADMSG}, {"G05", -EINVAL},  {"G06", -EINVAL}, {"G07", -EINVAL},
	{"G09", 0},	   {"G10", 0},	      {"G11", 0},	 {"G13", -EBADMSG}, {"G14", -EACCES},
};

static int rc_of(const char *name)
{
	for (size_t i = 0; i < sizeof(reject_rc) / sizeof(reject_rc[0]); i++) {
		if (!strncmp(reject_rc[i].name, name, 3))
			return reject_rc[i].rc;
	}
	fail_msg("%s is not in the table", name);
	return 0;
}

static void check_reject(const json_t *v)
{
	struct tv tv = tv_start(v, "command_spi");
	struct bytes pkt = vec_hex(tv.ctx, v, "packet");
	struct sp_cmd cmd;
	struct sp_por por;
	uint8_t buf[256];
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	if (!strcmp(vec_str(v, "direction"), "response")) {
		assert_int_equal(sp_por_open(&tv.keys, SP_SMS, &tv.hdr, pkt, &w, &por), rc_of(vec_name(v)));
		goto out;
	}
	rc = sp_cmd_open(&tv.keys, SP_SMS, pkt, &w, &cmd);
	assert_int_equal(rc, rc_of(vec_name(v)));
	if (rc < 0)
		assert_int_equal(w.len, 0);
	if (rc == 0)
		assert_int_equal(sp_counter_check(cmd.hdr.spi.counter, vec_num(v, "last_cntr"), cmd.hdr.cntr),
				 vec_num(v, "status_reported"));
out:
	talloc_free(tv.ctx);
}

static void rejects(void **state)
{
	assert_int_equal(vec_each(VECTORS, "reject", check_reject), 11);
}

/* ---- rules ---- */

struct set {
	void *ctx;
	struct sp_keys keys;
	struct sp_hdr hdr;
};

static struct set set_of(enum key_alg alg, size_t len, uint8_t kix, uint16_t spi)
{
	static const uint8_t value[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct set s = {.ctx = talloc_new(NULL), .hdr = {.kic = kix, .kid = kix, .tar = 1, .cntr = 5}};
	struct key *key;

	assert_int_equal(key_import(s.ctx, alg, bytes_of(value, len), &key), 0);
	assert_int_equal(spi_dec(spi, &s.hdr.spi), 0);
	s.keys = (struct sp_keys){.crypto = crypto, .kic = key, .kid = key, .cc_len = 8};
	return s;
}

static int try_seal(struct set *s)
{
	uint8_t buf[128];
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	rc = sp_cmd_seal(&s->keys, SP_SMS, &s->hdr, BYTES_LIT("x"), &w);
	if (rc < 0)
		assert_int_equal(w.len, 0);
	return rc;
}

static void aes_demands_a_counter_when_sending_only(void **state)
{
	static const struct {
		uint16_t spi;
		int rc;
	} tv[] = {
		{0x1639, 0},	  {0x1e39, 0},	    {0x0639, -EPERM}, {0x0e39, -EPERM},
		{0x0239, -EPERM}, {0x0439, -EPERM}, {0x0001, 0},      {0x1209, 0},
	};

	for (size_t i = 0; i < sizeof(tv) / sizeof(tv[0]); i++) {
		struct set s = set_of(KEY_AES, 16, 0x12, tv[i].spi);
		uint8_t buf[128], plain[128];
		struct bytes pkt;
		struct sp_cmd cmd;
		struct wr w, pw;

		assert_int_equal(try_seal(&s), tv[i].rc);
		wr_init_buf(&w, buf, sizeof(buf));
		wr_init_buf(&pw, plain, sizeof(plain));
		assert_int_equal(sp_cmd_seal_any(&s.keys, SP_SMS, &s.hdr, BYTES_LIT("x"), &w), 0);
		assert_int_equal(wr_end(&w, &pkt), 0);
		assert_int_equal(sp_cmd_open(&s.keys, SP_SMS, pkt, &pw, &cmd), 0);
		talloc_free(s.ctx);
	}
}

static void keys_must_suit_the_header(void **state)
{
	static const struct {
		enum key_alg alg;
		size_t len;
		uint8_t kix;
		int rc;
	} tv[] = {
		{KEY_AES, 16, 0x12, 0},	      {KEY_AES, 24, 0x12, 0},		{KEY_AES, 32, 0x12, 0},
		{KEY_DES, 16, 0x15, 0},	      {KEY_DES, 24, 0x19, 0},		{KEY_DES, 8, 0x11, -EPERM},
		{KEY_AES, 16, 0x10, 0},	      {KEY_DES, 16, 0x12, -EINVAL},	{KEY_AES, 16, 0x15, -EINVAL},
		{KEY_DES, 24, 0x15, -EINVAL}, {KEY_DES, 16, 0x19, -EINVAL},	{KEY_DES, 16, 0x11, -EINVAL},
		{KEY_DES, 8, 0x1d, -EPERM},   {KEY_DES, 16, 0x1d, -EOPNOTSUPP}, {KEY_AES, 16, 0x13, -EOPNOTSUPP},
		{KEY_PSK, 16, 0x12, -EINVAL}, {KEY_PSK, 16, 0x10, -EINVAL},
	};

	for (size_t i = 0; i < sizeof(tv) / sizeof(tv[0]); i++) {
		struct set s = set_of(tv[i].alg, tv[i].len, tv[i].kix, 0x1639);

		assert_int_equal(try_seal(&s), tv[i].rc);
		talloc_free(s.ctx);
	}
}

static void values_out_of_range(void **state)
{
	struct set s = set_of(KEY_AES, 16, 0x12, 0x1639), good = s;

	s.keys.cc_len = 6;
	assert_int_equal(try_seal(&s), -EINVAL);
	s.keys.cc_len = 4;
	assert_int_equal(try_seal(&s), 0);
	s = good;
	s.keys.kic = NULL;
	assert_int_equal(try_seal(&s), -EINVAL);
	s = good;
	s.hdr.tar = 0x1000000;
	assert_int_equal(try_seal(&s), -EINVAL);
	s = good;
	s.hdr.cntr = SP_CNTR_MAX + 1;
	assert_int_equal(try_seal(&s), -EINVAL);
	s = good;
	s.hdr.spi.check = SP_CHECK_DS;
	assert_int_equal(try_seal(&s), -EOPNOTSUPP);
	s.hdr.spi.check = SP_CHECK_RC;
	assert_int_equal(try_seal(&s), -EOPNOTSUPP);
	talloc_free(good.ctx);
}

static void no_room_is_an_error(void **state)
{
	struct set s = set_of(KEY_AES, 16, 0x12, 0x1639);
	uint8_t buf[64];
	struct bytes pkt;
	struct sp_cmd cmd;
	struct wr w;

	for (size_t cap = 0; cap < 26; cap++) {
		wr_init_buf(&w, buf, cap);
		assert_int_equal(sp_cmd_seal(&s.keys, SP_SMS, &s.hdr, BYTES_LIT("x"), &w), -ENOSPC);
	}
	wr_init_buf(&w, buf, 26);
	assert_int_equal(sp_cmd_seal(&s.keys, SP_SMS, &s.hdr, BYTES_LIT("x"), &w), 0);
	assert_int_equal(wr_end(&w, &pkt), 0);
	wr_init_buf(&w, buf + 32, 15);
	assert_int_equal(sp_cmd_open(&s.keys, SP_SMS, pkt, &w, &cmd), -ENOSPC);
	wr_init(&w, s.ctx);
	assert_int_equal(sp_cmd_open(&s.keys, SP_SMS, pkt, &w, &cmd), 0);
	talloc_free(s.ctx);
}

static void spi_round_trip_and_reserved_bits(void **state)
{
	for (unsigned int v = 0; v <= 0xffff; v++) {
		struct spi spi;
		int rc = spi_dec((uint16_t)v, &spi);

		assert_int_equal(rc, v & 0xe0c0 || (v & 3) == 3 ? -EINVAL : 0);
		if (rc == 0)
			assert_int_equal(spi_enc(&spi), v);
	}
}

static void counter_policy(void **state)
{
	static const struct {
		enum sp_counter mode;
		uint64_t stored, cntr;
		enum sp_status status;
	} tv[] = {
		{SP_CNTR_NONE, 9, 0, SP_ST_OK},
		{SP_CNTR_UNCHECKED, SP_CNTR_MAX, 0, SP_ST_OK},
		{SP_CNTR_HIGHER, 9, 9, SP_ST_CNTR_LOW},
		{SP_CNTR_HIGHER, 9, 8, SP_ST_CNTR_LOW},
		{SP_CNTR_HIGHER, 9, 10, SP_ST_OK},
		{SP_CNTR_HIGHER, 9, SP_CNTR_MAX, SP_ST_OK},
		{SP_CNTR_HIGHER, SP_CNTR_MAX, SP_CNTR_MAX, SP_ST_CNTR_BLOCKED},
		{SP_CNTR_HIGHER, SP_CNTR_MAX, 1, SP_ST_CNTR_BLOCKED},
		{SP_CNTR_ONE_HIGHER, 9, 10, SP_ST_OK},
		{SP_CNTR_ONE_HIGHER, 9, 11, SP_ST_CNTR_HIGH},
		{SP_CNTR_ONE_HIGHER, 9, 9, SP_ST_CNTR_LOW},
		{SP_CNTR_ONE_HIGHER, SP_CNTR_MAX - 1, SP_CNTR_MAX, SP_ST_OK},
	};

	for (size_t i = 0; i < sizeof(tv) / sizeof(tv[0]); i++)
		assert_int_equal(sp_counter_check(tv[i].mode, tv[i].stored, tv[i].cntr), tv[i].status);
	assert_string_equal(sp_status_name(0x0d), "reserved");
}

static void a_notification_without_checksum_is_refused(void **state)
{
	struct set s = set_of(KEY_AES, 16, 0x12, 0x0000);
	uint8_t buf[64];
	struct bytes pkt;
	struct sp_cmd cmd;
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(sp_cmd_seal_any(&s.keys, SP_SMS, &s.hdr, BYTES_LIT("\xe1\x00"), &w), 0);
	assert_int_equal(wr_end(&w, &pkt), 0);
	assert_int_equal(sp_notif_open(&s.keys, pkt, &cmd), -EACCES);
	/* SPI 0200 with CHL 0D, as some cards send it: the same answer */
	buf[3] = 0x02;
	assert_int_equal(sp_notif_open(&s.keys, pkt, &cmd), -EACCES);
	assert_int_equal(sp_notif_seal(&s.keys, 0, 1, pkt, &w), -EINVAL);
	assert_int_equal(sp_notif_seal(&s.keys, 16, 1, pkt, &w), -EINVAL);
	talloc_free(s.ctx);
}

/* PCNTR is honoured also where nothing is ciphered, and never reaches in front of the data. */
static void padding_counter_is_bounded(void **state)
{
	struct set s = set_of(KEY_AES, 16, 0x00, 0x0001);
	const size_t chl_at = 2, pcntr_at = 15;
	uint8_t buf[64];
	struct sp_peek peek;
	struct sp_cmd cmd;
	struct bytes pkt;
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(sp_cmd_seal(&s.keys, SP_SMS, &s.hdr, BYTES_LIT("1234567"), &w), 0);
	assert_int_equal(wr_end(&w, &pkt), 0);
	for (uint8_t n = 0; n <= 7; n++) {
		buf[pcntr_at] = n;
		assert_int_equal(sp_cmd_open(&s.keys, SP_SMS, pkt, NULL, &cmd), 0);
		assert_int_equal(cmd.data.len, 7 - n);
	}
	buf[pcntr_at] = 8;
	assert_int_equal(sp_cmd_open(&s.keys, SP_SMS, pkt, NULL, &cmd), -EINVAL);
	buf[pcntr_at] = 0;
	for (unsigned int chl = 0; chl <= 0xff; chl++) {
		buf[chl_at] = (uint8_t)chl;
		assert_int_equal(sp_cmd_open(&s.keys, SP_SMS, pkt, NULL, &cmd), chl == 13 ? 0 : -EINVAL);
		assert_int_equal(sp_cmd_peek(SP_SMS, pkt, &peek), chl >= 13 && chl <= 20 ? 0 : -EINVAL);
	}
	talloc_free(s.ctx);
}

static int setup(void **state)
{
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
		cmocka_unit_test(commands_and_notification),
		cmocka_unit_test(responses),
		cmocka_unit_test(rejects),
		cmocka_unit_test(aes_demands_a_counter_when_sending_only),
		cmocka_unit_test(keys_must_suit_the_header),
		cmocka_unit_test(values_out_of_range),
		cmocka_unit_test(no_room_is_an_error),
		cmocka_unit_test(spi_round_trip_and_reserved_bits),
		cmocka_unit_test(counter_policy),
		cmocka_unit_test(a_notification_without_checksum_is_refused),
		cmocka_unit_test(padding_counter_is_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
