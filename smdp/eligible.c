/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whether an eUICC may be loaded: who signed its EIS, whose ECASD it is, which rules it follows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/es/xmlsig.h"
#include "common/peer/trust.h"
#include "smdp/order_steps.h"

/* Remote provisioning of the first major version knows no key agreement with ECASD [uncertain which number old cards
 * give; a card that says nothing is not refused]. */
#define PROVISIONING_MAJOR_MIN 2

static int refuse(struct smdp *s, const struct order_run *r, struct es_status *bad, enum es_sc sc, const char *text)
{
	*bad = es_status_bad(turn_ctx(s->turn), ES_FAILED, sc, r->eid, "%s", text);
	return -EPERM;
}

int eligible_signature(struct smdp *s, const struct es_eis *eis, const char **why)
{
	const struct x509 *eum = trust_eum(s->trust, eis->info.eum_id);
	int64_t at_ms = eis->info.production_ms ? eis->info.production_ms : clock_stamp_ms();
	void *ctx = turn_ctx(s->turn);

	*why = "";
	if (!eum)
		*why = "no certificate is configured for its EUM";
	else if (!eis->signed_info_xml || !eis->signature_xml)
		*why = "the EIS has no signature";
	else if (xmlsig_verify_eum(s->es, ctx, eis->signed_info_xml, eis->signature_xml, x509_pubkey(eum), why) == 0 &&
		 trust_eum_chain(ctx, s->trust, eum, at_ms, why) == 0)
		return 0;
	return -EPERM;
}

static int check_ecasd(struct smdp *s, struct order_run *r, const struct es_eis *eis, const struct x509 *eum,
		       struct es_status *bad)
{
	struct gpcert cert;
	const char *why;
	enum es_sc sc;

	if (trust_ecasd(eum, eis->info.ecasd, BYTES_ARR(r->o.eid), clock_stamp_ms(), &cert, &sc, &why) < 0)
		return refuse(s, r, bad, sc, why);
	r->d.ecasd_curve = ec_curve_gp(cert.curve);
	r->d.ecasd = bytes_dup(turn_ctx(s->turn), cert.point);
	return 0;
}

static int check_version(struct smdp *s, const struct order_run *r, const struct es_eis *eis, struct es_status *bad)
{
	const struct es_capabilities *cap = eis->info.capabilities;

	if (cap && cap->remote_provisioning_version &&
	    strtol(cap->remote_provisioning_version, NULL, 10) < PROVISIONING_MAJOR_MIN)
		return refuse(s, r, bad, ES_SC_PROFILE_TYPE_UNSUITABLE,
			      "this eUICC is too old for the key agreement that we use");
	return 0;
}

int eligible_check(struct smdp *s, struct order_run *r, const struct es_eis *eis, struct es_status *bad)
{
	const char *why;
	int rc;

	if (!eis->info.eid || strcasecmp(eis->info.eid, r->eid) != 0)
		return refuse(s, r, bad, ES_SC_EID_UNKNOWN, "the SM-SR sent the EIS of another eUICC");
	if (eligible_signature(s, eis, &why) < 0)
		return refuse(s, r, bad, ES_SC_EIS_SIGNATURE, why);
	rc = check_ecasd(s, r, eis, trust_eum(s->trust, eis->info.eum_id), bad);
	return rc == 0 ? check_version(s, r, eis, bad) : rc;
}
