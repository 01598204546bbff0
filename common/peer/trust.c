/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/peer/trust.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

struct eum {
	char *oid;
	struct x509 *cert;
};

struct trust {
	struct x509_bundle *ci;
	struct eum *eums;
	size_t n_eums;
};

int trust_alloc(const void *ctx, const char *ci_bundle, struct trust **out, const char **why)
{
	struct trust *t = talloc_zero(ctx, struct trust);
	const char *reason = "";
	int rc;

	OSMO_ASSERT(t);
	rc = ci_bundle ? x509_bundle_load(t, ci_bundle, &t->ci, &reason) : 0;
	if (rc < 0) {
		*why = talloc_asprintf(ctx, "certificate issuers %s: %s", ci_bundle, reason);
		talloc_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

int trust_add_eum(const void *ctx, struct trust *t, const char *oid, const char *path, int64_t at_ms, const char **why)
{
	const char *reason = "";
	struct eum *e;
	int rc;

	t->eums = talloc_realloc(t, t->eums, struct eum, (unsigned int)t->n_eums + 1);
	OSMO_ASSERT(t->eums);
	e = &t->eums[t->n_eums];
	e->oid = talloc_strdup(t, oid);
	rc = x509_pem_load(t, path, &e->cert, &reason);
	if (rc == 0)
		rc = x509_eum_check(t, e->cert, &reason);
	if (rc == 0)
		rc = trust_eum_chain(t, t, e->cert, at_ms, &reason);
	if (rc < 0)
		*why = talloc_asprintf(ctx, "EUM certificate %s: %s", path, reason);
	else
		t->n_eums++;
	return rc;
}

const struct x509 *trust_eum(const struct trust *t, const char *oid)
{
	for (size_t i = 0; t && oid && i < t->n_eums; i++) {
		if (strcmp(t->eums[i].oid, oid) == 0)
			return t->eums[i].cert;
	}
	return NULL;
}

struct visitor {
	void (*visit)(void *priv, const char *what, const struct x509 *cert);
	void *priv;
};

static void visit_issuer(void *visitor, const struct x509 *cert)
{
	const struct visitor *v = visitor;

	v->visit(v->priv, "certificate issuer", cert);
}

void trust_visit(const struct trust *t, void (*visit)(void *priv, const char *what, const struct x509 *cert),
		 void *priv)
{
	struct visitor v = {visit, priv};

	for (size_t i = 0; i < t->n_eums; i++)
		visit(priv, "EUM certificate", t->eums[i].cert);
	if (t->ci)
		x509_bundle_visit(t->ci, visit_issuer, &v);
}

int trust_eum_chain(const void *ctx, const struct trust *t, const struct x509 *eum, int64_t at_ms, const char **why)
{
	return t->ci ? x509_chain_check(ctx, eum, t->ci, at_ms, why) : 0;
}

static const struct es_certificate *ecasd_certificate(const struct es_security_domain *ecasd)
{
	for (size_t i = 0; ecasd && i < ecasd->n_keysets; i++) {
		if (ecasd->keysets[i].n_certificates)
			return &ecasd->keysets[i].certificates[0];
	}
	return NULL;
}

int trust_ecasd(const struct x509 *eum, const struct es_security_domain *ecasd, struct bytes eid, int64_t at_ms,
		struct gpcert *out, enum es_sc *sc, const char **why)
{
	const struct es_certificate *c = ecasd_certificate(ecasd);
	const struct gpcert_expect expect = {
		.subject = eid,
		.usage = GPCERT_USAGE_KEY_AGREEMENT,
		.aki = x509_ski(eum),
		.at_ms = at_ms,
	};
	enum gpcert_verdict verdict;
	struct gpcert cert;

	*sc = ES_SC_ECASD_CERT_INVALID;
	*why = "no readable certificate of the ECASD";
	if (!c || gpcert_parse(c->value, &cert) < 0)
		return -EPERM;
	verdict = gpcert_check(&cert, &expect);
	if (verdict == GPCERT_EXPIRED)
		*sc = ES_SC_ECASD_CERT_EXPIRED;
	*why = verdict == GPCERT_OK ? "the EUM did not sign it" : gpcert_verdict_name(verdict);
	if (verdict != GPCERT_OK || gpcert_verify(&cert, x509_pubkey(eum)) < 0)
		return -EPERM;
	*out = cert;
	return 0;
}
