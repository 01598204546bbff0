/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Outputs of a card: appended to the fleet's list, acted on by the caller after the state is stored. */
#include "lab/euicc/card.h"

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <stdarg.h>
#include <string.h>

struct euicc_out *out_add(struct euicc *card, enum euicc_out_type type)
{
	struct euicc_out *out = talloc_zero(card->fleet, struct euicc_out);
	int slot = profile_enabled(card);

	OSMO_ASSERT(out);
	out->card = card;
	out->type = type;
	memcpy(out->imsi, card->nv.profiles[slot].imsi, sizeof(out->imsi));
	llist_add_tail(&out->entry, &card->fleet->outs);
	return out;
}

void out_event(struct euicc *card, const char *fmt, ...)
{
	struct euicc_out *out = out_add(card, EUICC_OUT_EVENT);
	va_list ap;

	va_start(ap, fmt);
	out->text = talloc_vasprintf(out, fmt, ap);
	va_end(ap);
	OSMO_ASSERT(out->text);
}

void out_trace(struct euicc *card, const char *fmt, ...)
{
	struct euicc_out *out;
	va_list ap;

	if (!card->trace)
		return;
	out = out_add(card, EUICC_OUT_TRACE);
	va_start(ap, fmt);
	out->text = talloc_vasprintf(out, fmt, ap);
	va_end(ap);
	OSMO_ASSERT(out->text);
}
