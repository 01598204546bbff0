/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/support/world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "scp80/concat.h"
#include "scp80/sms.h"
#include "smsr/eis.h"
#include "smsr/cmd.h"
#include "smsr/eis_db.h"
#include "smsr/op_db.h"

#define SMSR_NUMBER "12345"

struct mt {
	struct llist_head entry;
	uint64_t ref;
	char *dest;
	struct bytes ud;
};

/* ---- ports ---- */

static const char *port_reserve(void *priv)
{
	struct world *w = priv;

	return w->smsc == SMSC_DOWN ? NULL : "smsc";
}

static void remember_packet(struct world *w, struct bytes ud)
{
	w->sent = talloc_realloc(w->ctx, w->sent, struct bytes, (unsigned int)w->n_sent + 1);
	w->sent[w->n_sent++] = bytes_dup(w->ctx, ud);
}

static void port_submit(void *priv, const struct sms_out *sms)
{
	struct world *w = priv;
	struct mt *mt;

	if (w->dead)
		return;
	mt = talloc_zero(w->ctx, struct mt);
	mt->ref = sms->ref;
	mt->dest = talloc_strdup(mt, sms->dest);
	mt->ud = bytes_dup(mt, sms->ud);
	llist_add_tail(&mt->entry, &w->mt);
	remember_packet(w, sms->ud);
}

static void port_ack(void *priv, const char *smsc, uint64_t token, bool ok)
{
	struct world *w = priv;

	assert_true(w->dead || ok);
}

static void port_post(void *priv, const struct http_out *h)
{
	struct world *w = priv;
	struct world_post *p;

	if (w->dead)
		return;
	p = talloc_zero(w->ctx, struct world_post);
	p->ref = h->ref;
	p->url = talloc_strdup(p, h->url);
	p->action = talloc_strdup(p, h->action);
	p->body = talloc_strndup(p, (const char *)h->body.data, h->body.len);
	llist_add_tail(&p->entry, &w->posts);
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	struct world *w = priv;

	talloc_free(w->answer);
	w->answer = talloc_steal(w->ctx, steal_answer);
}

static const struct smsr_ports ports = {
	.sms_reserve = port_reserve,
	.sms_submit = port_submit,
	.sms_ack = port_ack,
	.http_post = port_post,
	.answer = port_answer,
};

/* ---- events ---- */

static void broken(void *priv)
{
	fail_msg("the store is broken");
}

static void feed(struct world *w)
{
	clock_feed_at(w->now_ms, w->now_ms);
	w->fleet->now_ms = w->now_ms;
}

int world_event(struct world *w, turn_handler_cb handler, void *event)
{
	int rc;

	feed(w);
	rc = turn_event(w->turn, handler, w->s, event);
	turn_close(w->turn);
	return rc;
}

/* ---- the service centre and the air ---- */

static void submit_done(struct world *w, uint64_t ref, int result)
{
	static unsigned int ids;
	char id[16];
	struct submit_done d = { .ref = ref, .status = "ESME_ROK", .message_id = id };

	d.result = result;
	snprintf(id, sizeof(id), "%08X", ++ids);
	assert_int_equal(world_event(w, smsr_ev_submit_done, &d), 0);
}

static const char *imsi_of(struct world *w, const char *msisdn)
{
	for (int i = 0; i < SEED_N_PROFILES; i++) {
		if (strcmp(w->card_data.profiles[i].msisdn, msisdn) == 0)
			return w->card_data.profiles[i].imsi;
	}
	return NULL;
}

static const char *msisdn_of(struct world *w, const char *imsi)
{
	for (int i = 0; i < SEED_N_PROFILES; i++) {
		if (strcmp(w->card_data.profiles[i].imsi, imsi) == 0)
			return w->card_data.profiles[i].msisdn;
	}
	fail_msg("no such IMSI %s", imsi);
	return NULL;
}

