/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SOAP: a message with one bit flipped anywhere is either refused or read as something that can be written and read
 * again with the same result; nothing is read out of bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/es/soap.h"
#include "tests/support/es_sample.h"

static struct es_ctx *es;

static void check_read(void *ctx, const struct soap_msg *msg)
{
	struct soap_out out = es_sample_out(ctx, msg->dir);
	struct soap_fault *fault;
	struct soap_msg *again;
	struct bytes first, second;

	if (msg->dir == ES_DIR_FAULT || msg->fn == WSMC_MAKE_CONNECTION)
		return;
	if (!msg->body) {
		assert_non_null(msg->bad.message);
		return;
	}
	assert_int_equal(soap_tx(ctx, &out, msg->fn, msg->dir, msg->body, &first), 0);
	assert_int_equal(soap_rx(es, ctx, first, SOAP_CONTENT_TYPE, &again, &fault), 0);
	assert_non_null(again->body);
	assert_int_equal(soap_tx(ctx, &out, again->fn, again->dir, again->body, &second), 0);
	assert_true(bytes_eq(first, second));
}

static void flip_each_octet(const char *path, unsigned step)
{
	void *ctx = talloc_new(NULL);
	struct bytes in = es_sample_file(ctx, path);

	for (size_t i = 0; i < in.len; i += step) {
		void *tmp = talloc_new(ctx);
		uint8_t *copy = talloc_memdup(tmp, in.data, in.len);
		struct soap_fault *fault;
		struct soap_msg *msg;

		copy[i] ^= (uint8_t)(1u << (i % 7));
		if (soap_rx(es, tmp, bytes_of(copy, in.len), SOAP_CONTENT_TYPE, &msg, &fault) == 0)
			check_read(tmp, msg);
		else
			assert_non_null(fault->reason);
		talloc_free(tmp);
	}
	talloc_free(ctx);
}

static void a_flipped_bit_is_refused_or_read_cleanly(void **state)
{
	flip_each_octet("tests/vectors/es/11-es4-enableprofile-request.xml", 1);
	flip_each_octet("tests/vectors/es/12-es4-enableprofile-callback-expired.xml", 1);
	flip_each_octet("tests/vectors/es/13-es4-handleprofiledisabled-notification.xml", 1);
	flip_each_octet("tests/vectors/es/21-soap-fault.xml", 1);
	flip_each_octet("tests/vectors/es/01-es1-registereis-request.xml", 3);
	flip_each_octet("tests/vectors/es/15-es7-handovereuicc-request.xml", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_bit_is_refused_or_read_cleanly),
	};
	int rc;

	es = es_ctx_alloc(NULL, NULL);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	talloc_free(es);
	return rc;
}
