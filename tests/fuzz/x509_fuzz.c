/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates of strangers, as PEM or DER.  What was read reads the same from its DER form, and nothing may follow it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "common/crypto/x509.h"
#include "tests/fuzz/fuzz.h"

static void look(void *ctx, struct x509 *cert)
{
	struct bytes der = x509_der(cert);
	const char *why = NULL;
	struct x509 *again;
	struct wr longer;

	(void)x509_pubkey(cert);
	(void)x509_ski(cert);
	NEED(x509_subject(cert));
	NEED(x509_eum_check(ctx, cert, &why) == 0 || why);
	NEED(x509_strength_check(ctx, cert, &why) == 0 || why);
	NEED(x509_der_parse(ctx, der, &again) == 0);
	NEED(memcmp(x509_fingerprint(cert), x509_fingerprint(again), 32) == 0);
	NEED(bytes_eq(x509_ski(cert), x509_ski(again)) && bytes_eq(der, x509_der(again)));
	wr_init(&longer, ctx);
	wr_bytes(&longer, der);
	wr_u8(&longer, 0);
	NEED(x509_der_parse(ctx, bytes_of(longer.buf, longer.len), &again) == -EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	struct bytes in = bytes_of(data, size);
	struct x509 *cert;

	if (x509_der_parse(ctx, in, &cert) == 0) {
		NEED(bytes_eq(x509_der(cert), in));
		look(ctx, cert);
	}
	if (x509_pem_parse(ctx, in, &cert) == 0)
		look(ctx, cert);
	talloc_free(ctx);
	return 0;
}
