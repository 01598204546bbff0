/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp03/scp03.h"

/* SCP03t (SGP.02): the session of SCP03 with TLVs in place of APDUs, for profile packages.
 *
 *   84 INITIALIZE UPDATE   85 EXTERNAL AUTHENTICATE   86 one segment of the package   87 new session keys
 *   answers: the same tags, or 9F44 .. 9F47 with 01 and a reason
 *
 * The TLVs stand directly in a command script.  The package is one stream of octets, cut anywhere. */

/*! Plain octets of one 86 so that the whole TLV stays within 1024 octets. */
#define SCP03T_SEGMENT_MAX 1007
/*! What the length fields of this implementation allow at most: for cards known to take more. */
#define SCP03T_SEGMENT_LIMIT 65519

/* ---- off-card: sealing ---- */

/*! 84 */
void scp03t_put_init(uint8_t kvn, const uint8_t host_challenge[SCP03_CHALLENGE_LEN], struct wr *w);
/*! 85; once, and before anything else.  \returns 0; -EPROTO; -EIO */
int scp03t_put_auth(struct scp03 *s, struct wr *w) MUST_CHECK;
/*! 86 of one segment.  \returns 0; -EINVAL above SCP03T_SEGMENT_LIMIT; -EPROTO; -EIO */
int scp03t_seal(struct scp03 *s, struct bytes segment, struct wr *w) MUST_CHECK;

/*! Session keys of 87 (protected profile packages of SGP.02; no card at hand shows its use).  Values made for this
 * purpose, 16 octets each; the caller wipes its own. */
struct scp03t_new_keys {
	struct bytes chain; /* MAC chaining value before the first 86 */
	struct bytes enc;
	struct bytes mac;
	struct bytes rmac; /* empty: stays */
};
/*! 87, and the session goes on with the new keys.
 * \returns 0; -EINVAL; -EPROTO no session, or an 86 waits for its answer, which the old keys protect; -EIO */
int scp03t_seal_keys(struct scp03 *s, const struct scp03t_new_keys *keys, struct wr *w) MUST_CHECK;

/* ---- off-card: answers ---- */

enum scp03t_error {
	SCP03T_OK = 0,
	SCP03T_BAD_STRUCTURE = 1, /* length or structure */
	SCP03T_BAD_SECURITY = 2,
	SCP03T_NOT_FOUND = 3, /* referenced data, that is the key set */
};
/*! Text for logs; also of reasons that have no name. */
const char *scp03t_error_name(uint8_t error);

struct scp03t_answer {
	uint8_t tag;   /* of the command: 84 .. 87 */
	uint8_t error; /* enum scp03t_error, or what the card says instead */
	struct bytes value;
};

/*! Next answer of a response script's body (outer template not included).
 * \param[out] a  view into the body; untouched at the end and on error
 * \returns true; false at the end, or when the reader failed: ask rd_end() */
bool scp03t_answer_next(struct rd *r, struct scp03t_answer *a);

/*! Take the next answer of the session: one for each TLV that was put, in order.
 * \param[out] plain  decrypted data of an 86 is appended (EUICCResponse)
 * \returns 0; -ECONNABORTED the card refuses: a->error; -ESTALE see scp03_rx_init(); -EBADMSG; -EINVAL malformed;
 *          -EPROTO no answer of this kind is due; -EIO.  Every error ends the session */
int scp03t_rx(struct scp03 *s, const struct scp03t_answer *a, struct wr *plain) MUST_CHECK;

/* ---- EUICCResponse ---- */

/*! Status of a profile element (eUICC Profile Package).  Status words of ISO 7816 come as they are, 6xxx and 9xxx. */
enum pe_status {
	PE_OK = 0,
	PE_NOT_SUPPORTED = 1,
	PE_MEMORY_FAILURE = 2,
	PE_BAD_VALUES = 3,
	PE_NOT_ENOUGH_MEMORY = 4,
	PE_INVALID_REQUEST_FORMAT = 5,
	PE_INVALID_PARAMETER = 6,
	PE_RUNTIME_NOT_SUPPORTED = 7,
	PE_LIB_NOT_SUPPORTED = 8,
	PE_TEMPLATE_NOT_SUPPORTED = 9,
	PE_FEATURE_NOT_SUPPORTED = 10,
	PE_PIN_CODE_MISSING = 11,
	PE_UNSUPPORTED_PROFILE_VERSION = 31,
};
/*! Text for logs and messages; "status" for a value without a name. */
const char *pe_status_name(int32_t status);

struct pe_result {
	int32_t status;		/* enum pe_status */
	int32_t identification; /* of the profile element; -1 = not given */
	int32_t info;		/* -1 = not given */
	int32_t offset;		/* -1 = not given */
};

#define EUICC_RESPONSE_RESULTS_MAX 16

struct euicc_response {
	size_t n; /* results that fit; the total is n_all */
	size_t n_all;
	struct pe_result results[EUICC_RESPONSE_RESULTS_MAX];
	struct pe_result failure; /* set by euicc_response_dec(): the first of all that is not PE_OK */
	bool failed;
	bool aborted; /* profileInstallationAborted: everything was rolled back */
	struct bytes message;
};

/*! \param[out] rsp  untouched on error; message is a view.  \returns 0; -EINVAL */
int euicc_response_dec(struct bytes b, struct euicc_response *rsp) MUST_CHECK;
/*! \returns 0; -EINVAL n above EUICC_RESPONSE_RESULTS_MAX, message above 127 octets */
int euicc_response_enc(const struct euicc_response *rsp, struct wr *w) MUST_CHECK;
/*! Installed: not aborted.  Failed elements that are not mandated are warnings. */
static inline bool euicc_response_ok(const struct euicc_response *rsp)
{
	return !rsp->aborted;
}
/*! First result of a response read that is not PE_OK, also behind those that fit; NULL when there is none. */
const struct pe_result *euicc_response_failure(const struct euicc_response *rsp);

/* ---- card ---- */

/*! Value of an 84.  \param[out] host_challenge  view.  \returns 0; -EINVAL */
int scp03t_card_init_dec(struct bytes value, uint8_t *kvn, struct bytes *host_challenge) MUST_CHECK;
/*! Value of an 85.  \returns as scp03_card_auth() */
int scp03t_card_auth(struct scp03 *s, struct bytes value) MUST_CHECK;
/*! Value of an 86.  \param[out] plain  the segment is appended.  \returns 0; -EINVAL; -EBADMSG; -EPROTO; -EIO */
int scp03t_card_open(struct scp03 *s, struct bytes value, struct wr *plain) MUST_CHECK;
/*! Value of an 87: the session goes on with the keys in it.  \returns as scp03t_card_open() */
int scp03t_card_keys(struct scp03 *s, struct bytes value) MUST_CHECK;
/*! Answer to the 86 or 87 opened last: TLV with the data protected; without data the empty TLV.
 * \returns 0; -EINVAL; -EPROTO; -EIO */
int scp03t_card_answer(struct scp03 *s, struct bytes plain, struct wr *w) MUST_CHECK;
/*! Error answer 9F44 .. 9F47.  \param[in] tag  of the command: 84 .. 87 */
void scp03t_card_error(uint8_t tag, enum scp03t_error error, struct wr *w);
