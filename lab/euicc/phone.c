/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The phone around the card: power, REFRESH, attach, and what the card does when there is no service (SGP.02: roll-back
 * and fall-back mechanism).
 *
 *   OFF --power--> ATTACHING --ok--> SERVICE --lost--> NO_SERVICE --timer--> ATTACHING
 *   any --REFRESH--> RESET --timer--> ATTACHING --refused, no answer--> NO_SERVICE
 *
 * service_due_ms runs from the moment service is missed until it is there again, through any number of attempts. */
#include "lab/euicc/card.h"

#include <osmocom/core/talloc.h>

static int64_t after(const struct euicc *card, uint32_t ms)
{
	return card->fleet->now_ms + ms;
}

static void state_set(struct euicc *card, enum phone_state state, int64_t due_ms)
{
	card->phone = state;
	card->phone_due_ms = due_ms;
}

static void service_missed(struct euicc *card)
{
	const struct euicc_profile *p = &card->nv.profiles[profile_enabled(card)];

	if (card->service_due_ms != EUICC_NEVER)
		return;
	if (profile_can_roll_back(card))
		card->service_due_ms = after(card, card->fleet->set.rollback_ms);
	else if (!p->fallback && !p->emergency)
		card->service_due_ms = after(card, card->fleet->set.fallback_ms);
}

static void detach(struct euicc *card)
{
	if (card->on_air)
		out_add(card, EUICC_OUT_DETACH);
	card->on_air = false;
}

/* The next attempt is an attach like the first: for the radio the phone is gone meanwhile. */
static void no_service(struct euicc *card)
{
	detach(card);
	service_missed(card);
	state_set(card, PHONE_NO_SERVICE, after(card, card->fleet->set.reattach_ms));
	agent_lost(card);
}

static bool covered(const struct euicc *card, const struct euicc_profile *p)
{
	if (p->imsi[0] == '\0' || p->no_coverage)
		return false;
	return !(fault_on(card, EUICC_FAULT_NO_COVERAGE) && profile_can_roll_back(card));
}

static void attach(struct euicc *card)
{
	if (!covered(card, &card->nv.profiles[profile_enabled(card)])) {
		no_service(card);
		return;
	}
	service_missed(card);
	out_add(card, EUICC_OUT_ATTACH);
	card->on_air = true;
	state_set(card, PHONE_ATTACHING, after(card, card->fleet->set.attach_wait_ms));
}

static void forget(struct euicc *card)
{
	mo_flush(card);
	agent_forget(card);
	TALLOC_FREE(card->reasm);
	TALLOC_FREE(card->session);
	card->service_due_ms = EUICC_NEVER;
	card->notify_due_ms = EUICC_NEVER;
	card->notify_queued = false;
}

/* A reset makes a commanded change effective; so does switching on after a loss of power before the REFRESH. */
static void boot(struct euicc *card)
{
	if (card->nv.switch_to >= 0) {
		int slot = card->nv.switch_to;

		profile_switch(card, slot, card->nv.switch_type, true);
		out_event(card, "profile in slot %d is enabled now", slot);
	}
	attach(card);
}

void phone_on(struct euicc *card)
{
	if (card->phone == PHONE_OFF)
		boot(card);
}

void phone_off(struct euicc *card)
{
	if (card->phone == PHONE_OFF)
		return;
	detach(card);
	forget(card);
	state_set(card, PHONE_OFF, EUICC_NEVER);
}

void phone_reset(struct euicc *card)
{
	detach(card);
	forget(card);
	state_set(card, PHONE_RESET, after(card, card->fleet->set.refresh_ms));
}

void phone_reset_when_ready(struct euicc *card)
{
	if (card->nv.switch_to < 0 || card->phone == PHONE_OFF || card->phone == PHONE_RESET)
		return;
	if (mo_holds(card, MO_POR) || card->agent)
		return;
	out_event(card, "REFRESH");
	phone_reset(card);
}

void euicc_session_end(struct euicc *card)
{
	phone_reset_when_ready(card);
}

void phone_attached(struct euicc *card, uint8_t cause)
{
	if (card->phone != PHONE_ATTACHING)
		return;
	if (cause) {
		out_event(card, "network refuses, cause %u", cause);
		no_service(card);
		return;
	}
	state_set(card, PHONE_SERVICE, EUICC_NEVER);
	card->service_due_ms = EUICC_NEVER;
	out_event(card, "in service as %s", card->nv.profiles[profile_enabled(card)].imsi);
	if (card->fleet->set.declare_first_attach && !card->nv.declared && card->nv.notify_type == EUICC_NOTIFY_NONE) {
		card->nv.declared = true;
		notify_new(card, EUICC_NOTIFY_DECLARE);
	}
	notify_kick(card);
	mo_kick(card);
	agent_service(card);
}

void phone_lost(struct euicc *card, const char *why)
{
	if (card->phone != PHONE_SERVICE && card->phone != PHONE_ATTACHING)
		return;
	out_event(card, "no service: %s", why);
	no_service(card);
}

static void service_expired(struct euicc *card)
{
	if (profile_can_roll_back(card)) {
		profile_roll_back(card, "no service on the new profile");
		return;
	}
	out_event(card, "fall-back: no service");
	phone_reset(card);
	profile_switch(card, profile_fallback(card), EUICC_NOTIFY_FALLBACK, false);
}

void phone_tick(struct euicc *card)
{
	if (card->service_due_ms <= card->fleet->now_ms) {
		service_expired(card);
		return;
	}
	if (card->phone_due_ms > card->fleet->now_ms)
		return;
	switch (card->phone) {
	case PHONE_OFF:
	case PHONE_SERVICE:
		break;
	case PHONE_ATTACHING:
		no_service(card);
		break;
	case PHONE_RESET:
		boot(card);
		break;
	case PHONE_NO_SERVICE:
		attach(card);
		break;
	}
}
