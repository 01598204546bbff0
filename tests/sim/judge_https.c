/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Scripts that leave by HTTPS, and what cards do with them.  Answers are read here by hand: status line, a few headers,
 * body in chunks or by length, template AE 80 .. 00 00.  What a card did is told by its own trace. */
#include <ctype.h>
#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/devices.h"
#include "tests/sim/judge_priv.h"

enum {
	ROW_CREATE = 6,
	ROW_DATA = 7,
	ROW_DIALOG_ENDED = 3
};

static bool changes(int kind)
{
	return kind == ROW_ENABLE || kind == ROW_DISABLE || kind == ROW_DELETE;
}

/* Twice does harm: all but to read, to confirm, and to delete what is gone already. */
static bool only_once(int kind)
{
	return kind == ROW_ENABLE || kind == ROW_DISABLE || kind == ROW_CREATE || kind == ROW_DATA;
}

/* ---- HTTP ---- */

#define HEAD_MAX 2000
#define BODY_MAX 70000

struct read_answer {
	unsigned int status;
	char *next; /* X-Admin-Next-URI; NULL: none */
	char *app;  /* X-Admin-Targeted-Application, hex digits only; NULL: none */
	uint8_t *body;
	size_t len;
};

static char *header(const void *ctx, const char *head, const char *name)
{
	char *needle = talloc_asprintf(ctx, "\r\n%s: ", name);
	const char *at = strcasestr(head, needle);

	return at ? talloc_strndup(ctx, at + strlen(needle), strcspn(at + strlen(needle), "\r")) : NULL;
}

/* \returns -1: no digit */
static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool read_chunks(struct read_answer *a, const char *at, const char *end)
{
	for (;;) {
		size_t n = 0;

		while (at < end && digit(*at) >= 0 && n <= BODY_MAX)
			n = n * 16 + (size_t)digit(*at++);
		if ((size_t)(end - at) < n + 4 || a->len + n > BODY_MAX || memcmp(at, "\r\n", 2) != 0 ||
		    memcmp(at + 2 + n, "\r\n", 2) != 0)
			return false;
		memcpy(a->body + a->len, at + 2, n);
		a->len += n;
		at += n + 4;
		if (n == 0)
			return at == end;
	}
}

static bool read_body(const void *ctx, struct read_answer *a, const char *head, const char *at, const char *end)
{
	const char *coding = header(ctx, head, "Transfer-Encoding"), *len = header(ctx, head, "Content-Length");

	if (coding)
		return !len && strcasecmp(coding, "chunked") == 0 && read_chunks(a, at, end);
	a->len = (size_t)(end - at);
	if (a->len > BODY_MAX || (len ? strtoul(len, NULL, 10) != a->len : a->len > 0))
		return false;
	memcpy(a->body, at, a->len);
	return true;
}

static void keep_app(const void *ctx, struct read_answer *a, const char *text)
{
	a->app = text && strncmp(text, "//aid/", 6) == 0 ? talloc_strdup(ctx, text + 6) : NULL;
	for (char *slash; a->app && (slash = strchr(a->app, '/'));)
		memmove(slash, slash + 1, strlen(slash));
}

static bool read_answer(const void *ctx, struct bytes octets, struct read_answer *a)
{
	char *all = talloc_strndup(ctx, "", 0), *end_of_head, *head;
	static const char version[] = "HTTP/1.1 ";

	*a = (struct read_answer){0};
	all = talloc_realloc(ctx, all, char, (unsigned int)octets.len + 1);
	memcpy(all, octets.data, octets.len);
	all[octets.len] = '\0';
	end_of_head = strstr(all, "\r\n\r\n");
	if (!end_of_head || end_of_head - all > HEAD_MAX || strncmp(all, version, strlen(version)) != 0)
		return false;
	head = talloc_strndup(ctx, all, (size_t)(end_of_head + 2 - all));
	a->status = (unsigned int)strtoul(all + strlen(version), NULL, 10);
	a->next = header(ctx, head, "X-Admin-Next-URI");
	keep_app(ctx, a, header(ctx, head, "X-Admin-Targeted-Application"));
	a->body = talloc_array(ctx, uint8_t, BODY_MAX);
	return header(ctx, head, "X-Admin-Protocol") && read_body(ctx, a, head, end_of_head + 4, all + octets.len);
}

