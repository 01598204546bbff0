/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* otatool segment and reassemble: user data of short messages, and on demand the TPDUs and ENVELOPE commands around it.
 */
#include "tools/otatool/tool.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp80/concat.h"
#include "scp80/sms.h"

/* Time stamp of a TPDU when the job names none: 2000-01-01 00:00:00 UTC in swapped BCD. */
#define SCTS_DEFAULT "\x00\x10\x10\x00\x00\x00\x00"

struct split {
	struct bytes *ud;
	size_t n;
};

static struct bytes written(struct job *job, int rc, const struct wr *w, const char *doing)
{
	struct bytes b = {0};

	if (!job_failed(job, rc, doing))
		job_failed(job, wr_end(w, &b), doing);
	return b;
}

static struct split split_packet(struct job *job, const struct ud_msg *msg)
{
	struct split s = {.n = ud_segments(msg->pkt.len, msg->ref16)};

	if (s.n == 0)
		job_failed(job, -ENOSPC, "segment");
	s.ud = talloc_zero_size(job->ctx, (s.n + 1) * sizeof(struct bytes));
	OSMO_ASSERT(s.ud);
	for (unsigned int i = 1; i <= s.n; i++) {
		struct wr w;
		int rc;

		wr_init(&w, job->ctx);
		rc = ud_enc(msg, i, &w);
		s.ud[i - 1] = written(job, rc, &w, "segment");
	}
	return s;
}

static void in_address(struct job *job, const char *key, struct sms_addr *addr)
{
	const char *text = in_str(job, key);

	if (text && sms_addr_set(addr, 0x91, text) < 0)
		job_fail(job, TOOL_USAGE, "%s: must be a number of at most %d digits", key, SMS_ADDR_DIGITS_MAX);
}

static struct bytes envelope(struct job *job, struct bytes tpdu)
{
	struct sms_addr smsc;
	struct wr w;
	int rc;

	in_address(job, "smsc", &smsc);
	if (!job_ok(job))
		return tpdu;
	wr_init(&w, job->ctx);
	rc = sms_envelope_enc(in_has(job, "smsc") ? &smsc : NULL, tpdu, &w);
	return written(job, rc, &w, "envelope");
}

/* One value as a string, as the vectors have it; several as an array. */
static void out_one_or_many(struct job *job, const char *key, const struct bytes *list, size_t n)
{
	if (n == 1)
		out_hex(job, key, list[0]);
	else
		out_hex_list(job, key, list, n);
}

static void out_tpdus(struct job *job, const struct split *s)
{
	struct sms_deliver d = {.udhi = true, .pid = SMS_PID_USIM_DOWNLOAD, .dcs = SMS_DCS_CLASS2_8BIT};
	struct bytes *tpdu = talloc_zero_size(job->ctx, (s->n) * sizeof(struct bytes));
	struct bytes *env = talloc_zero_size(job->ctx, (s->n) * sizeof(struct bytes));
	struct bytes scts = in_has(job, "scts") ? in_hex(job, "scts") : BYTES_LIT(SCTS_DEFAULT);

	OSMO_ASSERT(tpdu && env);
	in_address(job, "oa", &d.oa);
	if (scts.len != sizeof(d.scts))
		job_fail(job, TOOL_USAGE, "scts: must be 7 octets");
	if (!job_ok(job))
		return;
	memcpy(d.scts, scts.data, sizeof(d.scts));
	for (size_t i = 0; i < s->n && job_ok(job); i++) {
		struct wr w;
		int rc;

		d.more = i + 1 < s->n;
		d.ud = s->ud[i];
		wr_init(&w, job->ctx);
		rc = sms_deliver_enc(&d, &w);
		tpdu[i] = written(job, rc, &w, "sms_deliver_tpdu");
		env[i] = envelope(job, tpdu[i]);
	}
	out_one_or_many(job, "sms_deliver_tpdu", tpdu, s->n);
	out_one_or_many(job, "envelope_apdu", env, s->n);
}

