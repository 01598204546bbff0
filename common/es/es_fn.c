/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of functions.  The group in the Action URI is known for few functions; for GetEIS, AuditEIS and Platform
 * Management functions other groups are in use, so a received group is never looked at, and the one we send can be set
 * for each peer (es_fn_action()). */
#include "common/es/es_fn.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/es_tables.h"

#define PROFILE "ProfileManagement"
#define EUICC "eUICCManagement"

#define SYNC(itf_, name_, changes_, group_, service_, req_, rsp_)                                                    \
	{                                                                                                            \
		.itf = ES_ITF_##itf_, .name = #itf_ "-" name_, .mep = ES_SYNC, .changes = changes_, .group = group_, \
		.service = service_, .req = &es_type_##req_, .rsp = &es_type_##rsp_                                  \
	}
#define ASYNC(itf_, name_, group_, service_, callback_, req_, rsp_)                                               \
	{                                                                                                         \
		.itf = ES_ITF_##itf_, .name = #itf_ "-" name_, .mep = ES_ASYNC, .changes = true, .group = group_, \
		.service = service_, .callback = callback_, .req = &es_type_##req_, .rsp = &es_type_##rsp_        \
	}
#define NOTE(itf_, name_, service_, type_)                                                            \
	{                                                                                             \
		.itf = ES_ITF_##itf_, .name = #itf_ "-" name_ "Notification", .mep = ES_NOTIFICATION, \
		.group = PROFILE, .service = service_, .req = &es_type_##type_                        \
	}

#define ES2_SYNC(name, changes, req, rsp) SYNC(ES2, name, changes, PROFILE, "ES2SmDpService", req, rsp)
#define ES2_ASYNC(name, req, rsp) ASYNC(ES2, name, PROFILE, "ES2SmDpService", "ES2MnoService", req, rsp)
#define ES2_NOTE(name, type) NOTE(ES2, name, "ES2MnoService", type)
#define ES3_SYNC(name, changes, req, rsp) SYNC(ES3, name, changes, PROFILE, "ES3SmSrService", req, rsp)
#define ES3_ASYNC(name, req, rsp) ASYNC(ES3, name, PROFILE, "ES3SmSrService", "ES3SmDpService", req, rsp)
#define ES3_NOTE(name, type) NOTE(ES3, name, "ES3SmDpService", type)
#define ES4_SYNC(name, changes, req, rsp) SYNC(ES4, name, changes, PROFILE, "ES4SmSrService", req, rsp)
#define ES4_ASYNC(name, group, req, rsp) ASYNC(ES4, name, group, "ES4SmSrService", "ES4MnoService", req, rsp)
#define ES4_NOTE(name, type) NOTE(ES4, name, "ES4MnoService", type)
#define ES7_ASYNC(name, req, rsp) ASYNC(ES7, name, EUICC, "ES7SmSrService", "ES7SmSrService", req, rsp)

