/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The world around the engine of an SM-DP: store, stock, ports, events, kills, and the operator. */
#include "tests/support/dp_world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/peer/trust.h"
#include "lab/pki/pki.h"
#include "smdp/dp_record_db.h"
#include "smdp/identity.h"
#include "smdp/keys_db.h"
#include "smdp/order_db.h"

#define PROFILE_TYPE "test"

/* ---- kills ---- */

/* A point at which the process may die.  \returns true when it dies here */
static bool point(struct dpw *w)
{
	if (w->dead)
		return true;
	if (++w->points != w->kill_at)
		return false;
	w->dead = true;
	return true;
}

/* ---- ports ---- */

static void port_post(void *priv, const struct http_out *h)
{
	struct dpw *w = priv;
	struct dpw_post *p;

	if (w->dead)
		return;
	if (h->ref < 0) {
		dpw_smsr_post(w, h);
	} else {
		p = talloc_zero(w->ctx, struct dpw_post);
		p->ref = h->ref;
		p->url = talloc_strdup(p, h->url);
		p->body = talloc_strndup(p, (const char *)h->body.data, h->body.len);
		llist_add_tail(&p->entry, &w->posts);
	}
	point(w);
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	struct dpw *w = priv;

	if (w->dead) {
		talloc_free(steal_answer);
		return;
	}
	talloc_free(w->answer);
	w->answer = talloc_steal(w->ctx, steal_answer);
	point(w);
}

static const struct smdp_ports ports = {.http_post = port_post, .answer = port_answer};

/* ---- events ---- */

static void broken(void *priv)
{
	fail_msg("the store is broken");
}

int dpw_event(struct dpw *w, turn_handler_cb handler, void *event)
{
	int rc;

	clock_feed_at(w->now_ms, w->now_ms);
	rc = turn_event(w->turn, handler, w->s, event);
	if (!point(w)) {
		turn_close(w->turn);
		assert_false(turn_is_open(w->turn));
		point(w);
	}
	if (w->dead) {
		dpw_restart(w);
		return 0;
	}
	return rc;
}

/* ---- store ---- */

static void open_store(struct dpw *w)
{
	const struct db_opts opts = {.create = true};
	char *path = talloc_asprintf(w->ctx, "%s/smdp.db", w->dir);
	const char *why = "";

	if (db_open(w->ctx, path, &smdp_db_desc, &opts, &w->db, &why) < 0)
		fail_msg("%s: %s", path, why);
	w->turn = turn_alloc(w->ctx, w->db, broken, w);
	w->s = smdp_alloc(w->ctx);
	w->s->db = w->db;
	w->s->turn = w->turn;
	w->s->keystore = w->keystore;
	w->s->crypto = w->crypto;
	w->s->cfg = w->cfg;
	w->s->es = w->es;
	w->s->trust = w->trust;
	w->s->dp = w->dp;
	w->s->stock = stock_alloc(w->s, w->db, w->keystore, w->crypto);
	w->s->ports = &ports;
	w->s->ports_priv = w;
	assert_int_equal(dpw_event(w, smdp_ev_start, NULL), 0);
}

void dpw_stop(struct dpw *w)
{
	struct dpw_mail *m, *next;
	struct dpw_post *p;

	talloc_free(w->turn);
	talloc_free(w->s);
	talloc_free(w->db);
	/* Results of POSTs are lost with the process; callbacks come again when they are asked for. */
	llist_for_each_entry_safe (m, next, &w->mail, entry) {
		llist_del(&m->entry);
		talloc_free(m);
	}
	llist_for_each_entry (p, &w->posts, entry)
		p->told = true;
}

void dpw_start(struct dpw *w)
{
	w->dead = false;
	open_store(w);
}

void dpw_restart(struct dpw *w)
{
	dpw_stop(w);
	dpw_start(w);
}

/* ---- set-up ---- */