/* Token and number, which are the last two things in each form of the URI. */
static bool read_uri(const char *uri, char token[JUDGED_TOKEN], unsigned int *seq)
{
	const char *tid = uri ? strstr(uri, "tid=") : NULL, *s = tid ? strstr(tid, "&s=") : NULL;
	const char *last = uri ? strrchr(uri, '/') : NULL;
	size_t len;

	if (tid && s) {
		tid += 4;
		len = (size_t)(s - tid);
		s += 3;
	} else {
		tid = last;
		while (tid && tid > uri && tid[-1] != '/')
			tid--;
		if (!tid || tid == uri)
			return false;
		len = (size_t)(last - tid);
		s = last + 1;
	}
	if (len == 0 || len >= JUDGED_TOKEN)
		return false;
	memcpy(token, tid, len);
	token[len] = '\0';
	*seq = (unsigned int)strtoul(s, NULL, 10);
	return true;
}

/* ---- what left ---- */

/* What left before stays known by its session alone: a card may still execute it. */
void judge_https_forget(struct sim *s, uint32_t card)
{
	struct judge *j = s->judge;

	for (size_t i = 0; i < j->scripts[card].n; i++)
		j->scripts[card].list[i].op_id = j->scripts[card].list[i].job = 0;
}

static struct judged_script *script_of(struct sim *s, uint32_t card, const char *uri)
{
	struct judge *j = s->judge;
	char token[JUDGED_TOKEN];
	unsigned int seq;

	if (!read_uri(uri, token, &seq))
		return NULL;
	for (size_t i = j->scripts[card].n; i-- > 0;) {
		struct judged_script *x = &j->scripts[card].list[i];

		if (x->seq == seq && strcmp(x->token, token) == 0)
			return x;
	}
	return NULL;
}

struct script_row {
	int64_t job, op, idx;
	int kind;
	const uint8_t *body;
	size_t len;
};

/* Another attempt at the same change left before, and no audit has told since what became of it. */
bool judge_left_open(struct sim *s, uint32_t card, int64_t op_id, int kind, int64_t job)
{
	const struct judge *j = s->judge;
	bool before = false;
	sqlite3_stmt *q;

	for (size_t i = 0; i < j->scripts[card].n; i++) {
		const struct judged_script *x = &j->scripts[card].list[i];

		before |= x->op_id == op_id && x->kind == kind && x->job != job;
	}
	if (!before)
		return false;
	q = judge_ask(s,
		      "SELECT 1 WHERE EXISTS (SELECT 1 FROM https_job WHERE op_id = ?1 AND kind = 4 AND state = 1) OR "
		      "EXISTS (SELECT 1 FROM command WHERE op_id = ?1 AND kind = 4 AND state = 1)",
		      1, op_id);
	if (q)
		judge_done(q);
	return !q;
}

static bool sms_left_open(struct sim *s, int64_t op_id, int kind)
{
	sqlite3_stmt *q = judge_ask(s,
				    "SELECT 1 FROM command WHERE op_id = ?1 AND kind = ?2 AND state <> 1 AND NOT "
				    "EXISTS (SELECT 1 FROM https_job WHERE op_id = ?1 AND kind = 4 AND state = 1) AND "
				    "NOT EXISTS (SELECT 1 FROM command WHERE op_id = ?1 AND kind = 4 AND state = 1)",
				    2, op_id, (int64_t)kind);

	if (q)
		judge_done(q);
	return q;
}

static void check_new(struct sim *s, uint32_t card, const struct script_row *r)
{
	const struct judge *j = s->judge;

	for (size_t i = 0; only_once(r->kind) && i < j->scripts[card].n; i++) {
		const struct judged_script *x = &j->scripts[card].list[i];

		/* What the card never got, and said so, may come by another session. */
		if (x->job == r->job && x->idx == r->idx && x->executed)
			sim_violation(s, "P4: card %u: script %lld of #%lld leaves again under another number", card,
				      (long long)r->idx, (long long)r->op);
	}
	if (r->kind == ROW_AUDIT)
		s->judge->air[card].audit_first = false;
	if (!changes(r->kind))
		return;
	if (s->judge->air[card].audit_first)
		sim_violation(s, "P5: card %u: a change leaves by HTTPS before an audit, after a backup was put back",
			      card);
	if (judge_left_open(s, card, r->op, r->kind, r->job) || sms_left_open(s, r->op, r->kind))
		sim_violation(s, "P4: card %u: #%lld is sent again by HTTPS, without an audit between", card,
			      (long long)r->op);
	if (judge_int(s, "SELECT audit_due IS NOT NULL FROM euicc WHERE id = ?1", judge_row_of(card)))
		sim_violation(s, "P5: card %u: a change leaves by HTTPS before the audit that is due", card);
}

