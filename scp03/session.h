/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/stream.h"
#include "scp03/scp03.h"
#include "scp03/scp03t.h"

/* Inside of a session, for the files of scp03 only. */

#define BLOCK 16
#define KEY_LEN 16

/* Derivation constants of GP Amd D. */
enum derivation {
	DERIVE_CARD_CRYPTOGRAM = 0x00,
	DERIVE_HOST_CRYPTOGRAM = 0x01,
	DERIVE_CARD_CHALLENGE = 0x02,
	DERIVE_S_ENC = 0x04,
	DERIVE_S_MAC = 0x06,
	DERIVE_S_RMAC = 0x07,
};

enum session_state {
	SESSION_FRESH, /* keys are there; EXTERNAL AUTHENTICATE not yet */
	SESSION_OPEN,
	SESSION_ENDED,
};

/*! A command that was sealed and waits for its answer.  Later commands may be sealed meanwhile. */
struct scp03_wait {
	uint8_t tag; /* 85 .. 87; 0 = a C-APDU */
	uint32_t counter;
	uint8_t chain[BLOCK];
};

struct scp03 {
	struct crypto *c;
	struct key *s_enc;
	struct key *s_mac;
	struct key *s_rmac;
	uint8_t card_challenge[SCP03_CHALLENGE_LEN];
	uint8_t card_cryptogram[SCP03_CRYPTOGRAM_LEN];
	uint8_t host_cryptogram[SCP03_CRYPTOGRAM_LEN];
	enum session_state state;
	bool peer_proven; /* the answer to INITIALIZE UPDATE was checked */
	uint32_t counter; /* of the last command */
	uint8_t chain[BLOCK];

	struct scp03_wait *wait; /* ring */
	size_t wait_cap, wait_first, wait_n;

	/* For sealing many 86 (scp03t.c); made with the first. */
	struct cipher_stream *enc_stream;
	struct cipher_stream *mac_stream;
	uint8_t *work;
	size_t work_len;
};

/*! Note that a command with this tag waits for its answer. */
void session_wait(struct scp03 *s, uint8_t tag);
/*! Oldest command that waits.  \returns 0; -EPROTO none */
int session_wait_take(struct scp03 *s, struct scp03_wait *w) MUST_CHECK;
bool session_waits_for(const struct scp03 *s, uint8_t tag);

/*! End the session when rc is an error.  \returns rc */
int session_end_on(struct scp03 *s, int rc);
/*! \returns 0; -EPROTO unless in this state */
int session_demand(const struct scp03 *s, enum session_state state) MUST_CHECK;

/*! CMAC over chaining value and two more parts.  \param[out] mac  the whole block */
int session_mac(struct scp03 *s, const struct key *key, const uint8_t chain[BLOCK], struct bytes a, struct bytes b,
		uint8_t mac[BLOCK]) MUST_CHECK;
/*! MAC of EXTERNAL AUTHENTICATE in either framing; head without the MAC.  On success the chaining value is set. */
int session_auth_mac(struct scp03 *s, struct bytes head, uint8_t mac[SCP03_MAC_LEN]) MUST_CHECK;
/*! The card's half: cryptogram and MAC as received.  \returns as scp03_card_auth() */
int session_auth_check(struct scp03 *s, struct bytes head, struct bytes cryptogram, struct bytes mac) MUST_CHECK;

/*! The block whose encryption is the IV of a command or (answer) of its response. */
void session_counter_block(uint32_t counter, bool answer, uint8_t block[BLOCK]);
static inline size_t session_padded_len(size_t len)
{
	return len - len % BLOCK + BLOCK;
}
/*! Pad and encrypt.  \param[out] out  session_padded_len(plain.len) octets */
int session_encrypt(struct scp03 *s, uint32_t counter, bool answer, struct bytes plain, uint8_t *out) MUST_CHECK;
/*! Decrypt and take the padding off; what was appended is gone on error.
 * \returns 0; -EINVAL no whole number of blocks; -EBADMSG wrong padding; -EIO */
int session_decrypt(struct scp03 *s, uint32_t counter, bool answer, struct bytes in, struct wr *plain) MUST_CHECK;

/*! Plaintext of 87.  Fails the writer on a wrong length. */
void session_new_keys_enc(const struct scp03t_new_keys *keys, struct wr *w);
/*! Go on with other session keys. */
int session_new_keys_set(struct scp03 *s, const struct scp03t_new_keys *keys) MUST_CHECK;
