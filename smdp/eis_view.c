/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an operator sees of an EIS that an SM-SR gave us.  EumSignedInfo and its signature stay whole, or nobody could
 * verify them; of the ISD-R only addresses and key versions are left, because the schema demands something. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smdp/dp_out.h"

static struct es_security_domain *bare_isdr(const void *ctx, const struct es_security_domain *full)
{
	struct es_security_domain *sd = talloc_zero(ctx, struct es_security_domain);

	OSMO_ASSERT(sd);
	*sd = *full;
	sd->keysets = talloc_zero_array(sd, struct es_keyset, (unsigned int)full->n_keysets + 1);
	OSMO_ASSERT(sd->keysets);
	for (size_t i = 0; i < full->n_keysets; i++)
		sd->keysets[i] = (struct es_keyset){.version = full->keysets[i].version, .type = full->keysets[i].type};
	return sd;
}

struct es_eis *eis_for_operator(const void *ctx, const struct es_eis *eis, const char *mno_oid)
{
	struct es_eis *out = talloc_zero(ctx, struct es_eis);

	OSMO_ASSERT(out);
	*out = *eis;
	out->profiles = talloc_zero_array(out, struct es_profile_info, (unsigned int)eis->n_profiles + 1);
	OSMO_ASSERT(out->profiles);
	out->n_profiles = 0;
	for (size_t i = 0; i < eis->n_profiles; i++) {
		if (eis->profiles[i].mno_id && strcmp(eis->profiles[i].mno_id, mno_oid) == 0)
			out->profiles[out->n_profiles++] = eis->profiles[i];
	}
	if (eis->isdr)
		out->isdr = bare_isdr(out, eis->isdr);
	out->audit_trail = NULL;
	out->last_audit_ms = 0;
	return out;
}
