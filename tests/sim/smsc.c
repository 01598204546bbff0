/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service centres: a window of submissions each, store and forward, receipts, deliveries that come again until they are
 * acknowledged, links that break, and restarts that lose the queue.  There is one, and with the fault "second-centre"
 * another one beside it. */
#include "tests/sim/smsc.h"

#include <osmocom/core/linuxlist.h>
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "smsr/cmd.h"
#include "smsr/mo.h"
#include "tests/sim/daemon.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge.h"

#define CENTRES 2
#define WINDOW 10
#define WINDOW_SLOW 1
#define REDELIVERY_MS MINUTE_MS
#define TROUBLE_EVERY_MS HOUR_MS

static const char *const names[CENTRES] = {"smsc", "smsc-b"};

/* One of them, with the link to it. */
struct centre {
	const char *name;
	bool exists;
	bool up;
	bool paused;	     /* by the SM-SR */
	unsigned int window; /* submissions without an answer */
	unsigned int bind;   /* counted: what was out when a link broke is answered by nobody */
	unsigned int life;   /* of its queue: a restart loses what belongs to an earlier one */
	int64_t slow_ms;     /* until then it takes one at a time */
};

struct smsc {
	struct centre centres[CENTRES];
	unsigned int next; /* in turn */
	bool receipts;
	uint64_t next_token;
	unsigned int next_id;
	struct llist_head mo;
	struct llist_head held;
	unsigned int *on_its_way; /* by card */
};

/* A copy of a message for a card. */
struct mt {
	struct llist_head entry;
	struct centre *centre;
	unsigned int life;
	unsigned int card;
	char dest[24];
	char id[12];
	int64_t expires_ms;
	struct bytes ud;
};

/* A submission until it is answered. */
struct submission {
	struct centre *centre;
	unsigned int run, bind;
	uint64_t ref;
	int result;
	char id[12];
};

struct mo {
	struct llist_head entry;
	uint64_t token; /* 0: not delivered yet */
	struct centre *centre;
	unsigned int life;
	unsigned int card;
	bool acked;
	bool is_receipt;
	bool delivered; /* of a receipt */
	char id[12];
	char source[24];
	bool udhi;
	struct bytes ud;
};

unsigned int smsc_on_its_way(struct sim *s, unsigned int card)
{
	return s->smsc->on_its_way[card];
}

const char *smsc_name(unsigned int n)
{
	return names[n % CENTRES];
}

static bool has_room(const struct sim *s, const struct centre *c)
{
	return c->exists && c->up && !c->paused && c->window < (s->now_ms < c->slow_ms ? WINDOW_SLOW : WINDOW);
}

const char *smsc_reserve(struct sim *s)
{
	struct smsc *m = s->smsc;

	for (unsigned int i = 0; i < CENTRES; i++) {
		struct centre *c = &m->centres[(m->next + i) % CENTRES];

		if (!has_room(s, c))
			continue;
		c->window++;
		m->next = (m->next + i + 1) % CENTRES;
		return c->name;
	}
	return NULL;
}

static void room(struct sim *s, void *unused)
{
	daemon_room(s);
}

static struct centre *centre_by_name(struct sim *s, const char *name)
{
	for (unsigned int i = 0; i < CENTRES; i++) {
		if (strcmp(s->smsc->centres[i].name, name) == 0)
			return &s->smsc->centres[i];
	}
	return NULL;
}

/* ---- towards the daemon ---- */

static void deliver(struct sim *s, void *arg);

static void mo_free(struct sim *s, struct mo *m)
{
	llist_del(&m->entry);
	s->smsc->on_its_way[m->card]--;
	talloc_free(m);
}

static void forget_or_again(struct sim *s, struct mo *m)
{
	if (m->acked || m->life != m->centre->life)
		mo_free(s, m);
	else
		sim_at(s, s->now_ms + REDELIVERY_MS, deliver, m);
}

