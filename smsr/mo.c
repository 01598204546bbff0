/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What service centres deliver: parts are stored until a packet is whole, then it goes to por.c or notif.c.
 *
 * Bounds against a sender that floods us: parts of one message (limits_cfg.sms_parts_max, at most 16), unfinished
 * messages of one sender, and the age of an unfinished message (retention in engine.c). */
#include "smsr/mo.h"

#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "scp80/concat.h"
#include "smsr/cmd_db.h"

#define MO_PARTS_MAX 16
#define MO_OPEN_MAX 64

struct ack {
	struct smsr *s;
	char *smsc;
	uint64_t token;
};

static void emit_ack(void *priv, void *data)
{
	struct smsr *s = priv;
	const struct ack *ack = data;

	s->ports->sms_ack(s->ports_priv, ack->smsc, ack->token, true);
}

void mo_ack(struct smsr *s, const char *smsc, uint64_t token)
{
	struct ack *ack = talloc_zero(turn_ctx(s->turn), struct ack);

	OSMO_ASSERT(ack);
	ack->smsc = talloc_strdup(ack, smsc);
	ack->token = token;
	turn_output(s->turn, emit_ack, s, ack);
}

static int packet_rx(struct smsr *s, const char *source, enum ud_kind kind, struct bytes pkt)
{
	switch (kind) {
	case UD_COMMAND:
		return notif_rx(s, source, pkt);
	case UD_RESPONSE:
		return por_rx(s, source, pkt);
	case UD_OTHER:
		break;
	}
	return 0;
}

/* Rows keep the kind with the payload: only the first part tells it. */
static struct bytes row_of(const void *ctx, const struct ud_part *part)
{
	struct bytes row = bytes_of(NULL, 0);
	struct wr w;

	wr_init(&w, ctx);
	wr_u8(&w, part->kind);
	wr_bytes(&w, part->payload);
	OSMO_ASSERT(wr_end(&w, &row) == 0);
	return row;
}

static int join(struct smsr *s, const char *source, const struct mo_key *key)
{
	void *ctx = turn_ctx(s->turn);
	struct bytes rows[MO_PARTS_MAX], pkt;
	enum ud_kind kind = UD_OTHER;
	struct wr w;
	int rc = cmd_db_mo_all(ctx, s->db, key, rows);

	if (rc < 0)
		return rc == -EAGAIN ? 0 : rc;
	wr_init(&w, ctx);
	for (int i = 0; i < key->total; i++) {
		struct rd r;

		rd_init(&r, rows[i]);
		if (i == 0)
			kind = (enum ud_kind)rd_u8(&r);
		else
			rd_u8(&r);
		wr_bytes(&w, rd_rest(&r));
	}
	rc = wr_end(&w, &pkt);
	if (rc == 0)
		rc = cmd_db_mo_drop(s->db, key);
	return rc < 0 ? rc : packet_rx(s, source, kind, pkt);
}

static int part_rx(struct smsr *s, const char *source, const struct ud_part *part)
{
	const struct mo_key key = {
		.sender = source,
		.ref = part->ref16 ? part->ref + 0x10000 : part->ref,
		.total = part->total,
	};
	int64_t others;
	int rc;

	if (part->total > MO_PARTS_MAX || part->total > s->cfg->limits.sms_parts_max) {
		LOGP(DSMS, LOGL_NOTICE, "message of %u parts from %s dropped\n", part->total, source);
		return 0;
	}
	rc = cmd_db_mo_others(s->db, &key, &others);
	if (rc == 0 && others >= MO_OPEN_MAX) {
		LOGP(DSMS, LOGL_NOTICE, "%s has %lld unfinished messages: part dropped\n", source, (long long)others);
		return 0;
	}
	if (rc == 0)
		rc = cmd_db_mo_add(s->db, &key, part->index, row_of(turn_ctx(s->turn), part), clock_now_ms());
	if (rc == -EALREADY)
		return 0;
	if (rc == -EPROTO) {
		/* The card uses the reference again: the older message lost a part and will never be whole. */
		LOGP(DSMS, LOGL_NOTICE, "%s reuses a reference: the unfinished message before is dropped\n", source);
		rc = cmd_db_mo_drop(s->db, &key);
		if (rc == 0)
			rc = cmd_db_mo_add(s->db, &key, part->index, row_of(turn_ctx(s->turn), part), clock_now_ms());
	}
	return rc < 0 ? rc : join(s, source, &key);
}

int smsr_ev_mo(void *smsr, void *sms_mo)
{
	const struct sms_mo *mo = sms_mo;
	struct smsr *s = smsr;
	struct ud_part part;

	mo_ack(s, mo->smsc, mo->token);
	if (ud_dec(mo->udhi, mo->ud, &part) < 0) {
		LOGP(DSMS, LOGL_INFO, "message from %s is no secured packet: ignored\n", mo->source);
		smsr_count(s, CTR_MO_UNKNOWN);
		return 0;
	}
	if (part.total > 1)
		return part_rx(s, mo->source, &part);
	return packet_rx(s, mo->source, part.kind, part.payload);
}
