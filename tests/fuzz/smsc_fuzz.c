/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service centre: one session, the air and the control lines, fed with anything.  The input is a list of chunks: first
 * octet says where the chunk goes, the second how long it is. */
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include <osmocom/core/application.h>

#include "common/app/log.h"
#include "lab/smsc/smsc.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
struct world {
	struct smsc *smsc;
	unsigned session;
	int64_t now;
};

/* Whatever is sent has to be readable by our own decoder. */
static void on_tx(void *priv, unsigned session, struct bytes pdu)
{
	struct smpp_pdu out;

	if (smpp_pdu_dec(pdu, &out) < 0)
		abort();
}

static void on_close(void *priv, unsigned session)
{
}

static void on_radio(void *priv, const struct air_msg *msg)
{
	uint8_t buf[AIR_MAX];

	if (air_enc(msg, buf) < 0)
		abort();
}

static const struct smsc_ops ops = {on_tx, on_close, on_radio};

static void chunk(struct world *w, uint8_t kind, struct bytes b)
{
	char line[256] = "";
	struct air_msg msg;

	switch (kind % 4) {
	case 0:
		smsc_session_rx(w->smsc, w->session, b, w->now);
		break;
	case 1:
		if (air_dec(b, &msg) == 0)
			smsc_radio_rx(w->smsc, &msg, w->now);
		break;
	case 2:
		memcpy(line, b.data, b.len);
		talloc_free(smsc_command(w->smsc, w->smsc, line, w->now));
		break;
	case 3:
		w->now += (int64_t)b.len * 1000;
		break;
	}
	for (unsigned i = 0; i < 100 && smsc_tick(w->smsc, w->now) <= w->now; i++)
		;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	osmo_init_logging2(NULL, &log_info_esim);
	log_set_category_filter(osmo_stderr_target, DLAB, 0, LOGL_FATAL);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.now = 1795000000000};
	struct smsc_cfg cfg;
	struct rd r;

	if (!osmo_log_info)
		LLVMFuzzerInitialize(NULL, NULL);
	smsc_cfg_default(&cfg);
	w.smsc = smsc_alloc(NULL, &cfg, &ops, &w);
	if (smsc_subscriber_add(w.smsc, "001010000000001", "491700000001") < 0)
		abort();
	w.session = smsc_session_open(w.smsc, w.now);
	for (rd_init(&r, bytes_of(data, size)); rd_left(&r) >= 2;) {
		uint8_t kind = rd_u8(&r);
		size_t len = rd_u8(&r);

		chunk(&w, kind, rd_bytes(&r, len < rd_left(&r) ? len : rd_left(&r)));
	}
	talloc_free(w.smsc);
	return 0;
}
