/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Writers of the configuration nodes, and a configuration as text: for "show running-config", copies and comparisons.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/buffer.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/https_vty.h"
#include "common/app/text_vty.h"
#include "common/app/who_vty.h"
#include "smsr/cfg_vty_priv.h"
#include "smsr/daemon.h"
#include "smsr/https_vty.h"
#include "smsr/smsr_vty.h"

/* ---- writers ---- */

static int write_limits(struct vty *vty, struct smsr_cfg *cfg)
{
	struct smsr_cfg *def = smsr_cfg_alloc(cfg);

	limit_vty_write(vty, &cfg_limits, &cfg->limits, &def->limits);
	if (cfg->limits.free_space_min != def->limits.free_space_min)
		vty_out(vty, " free-space-min %llu%s", (unsigned long long)cfg->limits.free_space_min >> 20,
			VTY_NEWLINE);
	talloc_free(def);
	return CMD_SUCCESS;
}

static void write_flag(struct vty *vty, const char *indent, const char *name, bool value, bool def)
{
	if (value != def)
		vty_out(vty, "%s%s%s%s", indent, value ? "" : "no ", name, VTY_NEWLINE);
}

int cfg_write_smsr(struct vty *vty)
{
	struct smsr_cfg *c = smsr_vty_daemon()->edit;

	vty_out(vty, "smsr%s", VTY_NEWLINE);
	text_vty_out(vty, " ", "entity-id", c->oid);
	text_vty_out(vty, " ", "entity-name", c->name);
	text_vty_out(vty, " ", "uri", c->uri);
	text_vty_out(vty, " ", "database", c->database);
	text_vty_out(vty, " ", "master-key", c->master_key);
	text_vty_out(vty, " ", "certificate-issuers", c->ci_bundle);
	text_vty_out(vty, " ", "admin-socket", c->admin_socket);
	if (c->checkpoint_pages)
		vty_out(vty, " checkpoint-pages %u%s", c->checkpoint_pages, VTY_NEWLINE);
	write_flag(vty, " ", "late-notification-confirm", c->late_notification_confirm, false);
	write_flag(vty, " ", "omit-filtered-parts", c->omit_filtered_parts, false);
	write_flag(vty, " ", "ecasd-check", c->ecasd_check, true);
	return write_limits(vty, c);
}

static void write_peer(struct vty *vty, const struct peer *p)
{
	vty_out(vty, " peer %s%s", p->name, VTY_NEWLINE);
	text_vty_out(vty, "  ", "entity-id", p->oid);
	for (const struct value_string *r = cfg_roles; r->str; r++) {
		if (p->roles & r->value)
			text_vty_out(vty, "  ", "role", r->str);
	}
	who_vty_write(vty, "  ", &p->tls);
	text_vty_out(vty, "  ", "callback-prefix", p->callback_prefix);
	text_vty_out(vty, "  ", "notification-url", p->notification_url);
	text_vty_out(vty, "  ", "eum-certificate", p->eum_cert);
	if (p->max_validity_s)
		vty_out(vty, "  max-validity %u%s", p->max_validity_s, VTY_NEWLINE);
	for (size_t i = 0; i < p->n_acts_for; i++)
		text_vty_out(vty, "  ", "acts-for", p->acts_for[i]);
	write_flag(vty, "  ", "notify-mno-id", p->notify_mno_id, false);
}

int cfg_write_peers(struct vty *vty)
{
	for (size_t i = 0; i < smsr_vty_daemon()->edit->n_peers; i++)
		write_peer(vty, &smsr_vty_daemon()->edit->peers[i]);
	return CMD_SUCCESS;
}

static void write_smsc_texts(struct vty *vty, const struct smsc_cfg *c)
{
	const struct smpp_link_cfg *l = &c->link;

	if (l->host)
		vty_out(vty, "  remote %s %u%s", l->host, l->port, VTY_NEWLINE);
	text_vty_out(vty, "  ", "local", l->local);
	text_vty_out(vty, "  ", "system-id", l->system_id);
	text_vty_out(vty, "  ", "password-file", c->password_file);
	text_vty_out(vty, "  ", "system-type", l->system_type);
	text_vty_out(vty, "  ", "service-type", l->service_type);
	write_flag(vty, "  ", "tls", l->tls, false);
	text_vty_out(vty, "  ", "tls ca", l->tls_ca);
	text_vty_out(vty, "  ", "tls name", l->tls_name);
	text_vty_out(vty, "  ", "tls certificate", l->tls_cert);
	text_vty_out(vty, "  ", "tls key", l->tls_key);
}

