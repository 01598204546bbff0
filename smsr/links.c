/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMPP links of the daemon, between smpp_link.c and the engine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "smsr/cmd.h"
#include "smsr/daemon.h"
#include "smsr/mo.h"
#include "smsr/record_db.h"

struct slot {
	struct smpp_link *link;
	const char *name;
	int reserved; /* in this round */
	bool stopped;
};

/* A submit that a link refused to take after the commit: reported in the next round. */
struct not_taken {
	struct llist_head entry;
	uint64_t ref;
};

struct links {
	struct smsr_daemon *d;
	struct slot *slots;
	size_t n;
	size_t next; /* round robin */
	struct llist_head not_taken;
};

static struct slot *slot_of(struct links *l, const struct smpp_link *link)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->slots[i].link == link)
			return &l->slots[i];
	}
	OSMO_ASSERT(false);
}

static struct slot *slot_by_name(struct links *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->slots[i].name, name) == 0)
			return &l->slots[i];
	}
	return NULL;
}

/* ---- what the links say ---- */

static void on_enter(void *priv)
{
	/* daemon_event() opens the turn with the first event. */
}

static void on_leave(void *priv)
{
	/* The loop closes the turn when everything that is ready now was treated: one commit for all. */
}

static const struct {
	enum smpp_action action;
	int result;
} results[] = {
	{SMPP_ACT_THROTTLED, SUBMIT_PAUSED},   {SMPP_ACT_QUEUE_FULL, SUBMIT_RETRY},
	{SMPP_ACT_RETRY, SUBMIT_RETRY},	       {SMPP_ACT_RETRY_TWICE, SUBMIT_RETRY},
	{SMPP_ACT_NEXT_CODING, SUBMIT_RETRY},  {SMPP_ACT_PERMANENT, SUBMIT_REFUSED},
	{SMPP_ACT_BIND_REFUSED, SUBMIT_RETRY},
};

/* Form under which receipts will be looked up; "" when the service centre gave none. */
static const char *response_id(const struct smpp_link *link, struct bytes id, struct smpp_msgid *m)
{
	return smpp_msgid_init(id, m) < 0 ? "" : smpp_msgid_key(m, smpp_link_cfg(link)->msgid_type);
}

static void on_submit_done(void *priv, struct smpp_link *link, uint64_t ref, const struct smpp_result *r)
{
	struct submit_done d = {.ref = ref, .status = smpp_status_name(r->status), .message_id = ""};
	struct links *l = priv;
	struct smpp_msgid id;

	switch (r->outcome) {
	case SMPP_DONE_ACCEPTED:
		d.result = SUBMIT_TAKEN;
		d.message_id = response_id(link, r->message_id, &id);
		break;
	case SMPP_DONE_REFUSED:
		d.result = SUBMIT_RETRY;
		for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
			if (results[i].action == r->action)
				d.result = results[i].result;
		}
		break;
	case SMPP_DONE_UNKNOWN:
		d.result = SUBMIT_UNKNOWN;
		break;
	case SMPP_DONE_NOT_SENT:
		d.result = SUBMIT_NOT_SENT;
		break;
	}
	daemon_event(l->d, smsr_ev_submit_done, &d, "submit_sm_resp");
}

static const char *digits_of(const void *ctx, struct bytes digits)
{
	return talloc_strndup(ctx, (const char *)digits.data, digits.len);
}

static int deliver_receipt(struct links *l, struct smpp_link *link, uint64_t token, const struct smpp_receipt *r)
{
	struct smpp_msgid id;
	struct sms_receipt rc = {
		.smsc = slot_of(l, link)->name,
		.token = token,
		.state = smpp_state_word(r->state),
		.error = r->err,
		.delivered = r->state == SMPP_STATE_DELIVERED,
		.final = smpp_state_final(r->state),
	};

	if (smpp_msgid_init(r->id, &id) == 0)
		smpp_msgid_keys(&id, smpp_link_cfg(link)->msgid_type, rc.message_id);
	return daemon_event(l->d, smsr_ev_receipt, &rc, "receipt");
}