static void deliver(struct sim *s, void *arg)
{
	struct mo *m = arg;
	struct sms_mo ev = {.smsc = m->centre->name, .source = m->source, .udhi = m->udhi, .ud = m->ud};
	struct sms_receipt r = {.smsc = m->centre->name,
				.message_id = {m->id},
				.state = m->delivered ? "DELIVRD" : "UNDELIV",
				.error = "",
				.delivered = m->delivered,
				.final = true};

	if (!m->acked && m->life == m->centre->life && m->centre->up && daemon_is_up(s)) {
		ev.token = r.token = m->token = ++s->smsc->next_token;
		sim_trace(s, "deliver %s card %u", m->is_receipt ? "receipt" : "mo", m->card);
		if (m->is_receipt)
			daemon_event(s, smsr_ev_receipt, &r);
		else
			daemon_event(s, smsr_ev_mo, &ev);
	}
	forget_or_again(s, m);
}

void smsc_ack(struct sim *s, const char *name, uint64_t token, bool ok)
{
	struct mo *m;

	llist_for_each_entry (m, &s->smsc->mo, entry) {
		if (m->token != token)
			continue;
		m->acked = ok;
		if (strcmp(m->centre->name, name) != 0)
			sim_violation(s, "a delivery of %s is acknowledged to %s", m->centre->name, name);
	}
}

static struct mo *mo_add(struct sim *s, struct centre *c, unsigned int card)
{
	struct mo *m = talloc_zero(s->smsc, struct mo);

	m->centre = c;
	m->life = c->life;
	m->card = card;
	llist_add_tail(&m->entry, &s->smsc->mo);
	s->smsc->on_its_way[card]++;
	return m;
}

static void receipt(struct sim *s, const struct mt *mt, bool delivered)
{
	struct mo *m;

	if (!s->smsc->receipts || fault(s, F_RECEIPT_LOST, mt->card + 1, NULL))
		return;
	m = mo_add(s, mt->centre, mt->card);
	m->is_receipt = true;
	m->delivered = delivered;
	OSMO_STRLCPY_ARRAY(m->id, mt->id);
	sim_at(s, s->now_ms + SECOND_MS, deliver, m);
}

static void from_card(struct sim *s, struct centre *c, unsigned int card, const struct mo *what, int64_t after)
{
	struct mo *m = mo_add(s, c, card);
	struct bytes ud = what->ud;
	uint64_t h;

	OSMO_STRLCPY_ARRAY(m->source, what->source);
	m->udhi = what->udhi;
	if (fault(s, F_MO_TRUNCATED, card + 1, &h))
		ud.len = (size_t)between(&h, 0, (int64_t)ud.len);
	m->ud = bytes_dup(m, ud);
	if (fault(s, F_MO_LATE, card + 1, &h))
		after += between(&h, 10 * SECOND_MS, 4 * HOUR_MS);
	sim_at(s, s->now_ms + after, deliver, m);
}

/* The network takes the one that is up. */
static struct centre *any_centre(struct sim *s, uint64_t h)
{
	for (unsigned int i = 0; i < CENTRES; i++) {
		struct centre *c = &s->smsc->centres[(h + i) % CENTRES];

		if (c->exists && c->up)
			return c;
	}
	return NULL;
}

uint8_t smsc_from_card(struct sim *s, unsigned int card, const char *msisdn, bool udhi, struct bytes ud)
{
	uint64_t h = choice(s, C_LATENCY, card + 1);
	struct centre *c = any_centre(s, h >> 32);
	struct mo what = {.udhi = udhi, .ud = ud};

	OSMO_STRLCPY_ARRAY(what.source, msisdn);
	if (!c || fault(s, F_MO_REFUSED, card + 1, NULL))
		return 41; /* TS 24.011: temporary failure */
	s->res->from_cards++;
	if (fault(s, F_MO_LOST, card + 1, NULL))
		return 0;
	from_card(s, c, card, &what, between(&h, 100, 3000));
	if (fault(s, F_MO_DOUBLED, card + 1, &h))
		from_card(s, c, card, &what, between(&h, 100, 5 * MINUTE_MS));
	return 0;
}