static void to_card(struct world *w, const struct mt *mt)
{
	struct sms_deliver d = { .udhi = true, .pid = SMS_PID_USIM_DOWNLOAD, .dcs = SMS_DCS_CLASS2_8BIT, .ud = mt->ud };
	const char *imsi = imsi_of(w, mt->dest);
	uint8_t buf[200];
	struct bytes tpdu;
	struct wr wr;

	assert_int_equal(sms_addr_set(&d.oa, 0x91, SMSR_NUMBER), 0);
	wr_init_buf(&wr, buf, sizeof(buf));
	assert_int_equal(sms_deliver_enc(&d, &wr), 0);
	assert_int_equal(wr_end(&wr, &tpdu), 0);
	if (!imsi || strcmp(euicc_enabled(w->card)->imsi, imsi) != 0 || !euicc_has_service(w->card))
		return; /* switched off, or not this profile any more */
	feed(w);
	w->mt_count++;
	euicc_rx_mt(w->card, imsi, tpdu);
}

static void smsc_work(struct world *w)
{
	struct mt *mt = llist_first_entry(&w->mt, struct mt, entry);

	llist_del(&mt->entry);
	switch (w->smsc) {
	case SMSC_DOWN:
	case SMSC_GOOD:
	case SMSC_SWALLOW:
	case SMSC_DOUBLE:
		submit_done(w, mt->ref, SUBMIT_TAKEN);
		break;
	case SMSC_REFUSE:
		submit_done(w, mt->ref, SUBMIT_REFUSED);
		break;
	case SMSC_THROTTLE:
		submit_done(w, mt->ref, SUBMIT_RETRY);
		break;
	case SMSC_UNKNOWN:
		w->smsc = SMSC_DOWN;
		submit_done(w, mt->ref, SUBMIT_UNKNOWN);
		to_card(w, mt);
		break;
	}
	if (w->smsc == SMSC_GOOD || w->smsc == SMSC_DOUBLE)
		to_card(w, mt);
	if (w->smsc == SMSC_DOUBLE)
		to_card(w, mt);
	talloc_free(mt);
}

static void from_card(struct world *w, const char *imsi, struct bytes tpdu)
{
	struct sms_submit sub;
	struct sms_mo mo = { .smsc = "smsc", .source = msisdn_of(w, imsi) };

	assert_int_equal(sms_submit_dec(tpdu, &sub), 0);
	mo.udhi = sub.udhi;
	mo.ud = sub.ud;
	for (int i = 0; i < (w->double_mo ? 2 : 1); i++) {
		mo.token = ++w->next_token;
		assert_int_equal(world_event(w, smsr_ev_mo, &mo), 0);
	}
}

static void card_output(struct world *w, struct euicc_out *o)
{
	switch (o->type) {
	case EUICC_OUT_ATTACH:
		euicc_rx_attached(w->card, o->imsi, strcmp(o->imsi, w->no_coverage) == 0 ? 11 : 0);
		break;
	case EUICC_OUT_MO:
		euicc_rx_mo_result(w->card, o->imsi, 0);
		if (w->drop_mo)
			w->drop_mo--;
		else
			from_card(w, o->imsi, o->pdu);
		break;
	case EUICC_OUT_DETACH:
	case EUICC_OUT_MT_ACK:
	case EUICC_OUT_EVENT:
	case EUICC_OUT_TRACE:
		break;
	}
}

static void peers_work(struct world *w)
{
	struct world_post *p;

	/* Taken at once; the test looks at them later. */
	llist_for_each_entry(p, &w->posts, entry) {
		struct post_done d = { .ref = p->ref, .answered = w->http_status != 0, .status = w->http_status, .detail = "refused" };

		if (!p->ref)
			continue;
		p->ref = 0;
		assert_int_equal(world_event(w, smsr_ev_post_done, &d), 0);
		return;
	}
}

static bool posts_wait(struct world *w)
{
	struct world_post *p;

	llist_for_each_entry(p, &w->posts, entry) {
		if (p->ref)
			return true;
	}
	return false;
}

