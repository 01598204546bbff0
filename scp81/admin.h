/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Names and values of the HTTP headers of remote administration (GlobalPlatform Amendment B). */

#define ADMIN_PROTOCOL "globalplatform-remote-admin/1.0"
#define ADMIN_TYPE_CMD "application/vnd.globalplatform.card-content-mgt;version=1.0"
#define ADMIN_TYPE_RSP "application/vnd.globalplatform.card-content-mgt-response;version=1.0"

#define ADMIN_EID_LEN 16
#define ADMIN_AID_MIN 5
#define ADMIN_AID_MAX 16

/*! X-Admin-Script-Status. */
enum admin_status {
	ADMIN_STATUS_NONE, /* header absent */
	ADMIN_STATUS_OK,   /* script executed; what became of it stands in the R-APDUs */
	ADMIN_STATUS_UNKNOWN_APPLICATION,
	ADMIN_STATUS_NOT_A_SECURITY_DOMAIN,
	ADMIN_STATUS_SECURITY_ERROR,
	ADMIN_STATUS_TEMPORARILY_UNAVAILABLE,
	ADMIN_STATUS_SCRIPT_FORMAT_ERROR,
	ADMIN_STATUS_UNAVAILABLE_SE,
	ADMIN_STATUS_OTHER, /* a word of its own */
};

/*! Word of the header.  NULL for NONE and OTHER. */
const char *admin_status_text(enum admin_status status);
/*! Case does not count; NULL is NONE. */
enum admin_status admin_status_of(const char *text);

/*! Value of X-Admin-From: //se-id/eid/<32 digits>;//aa-id/aid/<RID>/<PIX>.
 * \param[in] aid  empty: without the part of the agent
 * \returns talloc child of ctx; NULL for an AID length that none has */
char *admin_from_enc(const void *ctx, const uint8_t eid[ADMIN_EID_LEN], struct bytes aid);
/*! Only the EID is read; parts in any order, case does not count.
 * \param[out] eid  untouched on error
 * \returns 0; -EINVAL */
int admin_from_dec(const char *from, uint8_t eid[ADMIN_EID_LEN]) MUST_CHECK;

/*! Value of X-Admin-Targeted-Application: //aid/<RID>/<PIX>.
 * \returns talloc child of ctx; NULL for an AID length that none has */
char *admin_target_enc(const void *ctx, struct bytes aid);
/*! \param[out] aid, len  untouched on error
 * \returns 0; -EINVAL */
int admin_target_dec(const char *target, uint8_t aid[ADMIN_AID_MAX], size_t *len) MUST_CHECK;

/*! Whether two media types are the same up to case, blanks and parameters. */
bool admin_type_is(const char *content_type, const char *wanted);
