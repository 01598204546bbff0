/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings of an SMPP link: defaults, check, copy.  The limits are those of the SMPP 3.4 fields; the defaults suit an
 * ordinary service centre and secured packets (TP-PID 7F, TP-DCS F6, UDHI). */
#include "smsr/smpp_link_priv.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/tls_pipe.h"

void smpp_link_cfg_default(struct smpp_link_cfg *cfg)
{
	*cfg = (struct smpp_link_cfg){
		.port = 2775,
		.bind_mode = SMPP_BIND_TRX,
		.source = {.ton = 1, .npi = 1},
		.dest_ton = 1,
		.dest_npi = 1,
		.esm_class = SMPP_ESM_UDHI,
		.protocol_id = 0x7f,
		.data_coding = {0xf6, 0x16, 0x04},
		.n_data_coding = 3,
		.validity = SMPP_VALIDITY_RELATIVE,
		.receipts = SMPP_RECEIPT_LAST,
		.more_messages_tlv = true,
		.window = 10,
		.queue_full_dests = 5,
		.deliver_max = 500,
		.connect_timeout_ms = 10000,
		.bind_timeout_ms = 10000,
		.response_timeout_ms = 60000,
		.enquire_ms = 30000,
		.enquire_misses = 3,
		.drain_ms = 10000,
		.unbind_timeout_ms = 5000,
		.reconnect_min_ms = 1000,
		.reconnect_max_ms = 60000,
		.refused_min_ms = 60000,
		.refused_max_ms = 15 * 60000,
		.throttle_min_ms = 1000,
		.throttle_max_ms = 60000,
	};
}

/* Every string of the settings, with its limit as a field of SMPP (0: none). */
static const struct {
	size_t off;
	size_t max;
	const char *why;
} strings[] = {
	{offsetof(struct smpp_link_cfg, name), 0, NULL},
	{offsetof(struct smpp_link_cfg, host), 0, NULL},
	{offsetof(struct smpp_link_cfg, local), 0, NULL},
	{offsetof(struct smpp_link_cfg, tls_ca), 0, NULL},
	{offsetof(struct smpp_link_cfg, tls_name), 0, NULL},
	{offsetof(struct smpp_link_cfg, tls_cert), 0, NULL},
	{offsetof(struct smpp_link_cfg, tls_key), 0, NULL},
	{offsetof(struct smpp_link_cfg, system_id), 15, "system-id has more than 15 characters"},
	{offsetof(struct smpp_link_cfg, password), 8, "password has more than 8 characters"},
	{offsetof(struct smpp_link_cfg, system_type), 12, "system-type has more than 12 characters"},
	{offsetof(struct smpp_link_cfg, service_type), 5, "service-type has more than 5 characters"},
};

static const char **string_at(struct smpp_link_cfg *cfg, size_t i)
{
	return (const char **)((uint8_t *)cfg + strings[i].off);
}

static struct bytes copy_text(const void *ctx, struct bytes text)
{
	return text.len ? bytes_dup(ctx, text) : text;
}

void smpp_link_cfg_copy(const void *ctx, const struct smpp_link_cfg *cfg, struct smpp_link_cfg *out)
{
	*out = *cfg;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		*string_at(out, i) = *string_at(out, i) ? talloc_strdup(ctx, *string_at(out, i)) : NULL;
	if (out->password) /* a copy is named by its own text, and reports of talloc show names */
		talloc_set_name_const(out->password, "password");
	if (!out->name)
		out->name = talloc_strdup(ctx, "smpp");
	out->source.digits = copy_text(ctx, cfg->source.digits);
	out->range.digits = copy_text(ctx, cfg->range.digits);
}

static const char *check_strings(const struct smpp_link_cfg *cfg)
{
	struct smpp_link_cfg c = *cfg;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		const char *s = *string_at(&c, i);

		if (s && strings[i].max && strlen(s) > strings[i].max)
			return strings[i].why;
	}
	if (!cfg->host || !cfg->host[0] || !cfg->port)
		return "no host or port";
	if (!cfg->system_id || !cfg->system_id[0])
		return "no system-id";
	return NULL;
}

static const char *check_source(const struct smpp_link_cfg *cfg)
{
	struct rd r;

	if (cfg->source.digits.len < 1 || cfg->source.digits.len >= SMPP_ADDR_LEN)
		return "source address needs 1 to 20 digits";
	for (rd_init(&r, cfg->source.digits); rd_left(&r);) {
		uint8_t c = rd_u8(&r);

		if (c < '0' || c > '9')
			return "source address must be numeric: cards answer to it";
	}
	return cfg->range.digits.len > 40 ? "address range has more than 40 characters" : NULL;
}

static const char *check_timers(const struct smpp_link_cfg *cfg)
{
	const unsigned positive[] = {cfg->deliver_max,	       cfg->connect_timeout_ms, cfg->bind_timeout_ms,
				     cfg->response_timeout_ms, cfg->enquire_ms,		cfg->enquire_misses,
				     cfg->reconnect_min_ms,    cfg->refused_min_ms,	cfg->throttle_min_ms};

	for (size_t i = 0; i < ARRAY_SIZE(positive); i++) {
		if (!positive[i])
			return "a timer or limit is 0";
	}
	return NULL;
}

static const char *check_numbers(const struct smpp_link_cfg *cfg)
{
	if (cfg->window < 1 || cfg->window > SMPP_WINDOW_MAX)
		return "window is 1 to 1000";
	if (cfg->n_data_coding < 1 || cfg->n_data_coding > SMPP_CODINGS_MAX)
		return "1 to 4 data codings";
	if (cfg->n_rules > SMPP_RULES_MAX)
		return "at most 16 status rules";
	return cfg->rate_per_s > 1000000 ? "rate is at most 1000000" : check_timers(cfg);
}

static const char *check_tls(const struct smpp_link_cfg *cfg)
{
	struct tls_pipe_cfg tls = {.ca = cfg->tls_ca,
				   .name = cfg->tls_name ? cfg->tls_name : cfg->host,
				   .cert = cfg->tls_cert,
				   .key = cfg->tls_key};
	const char *why = NULL;

	if (cfg->tls)
		talloc_free(tls_pipe_alloc(NULL, &tls, &why));
	return why;
}

int smpp_link_cfg_check(const struct smpp_link_cfg *cfg, const char **why)
{
	static const char *(*const checks[])(const struct smpp_link_cfg *cfg) = {check_strings, check_source,
										 check_numbers, check_tls};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const char *bad = checks[i](cfg);

		if (bad) {
			*why = bad;
			return -EINVAL;
		}
	}
	return 0;
}
