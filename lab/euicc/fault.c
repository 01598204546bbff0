/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lab switches: ways in which cards, phones and networks misbehave. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/utils.h>
#include <string.h>

static const char *const names[] = {
	[EUICC_FAULT_SILENT] = "silent",
	[EUICC_FAULT_SLOW] = "slow",
	[EUICC_FAULT_WRONG_KEY] = "wrong-key",
	[EUICC_FAULT_COUNTER_AHEAD] = "counter-ahead",
	[EUICC_FAULT_POL1] = "pol1",
	[EUICC_FAULT_NO_COVERAGE] = "no-coverage",
	[EUICC_FAULT_MEMORY] = "memory",
	[EUICC_FAULT_DUPLICATE_POR] = "duplicate-por",
	[EUICC_FAULT_UNSECURED_POR] = "unsecured-por",
	[EUICC_FAULT_DROP_NOTIFICATION] = "drop-notification",
	[EUICC_FAULT_DROP_POR] = "drop-por",
	[EUICC_FAULT_HTTPS_CUT] = "https-cut",
	[EUICC_FAULT_HTTPS_STALL] = "https-stall",
	[EUICC_FAULT_HTTPS_STATUS] = "https-status",
	[EUICC_FAULT_HTTPS_GARBAGE] = "https-garbage",
	[EUICC_FAULT_HTTPS_WRONG_EID] = "https-wrong-eid",
	[EUICC_FAULT_HTTPS_WRONG_PSK] = "https-wrong-psk",
	[EUICC_FAULT_HTTPS_NEXT_URI] = "https-next-uri",
	[EUICC_FAULT_BAD_PE] = "bad-pe",
	[EUICC_FAULT_PACKAGE_MEMORY] = "package-memory",
	[EUICC_FAULT_SCP03T_MAC] = "scp03t-mac",
};
_Static_assert(ARRAY_SIZE(names) == EUICC_N_FAULTS, "a fault has no name");

const char *euicc_fault_name(enum euicc_fault fault)
{
	return names[fault];
}

int euicc_fault_find(const char *name, enum euicc_fault *fault)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*fault = (enum euicc_fault)i;
			return 0;
		}
	}
	return -ENOENT;
}

static void counter_jump(struct euicc *card, uint32_t by)
{
	card->nv.counter = SP_CNTR_MAX - card->nv.counter < by ? SP_CNTR_MAX : card->nv.counter + by;
}

static const struct {
	enum euicc_fault fault;
	size_t at; /* of its argument in struct card_nv */
} args[] = {
	{EUICC_FAULT_SLOW, offsetof(struct card_nv, slow_ms)},
	{EUICC_FAULT_DROP_NOTIFICATION, offsetof(struct card_nv, drop_notifications)},
	{EUICC_FAULT_DROP_POR, offsetof(struct card_nv, drop_pors)},
	{EUICC_FAULT_HTTPS_CUT, offsetof(struct card_nv, https_cut)},
	{EUICC_FAULT_HTTPS_STALL, offsetof(struct card_nv, https_stall)},
	{EUICC_FAULT_HTTPS_STATUS, offsetof(struct card_nv, https_status)},
	{EUICC_FAULT_BAD_PE, offsetof(struct card_nv, bad_pe)},
	{EUICC_FAULT_PACKAGE_MEMORY, offsetof(struct card_nv, package_memory)},
	{EUICC_FAULT_SCP03T_MAC, offsetof(struct card_nv, scp03t_mac)},
};

void euicc_fault_set(struct euicc *card, enum euicc_fault fault, bool on, uint32_t arg)
{
	card->dirty = true;
	if (fault == EUICC_FAULT_COUNTER_AHEAD) {
		if (on)
			counter_jump(card, arg ? arg : 1000);
		return;
	}
	if (on)
		card->nv.faults |= 1u << fault;
	else
		card->nv.faults &= ~(1u << fault);
	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		if (args[i].fault == fault)
			*(uint32_t *)((char *)&card->nv + args[i].at) = on ? arg : 0;
	}
}

int euicc_coverage_set(struct euicc *card, const char *imsi, bool on)
{
	int rc = -ENOENT;

	for (int i = 0; i < card->nv.n_slots; i++) {
		struct euicc_profile *p = &card->nv.profiles[i];

		if (p->state == ISDP_NONE || strcmp(p->imsi, imsi) != 0)
			continue;
		p->no_coverage = !on;
		card->dirty = true;
		rc = 0;
		if (!on && p->state == ISDP_ENABLED)
			phone_lost(card, "coverage switched off");
	}
	return rc;
}

int euicc_pol1_set(struct euicc *card, const uint8_t aid[EUICC_AID_LEN], uint8_t pol1)
{
	int slot = profile_find(card, bytes_of(aid, EUICC_AID_LEN));

	if (slot < 0)
		return -ENOENT;
	card->nv.profiles[slot].pol1 = pol1;
	card->dirty = true;
	return 0;
}
