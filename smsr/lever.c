/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Actions of operators as events.  See lever.h; work in slices and look-ups are in lever_slice.c. */
#include "smsr/lever.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/action.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/es/es_codec.h"
#include "common/peer/outbox_db.h"
#include "scp80/sp.h"
#include "smsr/eis.h"
#include "smsr/eis_db.h"
#include "smsr/op.h"
#include "smsr/op_db.h"
#include "smsr/record_db.h"
#include "smsr/words.h"

#define PAUSES_LOGGED_MAX 100

#define say(l, rc, ...) action_say((l)->ctx, &(l)->text, rc, __VA_ARGS__)

int lever_pull(struct smsr *s, lever_cb action, struct lever *l)
{
	int rc;

	l->text = NULL;
	rc = turn_event(s->turn, action, s, l);
	action_end(l->ctx, l->by, rc, &l->text);
	return rc;
}

/* What was done goes into the audit trail; eid may be NULL. */
static int record(struct smsr *s, const struct lever *l, enum audit_type type, const struct euicc *e)
{
	const struct audit_row row = {
		.eid = e ? BYTES_ARR(e->eid) : bytes_of(NULL, 0),
		.stamp_ms = clock_stamp_ms(),
		.type = type,
		.text = talloc_asprintf(turn_ctx(s->turn), "%s: %s", l->by, l->text),
	};

	return record_db_audit(s->db, &row);
}

static int find_eid(struct smsr *s, struct lever *l, const char *eid, struct euicc *e)
{
	int rc = lever_find(s, turn_ctx(s->turn), KEY_EID, eid, e);

	if (rc == -EINVAL)
		return say(l, rc, "%s is no EID of 32 digits", eid ? eid : "nothing");
	if (rc == -ENOENT)
		return say(l, rc, "no eUICC with EID %s", eid);
	return rc;
}

/* Peers are named as in the configuration or by OID; rows know OIDs. */
static const char *peer_oid(const struct smsr *s, const char *name)
{
	for (size_t i = 0; name && i < s->cfg->n_peers; i++) {
		const struct peer *p = &s->cfg->peers[i];

		if (strcmp(p->name, name) == 0 || (p->oid && strcmp(p->oid, name) == 0))
			return p->oid;
	}
	return NULL;
}

static bool smsc_exists(const struct smsr *s, const char *name)
{
	for (size_t i = 0; name && i < s->cfg->n_smscs; i++) {
		if (strcmp(s->cfg->smscs[i].name, name) == 0)
			return true;
	}
	return false;
}

/* ---- pause and resume ---- */

struct sms_pause {
	char *smsc;
	bool paused;
};

static void emit_sms_pause(void *priv, void *data)
{
	const struct sms_pause *p = data;
	struct smsr *s = priv;

	s->ports->sms_pause(s->ports_priv, p->smsc, p->paused);
}

static void tell_link(struct smsr *s, const struct lever *l, bool paused)
{
	struct sms_pause *p;

	if (l->scope != PAUSE_SMSC || !s->ports->sms_pause)
		return;
	p = talloc_zero(turn_ctx(s->turn), struct sms_pause);
	OSMO_ASSERT(p);
	p->smsc = talloc_strdup(p, l->name);
	p->paused = paused;
	turn_output(s->turn, emit_sms_pause, s, p);
}

/* The name under which the pause is stored.  What is no longer known may still be resumed. */
static int pause_name(struct smsr *s, struct lever *l, bool resume, struct euicc *e)
{
	const char *oid;

	e->id = 0;
	switch (l->scope) {
	case PAUSE_ALL:
	case PAUSE_DRAIN:
		l->name = "";
		return 0;
	case PAUSE_SMSC:
		if (!l->name || (!resume && !smsc_exists(s, l->name)))
			return say(l, -ENOENT, "no SMSC %s in the configuration", l->name ? l->name : "without a name");
		return 0;
	case PAUSE_PEER:
		oid = peer_oid(s, l->name);
		if (!l->name || (!resume && !oid))
			return say(l, -ENOENT, "no peer %s in the configuration", l->name ? l->name : "without a name");
		l->name = oid ? oid : l->name;
		return 0;
	case PAUSE_EUICC:
		return find_eid(s, l, l->name, e);
	}
	return say(l, -EINVAL, "unknown scope");
}

int smsr_ev_pause(void *smsr, void *lever)
{
	struct lever *l = lever;
	struct smsr *s = smsr;
	struct euicc e;
	int rc = pause_name(s, l, false, &e);

	if (rc == 0)
		rc = record_db_pause(s->db, l->scope, l->name, clock_now_ms());
	if (rc < 0)
		return rc;
	say(l, 0, "paused: %s%s%s", pause_scope_name(l->scope), *l->name ? " " : "", l->name);
	tell_link(s, l, true);
	return record(s, l, AUDIT_OPERATOR, e.id ? &e : NULL);
}

