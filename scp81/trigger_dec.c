/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Trigger of an administration session: reading, and the codings that both ways share.
 *
 * Each template has a table of its objects; a loop walks it.  An object that occurs twice is refused, since the card
 * and we could take different ones; unknown ones are skipped, as later editions add some. */
#include "scp81/trigger.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp81/trigger_int.h"

uint8_t trigger_timer_enc(uint32_t v)
{
	OSMO_ASSERT(v < 100);
	return (uint8_t)(v % 10 * 0x10 + v / 10);
}

/* \returns value; -EINVAL for no digits, or more than max */
static int timer_dec(uint8_t octet, uint32_t max)
{
	uint32_t tens = octet & 0x0f, ones = octet >> 4;

	if (tens > 9 || ones > 9 || 10 * tens + ones > max)
		return -EINVAL;
	return (int)(10 * tens + ones);
}

bool trigger_text_ok(struct bytes text)
{
	struct rd r;
	uint8_t c;

	rd_init(&r, text);
	while (rd_left(&r)) {
		c = rd_u8(&r);
		if (c < 0x21 || c > 0x7e)
			return false;
	}
	return text.len > 0;
}

struct walk {
	const void *ctx;
	struct trigger *t;
};

struct object {
	uint8_t tag;
	int (*read)(struct walk *k, struct bytes value);
};

/* Objects of one level; mask tells which bits of a tag count. */
static int walk_level(struct walk *k, struct bytes level, uint8_t mask, const struct object *table, size_t n)
{
	unsigned int seen = 0;
	struct ber t;
	struct rd r;
	int rc;

	rd_init(&r, level);
	while (ber_next(&r, &t)) {
		for (size_t i = 0; i < n; i++) {
			if (t.tag > 0xff || (t.tag & mask) != table[i].tag)
				continue;
			/* user and password share a tag */
			if (seen & 1u << i && table[i].tag != CAT_TEXT)
				return -EINVAL;
			seen |= 1u << i;
			rc = table[i].read(k, t.value);
			if (rc < 0)
				return rc;
		}
	}
	return rd_end(&r);
}

/* ---- 84 ---- */

static int rx_bearer(struct walk *k, struct bytes v)
{
	k->t->conn.bearer = v;
	return v.len ? 0 : -EINVAL;
}

static int rx_buffer_size(struct walk *k, struct bytes v)
{
	struct rd r;

	rd_init(&r, v);
	k->t->conn.buffer_size = rd_u16(&r);
	return rd_end(&r);
}

static int rx_apn(struct walk *k, struct bytes v)
{
	char *apn = talloc_strdup(k->ctx, "");
	struct rd r;

	rd_init(&r, v);
	while (rd_left(&r)) {
		struct bytes label = rd_bytes(&r, rd_u8(&r));

		if (!trigger_text_ok(label) || label.len > TRIGGER_LABEL_MAX || memchr(label.data, '.', label.len))
			return -EINVAL;
		apn = talloc_asprintf_append(apn, "%s%.*s", *apn ? "." : "", (int)label.len, (const char *)label.data);
	}
	k->t->conn.apn = apn;
	return *apn && v.len <= TRIGGER_APN_MAX ? rd_end(&r) : -EINVAL;
}

static int rx_login(struct walk *k, struct bytes v)
{
	struct trigger_conn *c = &k->t->conn;
	struct bytes text;
	struct rd r;
	uint8_t dcs;

	rd_init(&r, v);
	dcs = rd_u8(&r);
	text = rd_rest(&r);
	if (dcs != CAT_DCS_8BIT || !text.len || c->password.len)
		return -EINVAL;
	if (c->user.len)
		c->password = text;
	else
		c->user = text;
	return 0;
}

static int rx_transport(struct walk *k, struct bytes v)
{
	struct rd r;
	uint8_t protocol;

	rd_init(&r, v);
	protocol = rd_u8(&r);
	k->t->conn.port = rd_u16(&r);
	return protocol == CAT_TCP_CLIENT && k->t->conn.port ? rd_end(&r) : -EINVAL;
}

static int rx_address(struct walk *k, struct bytes v)
{
	struct rd r;
	uint8_t kind;

	rd_init(&r, v);
	kind = rd_u8(&r);
	k->t->conn.address = rd_rest(&r);
	if (kind == CAT_ADDRESS_IPV4)
		return k->t->conn.address.len == 4 ? 0 : -EINVAL;
	return kind == CAT_ADDRESS_IPV6 && k->t->conn.address.len == 16 ? 0 : -EINVAL;
}

static int rx_conn(struct walk *k, struct bytes v)
{
	static const struct object table[] = {
		{CAT_BEARER, rx_bearer}, {CAT_BUFFER_SIZE, rx_buffer_size}, {CAT_NETWORK_NAME, rx_apn},
		{CAT_TEXT, rx_login},	 {CAT_TRANSPORT, rx_transport},	    {CAT_ADDRESS, rx_address},
	};

	k->t->has_conn = true;
	return walk_level(k, v, CAT_TAG_MASK, table, ARRAY_SIZE(table));
}

/* ---- 85, 86 ---- */

