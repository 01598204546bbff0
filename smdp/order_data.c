/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The package on its way: SCP03t over SendData, a piece of the SM-SR's size in each call.
 *
 * A piece is sealed when it is its turn: the package is clear for that long, and the session stays in memory.  When the
 * process ends, the session is gone and no octet is sealed under its keys again.  What happens then:
 *
 *   1. the call that is open is repeated under its FunctionCallIdentifier until its answer comes;
 *   2. the answer is an error, or there was more to come: a new session in the same ISD-P, with the next counter and
 * the package from its beginning; or, if the SM-SR's settings forbid that or there were enough of them, another ISD-P;
 *   3. it was the last piece, and its answer cannot be opened: the card is audited.  A profile that is there is
 *      complete; else as in 2. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/rnd.h"
#include "scp03/scp03t.h"
#include "smdp/keys_db.h"
#include "smdp/order_steps.h"
#include "smdp/stock.h"

static int broken(struct smdp *s, struct order_run *r, int rc, const char *what)
{
	return db_broken(s->db) ? rc : step_fail_with(s, r, ES_SC_INTERNAL, "%s (error %d)", what, -rc);
}

/* ---- sealing ---- */

static int seal(struct smdp *s, struct order_mem *m, struct bytes piece, struct wr *w)
{
	size_t max = s->cfg->download.segment;
	int rc = 0;

	for (size_t off = 0; rc == 0 && off < piece.len; off += max)
		rc = scp03t_seal(m->session, bytes_sub(piece, off, OSMO_MIN(max, piece.len - off)), w);
	return rc;
}

static size_t chunk_of(struct smdp *s, const struct order_run *r)
{
	const struct smsr_peer *p = smdp_cfg_smsr(s->cfg, r->o.smsr_oid);

	return p ? p->chunk : SCP03T_SEGMENT_MAX;
}

static int send_piece(struct smdp *s, struct order_run *r, struct order_mem *m, struct wr *w)
{
	struct bytes package, data;
	size_t n;
	int rc = stock_open_package(s->stock, turn_ctx(s->turn), r->d.item_id, &package);

	if (rc < 0)
		return broken(s, r, rc, "the package cannot be opened");
	r->d.package_len = (int64_t)package.len;
	n = OSMO_MIN(chunk_of(s, r), package.len - OSMO_MIN(package.len, (size_t)r->d.sent));
	rc = seal(s, m, bytes_sub(package, OSMO_MIN(package.len, (size_t)r->d.sent), n), w);
	talloc_free((void *)package.data);
	if (rc == 0)
		rc = wr_end(w, &data);
	if (rc < 0)
		return broken(s, r, rc, "the package cannot be sealed");
	r->d.sent += (int64_t)n;
	smdp_count_n(s, CTR_DATA_OCTETS, (int)n);
	return step_send_data(s, r, ORDER_ST_DATA, r->d.aid, data, r->d.sent < r->d.package_len);
}

/* ---- sessions ---- */

static int open_session(struct smdp *s, struct order_run *r, struct order_mem *m, uint32_t counter, struct wr *w)
{
	const struct scp03_keys keys = {.kvn = m->keys.kvn, .enc = m->keys.enc, .mac = m->keys.mac, .dek = m->keys.dek};
	uint8_t host[SCP03_CHALLENGE_LEN], card[SCP03_CHALLENGE_LEN];
	int rc = scp03_predict(s->crypto, &keys, r->d.aid, counter, card);

	rnd_bytes(host, sizeof(host));
	TALLOC_FREE(m->session);
	if (rc == 0)
		rc = scp03_open(s->crypto, m, &keys, host, card, &m->session);
	if (rc < 0)
		return rc;
	scp03t_put_init(keys.kvn, host, w);
	return scp03t_put_auth(m->session, w);
}

static int count_session(struct smdp *s, struct order_run *r, uint32_t counter)
{
	struct isdp_keys row;
	int rc = keys_db_get(turn_ctx(s->turn), s->db, r->o.eid, r->o.iccid, &row);

	if (rc < 0)
		return rc;
	row.seq = counter;
	r->d.sessions++;
	r->d.sent = r->d.done = 0;
	return keys_db_update(s->db, &row);
}

int data_begin(struct smdp *s, struct order_run *r, uint32_t counter)
{
	struct order_mem *m = order_mem_get(s, r->o.id);
	uint32_t seq;
	struct wr w;
	int rc = 0;

	if (!m->keys.enc)
		rc = keys_load(s, m, r, &m->keys, &seq);
	if (rc == 0)
		rc = count_session(s, r, counter);
	wr_init(&w, turn_ctx(s->turn));
	if (rc == 0)
		rc = open_session(s, r, m, counter, &w);
	return rc < 0 ? broken(s, r, rc, "no SCP03t session can be opened") : send_piece(s, r, m, &w);
}