static const struct es_fn_info fns[] = {
	[ES_FN_NONE] = {.name = "none"},
	[ES1_REGISTER_EIS] = SYNC(ES1, "RegisterEIS", true, EUICC, "ES1SmSrService", eis_req, plain_rsp),
	[ES1_UPDATE_EIS_ADDITIONAL_PROPERTIES] =
		SYNC(ES1, "UpdateEISAdditionalProperties", true, EUICC, "ES1SmSrService", properties_req, plain_rsp),

	[ES2_GET_EIS] = ES2_SYNC("GetEIS", false, es2_get_eis_req, eis_rsp),
	[ES2_DOWNLOAD_PROFILE] = ES2_ASYNC("DownloadProfile", download_profile_req, download_profile_rsp),
	[ES2_UPDATE_POLICY_RULES] = ES2_SYNC("UpdatePolicyRules", true, es2_pol2_req, plain_rsp),
	[ES2_UPDATE_SUBSCRIPTION_ADDRESS] = ES2_SYNC("UpdateSubscriptionAddress", true, es2_address_req, plain_rsp),
	[ES2_ENABLE_PROFILE] = ES2_ASYNC("EnableProfile", es2_profile_req, euicc_rsp),
	[ES2_DISABLE_PROFILE] = ES2_ASYNC("DisableProfile", es2_profile_req, euicc_rsp),
	[ES2_DELETE_PROFILE] = ES2_ASYNC("DeleteProfile", es2_profile_req, euicc_rsp),
	[ES2_AUDIT_EIS] = ES2_ASYNC("AuditEIS", es2_audit_eis_req, eis_rsp),
	[ES2_SET_FALLBACK_ATTRIBUTE] = ES2_ASYNC("SetFallBackAttribute", es2_profile_req, euicc_rsp),
	[ES2_SET_EMERGENCY_PROFILE_ATTRIBUTE] = ES2_ASYNC("SetEmergencyProfileAttribute", es2_profile_req, euicc_rsp),
	[ES2_HANDLE_PROFILE_DISABLED] = ES2_NOTE("HandleProfileDisabled", profile_note),
	[ES2_HANDLE_PROFILE_ENABLED] = ES2_NOTE("HandleProfileEnabled", profile_note),
	[ES2_HANDLE_PROFILE_DELETED] = ES2_NOTE("HandleProfileDeleted", profile_note),
	[ES2_HANDLE_PROFILE_DOWNLOADED] = ES2_NOTE("HandleProfileDownloaded", profile_note),
	[ES2_HANDLE_PROFILE_POL2_UPDATED] = ES2_NOTE("HandleProfilePOL2Updated", pol2_note),
	[ES2_HANDLE_SMSR_CHANGE] = ES2_NOTE("HandleSMSRChange", eis_note),
	[ES2_HANDLE_FALLBACK_ATTRIBUTE_SET] = ES2_NOTE("HandleFallBackAttributeSet", profile_note),
	[ES2_HANDLE_FALLBACK_ATTRIBUTE_UNSET] = ES2_NOTE("HandleFallBackAttributeUnset", profile_note),
	[ES2_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_SET] = ES2_NOTE("HandleEmergencyProfileAttributeSet", profile_note),
	[ES2_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_UNSET] = ES2_NOTE("HandleEmergencyProfileAttributeUnset", profile_note),

	[ES3_GET_EIS] = ES3_SYNC("GetEIS", false, get_eis_req, eis_rsp),
	[ES3_AUDIT_EIS] = ES3_ASYNC("AuditEIS", audit_eis_req, eis_rsp),
	[ES3_CREATE_ISDP] = ES3_ASYNC("CreateISDP", create_isdp_req, create_isdp_rsp),
	[ES3_SEND_DATA] = ES3_ASYNC("SendData", send_data_req, euicc_rsp),
	[ES3_PROFILE_DOWNLOAD_COMPLETED] =
		ES3_SYNC("ProfileDownloadCompleted", true, download_completed_req, plain_rsp),
	[ES3_UPDATE_POLICY_RULES] = ES3_SYNC("UpdatePolicyRules", true, pol2_req, plain_rsp),
	[ES3_UPDATE_SUBSCRIPTION_ADDRESS] = ES3_SYNC("UpdateSubscriptionAddress", true, address_req, plain_rsp),
	[ES3_ENABLE_PROFILE] = ES3_ASYNC("EnableProfile", profile_req, euicc_rsp),
	[ES3_DISABLE_PROFILE] = ES3_ASYNC("DisableProfile", profile_req, euicc_rsp),
	[ES3_DELETE_ISDP] = ES3_ASYNC("DeleteISDP", profile_req, euicc_rsp),
	[ES3_UPDATE_CONNECTIVITY_PARAMETERS] = ES3_ASYNC("UpdateConnectivityParameters", connectivity_req, euicc_rsp),
	[ES3_SET_FALLBACK_ATTRIBUTE] = ES3_ASYNC("SetFallBackAttribute", profile_req, euicc_rsp),
	[ES3_SET_EMERGENCY_PROFILE_ATTRIBUTE] = ES3_ASYNC("SetEmergencyProfileAttribute", profile_req, euicc_rsp),
	[ES3_HANDLE_PROFILE_DISABLED] = ES3_NOTE("HandleProfileDisabled", es3_profile_note),
	[ES3_HANDLE_PROFILE_ENABLED] = ES3_NOTE("HandleProfileEnabled", es3_profile_note),
	[ES3_HANDLE_PROFILE_DELETED] = ES3_NOTE("HandleProfileDeleted", es3_profile_note),
	[ES3_HANDLE_PROFILE_DOWNLOADED] = ES3_NOTE("HandleProfileDownloaded", es3_profile_note),
	[ES3_HANDLE_PROFILE_POL2_UPDATED] = ES3_NOTE("HandleProfilePOL2Updated", es3_pol2_note),
	[ES3_HANDLE_SMSR_CHANGE] = ES3_NOTE("HandleSMSRChange", es3_eis_note),
	[ES3_HANDLE_FALLBACK_ATTRIBUTE_SET] = ES3_NOTE("HandleFallBackAttributeSet", es3_profile_note),
	[ES3_HANDLE_FALLBACK_ATTRIBUTE_UNSET] = ES3_NOTE("HandleFallBackAttributeUnset", es3_profile_note),
	[ES3_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_SET] = ES3_NOTE("HandleEmergencyProfileAttributeSet", es3_profile_note),
	[ES3_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_UNSET] =
		ES3_NOTE("HandleEmergencyProfileAttributeUnset", es3_profile_note),

	[ES4_GET_EIS] = ES4_SYNC("GetEIS", false, get_eis_req, eis_rsp),
	[ES4_UPDATE_POLICY_RULES] = ES4_SYNC("UpdatePolicyRules", true, pol2_req, plain_rsp),
	[ES4_UPDATE_SUBSCRIPTION_ADDRESS] = ES4_SYNC("UpdateSubscriptionAddress", true, address_req, plain_rsp),
	[ES4_AUDIT_EIS] = ES4_ASYNC("AuditEIS", PROFILE, audit_eis_req, eis_rsp),
	[ES4_ENABLE_PROFILE] = ES4_ASYNC("EnableProfile", PROFILE, profile_req, euicc_rsp),
	[ES4_DISABLE_PROFILE] = ES4_ASYNC("DisableProfile", PROFILE, profile_req, euicc_rsp),
	[ES4_DELETE_PROFILE] = ES4_ASYNC("DeleteProfile", PROFILE, profile_req, euicc_rsp),
	[ES4_PREPARE_SMSR_CHANGE] = ES4_ASYNC("PrepareSMSRChange", EUICC, prepare_smsr_change_req, plain_rsp),
	[ES4_SMSR_CHANGE] = ES4_ASYNC("SMSRChange", EUICC, smsr_change_req, plain_rsp),
	[ES4_SET_FALLBACK_ATTRIBUTE] = ES4_ASYNC("SetFallBackAttribute", PROFILE, profile_req, euicc_rsp),
	[ES4_SET_EMERGENCY_PROFILE_ATTRIBUTE] =
		ES4_ASYNC("SetEmergencyProfileAttribute", PROFILE, profile_req, euicc_rsp),
	[ES4_HANDLE_PROFILE_DISABLED] = ES4_NOTE("HandleProfileDisabled", profile_note),
	[ES4_HANDLE_PROFILE_ENABLED] = ES4_NOTE("HandleProfileEnabled", profile_note),
	[ES4_HANDLE_PROFILE_DELETED] = ES4_NOTE("HandleProfileDeleted", profile_note),
	[ES4_HANDLE_PROFILE_DOWNLOADED] = ES4_NOTE("HandleProfileDownloaded", profile_note),
	[ES4_HANDLE_PROFILE_POL2_UPDATED] = ES4_NOTE("HandleProfilePOL2Updated", pol2_note),
	[ES4_HANDLE_SMSR_CHANGE] = ES4_NOTE("HandleSMSRChange", eis_note),
	[ES4_HANDLE_FALLBACK_ATTRIBUTE_SET] = ES4_NOTE("HandleFallBackAttributeSet", profile_note),
	[ES4_HANDLE_FALLBACK_ATTRIBUTE_UNSET] = ES4_NOTE("HandleFallBackAttributeUnset", profile_note),
	[ES4_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_SET] = ES4_NOTE("HandleEmergencyProfileAttributeSet", profile_note),
	[ES4_HANDLE_EMERGENCY_PROFILE_ATTRIBUTE_UNSET] = ES4_NOTE("HandleEmergencyProfileAttributeUnset", profile_note),

	[ES7_HANDOVER_EUICC] = ES7_ASYNC("HandoverEUICC", eis_req, plain_rsp),
	[ES7_AUTHENTICATE_SMSR] = ES7_ASYNC("AuthenticateSMSR", authenticate_smsr_req, challenge_rsp),
	[ES7_CREATE_ADDITIONAL_KEY_SET] = ES7_ASYNC("CreateAdditionalKeySet", create_keyset_req, create_keyset_rsp),

	[WSMC_MAKE_CONNECTION] = {.itf = ES_ITF_WSMC,
				  .name = "MakeConnection",
				  .mep = ES_SYNC,
				  .req = &es_type_make_connection},
};
_Static_assert(ARRAY_SIZE(fns) == ES_FN_COUNT, "one row for each function");

