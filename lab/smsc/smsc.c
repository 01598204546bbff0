/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service centre: life, subscribers, sessions and time.
 *
 * A session that we end stays in its list until the event is over, so that no handler holds a freed one. */
#include "lab/smsc/smsc_priv.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

void smsc_cfg_default(struct smsc_cfg *cfg)
{
	*cfg = (struct smsc_cfg){
		.name = "smsc-sim",
		.id_style = SMSC_ID_HEX,
		.receipt_id_style = SMSC_ID_DEC,
		.window = 100,
		.deliver_window = 20,
		.queue_max = 1000,
		.attempts_max = 5,
		.retry_ms = 2000,
		.validity_ms = 24 * 3600 * 1000,
		.ack_ms = 15000,
		.deliver_ms = 10000,
		.enquire_ms = 30000,
		.bind_ms = 10000,
		.alerts = true,
		.seed = 1,
	};
}

struct smsc *smsc_alloc(const void *ctx, const struct smsc_cfg *cfg, const struct smsc_ops *ops, void *priv)
{
	struct smsc *s = talloc_zero(ctx, struct smsc);

	OSMO_ASSERT(s);
	s->cfg = *cfg;
	s->ops = ops;
	s->priv = priv;
	s->chance = cfg->seed;
	s->refused_coding = -1;
	s->last_number = 0x00b80000; /* so that hexadecimal ids show a letter and decimal ones differ */
	INIT_LLIST_HEAD(&s->sessions);
	INIT_LLIST_HEAD(&s->phones);
	INIT_LLIST_HEAD(&s->active);
	hash_init(s->by_imsi);
	hash_init(s->by_msisdn);
	INIT_LLIST_HEAD(&s->mos);
	return s;
}

/* ---- subscribers ---- */

static bool digits_only(const char *text, size_t min, size_t max)
{
	size_t n = strspn(text, "0123456789");

	return text[n] == '\0' && n >= min && n <= max;
}

/* FNV-1a */
static uint32_t digits_hash(struct bytes digits)
{
	uint32_t h = 2166136261u;
	struct rd r;

	for (rd_init(&r, digits); rd_left(&r);)
		h = (h ^ rd_u8(&r)) * 16777619u;
	return h;
}

struct phone *smsc_phone_by_imsi(struct smsc *s, const char *imsi, size_t len)
{
	struct bytes digits = bytes_of(imsi, len);
	struct phone *p;

	hash_for_each_possible (s->by_imsi, p, by_imsi, digits_hash(digits)) {
		if (bytes_eq(bytes_str(p->imsi), digits))
			return p;
	}
	return NULL;
}

struct phone *smsc_phone_by_msisdn(struct smsc *s, struct bytes digits)
{
	struct phone *p;

	hash_for_each_possible (s->by_msisdn, p, by_msisdn, digits_hash(digits)) {
		if (bytes_eq(bytes_str(p->msisdn), digits))
			return p;
	}
	return NULL;
}

int smsc_subscriber_add(struct smsc *s, const char *imsi, const char *msisdn)
{
	struct phone *p;

	if (!digits_only(imsi, 6, 15) || !digits_only(msisdn, 1, 15) || smsc_phone_by_imsi(s, imsi, strlen(imsi)) ||
	    smsc_phone_by_msisdn(s, bytes_str(msisdn)))
		return -EINVAL;
	p = talloc_zero(s, struct phone);
	OSMO_ASSERT(p);
	memcpy(p->imsi, imsi, strlen(imsi));
	memcpy(p->msisdn, msisdn, strlen(msisdn));
	INIT_LLIST_HEAD(&p->queue);
	INIT_LLIST_HEAD(&p->active);
	llist_add_tail(&p->list, &s->phones);
	hash_add(s->by_imsi, &p->by_imsi, digits_hash(bytes_str(imsi)));
	hash_add(s->by_msisdn, &p->by_msisdn, digits_hash(bytes_str(msisdn)));
	return 0;
}

