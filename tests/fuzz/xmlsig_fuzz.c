/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "common/es/xmlsig.h"
#include "tests/fuzz/fuzz.h"

/* A private key of which nothing is secret: the corpus holds documents signed with it. */
static const uint8_t scalar[32] = {[31] = 2};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct es_ctx *es;
	static struct privkey *priv;
	static struct pubkey *key;
	void *ctx = talloc_new(NULL);
	struct xmlsig_eum eum = {};
	const char *why = NULL;
	int rc;

	if (!es) {
		es = es_ctx_alloc(NULL, NULL);
		if (!es || privkey_ec_import(NULL, EC_P256, bytes_of(scalar, 32), &priv) < 0)
			abort();
		key = privkey_pub(NULL, priv);
	}
	rc = xmlsig_verify_doc(es, ctx, bytes_of(data, size), key, &eum, &why);
	/* What verified must do so again from the texts that are stored; what did not has a reason. */
	if (rc == 0 && xmlsig_verify_eum(es, ctx, eum.signed_info, eum.signature, key, &why) != 0)
		abort();
	if (rc < 0 && (!why || eum.signed_info || (rc != -EINVAL && rc != -EBADMSG)))
		abort();
	talloc_free(ctx);
	return 0;
}
