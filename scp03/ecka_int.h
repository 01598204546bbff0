/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp03/ecka.h"

/* Shared by the two sides, for the files of scp03 only. */

#define ECKA_TAG_CRT 0xa6
#define ECKA_TAG_RANDOM 0x85 /* RC in the answer to b, DR in the answer to c */
#define ECKA_TAG_RECEIPT 0x86
#define ECKA_DGI_CERT 0x3a01
#define ECKA_DGI_AGREEMENT 0x3a02
#define ECKA_DGI_POINT 0x7f49
#define ECKA_DGI_SIGNATURE 0x5f37
#define ECKA_DGI_RC 0x0085 /* signed, never sent */
#define ECKA_RANDOM_MAX 64

/*! Key of the receipt and the key set.  \param[out] keys  talloc children of ctx, as the receipt's key
 * \returns 0; -EINVAL; -EIO */
int ecka_derive(const void *ctx, const struct privkey *own, const struct pubkey *peer, const struct ecka_params *p,
		struct bytes dr, struct key **receipt_key, struct ecka_keys *keys) MUST_CHECK;
void ecka_keys_free(struct ecka_keys *keys);
/*! \param[in] crt  the whole A6 TLV */
int ecka_receipt_calc(struct crypto *c, const struct key *key, struct bytes crt, const struct ecka_params *p,
		      struct bytes dr, enum ecka_receipt form, uint8_t receipt[ECKA_RECEIPT_LEN]) MUST_CHECK;
/*! Digest of signatures under a key on this curve. */
enum digest ecka_digest(enum ec_curve curve);
