/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifications of SM-SRs: each goes on to its operator as its ES2 twin, with the same transaction and time.  SGP.02
 * procedures "notification routing". */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smdp/dp_in.h"
#include "smdp/dp_out.h"
#include "smdp/es3.h"
#include "smdp/keys_db.h"
#include "smdp/order_db.h"
#include "smdp/order_steps.h"
#include "smdp/dp_record_db.h"

static const struct {
	enum es_fn es3;
	enum es_fn es2;
} twins[] = {
	{ES3_HANDLE_PROFILE_DISABLED, ES2_HANDLE_PROFILE_DISABLED},
	{ES3_HANDLE_PROFILE_ENABLED, ES2_HANDLE_PROFILE_ENABLED},
	{ES3_HANDLE_PROFILE_DELETED, ES2_HANDLE_PROFILE_DELETED},
	{ES3_HANDLE_PROFILE_DOWNLOADED, ES2_HANDLE_PROFILE_DOWNLOADED},
	{ES3_HANDLE_PROFILE_POL2_UPDATED, ES2_HANDLE_PROFILE_POL2_UPDATED},
	{ES3_HANDLE_FALLBACK_ATTRIBUTE_SET, ES2_HANDLE_FALLBACK_ATTRIBUTE_SET},
	{ES3_HANDLE_FALLBACK_ATTRIBUTE_UNSET, ES2_HANDLE_FALLBACK_ATTRIBUTE_UNSET},
	{ES3_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_SET, ES2_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_SET},
	{ES3_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_UNSET, ES2_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_UNSET},
};

static enum es_fn twin_of(enum es_fn fn)
{
	for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
		if (twins[i].es3 == fn)
			return twins[i].es2;
	}
	return ES_FN_NONE;
}

/* \returns -ENOENT when it belongs to nobody we know */
static int owner(struct smdp *s, const struct es_profile_note *n, const uint8_t eid[EID_LEN],
		 const struct smdp_peer **mno)
{
	char *oid = NULL;
	int rc = keys_db_owner(turn_ctx(s->turn), s->db, eid, n->iccid, &oid);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	*mno = smdp_cfg_peer(s->cfg, oid ? oid : n->mno_id);
	return *mno ? 0 : -ENOENT;
}

/* Only who manages an eUICC, as far as we were told, speaks for it: a note may end the life of a key set. */
static int check_manager(struct smdp *s, const struct smsr_peer *from, const uint8_t eid[EID_LEN])
{
	char *oid;
	int rc = order_db_manager(turn_ctx(s->turn), s->db, eid, &oid);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return strcmp(oid, from->oid) == 0 ? 0 : -EPERM;
}

static int profile_note(struct smdp *s, const struct smsr_peer *from, const struct soap_msg *msg, enum es_fn fn)
{
	struct es_profile_note n = *(const struct es_profile_note *)msg->body;
	const struct smdp_peer *mno;
	uint8_t eid[EID_LEN];
	int64_t euicc_id;
	int rc = eid_dec(n.eid, eid);

	if (rc == 0)
		rc = check_manager(s, from, eid);
	if (rc == -EPERM) {
		LOGP(DES, LOGL_NOTICE, "%s of %s ignored: another SM-SR manages %s\n", es_fn_name(msg->fn), from->oid,
		     n.eid);
		return 0;
	}
	if (rc == 0)
		rc = owner(s, &n, eid, &mno);
	if (rc == -ENOENT || rc == -EINVAL) {
		LOGP(DES, LOGL_NOTICE, "%s of %s: ICCID %s belongs to no operator that we know\n", es_fn_name(msg->fn),
		     from->oid, n.iccid);
		return 0;
	}
	if (rc == 0)
		rc = order_db_euicc(s->db, eid, from->oid, false, &euicc_id);
	n.mno_id = NULL;
	if (rc == 0)
		rc = dp_out_notify(s, mno, euicc_id, &msg->hdr.id, fn, &n);
	return rc == 0 && fn == ES2_HANDLE_PROFILE_DELETED ? keys_db_delete(s->db, eid, n.iccid) : rc;
}

