/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A database that went back in time: backup, file put back by hand, lost side file.  No counter is used twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>

#include "common/app/clock.h"
#include "smsr/eis_db.h"
#include "smsr/op_db.h"
#include "smsr/restore.h"
#include "tests/support/world.h"

static int setup(void **state)
{
	struct world *w;

	assert_int_equal(world_setup(state), 0);
	w = *state;
	world_stop(w);
	w->cfg->database = talloc_asprintf(w->cfg, "%s/smsr.db", w->dir);
	world_start(w);
	return 0;
}

static void shell(struct world *w, const char *fmt, const char *a, const char *b)
{
	char *cmd = talloc_asprintf(w->ctx, "cd %s && %s %s %s", w->dir, fmt, a, b);

	assert_int_equal(system(cmd), 0);
}

static uint64_t counter(struct world *w)
{
	struct keyset ks;
	struct euicc e;

	assert_int_equal(eis_db_by_eid(w->ctx, w->db, w->card_data.eid_bcd, &e), 0);
	assert_int_equal(eis_db_keyset(w->db, e.id, KEYSET_SCP80, 0, &ks), 0);
	return ks.cntr;
}

static int64_t epoch(struct world *w)
{
	struct meta meta;

	assert_int_equal(meta_db_get(w->db, &meta), 0);
	assert_false(meta.backup);
	assert_int_equal(w->s->epoch, meta.epoch);
	return meta.epoch;
}

