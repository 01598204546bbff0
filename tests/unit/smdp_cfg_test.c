/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The example configuration of smdp: read, written by "show running-config", read again, the same; and what is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "smdp/daemon.h"
#include "tests/support/config.h"

#define EXAMPLE "docs/examples/smdp.cfg"

static struct smdp_daemon *d;

static int setup(void **state)
{
	d = config_init(&smdp_app);
	return 0;
}

static int read_from(FILE *f)
{
	int rc;

	assert_non_null(f);
	d->cfg = smdp_cfg_alloc(d);
	rc = vty_read_config_filep(f, d);
	fclose(f);
	return rc;
}

static int read_text(const char *text)
{
	return read_from(fmemopen((void *)text, strlen(text), "r"));
}

static void the_example_says_what_it_seems_to(void **state)
{
	const struct smdp_cfg *def = smdp_cfg_alloc(d);
	const char *why = "";

	assert_int_equal(read_from(fopen(EXAMPLE, "r")), 0);
	assert_int_equal(smdp_cfg_check(d, d->cfg, &why), 0);
	assert_string_equal(d->cfg->oid, "1.3.6.1.4.1.32473.20");
	assert_int_equal(d->cfg->https.n_listen, 2);
	assert_int_equal(d->cfg->https.listen[1].port, 8444);
	assert_int_equal(d->cfg->n_peers, 2);
	assert_string_equal(d->cfg->peers[1].tls.subject, "CN=mno.example.net,O=Other operator,C=XX");
	assert_int_equal(d->cfg->peers[0].rights, RIGHT_READ | RIGHT_MANAGE | RIGHT_DOWNLOAD);
	assert_int_equal(d->cfg->peers[1].rights, RIGHT_READ);
	assert_int_equal(d->cfg->n_smsrs, 1);
	assert_int_equal(d->cfg->smsrs[0].chunk, 65536);
	assert_true(d->cfg->smsrs[0].no_second_session);
	assert_int_equal(d->cfg->n_eums, 1);
	/* It claims to show the defaults. */
	assert_memory_equal(&d->cfg->limits, &def->limits, sizeof(def->limits));
	assert_memory_equal(&d->cfg->download, &def->download, sizeof(def->download));
}

static void written_and_read_again_it_is_the_same(void **state)
{
	static const char *const defaults[] = {"limit ", "download ",  "no download",
					       "stock ", "free-space", NULL} /* are not written */;
	char *first, *second;

	assert_int_equal(read_from(fopen(EXAMPLE, "r")), 0);
	first = config_running(d);
	config_assert_kept(EXAMPLE, "smdp", first, defaults);
	assert_int_equal(read_text(strstr(first, "\nsmdp") + 1), 0);
	second = config_running(d);
	assert_string_equal(first, second);
}

static void wrong_lines_are_refused(void **state)
{
	static const char *const wrong[] = {
		"smdp\n entity-id 1..2\n",
		"smdp\n limit nonsense-s 1\n",
		"smdp\n limit es3-retry-min-s 0\n",
		"smdp\n limit es3-timeout-s 5000000\n",
		"smdp\n limit queue-max 2147483647\n",
		"smdp\n peer p\n  entity-id x\n",
		"smdp\n https\n  listen 1.2.3.4 70000\n",
		"smsr\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(read_text(wrong[i]) < 0);
}

#define HTTPS " https\n  ca a\n  certificate c\n  key k\n"
#define LISTEN "  listen ::1 1\n"
#define OWN "smdp\n entity-id 1.2\n uri u\n database d\n master-key k\n"
#define SMSR " sm-sr s\n  entity-id 1.4\n  tls serial-number x\n"

static void what_is_missing_is_named(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{"smdp\n", "entity-id"},
		{"smdp\n entity-id 1.2\n", "uri"},
		{"smdp\n entity-id 1.2\n uri u\n", "database"},
		{"smdp\n entity-id 1.2\n uri u\n database d\n", "master-key"},
		{OWN " dp-key k\n", "belong together"},
		{OWN " limit sync-wait-s 60\n", "sync-wait-s"},
		{OWN, "https / ca"},
		{OWN HTTPS, "https / listen"},
		{OWN HTTPS LISTEN " peer p\n", "peer p: no entity-id"},
		{OWN HTTPS LISTEN " peer p\n  entity-id 1.3\n", "peer p: nothing says"},
		{OWN HTTPS LISTEN " peer p\n  entity-id 1.3\n  tls serial-number x\n peer q\n  entity-id 1.3\n",
		 "peer q: another peer"},
		{OWN HTTPS LISTEN SMSR, "sm-sr s: es3-url"},
		{OWN HTTPS LISTEN SMSR "  es3-url http://x/\n", "sm-sr s: es3-url"},
		{OWN HTTPS LISTEN SMSR "  es3-url https://x/\n peer p\n  entity-id 1.4\n", "peer p: another peer"},
		{OWN HTTPS LISTEN " eum e\n  entity-id 1.5\n", "eum e"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = "";

		assert_int_equal(read_text(cases[i].text), 0);
		assert_int_equal(smdp_cfg_check(d, d->cfg, &why), -EINVAL);
		assert_non_null(strstr(why, cases[i].why));
	}
}

static void a_peer_is_who_matches_in_everything_given(void **state)
{
	struct tls_peer tls = {.fingerprint = {0xab}, .subject = "CN=a", .serial_number = "1.3"};
	static const char *const rules[] = {"serial-number 1.3", "subject CN=a", "subject CN=b", NULL};
	static const bool known[] = {true, true, false};
	const char *own = "AB00000000000000000000000000000000000000000000000000000000000000";

	for (size_t i = 0; rules[i]; i++) {
		char *text = talloc_asprintf(d, "smdp\n peer p\n  entity-id 1.3\n  tls %s\n  tls fingerprint %s\n",
					     rules[i], own);

		assert_int_equal(read_text(text), 0);
		assert_int_equal(smdp_cfg_peer_of(d->cfg, &tls) != NULL, known[i]);
	}
	tls.fingerprint[31] = 1;
	assert_int_equal(read_text(talloc_asprintf(d, "smdp\n peer p\n  entity-id 1.3\n  tls fingerprint %s\n", own)),
			 0);
	assert_null(smdp_cfg_peer_of(d->cfg, &tls));
	assert_int_equal(read_text("smdp\n peer p\n  entity-id 1.3\n"), 0);
	assert_null(smdp_cfg_peer_of(d->cfg, &tls));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_says_what_it_seems_to),
		cmocka_unit_test(written_and_read_again_it_is_the_same),
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(a_peer_is_who_matches_in_everything_given),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
