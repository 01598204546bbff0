/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Work for many eUICCs, a bounded piece in each tick, and look-ups.  See lever.h.
 *
 * Positions are kept in memory and move on before a piece is done: a row that cannot be treated does not stop the rest.
 * The sweep over idle eUICCs is repeated at every start, so a crash forgets nothing. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/rate_ctr.h>
#include <osmocom/core/utils.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/peer/outbox_db.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/lever.h"
#include "smsr/op.h"
#include "smsr/op_db.h"

#define WAKE_BATCH 100
#define AUDIT_BATCH_MAX 1000

void lever_wake(struct smsr *s)
{
	s->slices.waking = true;
	s->slices.wake_after = 0;
}

static int wake(struct smsr *s)
{
	int64_t ids[WAKE_BATCH];
	size_t n;
	int rc = op_db_idle_euiccs(s->db, s->slices.wake_after, ids, ARRAY_SIZE(ids), &n);

	if (rc < 0)
		return rc;
	s->slices.waking = n == ARRAY_SIZE(ids);
	if (n)
		s->slices.wake_after = ids[n - 1];
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = smsr_isolated(s, op_start_next, ids[i], "start of the next operation of eUICC");
	return rc;
}

/* One audit, unless something waits there: that brings its own audit. */
static int audit_one(struct smsr *s, int64_t euicc_id)
{
	struct operation op = {
		.euicc_id = euicc_id,
		.kind = OP_AUDIT,
		.expires_ms = clock_now_ms() + (int64_t)s->cfg->limits.audit_validity_s * 1000,
	};
	struct euicc e;
	int64_t waiting = 0;
	int rc = eis_db_get(turn_ctx(s->turn), s->db, euicc_id, &e);

	if (rc == 0)
		rc = op_db_queue_len(s->db, euicc_id, &waiting);
	if (rc < 0 || e.active_op || waiting)
		return rc;
	s->slices.audits_left--;
	return op_queue(s, &op);
}

static int audits(struct smsr *s)
{
	int64_t ids[AUDIT_BATCH_MAX];
	size_t max = s->cfg->limits.bulk_per_s, n;
	int rc;

	if (max == 0 || max > ARRAY_SIZE(ids))
		max = ARRAY_SIZE(ids);
	if ((int64_t)max > s->slices.audits_left)
		max = (size_t)s->slices.audits_left;
	rc = eis_db_list(s->db, s->slices.audit_after, true, ids, max, &n);
	if (rc < 0)
		return rc;
	s->slices.audit_ms = clock_now_ms() + 1000;
	if (n)
		s->slices.audit_after = ids[n - 1];
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = smsr_isolated(s, audit_one, ids[i], "bulk audit of eUICC");
	if (n < max || s->slices.audits_left <= 0) {
		s->slices.audits_left = 0;
		LOGP(DMAIN, LOGL_NOTICE, "bulk audit: the end of the list is reached\n");
	}
	return rc;
}

int lever_slice(struct smsr *s, bool *more)
{
	int rc = 0;

	if (s->slices.waking)
		rc = wake(s);
	if (rc == 0 && s->slices.audits_left && s->slices.audit_ms <= clock_now_ms())
		rc = audits(s);
	*more = s->slices.waking;
	return rc;
}

int64_t lever_due_ms(const struct smsr *s)
{
	if (s->slices.waking)
		return clock_now_ms();
	return s->slices.audits_left ? s->slices.audit_ms : 0;
}

/* ---- looking ---- */

static bool digits(const char *value, size_t min, size_t max)
{
	size_t n = strlen(value);

	return n >= min && n <= max && strspn(value, "0123456789") == n;
}

static int by_eid(struct smsr *s, const void *ctx, const char *value, struct euicc *e)
{
	uint8_t eid[EID_LEN];

	if (!digits(value, 2 * EID_LEN, 2 * EID_LEN) || hex_dec_buf(eid, sizeof(eid), value) < 0)
		return -EINVAL;
	return eis_db_by_eid(ctx, s->db, eid, e);
}

int lever_find(struct smsr *s, const void *ctx, enum lever_key key, const char *value, struct euicc *e)
{
	int64_t id;
	int rc = -EINVAL;

	if (!value)
		return -EINVAL;
	switch (key) {
	case KEY_EID:
		return by_eid(s, ctx, value, e);
	case KEY_MSISDN:
	case KEY_IMSI:
		if (digits(value, 5, 15))
			rc = eis_db_by_address(s->db, value, &id);
		break;
	case KEY_ICCID:
		if (*value && strlen(value) <= 20)
			rc = eis_db_by_iccid(s->db, value, &id);
		break;
	}
	return rc < 0 ? rc : eis_db_get(ctx, s->db, id, e);
}

uint64_t smsr_ctr(const struct smsr *s, enum smsr_ctr ctr)
{
	return rate_ctr_group_get_ctr(s->ctrs, ctr)->current;
}

int lever_figures(struct smsr *s, struct lever_figures *f)
{
	int rc = eis_db_count(s->db, &f->euiccs, &f->audit_due);

	if (rc == 0)
		rc = op_db_count(s->db, f->ops);
	if (rc == 0)
		rc = outbox_db_waiting(s->db, &f->outbox_waiting);
	if (rc == 0)
		rc = cmd_db_parts_waiting(s->db, &f->parts_waiting);
	for (enum smsr_ctr c = CTR_OPS_SUCCESS; rc == 0 && c <= CTR_OPS_EXPIRED; c++)
		f->ops[OP_ST_DONE] += (int64_t)smsr_ctr(s, c);
	return rc;
}
