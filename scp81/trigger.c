/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Trigger of an administration session: writing.  Reading is in trigger_dec.c, codings in trigger_int.h. */
#include "scp81/trigger.h"

#include <errno.h>
#include <string.h>

#include <talloc.h>

#include "common/codec/ber.h"
#include "scp81/trigger_int.h"

/* Nested templates are written from the inside out, each into a buffer of its own. */
struct part {
	void *ctx;
	struct wr w;
};

static struct part part_new(void)
{
	struct part p = {.ctx = talloc_new(NULL)};

	wr_init(&p.w, p.ctx);
	return p;
}

static int part_put(struct part *p, int rc, uint32_t tag, struct wr *w)
{
	struct bytes value;

	if (rc == 0)
		rc = wr_end(&p->w, &value);
	if (rc == 0)
		ber_put(w, tag, value);
	talloc_free(p->ctx);
	return rc;
}

static void put_if(struct wr *w, uint32_t tag, struct bytes value)
{
	if (value.len)
		ber_put(w, tag, value);
}

/* Labels of at most 63 octets, each behind its length. */
static int put_apn(struct wr *w, const char *apn)
{
	uint8_t buf[TRIGGER_APN_MAX];
	struct bytes value;
	struct wr labels;
	size_t n;

	wr_init_buf(&labels, buf, sizeof(buf));
	for (;; apn += n + 1) {
		n = strcspn(apn, ".");
		if (n == 0 || n > TRIGGER_LABEL_MAX)
			return -EINVAL;
		wr_u8(&labels, (uint8_t)n);
		wr_bytes(&labels, bytes_of(apn, n));
		if (apn[n] == '\0')
			break;
	}
	if (wr_end(&labels, &value) < 0)
		return -EINVAL;
	ber_put(w, CAT_NETWORK_NAME, value);
	return 0;
}

static void put_text(struct wr *w, struct bytes text)
{
	if (!text.len)
		return;
	ber_put_head(w, CAT_TEXT, text.len + 1);
	wr_u8(w, CAT_DCS_8BIT);
	wr_bytes(w, text);
}

static int put_address(struct wr *w, struct bytes address)
{
	if (!address.len)
		return 0;
	if (address.len != 4 && address.len != 16)
		return -EINVAL;
	ber_put_head(w, CAT_ADDRESS, address.len + 1);
	wr_u8(w, address.len == 4 ? CAT_ADDRESS_IPV4 : CAT_ADDRESS_IPV6);
	wr_bytes(w, address);
	return 0;
}

static int put_conn(struct wr *w, const struct trigger_conn *c)
{
	int rc = 0;

	put_if(w, CAT_BEARER, c->bearer);
	if (c->buffer_size) {
		ber_put_head(w, CAT_BUFFER_SIZE, 2);
		wr_u16(w, c->buffer_size);
	}
	if (c->apn)
		rc = put_apn(w, c->apn);
	if (!c->user.len && c->password.len)
		return -EINVAL; /* the texts have no names: the first is the user */
	put_text(w, c->user);
	put_text(w, c->password);
	if (c->port) {
		ber_put_head(w, CAT_TRANSPORT, 3);
		wr_u8(w, CAT_TCP_CLIENT);
		wr_u16(w, c->port);
	}
	return rc < 0 ? rc : put_address(w, c->address);
}

static int put_security(struct wr *w, const struct trigger_security *s)
{
	if (s->psk_id.len > 0xff || s->hash > 0xff)
		return -EINVAL;
	wr_u8(w, (uint8_t)s->psk_id.len);
	wr_bytes(w, s->psk_id);
	wr_u8(w, 2);
	wr_u8(w, s->kvn);
	wr_u8(w, s->kid);
	if (s->hash >= 0)
		wr_u8(w, (uint8_t)s->hash);
	return 0;
}

static int put_retry(struct wr *w, const struct trigger_retry *r)
{
	wr_u16(w, r->counter);
	if (r->delay_s) {
		if (r->delay_s / 3600 > 99)
			return -EINVAL;
		ber_put_head(w, TRIGGER_DELAY_TAG, 3);
		wr_u8(w, trigger_timer_enc(r->delay_s / 3600));
		wr_u8(w, trigger_timer_enc(r->delay_s / 60 % 60));
		wr_u8(w, trigger_timer_enc(r->delay_s % 60));
	}
	put_if(w, TRIGGER_REPORT, r->report);
	return 0;
}

static int put_string(struct wr *w, uint32_t tag, const char *text)
{
	if (!text)
		return 0;
	if (!trigger_text_ok(bytes_str(text)))
		return -EINVAL;
	ber_put(w, tag, bytes_str(text));
	return 0;
}

static int put_post(struct wr *w, const struct trigger_post *p)
{
	int rc = put_string(w, TRIGGER_HOST, p->host);

	if (rc == 0)
		rc = put_string(w, TRIGGER_AGENT, p->agent);
	return rc < 0 ? rc : put_string(w, TRIGGER_URI, p->uri);
}

static int put_dns(struct wr *w, const struct trigger_dns *d)
{
	int rc = put_string(w, TRIGGER_FQDN, d->fqdn);

	put_if(w, TRIGGER_DNS_CONN, d->conn);
	return rc;
}

int trigger_objects_enc(const struct trigger *t, struct wr *w)
{
	struct part p;
	int rc = 0;

	if (t->has_conn) {
		p = part_new();
		rc = part_put(&p, put_conn(&p.w, &t->conn), TRIGGER_CONN, w);
	}
	if (rc == 0 && t->has_security) {
		p = part_new();
		rc = part_put(&p, put_security(&p.w, &t->security), TRIGGER_SECURITY, w);
	}
	if (rc == 0 && t->has_retry) {
		p = part_new();
		rc = part_put(&p, put_retry(&p.w, &t->retry), TRIGGER_RETRY, w);
	}
	if (rc == 0 && t->has_post) {
		p = part_new();
		rc = part_put(&p, put_post(&p.w, &t->post), TRIGGER_POST, w);
	}
	return rc < 0 ? rc : w->failed ? -ENOSPC : 0;
}

static int put_session(struct wr *w, const struct trigger *t)
{
	struct part p;
	int rc = 0;

	if (t->has_conn || t->has_security || t->has_retry || t->has_post) {
		p = part_new();
		rc = part_put(&p, trigger_objects_enc(t, &p.w), TRIGGER_SESSION, w);
	}
	if (rc == 0 && t->has_dns) {
		p = part_new();
		rc = part_put(&p, put_dns(&p.w, &t->dns), TRIGGER_DNS, w);
	}
	return rc;
}

int trigger_enc(const struct trigger *t, struct wr *w)
{
	struct part p = part_new();
	int rc = part_put(&p, put_session(&p.w, t), TRIGGER_PARAMS, w);

	return rc < 0 ? rc : w->failed ? -ENOSPC : 0;
}