static bool step(struct world *w)
{
	bool more = false;

	if (w->smsc != SMSC_DOWN)
		smsr_sms_room(w->s);
	if (!llist_empty(&w->fleet->outs)) {
		struct euicc_out *o = llist_first_entry(&w->fleet->outs, struct euicc_out, entry);

		llist_del(&o->entry);
		feed(w);
		card_output(w, o);
		talloc_free(o);
		return true;
	}
	if (!llist_empty(&w->mt)) {
		smsc_work(w);
		return true;
	}
	if (posts_wait(w)) {
		peers_work(w);
		return true;
	}
	if (euicc_deadline(w->card) <= w->now_ms) {
		feed(w);
		euicc_tick(w->card);
		return true;
	}
	if (smsr_next_tick_ms(w->s) && smsr_next_tick_ms(w->s) <= w->now_ms) {
		assert_int_equal(world_event(w, smsr_ev_tick, &more), 0);
		return true;
	}
	return false;
}

void world_run(struct world *w)
{
	unsigned int steps = 0;

	while (step(w))
		assert_true(++steps < 10000);
}

void world_advance(struct world *w, int64_t ms)
{
	int64_t end = w->now_ms + ms;

	world_run(w);
	while (w->now_ms < end) {
		int64_t next = smsr_next_tick_ms(w->s);
		int64_t card = euicc_deadline(w->card);

		if (!next || next > end)
			next = end;
		if (card < next)
			next = card;
		w->now_ms = next > w->now_ms ? next : w->now_ms + 1;
		world_run(w);
	}
}

/* ---- set-up ---- */

static int host_keys(void *arg, const struct euicc *card, const void *ctx, struct euicc_keys *keys)
{
	struct world *w = arg;

	if (key_import(ctx, KEY_AES, BYTES_ARR(w->card_data.kic), &keys->kic) < 0)
		return -1;
	return key_import(ctx, KEY_AES, BYTES_ARR(w->card_data.kid), &keys->kid);
}

static int host_cert(void *arg, const struct euicc *card, const void *ctx, struct bytes *cert)
{
	*cert = bytes_dup(ctx, BYTES_LIT("\x7f\x21\x00"));
	return 0;
}

static void make_card(struct world *w)
{
	const struct euicc_host host = { .keys = host_keys, .ecasd_cert = host_cert, .arg = w };
	struct euicc_profile profiles[SEED_N_PROFILES] = { 0 };
	struct euicc_factory f = { .profiles = profiles, .n_profiles = SEED_N_PROFILES };

	w->seed = seed_alloc(w->ctx, "world");
	assert_int_equal(seed_card(w->seed, 0, &w->card_data), 0);
	memcpy(f.eid, w->card_data.eid_bcd, sizeof(f.eid));
	memcpy(f.imei, w->card_data.imei, sizeof(f.imei));
	for (int i = 0; i < SEED_N_PROFILES; i++) {
		const struct seed_profile *sp = &w->card_data.profiles[i];

		memcpy(profiles[i].aid, sp->aid, sizeof(profiles[i].aid));
		memcpy(profiles[i].imsi, sp->imsi, sizeof(profiles[i].imsi));
		profiles[i].iccid[0] = 0x98;
		profiles[i].state = sp->enabled ? ISDP_ENABLED : ISDP_DISABLED;
		profiles[i].fallback = sp->fallback;
		profiles[i].mem_granted = 65536;
		profiles[i].mem_left = 1000;
	}
	w->fleet = euicc_fleet_alloc(w->ctx, w->crypto, &host);
	assert_int_equal(sms_addr_set(&w->fleet->set.smsr, 0x91, SMSR_NUMBER), 0);
	w->card = euicc_alloc(w->ctx, w->fleet, &f);
	assert_non_null(w->card);
}

static void add_peer(struct world *w, const char *name, const char *oid)
{
	struct peer *p = smsr_cfg_peer_get(w->cfg, name);

	p->oid = talloc_strdup(w->cfg, oid);
	p->roles = PEER_MNO;
	p->tls_serial = p->oid;
	p->callback_prefix = talloc_asprintf(w->cfg, "https://%s.example/", name);
	p->notification_url = talloc_asprintf(w->cfg, "https://%s.example/note", name);
}