/* ---- towards the cards ---- */

static void mt_free(struct sim *s, struct mt *mt)
{
	s->smsc->on_its_way[mt->card]--;
	talloc_free(mt);
}

static void mt_expires(struct sim *s, void *arg)
{
	struct mt *mt, *next;

	llist_for_each_entry_safe (mt, next, &s->smsc->held, entry) {
		if (mt->expires_ms > s->now_ms)
			continue;
		llist_del(&mt->entry);
		receipt(s, mt, false);
		mt_free(s, mt);
	}
}

static void mt_arrives(struct sim *s, void *arg)
{
	struct mt *mt = arg;

	if (mt->life != mt->centre->life) {
		mt_free(s, mt);
		return;
	}
	if (device_takes(s, mt->card, mt->dest, mt->ud)) {
		sim_trace(s, "mt card %u", mt->card);
		receipt(s, mt, true);
		mt_free(s, mt);
	} else if (mt->expires_ms <= s->now_ms) {
		receipt(s, mt, false);
		mt_free(s, mt);
	} else {
		llist_add_tail(&mt->entry, &s->smsc->held);
		sim_at(s, mt->expires_ms, mt_expires, NULL);
	}
}

static void alert(struct sim *s, unsigned int card)
{
	const char *msisdn = device_number(s, card);

	if (msisdn)
		daemon_event(s, smsr_ev_alert, (void *)msisdn);
}

static void on_alert(struct sim *s, void *card)
{
	alert(s, (unsigned int)(uintptr_t)card);
}

void smsc_attached(struct sim *s, unsigned int card)
{
	uint64_t h = choice(s, C_LATENCY, card + 1);
	struct mt *mt, *next;

	llist_for_each_entry_safe (mt, next, &s->smsc->held, entry) {
		if (mt->card != card)
			continue;
		llist_del(&mt->entry);
		sim_at(s, s->now_ms + between(&h, 500, 10000), mt_arrives, mt);
	}
	if (h % 4 == 0)
		sim_at(s, s->now_ms + SECOND_MS, on_alert, (void *)(uintptr_t)card);
}

static void towards_card(struct sim *s, struct centre *c, const struct sms_out *sms, unsigned int card, const char *id,
			 int64_t after)
{
	struct mt *mt = talloc_zero(s->smsc, struct mt);
	struct bytes ud = sms->ud;
	uint64_t h;

	mt->centre = c;
	mt->life = c->life;
	mt->card = card;
	OSMO_STRLCPY_ARRAY(mt->dest, sms->dest);
	OSMO_STRLCPY_ARRAY(mt->id, id);
	mt->expires_ms = s->now_ms + OSMO_MAX(sms->validity_ms, MINUTE_MS);
	if (fault(s, F_MT_TRUNCATED, card + 1, &h))
		ud.len = (size_t)between(&h, 0, (int64_t)ud.len);
	mt->ud = bytes_dup(mt, ud);
	if (fault(s, F_MT_DELAYED, card + 1, &h))
		after += between(&h, MINUTE_MS, 8 * HOUR_MS);
	if (fault(s, F_MT_REORDERED, card + 1, &h))
		after += between(&h, 3 * SECOND_MS, 90 * SECOND_MS);
	s->smsc->on_its_way[card]++;
	sim_at(s, s->now_ms + after, mt_arrives, mt);
}

static void forward(struct sim *s, struct centre *c, const struct sms_out *sms, unsigned int card, const char *id)
{
	uint64_t h = choice(s, C_LATENCY, card + 1);

	if (!fault(s, F_MT_LOST, card + 1, NULL))
		towards_card(s, c, sms, card, id, between(&h, 300, 4000));
	if (fault(s, F_MT_DOUBLED, card + 1, &h))
		towards_card(s, c, sms, card, id, between(&h, 300, 5 * MINUTE_MS));
}

