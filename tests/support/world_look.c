/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Looking: at the store (by a second connection, which sees only what is committed), at the card, at what left. */
#include <string.h>

#include <osmocom/core/rate_ctr.h>
#include <osmocom/core/utils.h>
#include <sqlite3.h>
#include <talloc.h>

#include "scp80/concat.h"
#include "scp80/sp.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/op_db.h"
#include "tests/support/world.h"

#define ROWS_MAX 200

/* ---- the EIS ---- */

static void load_euicc(struct world *w, const void *ctx, struct euicc *e, struct profiles *p)
{
	assert_int_equal(eis_db_by_eid(ctx, w->reader, w->card_data.eid_bcd, e), 0);
	assert_int_equal(eis_db_profiles(ctx, w->reader, e->id, p), 0);
}

static struct profile *find(struct world *w, struct profiles *p, enum seed_profile_id profile)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->list[i].iccid, w->card_data.profiles[profile].iccid) == 0)
			return &p->list[i];
	}
	return NULL;
}

enum profile_state world_state(struct world *w, enum seed_profile_id profile)
{
	void *ctx = talloc_new(w->ctx);
	enum profile_state state;
	struct profiles all;
	struct profile *p;
	struct euicc e;

	load_euicc(w, ctx, &e, &all);
	p = find(w, &all, profile);
	state = p ? p->state : PROFILE_IN_CREATION;
	talloc_free(ctx);
	return state;
}

void world_expect_eis(struct world *w, enum profile_state boot, enum profile_state oper)
{
	assert_int_equal(world_state(w, SEED_BOOTSTRAP), boot);
	assert_int_equal(world_state(w, SEED_OPERATIONAL), oper);
}

static enum profile_state on_card(struct world *w, enum seed_profile_id profile)
{
	for (size_t i = 0; i < euicc_n_profiles(w->card); i++) {
		const struct euicc_profile *p = euicc_profile_at(w->card, i);

		if (p->state != ISDP_NONE && memcmp(p->aid, w->card_data.profiles[profile].aid, sizeof(p->aid)) == 0)
			return p->state == ISDP_ENABLED ? PROFILE_ENABLED : PROFILE_DISABLED;
	}
	return PROFILE_IN_CREATION;
}

void world_expect_agreement(struct world *w)
{
	for (enum seed_profile_id i = 0; i < SEED_N_PROFILES; i++)
		assert_int_equal(world_state(w, i), on_card(w, i));
}

void world_expect_card(struct world *w, enum seed_profile_id enabled)
{
	assert_string_equal(euicc_enabled(w->card)->imsi, w->card_data.profiles[enabled].imsi);
}

bool world_audit_due(struct world *w)
{
	void *ctx = talloc_new(w->ctx);
	struct profiles all;
	struct euicc e;
	bool due;

	load_euicc(w, ctx, &e, &all);
	due = e.audit_due != NULL;
	talloc_free(ctx);
	return due;
}

void world_confuse(struct world *w, enum profile_state boot, enum profile_state oper)
{
	void *ctx = talloc_new(w->ctx);
	struct profiles all;
	struct euicc e;

	load_euicc(w, ctx, &e, &all);
	find(w, &all, SEED_BOOTSTRAP)->state = boot;
	find(w, &all, SEED_OPERATIONAL)->state = oper;
	for (size_t i = 0; i < all.n; i++)
		assert_int_equal(eis_db_profile_update(w->db, &all.list[i]), 0);
	assert_int_equal(eis_db_set_audit_due(w->db, e.id, "confused"), 0);
	talloc_free(ctx);
}

void world_claim_number(struct world *w, enum seed_profile_id profile)
{
	void *ctx = talloc_new(w->ctx);
	struct euicc e = {.eid = {0x89, 1},
			  .eum_oid = (char *)"1.2.3",
			  .isdr_aid = BYTES_LIT("AID"),
			  .isdr_sin = BYTES_LIT("S"),
			  .isdr_sdin = BYTES_LIT("S")};
	const struct eis_doc doc = {.signed_info = BYTES_LIT("i"), .signature = BYTES_LIT("s")};
	struct profile p = {.iccid = (char *)"8900000000000000001",
			    .isdp_aid = BYTES_LIT("ISD-P"),
			    .mno_oid = (char *)"1.2.4",
			    .msisdn = talloc_strdup(ctx, w->card_data.profiles[profile].msisdn),
			    .state = PROFILE_ENABLED};

	assert_int_equal(eis_db_insert(w->db, &e, &doc, w->now_ms), 0);
	p.euicc_id = e.id;
	assert_int_equal(eis_db_profile_insert(w->db, &p), 0);
	talloc_free(ctx);
}

