/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What leaves.  Headers of short messages (TS 23.040 §9.2.3.24, TS 102 225) are read here by hand, and packets opened
 * with OpenSSL alone, with the card's key from the seed. */
#include <openssl/evp.h>
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "smsr/report.h"
#include "tests/sim/daemon.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge_priv.h"

/* Header of a command packet before its ciphered part: CPL 2, CHL 1, SPI 2, KIc 1, KID 1, TAR 3. */
#define CLEAR_LEN 10
#define CNTR_LEN 5

/* ---- short messages ---- */

struct message {
	unsigned int total, idx; /* of concatenation */
	bool is_command;
	const uint8_t *payload;
	size_t len;
};

static bool read_message(struct bytes ud, struct message *m)
{
	size_t end = ud.len ? 1u + ud.data[0] : 0;

	*m = (struct message){.total = 1, .idx = 1};
	if (!end || end > ud.len)
		return false;
	for (size_t at = 1; at + 2 <= end;) {
		uint8_t id = ud.data[at], len = ud.data[at + 1];
		const uint8_t *v = ud.data + at + 2;

		at += 2u + len;
		if (at > end)
			return false;
		if (id == 0x70 && len == 0)
			m->is_command = true;
		if (id == 0x00 && len == 3) {
			m->total = v[1];
			m->idx = v[2];
		}
	}
	m->payload = ud.data + end;
	m->len = ud.len - end;
	return m->total >= 1 && m->idx >= 1 && m->idx <= m->total && (m->idx > 1 || m->is_command);
}

/* ---- packets ---- */

static bool read_counter(const struct device *d, const uint8_t *pkt, size_t len, uint64_t *counter)
{
	static const uint8_t no_iv[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t plain[32];
	int n = 0;
	bool ok = len >= CLEAR_LEN + 16 && ctx &&
		  EVP_DecryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, d->data.kic, no_iv) == 1 &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		  EVP_DecryptUpdate(ctx, plain, &n, pkt + CLEAR_LEN, 16) == 1 && n == 16;

	EVP_CIPHER_CTX_free(ctx);
	*counter = 0;
	for (int i = 0; ok && i < CNTR_LEN; i++)
		*counter = *counter * 256 + plain[i];
	return ok;
}

static struct judged_packet *packet(struct sim *s, uint32_t card, uint64_t counter)
{
	struct judge *j = s->judge;

	for (size_t i = j->air[card].n; i-- > 0;) {
		if (j->air[card].list[i].counter == counter)
			return &j->air[card].list[i];
	}
	return NULL;
}

/* ---- what the rows say ---- */

struct row {
	int64_t command, op, euicc, kind, cntr, cntr_reserved;
	const uint8_t *packet;
	size_t packet_len;
};

/* The same change was sent before, nobody knows with what effect, and no audit told since. */
static bool was_given_up(struct sim *s, const struct row *r)
{
	sqlite3_stmt *q =
		judge_ask(s,
			  "SELECT 1 FROM command x WHERE x.op_id = ?1 AND x.kind = ?2 AND x.id < ?3 AND "
			  "x.state = 2 AND NOT EXISTS (SELECT 1 FROM command a WHERE a.op_id = x.op_id AND "
			  "a.kind = 4 AND a.id > x.id AND a.id < ?3 AND a.state = 1) AND NOT EXISTS (SELECT 1 "
			  "FROM https_job h WHERE h.op_id = x.op_id AND h.kind = 4 AND h.state = 1)",
			  3, r->op, r->kind, r->command);

	if (q)
		judge_done(q);
	return q;
}

