/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of the admin socket: see admin.h for their members. */
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/es_fn.h"
#include "smsr/admin_priv.h"
#include "smsr/lever.h"
#include "smsr/smpp_link.h"
#include "smsr/words.h"

#define PAUSES_MAX 100

/* ---- members ---- */

static void set_text(json_t *o, const char *name, const char *text)
{
	json_t *v = text ? json_string(text) : json_null();

	if (!v) { /* what a peer sent may be no UTF-8 */
		char *ascii = talloc_strdup(NULL, text);

		for (char *c = ascii; *c; c++)
			*c = *c & 0x80 ? '?' : *c;
		v = json_string(ascii);
		talloc_free(ascii);
	}
	json_object_set_new(o, name, v);
}

static void set_int(json_t *o, const char *name, int64_t v)
{
	json_object_set_new(o, name, json_integer(v));
}

static void set_bool(json_t *o, const char *name, bool v)
{
	json_object_set_new(o, name, json_boolean(v));
}

/* 0: none. */
static void set_id(json_t *o, const char *name, int64_t id)
{
	json_object_set_new(o, name, id ? json_integer(id) : json_null());
}

static void set_time(json_t *o, void *ctx, const char *name, int64_t ms)
{
	set_text(o, name, time_words(ctx, ms));
}

static void set_hex(json_t *o, void *ctx, const char *name, struct bytes b)
{
	set_text(o, name, b.len ? hex_enc(ctx, b) : NULL);
}

/* ---- eUICCs ---- */

static json_t *row_profile(void *ctx, const struct profile *p)
{
	const char *words[POL2_WORDS_MAX];
	size_t n = pol2_words(p->pol2, words);
	json_t *o = json_object(), *pol2 = json_array();

	set_text(o, "iccid", p->iccid);
	set_hex(o, ctx, "aid", p->isdp_aid);
	set_text(o, "state", profile_state_name(p->state));
	set_bool(o, "fallback", p->fallback);
	set_text(o, "mno", p->mno_oid);
	set_text(o, "smdp", p->smdp_oid);
	set_text(o, "imsi", p->imsi);
	set_text(o, "msisdn", p->msisdn);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(pol2, json_string(words[i]));
	json_object_set_new(o, "pol2", pol2);
	set_int(o, "allocated_memory", p->allocated_memory);
	json_object_set_new(o, "free_memory", p->free_memory < 0 ? json_null() : json_integer(p->free_memory));
	set_text(o, "type", p->type);
	return o;
}

static json_t *row_euicc(void *ctx, const struct euicc *e)
{
	json_t *o = json_object();

	set_hex(o, ctx, "eid", BYTES_ARR(e->eid));
	set_text(o, "eum", e->eum_oid);
	set_bool(o, "verified", e->verified);
	set_text(o, "audit_due", e->audit_due);
	set_time(o, ctx, "last_audit", e->last_audit_ms);
	set_id(o, "active_op", e->active_op);
	return o;
}

json_t *row_eis_short(struct smsr *s, void *ctx, const struct euicc *e)
{
	json_t *o = row_euicc(ctx, e);
	const char *enabled = NULL;
	struct profiles p = {0};

	if (eis_db_profiles(ctx, s->db, e->id, &p) == 0) {
		for (size_t i = 0; i < p.n; i++)
			enabled = p.list[i].state == PROFILE_ENABLED ? p.list[i].iccid : enabled;
	}
	set_int(o, "profiles", (int64_t)p.n);
	set_text(o, "enabled", enabled);
	return o;
}

json_t *row_eis(struct smsr *s, void *ctx, const struct euicc *e)
{
	json_t *o = row_euicc(ctx, e), *profiles = json_array(), *keysets = json_array();
	struct keyset ks[KEYSETS_MAX];
	struct profiles p = {0};
	size_t n = 0;

	set_int(o, "remaining_memory", e->remaining_memory);
	set_int(o, "available_memory", e->available_memory);
	if (eis_db_profiles(ctx, s->db, e->id, &p) == 0) {
		for (size_t i = 0; i < p.n; i++)
			json_array_append_new(profiles, row_profile(ctx, &p.list[i]));
	}
	if (eis_db_keysets(s->db, e->id, ks, ARRAY_SIZE(ks), &n) == 0) {
		for (size_t i = 0; i < n; i++)
			json_array_append_new(keysets, json_pack("{s:i, s:s, s:I}", "version", ks[i].version, "type",
								 keyset_type_name(ks[i].type), "counter",
								 (json_int_t)ks[i].cntr));
	}
	json_object_set_new(o, "profiles", profiles);
	json_object_set_new(o, "keysets", keysets);
	return o;
}