/* CreateAdditionalKeySet was spelled CreateAdditionalKeyset in older text. */
static const char keyset_old[] = "ES7-CreateAdditionalKeyset";

const struct es_fn_info *es_fn_info(enum es_fn fn)
{
	OSMO_ASSERT(fn > ES_FN_NONE && fn < ES_FN_COUNT);
	return &fns[fn];
}

const char *es_fn_name(enum es_fn fn)
{
	OSMO_ASSERT((unsigned)fn < ES_FN_COUNT);
	return fns[fn].name;
}

static int fn_by_name(struct bytes name, enum es_fn *fn)
{
	if (bytes_eq(name, BYTES_LIT(keyset_old))) {
		*fn = ES7_CREATE_ADDITIONAL_KEY_SET;
		return 0;
	}
	for (unsigned i = ES_FN_NONE + 1; i < ES_FN_COUNT; i++) {
		if (fns[i].itf != ES_ITF_WSMC && bytes_eq(name, bytes_str(fns[i].name))) {
			*fn = (enum es_fn)i;
			return 0;
		}
	}
	return -ENOENT;
}

/* Cut one of the two endings off.  \returns the direction it stands for; a notification's ending belongs to its name */
static enum es_dir cut_ending(struct bytes *name, bool any_case)
{
	static const struct {
		const char *text;
		enum es_dir dir;
	} endings[] = {{"Request", ES_DIR_REQUEST}, {"Response", ES_DIR_RESPONSE}};

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t n = strlen(endings[i].text);
		struct bytes tail;

