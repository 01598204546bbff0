/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The scripted SM-SR: it does what it is asked, once for each FunctionCallIdentifier, unless a rule says otherwise. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "tests/support/dp_world.h"

/* ---- functions ---- */

static struct es_status parse_status(const void *ctx, const char *text)
{
	static const enum es_exec all[] = {ES_EXECUTED_WITHWARNING, ES_FAILED, ES_EXPIRED};
	struct es_status st = es_status_ok();
	char *rest = talloc_strdup(ctx, text);
	char *word = strsep(&rest, " ");

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(es_exec_name(all[i]), word) == 0)
			st.status = all[i];
	}
	st.subject = strsep(&rest, "/");
	st.reason = rest;
	return st;
}

static struct es_status refused(enum es_sc sc)
{
	return (struct es_status){ES_FAILED, es_sc(sc)->subject, es_sc(sc)->reason, NULL, NULL};
}

static struct dpw_entry *entry_of(struct dpw *w, const char *iccid)
{
	if (w->entry.there && strcmp(w->entry.iccid, iccid) == 0)
		return &w->entry;
	return w->leftover.there && strcmp(w->leftover.iccid, iccid) == 0 ? &w->leftover : NULL;
}

static void add_profile(struct es_eis *eis, const struct dpw_entry *e)
{
	struct es_profile_info *all = talloc_zero_array(eis, struct es_profile_info, (unsigned int)eis->n_profiles + 1);

	if (!e->there)
		return;
	if (eis->n_profiles)
		memcpy(all, eis->profiles, eis->n_profiles * sizeof(*all));
	all[eis->n_profiles++] = (struct es_profile_info){
		.iccid = e->iccid,
		.isdp_aid = BYTES_ARR(e->aid),
		.mno_id = e->mno,
		.state = e->state,
		.smdp_id = SEED_OID_SMDP,
		.allocated_memory = 1000,
	};
	eis->profiles = all;
}

static struct es_eis *current_eis(struct dpw *w, void *ctx)
{
	struct es_eis *eis;
	struct es_status bad;

	if (es_eis_dec(w->es, ctx, bytes_str(w->eis_xml), &eis, &bad) < 0)
		fail_msg("%s", bad.message);
	for (size_t i = 0; eis->isdr && i < eis->isdr->n_keysets; i++)
		eis->isdr->keysets[i].n_keys = 0;
	eis->remaining_memory = w->memory;
	add_profile(eis, &w->entry);
	add_profile(eis, &w->leftover);
	return eis;
}

static void get_eis(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp)
{
	rsp->eis.eis = current_eis(w, ctx);
}

static void create_isdp(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp)
{
	const struct es_create_isdp_req *q = req;
	static const uint8_t aid[] = {0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff,
				      0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x00, 0x00};

	if (w->entry.there) {
		rsp->base.status = refused(ES_SC_ICCID_IN_USE);
		return;
	}
	dpw_card_wipe(w);
	w->created++;
	w->entry = (struct dpw_entry){
		.there = true,
		.iccid = talloc_strdup(w->ctx, q->iccid),
		.mno = talloc_strdup(w->ctx, q->mno_id),
		.state = ES_STATE_CREATED,
	};
	memcpy(w->entry.aid, aid, sizeof(aid));
	w->entry.aid[14] = ++w->next_tar;
	rsp->create.isdp_aid = BYTES_ARR(w->entry.aid);
}

static void send_data(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp)
{
	const struct es_send_data_req *q = req;

	if (!w->entry.there)
		rsp->base.status = refused(ES_SC_SD_AID_UNKNOWN);
	else
		rsp->euicc.euicc_data = dpw_card_run(w, ctx, q->data);
}

static void completed(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp)
{
	const struct es_download_completed_req *q = req;
	struct dpw_entry *e = entry_of(w, q->iccid);

	if (!e || !w->card.installed)
		rsp->base.status = refused(ES_SC_ICCID_UNKNOWN);
	else if (e->state == ES_STATE_CREATED)
		e->state = ES_STATE_DISABLED;
}

static void delete_isdp(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp)
{
	const struct es_profile_req *q = req;
	struct dpw_entry *e = entry_of(w, q->iccid);

	if (!e)
		rsp->base.status = refused(ES_SC_ICCID_UNKNOWN);
	else if (e == &w->entry && w->card.installed && w->pol1_refuses)
		rsp->base.status = refused(ES_SC_POL1_REFUSED);
	else
		*e = (struct dpw_entry){0};
	if (e == &w->entry && !e->there)
		dpw_card_wipe(w);
}

static void set_state(struct dpw *w, const void *req, union es_any_rsp *rsp, enum es_profile_state from,
		      enum es_profile_state to)
{
	const struct es_profile_req *q = req;
	struct dpw_entry *e = entry_of(w, q->iccid);

	if (!e)
		rsp->base.status = refused(ES_SC_ICCID_UNKNOWN);
	else if (e->state != from)
		rsp->base.status = refused(ES_SC_ICCID_WRONG_STATE);
	else
		e->state = to;
}

