/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A card in words, for the control socket. */
#include "lab/euicc/card.h"

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

static const struct value_string states[] = {
	{ISDP_SELECTABLE, "SELECTABLE"},
	{ISDP_PERSONALIZED, "PERSONALIZED"},
	{ISDP_DISABLED, "DISABLED"},
	{ISDP_ENABLED, "ENABLED"},
	{0, NULL},
};

static const struct value_string phones[] = {
	{PHONE_OFF, "off"},
	{PHONE_RESET, "reset"},
	{PHONE_ATTACHING, "attaching"},
	{PHONE_SERVICE, "in service"},
	{PHONE_NO_SERVICE, "no service"},
	{0, NULL},
};

static char *add(char *text, char *more)
{
	char *joined = talloc_strdup_append(text, more);

	OSMO_ASSERT(joined);
	talloc_free(more);
	return joined;
}

static char *profile_line(const void *ctx, const struct euicc_profile *p)
{
	char *aid = hex_enc(ctx, BYTES_ARR(p->aid)), *iccid = hex_enc(ctx, BYTES_ARR(p->iccid)); /* as EF.ICCID */
	char *line = talloc_asprintf(ctx, "profile %s %s imsi %s iccid %s pol1 %u%s%s%s\n", aid,
				     get_value_string(states, p->state), p->imsi[0] ? p->imsi : "-", iccid, p->pol1,
				     p->fallback ? " fallback" : "", p->emergency ? " emergency" : "",
				     p->no_coverage ? " no-coverage" : "");

	talloc_free(aid);
	talloc_free(iccid);
	return line;
}

static char *es8_line(const void *ctx, const struct isdp_nv *nv)
{
	return talloc_asprintf(ctx, "  scp03 kvn %u counter %u%s package %u octets\n", nv->kvn, nv->counter,
			       nv->has_token ? " token-key" : "", nv->package_len);
}

static char *fault_line(const void *ctx, const struct euicc *card)
{
	char *line = talloc_strdup(ctx, "faults");

	for (unsigned int i = 0; i < EUICC_N_FAULTS; i++) {
		if (fault_on(card, (enum euicc_fault)i))
			line = add(line, talloc_asprintf(ctx, " %s", euicc_fault_name((enum euicc_fault)i)));
	}
	return add(line, talloc_strdup(ctx, "\n"));
}

char *euicc_describe(const struct euicc *card, const void *ctx)
{
	char *eid = hex_enc(ctx, BYTES_ARR(card->eid));
	char *text = talloc_asprintf(ctx, "eid %s\nphone %s\ncounter %llu\n", eid,
				     get_value_string(phones, card->phone), (unsigned long long)card->nv.counter);

	for (size_t i = 0; i < card->nv.n_slots; i++) {
		if (card->nv.profiles[i].state != ISDP_NONE)
			text = add(text, profile_line(ctx, &card->nv.profiles[i]));
		if (card->nv.profiles[i].es8)
			text = add(text, es8_line(ctx, card->nv.profiles[i].es8));
	}
	if (card->nv.notify_type != EUICC_NOTIFY_NONE)
		text = add(text, talloc_asprintf(ctx, "notification %02u number %u sent %u times\n",
						 card->nv.notify_type, card->nv.notify_seq, card->nv.notify_tries));
	if (card->agent)
		text = add(text, agent_describe(card, ctx));
	if (card->nv.faults)
		text = add(text, fault_line(ctx, card));
	talloc_free(eid);
	return text;
}
