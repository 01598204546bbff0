/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands: sealing, copies, deadlines.  The short messages that carry them are in cmd_sms.c. */
#include "smsr/cmd.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "scp80/concat.h"
#include "scp80/sp.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "smsr/lane.h"
#include "smsr/op_db.h"
#include "smsr/op_proc.h"

/* GlobalPlatform key types and what they are in KIc and KID (TS 102 225 §5.1.2). */
static const struct {
	int type;
	size_t len; /* 0: any */
	uint8_t alg;
} algs[] = {
	{0x88, 0, SP_ALG_AES}, {0x80, 16, 0x5}, {0x80, 24, 0x9}, {0x82, 16, 0x5}, {0x82, 24, 0x9},
};

enum {
	IDX_KIC = 1,
	IDX_KID = 2
};

#define CC_LEN 8 /* SGP.02: cryptographic checksum of 8 octets */

static int kix_of(const struct key *key, int type, uint8_t kvn, uint8_t *kix)
{
	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		if (algs[i].type == type && (algs[i].len == 0 || algs[i].len == key_len(key))) {
			*kix = sp_kix(kvn, algs[i].alg);
			return 0;
		}
	}
	return -ENOKEY;
}

char *key_context(const void *ctx, const uint8_t eid[EID_LEN], int kvn, int idx)
{
	char *hex = hex_enc(ctx, bytes_of(eid, EID_LEN));

	return talloc_asprintf(ctx, "%s|%d|%d", hex, kvn, idx);
}

static int unwrap(struct smsr *s, const void *ctx, const struct euicc *e, const struct keyset *ks, int idx,
		  const struct key **key, uint8_t *kix)
{
	struct bytes wrapped;
	struct key *k;
	int type;
	int rc = eis_db_key(ctx, s->db, ks->id, idx, &type, &wrapped);

	if (rc < 0)
		return rc == -ENOENT ? -ENOKEY : rc;
	rc = keystore_unwrap(s->keystore, s->crypto, ctx, bytes_str(key_context(ctx, e->eid, ks->version, idx)),
			     wrapped, &k);
	if (rc < 0) {
		LOGP(DKEY, LOGL_ERROR, "key %d of key set %d cannot be unwrapped: is this the right master key?\n", idx,
		     ks->version);
		return -ENOKEY;
	}
	*key = k;
	return kix_of(k, type, ks->version, kix);
}

int cmd_keys(struct smsr *s, const void *ctx, const struct euicc *e, const struct keyset *ks, struct sp_keys *keys,
	     uint8_t *kic, uint8_t *kid)
{
	int rc;

	*keys = (struct sp_keys){.crypto = s->crypto, .cc_len = CC_LEN};
	rc = unwrap(s, ctx, e, ks, IDX_KIC, &keys->kic, kic);
	return rc < 0 ? rc : unwrap(s, ctx, e, ks, IDX_KID, &keys->kid, kid);
}

/* ---- sealing ---- */

static int seal(struct smsr *s, const struct euicc *e, const struct keyset *ks, struct bytes data, struct command *cmd)
{
	void *ctx = turn_ctx(s->turn);
	struct sp_hdr hdr = {.cntr = cmd->cntr};
	struct sp_keys keys;
	struct wr out;
	struct rd tar;
	int rc;

	rc = cmd_keys(s, ctx, e, ks, &keys, &hdr.kic, &hdr.kid);
	if (rc == 0)
		rc = spi_dec(SPI_SGP02, &hdr.spi);
	if (rc < 0)
		return rc;
	rd_init(&tar, BYTES_ARR(cmd->tar));
	hdr.tar = (uint32_t)rd_uint(&tar, sizeof(cmd->tar));
	wr_init(&out, ctx);
	rc = sp_cmd_seal(&keys, SP_SMS, &hdr, data, &out);
	if (rc == 0)
		rc = wr_end(&out, &cmd->packet);
	cmd->spi = SPI_SGP02;
	cmd->kic = hdr.kic;
	cmd->kid = hdr.kid;
	return rc;
}

static int insert_parts(struct smsr *s, const struct operation *op, const struct command *cmd, unsigned int n)
{
	int rc = 0;

	for (unsigned int i = 1; rc == 0 && i <= n; i++)
		rc = cmd_db_part_insert(s->db, cmd->id, (int)i, lane_of(op, cmd->kind, i), i == 1 ? clock_now_ms() : 0);
	return rc;
}

bool cmd_is_msisdn(const char *dest)
{
	size_t n = dest ? strlen(dest) : 0;

	return n > 0 && n <= 20 && strspn(dest, "0123456789") == n;
}

