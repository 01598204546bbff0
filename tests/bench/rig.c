/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/bench/rig.h"

#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/codec/smpp.h"
#include "common/codec/smpp_text.h"
#include "common/es/es_types.h"
#include "lab/seed/seed.h"
#include "smsr/cmd.h"
#include "smsr/eis.h"
#include "smsr/eis_db.h"
#include "smsr/op.h"
#include "smsr/record_db.h"
#include "tests/bench/bench.h"

#define VALIDITY_MS (24 * 3600 * 1000)
#define EVENTS_PER_TURN 500

/* ---- ports ---- */

static const char *port_reserve(void *priv)
{
	return "bench";
}

static void port_submit(void *priv, const struct sms_out *sms)
{
	struct rig *r = priv;
	int64_t start = bench_wall_ns();
	char valid[SMPP_TIME_LEN];
	struct smpp_pdu pdu = {
		.command_id = SMPP_SUBMIT_SM,
		.seq = (uint32_t)sms->ref,
		.source = {1, 1, BYTES_LIT("12345")},
		.dest = {1, 1, bytes_str(sms->dest)},
		.esm_class = 0x40,
		.protocol_id = 0x7f,
		.data_coding = 0xf6,
		.short_message = sms->ud,
	};
	uint8_t buf[512];
	struct bytes wire;
	struct wr w;

	bench_check(smpp_time_absolute(clock_stamp_ms() + sms->validity_ms, valid) == 0, "validity period");
	pdu.validity_period = bytes_str(valid);
	wr_init_buf(&w, buf, sizeof(buf));
	bench_check(smpp_pdu_enc(&pdu, &w) == 0 && wr_end(&w, &wire) == 0, "submit_sm");
	if (r->smsc)
		smsc_send(r->smsc, wire);
	r->submitted++;
	r->last_submit_ns = bench_wall_ns();
	r->emit_ns += r->last_submit_ns - start;
}

static void port_ack(void *priv, const char *smsc, uint64_t token, bool ok)
{
}

static void port_post(void *priv, const struct http_out *post)
{
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	talloc_free(steal_answer);
}

static const struct smsr_ports ports = {
	.sms_reserve = port_reserve,
	.sms_submit = port_submit,
	.sms_ack = port_ack,
	.http_post = port_post,
	.answer = port_answer,
};

/* ---- set-up ---- */

static void broken(void *priv)
{
	bench_check(false, "the store is broken");
}

static void event(struct rig *r, turn_handler_cb handler, void *data, const char *what)
{
	bench_check(turn_event(r->s->turn, handler, r->s, data) == 0, what);
}

/* As a daemon in service logs: what an operator acts on. */
static void quiet(void)
{
	struct log_target *target;
	static bool done;

	if (done)
		return;
	log_init(&log_info_esim, NULL);
	target = log_target_create_stderr();
	log_add_target(target);
	log_set_log_level(target, LOGL_NOTICE);
	done = true;
}

static int64_t first_euicc(struct rig *r)
{
	int64_t id = 1;
	size_t n;

	bench_check(eis_db_list(r->s->db, 0, false, &id, 1, &n) == 0, "list of eUICCs");
	return id;
}

struct rig *rig_open(const char *dir, struct smsc *smsc, unsigned int checkpoint_pages)
{
	const struct db_opts opts = {.create = true, .checkpoint_pages = checkpoint_pages};
	struct rig *r = talloc_zero(NULL, struct rig);
	char *key = talloc_asprintf(r, "%s/master.key", dir);
	char *path = talloc_asprintf(r, "%s/smsr.db", dir);
	const char *why = "";
	struct smsr_cfg *cfg = smsr_cfg_alloc(r);
	int64_t total, due;

	quiet();
	clock_feed();
	r->smsc = smsc;
	r->s = smsr_alloc(r);
	if (access(key, F_OK) < 0)
		bench_check(keystore_create_master(r, key, &why) == 0, why);
	bench_check(keystore_open(r, key, &r->s->keystore, &why) == 0, why);
	bench_check(db_open(r, path, &smsr_db_desc, &opts, &r->s->db, &why) == 0, why);
	cfg->oid = talloc_strdup(cfg, SEED_OID_SMSR);
	cfg->uri = talloc_strdup(cfg, "https://smsr.example");
	cfg->limits.por_wait_s = 3600; /* no copies while we count */
	r->s->cfg = cfg;
	r->s->crypto = crypto_alloc(r);
	r->s->turn = turn_alloc(r, r->s->db, broken, NULL);
	r->s->ports = &ports;
	r->s->ports_priv = r;
	event(r, smsr_ev_start, NULL, "start");
	rig_tick(r); /* takes up what a resume had left: nothing, so that from here on only rig_start() starts something
		      */
	turn_close(r->s->turn);
	bench_check(eis_db_count(r->s->db, &total, &due) == 0, "number of eUICCs");
	r->n_euiccs = (long)total;
	r->first_euicc = first_euicc(r);
	return r;
}

void rig_free(struct rig *r)
{
	talloc_free(r->s->turn);
	talloc_free(r->s->db);
	talloc_free(r);
}

/* ---- eUICCs ---- */

static struct es_key key_of(struct es_key_component *c, uint8_t index, const uint8_t value[16])
{
	*c = (struct es_key_component){.type = BYTES_LIT("\x88"), .value = bytes_of(value, 16)};
	return (struct es_key){.index = index, .components = c, .n_components = 1};
}

