/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service centre: control lines, one table from word to function.  For faults at run time and for looking at it. */
#include "lab/smsc/smsc_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define WORDS_MAX 4

struct line {
	const char *word[WORDS_MAX];
	unsigned n;
};

static char *ok(const void *ctx)
{
	return talloc_strdup(ctx, "ok\n");
}

static char *bad(const void *ctx, const char *why)
{
	return talloc_asprintf(ctx, "error %s\n", why);
}

/* "10%", "0.5%" or "off", in millionths. */
static int rate_arg(const char *word, unsigned *per_million)
{
	char *end;
	double v;

	if (strcmp(word, "off") == 0) {
		*per_million = 0;
		return 0;
	}
	v = strtod(word, &end);
	if (end == word || strcmp(end, "%") != 0 || !(v >= 0 && v <= 100))
		return -EINVAL;
	*per_million = (unsigned)(v * 10000 + 0.5);
	return 0;
}

/* Decimal or 0x, with an optional unit behind it. */
static int number_arg(const char *word, const char *unit, unsigned *value)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(word, &end, 0);
	if (end == word || word[0] == '-' || errno || v > UINT32_MAX || (*end && strcmp(end, unit) != 0))
		return -EINVAL;
	*value = (unsigned)v;
	return 0;
}

static int on_off_arg(const struct line *l, bool *value)
{
	if (l->n != 2 || (strcmp(l->word[1], "on") != 0 && strcmp(l->word[1], "off") != 0))
		return -EINVAL;
	*value = strcmp(l->word[1], "on") == 0;
	return 0;
}

/* ---- faults: WORD [mt|mo] VALUE ---- */

static const struct {
	const char *word;
	size_t off;
	bool is_delay;
} fault_words[] = {
	{"drop", offsetof(struct fault, drop), false},
	{"dup", offsetof(struct fault, dup), false},
	{"reorder", offsetof(struct fault, reorder), false},
	{"delay", offsetof(struct fault, delay_ms), true},
};

static int fault_value(bool is_delay, const char *word, unsigned *value)
{
	if (!is_delay)
		return rate_arg(word, value);
	if (strcmp(word, "off") != 0)
		return number_arg(word, "ms", value);
	*value = 0;
	return 0;
}

static char *cmd_fault(struct smsc *s, const void *ctx, const struct line *l)
{
	bool mt = l->n == 2 || (l->n == 3 && strcmp(l->word[1], "mt") == 0);
	bool mo = l->n == 2 || (l->n == 3 && strcmp(l->word[1], "mo") == 0);

	for (size_t i = 0; i < ARRAY_SIZE(fault_words); i++) {
		unsigned value;

		if (strcmp(fault_words[i].word, l->word[0]) != 0)
			continue;
		if ((!mt && !mo) || fault_value(fault_words[i].is_delay, l->word[l->n - 1], &value) < 0)
			break;
		if (mt)
			*(unsigned *)((uint8_t *)&s->fault[FAULT_MT] + fault_words[i].off) = value;
		if (mo)
			*(unsigned *)((uint8_t *)&s->fault[FAULT_MO] + fault_words[i].off) = value;
		return ok(ctx);
	}
	return bad(ctx, "drop|dup|reorder [mt|mo] N%|off; delay [mt|mo] Nms|off");
}

static char *cmd_throttle(struct smsc *s, const void *ctx, const struct line *l)
{
	unsigned rate = 0;

	if (l->n != 2 || (strcmp(l->word[1], "off") != 0 && (number_arg(l->word[1], "/s", &rate) < 0 || !rate)))
		return bad(ctx, "throttle N/s|off");
	s->rate_per_s = rate;
	s->in_second = 0;
	return ok(ctx);
}

static char *cmd_queue(struct smsc *s, const void *ctx, const struct line *l)
{
	if (l->n != 2 || number_arg(l->word[1], "", &s->cfg.queue_max) < 0)
		return bad(ctx, "queue N (0: full)");
	return ok(ctx);
}

static char *cmd_window(struct smsc *s, const void *ctx, const struct line *l)
{
	if (l->n != 2 || number_arg(l->word[1], "", &s->cfg.window) < 0)
		return bad(ctx, "window N");
	return ok(ctx);
}

