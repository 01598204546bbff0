/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifications of eUICCs.  SGP.02 ES5.HandleDefaultNotification.
 *
 * A notification carries the EID in clear, so the key is found by it and not by the sender's number, which may be a new
 * one.  Its counter is 0 and anyone can replay it: that is why it only ever leads to a confirmation, and the answer to
 * that decides.  One without a checksum is refused; there is no switch for that. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "scp80/sp.h"
#include "smsr/cmd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "smsr/mo.h"
#include "smsr/op_db.h"
#include "smsr/op_proc.h"

static int reject(struct smsr *s, const char *source, const char *why)
{
	smsr_count(s, CTR_NOTIFICATIONS_REJECTED);
	LOGP(DSCP80, LOGL_NOTICE, "notification from %s rejected: %s\n", source, why);
	return 0;
}

/* ---- authentication ---- */

static int find_euicc(struct smsr *s, struct bytes pkt, struct sp_peek *peek, struct euicc *e)
{
	struct es5_notif claim;

	if (sp_cmd_peek(SP_SMS, pkt, peek) < 0 || es5_notif_dec(peek->data, &claim) < 0)
		return -EINVAL;
	return eis_db_by_eid(turn_ctx(s->turn), s->db, claim.eid.data, e);
}

static int verify(struct smsr *s, const struct euicc *e, const struct sp_peek *peek, struct bytes pkt,
		  struct es5_notif *n)
{
	void *ctx = turn_ctx(s->turn);
	struct sp_cmd opened;
	struct sp_keys keys;
	struct keyset ks;
	uint8_t kic, kid;
	int rc = eis_db_keyset(s->db, e->id, KEYSET_SCP80, sp_kvn(peek->hdr.kid), &ks);

	if (rc == 0)
		rc = cmd_keys(s, ctx, e, &ks, &keys, &kic, &kid);
	if (rc == 0)
		rc = sp_notif_open(&keys, pkt, &opened);
	return rc < 0 ? rc : es5_notif_dec(opened.data, n);
}

static const struct {
	int err;
	const char *why;
} reasons[] = {
	{-EINVAL, "malformed"},
	{-ENOENT, "unknown EID or key version"},
	{-ENOKEY, "its keys are missing"},
	{-EACCES, "it bears no checksum"},
	{-EBADMSG, "wrong checksum"},
	{-EOPNOTSUPP, "algorithm not served"},
};

static const char *reason_of(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].err == err)
			return reasons[i].why;
	}
	return NULL;
}

/* ---- what it means ---- */

/* The first device seen is the one the eUICC is bound to; another one is worth a line. */
static int bind_device(struct smsr *s, struct euicc *e, const struct es5_notif *n)
{
	bool new_imei = n->imei.len && !e->imei.len;
	bool new_meid = n->meid.len && !e->meid.len;

	if (n->imei.len && e->imei.len && !bytes_eq(n->imei, e->imei))
		LOGP(DPROC, LOGL_NOTICE, "eid %s: notification from another device than before\n",
		     hex_enc(turn_ctx(s->turn), BYTES_ARR(e->eid)));
	if (!new_imei && !new_meid)
		return 0;
	if (new_imei)
		e->imei = n->imei;
	if (new_meid)
		e->meid = n->meid;
	return eis_db_update(s->db, e);
}

static int record(struct smsr *s, struct euicc *e, const struct es5_notif *n)
{
	const struct audit_row row = {
		.eid = BYTES_ARR(e->eid),
		.stamp_ms = clock_stamp_ms(),
		.type = (enum audit_type)n->type,
		.aid = n->aid,
		.imei = n->imei,
		.text = talloc_asprintf(turn_ctx(s->turn), "notification %u: %s", n->seq, es5_notif_name(n->type)),
	};
	int rc = record_db_audit(s->db, &row);

	return rc < 0 ? rc : bind_device(s, e, n);
}