static void check_new(struct sim *s, uint32_t card, const struct row *r)
{
	struct judge *j = s->judge;
	bool changes = r->kind == ROW_ENABLE || r->kind == ROW_DISABLE || r->kind == ROW_DELETE;

	for (size_t i = 0; i < j->air[card].n; i++) {
		if (j->air[card].list[i].counter > (uint64_t)r->cntr)
			sim_violation(s, "P2: card %u: counter %lld follows a higher one", card, (long long)r->cntr);
	}
	if (changes && (was_given_up(s, r) || judge_left_open(s, card, r->op, (int)r->kind, 0)))
		sim_violation(s, "P2: card %u: #%lld is sent again under a new counter, without an audit between", card,
			      (long long)r->op);
	if (changes && j->air[card].audit_first)
		sim_violation(s, "P5: card %u: a change leaves before an audit, after a backup was put back", card);
	if (changes && judge_int(s, "SELECT audit_due IS NOT NULL FROM euicc WHERE id = ?1", r->euicc))
		sim_violation(s, "P5: card %u: a change leaves before the audit that is due", card);
}

static void check_packet(struct sim *s, uint32_t card, const struct row *r, const uint8_t *pkt, size_t len)
{
	struct judge *j = s->judge;
	uint64_t hash = sim_fnv(0, pkt, len), counter;
	struct judged_packet *seen;

	if (!read_counter(device_at(s, card), pkt, len, &counter) || counter != (uint64_t)r->cntr) {
		sim_violation(s, "P1: card %u: the packet on air has counter %llu, its row %lld", card,
			      (unsigned long long)counter, (long long)r->cntr);
		return;
	}
	if (r->cntr > r->cntr_reserved)
		sim_violation(s, "P2: card %u: counter %lld leaves, %lld is reserved", card, (long long)r->cntr,
			      (long long)r->cntr_reserved);
	if (r->kind == ROW_AUDIT)
		j->air[card].audit_first = false;
	seen = packet(s, card, counter);
	if (seen && seen->hash != hash)
		sim_violation(s, "P2: card %u: counter %llu seals two packets", card, (unsigned long long)counter);
	if (seen)
		return;
	check_new(s, card, r);
	j->air[card].list =
		talloc_realloc(j, j->air[card].list, struct judged_packet, (unsigned int)j->air[card].n + 1);
	j->air[card].list[j->air[card].n++] = (struct judged_packet){counter, hash, r->op, (int)r->kind};
}

/* Parts leave in order; those of a packet whose beginning an earlier run submitted are not joined. */
static void join(struct sim *s, uint32_t card, const struct row *r, const struct message *m)
{
	struct judge *j = s->judge;
	uint8_t *buf = j->air[card].join;

	if (m->idx == 1)
		j->air[card].join_len = j->air[card].join_idx = 0;
	if (m->idx != j->air[card].join_idx + 1 || j->air[card].join_len + m->len > sizeof(j->air[card].join))
		return;
	memcpy(buf + j->air[card].join_len, m->payload, m->len);
	j->air[card].join_len += m->len;
	j->air[card].join_idx = m->idx;
	if (m->idx == m->total)
		check_packet(s, card, r, buf, j->air[card].join_len);
}

static void check_message(struct sim *s, uint32_t card, const struct row *r, const struct message *m)
{
	if (!m->len || !memmem(r->packet, r->packet_len, m->payload, m->len))
		sim_violation(s, "P1: card %u: a short message leaves with octets that its row has not", card);
	if (judge_int(s, "SELECT count(*) FROM operation WHERE euicc_id = ?1 AND state BETWEEN 1 AND 7", r->euicc) > 1)
		sim_violation(s, "P3: card %u: two operations are in flight", card);
	if (judge_op(s, r->op)->done && daemon_turn(s) > judge_op(s, r->op)->end_turn)
		sim_violation(s, "P4: card %u: a short message of #%lld leaves after its end", card, (long long)r->op);
	join(s, card, r, m);
}