static char *cmd_error(struct smsc *s, const void *ctx, const struct line *l)
{
	unsigned status = 0, rate = 0;

	if (l->n == 2 && strcmp(l->word[1], "off") == 0)
		s->error_rate = 0;
	else if (l->n == 3 && number_arg(l->word[1], "", &status) == 0 && status && rate_arg(l->word[2], &rate) == 0)
		s->error_rate = rate, s->error_status = status;
	else
		return bad(ctx, "error STATUS N%|off");
	return ok(ctx);
}

static char *cmd_refuse_coding(struct smsc *s, const void *ctx, const struct line *l)
{
	unsigned coding = 0;

	if (l->n != 2 || (strcmp(l->word[1], "off") != 0 && (number_arg(l->word[1], "", &coding) < 0 || coding > 255)))
		return bad(ctx, "refuse-coding 0xNN|off");
	s->refused_coding = strcmp(l->word[1], "off") == 0 ? -1 : (int)coding;
	return ok(ctx);
}

static char *cmd_silent(struct smsc *s, const void *ctx, const struct line *l)
{
	return on_off_arg(l, &s->silent) < 0 ? bad(ctx, "silent on|off") : ok(ctx);
}

static char *cmd_hold(struct smsc *s, const void *ctx, const struct line *l)
{
	struct phone *phone;

	if (on_off_arg(l, &s->hold) < 0)
		return bad(ctx, "hold on|off");
	llist_for_each_entry (phone, &s->phones, list)
		smsc_phone_touch(phone);
	return ok(ctx);
}

static char *cmd_alerts(struct smsc *s, const void *ctx, const struct line *l)
{
	return on_off_arg(l, &s->cfg.alerts) < 0 ? bad(ctx, "alerts on|off") : ok(ctx);
}

static char *cmd_seed(struct smsc *s, const void *ctx, const struct line *l)
{
	unsigned seed;

	if (l->n != 2 || number_arg(l->word[1], "", &seed) < 0)
		return bad(ctx, "seed N");
	s->chance = seed;
	return ok(ctx);
}

/* ---- sessions and phones ---- */

static char *cmd_kill_links(struct smsc *s, const void *ctx, const struct line *l)
{
	struct session *ses;
	unsigned n = 0;

	llist_for_each_entry (ses, &s->sessions, list) {
		n += ses->state != SESSION_ENDED;
		smsc_session_end(s, ses, "killed on request");
	}
	return talloc_asprintf(ctx, "ok %u closed\n", n);
}

static char *cmd_unbind(struct smsc *s, const void *ctx, const struct line *l)
{
	struct session *ses;
	unsigned n = 0;

	llist_for_each_entry (ses, &s->sessions, list) {
		if (ses->state != SESSION_BOUND)
			continue;
		smsc_send_header(s, ses, SMPP_UNBIND, 0, ++ses->seq);
		n++;
	}
	return talloc_asprintf(ctx, "ok %u unbound\n", n);
}

static char *cmd_restart(struct smsc *s, const void *ctx, const struct line *l)
{
	bool lost = l->n == 2 && strcmp(l->word[1], "lost") == 0;
	unsigned n = 0;

	if (l->n != 1 && !lost)
		return bad(ctx, "restart [lost]");
	talloc_free(cmd_kill_links(s, ctx, l));
	if (lost)
		n = smsc_mt_lose_all(s) + smsc_mo_lose_all(s);
	return talloc_asprintf(ctx, "ok %u messages lost\n", n);
}

static char *cmd_bar(struct smsc *s, const void *ctx, const struct line *l)
{
	struct phone *phone = l->n == 2 ? smsc_phone_by_imsi(s, l->word[1], strlen(l->word[1])) : NULL;
	struct air_msg msg = {.type = AIR_LOST};
	bool was_on;

	if (!phone)
		return bad(ctx, "bar|unbar IMSI");
	smsc_phone_touch(phone);
	phone->barred = strcmp(l->word[0], "bar") == 0;
	was_on = phone->attached;
	if (phone->barred && was_on) {
		smsc_phone_off(s, phone);
		memcpy(msg.imsi, phone->imsi, sizeof(msg.imsi));
		s->ops->radio(s->priv, &msg);
	}
	return ok(ctx);
}

static char *show_fault(char *text, const char *name, const struct fault *f)
{
	return talloc_asprintf_append(text, "fault %s drop %g%% dup %g%% reorder %g%% delay %ums\n", name,
				      f->drop / 10000.0, f->dup / 10000.0, f->reorder / 10000.0, f->delay_ms);
}

