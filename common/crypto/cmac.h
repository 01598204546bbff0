/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The arithmetic of CMAC (SP 800-38B), for the files of common/crypto only. */

#define CMAC_BLOCK 16

static inline void cmac_xor(uint8_t *to, const uint8_t *with)
{
	for (size_t i = 0; i < CMAC_BLOCK; i++)
		to[i] ^= with[i];
}

/*! Multiplication by x in GF(2^128), SP 800-38B §6.1. */
static inline void cmac_double(uint8_t b[CMAC_BLOCK])
{
	uint8_t carry = 0;

	for (size_t i = CMAC_BLOCK; i-- > 0;) {
		uint8_t out = b[i] >> 7;

		b[i] = (uint8_t)(b[i] << 1 | carry);
		carry = out;
	}
	b[CMAC_BLOCK - 1] ^= carry ? 0x87 : 0;
}

/*! Subkeys K1 and K2 from the encryption of the zero block. */
static inline void cmac_subkeys(const uint8_t l[CMAC_BLOCK], uint8_t k1[CMAC_BLOCK], uint8_t k2[CMAC_BLOCK])
{
	memcpy(k1, l, CMAC_BLOCK);
	cmac_double(k1);
	memcpy(k2, k1, CMAC_BLOCK);
	cmac_double(k2);
}
