/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The world around an engine: store, ports, events, kills, and the card as its seed has it. */
#include "tests/support/world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smsr/eis.h"
#include "tests/support/https_card.h"

#define SMSR_NUMBER "12345"

/* ---- kills ---- */

/* A point at which the process may die.  \returns true when it dies here */
static bool point(struct world *w)
{
	if (w->dead)
		return true;
	if (++w->points != w->kill_at)
		return false;
	w->dead = true;
	return true;
}

/* ---- ports ---- */

static const char *port_reserve(void *priv)
{
	struct world *w = priv;

	return w->smsc == SMSC_DOWN ? NULL : "smsc";
}

static void port_submit(void *priv, const struct sms_out *sms)
{
	struct world *w = priv;

	if (w->dead)
		return;
	world_check_packet(w, sms);
	world_mt_take(w, sms);
	point(w);
}

static void port_ack(void *priv, const char *smsc, uint64_t token, bool ok)
{
	struct world *w = priv;

	if (w->dead)
		return;
	assert_true(ok);
	world_air_ack(w, token);
	point(w);
}

static char *between(const void *ctx, const char *text, const char *from, const char *to)
{
	const char *a = strstr(text, from);
	const char *b = a ? strstr(a, to) : NULL;

	assert_non_null(b);
	a += strlen(from);
	return talloc_strndup(ctx, a, (size_t)(b - a));
}

static void port_post(void *priv, const struct http_out *h)
{
	struct world *w = priv;
	struct world_post *p;

	if (w->dead)
		return;
	world_check_post(w, h);
	p = talloc_zero(w->ctx, struct world_post);
	p->ref = h->ref;
	p->at_ms = w->now_ms;
	p->url = talloc_strdup(p, h->url);
	p->action = talloc_strdup(p, h->action);
	p->body = talloc_strndup(p, (const char *)h->body.data, h->body.len);
	p->message_id = between(p, p->body, "MessageID>", "<");
	llist_add_tail(&p->entry, &w->posts);
	point(w);
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	struct world *w = priv;

	if (w->dead) {
		talloc_free(steal_answer);
		return;
	}
	talloc_free(w->answer);
	w->answer = talloc_steal(w->ctx, steal_answer);
	point(w);
}

static void port_https(void *priv, uint64_t conn, struct bytes octets, bool close)
{
	struct world *w = priv;

	if (w->dead)
		return;
	https_card_rx(w->https_card, conn, octets, close);
	point(w);
}

static const struct smsr_ports ports = {
	.sms_reserve = port_reserve,
	.sms_submit = port_submit,
	.sms_ack = port_ack,
	.http_post = port_post,
	.answer = port_answer,
	.https_answer = port_https,
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
	w->events++;
	rc = turn_event(w->turn, handler, w->s, event);
	if (!point(w)) {
		turn_close(w->turn);
		assert_false(turn_is_open(w->turn));
		point(w);
	}
	if (w->dead) {
		world_restart(w);
		return 0;
	}
	return rc;
}

/* ---- store ---- */

static char *store_path(struct world *w)
{
	return talloc_asprintf(w->ctx, "%s/smsr.db", w->dir);
}

