/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names of command_status values and what a sender does about them, as one table.
 *
 * The standard gives names only; the action column is operating practice.  A link may override single rows by
 * configuration, because service centres disagree (osmo-msc says RINVDSTADR for a phone that is merely switched off).
 */
#include "common/codec/smpp_text.h"

#include <osmocom/core/utils.h>

struct status_row {
	uint16_t status;
	uint8_t action;
	const char *name;
};

static const struct status_row rows[] = {
	{0x00, SMPP_ACT_OK, "ESME_ROK"},
	{0x01, SMPP_ACT_PERMANENT, "ESME_RINVMSGLEN"},
	{0x02, SMPP_ACT_PERMANENT, "ESME_RINVCMDLEN"},
	{0x03, SMPP_ACT_PERMANENT, "ESME_RINVCMDID"},
	{0x04, SMPP_ACT_PERMANENT, "ESME_RINVBNDSTS"},
	{0x05, SMPP_ACT_BIND_REFUSED, "ESME_RALYBND"},
	{0x06, SMPP_ACT_PERMANENT, "ESME_RINVPRTFLG"},
	{0x07, SMPP_ACT_PERMANENT, "ESME_RINVREGDLVFLG"},
	{0x08, SMPP_ACT_RETRY, "ESME_RSYSERR"},
	{0x0a, SMPP_ACT_PERMANENT, "ESME_RINVSRCADR"},
	{0x0b, SMPP_ACT_PERMANENT, "ESME_RINVDSTADR"},
	{0x0c, SMPP_ACT_RETRY_TWICE, "ESME_RINVMSGID"},
	{0x0d, SMPP_ACT_BIND_REFUSED, "ESME_RBINDFAIL"},
	{0x0e, SMPP_ACT_BIND_REFUSED, "ESME_RINVPASWD"},
	{0x0f, SMPP_ACT_BIND_REFUSED, "ESME_RINVSYSID"},
	{0x11, SMPP_ACT_RETRY_TWICE, "ESME_RCANCELFAIL"},
	{0x13, SMPP_ACT_RETRY_TWICE, "ESME_RREPLACEFAIL"},
	{0x14, SMPP_ACT_QUEUE_FULL, "ESME_RMSGQFUL"},
	{0x15, SMPP_ACT_PERMANENT, "ESME_RINVSERTYP"},
	{0x33, SMPP_ACT_PERMANENT, "ESME_RINVNUMDESTS"},
	{0x34, SMPP_ACT_PERMANENT, "ESME_RINVDLNAME"},
	{0x40, SMPP_ACT_PERMANENT, "ESME_RINVDESTFLAG"},
	{0x42, SMPP_ACT_PERMANENT, "ESME_RINVSUBREP"},
	{0x43, SMPP_ACT_PERMANENT, "ESME_RINVESMCLASS"},
	{0x44, SMPP_ACT_PERMANENT, "ESME_RCNTSUBDL"},
	{0x45, SMPP_ACT_RETRY, "ESME_RSUBMITFAIL"},
	{0x48, SMPP_ACT_PERMANENT, "ESME_RINVSRCTON"},
	{0x49, SMPP_ACT_PERMANENT, "ESME_RINVSRCNPI"},
	{0x50, SMPP_ACT_PERMANENT, "ESME_RINVDSTTON"},
	{0x51, SMPP_ACT_PERMANENT, "ESME_RINVDSTNPI"},
	{0x53, SMPP_ACT_BIND_REFUSED, "ESME_RINVSYSTYP"},
	{0x54, SMPP_ACT_PERMANENT, "ESME_RINVREPFLAG"},
	{0x55, SMPP_ACT_PERMANENT, "ESME_RINVNUMMSGS"},
	{0x58, SMPP_ACT_THROTTLED, "ESME_RTHROTTLED"},
	{0x61, SMPP_ACT_PERMANENT, "ESME_RINVSCHED"},
	{0x62, SMPP_ACT_PERMANENT, "ESME_RINVEXPIRY"},
	{0x63, SMPP_ACT_PERMANENT, "ESME_RINVDFTMSGID"},
	{0x64, SMPP_ACT_RETRY, "ESME_RX_T_APPN"},
	{0x65, SMPP_ACT_PERMANENT, "ESME_RX_P_APPN"},
	{0x66, SMPP_ACT_PERMANENT, "ESME_RX_R_APPN"},
	{0x67, SMPP_ACT_RETRY_TWICE, "ESME_RQUERYFAIL"},
	{0xc0, SMPP_ACT_PERMANENT, "ESME_RINVOPTPARSTREAM"},
	{0xc1, SMPP_ACT_PERMANENT, "ESME_ROPTPARNOTALLWD"},
	{0xc2, SMPP_ACT_PERMANENT, "ESME_RINVPARLEN"},
	{0xc3, SMPP_ACT_PERMANENT, "ESME_RMISSINGOPTPARAM"},
	{0xc4, SMPP_ACT_PERMANENT, "ESME_RINVOPTPARAMVAL"},
	{0xfe, SMPP_ACT_RETRY, "ESME_RDELIVERYFAILURE"},
	{0xff, SMPP_ACT_RETRY_TWICE, "ESME_RUNKNOWNERR"},
	{0x104, SMPP_ACT_NEXT_CODING, "ESME_RINVDCS"},
};

static const char *const action_names[] = {
	[SMPP_ACT_OK] = "ok",
	[SMPP_ACT_THROTTLED] = "throttled",
	[SMPP_ACT_QUEUE_FULL] = "queue-full",
	[SMPP_ACT_RETRY] = "retry",
	[SMPP_ACT_RETRY_TWICE] = "retry-twice",
	[SMPP_ACT_PERMANENT] = "permanent",
	[SMPP_ACT_BIND_REFUSED] = "bind-refused",
	[SMPP_ACT_NEXT_CODING] = "next-coding",
};

static const struct status_row *row_find(uint32_t status)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].status == status)
			return &rows[i];
	}
	return NULL;
}

static bool is_vendor(uint32_t status)
{
	return status >= 0x400 && status <= 0x4ff;
}

const char *smpp_status_name(uint32_t status)
{
	const struct status_row *row = row_find(status);

	if (row)
		return row->name;
	return is_vendor(status) ? "vendor" : "unknown";
}

enum smpp_action smpp_status_action(uint32_t status)
{
	const struct status_row *row = row_find(status);

	if (row)
		return row->action;
	return is_vendor(status) ? SMPP_ACT_RETRY : SMPP_ACT_RETRY_TWICE;
}

const char *smpp_action_name(enum smpp_action action)
{
	return (size_t)action < ARRAY_SIZE(action_names) ? action_names[action] : "?";
}