static int rx_security(struct walk *k, struct bytes v)
{
	struct trigger_security *s = &k->t->security;
	struct rd r;

	rd_init(&r, v);
	s->psk_id = rd_bytes(&r, rd_u8(&r));
	if (rd_u8(&r) != 2)
		return -EINVAL;
	s->kvn = rd_u8(&r);
	s->kid = rd_u8(&r);
	s->hash = rd_left(&r) ? rd_u8(&r) : -1;
	k->t->has_security = true;
	return rd_end(&r);
}

static int rx_delay(struct walk *k, struct bytes v)
{
	int hours, minutes, seconds;
	struct rd r;

	rd_init(&r, v);
	hours = timer_dec(rd_u8(&r), 99);
	minutes = timer_dec(rd_u8(&r), 59);
	seconds = timer_dec(rd_u8(&r), 59);
	if (hours < 0 || minutes < 0 || seconds < 0)
		return -EINVAL;
	k->t->retry.delay_s = (uint32_t)(hours * 3600 + minutes * 60 + seconds);
	return rd_end(&r);
}

static int rx_report(struct walk *k, struct bytes v)
{
	k->t->retry.report = v;
	return 0;
}

static int rx_retry(struct walk *k, struct bytes v)
{
	static const struct object delay[] = {{CAT_TIMER, rx_delay}};
	static const struct object report[] = {{TRIGGER_REPORT, rx_report}};
	struct bytes objects;
	struct rd r;
	int rc;

	rd_init(&r, v);
	k->t->retry.counter = rd_u16(&r);
	objects = rd_rest(&r);
	if (rd_end(&r) < 0)
		return -EINVAL;
	k->t->has_retry = true;
	rc = walk_level(k, objects, CAT_TAG_MASK, delay, ARRAY_SIZE(delay));
	return rc < 0 ? rc : walk_level(k, objects, 0xff, report, ARRAY_SIZE(report));
}

/* ---- 89, B3 ---- */

static int rx_text(struct walk *k, struct bytes v, const char **text)
{
	if (!trigger_text_ok(v))
		return -EINVAL;
	*text = talloc_strndup(k->ctx, (const char *)v.data, v.len);
	return 0;
}

static int rx_host(struct walk *k, struct bytes v)
{
	return rx_text(k, v, &k->t->post.host);
}

static int rx_agent(struct walk *k, struct bytes v)
{
	return rx_text(k, v, &k->t->post.agent);
}

static int rx_uri(struct walk *k, struct bytes v)
{
	return rx_text(k, v, &k->t->post.uri);
}

static int rx_post(struct walk *k, struct bytes v)
{
	static const struct object table[] = {
		{TRIGGER_HOST, rx_host}, {TRIGGER_AGENT, rx_agent}, {TRIGGER_URI, rx_uri}};

	k->t->has_post = true;
	return walk_level(k, v, 0xff, table, ARRAY_SIZE(table));
}

static int rx_fqdn(struct walk *k, struct bytes v)
{
	return rx_text(k, v, &k->t->dns.fqdn);
}

static int rx_dns_conn(struct walk *k, struct bytes v)
{
	k->t->dns.conn = v;
	return 0;
}

static int rx_dns(struct walk *k, struct bytes v)
{
	static const struct object table[] = {{TRIGGER_FQDN, rx_fqdn}, {TRIGGER_DNS_CONN, rx_dns_conn}};

	k->t->has_dns = true;
	return walk_level(k, v, 0xff, table, ARRAY_SIZE(table));
}

/* ---- whole ---- */

static int rx_objects(struct walk *k, struct bytes v)
{
	static const struct object table[] = {
		{TRIGGER_CONN, rx_conn},
		{TRIGGER_SECURITY, rx_security},
		{TRIGGER_RETRY, rx_retry},
		{TRIGGER_POST, rx_post},
	};

	return walk_level(k, v, 0xff, table, ARRAY_SIZE(table));
}

static int rx_params(struct walk *k, struct bytes v)
{
	static const struct object table[] = {{TRIGGER_SESSION, rx_objects}, {TRIGGER_DNS, rx_dns}};

	return walk_level(k, v, 0xff, table, ARRAY_SIZE(table));
}

/* The texts live on a context of their own until all went well. */
static int decode(const void *ctx, struct bytes in, int (*read)(struct walk *k, struct bytes v), struct trigger *out)
{
	struct trigger t = {.security.hash = -1};
	void *texts = talloc_new(ctx);
	struct walk k = {.ctx = texts, .t = &t};
	int rc = read(&k, in);

	if (rc < 0) {
		talloc_free(texts);
		return rc;
	}
	*out = t;
	return 0;
}

int trigger_objects_dec(const void *ctx, struct bytes in, struct trigger *t)
{
	return decode(ctx, in, rx_objects, t);
}

int trigger_dec(const void *ctx, struct bytes in, struct trigger *t)
{
	struct bytes value;
	struct rd r;

	rd_init(&r, in);
	value = ber_expect(&r, TRIGGER_PARAMS);
	if (rd_end(&r) < 0)
		return -EINVAL;
	return decode(ctx, value, rx_params, t);
}
