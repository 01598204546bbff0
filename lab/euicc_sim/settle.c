/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* After each input to a card: store its state if it changed, and only then let its outputs out.  A state that cannot be
 * stored ends the program with nothing sent. */
#include "lab/euicc_sim/sim.h"

#include <errno.h>
#include <osmocom/core/logging.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <stdio.h>
#include <string.h>

#include "common/app/clock.h"
#include "common/app/log.h"

struct sim_eid_text sim_eid_text(const struct euicc *card)
{
	struct sim_eid_text t;
	int rc = hex_enc_buf(t.text, sizeof(t.text), bytes_of(euicc_eid(card), EUICC_EID_LEN));

	OSMO_ASSERT(rc == 0);
	return t;
}

void sim_enter(struct sim *sim)
{
	clock_feed();
	sim->fleet->now_ms = clock_now_ms();
}

static void air(struct sim *sim, const struct euicc_out *out, enum air_type type)
{
	struct air_msg msg = {.type = type, .cause = out->cause, .payload = out->pdu};

	memcpy(msg.imsi, out->imsi, sizeof(msg.imsi));
	radio_send(sim, &msg);
}

static void trace(struct sim *sim, const struct euicc_out *out)
{
	struct sim_eid_text eid = sim_eid_text(out->card);
	int64_t now_ms = clock_stamp_ms();
	char *path;
	FILE *f;

	if (!sim->opt->trace_dir) {
		LOGP(DLAB, LOGL_INFO, "%s %s\n", eid.text, out->text);
		return;
	}
	path = talloc_asprintf(out, "%s/%s.trace", sim->opt->trace_dir, eid.text);
	f = fopen(path, "a");
	if (!f || fprintf(f, "%lld.%03lld %s\n", (long long)(now_ms / 1000), (long long)(now_ms % 1000), out->text) < 0)
		LOGP(DLAB, LOGL_ERROR, "%s: %s\n", path, strerror(errno));
	if (f)
		fclose(f);
}

static void emit(struct sim *sim, const struct euicc_out *out)
{
	switch (out->type) {
	case EUICC_OUT_ATTACH:
		air(sim, out, AIR_ATTACH);
		break;
	case EUICC_OUT_DETACH:
		air(sim, out, AIR_DETACH);
		break;
	case EUICC_OUT_MT_ACK:
		air(sim, out, AIR_MT_ACK);
		break;
	case EUICC_OUT_MO:
		air(sim, out, AIR_MO);
		break;
	case EUICC_OUT_CONNECT:
		https_connect(sim, euicc_host_data(out->card), out->https);
		break;
	case EUICC_OUT_SEND:
		https_send(euicc_host_data(out->card), out->pdu);
		break;
	case EUICC_OUT_CLOSE:
		https_close(euicc_host_data(out->card), out->cause != 0);
		break;
	case EUICC_OUT_EVENT:
		LOGP(DLAB, LOGL_INFO, "%s %s\n", sim_eid_text(out->card).text, out->text);
		break;
	case EUICC_OUT_TRACE:
		trace(sim, out);
		break;
	}
}

static bool stored(struct sim *sim, struct sim_card *sc)
{
	if (!euicc_dirty(sc->card) || !sim->opt->state_dir || store_save(sim->opt->state_dir, sc->card) == 0)
		return true;
	sim->exit_code = SIM_FAILED;
	sim->quit = true;
	return false;
}

void sim_settle(struct sim *sim, struct sim_card *sc)
{
	struct euicc_out *out, *next;
	bool send = !sim->quit && stored(sim, sc);

	llist_for_each_entry_safe (out, next, &sim->fleet->outs, entry) {
		llist_del(&out->entry);
		if (send)
			emit(sim, out);
		talloc_free(out);
	}
	heap_update(sim, sc);
}
