/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings of the HTTPS bearer: defaults, which fleet a card belongs to, what they mean for the codec. */
#include "smsr/https_fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define RETRY_DELAY_MAX_S (99 * 3600 + 59 * 60 + 59) /* TS 102 223: hours, minutes, seconds in two digits each */

static const struct https_fleet fleet_default = {
	.wish = BEARER_AUTO,
	.failures_max = 3,
	.next_uri = DIALOG_URI_QUERY,
	.chunked = true,
	.script_max = 1024,
	.hold_s = 60,
	.wait_s = {180, 180, 600, 1800},
};

static struct https_fleet *fleet_alloc(const void *ctx, const char *name)
{
	struct https_fleet *f = talloc_zero(ctx, struct https_fleet);

	OSMO_ASSERT(f);
	*f = fleet_default;
	f->name = talloc_strdup(f, name);
	f->uri = talloc_strdup(f, "/gsma/adminagent");
	return f;
}

void https_bearer_init(struct https_bearer_cfg *b, const void *ctx)
{
	*b = (struct https_bearer_cfg){
		.ems = true,
		.max_connections = 10000,
		.handshake_timeout_s = 60,
		.idle_timeout_s = 120,
		.session_timeout_s = 1800,
		.fallback = fleet_alloc(ctx, "default"),
	};
}

struct https_fleet *https_fleet_get(struct https_bearer_cfg *b, const void *ctx, const char *name)
{
	struct https_fleet *f;

	for (size_t i = 0; i < b->n_fleets; i++) {
		if (strcmp(b->fleets[i]->name, name) == 0)
			return b->fleets[i];
	}
	b->fleets = talloc_realloc(ctx, b->fleets, struct https_fleet *, (unsigned int)b->n_fleets + 1);
	OSMO_ASSERT(b->fleets);
	f = fleet_alloc(ctx, name);
	b->fleets[b->n_fleets++] = f;
	return f;
}

static bool names(const struct https_fleet *f, const char *eum_oid)
{
	for (size_t i = 0; eum_oid && i < f->n_eums; i++) {
		if (strcmp(f->eums[i], eum_oid) == 0)
			return true;
	}
	return false;
}

const struct https_fleet *https_fleet_of(const struct https_bearer_cfg *b, const char *eum_oid)
{
	const struct https_fleet *others = b->n_fleets ? NULL : b->fallback;

	if (b->n_listen == 0)
		return NULL;
	for (size_t i = 0; i < b->n_fleets; i++) {
		if (names(b->fleets[i], eum_oid))
			return b->fleets[i];
		if (b->fleets[i]->n_eums == 0 && !others)
			others = b->fleets[i];
	}
	return others;
}

void https_bearer_conf(const struct https_bearer_cfg *b, struct psk_server_conf *conf)
{
	*conf = (struct psk_server_conf){
		.listen = b->listen,
		.n_listen = b->n_listen,
		.ciphers = b->ciphers,
		.max_conns = b->max_connections,
		.handshake_timeout_ms = b->handshake_timeout_s * 1000,
		.idle_timeout_ms = b->idle_timeout_s * 1000,
		.session_timeout_ms = b->session_timeout_s * 1000,
		.max_fragment = b->max_fragment,
		.no_ems = !b->ems,
		.keylog = b->keylog,
	};
}

struct dialog_conf https_fleet_dialog(const struct https_fleet *f)
{
	return (struct dialog_conf){
		.path = f->uri,
		.uri = f->next_uri,
		.framing = f->chunked ? HTTP_FRAME_CHUNKED : HTTP_FRAME_LENGTH,
	};
}

/* ---- reload ---- */

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool https_bearer_same_listener(const struct https_bearer_cfg *a, const struct https_bearer_cfg *b)
{
	bool equal = a->n_listen == b->n_listen && same(a->ciphers, b->ciphers) && same(a->keylog, b->keylog) &&
		     a->ems == b->ems && a->max_connections == b->max_connections &&
		     a->max_fragment == b->max_fragment && a->handshake_timeout_s == b->handshake_timeout_s &&
		     a->idle_timeout_s == b->idle_timeout_s && a->session_timeout_s == b->session_timeout_s;

	for (size_t i = 0; equal && i < a->n_listen; i++)
		equal = same(a->listen[i].host, b->listen[i].host) && a->listen[i].port == b->listen[i].port;
	return equal;
}

