/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The pump of the outbox: attempts, repetitions with growing distance, giving up, and who is next in line.
 *
 * Only the first message of a line (peer, eUICC) has a due time, which keeps the order without any look-up. */
#include "common/peer/outbox.h"

#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/backoff.h"
#include "common/app/clock.h"
#include "common/app/log.h"

#define PUMP_BATCH 100

int outbox_queue(const struct outbox_host *h, struct outbox *o)
{
	bool reachable = o->url != NULL;
	int64_t head;
	/* What belongs to no eUICC belongs to no line: an address that does not answer must not hold back the others.
	 */
	int rc = o->euicc_id ? outbox_db_head(h->db, o->peer, o->euicc_id, &head) : -ENOENT;

	if (rc < 0 && rc != -ENOENT)
		return rc;
	o->created_ms = clock_now_ms();
	o->state = reachable ? OUTBOX_WAITING : OUTBOX_NO_ADDRESS;
	o->due_ms = reachable && rc == -ENOENT ? o->created_ms : 0;
	o->ended_ms = reachable ? 0 : o->created_ms;
	o->expires_ms = o->created_ms + (int64_t)h->give_up_s * 1000;
	return outbox_db_insert(h->db, o);
}

static int post(const struct outbox_host *h, int64_t id)
{
	struct http_out *out = talloc_zero(turn_ctx(h->turn), struct http_out);
	struct outbox o;
	int rc = outbox_db_get(out, h->db, id, &o);

	OSMO_ASSERT(out);
	if (rc < 0)
		return rc;
	*out = (struct http_out){
		.ref = o.id,
		.url = o.url,
		.action = o.action,
		.body = o.envelope,
		.timeout_s = h->timeout_s,
	};
	/* If nothing comes back, not even an error, it is tried again after this. */
	o.due_ms = clock_now_ms() + (int64_t)h->timeout_s * 2000;
	o.attempt++;
	o.last_error = NULL; /* under way: outbox_db_recover() knows it by that */
	rc = outbox_db_update(h->db, &o);
	if (rc == 0)
		turn_output(h->turn, h->post, h->priv, out);
	return rc;
}

int outbox_pump(const struct outbox_host *h, bool *more)
{
	int64_t ids[PUMP_BATCH];
	size_t n = 0;
	int rc = outbox_db_due(h->db, clock_now_ms(), ids, ARRAY_SIZE(ids), &n);

	*more = n == ARRAY_SIZE(ids);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = post(h, ids[i]);
	return rc;
}

bool post_is_taken(const struct post_done *d)
{
	return d->answered && d->status >= 200 && d->status < 300;
}

bool post_is_final(const struct post_done *d)
{
	return d->answered && d->status >= 400 && d->status < 500 && d->status != 408 && d->status != 429;
}

/* A peer may put us off, but not for so long that the message is given up without another try. */
static int64_t put_off_ms(const struct outbox *o, const struct post_done *d)
{
	return OSMO_MIN((int64_t)d->retry_after_s * 1000, (o->expires_ms - clock_now_ms()) / 2);
}

static int post_failed(const struct outbox_host *h, struct outbox *o, const struct post_done *d)
{
	int64_t wait_ms = backoff_ms(h->retry_min_s, h->retry_max_s, o->attempt);
	void *ctx = turn_ctx(h->turn);

	o->last_error = d->answered ? talloc_asprintf(ctx, "HTTP %u", d->status) : talloc_strdup(ctx, d->detail);
	wait_ms = OSMO_MAX(wait_ms, put_off_ms(o, d));
	h->count(h->priv, OUTBOX_EV_ERROR);
	if (!post_is_final(d) && clock_now_ms() + wait_ms < o->expires_ms) {
		o->due_ms = clock_now_ms() + wait_ms;
		return h->note(h->priv, o,
			       talloc_asprintf(ctx, "%s, again in %lld s", o->last_error, (long long)wait_ms / 1000));
	}
	o->state = OUTBOX_GIVEN_UP;
	h->count(h->priv, OUTBOX_EV_GIVEN_UP);
	LOGP(DES, LOGL_NOTICE, "%s to %s given up: %s\n", o->name, o->peer, o->last_error);
	return h->note(h->priv, o, talloc_asprintf(ctx, "given up: %s", o->last_error));
}

static int next_in_line(const struct outbox_host *h, const struct outbox *ended)
{
	struct outbox next;
	int64_t id;
	int rc = ended->euicc_id ? outbox_db_head(h->db, ended->peer, ended->euicc_id, &id) : -ENOENT;

	if (rc == 0)
		rc = outbox_db_get(turn_ctx(h->turn), h->db, id, &next);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	next.due_ms = clock_now_ms();
	return outbox_db_update(h->db, &next);
}

int outbox_post_done(const struct outbox_host *h, const struct post_done *d)
{
	struct outbox o;
	int rc = outbox_db_get(turn_ctx(h->turn), h->db, d->ref, &o);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (o.state != OUTBOX_WAITING)
		return 0;
	if (post_is_taken(d)) {
		o.state = OUTBOX_DELIVERED;
		h->count(h->priv, OUTBOX_EV_TAKEN);
		rc = h->note(h->priv, &o, "taken");
	} else {
		rc = post_failed(h, &o, d);
	}
	if (o.state == OUTBOX_WAITING)
		return rc < 0 ? rc : outbox_db_update(h->db, &o);
	o.due_ms = 0;
	o.ended_ms = clock_now_ms();
	if (rc == 0)
		rc = outbox_db_update(h->db, &o);
	return rc < 0 ? rc : next_in_line(h, &o);
}
