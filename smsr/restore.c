/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a restored database means to an SM-SR.  See restore.h; how it is noticed is in common/app/life.c. */
#include "smsr/restore.h"

#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smsr/eis_db.h"
#include "smsr/https_db.h"
#include "smsr/op.h"
#include "smsr/op_db.h"
#include "smsr/record_db.h"

#define IN_FLIGHT_BATCH 200

static int fail_one(struct smsr *s, int64_t op_id)
{
	struct op_run r;
	int rc = op_load(s, op_id, &r);

	if (rc < 0)
		return rc;
	return op_finish(s, &r,
			 es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_NO_RESPONSE, r.op.iccid,
				       "the database was restored while this was in flight: its effect is unknown"));
}

/* All first, then one by one: the end of one operation starts the next of its eUICC, and that one is sound. */
static int fail_in_flight(struct smsr *s, size_t *n)
{
	int64_t batch[IN_FLIGHT_BATCH], *ids = NULL;
	size_t found = 0;
	int rc;

	*n = 0;
	do {
		rc = op_db_in_flight(s->db, *n ? ids[*n - 1] : 0, batch, ARRAY_SIZE(batch), &found);
		if (rc < 0)
			return rc;
		ids = talloc_realloc(turn_ctx(s->turn), ids, int64_t, (unsigned int)(*n + found + 1));
		OSMO_ASSERT(ids);
		memcpy(&ids[*n], batch, found * sizeof(batch[0]));
		*n += found;
	} while (found == ARRAY_SIZE(batch));
	for (size_t i = 0; rc == 0 && i < *n; i++)
		rc = fail_one(s, ids[i]);
	return rc;
}

static int record(struct smsr *s, const char *text)
{
	const struct audit_row row = {
		.stamp_ms = clock_stamp_ms(),
		.type = AUDIT_OPERATOR,
		.text = talloc_strdup(turn_ctx(s->turn), text),
	};

	LOGP(DMAIN, LOGL_NOTICE, "%s\n", text);
	return record_db_audit(s->db, &row);
}

static int recover(struct smsr *s, const struct life_past *past)
{
	uint64_t jump = (uint64_t)past->epochs_lost * s->cfg->limits.counter_margin;
	size_t n = 0;
	int rc = eis_db_counters_jump(s->db, jump, "the database was restored");

	smsr_count(s, CTR_RESTORES);
	if (rc == 0)
		rc = https_db_sessions_forget(s->db);
	if (rc == 0)
		rc = fail_in_flight(s, &n);
	if (rc < 0)
		return rc;
	return record(s, talloc_asprintf(turn_ctx(s->turn),
					 "restored database (%s): epoch %" PRId64 ", SCP80 counters raised by %" PRIu64
					 ", every eUICC is to be audited, %zu operations in flight ended as unknown",
					 past->why, past->meta.epoch, jump, n));
}

int restore_check(struct smsr *s)
{
	struct life_past past;
	int rc;

	s->life = (struct life){
		.turn = s->turn, .db = s->db, .database = talloc_strdup(s, s->cfg->database), .name = "smsr"};
	rc = life_look(&s->life, &past);
	if (rc < 0)
		return rc;
	s->epoch = past.meta.epoch;
	if (past.why)
		rc = recover(s, &past);
	return rc < 0 ? rc : life_begin(&s->life, &past.meta);
}

int smsr_ev_stop(void *smsr, void *unused)
{
	struct smsr *s = smsr;

	return life_stop(&s->life);
}