static void enable(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp)
{
	set_state(w, req, rsp, ES_STATE_DISABLED, ES_STATE_ENABLED);
}

static void disable(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp)
{
	set_state(w, req, rsp, ES_STATE_ENABLED, ES_STATE_DISABLED);
}

static void nothing(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp)
{
}

static const struct {
	enum es_fn fn;
	void (*run)(struct dpw *w, void *ctx, const void *req, union es_any_rsp *rsp);
} functions[] = {
	{ES3_GET_EIS, get_eis},
	{ES3_AUDIT_EIS, get_eis},
	{ES3_CREATE_ISDP, create_isdp},
	{ES3_SEND_DATA, send_data},
	{ES3_PROFILE_DOWNLOAD_COMPLETED, completed},
	{ES3_DELETE_ISDP, delete_isdp},
	{ES3_ENABLE_PROFILE, enable},
	{ES3_DISABLE_PROFILE, disable},
	{ES3_UPDATE_POLICY_RULES, nothing},
	{ES3_UPDATE_SUBSCRIPTION_ADDRESS, nothing},
};

static void execute(struct dpw *w, void *ctx, const struct soap_msg *m, union es_any_rsp *rsp)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		if (functions[i].fn == m->fn) {
			functions[i].run(w, ctx, m->body, rsp);
			return;
		}
	}
	fail_msg("%s is not expected", es_fn_name(m->fn));
}

/* ---- answers ---- */

static void push(struct dpw *w, int64_t ref, bool answered, unsigned int status, struct bytes body)
{
	struct dpw_mail *m = talloc_zero(w->ctx, struct dpw_mail);

	m->ref = ref;
	m->answered = answered;
	m->status = status;
	m->body = body.len ? bytes_dup(m, body) : body;
	llist_add_tail(&m->entry, &w->mail);
}

static void write_answer(struct dpw *w, const struct soap_msg *m, const union es_any_rsp *rsp, struct dpw_call *c,
			 bool relates)
{
	const struct soap_self self = {.uri = "https://smsr.example/ES3/ES3SmSrService", .oid = DPW_SMSR};
	bool async = es_fn_info(m->fn)->mep == ES_ASYNC;
	struct soap_headers hdr = m->hdr;
	struct soap_out out;

	if (!async)
		hdr.reply_to = (struct soap_addr){0};
	out = soap_answer(c, &self, &hdr, w->now_ms);
	out.action = es_fn_action(c, m->fn, ES_DIR_RESPONSE, NULL);
	if (!relates)
		out.relates_to = NULL;
	assert_int_equal(soap_tx(c, &out, m->fn, ES_DIR_RESPONSE, rsp, &c->answer), 0);
}

static struct dpw_rule *rule_of(struct dpw *w, enum es_fn fn)
{
	for (size_t i = 0; i < w->n_rules; i++) {
		struct dpw_rule *r = &w->rules[i];

		if (r->fn != fn || (r->skip == 0 && r->times == 0))
			continue;
		if (r->skip) {
			r->skip--;
			return NULL;
		}
		r->times--;
		return r;
	}
	return NULL;
}

static void fault(struct dpw *w, int64_t ref)
{
	const struct soap_fault f = {.code = SOAP_FAULT_SENDER, .reason = "we do not like it", .http_status = 400};
	struct bytes xml;

	assert_int_equal(soap_tx_fault(w->ctx, &f, &xml), 0);
	push(w, ref, true, 400, xml);
}

/* Say what is known of a call. */
static void respond(struct dpw *w, int64_t ref, struct dpw_call *c, bool sync)
{
	if (sync) {
		push(w, ref, true, 200, c->answer);
		return;
	}
	push(w, ref, true, 202, (struct bytes){0});
	if (c->swallowed)
		return;
	if (c->lose)
		c->lose = false;
	else
		push(w, 0, true, 0, c->answer);
}

static struct dpw_call *known(struct dpw *w, const struct soap_msg *m)
{
	struct dpw_call *c;

	llist_for_each_entry (c, &w->calls, entry) {
		if (strcmp(c->call_id, m->call_id) == 0)
			return c;
	}
	return NULL;
}