/* Nobody waits for it: confirm it by an operation of its own. */
static int confirm_apart(struct smsr *s, const struct euicc *e, const struct es5_notif *n)
{
	struct operation op = {
		.euicc_id = e->id,
		.kind = OP_CONFIRM,
		.aid = n->aid,
		.arg = op_arg_enc(n, false),
		.expires_ms = clock_now_ms() + (int64_t)s->cfg->limits.grace_s * 1000,
	};
	int rc = op_queue(s, &op);

	return rc < 0 ? rc : op_note(s, op.id, STEP_NOTIFICATION, "%u: %s", n->seq, es5_notif_name(n->type));
}

static int16_t newer_by(const struct es5_notif *n, int seq)
{
	return (int16_t)(n->seq - (uint16_t)seq);
}

/* Types that tell how a change ended; others (a declaration, what later versions add) are confirmed for themselves. */
static bool tells_a_result(const struct es5_notif *n)
{
	return n->type == ES5_NOTIF_CHANGED || n->type == ES5_NOTIF_ROLLED_BACK || n->type == ES5_NOTIF_FALLBACK;
}

/* The delete of a profile that is not enabled switches nothing: no notification is about it. */
static bool switches(const struct operation *op)
{
	return op->kind != OP_AUDIT && op->kind != OP_CREATE && !(op->kind == OP_DELETE && !op->other_aid.len);
}

/* While the card has not answered yet: a failure that is told now is that of an earlier change. */
static bool tells_of_change(const struct es5_notif *n, const struct operation *op)
{
	return n->type == ES5_NOTIF_CHANGED || (n->type == ES5_NOTIF_FALLBACK && op->kind != OP_ENABLE);
}

static bool repeats_or_follows(const struct es5_notif *n, const struct operation *op, bool news)
{
	return newer_by(n, op_arg_seq(op)) == 0 || (news && newer_by(n, op_arg_seq(op)) > 0);
}

/* One that was confirmed before is not about the change that is on its way now: it came twice, late, or was replayed.
 */
static bool takes_notification(const struct euicc *e, const struct operation *op, const struct es5_notif *n)
{
	bool news = tells_a_result(n) && n->seq != e->notif_seq;

	switch (op->state) {
	case OP_ST_CHANGE:
		return news && tells_of_change(n, op);
	case OP_ST_NOTIF:
		return news;
	case OP_ST_AUDIT: /* inside a change */
		return news && switches(op) && !op->completed_ms;
	case OP_ST_CONFIRM: /* the same again, or the card has rolled back meanwhile */
		return repeats_or_follows(n, op, news);
	case OP_ST_QUEUED:
	case OP_ST_DELETE:
	case OP_ST_CREATE:
	case OP_ST_DATA:
	case OP_ST_DONE:
		break;
	}
	return false;
}

static bool confirms_already(struct smsr *s, const struct euicc *e, const struct es5_notif *n)
{
	struct operation op;
	int64_t id;

	if (op_db_next_queued(s->db, e->id, &id) < 0 || op_db_get(turn_ctx(s->turn), s->db, id, &op) < 0)
		return false;
	return op.kind == OP_CONFIRM && op_arg_seq(&op) == n->seq;
}

/* The card counts its notifications; an older one than the last confirmed can only be a replay.  Numbers wrap. */
static bool is_replay(const struct euicc *e, const struct es5_notif *n)
{
	return e->notif_seq >= 0 && newer_by(n, e->notif_seq) < 0;
}

/* A change that was given up: its outcome has been reported as unknown.  Without a confirmation the card rolls back. */
static bool is_late(const struct smsr *s, const struct euicc *e, const struct es5_notif *n)
{
	return n->type == ES5_NOTIF_CHANGED && e->audit_due && n->seq != e->notif_seq &&
	       !s->cfg->late_notification_confirm;
}

static int to_operation(struct smsr *s, struct euicc *e, const struct operation *op, const struct es5_notif *n)
{
	const struct op_input in = {.event = OP_EV_NOTIF, .notif = n};
	bool again = op->state == OP_ST_CONFIRM && op_arg_seq(op) == n->seq;
	int rc = again ? 0 : record(s, e, n);

	if (rc == 0)
		rc = op_note(s, op->id, STEP_NOTIFICATION, "%u: %s%s", n->seq, es5_notif_name(n->type),
			     again ? ", again" : "");
	return rc < 0 ? rc : op_event(s, op->id, &in);
}

