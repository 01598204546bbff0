/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* PSK identity that an eUICC shows in the TLS handshake of SCP81 (SGP.02, GlobalPlatform Amendment B):
 *
 *   80 01 02 | 81 10 EID | 4F L AID of the ISD-R | 82 01 KID | 83 01 KVN
 *
 * as upper-case hex text. */

#define PSK_ID_EID_LEN 16
#define PSK_ID_AID_MAX 16
#define PSK_ID_TEXT_MAX 128 /* longer ones are nobody's; without NUL */

enum psk_kid {
	PSK_KID_PSK = 1, /* the pre-shared key of TLS */
	PSK_KID_DEK = 2,
};

/* Key versions of SCP81. */
#define PSK_KVN_MIN 0x40
#define PSK_KVN_MAX 0x4f

struct psk_id {
	uint8_t eid[PSK_ID_EID_LEN];
	uint8_t aid[PSK_ID_AID_MAX];
	uint8_t aid_len;
	uint8_t kid;
	uint8_t kvn;
};

/*! \returns text, talloc child of ctx (90 characters for an AID of 16 octets); NULL for an AID length that none has */
char *psk_id_enc(const void *ctx, const struct psk_id *id);

/*! Read an identity.  Tolerant where cards differ: hex of either case, any order behind 80, unknown objects skipped.
 * Key version and identifier are reported as they come; that they name a key is for the caller to find out.
 * \param[out] id  untouched on error
 * \returns 0; -EINVAL malformed, an object missing or twice; -ENOSPC longer than PSK_ID_TEXT_MAX */
int psk_id_dec(const char *text, struct psk_id *id) MUST_CHECK;
