/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/peer/poster.h"

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/soap.h"

struct failed_post {
	struct llist_head entry;
	int64_t ref;
};

void poster_init(struct poster *p, const void *ctx)
{
	p->ctx = ctx;
	INIT_LLIST_HEAD(&p->failed);
}

void poster_post(struct poster *p, const struct http_out *out)
{
	struct http_call *call = http_call_alloc();
	struct failed_post *f;

	call->url = talloc_strdup(call, out->url);
	call->content_type = soap_content_type(call, out->action);
	call->body = bytes_dup(call, out->body);
	call->timeout_ms = out->timeout_s * 1000;
	call->ref = (uint64_t)out->ref;
	if (http_client_post_steal(p->client, call) == 0)
		return;
	talloc_free(call);
	f = talloc_zero(p->ctx, struct failed_post);
	OSMO_ASSERT(f);
	f->ref = out->ref;
	llist_add_tail(&f->entry, &p->failed);
}

bool poster_has_failed(const struct poster *p)
{
	return !llist_empty(&p->failed);
}

void poster_round(struct poster *p, void (*done)(void *priv, const struct post_done *d), void *priv)
{
	while (!llist_empty(&p->failed)) {
		struct failed_post *f = llist_first_entry(&p->failed, struct failed_post, entry);
		struct post_done d = {.ref = f->ref, .detail = "not started: bad URL, or too many calls wait"};

		llist_del(&f->entry);
		done(priv, &d);
		talloc_free(f);
	}
}

struct post_done poster_result(const struct http_result *r)
{
	return (struct post_done){
		.ref = (int64_t)r->ref,
		.answered = r->outcome == HTTP_ANSWERED,
		.status = r->status,
		.retry_after_s = r->retry_after_s,
		.detail = r->detail,
	};
}
