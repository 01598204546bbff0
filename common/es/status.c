/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Outcomes of functions.  The table holds the pairs that we send, nothing else: codes whose meaning is not certain from
 * public sources (subjects 1.4, 1.5, 8.5.1; reasons 3.2, 3.4, 3.6, 4.5 to 4.7, 6.2) are not in it.  Which pair belongs
 * to a reused call id, a wrong EIS signature and a wrong profile state is our reading; peers must not branch on those.
 */
#include "common/es/status.h"

#include <stdarg.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

static const struct es_code codes[] = {
	[ES_SC_SENDER_UNKNOWN] = {"1.1", "1.1"},
	[ES_SC_SENDER_NOT_ALLOWED] = {"1.1", "1.2"},
	[ES_SC_INTERNAL] = {"1.2", "4.2"},
	[ES_SC_BUSY] = {"1.2", "4.4"},
	[ES_SC_VALIDITY_REFUSED] = {"1.2.1", "3.8"},
	[ES_SC_DATA_INVALID] = {"1.6", "2.1"},
	[ES_SC_MANDATORY_MISSING] = {"1.6", "2.2"},
	[ES_SC_CONDITIONAL_MISSING] = {"1.6", "2.3"},
	[ES_SC_UNSUPPORTED] = {"1.6", "3.1"},
	[ES_SC_CALL_ID_REUSED] = {"1.6", "3.3"},
	[ES_SC_EXPIRED] = {"1.6", "5.3"},
	[ES_SC_NO_RESPONSE] = {"1.6", "5.4"},
	[ES_SC_EUICC_REFUSED] = {"8.1", "3.8"},
	[ES_SC_MEMORY] = {"8.1", "4.8"},
	[ES_SC_EIS_SIGNATURE] = {"8.1", "6.1"},
	[ES_SC_EID_NOT_ALLOWED] = {"8.1.1", "1.2"},
	[ES_SC_EID_IN_USE] = {"8.1.1", "3.3"},
	[ES_SC_EID_UNKNOWN] = {"8.1.1", "3.9"},
	[ES_SC_ICCID_NOT_ALLOWED] = {"8.2.1", "1.2"},
	[ES_SC_ICCID_IN_USE] = {"8.2.1", "3.3"},
	[ES_SC_ICCID_WRONG_STATE] = {"8.2.1", "3.5"},
	[ES_SC_ICCID_UNKNOWN] = {"8.2.1", "3.9"},
	[ES_SC_POL1_REFUSED] = {"8.2.2", "3.8"},
	[ES_SC_POL2_REFUSED] = {"8.2.3", "3.8"},
	[ES_SC_PROFILE_TYPE_UNSUITABLE] = {"8.2.5", "2.1"},
	[ES_SC_PROFILE_TYPE_NONE_LEFT] = {"8.2.5", "3.7"},
	[ES_SC_PROFILE_TYPE_UNKNOWN] = {"8.2.5", "3.9"},
	[ES_SC_ISDP_ERROR] = {"8.3", "4.2"},
	[ES_SC_SD_AID_NOT_ALLOWED] = {"8.3.1", "1.2"},
	[ES_SC_SD_AID_UNKNOWN] = {"8.3.1", "3.9"},
	[ES_SC_ISDR_ERROR] = {"8.4", "4.2"},
	[ES_SC_ECASD_CERT_INVALID] = {"8.5.2", "6.1"},
	[ES_SC_ECASD_CERT_EXPIRED] = {"8.5.2", "6.3"},
	[ES_SC_SMSR_CERT_INVALID] = {"8.5.3", "6.1"},
	[ES_SC_SMSR_CERT_EXPIRED] = {"8.5.3", "6.3"},
	[ES_SC_SMSR_UNKNOWN] = {"8.7", "3.9"},
	[ES_SC_SMSR_UNREACHABLE] = {"8.7", "5.1"},
};
_Static_assert(ARRAY_SIZE(codes) == ES_SC_COUNT, "one pair for each name");

const struct es_code *es_sc(enum es_sc sc)
{
	OSMO_ASSERT((unsigned)sc < ES_SC_COUNT);
	return &codes[sc];
}

struct es_status es_status_ok(void)
{
	return (struct es_status){.status = ES_EXECUTED_SUCCESS};
}

struct es_status es_status_bad(const void *ctx, enum es_exec exec, enum es_sc sc, const char *subject_identifier,
			       const char *fmt, ...)
{
	const struct es_code *code = es_sc(sc);
	struct es_status st = {.status = exec, .subject = code->subject, .reason = code->reason};
	va_list ap;

	OSMO_ASSERT(exec != ES_EXECUTED_SUCCESS);
	if (subject_identifier)
		st.subject_identifier = talloc_strdup(ctx, subject_identifier);
	va_start(ap, fmt);
	st.message = talloc_vasprintf(ctx, fmt, ap);
	va_end(ap);
	OSMO_ASSERT(st.message);
	return st;
}

struct es_status es_status_dup(const void *ctx, const struct es_status *st)
{
	return (struct es_status){
		.status = st->status,
		.subject = talloc_strdup(ctx, st->subject),
		.reason = talloc_strdup(ctx, st->reason),
		.subject_identifier = talloc_strdup(ctx, st->subject_identifier),
		.message = talloc_strdup(ctx, st->message),
	};
}

bool es_status_is(const struct es_status *st, enum es_sc sc)
{
	const struct es_code *code = es_sc(sc);

	return st->subject && st->reason && !strcmp(st->subject, code->subject) && !strcmp(st->reason, code->reason);
}

const char *es_exec_name(enum es_exec exec)
{
	switch (exec) {
	case ES_EXECUTED_SUCCESS:
		return "EXECUTED_SUCCESS";
	case ES_EXECUTED_WITHWARNING:
		return "EXECUTED_WITHWARNING";
	case ES_FAILED:
		return "FAILED";
	case ES_EXPIRED:
		return "EXPIRED";
	}
	OSMO_ASSERT(false);
	return NULL;
}