json_t *row_audit_due(void *ctx, const struct euicc *e)
{
	json_t *o = json_object();

	set_hex(o, ctx, "eid", BYTES_ARR(e->eid));
	set_text(o, "why", e->audit_due);
	set_time(o, ctx, "last_audit", e->last_audit_ms);
	return o;
}

/* EID of a row of the registry; NULL when it is gone. */
static const char *eid_of(struct smsr *s, void *ctx, int64_t euicc_id)
{
	struct euicc e;

	if (!euicc_id || eis_db_get(ctx, s->db, euicc_id, &e) < 0)
		return NULL;
	return hex_enc(ctx, BYTES_ARR(e.eid));
}

/* ---- operations ---- */

static void set_status(json_t *o, bool has, const struct es_status *st)
{
	set_text(o, "status", has ? es_exec_name(st->status) : NULL);
	set_text(o, "subject", has ? st->subject : NULL);
	set_text(o, "reason", has ? st->reason : NULL);
}

json_t *row_op(struct smsr *s, void *ctx, const struct operation *op)
{
	json_t *o = json_object();

	set_int(o, "id", op->id);
	set_text(o, "eid", eid_of(s, ctx, op->euicc_id));
	set_text(o, "kind", op_kind_name(op->kind));
	set_text(o, "state", op_state_name(op->state));
	set_text(o, "fn", op->fn == ES_FN_NONE ? NULL : es_fn_name(op->fn));
	set_text(o, "requester", op->requester);
	set_text(o, "call_id", op->call_id);
	set_text(o, "iccid", op->iccid);
	set_hex(o, ctx, "aid", op->aid);
	set_time(o, ctx, "created", op->created_ms);
	set_time(o, ctx, "expires", op->expires_ms);
	set_time(o, ctx, "started", op->started_ms);
	set_time(o, ctx, "ended", op->ended_ms);
	set_time(o, ctx, "completed", op->completed_ms);
	set_int(o, "attempt", op->attempt);
	set_status(o, op->state == OP_ST_DONE, &op->outcome);
	set_text(o, "message", op->outcome.message);
	return o;
}

json_t *row_timeline(void *ctx, const struct timeline_row *t)
{
	json_t *o = json_object();

	set_int(o, "id", t->id);
	set_time(o, ctx, "time", t->stamp_ms);
	set_text(o, "step", step_name(t->step));
	set_text(o, "text", t->text);
	return o;
}

json_t *row_outbox(struct smsr *s, void *ctx, const struct outbox *b)
{
	json_t *o = json_object();

	set_int(o, "id", b->id);
	set_id(o, "op", b->op_id);
	set_text(o, "eid", eid_of(s, ctx, b->euicc_id));
	set_text(o, "peer", b->peer);
	set_text(o, "name", b->name);
	set_text(o, "url", b->url);
	set_text(o, "state", outbox_state_name(b->state));
	set_int(o, "attempt", b->attempt);
	set_time(o, ctx, "due", b->due_ms);
	set_time(o, ctx, "expires", b->expires_ms);
	set_time(o, ctx, "created", b->created_ms);
	set_time(o, ctx, "ended", b->ended_ms);
	set_text(o, "error", b->last_error);
	return o;
}

json_t *row_trail(void *ctx, const struct audit_row *a)
{
	json_t *o = json_object();

	set_int(o, "id", a->id);
	set_time(o, ctx, "time", a->stamp_ms);
	set_hex(o, ctx, "eid", a->eid);
	set_text(o, "type", audit_type_name(a->type));
	set_text(o, "requester", a->requester);
	set_status(o, a->has_status, &a->status);
	set_hex(o, ctx, "aid", a->aid);
	set_text(o, "iccid", a->iccid);
	set_text(o, "text", a->text);
	return o;
}

