/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <openssl/evp.h>

#include "common/crypto/ec.h"

/* Inside of the handles: for the files of common/crypto only. */

struct pubkey {
	EVP_PKEY *pkey;
};

struct privkey {
	EVP_PKEY *pkey;
};

/*! The one gate of both kinds of handles: \returns pkey; NULL when it is NULL, or neither RSA nor on a curve of ours.
 * It is freed then, and the error queue of the thread emptied: what OpenSSL left there would confuse the next TLS
 * connection of the thread. */
EVP_PKEY *pkey_admit(EVP_PKEY *pkey);
/*! Takes over one reference of pkey, also on failure.  \returns 0; -EINVAL when it is neither RSA nor on a curve of
 * ours */
int pubkey_wrap(const void *ctx, EVP_PKEY *pkey, struct pubkey **key) MUST_CHECK;
/*! \returns 0; -EINVAL when the key is no EC key or on no curve of ours */
int pkey_curve(EVP_PKEY *pkey, enum ec_curve *curve) MUST_CHECK;
/*! Public point of an EC key.  \returns as pubkey_point() */
int pkey_point(const void *ctx, EVP_PKEY *pkey, struct bytes *point) MUST_CHECK;
const EVP_MD *digest_md(enum digest digest);
