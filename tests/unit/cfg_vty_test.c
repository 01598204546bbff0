/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The example configuration: read, written back, read again, compared; and what the commands refuse. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <talloc.h>

#include "smsr/daemon.h"
#include "smsr/smsr_vty.h"
#include "tests/support/config.h"

#define EXAMPLE "docs/examples/smsr.cfg"

static struct smsr_daemon *d;

static int setup(void **state)
{
	d = config_init(&smsr_app);
	return 0;
}

static struct smsr_cfg *read_file(const char *path)
{
	struct smsr_cfg *cfg = smsr_cfg_alloc(d);

	d->edit = cfg;
	assert_int_equal(smsr_vty_read(path), 0);
	return cfg;
}

/* Reads text as a configuration file.  \returns result of the reader */
static int read_text(const char *text)
{
	char path[] = "/tmp/smsr-cfg-XXXXXX";
	int fd = mkstemp(path);
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	d->edit = smsr_cfg_alloc(d);
	rc = smsr_vty_read(path);
	unlink(path);
	return rc;
}

static void the_example_says_what_it_seems_to(void **state)
{
	struct smsr_cfg *cfg = read_file(EXAMPLE);
	const struct smsr_cfg *def = smsr_cfg_alloc(d);
	const char *why = "";

	/* Only a file of TLS towards the service centre is missed at this place. */
	assert_int_equal(smsr_cfg_check(d, cfg, &why), -EINVAL);
	assert_non_null(strstr(why, "smsc example"));
	assert_string_equal(cfg->oid, "1.3.6.1.4.1.32473.30");
	assert_int_equal(cfg->https.n_listen, 2);
	assert_int_equal(cfg->https.listen[1].port, 8443);
	assert_int_equal(cfg->n_peers, 3);
	assert_int_equal(cfg->peers[0].roles, PEER_EUM);
	assert_string_equal(cfg->peers[1].tls.subject, "CN=smdp.example.net,O=Example SM-DP,C=XX");
	assert_true(cfg->peers[1].notify_mno_id);
	assert_int_equal(cfg->peers[2].max_validity_s, 604800);
	assert_int_equal(cfg->bearer.n_listen, 1);
	assert_int_equal(cfg->bearer.n_fleets, 1);
	assert_string_equal(cfg->bearer.fleets[0]->eums[0], cfg->peers[0].oid);
	assert_int_equal(https_bearer_check(d, &cfg->bearer, &why), 0);
	assert_int_equal(cfg->n_smscs, 1);
	assert_true(cfg->smscs[0].link.tls);
	assert_int_equal(cfg->smscs[0].link.window, 10);
	assert_int_equal(cfg->smscs[0].link.n_data_coding, 2);
	assert_int_equal(cfg->smscs[0].link.n_rules, 1);
	/* It claims to show the defaults. */
	assert_memory_equal(&cfg->limits, &def->limits, sizeof(cfg->limits));
}

static void written_and_read_again_it_is_the_same(void **state)
{
	struct smsr_cfg *first = read_file(EXAMPLE);
	struct smsr_cfg *second = smsr_vty_copy(d, first);
	char *a = smsr_vty_text(d, d, first, false), *b = smsr_vty_text(d, d, second, false);

	assert_string_equal(a, b);
	assert_memory_equal(&first->limits, &second->limits, sizeof(first->limits));
	assert_int_equal(second->checkpoint_pages, 4000);
	assert_int_equal(second->ecasd_check, first->ecasd_check);
	assert_string_equal(second->smscs[0].link.tls_name, "smsc.example.net");
	assert_string_equal(second->peers[2].tls.fingerprint, first->peers[2].tls.fingerprint);
	assert_non_null(strstr(a, " smsc example\n"));
	assert_null(strstr(smsr_vty_text(d, d, first, true), "peer"));
}

static void nothing_of_the_example_is_lost(void **state)
{
	static const char *const defaults[] = {"limit ", "no ", "ecasd", "free-space", NULL}; /* are not written */

	config_assert_kept(EXAMPLE, "smsr", smsr_vty_text(d, d, read_file(EXAMPLE), false), defaults);
}

static void every_setting_survives(void **state)
{
	struct smsr_cfg *copy;

	assert_int_equal(
		read_text("smsr\n late-notification-confirm\n omit-filtered-parts\n no ecasd-check\n"
			  " limit bulk-per-s 7\n free-space-min 1\n peer p\n  role mno\n  role sm-dp\n  acts-for "
			  "1.2.3\n  acts-for 1.2.4\n  acts-for 1.2.3\n"
			  " smsc s\n  remote h 1\n  bind transmitter-receiver\n  mode forward\n  receipts all\n"
			  "  validity absolute\n  message-id dec-hex\n  source 5 0 abc\n"),
		0);
	copy = smsr_vty_copy(d, d->edit);
	assert_true(copy->late_notification_confirm && copy->omit_filtered_parts && !copy->ecasd_check);
	assert_int_equal(copy->limits.bulk_per_s, 7);
	assert_int_equal(copy->limits.free_space_min, 1 << 20);
	assert_int_equal(copy->peers[0].roles, PEER_MNO | PEER_SMDP);
	assert_int_equal(copy->peers[0].n_acts_for, 2);
	assert_true(peer_acts_for(&copy->peers[0], "1.2.4") && !peer_acts_for(&copy->peers[0], "1.2.5"));
	assert_int_equal(copy->smscs[0].link.bind_mode, SMPP_BIND_TX_RX);
	assert_int_equal(copy->smscs[0].link.esm_class, 0x42);
	assert_int_equal(copy->smscs[0].link.receipts, SMPP_RECEIPT_ALL);
	assert_int_equal(copy->smscs[0].link.validity, SMPP_VALIDITY_ABSOLUTE);
	assert_int_equal(copy->smscs[0].link.msgid_type, SMPP_MSGID_DEC_HEX);
	assert_true(bytes_eq(copy->smscs[0].link.source.digits, BYTES_LIT("abc")));
}

static void wrong_lines_are_refused(void **state)
{
	static const char *const wrong[] = {
		"smsr\n entity-id 1..2\n",
		"smsr\n limit nonsense-s 1\n",
		"smsr\n limit counter-margin 0\n", /* counters would come again */
		"smsr\n limit por-copies 64\n",
		"smsr\n limit sms-parts-max 0\n",
		"smsr\n limit callback-retry-min-s 0\n",
		"smsr\n limit callback-timeout-s 5000000\n", /* no unsigned number of milliseconds */
		"smsr\n nonsense\n",
		"smsr\n smsc s\n  data-coding XX\n",
		"smsr\n peer p\n  acts-for 1..2\n",
		"smsr\n https\n  listen 1.2.3.4 70000\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(read_text(wrong[i]) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_says_what_it_seems_to),
		cmocka_unit_test(written_and_read_again_it_is_the_same),
		cmocka_unit_test(nothing_of_the_example_is_lost),
		cmocka_unit_test(every_setting_survives),
		cmocka_unit_test(wrong_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