static int register_event(void *smsr, void *seed_card)
{
	const struct seed_card *c = seed_card;
	struct es_key_component comps[2];
	struct es_key keys[2] = {key_of(&comps[0], 1, c->kic), key_of(&comps[1], 2, c->kid)};
	struct es_keyset ks = {
		.version = SEED_SCP80_KVN, .type = ES_KEYSET_SCP80, .keys = keys, .n_keys = ARRAY_SIZE(keys)};
	struct bytes tar = BYTES_LIT("\x00\x00\x01");
	struct es_security_domain isdr = {.aid = BYTES_LIT("ISD-R"),
					  .tars = &tar,
					  .n_tars = 1,
					  .sin = BYTES_LIT("S"),
					  .sdin = BYTES_LIT("D"),
					  .keysets = &ks,
					  .n_keysets = 1};
	struct es_profile_info profiles[SEED_N_PROFILES];
	const struct eis_source src = {0};
	struct es_status status;
	struct es_eis eis = {
		.info = {.eid = c->eid, .eum_id = SEED_OID_EUM},
		.isdr = &isdr,
		.profiles = profiles,
		.n_profiles = SEED_N_PROFILES,
		.remaining_memory = 1000,
		.available_memory = 2000,
		/* what the two signed parts of a real EIS weigh together */
		.signed_info_xml = talloc_asprintf(turn_ctx(((struct smsr *)smsr)->turn), "<i>%01200d</i>", 0),
		.signature_xml = talloc_asprintf(turn_ctx(((struct smsr *)smsr)->turn), "<s>%0600d</s>", 0)};
	int rc;

	for (int i = 0; i < SEED_N_PROFILES; i++) {
		const struct seed_profile *p = &c->profiles[i];

		profiles[i] = (struct es_profile_info){
			.iccid = p->iccid,
			.isdp_aid = BYTES_ARR(p->aid),
			.mno_id = p->mno_oid,
			.fallback = p->fallback,
			.address = {.imsi = p->imsi, .msisdn = p->msisdn},
			.state = p->enabled ? ES_STATE_ENABLED : ES_STATE_DISABLED,
			.allocated_memory = 65536,
		};
	}
	rc = eis_register(smsr, &eis, &src, &status);
	bench_check(rc < 0 || status.status == ES_EXECUTED_SUCCESS, "registration");
	return rc;
}

void rig_register(struct rig *r, const char *seed, long n)
{
	struct seed *cards = seed_alloc(r, seed);
	struct seed_card card;

	for (long i = 0; i < n; i++) {
		bench_check(seed_card(cards, (uint32_t)i, &card) == 0, "seed_card");
		event(r, register_event, &card, "registration");
		if (i % EVENTS_PER_TURN == EVENTS_PER_TURN - 1)
			turn_close(r->s->turn);
	}
	turn_close(r->s->turn);
	talloc_free(cards);
	r->n_euiccs = n;
	r->first_euicc = first_euicc(r);
}

/* ---- operations ---- */

struct place {
	struct rig *r;
	long index;
};

static int64_t euicc_id(const struct place *p)
{
	return p->r->first_euicc + p->index;
}

static int queue_event(void *smsr, void *place)
{
	struct smsr *s = smsr;
	void *ctx = turn_ctx(s->turn);
	struct profiles profiles;
	struct operation op = {
		.euicc_id = euicc_id(place),
		.kind = OP_ENABLE,
		.fn = ES4_ENABLE_PROFILE,
		.requester = talloc_strdup(ctx, SEED_OID_MNO_OPERATIONAL),
		.call_id = talloc_asprintf(ctx, "bench-%ld", ((struct place *)place)->index),
		.message_id =
			talloc_asprintf(ctx, "//%s/urn:uuid:2ff6e1b0-41b5-4c43-a9c1-000000000000?TransactionID=bench",
					SEED_OID_MNO_OPERATIONAL),
		.reply_to = talloc_strdup(ctx, "https://127.0.0.1/callback"),
		.expires_ms = clock_now_ms() + VALIDITY_MS,
	};
	int rc = eis_db_profiles(ctx, s->db, op.euicc_id, &profiles);

	for (size_t i = 0; rc == 0 && i < profiles.n; i++)
		if (profiles.list[i].state == PROFILE_DISABLED)
			op.iccid = profiles.list[i].iccid;
	return rc < 0 ? rc : op_queue(s, &op);
}

static int hold_event(void *smsr, void *hold)
{
	struct smsr *s = smsr;

	return hold ? record_db_pause(s->db, PAUSE_ALL, "", clock_now_ms()) : record_db_resume(s->db, PAUSE_ALL, "");
}

void rig_queue(struct rig *r, long first, long n)
{
	event(r, hold_event, r, "pause");
	for (long i = 0; i < n; i++) {
		event(r, queue_event, &(struct place){r, (first + i) % r->n_euiccs}, "queue");
		if (i % EVENTS_PER_TURN == EVENTS_PER_TURN - 1)
			turn_close(r->s->turn);
	}
	event(r, hold_event, NULL, "resume");
	turn_close(r->s->turn);
}

static int start_event(void *smsr, void *place)
{
	return op_start_next(smsr, euicc_id(place));
}

void rig_start(struct rig *r, long index)
{
	event(r, start_event, &(struct place){r, index % r->n_euiccs}, "start");
}

void rig_tick(struct rig *r)
{
	bool more;

	event(r, smsr_ev_tick, &more, "tick");
}

void rig_taken(struct rig *r, uint32_t part_id)
{
	struct submit_done d = {.ref = part_id, .result = SUBMIT_TAKEN, .status = "ESME_ROK", .message_id = "12345678"};

	event(r, smsr_ev_submit_done, &d, "submit_sm_resp");
}

void rig_close_turn(struct rig *r)
{
	turn_close(r->s->turn);
}
