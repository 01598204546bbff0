/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Expected octets were written by hand from the description of the objects. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp81/trigger.h"
#include "tests/support/vec.h"

/* default bearer, 1024 octets, APN m2m.test, user u, password p, port 8443, 192.0.2.1 */
#define CONN                     \
	"350103"                 \
	"39020400"               \
	"4709036D326D0474657374" \
	"0D020475"               \
	"0D020470"               \
	"3C030220FB"             \
	"3E0521C0000201"
/* identity "AB", KVN 40, KID 1 */
#define SECURITY \
	"024142" \
	"024001"
/* 3 times, 15 minutes */
#define RETRY  \
	"0003" \
	"2503005100"
/* host, a/b, /x */
#define POST           \
	"8A04686F7374" \
	"8B03612F62"   \
	"8C022F78"
#define OBJECTS "8426" CONN "8506" SECURITY "8607" RETRY "890F" POST
#define FULL   \
	"8154" \
	"834A" OBJECTS "B306D604612E6263"

static struct trigger full(void)
{
	static const uint8_t address[] = {192, 0, 2, 1}, bearer[] = {3};

	return (struct trigger){
		.conn = {.bearer = BYTES_ARR(bearer),
			 .buffer_size = 1024,
			 .apn = "m2m.test",
			 .user = BYTES_LIT("u"),
			 .password = BYTES_LIT("p"),
			 .port = 8443,
			 .address = BYTES_ARR(address)},
		.security = {.psk_id = BYTES_LIT("AB"), .kvn = 0x40, .kid = 1, .hash = -1},
		.retry = {.counter = 3, .delay_s = 15 * 60},
		.post = {.host = "host", .agent = "a/b", .uri = "/x"},
		.dns = {.fqdn = "a.bc"},
		.has_conn = true,
		.has_security = true,
		.has_retry = true,
		.has_post = true,
		.has_dns = true,
	};
}

static void assert_octets(int (*enc)(const struct trigger *t, struct wr *w), const struct trigger *t, const char *hex)
{
	void *ctx = talloc_new(NULL);
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	assert_int_equal(enc(t, &w), 0);
	assert_int_equal(wr_end(&w, &out), 0);
	assert_string_equal(hex_enc(ctx, out), hex);
	talloc_free(ctx);
}

static void writes(void **state)
{
	struct trigger t = full();

	assert_octets(trigger_enc, &t, FULL);
	assert_octets(trigger_objects_enc, &t, OBJECTS);
	t = (struct trigger){0};
	assert_octets(trigger_objects_enc, &t, "");
	t = (struct trigger){.has_security = true, .security = {.kvn = 0x41, .kid = 1, .hash = 2}};
	assert_octets(trigger_enc, &t,
		      "8109"
		      "8307"
		      "8505"
		      "0002410102");
	t = (struct trigger){.has_retry = true, .retry = {.counter = 258, .delay_s = 99 * 3600 + 59 * 60 + 59}};
	assert_octets(trigger_enc, &t,
		      "810B"
		      "8309"
		      "8607"
		      "0102"
		      "2503999595");
}

static void default_is_the_vector(const json_t *v)
{
	const struct trigger none = {0};
	struct trigger t;
	void *ctx = talloc_new(NULL);

	if (strcmp(vec_name(v), "A10-https-trigger-no-por") == 0) {
		assert_octets(trigger_enc, &none, vec_str(v, "secured_data"));
		assert_int_equal(trigger_dec(ctx, vec_hex(ctx, v, "secured_data"), &t), 0);
		assert_false(t.has_conn || t.has_security || t.has_retry || t.has_post || t.has_dns);
	}
	talloc_free(ctx);
}

static void stored_parameters(void **state)
{
	assert_true(vec_each("tests/vectors/scp80.json", "command", default_is_the_vector) > 0);
}

static int dec(const void *ctx, const char *hex, struct trigger *t)
{
	return trigger_dec(ctx, unhex(ctx, hex), t);
}

static void assert_full(const struct trigger *t)
{
	const struct trigger want = full();

	assert_true(t->has_conn && t->has_security && t->has_retry && t->has_post && t->has_dns);
	assert_true(bytes_eq(t->conn.bearer, want.conn.bearer));
	assert_int_equal(t->conn.buffer_size, 1024);
	assert_string_equal(t->conn.apn, "m2m.test");
	assert_true(bytes_eq(t->conn.user, want.conn.user));
	assert_true(bytes_eq(t->conn.password, want.conn.password));
	assert_int_equal(t->conn.port, 8443);
	assert_true(bytes_eq(t->conn.address, want.conn.address));
	assert_true(bytes_eq(t->security.psk_id, want.security.psk_id));
	assert_int_equal(t->security.kvn, 0x40);
	assert_int_equal(t->security.kid, 1);
	assert_int_equal(t->security.hash, -1);
	assert_int_equal(t->retry.counter, 3);
	assert_int_equal(t->retry.delay_s, 900);
	assert_int_equal(t->retry.report.len, 0);
	assert_string_equal(t->post.host, "host");
	assert_string_equal(t->post.agent, "a/b");
	assert_string_equal(t->post.uri, "/x");
	assert_string_equal(t->dns.fqdn, "a.bc");
	assert_int_equal(t->dns.conn.len, 0);
}

