/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <openssl/x509.h>

#include "common/crypto/x509.h"

/* Inside of the handle: for the files of common/crypto only. */

struct x509 {
	X509 *x;
	struct pubkey *key; /* NULL: of a kind that we do not use */
	struct bytes ski;
	struct bytes der;
	const char *subject;
	int64_t not_after_ms;
	uint8_t fingerprint[32];
};

/*! Takes over x, also on failure; NULL gives -EINVAL. */
int x509_wrap(const void *ctx, X509 *x, struct x509 **cert) MUST_CHECK;