static int load_line(struct smsc *s, char *line)
{
	char *comma = strchr(line, ',');

	line[strcspn(line, "\r")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (!comma)
		return -EINVAL;
	*comma = '\0';
	return smsc_subscriber_add(s, line, comma + 1) < 0 ? -EINVAL : 1;
}

int smsc_subscribers_load(struct smsc *s, const char *csv, unsigned *bad_line)
{
	char *copy = talloc_strdup(s, csv), *line, *save = NULL;
	unsigned n_lines = 0;
	int n = 0, rc = 0;

	/* strsep() keeps empty lines, so that line numbers stay right. */
	save = copy;
	while (rc >= 0 && (line = strsep(&save, "\n"))) {
		n_lines++;
		rc = load_line(s, line);
		n += rc > 0;
	}
	talloc_free(copy);
	if (rc < 0) {
		*bad_line = n_lines;
		return rc;
	}
	return n;
}

/* ---- sending ---- */

void smsc_send(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
	uint8_t buf[2048];
	struct bytes octets;
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	if (smpp_pdu_enc(pdu, &w) < 0 || wr_end(&w, &octets) < 0) {
		LOGP(DLAB, LOGL_ERROR, "session %u: %s cannot be encoded\n", ses->id,
		     smpp_command_name(pdu->command_id));
		return;
	}
	LOGP(DLAB, LOGL_DEBUG, "session %u: tx %s seq %u status 0x%x\n", ses->id, smpp_command_name(pdu->command_id),
	     pdu->seq, pdu->status);
	s->ops->tx(s->priv, ses->id, octets);
}

void smsc_send_header(struct smsc *s, struct session *ses, uint32_t command_id, uint32_t status, uint32_t seq)
{
	struct smpp_pdu pdu = {
		.command_id = command_id, .status = status, .seq = seq, .no_body = command_id & SMPP_RESP};

	smsc_send(s, ses, &pdu);
}

/* ---- sessions ---- */

struct session *smsc_session_find(struct smsc *s, unsigned id)
{
	struct session *ses;

	llist_for_each_entry (ses, &s->sessions, list) {
		if (ses->id == id && ses->state != SESSION_ENDED)
			return ses;
	}
	return NULL;
}

void smsc_session_end(struct smsc *s, struct session *ses, const char *why)
{
	if (ses->state == SESSION_ENDED)
		return;
	LOGP(DLAB, LOGL_INFO, "session %u: closed: %s\n", ses->id, why);
	ses->state = SESSION_ENDED;
	s->ops->close(s->priv, ses->id);
	smsc_mt_session_gone(s, ses->id);
	smsc_mo_session_gone(s, ses->id);
}

static void bury(struct smsc *s)
{
	struct session *ses, *next;

	llist_for_each_entry_safe (ses, next, &s->sessions, list) {
		if (ses->state == SESSION_ENDED) {
			llist_del(&ses->list);
			talloc_free(ses);
		}
	}
}

unsigned smsc_session_open(struct smsc *s, int64_t now_ms)
{
	struct session *ses = talloc_zero(s, struct session);

	OSMO_ASSERT(ses);
	s->now_ms = now_ms;
	ses->id = ++s->last_session;
	ses->framer = smpp_framer_alloc(ses);
	ses->opened_ms = ses->rx_ms = now_ms;
	llist_add_tail(&ses->list, &s->sessions);
	LOGP(DLAB, LOGL_INFO, "session %u: open\n", ses->id);
	return ses->id;
}

void smsc_session_rx(struct smsc *s, unsigned session, struct bytes octets, int64_t now_ms)
{
	struct session *ses;
	struct bytes pdu;
	int rc = 0;

	s->now_ms = now_ms;
	ses = smsc_session_find(s, session);
	if (!ses)
		return;
	ses->rx_ms = now_ms;
	ses->enquired_ms = 0;
	smpp_framer_feed(ses->framer, octets);
	while (ses->state != SESSION_ENDED && (rc = smpp_framer_next(ses->framer, &pdu)) == 1)
		smsc_pdu_rx(s, ses, pdu);
	if (ses->state != SESSION_ENDED && rc < 0) {
		smsc_send_header(s, ses, SMPP_GENERIC_NACK, SMPP_RINVCMDLEN, 0);
		smsc_session_end(s, ses, "impossible command_length");
	}
	bury(s);
}

void smsc_session_closed(struct smsc *s, unsigned session, int64_t now_ms)
{
	struct session *ses;

	s->now_ms = now_ms;
	ses = smsc_session_find(s, session);
	if (!ses)
		return;
	LOGP(DLAB, LOGL_INFO, "session %u: closed by the peer\n", ses->id);
	ses->state = SESSION_ENDED;
	smsc_mt_session_gone(s, session);
	smsc_mo_session_gone(s, session);
	bury(s);
}

/* ---- time ---- */

static int64_t session_tick(struct smsc *s, struct session *ses)
{
	int64_t silent = s->now_ms - ses->rx_ms;

	if (ses->state == SESSION_OPEN) {
		if (s->now_ms - ses->opened_ms >= s->cfg.bind_ms)
			smsc_session_end(s, ses, "not bound in time");
		return ses->opened_ms + s->cfg.bind_ms;
	}
	if (ses->enquired_ms) {
		if (s->now_ms - ses->enquired_ms >= s->cfg.enquire_ms)
			smsc_session_end(s, ses, "no answer to enquire_link");
		return ses->enquired_ms + s->cfg.enquire_ms;
	}
	if (silent >= s->cfg.enquire_ms) {
		ses->enquired_ms = s->now_ms;
		smsc_send_header(s, ses, SMPP_ENQUIRE_LINK, 0, ++ses->seq);
		return s->now_ms + s->cfg.enquire_ms;
	}
	return ses->rx_ms + s->cfg.enquire_ms;
}

int64_t smsc_tick(struct smsc *s, int64_t now_ms)
{
	int64_t next = INT64_MAX;
	struct session *ses;

	s->now_ms = now_ms;
	next = OSMO_MIN(next, smsc_mt_tick(s));
	next = OSMO_MIN(next, smsc_mo_tick(s));
	llist_for_each_entry (ses, &s->sessions, list) {
		int64_t at = session_tick(s, ses);

		next = OSMO_MIN(next, at);
	}
	bury(s);
	return next;
}