json_t *row_pause(void *ctx, const struct pause_row *p)
{
	json_t *o = json_object();

	set_text(o, "scope", pause_scope_name(p->scope));
	set_text(o, "name", p->name);
	set_time(o, ctx, "since", p->since_ms);
	return o;
}

/* ---- links and the whole ---- */

json_t *row_link(const struct smpp_link *link)
{
	const struct smpp_link_cfg *cfg = smpp_link_cfg(link);
	struct smpp_link_info i;
	json_t *o = json_object();
	char *remote = talloc_asprintf(NULL, "%s:%u", cfg->host ? cfg->host : "", cfg->port);

	smpp_link_info(link, &i);
	set_text(o, "name", i.name);
	set_text(o, "remote", remote);
	set_text(o, "state", i.state);
	set_bool(o, "up", i.up);
	set_bool(o, "paused", i.paused);
	set_int(o, "window", i.window);
	set_int(o, "unanswered", i.in_flight);
	set_int(o, "to_ack", i.to_ack);
	set_int(o, "submitted", (int64_t)smpp_link_ctr(link, SMPP_CTR_SUBMIT));
	set_int(o, "delivered", (int64_t)smpp_link_ctr(link, SMPP_CTR_DELIVER));
	set_int(o, "errors", (int64_t)smpp_link_ctr(link, SMPP_CTR_RESP_ERROR));
	set_text(o, "last_error", i.last_error);
	talloc_free(remote);
	return o;
}

static json_t *pauses(struct smsr *s, void *ctx)
{
	struct pause_row rows[PAUSES_MAX];
	json_t *list = json_array();
	size_t n = 0;

	if (record_db_pauses(ctx, s->db, rows, ARRAY_SIZE(rows), &n) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(talloc_asprintf(ctx, "%s%s%s", pause_scope_name(rows[i].scope),
									*rows[i].name ? " " : "", rows[i].name)));
	return list;
}

static json_t *operations(const struct lever_figures *f)
{
	static const char *const names[] = {
		[OP_ST_QUEUED] = "queued",   [OP_ST_CHANGE] = "change", [OP_ST_NOTIF] = "notif",
		[OP_ST_CONFIRM] = "confirm", [OP_ST_DELETE] = "delete", [OP_ST_AUDIT] = "audit",
		[OP_ST_CREATE] = "create",   [OP_ST_DATA] = "data",	[OP_ST_DONE] = "done",
	};
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		set_int(o, names[i], f->ops[i]);
	return o;
}

json_t *row_status(struct smsr_daemon *d, void *ctx)
{
	struct smsr *s = d->s;
	struct lever_figures f = {0};
	struct meta meta = {0};
	json_t *o = json_object(), *outbox = json_object();

	if (lever_figures(s, &f) < 0 || meta_db_get(s->db, &meta) < 0)
		f = (struct lever_figures){0};
	set_text(o, "oid", s->cfg->oid);
	set_text(o, "name", s->cfg->name);
	set_text(o, "version", VERSION);
	set_time(o, ctx, "started", meta.started_ms);
	set_int(o, "epoch", s->epoch);
	set_int(o, "euiccs", f.euiccs);
	set_int(o, "audit_due", f.audit_due);
	set_int(o, "links", (int64_t)links_n(d->links));
	set_int(o, "links_up", (int64_t)links_up(d->links));
	json_object_set_new(o, "paused", pauses(s, ctx));
	json_object_set_new(o, "operations", operations(&f));
	set_int(outbox, "waiting", f.outbox_waiting);
	set_int(outbox, "delivered", (int64_t)smsr_ctr(s, CTR_CALLBACKS));
	set_int(outbox, "given_up", (int64_t)smsr_ctr(s, CTR_CALLBACKS_GIVEN_UP));
	json_object_set_new(o, "outbox", outbox);
	set_int(o, "parts_waiting", f.parts_waiting);
	set_text(o, "database", s->cfg->database);
	set_int(o, "database_free", (int64_t)db_free_space(s->db));
	set_time(o, ctx, "certificate_ends", d->server_tls ? tls_not_after_ms(d->server_tls) : 0);
	return o;
}