static void open_store(struct world *w)
{
	const struct db_opts opts = {.create = true}, reader = {.read_only = true};
	char *path = store_path(w);
	const char *why = "";

	if (db_open(w->ctx, path, &smsr_db_desc, &opts, &w->db, &why) < 0 ||
	    db_open(w->ctx, path, &smsr_db_desc, &reader, &w->reader, &why) < 0)
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

static void close_store(struct world *w)
{
	talloc_free(w->s);
	talloc_free(w->turn);
	talloc_free(w->reader);
	talloc_free(w->db);
}

void world_stop(struct world *w)
{
	struct world_post *p;

	close_store(w);
	/* How it went, nobody will be told. */
	llist_for_each_entry (p, &w->posts, entry)
		p->ref = 0;
	world_air_restart(w);
	if (w->https_card)
		https_card_lost(w->https_card);
}

void world_start(struct world *w)
{
	w->dead = false;
	open_store(w);
}

void world_restart(struct world *w)
{
	world_stop(w);
	world_start(w);
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
	const struct euicc_host host = {.keys = host_keys, .ecasd_cert = host_cert, .arg = w};
	struct euicc_profile profiles[SEED_N_PROFILES] = {0};
	struct euicc_factory f = {.profiles = profiles, .n_profiles = SEED_N_PROFILES};

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

static struct peer *add_peer(struct world *w, const char *name, const char *oid, unsigned int roles)
{
	struct peer *p = smsr_cfg_peer_get(w->cfg, name);

	p->oid = talloc_strdup(w->cfg, oid);
	p->roles = roles;
	p->tls.serial = p->oid;
	p->callback_prefix = talloc_asprintf(w->cfg, "https://%s.example/", name);
	p->notification_url = talloc_asprintf(w->cfg, "https://%s.example/note", name);
	return p;
}

static void add_smdps(struct world *w)
{
	struct peer *p = add_peer(w, "smdp", SMDP, PEER_SMDP);

	p->acts_for = talloc_array(w->cfg, char *, 1);
	p->acts_for[0] = talloc_strdup(w->cfg, MNO_OPER);
	p->n_acts_for = 1;
	add_peer(w, "other", SMDP_OTHER, PEER_SMDP);
}

static void make_cfg(struct world *w)
{
	w->cfg = smsr_cfg_alloc(w->ctx);
	w->cfg->oid = talloc_strdup(w->cfg, SEED_OID_SMSR);
	w->cfg->uri = talloc_strdup(w->cfg, "https://smsr.example");
	add_peer(w, "oper", MNO_OPER, PEER_MNO);
	add_peer(w, "boot", MNO_BOOT, PEER_MNO);
	add_smdps(w);
}

int world_setup(void **state)
{
	void *ctx = talloc_named_const(NULL, 0, "world");
	struct world *w = talloc_zero(ctx, struct world);
	/* In memory where that is possible: a kill is simulated, and restart_test opens a thousand stores. */
	char shm[] = "/dev/shm/smsr-world-XXXXXX", tmp[] = "/tmp/smsr-world-XXXXXX";
	char *dir = mkdtemp(shm);
	const char *why;
	char *path;

	w->ctx = ctx;
	w->now_ms = WORLD_T0;
	w->http_status = 202;
	INIT_LLIST_HEAD(&w->mt);
	INIT_LLIST_HEAD(&w->mo);
	INIT_LLIST_HEAD(&w->posts);
	w->dir = talloc_strdup(w, dir ? dir : mkdtemp(tmp));
	w->crypto = crypto_alloc(ctx);
	path = talloc_asprintf(w, "%s/master.key", w->dir);
	assert_int_equal(keystore_create_master(ctx, path, &why), 0);
	assert_int_equal(keystore_open(ctx, path, &w->keystore, &why), 0);
	make_cfg(w);
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

	close_store(w);
	assert_int_equal(system(cmd), 0);
	talloc_free(w->ctx);
	return 0;
}

/* ---- registration ---- */

static void fill_key(const void *ctx, struct es_key *k, uint8_t index, const uint8_t value[16])
{
	k->index = index;
	k->components = talloc_zero(ctx, struct es_key_component);
	k->n_components = 1;
	k->components[0].type = BYTES_LIT("\x88");
	k->components[0].value = bytes_of(value, 16);
}

/* What a card needs for HTTPS. */
static void add_https(struct world *w, struct es_eis *eis)
{
	struct es_keyset *ks = talloc_zero_array(eis, struct es_keyset, 2);
	struct es_key *psk = talloc_zero(eis, struct es_key);

	fill_key(eis, psk, 1, w->card_data.psk);
	psk->components[0].type = BYTES_LIT("\x85");
	ks[0] = eis->isdr->keysets[0];
	ks[1] = (struct es_keyset){.version = SEED_SCP81_KVN, .type = ES_KEYSET_SCP81, .keys = psk, .n_keys = 1};
	eis->isdr->keysets = ks;
	eis->isdr->n_keysets = 2;
	eis->info.capabilities = talloc_zero(eis, struct es_capabilities);
	eis->info.capabilities->http_support = true;
}

struct es_eis *world_eis(struct world *w, const void *ctx)
{
	struct es_eis *eis = talloc_zero(ctx, struct es_eis);
	struct es_security_domain *isdr = talloc_zero(eis, struct es_security_domain);
	struct es_keyset *ks = talloc_zero(eis, struct es_keyset);
	struct es_key *keys = talloc_zero_array(eis, struct es_key, 2);
	struct es_profile_info *profiles = talloc_zero_array(eis, struct es_profile_info, SEED_N_PROFILES);

	fill_key(eis, &keys[0], 1, w->card_data.kic);
	fill_key(eis, &keys[1], 2, w->card_data.kid);
	*ks = (struct es_keyset){.version = SEED_SCP80_KVN, .type = ES_KEYSET_SCP80, .keys = keys, .n_keys = 2};
	*isdr = (struct es_security_domain){.aid = BYTES_LIT("ISD-R"),
					    .tars = talloc_zero(eis, struct bytes),
					    .n_tars = 1,
					    .sin = BYTES_LIT("S"),
					    .sdin = BYTES_LIT("D"),
					    .keysets = ks,
					    .n_keysets = 1};
	isdr->tars[0] = BYTES_LIT("\x00\x00\x01");
	for (int i = 0; i < SEED_N_PROFILES; i++) {
		const struct seed_profile *sp = &w->card_data.profiles[i];

		profiles[i] = (struct es_profile_info){
			.iccid = sp->iccid,
			.isdp_aid = BYTES_ARR(sp->aid),
			.mno_id = sp->mno_oid,
			.fallback = sp->fallback,
			.address = {.imsi = sp->imsi, .msisdn = sp->msisdn},
			.state = sp->enabled ? ES_STATE_ENABLED : ES_STATE_DISABLED,
			.allocated_memory = 65536,
		};
	}
	*eis = (struct es_eis){.info = {.eid = w->card_data.eid, .eum_id = SEED_OID_EUM},
			       .isdr = isdr,
			       .profiles = profiles,
			       .n_profiles = SEED_N_PROFILES,
			       .remaining_memory = 1000,
			       .available_memory = 2000,
			       .signed_info_xml = "<i/>",
			       .signature_xml = "<s/>"};
	if (w->https)
		add_https(w, eis);
	return eis;
}

struct attempt {
	const struct es_eis *eis;
	const char *refusal;
};

static int register_event(void *smsr, void *attempt)
{
	const struct eis_source src = {0};
	struct attempt *a = attempt;
	struct es_status status;
	int rc = eis_register(smsr, a->eis, &src, &status);

	assert_int_equal(rc, 0);
	if (status.status != ES_EXECUTED_SUCCESS)
		a->refusal = talloc_strdup(a->eis, status.message);
	return rc;
}

const char *world_register_eis(struct world *w, const struct es_eis *eis)
{
	struct attempt a = {eis, NULL};

	assert_int_equal(world_event(w, register_event, &a), 0);
	return a.refusal;
}

void world_register(struct world *w)
{
	struct es_eis *eis = world_eis(w, w->ctx);
	const char *refusal = world_register_eis(w, eis);

	if (refusal)
		fail_msg("register: %s", refusal);
	talloc_free(eis);
	euicc_power(w->card, true);
	world_run(w);
}