void world_set_pol2(struct world *w, enum seed_profile_id profile, unsigned int rules)
{
	void *ctx = talloc_new(w->ctx);
	struct profiles all;
	struct profile *p;
	struct euicc e;

	load_euicc(w, ctx, &e, &all);
	p = find(w, &all, profile);
	assert_non_null(p);
	p->pol2 = rules;
	assert_int_equal(eis_db_profile_update(w->db, p), 0);
	talloc_free(ctx);
}

void world_set_pol1(struct world *w, enum seed_profile_id profile, uint8_t pol1)
{
	assert_int_equal(euicc_pol1_set(w->card, w->card_data.profiles[profile].aid, pol1), 0);
}

static void on_isdr(struct world *w, const char *capdu)
{
	void *ctx = talloc_new(w->ctx);
	struct bytes c, r;

	assert_int_equal(hex_dec(ctx, capdu, &c), 0);
	assert_int_equal(euicc_apdu(w->card, ctx, c, &r), 0);
	assert_memory_equal(r.data + r.len - 2, "\x90\x00", 2);
	talloc_free(ctx);
}

void world_set_fallback(struct world *w, enum seed_profile_id profile)
{
	void *ctx = talloc_new(w->ctx);
	struct profiles all;
	struct euicc e;

	on_isdr(w, talloc_asprintf(ctx, "80E28800153A05124F10%s",
				   hex_enc(ctx, BYTES_ARR(w->card_data.profiles[profile].aid))));
	load_euicc(w, ctx, &e, &all);
	for (size_t i = 0; i < all.n; i++) {
		all.list[i].fallback = &all.list[i] == find(w, &all, profile);
		assert_int_equal(eis_db_profile_update(w->db, &all.list[i]), 0);
	}
	talloc_free(ctx);
}

void world_delete_on_card(struct world *w, enum seed_profile_id profile)
{
	char *aid = hex_enc(w->ctx, BYTES_ARR(w->card_data.profiles[profile].aid));

	on_isdr(w, talloc_asprintf(aid, "80E40040124F10%s00", aid));
	talloc_free(aid);
}

/* ---- records ---- */

unsigned int world_records(struct world *w, enum audit_type type)
{
	void *ctx = talloc_new(w->ctx);
	struct audit_row *rows = talloc_array(ctx, struct audit_row, ROWS_MAX);
	unsigned int found = 0;
	size_t n;

	assert_int_equal(record_db_audit_get(ctx, w->reader, bytes_of(NULL, 0), 0, rows, ROWS_MAX, &n), 0);
	for (size_t i = 0; i < n; i++)
		found += rows[i].type == type;
	talloc_free(ctx);
	return found;
}

unsigned int world_operations(struct world *w, enum op_kind kind, enum op_state state)
{
	void *ctx = talloc_new(w->ctx);
	unsigned int found = 0;
	int64_t ids[ROWS_MAX];
	size_t n;

	assert_int_equal(op_db_list(w->reader, 0, 0, ids, ROWS_MAX, &n), 0);
	for (size_t i = 0; i < n; i++) {
		struct operation op;

		assert_int_equal(op_db_get(ctx, w->reader, ids[i], &op), 0);
		found += (!kind || op.kind == kind) && op.state == state;
	}
	talloc_free(ctx);
	return found;
}

static bool told_by(struct world *w, const void *ctx, int64_t op_id, const char *text)
{
	struct timeline_row *rows = talloc_array(ctx, struct timeline_row, ROWS_MAX);
	int64_t after = 0;
	size_t n;

	do {
		assert_int_equal(timeline_db_get(rows, w->reader, op_id, after, rows, ROWS_MAX, &n), 0);
		for (size_t i = 0; i < n; i++) {
			if (rows[i].text && strstr(rows[i].text, text))
				return true;
			after = rows[i].id;
		}
	} while (n == ROWS_MAX);
	return false;
}

unsigned int world_timeline(struct world *w, int64_t op_id)
{
	struct timeline_row *rows = talloc_array(w->ctx, struct timeline_row, 10000);
	size_t n;

	assert_int_equal(timeline_db_get(rows, w->reader, op_id, 0, rows, 10000, &n), 0);
	talloc_free(rows);
	return (unsigned int)n;
}

bool world_told(struct world *w, const char *text)
{
	void *ctx = talloc_new(w->ctx);
	int64_t ids[ROWS_MAX];
	bool told = false;
	size_t n;

	assert_int_equal(op_db_list(w->reader, 0, 0, ids, ROWS_MAX, &n), 0);
	for (size_t i = 0; i < n && !told; i++)
		told = told_by(w, ctx, ids[i], text);
	talloc_free(ctx);
	return told;
}