/* ---- submissions ---- */

static const struct {
	enum fault fault;
	int result;
	const char *status;
	bool passes; /* the message goes on its way all the same */
} verdicts[] = {
	{F_SMSC_THROTTLES, SUBMIT_PAUSED, "ESME_RTHROTTLED", false},
	{F_SMSC_REFUSES, SUBMIT_REFUSED, "ESME_RINVDSTADR", false},
	{F_LINK_DROPS_TAKEN, SUBMIT_UNKNOWN, "", true},
	{F_LINK_DROPS_LOST, SUBMIT_UNKNOWN, "", false},
	{F_LINK_NOT_SENT, SUBMIT_NOT_SENT, "", false},
};

static const char *status_of(int result)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		if (verdicts[i].result == result)
			return verdicts[i].status;
	}
	return "ESME_ROK";
}

static void submission_ends(struct sim *s, void *arg)
{
	struct submission *sub = arg;
	struct submit_done d = {.ref = sub->ref, .message_id = sub->id};

	if (sub->run == daemon_run(s)) {
		d.result = sub->bind != sub->centre->bind ? SUBMIT_UNKNOWN : sub->result;
		d.status = status_of((int)d.result);
		sub->centre->window--;
		sim_trace(s, "submitted %llu: %s", (unsigned long long)sub->ref, d.status);
		daemon_event(s, smsr_ev_submit_done, &d);
		if (sub->centre->up)
			daemon_room(s);
	}
	talloc_free(sub);
}

/* What becomes of it, when the link takes it. */
static bool judged(struct sim *s, struct submission *sub, unsigned int card)
{
	bool passes = true;

	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		if (sub->result != SUBMIT_TAKEN || !fault(s, verdicts[i].fault, card + 1, NULL))
			continue;
		sub->result = verdicts[i].result;
		passes = verdicts[i].passes;
	}
	return passes;
}

void smsc_submit(struct sim *s, const struct sms_out *sms)
{
	struct centre *c = centre_by_name(s, sms->smsc);
	struct submission *sub = talloc_zero(s->smsc, struct submission);
	unsigned int card = device_of(s, sms->dest);
	uint64_t h = choice(s, C_LATENCY, card + 1);

	if (!c || !c->exists || c->window == 0 || c->window > WINDOW) {
		sim_violation(s, "a short message goes to %s, which has no place for it", sms->smsc);
		return;
	}
	s->res->submitted++;
	*sub = (struct submission){
		.centre = c, .run = daemon_run(s), .bind = c->bind, .ref = sms->ref, .result = SUBMIT_TAKEN};
	OSMO_ASSERT(snprintf(sub->id, sizeof(sub->id), "%08X", ++s->smsc->next_id) == 8);
	sim_trace(s, "submit %llu card %u to %s by %s", (unsigned long long)sms->ref, card, sms->dest, sms->smsc);
	if (!c->up)
		sub->result = SUBMIT_NOT_SENT; /* broken since the place was reserved */
	else if (judged(s, sub, card))
		forward(s, c, sms, card, sub->id);
	sim_at(s, s->now_ms + between(&h, 10, 1500), submission_ends, sub);
}

/* ---- life ---- */

void smsc_pause(struct sim *s, const char *name, bool paused)
{
	struct centre *c = centre_by_name(s, name);

	c->paused = paused;
	sim_trace(s, "%s %s", name, paused ? "is paused" : "goes on");
	if (!paused)
		sim_at(s, s->now_ms, room, NULL);
}

static void comes_up(struct sim *s, void *centre)
{
	struct centre *c = centre;

	c->up = true;
	sim_trace(s, "%s is up", c->name);
	daemon_room(s);
}