void out_segments(struct job *job, struct bytes pkt)
{
	struct ud_msg msg = {.kind = in_is_response(job) ? UD_RESPONSE : UD_COMMAND, .pkt = pkt};
	struct split s;

	msg.ref16 = json_is_true(json_object_get(job->in, "ref16"));
	msg.ref = (uint16_t)in_int(job, "concat_ref", 0, msg.ref16 ? 0xffff : 0xff);
	if (!job_ok(job))
		return;
	s = split_packet(job, &msg);
	if (!job_ok(job))
		return;
	out_int(job, "segments", (unsigned int)s.n);
	if (s.n > 1)
		out_int(job, "concat_ref", msg.ref);
	out_hex_list(job, "expected_sms_tpdu_user_data", s.ud, s.n);
	if (in_has(job, "oa"))
		out_tpdus(job, &s);
}

void tool_segment(struct job *job)
{
	const char *field = in_is_response(job) ? "expected_response_packet" : "expected_command_packet";
	struct bytes pkt = in_hex_needed(job, in_has(job, "packet") ? "packet" : field);

	if (job_ok(job))
		out_segments(job, pkt);
}

/* ---- back ---- */

/* What a short message brings: user data and where it came from. */
struct arrival {
	bool udhi;
	struct bytes ud;
	struct reasm_from from;
};

static int arrival_of_tpdu(struct job *job, struct bytes b, struct arrival *a)
{
	struct sms_deliver d;
	struct sms_submit s;
	struct bytes tpdu = b;
	int rc;

	(void)!sms_envelope_dec(b, &tpdu);
	rc = sms_deliver_dec(tpdu, &d);
	if (rc == 0) {
		*a = (struct arrival){.udhi = d.udhi, .ud = d.ud, .from = {.pid = d.pid, .dcs = d.dcs}};
		a->from.sender = bytes_dup(job->ctx, bytes_str(d.oa.digits));
		return 0;
	}
	if (sms_submit_dec(tpdu, &s) < 0)
		return rc;
	*a = (struct arrival){.udhi = s.udhi, .ud = s.ud, .from = {.pid = s.pid, .dcs = s.dcs}};
	return 0;
}

static int take(struct job *job, struct reasm *r, const struct arrival *a, struct reasm_msg *msg)
{
	struct ud_part part;
	int rc = ud_dec(a->udhi, a->ud, &part);

	return rc < 0 ? rc : reasm_add(r, job->ctx, &a->from, &part, 0, msg);
}

static int take_all(struct job *job, const char *field, struct reasm_msg *msg)
{
	struct reasm *r = reasm_alloc(job->ctx, &reasm_limits_default);
	bool tpdus = strcmp(field, "expected_sms_tpdu_user_data") != 0;
	struct bytes *list;
	size_t n = in_hex_list(job, field, &list);
	int rc = -EAGAIN;

	for (size_t i = 0; i < n && job_ok(job) && (rc == -EAGAIN || rc == -EALREADY); i++) {
		struct arrival a = {.udhi = true, .ud = list[i]};

		rc = tpdus ? arrival_of_tpdu(job, list[i], &a) : 0;
		if (rc == 0)
			rc = take(job, r, &a, msg);
	}
	out_int(job, "segments", (unsigned int)n);
	return rc == -EALREADY ? -EAGAIN : rc;
}

void tool_reassemble(struct job *job)
{
	static const char *const fields[] = {"expected_sms_tpdu_user_data", "sms_deliver_tpdu", "sms_submit_tpdu",
					     "envelope_apdu"};
	struct reasm_msg msg = {0};
	size_t i = 0;

	while (i < ARRAY_SIZE(fields) && !in_has(job, fields[i]))
		i++;
	if (i == ARRAY_SIZE(fields)) {
		job_fail(job, TOOL_USAGE,
			 "expected_sms_tpdu_user_data: missing (or sms_deliver_tpdu, sms_submit_tpdu, envelope_apdu)");
		return;
	}
	if (job_failed(job, take_all(job, fields[i], &msg), "reassemble") || !job_ok(job))
		return;
	out_str(job, "type", msg.kind == UD_RESPONSE ? "response" : "command");
	out_hex(job, msg.kind == UD_RESPONSE ? "expected_response_packet" : "expected_command_packet", msg.pkt);
}