int smsr_ev_resume(void *smsr, void *lever)
{
	struct lever *l = lever;
	struct smsr *s = smsr;
	struct euicc e;
	int rc = pause_name(s, l, true, &e);

	if (rc == 0)
		rc = record_db_resume(s->db, l->scope, l->name);
	if (rc == -ENOENT && !l->text)
		return say(l, rc, "%s%s%s is not paused", pause_scope_name(l->scope), *l->name ? " " : "", l->name);
	if (rc < 0)
		return rc;
	say(l, 0, "resumed: %s%s%s", pause_scope_name(l->scope), *l->name ? " " : "", l->name);
	tell_link(s, l, false);
	if (!e.id)
		lever_wake(s);
	else
		rc = op_start_next(s, e.id);
	return rc < 0 ? rc : record(s, l, AUDIT_OPERATOR, e.id ? &e : NULL);
}

static const char *held_back(enum pause_scope scope)
{
	switch (scope) {
	case PAUSE_ALL:
		return "no commands to cards and no callbacks";
	case PAUSE_DRAIN:
		return "no new operations";
	case PAUSE_SMSC:
		return "no messages to this service centre";
	case PAUSE_PEER:
		return "no operations of this peer";
	case PAUSE_EUICC:
		return "no operations of this eUICC";
	}
	return "nobody knows what";
}

static void log_pause(const void *ctx, const struct pause_row *p)
{
	const char *since = time_words(ctx, p->since_ms), *scope = pause_scope_name(p->scope);
	const char *gap = *p->name ? " " : "";

	LOGP(DMAIN, LOGL_NOTICE, "%s%s%s is paused since %s: %s; \"smctl resume %s%s%s\" releases it\n", scope, gap,
	     p->name, since ? since : "the beginning", held_back(p->scope), scope, gap, p->name);
}

int lever_log_pauses(struct smsr *s)
{
	struct pause_row rows[PAUSES_LOGGED_MAX];
	void *ctx = talloc_new(s);
	size_t n = 0;
	int rc = record_db_pauses(ctx, s->db, rows, ARRAY_SIZE(rows), &n);

	for (size_t i = 0; rc == 0 && i < n; i++)
		log_pause(ctx, &rows[i]);
	if (rc == 0 && n == ARRAY_SIZE(rows))
		LOGP(DMAIN, LOGL_NOTICE, "more may be paused: \"smctl pauses\" names it\n");
	talloc_free(ctx);
	return rc;
}

static void emit_sms_reconnect(void *priv, void *data)
{
	struct smsr *s = priv;

	s->ports->sms_reconnect(s->ports_priv, data);
}

int smsr_ev_reconnect(void *smsr, void *lever)
{
	struct lever *l = lever;
	struct smsr *s = smsr;

	if (!smsc_exists(s, l->name))
		return say(l, -ENOENT, "no SMSC %s in the configuration", l->name ? l->name : "without a name");
	say(l, 0, "connects again: smsc %s", l->name);
	if (s->ports->sms_reconnect)
		turn_output(s->turn, emit_sms_reconnect, s, talloc_strdup(turn_ctx(s->turn), l->name));
	return record(s, l, AUDIT_OPERATOR, NULL);
}

/* ---- operations ---- */

int smsr_ev_cancel(void *smsr, void *lever)
{
	const struct op_input in = {.event = OP_EV_CANCEL, .text = "cancelled by the operator of the SM-SR"};
	struct lever *l = lever;
	struct smsr *s = smsr;
	struct op_run r;
	int rc = op_load(s, l->id, &r);

	if (rc == -ENOENT)
		return say(l, rc, "no operation #%" PRId64, l->id);
	if (rc == 0 && r.op.state == OP_ST_DONE)
		return say(l, -EBUSY, "operation #%" PRId64 " is done", l->id);
	if (rc == 0)
		rc = op_note(s, l->id, STEP_OPERATOR, "cancelled in state %s (%s)", op_state_name(r.op.state), l->by);
	if (rc == 0)
		rc = op_event(s, l->id, &in);
	if (rc < 0)
		return rc;
	say(l, 0, "cancelled: operation #%" PRId64 " %s in state %s", l->id, op_kind_name(r.op.kind),
	    op_state_name(r.op.state));
	return record(s, l, AUDIT_OPERATOR, &r.euicc);
}

