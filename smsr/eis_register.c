/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Registration of an eUICC: every check first, then the rows, all in one event.  SGP.02 ES1.RegisterEIS.
 *
 * Codes that the public sources leave open are those of the status table: a signature that does not verify 8.1/6.1, an
 * EIS that contradicts itself 1.6/2.1. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/es/es_codec.h"
#include "common/es/xmlsig.h"
#include "scp80/sp.h"
#include "smsr/cmd.h"
#include "smsr/eis.h"
#include "smsr/eis_db.h"
#include "smsr/es5.h"
#include "smsr/record_db.h"
#include "smsr/trust.h"

/* KIc and KID have four bits for it: TS 102 225 §5.1.2. */
#define SCP80_KVN_MAX 0x0f

/* What is gathered before anything is written. */
struct reg {
	struct smsr *s;
	const struct eis_source *src;
	const struct es_eis *eis;
	const struct x509 *eum;
	struct euicc euicc;
	struct eis_doc doc;
	struct es_status *status;
};

static int refuse(struct reg *g, enum es_sc sc, const char *subject_id, const char *text)
{
	*g->status = es_status_bad(turn_ctx(g->s->turn), ES_FAILED, sc, subject_id, "%s", text);
	return -EPERM;
}

/* ---- checks ---- */

static int check_eum(struct reg *g)
{
	const char *eum_id = g->eis->info.eum_id;

	if (!eum_id)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Eum-id is missing");
	if (!g->src->signer)
		return 0;
	if (strcmp(eum_id, g->src->signer->oid) != 0)
		return refuse(g, ES_SC_SENDER_NOT_ALLOWED, eum_id, "Eum-id is not the sender");
	g->eum = trust_eum(g->s->trust, eum_id);
	if (!g->eum)
		return refuse(g, ES_SC_EIS_SIGNATURE, eum_id, "no certificate is configured for this EUM");
	return 0;
}

static int check_signature(struct reg *g)
{
	void *ctx = turn_ctx(g->s->turn);
	struct xmlsig_eum eum = {g->eis->signed_info_xml, g->eis->signature_xml};
	int64_t at_ms = g->eis->info.production_ms ? g->eis->info.production_ms : clock_stamp_ms();
	const char *why = "";
	int rc = 0;

	if (!eum.signed_info || !eum.signature)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "EumSignedInfo or EumSignature is missing");
	if (g->eum)
		rc = xmlsig_verify_doc(g->s->es, ctx, g->src->document, x509_pubkey(g->eum), &eum, &why);
	if (g->eum && rc == 0)
		rc = trust_eum_chain(ctx, g->s->trust, g->eum, at_ms, &why);
	if (rc < 0)
		return refuse(g, ES_SC_EIS_SIGNATURE, g->eis->info.eid, why);
	g->doc.signed_info = bytes_str(eum.signed_info);
	g->doc.signature = bytes_str(eum.signature);
	return 0;
}

static int check_eid(struct reg *g)
{
	struct euicc old;
	int rc;

	if (!g->eis->info.eid || eid_dec(g->eis->info.eid, g->euicc.eid) < 0)
		return refuse(g, ES_SC_DATA_INVALID, g->eis->info.eid,
			      "Eid: not 32 digits with the right check digits");
	rc = eis_db_by_eid(turn_ctx(g->s->turn), g->s->db, g->euicc.eid, &old);
	if (rc == 0)
		return refuse(g, ES_SC_EID_IN_USE, g->eis->info.eid, "this eUICC is registered here already");
	return rc == -ENOENT ? 0 : rc;
}

static int check_ecasd(struct reg *g)
{
	struct gpcert cert;
	const char *why;
	enum es_sc sc;

	if (!g->s->cfg->ecasd_check || !g->eum)
		return 0;
	if (trust_ecasd(g->eum, g->eis->info.ecasd, BYTES_ARR(g->euicc.eid), clock_stamp_ms(), &cert, &sc, &why) < 0)
		return refuse(g, sc, g->eis->info.eid, why);
	return 0;
}

/* The schema says so, too; but a command for an AID of another length cannot be made later. */
static bool aid_fits(struct bytes aid)
{
	return aid.len >= AID_MIN && aid.len <= AID_MAX;
}

static int check_isdr(struct reg *g)
{
	const struct es_security_domain *sd = g->eis->isdr;

	if (!sd || sd->n_tars == 0 || sd->tars[0].len != sizeof(g->euicc.isdr_tar))
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: the TAR is missing or has not 3 octets");
	if (!aid_fits(sd->aid))
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: the AID has not 5 to 16 octets");
	if (sd->n_keysets > KEYSETS_MAX)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: more key sets than are served");
	g->euicc.isdr_aid = sd->aid;
	memcpy(g->euicc.isdr_tar, sd->tars[0].data, sizeof(g->euicc.isdr_tar));
	g->euicc.isdr_sin = sd->sin;
	g->euicc.isdr_sdin = sd->sdin;
	return 0;
}

