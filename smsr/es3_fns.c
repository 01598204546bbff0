/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The functions that only an SM-DP calls: those of a download, and UpdateConnectivityParameters.  SGP.02 ES3. */
#include "smsr/es_fns.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "smsr/eis.h"
#include "smsr/eis_db.h"
#include "smsr/es5.h"
#include "smsr/sd_guard.h"

int es3_create_isdp(struct smsr *s, const struct es_call *c)
{
	const struct es_create_isdp_req *q = c->req->msg->body;
	const struct operation what = {.kind = OP_CREATE, .iccid = (char *)q->iccid};
	const struct op_data data = {
		.mno_oid = (char *)q->mno_id,
		.memory = q->required_memory,
		.more_to_do = q->more_to_do,
	};
	struct euicc e;
	int rc = es_find_euicc(s, c, q->eid, &e);

	if (rc != 1)
		return rc;
	if (!peer_acts_for(c->peer, q->mno_id))
		return es_refuse_with(s, c, ES_SC_SENDER_NOT_ALLOWED, q->mno_id,
				      "this SM-DP may not act for the operator in Mno-id");
	if (q->required_memory < 0 || q->required_memory > UINT32_MAX)
		return es_refuse_with(s, c, ES_SC_DATA_INVALID, q->iccid, "RequiredMemory is no number of octets");
	return es_queue(s, c, &e, &what, &data);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whose data can only be refused later must not fill the queue of the eUICC with it.
 * \returns as es_find_euicc() */
static int installs_something(struct smsr *s, const struct es_call *c, const struct euicc *e, struct bytes aid)
{
	struct profiles p;
	int rc = eis_db_profiles(turn_ctx(s->turn), s->db, e->id, &p);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p.n; i++) {
		if (same_text(p.list[i].smdp_oid, c->peer->oid))
			return 1;
	}
	return es_refuse_with(s, c, ES_SC_SD_AID_NOT_ALLOWED, hex_enc(turn_ctx(s->turn), aid),
			      "no ISD-P on the eUICC is this SM-DP's");
}

int es3_send_data(struct smsr *s, const struct es_call *c)
{
	const struct es_send_data_req *q = c->req->msg->body;
	const struct operation what = {.kind = OP_SEND_DATA, .aid = q->sd_aid};
	struct op_data data = {.more_to_do = q->more_to_do};
	struct euicc e;
	int rc = es_find_euicc(s, c, q->eid, &e);

	if (rc != 1)
		return rc;
	rc = installs_something(s, c, &e, q->sd_aid);
	if (rc != 1)
		return rc;
	if (sd_guard_open(q->data, &data.cmds) < 0)
		return es_refuse_with(s, c, ES_SC_DATA_INVALID, NULL, "Data: no whole command TLVs");
	return es_queue(s, c, &e, &what, &data);
}

/* ---- ProfileDownloadCompleted ---- */

/* The same again, which got no answer the first time. */
static bool is_done_already(const struct profile *old, const struct profile *new)
{
	return old->pol2 == new->pol2 &&same_text(old->type, new->type) && same_text(old->imsi, new->imsi) &&
	       same_text(old->msisdn, new->msisdn);
}

static int find_own(struct smsr *s, const struct es_call *c, struct euicc *e, struct profile *p)
{
	const struct es_download_completed_req *q = c->req->msg->body;
	int rc = es_find_both(s, c, q->eid, q->iccid, e, p);

	if (rc == 1 && (!p->smdp_oid || strcmp(p->smdp_oid, c->peer->oid) != 0))
		return es_refuse_with(s, c, ES_SC_ICCID_NOT_ALLOWED, q->iccid, "another SM-DP installs this profile");
	return rc;
}

int es3_profile_download_completed(struct smsr *s, const struct es_call *c)
{
	const struct es_download_completed_req *q = c->req->msg->body;
	struct profile old, p;
	struct euicc e;
	int rc = find_own(s, c, &e, &old);

	if (rc != 1)
		return rc;
	p = old;
	if (pol2_dec(q->pol2, &p.pol2) < 0)
		return es_refuse_with(s, c, ES_SC_DATA_INVALID, q->iccid, "pol2: the rules contradict each other");
	p.type = (char *)q->profile_type;
	p.imsi = q->address ? (char *)q->address->imsi : NULL;
	p.msisdn = q->address ? (char *)msisdn_digits(q->address->msisdn) : NULL;
	if (old.state != PROFILE_CREATED && is_done_already(&old, &p))
		return es_done(s, c);
	if (old.state != PROFILE_CREATED)
		return es_refuse_with(s, c, ES_SC_ICCID_WRONG_STATE, q->iccid, "the profile is complete already");
	p.state = PROFILE_DISABLED;
	rc = eis_db_profile_update(s->db, &p);
	if (rc == 0)
		rc = es_record(s, c, &e, p.iccid, AUDIT_DOWNLOADED);
	return rc < 0 ? rc : es_done(s, c);
}

/* ---- UpdateConnectivityParameters ---- */

/* What stands in ConnectivityParameters is uncertain.  By the likelier reading it is what the SM-DP has protected under
 * the profile's SCP03 keys, as command TLVs; by the other it is DGI 3A07 or its value (A0, A1, A2), in clear. */
static int connectivity_cmds(const void *ctx, struct bytes in, struct bytes *cmds)
{
	struct bytes value = in;
	struct dgi d;
	struct rd r;
	struct wr w;
	int rc;

	if (sd_guard_open(in, cmds) == 0)
		return 0;
	rd_init(&r, in);
	if (dgi_next(&r, &d) && d.id == 0x3a07 && rd_left(&r) == 0)
		value = d.value;
	rd_init(&r, value);
	if (rd_peek(&r) < 0xa0 || rd_peek(&r) > 0xa2 || ber_check(value, 1) < 0)
		return -EINVAL;
	wr_init(&w, ctx);
	rc = es5_connectivity(value, &w);
	return rc < 0 ? rc : wr_end(&w, cmds);
}

int es3_update_connectivity_parameters(struct smsr *s, const struct es_call *c)
{
	const struct es_connectivity_req *q = c->req->msg->body;
	const struct operation what = {.kind = OP_CONNECTIVITY, .iccid = (char *)q->iccid};
	void *ctx = turn_ctx(s->turn);
	struct op_data data = {0};
	struct sd_look look;
	struct profile p;
	struct euicc e;
	const char *why;
	int rc = es_find_both(s, c, q->eid, q->iccid, &e, &p);

	if (rc != 1)
		return rc;
	if (connectivity_cmds(ctx, q->parameters, &data.cmds) < 0)
		return es_refuse_with(s, c, ES_SC_DATA_INVALID, q->iccid,
				      "ConnectivityParameters: neither command TLVs nor DGI 3A07");
	if (sd_guard_look(ctx, data.cmds, &look, &why) < 0 || look.kind != SD_TO_ISDP)
		return es_refuse_with(s, c, ES_SC_SD_AID_NOT_ALLOWED, q->iccid,
				      "ConnectivityParameters: not for the ISD-P of the profile");
	return es_queue(s, c, &e, &what, &data);
}
