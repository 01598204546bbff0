/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/support/https_card.h"

#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smsr/eis_db.h"
#include "smsr/https.h"

static char *dup(struct https_card *c, const char *text)
{
	return text ? talloc_strdup(c, text) : NULL;
}

struct https_card *https_card_start(struct world *w)
{
	struct https_card *c = talloc_zero(w->ctx, struct https_card);
	struct https_bearer_cfg *b = &w->cfg->bearer;

	c->w = w;
	c->next_conn = 1;
	memcpy(c->eid, w->card_data.eid_bcd, sizeof(c->eid));
	c->uri = dup(c, b->fallback->uri);
	c->from = admin_from_enc(c, c->eid, bytes_of(NULL, 0));
	b->listen = talloc_zero(w->cfg, struct http_listen);
	b->n_listen = 1;
	w->https = true;
	w->https_card = c;
	return c;
}

/* ---- from the SM-SR ---- */

static struct http_msg *parse(struct https_card *c, enum http_side side, struct bytes octets)
{
	const struct http_rx_conf limits = {0};
	struct http_rx *rx = http_rx_alloc(c, side, &limits);
	struct http_msg *m = NULL;

	assert_int_equal(http_rx_feed(rx, &octets, &m), 1);
	assert_int_equal(octets.len, 0);
	talloc_free(rx);
	return talloc_steal(c, m);
}

/* P1: a script that leaves is on the disk, as one that has left. */
static void expect_row(struct https_card *c, struct bytes body)
{
	void *ctx = talloc_new(c);
	struct https_script script;
	struct https_session ss;
	struct https_job job;
	struct euicc e;

	assert_int_equal(eis_db_by_eid(ctx, c->w->reader, c->eid, &e), 0);
	assert_int_equal(https_db_session(c->w->reader, e.id, &ss), 0);
	assert_int_equal(https_db_job_of_euicc(ctx, c->w->reader, e.id, &job), 0);
	assert_int_equal(https_db_script_out(ctx, c->w->reader, job.id, ss.dialog.seq, &script), 0);
	assert_true(bytes_eq(bytes_sub(body, 2, body.len - 4), script.body));
	talloc_free(ctx);
}

void https_card_rx(struct https_card *c, uint64_t conn, struct bytes octets, bool close)
{
	assert_non_null(c);
	if (conn != c->conn) /* one that it has given up */
		return;
	if (octets.len) {
		assert_null(c->rsp); /* one answer to one POST */
		c->rsp = parse(c, HTTP_SIDE_RESPONSES, octets);
		if (c->rsp->status == 200) {
			expect_row(c, c->rsp->body);
			assert_false(close);
			assert_non_null(c->rsp->next_uri);
			talloc_free(c->next_uri);
			c->next_uri = dup(c, c->rsp->next_uri);
		}
	}
	if (close) {
		c->ended = true;
		c->conn = 0;
		euicc_session_end(c->w->card);
	}
}

void https_card_lost(struct https_card *c)
{
	c->conn = 0;
	TALLOC_FREE(c->rsp);
}

/* ---- to the SM-SR ---- */

void https_card_connect(struct https_card *c)
{
	struct https_opened o = {.eid = c->eid};

	c->conn = c->next_conn++;
	c->nth = 0;
	assert_int_equal(world_event(c->w, smsr_ev_https_opened, &o), 0);
}

void https_card_post(struct https_card *c, const char *uri, const char *status, struct bytes body, bool resume)
{
	struct http_msg m = {
		.target = uri,
		.host = "smsr.example",
		.protocol = ADMIN_PROTOCOL,
		.from = c->from,
		.script_status = status,
		.resume = resume ? "true" : NULL,
		.content_type = body.len ? ADMIN_TYPE_RSP : NULL,
		.body = body,
	};
	struct https_request q = {.eid = c->eid};
	struct http_msg *msg;
	struct bytes octets;
	struct wr w;

	if (!c->conn)
		https_card_connect(c);
	wr_init(&w, c);
	assert_int_equal(http_request_enc(&m, HTTP_FRAME_CHUNKED, &w), 0);
	assert_int_equal(wr_end(&w, &octets), 0);
	msg = parse(c, HTTP_SIDE_REQUESTS, octets);
	TALLOC_FREE(c->rsp);
	c->ended = false;
	q.conn = c->conn;
	q.msg = msg;
	q.nth = ++c->nth;
	assert_int_equal(world_event(c->w, smsr_ev_https_request, &q), 0);
	talloc_free(msg);
}

void https_card_first(struct https_card *c, const char *query, bool resume)
{
	char *uri = talloc_asprintf(c, "%s%s", c->uri, query);

	c->conn = 0;
	https_card_post(c, uri, NULL, bytes_of(NULL, 0), resume);
	talloc_free(uri);
}

void https_card_execute(struct https_card *c)
{
	struct bytes script = c->rsp->body, aid = bytes_of(NULL, 0);
	uint8_t target[ADMIN_AID_MAX];
	size_t len = 0;

	if (c->rsp->target_app) {
		assert_int_equal(admin_target_dec(c->rsp->target_app, target, &len), 0);
		aid = bytes_of(target, len);
	}
	c->scripts++;
	c->same += bytes_eq(script, c->last_script);
	c->last_script = bytes_dup(c, script);
	c->w->fleet->now_ms = c->w->now_ms;
	assert_int_equal(euicc_script(c->w->card, c, aid, script, &c->result), 0);
}

void https_card_result(struct https_card *c, bool resume)
{
	const char *status = c->status ? c->status : "ok";

	if (resume)
		c->conn = 0;
	https_card_post(c, c->next_uri, status, c->status ? bytes_of(NULL, 0) : c->result, resume);
}

void https_card_go_on(struct https_card *c)
{
	while (c->rsp && c->rsp->status == 200) {
		https_card_execute(c);
		https_card_result(c, false);
	}
}

void https_card_session(struct https_card *c)
{
	https_card_first(c, "", false);
	https_card_go_on(c);
	https_card_expect(c, 204, true);
}

void https_card_break(struct https_card *c)
{
	struct https_gone g = {.conn = c->conn, .why = "broken"};

	c->conn = 0;
	TALLOC_FREE(c->rsp);
	assert_int_equal(world_event(c->w, smsr_ev_https_closed, &g), 0);
}

void https_card_expect(struct https_card *c, unsigned int status, bool ended)
{
	assert_int_equal(c->rsp ? c->rsp->status : 0, status);
	assert_int_equal(c->ended, ended);
}
