/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/crypto.h"

/* An AES key in a cipher context of its own, keyed once: for a session that protects thousands of messages under the
 * same two keys, where re-keying would cost as much as a tenth of the ciphering.  One thread at a time. */
struct cipher_stream;

/*! \param[out] s  talloc child of ctx; holds its own copy of the key.  \returns 0; -EINVAL no AES key; -EIO */
int cipher_stream_alloc(const void *ctx, const struct key *key, struct cipher_stream **s) MUST_CHECK;

/*! CBC with the IV E(first block): the form of SCP03 (GP Amd D).
 * \param[in,out] buf  in: the block that gives the IV, then the padded message; out: the IV, then the ciphertext
 * \param[in]     len  multiple of 16, at least 32
 * \returns 0; -EINVAL; -EIO */
int cipher_stream_cbc(struct cipher_stream *s, uint8_t *buf, size_t len) MUST_CHECK;

/*! CMAC (SP 800-38B) in one pass of bulk CBC.
 * \param[in,out] buf  message of len octets, at least 17, with room for 16 more behind it; its first block and the room
 *                     behind it hold no defined value afterwards
 * \param[out]    mac  may lie in the room behind the message
 * \returns 0; -EINVAL; -EIO */
int cipher_stream_cmac(struct cipher_stream *s, uint8_t *buf, size_t len, uint8_t mac[16]) MUST_CHECK;