static void goes_down(struct sim *s, struct centre *c, int64_t for_ms)
{
	sim_trace(s, "%s is down", c->name);
	c->up = false;
	c->bind++;
	sim_at(s, s->now_ms + for_ms, comes_up, c);
}

void smsc_reconnect(struct sim *s, const char *name)
{
	struct centre *c = centre_by_name(s, name);

	if (c->exists && c->up)
		goes_down(s, c, SECOND_MS);
}

void smsc_daemon_died(struct sim *s)
{
	for (unsigned int i = 0; i < CENTRES; i++)
		s->smsc->centres[i].window = 0;
}

/* As smsr/links.c does it. */
void smsc_daemon_started(struct sim *s)
{
	for (unsigned int i = 0; i < CENTRES; i++) {
		struct centre *c = &s->smsc->centres[i];

		c->paused = judge_is_paused(s, PAUSE_SMSC, c->name);
	}
	daemon_room(s);
}

static void drop_held(struct sim *s, const struct centre *c)
{
	struct mt *mt, *next;

	llist_for_each_entry_safe (mt, next, &s->smsc->held, entry) {
		if (mt->centre != c)
			continue;
		llist_del(&mt->entry);
		mt_free(s, mt);
	}
}

static void trouble(struct sim *s, struct centre *c, uint32_t actor)
{
	uint64_t h;

	if (fault(s, F_SMSC_RESTART, actor, &h) && c->up) {
		c->life++;
		drop_held(s, c);
		goes_down(s, c, between(&h, 10 * SECOND_MS, 10 * MINUTE_MS));
	}
	if (fault(s, F_LINK_DOWN, actor, &h) && c->up)
		goes_down(s, c, between(&h, SECOND_MS, h % 2 ? MINUTE_MS : 2 * HOUR_MS));
	if (fault(s, F_LINK_SLOW, actor, &h)) {
		c->slow_ms = s->now_ms + between(&h, MINUTE_MS, HOUR_MS);
		sim_at(s, c->slow_ms, room, NULL);
	}
}

static void on_trouble(struct sim *s, void *unused)
{
	for (uint32_t i = 0; i < CENTRES; i++) {
		if (s->smsc->centres[i].exists)
			trouble(s, &s->smsc->centres[i], i);
	}
	if (!faults_are_over(s->faults))
		sim_at(s, s->now_ms + TROUBLE_EVERY_MS, on_trouble, NULL);
}

static void second(struct sim *s, void *unused)
{
	if (!fault(s, F_SECOND_CENTRE, 0, NULL))
		return;
	s->smsc->centres[1].exists = true;
	comes_up(s, &s->smsc->centres[1]);
}

void smsc_configure(struct sim *s, struct smsr_cfg *cfg)
{
	for (unsigned int i = 0; i < CENTRES; i++)
		smsr_cfg_smsc_get(cfg, names[i]);
}

static void start(struct sim *s)
{
	struct smsc *m = s->smsc = talloc_zero(s->ctx, struct smsc);

	for (unsigned int i = 0; i < CENTRES; i++)
		m->centres[i].name = names[i];
	m->centres[0].exists = m->centres[0].up = true;
	m->receipts = choice(s, C_LATENCY, 0) % 2;
	INIT_LLIST_HEAD(&m->mo);
	INIT_LLIST_HEAD(&m->held);
	m->on_its_way = talloc_zero_array(m, unsigned int, s->plan->fleet);
	sim_at(s, s->now_ms + MINUTE_MS, second, NULL);
	sim_at(s, s->now_ms + TROUBLE_EVERY_MS, on_trouble, NULL);
}

static void calm(struct sim *s)
{
}

static const char *busy(struct sim *s)
{
	for (unsigned int i = 0; i < s->plan->fleet; i++) {
		if (s->smsc->on_its_way[i])
			return "messages are on their way";
	}
	return NULL;
}

const struct actor smsc_actor = {"smsc", start, calm, busy};