/* The operation in flight goes on at the number that reaches the card now: its command waits in vain at the old one,
 * and the confirmation would wait for that. */
static int follow(struct smsr *s, const struct euicc *e, const struct operation *op, const struct es5_notif *n)
{
	void *ctx = turn_ctx(s->turn);
	struct profiles all;
	struct command cmd;
	const char *dest = NULL;
	int rc = eis_db_profiles(ctx, s->db, e->id, &all);

	for (size_t i = 0; rc == 0 && i < all.n; i++) {
		if (n->aid.len && bytes_eq(all.list[i].isdp_aid, n->aid))
			dest = all.list[i].msisdn;
	}
	if (rc < 0 || !dest)
		return rc;
	rc = https_follow(s, op->id, dest);
	if (rc == 0)
		rc = cmd_db_open_of_op(ctx, s->db, op->id, &cmd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return cmd_follow(s, &cmd, dest);
}

/* Late: the card has told of what came behind it, and that is being confirmed.  It is not where this one says. */
static bool is_overtaken(const struct operation *active, const struct es5_notif *n)
{
	return op_arg_notified(active) && newer_by(n, op_arg_seq(active)) < 0;
}

static int leave(struct smsr *s, const struct euicc *e, const struct es5_notif *n)
{
	LOGP(DPROC, LOGL_NOTICE,
	     "eid %s: notification %u came too late and is not confirmed: the card will roll back\n",
	     hex_enc(turn_ctx(s->turn), BYTES_ARR(e->eid)), n->seq);
	return 0;
}

/* active: the operation in flight, which it is not for; NULL: there is none */
static int apart(struct smsr *s, struct euicc *e, const struct operation *active, const struct es5_notif *n)
{
	int rc;

	/* Confirmed before, and the card is at something else now: if it still wants that answer it will ask again. */
	if (confirms_already(s, e, n) || (active && n->seq == e->notif_seq))
		return 0;
	rc = n->seq == e->notif_seq ? 0 : record(s, e, n);
	if (rc == 0 && active && is_overtaken(active, n))
		return op_note(s, active->id, STEP_NOTIFICATION, "%u: %s, late: a newer one is being confirmed", n->seq,
			       es5_notif_name(n->type));
	if (rc == 0 && active && tells_a_result(n))
		rc = follow(s, e, active, n);
	if (rc < 0)
		return rc;
	return is_late(s, e, n) ? leave(s, e, n) : confirm_apart(s, e, n);
}

static int dispatch(struct smsr *s, struct euicc *e, const struct es5_notif *n)
{
	struct operation active;
	int rc;

	if (!e->active_op)
		return apart(s, e, NULL, n);
	rc = op_db_get(turn_ctx(s->turn), s->db, e->active_op, &active);
	if (rc < 0)
		return rc;
	return takes_notification(e, &active, n) ? to_operation(s, e, &active, n) : apart(s, e, &active, n);
}

int notif_take(struct smsr *s, const char *source, struct euicc *e, const struct es5_notif *n)
{
	if (!bytes_eq(n->eid, BYTES_ARR(e->eid)))
		return reject(s, source, reason_of(-EBADMSG));
	if (is_replay(e, n))
		return reject(s, source, "replayed: older than the last one that was confirmed");
	smsr_count(s, CTR_NOTIFICATIONS);
	return dispatch(s, e, n);
}

int notif_rx(struct smsr *s, const char *source, struct bytes pkt)
{
	struct sp_peek peek;
	struct es5_notif n;
	struct euicc e;
	int rc = find_euicc(s, pkt, &peek, &e);

	if (rc == 0)
		rc = verify(s, &e, &peek, pkt, &n);
	if (rc < 0)
		return reason_of(rc) ? reject(s, source, reason_of(rc)) : rc;
	return notif_take(s, source, &e, &n);
}
