/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sessions of SCP03 and SCP03t as one JSON object: what the SM-DP sends and, where the card's answers are given, what
 * they hold.  Field names as in tests/vectors/es8.json.  Session keys stay inside; cryptograms and MACs are shown. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp03/scp03t.h"
#include "tools/otatool/tool.h"

#define COUNTER_LEN 3

struct session {
	struct scp03_keys keys;
	struct scp03 *off;
	const uint8_t *host;
	uint8_t rsp[SCP03_INIT_RSP_LEN]; /* what the card must answer */
};

static struct bytes member_hex(struct job *job, const json_t *object, const char *key, bool needed)
{
	const char *text = json_string_value(json_object_get(object, key));
	struct bytes b = {0};

	if (text ? hex_dec(job->ctx, text, &b) < 0 : needed)
		job_fail(job, TOOL_USAGE, "%s: %s", key, text ? "must be hex" : "missing");
	return b;
}

static const struct key *static_key(struct job *job, const json_t *keys, const char *name)
{
	struct bytes value = member_hex(job, keys, name, true);
	struct key *key = NULL;

	if (job_ok(job) && key_import(job->ctx, KEY_AES, value, &key) < 0)
		job_fail(job, TOOL_USAGE, "static_keys: %s: no AES key", name);
	return key;
}

static bool keys_read(struct job *job, struct scp03_keys *keys)
{
	const json_t *object = in_json(job, "static_keys");
	struct bytes kvn = member_hex(job, object, "KVN", false);
	struct rd r;

	rd_init(&r, kvn);
	keys->kvn = kvn.len ? rd_u8(&r) : 0x30;
	keys->enc = static_key(job, object, "ENC");
	keys->mac = static_key(job, object, "MAC");
	keys->dek = static_key(job, object, "DEK");
	return job_ok(job);
}

/* The card's half gives the answer that INITIALIZE UPDATE must have. */
static bool session_open(struct job *job, struct session *s)
{
	struct bytes aid = in_hex_needed(job, "sd_aid"), host = in_hex_needed(job, "host_challenge");
	uint32_t counter = (uint32_t)in_num(job, "sequence_counter", COUNTER_LEN);
	uint8_t challenge[SCP03_CHALLENGE_LEN];
	struct scp03 *card;

	if (!keys_read(job, &s->keys) || !job_ok(job))
		return false;
	if (host.len != SCP03_CHALLENGE_LEN) {
		job_fail(job, TOOL_USAGE, "host_challenge: must be 8 octets");
		return false;
	}
	s->host = host.data;
	if (job_failed(job, scp03_predict(job->crypto, &s->keys, aid, counter, challenge), "session") ||
	    job_failed(job, scp03_open(job->crypto, job->ctx, &s->keys, s->host, challenge, &s->off), "session") ||
	    job_failed(job, scp03_card_init(job->crypto, job->ctx, &s->keys, aid, counter, host, &card, s->rsp),
		       "session"))
		return false;
	out_hex(job, "card_challenge", BYTES_ARR(challenge));
	return true;
}

static struct wr writer(const struct job *job)
{
	struct wr w;

	wr_init(&w, job->ctx);
	return w;
}

static struct bytes written(const struct wr *w)
{
	return bytes_of(w->buf, w->len);
}

static json_t *command_list(struct job *job)
{
	json_t *list = json_array();

	OSMO_ASSERT(list && json_object_set_new(job->out, "commands", list) == 0);
	return list;
}

static void put(json_t *object, const char *key, json_t *value)
{
	OSMO_ASSERT(value && json_object_set_new(object, key, value) == 0);
}

/* ---- SCP03 ---- */

static void answer_apdu(struct job *job, struct session *s, const json_t *in, json_t *out)
{
	struct bytes rapdu = member_hex(job, in, "response_protected", false);
	struct wr data = writer(job), status = writer(job);
	uint16_t sw;

	if (rapdu.len == 0 || job_failed(job, scp03_unwrap(s->off, rapdu, &data, &sw), "response_protected"))
		return;
	put(out, "response_plain", hex_value(job, written(&data)));
	wr_u16(&status, sw);
	put(out, "sw", hex_value(job, written(&status)));
}