void https_bearer_keep_listener(struct https_bearer_cfg *into, const void *ctx, const struct https_bearer_cfg *from)
{
	struct https_bearer_cfg b = *from;

	b.listen = talloc_zero_array(ctx, struct http_listen, (unsigned int)from->n_listen + 1);
	OSMO_ASSERT(b.listen);
	for (size_t i = 0; i < from->n_listen; i++)
		b.listen[i] = (struct http_listen){talloc_strdup(ctx, from->listen[i].host), from->listen[i].port};
	b.ciphers = from->ciphers ? talloc_strdup(ctx, from->ciphers) : NULL;
	b.keylog = from->keylog ? talloc_strdup(ctx, from->keylog) : NULL;
	b.fleets = into->fleets;
	b.n_fleets = into->n_fleets;
	b.fallback = into->fallback;
	*into = b;
}

/* ---- triggers ---- */

static int set_address(const void *ctx, const char *text, struct bytes *address)
{
	uint8_t raw[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, text, raw) == 1)
		*address = bytes_dup(ctx, bytes_of(raw, sizeof(struct in_addr)));
	else if (inet_pton(AF_INET6, text, raw) == 1)
		*address = bytes_dup(ctx, BYTES_ARR(raw));
	else
		return -EINVAL;
	return 0;
}

int https_fleet_trigger(const void *ctx, const struct https_fleet *f, struct trigger *t)
{
	struct trigger v = {
		.conn = {.buffer_size = (uint16_t)f->buffer_size, .apn = f->apn, .port = (uint16_t)f->port},
		.retry = {.counter = (uint16_t)f->retry_count, .delay_s = f->retry_delay_s},
		.post = {.host = f->host},
		.dns = {.fqdn = f->fqdn},
		.has_conn = f->bearer || f->buffer_size || f->apn || f->port || f->address,
		.has_retry = f->retry_count || f->retry_delay_s,
		.has_post = f->host || f->agent_id,
		.has_dns = f->fqdn != NULL,
	};
	int rc = 0;

	/* A trigger that says where to go also says what to ask for. */
	v.post.uri = v.has_post ? f->uri : NULL;
	if (f->bearer)
		rc = hex_dec(ctx, f->bearer, &v.conn.bearer);
	if (rc == 0 && f->address)
		rc = set_address(ctx, f->address, &v.conn.address);
	if (rc == 0)
		*t = v;
	return rc;
}

/* ---- checks ---- */

static int wrong(const void *ctx, const char **why, const struct https_fleet *f, const char *text)
{
	*why = talloc_asprintf(ctx, "https-bearer%s%s: %s", f ? " fleet " : "", f ? f->name : "", text);
	return -EINVAL;
}

static int check_fleet(const void *ctx, const struct https_fleet *f, const char **why)
{
	struct trigger t;
	struct bytes octets;
	struct wr w;

	if (f->uri[0] != '/' || strcspn(f->uri, "? #") != strlen(f->uri))
		return wrong(ctx, why, f, "uri is no path");
	if (strlen(f->uri) > 32)
		return wrong(ctx, why, f, "uri is longer than 32 characters: cards take 64 with token and number");
	if (f->retry_delay_s > RETRY_DELAY_MAX_S)
		return wrong(ctx, why, f, "retry: the delay is longer than 99:59:59");
	wr_init(&w, ctx);
	if (https_fleet_trigger(ctx, f, &t) < 0 || trigger_enc(&t, &w) < 0 || wr_end(&w, &octets) < 0)
		return wrong(ctx, why, f, "address, bearer-description, apn, host or fqdn cannot be said in a trigger");
	return 0;
}

static int check_eums(const void *ctx, const struct https_bearer_cfg *b, const char **why)
{
	size_t others = 0;

	for (size_t i = 0; i < b->n_fleets; i++) {
		const struct https_fleet *f = b->fleets[i];

		others += f->n_eums == 0;
		for (size_t k = 0; k < f->n_eums; k++) {
			for (size_t j = i + 1; j < b->n_fleets; j++) {
				if (names(b->fleets[j], f->eums[k]))
					return wrong(ctx, why, f, "another fleet has one of its EUMs");
			}
		}
	}
	return others > 1 ? wrong(ctx, why, NULL, "two fleets have no eum: only one can be for all other cards") : 0;
}

int https_bearer_check(const void *ctx, const struct https_bearer_cfg *b, const char **why)
{
	struct psk_server_conf conf;
	int rc = 0;

	if (b->n_listen == 0)
		return b->n_fleets ? wrong(ctx, why, NULL, "fleets, but nothing to listen on (listen ...)") : 0;
	https_bearer_conf(b, &conf);
	if (psk_server_check(ctx, &conf, why) < 0)
		return wrong(ctx, why, NULL, *why);
	for (size_t i = 0; rc == 0 && i < b->n_fleets; i++)
		rc = check_fleet(ctx, b->fleets[i], why);
	return rc < 0 ? rc : check_eums(ctx, b, why);
}
