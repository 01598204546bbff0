/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Administration messages of both directions.  First octet: bit 0 the side, bit 1 bare LF, bits 2-7 size of the pieces;
 * the rest is the stream.  However it is cut, the same messages and the same error come out; a message that was read
 * can be written and reads back; the dialogue judges any request. */
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "scp81/dialog.h"
#include "tests/fuzz/fuzz.h"

static void require(bool good)
{
	if (!good)
		abort();
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_message(const struct http_msg *a, const struct http_msg *b)
{
	return a->status == b->status && same(a->target, b->target) && same(a->path, b->path) &&
	       same(a->query, b->query) && same(a->host, b->host) && same(a->protocol, b->protocol) &&
	       same(a->from, b->from) && same(a->next_uri, b->next_uri) && same(a->target_app, b->target_app) &&
	       same(a->script_status, b->script_status) && same(a->resume, b->resume) &&
	       same(a->content_type, b->content_type) && bytes_eq(a->body, b->body);
}

/* Results of one stream, in order. */
struct run {
	const struct http_msg *msg[8];
	size_t n;
	int rc;
};

static struct run run(void *ctx, enum http_side side, bool bare_lf, struct bytes in, size_t piece)
{
	const struct http_rx_conf conf = {.head_max = 1024, .body_max = 512, .bare_lf = bare_lf};
	struct http_rx *rx = http_rx_alloc(ctx, side, &conf);
	struct run r = {0};

	while (in.len && r.rc >= 0 && r.n < 8) {
		size_t n = piece < in.len ? piece : in.len;
		struct bytes part = bytes_sub(in, 0, n);
		struct http_msg *m;

		r.rc = http_rx_feed(rx, &part, &m);
		if (r.rc == 1)
			r.msg[r.n++] = talloc_steal(ctx, m);
		in = bytes_sub(in, n - part.len, in.len - n + part.len);
	}
	return r;
}

static void round_trip(void *ctx, enum http_side side, const struct http_msg *m)
{
	struct bytes text;
	struct run r;
	struct wr w;

	/* a status that we never send; lengths of what a body-less status carries */
	if (side == HTTP_SIDE_RESPONSES && (m->status < 200 || m->status > 599 || m->status == 204 || m->status == 304))
		return;
	wr_init(&w, ctx);
	if (side == HTTP_SIDE_REQUESTS)
		require(http_request_enc(m, HTTP_FRAME_CHUNKED, &w) == 0);
	else if (http_response_enc(m, HTTP_FRAME_LENGTH, &w) < 0)
		abort();
	require(wr_end(&w, &text) == 0);
	r = run(ctx, side, false, text, text.len);
	if (r.n == 0) /* written out in full, blanks included, the head may pass its limit */
		require(text.len > 900);
	else
		require(r.n == 1 && same_message(r.msg[0], m));
}

static void judge(void *ctx, const struct http_msg *m)
{
	static const enum dialog_state states[] = {DIALOG_IDLE, DIALOG_WAITING, DIALOG_SCRIPT, DIALOG_ENDED};
	const struct dialog_conf conf = {.path = "/gsma/adminagent"};
	uint8_t eid[ADMIN_EID_LEN] = {0};
	const struct dialog_req req = {.msg = m, .eid = eid, .nth = 1, .new_token = "new"};

	if (m->from && admin_from_dec(m->from, eid) < 0)
		memset(eid, 0, sizeof(eid));
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		struct dialog d = {.state = states[i], .token = "17", .seq = i ? 2 : 0}, before = d;
		struct dialog_out out;

		dialog_rx(ctx, &conf, &d, &req, &out);
		if (out.act == DIALOG_ACT_REFUSE)
			require(memcmp(&d, &before, sizeof(d)) == 0 && out.why && out.http_status >= 400);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum http_side side;
	struct run a, b;
	struct bytes in;
	uint8_t first;
	struct rd r;
	void *ctx;

	if (size == 0)
		return 0;
	ctx = talloc_new(NULL);
	rd_init(&r, bytes_of(data, size));
	first = rd_u8(&r);
	in = rd_rest(&r);
	side = first & 1 ? HTTP_SIDE_RESPONSES : HTTP_SIDE_REQUESTS;
	a = run(ctx, side, first & 2, in, SIZE_MAX);
	b = run(ctx, side, first & 2, in, 1 + (first >> 2));
	require(a.n == b.n && a.rc == b.rc);
	for (size_t i = 0; i < a.n; i++) {
		require(same_message(a.msg[i], b.msg[i]));
		round_trip(ctx, side, a.msg[i]);
		if (side == HTTP_SIDE_REQUESTS)
			judge(ctx, a.msg[i]);
	}
	talloc_free(ctx);
	return 0;
}
