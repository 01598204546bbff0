/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/crypto/crypto.h"

/* Secure Channel Protocol 03 (GP Amd D) as SGP.02 uses it: i = 70, that is pseudo-random card challenge, R-MAC and
 * R-ENC; security level 33; AES-128 keys.  Both sides; no input or output, no state that outlives a session.
 *
 * The card's challenge follows from its sequence counter, so that the off-card side may build a whole session before it
 * has an answer:
 *
 *   scp03_predict()       card challenge of the session with this counter (last counter + 1)
 *   scp03_open()          session
 *   scp03_put_*()         INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, then
 *   scp03_wrap()          each command; afterwards scp03_rx_init() and scp03_unwrap() take the answers in order
 *
 * Any error of a function that takes an answer or, on the card, a command ends the session: every later call gives
 * -EPROTO.  The framing of SCP03t is in scp03t.h and works on the same session; a session speaks one of the two. */

#define SCP03_CHALLENGE_LEN 8
#define SCP03_CRYPTOGRAM_LEN 8
#define SCP03_MAC_LEN 8
#define SCP03_LEVEL 0x33
/*! Octets of the answer to INITIALIZE UPDATE, without the status word. */
#define SCP03_INIT_RSP_LEN 32
#define SCP03_COUNTER_MAX 0xffffff
/*! The longest plain data field that scp03_wrap() takes. */
#define SCP03_DATA_MAX 239

/*! Static key set of a security domain.  The handles are borrowed. */
struct scp03_keys {
	uint8_t kvn; /* 30 .. 3F */
	const struct key *enc;
	const struct key *mac;
	const struct key *dek;
};

struct scp03;

/*! Card challenge of a session.
 * \param[in] aid      of the security domain, 5 .. 16 octets
 * \param[in] counter  that the card will name in its answer
 * \returns 0; -EINVAL; -EIO */
int scp03_predict(struct crypto *c, const struct scp03_keys *keys, struct bytes aid, uint32_t counter,
		  uint8_t challenge[SCP03_CHALLENGE_LEN]) MUST_CHECK;

/*! Session keys and cryptograms.
 * \param[in]  c  borrowed; must outlive the session
 * \param[out] s  talloc child of ctx.  \returns 0; -EINVAL; -EIO */
int scp03_open(struct crypto *c, const void *ctx, const struct scp03_keys *keys,
	       const uint8_t host_challenge[SCP03_CHALLENGE_LEN], const uint8_t card_challenge[SCP03_CHALLENGE_LEN],
	       struct scp03 **s) MUST_CHECK;

/*! Answer to INITIALIZE UPDATE. */
struct scp03_init_rsp {
	struct bytes diversification; /* 10 octets */
	uint8_t kvn;
	struct bytes challenge;
	struct bytes cryptogram;
	uint32_t counter;
};

/*! \param[out] rsp  views into b; untouched on error.  \returns 0; -EINVAL: malformed, or not SCP03 with i = 70 */
int scp03_init_rsp_dec(struct bytes b, struct scp03_init_rsp *rsp) MUST_CHECK;

/* ---- off-card ---- */

/*! C-APDU INITIALIZE UPDATE. */
void scp03_put_init(uint8_t kvn, const uint8_t host_challenge[SCP03_CHALLENGE_LEN], struct wr *w);
/*! C-APDU EXTERNAL AUTHENTICATE; once, and before anything else.  \returns 0; -EPROTO; -EIO */
int scp03_put_auth(struct scp03 *s, struct wr *w) MUST_CHECK;
/*! Protect one plain C-APDU of class 80 .. 83; Le is passed on.
 * \returns 0; -EINVAL malformed or longer than SCP03_DATA_MAX; -EPROTO no session; -EIO */
int scp03_wrap(struct scp03 *s, struct bytes capdu, struct wr *w) MUST_CHECK;

/*! Check the card's answer to INITIALIZE UPDATE against the session.
 * \param[in] rsp  without status word
 * \returns 0; -EINVAL malformed; -ESTALE another challenge than the session's: the counter is not the expected one;
 *          -EBADMSG the cryptogram is wrong; -EPROTO */
int scp03_rx_init(struct scp03 *s, struct bytes rsp) MUST_CHECK;
/*! Open the answer to the oldest command that was wrapped and has none yet.  An error status is not protected and ends
 * the session without an error here.
 * \param[in]  rapdu  with status word
 * \param[out] data   decrypted data is appended
 * \param[out] sw     untouched on error
 * \returns 0; -EINVAL malformed; -EBADMSG; -EPROTO no command waits; -EIO */
int scp03_unwrap(struct scp03 *s, struct bytes rapdu, struct wr *data, uint16_t *sw) MUST_CHECK;

/*! C-APDU PUT KEY for one AES key, not yet wrapped: 80 D8 00 01 | KVN 88 .. | check value.
 * \param[in] dek  static DEK of the key set that opened the session
 * \returns 0; -EINVAL; -EIO */
int scp03_put_key_enc(struct crypto *c, const struct key *dek, uint8_t kvn, uint8_t kid, const struct key *key,
		      struct wr *w) MUST_CHECK;
/*! Check the data of the answer: key version and check value.  \returns 0; -EBADMSG another value; -EINVAL */
int scp03_put_key_rsp_check(struct crypto *c, struct bytes data, uint8_t kvn, const struct key *key) MUST_CHECK;

/* ---- card ---- */

/*! INITIALIZE UPDATE: begin a session.
 * \param[in]  counter         already raised for this session
 * \param[in]  host_challenge  8 octets, as received
 * \param[out] s    talloc child of ctx
 * \param[out] rsp  the answer, without status word
 * \returns 0; -EINVAL; -EIO */
int scp03_card_init(struct crypto *c, const void *ctx, const struct scp03_keys *keys, struct bytes aid,
		    uint32_t counter, struct bytes host_challenge, struct scp03 **s,
		    uint8_t rsp[SCP03_INIT_RSP_LEN]) MUST_CHECK;
/*! EXTERNAL AUTHENTICATE, the whole C-APDU.
 * \returns 0; -EINVAL malformed or another security level; -EACCES wrong cryptogram; -EBADMSG wrong MAC; -EPROTO */
int scp03_card_auth(struct scp03 *s, struct bytes capdu) MUST_CHECK;
/*! Open one protected C-APDU.
 * \param[out] plain  class without the secure messaging bits, plain data, Le as it was
 * \returns 0; -EINVAL malformed; -EBADMSG; -EPROTO not authenticated; -EIO */
int scp03_card_open(struct scp03 *s, struct bytes capdu, struct wr *plain) MUST_CHECK;
/*! Protect the answer to the command opened last: R-APDU with R-MAC for 9000, 62xx, 63xx, else the bare status word.
 * \returns 0; -EPROTO; -EIO */
int scp03_card_answer(struct scp03 *s, struct bytes data, uint16_t sw, struct wr *w) MUST_CHECK;
/*! Data field of a PUT KEY with one AES key.
 * \param[out] kvn  of the new key.  \param[out] key  talloc child of ctx
 * \returns 0; -EINVAL malformed; -ENOTSUP another key type; -EBADMSG the check value is wrong */
int scp03_card_put_key(struct crypto *c, const void *ctx, const struct key *dek, struct bytes data, uint8_t *kvn,
		       struct key **key) MUST_CHECK;

/*! Is the session authenticated and not ended by an error? */
bool scp03_alive(const struct scp03 *s);
