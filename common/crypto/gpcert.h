/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/ec.h"

/* Certificates in the form of GlobalPlatform: CERT.ECASD.ECKA, CERT.DP.ECDSA, CERT.SR.ECDSA.  They are read and
 * checked, never rebuilt: whoever passes one on passes on the octets that came. */

enum gpcert_usage {
	GPCERT_USAGE_OTHER,
	GPCERT_USAGE_VERIFY,	    /* signatures of an SM-DP or SM-SR */
	GPCERT_USAGE_KEY_AGREEMENT, /* ECASD */
};

/*! A certificate as views into the octets that were parsed. */
struct gpcert {
	struct bytes tbs; /* what the signature covers */
	struct bytes serial;
	struct bytes ca_id;
	struct bytes subject;
	enum gpcert_usage usage;
	uint32_t effective;	   /* YYYYMMDD in decimal; 0 = not given */
	uint32_t expires;	   /* YYYYMMDD in decimal; valid through that day */
	struct bytes image_number; /* SDIN; empty = not given */
	int role;		   /* 1 SM-DP, 2 SM-SR; -1 = not given */
	struct bytes aki;	   /* subject key identifier of the issuer; empty = not given */
	enum ec_curve curve;
	struct bytes point;	/* 04 | X | Y; on the curve or not is told by pubkey_ec_import() */
	struct bytes signature; /* r | s */
};

/*! Parse the whole 7F21 TLV.
 * \param[out] cert  views into tlv; untouched on error
 * \returns 0; -EINVAL when it is malformed, a field is missing, twice, out of order or out of its size */
int gpcert_parse(struct bytes tlv, struct gpcert *cert) MUST_CHECK;

/*! Check the signature.  \returns as pubkey_verify() */
int gpcert_verify(const struct gpcert *cert, const struct pubkey *issuer) MUST_CHECK;

enum gpcert_verdict {
	GPCERT_OK,
	GPCERT_BAD_SUBJECT,
	GPCERT_BAD_USAGE,
	GPCERT_BAD_ISSUER,
	GPCERT_NOT_YET_VALID,
	GPCERT_EXPIRED,
	GPCERT_BAD_KEY,
};

/*! Text for logs and status messages. */
const char *gpcert_verdict_name(enum gpcert_verdict verdict);

/*! What a certificate must say.  Empty views are not compared. */
struct gpcert_expect {
	struct bytes subject; /* the EID, 16 octets */
	enum gpcert_usage usage;
	struct bytes aki; /* compared when the certificate carries one */
	struct bytes ca_id;
	int64_t at_ms; /* UTC */
};

/*! Check everything but the signature, the public key's point included.  \returns the first thing that is wrong */
enum gpcert_verdict gpcert_check(const struct gpcert *cert, const struct gpcert_expect *expect);