int smsr_ev_audit(void *smsr, void *lever)
{
	struct lever *l = lever;
	struct smsr *s = smsr;
	struct operation op = {.kind = OP_AUDIT};
	struct euicc e;
	int64_t waiting = 0;
	int rc = find_eid(s, l, l->eid, &e);

	if (rc == 0)
		rc = op_db_queue_len(s->db, e.id, &waiting);
	if (rc == 0 && waiting >= s->cfg->limits.queue_max)
		return say(l, -EBUSY, "%" PRId64 " operations wait for this eUICC already", waiting);
	op.euicc_id = e.id;
	op.expires_ms = clock_now_ms() + (int64_t)s->cfg->limits.audit_validity_s * 1000;
	if (rc == 0)
		rc = op_queue(s, &op);
	if (rc < 0)
		return rc;
	l->op_id = op.id;
	say(l, 0, "queued #%" PRId64, op.id);
	return record(s, l, AUDIT_OPERATOR, &e);
}

int smsr_ev_audit_bulk(void *smsr, void *lever)
{
	struct lever *l = lever;
	struct smsr *s = smsr;
	int64_t total, due;
	bool all = false, drain = false;
	int rc = record_db_is_paused(s->db, PAUSE_ALL, "", &all);

	if (rc == 0)
		rc = record_db_is_paused(s->db, PAUSE_DRAIN, "", &drain);
	if (rc == 0 && (all || drain))
		return say(l, -EBUSY, "%s is paused: resume it first", all ? "all" : "drain");
	if (rc == 0)
		rc = eis_db_count(s->db, &total, &due);
	if (rc < 0)
		return rc;
	l->n = l->max > 0 && l->max < due ? l->max : due;
	s->slices.audits_left = l->n;
	s->slices.audit_after = 0;
	s->slices.audit_ms = clock_now_ms();
	say(l, 0, "audits of %" PRId64 " eUICCs begin, %u each second", l->n, s->cfg->limits.bulk_per_s);
	return record(s, l, AUDIT_OPERATOR, NULL);
}

/* ---- rows ---- */

int smsr_ev_counter(void *smsr, void *lever)
{
	struct lever *l = lever;
	struct smsr *s = smsr;
	struct keyset ks;
	struct euicc e;
	int rc = find_eid(s, l, l->eid, &e);

	if (rc < 0)
		return rc;
	if (l->value >= SP_CNTR_MAX)
		return say(l, -EINVAL, "a counter ends at %llu", (unsigned long long)SP_CNTR_MAX);
	rc = l->version > 0 ? eis_db_keyset(s->db, e.id, KEYSET_SCP80, l->version, &ks) : -ENOENT;
	if (rc == -ENOENT)
		return say(l, rc, "EID %s has no SCP80 key set of version %d", l->eid, l->version);
	if (rc == 0)
		rc = eis_db_counter_raise(s->db, ks.id, l->value);
	if (rc == -EINVAL)
		return say(l, rc, "the counter is %" PRIu64 " and never goes down", ks.cntr);
	if (rc < 0)
		return rc;
	say(l, 0, "counter of key set %d: %" PRIu64 " -> %" PRIu64, l->version, ks.cntr, l->value);
	return record(s, l, AUDIT_COUNTER, &e);
}

int smsr_ev_import(void *smsr, void *lever)
{
	const struct eis_source src = {0};
	struct lever *l = lever;
	struct smsr *s = smsr;
	struct es_status st = {0};
	struct es_eis *eis;
	int rc = es_eis_dec(s->es, turn_ctx(s->turn), l->xml, &eis, &st);

	if (rc == -EINVAL)
		return say(l, rc, "no EIS: %s", st.message ? st.message : "it cannot be read");
	if (rc == 0)
		rc = eis_register(s, eis, &src, &st);
	if (rc < 0)
		return rc;
	if (st.status != ES_EXECUTED_SUCCESS)
		return say(l, -EINVAL, "refused %s/%s: %s", st.subject, st.reason, st.message);
	l->eid = talloc_strdup(l->ctx, eis->info.eid);
	return say(l, 0, "imported EID %s, signature not checked", l->eid);
}

int smsr_ev_hurry(void *smsr, void *lever)
{
	struct lever *l = lever;
	struct smsr *s = smsr;
	const char *oid = peer_oid(s, l->name);
	int rc;

	if (l->name && !oid)
		return say(l, -ENOENT, "no peer %s in the configuration", l->name);
	rc = outbox_db_hurry(s->db, oid, clock_now_ms());
	if (rc < 0)
		return rc;
	l->n = db_changes(s->db);
	say(l, 0, "%" PRId64 " messages to %s are tried now", l->n, l->name ? l->name : "all peers");
	return record(s, l, AUDIT_OPERATOR, NULL);
}
