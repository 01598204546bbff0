/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/words.h"

#include <errno.h>
#include <time.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

static const struct value_string scopes[] = {
	{PAUSE_ALL, "all"},   {PAUSE_DRAIN, "drain"}, {PAUSE_SMSC, "smsc"},
	{PAUSE_PEER, "peer"}, {PAUSE_EUICC, "eid"},   {0, NULL},
};

const char *pause_scope_name(enum pause_scope scope)
{
	return get_value_string(scopes, scope);
}

int pause_scope_parse(const char *word, enum pause_scope *scope)
{
	int v = word ? get_string_value(scopes, word) : -1;

	if (v < 0)
		return -EINVAL;
	*scope = (enum pause_scope)v;
	return 0;
}

static const struct value_string profile_states[] = {
	{PROFILE_IN_CREATION, "in-creation"},
	{PROFILE_CREATED, "created"},
	{PROFILE_DISABLED, "disabled"},
	{PROFILE_ENABLED, "enabled"},
	{0, NULL},
};

const char *profile_state_name(enum profile_state state)
{
	return get_value_string(profile_states, state);
}

static const struct value_string keyset_types[] = {
	{KEYSET_SCP03, "SCP03"},
	{KEYSET_SCP80, "SCP80"},
	{KEYSET_SCP81, "SCP81"},
	{KEYSET_TOKEN, "token"},
	{KEYSET_RECEIPT, "receipt"},
	{KEYSET_CA, "CA"},
	{0, NULL},
};

const char *keyset_type_name(enum keyset_type type)
{
	return get_value_string(keyset_types, type);
}

static const struct value_string audit_types[] = {
	{AUDIT_CREATE_ISDP, "CreateISDP"},
	{AUDIT_ENABLE, "EnableProfile"},
	{AUDIT_DISABLE, "DisableProfile"},
	{AUDIT_DELETE, "DeleteProfile"},
	{AUDIT_CAPABILITY, "eUICCCapabilityAudit"},
	{AUDIT_NOTIF_FIRST, "notification: first attachment"},
	{AUDIT_NOTIF_CHANGED, "notification: profile changed"},
	{AUDIT_NOTIF_ROLLED_BACK, "notification: rolled back"},
	{AUDIT_NOTIF_FALLBACK, "notification: fall-back"},
	{AUDIT_REGISTER, "RegisterEIS"},
	{AUDIT_IMPORT, "import"},
	{AUDIT_POL2, "POL2"},
	{AUDIT_ADDRESS, "subscription address"},
	{AUDIT_COUNTER, "counter"},
	{AUDIT_OPERATOR, "operator"},
	{AUDIT_DOWNLOADED, "ProfileDownloadCompleted"},
	{0, NULL},
};

const char *audit_type_name(enum audit_type type)
{
	return get_value_string(audit_types, type);
}

size_t pol2_words(unsigned int rules, const char **words)
{
	static const struct value_string names[POL2_WORDS_MAX] = {
		{POL2_ENABLE_NOT_ALLOWED, "enable not allowed"},
		{POL2_DISABLE_NOT_ALLOWED, "disable not allowed"},
		{POL2_DELETE_NOT_ALLOWED, "delete not allowed"},
		{POL2_DISABLE_AUTO_DELETE, "delete when disabled"},
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (rules & names[i].value)
			words[n++] = names[i].str;
	}
	return n;
}

char *time_words(const void *ctx, int64_t utc_ms)
{
	time_t sec = (time_t)(utc_ms / 1000);
	struct tm tm;

	if (utc_ms <= 0 || !gmtime_r(&sec, &tm))
		return NULL;
	return talloc_asprintf(ctx, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			       tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(utc_ms % 1000));
}