static void keep(struct sim *s, uint32_t card, const struct script_row *r, const struct read_answer *a)
{
	struct judge *j = s->judge;
	struct judged_script x = {.op_id = r->op, .job = r->job, .idx = r->idx, .kind = r->kind};

	x.hash = sim_fnv(0, a->body, a->len);
	read_uri(a->next, x.token, &x.seq);
	j->scripts[card].list =
		talloc_realloc(j, j->scripts[card].list, struct judged_script, (unsigned int)j->scripts[card].n + 1);
	j->scripts[card].list[j->scripts[card].n++] = x;
	s->res->scripts++;
	sim_trace(s, "https card %u: script %lld of #%lld leaves", card, (long long)r->idx, (long long)r->op);
}

static void check_script(struct sim *s, uint32_t card, const struct script_row *r, const struct read_answer *a)
{
	const struct judged_script *seen = script_of(s, card, a->next);

	if (a->len < 4 || memcmp(a->body, "\xae\x80", 2) != 0 || memcmp(a->body + a->len - 2, "\0\0", 2) != 0 ||
	    a->len - 4 != r->len || memcmp(a->body + 2, r->body, r->len) != 0)
		sim_violation(s, "P1: card %u: a script leaves by HTTPS with octets that its row has not", card);
	if (judge_int(s, "SELECT count(*) FROM operation WHERE euicc_id = ?1 AND state BETWEEN 1 AND 7",
		      judge_row_of(card)) > 1 ||
	    judge_int(s, "SELECT active_op FROM euicc WHERE id = ?1", judge_row_of(card)) != r->op)
		sim_violation(s, "P3: card %u: a script of #%lld leaves, which is not the operation in flight", card,
			      (long long)r->op);
	if (seen && (seen->hash != sim_fnv(0, a->body, a->len) || seen->job != r->job || seen->idx != r->idx))
		sim_violation(s, "P1: card %u: one number of a session is given to two scripts", card);
	if (seen)
		return;
	check_new(s, card, r);
	keep(s, card, r, a);
}

static bool same_app(const struct read_answer *a, sqlite3_stmt *q)
{
	const uint8_t *aid = sqlite3_column_blob(q, 6);
	size_t len = (size_t)sqlite3_column_bytes(q, 6);

	if (!a->app)
		return sqlite3_column_int(q, 7);
	if (strlen(a->app) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (digit(a->app[2 * i]) * 16 + digit(a->app[2 * i + 1]) != aid[i])
			return false;
	}
	return true;
}

static void judge_200(struct sim *s, uint32_t card, const struct read_answer *a)
{
	char token[JUDGED_TOKEN];
	unsigned int seq = 0;
	struct script_row r;
	sqlite3_stmt *q;

	judge_paused_output(s, "a script");
	q = judge_ask(s,
		      "SELECT j.id, j.op_id, j.kind, c.idx, c.body, s.token, j.target, "
		      "j.target = e.isdr_aid, s.seq FROM https_session s "
		      "JOIN https_job j ON j.euicc_id = s.euicc_id AND j.state = 0 "
		      "JOIN https_script c ON c.job_id = j.id AND c.seq = s.seq AND c.state = 1 "
		      "JOIN euicc e ON e.id = s.euicc_id WHERE s.euicc_id = ?1",
		      1, judge_row_of(card));

	if (!q || !read_uri(a->next, token, &seq) || strcmp(token, (const char *)sqlite3_column_text(q, 5)) != 0 ||
	    seq != sqlite3_column_int64(q, 8)) {
		sim_violation(s, "P1: card %u: a script leaves by HTTPS that no committed row explains", card);
		return;
	}
	if (!same_app(a, q))
		sim_violation(s, "P1: card %u: a script is addressed to %s, its row says otherwise", card,
			      a->app ? a->app : "the ISD-R");
	r = (struct script_row){.job = sqlite3_column_int64(q, 0),
				.op = sqlite3_column_int64(q, 1),
				.kind = sqlite3_column_int(q, 2),
				.idx = sqlite3_column_int64(q, 3),
				.body = sqlite3_column_blob(q, 4),
				.len = (size_t)sqlite3_column_bytes(q, 4)};
	check_script(s, card, &r, a);
	judge_done(q);
}

