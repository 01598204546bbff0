/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Choice of the bearer, and its SMS half: one script in one SCP80 packet.  SGP.02 ES5, TS 102 226.
 *
 * A script of one C-APDU takes the definite form, which every card reads; it gives the last answer back.  Several
 * commands, and SCP03t, take the indefinite form, which gives back all answers. */
#include "smsr/bearer.h"

#include <errno.h>

#include <talloc.h>

#include "common/codec/ber.h"
#include "scp80/apdu_text.h"
#include "scp80/concat.h"
#include "scp80/script.h"
#include "smsr/cmd.h"
#include "smsr/https.h"
#include "smsr/op_proc.h"

#define TAG_CMD_DEFINITE 0xaa
/* Template, header, padding and checksum of a packet, at most. */
#define PACKET_OVERHEAD 64
#define TAR_AT 12 /* in an AID of 16 octets (SGP.02 Annex H) */

static bool is_one_capdu(struct bytes cmds)
{
	struct ber t;
	struct rd r;

	rd_init(&r, cmds);
	return ber_next(&r, &t) && t.tag == SCRIPT_CAPDU && rd_left(&r) == 0;
}

static int script_of(const void *ctx, struct bytes cmds, struct bytes *script)
{
	struct wr w;

	wr_init(&w, ctx);
	if (is_one_capdu(cmds)) {
		ber_put(&w, TAG_CMD_DEFINITE, cmds);
	} else {
		wr_bytes(&w, BYTES_LIT("\xae\x80"));
		wr_bytes(&w, cmds);
		wr_u16(&w, 0);
	}
	return wr_end(&w, script);
}

static int tar_of(const struct euicc *e, struct bytes target, struct bytes *tar)
{
	if (bytes_eq(target, e->isdr_aid))
		*tar = BYTES_ARR(e->isdr_tar);
	else if (target.len == AID_MAX)
		*tar = bytes_sub(target, TAR_AT, sizeof(e->isdr_tar));
	else
		return -ENOTSUP;
	return 0;
}

/* How a command that could not be sent ends its operation. */
static int sent(struct smsr *s, struct op_run *r, enum op_state state, int rc)
{
	if (rc == -ENOKEY)
		return op_fail(s, r, ES_FAILED, ES_SC_INTERNAL, NULL, "no usable SCP80 key set of the ISD-R");
	if (rc == -EINVAL)
		return op_fail(s, r, ES_FAILED, ES_SC_CONDITIONAL_MISSING, NULL,
			       "the profile to be addressed has no MSISDN");
	if (rc == -ENOTSUP)
		return op_fail(s, r, ES_FAILED, ES_SC_ISDP_ERROR, NULL, "the AID of the ISD-P has no TAR in it");
	if (rc < 0 && !db_broken(s->db))
		return op_fail(s, r, ES_FAILED, ES_SC_INTERNAL, NULL,
			       "the command could not be sealed: see the log of the SM-SR");
	return rc < 0 ? rc : op_await(s, r, state);
}

bool bearer_fits_sms(struct smsr *s, const struct bearer_job *job)
{
	unsigned int n = ud_segments(job->cmds.len + PACKET_OVERHEAD, false);

	return n > 0 && n <= s->cfg->limits.sms_parts_max;
}

int bearer_send_sms(struct smsr *s, struct op_run *r, enum op_state state, const struct bearer_job *job)
{
	void *ctx = turn_ctx(s->turn);
	struct bytes script, tar;
	int rc = tar_of(&r->euicc, job->target, &tar);

	if (rc == 0 && !bearer_fits_sms(s, job))
		return op_fail(s, r, ES_FAILED, ES_SC_ISDP_ERROR, NULL,
			       "too long for short messages, and the card is not to be reached by HTTPS");
	if (rc == 0)
		rc = script_of(ctx, job->cmds, &script);
	if (rc == 0)
		rc = cmd_send_packet(s, r, job->kind, tar, script, script_cmd_text(ctx, script), job->dest);
	return sent(s, r, state, rc);
}

int bearer_send(struct smsr *s, struct op_run *r, enum op_state state, const struct bearer_job *job)
{
	bool https;
	int rc = https_wanted(s, r, job, bearer_fits_sms(s, job), &https);

	if (rc < 0)
		return rc;
	return https ? sent(s, r, state, https_send(s, r, job)) : bearer_send_sms(s, r, state, job);
}
