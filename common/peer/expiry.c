/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/peer/expiry.h"

#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/app.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/es/es_codec.h"

#define DAY_MS (24 * 3600 * 1000LL)
#define WATCH_EVERY_S 3600

static const struct {
	enum expiry_level level;
	int64_t left_ms; /* at most */
	const char *words;
} levels[] = {
	{EXPIRY_OVER, 0, "is over"},
	{EXPIRY_1_DAY, DAY_MS, "ends within a day"},
	{EXPIRY_7_DAYS, 7 * DAY_MS, "ends within 7 days"},
	{EXPIRY_30_DAYS, 30 * DAY_MS, "ends within 30 days"},
};

enum expiry_level expiry_level(int64_t not_after_ms, int64_t at_ms)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (not_after_ms - at_ms <= levels[i].left_ms)
			return levels[i].level;
	}
	return EXPIRY_FAR;
}

const char *expiry_words(enum expiry_level level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (levels[i].level == level)
			return levels[i].words;
	}
	return "";
}

/* ---- lists ---- */

static void add(struct expiry_list *l, char *what, int64_t not_after_ms)
{
	l->items = talloc_realloc(l, l->items, struct expiry_item, (unsigned int)l->n + 1);
	OSMO_ASSERT(l->items);
	l->items[l->n++] = (struct expiry_item){talloc_steal(l, what), not_after_ms, EXPIRY_FAR};
}

static void add_trusted(void *list, const char *what, const struct x509 *cert)
{
	struct expiry_list *l = list;

	add(l, talloc_asprintf(l, "%s %s", what, x509_subject(cert)), x509_not_after_ms(cert));
}

void expiry_list_add(struct expiry_list *l, const char *what, int64_t not_after_ms)
{
	if (not_after_ms)
		add(l, talloc_strdup(l, what), not_after_ms);
}

struct expiry_list *expiry_list_alloc(const void *ctx, const char *tls_name, const struct tls *tls,
				      const struct trust *trust)
{
	struct expiry_list *l = talloc_zero(ctx, struct expiry_list);

	OSMO_ASSERT(l);
	if (tls)
		add(l, talloc_asprintf(l, "TLS certificate %s", tls_name), tls_not_after_ms(tls));
	if (trust)
		trust_visit(trust, add_trusted, l);
	return l;
}

void expiry_check(struct expiry_list *l, int64_t at_ms, expiry_warn_cb warn, void *priv)
{
	for (size_t i = 0; i < l->n; i++) {
		enum expiry_level level = expiry_level(l->items[i].not_after_ms, at_ms);

		if (level <= l->items[i].warned)
			continue;
		l->items[i].warned = level;
		warn(priv, &l->items[i]);
	}
}

static void log_item(const struct expiry_item *item)
{
	char *when = es_time_enc(NULL, item->not_after_ms);

	LOGP(DCERT, LOGL_NOTICE, "%s %s: %s\n", item->what, expiry_words(item->warned), when);
	talloc_free(when);
}

static void log_only(void *priv, const struct expiry_item *item)
{
	log_item(item);
}

void expiry_log(struct expiry_list *list, int64_t at_ms)
{
	expiry_check(list, at_ms, log_only, NULL);
}

/* ---- the daemon's watch ---- */

static void warn_all(void *watch, const struct expiry_item *item)
{
	struct expiry_watch *w = watch;
	char *when = es_time_enc(w->list, item->not_after_ms);
	char *value = talloc_asprintf(w->list, "%s,%s,%s", item->what, expiry_words(item->warned), when);

	log_item(item);
	w->warned(w->priv);
	app_trap("certificate-expiry", value);
	talloc_free(value);
	talloc_free(when);
}

static void look(void *watch)
{
	struct expiry_watch *w = watch;

	expiry_check(w->list, clock_stamp_ms(), warn_all, w);
	osmo_timer_schedule(&w->timer, WATCH_EVERY_S, 0);
}

void expiry_watch_start(struct expiry_watch *w, struct expiry_list *steal_list, void (*warned)(void *priv), void *priv)
{
	talloc_free(w->list);
	w->list = steal_list;
	w->warned = warned;
	w->priv = priv;
	osmo_timer_setup(&w->timer, look, w);
	/* Not at once: at start nobody could have connected to hear the traps. */
	osmo_timer_schedule(&w->timer, 1, 0);
}

void expiry_watch_stop(struct expiry_watch *w)
{
	osmo_timer_del(&w->timer);
}