static char *read_text(void *ctx, const char *path)
{
	char *text = talloc_zero_size(ctx, 65536);
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

static void make_pki(struct dpw *w)
{
	struct pki_cards cards = {
		.seed = "dp", .count = 1, .profiles = 1, .smsr_oid = DPW_SMSR, .eum_oid = SEED_OID_EUM};
	struct seed *seed = seed_alloc(w->ctx, "dp");
	struct seed_card data;
	const char *why = "";

	if (pki_ca_create(w->ctx, w->dir, &why) < 0 ||
	    pki_dp_create(w->ctx, w->dir, "smdp", SEED_OID_SMDP, EC_P256, &why) < 0 ||
	    pki_cards_create(w->ctx, w->dir, &cards, NULL, &why) < 0)
		fail_msg("%s", why);
	assert_int_equal(seed_card(seed, 0, &data), 0);
	w->eid = talloc_strdup(w->ctx, data.eid);
	w->eis_xml = read_text(w->ctx, talloc_asprintf(w->ctx, "%s/cards/%s.xml", w->dir, data.eid));
	dpw_card_load(w, &data);
}

static void configure(struct dpw *w)
{
	static const char *const oids[] = {DPW_MNO, DPW_OTHER};
	struct smsr_peer *p;

	w->cfg = smdp_cfg_alloc(w->ctx);
	w->cfg->oid = SEED_OID_SMDP;
	w->cfg->uri = "https://smdp.example";
	w->cfg->dp_cert = talloc_asprintf(w->cfg, "%s/smdp.dp", w->dir);
	w->cfg->dp_key = talloc_asprintf(w->cfg, "%s/smdp.dp.key", w->dir);
	w->cfg->download.segment = 40;
	for (size_t i = 0; i < ARRAY_SIZE(oids); i++) {
		struct smdp_peer *mno = smdp_cfg_peer_get(w->cfg, i ? "other" : "mno");

		mno->oid = mno->tls.serial = (char *)oids[i];
		mno->rights = RIGHT_READ | RIGHT_MANAGE | RIGHT_DOWNLOAD;
		mno->callback_prefix = i ? "https://other.example/" : "https://mno.example/";
		mno->notification_url = i ? "https://other.example/note" : "https://mno.example/note";
	}
	p = smdp_cfg_smsr_get(w->cfg, "smsr");
	p->oid = p->tls.serial = DPW_SMSR;
	p->url = "https://smsr.example/ES3/ES3SmSrService";
	p->chunk = 100;
}

static int import(void *smdp, void *dpw)
{
	static const char *const iccids[] = {DPW_ICCID, DPW_ICCID2};
	struct smdp *s = smdp;
	struct dpw *w = dpw;
	const char *why = "";
	int rc = stock_type_set(s->stock, w->ctx, DPW_MNO, PROFILE_TYPE, 1000, NULL, &why);

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(iccids); i++) {
		const struct stock_ready ready = {
			.mno = DPW_MNO,
			.type = PROFILE_TYPE,
			.imsi = "001019999999991",
			.msisdn = "881234567890",
			.package = dpw_package(w->ctx, iccids[i]),
		};
		struct stock_item item;

		rc = stock_import_package(s->stock, w->ctx, &ready, &item, &why);
	}
	if (rc < 0)
		fail_msg("%s", why);
	return rc;
}