static void on_deliver(void *priv, struct smpp_link *link, uint64_t token, const struct smpp_deliver *deliver)
{
	struct links *l = priv;
	void *ctx = talloc_new(l);
	struct sms_mo mo = {
		.smsc = slot_of(l, link)->name,
		.token = token,
		.source = digits_of(ctx, deliver->source.digits),
		.udhi = deliver->esm_class & SMPP_ESM_UDHI,
		.ud = deliver->payload,
	};
	int rc;

	if (deliver->is_receipt)
		rc = deliver_receipt(l, link, token, &deliver->receipt);
	else
		rc = daemon_event(l->d, smsr_ev_mo, &mo, "deliver_sm");
	/* Not stored: the service centre shall keep it and come again. */
	if (rc < 0)
		smpp_link_deliver_ack(link, token, SMPP_RX_T_APPN);
	talloc_free(ctx);
}

static void on_alert(void *priv, struct smpp_link *link, const struct smpp_addr *source, int availability)
{
	struct links *l = priv;
	void *ctx = talloc_new(l);

	if (availability <= 0)
		daemon_event(l->d, smsr_ev_alert, (void *)digits_of(ctx, source->digits), "alert_notification");
	talloc_free(ctx);
}

static void on_room(void *priv, struct smpp_link *link)
{
	struct links *l = priv;

	smsr_sms_room(l->d->s);
}

static void tell_trap(const char *name, bool up)
{
	char *value = talloc_asprintf(NULL, "%s,%s", name, up ? "up" : "down");

	app_trap("smpp-link", value);
	talloc_free(value);
}

static void on_state(void *priv, struct smpp_link *link, bool up)
{
	struct links *l = priv;

	LOGP(DSMPP, LOGL_NOTICE, "%s is %s\n", slot_of(l, link)->name, up ? "bound" : "down");
	tell_trap(slot_of(l, link)->name, up);
	if (up)
		smsr_sms_room(l->d->s);
}

static void on_alarm(void *priv, struct smpp_link *link, const char *text)
{
	struct links *l = priv;

	LOGP(DSMPP, LOGL_ERROR, "%s: %s\n", slot_of(l, link)->name, text);
}

static void on_stopped(void *priv, struct smpp_link *link)
{
	struct links *l = priv;

	slot_of(l, link)->stopped = true;
}

static const struct smpp_link_ops ops = {
	.enter = on_enter,
	.leave = on_leave,
	.submit_done = on_submit_done,
	.deliver = on_deliver,
	.alert = on_alert,
	.room = on_room,
	.state = on_state,
	.alarm = on_alarm,
	.stopped = on_stopped,
};

/* ---- what the engine says ---- */

const char *links_reserve(struct links *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct slot *s = &l->slots[(l->next + i) % l->n];

		if (smpp_link_room(s->link) <= s->reserved)
			continue;
		s->reserved++;
		l->next = (l->next + i + 1) % l->n;
		return s->name;
	}
	return NULL;
}

void links_round(struct links *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->slots[i].reserved = 0;
}

void links_submit(struct links *l, const struct sms_out *sms)
{
	const struct smpp_submit msg = {
		.dest = sms->dest,
		.ud = sms->ud,
		.more = sms->more,
		.validity_ms = sms->validity_ms,
	};
	struct slot *s = slot_by_name(l, sms->smsc);
	struct not_taken *n;

	if (s && smpp_link_submit(s->link, sms->ref, &msg) == 0)
		return;
	n = talloc_zero(l, struct not_taken);
	OSMO_ASSERT(n);
	n->ref = sms->ref;
	llist_add_tail(&n->entry, &l->not_taken);
}

bool links_has_pending(const struct links *l)
{
	return !llist_empty(&l->not_taken);
}