static int check_profiles(struct reg *g)
{
	unsigned int enabled = 0, fallback = 0, rules;

	for (size_t i = 0; i < g->eis->n_profiles; i++) {
		const struct es_profile_info *p = &g->eis->profiles[i];

		enabled += p->state == ES_STATE_ENABLED;
		fallback += p->fallback;
		if (!aid_fits(p->isdp_aid))
			return refuse(g, ES_SC_DATA_INVALID, p->iccid, "Isd-p-aid has not 5 to 16 octets");
		if (pol2_dec(&p->pol2, &rules) < 0)
			return refuse(g, ES_SC_DATA_INVALID, p->iccid, "pol2: the rules contradict each other");
	}
	if (enabled > 1)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "more than one profile is Enabled");
	if (fallback > 1)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "more than one profile has the fall-back attribute");
	return 0;
}

/* ---- keys ---- */

static const struct {
	uint8_t gp;
	enum key_alg alg;
} key_types[] = {
	{0x88, KEY_AES},
	{0x80, KEY_DES},
	{0x82, KEY_DES},
	{0x85, KEY_PSK},
};

static const struct {
	enum es_keyset_type es;
	enum keyset_type type;
	unsigned int mandatory; /* bits: key indexes that must be there */
} keyset_types[] = {
	{ES_KEYSET_SCP80, KEYSET_SCP80, 1 << 1 | 1 << 2},
	{ES_KEYSET_SCP81, KEYSET_SCP81, 1 << 1},
	{ES_KEYSET_SCP03, KEYSET_SCP03, 0},
	{ES_KEYSET_TOKEN_GENERATION, KEYSET_TOKEN, 0},
	{ES_KEYSET_RECEIPT_VERIFICATION, KEYSET_RECEIPT, 0},
};

static int import(struct reg *g, const struct es_key *k, int *type, uint8_t kcv[3], struct key **key)
{
	void *ctx = turn_ctx(g->s->turn);
	const struct es_key_component *c = k->components;

	if (k->n_components != 1 || c->type.len != 1)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: a key must have one component of a one-octet type");
	for (size_t i = 0; i < ARRAY_SIZE(key_types); i++) {
		if (key_types[i].gp != c->type.data[0])
			continue;
		if (key_import(ctx, key_types[i].alg, c->value, key) < 0)
			return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: a key has the wrong length");
		if (key_kcv(g->s->crypto, *key, kcv) < 0 || (k->kcv.len && !bytes_eq(k->kcv, bytes_of(kcv, 3))))
			return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: the check value of a key is wrong");
		*type = key_types[i].gp;
		return 0;
	}
	return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: a key is of a type that is not served");
}

static int store_key(struct reg *g, const struct keyset *ks, const struct es_key *k)
{
	void *ctx = turn_ctx(g->s->turn);
	struct bytes context = bytes_str(key_context(ctx, g->euicc.eid, ks->version, k->index));
	struct bytes wrapped;
	uint8_t kcv[3];
	struct key *key;
	int type;
	int rc = import(g, k, &type, kcv, &key);

	if (rc < 0)
		return rc;
	rc = keystore_wrap(g->s->keystore, g->s->crypto, ctx, key, context, &wrapped);
	if (rc == 0)
		rc = eis_db_key_insert(g->s->db, ks->id, k->index, type, BYTES_ARR(kcv), wrapped);
	talloc_free(key);
	if (rc == -EEXIST)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: a key index occurs twice");
	return rc;
}

static int store_keyset(struct reg *g, const struct es_keyset *in, size_t row)
{
	struct keyset ks = {
		.euicc_id = g->euicc.id,
		.version = in->version,
		.type = keyset_types[row].type,
		/* The EIS names the next value or the last one; one lost value costs nothing, a repeated one a command.
		 */
		.cntr = in->cntr.has ? in->cntr.v : 0,
	};
	unsigned int have = 0;
	int rc;

	if (ks.type == KEYSET_SCP80 && (ks.version == 0 || ks.version > SCP80_KVN_MAX))
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: the version of an SCP80 key set is not 1 to 15");
	if (ks.cntr > SP_CNTR_MAX)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: the counter of a key set has more than 5 octets");
	rc = eis_db_keyset_insert(g->s->db, &ks);

	if (rc == -EEXIST)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: a key version occurs twice");
	for (size_t i = 0; rc == 0 && i < in->n_keys; i++) {
		have |= in->keys[i].index < 31 ? 1u << in->keys[i].index : 0;
		rc = store_key(g, &ks, &in->keys[i]);
	}
	if (rc == 0 && (have & keyset_types[row].mandatory) != keyset_types[row].mandatory)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: a key set lacks keys");
	return rc;
}