static int store(struct smsr *s, struct op_run *r, const struct keyset *ks, const char *text, struct command *cmd)
{
	unsigned int n = ud_segments(cmd->packet.len, false);
	int rc;

	if (n == 0 || n > s->cfg->limits.sms_parts_max)
		return -ENOSPC;
	rc = cmd_db_insert(s->db, cmd);
	if (rc == 0)
		rc = insert_parts(s, &r->op, cmd, n);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_SEALED, "%s; KVN %u, counter %llu, %u short message%s to %s", text,
			     ks->version, (unsigned long long)cmd->cntr, n, n == 1 ? "" : "s", cmd->dest);
	if (rc == 0)
		smsr_count(s, CTR_COMMANDS);
	return rc;
}

int cmd_send_packet(struct smsr *s, struct op_run *r, enum cmd_kind kind, struct bytes tar, struct bytes data,
		    const char *text, const char *dest)
{
	struct command cmd = {
		.op_id = r->op.id,
		.euicc_id = r->euicc.id,
		.kind = kind,
		.state = CMD_ST_OPEN,
		.epoch = s->epoch,
		.dest = talloc_strdup(turn_ctx(s->turn), dest),
	};
	struct keyset ks;
	int rc;

	if (!cmd_is_msisdn(dest) || tar.len != sizeof(cmd.tar))
		return -EINVAL;
	memcpy(cmd.tar, tar.data, sizeof(cmd.tar));
	rc = eis_db_keyset(s->db, r->euicc.id, KEYSET_SCP80, 0, &ks);
	if (rc < 0)
		return rc == -ENOENT ? -ENOKEY : rc;
	if (ks.cntr >= SP_CNTR_MAX)
		return -ENOKEY;
	rc = eis_db_counter_next(s->db, ks.id, &cmd.cntr);
	cmd.keyset_id = ks.id;
	cmd.ref = (uint8_t)cmd.cntr;
	if (rc == 0)
		rc = seal(s, &r->euicc, &ks, data, &cmd);
	if (rc == 0)
		rc = store(s, r, &ks, text, &cmd);
	if (rc < 0)
		LOGP(DSCP80, LOGL_ERROR, "#%lld: command with counter %llu: error %d\n", (long long)r->op.id,
		     (unsigned long long)cmd.cntr, -rc);
	return rc;
}

/* ---- waiting ---- */

int cmd_close(struct smsr *s, struct command *cmd, enum cmd_state state)
{
	int rc;

	cmd->state = state;
	rc = cmd_db_update(s->db, cmd);
	return rc < 0 ? rc : cmd_db_parts_stop(s->db, cmd->id);
}

int cmd_copy(struct smsr *s, struct command *cmd, int64_t due_ms)
{
	int rc;

	cmd->attempt++;
	cmd->sent_ms = 0;
	rc = cmd_db_update(s->db, cmd);
	if (rc == 0)
		rc = cmd_db_parts_rewind(s->db, cmd->id, due_ms);
	if (rc == 0)
		rc = op_note(s, cmd->op_id, STEP_RETRY, "copy %d of counter %llu: the same octets again", cmd->attempt,
			     (unsigned long long)cmd->cntr);
	if (rc == 0)
		smsr_count(s, CTR_COPIES);
	return rc;
}

/* The number behind the present one, in the order of the profiles. */
static const char *next_number(const struct profiles *p, const char *dest)
{
	size_t at = 0;

	while (at < p->n && (!p->list[at].msisdn || strcmp(p->list[at].msisdn, dest) != 0))
		at++;
	for (size_t i = 1; i <= p->n; i++) {
		const char *msisdn = p->list[(at + i) % p->n].msisdn;

		if (cmd_is_msisdn(msisdn))
			return msisdn;
	}
	return dest;
}

int cmd_redirect(struct smsr *s, struct command *cmd)
{
	void *ctx = turn_ctx(s->turn);
	struct profiles p;
	struct euicc e;
	int rc;

	if (cmd->kind != CMD_AUDIT && cmd->kind != CMD_TRIGGER)
		return 0;
	rc = eis_db_get(ctx, s->db, cmd->euicc_id, &e);
	if (rc == 0 && !e.audit_due)
		return 0;
	if (rc == 0)
		rc = eis_db_profiles(ctx, s->db, cmd->euicc_id, &p);
	if (rc < 0)
		return rc;
	cmd->dest = talloc_strdup(ctx, next_number(&p, cmd->dest));
	return cmd_db_redirect(s->db, cmd->id, cmd->dest);
}