uint64_t world_counter(struct world *w, enum smsr_ctr ctr)
{
	return rate_ctr_group_get_ctr(w->s->ctrs, ctr)->current;
}

int64_t world_rows(struct world *w, const char *table)
{
	char *path = talloc_asprintf(w->ctx, "%s/smsr.db", w->dir);
	char *sql = talloc_asprintf(path, "SELECT count(*) FROM %s", table);
	sqlite3_stmt *s;
	sqlite3 *h;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(h);
	talloc_free(path);
	return n;
}

void world_damage(struct world *w, const char *sql)
{
	char *path = talloc_asprintf(w->ctx, "%s/smsr.db", w->dir);
	sqlite3 *h;

	assert_int_equal(sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	talloc_free(path);
}

/* ---- what left ---- */

static uint64_t counter_of(struct world *w, const void *ctx, struct bytes pkt)
{
	struct sp_keys keys = {.crypto = w->crypto, .cc_len = 8};
	struct key *kic, *kid;
	struct sp_cmd cmd;
	struct wr plain;

	assert_int_equal(key_import(ctx, KEY_AES, BYTES_ARR(w->card_data.kic), &kic), 0);
	assert_int_equal(key_import(ctx, KEY_AES, BYTES_ARR(w->card_data.kid), &kid), 0);
	keys.kic = kic;
	keys.kid = kid;
	wr_init(&plain, ctx);
	assert_int_equal(sp_cmd_open(&keys, SP_SMS, pkt, &plain, &cmd), 0);
	return cmd.hdr.cntr;
}

/* P1: the row that explains the packet is on the disk. */
static void expect_row(struct world *w, const void *ctx, uint64_t cntr, struct bytes pkt)
{
	struct command cmds[16];
	struct profiles all;
	struct euicc e;
	size_t n;

	load_euicc(w, ctx, &e, &all);
	assert_int_equal(cmd_db_recent(ctx, w->reader, e.id, cmds, ARRAY_SIZE(cmds), &n), 0);
	for (size_t i = 0; i < n; i++) {
		if (cmds[i].cntr == cntr) {
			assert_true(bytes_eq(cmds[i].packet, pkt));
			return;
		}
	}
	fail_msg("the packet with counter %llu left before its row was committed", (unsigned long long)cntr);
}

/* Parts leave in order, each when the one before was taken.  \returns true with the last */
static bool join(struct world *w, const void *ctx, const struct ud_part *part, struct bytes *pkt)
{
	struct wr wr;

	assert_true(part->index <= ARRAY_SIZE(w->parts));
	w->parts[part->index - 1] = bytes_dup(w->ctx, part->payload);
	if (part->index < part->total)
		return false;
	wr_init(&wr, ctx);
	assert_int_equal(ud_join(w->parts, part->total, 2000, &wr), 0);
	assert_int_equal(wr_end(&wr, pkt), 0);
	return true;
}

void world_check_packet(struct world *w, const struct sms_out *sms)
{
	void *ctx = talloc_new(w->ctx);
	struct ud_part part;
	struct bytes pkt;
	uint64_t cntr;

	assert_int_equal(ud_dec(true, sms->ud, &part), 0);
	if (!join(w, ctx, &part, &pkt)) {
		talloc_free(ctx);
		return;
	}
	pkt = bytes_dup(w->ctx, pkt);
	cntr = counter_of(w, ctx, pkt);
	expect_row(w, ctx, cntr, pkt);
	talloc_free(ctx);
	for (size_t i = 0; i < w->n_packets; i++) {
		if (w->packets[i].cntr != cntr)
			continue;
		if (!bytes_eq(w->packets[i].octets, pkt)) /* P2 */
			fail_msg("counter %llu was used for two packets", (unsigned long long)cntr);
		w->packets[i].copies++;
		return;
	}
	w->packets = talloc_realloc(w->ctx, w->packets, struct world_packet, (unsigned int)w->n_packets + 1);
	w->packets[w->n_packets++] = (struct world_packet){cntr, pkt, 1};
}

void world_check_post(struct world *w, const struct http_out *h)
{
	void *ctx = talloc_new(w->ctx);
	struct operation op;
	struct outbox o;

	assert_int_equal(outbox_db_get(ctx, w->reader, h->ref, &o), 0);
	assert_true(bytes_eq(o.envelope, h->body));
	if (strstr(o.name, "Handle") == NULL && o.op_id) {
		assert_int_equal(op_db_get(ctx, w->reader, o.op_id, &op), 0);
		assert_int_equal(op.state, OP_ST_DONE);
	}
	talloc_free(ctx);
}

unsigned int world_packets(struct world *w)
{
	return (unsigned int)w->n_packets;
}