int dpw_setup(void **state)
{
	void *ctx = talloc_named_const(NULL, 0, "dp world");
	struct dpw *w = talloc_zero(ctx, struct dpw);
	const char *why = "";
	struct trust *trust;
	char *path;

	w->ctx = ctx;
	w->dir = talloc_strdup(ctx, "/tmp/dp-world.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->now_ms = (int64_t)time(NULL) * 1000 + 60000; /* certificates begin now */
	clock_feed_at(w->now_ms, w->now_ms);
	INIT_LLIST_HEAD(&w->calls);
	INIT_LLIST_HEAD(&w->mail);
	INIT_LLIST_HEAD(&w->posts);
	w->http_status = 202;
	w->memory = 100000;
	w->crypto = crypto_alloc(ctx);
	w->es = es_ctx_alloc(ctx, NULL);
	path = talloc_asprintf(ctx, "%s/master", w->dir);
	assert_int_equal(keystore_create_master(ctx, path, &why), 0);
	assert_int_equal(keystore_open(ctx, path, &w->keystore, &why), 0);
	make_pki(w);
	configure(w);
	if (trust_alloc(ctx, talloc_asprintf(ctx, "%s/ci.pem", w->dir), &trust, &why) < 0 ||
	    trust_add_eum(ctx, trust, SEED_OID_EUM, talloc_asprintf(ctx, "%s/eum.pem", w->dir), w->now_ms, &why) < 0 ||
	    dp_identity_load(ctx, w->cfg, w->now_ms, (struct dp_identity **)&w->dp, &why) < 0)
		fail_msg("%s", why);
	w->trust = trust;
	open_store(w);
	assert_int_equal(dpw_event(w, import, w), 0);
	w->points = 0;
	*state = w;
	return 0;
}

static void remove_folder(void *ctx, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *path = talloc_asprintf(ctx, "%s/%s", dir, e->d_name);

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlink(path) < 0)
			remove_folder(ctx, path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

int dpw_teardown(void **state)
{
	struct dpw *w = *state;
	void *ctx = w->ctx;

	talloc_free(w->turn);
	talloc_free(w->s);
	talloc_free(w->db);
	remove_folder(ctx, w->dir);
	talloc_free(ctx);
	return 0;
}

/* ---- moving ---- */

static bool tell_posts(struct dpw *w)
{
	struct dpw_post *p;

	llist_for_each_entry (p, &w->posts, entry) {
		struct smdp_post_done d = {.post = {.ref = p->ref,
						    .answered = w->http_status,
						    .status = w->http_status,
						    .detail = "no connection"}};

		if (p->told)
			continue;
		p->told = true;
		assert_int_equal(dpw_event(w, smdp_ev_post_done, &d), 0);
		return true;
	}
	return false;
}

static bool tick(struct dpw *w)
{
	int64_t next;

	clock_feed_at(w->now_ms, w->now_ms);
	next = smdp_next_tick_ms(w->s);
	if (!next || next > w->now_ms)
		return false;
	assert_int_equal(dpw_event(w, smdp_ev_tick, NULL), 0);
	return true;
}

void dpw_run(struct dpw *w)
{
	unsigned int moves = 0;

	while (dpw_smsr_step(w) || tell_posts(w) || tick(w))
		assert_true(++moves < 10000);
}

void dpw_advance(struct dpw *w, int64_t ms)
{
	int64_t end = w->now_ms + ms;

	dpw_run(w);
	while (w->now_ms < end) {
		int64_t next = smdp_next_tick_ms(w->s);

		w->now_ms = next > w->now_ms && next < end ? next : end;
		dpw_run(w);
	}
}

void dpw_rule(struct dpw *w, enum es_fn fn, unsigned int skip, unsigned int times, enum dpw_action action,
	      const char *status)
{
	assert_true(w->n_rules < ARRAY_SIZE(w->rules));
	w->rules[w->n_rules++] = (struct dpw_rule){fn, skip, times, action, status};
}

/* ---- requests ---- */

static void send_request(struct dpw *w, const char *cert, struct soap_msg *msg)
{
	struct tls_peer tls = {.subject = "CN=test", .issuer = "CN=ca", .serial_number = cert};
	struct es_request req = {.xid = ++w->next_xid, .msg = msg, .tls = &tls, .remote = "test"};

	talloc_free(w->answer);
	w->answer = NULL;
	assert_int_equal(dpw_event(w, smdp_ev_request, &req), 0);
}

struct es_answer *dpw_call(struct dpw *w, const char *sender, enum es_fn fn, const char *call_id, struct es_req *body)
{
	struct soap_msg msg = {.fn = fn, .dir = ES_DIR_REQUEST, .body = body, .call_id = call_id};
	void *ctx = talloc_new(w->ctx);
	char *id = talloc_asprintf(ctx, "//%s/urn:uuid:%s?TransactionID=tx-%s", sender, call_id, call_id);
	char *reply = talloc_asprintf(ctx, "https://%s.example/cb?EntityId=%s",
				      strcmp(sender, DPW_MNO) == 0 ? "mno" : "other", sender);

	body->call_id = call_id;
	msg.has_digest = es_fn_info(fn)->changes;
	assert_int_equal(crypto_sha256(bytes_str(w->other_body ? w->other_body : call_id), msg.digest), 0);
	msg.hdr.from.entity_id = sender;
	msg.hdr.from.uri = reply;
	if (es_fn_info(fn)->mep == ES_ASYNC)
		assert_int_equal(soap_addr_dec(ctx, reply, &msg.hdr.reply_to), 0);
	assert_int_equal(soap_msg_id_dec(ctx, id, &msg.hdr.id), 0);
	send_request(w, sender, &msg);
	if (!w->answer && es_fn_info(fn)->mep == ES_ASYNC) /* killed before it answered: an operator asks again */
		send_request(w, sender, &msg);
	talloc_free(ctx);
	return w->answer;
}

void dpw_download(struct dpw *w, const char *call_id, bool enable, uint32_t validity_s)
{
	struct es_download_profile_req q = {
		.base = {.validity_s = validity_s},
		.eid = w->eid,
		.smsr_id = DPW_SMSR,
		.profile_type = PROFILE_TYPE,
		.enable = enable,
	};
	struct es_answer *a = dpw_call(w, DPW_MNO, ES2_DOWNLOAD_PROFILE, call_id, &q.base);

	assert_non_null(a);
	assert_int_equal(a->http_status, 202);
}

unsigned int dpw_deliver(struct dpw *w, const char *cert, struct bytes envelope)
{
	void *ctx = talloc_new(w->ctx);
	struct soap_fault *bad;
	struct soap_msg *msg;
	unsigned int status = 0;

	if (soap_rx(w->es, ctx, envelope, SOAP_CONTENT_TYPE, &msg, &bad) < 0)
		fail_msg("%s", bad->reason);
	send_request(w, cert, msg);
	if (w->answer)
		status = w->answer->http_status;
	talloc_free(ctx);
	return status;
}

/* ---- looking ---- */

char *dpw_expect_outcome(struct dpw *w, const char *outcome)
{
	char *status = talloc_strdup(w->ctx, outcome), *codes = strchr(status, ' ');
	struct dpw_post *p, *next, *found = NULL;
	char *body;

	llist_for_each_entry_safe (p, next, &w->posts, entry) {
		if (!strstr(p->url, "/cb"))
			continue;
		if (found)
			assert_string_equal(found->body, p->body); /* a repetition */
		else
			found = p;
		llist_del(&p->entry);
	}
	if (!found)
		fail_msg("no callback that says %s", outcome);
	body = found->body;
	if (codes) {
		char *reason = strchr(codes, '/');

		*codes++ = '\0';
		*reason++ = '\0';
		if (!strstr(body, talloc_asprintf(w->ctx, "Subject>%s<", codes)) ||
		    !strstr(body, talloc_asprintf(w->ctx, "Reason>%s<", reason)))
			fail_msg("expected %s in:\n%s", outcome, body);
	}
	if (!strstr(body, talloc_asprintf(w->ctx, "Status>%s<", status)))
		fail_msg("expected %s in:\n%s", outcome, body);
	return body;
}

void dpw_expect_silence(struct dpw *w)
{
	struct dpw_post *p;

	if (llist_empty(&w->posts))
		return;
	p = llist_first_entry(&w->posts, struct dpw_post, entry);
	fail_msg("unexpected message to %s:\n%s", p->url, p->body);
}

void dpw_expect_profile(struct dpw *w, enum es_profile_state state)
{
	struct bytes sent = dpw_package(w->ctx, w->entry.iccid);
	struct order_run r = {.eid = w->eid};
	struct isdp_keys k;

	assert_true(w->entry.there);
	assert_int_equal(w->entry.state, state);
	assert_true(w->card.installed);
	assert_int_equal(w->card.package.len, sent.len);
	assert_memory_equal(w->card.package.buf, sent.data, sent.len);
	assert_int_equal(eid_dec(w->eid, r.o.eid), 0);
	assert_int_equal(keys_db_get(w->ctx, w->db, r.o.eid, w->entry.iccid, &k), 0);
	assert_true(k.installed);
	assert_int_equal(k.seq, w->card.counter);
	assert_memory_equal(k.aid.data, w->entry.aid, sizeof(w->entry.aid));
}

void dpw_expect_nothing(struct dpw *w)
{
	assert_false(w->entry.there);
	assert_false(w->leftover.there);
}

enum stock_state dpw_stock(struct dpw *w, const char *iccid)
{
	struct stock_item item;

	assert_int_equal(stock_get(w->s->stock, w->ctx, iccid, &item), 0);
	return item.state;
}

bool dpw_told(struct dpw *w, const char *text)
{
	struct timeline_row rows[200];
	int64_t ids[20];
	size_t n_ids, n;

	assert_int_equal(order_db_list(w->db, 0, ids, ARRAY_SIZE(ids), &n_ids), 0);
	for (size_t i = 0; i < n_ids; i++) {
		assert_int_equal(timeline_db_get(w->ctx, w->db, ids[i], 0, rows, ARRAY_SIZE(rows), &n), 0);
		for (size_t j = 0; j < n; j++) {
			if (rows[j].text && strstr(rows[j].text, text))
				return true;
		}
	}
	return false;
}

unsigned int dpw_calls(struct dpw *w, enum es_fn fn)
{
	struct dpw_call *c;
	unsigned int n = 0;

	llist_for_each_entry (c, &w->calls, entry)
		n += c->fn == fn;
	return n;
}
