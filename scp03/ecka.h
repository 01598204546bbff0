/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/crypto/crypto.h"
#include "common/crypto/ec.h"

/* Key establishment by ECKA-EG, scenario 3 (GP Card Specification UICC Configuration, Amd E; SGP.02
 * ES8.EstablishISDPKeySet and ES5.EstablishISDRKeySet).  Certificates are passed on as they came.
 *
 *   off-card                                         card
 *   a  INSTALL [for personalization]  ------------->
 *   b  STORE DATA 3A01 { CERT }       ------------->  85 RC
 *   c  STORE DATA 3A02 { CRT } 7F49 { ePK } 5F37 { signature, RC included } -->  [85 DR] 86 receipt
 *
 * Command TLVs come as a script wants them, 22 L C-APDU, without the outer template: a and b for one script, c for a
 * second one. */

/*! Key parameters of tag 90. */
enum ecka_option {
	ECKA_REPLACE = 0x01, /* delete existing keys; never towards an ISD-R */
	ECKA_DR = 0x02,	     /* the card adds a random of its own */
	ECKA_HOST_ID = 0x04, /* HostID, SIN and SDIN go into the derivation */
	ECKA_CERT = 0x08,    /* the certificate comes before: always, in SGP.02 */
	ECKA_DEFAULT = 0x0b,
};

#define ECKA_USAGE_KEYS 0x10 /* ENC, MAC, DEK */
#define ECKA_USAGE_BASE 0x5c /* one base key for all three */

/*! Input of the receipt behind the CRT when there is a DR [uncertain which]. */
enum ecka_receipt {
	ECKA_RECEIPT_85,     /* 85 L DR */
	ECKA_RECEIPT_0085,   /* 00 85 L DR */
	ECKA_RECEIPT_EITHER, /* off-card only: both readings are taken */
};
#define ECKA_RECEIPT_DEFAULT ECKA_RECEIPT_EITHER

#define ECKA_RECEIPT_LEN 16
#define ECKA_AES_LEN 16

/*! What the CRT (A6) says. */
struct ecka_params {
	uint8_t options; /* enum ecka_option */
	uint8_t usage;	 /* ECKA_USAGE_* */
	uint8_t kvn;
	struct bytes counter; /* initial value of the sequence counter, 0, 2, 3, 5 or 8 octets; empty = zero */
	bool key_access;      /* write tag 96 (00) */
	struct bytes host_id; /* with ECKA_HOST_ID; so the next two */
	struct bytes sin;     /* not sent */
	struct bytes sdin;
};

/*! Key set of an ISD-P: KVN 30, three keys, DR. */
struct ecka_params ecka_params_isdp(void);
/*! CRT as TLV A6.  \returns 0; -EINVAL */
int ecka_crt_enc(const struct ecka_params *p, struct wr *w) MUST_CHECK;
/*! Content of A6.  \param[out] p  views; untouched on error.  \returns 0; -EINVAL */
int ecka_crt_dec(struct bytes value, struct ecka_params *p) MUST_CHECK;

/*! New key set.  With ECKA_USAGE_BASE the three are one handle. */
struct ecka_keys {
	uint8_t kvn;
	struct key *enc;
	struct key *mac;
	struct key *dek;
};

/* ---- off-card ---- */

struct ecka;

/*! What the off-card side brings.  All borrowed for the life of the struct ecka. */
struct ecka_setup {
	struct ecka_params params;	/* views must live as long */
	struct bytes cert;		/* CERT.DP.ECDSA or CERT.SR.ECDSA, the whole 7F21 TLV */
	const struct privkey *sign_key; /* of cert */
	const struct pubkey *ecasd_key; /* of CERT.ECASD.ECKA, with its curve */
	struct privkey *ephemeral;	/* NULL: made here, on the curve of ecasd_key */
	enum ecka_receipt receipt;
};

/*! \param[out] e  talloc child of ctx.  \returns 0; -EINVAL; -EIO */
int ecka_alloc(const void *ctx, const struct ecka_setup *setup, struct ecka **e) MUST_CHECK;
/*! Step a, to an ISD-P only. */
void ecka_put_install(struct bytes isdp_aid, struct wr *cmds);
/*! Step b.  \returns 0; -EINVAL certificate too long */
int ecka_put_cert(struct ecka *e, struct wr *cmds) MUST_CHECK;
/*! Random challenge in the data of the answer to b.  \param[out] rc  view.  \returns 0; -EINVAL */
int ecka_rc_dec(struct bytes data, struct bytes *rc) MUST_CHECK;
/*! Step c.  \returns 0; -EINVAL; -EPROTO before b; -EIO */
int ecka_put_agreement(struct ecka *e, struct bytes rc, struct wr *cmds) MUST_CHECK;
/*! Answer to c: derive the keys and check the receipt.
 * \param[in]  data  of the R-APDU, without status word
 * \param[out] keys  talloc children of ctx; untouched on error
 * \returns 0; -EBADMSG wrong receipt; -EINVAL malformed; -EPROTO before c; -EIO */
int ecka_finish(struct ecka *e, struct crypto *c, const void *ctx, struct bytes data,
		struct ecka_keys *keys) MUST_CHECK;

/* ---- card ---- */

/*! DGIs of step c, taken apart. */
struct ecka_request {
	struct ecka_params params;
	struct bytes crt;	  /* the A6 TLV */
	struct bytes point;	  /* 04 | X | Y, or X | Y */
	struct bytes signed_part; /* 3A02 and 7F49 as they came */
	struct bytes signature;
};
/*! \param[out] req  views; untouched on error.  \returns 0; -EINVAL */
int ecka_request_dec(struct bytes dgis, struct ecka_request *req) MUST_CHECK;

struct ecka_card {
	const struct pubkey *signer; /* of the certificate that step b brought */
	struct bytes rc;
	const struct privkey *ecasd_key;
	enum ec_curve curve; /* of ecasd_key */
	struct bytes dr;     /* used with ECKA_DR */
	struct bytes sin;    /* of the security domain, used with ECKA_HOST_ID */
	enum ecka_receipt receipt;
};
/*! Check the signature, agree, write the answer's data.
 * \param[out] keys  talloc children of ctx; untouched on error
 * \returns 0; -EBADMSG wrong signature; -EINVAL point not on the curve, parameters not supported; -EIO */
int ecka_card_agree(const struct ecka_card *card, struct crypto *c, const void *ctx, const struct ecka_request *req,
		    struct ecka_keys *keys, struct wr *rsp) MUST_CHECK;
