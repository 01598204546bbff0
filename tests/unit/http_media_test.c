/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/http_media.h"

static void soap_content_type(void **state)
{
	void *ctx = talloc_new(NULL);
	struct http_media m;

	assert_int_equal(http_media_parse(ctx,
					  "Application/SOAP+xml ; charset=UTF-8;action=\"http://gsma.com/ES4/x?\\\"y\"",
					  &m),
			 0);
	assert_string_equal(m.type, "application/soap+xml");
	assert_string_equal(m.charset, "utf-8");
	assert_string_equal(m.action, "http://gsma.com/ES4/x?\"y");
	assert_int_equal(http_media_parse(ctx, "text/xml;", &m), 0);
	assert_string_equal(m.type, "text/xml");
	assert_null(m.action);
	assert_null(m.charset);
	assert_int_equal(http_media_parse(ctx, "multipart/related; type=\"a/b\"; start=<x>", &m), -EINVAL);
	assert_int_equal(http_media_parse(ctx, "multipart/related; type=\"a/b\"; boundary=x", &m), 0);
	talloc_free(ctx);
}

static void malformed_content_types(void **state)
{
	static const char *const bad[] = {
		"",
		"text",
		"/xml",
		"text/",
		"text/xml x",
		"text/xml; action",
		"a/b;c=",
		"a/b;action=\"",
		"a/b;action=\"x",
		"a/b;action=\"\\",
		"a/b;action=\"\n\"",
		"a/b;=c",
		"a/b;;c=d;e",
		"a/b;action=x;action=y",
	};
	void *ctx = talloc_new(NULL);
	struct http_media m = {"untouched", NULL, NULL};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (http_media_parse(ctx, bad[i], &m) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_string_equal(m.type, "untouched");
	}
	assert_int_equal(http_media_parse(ctx, NULL, &m), -EINVAL);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(soap_content_type),
		cmocka_unit_test(malformed_content_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