void judge_https_answer(struct sim *s, unsigned int card, struct bytes octets)
{
	void *ctx = talloc_new(s);
	struct read_answer a;

	judge_keys_text(s, octets, "an answer by HTTPS");
	if (octets.len == 0)
		; /* only the end */
	else if (!read_answer(ctx, octets, &a))
		sim_violation(s, "card %u: an answer by HTTPS that cannot be read", card);
	else if (a.status == 200)
		judge_200(s, card, &a);
	else if (a.len || a.next)
		sim_violation(s, "card %u: status %u with a script", card, a.status);
	else if (a.status == 204 && judge_int(s, "SELECT dialog FROM https_session WHERE euicc_id = ?1",
					      judge_row_of(card)) != ROW_DIALOG_ENDED)
		sim_violation(s, "P1: card %u: a session ends that no committed row says to have ended", card);
	if (octets.len && !s->stop)
		sim_trace(s, "https card %u: status %u", card, a.status);
	talloc_free(ctx);
}

/* ---- what cards do ---- */

static void executed(struct sim *s, uint32_t card, struct judged_script *x)
{
	struct judge *j = s->judge;
	struct judged_op *op;
	unsigned int times = 0;

	x->executed++;
	sim_trace(s, "https card %u executes script %lld of #%lld", card, (long long)x->idx, (long long)x->op_id);
	if (!x->job)
		return; /* of an operation that never was */
	op = judge_op(s, x->op_id);
	for (size_t i = 0; i < j->scripts[card].n; i++) {
		const struct judged_script *other = &j->scripts[card].list[i];

		if (other->job == x->job && other->idx == x->idx)
			times += other->executed;
	}
	if (times > 1 && only_once(x->kind))
		sim_violation(s, "P4: card %u executed script %lld of #%lld twice", card, (long long)x->idx,
			      (long long)x->op_id);
	if (changes(x->kind))
		op->executed = true;
	if (op->executed && op->done && op->status == 3)
		sim_violation(s, "P4: card %u executed #%lld, which was reported EXPIRED", card, (long long)x->op_id);
}

/* "https < URI BODY": an answer came; "> ..." behind it: a command of it is executed. */
void judge_https_card(struct sim *s, unsigned int card, const char *line)
{
	struct judge *j = s->judge;
	char **got = &j->scripts[card].got;
	char uri[200];
	int n = 0;

	if (strncmp(line, "> ", 2) == 0 && *got) {
		struct judged_script *x = script_of(s, card, *got);

		if (x)
			executed(s, card, x);
		else
			sim_violation(s, "P1: card %u executes a script that never left: %s", card, *got);
		TALLOC_FREE(*got);
	}
	if (strncmp(line, "https ", 6) != 0)
		return;
	TALLOC_FREE(*got);
	if (sscanf(line, "https < %199s %n", uri, &n) == 1 && n && line[n])
		*got = talloc_strdup(j, uri);
}

/* ---- the end ---- */

void judge_https_end(struct sim *s)
{
	if (judge_int(
		    s,
		    "SELECT count(*) FROM https_session WHERE state <> ?1 OR conn NOT NULL OR waits OR due_ms NOT NULL",
		    0))
		sim_violation(s, "P4: an HTTPS session is open at the end");
	if (judge_int(s, "SELECT count(*) FROM https_job WHERE state = ?1 OR due_ms NOT NULL", 0))
		sim_violation(s, "P4: a job for HTTPS is open at the end");
	if (judge_int(s, "SELECT count(*) FROM https_script WHERE id > ?1", 0))
		sim_violation(s, "P4: scripts are left at the end");
}