		if (name->len <= n)
			continue;
		tail = bytes_sub(*name, name->len - n, n);
		if (any_case ? !strncasecmp((const char *)tail.data, endings[i].text, n)
			     : bytes_eq(tail, bytes_str(endings[i].text))) {
			*name = bytes_sub(*name, 0, name->len - n);
			return endings[i].dir;
		}
	}
	return ES_DIR_NOTIFICATION;
}

int es_fn_by_element(const char *local, enum es_fn *fn, enum es_dir *dir)
{
	struct bytes name = bytes_str(local);
	enum es_dir d = cut_ending(&name, false);
	enum es_fn f;

	if (fn_by_name(name, &f) < 0 || (fns[f].mep == ES_NOTIFICATION) != (d == ES_DIR_NOTIFICATION))
		return -ENOENT;
	*fn = f;
	*dir = d;
	return 0;
}

char *es_fn_element(const void *ctx, enum es_fn fn, enum es_dir dir)
{
	const struct es_fn_info *f = es_fn_info(fn);

	if (f->itf == ES_ITF_WSMC || f->mep == ES_NOTIFICATION)
		return talloc_strdup(ctx, f->name);
	return talloc_asprintf(ctx, "%s%s", f->name, dir == ES_DIR_RESPONSE ? "Response" : "Request");
}

char *es_fn_action(const void *ctx, enum es_fn fn, enum es_dir dir, const char *group)
{
	const struct es_fn_info *f = es_fn_info(fn);
	bool back = f->mep == ES_NOTIFICATION || (f->mep == ES_ASYNC && dir == ES_DIR_RESPONSE);

	if (f->itf == ES_ITF_WSMC)
		return talloc_asprintf(ctx, "http://docs.oasis-open.org/ws-rx/wsmc/200702/%s", f->name);
	return talloc_asprintf(ctx, "http://gsma.com/%.3s/%s%s/%s", f->name, group ? group : f->group,
			       back ? "CallBack" : "", f->name);
}

bool es_fn_action_ok(enum es_fn fn, const char *action)
{
	const char *slash = strrchr(action, '/');
	struct bytes tail = bytes_str(slash ? slash + 1 : action);
	const char *name = es_fn_name(fn);

	if (tail.len != strlen(name))
		cut_ending(&tail, true);
	return tail.len == strlen(name) && !strncasecmp((const char *)tail.data, name, tail.len);
}
