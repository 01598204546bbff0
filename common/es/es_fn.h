/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/codec/bytes.h"

/* The functions of ES1 to ES7 as one table: name, pattern, service, Action and the types of their messages.  A new
 * function is a row here, a field table for its types and the elements in schemas/esim-messaging-3.xsd. */

enum es_itf {
	ES_ITF_ES1,
	ES_ITF_ES2,
	ES_ITF_ES3,
	ES_ITF_ES4,
	ES_ITF_ES7,
	ES_ITF_WSMC
};

/*! Exchange pattern.  SGP.02 Annex B. */
enum es_mep {
	ES_SYNC,	 /* answer in the HTTP response */
	ES_ASYNC,	 /* 202, answer posted to ReplyTo later */
	ES_NOTIFICATION, /* one way, 202 */
};

/*! What an envelope carries. */
enum es_dir {
	ES_DIR_REQUEST,
	ES_DIR_RESPONSE,
	ES_DIR_NOTIFICATION,
	ES_DIR_FAULT,
};

/* Rows of a database hold these numbers: new functions go to the end, none is ever renumbered. */
enum es_fn {
	ES_FN_NONE, /* a fault that belongs to no function */
	ES1_REGISTER_EIS,
	ES1_UPDATE_EIS_ADDITIONAL_PROPERTIES,
	ES2_GET_EIS,
	ES2_DOWNLOAD_PROFILE,
	ES2_UPDATE_POLICY_RULES,
	ES2_UPDATE_SUBSCRIPTION_ADDRESS,
	ES2_ENABLE_PROFILE,
	ES2_DISABLE_PROFILE,
	ES2_DELETE_PROFILE,
	ES2_AUDIT_EIS,
	ES2_SET_FALLBACK_ATTRIBUTE,
	ES2_SET_EMERGENCY_PROFILE_ATTRIBUTE,
	ES2_HANDLE_PROFILE_DISABLED,
	ES2_HANDLE_PROFILE_ENABLED,
	ES2_HANDLE_PROFILE_DELETED,
	ES2_HANDLE_PROFILE_DOWNLOADED,
	ES2_HANDLE_PROFILE_POL2_UPDATED,
	ES2_HANDLE_SMSR_CHANGE,
	ES2_HANDLE_FALLBACK_ATTRIBUTE_SET,
	ES2_HANDLE_FALLBACK_ATTRIBUTE_UNSET,
	ES2_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_SET,
	ES2_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_UNSET,
	ES3_GET_EIS,
	ES3_AUDIT_EIS,
	ES3_CREATE_ISDP,
	ES3_SEND_DATA,
	ES3_PROFILE_DOWNLOAD_COMPLETED,
	ES3_UPDATE_POLICY_RULES,
	ES3_UPDATE_SUBSCRIPTION_ADDRESS,
	ES3_ENABLE_PROFILE,
	ES3_DISABLE_PROFILE,
	ES3_DELETE_ISDP,
	ES3_UPDATE_CONNECTIVITY_PARAMETERS,
	ES3_SET_FALLBACK_ATTRIBUTE,
	ES3_SET_EMERGENCY_PROFILE_ATTRIBUTE,
	ES3_HANDLE_PROFILE_DISABLED,
	ES3_HANDLE_PROFILE_ENABLED,
	ES3_HANDLE_PROFILE_DELETED,
	ES3_HANDLE_PROFILE_DOWNLOADED,
	ES3_HANDLE_PROFILE_POL2_UPDATED,
	ES3_HANDLE_SMSR_CHANGE,
	ES3_HANDLE_FALLBACK_ATTRIBUTE_SET,
	ES3_HANDLE_FALLBACK_ATTRIBUTE_UNSET,
	ES3_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_SET,
	ES3_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_UNSET,
	ES4_GET_EIS,
	ES4_UPDATE_POLICY_RULES,
	ES4_UPDATE_SUBSCRIPTION_ADDRESS,
	ES4_AUDIT_EIS,
	ES4_ENABLE_PROFILE,
	ES4_DISABLE_PROFILE,
	ES4_DELETE_PROFILE,
	ES4_PREPARE_SMSR_CHANGE,
	ES4_SMSR_CHANGE,
	ES4_SET_FALLBACK_ATTRIBUTE,
	ES4_SET_EMERGENCY_PROFILE_ATTRIBUTE,
	ES4_HANDLE_PROFILE_DISABLED,
	ES4_HANDLE_PROFILE_ENABLED,
	ES4_HANDLE_PROFILE_DELETED,
	ES4_HANDLE_PROFILE_DOWNLOADED,
	ES4_HANDLE_PROFILE_POL2_UPDATED,
	ES4_HANDLE_SMSR_CHANGE,
	ES4_HANDLE_FALLBACK_ATTRIBUTE_SET,
	ES4_HANDLE_FALLBACK_ATTRIBUTE_UNSET,
	ES4_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_SET,
	ES4_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_UNSET,
	ES7_HANDOVER_EUICC,
	ES7_AUTHENTICATE_SMSR,
	ES7_CREATE_ADDITIONAL_KEY_SET,
	WSMC_MAKE_CONNECTION,
	ES_FN_COUNT
};

/*! Field table of one message or data type (common/es/es_codec.h). */
struct es_type;

struct es_fn_info {
	const char *name; /* "ES4-EnableProfile", "ES4-HandleProfileEnabledNotification" */
	enum es_itf itf;
	enum es_mep mep;
	bool changes;	      /* changes state: stored for repeats, given a body digest; reads simply run again */
	const char *group;    /* of the Action: "ProfileManagement" or "eUICCManagement" */
	const char *service;  /* last part of the URL where requests, or the notification, go: "ES4SmSrService" */
	const char *callback; /* the same for the callback of an asynchronous function: "ES4MnoService"; else NULL */
	const struct es_type *req; /* of the request, or of the notification */
	const struct es_type *rsp; /* NULL for a notification */
};

/*! Never NULL; fn must be a member of the enum other than ES_FN_NONE and ES_FN_COUNT (asserted). */
const struct es_fn_info *es_fn_info(enum es_fn fn);

/*! "ES4-EnableProfile"; "none" for ES_FN_NONE. */
const char *es_fn_name(enum es_fn fn);

/*! Function of a body element.
 * \param[in]  local  local name of the element, e.g. "ES4-EnableProfileResponse"
 * \returns 0; -ENOENT */
int es_fn_by_element(const char *local, enum es_fn *fn, enum es_dir *dir) MUST_CHECK;

/*! Local name of the body element.  \returns talloc child of ctx */
char *es_fn_element(const void *ctx, enum es_fn fn, enum es_dir dir);

/*! Action URI.  The group of a callback or notification gets "CallBack" appended.
 * \param[in] group  NULL, or a group that one peer wants in place of the table's
 * \returns talloc child of ctx */
char *es_fn_action(const void *ctx, enum es_fn fn, enum es_dir dir, const char *group);

/*! Cross-check of a received Action: it ends in the function's name, without regard to case, group or a suffix
 * "Request" or "Response". */
bool es_fn_action_ok(enum es_fn fn, const char *action);
