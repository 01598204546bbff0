/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CreateISDP.  SGP.02 procedure 3.1, ES3.CreateISDP.
 *
 * From the moment the command may be on its way there is a row in state In-Creation, which nobody is shown: it holds
 * ICCID and AID, so that neither is given out again before the card has answered, or an audit has looked. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/codec/ber.h"
#include "smsr/bearer.h"
#include "smsr/eis_db.h"
#include "smsr/op_db.h"
#include "smsr/op_proc.h"
#include "smsr/stray_db.h"

static struct profile *created(struct op_run *r)
{
	return op_profile_by_aid(r, r->op.aid);
}

#define TARS (ES5_ISDP_TAR_MAX - ES5_ISDP_TAR_MIN + 1)

/* Another ICCID begins elsewhere.  GET STATUS tells AIDs and no ICCIDs: behind a restored backup an ISD-P that was
 * deleted and made again for another profile would be taken for the old one if AIDs were given out again. */
static uint32_t first_tar(const char *iccid)
{
	uint32_t n = 0;

	for (; *iccid; iccid++)
		n = (n * 10 + (uint8_t)(*iccid - '0')) % TARS;
	return n;
}

/* One that neither a row nor, by the last audit, the card has.  \returns 0; -ENOSPC; db errors */
static int free_aid(struct smsr *s, struct op_run *r, uint8_t aid[AID_MAX])
{
	uint32_t first = first_tar(r->op.iccid);
	bool stray;
	int rc;

	for (uint32_t i = 0; i < TARS; i++) {
		es5_isdp_aid(ES5_ISDP_TAR_MIN + (first + i) % TARS, aid);
		if (op_profile_by_aid(r, bytes_of(aid, AID_MAX)))
			continue;
		rc = stray_db_has(s->db, r->euicc.id, bytes_of(aid, AID_MAX), &stray);
		if (rc < 0 || !stray)
			return rc;
	}
	return -ENOSPC;
}

static int no_memory(struct smsr *s, struct op_run *r, const char *text)
{
	return op_fail(s, r, ES_FAILED, ES_SC_MEMORY, hex_enc(turn_ctx(s->turn), BYTES_ARR(r->euicc.eid)), text);
}

static int insert_row(struct smsr *s, struct op_run *r, const struct op_data *d)
{
	struct profile p = {
		.euicc_id = r->euicc.id,
		.iccid = r->op.iccid,
		.isdp_aid = r->op.aid,
		.mno_oid = d->mno_oid,
		.state = PROFILE_IN_CREATION,
		.smdp_oid = r->op.requester,
		.allocated_memory = d->memory,
		.free_memory = -1,
	};

	return eis_db_profile_insert(s->db, &p);
}

static int send_create(struct smsr *s, struct op_run *r, const struct op_data *d)
{
	struct bearer_job job = {
		.kind = CMD_CREATE,
		.target = r->euicc.isdr_aid,
		.more_to_do = d->more_to_do,
		.dest = op_msisdn(r),
	};
	uint8_t buf[128];
	struct bytes capdu;
	struct wr w, cmds;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	rc = es5_create_isdp(r->op.aid, (uint32_t)d->memory, &w);
	if (rc == 0)
		rc = wr_end(&w, &capdu);
	if (rc < 0)
		return rc;
	wr_init(&cmds, turn_ctx(s->turn));
	ber_put(&cmds, SCRIPT_CAPDU, capdu);
	rc = wr_end(&cmds, &job.cmds);
	return rc < 0 ? rc : bearer_send(s, r, OP_ST_CREATE, &job);
}

