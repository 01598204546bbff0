/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <openssl/evp.h>

#include "common/crypto/crypto.h"

/* Inside of the handles: for the files of common/crypto only. */

enum crypto_cipher {
	CIPHER_AES128,
	CIPHER_AES192,
	CIPHER_AES256,
	CIPHER_DES3,
	CIPHER_N,
	CIPHER_NONE = CIPHER_N,
};

/*! One context for each cipher and direction, re-keyed for each use: with a new key that costs a third of what a new
 * context costs, and no reference count that threads would share. */
struct crypto {
	EVP_CIPHER_CTX *enc[CIPHER_N];
	EVP_CIPHER_CTX *dec[CIPHER_N];
	EVP_CIPHER_CTX *gcm; /* AES-256-GCM, both directions, for the keystore */
};

#define KEY_MAX_LEN 64
#define KEY_MAX_BLOCK 16

struct key {
	enum key_alg alg;
	enum crypto_cipher cipher;
	size_t len;
	/* A DES key is stored as the 24 octets that DES-EDE3 takes; len says how many were imported. */
	uint8_t value[KEY_MAX_LEN];
};