/* Every operator with a profile in the EIS is told once.
 *
 * What the EUM signed must be there whole.  SGP.02's table of what this notification shows would leave parts of it out,
 * and nobody could verify the rest [uncertain]; then it is not believed, and the first answer of the new SM-SR to a
 * GetEIS says who manages the eUICC. */
static int smsr_changed(struct smdp *s, const struct smsr_peer *from, const struct soap_msg *msg)
{
	const struct es_eis_note *n = msg->body;
	const char *smsr = n->eis.smsr_id ? n->eis.smsr_id : from->oid;
	uint8_t eid[EID_LEN];
	int64_t euicc_id;
	const char *why;
	int rc = n->eis.info.eid ? eid_dec(n->eis.info.eid, eid) : -EINVAL;

	if (rc < 0)
		return 0;
	/* SGP.02 procedure 3.8: the new one tells. */
	if (strcmp(smsr, from->oid) != 0) {
		LOGP(DES, LOGL_NOTICE, "%s of %s ignored: it names %s\n", es_fn_name(msg->fn), from->oid, smsr);
		return 0;
	}
	if (eligible_signature(s, &n->eis, &why) < 0) {
		LOGP(DES, LOGL_NOTICE, "%s of %s for %s is not believed: %s\n", es_fn_name(msg->fn), from->oid,
		     n->eis.info.eid, why);
		return 0;
	}
	rc = order_db_euicc(s->db, eid, smsr, true, &euicc_id);
	for (size_t i = 0; rc == 0 && i < s->cfg->n_peers; i++) {
		const struct smdp_peer *p = &s->cfg->peers[i];
		struct es_eis_note out = {.completed_ms = n->completed_ms};
		struct es_eis *view = eis_for_operator(turn_ctx(s->turn), &n->eis, p->oid);

		out.eis = *view;
		if (view->n_profiles)
			rc = dp_out_notify(s, p, euicc_id, &msg->hdr.id, ES2_HANDLE_SMSR_CHANGE, &out);
	}
	return rc;
}

int es3_rx_note(struct smdp *s, const struct smsr_peer *from, const struct soap_msg *msg)
{
	enum es_fn fn = twin_of(msg->fn);
	int rc = dp_record_db_note(s->db, from->oid, msg->hdr.id.base, clock_now_ms());

	if (rc < 0)
		return rc == -EEXIST ? 0 : rc; /* at least once means more than once */
	if (msg->fn == ES3_HANDLE_SMSR_CHANGE)
		return smsr_changed(s, from, msg);
	if (fn == ES_FN_NONE) {
		LOGP(DES, LOGL_NOTICE, "%s of %s is not passed on\n", es_fn_name(msg->fn), from->oid);
		return 0;
	}
	return profile_note(s, from, msg, fn);
}

/* ---- late answers ---- */

static const struct {
	enum es_fn fn;
	enum es_fn note;
	bool of_downloads; /* a download may end with it too; its error routine is no news */
} late_notes[] = {
	{ES3_ENABLE_PROFILE, ES2_HANDLE_PROFILE_ENABLED, true},
	{ES3_DISABLE_PROFILE, ES2_HANDLE_PROFILE_DISABLED, false},
	{ES3_DELETE_ISDP, ES2_HANDLE_PROFILE_DELETED, false},
};

int es3_late_success(struct smdp *s, const struct order_run *r, enum es_fn fn, int64_t completed_ms)
{
	const struct smdp_peer *mno = smdp_cfg_peer(s->cfg, r->o.requester);
	const struct soap_msg_id id = {.transaction_id = r->o.transaction_id, .context_id = r->o.context_id};
	const struct es_profile_note note = {
		.eid = r->eid,
		.iccid = r->o.iccid,
		.completed_ms = completed_ms ? completed_ms : clock_stamp_ms(),
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && mno && i < ARRAY_SIZE(late_notes); i++) {
		if (late_notes[i].fn != fn || (r->o.kind == ORDER_DOWNLOAD && !late_notes[i].of_downloads))
			continue;
		rc = dp_out_notify(s, mno, r->o.euicc_id, &id, late_notes[i].note, &note);
		if (rc == 0 && fn == ES3_DELETE_ISDP)
			rc = keys_db_delete(s->db, r->o.eid, r->o.iccid);
	}
	return rc;
}