static char *cmd_status(struct smsc *s, const void *ctx, const struct line *l)
{
	const struct smsc_stats *st = &s->stats;
	struct session *ses;
	struct phone *phone;
	struct mo *mo;
	unsigned n_mo = 0;
	char *text;

	llist_for_each_entry (mo, &s->mos, list)
		n_mo++;
	text = talloc_asprintf(ctx, "ok\nsubmits %u refused %u delivered %u failed %u expired %u\n", st->submits,
			       st->refused, st->delivered, st->failed, st->expired);
	text = talloc_asprintf_append(text, "mo %u receipts %u answered %u waiting %u\n", st->mo, st->receipts,
				      st->mo_done, n_mo);
	text = talloc_asprintf_append(text, "dropped %u duplicated %u reordered %u\n", st->dropped, st->duplicated,
				      st->reordered);
	text = show_fault(show_fault(text, "mt", &s->fault[FAULT_MT]), "mo", &s->fault[FAULT_MO]);
	llist_for_each_entry (ses, &s->sessions, list)
		text = talloc_asprintf_append(text, "session %u %s%s%s %s held %u delivering %u\n", ses->id,
					      ses->state == SESSION_BOUND ? "bound" : "open",
					      ses->may_send ? " tx" : "", ses->may_receive ? " rx" : "", ses->account,
					      ses->held, ses->delivering);
	llist_for_each_entry (phone, &s->phones, list)
		text = talloc_asprintf_append(text, "phone %s %s %s%s queue %u%s\n", phone->imsi, phone->msisdn,
					      phone->attached ? "attached" : "off", phone->barred ? " barred" : "",
					      phone->n_queue, phone->in_air ? " in-air" : "");
	return text;
}

static char *cmd_help(struct smsc *s, const void *ctx, const struct line *l);

static const struct {
	const char *word;
	char *(*run)(struct smsc *s, const void *ctx, const struct line *l);
	const char *help;
} commands[] = {
	{"status", cmd_status, "what is going on"},
	{"drop", cmd_fault, "drop [mt|mo] N%|off      lose messages"},
	{"dup", cmd_fault, "dup [mt|mo] N%|off       double messages"},
	{"reorder", cmd_fault, "reorder [mt|mo] N%|off   hold single messages back"},
	{"delay", cmd_fault, "delay [mt|mo] Nms|off    hold all messages back"},
	{"throttle", cmd_throttle, "throttle N/s|off         ESME_RTHROTTLED above this rate"},
	{"queue", cmd_queue, "queue N                  ESME_RMSGQFUL above N waiting for a phone"},
	{"window", cmd_window, "window N                 unanswered submits for a session"},
	{"error", cmd_error, "error STATUS N%|off      refuse submits with this status"},
	{"refuse-coding", cmd_refuse_coding, "refuse-coding 0xNN|off   refuse one data_coding"},
	{"silent", cmd_silent, "silent on|off            never answer submits"},
	{"hold", cmd_hold, "hold on|off              send nothing to the phones"},
	{"alerts", cmd_alerts, "alerts on|off            alert_notification at attach"},
	{"kill-links", cmd_kill_links, "close every session"},
	{"unbind", cmd_unbind, "unbind every session"},
	{"restart", cmd_restart, "restart [lost]           close every session, lose the queues"},
	{"bar", cmd_bar, "bar IMSI                 refuse service"},
	{"unbar", cmd_bar, "unbar IMSI"},
	{"seed", cmd_seed, "seed N                   start chance anew"},
	{"help", cmd_help, "this list"},
};

static char *cmd_help(struct smsc *s, const void *ctx, const struct line *l)
{
	char *text = talloc_strdup(ctx, "ok\n");

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		text = talloc_asprintf_append(text, "%-14s %s\n", commands[i].word, commands[i].help);
	return text;
}

char *smsc_command(struct smsc *s, const void *ctx, const char *line, int64_t now_ms)
{
	char *copy = talloc_strdup(ctx, line), *save = NULL, *answer = NULL;
	struct line l = {.n = 0};

	s->now_ms = now_ms;
	for (char *w = strtok_r(copy, " \t\r\n", &save); w && l.n < WORDS_MAX; w = strtok_r(NULL, " \t\r\n", &save))
		l.word[l.n++] = w;
	for (size_t i = 0; l.n && !answer && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].word, l.word[0]) == 0)
			answer = commands[i].run(s, ctx, &l);
	}
	talloc_free(copy);
	return answer ? answer : bad(ctx, "unknown command, try help");
}
