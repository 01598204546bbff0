/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The ISD-Ps of a card: which is enabled, which is the fall-back, and what a change means for both (SGP.02).
 *
 * Slots keep their number while an ISD-P lives, so that "previous" and "switch to" stay right when others are deleted.
 * The factory and state.c see to it that one slot is ENABLED and one has the fall-back attribute; no command breaks
 * that. */
#include "lab/euicc/card.h"

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <string.h>

int profile_find(const struct euicc *card, struct bytes aid)
{
	for (int i = 0; i < card->nv.n_slots; i++) {
		const struct euicc_profile *p = &card->nv.profiles[i];

		if (p->state != ISDP_NONE && bytes_eq(aid, BYTES_ARR(p->aid)))
			return i;
	}
	return -1;
}

int profile_enabled(const struct euicc *card)
{
	for (int i = 0; i < card->nv.n_slots; i++) {
		if (card->nv.profiles[i].state == ISDP_ENABLED)
			return i;
	}
	OSMO_ASSERT(false);
}

int profile_fallback(const struct euicc *card)
{
	for (int i = 0; i < card->nv.n_slots; i++) {
		if (card->nv.profiles[i].state != ISDP_NONE && card->nv.profiles[i].fallback)
			return i;
	}
	OSMO_ASSERT(false);
}

int profile_add(struct euicc *card, const struct euicc_profile *profile)
{
	int slot = 0;

	while (slot < card->nv.n_slots && card->nv.profiles[slot].state != ISDP_NONE)
		slot++;
	if (slot == EUICC_PROFILES_MAX)
		return -1;
	if (slot == card->nv.n_slots) {
		card->nv.profiles = talloc_realloc(card, card->nv.profiles, struct euicc_profile, slot + 1);
		OSMO_ASSERT(card->nv.profiles);
		card->nv.n_slots++;
	}
	card->nv.profiles[slot] = *profile;
	card->dirty = true;
	return slot;
}

void profile_delete(struct euicc *card, int slot)
{
	OSMO_ASSERT(card->nv.profiles[slot].state != ISDP_ENABLED && !card->nv.profiles[slot].fallback);
	perso_forget(card, slot);
	talloc_free(card->nv.profiles[slot].es8);
	memset(&card->nv.profiles[slot], 0, sizeof(card->nv.profiles[slot]));
	if (card->nv.previous == slot)
		card->nv.previous = -1;
	card->dirty = true;
}

void profile_switch(struct euicc *card, int slot, enum euicc_notify_type type, bool undo)
{
	int old = profile_enabled(card);

	card->nv.profiles[old].state = ISDP_DISABLED;
	card->nv.profiles[slot].state = ISDP_ENABLED;
	card->nv.previous = undo ? (int8_t)old : -1;
	card->nv.switch_to = -1;
	notify_new(card, type);
	card->dirty = true;
}

uint32_t profile_mem_free(const struct euicc *card)
{
	uint64_t used = 0;

	for (int i = 0; i < card->nv.n_slots; i++)
		used += card->nv.profiles[i].mem_granted;
	return used >= card->fleet->set.nv_total ? 0 : card->fleet->set.nv_total - (uint32_t)used;
}

bool profile_can_roll_back(const struct euicc *card)
{
	return card->nv.previous >= 0 && (card->nv.notify_type == EUICC_NOTIFY_CHANGED ||
					  card->nv.notify_type == card->fleet->set.notify_after_disable);
}

void profile_roll_back(struct euicc *card, const char *why)
{
	out_event(card, "roll-back: %s", why);
	phone_reset(card);
	profile_switch(card, card->nv.previous, EUICC_NOTIFY_ROLLED_BACK, false);
}