static void open_store(struct world *w)
{
	const struct db_opts opts = { .create = true };
	char *path = talloc_asprintf(w->ctx, "%s/smsr.db", w->dir);
	const char *why = "";

	if (db_open(w->ctx, path, &smsr_db_desc, &opts, &w->db, &why) < 0)
		fail_msg("%s: %s", path, why);
	talloc_free(path);
	w->turn = turn_alloc(w->ctx, w->db, broken, w);
	w->s = smsr_alloc(w->ctx);
	w->s->db = w->db;
	w->s->turn = w->turn;
	w->s->keystore = w->keystore;
	w->s->crypto = w->crypto;
	w->s->cfg = w->cfg;
	w->s->ports = &ports;
	w->s->ports_priv = w;
	assert_int_equal(world_event(w, smsr_ev_start, NULL), 0);
}

int world_setup(void **state)
{
	void *ctx = talloc_named_const(NULL, 0, "world");
	struct world *w = talloc_zero(ctx, struct world);
	char dir[] = "/tmp/smsr-world-XXXXXX";
	const char *why;
	char *path;

	w->ctx = ctx;
	w->now_ms = WORLD_T0;
	w->http_status = 202;
	INIT_LLIST_HEAD(&w->mt);
	INIT_LLIST_HEAD(&w->posts);
	w->dir = talloc_strdup(w, mkdtemp(dir));
	w->crypto = crypto_alloc(ctx);
	path = talloc_asprintf(w, "%s/master.key", w->dir);
	assert_int_equal(keystore_create_master(ctx, path, &why), 0);
	assert_int_equal(keystore_open(ctx, path, &w->keystore, &why), 0);
	w->cfg = smsr_cfg_alloc(ctx);
	w->cfg->oid = talloc_strdup(w->cfg, SEED_OID_SMSR);
	w->cfg->uri = talloc_strdup(w->cfg, "https://smsr.example");
	add_peer(w, "oper", MNO_OPER);
	add_peer(w, "boot", MNO_BOOT);
	make_card(w);
	feed(w);
	open_store(w);
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;
	char *cmd = talloc_asprintf(w, "rm -rf %s", w->dir);

	world_check_counters(w);
	talloc_free(w->s);
	talloc_free(w->turn);
	talloc_free(w->db);
	assert_int_equal(system(cmd), 0);
	talloc_free(w->ctx);
	return 0;
}

void world_restart(struct world *w)
{
	w->dead = true;
	talloc_free(w->s);
	talloc_free(w->turn);
	talloc_free(w->db);
	while (!llist_empty(&w->mt)) {
		struct mt *mt = llist_first_entry(&w->mt, struct mt, entry);

		llist_del(&mt->entry);
		talloc_free(mt);
	}
	w->dead = false;
	open_store(w);
}

/* ---- registration ---- */

static void fill_key(const void *ctx, struct world *w, struct es_key *k, uint8_t index, const uint8_t value[16])
{
	k->index = index;
	k->components = talloc_zero(ctx, struct es_key_component);
	k->n_components = 1;
	k->components[0].type = BYTES_LIT("\x88");
	k->components[0].value = bytes_of(value, 16);
}

static int register_event(void *smsr, void *eis)
{
	const struct eis_source src = { 0 };
	struct es_status status;
	int rc = eis_register(smsr, eis, &src, &status);

	assert_int_equal(rc, 0);
	if (status.status != ES_EXECUTED_SUCCESS)
		fail_msg("register: %s", status.message);
	return rc;
}