static void commands_apdu(struct job *job, struct session *s)
{
	json_t *list = command_list(job), *out;
	const json_t *v;
	size_t i;

	json_array_foreach (in_json(job, "commands"), i, v) {
		struct bytes plain = member_hex(job, v, "plain", true);
		struct wr cmd = writer(job);

		if (!job_ok(job) || job_failed(job, scp03_wrap(s->off, plain, &cmd), "command"))
			return;
		out = json_object();
		OSMO_ASSERT(out && json_array_append_new(list, out) == 0);
		put(out, "protected", hex_value(job, written(&cmd)));
		answer_apdu(job, s, v, out);
	}
}

void tool_scp03(struct job *job)
{
	struct bytes rsp = in_hex(job, "init_update_response");
	struct wr init = writer(job), auth = writer(job);
	struct session s;

	if (!session_open(job, &s))
		return;
	scp03_put_init(s.keys.kvn, s.host, &init);
	if (job_failed(job, scp03_put_auth(s.off, &auth), "ext_auth"))
		return;
	out_hex(job, "init_update", written(&init));
	out_hex(job, "init_update_response", BYTES_ARR(s.rsp));
	out_hex(job, "ext_auth", written(&auth));
	if (rsp.len == SCP03_INIT_RSP_LEN + 2)
		rsp.len = SCP03_INIT_RSP_LEN;
	if (!job_failed(job, scp03_rx_init(s.off, rsp.len ? rsp : BYTES_ARR(s.rsp)), "init_update_response"))
		commands_apdu(job, &s);
}

/* ---- SCP03t ---- */

/* Take one answer TLV.  \returns false when it is refused */
static bool answer_tlv(struct job *job, struct session *s, struct bytes tlv, const char *what, struct wr *plain)
{
	struct scp03t_answer a;
	struct rd r;
	int rc;

	rd_init(&r, tlv);
	if (!scp03t_answer_next(&r, &a) || rd_end(&r) < 0) {
		job_fail(job, TOOL_REFUSED, "%s: malformed", what);
		return false;
	}
	rc = scp03t_rx(s->off, &a, plain);
	if (rc == -ECONNABORTED)
		job_fail(job, TOOL_REFUSED, "%s: the card says: %s", what, scp03t_error_name(a.error));
	return !job_failed(job, rc, what);
}

static void explain_response(struct job *job, struct bytes plain, json_t *out)
{
	const struct pe_result *bad;
	struct euicc_response rsp;

	put(out, "response_plain", hex_value(job, plain));
	if (euicc_response_dec(plain, &rsp) < 0)
		return;
	bad = euicc_response_failure(&rsp);
	put(out, "installed", json_boolean(euicc_response_ok(&rsp)));
	put(out, "status", json_integer(bad ? bad->status : PE_OK));
	put(out, "status_text", json_string(pe_status_name(bad ? bad->status : PE_OK)));
}

static void segments(struct job *job, struct session *s)
{
	json_t *list = command_list(job), *out;
	const json_t *v;
	size_t i;

	json_array_foreach (in_json(job, "commands"), i, v) {
		struct bytes plain = member_hex(job, v, "plain", true), rsp = member_hex(job, v, "response_tlv", false);
		struct wr tlv = writer(job), data = writer(job);

		if (!job_ok(job) || job_failed(job, scp03t_seal(s->off, plain, &tlv), "segment"))
			return;
		out = json_object();
		OSMO_ASSERT(out && json_array_append_new(list, out) == 0);
		put(out, "tlv_86", hex_value(job, written(&tlv)));
		if (rsp.len && !answer_tlv(job, s, rsp, "response_tlv", &data))
			return;
		if (data.len)
			explain_response(job, written(&data), out);
	}
}

void tool_scp03t(struct job *job)
{
	struct bytes rsp = in_hex(job, "init_update_response"), auth_rsp = in_hex(job, "ext_auth_response");
	struct wr init = writer(job), auth = writer(job), own = writer(job), none = writer(job);
	struct session s;

	if (!session_open(job, &s))
		return;
	scp03t_put_init(s.keys.kvn, s.host, &init);
	if (job_failed(job, scp03t_put_auth(s.off, &auth), "ext_auth_85"))
		return;
	ber_put(&own, 0x84, BYTES_ARR(s.rsp));
	out_hex(job, "init_update_84", written(&init));
	out_hex(job, "init_update_response", written(&own));
	out_hex(job, "ext_auth_85", written(&auth));
	if (answer_tlv(job, &s, rsp.len ? rsp : written(&own), "init_update_response", &none) &&
	    answer_tlv(job, &s, auth_rsp.len ? auth_rsp : BYTES_LIT("\x85\x00"), "ext_auth_response", &none))
		segments(job, &s);
}
