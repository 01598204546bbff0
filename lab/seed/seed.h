/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Cards from a seed: the same text gives the same cards in every program of the lab, so that the simulator needs no key
 * file and a fleet of a million costs nothing to store.  Values of the lab only: whoever knows the seed knows all keys.
 */

/* Object identifiers of the lab's entities, below the enterprise number for examples (RFC 5612). */
#define SEED_OID_EUM "1.3.6.1.4.1.32473.10"
#define SEED_OID_SMDP "1.3.6.1.4.1.32473.20"
#define SEED_OID_SMSR "1.3.6.1.4.1.32473.30"
#define SEED_OID_MNO_BOOTSTRAP "1.3.6.1.4.1.32473.41"
#define SEED_OID_MNO_OPERATIONAL "1.3.6.1.4.1.32473.42"

#define SEED_SCP80_KVN 1
#define SEED_SCP81_KVN 0x40
/*! Highest SCP80 counter that a new card has seen; the EIS names the next one. */
#define SEED_SCP80_COUNTER 0
#define SEED_AID_LEN 16
#define SEED_CARDS_MAX 10000000

enum seed_profile_id {
	SEED_BOOTSTRAP,	  /* Enabled, with the fall-back attribute */
	SEED_OPERATIONAL, /* Disabled */
	SEED_N_PROFILES,
};

struct seed_profile {
	uint8_t aid[SEED_AID_LEN]; /* of its ISD-P */
	char iccid[20];		   /* 19 digits, the last by Luhn */
	char imsi[16];
	char msisdn[16]; /* digits, international, without + */
	const char *mno_oid;
	const char *type; /* ProfileType of the EIS */
	bool enabled;
	bool fallback;
	uint8_t ki[16];
	uint8_t opc[16];
};

struct seed_card {
	uint32_t index;
	char eid[33];	     /* 32 decimal digits, modulo 97 = 1 */
	uint8_t eid_bcd[16]; /* the same as on the card */
	uint8_t imei[8];     /* mobile identity of TS 24.008 §10.5.1.4, 15 digits, the last by Luhn */
	/* SCP80 key set, AES-128 (key version SEED_SCP80_KVN, identifiers 1, 2, 3) */
	uint8_t kic[16];
	uint8_t kid[16];
	uint8_t kik[16];
	/* SCP81 key set (key version SEED_SCP81_KVN): PSK is identifier 1, the key that ciphers keys identifier 2 */
	uint8_t psk[16];
	uint8_t psk_dek[16];
	uint8_t ecasd_key[32]; /* private P-256 scalar of CERT.ECASD.ECKA, 1 .. n-1 */
	struct seed_profile profiles[SEED_N_PROFILES];
};

/*! Derivation contexts of one thread. */
struct seed;

/*! \param[in] text  any text that is not empty.  \returns talloc child of ctx; NULL when OpenSSL fails or text is empty
 */
struct seed *seed_alloc(const void *ctx, const char *text);

/*! Card number index, from 0.  \param[out] card  holds secrets; the caller wipes it if it cares.
 * \returns 0; -EINVAL when index is not below SEED_CARDS_MAX; -EIO when OpenSSL fails */
int seed_card(struct seed *seed, uint32_t index, struct seed_card *card) MUST_CHECK;

/*! Any other secret that belongs to a name: HKDF-SHA-256 (RFC 5869) with info = label, 00, name.
 * \param[in] len  at most 32.  \returns 0; -EINVAL; -EIO */
int seed_derive(struct seed *seed, const char *label, const char *name, uint8_t *out, size_t len) MUST_CHECK;

/*! Append the Luhn digit to a text of digits.  \param[in,out] digits  storage for one more character and the NUL */
void seed_luhn_append(char *digits);