void world_register(struct world *w)
{
	void *ctx = talloc_new(w->ctx);
	struct es_eis *eis = talloc_zero(ctx, struct es_eis);
	struct es_key keys[2] = { 0 };
	struct es_keyset ks = { .version = SEED_SCP80_KVN, .type = ES_KEYSET_SCP80, .keys = keys, .n_keys = 2 };
	struct bytes tar = BYTES_LIT("\x00\x00\x01");
	struct es_security_domain isdr = { .aid = BYTES_LIT("ISD-R"), .tars = &tar, .n_tars = 1, .sin = BYTES_LIT("S"),
					   .sdin = BYTES_LIT("D"), .keysets = &ks, .n_keysets = 1 };
	struct es_profile_info profiles[SEED_N_PROFILES] = { 0 };

	fill_key(ctx, w, &keys[0], 1, w->card_data.kic);
	fill_key(ctx, w, &keys[1], 2, w->card_data.kid);
	for (int i = 0; i < SEED_N_PROFILES; i++) {
		const struct seed_profile *sp = &w->card_data.profiles[i];

		profiles[i] = (struct es_profile_info){
			.iccid = sp->iccid,
			.isdp_aid = BYTES_ARR(sp->aid),
			.mno_id = sp->mno_oid,
			.fallback = sp->fallback,
			.address = { .imsi = sp->imsi, .msisdn = sp->msisdn },
			.state = sp->enabled ? ES_STATE_ENABLED : ES_STATE_DISABLED,
			.allocated_memory = 65536,
		};
	}
	*eis = (struct es_eis){ .info = { .eid = w->card_data.eid, .eum_id = SEED_OID_EUM }, .isdr = &isdr,
				.profiles = profiles, .n_profiles = SEED_N_PROFILES, .remaining_memory = 1000,
				.available_memory = 2000, .signed_info_xml = "<i/>", .signature_xml = "<s/>" };
	assert_int_equal(world_event(w, register_event, eis), 0);
	talloc_free(ctx);
	euicc_power(w->card, true);
	world_run(w);
}

/* ---- requests ---- */

struct es_answer *world_call(struct world *w, const char *sender, enum es_fn fn, const char *call_id, void *body)
{
	const char *name = strcmp(sender, MNO_OPER) == 0 ? "oper" : "boot";
	struct tls_peer tls = { .subject = "CN=test", .issuer = "CN=ca", .serial_number = sender };
	struct soap_msg msg = { .fn = fn, .dir = ES_DIR_REQUEST, .body = body, .call_id = call_id };
	struct es_request req = { .xid = ++w->next_xid, .msg = &msg, .tls = &tls, .remote = "test" };
	void *ctx = talloc_new(w->ctx);
	char *reply = talloc_asprintf(ctx, "https://%s.example/cb", name);
	char *id = talloc_asprintf(ctx, "//%s/urn:uuid:%s-%llu?TransactionID=tx-%s", sender, call_id,
				   (unsigned long long)req.xid, call_id);

	msg.has_digest = es_fn_info(fn)->changes;
	assert_int_equal(crypto_sha256(bytes_str(call_id), msg.digest), 0);
	msg.digest[0] ^= (uint8_t)fn;
	msg.hdr.from.entity_id = sender;
	assert_int_equal(soap_addr_dec(ctx, reply, &msg.hdr.reply_to), 0);
	assert_int_equal(soap_msg_id_dec(ctx, id, &msg.hdr.id), 0);
	msg.hdr.from.uri = reply;
	talloc_free(w->answer);
	w->answer = NULL;
	assert_int_equal(world_event(w, smsr_ev_request, &req), 0);
	assert_non_null(w->answer);
	talloc_free(ctx);
	return w->answer;
}

void world_order(struct world *w, const char *sender, enum es_fn fn, enum seed_profile_id profile, const char *call_id,
		 uint32_t validity_s)
{
	struct es_profile_req q = {
		.base = { .call_id = call_id, .validity_s = validity_s },
		.eid = w->card_data.eid,
		.iccid = w->card_data.profiles[profile].iccid,
	};
	struct es_audit_eis_req audit = { .base = q.base, .eid = q.eid };

	world_call(w, sender, fn, call_id, fn == ES4_AUDIT_EIS ? (void *)&audit : (void *)&q);
	assert_int_equal(w->answer->http_status, 202);
}

struct world_post *world_post(struct world *w)
{
	struct world_post *p;

	if (llist_empty(&w->posts))
		fail_msg("no message to a peer");
	p = llist_first_entry(&w->posts, struct world_post, entry);
	llist_del(&p->entry);
	return p;
}