int op_create_begin(struct smsr *s, struct op_run *r)
{
	uint8_t aid[AID_MAX];
	struct op_data d;
	int rc = op_db_data_get(turn_ctx(s->turn), s->db, r->op.id, &d);

	if (rc < 0)
		return rc;
	if (op_profile_by_iccid(r, r->op.iccid))
		return op_fail(s, r, ES_FAILED, ES_SC_ICCID_IN_USE, r->op.iccid,
			       "this eUICC has a profile with this ICCID");
	if (d.memory > r->euicc.remaining_memory)
		return no_memory(s, r, "RequiredMemory is more than the eUICC has left");
	rc = free_aid(s, r, aid);
	if (rc == -ENOSPC)
		return no_memory(s, r, "all AIDs of ISD-Ps are taken");
	if (rc < 0)
		return rc;
	r->op.aid = bytes_dup(turn_ctx(s->turn), BYTES_ARR(aid));
	rc = send_create(s, r, &d);
	/* Nothing has left before the commit; an operation that ended at once needs no row. */
	return rc < 0 || r->op.state == OP_ST_DONE ? rc : insert_row(s, r, &d);
}

int op_create_send(struct smsr *s, struct op_run *r)
{
	struct op_data d;
	int rc = op_db_data_get(turn_ctx(s->turn), s->db, r->op.id, &d);

	return rc < 0 ? rc : send_create(s, r, &d);
}

/* ---- ends ---- */

static int done(struct smsr *s, struct op_run *r)
{
	struct profile *p = created(r);
	int rc;

	if (!p) /* removed by hand meanwhile */
		return op_fail(s, r, ES_FAILED, ES_SC_INTERNAL, r->op.iccid, "the row of the ISD-P is gone");
	p->state = PROFILE_CREATED;
	r->op.completed_ms = clock_stamp_ms();
	r->euicc.remaining_memory -= p->allocated_memory;
	if (r->euicc.remaining_memory < 0)
		r->euicc.remaining_memory = 0;
	rc = eis_db_profile_update(s->db, p);
	if (rc == 0)
		rc = eis_db_update(s->db, &r->euicc);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_EIS, "ICCID %s is Created, ISD-P %s", p->iccid,
			     hex_enc(turn_ctx(s->turn), p->isdp_aid));
	return rc < 0 ? rc : op_finish(s, r, es_status_ok());
}

/* The card has no such ISD-P, for certain: ICCID and AID are free again. */
static int drop_row(struct smsr *s, struct op_run *r)
{
	struct profile *p = created(r);

	return p ? eis_db_profile_delete(s->db, p->id) : 0;
}

/* The card did not say that it has done it. */
static int not_done(struct smsr *s, struct op_run *r, const struct op_input *in, uint16_t sw)
{
	int rc;

	/* Neither a status word nor a refusal of the whole packet: it may be there or not. */
	if (in->event == OP_EV_ANSWER && !sw)
		return op_mark_audit(s, r, "the answer to CreateISDP cannot be read");
	rc = drop_row(s, r);
	if (rc < 0 || in->event != OP_EV_ANSWER || sw == ES5_SW_NO_MEMORY)
		return rc;
	/* No status word says "this AID is taken": without a look the next attempt would choose it again. */
	return op_mark_audit(s, r, "CreateISDP was refused: the card may have an ISD-P that the EIS does not know");
}

int op_create_answer(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	uint16_t sw = in->script ? in->script->last.sw : 0;
	int rc;

	if (op_answered_ok(in))
		return done(s, r);
	rc = not_done(s, r, in, sw);
	if (rc < 0)
		return rc;
	if (sw == ES5_SW_NO_MEMORY) {
		r->op.erd = bytes_dup(turn_ctx(s->turn), in->rsp);
		return no_memory(s, r, "CreateISDP: the card has not enough memory");
	}
	return op_card_error(s, r, in, "CreateISDP");
}

int op_create_unreached(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc = drop_row(s, r);

	return rc < 0 ? rc
		      : op_fail(s, r, ES_EXPIRED, ES_SC_EXPIRED, r->op.iccid,
				in->text ? in->text : "no service centre took the message in time");
}

int op_create_looked(struct smsr *s, struct op_run *r)
{
	struct profile *p = created(r);
	int rc;

	if (p && p->state == PROFILE_CREATED)
		return done(s, r);
	if (r->op.attempt++ <= 1)
		return op_create_send(s, r);
	rc = drop_row(s, r);
	return rc < 0 ? rc
		      : op_fail(s, r, ES_FAILED, ES_SC_ISDR_ERROR, r->op.iccid,
				"an audit shows that the card did not do it");
}