int data_again(struct smdp *s, struct order_run *r, const char *why)
{
	const struct smsr_peer *p = smdp_cfg_smsr(s->cfg, r->o.smsr_oid);
	struct ecka_keys keys;
	uint32_t seq;
	int rc;

	if (!p || p->no_second_session || r->d.sessions >= (int)s->cfg->download.session_tries)
		return step_again(s, r, why);
	rc = keys_load(s, turn_ctx(s->turn), r, &keys, &seq);
	if (rc < 0)
		return broken(s, r, rc, "the key set cannot be opened");
	rc = order_note(s, r->o.id, STEP_DATA, "%s: a new session, the package from its beginning", why);
	return rc < 0 ? rc : data_begin(s, r, seq + 1);
}

/* ---- answers ---- */

/* How many answers the open call must bring. */
static unsigned int answers_due(struct smdp *s, const struct order_run *r)
{
	size_t piece = (size_t)(r->d.sent - r->d.done), max = s->cfg->download.segment;

	return (unsigned int)((piece + max - 1) / max) + (r->d.done == 0 ? 2 : 0);
}

/* \param[in] is_last  it is the answer to the last segment that was sent */
static int installed(struct smdp *s, struct order_run *r, struct bytes plain, bool is_last)
{
	struct euicc_response rsp;
	const struct pe_result *bad;
	bool full;
	int rc = 0;

	if (euicc_response_dec(plain, &rsp) < 0)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "the EUICCResponse cannot be read");
	bad = euicc_response_failure(&rsp);
	full = bad && bad->status == PE_NOT_ENOUGH_MEMORY;
	if (!euicc_response_ok(&rsp))
		return step_fail_with(s, r, full ? ES_SC_MEMORY : ES_SC_ISDP_ERROR,
				      "the eUICC aborted the installation: %s, PE %d",
				      bad ? pe_status_name(bad->status) : "no reason", bad ? bad->identification : -1);
	if (!is_last || r->d.sent < r->d.package_len)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "the eUICC ended the installation early");
	if (bad)
		rc = order_note(s, r->o.id, STEP_DATA, "installed with a warning: %s, PE %d",
				pe_status_name(bad->status), bad->identification);
	r->d.done = r->d.sent;
	return rc < 0 ? rc : step_completed(s, r);
}

static int progress(struct smdp *s, struct order_run *r)
{
	struct order_mem *m = order_mem_find(s, r->o.id);
	struct wr w;
	int rc;

	r->d.done = r->d.sent;
	rc = order_note(s, r->o.id, STEP_DATA, "%" PRId64 " of %" PRId64 " octets", r->d.done, r->d.package_len);
	if (rc < 0)
		return rc;
	if (r->d.done >= r->d.package_len)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "the package ended, but the eUICC gave no EUICCResponse");
	if (order_is_over(r))
		return step_fail(s, r, step_expired(s));
	wr_init(&w, turn_ctx(s->turn));
	return send_piece(s, r, m, &w);
}

/* The card counted further than we did: it says how far. */
static int resync(struct smdp *s, struct order_run *r, const struct scp03t_answer *a)
{
	struct scp03_init_rsp rsp;

	if (scp03_init_rsp_dec(a->value, &rsp) < 0 || rsp.counter >= SCP03_COUNTER_MAX ||
	    r->d.sessions >= (int)s->cfg->download.session_tries)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "the sequence counter of the key set cannot be followed");
	return data_begin(s, r, rsp.counter + 1);
}

static int session_failed(struct smdp *s, struct order_run *r, int rc, const struct scp03t_answer *a)
{
	if (rc == -ESTALE)
		return resync(s, r, a);
	if (rc == -ECONNABORTED)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "SCP03t: the eUICC refuses %s: %s",
				      hex_enc(turn_ctx(s->turn), bytes_of(&a->tag, 1)), scp03t_error_name(a->error));
	return step_fail_with(s, r, ES_SC_ISDP_ERROR, "SCP03t: an answer of the eUICC does not verify");
}

static int without_session(struct smdp *s, struct order_run *r)
{
	if (r->d.sent >= r->d.package_len)
		return step_look(s, r, PURPOSE_DATA_LOST);
	return data_again(s, r, "the session was lost with a restart");
}

int data_rx(struct smdp *s, struct order_run *r, struct bytes erd)
{
	struct order_mem *m = order_mem_find(s, r->o.id);
	struct scp03t_answer a;
	unsigned int n = 0;
	struct bytes plain;
	struct wr w;
	struct rd in;

	if (!m || !m->session)
		return without_session(s, r);
	rd_init(&in, card_answer_body(erd));
	wr_init(&w, turn_ctx(s->turn));
	for (; scp03t_answer_next(&in, &a); n++) {
		int rc = scp03t_rx(m->session, &a, &w);

		if (rc < 0)
			return session_failed(s, r, rc, &a);
		/* It is the end, whatever the commands behind it brought. */
		if (w.len && wr_end(&w, &plain) == 0)
			return installed(s, r, plain, n + 1 == answers_due(s, r));
	}
	if (rd_end(&in) < 0)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "the answer of the eUICC cannot be read");
	if (n < answers_due(s, r))
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "the eUICC answered %u of %u commands", n,
				      answers_due(s, r));
	return progress(s, r);
}
