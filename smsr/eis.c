/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/eis.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smsr/eis_db.h"

const char *msisdn_digits(const char *msisdn)
{
	return msisdn && *msisdn == '+' ? msisdn + 1 : msisdn;
}

/* ---- POL2 ---- */

static const struct {
	enum es_pol2_action action;
	enum es_pol2_qualification qualification;
	enum pol2_rule rule;
} pol2_rules[] = {
	{ES_POL2_ENABLE, ES_POL2_NOT_ALLOWED, POL2_ENABLE_NOT_ALLOWED},
	{ES_POL2_DISABLE, ES_POL2_NOT_ALLOWED, POL2_DISABLE_NOT_ALLOWED},
	{ES_POL2_DELETE, ES_POL2_NOT_ALLOWED, POL2_DELETE_NOT_ALLOWED},
	{ES_POL2_DISABLE, ES_POL2_AUTO_DELETE, POL2_DISABLE_AUTO_DELETE},
};

static int rule_of(const struct es_pol2_rule *rule, unsigned int *bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(pol2_rules); i++) {
		if (pol2_rules[i].action == rule->action && pol2_rules[i].qualification == rule->qualification) {
			*bit = pol2_rules[i].rule;
			return 0;
		}
	}
	return -EINVAL; /* Auto-Delete belongs to DISABLE alone */
}

int pol2_dec(const struct es_pol2 *pol2, unsigned int *rules)
{
	const unsigned int both = POL2_DISABLE_NOT_ALLOWED | POL2_DISABLE_AUTO_DELETE;
	unsigned int set = 0;

	for (size_t i = 0; pol2 && i < pol2->n_rules; i++) {
		unsigned int bit;

		if (rule_of(&pol2->rules[i], &bit) < 0)
			return -EINVAL;
		set |= bit;
	}
	if ((set & both) == both)
		return -EINVAL;
	*rules = set;
	return 0;
}

void pol2_enc(const void *ctx, unsigned int rules, struct es_pol2 *pol2)
{
	pol2->rules = talloc_zero_array(ctx, struct es_pol2_rule, ARRAY_SIZE(pol2_rules));
	pol2->n_rules = 0;
	OSMO_ASSERT(pol2->rules);
	for (size_t i = 0; i < ARRAY_SIZE(pol2_rules); i++) {
		if (rules & pol2_rules[i].rule)
			pol2->rules[pol2->n_rules++] = (struct es_pol2_rule){ES_POL2_PROFILE, pol2_rules[i].action,
									     pol2_rules[i].qualification};
	}
}

/* ---- views ---- */

static const enum es_profile_state es_states[] = {
	[PROFILE_CREATED] = ES_STATE_CREATED,
	[PROFILE_DISABLED] = ES_STATE_DISABLED,
	[PROFILE_ENABLED] = ES_STATE_ENABLED,
};

static bool is_for_smdp(const struct smsr *s, const struct profile *p, const char *oid)
{
	const struct peer *peer = smsr_cfg_peer(s->cfg, oid);

	if (p->smdp_oid && strcmp(p->smdp_oid, oid) == 0)
		return true;
	return p->state != PROFILE_CREATED && peer && peer_acts_for(peer, p->mno_oid);
}

static bool is_for(const struct smsr *s, const struct profile *p, enum eis_view view, const char *oid)
{
	switch (view) {
	case EIS_VIEW_OWNER:
		return strcmp(p->mno_oid, oid) == 0;
	case EIS_VIEW_SMDP:
		return is_for_smdp(s, p, oid);
	case EIS_VIEW_FULL:
		break;
	}
	return true;
}

static bool is_visible(const struct smsr *s, const struct profile *p, enum eis_view view, const char *oid,
		       const char *const *iccids, size_t n)
{
	if (p->state == PROFILE_IN_CREATION || !is_for(s, p, view, oid))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(iccids[i], p->iccid) == 0)
			return true;
	}
	return n == 0;
}

static void build_profile(const void *ctx, const struct profile *p, struct es_profile_info *out)
{
	*out = (struct es_profile_info){
		.iccid = p->iccid,
		.isdp_aid = p->isdp_aid,
		.mno_id = p->mno_oid,
		.fallback = p->fallback,
		.address = {.imsi = p->imsi, .msisdn = p->msisdn},
		.state = es_states[p->state],
		.smdp_id = p->smdp_oid,
		.profile_type = p->type,
		.allocated_memory = (uint64_t)p->allocated_memory,
		.free_memory = {.has = p->free_memory >= 0, .v = p->free_memory >= 0 ? (uint64_t)p->free_memory : 0},
	};
	pol2_enc(ctx, p->pol2, &out->pol2);
}

