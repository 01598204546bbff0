/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Response packets (PoR): find the command, verify, tell its operation.  TS 102 225 §5.2.
 *
 * The sender's number leads to the eUICCs that may have it and so to their keys: the checksum says which one it was.
 * The counter inside, once verified, names the command.  What cannot be verified completes nothing. */
#include <errno.h>
#include <string.h>

#include <talloc.h>

#include "common/app/log.h"
#include "scp80/apdu_text.h"
#include "scp80/sp.h"
#include "smsr/cmd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "smsr/mo.h"

#define RECENT 8
#define CANDIDATES 8 /* eUICCs that claim one number: a mistake, or somebody who wants to be in the way */

static int reject(struct smsr *s, const char *source, const char *why)
{
	smsr_count(s, CTR_POR_REJECTED);
	LOGP(DSCP80, LOGL_NOTICE, "response packet from %s rejected: %s\n", source, why);
	return 0;
}

static int open_with(struct smsr *s, const struct euicc *e, const struct command *cmd, struct bytes pkt,
		     struct sp_por *por)
{
	void *ctx = turn_ctx(s->turn);
	struct sp_hdr hdr = {.kic = cmd->kic, .kid = cmd->kid, .cntr = cmd->cntr};
	struct sp_keys keys;
	struct keyset ks;
	uint8_t kic, kid;
	struct wr plain;
	int rc = eis_db_keyset_by_id(s->db, cmd->keyset_id, &ks);

	if (rc == 0)
		rc = cmd_keys(s, ctx, e, &ks, &keys, &kic, &kid);
	if (rc == 0)
		rc = spi_dec(cmd->spi, &hdr.spi);
	if (rc < 0)
		return rc;
	wr_init(&plain, ctx);
	return sp_por_open(&keys, SP_SMS, &hdr, pkt, &plain, por);
}

static struct command *find(struct command *cmds, size_t n, const struct sp_por *por)
{
	for (size_t i = 0; i < n; i++) {
		struct rd r;

		rd_init(&r, BYTES_ARR(cmds[i].tar));
		if (cmds[i].cntr == por->cntr && rd_uint(&r, sizeof(cmds[i].tar)) == por->tar)
			return &cmds[i];
	}
	return NULL;
}

static int executed(struct smsr *s, struct command *cmd, struct bytes data)
{
	struct op_input in = {.event = OP_EV_ANSWER, .cmd = cmd};
	struct script_rsp script;
	int rc;

	if (script_rsp_dec(data, &script) == 0) {
		in.script = &script;
		in.rsp = script.body;
	}
	rc = op_note(s, cmd->op_id, STEP_POR, "counter %llu: %s", (unsigned long long)cmd->cntr,
		     in.script ? script_rsp_text(turn_ctx(s->turn), data) : "the answer cannot be read");
	if (rc == 0)
		rc = cmd_close(s, cmd, CMD_ST_ANSWERED);
	return rc < 0 ? rc : op_event(s, cmd->op_id, &in);
}

static int not_executed(struct smsr *s, struct command *cmd, uint8_t status)
{
	/* "Too high" is no stale copy: a jump ahead would only lose the card for good. */
	bool stale = status == SP_ST_CNTR_LOW;
	struct op_input in = {.event = stale ? OP_EV_STALE : OP_EV_REFUSED, .cmd = cmd, .por_status = status};
	int rc = cmd_close(s, cmd, CMD_ST_ANSWERED);

	return rc < 0 ? rc : op_event(s, cmd->op_id, &in);
}

static int answered(struct smsr *s, struct command *cmd, const struct sp_por *por)
{
	int rc;

	smsr_count(s, CTR_POR);
	if (cmd->state != CMD_ST_OPEN)
		return op_note(s, cmd->op_id, STEP_POR, "late or repeated answer to counter %llu: ignored",
			       (unsigned long long)cmd->cntr);
	if (por->status == SP_ST_OK && cmd->kind != CMD_TRIGGER)
		return executed(s, cmd, por->data);
	rc = op_note(s, cmd->op_id, STEP_POR, "counter %llu: status %u, %s", (unsigned long long)cmd->cntr, por->status,
		     sp_status_name(por->status));
	/* The answer proper follows. */
	if (rc < 0 || por->status == SP_ST_MORE_TIME || por->status == SP_ST_BY_SUBMIT || por->status == SP_ST_BY_USSD)
		return rc;
	return cmd->kind == CMD_TRIGGER ? https_trigger_answered(s, cmd, por->status)
					: not_executed(s, cmd, por->status);
}

static int unsecured(struct smsr *s, const char *source, struct command *cmd, struct bytes pkt)
{
	struct sp_por_peek peek;
	int rc = reject(s, source, "it bears no checksum");

	if (rc == 0 && cmd->state == CMD_ST_OPEN && sp_por_peek(SP_SMS, pkt, &peek) == 0)
		rc = op_note(s, cmd->op_id, STEP_POR, "unauthenticated answer ignored: status %u, %s", peek.status,
			     sp_status_name(peek.status));
	return rc;
}

/* Is it from this card?  \returns 1 when that is settled and dealt with; 0 when another may have sent it, with the
 * reason in why */
static int try_euicc(struct smsr *s, const char *source, int64_t euicc_id, struct bytes pkt, const char **why)
{
	struct command cmds[RECENT], *cmd;
	void *ctx = turn_ctx(s->turn);
	struct sp_por por;
	struct euicc e;
	size_t n = 0;
	int rc = eis_db_get(ctx, s->db, euicc_id, &e);

	if (rc == 0)
		rc = cmd_db_recent(ctx, s->db, euicc_id, cmds, RECENT, &n);
	if (rc < 0)
		return rc;
	*why = "nothing was sent to this card";
	if (n == 0)
		return 0;
	/* All recent commands are under the same key set and SPI, unless the key set has just changed. */
	rc = open_with(s, &e, &cmds[0], pkt, &por);
	if (rc < 0 && db_broken(s->db))
		return rc;
	if (rc == -EACCES) {
		rc = unsecured(s, source, &cmds[0], pkt);
		return rc < 0 ? rc : 1;
	}
	*why = rc == -EBADMSG ? "wrong checksum" : "it cannot be read";
	if (rc < 0)
		return 0;
	cmd = find(cmds, n, &por);
	rc = cmd ? answered(s, cmd, &por) : reject(s, source, "its counter belongs to no command");
	return rc < 0 ? rc : 1;
}

int por_rx(struct smsr *s, const char *source, struct bytes pkt)
{
	const char *why = "no eUICC has this number";
	int64_t ids[CANDIDATES];
	size_t n = 0;
	int rc = eis_db_candidates(s->db, source, ids, CANDIDATES, &n);

	if (rc == 0 && n == 0)
		smsr_count(s, CTR_MO_UNKNOWN);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = try_euicc(s, source, ids[i], pkt, &why);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return reject(s, source, why);
}