static void new_call(struct dpw *w, const struct http_out *h, const struct soap_msg *m, void *ctx)
{
	struct dpw_call *c = talloc_zero(w->ctx, struct dpw_call);
	struct dpw_rule *r = rule_of(w, m->fn);
	union es_any_rsp *rsp = talloc_zero(ctx, union es_any_rsp);
	bool done = !r || (r->action != DPW_FAIL && r->action != DPW_SWALLOW && r->action != DPW_DOWN &&
			   r->action != DPW_FAULT && r->action != DPW_UNAVAILABLE);
	bool sync = es_fn_info(m->fn)->mep == ES_SYNC || (r && r->action == DPW_SYNC);

	if (r && (r->action == DPW_DOWN || r->action == DPW_FAULT || r->action == DPW_UNAVAILABLE)) {
		if (r->action == DPW_FAULT)
			fault(w, h->ref);
		else
			push(w, h->ref, r->action == DPW_UNAVAILABLE, 503, (struct bytes){0});
		if (r->action == DPW_DOWN)
			llist_last_entry(&w->mail, struct dpw_mail, entry)->unreached = true;
		talloc_free(c);
		return;
	}
	c->fn = m->fn;
	c->call_id = talloc_strdup(c, m->call_id);
	c->body = talloc_strndup(c, (const char *)h->body.data, h->body.len);
	c->swallowed = r && r->action == DPW_SWALLOW;
	c->lose = r && r->action == DPW_LOSE_ANSWER;
	c->disown = r && r->action == DPW_DISOWN;
	llist_add_tail(&c->entry, &w->calls);
	if (done)
		execute(w, ctx, m, rsp);
	if (r && r->status)
		rsp->base.status = parse_status(ctx, r->status);
	rsp->base.start_ms = rsp->base.end_ms = w->now_ms;
	write_answer(w, m, rsp, c, !r || (r->action != DPW_NO_RELATES && r->action != DPW_NO_RELATES_TWICE));
	if (r && (r->action == DPW_BROKEN || r->action == DPW_DISOWN)) {
		push(w, h->ref, false, 0, (struct bytes){0});
		return;
	}
	respond(w, h->ref, c, sync);
	if (r && (r->action == DPW_DOUBLE || r->action == DPW_NO_RELATES_TWICE))
		push(w, 0, true, 0, c->answer);
}

void dpw_smsr_post(struct dpw *w, const struct http_out *h)
{
	void *ctx = talloc_new(w->ctx);
	struct soap_fault *bad;
	struct soap_msg *m;
	struct dpw_call *c;

	if (strcmp(h->url, "urn:none") == 0) { /* no client can reach it */
		push(w, h->ref, false, 0, (struct bytes){0});
		llist_last_entry(&w->mail, struct dpw_mail, entry)->unreached = true;
		talloc_free(ctx);
		return;
	}

	if (soap_rx(w->es, ctx, h->body, SOAP_CONTENT_TYPE, &m, &bad) < 0)
		fail_msg("%s", bad->reason);
	assert_non_null(m->body);
	assert_string_equal(h->url, "https://smsr.example/ES3/ES3SmSrService");
	c = known(w, m);
	if (c) {
		/* A repetition is the same message. */
		assert_int_equal(strlen(c->body), h->body.len);
		assert_memory_equal(c->body, h->body.data, h->body.len);
		c->copies++;
		if (c->disown)
			fault(w, h->ref);
		else
			respond(w, h->ref, c, es_fn_info(m->fn)->mep == ES_SYNC);
	} else {
		new_call(w, h, m, ctx);
	}
	talloc_free(ctx);
}

bool dpw_smsr_step(struct dpw *w)
{
	struct smdp_post_done d;
	struct dpw_mail *m;

	if (llist_empty(&w->mail))
		return false;
	m = llist_first_entry(&w->mail, struct dpw_mail, entry);
	llist_del(&m->entry);
	talloc_steal(w->ctx, m);
	if (m->ref == 0) {
		dpw_deliver(w, DPW_SMSR, m->body);
	} else {
		d = (struct smdp_post_done){
			.post = {.ref = m->ref,
				 .answered = m->answered,
				 .status = m->status,
				 .retry_after_s = m->status == 503 ? w->retry_after_s : 0,
				 .detail = "no connection"},
			.unreached = m->unreached,
			.content_type = SOAP_CONTENT_TYPE,
			.body = m->body,
		};
		assert_int_equal(dpw_event(w, smdp_ev_post_done, &d), 0);
	}
	talloc_free(m);
	return true;
}

struct bytes dpw_callback(struct dpw *w, enum es_fn fn, const char *relates_to, const char *transaction, void *rsp)
{
	return dpw_callback_of(w, DPW_SMSR, fn, relates_to, transaction, rsp);
}

struct bytes dpw_callback_of(struct dpw *w, const char *smsr, enum es_fn fn, const char *relates_to,
			     const char *transaction, void *rsp)
{
	const struct soap_out out = {
		.from = talloc_asprintf(w->ctx, "https://smsr.example/ES3/ES3SmSrService?EntityId=%s", smsr),
		.to = "https://smdp.example/ES3/ES3SmDpService",
		.action = es_fn_action(w->ctx, fn, es_fn_info(fn)->rsp ? ES_DIR_RESPONSE : ES_DIR_NOTIFICATION, NULL),
		.message_id = soap_message_id(w->ctx, smsr, transaction, NULL, w->now_ms),
		.relates_to = relates_to,
	};
	struct bytes xml;

	assert_int_equal(
		soap_tx(w->ctx, &out, fn, es_fn_info(fn)->rsp ? ES_DIR_RESPONSE : ES_DIR_NOTIFICATION, rsp, &xml), 0);
	return xml;
}