static void expect_restored(struct world *w, int64_t want_epoch)
{
	struct audit_row row;
	size_t n;

	assert_int_equal(epoch(w), want_epoch);
	assert_true(world_audit_due(w));
	/* Ended operations have rows as well; the restore's own is the last one. */
	assert_int_equal(record_db_audit_get(w->ctx, w->db, bytes_of(NULL, 0), 0, &row, 1, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(row.type, AUDIT_OPERATOR);
	assert_non_null(strstr(row.text, "restored"));
}

static void order(struct world *w, enum es_fn fn, const char *call_id)
{
	world_order(w, MNO_OPER, fn, SEED_OPERATIONAL, call_id, 3600);
}

static void drop_posts(struct world *w)
{
	while (!llist_empty(&w->posts))
		talloc_free(world_post(w, ""));
}

static void a_restart_is_no_restore(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_restart(w);
	world_advance(w, 5 * MINUTE_MS);
	assert_int_equal(world_event(w, smsr_ev_stop, NULL), 0);
	world_restart(w);
	assert_int_equal(epoch(w), 1);
	assert_false(world_audit_due(w));
}

/* The file as it was before the last push, put back while the daemon is down. */
static void a_file_put_back(void **state)
{
	struct world *w = *state;
	uint64_t before;

	world_register(w);
	world_stop(w);
	shell(w, "cp", "smsr.db", "old.db");
	world_start(w);
	order(w, ES4_AUDIT_EIS, "c1");
	world_advance(w, MINUTE_MS);
	before = counter(w);
	assert_true(before > 0);
	drop_posts(w);
	world_stop(w);
	shell(w, "cp", "old.db", "smsr.db");
	world_start(w);
	expect_restored(w, 2);
	assert_true(counter(w) >= before + w->cfg->limits.counter_margin - 10);
	order(w, ES4_ENABLE_PROFILE, "c2");
	world_advance(w, 2 * MINUTE_MS);
	assert_true(world_told(w, "audit before"));
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_agreement(w);
	assert_false(world_audit_due(w));
}

/* A copy of the running files, put back after a kill: the run is the same, the signs of life are not. */
static void a_copy_of_the_same_run(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_advance(w, 2 * MINUTE_MS);
	shell(w, "mkdir old && cp", "smsr.db smsr.db-wal", "old");
	world_advance(w, 2 * MINUTE_MS);
	world_stop(w);
	shell(w, "rm -f smsr.db-shm && cp", "old/smsr.db old/smsr.db-wal", ".");
	world_start(w);
	expect_restored(w, 2);
}

static void a_side_file_lost(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_stop(w);
	shell(w, "rm", "smsr.db.start", "");
	world_start(w);
	expect_restored(w, 2);
	world_restart(w);
	assert_int_equal(epoch(w), 2);
}

static void make_backup(struct world *w, const char *name)
{
	char *path = talloc_asprintf(w->ctx, "%s/%s", w->dir, name);
	const char *why = "";

	if (life_backup(w->ctx, &smsr_db_desc, w->cfg->database, path, &why) < 0)
		fail_msg("%s", why);
	assert_int_equal(life_backup(w->ctx, &smsr_db_desc, w->cfg->database, path, &why), -EEXIST);
	shell(w, "test $(ls | grep -c backup) = 1", "", "");
}

/* The backup holds an operation in flight: it ends, and its octets are not sent again. */
static void a_backup_with_an_operation_in_flight(void **state)
{
	struct world *w = *state;
	unsigned int sent;

	world_register(w);
	w->smsc = SMSC_SWALLOW;
	order(w, ES4_ENABLE_PROFILE, "c1");
	world_run(w);
	assert_int_equal(world_packets(w), 1);
	make_backup(w, "backup.db");
	sent = world_packets(w);
	assert_int_equal(w->packets[0].copies, 1);
	w->smsc = SMSC_GOOD;
	world_stop(w);
	shell(w, "rm smsr.db-wal smsr.db-shm 2>/dev/null; cp", "backup.db", "smsr.db");
	world_start(w);
	expect_restored(w, 2);
	world_advance(w, 30 * MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/5.4");
	world_expect_silence(w);
	assert_int_equal(world_packets(w), sent);
	assert_int_equal(w->packets[0].copies, 1);
	order(w, ES4_ENABLE_PROFILE, "c2");
	world_advance(w, MINUTE_MS);
	world_expect_card(w, SEED_OPERATIONAL);
}

/* The same backup a second time: what was used after the first restore is not used again. */
static void one_backup_twice(void **state)
{
	struct world *w = *state;
	uint64_t used;

	world_register(w);
	make_backup(w, "backup.db");
	for (int i = 0; i < 2; i++) {
		world_stop(w);
		shell(w, "cp", "backup.db", "smsr.db");
		world_start(w);
		expect_restored(w, 2 + i);
		if (i == 1)
			assert_true(counter(w) > used);
		order(w, ES4_AUDIT_EIS, i ? "c2" : "c1");
		world_advance(w, MINUTE_MS);
		used = counter(w);
		assert_false(world_audit_due(w));
		drop_posts(w);
	}
}

/* Behind the backup cards were found to be ahead: the jump of the restore passes all these jumps. */
static void counters_that_jumped_behind_the_backup(void **state)
{
	struct world *w = *state;
	uint64_t used;

	world_register(w);
	make_backup(w, "backup.db");
	for (unsigned int i = 0; i < 3; i++) {
		euicc_fault_set(w->card, EUICC_FAULT_COUNTER_AHEAD, true, 1000);
		order(w, ES4_AUDIT_EIS, talloc_asprintf(w->ctx, "a%u", i));
		world_advance(w, MINUTE_MS);
		assert_int_equal(world_records(w, AUDIT_COUNTER), i + 1);
	}
	drop_posts(w);
	used = counter(w);
	world_stop(w);
	shell(w, "cp", "backup.db", "smsr.db");
	world_start(w);
	expect_restored(w, 2);
	assert_true(counter(w) >= used);
}

static void restore(struct world *w)
{
	drop_posts(w);
	world_stop(w);
	shell(w, "rm -f smsr.db-wal smsr.db-shm; cp", "backup.db", "smsr.db");
	world_start(w);
}

/* Behind the backup a profile was deleted and another one made: whatever it is, it is not the old one. */
static void another_profile_behind_the_backup(void **state)
{
	struct world *w = *state;
	struct es_create_isdp_req q = {
		.base = {.call_id = "create-2", .validity_s = 3600},
		.eid = w->card_data.eid,
		.iccid = "8988303000000000020",
		.mno_id = MNO_OPER,
		.required_memory = 100,
	};

	world_register(w);
	world_create_isdp(w, SMDP, 100, "create-1");
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_new_state(w), PROFILE_CREATED);
	make_backup(w, "backup.db");
	world_ask_new(w, SMDP, ES3_DELETE_ISDP, "delete");
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_call(w, SMDP, ES3_CREATE_ISDP, "create-2", &q)->http_status, 202);
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_new_on_card(w), ISDP_SELECTABLE);
	restore(w);
	expect_restored(w, 2);
	assert_int_equal(world_new_state(w), PROFILE_CREATED);
	order(w, ES4_AUDIT_EIS, "audit");
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_new_state(w), -1);
	assert_true(world_told(w, "an ISD-P"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_restart_is_no_restore, setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_file_put_back, setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_copy_of_the_same_run, setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_side_file_lost, setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_backup_with_an_operation_in_flight, setup, world_teardown),
		cmocka_unit_test_setup_teardown(one_backup_twice, setup, world_teardown),
		cmocka_unit_test_setup_teardown(counters_that_jumped_behind_the_backup, setup, world_teardown),
		cmocka_unit_test_setup_teardown(another_profile_behind_the_backup, setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
