/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

#include <osmocom/gsm/gsm23003.h>

/* Mobility management messages of TS 24.008, as far as a phone that only does SMS needs them.  Pure. */

/*! LOCATION UPDATING REQUEST.  The old location area is the "deleted" one of plmn, so that the MSC asks nobody else. */
void mm_lu_request_enc(struct wr *w, const char *imsi, const struct osmo_plmn_id *plmn);
/*! IMSI DETACH INDICATION */
void mm_imsi_detach_enc(struct wr *w, const char *imsi);
/*! CM SERVICE REQUEST for the short message service */
void mm_cm_service_request_enc(struct wr *w, const char *imsi);
/*! IDENTITY RESPONSE with the IMSI */
void mm_identity_response_enc(struct wr *w, const char *imsi);
/*! TMSI REALLOCATION COMPLETE */
void mm_tmsi_realloc_complete_enc(struct wr *w);
/*! PAGING RESPONSE (a radio resource message) */
void rr_paging_response_enc(struct wr *w, const char *imsi);

/*! Messages that a phone acts on; the values are the message types without N(SD). */
enum mm_type {
	MM_LU_ACCEPT = 0x02,
	MM_LU_REJECT = 0x04,
	MM_IDENTITY_REQUEST = 0x18,
	MM_TMSI_REALLOC_COMMAND = 0x1a,
	MM_CM_SERVICE_ACCEPT = 0x21,
	MM_CM_SERVICE_REJECT = 0x22,
};

struct mm_msg {
	uint8_t type;  /* enum mm_type, or any other */
	uint8_t cause; /* of the two rejects, else 0 */
	bool new_tmsi; /* LU ACCEPT gives a TMSI: the network waits for TMSI REALLOCATION COMPLETE */
};

/*! Decode a message of protocol discriminator MM.
 * \param[out] msg  untouched on error
 * \returns 0; -EINVAL when cut or of another protocol */
int mm_dec(struct bytes l3, struct mm_msg *msg) MUST_CHECK;