static int build_profiles(struct smsr *s, struct es_eis *eis, int64_t euicc_id, enum eis_view view, const char *oid,
			  const char *const *iccids, size_t n_iccids)
{
	struct profiles p;
	int rc = eis_db_profiles(eis, s->db, euicc_id, &p);

	if (rc < 0)
		return rc;
	eis->profiles = talloc_zero_array(eis, struct es_profile_info, (unsigned int)p.n + 1);
	OSMO_ASSERT(eis->profiles);
	for (size_t i = 0; i < p.n; i++) {
		if (is_visible(s, &p.list[i], view, oid, iccids, n_iccids))
			build_profile(eis, &p.list[i], &eis->profiles[eis->n_profiles++]);
	}
	return 0;
}

static const enum es_keyset_type es_keyset_types[] = {
	[KEYSET_SCP03] = ES_KEYSET_SCP03,
	[KEYSET_SCP80] = ES_KEYSET_SCP80,
	[KEYSET_SCP81] = ES_KEYSET_SCP81,
	[KEYSET_TOKEN] = ES_KEYSET_TOKEN_GENERATION,
	[KEYSET_RECEIPT] = ES_KEYSET_RECEIPT_VERIFICATION,
	[KEYSET_CA] = ES_KEYSET_CA,
};

/* The schema demands the ISD-R; a reader who may not see it gets what is no secret: addresses and key versions. */
static int build_isdr(struct smsr *s, struct es_eis *eis, const struct euicc *e, enum eis_view view)
{
	struct es_security_domain *sd = talloc_zero(eis, struct es_security_domain);
	struct keyset ks[KEYSETS_MAX];
	size_t n;
	int rc = eis_db_keysets(s->db, e->id, ks, ARRAY_SIZE(ks), &n);

	OSMO_ASSERT(sd);
	if (rc < 0)
		return rc;
	*sd = (struct es_security_domain){
		.aid = e->isdr_aid, .sin = e->isdr_sin, .sdin = e->isdr_sdin, .role = ES_ROLE_ISDR};
	sd->tars = talloc_zero(sd, struct bytes);
	sd->tars[0] = bytes_dup(sd, BYTES_ARR(e->isdr_tar));
	sd->n_tars = 1;
	sd->keysets = talloc_zero_array(sd, struct es_keyset, (unsigned int)n + 1);
	OSMO_ASSERT(sd->keysets);
	for (size_t i = 0; i < n; i++) {
		struct es_keyset *k = &sd->keysets[sd->n_keysets++];

		k->version = ks[i].version;
		k->type = es_keyset_types[ks[i].type];
		if (view == EIS_VIEW_FULL && ks[i].type == KEYSET_SCP80)
			k->cntr = (struct es_opt_u64){.has = true, .v = ks[i].cntr};
	}
	eis->isdr = sd;
	return 0;
}

static char *text_of(const void *ctx, struct bytes b)
{
	return talloc_strndup(ctx, (const char *)b.data, b.len);
}

static int build_signed(struct smsr *s, struct es_eis *eis, const struct euicc *e)
{
	struct eis_doc doc;
	int rc = eis_db_doc(eis, s->db, e->id, &doc);

	if (rc < 0)
		return rc;
	eis->info.eid = hex_enc(eis, BYTES_ARR(e->eid));
	eis->info.eum_id = e->eum_oid;
	eis->signed_info_xml = text_of(eis, doc.signed_info);
	eis->signature_xml = text_of(eis, doc.signature);
	return 0;
}

int eis_build(struct smsr *s, const void *ctx, int64_t euicc_id, enum eis_view view, const char *oid,
	      const char *const *iccids, size_t n_iccids, struct es_eis **out)
{
	struct es_eis *eis = talloc_zero(ctx, struct es_eis);
	struct euicc e;
	int rc = eis_db_get(eis, s->db, euicc_id, &e);

	OSMO_ASSERT(eis);
	if (rc == 0)
		rc = build_signed(s, eis, &e);
	if (rc == 0)
		rc = build_profiles(s, eis, euicc_id, view, oid, iccids, n_iccids);
	if (rc == 0 && (view != EIS_VIEW_OWNER || !s->cfg->omit_filtered_parts))
		rc = build_isdr(s, eis, &e, view);
	if (rc < 0) {
		talloc_free(eis);
		return rc;
	}
	eis->remaining_memory = (uint64_t)e.remaining_memory;
	eis->available_memory = (uint64_t)e.available_memory;
	if (view == EIS_VIEW_FULL)
		eis->last_audit_ms = e.last_audit_ms;
	eis->smsr_id = talloc_strdup(eis, s->cfg->oid);
	*out = eis;
	return 0;
}