static void expect_in(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("expected \"%s\" in:\n%s", what, text);
}

void world_expect_outcome(struct world *w, const char *fn, const char *outcome)
{
	struct world_post *p = world_post(w);
	char *status = talloc_strdup(p, outcome);
	char *codes = strchr(status, ' ');

	expect_in(p->action, fn);
	expect_in(p->url, "/cb");
	if (codes) {
		char *reason = strchr(codes, '/');

		*codes++ = '\0';
		*reason++ = '\0';
		expect_in(p->body, talloc_asprintf(p, "Subject>%s<", codes));
		expect_in(p->body, talloc_asprintf(p, "Reason>%s<", reason));
	}
	expect_in(p->body, talloc_asprintf(p, "Status>%s<", status));
	talloc_free(p);
}

void world_expect_note(struct world *w, const char *name, enum seed_profile_id profile, const char *url)
{
	struct world_post *p = world_post(w);

	expect_in(p->body, name);
	expect_in(p->body, w->card_data.profiles[profile].iccid);
	expect_in(p->url, url);
	talloc_free(p);
}

void world_expect_silence(struct world *w)
{
	if (!llist_empty(&w->posts))
		fail_msg("unexpected message to a peer:\n%s", llist_first_entry(&w->posts, struct world_post, entry)->body);
}

/* ---- looking ---- */

static void load_profile(struct world *w, void *ctx, enum seed_profile_id profile, struct profile *out, bool *found)
{
	struct profiles p;
	struct euicc e;

	*found = false;
	assert_int_equal(eis_db_by_eid(ctx, w->db, w->card_data.eid_bcd, &e), 0);
	assert_int_equal(eis_db_profiles(ctx, w->db, e.id, &p), 0);
	for (size_t i = 0; i < p.n; i++) {
		if (strcmp(p.list[i].iccid, w->card_data.profiles[profile].iccid) == 0) {
			*out = p.list[i];
			*found = true;
		}
	}
}

enum profile_state world_state(struct world *w, enum seed_profile_id profile)
{
	void *ctx = talloc_new(w->ctx);
	struct profile p = { .state = PROFILE_IN_CREATION };
	bool found;

	load_profile(w, ctx, profile, &p, &found);
	talloc_free(ctx);
	return p.state;
}

void world_expect_eis(struct world *w, enum profile_state boot, enum profile_state oper)
{
	assert_int_equal(world_state(w, SEED_BOOTSTRAP), boot);
	assert_int_equal(world_state(w, SEED_OPERATIONAL), oper);
}

void world_expect_card(struct world *w, enum seed_profile_id enabled)
{
	assert_string_equal(euicc_enabled(w->card)->imsi, w->card_data.profiles[enabled].imsi);
}

bool world_audit_due(struct world *w)
{
	void *ctx = talloc_new(w->ctx);
	struct euicc e;
	bool due;

	assert_int_equal(eis_db_by_eid(ctx, w->db, w->card_data.eid_bcd, &e), 0);
	due = e.audit_due != NULL;
	talloc_free(ctx);
	return due;
}

void world_set_pol2(struct world *w, enum seed_profile_id profile, unsigned int rules)
{
	void *ctx = talloc_new(w->ctx);
	struct profile p;
	bool found;

	load_profile(w, ctx, profile, &p, &found);
	assert_true(found);
	p.pol2 = rules;
	assert_int_equal(eis_db_profile_update(w->db, &p), 0);
	talloc_free(ctx);
}

/* Command packets are ciphered, so the counter shows in the octets: two packets that differ must not be sealed under the
 * same counter.  The store holds which counter made which octets. */
void world_check_counters(struct world *w)
{
	for (size_t i = 0; i < w->n_sent; i++) {
		for (size_t j = 0; j < i; j++) {
			/* Same CNTR and same key set would give the same first cipher block when the script is the same. */
			if (w->sent[i].len == w->sent[j].len && !bytes_eq(w->sent[i], w->sent[j]))
				assert_memory_not_equal(w->sent[i].data + 13, w->sent[j].data + 13, 8);
		}
	}
}