void links_pending(struct links *l)
{
	while (!llist_empty(&l->not_taken)) {
		struct not_taken *n = llist_first_entry(&l->not_taken, struct not_taken, entry);
		struct submit_done d = {.ref = n->ref, .result = SUBMIT_RETRY, .status = "the link did not take it"};

		llist_del(&n->entry);
		daemon_event(l->d, smsr_ev_submit_done, &d, "submit");
		talloc_free(n);
	}
}

void links_ack(struct links *l, const char *smsc, uint64_t token, bool ok)
{
	struct slot *s = slot_by_name(l, smsc);

	if (s)
		smpp_link_deliver_ack(s->link, token, ok ? SMPP_ROK : SMPP_RX_T_APPN);
}

/* ---- start and stop ---- */

int links_read_password(const void *ctx, const char *path, char **password)
{
	char line[64];
	FILE *f = fopen(path, "r");
	bool ok;

	if (!f)
		return -errno;
	ok = fgets(line, sizeof(line), f);
	fclose(f);
	if (!ok)
		return -EINVAL;
	line[strcspn(line, "\r\n")] = '\0';
	*password = talloc_strdup(ctx, line);
	bytes_wipe(line, sizeof(line));
	return 0;
}

static int start_one(struct links *l, struct smsc_cfg *c, const char **why)
{
	struct slot *s = &l->slots[l->n];
	struct smpp_link_cfg cfg = c->link;
	char *password = NULL;

	if (c->password_file && links_read_password(l, c->password_file, &password) < 0) {
		*why = talloc_asprintf(l->d->ctx, "smsc %s: %s: no password can be read", c->name, c->password_file);
		return -EINVAL;
	}
	cfg.name = c->name;
	cfg.password = password;
	s->name = talloc_strdup(l, c->name); /* the configuration may be replaced */
	s->link = smpp_link_alloc(l, &cfg, &ops, l);
	if (password)
		bytes_wipe(password, strlen(password));
	talloc_free(password);
	if (!s->link) {
		*why = talloc_asprintf(l->d->ctx, "smsc %s: its settings are refused", c->name);
		return -EINVAL;
	}
	l->n++;
	smpp_link_start(s->link);
	return 0;
}

int links_start(struct smsr_daemon *d, const char **why)
{
	struct links *l = talloc_zero(d->ctx, struct links);
	int rc = 0;

	OSMO_ASSERT(l);
	d->links = l;
	l->d = d;
	INIT_LLIST_HEAD(&l->not_taken);
	l->slots = talloc_zero_array(l, struct slot, (unsigned int)d->cfg->n_smscs + 1);
	OSMO_ASSERT(l->slots);
	for (size_t i = 0; rc == 0 && i < d->cfg->n_smscs; i++)
		rc = start_one(l, &d->cfg->smscs[i], why);
	return rc;
}

void links_stop(struct links *l)
{
	for (size_t i = 0; i < l->n; i++)
		smpp_link_stop(l->slots[i].link);
}

bool links_stopped(const struct links *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!l->slots[i].stopped)
			return false;
	}
	return true;
}

void links_pause(struct links *l, const char *smsc, bool paused)
{
	struct slot *s = slot_by_name(l, smsc);

	if (s && paused)
		smpp_link_pause(s->link);
	else if (s)
		smpp_link_resume(s->link);
}

void links_reconnect(struct links *l, const char *smsc)
{
	struct slot *s = slot_by_name(l, smsc);

	if (s)
		smpp_link_reconnect(s->link);
}

int links_apply_pauses(struct links *l)
{
	bool paused;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		rc = record_db_is_paused(l->d->s->db, PAUSE_SMSC, l->slots[i].name, &paused);
		if (rc == 0 && paused)
			smpp_link_pause(l->slots[i].link);
	}
	return rc;
}

size_t links_up(const struct links *l)
{
	struct smpp_link_info info;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		smpp_link_info(l->slots[i].link, &info);
		n += info.up;
	}
	return n;
}

size_t links_n(const struct links *l)
{
	return l->n;
}

struct smpp_link *links_get(const struct links *l, size_t i)
{
	return l->slots[i].link;
}