static void reads(void **state)
{
	void *ctx = talloc_new(NULL);
	struct trigger t;

	assert_int_equal(dec(ctx, FULL, &t), 0);
	assert_full(&t);
	/* delay under A5, comprehension bits, other order, objects that nobody knows */
	assert_int_equal(dec(ctx,
			     "8154"
			     "B306D604612E6263"
			     "834A"
			     "890F" POST "8607"
			     "0003"
			     "A503005100"
			     "8506" SECURITY "8426"
			     "B50103"
			     "BE0521C0000201"
			     "BC030220FB"
			     "B9020400"
			     "8D020475"
			     "8D020470"
			     "C709036D326D0474657374",
			     &t),
			 0);
	assert_full(&t);
	assert_int_equal(dec(ctx,
			     "8158"
			     "C8020102"
			     "834A" OBJECTS "B306D604612E6263",
			     &t),
			 0);
	assert_full(&t);
	assert_int_equal(dec(ctx,
			     "8117"
			     "8315"
			     "8413"
			     "3E115720010DB8000000000000000000000001",
			     &t),
			 0);
	assert_int_equal(t.conn.address.len, 16);
	assert_int_equal(dec(ctx,
			     "8109"
			     "8307"
			     "8605"
			     "0001"
			     "870155",
			     &t),
			 0);
	assert_int_equal(t.retry.counter, 1);
	assert_int_equal(t.retry.delay_s, 0);
	assert_int_equal(t.retry.report.len, 1);
	assert_int_equal(trigger_objects_dec(ctx, unhex(ctx, OBJECTS), &t), 0);
	assert_true(t.has_conn && t.has_security && t.has_retry && t.has_post && !t.has_dns);
	talloc_free(ctx);
}

static void refuses(void **state)
{
	const char *const bad[] = {
		"",
		"81",
		"8101",
		"8200",
		"810000",
		"8104"
		"8300"
		"8300", /* twice */
		"8104"
		"8302"
		"8400"
		"8400", /* more than the length says */
		"8106"
		"8304"
		"8400"
		"8400", /* object twice */
		"8106"
		"8304"
		"8402"
		"3500", /* no type of bearer */
		"8107"
		"8305"
		"8403"
		"390104", /* one octet for the size */
		"8109"
		"8307"
		"8405"
		"3C030120FB", /* UDP */
		"8109"
		"8307"
		"8405"
		"3C03020000", /* port 0 */
		"810B"
		"8309"
		"8407"
		"3E0557C0000201", /* IPv4 as IPv6 */
		"8107"
		"8305"
		"8403"
		"470103", /* label without octets */
		"8107"
		"8305"
		"8403"
		"470100",
		"8108"
		"8306"
		"8404"
		"4702012E", /* a dot in a label */
		"8107"
		"8305"
		"8403"
		"0D0104", /* empty text */
		"8108"
		"8306"
		"8404"
		"0D020875", /* UCS2 */
		"8110"
		"830E"
		"840C"
		"0D020475"
		"0D020470"
		"0D020471",
		"8108"
		"8306"
		"8504"
		"03414202", /* identity cut */
		"8107"
		"8305"
		"8503"
		"000240",
		"8108"
		"8306"
		"8504"
		"00034001",
		"810A"
		"8308"
		"8506"
		"000240010203", /* behind the hash type */
		"8105"
		"8303"
		"8601"
		"00",
		"810B"
		"8309"
		"8607"
		"0003"
		"250300A100", /* no digit */
		"810B"
		"8309"
		"8607"
		"0003"
		"2503000600", /* 60 minutes */
		"810A"
		"8308"
		"8606"
		"0003"
		"25020051",
		"8107"
		"8305"
		"8903"
		"8A0120", /* blank */
		"8106"
		"8304"
		"8902"
		"8A00",
		"8105"
		"B303"
		"D60100",
	};
	struct trigger t, before;
	void *ctx = talloc_new(NULL);

	memset(&t, 0xee, sizeof(t));
	before = t;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(dec(ctx, bad[i], &t), -EINVAL);
	assert_memory_equal(&t, &before, sizeof(t));
	talloc_free(ctx);
}

static void assert_unwritable(struct trigger t)
{
	void *ctx = talloc_new(NULL);
	struct wr w;

	wr_init(&w, ctx);
	assert_int_equal(trigger_enc(&t, &w), -EINVAL);
	talloc_free(ctx);
}

static void cannot_be_written(void **state)
{
	uint8_t long_id[256] = {0}, small[8];
	struct trigger t;
	struct wr w;

	assert_unwritable((struct trigger){.has_conn = true, .conn.apn = "a..b"});
	assert_unwritable((struct trigger){.has_conn = true, .conn.apn = ""});
	assert_unwritable((struct trigger){.has_conn = true, .conn.password = BYTES_LIT("p")});
	assert_unwritable((struct trigger){.has_conn = true, .conn.address = BYTES_LIT("abc")});
	assert_unwritable(
		(struct trigger){.has_security = true, .security = {.psk_id = BYTES_ARR(long_id), .hash = -1}});
	assert_unwritable((struct trigger){.has_retry = true, .retry.delay_s = 100 * 3600});
	assert_unwritable((struct trigger){.has_post = true, .post.host = "two words"});
	assert_unwritable((struct trigger){.has_dns = true, .dns.fqdn = "\r\n"});
	t = full();
	wr_init_buf(&w, small, sizeof(small));
	assert_int_equal(trigger_enc(&t, &w), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),  cmocka_unit_test(stored_parameters), cmocka_unit_test(reads),
		cmocka_unit_test(refuses), cmocka_unit_test(cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
