/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/trust.h"

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

static int load_eum(const void *ctx, struct trust *t, const struct peer *p, int64_t at_ms, const char **why)
{
	const char *reason = "";
	struct eum *e;
	int rc;

	t->eums = talloc_realloc(t, t->eums, struct eum, (unsigned int)t->n_eums + 1);
	OSMO_ASSERT(t->eums);
	e = &t->eums[t->n_eums];
	e->oid = talloc_strdup(t, p->oid);
	rc = x509_pem_load(t, p->eum_cert, &e->cert, &reason);
	if (rc == 0)
		rc = x509_eum_check(t, e->cert, &reason);
	if (rc == 0)
		rc = trust_eum_chain(t, t, e->cert, at_ms, &reason);
	if (rc < 0)
		*why = talloc_asprintf(ctx, "EUM certificate %s: %s", p->eum_cert, reason);
	else
		t->n_eums++;
	return rc;
}

int trust_load(const void *ctx, const struct smsr_cfg *cfg, const char *ci_bundle, int64_t at_ms, struct trust **out,
	       const char **why)
{
	struct trust *t = talloc_zero(ctx, struct trust);
	const char *reason;
	int rc = 0;

	OSMO_ASSERT(t);
	if (ci_bundle) {
		rc = x509_bundle_load(t, ci_bundle, &t->ci, &reason);
		if (rc < 0)
			*why = talloc_asprintf(ctx, "certificate issuers %s: %s", ci_bundle, reason);
	}
	for (size_t i = 0; rc == 0 && i < cfg->n_peers; i++) {
		if (cfg->peers[i].eum_cert && cfg->peers[i].oid)
			rc = load_eum(ctx, t, &cfg->peers[i], at_ms, why);
	}
	if (rc < 0) {
		talloc_free(t);
		return rc;
	}
	*out = t;
	return 0;
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