void judge_submit(struct sim *s, const struct sms_out *sms)
{
	uint32_t card = device_of(s, sms->dest);
	struct message m;
	struct row r = {0};
	sqlite3_stmt *q = judge_ask(s,
				    "SELECT c.id, c.op_id, c.euicc_id, c.kind, c.cntr, k.cntr, c.packet FROM part p "
				    "JOIN command c ON c.id = p.command_id JOIN keyset k ON k.id = c.keyset_id "
				    "WHERE p.id = ?1",
				    1, (int64_t)sms->ref);

	judge_keys_octets(s, sms->ud, "a short message");
	judge_paused_output(s, "a short message");
	judge_paused_link(s, sms->smsc);
	if (!q || !read_message(sms->ud, &m)) {
		sim_violation(s, "P1: card %u: a short message leaves that no committed row explains", card);
		return;
	}
	r = (struct row){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),	sqlite3_column_int64(q, 2),
			 sqlite3_column_int64(q, 3), sqlite3_column_int64(q, 4),	sqlite3_column_int64(q, 5),
			 sqlite3_column_blob(q, 6),  (size_t)sqlite3_column_bytes(q, 6)};
	if (r.euicc != judge_row_of(card))
		sim_violation(s, "P1: a command for the eUICC of row %lld goes to card %u", (long long)r.euicc, card);
	else
		check_message(s, card, &r, &m);
	judge_done(q);
}

void judge_executed(struct sim *s, unsigned int card, uint64_t counter)
{
	const struct judged_packet *p = packet(s, card, counter);
	struct judged_op *op;

	if (!p) {
		sim_violation(s, "card %u accepted counter %llu, which never left", card, (unsigned long long)counter);
		return;
	}
	if (!p->op_id)
		return; /* an operation that never was: a backup was put back since */
	op = judge_op(s, p->op_id);
	sim_trace(s, "card %u accepts counter %llu of #%lld", card, (unsigned long long)counter, (long long)p->op_id);
	if (p->kind == ROW_ENABLE || p->kind == ROW_DISABLE || p->kind == ROW_DELETE)
		op->executed = true;
	if (op->executed && op->done && op->status == 3)
		sim_violation(s, "P4: card %u executed #%lld, which was reported EXPIRED", card, (long long)p->op_id);
}

/* ---- messages to peers ---- */

uint32_t judge_post(struct sim *s, const struct http_out *post)
{
	sqlite3_stmt *q = judge_ask(s,
				    "SELECT o.euicc_id, o.envelope, o.url, o.state, p.state, o.name FROM outbox o "
				    "LEFT JOIN operation p ON p.id = o.op_id WHERE o.id = ?1",
				    1, post->ref);
	int64_t euicc;

	judge_keys_text(s, post->body, "a message to a peer");
	judge_paused_output(s, "a message to a peer");
	if (!q) {
		sim_violation(s, "P1: a message to %s leaves that no committed row explains", post->url);
		return 0;
	}
	euicc = sqlite3_column_int64(q, 0);
	if ((size_t)sqlite3_column_bytes(q, 1) != post->body.len ||
	    memcmp(sqlite3_column_blob(q, 1), post->body.data, post->body.len) != 0 ||
	    strcmp((const char *)sqlite3_column_text(q, 2), post->url) != 0)
		sim_violation(s, "P1: a message to %s is not what its row says", post->url);
	if (sqlite3_column_int(q, 3) != 0)
		sim_violation(s, "P4: a message to %s leaves once more after it ended", post->url);
	if (sqlite3_column_type(q, 4) != SQLITE_NULL && sqlite3_column_int(q, 4) != ROW_DONE &&
	    !strstr((const char *)sqlite3_column_text(q, 5), "Handle"))
		sim_violation(s, "P4: an outcome is told before the operation has ended");
	judge_done(q);
	return euicc > 0 && euicc <= s->plan->fleet ? (uint32_t)euicc : 0;
}

void judge_final_refusal(struct sim *s, int64_t outbox_id)
{
	struct judge *j = s->judge;

	j->refused = talloc_realloc(j, j->refused, int64_t, (unsigned int)j->n_refused + 1);
	j->refused[j->n_refused++] = outbox_id;
}