static void write_codings(struct vty *vty, const struct smpp_link_cfg *l)
{
	char *hex;

	vty_out(vty, "  data-coding");
	for (unsigned int i = 0; i < l->n_data_coding; i++) {
		hex = hex_enc(smsr_vty_daemon()->edit, bytes_of(&l->data_coding[i], 1));
		vty_out(vty, " %s", hex);
		talloc_free(hex);
	}
	vty_out(vty, "%s", VTY_NEWLINE);
}

static void write_smsc_numbers(struct vty *vty, const struct smpp_link_cfg *l)
{
	if (l->source.digits.len)
		vty_out(vty, "  source %u %u %.*s%s", l->source.ton, l->source.npi, (int)l->source.digits.len,
			(const char *)l->source.digits.data, VTY_NEWLINE);
	vty_out(vty, "  destination-type %u %u%s", l->dest_ton, l->dest_npi, VTY_NEWLINE);
	text_vty_out(vty, "  ", "mode", get_value_string(cfg_esm_modes, l->esm_class));
	text_vty_out(vty, "  ", "bind", get_value_string(cfg_bind_modes, l->bind_mode));
	text_vty_out(vty, "  ", "receipts", get_value_string(cfg_receipt_wishes, l->receipts));
	text_vty_out(vty, "  ", "validity", get_value_string(cfg_validity_forms, l->validity));
	text_vty_out(vty, "  ", "message-id", get_value_string(cfg_msgid_types, l->msgid_type));
	vty_out(vty, "  window %u%s  rate %u%s", l->window, VTY_NEWLINE, l->rate_per_s, VTY_NEWLINE);
	write_codings(vty, l);
	for (unsigned int i = 0; i < l->n_rules; i++)
		vty_out(vty, "  status %u %s%s", l->rules[i].status,
			get_value_string(cfg_rule_actions, l->rules[i].action), VTY_NEWLINE);
}

int cfg_write_smscs(struct vty *vty)
{
	for (size_t i = 0; i < smsr_vty_daemon()->edit->n_smscs; i++) {
		vty_out(vty, " smsc %s%s", smsr_vty_daemon()->edit->smscs[i].name, VTY_NEWLINE);
		write_smsc_texts(vty, &smsr_vty_daemon()->edit->smscs[i]);
		write_smsc_numbers(vty, &smsr_vty_daemon()->edit->smscs[i].link);
	}
	return CMD_SUCCESS;
}

/* ---- as text ---- */

int smsr_vty_read(const char *path)
{
	return vty_read_config_file(path, smsr_vty_daemon()) < 0 ? -EINVAL : 0;
}

char *smsr_vty_text(struct smsr_daemon *d, const void *ctx, struct smsr_cfg *cfg, bool smscs_only)
{
	static int (*const writers[])(struct vty * vty) = {cfg_write_smsr, https_vty_write, https_vty_bearer_write,
							   cfg_write_peers, cfg_write_smscs};
	struct smsr_cfg *before = d->edit;
	struct vty *vty = vty_new();
	char *raw, *text;

	vty->type = VTY_FILE;
	d->edit = cfg;
	for (size_t i = smscs_only ? ARRAY_SIZE(writers) - 1 : 0; i < ARRAY_SIZE(writers); i++)
		writers[i](vty);
	d->edit = before;
	raw = buffer_getstr(vty->obuf);
	buffer_reset(vty->obuf); /* vty_close() would write it to descriptor 0 */
	text = talloc_strdup(ctx, raw);
	talloc_free(raw);
	vty_close(vty);
	return text;
}

/* Our own words into a configuration. */
static void read_text(struct smsr_daemon *d, struct smsr_cfg *into, char *text)
{
	struct smsr_cfg *before = d->edit;
	FILE *f = fmemopen(text, strlen(text), "r");

	OSMO_ASSERT(f);
	d->edit = into;
	OSMO_ASSERT(vty_read_config_filep(f, d) == 0);
	d->edit = before;
	fclose(f);
}

struct smsr_cfg *smsr_vty_copy(struct smsr_daemon *d, const struct smsr_cfg *cfg)
{
	struct smsr_cfg *copy = smsr_cfg_alloc(d);
	char *text = smsr_vty_text(d, d, (struct smsr_cfg *)cfg, false);

	read_text(d, copy, text);
	talloc_free(text);
	return copy;
}

void smsr_vty_take_smscs(struct smsr_daemon *d, struct smsr_cfg *into, const struct smsr_cfg *from)
{
	char *text = talloc_asprintf(d, "smsr\n%s", smsr_vty_text(d, into, (struct smsr_cfg *)from, true));

	into->smscs = NULL;
	into->n_smscs = 0;
	read_text(d, into, text);
	talloc_free(text);
}