int cmd_audit_dest(struct smsr *s, const struct op_run *r, const char **dest)
{
	struct command last;
	int rc;

	if (!r->euicc.audit_due || r->op.kind != OP_AUDIT || !*dest)
		return 0;
	rc = cmd_db_last_audit(turn_ctx(s->turn), s->db, r->euicc.id, &last);
	if (rc == 0 && last.state == CMD_ST_ANSWERED && last.op_id == r->op.id)
		*dest = last.dest;
	if (rc == 0 && last.state == CMD_ST_CLOSED)
		*dest = next_number(&r->profiles, last.dest);
	return rc == -ENOENT ? 0 : rc;
}

#define AHEAD_FRACTION 16

uint64_t cmd_counter_ahead(const struct smsr *s, uint64_t cntr)
{
	return cntr + OSMO_MAX(s->cfg->limits.counter_margin / AHEAD_FRACTION, 1);
}

/* Commands whose copies were refused. */
#define STALE_COPIES 3

int cmd_seems_ahead(struct smsr *s, const struct operation *op, enum cmd_kind kind, bool *yes)
{
	int64_t n;
	int rc = cmd_db_copied(s->db, op->id, kind, &n);

	if (rc == 0)
		*yes = n >= (op->attempt + 1) * STALE_COPIES;
	return rc;
}

/* It is in reach: that is worth more copies than silence is.  The bound is for somebody who replays what it said. */
#define FOLLOW_COPIES 10

int cmd_rests(struct smsr *s, const struct command *cmd, bool *rests)
{
	struct part part;
	int rc = cmd->sent_ms ? -ENOENT : cmd_db_part_pending(turn_ctx(s->turn), s->db, cmd->id, &part);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	*rests = rc == 0 && part.state == PART_READY && !part.due_ms;
	return 0;
}

int cmd_follow(struct smsr *s, struct command *cmd, const char *dest)
{
	const struct limits_cfg *l = &s->cfg->limits;
	/* Ever longer: it may hear us and not answer for hours. */
	int64_t wait_ms = ((int64_t)l->por_wait_s << OSMO_MIN(cmd->attempt, 5)) * 1000;
	bool waits = cmd->sent_ms && clock_now_ms() - cmd->sent_ms >= wait_ms;
	bool moved = cmd_is_msisdn(dest) && strcmp(dest, cmd->dest) != 0;
	bool rests;
	int rc = cmd_rests(s, cmd, &rests);

	if (rc < 0)
		return rc;
	if (!cmd_is_msisdn(dest) || (!moved && !waits && !rests) || cmd->attempt >= (int)l->por_copies + FOLLOW_COPIES)
		return 0;
	cmd->dest = talloc_strdup(turn_ctx(s->turn), dest);
	rc = cmd_db_redirect(s->db, cmd->id, dest);
	return rc < 0 ? rc : cmd_copy(s, cmd, clock_now_ms());
}

int64_t cmd_next_due(const struct smsr *s, const struct command *cmd, int64_t deadline_ms)
{
	int64_t copy_ms;

	if (!cmd->sent_ms || cmd->attempt >= (int)s->cfg->limits.por_copies)
		return deadline_ms;
	copy_ms = cmd->sent_ms + ((int64_t)s->cfg->limits.por_wait_s << cmd->attempt) * 1000;
	return copy_ms < deadline_ms ? copy_ms : deadline_ms;
}

static int give_up(struct smsr *s, struct op_run *r, struct command *cmd)
{
	struct op_input in = {.cmd = cmd};
	bool maybe;
	int rc = cmd_db_maybe_complete(s->db, cmd->id, &maybe);

	if (rc == 0)
		rc = cmd_close(s, cmd, CMD_ST_CLOSED);
	if (rc < 0)
		return rc;
	if (cmd->kind == CMD_TRIGGER) {
		rc = https_deadline(s, r);
		return rc < 0 ? rc : 0;
	}
	in.event = maybe ? OP_EV_SILENT : OP_EV_UNREACHED;
	return op_event(s, r->op.id, &in);
}

int cmd_on_due(struct smsr *s, struct op_run *r, struct command *cmd, int64_t deadline_ms)
{
	int64_t now = clock_now_ms();
	int rc = 0;

	if (now >= deadline_ms)
		return give_up(s, r, cmd);
	if (cmd->sent_ms && cmd_next_due(s, cmd, deadline_ms) <= now) {
		rc = cmd_redirect(s, cmd);
		if (rc == 0)
			rc = cmd_copy(s, cmd, now);
	}
	return rc < 0 ? rc : op_db_set_due(s->db, r->op.id, cmd_next_due(s, cmd, deadline_ms));
}