static int store_keysets(struct reg *g)
{
	bool reachable = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < g->eis->isdr->n_keysets; i++) {
		const struct es_keyset *in = &g->eis->isdr->keysets[i];
		size_t row = 0;

		while (row < ARRAY_SIZE(keyset_types) && keyset_types[row].es != in->type)
			row++;
		if (row == ARRAY_SIZE(keyset_types))
			return refuse(g, ES_SC_DATA_INVALID, NULL,
				      "Isd-r: a key set has no type, or one that is not served");
		reachable = reachable || in->type == ES_KEYSET_SCP80 || in->type == ES_KEYSET_SCP81;
		rc = store_keyset(g, in, row);
	}
	if (rc == 0 && !reachable)
		return refuse(g, ES_SC_DATA_INVALID, NULL, "Isd-r: neither an SCP80 nor an SCP81 key set");
	return rc;
}

/* ---- rows ---- */

static const enum profile_state states[] = {
	[ES_STATE_CREATED] = PROFILE_CREATED,
	[ES_STATE_DISABLED] = PROFILE_DISABLED,
	[ES_STATE_ENABLED] = PROFILE_ENABLED,
};

static int store_profile(struct reg *g, const struct es_profile_info *in)
{
	struct profile p = {
		.euicc_id = g->euicc.id,
		.iccid = (char *)in->iccid,
		.isdp_aid = in->isdp_aid,
		.mno_oid = (char *)in->mno_id,
		.fallback = in->fallback,
		.imsi = (char *)in->address.imsi,
		.msisdn = (char *)msisdn_digits(in->address.msisdn),
		.state = states[in->state],
		.smdp_oid = (char *)in->smdp_id,
		.type = (char *)in->profile_type,
		.allocated_memory = (int64_t)in->allocated_memory,
		.free_memory = in->free_memory.has ? (int64_t)in->free_memory.v : -1,
	};
	int rc = pol2_dec(&in->pol2, &p.pol2);

	if (rc == 0)
		rc = eis_db_profile_insert(g->s->db, &p);
	if (rc == -EEXIST)
		return refuse(g, ES_SC_DATA_INVALID, in->iccid, "an ICCID or an ISD-P AID occurs twice");
	return rc;
}

static int store(void *reg)
{
	struct reg *g = reg;
	int rc;

	g->euicc.eum_oid = (char *)g->eis->info.eum_id;
	g->euicc.verified = g->eum != NULL;
	g->euicc.http = g->eis->info.capabilities && g->eis->info.capabilities->http_support;
	g->euicc.remaining_memory = (int64_t)g->eis->remaining_memory;
	g->euicc.available_memory = (int64_t)g->eis->available_memory;
	g->euicc.last_audit_ms = g->eis->last_audit_ms;
	rc = eis_db_insert(g->s->db, &g->euicc, &g->doc, clock_now_ms());
	if (rc == 0)
		rc = store_keysets(g);
	for (size_t i = 0; rc == 0 && i < g->eis->n_profiles; i++)
		rc = store_profile(g, &g->eis->profiles[i]);
	return rc;
}

static int record(struct reg *g)
{
	const struct audit_row row = {
		.eid = BYTES_ARR(g->euicc.eid),
		.stamp_ms = clock_stamp_ms(),
		.type = g->eum ? AUDIT_REGISTER : AUDIT_IMPORT,
		.requester = g->src->signer ? g->src->signer->oid : NULL,
		.has_status = true,
		.status = es_status_ok(),
	};

	return record_db_audit(g->s->db, &row);
}

static int check(struct reg *g)
{
	static int (*const checks[])(struct reg * g) = {
		check_eum, check_eid, check_signature, check_ecasd, check_isdr, check_profiles,
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(checks); i++)
		rc = checks[i](g);
	return rc;
}

int eis_register(struct smsr *s, const struct es_eis *eis, const struct eis_source *src, struct es_status *status)
{
	struct reg g = {.s = s, .src = src, .eis = eis, .status = status};
	int rc;

	*status = es_status_ok();
	rc = check(&g);
	/* Keys are checked while they are stored; a refusal there takes the rows back. */
	if (rc == 0)
		rc = turn_try(s->turn, store, &g);
	if (rc == 0)
		rc = record(&g);
	return rc == -EPERM ? 0 : rc;
}
